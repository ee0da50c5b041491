"""JUnit: well-formed, true counts, names that pipelines can match, and no gap or accepted risk that looks like something else."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit.result import AuditRun, CheckResult
from reports.junit import CALLS, COVERAGE, lines, write_junit
from reports.text import visible
from tests.reports import sample

RUNS = ("calm", "hostile", "partial", "nothing")
# What the schema that Jenkins publishes (junit-10.xsd of its xUnit plugin) allows of what is used here.
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out"},
}
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "property": {"name", "value"},
    "testcase": {"name", "time", "classname"},
    "skipped": {"type", "message"},
    "error": {"type", "message"},
    "failure": {"type", "message"},
}
REQUIRED = {"testsuite": {"name", "tests", "failures", "errors"}, "property": {"name", "value"}, "testcase": {"name"}}
OUTCOMES = ("failure", "error", "skipped")


def parsed(run: AuditRun) -> ET.Element:
    return ET.fromstring("".join(lines(run)).encode())


def suite(run: AuditRun, name: str) -> ET.Element:
    (found,) = (one for one in parsed(run) if one.get("name") == name)
    return found


def case(run: AuditRun, of: str, begins: str) -> ET.Element:
    (found,) = (one for one in suite(run, of).iter("testcase") if (one.get("name") or "").startswith(begins))
    return found


def outcome(one: ET.Element) -> str:
    return next((child.tag for child in one if child.tag in OUTCOMES), "passed")


def refused(element: ET.Element) -> list[str]:
    """What the schema would refuse."""
    wrong = [f"{element.tag}@{name}" for name in set(element.keys()) - ATTRIBUTES.get(element.tag, set())]
    wrong += [f"{element.tag} lacks {name}" for name in REQUIRED.get(element.tag, set()) - set(element.keys())]
    for child in element:
        if child.tag not in CHILDREN.get(element.tag, set()):
            wrong.append(f"{element.tag}/{child.tag}")
        wrong += refused(child)
    return wrong


@pytest.mark.parametrize("name", RUNS)
def test_it_is_what_the_schema_allows_and_the_same_every_time(name: str, tmp_path: Path) -> None:
    run = getattr(sample, name)()
    assert refused(parsed(run)) == []
    write_junit(run, tmp_path / "audit.junit.xml")
    content = (tmp_path / "audit.junit.xml").read_bytes()
    assert content == "".join(lines(getattr(sample, name)())).encode()
    assert content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
    assert b"\r" not in content


@pytest.mark.parametrize("name", RUNS)
def test_the_counts_are_true(name: str) -> None:
    root = parsed(getattr(sample, name)())
    for one in root:
        found = [outcome(each) for each in one.iter("testcase")]
        assert int(one.get("tests", "")) == len(found)
        for attribute, word in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(one.get(attribute, "")) == found.count(word)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", one.get("timestamp", ""))
    for attribute in ("tests", "failures", "errors"):
        assert int(root.get(attribute, "")) == sum(int(one.get(attribute, "")) for one in root)


@pytest.mark.parametrize("name", RUNS)
def test_a_case_has_one_outcome_and_a_name_of_its_own(name: str) -> None:
    cases = list(parsed(getattr(sample, name)()).iter("testcase"))
    assert all(len([child for child in one if child.tag in OUTCOMES]) <= 1 for one in cases)
    names = [(one.get("classname"), one.get("name")) for one in cases]
    assert len(set(names)) == len(names)


def test_an_app_with_new_findings_is_one_failed_case_that_tells_all_of_them() -> None:
    run = sample.calm()
    one = case(run, "consent-missing", "Payroll Sync")
    assert one.get("name") == f"Payroll Sync ({sample.guid('Payroll Sync')})"
    assert one.get("classname") == "graph-auditor.consent-missing"
    (failure,) = one
    assert failure.tag == "failure"
    assert failure.get("type") == "critical"
    assert (failure.get("message") or "").startswith(run.findings[0].summary)
    assert "2 findings" in (failure.get("message") or "")
    text = failure.text or ""
    for finding in run.findings[:2]:
        assert f"{finding.severity}, certain, new: {finding.summary}\n" in text
        assert f"\nfingerprint: {finding.fingerprint}" in text
        for command in finding.remediation.commands:
            assert f"\ncommand: {command}\n" in text
    assert "\nHTTP status: 403\nerror code: Authorization_RequestDenied\n" in text


@pytest.mark.parametrize(
    ("check", "app", "kind", "reason"),
    [
        ("consent-partial", "Mail Bot", "known", "known from the baseline"),
        ("permission-excess", "Mail Bot", "waived", "waived: accepted until 2027-06-30"),
        ("conditional-access", "HR Portal", "info", "info: Report-only policy"),
    ],
)
def test_known_waived_and_info_findings_do_not_fail(check: str, app: str, kind: str, reason: str) -> None:
    (skipped,) = case(sample.calm(), check, app)
    assert skipped.tag == "skipped"
    assert skipped.get("type") == kind
    assert (skipped.get("message") or "").startswith(reason)
    assert "fingerprint: " in (skipped.text or "")


def test_one_new_finding_among_known_ones_fails_the_case() -> None:
    run = sample.calm()
    known = replace(run.findings[0], known=True)
    mixed = replace(run, findings=[known, *run.findings[1:]])
    (failure,) = case(mixed, "consent-missing", "Payroll Sync")
    assert failure.tag == "failure"
    assert failure.get("message") == run.findings[1].summary
    assert "critical, certain, known: " in (failure.text or "")


@pytest.mark.parametrize(
    ("result", "word", "message"),
    [
        ("pass", "passed", ""),
        ("not-applicable", "skipped", "There was nothing to look at."),
        ("not-assessed", "skipped", "Not assessed: applications was denied."),
        ("error", "error", "The check broke: applications was denied."),
    ],
)
def test_a_check_without_findings_is_one_case(result: Any, word: str, message: str) -> None:
    meta = sample.meta("consent-missing", title="Every requested permission is granted")
    run = replace(
        sample.nothing(), checks=[CheckResult(meta, result, 0, 0, "applications was denied" if message else None)]
    )
    one = case(run, "consent-missing", "Every requested permission is granted")
    assert outcome(one) == word
    assert message == (one[0].get("message") if len(one) else "")


def test_a_check_that_was_not_assessed_still_tells_its_findings() -> None:
    run = sample.calm()
    first = replace(run.checks[0], outcome="not-assessed", reason="applications was denied")
    cases = list(suite(replace(run, checks=[first, *run.checks[1:]]), "consent-missing").iter("testcase"))
    assert [outcome(one) for one in cases] == ["skipped", "failure"]


@pytest.mark.parametrize(
    ("verdict", "word"), [("allowed", "passed"), ("depends", "passed"), ("unknown", "skipped"), ("denied", "failure")]
)
def test_a_declared_call_is_a_case(verdict: str, word: str) -> None:
    row = {"app_id": sample.guid("HR Portal"), "flow": "delegated", "call": "GET /me", "verdict": verdict}
    row |= {
        "check": "user-privilege",
        "also": ["license-missing"],
        "reason": "It hangs on the user.",
        "needs": ["User.Read"],
    }
    one = case(replace(sample.calm(), predictions=[row]), CALLS, "GET /me (delegated) by HR Portal (")
    assert outcome(one) == word
    text = one[0].text or ""
    assert f"verdict: {verdict}\n" in text
    assert "reason: It hangs on the user." in text
    assert "also: license-missing" in text
    if word != "passed":
        assert "It hangs on the user." in (one[0].get("message") or "")


@pytest.mark.parametrize(("mark", "reason"), [("known", "known from the baseline"), ("waived", "waived: agreed")])
def test_a_denied_call_that_is_known_or_waived_does_not_fail(mark: str, reason: str) -> None:
    run = sample.calm()
    row = dict(run.predictions[0])
    told = sample.finding("Payroll Sync", call=row["call"], flow=row["flow"], waiver_reason="agreed", **{mark: True})
    (skipped,) = case(replace(run, findings=[told], predictions=[row]), CALLS, "GET /users (app-only) by Payroll")
    assert skipped.tag == "skipped"
    assert reason in (skipped.get("message") or "")
    other = replace(told, flow="delegated")  # another flow is another call
    (failure,) = case(replace(run, findings=[other], predictions=[row]), CALLS, "GET /users (app-only) by Payroll")
    assert failure.tag == "failure"


def test_a_source_that_was_not_read_is_skipped_and_says_who_loses_by_it() -> None:
    one = case(sample.partial(), COVERAGE, "identity/conditionalAccess/policies")
    assert outcome(one) == "skipped"
    assert "Policy.Read.All" in (one[0].get("message") or "")
    assert "conditional-access" in (one[0].text or "")
    assert outcome(case(sample.partial(), COVERAGE, "applications")) == "passed"


def test_nothing_is_lost_of_an_app_with_very_many_findings() -> None:
    run = sample.calm()
    many = [sample.finding("HR Portal", permission=f"P{n}", summary=f"P{n} " + "x" * 300) for n in range(300)]
    (failure,) = case(replace(run, findings=many), "consent-missing", "HR Portal")
    assert len(re.findall("^fingerprint: ", failure.text or "", re.MULTILINE)) == 300


def test_long_names_and_calls_do_not_make_cases_alike() -> None:
    ids = (sample.guid("one"), sample.guid("two"))
    row = {"flow": "app-only", "call": "GET /users/" + "y" * 3_000, "verdict": "depends", "reason": "It hangs on it."}
    apps = sample.table(sample.APPS, [sample.app("z" * 3_000, app_id=app_id) for app_id in ids])
    run = replace(sample.calm(), apps=apps, predictions=[{**row, "app_id": app_id} for app_id in ids])
    names = [one.get("name") or "" for one in suite(run, CALLS).iter("testcase")]
    assert len(set(names)) == 2
    for name, app_id in zip(names, ids, strict=True):
        assert name.endswith(f"({app_id})")
        assert len(name) <= 500


def all_text(element: ET.Element) -> Sequence[str]:
    return [text for one in element.iter() for text in (one.text or "", *one.attrib.values())]


def test_hostile_text_is_text() -> None:
    root = parsed(sample.hostile())
    assert {one.tag for one in root.iter()} <= {*CHILDREN, *ATTRIBUTES, "system-out"}
    for text in all_text(root):
        assert visible(text) == text
        assert all(len(line) <= 10_000 for line in text.splitlines())
    failures = list(root.iter("failure"))
    assert len(failures) >= len(sample.HOSTILE)


def test_a_name_can_feign_no_line() -> None:
    name = "x\nfingerprint: 00000000000000000000\ncritical, certain, new: feigned"
    run = replace(sample.calm(), findings=[sample.finding(name, summary=f"{name} is refused.", permission=name)])
    (failure,) = case(run, "consent-missing", "x fingerprint")
    text = failure.text or ""
    assert len(re.findall("^fingerprint: ", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^\w+, \w+, \w+: ", text, re.MULTILINE)) == 1


@given(st.text(st.characters()))
def test_any_text_stays_well_formed(text: str) -> None:
    safe = sample.encodable(text)
    run = replace(
        sample.nothing(),
        tenant_name=text,
        findings=[sample.finding(safe, display_name=text, summary=text, error_code=text, waiver_reason=text)],
        predictions=[
            {"app_id": text, "flow": None, "call": text, "verdict": "depends", "reason": text, "needs": [text]}
        ],
    )
    root = parsed(run)
    assert refused(root) == []
    assert len(list(root.iter("testcase"))) == 2
