"""The end of an audit on the screen: counts by severity, findings by check, what was not assessed and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.cli.screen import Screen, counted
from auditor.cli.steps import counting

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.audit.check import Finding
    from auditor.audit.result import AuditRun
    from auditor.cli.steps import Job

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
    from reports.overview import declared_calls

    counts = run.counts()
    missing = [result for result in run.checks if result.outcome in NOT_ASSESSED]
    heading = f"{run.tenant_name or run.tenant_id}: {counted(len(run.apps), 'app')}, "
    heading += counted(len(run.permissions), "permission")
    if calls := declared_calls(run):
        heading += f"; {calls}"
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


def warn(run: AuditRun, job: Job, screen: Screen) -> None:
    """What the configuration says of the tenant and the tenant does not bear out, on standard error.

    Nothing is said of what this run cannot know: with ``--app`` of the rest of the tenant, and of sources or checks
    that were not assessed.
    """
    for warning in (*_absent_apps(run, job), *_idle_waivers(run, job)):
        screen.say(f"warning: {warning}")


def _absent_apps(run: AuditRun, job: Job) -> Iterator[str]:
    unread = {entry.state.source for entry in run.coverage if not entry.state.is_read}
    if job.app_ids or unread & {"applications", "servicePrincipals"}:
        return
    present = set(run.apps["app_id"])
    for number, app in enumerate(job.settings.apps, 1):
        if app.app_id not in present:
            yield f"{job.settings.file}: apps[{number}]: the tenant has no app {app.app_id}."


def _idle_waivers(run: AuditRun, job: Job) -> Iterator[str]:
    silent = {result.meta.slug for result in run.checks if result.outcome in NOT_ASSESSED}
    for number, waiver in enumerate(run.waivers, 1):
        place = f"{job.settings.file}: waivers[{number}] ({waiver.check})"
        if waiver.expired and waiver.matched:
            yield f"{place} expired on {waiver.expires} and no longer covers {counted(waiver.matched, 'finding')}."
        elif waiver.expired:
            yield f"{place} expired on {waiver.expires}."
        elif not waiver.matched and not job.app_ids and waiver.check not in silent:
            yield f"{place} covers no finding."


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
    say_drift(run, screen)
    if count := counting(run, fail_on):
        verb = "counts" if len(count) == 1 else "count"
        named = ", ".join(f"{finding.check} {_short(_owner(finding))}" for finding in count[:NAMED])
        more = f" and {len(count) - NAMED:,} more" if len(count) > NAMED else ""
        screen.say(f"{counted(len(count), 'finding')} {verb} for --fail-on {fail_on}: {named}{more}.")
    elif fail_on != "never":
        screen.say(f"No finding counts for --fail-on {fail_on}.")
    for file in files:
        screen.say(f"report: {file}")


def say_drift(run: AuditRun, screen: Screen) -> None:
    """What changed since the baseline, counted, on one line; nothing without a baseline."""
    if run.changes is None:
        return
    from reports.markdown import changes_counted

    since = f" of {run.baseline_at:%Y-%m-%d %H:%M} UTC" if run.baseline_at else ""
    left = f"; {counted(len(run.not_compared), 'gap')} in the comparison" if run.not_compared else ""
    screen.say(f"Since the baseline{since}: {changes_counted(run.changes)}{left}.")
