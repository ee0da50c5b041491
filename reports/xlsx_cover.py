"""The two sheets in front: ``Read me`` (what this is and what it does not know) and ``Summary`` (counts by formula).

Summary counts with formulas over the tables, so that it stays true when people edit or filter the workbook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.chart import BarChart, Reference
from openpyxl.worksheet.properties import PageSetupProperties

from auditor.audit.check import SEVERITIES
from auditor.audit.result import AuditRun
from reports import rows
from reports import xlsx_style as style
from reports.columns import CREDENTIALS, PERMISSIONS, SHEETS
from reports.overview import (
    CERTAINTY_MEANINGS,
    OUTCOME_MEANINGS,
    SEVERITY_MEANINGS,
    coverage_counts,
    coverage_sentence,
    declared_calls,
    failing_apps,
    not_assessed,
    reason_of,
    unassessed_sentence,
    worst_finding,
)
from reports.palette import ACCENT, SHADES, TONES, Tone
from reports.text import one_line, plural, spoken_utc

_TEXT_WIDTH = 110
_SHORT = 130
_NUMBERS = frozenset(
    {*SEVERITIES, "Open", "New", "Known", "Waived", "All", "Application", "Delegated", "Count", "Findings"}
)
_KINDS = ("registration", "external", "managed-identity", "first-party", "legacy")


def _sheet(book: Workbook, title: str, widths: Sequence[int]) -> Any:
    ws: Any = book.create_sheet(title)
    for letter, width in zip("ABCDEFGHIJ", widths, strict=False):
        ws.column_dimensions[letter].width = width
    ws.sheet_view.showGridLines = False
    ws.sheet_properties.tabColor = ACCENT
    ws.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    ws.page_setup.orientation = "landscape"
    ws.page_setup.paperSize = 9
    ws.page_setup.fitToWidth = 1
    ws.page_setup.fitToHeight = 0
    return ws


class _Page:
    """A sheet for reading, written from top to bottom."""

    def __init__(self, ws: Any) -> None:
        self.ws = ws
        self.row = 0

    def line(self, *cells: Any, height: float | None = None) -> int:
        """Append one row; returns its number."""
        self.row += 1
        if height:
            self.ws.row_dimensions[self.row].height = height
        self.ws.append(list(cells))
        return self.row

    def title(self, text: str) -> None:
        self.line(style.text_cell(self.ws, text, font=style.TITLE), height=30)

    def heading(self, text: str) -> None:
        self.line()
        self.line(style.text_cell(self.ws, text, font=style.HEADING), height=22)

    def fact(self, label: str, text: str, *, bold: bool = True) -> None:
        """A label and what there is to say, wrapped."""
        self.line(
            style.text_cell(self.ws, label, alignment=style.TOP, **({"font": style.BOLD} if bold else {})),
            style.text_cell(self.ws, text, alignment=style.WRAPPED),
            height=style.row_height([(text, _TEXT_WIDTH)]),
        )

    def sheet_name(self, title: str, meaning: str) -> None:
        """A line of the glossary that begins a sheet."""
        look = {"font": style.BOLD, "fill": style.SECTION_FILL}
        self.line(style.text_cell(self.ws, title, **look), style.text_cell(self.ws, meaning, **look), height=20)

    def header(self, *texts: str) -> int:
        """A header row; numbers stand beneath every header but the first and long ones. Returns its number."""
        return self.line(
            *(
                style.text_cell(
                    self.ws,
                    text,
                    font=style.HEADER_FONT,
                    fill=style.HEADER_FILL,
                    alignment=style.HEADER_RIGHT if text in _NUMBERS else style.HEADER_ALIGNMENT,
                )
                for text in texts
            )
        )

    def toned(self, word: str, tone: Tone | None = None) -> Any:
        """A word in its colours, or in those of another tone."""
        look = style.tone_cell(tone or TONES.get(word, "muted"))
        return style.text_cell(self.ws, word, alignment=style.INDENTED, **look)


def worst_text(run: AuditRun) -> str:
    """The worst open finding in one line, and what its absence would not prove."""
    worst = worst_finding(run)
    told = f"{worst.severity}: {_short(worst.summary, 400)}" if worst else "No open findings."
    return f"{told} {unassessed_sentence(run)}".strip()


def read_me(book: Workbook, run: AuditRun) -> None:
    """Write the first sheet."""
    page = _Page(_sheet(book, "Read me", (34, _TEXT_WIDTH)))
    page.title("Graph permission audit")
    # Facts of the run as text and numbers: programs that show no results of formulas show these.
    page.fact("Worst finding", worst_text(run))
    for severity, count in run.counts().items():
        page.line(page.toned(severity), style.text_cell(page.ws, f"{count:,} open", alignment=style.TOP))
    page.fact("Checks", coverage_counts(run) + ".")
    page.line()
    for label, text in (
        ("Tenant", run.tenant_name),
        ("Tenant ID", run.tenant_id),
        ("Cloud", run.cloud),
        ("Collected", spoken_utc(run.collected_at)),
        ("Read by", run.signed_in_as or "not known"),
        ("Requests sent", f"{run.requests:,} to Microsoft Graph, all of them reads"),
        ("Scope", f"{plural(len(run.apps), 'app')}, {plural(len(run.permissions), 'permission row')}"),
        ("Tool", f"Graph Auditor {run.tool_version}, permission data of {run.catalog_date}"),
    ):
        page.fact(label, text)
    _coverage(page, run)
    for heading, meanings in (
        ("Severities", SEVERITY_MEANINGS), ("Certainty", CERTAINTY_MEANINGS), ("Outcomes of checks", OUTCOME_MEANINGS),
    ):  # fmt: skip
        page.heading(heading)
        for word, meaning in meanings.items():
            name = page.toned(word) if word in TONES else style.text_cell(page.ws, word, font=style.BOLD)
            page.line(name, style.text_cell(page.ws, meaning, alignment=style.WRAPPED))
    page.heading("How to read it")
    for text in (
        "An empty cell means not known or not there, never no. TRUE and FALSE are known.",
        "Times are UTC. Ids are text. Lists in a cell are joined with a semicolon.",
        "Names come from the tenant and are shown as text: characters that cannot be shown appear as ␀ or \\u202e.",
        "A text that Excel cannot hold ends with a mark that says how long it was.",
        "The grey headers at the right of Findings are yours to fill in. Fingerprint names a finding from run to run.",
    ):
        page.line(style.text_cell(page.ws, text))
    page.heading("Sheets and columns")
    page.sheet_name("Read me", "This sheet.")
    page.sheet_name("Summary", "Counts by formula over the other sheets: they follow your edits.")
    for sheet in SHEETS:
        gap = sheet.gap(run)
        page.sheet_name(sheet.title, sheet.meaning + (f" Incomplete: {gap}" if gap else ""))
        for column in sheet.columns:
            page.fact(f"    {column.header}", column.meaning, bold=False)
    page.ws.close()


def _coverage(page: _Page, run: AuditRun) -> None:
    page.heading("Coverage")
    page.fact("In short", coverage_sentence(run))
    for result in not_assessed(run):
        page.fact(result.meta.slug, f"{result.outcome}: {reason_of(result)}.")
    for entry in run.coverage:
        if not entry.state.is_read:
            affects = ", ".join(entry.affects) or "no check"
            page.fact(
                entry.state.source, f"{entry.state.status}: {entry.state.detail or 'no detail'} Affects {affects}."
            )


def summary(book: Workbook, run: AuditRun, tables: Mapping[str, Sequence[str]]) -> None:
    """Write the second sheet. ``tables`` names the Excel tables that hold each sheet's facts."""
    page = _Page(_sheet(book, "Summary", (34, 12, 12, 12, 12, 12, 12, 16, 78)))
    page.title("Summary")
    page.line(style.text_cell(page.ws, coverage_counts(run) + "."))
    page.line(style.text_cell(page.ws, f"Worst finding: {worst_text(run)}"))
    if calls := declared_calls(run):
        page.line(style.text_cell(page.ws, f"{calls}."))
    severities = _severities(page, tables["findings"])
    _checks(page, run, tables["findings"])
    statuses = _statuses(page, tables["permissions"])
    _counted(page, "Credentials by state", "State", CREDENTIALS.column("State").order, tables["credentials"], "State")
    _counted(page, "Apps by kind", "Kind", _KINDS, tables["apps"], "Kind")
    _first_to_fail(page, run)
    page.ws.print_area = f"A1:I{page.row}"
    _chart(page.ws, "Open findings by severity", severities, len(SEVERITIES), "G4", height=5.2)
    _chart(
        page.ws,
        "Permissions by status",
        statuses,
        len(PERMISSIONS.column("Status").order),
        f"G{statuses - 1}",
        height=6.6,
        column=4,
    )
    page.ws.close()


def _count(names: Sequence[str], *conditions: tuple[str, str]) -> str:
    """A formula that counts rows of tables under conditions (column, criterion)."""
    return "=" + "+".join(
        "COUNTIFS(" + ",".join(f'{name}[{column}],"{criterion}"' for column, criterion in conditions) + ")"
        for name in names
    )


def _severities(page: _Page, names: Sequence[str]) -> int:
    page.heading("Findings by severity")
    header = page.header("Severity", "Open", "New", "Known", "Waived")
    for word in SEVERITIES:
        of = ("Severity", word)
        page.line(
            page.toned(word),
            _count(names, of, ("State", "<>waived")),
            *(_count(names, of, ("State", state)) for state in ("new", "known", "waived")),
        )
    _total(page, header, "BCDE")
    return header


def _checks(page: _Page, run: AuditRun, names: Sequence[str]) -> None:
    page.heading("Open findings by check")
    worst = {str(record["check"]): record["worst_severity"] for record in rows.checks(run)}
    header = page.header("Check", *SEVERITIES, "All", "Outcome", "Good state")
    for result in run.checks:
        of = [("Check", result.meta.slug), ("State", "<>waived")]
        page.line(
            style.text_cell(page.ws, result.meta.slug, alignment=style.TOP),
            *(_count(names, *of, ("Severity", word)) for word in SEVERITIES),
            _count(names, *of),
            page.toned(result.outcome, _tone(worst.get(result.meta.slug)) if result.outcome == "fail" else None),
            style.text_cell(page.ws, result.meta.title, alignment=style.INDENTED),
        )
    if run.checks:
        _total(page, header, "BCDEFG")


def _tone(severity: str | None) -> Tone:
    """The tone of a failed check: that of its worst open finding."""
    return TONES[severity] if severity else "muted"


def _statuses(page: _Page, names: Sequence[str]) -> int:
    page.heading("Permissions by status and type")
    header = page.header("Status", "Application", "Delegated", "All")
    for word in PERMISSIONS.column("Status").order:
        of = ("Status", word)
        page.line(
            page.toned(word),
            _count(names, of, ("Type", "application")),
            _count(names, of, ("Type", "delegated")),
            _count(names, of),
        )
    first, last = header + 1, page.row
    everything: tuple[tuple[tuple[str, str], ...], ...] = (
        (("Type", "application"),),
        (("Type", "delegated"),),
        (("Type", "*"),),
    )
    page.line(
        style.text_cell(page.ws, "not known"),
        *(
            f"{_count(names, *of)}-SUM({letter}{first}:{letter}{last})"
            for letter, of in zip("BCD", everything, strict=True)
        ),
    )
    _total(page, header, "BCD")
    return header


def _counted(page: _Page, title: str, header: str, words: Sequence[str], names: Sequence[str], column: str) -> None:
    page.heading(title)
    top = page.header(header, "Count")
    for word in words:
        page.line(page.toned(word), _count(names, (column, word)))
    _total(page, top, "B")


def _total(page: _Page, header: int, letters: str) -> None:
    cells: list[Any] = [style.text_cell(page.ws, "All", font=style.BOLD)]
    for letter in letters:
        cell = WriteOnlyCell(page.ws, f"=SUM({letter}{header + 1}:{letter}{page.row})")
        cell.font = style.BOLD
        cells.append(cell)
    page.line(*cells)


def _first_to_fail(page: _Page, run: AuditRun) -> None:
    apps = failing_apps(run)
    page.heading("Apps that will fail first")
    if not apps:
        page.line(style.text_cell(page.ws, "No open finding predicts that a call fails."))
        return
    page.header("App", "Severity", "Certainty", "Findings", "Worst finding")
    for app in apps:
        page.line(
            style.text_cell(page.ws, app.display_name, alignment=style.TOP),
            page.toned(app.severity),
            style.text_cell(page.ws, app.certainty),
            app.findings,
            style.text_cell(page.ws, _short(app.summary), alignment=style.INDENTED),
        )


def _short(text: str, limit: int = _SHORT) -> str:
    """A sentence that ends where the printed page does."""
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _chart(ws: Any, title: str, header: int, count: int, anchor: str, *, height: float, column: int = 2) -> None:
    """A bar chart of one column of counts, fed by the formulas above."""
    chart = BarChart()
    chart.type = "bar"
    chart.title = title
    chart.legend = None
    chart.height, chart.width = height, 14
    chart.gapWidth = 60
    chart.add_data(Reference(ws, min_col=column, min_row=header + 1, max_row=header + count))
    chart.set_categories(Reference(ws, min_col=1, min_row=header + 1, max_row=header + count))
    chart.x_axis.scaling.orientation = "maxMin"
    chart.x_axis.delete = False
    chart.y_axis.delete = False
    chart.y_axis.majorGridlines = None
    chart.y_axis.number_format = "0"
    chart.series[0].graphicalProperties.solidFill = SHADES["low"].ink
    ws.add_chart(chart, anchor)
