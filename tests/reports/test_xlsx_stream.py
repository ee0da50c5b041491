"""Streamed rows are the cells that openpyxl would have written, one by one."""

from __future__ import annotations

import io
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.audit.result import AuditRun
from reports import xlsx_package, xlsx_stream
from reports.columns import Column, sheets_of
from reports.rows import Value
from reports.text import is_web_link
from reports.xlsx import makers_of, write_xlsx
from reports.xlsx_stream import Bulk
from reports.xlsx_style import row_height
from tests.reports import sample


def by_openpyxl(columns: tuple[Column, ...], rows: list[tuple[Value, ...]]) -> Any:
    """A sheet with these rows, every cell written by openpyxl."""
    book = openpyxl.Workbook(write_only=True)
    ws: Any = book.create_sheet()
    makers = makers_of(ws, columns)
    ws.append([column.header for column in columns])
    for number, row in enumerate(rows, 2):
        height = row_height(
            (str(value), column.width) for column, value in zip(columns, row, strict=True) if column.wrap and value
        )
        if height:
            ws.row_dimensions[number].height = height
        cells = []
        for column, maker, value in zip(columns, makers, row, strict=True):
            if column.kind == "url" and isinstance(value, str) and is_web_link(value):
                cell = openpyxl.cell.WriteOnlyCell(ws)
                made = maker.link(value)
                cell._style, cell.hyperlink, cell.value = made._style, value, made.value
                cells.append(cell)
            else:
                cells.append(maker.cell(value))
        ws.append(cells)
    file = io.BytesIO()
    book.save(file)
    return openpyxl.load_workbook(file).active


def told(cell: Any) -> tuple[Any, ...]:
    """Everything that a reader sees of a cell."""
    value = cell.value.replace("_x005F_", "_") if isinstance(cell.value, str) else cell.value
    link = cell.hyperlink.target if cell.hyperlink else None
    font = (cell.font.b, cell.font.u, cell.font.color.rgb if cell.font.color else None)
    shape = (cell.alignment.vertical, cell.alignment.horizontal, cell.alignment.wrap_text, cell.alignment.indent)
    return cell.coordinate, cell.data_type, value, cell.number_format, shape, font, cell.quotePrefix, link


def same(streamed: Any, reference: Any) -> None:
    assert (streamed.max_row, streamed.max_column) == (reference.max_row, reference.max_column)
    for ours, theirs in zip(streamed.iter_rows(min_row=2), reference.iter_rows(min_row=2), strict=True):
        assert [told(cell) for cell in ours] == [told(cell) for cell in theirs]
        number = ours[0].row
        assert streamed.row_dimensions[number].height == reference.row_dimensions[number].height


RUNS = {"calm": sample.calm, "hostile": sample.hostile, "drifted": sample.drifted}


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_every_cell_is_the_one_that_openpyxl_writes(
    name: str, few: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if few:  # neither texts nor cells are kept: the same comes out the long way
        monkeypatch.setattr(xlsx_stream.Texts.__init__, "__defaults__", (3,))
        monkeypatch.setattr(xlsx_stream, "MAX_KEPT", 2)
        monkeypatch.setattr(xlsx_stream, "_ROWS", 2)
    run: AuditRun = RUNS[name]()
    write_xlsx(run, tmp_path / "audit.xlsx")
    book = openpyxl.load_workbook(tmp_path / "audit.xlsx")
    compared = 0
    for sheet in sheets_of(run):
        rows = list(sheet.rows(run))
        if rows:
            same(book[sheet.title], by_openpyxl(sheet.columns, rows))
            compared += 1
    assert compared >= 9


COLUMNS = (
    Column("Text", "a", "A text."), Column("Long", "b", "A long text.", wrap=True), Column("Number", "c", "A number.", kind="integer"),
    Column("After", "d", "A text after a number."), Column("Time", "e", "A time.", 18, kind="date"), Column("Link", "f", "A link.", kind="url"),
    Column("Flag", "g", "True or false.", kind="boolean"),
)  # fmt: skip
TEXT = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(sample.HOSTILE),
    st.sampled_from(["=1", " a ", "#REF!", "a\nb", "1", "TRUE"]),
)
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
ROWS = st.lists(
    st.tuples(
        TEXT, TEXT, st.one_of(st.none(), st.integers(-(2**40), 2**40)), TEXT, st.one_of(st.none(), TIMES, st.dates(date(1900, 3, 1))),
        st.one_of(TEXT, st.just("https://learn.microsoft.com/graph?a=1&b=2")), st.one_of(st.none(), st.booleans(), st.integers(0, 1)),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_any_values_make_the_same_cells(rows: list[tuple[Value, ...]]) -> None:

    book = openpyxl.Workbook(write_only=True)
    ws: Any = book.create_sheet()
    bulk = Bulk(COLUMNS, makers_of(ws, COLUMNS), rows, len(rows), 65_000)
    ws.append([column.header for column in COLUMNS])
    ws.close()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as design:
        book.save(design)
        path = Path(folder) / "book.xlsx"
        xlsx_package.finish(design, path, {}, {"xl/worksheets/sheet1.xml": bulk})
        same(openpyxl.load_workbook(path).active, by_openpyxl(COLUMNS, rows))
