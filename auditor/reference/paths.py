"""Graph paths and path templates as tokens: what the compiler writes and the catalog looks up.

``tokens`` turns a template of Microsoft's map, a template people write, or the URL of a real call into the same
form. Matching tokens against the map is the catalog's work; which permission a call needs is not decided here.

Forms (https://learn.microsoft.com/graph/use-the-api, https://learn.microsoft.com/graph/onedrive-addressing-driveitems):
``/users/{id}``, ``users/alice@contoso.com``, ``https://graph.microsoft.com/v1.0/users?$top=5``,
``applications(appId='…')``, ``range(address='A1:B2')``, ``drives/{id}/root:/folder/file.txt:/content``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from auditor.reference.clouds import CLOUDS

PLACEHOLDER = "{}"
"""The token of ``{id}`` in a template. A value of a real call keeps its own text."""

MAX_LENGTH = 16_384
"""Longer texts are no Graph paths (Graph and its front door refuse them earlier)."""
MAX_TOKENS = 64

_VERSION = re.compile(r"^(?:v1\.0|beta|stagingbeta|testprodbeta\w*)$", re.IGNORECASE)
_ORIGIN = re.compile(r"^[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)
_FUNCTION = re.compile(r"^([a-z][\w.]*)\((.*)\)$", re.DOTALL)
_KEY = re.compile(r"^(?:'.*'|\{[^{}]*\}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", re.DOTALL)
_NAMED = re.compile(r"^([a-z][\w.]*)\([a-z_]\w*(?:,[a-z_]\w*)*\)$")
_ARGUMENT = re.compile(r"\s*([A-Za-z_@][\w@]*)\s*=")
_PLACEHOLDER = re.compile(r"^(?:\{[^{}]*\}\}?|<[^<>]*>|:[a-z]\w*)$", re.IGNORECASE)
_KEYED = frozenset({"applications", "serviceprincipals", "users", "groups", "devices", "directoryobjects"})
_GRAPH_HOSTS = frozenset(cloud.graph_host for cloud in CLOUDS.values()) | {"canary.graph.microsoft.com"}


def tokens(path: str) -> tuple[str, ...] | None:
    """Return the lower-case tokens of a path, or None for a text that is no Graph path at all.

    A path may carry an origin, a version, a query and any casing. Placeholders become ``{}``; ``name(a=1,b=2)``
    becomes ``name(a,b)``; ``name('x')`` becomes ``name`` and ``x``; a drive path ``root:/a/b:`` becomes ``root:``
    and one value ``a/b:``. An absolute URL is taken if its host is Graph's in any cloud, or if a version follows
    the host (a proxy, the emulator). Never raises.
    """
    if len(path) > MAX_LENGTH:
        return None
    inner = _without_origin(path.strip())
    if inner is None:
        return None
    segments = _split(_without_query(inner).strip("/"))
    if segments and _VERSION.match(segments[0]):
        # A client that joins base and path with one slash too many is understood all the same.
        segments = segments[2:] if len(segments) > 2 and not segments[1] else segments[1:]
    if not segments or len(segments) > MAX_TOKENS or not all(segments):
        return None
    found: list[str] = []
    for segment in _join_drive_paths(segments):
        found.extend(_segment_tokens(segment))
    return tuple(found)


def is_value(token: str) -> bool:
    """Whether a token may stand where a template has ``{id}``: not ``$ref``, ``$value``, ``$count``, and no type cast."""
    return token == PLACEHOLDER or not (
        token.startswith(("$", "microsoft.graph.")) or token.endswith(":") or function_name(token) is not None
    )


def function_name(token: str) -> str | None:
    """Return ``name`` of ``name(a,b)``, or None where the token is no function or key with named arguments."""
    match = _NAMED.match(token)
    return match.group(1) if match is not None else None


def keyed(path: str) -> tuple[str, ...] | None:
    """Return the tokens of a path with alternate keys as plain ones: ``applications(appId={value})`` as ``applications/{id}``.

    For tables of ours that are about resources whatever way they are addressed; None for a text that is no Graph path.
    """
    found = tokens(path)
    if found is None:
        return None
    result: list[str] = []
    for token in found:
        name = function_name(token)
        result += [name, PLACEHOLDER] if name in _KEYED and "," not in token else [token]
    return tuple(result)


def template(parts: tuple[str, ...]) -> str:
    """Return tokens as a path template for people: ``/users/{id}/messages``, ``/applications(appid={value})``."""
    return "/" + "/".join(_display(part) for part in parts)


def _display(token: str) -> str:
    if token == PLACEHOLDER:
        return "{id}"
    if token == "{}:":  # noqa: S105 - a token of a path, not a secret
        return "{id}:"
    name = function_name(token)
    if name is None:
        return token
    arguments = token[len(name) + 1 : -1].split(",")
    return f"{name}({','.join(f'{argument}={{value}}' for argument in arguments)})"


def _without_origin(path: str) -> str | None:
    origin = _ORIGIN.match(path)
    if origin is None:
        return path
    host = origin.group(1).rpartition("@")[2].partition(":")[0].lower()
    rest = path[origin.end() :]
    first = re.split(r"[/?#]", rest.lstrip("/"), maxsplit=1)[0]
    return rest if host in _GRAPH_HOSTS or _VERSION.match(first) else None


def _without_query(path: str) -> str:
    """Cut the query: the first question mark outside a quoted argument (``search(q='why?')``)."""
    quoted = depth = 0
    for position, character in enumerate(path):
        if character == "?" and not (quoted and depth):
            return path[:position]
        if character == "(":
            depth += 1
        elif character == ")" and not quoted:
            depth = max(0, depth - 1)
        elif character == "'" and depth:
            quoted ^= 1
    return path if not (quoted or depth) else path.partition("?")[0]


def _split(path: str) -> list[str]:
    """Split at slashes outside of quoted arguments; where quotes or brackets do not pair up, at every slash."""
    path = path.replace("%27", "'")
    if "(" not in path:
        return [unquote(segment) for segment in path.split("/")]
    parts, start, depth, quoted = [], 0, 0, False
    for position, character in enumerate(path):
        if character == "'" and depth:
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == "/" and depth == 0:
            parts.append(path[start:position])
            start = position + 1
    if quoted or depth:
        parts = path.split("/")
    else:
        parts.append(path[start:])
    return [unquote(part) for part in parts]


def _join_drive_paths(segments: list[str]) -> list[str]:
    """Make one segment of the slashes between two colons: ``root:``, ``a``, ``b.txt:`` -> ``root:``, ``a/b.txt:``."""
    joined: list[str] = []
    rest = iter(segments)
    for segment in rest:
        joined.append(segment)
        if not segment.endswith(":"):
            continue
        inner: list[str] = []
        for part in rest:
            inner.append(part)
            if part.endswith(":"):
                break
        if inner:
            # A path that ends without a second colon names the item itself, as `root:/a:` does.
            joined.append("/".join(inner).rstrip(":") + ":")
    return joined


def _segment_tokens(segment: str) -> list[str]:
    text = segment.strip()
    if _PLACEHOLDER.match(text):
        return [PLACEHOLDER]
    if text.endswith(":"):
        return [f"{PLACEHOLDER}:"] if _PLACEHOLDER.match(text[:-1]) else [text.lower()]
    lower = text.lower()
    lower = f"microsoft.{lower}" if lower.startswith("graph.") else lower
    function = _FUNCTION.match(lower)
    if function is None:
        return [lower]
    name, inside = function.group(1), function.group(2).strip()
    if not inside:
        return [name]
    arguments = _arguments(inside)
    if arguments:
        return [f"{name}({','.join(sorted(arguments))})"]
    if not _KEY.match(inside):
        return [lower]
    value = inside.strip("'")
    return [name, PLACEHOLDER if _PLACEHOLDER.match(value) or not value else value]


def _arguments(inside: str) -> list[str]:
    """Return the argument names of ``a='x,y',b=2``; empty where the text is a bare key value such as ``'x'``."""
    names, position, depth = [], 0, 0
    while position < len(inside):
        match = _ARGUMENT.match(inside, position)
        if match is None:
            return []
        names.append(match.group(1).lstrip("@"))
        position, quoted = match.end(), False
        while position < len(inside):
            character = inside[position]
            if character == "'":
                quoted = not quoted
            elif not quoted and character in "([{":
                depth += 1
            elif not quoted and character in ")]}":
                depth -= 1
            elif not quoted and depth <= 0 and character == ",":
                break
            position += 1
        position += 1
    return names
