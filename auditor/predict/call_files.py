"""Files of calls: text with one call a line, ``.http`` and ``.rest`` files, HAR recordings of a browser or proxy.

Reads the file, tells its kind, opens ``$batch`` requests and removes what is there twice. The forms of ``.http`` files
are ``call_http``'s, of recordings ``call_har``'s, of one call ``call``'s. Headers, cookies, tokens, values of queries and
bodies are read past and never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from auditor.errors import InputError
from auditor.predict.call import Call, parse_call
from auditor.predict.call_batch import batched
from auditor.predict.call_har import recorded
from auditor.predict.call_http import written

MAX_BYTES = 200 * 2**20
"""Recordings are large; what is larger than this was recorded by mistake."""
MAX_TEXT_BYTES = 16 * 2**20
_MAX_NOTES = 20
_NUMBER_OF_LINE = re.compile(rb"\r\n|\r|\n")
_BATCH_LINE = re.compile(r"((?:beta\s*:\s*)?POST\s+\S*\$batch)\s+(\{.*\})", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class CallFile:
    """The calls of a file, each once, in their order."""

    calls: tuple[Call, ...]
    ignored: int = 0
    """Requests of the file that are no calls to judge: other hosts, sign-in, preflights, what cannot be read."""
    notes: tuple[str, ...] = ()
    """Sentences for people: what was assumed or could not be read."""

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls)


def read_calls(path: Path) -> CallFile:
    """Read the calls of a file; its name's ending and its content tell which kind it is.

    Raises InputError (one sentence with file, line where there is one, and what was expected) if it cannot be read, is
    too large, is damaged, or holds no call at all: nothing to judge must not look like nothing wrong.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        raise InputError("The name of the file of calls holds a character that no file name may have.") from None
    return calls_in(raw, str(path))


def calls_in(raw: bytes, name: str) -> CallFile:
    """Read the calls of a file's content; ``name`` as ``read_calls`` shows it (``-`` or ``stdin`` is text or a recording).

    Raises InputError as ``read_calls``.
    """
    if len(raw) > MAX_BYTES:
        raise InputError(f"{name} is too large, expected at most {MAX_BYTES // 2**20} MiB.")
    text = _decoded(raw, name)
    ending = Path(name).suffix.lower()
    if ending == ".har" or (ending not in (".http", ".rest") and text.lstrip().startswith("{")):
        found = _from_json(text, name, har=ending == ".har")
    elif len(raw) > MAX_TEXT_BYTES:
        raise InputError(f"{name} is too large for a file of calls, expected at most {MAX_TEXT_BYTES // 2**20} MiB.")
    elif ending in (".http", ".rest"):
        found = CallFile(*written(text, name))
    else:
        found = _from_lines(text, name)
    if not found.calls:
        others = f" ({found.ignored} requests of other kinds or to other hosts)" if found.ignored else ""
        raise InputError(f"{name} holds no call{others}, expected at least one such as GET /users.")
    notes = tuple(dict.fromkeys(found.notes))
    if len(notes) > _MAX_NOTES:
        notes = (*notes[:_MAX_NOTES], f"{name}: {len(notes) - _MAX_NOTES} more notes of this kind.")
    return replace(found, calls=tuple(dict.fromkeys(found.calls)), notes=notes)


def _decoded(raw: bytes, name: str) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_NUMBER_OF_LINE.findall(raw[: error.start])) + 1
        place = f", line {line}" if encoding == "utf-8-sig" else ""
        raise InputError(
            f"{name}{place}: this is not text, expected UTF-8 (or UTF-16 with a byte order mark)."
        ) from None
    if "\0" in text:
        raise InputError(f"{name}: this is not text, expected UTF-8 (or UTF-16 with a byte order mark).")
    return text


def _from_lines(text: str, name: str) -> CallFile:
    calls: list[Call] = []
    ignored = 0
    notes: list[str] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        entry = line.strip()
        if not entry or entry.startswith(("#", "//")):
            continue
        batch = _BATCH_LINE.fullmatch(entry)
        if batch is None:
            # A comment may follow the call; a JSON body may hold the same characters.
            if '"' not in entry:
                entry = re.split(r"\s#(?:\s|$)", entry, maxsplit=1)[0]
            calls.append(_at_line(entry, name, number))
            continue
        outer = _at_line(batch[1], name, number)
        inner, unread = batched(_json(batch[2], f"{name}, line {number}"), outer)
        calls += inner
        ignored += unread
        if unread:
            notes.append(f"{name}, line {number}: {unread} requests of the batch could not be read.")
    return CallFile(tuple(calls), ignored, tuple(notes))


def _at_line(text: str, name: str, number: int) -> Call:
    try:
        return parse_call(text)
    except InputError as error:
        raise InputError(f"{name}, line {number}: {error}") from None


def _from_json(text: str, name: str, *, har: bool) -> CallFile:
    """A recording, or the body of one ``$batch`` request."""
    content = _json(text, name)
    if not har and isinstance(content, dict) and "log" not in content and isinstance(content.get("requests"), list):
        inner, unread = batched(content, parse_call("POST /$batch"))
        notes = (f"{name}: {unread} requests of the batch could not be read.",) if unread else ()
        return CallFile(inner, unread, notes)
    return CallFile(*recorded(content, name))


def _json(text: str, name: str) -> Any:
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):  # its own words would repeat nothing, and help nobody
        raise InputError(
            f"{name}: this is not JSON that can be read, expected a HAR file or a $batch request."
        ) from None
