"""SARIF: valid by the schema and by the rules that a schema cannot hold, and nothing of the run lost or made up."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.audit.check import SEVERITIES
from auditor.audit.registry import page, registry
from auditor.audit.result import AuditRun, CheckResult
from reports.sarif import chunks, write_sarif
from reports.text import visible
from tests.reports import sample

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
RUNS = ("calm", "hostile", "partial", "nothing")


def document(run: AuditRun) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(b"".join(chunks(run)).decode("utf-8"))
    return made


def only(run: AuditRun) -> dict[str, Any]:
    (told,) = document(run)["runs"]
    return dict(told)


@pytest.mark.parametrize("name", RUNS)
def test_it_is_valid_and_the_same_every_time(name: str, tmp_path: Path) -> None:
    run = getattr(sample, name)()
    jsonschema.Draft4Validator(SCHEMA).validate(document(run))
    write_sarif(run, tmp_path / "audit.sarif")
    assert (tmp_path / "audit.sarif").read_bytes() == b"".join(chunks(getattr(sample, name)()))


def test_the_schema_would_see_what_is_wrong() -> None:
    wrong = document(sample.calm())
    wrong["runs"][0]["results"][0]["level"] = "high"
    with pytest.raises(jsonschema.ValidationError, match="'high' is not one of"):
        jsonschema.Draft4Validator(SCHEMA).validate(wrong)


@pytest.mark.parametrize("name", RUNS)
def test_what_points_somewhere_points_there(name: str) -> None:
    told = only(getattr(sample, name)())
    driver = told["tool"]["driver"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", driver["semanticVersion"])
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(rules) == len(set(rules))
    for result in told["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        (place,) = result["locations"]
        artifact = place["physicalLocation"]["artifactLocation"]
        assert told["artifacts"][artifact["index"]]["location"]["uri"] == artifact["uri"] == "audit.json"
        assert place["physicalLocation"]["region"]["startLine"] == 1
    for described in (*driver["rules"], *driver["notifications"]):  # GitHub takes none without
        assert all(described[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    for note in told["invocations"][0]["toolExecutionNotifications"]:
        descriptor = note["descriptor"]
        assert driver["notifications"][descriptor["index"]]["id"] == descriptor["id"]
        if "associatedRule" in note:
            assert rules[note["associatedRule"]["index"]] == note["associatedRule"]["id"]


def test_a_rule_carries_its_page_as_markdown_and_as_plain_text() -> None:
    shipped = replace(
        sample.nothing(),
        checks=[CheckResult(check.META, "pass", 1, 0) for check in registry()],
        pages={check.META.slug: page(check.META.slug) for check in registry()},
    )
    jsonschema.Draft4Validator(SCHEMA).validate(document(shipped))
    rules = only(shipped)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [check.META.slug for check in registry()]
    for rule, check in zip(rules, registry(), strict=True):
        assert rule["shortDescription"]["text"] == f"{check.META.title}."
        assert check.META.cause in rule["fullDescription"]["text"]
        assert rule["helpUri"] == check.META.help_url
        words, marked = rule["help"]["text"], rule["help"]["markdown"]
        assert "## How to fix" in marked
        assert "cut:" not in marked
        assert "How to fix\n" in words
        for mark in ("## ", "<!--", "```", "**"):
            assert mark not in words, (rule["id"], mark)
        assert "<!--" not in marked


def test_severities_are_levels_and_the_numbers_that_code_scanning_reads() -> None:
    run = sample.calm()
    checks = [CheckResult(sample.meta(f"of-{severity}", severity), "pass", 1, 0) for severity in SEVERITIES]
    rules = only(replace(run, checks=checks, findings=[]))["tool"]["driver"]["rules"]
    levels = [rule["defaultConfiguration"]["level"] for rule in rules]
    assert levels == ["error", "error", "warning", "note", "note"]
    numbers = [float(rule["properties"]["security-severity"]) for rule in rules]
    assert numbers[0] > 9.0 > numbers[1] >= 7.0 > numbers[2] >= 4.0 > numbers[3] > numbers[4] == 0.0
    assert all("security" in rule["properties"]["tags"] for rule in rules), "without it the number is not read"
    results = only(run)["results"]
    told = [(result["properties"]["severity"], result["level"]) for result in results]
    assert told == [
        ("critical", "error"), ("high", "error"), ("high", "error"), ("high", "error"), ("medium", "warning"),
        ("low", "note"), ("info", "note"),
    ]  # fmt: skip


def test_a_result_is_one_finding_with_its_facts() -> None:
    run = sample.calm()
    results = only(run)["results"]
    assert [result["partialFingerprints"]["graphAuditor/v1"] for result in results] == [
        finding.fingerprint for finding in run.findings
    ]
    first = results[0]
    assert first["message"] == {"text": run.findings[0].summary}
    assert first["locations"][0]["logicalLocations"] == [
        {
            "name": "Payroll Sync",
            "fullyQualifiedName": f"{run.tenant_id}/{sample.guid('Payroll Sync')}",
            "kind": "resource",
        }
    ]
    facts = first["properties"]
    assert facts["app_id"] == sample.guid("Payroll Sync")
    assert (facts["permission"], facts["http_status"]) == ("User.Read.All", 403)
    assert facts["error_code"] == "Authorization_RequestDenied"
    assert facts["remediation"]["text"] == "Grant admin consent for the tenant."
    assert len(facts["remediation"]["commands"]) == 2
    assert "call" not in facts, "what is not known is left out"


def test_results_that_point_to_the_same_line_are_told_apart() -> None:
    keys = [result["partialFingerprints"]["primaryLocationLineHash"] for result in only(sample.calm())["results"]]
    assert len(set(keys)) == len(keys)


def test_a_finding_about_the_tenant_is_placed_at_the_tenant() -> None:
    run = sample.calm()
    finding = replace(run.findings[0], app_id=None, display_name=None)
    (result,) = only(replace(run, findings=[finding]))["results"]
    (place,) = result["locations"][0]["logicalLocations"]
    assert place == {"name": "Contoso", "fullyQualifiedName": run.tenant_id, "kind": "namespace"}


def test_waived_findings_are_suppressed_with_the_reason_and_every_other_says_that_it_is_not() -> None:
    run = sample.calm()
    for finding, result in zip(run.findings, only(run)["results"], strict=True):
        if finding.waived:
            (suppression,) = result["suppressions"]
            assert suppression["kind"] == "external"
            assert suppression["status"] == "accepted"
            assert suppression["justification"] == finding.waiver_reason
        else:
            assert result["suppressions"] == []


def test_the_baseline_is_told_on_every_result_or_on_none() -> None:
    run = sample.calm()
    states = [result["baselineState"] for result in only(run)["results"]]
    assert states == ["unchanged" if finding.known else "new" for finding in run.findings]
    assert "unchanged" in states
    unknown = replace(run, findings=[finding for finding in run.findings if not finding.known])
    assert all("baselineState" not in result for result in only(unknown)["results"])


def test_gaps_are_notifications_and_such_a_run_is_not_called_successful() -> None:
    (whole,) = only(sample.calm())["invocations"]
    assert whole == {"executionSuccessful": True, "toolExecutionNotifications": []}
    (partial,) = only(sample.partial())["invocations"]
    assert partial["executionSuccessful"] is False
    notes = {note["descriptor"]["id"]: note for note in partial["toolExecutionNotifications"]}
    assert set(notes) == {"source-not-read", "check-not-assessed", "check-error"}
    assert notes["check-error"]["level"] == "error"
    assert "wrong-resource" in notes["check-error"]["message"]["text"]
    assert notes["check-error"]["associatedRule"]["id"] == "wrong-resource"
    assert notes["check-not-assessed"]["level"] == notes["source-not-read"]["level"] == "warning"
    for word in ("identity/conditionalAccess/policies", "denied", "Policy.Read.All", "conditional-access"):
        assert word in notes["source-not-read"]["message"]["text"]


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings(item))]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def test_hostile_text_does_nothing() -> None:
    raw = b"".join(chunks(sample.hostile()))
    told = only(sample.hostile())
    assert len(told["results"]) == len(sample.HOSTILE)
    for text in strings(told):
        assert visible(text) == text, "something that a terminal obeys or that reorders text"
        assert len(text) <= 70_000
    for result in told["results"]:
        message = result["message"]["text"]
        assert "](" not in message
        assert "\n" not in message
        url = result["properties"]["remediation"]["url"]
        assert url is None or url.startswith("https://")
    assert b"\x00" not in raw
    assert max(len(result["message"]["text"]) for result in told["results"]) <= 4_000


@given(st.text(st.characters()))
def test_any_text_stays_valid(text: str) -> None:
    run = replace(
        sample.nothing(),
        tenant_name=text,
        tool_version=text,
        findings=[
            sample.finding("x", display_name=text, summary=text, error_code=text, waived=True, waiver_reason=text)
        ],
    )
    jsonschema.Draft4Validator(SCHEMA).validate(document(run))
    (result,) = only(run)["results"]
    assert visible(result["message"]["text"]) == result["message"]["text"]


def test_a_message_holds_no_link_and_no_placeholder_and_keeps_the_path_of_a_call() -> None:
    run = sample.calm()
    summary = "[click](http://evil.example) {0} {12} calls GET /users/{id}."
    (result,) = only(replace(run, findings=[replace(run.findings[0], summary=summary)]))["results"]
    message = result["message"]["text"]
    assert not re.search(r"\]\(", message)
    assert not re.search(r"\{\d+\}", message)
    assert message.replace("\u2060", "") == summary
    assert "/users/{id}." in message


def test_a_finding_of_a_check_without_a_rule_is_told_all_the_same() -> None:
    run = replace(sample.calm(), checks=[])
    results = only(run)["results"]
    assert len(results) == len(run.findings)
    assert all("ruleIndex" not in result for result in results)
    jsonschema.Draft4Validator(SCHEMA).validate(document(run))
