"""SARIF and JUnit through the commands: the demo tenant, exit codes, gaps, a baseline, waivers, and one app's calls."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.emulator.server import Emulator

from .conftest import Run

SCHEMA = json.loads((Path(__file__).resolve().parents[1] / "reports/schemas/sarif-2.1.0.json").read_text("utf-8"))
FORMATS = ("--format", "sarif", "--format", "junit", "--format", "json")


def sarif(folder: str) -> dict[str, Any]:
    report = json.loads(Path(folder, "audit.sarif").read_bytes())
    jsonschema.Draft4Validator(SCHEMA).validate(report)
    return dict(report["runs"][0])


def report(folder: str) -> dict[str, Any]:
    return dict(json.loads(Path(folder, "audit.json").read_bytes()))


def junit(folder: str) -> ET.Element:
    return ET.parse(Path(folder, "audit.junit.xml")).getroot()


def outcomes(folder: str, suite: str) -> list[str]:
    (found,) = (one for one in junit(folder) if one.get("name") == suite)
    return [
        next((child.tag for child in case if child.tag != "system-out"), "passed") for case in found.iter("testcase")
    ]


def test_the_demo_tenant(auditor: Run, snapshot: Path) -> None:
    result = auditor("audit", "--from", snapshot, *FORMATS, "--out", "reports")
    assert result.code == 0
    assert "audit.sarif" in result.err
    assert "audit.junit.xml" in result.err
    told = report("reports")
    run = sarif("reports")
    assert [one["partialFingerprints"]["graphAuditor/v1"] for one in run["results"]] == [
        finding["fingerprint"] for finding in told["findings"]
    ]
    assert run["invocations"][0] == {"executionSuccessful": True, "toolExecutionNotifications": []}
    suites = {suite.get("name"): suite for suite in junit("reports")}
    assert set(suites) == {check["check"] for check in told["checks"]} | {"coverage", "declared calls"} & set(suites)
    for check in told["checks"]:
        found = {row["app_id"] for row in told["findings"] if row["check"] == check["check"]}
        cases = len(list(suites[check["check"]].iter("testcase")))
        assert cases == len(found) + (check["outcome"] != "fail"), check


@pytest.mark.parametrize(("limit", "code"), [("high", 1), ("never", 0)])
def test_the_exit_code_is_that_of_every_format(auditor: Run, snapshot: Path, limit: str, code: int) -> None:
    result = auditor("audit", "--from", snapshot, "--format", "junit", "--out", "reports", "--fail-on", limit)
    assert result.code == code
    assert junit("reports").get("failures") != "0", "what fails in the file is not the limit's to say"


def test_4_and_the_files_tell_the_gap(auditor: Run, contoso_server: Emulator) -> None:
    token = contoso_server.auditor_token(without=("Policy.Read.All",))
    result = auditor("audit", "--graph-url", contoso_server.url, *FORMATS, "--out", "reports", "--quiet", token=token)
    assert result.code == 4
    (invocation,) = sarif("reports")["invocations"]
    assert invocation["executionSuccessful"] is False
    notes = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert any("conditional-access was not assessed" in note and "Policy.Read.All" in note for note in notes)
    assert outcomes("reports", "conditional-access") == ["skipped"]
    assert "skipped" in outcomes("reports", "coverage")


def test_a_baseline_and_waivers_leave_nothing_failed(auditor: Run, snapshot: Path) -> None:
    assert auditor("audit", "--from", snapshot, "--format", "json", "--out", "first").code == 0
    Path("config.toml").write_text('[[waivers]]\ncheck = "risky-grant"\nreason = "agreed"\nowner = "identity"\n')
    result = auditor("audit", "--from", snapshot, *FORMATS, "--out", "reports", "--baseline", "first/audit.json")
    assert result.code == 0
    assert junit("reports").get("failures") == "0"
    run = sarif("reports")
    assert {one["baselineState"] for one in run["results"]} == {"unchanged"}
    suppressed = [one for one in run["results"] if one["suppressions"]]
    assert {one["ruleId"] for one in suppressed} == {"risky-grant"}
    assert all("agreed" in one["suppressions"][0]["justification"] for one in suppressed)


def test_formats_of_the_configuration(auditor: Run, snapshot: Path) -> None:
    Path("config.toml").write_text('[report]\nformats = ["sarif", "junit"]\nout = "configured"\n')
    assert auditor("audit", "--from", snapshot).code == 0
    assert {path.name for path in Path("configured").iterdir()} == {"audit.sarif", "audit.junit.xml"}


@pytest.mark.parametrize("name", ["sarif", "junit"])
def test_standard_output_is_for_json_alone(auditor: Run, snapshot: Path, name: str) -> None:
    result = auditor("audit", "--from", snapshot, "--format", name, "--out", "-")
    assert result.code == 2
    assert "--format json" in result.sentence


def test_one_app_and_its_calls(auditor: Run, snapshot: Path) -> None:
    assert auditor("audit", "--from", snapshot, "--format", "json", "--out", "whole").code == 0
    whole = report("whole")
    app_id = next(row["app_id"] for row in whole["findings"] if row["check"] == "consent-missing")
    calls = ("--call", "GET /users", "--call", "DELETE /groups/{id}", "--call", "GET /no/such/thing")
    result = auditor("check", app_id, "--from", snapshot, *calls, *FORMATS, "--out", "one")
    told = report("one")
    verdicts = [row["verdict"] for row in told["predictions"]]
    assert "denied" in verdicts
    assert result.code == 1
    expected = {"denied": "failure", "unknown": "skipped", "allowed": "passed", "depends": "passed"}
    assert Counter(outcomes("one", "declared calls")) == Counter(expected[verdict] for verdict in verdicts)
    of_calls = {one["properties"]["call"] for one in sarif("one")["results"] if "call" in one["properties"]}
    assert of_calls == {row["call"] for row in told["predictions"] if row["verdict"] == "denied"}

    slugs = {row["check"] for row in told["findings"]}
    Path("config.toml").write_text("".join(f'[[waivers]]\ncheck = "{slug}"\nreason = "agreed"\n' for slug in slugs))
    result = auditor("check", app_id, "--from", snapshot, *calls, *FORMATS, "--out", "waived")
    assert result.code == 0
    assert junit("waived").get("failures") == "0"
    assert "failure" not in outcomes("waived", "declared calls")
    assert "skipped" in outcomes("waived", "declared calls")
