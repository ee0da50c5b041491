"""What people paste: bytes of a file to text, a value to one harmless line. Nothing here knows what the text means.

PowerShell writes UTF-16, terminals wrap lines, and both a token file and an error file may hold anything at all.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import orjson

from auditor.redaction import redact

MOST_BYTES = 1 << 20
"""A file larger than this is no token and no error."""
_DEEPEST = 30
_MOST_NODES = 20_000
_LONGEST = 100_000
"""Characters of an object inside other text, at most."""
_MOST_PASSES = 8
"""A text is read so many times for objects in it, at most: braces that nothing closes would each lead through all of it."""
_WORDS = re.compile(r"[a-z]?(?:[A-Z]?[a-z]{2,}|[A-Z]{1,8}(?![a-z])|[A-Z][a-z](?=[A-Z._-]|$)|\d{1,4}|[._-])++")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
"""Words of letters, abbreviations, short numbers. Random letters begin a new word at every other one."""
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def to_text(raw: bytes) -> str:
    """The text of a pasted file, whatever wrote it: UTF-8 or UTF-16, with or without byte order mark."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    if raw[1:2] == b"\0" and raw[3:4] == b"\0":
        return raw.decode("utf-16-le", errors="replace")
    return raw.decode("utf-8-sig", errors="replace")


def plain(value: object, limit: int = 120) -> str:
    """A foreign value as one line of ours: printable, single spaces, no token or secret, ``limit`` characters at most."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[:4000])
    text = redact(" ".join(text.split()))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def word(value: object) -> str:
    """A foreign name such as an error code or a permission, or the empty string for what is none.

    Names are letters, digits, dots, dashes and underscores, at most 80 of them, in words as people write them; what looks
    random (a key, a part of a token) is none, so that nothing secret is shown where a name is expected.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][\w.-]{0,79}", value, re.ASCII):
        return ""
    if not _WORDS.fullmatch(value) or redact(value) != value:
        return ""
    return value if len(value) < 16 or len(value) >= 3 * len(_WORD.findall(value)) else ""


def load_json(text: str) -> Any:
    """The JSON value that the text is, or None."""
    try:
        return orjson.loads(text.strip().encode("utf-8", errors="replace"))
    except orjson.JSONDecodeError:
        return None


def embedded_json(text: str) -> list[Any]:
    """JSON objects inside other text, outermost ones, in their order; at most 20."""
    found: list[Any] = []
    at = 0
    left = _MOST_PASSES * len(text)
    while len(found) < 20 and left > 0 and (start := text.find("{", at)) >= 0:
        end = _closing(text, start)
        left -= (end if end > 0 else min(len(text), start + _LONGEST)) - start + 1
        value = load_json(text[start : end + 1]) if end > 0 else None
        if isinstance(value, dict):
            found.append(value)
            at = end + 1
        else:
            at = start + 1
    return found


def _closing(text: str, start: int) -> int:
    """Where the brace at ``start`` is closed, strings minded; -1 if it is not within so many characters."""
    depth, quoted, escaped = 0, False, False
    for at in range(start, min(len(text), start + _LONGEST)):
        character = text[at]
        if quoted:
            escaped, quoted = character == "\\" and not escaped, quoted and (character != '"' or escaped)
        elif character == '"':
            quoted = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return at
    return -1


def walk(value: Any) -> list[dict[str, Any]]:
    """Every object inside a JSON value, outer before inner, JSON in strings included; as many as an error ever has."""
    found: list[dict[str, Any]] = []
    waiting: deque[tuple[Any, int]] = deque([(value, 0)])
    seen = 0
    while waiting and seen < _MOST_NODES:
        node, depth = waiting.popleft()
        seen += 1
        if depth > _DEEPEST:
            continue
        if isinstance(node, dict):
            found.append(node)
            waiting += [(child, depth + 1) for child in node.values()]
        elif isinstance(node, list):
            waiting += [(child, depth + 1) for child in node]
        elif isinstance(node, str) and "{" in node:
            inner = load_json(node)
            waiting += [(part, depth + 1) for part in ([inner] if isinstance(inner, dict) else embedded_json(node))]
    return found
