"""The CSV folder: one file a sheet with the workbook's headers, safe to open in a spreadsheet.

UTF-8 with a byte order mark: Excel reads a CSV file without one in the computer's legacy code page and turns every name
outside it into noise; everything else that reads CSV knows the mark (``encoding="utf-8-sig"`` in Python).
Cells that a spreadsheet would run as a formula get a leading apostrophe (CWE-1236). Lines end with CR LF (RFC 4180).
"""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

from auditor.audit.result import AuditRun
from reports.columns import SHEETS
from reports.rows import Value
from reports.text import iso_utc, visible

_RISKY = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet run a cell; the full-width forms do it in East Asian settings."""


def cell(value: Value) -> str:
    """One value as CSV text: empty for None, TRUE and FALSE, ISO times in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        return str(value)
    # A carriage return at the start is judged before it becomes visible.
    text = visible(value)
    return "'" + text if value.lstrip(" \n").startswith(_RISKY) or text.lstrip(" \n").startswith(_RISKY) else text


def write_csv(run: AuditRun, path: Path, *, slug: str) -> None:
    """Write the sheet with this slug to ``path``.

    Raises:
        OSError: the file cannot be written.
    """
    sheet = next(sheet for sheet in SHEETS if sheet.slug == slug)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(sheet.headers)
        writer.writerows([cell(value) for value in row] for row in sheet.rows(run))
