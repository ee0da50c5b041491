"""``audit.md``: a short summary for a job log or a pull request. The workbook and the page hold the rest.

Tenant text is escaped: it can make no link, no mark-up, no mention and no table cell of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from auditor.audit.change import Change, Gap
from auditor.audit.check import SEVERITIES, Finding
from auditor.audit.result import AuditRun
from reports.overview import (
    coverage_counts,
    declared_calls,
    failing_apps,
    not_assessed,
    open_findings,
    reason_of,
    state,
)
from reports.palette import SHADES, TONES
from reports.text import cut, one_line, plural, spoken_utc

MAX_FINDINGS = 20
"""Findings listed; a job summary is read on one screen."""
MAX_CHANGES = 200
"""Changes listed where they are all that is told; a comment on a pull request takes 65,536 characters."""
_TEXT_LIMIT = 400
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~!&@]|:(?=\S)")


def escaped(text: str) -> str:
    """Tenant text as Markdown that shows it and does nothing else.

    A colon is escaped so that ``https://`` makes no link, and ``@`` is followed by a word joiner so that it calls nobody.
    """
    line = cut(one_line(text), _TEXT_LIMIT)
    safe = _SPECIAL.sub(lambda match: "@\u2060" if match.group() == "@" else "\\" + match.group(), line)
    return re.sub(r"(?i)\bwww\.", r"www\\.", safe)


def to_markdown(run: AuditRun) -> str:
    """The summary as text."""
    lines = [
        f"# Graph permission audit of {escaped(run.tenant_name)}",
        "",
        f"Collected {spoken_utc(run.collected_at)} by {escaped(run.signed_in_as or 'an identity that is not known')}. "
        f"Graph Auditor {escaped(run.tool_version)}, permission data of {escaped(run.catalog_date)}.",
        "",
        f"**Coverage:** {escaped(coverage_counts(run))}.",
    ]
    calls = declared_calls(run)
    if calls:
        lines += ["", f"{calls}."]
    gaps = not_assessed(run)
    if gaps:
        lines += [
            "",
            *(f"- `{result.meta.slug}` is {result.outcome}: {escaped(reason_of(result))}." for result in gaps),
        ]
    lines += ["", "## Open findings", "", *_counts(run)]
    apps = failing_apps(run)
    if apps:
        lines += [
            "",
            "## Apps that will fail first",
            "",
            "| App | Severity | Findings | Worst finding |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {escaped(app.display_name)} | {_word(app.severity)} | {app.findings} | {escaped(app.summary)} |"
            for app in apps
        ]
    if run.changes is not None:
        since = f" of {spoken_utc(run.baseline_at)}" if run.baseline_at else ""
        lines += ["", "## Changed since the baseline", "", f"Compared with the baseline{since}:"]
        lines[-1] += f" {changes_counted(run.changes)}."
        lines += _changes(run.changes, run.not_compared, MAX_FINDINGS)
    return "\n".join([*lines, *_worst(run), ""])


def drift_markdown(
    tenant: str, old: datetime, new: datetime, changes: Sequence[Change], not_compared: Sequence[Gap]
) -> str:
    """What changed between two audits, as text of its own.

    Args:
        tenant: name or id.
        old: when the older side was collected.
        new: when the newer one was.
        changes: worst first.
        not_compared: what the comparison leaves open.
    """
    lines = [
        f"# What changed in {escaped(tenant)}",
        "",
        f"From {spoken_utc(old)} to {spoken_utc(new)}: {changes_counted(changes)}.",
        *_changes(changes, not_compared, MAX_CHANGES),
    ]
    return "\n".join([*lines, ""])


def changes_counted(changes: Sequence[Change]) -> str:
    """In words, how many changes of each kind: ``3 new, 1 gone, 2 changed``."""
    counts = Counter(change.kind for change in changes)
    kinds = [f"{counts[kind]:,} {kind}" for kind in ("new", "gone", "changed") if counts[kind]]
    return ", ".join(kinds) or "nothing that was compared has changed"


def _changes(changes: Sequence[Change], not_compared: Sequence[Gap], most: int) -> list[str]:
    lines = ["", "| Change | What | What became of it |", "|---|---|---|"] if changes else []
    lines += [f"| {change.kind} | {change.thing} | {escaped(change.summary)} |" for change in changes[:most]]
    if len(changes) > most:
        lines += ["", f"{len(changes) - most:,} more are in the JSON file."]
    if not_compared:
        lines += ["", "Not compared:", "", *(f"- {escaped(gap.reason)}" for gap in not_compared[:most])]
    if len(not_compared) > most:
        lines += ["", f"{len(not_compared) - most:,} more gaps are in the JSON file."]
    return lines


def write_markdown(run: AuditRun, path: Path) -> None:
    """Write the summary to ``path``.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_text(to_markdown(run), encoding="utf-8", newline="\n")


def _word(word: str) -> str:
    return f"{SHADES[TONES[word]].shape} {word}"


def _counts(run: AuditRun) -> list[str]:
    counts = run.counts()
    waived = sum(finding.waived for finding in run.findings)
    known = sum(state(finding) == "known" for finding in run.findings)
    return [
        "| " + " | ".join(_word(severity) for severity in SEVERITIES) + " | all |",
        "|" + "---:|" * (len(SEVERITIES) + 1),
        "| " + " | ".join(f"{counts[severity]:,}" for severity in SEVERITIES) + f" | {sum(counts.values()):,} |",
        "",
        f"{plural(known, 'of them is', 'of them are')} known from the baseline. {plural(waived, 'finding')} waived, not counted.",
    ]


def _worst(run: AuditRun) -> list[str]:
    findings = list(open_findings(run))
    if not findings:
        return []
    shown = findings[:MAX_FINDINGS]
    lines = ["", "## Worst findings", "", *(_line(finding) for finding in shown)]
    if len(findings) > len(shown):
        lines += ["", f"{len(findings) - len(shown):,} more are in the workbook, the page and the JSON file."]
    return lines


def _line(finding: Finding) -> str:
    fix = escaped(finding.remediation.text)
    return f"- {_word(finding.severity)} ({finding.certainty}) `{finding.check}`: {escaped(finding.summary)} Fix: {fix}"
