"""Files that people hand in: read up to a size, decoded, parsed as JSON; one sentence for everything that is wrong.

What is in them is for ``call_files`` and ``manifest``. No message repeats content.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson

from auditor.errors import InputError

_LINE_END = re.compile(rb"\r\n|\r|\n")
_TEXT = "expected text in UTF-8 (or UTF-16 with a byte order mark)"


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file of at most ``most`` bytes. Raises InputError naming the file."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None
    except ValueError:
        raise InputError("A file's name holds a character that no file name may have.") from None
    check_size(raw, str(path), most)
    return raw


def check_size(raw: bytes, name: str, most: int) -> None:
    """Raise InputError if content is larger than ``most`` bytes."""
    if len(raw) > most:
        raise InputError(f"{name} is too large, expected at most {most // 2**20} MiB.")


def decoded(raw: bytes, name: str) -> str:
    """Text in UTF-8, with or without a byte order mark, or in UTF-16 with one. Raises InputError naming file and line."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            text = raw.decode("utf-16")
        except UnicodeDecodeError:
            raise InputError(f"{name} is not text, {_TEXT}.") from None
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = len(_LINE_END.findall(raw[: error.start])) + 1
            raise InputError(f"{name}, line {line}, is not text, {_TEXT}.") from None
    if "\0" in text:
        raise InputError(f"{name} is not text, {_TEXT}.")
    return text


def parsed(text: str, name: str, expected: str) -> Any:
    """Parsed JSON. Raises InputError naming the file and what was expected; the parser's own words are left out."""
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise InputError(f"{name} is not JSON that can be read, expected {expected}.") from None
