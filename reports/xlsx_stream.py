"""The rows of data sheets as XML, written past openpyxl: the same cells in a third of its time, with flat memory.

openpyxl designs the workbook and each kind of cell (``xlsx_style.CellMaker``); here a cell is turned into XML once for each
different value of a column, and put down again wherever the value returns. Texts are shared between cells up to a bound,
past which they stand in their cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any

from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel

from reports.columns import Column
from reports.rows import Value
from reports.text import is_web_link
from reports.xlsx_style import CellMaker, row_height

MAX_TEXTS = 250_000
"""Texts shared between cells; a million different ones would cost more memory than they save."""
MAX_KEPT = 50_000
"""Values of one column whose XML is kept."""
_ROWS = 500
"""Rows handed on at a time."""


class Texts:
    """The texts that cells share, in the order in which they came."""

    def __init__(self, limit: int = MAX_TEXTS) -> None:
        self._places: dict[str, int] = {}
        self._limit = limit
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - lives as long as this object, see close

    def close(self) -> None:
        """Take the temporary file away."""
        self._file.close()

    def content(self, text: str) -> tuple[str, str]:
        """Type and inside of a cell that holds a text."""
        place = self._places.get(text)
        if place is None:
            if len(self._places) >= self._limit:
                return "inlineStr", f"<is>{_text(text)}</is>"
            place = self._places[text] = len(self._places)
            self._file.write(f"<si>{_text(text)}</si>".encode())
        return "s", f"<v>{place}</v>"

    def __len__(self) -> int:
        return len(self._places)

    def parts(self) -> Iterator[bytes]:
        """All of them, one after the other, as XML."""
        self._file.seek(0)
        while block := self._file.read(1 << 20):
            yield block


def _text(text: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<t xml:space="preserve">{safe}</t>' if text != text.strip() else f"<t>{safe}</t>"


@dataclass
class Bulk:
    """The rows of one sheet beneath its header."""

    columns: Sequence[Column]
    makers: Sequence[CellMaker]
    rows: Iterable[tuple[Value, ...]]
    size: int
    max_links: int
    links: list[tuple[str, str]] = field(default_factory=list)
    """Address of the cell and target, once the rows are written."""

    @property
    def area(self) -> str:
        """The header and the rows."""
        return f"A1:{get_column_letter(len(self.columns))}{self.size + 1}"

    def xml(self, texts: Texts) -> Iterator[bytes]:
        """The rows as XML, some at a time; links are known when all are written."""
        cells = [
            (_Links(self, number, maker, texts) if column.kind == "url" else _Cells(number, maker, texts)).xml
            for number, (column, maker) in enumerate(zip(self.columns, self.makers, strict=True), 1)
        ]
        wrapped = [(index, column.width) for index, column in enumerate(self.columns) if column.wrap]
        block: list[str] = []
        for number, row in enumerate(self.rows, 2):
            height = row_height((str(row[index]), width) for index, width in wrapped if row[index]) if wrapped else None
            block.append(f'<row r="{number}" ht="{height}" customHeight="1">' if height else f'<row r="{number}">')
            block += [
                xml(number, value) for xml, value in zip(cells, row, strict=True) if value is not None and value != ""
            ]
            block.append("</row>")
            if number % _ROWS == 0:
                yield "".join(block).encode()
                block.clear()
        yield "".join(block).encode()


class _Cells:
    """The cells of one column."""

    def __init__(self, column: int, maker: CellMaker, texts: Texts) -> None:
        self._maker = maker
        self._texts = texts
        self._open = f'<c r="{get_column_letter(column)}'
        self._kept: dict[Any, str] = {}

    def xml(self, row: int, value: Value) -> str:
        """One cell that holds something."""
        # True equals 1 and is another cell.
        key = value if type(value) is str else (type(value), value)
        inside = self._kept.get(key)
        if inside is None:
            inside = self._inside(self._maker.cell(value))
            if len(self._kept) < MAX_KEPT:
                self._kept[key] = inside
        return f"{self._open}{row}{inside}"

    def _inside(self, cell: Any) -> str:
        """What follows the address of a cell: its look, type and value; ``cell`` is openpyxl's, or a bare value."""
        styled = isinstance(cell, Cell)
        value = cell.value if styled else cell
        look = f'" s="{cell.style_id}"' if styled else '"'
        if isinstance(value, str):
            kind, content = self._texts.content(value)
            return f'{look} t="{kind}">{content}</c>'
        if isinstance(value, bool):
            return f'{look} t="b"><v>{int(value)}</v></c>'
        number = to_excel(value) if isinstance(value, datetime) else value  # type: ignore[no-untyped-call]
        return f"{look}><v>{number}</v></c>"


class _Links(_Cells):
    """The cells of a column of addresses: links, as many as the sheet may have, then text."""

    def __init__(self, bulk: Bulk, column: int, maker: CellMaker, texts: Texts) -> None:
        super().__init__(column, maker, texts)
        self._bulk = bulk
        self._letter = get_column_letter(column)
        self._linked: dict[str, str] = {}

    def xml(self, row: int, value: Value) -> str:
        if len(self._bulk.links) >= self._bulk.max_links or not isinstance(value, str) or not is_web_link(value):
            return super().xml(row, value)
        self._bulk.links.append((f"{self._letter}{row}", value))
        inside = self._linked.get(value)
        if inside is None:
            inside = self._linked[value] = self._inside(self._maker.link(value))
        return f"{self._open}{row}{inside}"
