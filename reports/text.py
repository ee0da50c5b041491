"""Tenant text made safe to show: what it says stays, what it could do to a reader or a format becomes visible.

Names in a tenant are written by anybody who may register an app. Control characters, lone surrogates and the
characters that reorder text are shown as escapes; ordinary right-to-left text and emoji are left alone.
``audit.json`` carries the text as it is and does not come here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)

_BLANK = "\\s\u00ad\u115f\u1160\u180e\u200b-\u200d\u2060-\u2064\u2800\u3164\ufeff\uffa0"
"""White space, and what is as good as invisible, for use inside a character class."""
_OPERATOR = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
"""Characters that begin a formula; the full-width forms do it in East Asian settings."""
_FORMULA = re.compile(f"[{_BLANK}]*{_OPERATOR}")
_FORMULA_WITHIN = re.compile(f'([;|\\t\\n][{_BLANK}"]*)(?={_OPERATOR})')

DEEPEST = 40
"""Levels of a JSON value that are told. Graph's own values have fewer than ten; what lies deeper is an attack."""
TOO_DEEP = f"[nested deeper than {DEEPEST} levels]"

CUT_MARK = " … [cut: {} characters in all]"


def visible(text: str) -> str:
    """The text with every character that cannot or must not be shown replaced by an escape.

    Control characters become their pictures (NUL is ``␀``), others ``\\u202e`` and the like. Tab and line feed stay;
    carriage return before line feed is dropped.
    """
    if _UNSHOWABLE.search(text) is None:
        return text
    return _UNSHOWABLE.sub(_escape, text.replace("\r\n", "\n"))


def formula_like(text: str) -> bool:
    """Whether a spreadsheet may take a cell that begins so for a formula (CWE-1236), blanks in front or not."""
    return _FORMULA.match(text) is not None


def without_inner_formulas(text: str) -> str:
    """The text with an apostrophe before whatever would begin a formula if a spreadsheet split the text at ``;``, ``|``,
    tab or line end, as it does with a comma-separated file where the list separator is another character.
    """
    return _FORMULA_WITHIN.sub(r"\1'", text)


def terminal_json(document: str) -> str:
    """A JSON document that says the same and holds nothing that a terminal obeys or that reorders what is read.

    Such characters stand in strings alone, where JSON's own escapes mean the same.
    """
    return _UNSHOWABLE.sub(_json_escape, document)


def _json_escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """``visible`` text on one line: line feeds and tabs become spaces."""
    return " ".join(visible(text).split())


def cut(text: str, limit: int) -> str:
    """The text, or its beginning with a mark that says how long it was, never longer than ``limit`` UTF-16 units.

    Excel counts a character outside the Basic Multilingual Plane as two.
    """
    if len(text) * 2 <= limit or _units(text) <= limit:
        return text
    mark = CUT_MARK.format(f"{len(text):,}")
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (limit - len(mark))].decode("utf-16-le", "ignore")
    return kept + mark


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def iso_utc(moment: datetime) -> str:
    """``2026-11-22T15:00:00Z``; a time without a zone is taken for UTC."""
    aware = moment.astimezone(UTC) if moment.tzinfo else moment
    return (
        aware.strftime("%Y-%m-%dT%H:%M:%SZ")
        if aware.year >= 1000
        else f"{aware:%Y}".zfill(4) + aware.strftime("-%m-%dT%H:%M:%SZ")
    )


def spoken_utc(moment: datetime) -> str:
    """``2026-11-22 15:00 UTC``, for people."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def words(value: object, depth: int = 0) -> str:
    """A JSON value as text for a person: lists joined with ``; ``, mappings as ``key: value``, never Python's repr.

    ``depth`` is the number of lists and mappings around the value; past ``DEEPEST`` it is not told.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (Mapping, list, tuple, set, frozenset)) and depth >= DEEPEST:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return "; ".join(
            f"{key}: {words(item, depth + 1)}" for key, item in value.items() if item not in (None, "", [], {})
        )
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return "; ".join(filter(None, (words(item, depth + 1) for item in items)))
    return str(value)


def is_web_link(text: str) -> bool:
    """Whether a text may be made a link: ``https`` alone, no spaces or control characters, at most 2,000 characters."""
    return text.startswith("https://") and len(text) <= 2000 and not re.search(r"[\s\x00-\x1f\"<>]", text)


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 finding``, ``1,200 findings``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
