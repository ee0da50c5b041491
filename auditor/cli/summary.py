"""The end of an audit on the screen: counts by severity, findings by check, what was not assessed and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from auditor.cli.screen import Screen, counted
from auditor.cli.steps import counting

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.audit.check import Finding
    from auditor.audit.result import AuditRun

NAMED = 3
"""Apps or findings named in a row; the reports have them all."""
NOT_ASSESSED = ("not-assessed", "error")
"""Outcomes of checks that say nothing of the tenant."""


def show(run: AuditRun, screen: Screen, *, words: bool) -> None:
    """The short tables of an audit.

    Args:
        run: the audit.
        screen: where to.
        words: on standard error, because standard output carries JSON.
    """
    counts = run.counts()
    missing = [result for result in run.checks if result.outcome in NOT_ASSESSED]
    heading = f"{run.tenant_name or run.tenant_id}: {counted(len(run.apps), 'app')}, "
    heading += counted(len(run.permissions), "permission")
    if missing:  # before the counts: few findings are no good news where few checks could look
        heading += f"; {len(missing)} of {counted(len(run.checks), 'check')} not assessed"
    screen.table(heading, [f"{severity}#" for severity in counts], [[f"{n:,}" for n in counts.values()]], words=words)
    by_check: dict[str, list[Finding]] = {}
    for finding in run.findings:
        if not finding.waived:
            by_check.setdefault(finding.check, []).append(finding)
    if by_check:
        rows = [(found[0].severity, check, f"{len(found):,}", _apps(found)) for check, found in by_check.items()]
        screen.table("Findings, worst first", ("Worst", "Check", "Findings#", "Apps"), rows, words=words)
    if missing:
        why = [(result.meta.slug, result.outcome, result.reason or "") for result in missing]
        screen.table("Not assessed", ("Check", "Outcome", "Why"), why, words=words)


def _apps(findings: Sequence[Finding]) -> str:
    """The first few apps of some findings, and how many more there are."""
    names = list(dict.fromkeys(_owner(finding) for finding in findings))
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(_short(name) for name in names[:NAMED]) + more


def _owner(finding: Finding) -> str:
    return finding.display_name or finding.app_id or "the tenant"


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"


def close(run: AuditRun, files: Iterable[Path], screen: Screen, fail_on: str) -> None:
    """The last lines, on standard error: coverage, the gate, and where the reports are."""
    assessed = sum(result.outcome not in NOT_ASSESSED for result in run.checks)
    checks, requests = counted(len(run.checks), "check"), counted(run.requests, "request")
    screen.say(f"{assessed} of {checks} assessed, {requests}.")
    if not run.is_complete:
        screen.say("Incomplete: data that findings depend on could not be read; the coverage of the report says what.")
    known = sum(finding.known for finding in run.findings)
    waived = sum(finding.waived for finding in run.findings)
    if known or waived:
        screen.say(f"{counted(len(run.findings), 'finding')}: {known:,} known, {waived:,} waived.")
    if count := counting(run, fail_on):
        verb = "counts" if len(count) == 1 else "count"
        named = ", ".join(f"{finding.check} {_short(_owner(finding))}" for finding in count[:NAMED])
        more = f" and {len(count) - NAMED:,} more" if len(count) > NAMED else ""
        screen.say(f"{counted(len(count), 'finding')} {verb} for --fail-on {fail_on}: {named}{more}.")
    elif fail_on != "never":
        screen.say(f"No finding counts for --fail-on {fail_on}.")
    for file in files:
        screen.say(f"report: {file}")
