"""A sheet for reading, written from top to bottom: titles, facts, headed tables, formulas with their results.

Results of formulas are remembered beside them: openpyxl writes formulas alone, and programs that do not calculate
(previews, protected view, pandas) would show nothing. ``xlsx_package`` puts them into the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from reports import xlsx_style as style
from reports.palette import ACCENT, TONES, Tone

TEXT_WIDTH = 110
"""Characters across of the column for sentences on ``Read me``."""


@dataclass(frozen=True)
class Formula:
    """What a cell calculates, and what comes of it with the facts as they were written."""

    text: str
    """Without the equals sign."""
    value: int
    bold: bool = False


class Page:
    """A sheet for reading."""

    def __init__(self, book: Workbook, title: str, widths: Sequence[int]) -> None:
        ws: Any = book.create_sheet(title)
        for index, width in enumerate(widths, 1):
            ws.column_dimensions[get_column_letter(index)].width = width
        ws.sheet_view.showGridLines = False
        ws.sheet_properties.tabColor = ACCENT
        ws.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        ws.page_setup.orientation = "landscape"
        ws.page_setup.paperSize = 9
        ws.page_setup.fitToWidth = 1
        ws.page_setup.fitToHeight = 0
        self.ws = ws
        self.row = 0
        self.values: dict[str, int] = {}
        """Results of the formulas by the address of their cell."""

    def line(self, *cells: Any, height: float | None = None) -> int:
        """Append one row of cells, bare values and formulas; returns its number."""
        self.row += 1
        if height:
            self.ws.row_dimensions[self.row].height = height
        self.ws.append(
            [
                self._calculated(cell, column) if isinstance(cell, Formula) else cell
                for column, cell in enumerate(cells, 1)
            ]
        )
        return self.row

    def _calculated(self, formula: Formula, column: int) -> Any:
        cell = WriteOnlyCell(self.ws, f"={formula.text}")
        cell.alignment = style.TOP
        if formula.bold:
            cell.font = style.BOLD
        self.values[f"{get_column_letter(column)}{self.row}"] = formula.value
        return cell

    def title(self, text: str) -> None:
        """The title of the sheet."""
        self.line(style.text_cell(self.ws, text, font=style.TITLE), height=30)

    def text(self, text: str) -> None:
        """One line of text."""
        self.line(style.text_cell(self.ws, text))

    def heading(self, text: str) -> None:
        """An empty line and a heading."""
        self.line()
        self.line(style.text_cell(self.ws, text, font=style.HEADING), height=22)

    def fact(self, label: str, text: str, *, bold: bool = True) -> None:
        """A label and what there is to say, wrapped."""
        self.line(
            style.text_cell(self.ws, label, alignment=style.TOP, **({"font": style.BOLD} if bold else {})),
            style.text_cell(self.ws, text, alignment=style.WRAPPED),
            height=style.row_height([(text, TEXT_WIDTH)]),
        )

    def section(self, title: str, meaning: str) -> None:
        """A line of the glossary that begins a sheet."""
        look = {"font": style.BOLD, "fill": style.SECTION_FILL}
        meaning_cell = style.text_cell(self.ws, meaning, **look, alignment=style.WRAPPED)
        self.line(
            style.text_cell(self.ws, title, **look, alignment=style.TOP),
            meaning_cell,
            height=max(20, style.row_height([(meaning, TEXT_WIDTH - 6)]) or 0),
        )

    def header(self, *texts: str, numbers: Sequence[str] = ()) -> int:
        """A header row; over numbers the text stands at the right. Returns its number."""
        look = {"font": style.HEADER_FONT, "fill": style.HEADER_FILL}
        first, *others = texts
        cells = [style.text_cell(self.ws, first, alignment=style.TOP, **look)]
        for text in others:
            alignment = style.HEADER_RIGHT if text in numbers else style.INDENTED
            cells.append(style.text_cell(self.ws, text, alignment=alignment, **look))
        return self.line(*cells)

    def toned(self, word: str, tone: Tone | None = None) -> Any:
        """A word in its colours, or in those of another tone."""
        look = style.tone_cell(tone or TONES.get(word, "muted"))
        return style.text_cell(self.ws, word, alignment=style.INDENTED, **look)
