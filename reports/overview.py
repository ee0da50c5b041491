"""What every report says first: coverage in one sentence, what is open, which apps will fail first.

Pure facts about one run; the writers decide how they look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from auditor.audit.check import CERTAINTIES, SEVERITIES, Finding
from auditor.audit.result import AuditRun, CheckResult
from auditor.tenant.state import SourceState
from reports.text import plural

SEVERITY_MEANINGS: Mapping[str, str] = {
    "critical": "Calls fail now and people notice, or a grant could cost the tenant. Act today.",
    "high": "Calls will fail, or a grant is dangerous. Act this week.",
    "medium": "Some calls or some users will fail, or it will break soon. Plan it.",
    "low": "Untidy: does no harm yet.",
    "info": "Good to know. Nothing fails because of it today.",
}
VERDICTS = ("denied", "depends", "unknown", "allowed")
"""Verdicts of predictions, worst first."""
CERTAINTY_MEANINGS: Mapping[str, str] = {
    "certain": "The tenant's data leave no other answer.",
    "likely": "The data point one way; something outside the tenant's data could still change it.",
    "possible": "The data allow both answers; a person has to look.",
}
OUTCOME_MEANINGS: Mapping[str, str] = {
    "fail": "It found something.",
    "pass": "It looked at everything it covers and found nothing.",
    "not-applicable": "There was nothing to look at.",
    "not-assessed": "A source it needs could not be read: this is a gap, not a pass.",
    "error": "The check itself broke: this is a gap, not a pass. Please report it.",
}


def state(finding: Finding) -> str:
    """``waived`` (accepted risk), else ``known`` (in the baseline), else ``new``."""
    return "waived" if finding.waived else "known" if finding.known else "new"


def open_findings(run: AuditRun) -> Iterable[Finding]:
    """Findings that nobody has waived, worst first."""
    return (finding for finding in run.findings if not finding.waived)


def assessed(run: AuditRun) -> list[CheckResult]:
    """Checks that gave an answer."""
    return [result for result in run.checks if result.outcome not in ("not-assessed", "error")]


def not_assessed(run: AuditRun) -> list[CheckResult]:
    """Checks that gave none: a source was not read, or the check broke."""
    return [result for result in run.checks if result.outcome in ("not-assessed", "error")]


def reason_of(result: CheckResult) -> str:
    """Why a check gave no answer, without a closing full stop."""
    fallback = "the check broke" if result.outcome == "error" else "no reason was recorded"
    return (result.reason or fallback).strip().rstrip(".")


def checks_assessed(run: AuditRun) -> str:
    """How many checks gave an answer, without a full stop: ``17 of 19 checks assessed; 2 not``."""
    total, missing = len(run.checks), len(not_assessed(run))
    if not total:
        return "No checks ran"
    if missing:
        return f"{total - missing} of {plural(total, 'check')} assessed; {missing} not"
    return f"All {total} checks assessed" if total > 1 else "1 of 1 check assessed"


def unassessed_sentence(run: AuditRun) -> str:
    """What a table of findings cannot say: ``16 of 18 checks were not assessed: …``; empty when every check answered."""
    missing = len(not_assessed(run))
    if not missing:
        return ""
    were = "was" if missing == 1 else "were"
    return f"{missing} of {plural(len(run.checks), 'check')} {were} not assessed: the absence of findings there means nothing."


def uncompared_sentence(run: AuditRun) -> str:
    """What a table of changes cannot say: how much was not compared and why; empty when everything was."""
    reasons = list(dict.fromkeys(gap.reason for gap in run.not_compared))
    if not reasons:
        return ""
    more = f" And {plural(len(reasons) - 3, 'reason')} more." if len(reasons) > 3 else ""
    return "Not everything was compared. " + " ".join(reasons[:3]) + more


def worst_finding(run: AuditRun) -> Finding | None:
    """The open finding that is worst, and most certain among those; None without open findings."""
    return min(open_findings(run), key=_rank, default=None)


@dataclass(frozen=True)
class Gap:
    """Checks that gave no answer for the same reason."""

    wanted: str
    """What would close it, or what happened, without a full stop: ``Grant Directory.Read.All``."""
    checks: tuple[str, ...]


def gaps(run: AuditRun) -> list[Gap]:
    """Checks that gave no answer, by what would open their sources; the largest group first."""
    unread = {entry.state.source: entry.state for entry in run.coverage if not entry.state.is_read}
    groups: dict[str, list[str]] = {}
    for result in not_assessed(run):
        states = [unread[source] for source in result.meta.sources if source in unread]
        known = states and result.outcome != "error"
        wanted = "; ".join(sorted(_openers(states))) if known else reason_of(result)
        groups.setdefault(wanted[:1].upper() + wanted[1:], []).append(result.meta.slug)
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Gap(wanted, tuple(slugs)) for wanted, slugs in ranked]


def _openers(states: Iterable[SourceState]) -> set[str]:
    """What would open sources that were not read: permissions in one phrase, then licences, then anything else."""
    permissions: set[str] = set()
    others: set[str] = set()
    for source in states:
        if source.status == "denied" and source.permission:
            permissions.add(source.permission)
        elif source.status == "unlicensed" and source.licence:
            others.add(f"needs the licence {source.licence}")
        else:
            others.add(f"{source.source} was {'not read' if source.status == 'failed' else source.status}")
    return others | ({"Grant " + " and ".join(sorted(permissions))} if permissions else set())


def sources_read(run: AuditRun) -> str:
    """How many sources were read, without a full stop: ``18 of 19 sources read``."""
    read = sum(entry.state.is_read for entry in run.coverage)
    return f"{read} of {plural(len(run.coverage), 'source')} read"


def coverage_counts(run: AuditRun) -> str:
    """Both in one line, without the last full stop."""
    return f"{checks_assessed(run)}. {sources_read(run)}"


def declared_calls(run: AuditRun) -> str:
    """What becomes of the declared calls, without a full stop: ``3 declared calls: 1 denied, 2 allowed``; empty without any."""
    words = [str(row["verdict"]) for row in run.predictions]
    counts = ", ".join(f"{words.count(word):,} {word}" for word in VERDICTS if word in words)
    return f"{plural(len(words), 'declared call')}: {counts}" if words else ""


def unread_among(run: AuditRun, sources: Collection[str]) -> list[str]:
    """Those of the sources that this run knows and could not read."""
    return [entry.state.source for entry in run.coverage if entry.state.source in sources and not entry.state.is_read]


def coverage_sentence(run: AuditRun) -> str:
    """The whole of it in one text: ``17 of 19 checks assessed; 2 not, because …``."""
    gaps = not_assessed(run)
    if not gaps:
        return coverage_counts(run) + "."
    slugs: dict[str, list[str]] = {}
    for result in gaps:
        slugs.setdefault(reason_of(result), []).append(result.meta.slug)
    reasons = "; ".join(f"{reason} ({', '.join(names)})" for reason, names in slugs.items())
    return f"{checks_assessed(run)}, because {reasons}. {sources_read(run)}."


@dataclass(frozen=True)
class FailingApp:
    """An app with open findings that make calls fail."""

    app_id: str
    display_name: str
    severity: str
    certainty: str
    findings: int
    summary: str
    """The summary of its worst finding."""
    fingerprint: str
    calls: int = 0
    """Declared calls of it that will be denied."""


def failing_apps(run: AuditRun, limit: int = 8) -> list[FailingApp]:
    """The apps that will fail first: worst severity, then most certain, then most calls denied, then most findings.

    Only open findings that predict an HTTP error count: a risky grant is a risk, and makes nothing fail.
    """
    by_app = _failing(run)
    denied = Counter(str(row["app_id"]) for row in run.predictions if row["verdict"] == "denied")

    def urgency(item: tuple[str, list[Finding]]) -> tuple[int | str, ...]:
        app_id, findings = item
        worst = min(findings, key=_rank)
        return (*_rank(worst), -denied[app_id], -len(findings), worst.display_name or "", app_id)

    apps = []
    for app_id, findings in sorted(by_app.items(), key=urgency)[:limit]:
        worst = min(findings, key=_rank)
        apps.append(
            FailingApp(
                app_id,
                worst.display_name or app_id,
                worst.severity,
                worst.certainty,
                len(findings),
                worst.summary,
                worst.fingerprint,
                denied[app_id],
            )
        )
    return apps


def failing_count(run: AuditRun) -> int:
    """How many apps have an open finding that predicts an HTTP error."""
    return len(_failing(run))


def _failing(run: AuditRun) -> dict[str, list[Finding]]:
    """By app id, the open findings that predict an HTTP error."""
    by_app: dict[str, list[Finding]] = {}
    for finding in open_findings(run):
        status = finding.http_status
        if finding.app_id and status is not None and status >= 400 and finding.severity != "info":
            by_app.setdefault(finding.app_id, []).append(finding)
    return by_app


@dataclass(frozen=True)
class Changed:
    """How much of one kind of thing changed since the baseline."""

    thing: str
    things: str
    """Its plural."""
    counts: tuple[tuple[str, int], ...]
    """``(kind, count)``, of kinds that there are: new, changed, gone."""


_PLURALS = {
    "finding": "findings",
    "prediction": "predictions",
    "permission": "permissions",
    "consent": "consents",
    "credential": "credentials",
    "app": "apps",
    "directory role": "directory roles",
    "policy": "policies",
}
"""Things that change, in the order in which people ask about them; each of ``change.THINGS``."""


def changed(run: AuditRun) -> list[Changed]:
    """What changed since the baseline, by kind of thing; empty where nothing did, or no baseline was given."""
    counts = Counter((change.thing, change.kind) for change in run.changes or ())
    things = []
    for thing, many in _PLURALS.items():
        told = tuple((kind, counts[thing, kind]) for kind in ("new", "changed", "gone") if counts[thing, kind])  # type: ignore[index]
        if told:
            things.append(Changed(thing, many, told))
    return things


def _rank(finding: Finding) -> tuple[int, int]:
    return SEVERITIES.index(finding.severity), CERTAINTIES.index(finding.certainty)
