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

from auditor.errors import InputError
from auditor.predict.call import Call, parse_call
from auditor.predict.call_batch import batched
from auditor.predict.call_har import recorded
from auditor.predict.call_http import written
from auditor.predict.input_file import check_size, decoded, parsed, read_bytes

MAX_BYTES = 200 * 2**20
"""Recordings are large; what is larger than this was recorded by mistake."""
MAX_TEXT_BYTES = 16 * 2**20
_MAX_NOTES = 20
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
    return calls_in(read_bytes(path, MAX_BYTES), str(path))


def calls_in(raw: bytes, name: str) -> CallFile:
    """Read the calls of a file's content; ``name`` as ``read_calls`` shows it (``-`` or ``stdin`` is text or a recording).

    Raises InputError as ``read_calls``.
    """
    check_size(raw, name, MAX_BYTES)
    text = decoded(raw, name)
    ending = Path(name).suffix.lower()
    if ending == ".har" or (ending not in (".http", ".rest") and text.lstrip().startswith("{")):
        found = _from_json(text, name, har=ending == ".har")
    else:
        check_size(raw, name, MAX_TEXT_BYTES)
        found = CallFile(*written(text, name)) if ending in (".http", ".rest") else _from_lines(text, name)
    if not found.calls:
        others = f" (requests of other kinds or to other hosts: {found.ignored:,})" if found.ignored else ""
        raise InputError(f"{name} holds no call{others}, expected at least one such as GET /users.")
    notes = tuple(dict.fromkeys(found.notes))
    if len(notes) > _MAX_NOTES:
        notes = (*notes[:_MAX_NOTES], f"{name}: {len(notes) - _MAX_NOTES} more notes of this kind.")
    return replace(found, calls=tuple(dict.fromkeys(found.calls)), notes=notes)


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
        inner, unread = batched(parsed(batch[2], f"{name}, line {number},", "a $batch request"), outer)
        calls += inner
        ignored += unread
        if unread:
            notes.append(f"{name}, line {number}: requests of the batch that cannot be read: {unread:,}.")
    return CallFile(tuple(calls), ignored, tuple(notes))


def _at_line(text: str, name: str, number: int) -> Call:
    try:
        return parse_call(text)
    except InputError as error:
        raise InputError(f"{name}, line {number}: {error}") from None


def _from_json(text: str, name: str, *, har: bool) -> CallFile:
    """A recording, or the body of one ``$batch`` request."""
    content = parsed(text, name, "a HAR file or a $batch request")
    if not har and isinstance(content, dict) and "log" not in content and isinstance(content.get("requests"), list):
        inner, unread = batched(content, parse_call("POST /$batch"))
        notes = (f"{name}: requests of the batch that cannot be read: {unread:,}.",) if unread else ()
        return CallFile(inner, unread, notes)
    return CallFile(*recorded(content, name))
