"""Native charts of the workbook, fed by the cells of ``Summary``.

A chart carries the values it was made with, as Excel's own files do, so that programs which do not calculate show it too.
Colour never tells anything alone: bars carry their numbers, series their names, and the table stands beside the chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from openpyxl.chart import BarChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal, StrData, StrRef, StrVal
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties
from openpyxl.utils import get_column_letter, quote_sheetname

_HIDE_ZERO = "#,##0;;;"
_INK, _LINE = "1A222C", "D5DCE4"


@dataclass(frozen=True)
class Bars:
    """One series: a column of a table on the sheet."""

    name: str
    column: int
    values: Sequence[int]
    colour: str
    """Six hexadecimal digits."""
    on_dark: bool = True
    """Numbers within its bars are white."""


@dataclass(frozen=True)
class Drawing:
    """What a chart shows and how."""

    title: str
    header: int
    """Row of the table's header; the names of the categories stand in column A beneath it."""
    categories: Sequence[str]
    series: Sequence[Bars]
    kind: Literal["bar", "col"] = "bar"
    stacked: bool = True
    width: float = 18
    height: float = 8
    """Centimetres."""


def add(ws: Any, drawing: Drawing, anchor: str) -> None:
    """Draw a chart on a sheet, its upper left corner in the cell ``anchor``."""
    chart: Any = BarChart()
    chart.type = drawing.kind
    chart.grouping = "stacked" if drawing.stacked else "clustered"
    chart.overlap = 100 if drawing.stacked else 0
    chart.gapWidth = 45
    chart.title = drawing.title
    chart.title.tx.rich.p[0].pPr = ParagraphProperties(defRPr=_letters(1200, bold=True))
    for run in chart.title.tx.rich.p[0].r:
        run.rPr = _letters(1200, bold=True)
    chart.title.overlay = False
    chart.legend.position = "b" if len(drawing.series) > 1 else "r"
    chart.width, chart.height = drawing.width, drawing.height
    chart.x_axis.delete = chart.y_axis.delete = False
    if drawing.kind == "bar":
        # The first category at the top, as in the table.
        chart.x_axis.scaling.orientation = "maxMin"
        chart.y_axis.crosses = "max"
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill=_LINE))
    chart.y_axis.number_format = "#,##0"
    chart.y_axis.scaling.min = 0
    for axis in (chart.x_axis, chart.y_axis):
        axis.txPr = _text(900)
        axis.spPr = GraphicalProperties(ln=LineProperties(solidFill=_LINE))
    chart.x_axis.tickLblPos = "low"
    chart.series = [_series(ws, drawing, bars, order) for order, bars in enumerate(drawing.series)]
    ws.add_chart(chart, anchor)


def _series(ws: Any, drawing: Drawing, bars: Bars, order: int) -> Series:
    sheet = quote_sheetname(ws.title)
    first, last = drawing.header + 1, drawing.header + len(drawing.categories)
    letter = get_column_letter(bars.column)
    names = StrData(
        ptCount=len(drawing.categories), pt=[StrVal(idx=at, v=name) for at, name in enumerate(drawing.categories)]
    )
    numbers = NumData(
        formatCode="General", ptCount=len(bars.values), pt=[NumVal(idx=at, v=n) for at, n in enumerate(bars.values)]
    )
    label = StrRef(
        f=f"{sheet}!${letter}${drawing.header}", strCache=StrData(ptCount=1, pt=[StrVal(idx=0, v=bars.name)])
    )
    series = Series(
        idx=order,
        order=order,
        tx=SeriesLabel(strRef=label),
        cat=AxDataSource(strRef=StrRef(f=f"{sheet}!$A${first}:$A${last}", strCache=names)),
        val=NumDataSource(numRef=NumRef(f=f"{sheet}!${letter}${first}:${letter}${last}", numCache=numbers)),
    )
    # A white line parts neighbours whose colours look alike to some eyes.
    series.graphicalProperties = GraphicalProperties(solidFill=bars.colour, ln=LineProperties(solidFill="FFFFFF"))
    series.invertIfNegative = False
    labels = DataLabelList(numFmt=_HIDE_ZERO, showVal=True)
    labels.showSerName = labels.showCatName = labels.showLegendKey = labels.showPercent = False
    if drawing.stacked:
        labels.dLblPos = "ctr"
        labels.txPr = _text(800, colour="FFFFFF" if bars.on_dark else _INK)
    else:
        labels.dLblPos = "outEnd"
        labels.txPr = _text(800)
    series.dLbls = labels
    return series


def _letters(size: int, *, bold: bool = False, colour: str = _INK) -> CharacterProperties:
    """Letters of this size in hundredths of a point."""
    return CharacterProperties(sz=size, b=bold, solidFill=colour)


def _text(size: int, *, colour: str = _INK) -> RichText:
    paragraph = Paragraph(
        pPr=ParagraphProperties(defRPr=_letters(size, colour=colour)), endParaRPr=CharacterProperties()
    )
    return RichText(p=[paragraph])
