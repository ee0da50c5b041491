"""The workbook: every data sheet as one Excel table, designed here and filled row by row (``xlsx_stream``).

The two sheets for people in front are in ``xlsx_cover`` and ``xlsx_summary``, looks in ``xlsx_style``, columns in
``columns``, the finished file in ``xlsx_package``. Rules that
Excel enforces and that are easy to break: a table brings its own filter and the sheet must not have a second one; header
cells equal the table's column names; table names are unique in the book; at most 65,530 links a sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo

from auditor.audit.result import AuditRun
from reports import xlsx_cover, xlsx_package, xlsx_style, xlsx_summary
from reports.columns import PAST_REVIEWS, Column, Sheet, sheets_of
from reports.text import one_line, spoken_utc
from reports.xlsx_stream import Bulk

MAX_ROWS = 1_048_576
"""Rows that Excel holds in a sheet, the header included."""
MAX_LINKS = 65_000
"""Links written on a sheet before the rest stays plain text; Excel's own limit is 65,530."""
_PRINTED = 312
"""Characters across that fit a page in letters large enough to read."""
_WIDE = 220
"""Characters across from which a sheet is set up for A3 paper."""
_A3, _A4 = 8, 9


@dataclass(frozen=True)
class Part:
    """One sheet of the book: the facts of a ``Sheet``, or as many of them as fit."""

    sheet: Sheet
    number: int
    """1, 2, …"""
    size: int
    """Rows of facts."""

    @property
    def title(self) -> str:
        """Name of the sheet in the book."""
        return self.sheet.title if self.number == 1 else f"{self.sheet.title} {self.number}"

    @property
    def table(self) -> str:
        """Name of its table, which formulas use."""
        name = "tbl" + self.sheet.title.replace(" ", "")
        return name if self.number == 1 else f"{name}_{self.number}"


def write_xlsx(run: AuditRun, path: Path, *, max_rows: int = MAX_ROWS, max_links: int = MAX_LINKS) -> None:
    """Write the workbook to ``path``.

    Args:
        run: the result to tell.
        path: the file; its name may end in anything.
        max_rows: rows of a sheet, header included; more facts continue on a second sheet.
        max_links: links of a sheet; past it they are plain text.

    Raises:
        OSError: the file cannot be written.
    """
    book = Workbook(write_only=True)
    with TemporaryFile() as design:
        try:
            results, bulk = _fill(book, run, max_rows, max_links)
            book.save(design)
        except BaseException:
            _abandon(book)
            raise
        xlsx_package.finish(design, path, results, bulk)


def _fill(
    book: Workbook, run: AuditRun, max_rows: int, max_links: int
) -> tuple[dict[str, dict[str, int]], dict[str, Bulk]]:
    """Design all sheets; returns results of formulas and rows still to be written, by part of the package."""
    book.properties.title = f"Graph permission audit of {one_line(run.tenant_name)[:200]}".encode(
        "utf-8", "replace"
    ).decode()
    book.properties.creator = f"Graph Auditor {run.tool_version}"
    past = (PAST_REVIEWS,) if PAST_REVIEWS.count(run) else ()
    sheets = (*sheets_of(run), *past)
    parts = {sheet.slug: list(_parts(sheet, sheet.count(run), max_rows)) for sheet in sheets}
    tables = {slug: [part.table for part in some] for slug, some in parts.items()}
    xlsx_cover.read_me(book, run, sheets)
    results = xlsx_summary.summary(book, run, tables)
    bulk = {}
    for sheet in sheets:
        rows = sheet.rows(run)
        for part in parts[sheet.slug]:
            makers = _design_part(book, run, part)
            if part.size:
                bulk[_name(len(book.worksheets))] = Bulk(
                    sheet.columns, makers, islice(rows, part.size), part.size, max_links
                )
    return {_name(2): results}, bulk


def _name(number: int) -> str:
    """The part of the package that holds the sheet with this number."""
    return f"xl/worksheets/sheet{number}.xml"


def _abandon(book: Workbook) -> None:
    """Closes the sheets of a book that is not finished and takes their temporary files away.

    Left to the garbage collector, openpyxl's generators end in the wrong order and complain on standard error.
    """
    for ws in book.worksheets:
        sheet: Any = ws
        # A sheet that is closed already, or that broke in the middle of a row, refuses; the others must still close.
        with suppress(Exception):
            sheet.close()
        if sheet._writer is not None:
            with suppress(OSError, ValueError):
                sheet._writer.cleanup()


def _parts(sheet: Sheet, count: int, max_rows: int) -> Iterator[Part]:
    room = max_rows - 1
    for number in range(1, max(1, -(-count // room)) + 1):
        yield Part(sheet, number, max(0, min(room, count - room * (number - 1))))


def _design_part(book: Workbook, run: AuditRun, part: Part) -> list[xlsx_style.CellMaker]:
    """A data sheet without its rows; returns what makes their cells, a maker a column."""
    ws: Any = book.create_sheet(part.title)
    columns = part.sheet.columns
    ws.freeze_panes = f"{get_column_letter(part.sheet.frozen + 1)}2"
    for index, column in enumerate(columns, 1):
        ws.column_dimensions[get_column_letter(index)].width = column.width
    ws.row_dimensions[1].height = 30
    _set_up_page(ws, run, columns, part)
    ws.append([xlsx_style.header_cell(ws, column) for column in columns])
    makers = makers_of(ws, columns)
    if not part.size:
        # A table needs a row beneath its header.
        unread = part.sheet.unread(run)
        empty = f"none; incomplete: {gap}" if (gap := part.sheet.gap(run)) else part.sheet.empty or "none"
        ws.append([f"not read: {', '.join(unread)}" if unread else empty])
    last = max(part.size, 1) + 1
    _add_table(book, ws, part, last)
    _add_rules(ws, part.sheet, last)
    ws.close()
    return makers


def makers_of(ws: Any, columns: Sequence[Column]) -> list[xlsx_style.CellMaker]:
    """What makes the cells of a data sheet, a maker a column."""
    top = any(column.wrap for column in columns)
    # A text beside a number, which stands at the right of its cell, keeps its distance.
    after_number = [False, *(column.kind == "integer" for column in columns)]
    return [
        xlsx_style.CellMaker(ws, column, top=top, indent=indent)
        for column, indent in zip(columns, after_number, strict=False)
    ]


def _set_up_page(ws: Any, run: AuditRun, columns: Sequence[Column], part: Part) -> None:
    """Landscape, one page wide, the header on each page, who and when at the foot.

    Paper takes the columns at the left, as many as can be read on a page.
    """
    widths = list(accumulate(column.width for column in columns))
    printed = sum(width <= _PRINTED for width in widths)
    width = widths[printed - 1]
    ws.print_area = f"A1:{get_column_letter(printed)}{max(part.size, 1) + 1}"
    ws.page_margins = PageMargins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    ws.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    ws.page_setup.orientation = "landscape"
    ws.page_setup.paperSize = _A3 if width > _WIDE else _A4
    ws.page_setup.fitToWidth = 1
    ws.page_setup.fitToHeight = 0
    ws.print_title_rows = "1:1"
    # Ampersands begin codes in a footer; 255 characters is all that Excel takes.
    tenant = xlsx_style.shown(one_line(run.tenant_name))[:80].encode("utf-8", "replace").decode().replace("&", "&&")
    ws.oddFooter.left.text = tenant
    ws.oddFooter.center.text = f"Collected {spoken_utc(run.collected_at)}"
    ws.oddFooter.right.text = "&A, page &P of &N"


def _add_table(book: Any, ws: Any, part: Part, last: int) -> None:
    ref = f"A1:{get_column_letter(len(part.sheet.columns))}{last}"
    table = Table(displayName=part.table, ref=ref)
    for index, header in enumerate(part.sheet.headers, 1):
        table.tableColumns.append(TableColumn(id=index, name=header))
    table.autoFilter = AutoFilter(ref=ref)
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=True)
    # ``add_table`` warns on every write-only sheet, also where the columns were given as here.
    ws._tables.add(table)


def _add_rules(ws: Any, sheet: Sheet, last: int) -> None:
    """Colours by rule, and the reviewer's drop-downs."""
    letters = {column.header: get_column_letter(index) for index, column in enumerate(sheet.columns, 1)}
    for column in sheet.columns:
        letter = letters[column.header]
        cells = f"{letter}2:{letter}{last}"
        rules = xlsx_style.tone_rules(column.order) if column.toned else []
        if column.header == "Outcome":
            rules = [*xlsx_style.failed_rules(f"${letter}2", f"${letters['Worst finding']}2"), *rules]
        if column.header == "Days left":
            rules = xlsx_style.days_rules(f"{letter}2")
        if column.header == "Due":
            rules = [xlsx_style.overdue_rule(f"${letter}2", f"${letters['Review status']}2")]
        for rule in rules:
            ws.conditional_formatting.add(cells, rule)
        if column.choices:
            _add_validation(
                ws, cells, type="list", formula1=f'"{",".join(column.choices)}"', error="Pick one of the list."
            )
        elif column.reviewer and column.kind == "date":
            _add_validation(ws, cells, type="date", operator="greaterThan", formula1="36526", error="A date, please.")


def _add_validation(ws: Any, cells: str, **rule: Any) -> None:
    validation = DataValidation(allow_blank=True, showErrorMessage=True, errorTitle="Review", **rule)
    validation.add(cells)
    ws.data_validations.append(validation)
