"""How the workbook looks: fonts, fills, cell templates, conditional formats. Colours come from ``palette``.

Text is always a string: openpyxl takes ``=1+1`` for a formula and ``#N/A`` for an error, so the type is set by hand, and
a text that begins like a formula carries Excel's quote prefix, so that editing the cell does not turn it into one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Literal

from openpyxl.cell import WriteOnlyCell
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle

from auditor.audit.check import SEVERITIES
from reports.columns import Column
from reports.palette import ACCENT, SHADES, TONES, Tone
from reports.rows import Value
from reports.text import cut, formula_like, iso_utc, visible

CELL_LIMIT = 32_767
"""Characters (UTF-16 units) that Excel holds in a cell."""
TIME_FORMAT = 'yyyy\\-mm\\-dd hh:mm"Z"'
FLAG_FORMAT = '"TRUE";"TRUE";"FALSE"'
"""Excel shows true and false as words whatever the format, LibreOffice prints 1 and 0 without one."""
DATE_FORMAT = "yyyy\\-mm\\-dd"
FIRST_DAY = datetime(1900, 3, 1, tzinfo=UTC)
"""Before it Excel counts a day that never was, so earlier times are written as text."""

_ESCAPE_LIKE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

TITLE = Font(name="Calibri", size=20, bold=True, color=ACCENT)
HEADING = Font(name="Calibri", size=13, bold=True, color=ACCENT)
BOLD = Font(name="Calibri", size=11, bold=True)
HEADER_FONT = Font(name="Calibri", size=11, bold=True, color="FFFFFF")
HEADER_FILL = PatternFill("solid", fgColor=ACCENT)
HEADER_RIGHT = Alignment(horizontal="right", vertical="center", wrap_text=True)
HEADER_ALIGNMENT = Alignment(vertical="center", wrap_text=True)
SECTION_FILL = PatternFill("solid", fgColor="E4EAF1")
REVIEW_FILL = PatternFill("solid", fgColor="5A6472")
LINK_FONT = Font(name="Calibri", size=11, color="0563C1", underline="single")
RULE = Border(bottom=Side(style="thin", color="C5CCD4"))
TOP = Alignment(vertical="top")
LEFT = Alignment(horizontal="left", vertical="top")
INDENTED = Alignment(horizontal="left", vertical="top", indent=1)
WRAPPED = Alignment(vertical="top", wrap_text=True)
INDENTED_WRAPPED = Alignment(horizontal="left", vertical="top", indent=1, wrap_text=True)


def shown(text: str) -> str:
    """Tenant text as Excel may hold it: visible, cut with a mark, and without Excel's own ``_x0041_`` escapes."""
    safe = visible(text)
    if "_x" in safe:
        safe = _ESCAPE_LIKE.sub("_x005F_", safe)
    return cut(safe, CELL_LIMIT)


def text_cell(sheet: Any, text: str, **style: Any) -> Any:
    """A cell that holds text and nothing but text."""
    cell = WriteOnlyCell(sheet)
    for name, value in style.items():
        setattr(cell, name, value)
    safe = shown(text)
    put(cell, safe)
    if _needs_quote(safe):
        cell.quotePrefix = True
    return cell


def _needs_quote(text: str) -> bool:
    """Whether editing the cell would turn its text into a formula or an error value."""
    return text.startswith(("\t", "#")) or formula_like(text)


def put(cell: Any, text: str) -> None:
    """Set a cell's text, already ``shown``, whatever openpyxl would take it for."""
    cell.value = text
    cell.data_type = "s"


class CellMaker:
    """Makes the cells of one column. Cells are reused from row to row: nobody keeps them."""

    def __init__(self, sheet: Any, column: Column, *, top: bool, indent: bool = False) -> None:
        self._column = column
        # Where no text wraps, bare values do: a styled cell costs three times as much.
        indent = indent and column.kind == "text"
        self._top = top or indent
        alignment = WRAPPED if column.wrap else TOP
        if indent:
            alignment = Alignment(horizontal="left", vertical="top", wrap_text=column.wrap, indent=1)
        self._text = WriteOnlyCell(sheet)
        self._guarded = WriteOnlyCell(sheet)
        self._time = WriteOnlyCell(sheet)
        self._flag = WriteOnlyCell(sheet)
        self._link = WriteOnlyCell(sheet)
        for cell in (self._text, self._guarded, self._time, self._flag):
            cell.alignment = alignment
        self._guarded.quotePrefix = True
        self._time.number_format = TIME_FORMAT if column.width > 13 else DATE_FORMAT
        self._flag.number_format = FLAG_FORMAT
        self._flag.alignment = LEFT
        self._link.alignment = TOP
        self._link.font = LINK_FONT
        # Asking for it puts a look into the workbook's list: rows are written after the list.
        self.looks = [cell.style_id for cell in (self._text, self._guarded, self._time, self._flag, self._link)]

    def cell(self, value: Value) -> Any:
        """What to append for one value: a cell, a bare value, or None for nothing."""
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return self._of_text(value)
        if isinstance(value, (datetime, date)):
            return self._of_time(value)
        if isinstance(value, bool):
            self._flag.value = value
            return self._flag
        if not self._top:
            return value
        self._text.value = value
        return self._text

    def link(self, url: str) -> Any:
        """A cell that opens a page; the link itself belongs to the sheet."""
        put(self._link, shown(url))
        return self._link

    def _of_text(self, value: str) -> Any:
        text = shown(value)
        if _needs_quote(text):
            put(self._guarded, text)
            return self._guarded
        if not self._top:
            return text
        put(self._text, text)
        return self._text

    def _of_time(self, value: datetime | date) -> Any:
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if value < FIRST_DAY:
            return self._of_text(iso_utc(value))
        self._time.value = value.astimezone(UTC).replace(tzinfo=None)
        return self._time


def header_cell(sheet: Any, column: Column) -> Any:
    """The header of one column; those for the reviewer are told apart by their colour."""
    fill = REVIEW_FILL if column.reviewer else HEADER_FILL
    return text_cell(sheet, column.header, font=HEADER_FONT, fill=fill, alignment=HEADER_ALIGNMENT)


def tone_style(tone: Tone) -> dict[str, Any]:
    """Font and fill of one tone, for a rule."""
    shade = SHADES[tone]
    # A conditional fill shows its background colour, a plain one its foreground: both are set.
    fill = PatternFill("solid", fgColor=shade.tint, bgColor=shade.tint)
    return {"font": Font(color=shade.ink, bold=tone in ("critical", "high")), "fill": fill}


def tone_cell(tone: Tone) -> dict[str, Any]:
    """Font and fill of one tone, for a cell."""
    style = tone_style(tone)
    return {**style, "font": Font(name="Calibri", size=11, color=SHADES[tone].ink, bold=style["font"].bold)}


def row_height(texts: Iterable[tuple[str, int]]) -> float | None:
    """Height of a row in points for wrapped texts in columns so many characters wide; None for a single line.

    Excel fits rows by itself only where it feels like it, other programs never do.
    """
    lines = max(
        (sum(-(-max(len(line), 1) // max(width - 2, 1)) for line in text.split("\n")) for text, width in texts),
        default=1,
    )
    return None if lines <= 1 else 15.0 * min(lines, 8)


def tone_rules(words: tuple[str, ...]) -> list[Rule]:
    """One rule a word, so that the colour follows sorting and editing; the word itself stays in the cell."""
    return [_rule("cellIs", f'"{word}"', TONES[word]) for word in words if word in TONES]


def failed_rules(outcome: str, worst: str) -> list[Rule]:
    """Colours for a failed check: those of its worst open finding, so that one with remarks alone does not alarm."""
    rules = [_rule("expression", f'AND({outcome}="fail",{worst}="{word}")', TONES[word]) for word in SEVERITIES]
    return [*rules, _rule("expression", f'AND({outcome}="fail",{worst}="")', "muted")]


def days_rules(first_cell: str) -> list[Rule]:
    """Colours for days left: past, and within 30 days."""
    number = f"ISNUMBER({first_cell})"
    return [
        _rule("expression", f"AND({number},{first_cell}<0)", "high"),
        _rule("expression", f"AND({number},{first_cell}<=30)", "medium"),
    ]


def overdue_rule(due: str, status: str) -> Rule:
    """Colour for a due date that has passed while the review is not done."""
    return _rule("expression", f'AND(ISNUMBER({due}),{due}<TODAY(),{status}<>"Done")', "high")


def _rule(kind: Literal["cellIs", "expression"], formula: str, tone: Tone) -> Rule:
    """A conditional format: ``expression`` with a formula that is true, or ``cellIs`` with the value that is equal."""
    style = DifferentialStyle(**tone_style(tone))
    return Rule(type=kind, dxf=style, formula=[formula], operator="equal" if kind == "cellIs" else None)
