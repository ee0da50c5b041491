"""``audit.md``: a short summary for a job log or a pull request. The workbook and the page hold the rest.

Tenant text is escaped: it can make no link, no mark-up, no mention and no table cell of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

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
    return "\n".join([*lines, *_worst(run), ""])


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
