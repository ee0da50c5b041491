"""The CSV folder: one file a sheet with the workbook's headers, safe to open in a spreadsheet.

UTF-8 with a byte order mark: Excel reads a CSV file without one in the computer's legacy code page and turns every name
outside it into noise; everything else that reads CSV knows the mark (``encoding="utf-8-sig"`` in Python).
What a spreadsheet would run as a formula gets an apostrophe before it (CWE-1236): at the beginning of a cell, and inside
one after ``;``, ``|``, tab or line end, because Excel splits there in countries whose list separator is no comma. Lines
end with CR LF (RFC 4180).

A file that is there and has no rows means none. Where a source of a table was not read, there is no file, also where
some of its rows are known: a script that opens it fails, and cannot take a gap for "none". ``coverage.csv`` names the
source, its status and the tables that lose by it; the workbook and the page show the known rows, marked incomplete.
``findings.csv`` and ``apps.csv`` hold what the checks found: ``checks.csv`` says which of them gave no answer.
"""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

from auditor.audit.result import AuditRun
from reports.columns import CHANGES, SHEETS, Sheet, sheets_of
from reports.rows import Value
from reports.text import formula_like, iso_utc, visible, without_inner_formulas


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
    text = without_inner_formulas(visible(value))
    # The value is judged before control characters become visible, and tab and carriage return alone are risky too.
    return "'" + text if formula_like(value) or value.lstrip(" \n").startswith(("\t", "\r")) else text


def has_facts(run: AuditRun, *, slug: str) -> bool:
    """Whether the sheet with this slug has a file: not where one of its sources was not read, nor changes without a baseline."""
    sheet = _sheet(slug)
    return sheet in sheets_of(run) and not sheet.unread(run)


def _sheet(slug: str) -> Sheet:
    return next(sheet for sheet in (*SHEETS, CHANGES) if sheet.slug == slug)


def write_csv(run: AuditRun, path: Path, *, slug: str) -> None:
    """Write the sheet with this slug to ``path``.

    Raises:
        OSError: the file cannot be written.
    """
    sheet = _sheet(slug)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(sheet.headers)
        writer.writerows([cell(value) for value in row] for row in sheet.rows(run))
