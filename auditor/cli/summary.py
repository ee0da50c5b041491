"""The end of an audit on the screen: counts by severity, what was not assessed and why, and the worst findings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from auditor.cli.screen import Screen
from auditor.cli.steps import counting

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.audit.check import Finding
    from auditor.audit.result import AuditRun

TOP = 10
"""Findings shown; the reports have them all."""


def show(run: AuditRun, screen: Screen, *, words: bool) -> None:
    """The short tables of an audit.

    Args:
        run: the audit.
        screen: where to.
        words: on standard error, because standard output carries JSON.
    """
    counts = run.counts()
    title = f"{run.tenant_name or run.tenant_id}: {len(run.apps):,} apps, {len(run.permissions):,} permissions"
    rows = [(severity, f"{count:,}") for severity, count in counts.items()]
    screen.table(title, ("Severity", "Findings#"), rows, words=words)
    top = [finding for finding in run.findings if not finding.waived][:TOP]
    if top:
        more = sum(counts.values()) - len(top)
        heading = "Worst findings" + (f" ({more:,} more in the reports)" if more > 0 else "")
        screen.table(heading, ("Severity", "Check", "App", "Finding"), (_row(finding) for finding in top), words=words)
    missing = [result for result in run.checks if result.outcome in ("not-assessed", "error")]
    if missing:
        why = [(result.meta.slug, result.outcome, result.reason or "") for result in missing]
        screen.table("Not assessed", ("Check", "Outcome", "Why"), why, words=words)


def _row(finding: Finding) -> tuple[str, str, str, str]:
    return finding.severity, finding.check, finding.display_name or finding.app_id or "(tenant)", finding.summary


def close(run: AuditRun, files: Iterable[Path], screen: Screen, fail_on: str) -> None:
    """The last lines, on standard error: coverage, the gate, and where the reports are."""
    assessed = sum(result.outcome not in ("not-assessed", "error") for result in run.checks)
    screen.say(f"{assessed} of {len(run.checks)} checks assessed, {run.requests:,} requests.")
    if not run.is_complete:
        screen.say("Incomplete: data that findings depend on could not be read; the coverage of the report says what.")
    if number := counting(run, fail_on):
        screen.say(f"{number:,} findings count for --fail-on {fail_on}.")
    for file in files:
        screen.say(f"report: {file}")
