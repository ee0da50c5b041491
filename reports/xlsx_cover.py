"""``Read me``, the first sheet: what this is, what it does not know, and what every sheet and column means."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl import Workbook

from auditor.audit.result import AuditRun
from reports import xlsx_style as style
from reports.columns import Sheet
from reports.overview import (
    CERTAINTY_MEANINGS,
    OUTCOME_MEANINGS,
    SEVERITY_MEANINGS,
    coverage_counts,
    coverage_sentence,
    not_assessed,
    reason_of,
    unassessed_sentence,
    worst_finding,
)
from reports.palette import TONES
from reports.text import one_line, plural, spoken_utc
from reports.xlsx_page import TEXT_WIDTH, Page


def worst_text(run: AuditRun) -> str:
    """The worst open finding in one line, and what its absence would not prove."""
    worst = worst_finding(run)
    told = f"{worst.severity}: {shorter(worst.summary, 400)}" if worst else "No open findings."
    return f"{told} {unassessed_sentence(run)}".strip()


def read_me(book: Workbook, run: AuditRun, sheets: Sequence[Sheet]) -> None:
    """Write the first sheet.

    ``sheets`` are the sheets of facts that the book has.
    """
    page = Page(book, "Read me", (34, TEXT_WIDTH))
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
    page.section("Read me", "This sheet.")
    page.section("Summary", "Counts by formula over the other sheets: they follow your edits.")
    for sheet in sheets:
        gap = sheet.gap(run)
        page.section(sheet.title, sheet.meaning + (f" Incomplete: {gap}" if gap else ""))
        for column in sheet.columns:
            page.fact(f"    {column.header}", column.meaning, bold=False)
    page.ws.close()


def _coverage(page: Page, run: AuditRun) -> None:
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


def shorter(text: str, limit: int = 130) -> str:
    """A text of the tenant on one line, cut where the printed page ends."""
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"
