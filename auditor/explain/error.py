"""An answer that refused a call, as people paste it: JSON in any nesting, headers, a status line, a client's rendering.

Reads the facts (status, codes, numbers, permissions, challenge) and keeps the message for matching alone: it is never
shown, for it may hold anything. What the facts mean is in ``errors.toml`` and ``reference.aadsts``.
https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.explain.challenge import Challenge, read_challenge
from auditor.explain.pasted import embedded_json, load_json, plain, walk, word
from auditor.explain.wanted import Named, named_permissions

MOST_CHARACTERS = 300_000
_REASONS = "Bad Request|Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Too Many Requests|Conflict"
_STATUS = (
    re.compile(r"\bHTTP/\d(?:\.\d)?\s+([1-5]\d\d)\b"),
    re.compile(
        r"[\"']?\b(?:http_?)?status(?:[ _-]?code)?[\"']?\s*(?:is|of|was)?\s*[:=]?\s*[\"'(]*([1-5]\d\d)\b", re.IGNORECASE
    ),
    re.compile(r"\(([45]\d\d)\)"),
    re.compile(rf"\b([45]\d\d) ?: (?:{_REASONS})", re.IGNORECASE),
    re.compile(rf"\b([45]\d\d)\W{{1,3}}(?:{_REASONS}|Client Error|Server Error|\()", re.IGNORECASE),
    re.compile(r"\b(?:error|code|returned|got|received)\W{1,3}(40\d|429|50[0-4])\b", re.IGNORECASE),
    re.compile(r"^\W*(40\d|429|50[0-4])\W", re.MULTILINE),
)
_REASON_STATUS = {"forbidden": 403, "unauthorized": 401, "notfound": 404, "badrequest": 400, "toomanyrequests": 429}
_CODE = re.compile(
    r"\b(?:(?:sub)?error|(?:error)?[_ ]?code)\b[\\\"']{0,8}\s*[:=]\s*(?:Some\(\s*)?[\\\"']{0,8}([A-Za-z][\w.]{2,79})\b"
    r"|^\W{0,4}\[([A-Z]\w+_\w+)\]",
    re.IGNORECASE | re.MULTILINE,
)
_AADSTS = re.compile(r"AADSTS(\d{4,8})", re.IGNORECASE)
_HEADER = re.compile(r"^[<*\s\"']{0,6}([A-Za-z][A-Za-z-]{2,40})[\"']?\s*:\s*(.*)$")
_CHALLENGE_CLAIMS = re.compile(r"\bclaims\\?[\"']?\s*[=:]\s*\\?[\"']?([\w+/=-]{16,20000})")
_PARAMETER = re.compile(
    r"\b(error|error_description|authorization_uri|client_id|trusted_issuers)\s*=\s*\\?\"([^\"\\]{1,400})"
)
_PLAIN_CODES = re.compile(r"\b([A-Z][A-Za-z]+_[A-Z][A-Za-z0-9]+|[A-Z][a-z]+(?:[A-Z][A-Za-z]+){1,8})\b")
_CALL = re.compile(
    r"\b(GET|POST|PATCH|PUT|DELETE)\b[\s'\"]{1,4}(?:https?://[^/\s'\"<>]{1,200})?/(v1\.0|beta)(/[^\s'\"<>?#]{0,1000})"
)


@dataclass(frozen=True)
class Error:
    """What an answer says, in values that are harmless to show (``text`` apart, which is for matching)."""

    status: int | None = None
    codes: tuple[str, ...] = ()
    """Error codes by their names, the most specific first."""
    aadsts: tuple[int, ...] = ()
    """Numbers of the sign-in service, in their order."""
    named: Named = field(default_factory=Named)
    challenge: Challenge | None = None
    has_challenge: bool = False
    """A claims challenge is there, readable or not."""
    retry_after: str = ""
    throttle_scope: str = ""
    diagnostics: str = ""
    request_id: str = ""
    call: str = ""
    """The call that was refused, where the text tells it: ``GET /users``."""
    is_empty: bool = False
    is_token: bool = False
    """A token was pasted where the answer belongs."""
    is_success: bool = False
    """The answer is a 2xx or has no sign of an error."""
    failures: int = 1
    """Failed answers of a batch; the first one is told."""
    text: str = ""
    """Everything, lower case and on one line. Never shown."""


def read_error(pasted: str) -> Error:
    """Reads an answer out of whatever was pasted. Never raises; what tells nothing gives an ``Error`` that says nothing."""
    pasted = pasted.replace("\0", "")[:MOST_CHARACTERS].strip()
    if not pasted:
        return Error(is_empty=True)
    value = load_json(pasted)
    objects = (
        walk(value) if isinstance(value, dict | list) else [one for part in embedded_json(pasted) for one in walk(part)]
    )
    parts, failures = _batch(objects)
    if parts is not None:
        objects = parts
    headers = _headers(pasted, objects)
    message = " ".join(_messages(objects)) or html.unescape(re.sub(r"<[^>]{0,300}>", " ", pasted))
    codes = _codes(objects, pasted, headers)
    status = _status(objects, pasted, codes)
    flat = " ".join(f"{message} {' '.join(headers.values())}".split())
    demanded, present = _demand(objects, pasted, headers)
    return Error(
        status=status,
        codes=codes,
        aadsts=_numbers(objects, pasted),
        named=named_permissions(" ".join(message.split())),
        challenge=demanded,
        has_challenge=present,
        retry_after=_short(headers.get("retry-after", ""), r"\d{1,6}|[A-Z][a-z]{2}, [\w: ]{10,30}"),
        throttle_scope=_short(headers.get("x-ms-throttle-scope", ""), r"[\w/ -]{1,120}"),
        diagnostics=plain(headers.get("x-ms-diagnostics", ""), 200),
        request_id=_short(
            headers.get("request-id", "") or _find(objects, "request-id", "requestid"), r"[0-9a-fA-F-]{36}"
        ),
        call=_call(pasted),
        is_success=_is_success(status, codes, objects, pasted),
        is_token=re.fullmatch(r"(?:Bearer\s+)?eyJ[\w.-]{40,}", pasted, re.IGNORECASE) is not None,
        failures=failures,
        text=(" ".join(pasted.split()) if parts is None else flat).lower(),
    )


def _batch(objects: list[dict[str, Any]]) -> tuple[list[dict[str, Any]] | None, int]:
    """The objects of the first failed answer of a batch, and how many failed; None where it is no batch."""
    for one in objects:
        responses = one.get("responses")
        if isinstance(responses, list):
            failed = [
                item for item in responses if isinstance(item, dict) and (_number(item.get("status")) or 0) >= 400
            ]
            return (walk(failed[0]) if failed else None), max(1, len(failed))
    return None, 1


def _messages(objects: list[dict[str, Any]]) -> Iterable[str]:
    names = {
        "message",
        "error_description",
        "value",
        "details",
        "reason",
        "detail",
        "description",
        "title",
        "suberror",
        "innermessage",
    }
    for one in objects:
        for name, content in one.items():
            if isinstance(content, str) and name.lower() in names:
                yield content


def _codes(objects: list[dict[str, Any]], pasted: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Codes of the objects, the innermost first; in plain text those that follow ``Code:``, and names of that shape."""
    found: list[str] = []
    for one in reversed(objects):
        for name, content in one.items():
            if name.lower() in ("suberror", "code", "errorcode", "error") and isinstance(content, str):
                found.append(content)
    for name, content in _PARAMETER.findall(headers.get("www-authenticate", "")):
        if name == "error":
            found.insert(0, content)
    if not objects:
        found += [one or other for one, other in _CODE.findall(pasted)]
        found += _PLAIN_CODES.findall(pasted[:20_000])
    found = [one.rsplit(", ", 1)[-1] for one in found]  # Exchange writes a class before the code here and there
    return tuple(
        dict.fromkeys(name for one in found if (name := word(one)) and name.lower() not in ("code", "message"))
    )[:30]


def _status(objects: list[dict[str, Any]], pasted: str, codes: tuple[str, ...]) -> int | None:
    for one in objects:
        for name, content in one.items():
            if name.lower().replace("_", "") in ("status", "statuscode", "httpstatus", "httpstatuscode"):
                number = _number(content)
                if number is not None:
                    return number
                if isinstance(content, str) and content.lower().replace(" ", "") in _REASON_STATUS:
                    return _REASON_STATUS[content.lower().replace(" ", "")]
    for one in objects:
        number = _number(one.get("code"))
        if number is not None:
            return number
    for pattern in _STATUS:
        match = pattern.search(pasted)
        if match:
            return int(match[1])
    reason = re.search(
        r"(?:status(?: ?code)?|indicate success)\s*[:=]?\s*\(?(forbidden|unauthorized|notfound|not found|badrequest|toomanyrequests)",
        pasted,
        re.IGNORECASE,
    )
    if reason:
        return _REASON_STATUS[reason[1].lower().replace(" ", "")]
    if len(pasted) < 40 and pasted.lower().replace(" ", "").strip(".!:") in _REASON_STATUS:
        return _REASON_STATUS[pasted.lower().replace(" ", "").strip(".!:")]
    return next((_REASON_STATUS[one.lower()] for one in codes if one.lower() in ("forbidden", "toomanyrequests")), None)


def _number(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[1-5]\d\d", value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599 else None


def _numbers(objects: list[dict[str, Any]], pasted: str) -> tuple[int, ...]:
    found = [int(one) for one in _AADSTS.findall(pasted)]
    for one in objects:
        numbers = one.get("error_codes")
        for number in numbers if isinstance(numbers, list) else ():
            if isinstance(number, int) and not isinstance(number, bool) and 1000 <= number < 10**9:
                found.append(number)
    return tuple(dict.fromkeys(found))[:10]


def _headers(pasted: str, objects: list[dict[str, Any]]) -> dict[str, str]:
    """Headers by name in lower case: of header lines, and of JSON objects that hold such names."""
    wanted = {
        "www-authenticate",
        "retry-after",
        "x-ms-throttle-scope",
        "x-ms-diagnostics",
        "request-id",
        "x-ms-throttle-information",
    }
    found: dict[str, str] = {}
    for line in pasted.splitlines()[:2000]:
        match = _HEADER.match(line[:20_000])
        if match and match[1].lower() in wanted:
            found.setdefault(match[1].lower(), match[2].strip())
    for one in objects:
        for name, content in one.items():
            if name.lower() in wanted and isinstance(content, str | int | list):
                text = " ".join(str(part) for part in content) if isinstance(content, list) else str(content)
                found.setdefault(name.lower(), text[:20_000])
    if "www-authenticate" not in found and (match := re.search(r"Bearer realm=.{0,20000}", pasted)):
        found["www-authenticate"] = match[0]
    return found


def _demand(objects: list[dict[str, Any]], pasted: str, headers: Mapping[str, str]) -> tuple[Challenge | None, bool]:
    """The claims challenge of an answer, and whether there is one at all."""
    candidates: list[object] = [one["claims"] for one in objects if "claims" in one]
    candidates += _CHALLENGE_CLAIMS.findall(headers.get("www-authenticate", ""))
    candidates += _CHALLENGE_CLAIMS.findall(pasted)
    candidates += [one for one in objects if isinstance(one.get("access_token"), dict)]
    for candidate in candidates[:20]:
        demanded = read_challenge(candidate)
        if demanded is not None:
            return demanded, True
    return None, "insufficient_claims" in pasted.lower()


def _find(objects: list[dict[str, Any]], *names: str) -> str:
    for one in objects:
        for name, content in one.items():
            if name.lower() in names and isinstance(content, str):
                return content
    return ""


def _short(text: str, pattern: str) -> str:
    """A text if it is of the form that is expected there, else nothing."""
    text = text.strip()[:200]
    return text if re.fullmatch(pattern, text) else ""


def _call(pasted: str) -> str:
    """The call that an answer was given to, as clients print it before or behind; only names and ``{id}`` are kept."""
    match = _CALL.search(pasted[:50_000])
    if not match:
        return ""
    kept = [
        part if re.fullmatch(r"[A-Za-z$]{1,40}(?:\([^)]{0,60}\))?", part) else "{id}"
        for part in match[3].strip("/").split("/")
    ]
    prefix = "beta:" if match[2] == "beta" else ""
    return f"{prefix}{match[1]} /{'/'.join(kept)}" if all(kept) else ""


def _is_success(status: int | None, codes: tuple[str, ...], objects: list[dict[str, Any]], pasted: str) -> bool:
    if status is not None:
        return 200 <= status < 300
    return (
        bool(objects)
        and not codes
        and not _AADSTS.search(pasted)
        and any("value" in one or "@odata.context" in one for one in objects)
    )
