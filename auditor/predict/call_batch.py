"""The requests inside of a JSON batch: ``POST /$batch`` needs no permission itself, what it carries does.

Form: https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.call_parts import METHODS
from auditor.errors import InputError
from auditor.predict.call import Call, body_fields, call, parse_call
from auditor.predict.rules import deciding_fields


def is_batch(outer: Call) -> bool:
    """Whether a call is a JSON batch of Microsoft Graph."""
    return outer.host is None and outer.method == "POST" and outer.path.lower() == "/$batch"


def batched(content: Any, outer: Call) -> tuple[tuple[Call, ...], int]:
    """The calls in a batch's body, of the version of the batch, and how many requests could not be read. Never raises."""
    requests = content.get("requests") if isinstance(content, Mapping) else None
    calls: list[Call] = []
    unread = 0
    for request in requests if isinstance(requests, list) else ():
        inner = _inner(request, outer) if isinstance(request, Mapping) else None
        if inner is None:
            unread += 1
        else:
            calls.append(inner)
    return tuple(calls), unread


def _inner(request: Mapping[str, Any], outer: Call) -> Call | None:
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not isinstance(url, str) or method.upper() not in METHODS:
        return None
    read = with_body(method, url if "://" in url else "/" + url.lstrip("/"), request.get("body"))
    return read if read is None or read.host else _of_version(read, url, outer)


def _of_version(read: Call, url: str, outer: Call) -> Call:
    """Addresses in a batch are relative to its version."""
    if "://" in url or outer.version == "v1.0":
        return read
    return call(read.method, read.path, outer.version, read.body, read.query, filtered=read.filtered)


def deciding(fields: frozenset[str]) -> frozenset[str]:
    """The fields of a recorded body that decide what some call needs. A recording has all of them, and most say nothing."""
    return frozenset(name for name in fields if name.partition("=")[0].lower() in deciding_fields())


def with_body(method: str, address: str, body: Any) -> Call | None:
    """The call of a recorded request whose body is parsed already; None where it is no call."""
    try:
        read = parse_call(f"{method} {address.replace(' ', '%20')}")
    except InputError:
        return None
    fields = deciding(body_fields(body, read.path))
    return call(read.method, read.path, read.version, fields, read.query, read.host, read.filtered) if fields else read
