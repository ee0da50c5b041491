"""How a call is written: ``beta:PATCH /users/{id}?$select=id {passwordProfile}`` taken apart, and shown in errors.

The one grammar of calls, for the configuration (``auditor.values``) and the predictor (``auditor.predict.call``). What
the parts mean (Graph or another API, which properties a query names, which body fields decide) is said there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.redaction import redact

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_LENGTH = 16_384
"""Longer texts are no calls that people write; Graph's front door refuses longer addresses."""

FIELD = re.compile(r"[A-Za-z_@#$][\w.@#$-]{0,127}", re.ASCII)
"""A body field's name; also ``owners@odata.bind``."""
_ITEM = re.compile(rf"({FIELD.pattern})(?:\s*=\s*([^,\s]{{1,512}}))?", re.ASCII)
_HEAD = re.compile(r"(?:(beta|v1\.0)\s*:\s*)?([A-Za-z]+)\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)")
_HOST = re.compile(r"(?:[A-Za-z0-9.{}_-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_PROTOCOL = re.compile(r"\sHTTP/\d(?:\.\d)?$", re.IGNORECASE)
_BODY = re.compile(r"\s\{")
_WORD = re.compile(r"[A-Za-z]+$")
_OPERATORS = frozenset(("eq", "ne", "gt", "ge", "lt", "le", "and", "or", "not", "in", "has"))
"""After one of these a brace is a value of ``$filter``, not the body."""
_GUEST = re.compile("#EXT#", re.IGNORECASE)
_SPACED = re.compile(r"[{<]\s*(\w+)[^{}<>/]*[}>]")
"""A placeholder of the documentation's kind: ``{id | userPrincipalName}``, ``<user id>``."""
_FIRST = re.compile(r"/|[A-Za-z{<$%]")

_EXAMPLE = 'a method and a path such as "GET /users"'
_BODY_FORM = "body fields in braces such as {passwordProfile}, or a JSON object, at the end of the call"


@dataclass(frozen=True)
class CallParts:
    """A call taken apart, nothing judged yet."""

    method: str
    """One of METHODS."""
    version: str | None
    """``beta`` or ``v1.0`` as written before the method, lower case; None where nothing is."""
    host: str | None
    """Host (and port) of an absolute URL, lower case, without user information; None for a bare path."""
    path: str
    """Without origin, query and fragment; with the version if it was written there; white space as ``%20``."""
    query: str
    """As written, without the question mark. Its values are not for showing."""
    body: Mapping[str, Any] | tuple[tuple[str, str], ...]
    """A JSON object, or pairs of name and value (empty where none is given)."""


def call_parts(text: str) -> CallParts:
    """Take a call apart.

    Raises ValueError whose text says what was expected, without repeating what was given.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"{_EXAMPLE} of at most {MAX_LENGTH} characters")
    head = _HEAD.fullmatch(text.strip())
    if head is None:
        raise ValueError(_EXAMPLE)
    method = head[2].upper()
    if method not in METHODS:
        raise ValueError(f'one of the methods {", ".join(METHODS)}, then a path, such as "GET /users"')
    target, body = _without_body(head[3])
    host, rest = _without_origin(_PROTOCOL.sub("", target))
    path, query = _split(_GUEST.sub("%23EXT%23", rest))
    if any(option.startswith("=") for option in query.split("&")):
        raise ValueError("a name before each = of the query; between double quotes a shell takes $select away")
    version = head[1].lower() if head[1] else None
    return CallParts(method, version, host, path, query, _fields(body))


def shown_call(text: str) -> str:
    """The beginning of a call as an error message shows it: quoted, printable, cut, without query, body or token."""
    head = re.split(r"\?|\s\{", text.strip()[:MAX_LENGTH], maxsplit=1)[0]
    if redact(head) != head or re.search(r"eyJ|Bearer|[^\s/]{64}", head):
        return "the text given (not shown, it may hold a token)"
    printable = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in head)
    return f'"{printable[:60]}…"' if len(printable) > 60 or len(head) < len(text.strip()) else f'"{printable}"'


def _without_body(text: str) -> tuple[str, str]:
    """Split at the first brace after white space, unless an operator of ``$filter`` stands before it."""
    for match in _BODY.finditer(text):
        before = text[: match.start()].rstrip()
        word = _WORD.search(before[-8:])
        if word is not None and word[0].lower() in _OPERATORS:
            continue
        body = text[match.start() :].strip()
        if not body.endswith("}"):
            raise ValueError(_BODY_FORM)
        return before, body
    return text.strip(), ""


def _without_origin(target: str) -> tuple[str | None, str]:
    origin = _ORIGIN.match(target)
    if origin is None:
        if not _FIRST.match(target):
            raise ValueError(_EXAMPLE)
        return None, target if target.startswith("/") else f"/{target}"
    host = origin[2].rpartition("@")[2].lower()
    if origin[1].lower() not in ("http", "https") or not _HOST.fullmatch(host):
        raise ValueError("a path such as /users, or an address such as https://graph.microsoft.com/v1.0/users")
    return host.removesuffix(":443"), target[origin.end() :]


def _split(rest: str) -> tuple[str, str]:
    """Split into path and query, both without fragment."""
    cut = _query_at(rest)
    path, query = rest[:cut], rest[cut + 1 :].partition("#")[0]
    path = re.sub(
        r"\}+", "}", re.sub(r"(?<![#$])[#$]*\{[#${]*", "{", path)
    )  # ${id}, #{id} and {{id}} of other languages
    fragment = path.find("#")
    if fragment >= 0:
        path, query = path[:fragment], ""
    path = _SPACED.sub(lambda found: f"{{{found[1]}}}" if re.search(r"[\s|]", found[0]) else found[0], path).strip()
    if re.search(r"\s", path) and not re.search(r":/|'", path):
        raise ValueError("one method and one path without spaces, body fields in braces may follow")
    return re.sub(r"\s", "%20", path), query


def _query_at(rest: str) -> int:
    """Where the query begins: the first question mark outside of a quoted argument (``search(q='why?')``)."""
    quoted, depth = False, 0
    for position, character in enumerate(rest):
        if character == "?" and not (quoted and depth):
            return position
        if character == "(" and not quoted:
            depth += 1
        elif character == ")" and not quoted:
            depth = max(0, depth - 1)
        elif character == "'" and depth:
            quoted = not quoted
    return len(rest) if not (quoted or depth) or "?" not in rest else rest.index("?")


def _fields(body: str) -> Mapping[str, Any] | tuple[tuple[str, str], ...]:
    inside = body[1:-1].strip()
    if not inside:
        return ()
    if inside.startswith('"'):
        import json

        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            raise ValueError(_BODY_FORM) from None
        if isinstance(parsed, dict):
            return parsed
    items = [_ITEM.fullmatch(item.strip()) for item in inside.split(",")]
    if not all(items):
        raise ValueError(_BODY_FORM)
    return tuple((item[1], item[2] or "") for item in items if item)
