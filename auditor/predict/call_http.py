"""``.http`` and ``.rest`` files, as Visual Studio Code's REST Client and JetBrains' HTTP Client read them.

Requests are separated by ``###``; ``@name = value`` sets a variable, ``{{name}}`` uses it. Headers are read past: their
Authorization may hold a token. What a variable that is not set stands for becomes a placeholder.
Formats: https://github.com/Huachao/vscode-restclient, https://www.jetbrains.com/help/idea/exploring-http-syntax.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from auditor.call_parts import MAX_LENGTH, METHODS
from auditor.errors import InputError
from auditor.predict.call import Call, body_fields, call, parse_call
from auditor.predict.call_batch import batched, deciding, is_batch
from auditor.predict.call_har import AAD_GRAPH_HOSTS

_SET = re.compile(r"@([\w.-]{1,100})\s*=\s*(.*)")
_USE = re.compile(r"\{\{([^{}]{0,200})\}\}")
_SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|apikey|api_key|code|assertion|cookie|authori[sz]ation|credential", re.I
)
_OTHER_METHODS = re.compile(
    r"(?:HEAD|OPTIONS|TRACE|CONNECT|LOCK|UNLOCK|PROPFIND|GRAPHQL|WEBSOCKET|GRPC|RSOCKET|curl)\s", re.I
)
_METHOD = re.compile(rf"({'|'.join(METHODS)})\s+(\S.*)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://|/|\{", re.IGNORECASE)
_UNSET_ORIGIN = re.compile(r"(?:https?://)?\{([^{}]*)\}(?::\d+)?(?=/|$)", re.IGNORECASE)
_HOST_HEADER = re.compile(r"Host\s*:\s*([A-Za-z0-9.-]{1,253}(?::\d{1,5})?)\s*", re.IGNORECASE)
_MOST_USES, _MOST_DEPTH, _MOST_LENGTH = 200, 10, 2048
"""Beyond these a variable counts as not set: values that use variables could make a text grow without end."""
_MICROSOFT_APIS = (
    ("outlook.office365.com", "outlook.office.com", "manage.office.com", "management.azure.com")
    + ("management.usgovcloudapi.net", "management.chinacloudapi.cn", "management.core.windows.net")
    + (".sharepoint.com", ".sharepoint.us", ".sharepoint.cn", ".dynamics.com", ".vault.azure.net")
)
"""Hosts (or their endings) of Microsoft's other APIs: calls with a token that may be made for the wrong one."""


@dataclass
class _Request:
    """One request of the file, its lines sorted."""

    line: int
    target: str
    host: str = ""
    body: list[str] = field(default_factory=list)


def written(text: str, name: str) -> tuple[tuple[Call, ...], int, tuple[str, ...]]:
    """The calls of a file, how many requests were ignored, and notes.

    Raises InputError with file and line for a request that cannot be read.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    variables = _Variables(lines)
    calls: list[Call] = []
    notes: list[str] = []
    ignored = 0
    for request in _requests(lines, name):
        if request.target == "":
            ignored += 1
            continue
        found, unread = _calls(request, variables, name, notes)
        calls += found
        ignored += unread
    return tuple(calls), ignored, tuple(notes)


class _Variables:
    """The file's variables; those named after secrets are never used. Values may use variables."""

    def __init__(self, lines: list[str]) -> None:
        matches = (_SET.fullmatch(line.strip()) for line in lines if "@" in line)
        self._given = {match[1]: match[2].strip() for match in matches if match and not _SECRET_NAME.search(match[1])}
        self._known: dict[str, str] = {}

    def filled(self, text: str) -> str:
        """Text with the variables' values; what is not set, or grows without end, becomes ``{name}``."""
        if "{{" not in text:
            return text
        few = text.count("{{") <= _MOST_USES
        return _USE.sub(lambda found: self._value(found[1].strip(), 0) if few else _unset(found[1]), text)

    def _value(self, name: str, depth: int) -> str:
        if name in self._known:
            return self._known[name]
        value = self._given.get(name)
        if value is None or depth == _MOST_DEPTH or len(value) > _MOST_LENGTH:
            return _unset(name)
        self._known[name] = _unset(name)  # what a variable that uses itself stands for
        filled = _USE.sub(lambda found: self._value(found[1].strip(), depth + 1), value)
        if len(filled) <= _MOST_LENGTH:
            self._known[name] = filled
        return self._known[name]


def _unset(name: str) -> str:
    words = re.findall(r"[A-Za-z]\w*", name)
    return f"{{{words[-1] if words else 'id'}}}"


def _requests(lines: list[str], name: str) -> Iterator[_Request]:
    """Sort lines into requests. A request that is no HTTP call of a known method has no target."""
    request: _Request | None = None
    part = "before"
    script = False
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if line.startswith("###"):
            if request is not None:
                yield request
            request, part, script = None, "before", False
        elif script or (line.startswith(("< {%", "> {%")) and part in ("before", "body")):
            script = not line.endswith("%}")  # a script before the request, or one that handles its answer
        elif request is None or part == "before":
            if line and not line.startswith(("#", "//")) and not _SET.fullmatch(line):
                request, part = _Request(number, _target(line, name, number)), "address"
        elif part == "address" and line and (line[0] in "?&" or raw[0] in " \t"):
            request.target += line if request.target and len(request.target) < MAX_LENGTH else ""
        elif part in ("address", "headers"):
            part = "headers" if line else "body"
            host = _HOST_HEADER.fullmatch(line)
            if host is not None:
                request.host = host[1]
        elif not line.startswith(("> ", ">> ", "<> ")):
            request.body.append(raw)
    if request is not None:
        yield request


def _target(line: str, name: str, number: int) -> str:
    """``METHOD address`` of a request line; without a method it is GET; empty for what is none of our calls."""
    line = re.sub(r"\sHTTP/\d(?:\.\d)?$", "", line).strip()
    if _METHOD.fullmatch(line):
        return line
    if _OTHER_METHODS.match(line):
        return ""
    if _ADDRESS.match(line):
        return f"GET {line}"
    raise InputError(
        f"{name}, line {number}: this is no request, expected a method and an address such as GET https://…."
    )


def _calls(request: _Request, variables: _Variables, name: str, notes: list[str]) -> tuple[tuple[Call, ...], int]:
    place = f"{name}, line {request.line}"
    method, _, address = request.target.partition(" ")
    address = variables.filled(address.strip())
    unset = _UNSET_ORIGIN.match(address)
    if unset is not None:
        address = address[unset.end() :]
        if not address:
            notes.append(f"{place}: its whole address is a variable that is not set in the file, so it is not judged.")
            return (), 1
        notes.append(f"{place}: its host is a variable that is not set in the file, taken as Microsoft Graph's.")
    elif address.startswith("/") and request.host:
        address = f"https://{request.host}{address}"
    try:
        read = parse_call(f"{method} {address}")
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    if read.host is not None and not _is_api(read.host):
        return (), 1
    body, problem = _body(request.body, variables)
    if problem:
        notes.append(f"{place}: {problem}, so its fields are not known.")
    if is_batch(read):
        inner, unread = batched(body, read)
        return inner, unread if inner or unread else 1
    fields = deciding(body_fields(body, read.path))
    return (call(read.method, read.path, read.version, read.body | fields, read.query, read.host, read.filtered),), 0


def _is_api(host: str) -> bool:
    name = host.partition(":")[0]
    return name in AAD_GRAPH_HOSTS or any(
        name == api or (api.startswith(".") and name.endswith(api)) for api in _MICROSOFT_APIS
    )


def _body(lines: list[str], variables: _Variables) -> tuple[Any, str]:
    """The parsed JSON body, or None and why it could not be read; both empty where there is none."""
    text = "\n".join(lines).strip()
    if text.startswith("< "):
        return None, "its body is in another file"
    if not text.startswith("{") or text.startswith("{{"):
        return None, ""
    for filled in (variables.filled(text), _USE.sub("0", text)):  # a number may be a variable, without quotes
        try:
            return orjson.loads(filled), ""
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            continue
    return None, "its body is not JSON that can be read"
