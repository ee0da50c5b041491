"""The end of an audit on the screen: counts by severity, findings by check, what was not assessed and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from auditor.cli.screen import Screen
from auditor.cli.steps import counting

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.audit.check import Finding
    from auditor.audit.result import AuditRun

NAMED = 3
"""Apps named in a row; the reports have them all."""


def show(run: AuditRun, screen: Screen, *, words: bool) -> None:
    """The short tables of an audit.

    Args:
        run: the audit.
        screen: where to.
        words: on standard error, because standard output carries JSON.
    """
    counts = run.counts()
    heading = f"{run.tenant_name or run.tenant_id}: {len(run.apps):,} apps, {len(run.permissions):,} permissions"
    screen.table(heading, [f"{severity}#" for severity in counts], [[f"{n:,}" for n in counts.values()]], words=words)
    by_check: dict[str, list[Finding]] = {}
    for finding in run.findings:
        if not finding.waived:
            by_check.setdefault(finding.check, []).append(finding)
    if by_check:
        rows = [(found[0].severity, check, f"{len(found):,}", _apps(found)) for check, found in by_check.items()]
        screen.table("Findings, worst first", ("Worst", "Check", "Findings#", "Apps"), rows, words=words)
    missing = [result for result in run.checks if result.outcome in ("not-assessed", "error")]
    if missing:
        why = [(result.meta.slug, result.outcome, result.reason or "") for result in missing]
        screen.table("Not assessed", ("Check", "Outcome", "Why"), why, words=words)


def _apps(findings: Sequence[Finding]) -> str:
    """The first few apps of some findings, and how many more there are."""
    names = list(dict.fromkeys(finding.display_name or finding.app_id or "the tenant" for finding in findings))
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(name if len(name) <= 40 else f"{name[:39]}…" for name in names[:NAMED]) + more


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
