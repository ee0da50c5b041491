"""``[[apps]]`` entries in a full audit: their calls are judged, their users read, and the demo declares some."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.emulator.contoso import contoso
from auditor.emulator.server import Emulator

from .conftest import Result, Run

JSON = ("--format", "json", "--out", "-")
ADA = "ada.byron@contoso.onmicrosoft.com"


def app_id(name: str) -> str:
    return next(str(one["appId"]) for one in contoso()["applications"] if one["displayName"] == name)


@pytest.fixture
def declared() -> str:
    """A configuration with two apps; the id of one of them."""
    Path("config.toml").write_text(
        f"""
[[apps]]
app_id = "{app_id("Onboarding desk")}"
calls = ["POST /users", "GET /me"]
users = [" {ADA.title()} "]
[[apps]]
app_id = "{app_id("Payroll export")}"
flow = "app-only"
calls = ["GET /groups", "get https://graph.microsoft.com/v1.0/users?$top=5"]
"""
    )
    return app_id("Payroll export")


def audit(auditor: Run, emulator: Emulator, *arguments: object, token: str | None = None) -> Result:
    return auditor("audit", "--graph-url", emulator.url, *JSON, *arguments, token=token or emulator.auditor_token())


def verdicts(report: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str | None]]:
    return {(row["app_id"], row["call"]): (row["verdict"], row["check"]) for row in report["predictions"]}


def test_calls_are_judged_and_denied_ones_are_findings(auditor: Run, contoso_server: Emulator, declared: str) -> None:
    report = audit(auditor, contoso_server).json()
    desk = app_id("Onboarding desk")
    assert verdicts(report) == {
        (declared, "GET /groups"): ("denied", "permission-missing"),
        (declared, "GET /users"): ("allowed", None),
        (desk, "GET /me"): ("allowed", None),
        (desk, "POST /users"): ("denied", "user-privilege"),
    }
    assert sorted((one["app_id"], one["call"], one["check"]) for one in report["findings"] if one["call"]) == sorted(
        [(declared, "GET /groups", "permission-missing"), (desk, "POST /users", "user-privilege")]
    )
    assert [(row["app_id"], row["call"]) for row in report["predictions"]] == sorted(verdicts(report))


def test_the_screen_counts_them(auditor: Run, contoso_server: Emulator, declared: str) -> None:
    result = audit(auditor, contoso_server, "--app", declared, "--fail-on", "high")
    assert result.code == 1
    assert "2 declared calls: 1 denied, 1 allowed" in result.err
    assert {row["app_id"] for row in result.json()["predictions"]} == {declared}


def test_users_that_could_not_be_read_make_the_audit_incomplete(
    auditor: Run, contoso_server: Emulator, declared: str
) -> None:
    with Emulator(contoso()) as emulator:
        emulator.faults.deny = {f"users/{ADA}": (403, "Authorization_RequestDenied", "Insufficient privileges.")}
        result = audit(auditor, emulator)
    rows = {row["source"]: row for row in result.json()["coverage"]}
    assert rows["users"]["status"] == "denied"
    assert {"user-privilege", "license-missing"} <= set(rows["users"]["affects"])
    assert result.code == 4
    assert verdicts(result.json())[app_id("Onboarding desk"), "POST /users"][0] == "depends"


def test_a_declared_call_that_is_none_names_the_place(auditor: Run) -> None:
    Path("config.toml").write_text(f'[[apps]]\napp_id = "{app_id("Payroll export")}"\ncalls = ["GET"]\n')
    result = auditor("audit", "--from", "nowhere")
    assert result.code == 2
    assert "config.toml: apps[1].calls" in result.sentence


def test_an_app_that_the_tenant_lacks_is_judged_too(auditor: Run, contoso_server: Emulator) -> None:
    nobody = "99999999-9999-4999-8999-999999999999"
    Path("config.toml").write_text(f'[[apps]]\napp_id = "{nobody}"\nflow = "app-only"\ncalls = ["GET /users"]\n')
    result = audit(auditor, contoso_server)
    assert verdicts(result.json()) == {(nobody, "GET /users"): ("denied", "sign-in-blocked")}
    assert f"the tenant has no app {nobody}" in result.err


def test_the_demo_has_verdicts_and_findings_of_them(auditor: Run) -> None:
    result = auditor("demo", "--out", "demo", "--format", "json", "--quiet")
    assert result.code == 0
    report = json.loads(Path("demo/audit.json").read_text(encoding="utf-8"))
    assert {row["verdict"] for row in report["predictions"]} == {"allowed", "denied", "depends"}
    denied = [row for row in report["predictions"] if row["verdict"] == "denied"]
    assert len(denied) == sum(one["call"] is not None for one in report["findings"])
    assert "declared calls: " in result.out
