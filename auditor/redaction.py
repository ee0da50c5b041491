"""What must never be shown, taken out of text: tokens of any form, values of fields named after secrets, tokens in use.

Knows no other file, so that whatever meets foreign text may use it: ``graph`` where an error of the server comes in,
``cli`` where a line goes out. Making text printable is the caller's work.
"""

from __future__ import annotations

import re

REDACTED = "[redacted]"
_GAP = r"(?:\s|%20|\+)+"
_SCHEMES = "Bearer|Basic|Digest|Negotiate|NTLM|PoP|SharedKey"
_HEADERS = re.compile(
    rf"(Authorization[\"']?\s*(?:[:=]|%3A|%3D)(?:\s|%20|[\"'])*(?:{_SCHEMES}){_GAP}"
    rf"|Bearer{_GAP}"
    rf"|Basic{_GAP}(?=[A-Za-z0-9+/]*[0-9=]))(?!\[redacted\])[^\s\"',;]+",
    re.IGNORECASE,
)
"""Credentials of an Authorization header, and whatever follows Bearer; after Basic alone, what looks like base64."""
_WEB_TOKENS = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))eyJ[\w.-]{5,}")
"""A JSON Web Token or the beginning of one. Its case and its place tell it from a name such as SurveyJavaScript."""
_FIELDS = re.compile(
    r"((?:secret|password|assertion|_token|[?&]code)(?:[\"']|%22)?\s*(?:[=:]|%3A|%3D)\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'&,;})]+)",
    re.IGNORECASE,
)
"""The values of fields that are named after secrets, in JSON, forms and Python's words."""
_FRAGMENT = 16
"""Characters of a token in use that are recognized in a row; fewer say nothing."""
_in_use: dict[str, frozenset[str]] = {}
"""Tokens in use in lower case, each with all its fragments; for this process alone, never stored or shown."""
_MOST_IN_USE = 32


def hide(secret: str) -> None:
    """From now on this text is redacted wherever this process redacts, also parts of it. The last 32 are remembered."""
    text = secret.lower()
    if len(text) < _FRAGMENT // 2 or text in _in_use:
        return
    while len(_in_use) >= _MOST_IN_USE:
        del _in_use[next(iter(_in_use))]
    _in_use[text] = frozenset(text[at : at + _FRAGMENT] for at in range(max(1, len(text) - _FRAGMENT + 1)))


def without_tokens(text: str) -> str:
    """A sentence of ours without tokens, should one have come in with a foreign message."""
    for secret, fragments in list(_in_use.items()):
        text = _without(text, secret, fragments)
    return _WEB_TOKENS.sub(REDACTED, _HEADERS.sub(rf"\1{REDACTED}", text))


def redact(text: str) -> str:
    """Foreign text without tokens, and without the values of fields that are named after secrets."""
    return _FIELDS.sub(rf"\1{REDACTED}", without_tokens(text))


def _without(text: str, secret: str, fragments: frozenset[str]) -> str:
    """Text without any part of a secret that is long enough to be told as one."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters outside ASCII grow when lowered, and no secret has them
        lowered = "".join(low if len(low := one.lower()) == 1 else one for one in text)
    size = min(_FRAGMENT, len(secret))
    shown: list[str] = []
    at = kept = 0
    while at <= len(lowered) - size:
        if lowered[at : at + size] not in fragments:
            at += 1
            continue
        shown += [text[kept:at], REDACTED]
        at += size
        while at < len(lowered) and lowered[at - size + 1 : at + 1] in fragments:
            at += 1
        kept = at
    return "".join([*shown, text[kept:]])
