"""Reviews out of an earlier workbook: what people wrote in the columns at the right of Findings, by fingerprint.

The file comes from people and may be anything: it is read with bounds, formulas are not calculated (their last result
counts), and every way in which it is no workbook of ours is one sentence.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from auditor.audit.result import Review
from auditor.errors import InputError
from reports.columns import FINDINGS, PAST_REVIEWS

MAX_PARTS = 5_000
MAX_PART, MAX_WORKBOOK = 1 << 30, 4 << 30
"""Bytes of a part and of the workbook, unpacked. A workbook of a million rows has less than a quarter of it."""
MAX_RATIO = 250
"""Bytes that a packed byte may unpack to in a large part; real sheets stay below a tenth of it."""
_LARGE = 8 << 20
_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 400
_FINGERPRINT = re.compile("[0-9a-f]{16,64}")
_KEY = FINDINGS.column("Fingerprint").header
_TITLE = re.compile(rf"({FINDINGS.title}|{PAST_REVIEWS.title})( [0-9]+)?")
_FIELDS: Mapping[str, str] = {
    column.header: column.field.removeprefix("review_") for column in FINDINGS.columns if column.reviewer
}
_ABOUT = {
    "Severity": "severity", "Check": "check", "App name": "display_name", "App ID": "app_id", "Permission": "permission",
    "Summary": "summary",
}  # fmt: skip
"""What the row says of the finding, for the time when it is gone."""


@dataclass(frozen=True)
class Reviews:
    """What an earlier workbook holds."""

    file: Path
    tenant_id: str | None
    """None where its Read me does not say."""
    by_fingerprint: Mapping[str, Review]
    remarks: Sequence[str] = ()
    """Sentences about rows that could not be taken."""


def read_reviews(file: Path) -> Reviews:
    """The reviews of an earlier ``audit.xlsx``; rows that nobody wrote on are left out.

    Sheets and columns may have been sorted, filtered, moved and added to; the headers of the interface are what counts.

    Raises:
        InputError: the file cannot be read, or is no workbook that Graph Auditor wrote.
    """
    _refuse_bombs(file)
    try:
        with warnings.catch_warnings():
            # openpyxl tells of parts that it leaves out, which nobody here needs.
            warnings.simplefilter("ignore")
            return _read(file)
    except InputError:
        raise
    except Exception:  # a damaged part makes the library fail in any way it likes
        raise InputError(
            f"{file}: --review expects a workbook that Graph Auditor wrote, and this one is damaged."
        ) from None


def _refuse_bombs(file: Path) -> None:
    """A file that is no package, or that unpacks to more than any audit does."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except OSError as error:
        raise InputError(f"{file}: the workbook of --review cannot be read ({error.strerror or error}).") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputError(
            f"{file}: --review expects an .xlsx workbook without a password, and this file is none."
        ) from None
    large = any(part.file_size > max(_LARGE, MAX_RATIO * part.compress_size) for part in parts)
    sizes = [part.file_size for part in parts]
    if large or len(parts) > MAX_PARTS or max(sizes, default=0) > MAX_PART or sum(sizes) > MAX_WORKBOOK:
        raise InputError(f"{file}: the workbook of --review unpacks to more than any audit does, and is not read.")


def _read(file: Path) -> Reviews:
    from openpyxl import load_workbook

    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        sheets = [ws for ws in book.worksheets if _TITLE.fullmatch(ws.title)]
        if not any(ws.title == FINDINGS.title for ws in sheets):
            raise InputError(
                f"{file}: --review expects a workbook with the sheet {FINDINGS.title}, and this one has none."
            )
        tally = _Tally()
        for ws in sheets:
            tally.take(_records(file, ws))
        tenant = _tenant(book["Read me"]) if "Read me" in book.sheetnames else None
        return Reviews(file, tenant, tally.found, tally.remarks(file))
    finally:
        book.close()


def _rows(ws: Any, columns: int) -> Iterator[tuple[Any, ...]]:
    ws.reset_dimensions()  # what the file says of its size may be anything
    yield from ws.iter_rows(max_row=_MAX_ROWS, max_col=columns, values_only=True)


def _records(file: Path, ws: Any) -> Iterator[dict[str, Any]]:
    """The rows of a sheet by header, as far as they matter here."""
    rows = _rows(ws, _MAX_COLUMNS)
    header = [str(value).strip() if value is not None else "" for value in next(rows, ())]
    missing = [name for name in (_KEY, *_FIELDS) if name not in header]
    if missing:
        raise InputError(
            f"{file}: the sheet {ws.title} has no column {missing[0]} in its first row, which --review needs."
        )
    places = {name: header.index(name) for name in (_KEY, *_FIELDS, *_ABOUT) if name in header}
    for row in rows:
        yield {name: row[at] for name, at in places.items()}


class _Tally:
    """Reviews found so far, and what could not be taken."""

    def __init__(self) -> None:
        self.found: dict[str, Review] = {}
        self.nameless = 0
        self.doubled = 0

    def take(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add the rows of one sheet."""
        for record in records:
            written = {field: _value(record[name]) for name, field in _FIELDS.items()}
            if not any(written.values()):
                continue
            key = str(record[_KEY] or "").strip().lower()
            if not _FINGERPRINT.fullmatch(key):
                self.nameless += 1
                continue
            about = {field: _text(_value(record.get(name))) for name, field in _ABOUT.items()}
            texts = {field: _text(value) for field, value in written.items() if field != "due"}
            review = Review(fingerprint=key, due=written["due"], **texts, **about)
            if key not in self.found:
                self.found[key] = review
            elif self.found[key].written != review.written:
                self.doubled += 1

    def remarks(self, file: Path) -> list[str]:
        """One sentence for each kind of row that was left out."""
        told = []
        if self.nameless:
            told.append(
                f"{file}: rows with a review and without a fingerprint cannot be carried over: {self.nameless:,}."
            )
        if self.doubled:
            told.append(
                f"{file}: rows with another review of the same finding were left out, the first counts: {self.doubled:,}."
            )
        return told


def _value(value: Any) -> str | date | None:
    """A cell as a reviewer's value: a day stays a day, everything else is text."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    # The escape for what looks like one of Excel's own escapes.
    return str(value).replace("_x005F_", "_").strip() or None


def _text(value: str | date | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value


def _tenant(ws: Any) -> str | None:
    """The tenant id that Read me tells near its top."""
    for number, row in enumerate(_rows(ws, 2)):
        if row[:1] == ("Tenant ID",) and isinstance(row[1], str):
            return row[1].strip()
        if number > 100:
            break
    return None
