"""``Summary``, the second sheet: counts by formula over the tables, and native charts fed by them.

The counts stay true when people edit, sort or add rows, because they name tables and columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from openpyxl import Workbook
from openpyxl.worksheet.pagebreak import Break

from auditor.audit.check import SEVERITIES
from auditor.audit.result import AuditRun
from reports import rows, xlsx_charts, xlsx_counts
from reports import xlsx_style as style
from reports.columns import CREDENTIALS, PERMISSIONS
from reports.overview import coverage_counts, declared_calls, failing_apps
from reports.palette import SHADES, TONES, Tone
from reports.text import plural
from reports.xlsx_charts import Bars, Drawing
from reports.xlsx_counts import Facts, before, filled, is_, is_not, since
from reports.xlsx_cover import shorter, worst_text
from reports.xlsx_page import Formula, Page

MONTHS = 12
"""Months of the credentials' calendar, the one of collecting included."""
_KINDS = ("registration", "external", "managed-identity", "first-party", "legacy")
_CREDENTIAL_KINDS = ("secret", "certificate", "federated")
_WIDTHS = (50, 12, 12, 12, 12, 12, 12, 16, 96)
_OPEN = is_not("State", "waived")


def summary(book: Workbook, run: AuditRun, tables: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Write the second sheet.

    Args:
        book: the workbook.
        run: the result to tell.
        tables: names of the Excel tables that hold each sheet's facts, by the sheet's slug.

    Returns:
        The results of its formulas, by the address of their cell.
    """
    page = Page(book, "Summary", _WIDTHS)
    page.title("Summary")
    page.text(coverage_counts(run) + ".")
    page.text(f"Worst finding: {worst_text(run)}")
    if calls := declared_calls(run):
        page.text(f"{calls}.")
    if run.changes is not None:
        page.text(_changes(run))
    findings = xlsx_counts.findings(run, tables["findings"])
    top = page.row + 2
    _severities(page, findings)
    _causes(page, run, findings, top)
    _checks(page, run, findings)
    _statuses(page, xlsx_counts.permissions(run, tables["permissions"]))
    credentials = xlsx_counts.credentials(run, tables["credentials"])
    _counted(page, "Credentials by state", "State", CREDENTIALS.column("State").order, credentials)
    _calendar(page, run, credentials)
    _counted(page, "Apps by kind", "Kind", _KINDS, xlsx_counts.apps(run, tables["apps"]))
    _first_to_fail(page, run)
    page.ws.print_area = f"A1:I{page.row}"
    page.ws.close()
    return page.values


def _changes(run: AuditRun) -> str:
    kinds = [change.kind for change in run.changes or ()]
    if not kinds:
        return "Nothing changed since the baseline."
    counts = ", ".join(f"{kinds.count(kind):,} {kind}" for kind in ("new", "gone", "changed") if kind in kinds)
    return f"{plural(len(kinds), 'change')} since the baseline: {counts}. The sheet Changes has them."


def _severities(page: Page, facts: Facts) -> None:
    page.heading("Findings by severity")
    numbers = ("Open", "New", "Known", "Waived")
    header = page.header("Severity", *numbers, numbers=numbers)
    for word in SEVERITIES:
        of = is_("Severity", word)
        page.line(
            page.toned(word),
            facts.count(of, _OPEN),
            *(facts.count(of, is_("State", state)) for state in ("new", "known", "waived")),
        )
    _total(page, header, 4)


def _causes(page: Page, run: AuditRun, facts: Facts, top: int) -> None:
    """Open findings by documented cause, and their chart beside."""
    causes: dict[str, list[str]] = {}
    for result in run.checks:
        causes.setdefault(result.meta.cause, []).append(result.meta.slug)
    page.heading("Open findings by cause and severity")
    header = page.header("Cause", *SEVERITIES, "All", numbers=(*SEVERITIES, "All"))
    counts: dict[str, list[int]] = {word: [] for word in SEVERITIES}
    for cause, slugs in causes.items():
        cells = [_of_checks(facts, slugs, word) for word in SEVERITIES]
        for word, cell in zip(SEVERITIES, cells, strict=True):
            counts[word].append(cell.value)
        row = page.row + 1
        everything = Formula(f"SUM(B{row}:F{row})", sum(cell.value for cell in cells), bold=True)
        name = style.text_cell(page.ws, cause, alignment=style.WRAPPED)
        page.line(name, *cells, everything, height=style.row_height([(cause, _WIDTHS[0] + 6)]))
    if not causes:
        return
    _total(page, header, 6)
    series = [Bars(word, at, counts[word], SHADES[TONES[word]].ink) for at, word in enumerate(SEVERITIES, 2)]
    drawing = Drawing("Open findings by cause and severity", header, list(causes), series, width=19.5, height=9.4)
    xlsx_charts.add(page.ws, drawing, f"H{top}")


def _of_checks(facts: Facts, slugs: Sequence[str], severity: str) -> Formula:
    """Open findings of this severity of some checks together."""
    each = [facts.count(is_("Check", slug), is_("Severity", severity), _OPEN) for slug in slugs]
    return Formula("+".join(one.text for one in each), sum(one.value for one in each))


def _checks(page: Page, run: AuditRun, facts: Facts) -> None:
    page.heading("Open findings by check")
    worst = {str(record["check"]): record["worst_severity"] for record in rows.checks(run)}
    header = page.header("Check", *SEVERITIES, "All", "Outcome", "Good state", numbers=(*SEVERITIES, "All"))
    for result in run.checks:
        of = (is_("Check", result.meta.slug), _OPEN)
        page.line(
            style.text_cell(page.ws, result.meta.slug, alignment=style.TOP),
            *(facts.count(*of, is_("Severity", word)) for word in SEVERITIES),
            facts.count(*of, bold=True),
            page.toned(result.outcome, _tone(worst.get(result.meta.slug)) if result.outcome == "fail" else None),
            style.text_cell(page.ws, result.meta.title, alignment=style.INDENTED_WRAPPED),
            height=style.row_height([(result.meta.title, _WIDTHS[8])]),
        )
    if run.checks:
        _total(page, header, 6)


def _tone(severity: str | None) -> Tone:
    """The tone of a failed check: that of its worst open finding."""
    return TONES[severity] if severity else "muted"


def _statuses(page: Page, facts: Facts) -> None:
    """Permissions by status and type, and their chart beside, on a new page: no chart is cut."""
    page.ws.row_breaks.append(Break(id=page.row))
    page.heading("Permissions by status and type")
    top = page.row
    statuses = PERMISSIONS.column("Status").order
    types = ("Application", "Delegated")
    header = page.header("Status", *types, "All", numbers=(*types, "All"))
    counts: list[list[int]] = [[], []]
    for word in statuses:
        of = is_("Status", word)
        cells = [facts.count(of, is_("Type", name.lower())) for name in types]
        for column, cell in zip(counts, cells, strict=True):
            column.append(cell.value)
        page.line(page.toned(word), *cells, facts.count(of, bold=True))
    # What hangs on data that were not read has no status.
    known = [*(sum(column) for column in counts), sum(facts.count(is_("Status", word)).value for word in statuses)]
    everything = [facts.count(is_("Type", name.lower())) for name in types] + [facts.count(filled("Type"))]
    first, last = header + 1, page.row
    page.line(
        page.toned("not known", "muted"),
        *(
            Formula(f"{cell.text}-SUM({letter}{first}:{letter}{last})", cell.value - value, bold=letter == "D")
            for letter, cell, value in zip("BCD", everything, known, strict=True)
        ),
    )
    _total(page, header, 3)
    colours = (SHADES["high"].ink, SHADES["low"].ink)
    series = [
        Bars(name, at, [*column, everything[at - 2].value - known[at - 2]], colour)
        for at, name, column, colour in zip((2, 3), types, counts, colours, strict=True)
    ]
    names = [*statuses, "not known"]
    drawing = Drawing("Permissions by status and type", header, names, series, stacked=False, width=19.5, height=10.2)
    xlsx_charts.add(page.ws, drawing, f"H{top}")


def _counted(page: Page, title: str, column: str, words: Sequence[str], facts: Facts) -> None:
    page.heading(title)
    top = page.header(column, "Count", numbers=("Count",))
    for word in words:
        page.line(page.toned(word), facts.count(is_(column, word)))
    _total(page, top, 1)


def _calendar(page: Page, run: AuditRun, facts: Facts) -> None:
    """Credentials by the month they end in, and their chart beside."""
    page.heading("Credentials by expiry month (UTC)")
    top = page.row
    header = page.header("Ends", *_CREDENTIAL_KINDS, "All", numbers=(*_CREDENTIAL_KINDS, "All"))
    months = _months(run.collected_at.date(), MONTHS + 1)
    spans: list[tuple[str, tuple[Any, ...]]] = [("earlier", (before("Ends", months[0]),))]
    spans += [(f"{month:%Y-%m}", (since("Ends", month), before("Ends", after))) for month, after in pairwise(months)]
    spans += [("later", (since("Ends", months[-1]),)), ("does not end", (is_("State", "does not expire"),))]
    counts: list[list[int]] = [[] for _ in _CREDENTIAL_KINDS]
    for name, span in spans:
        cells = [facts.count(*span, is_("Kind", kind)) for kind in _CREDENTIAL_KINDS]
        for column, cell in zip(counts, cells, strict=True):
            column.append(cell.value)
        page.line(style.text_cell(page.ws, name), *cells, facts.count(*span, bold=True))
    _total(page, header, 4)
    colours = (SHADES["critical"].ink, SHADES["low"].ink, SHADES["info"].ink)
    series = [
        Bars(kind, at, column, colour)
        for at, (kind, column, colour) in enumerate(zip(_CREDENTIAL_KINDS, counts, colours, strict=True), 2)
    ]
    drawing = Drawing(
        "Credentials by expiry month", header, [name for name, _ in spans], series, "col", width=19.5, height=8.6
    )
    xlsx_charts.add(page.ws, drawing, f"H{top}")


def _months(day: date, count: int) -> list[date]:
    """The first days of this month and the following ones."""
    numbers = range(day.year * 12 + day.month - 1, day.year * 12 + day.month - 1 + count)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _total(page: Page, header: int, columns: int) -> None:
    """A line of sums beneath a table's columns B and on."""
    last = page.row
    letters = "BCDEFG"[:columns]
    sums = [sum(page.values[f"{letter}{row}"] for row in range(header + 1, last + 1)) for letter in letters]
    page.line(
        style.text_cell(page.ws, "All", font=style.BOLD),
        *(
            Formula(f"SUM({letter}{header + 1}:{letter}{last})", value, bold=True)
            for letter, value in zip(letters, sums, strict=True)
        ),
    )


def _first_to_fail(page: Page, run: AuditRun) -> None:
    apps = failing_apps(run)
    page.heading("Apps that will fail first")
    if not apps:
        page.text("No open finding predicts that a call fails.")
        return
    page.header("App", "Severity", "Certainty", "Findings", "Worst finding", "", "", "", "", numbers=("Findings",))
    for app in apps:
        page.line(
            style.text_cell(page.ws, shorter(app.display_name, 60), alignment=style.TOP),
            page.toned(app.severity),
            style.text_cell(page.ws, app.certainty, alignment=style.INDENTED),
            app.findings,
            style.text_cell(page.ws, shorter(app.summary), alignment=style.INDENTED),
        )
