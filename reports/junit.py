"""``audit.junit.xml``: the audit as a test report, for pipelines that show one. A suite a check, a case a check and app.

An app with a finding that is new and of low severity or worse is a failed case; known, waived and info findings are skipped
ones, with the reason. A check that found nothing is one passed case. What was not assessed is skipped, what broke an error,
and a source that was not read is a skipped case of the suite ``coverage``: a gap never looks like a pass. Declared calls are
a suite of their own.

Element and attribute names are those of the schema that Jenkins publishes, which Azure Pipelines and GitLab read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

from auditor.audit.check import Finding
from auditor.audit.result import AuditRun, CheckResult
from reports import rows
from reports.overview import reason_of, state
from reports.text import cut, iso_utc, one_line, plural, visible

CALLS = "declared calls"
COVERAGE = "coverage"
_NAME = "graph-auditor"
_MESSAGE_LIMIT = 10_000
_LINE_LIMIT = 2_500
_NAME_LIMIT = 500
"""Of a whole case; what tells cases apart stands behind the parts that are cut."""
_PART_LIMIT = 200

Outcome = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True)
class Case:
    """One ``testcase``."""

    name: str
    outcome: Outcome = "passed"
    message: str = ""
    """One line."""
    type: str = ""
    """Severity or outcome, for tools that group by it."""
    text: str = ""
    """Details, several lines."""


@dataclass(frozen=True)
class Suite:
    """One ``testsuite``."""

    name: str
    cases: Sequence[Case]
    properties: Mapping[str, str] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """How many cases ended so."""
        return sum(case.outcome == outcome for case in self.cases)


def write_junit(run: AuditRun, path: Path) -> None:
    """Write the file to ``path``.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines(run))


def lines(run: AuditRun) -> Iterator[str]:
    """The file in pieces."""
    made = suites(run)
    tests = sum(len(suite.cases) for suite in made)
    failures, errors = (sum(suite.count(outcome) for suite in made) for outcome in ("failure", "error"))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="{_NAME}" tests="{tests}" failures="{failures}" errors="{errors}" time="0">\n'
    for suite in made:
        yield from _suite(suite, iso_utc(run.collected_at).removesuffix("Z"))
    yield "</testsuites>\n"


def suites(run: AuditRun) -> list[Suite]:
    """What the file says, before it is XML."""
    found: dict[str, dict[str, list[Finding]]] = {}
    for finding in run.findings:
        found.setdefault(finding.check, {}).setdefault(finding.app_id or "", []).append(finding)
    made = [_of_check(result, found.pop(result.meta.slug, {}), run) for result in run.checks]
    made += [Suite(slug, _of_apps(by_app, run)) for slug, by_app in sorted(found.items())]
    if run.predictions:
        made.append(Suite(CALLS, list(_of_calls(run))))
    if run.coverage:
        made.append(Suite(COVERAGE, [_of_source(entry) for entry in run.coverage]))
    return made


def _of_check(result: CheckResult, by_app: Mapping[str, Sequence[Finding]], run: AuditRun) -> Suite:
    meta = result.meta
    about = {
        "title": meta.title, "cause": meta.cause, "severity": meta.severity, "outcome": result.outcome,
        "examined": str(result.examined), "help": meta.help_url,
    }  # fmt: skip
    cases = _of_apps(by_app, run)
    reason = f"{reason_of(result)}."
    if result.outcome == "pass":
        cases.insert(0, Case(meta.title))
    elif result.outcome == "not-applicable":
        cases.insert(0, Case(meta.title, "skipped", "There was nothing to look at.", result.outcome))
    elif result.outcome == "not-assessed":
        cases.insert(0, Case(meta.title, "skipped", f"Not assessed: {reason}", result.outcome))
    elif result.outcome == "error":
        cases.insert(0, Case(meta.title, "error", f"The check broke: {reason}", result.outcome, reason))
    return Suite(meta.slug, cases, about)


def _of_apps(by_app: Mapping[str, Sequence[Finding]], run: AuditRun) -> list[Case]:
    return [_of_findings(app_id, findings, run) for app_id, findings in by_app.items()]


def _of_findings(app_id: str, findings: Sequence[Finding], run: AuditRun) -> Case:
    """One app under one check: failed by what would count for ``--fail-on low``."""
    name = _app(app_id, findings[0].display_name, run)
    text = "\n\n".join(_details(finding) for finding in findings)
    counting = [finding for finding in findings if _counts(finding)]
    if not counting:
        why = "; ".join(dict.fromkeys(_why_not(one) for one in findings))
        return Case(name, "skipped", why, _word(findings[0]), text)
    worst = counting[0]  # the run has the worst first
    more = f" ({plural(len(counting), 'finding')}; the worst is told)" if len(counting) > 1 else ""
    return Case(name, "failure", worst.summary + more, worst.severity, text)


def _counts(finding: Finding) -> bool:
    return state(finding) == "new" and finding.severity != "info"


def _word(finding: Finding) -> str:
    """Why a finding does not fail its case, in one word."""
    word = state(finding)
    return finding.severity if word == "new" else word


def _why_not(finding: Finding) -> str:
    word = _word(finding)
    if word == "waived":
        return f"waived: {finding.waiver_reason or 'no reason was recorded'}"
    return "known from the baseline" if word == "known" else f"{word}: {finding.summary}"


def _details(finding: Finding) -> str:
    """One finding, a fact a line. Every line begins with words of ours, so that a name can feign none."""
    told = {
        "permission": finding.permission, "type": finding.permission_type, "call": finding.call, "flow": finding.flow,
        "HTTP status": finding.http_status, "error code": finding.error_code,
    }  # fmt: skip
    remedy = finding.remediation
    parts = [f"{finding.severity}, {finding.certainty}, {state(finding)}: {one_line(finding.summary)}"]
    parts += [f"{key}: {one_line(str(value))}" for key, value in told.items() if value is not None]
    parts.append(f"fix: {one_line(remedy.text)}")
    parts += [f"command: {one_line(command)}" for command in remedy.commands]
    parts += [f"page: {one_line(remedy.url)}"] if remedy.url else []
    parts += [f"help: {one_line(finding.help_url)}", f"fingerprint: {finding.fingerprint}"]
    return "\n".join(cut(part, _LINE_LIMIT) for part in parts)


def _app(app_id: str, name: str | None, run: AuditRun) -> str:
    if not app_id:
        return f"tenant {cut(one_line(run.tenant_name), _PART_LIMIT) or run.tenant_id}"
    return f"{cut(one_line(name), _PART_LIMIT)} ({app_id})" if name else app_id


def _of_calls(run: AuditRun) -> Iterator[Case]:
    names = rows.app_names(run)
    findings: dict[tuple[Any, ...], Finding] = {
        (one.app_id, one.call, one.flow): one for one in run.findings if one.call is not None
    }
    for row in run.predictions:
        app_id = row.get("app_id") or ""
        flow = f" ({row['flow']})" if row.get("flow") else ""
        name = f"{cut(one_line(str(row['call'])), _PART_LIMIT)}{flow} by {_app(app_id, names.get(app_id), run)}"
        yield _of_call(name, row, findings.get((row.get("app_id"), row.get("call"), row.get("flow"))))


def _of_call(name: str, row: Mapping[str, Any], finding: Finding | None) -> Case:
    """One prediction. ``depends`` passes and says on what; ``unknown`` is not judged, so it is skipped."""
    verdict, reason = str(row["verdict"]), str(row.get("reason") or "no reason was recorded")
    text = "\n".join(_of_row(row))
    if verdict == "unknown":
        return Case(name, "skipped", f"unknown: {reason}", verdict, text)
    if verdict != "denied":
        return Case(name, "passed", "", verdict, text)
    if finding is not None and not _counts(finding):
        return Case(name, "skipped", f"denied, {_why_not(finding)}", _word(finding), text)
    return Case(name, "failure", reason, str(row.get("check") or verdict), text)


def _of_row(row: Mapping[str, Any]) -> Iterator[str]:
    for key in ("verdict", "reason", "check", "also", "http_status", "error_code", "granted_by", "needs"):
        value = row.get(key)
        if value is None or value in ((), []):
            continue
        told = "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        yield f"{key.replace('_', ' ')}: {cut(one_line(told), _LINE_LIMIT)}"


def _of_source(entry: Any) -> Case:
    read = entry.state
    if read.is_read:
        return Case(read.source)
    detail = f": {read.detail}" if read.detail else ""
    affected = f"Checks that lose by it: {', '.join(entry.affects)}." if entry.affects else ""
    return Case(read.source, "skipped", f"not read ({read.status}){detail}", read.status, affected)


def _suite(suite: Suite, at: str) -> Iterator[str]:
    counts = " ".join(
        f'{attribute}="{count}"'
        for attribute, count in (
            ("tests", len(suite.cases)),
            ("failures", suite.count("failure")),
            ("errors", suite.count("error")),
            ("skipped", suite.count("skipped")),
        )
    )
    yield f'<testsuite name={_attribute(suite.name)} {counts} time="0" timestamp="{at}">\n'
    if suite.properties:
        yield "<properties>\n"
        for key, value in suite.properties.items():
            yield f"<property name={_attribute(key)} value={_attribute(value)}/>\n"
        yield "</properties>\n"
    classname = _attribute(f"{_NAME}.{suite.name}")
    for case in suite.cases:
        yield from _case(case, classname)
    yield "</testsuite>\n"


def _case(case: Case, classname: str) -> Iterable[str]:
    head = f'<testcase classname={classname} name={_attribute(case.name, _NAME_LIMIT)} time="0"'
    if case.outcome == "passed":
        return (
            [f"{head}/>\n"]
            if not case.text
            else [f"{head}><system-out>{_content(case.text)}</system-out></testcase>\n"]
        )
    attributes = f"message={_attribute(case.message)} type={_attribute(case.type)}"
    body = f">{_content(case.text)}</{case.outcome}>" if case.text else "/>"
    return [f"{head}><{case.outcome} {attributes}{body}</testcase>\n"]


def _attribute(text: str, limit: int = _MESSAGE_LIMIT) -> str:
    return quoteattr(cut(one_line(text), limit))


def _content(text: str) -> str:
    """Text between tags; ``visible`` leaves nothing that XML 1.0 forbids. It is not cut as a whole: no finding may be lost."""
    return escape(visible(text))
