"""HAR recordings (browser developer tools, proxies): the requests to Microsoft Graph in them, ids made alike.

Format: http://www.softwareishard.com/blog/har-12-spec/. Only method, address and the names of a JSON body's fields are
taken; what one person's recording happens to hold twice with other ids is one call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from auditor.call_parts import METHODS
from auditor.errors import InputError
from auditor.predict.call import GRAPH_HOSTS, Call, call
from auditor.predict.call_batch import batched, is_batch, with_body

AAD_GRAPH_HOSTS = frozenset(
    ("graph.windows.net", "graph.microsoftazure.us", "graph.chinacloudapi.cn", "graph.cloudapi.de")
)
"""Azure AD Graph, the retired predecessor. https://learn.microsoft.com/graph/migrate-azure-ad-graph-overview"""

_HOST = re.compile(r"https?://(?:[^/?#@]*@)?([^/?#:]*)", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEY = re.compile(r"(\w+)\((.*)\)", re.DOTALL)


def recorded(content: Any, name: str) -> tuple[tuple[Call, ...], int, tuple[str, ...]]:
    """The calls of a parsed recording, how many requests were ignored, and notes.

    Raises InputError if it is no recording.
    """
    log = content.get("log") if isinstance(content, Mapping) else None
    entries = log.get("entries") if isinstance(log, Mapping) else None
    if not isinstance(entries, list):
        raise InputError(f"{name} is no recording, expected a HAR file: an object log with an array entries.")
    calls: list[Call] = []
    ignored = unreadable = 0
    for entry in entries:
        request = entry.get("request") if isinstance(entry, Mapping) else None
        found, unread, damaged = _request(request) if isinstance(request, Mapping) else ((), 1, False)
        calls += found
        ignored += unread
        unreadable += damaged
    notes = []
    if unreadable:
        notes.append(f"{name}: bodies that cannot be read, so that their fields are not known: {unreadable:,}.")
    return alike(calls), ignored, tuple(notes)


def _request(request: Mapping[str, Any]) -> tuple[tuple[Call, ...], int, bool]:
    """Calls, ignored requests, and whether a body could not be read."""
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str) or not isinstance(url, str) or method.upper() not in METHODS:
        return (), 1, False  # OPTIONS: a browser's preflight
    host = _HOST.match(url)
    if host is None or host[1].lower() not in GRAPH_HOSTS | AAD_GRAPH_HOSTS:
        return (), 1, False
    body, damaged = _body(request.get("postData"))
    read = with_body(method, url, body)
    if read is None:
        return (), 1, False
    if not is_batch(read):
        return (read,), 0, damaged
    inner, unread = batched(body, read)
    return inner, unread if inner or unread else 1, damaged


def _body(data: Any) -> tuple[Any, bool]:
    text = data.get("text") if isinstance(data, Mapping) else None
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None, False  # a file, a form, nothing: no fields that decide
    try:
        return orjson.loads(text), False
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None, True


def alike(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Each call once, in their order; calls that differ in ids alone become one, with ``{id}`` in their place."""
    groups: dict[Call, list[Call]] = {}
    for one in calls:
        path = _template(one.path)
        key = call(one.method, path.lower(), one.version, one.body, one.query, one.host, one.filtered)
        groups.setdefault(key, []).append(one)
    merged = []
    for group in groups.values():
        first = group[0]
        if all(one.path.lower() == first.path.lower() for one in group):
            merged.append(first)
        else:
            path = _template(first.path)
            merged.append(call(first.method, path, first.version, first.body, first.query, first.host, first.filtered))
    return tuple(merged)


def _template(path: str) -> str:
    path = re.sub(r":/[^:]*(:|$)", r":/{path}\1", path)  # root:/folder/file.txt:/content
    return "/" + "/".join(_placeholder(segment) for segment in path[1:].split("/"))


def _placeholder(segment: str) -> str:
    key = _KEY.fullmatch(segment)
    if key is not None:  # applications(appId='…'), messages('…')
        return f"{key[1]}({_arguments(key[2])})"
    if segment.startswith(("$", "microsoft.graph.")) or segment.endswith(":") or not _is_id(segment):
        return segment
    return "{id}"


def _arguments(inside: str) -> str:
    if "=" not in inside.partition("'")[0]:
        return "'{id}'" if inside else ""
    return re.sub(r"=\s*(?:'[^']*'|[^,)']*)", "={value}", inside)


def _is_id(segment: str) -> bool:
    """Whether a segment looks like the id of an object: a GUID, a user's name, a number, a long word with digits."""
    digits = sum(character.isdecimal() for character in segment)
    return (
        segment.startswith("{")
        or _GUID.fullmatch(segment) is not None
        or "@" in segment
        or "%40" in segment
        or digits == len(segment)
        or (len(segment) >= 16 and digits >= 3)
    )
