"""A call that an app makes, as people write it: ``beta:PATCH /users/{id} {passwordProfile}``.

Parses and shows calls. How a call is written is ``auditor.call_parts``'s, files of calls are ``call_files``'s; which
permission a call needs is ``authorization``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from auditor.call_parts import FIELD, call_parts, shown_call
from auditor.errors import InputError
from auditor.predict.call_query import filtered_properties, named_properties
from auditor.redaction import REDACTED, redact
from auditor.reference.clouds import CLOUDS

Version = Literal["v1.0", "beta"]

GRAPH_HOSTS = frozenset(cloud.graph_host for cloud in CLOUDS.values()) | {"canary.graph.microsoft.com"}

_VERSION = re.compile(r"/+(v1\.0|beta)(?=/|$)", re.IGNORECASE)
_GRAPH = re.compile(rf"/+(?:{'|'.join(map(re.escape, sorted(GRAPH_HOSTS)))})()(?=/|$)", re.IGNORECASE)
"""Graph's host where a path begins: an address without its scheme."""
_LOCAL_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?|\{[^{}]*\}")
"""The emulator's addresses, and a placeholder; with a version behind it, it stands for Graph."""
_VARIABLE = re.compile(r"\$(?!(?:ref|value|count|batch|metadata|entity|links|all)\b)([A-Za-z]\w*)", re.IGNORECASE)
_TOKEN_ARGUMENT = re.compile(r"([(,]\s*token\s*=)(?:\s*'[^']*'?|[^,)]*)", re.IGNORECASE)
_SECRET = re.compile(
    r"eyJ[\w-]{6,}"  # a JSON Web Token
    r"|(?<![\w.~-])[\w.~-]{3}\dQ~[\w.~-]{30,}"  # a client secret of Entra
    r"|Bearer",
    re.IGNORECASE,
)
_UNSAFE = re.compile(r"[ ?#]")
_SHARE = re.compile(r"(/shares/)[us]![^/]*", re.IGNORECASE)
"""An encoded sharing address opens what it names."""
_VALUED = {"entitytypes": "entityTypes", "resource": "resource"}
"""Body fields whose value decides, by their names in lower case; other values are never kept."""


@dataclass(frozen=True)
class Call:
    """One call of an app to an API."""

    text: str
    """The call in its normal form, shown in every report and part of fingerprints: ``GET /users``,
    ``beta:GET /me``, ``PATCH /users/{id} {passwordProfile}``. No tokens, no query values beyond property names."""
    method: str
    """Upper case."""
    path: str
    """With a leading slash, without origin, version and query, in the letters it was written in: ``/users/{id}/messages``."""
    version: Version = "v1.0"
    body: frozenset[str] = frozenset()
    """Body fields that may decide: ``passwordProfile``; with a value where it decides: ``entityTypes=site``,
    ``resource=me/messages``."""
    query: frozenset[str] = frozenset()
    """Properties named in ``$select``, ``$filter``, ``$orderby`` and ``$expand``: ``signInActivity``."""
    host: str | None = None
    """Host of an absolute URL that is not Microsoft Graph's in any cloud (``graph.windows.net``); None for Graph."""
    filtered: frozenset[str] = frozenset()
    """Those of ``query`` that ``$filter`` or ``$orderby`` name: services refuse these where they only leave others out."""


def parse_call(text: str) -> Call:
    """Read a call as people write it: ``GET /users``, a full URL of any cloud, body fields or a JSON body behind it.

    Text that stands where a token or another secret would be shown is replaced by ``{id}``; values of the query and of
    the body are not kept. Raises InputError with one sentence, which repeats no query, body or token.
    """
    try:
        parts = call_parts(text)
    except ValueError as error:
        raise InputError(f"{shown_call(text)} is not a call, expected {error}.") from None
    host, path, version = _addressed(parts.host, parts.path, parts.version)
    path = _clean(path)
    body = parts.body
    fields = _json_fields(body, path) if isinstance(body, Mapping) else _named_fields(body)
    return call(
        parts.method, path, version, fields, named_properties(parts.query), host, filtered_properties(parts.query)
    )


def call(
    method: str,
    path: str,
    version: Version = "v1.0",
    body: Iterable[str] = (),
    query: Iterable[str] = (),
    host: str | None = None,
    filtered: Iterable[str] = (),
) -> Call:
    """The call made of parts that are in normal form already, with its text."""
    fields, properties, conditions = frozenset(body), frozenset(query), frozenset(filtered)
    text = f"beta:{method} " if version == "beta" else f"{method} "
    text += f"https://{host}{path}" if host else path
    options = {"$select": properties - conditions, "$filter": conditions}
    if properties:
        text += "?" + "&".join(f"{option}={','.join(sorted(names))}" for option, names in options.items() if names)
    if fields:
        text += f" {{{', '.join(sorted(fields))}}}"
    return Call(text, method, path, version, fields, properties, host, conditions)


def body_fields(body: Any, path: str) -> frozenset[str]:
    """Fields of a JSON body that may decide, as ``Call.body`` has them; empty for what is no JSON object."""
    return frozenset(_json_fields(body, path)) if isinstance(body, Mapping) else frozenset()


def _addressed(host: str | None, path: str, version: str | None) -> tuple[str | None, str, Version]:
    """Host (None for Graph), path and version. A version in the path wins over one before the method."""
    if host is not None and host not in GRAPH_HOSTS and not (_LOCAL_HOST.fullmatch(host) and _VERSION.match(path)):
        return host, path, "v1.0"
    found = version or "v1.0"
    while (match := _VERSION.match(path) or _GRAPH.match(path)) is not None:
        found, path = (match[1] or found).lower(), path[match.end() :]
    return None, path, "beta" if found == "beta" else "v1.0"


def _clean(path: str) -> str:
    """The path with one leading slash and none at its end, printable, its placeholders in braces, without secrets."""
    path = redact(_SHARE.sub(r"\1{id}", _TOKEN_ARGUMENT.sub(r"\1{value}", path)))
    return "/" + "/".join(_segment(segment) for segment in path.strip("/").split("/"))


def _segment(segment: str) -> str:
    if REDACTED in segment or _SECRET.search(segment):
        return "{id}:" if segment.endswith(":") else "{id}"
    variable = _VARIABLE.fullmatch(segment)
    if variable is not None:  # $userId of a script
        return f"{{{variable[1]}}}"
    if segment.isascii() and segment.isprintable() and not _UNSAFE.search(segment):
        return segment
    return "".join(one if one.isprintable() and one not in " ?#" else quote(one, errors="replace") for one in segment)


def _named_fields(items: Iterable[tuple[str, str]]) -> Iterable[str]:
    for name, value in items:
        if name.lower() == "isassignabletorole" and value.lower() == "false":
            continue
        yield from _field(name, value if name.lower() in _VALUED else "")


def _json_fields(body: Mapping[str, Any], path: str) -> Iterable[str]:
    """Names of the top-level fields; of a search what is searched, of a subscription what it is for.

    https://learn.microsoft.com/graph/api/search-query, https://learn.microsoft.com/graph/api/subscription-post-subscriptions
    """
    last = path.rpartition("/")[2].lower()
    for name, value in body.items():
        lower = name.lower()
        if lower == "isassignabletorole" and value is False:
            continue
        if lower == "resource" and last == "subscriptions" and isinstance(value, str):
            yield from _field(name, value)
        elif lower == "requests" and path.lower().endswith("/search/query"):
            yield from _entity_types(value)
        else:
            yield from _field(name, "")


def _entity_types(requests: Any) -> Iterable[str]:
    for request in requests if isinstance(requests, list) else ():
        types = request.get("entityTypes") if isinstance(request, Mapping) else None
        for name in types if isinstance(types, list) else ():
            if isinstance(name, str):
                yield from _field("entityTypes", name)


def _field(name: str, value: str) -> Iterable[str]:
    """A field in its normal form; nothing where it cannot be shown."""
    if not FIELD.fullmatch(name) or _SECRET.search(name):
        return
    wanted = _clean("".join(value[:512].partition("?")[0].split()))[1:].replace(",", "%2C")
    if wanted:
        yield f"{_VALUED.get(name.lower(), name)}={wanted}"
    else:
        yield name
