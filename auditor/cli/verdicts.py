"""The answer of ``auditor check`` on the screen: what becomes of each declared call, then what else was found about the app."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auditor.cli.screen import Screen, counted
from auditor.cli.steps import counting
from auditor.cli.summary import NOT_ASSESSED, say_drift

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.audit.result import AuditRun

_WIDE = 140
"""Columns of a terminal on which every column has room for its words."""
_NEEDS = 3
"""Permissions shown; the reports have them all."""


def show(run: AuditRun, app_id: str, screen: Screen, *, words: bool) -> None:
    """The two tables.

    Args:
        run: the audit of one app.
        app_id: the app.
        screen: where to.
        words: on standard error, because standard output carries JSON.
    """
    from reports.overview import declared_calls

    names = run.apps["display_name"].dropna() if len(run.apps) else ()
    app = f"{next(iter(names), 'app')} ({app_id})"
    calls = declared_calls(run) or "no call declared, the configuration alone is judged"
    heading = f"{app}, {run.tenant_name or run.tenant_id}: {calls}"
    if run.predictions:
        screen.table(heading, *_table(run.predictions), words=words)
    others = [finding for finding in run.findings if finding.call is None]
    if others or not run.predictions:
        rows = [(one.severity, one.check, one.certainty, _state(one), one.summary) for one in others]
        title = "Findings about the app, worst first" if run.predictions else f"{heading}; {_findings(len(others))}"
        screen.table(title, ("Severity", "Check", "Certainty", "State", "What"), rows, words=words)
    missing = [result for result in run.checks if result.outcome in NOT_ASSESSED]
    if missing:
        why = [(result.meta.slug, result.outcome, result.reason or "") for result in missing]
        screen.table("Not assessed", ("Check", "Outcome", "Why"), why, words=words)


def _findings(number: int) -> str:
    return counted(number, "finding") if number else "no finding"


def _table(predictions: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headers and rows, worst first; on a narrow terminal three columns carry what else are seven."""
    from reports.overview import VERDICTS

    ordered = sorted(predictions, key=lambda row: VERDICTS.index(row["verdict"]))
    if sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE:
        return ("Verdict", "Call", "Why"), [_narrow(row) for row in ordered]
    headers = ("Verdict", "Call", "Flow", "Check", "Answer", "Why", "Needs one of")
    return headers, [_wide(row) for row in ordered]


def _wide(row: Mapping[str, Any]) -> tuple[str, ...]:
    answer = " ".join(str(part) for part in (row["http_status"], row["error_code"]) if part)
    return (row["verdict"], row["call"], row["flow"] or "", row["check"] or "", answer, row["reason"], _needs(row))


def _narrow(row: Mapping[str, Any]) -> tuple[str, ...]:
    check = f"{row['check']}: " if row["check"] else ""
    needs = f" Needs one of: {_needs(row)}." if row["needs"] else ""
    return (row["verdict"], f"{row['call']} ({row['flow']})", f"{check}{row['reason']}{needs}")


def _needs(row: Mapping[str, Any]) -> str:
    """The first few permissions that would open the call."""
    needs = list(row["needs"])
    return ", ".join(needs[:_NEEDS]) + (f" and {len(needs) - _NEEDS} more" if len(needs) > _NEEDS else "")


def _state(finding: Any) -> str:
    return "waived" if finding.waived else "known" if finding.known else "new"


def close(run: AuditRun, files: Sequence[Path], screen: Screen, fail_on: str) -> None:
    """The last lines, on standard error: how to repair denied calls, coverage, the gate, and where the reports are."""
    for finding in run.findings:
        if finding.call is not None and not finding.waived:
            screen.say(f"fix: {finding.call} ({finding.flow}): {finding.remediation.text}")
            for command in finding.remediation.commands:
                screen.say(f"  {command}")
    assessed = sum(result.outcome not in NOT_ASSESSED for result in run.checks)
    screen.say(f"{assessed} of {counted(len(run.checks), 'check')} assessed, {counted(run.requests, 'request')}.")
    if not run.is_complete:
        screen.say(
            "Incomplete: data that the answer depends on could not be read; see above, or the coverage of the report."
        )
    say_drift(run, screen)
    count = counting(run, fail_on)
    if count:
        calls = sum(finding.call is not None for finding in count)
        what = f", {counted(calls, 'denied call')} among them" if calls else ""
        verb = "counts" if len(count) == 1 else "count"
        screen.say(f"{counted(len(count), 'finding')} {verb} for --fail-on {fail_on}{what}.")
    elif fail_on != "never":
        screen.say(f"No finding counts for --fail-on {fail_on}.")
    for file in files:
        screen.say(f"report: {file}")
