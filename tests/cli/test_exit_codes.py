"""The table of exit codes in README.md, row by row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.emulator.contoso import contoso
from auditor.emulator.faults import Faults
from auditor.emulator.server import Emulator

from .conftest import Run


def audit_json(auditor: Run, *arguments: object) -> tuple[int, dict[str, Any]]:
    result = auditor("audit", "--format", "json", "--out", "-", *arguments)
    return result.code, result.json()


def test_0_done_and_nothing_counts(auditor: Run, snapshot: Path) -> None:
    code, report = audit_json(auditor, "--from", snapshot)
    assert code == 0
    assert report["findings"]


def test_1_findings_at_or_above_the_limit(auditor: Run, snapshot: Path) -> None:
    code, report = audit_json(auditor, "--from", snapshot, "--fail-on", "high")
    assert code == 1
    assert report["summary"]["findings"]["high"] > 0


def test_1_from_the_configuration_and_0_from_the_flag_that_wins(auditor: Run, snapshot: Path) -> None:
    Path("config.toml").write_text('[gate]\nfail_on = "low"\n')
    assert audit_json(auditor, "--from", snapshot)[0] == 1
    assert audit_json(auditor, "--from", snapshot, "--fail-on", "never")[0] == 0


def test_0_when_every_finding_is_known(auditor: Run, snapshot: Path) -> None:
    _, first = audit_json(auditor, "--from", snapshot)
    Path("old.json").write_text(json.dumps(first))
    code, report = audit_json(auditor, "--from", snapshot, "--fail-on", "low", "--baseline", "old.json")
    assert code == 0
    assert all(finding["known"] for finding in report["findings"])


def test_1_when_one_finding_is_new(auditor: Run, snapshot: Path) -> None:
    _, first = audit_json(auditor, "--from", snapshot)
    first["findings"].pop(0)  # the worst one
    Path("old.json").write_text(json.dumps(first))
    assert audit_json(auditor, "--from", snapshot, "--fail-on", "low", "--baseline", "old.json")[0] == 1


def test_0_when_every_finding_is_waived(auditor: Run, snapshot: Path) -> None:
    _, first = audit_json(auditor, "--from", snapshot)
    slugs = {finding["check"] for finding in first["findings"]}
    Path("config.toml").write_text("".join(f'[[waivers]]\ncheck = "{slug}"\nreason = "known"\n' for slug in slugs))
    code, report = audit_json(auditor, "--from", snapshot, "--fail-on", "low")
    assert code == 0
    assert all(finding["waived"] for finding in report["findings"])


def test_1_when_the_waiver_has_expired(auditor: Run, snapshot: Path) -> None:
    waiver = '[[waivers]]\ncheck = "credential-expired"\nreason = "known"\nexpires = 2020-01-01\n'
    Path("config.toml").write_text(waiver)
    assert audit_json(auditor, "--from", snapshot, "--fail-on", "high")[0] == 1


def test_2_usage(auditor: Run) -> None:
    assert auditor("audit", "--no-such-option").code == 2
    assert auditor("no-such-command").code == 2


def test_3_nobody_signed_in(auditor: Run, contoso_server: Emulator) -> None:
    result = auditor("audit", "--graph-url", contoso_server.url, token="not a token")
    assert result.code == 3
    assert "not an access token" in result.sentence


def test_3_may_not_read_the_tenant_at_all(auditor: Run, contoso_server: Emulator) -> None:
    result = auditor("audit", "--graph-url", contoso_server.url, "--quiet", token=contoso_server.token(roles=[]))
    assert result.code == 3
    assert "may not read the tenant" in result.sentence


@pytest.fixture
def without_policies(auditor: Run, contoso_server: Emulator) -> Path:
    token = contoso_server.auditor_token(without=("Policy.Read.All",))
    collected = auditor("collect", "--graph-url", contoso_server.url, "--out", "partial", "--quiet", token=token)
    assert collected.code == 4
    return Path("partial")


def test_4_incomplete_and_everything_else_unchanged(auditor: Run) -> None:
    refused = {
        "identity/conditionalAccess/policies": (403, "AccessDenied", "You cannot perform the requested operation.")
    }
    with Emulator(contoso()) as emulator:
        arguments = ("--graph-url", emulator.url, "--quiet")
        token = emulator.auditor_token()
        whole = auditor("audit", *arguments, "--format", "json", "--out", "-", token=token)
        emulator.faults.deny = refused
        partial = auditor("audit", *arguments, "--format", "json", "--out", "-", token=token)
    assert (whole.code, partial.code) == (0, 4)
    before, after = whole.json(), partial.json()

    checks = {check["check"]: check for check in after["checks"]}
    assert checks["conditional-access"]["outcome"] == "not-assessed"
    assert "Policy.Read.All" in checks["conditional-access"]["reason"]
    states = {row["source"]: row["status"] for row in after["coverage"] if row["status"] != "read"}
    assert states == {"identity/conditionalAccess/policies": "denied"}

    def others(report: dict[str, Any], key: str) -> list[Any]:
        return [row for row in report[key] if row["check"] != "conditional-access"]

    for key in ("checks", "findings"):
        assert others(after, key) == others(before, key)
    assert {row["check"] for row in before["findings"]} > {row["check"] for row in after["findings"]}
    for key in ("apps", "permissions", "predictions", "credentials", "consents", "waivers"):
        assert after[key] == before[key], key


def test_1_wins_over_4_and_the_summary_says_both(auditor: Run, without_policies: Path) -> None:
    result = auditor("audit", "--from", without_policies, "--format", "json", "--fail-on", "high")
    assert result.code == 1
    assert "Incomplete" in result.err
    assert "count for --fail-on high" in result.err
    assert "not-assessed" in result.out


def test_4_without_the_gate(auditor: Run, without_policies: Path) -> None:
    assert auditor("audit", "--from", without_policies, "--format", "json").code == 4


def test_doctor_0_3_4(auditor: Run, contoso_server: Emulator) -> None:
    url = contoso_server.url
    assert auditor("doctor", "--graph-url", url, token=contoso_server.auditor_token()).code == 0
    partial = auditor("doctor", "--graph-url", url, token=contoso_server.auditor_token(without=("Policy.Read.All",)))
    assert partial.code == 4
    assert "Policy.Read.All" in partial.out
    assert "conditional-access" in partial.out
    assert "adminconsent?client_id=" in partial.err
    assert auditor("doctor", "--graph-url", url, token=contoso_server.token(expires_in=-60)).code == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one child process")
def test_130_interrupted() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor", "emulate"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for one child process")
@pytest.mark.parametrize(
    ("name", "code", "ignored"),
    [("SIGINT", 130, False), ("SIGTERM", 143, False), ("SIGTERM", 143, True), ("SIGHUP", 129, False)],
)
def test_ended_in_the_middle_of_reading_leaves_nothing_behind(
    tmp_path: Path, name: str, code: int, ignored: bool
) -> None:
    """``ignored``: a shell starts what runs in the background with Ctrl-C ignored."""
    slow = Faults(throttled=1.0, retry_after=300, first_attempt_only=False, only=("servicePrincipals",))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with Emulator(contoso(), faults=slow) as emulator:
        environ = {**os.environ, "AUDITOR_ACCESS_TOKEN": emulator.auditor_token(), "TMPDIR": str(temporary)}
        command = [sys.executable, "-m", "auditor", "audit", "--graph-url", emulator.url]
        command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command] if ignored else command
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
        assert process.stderr is not None
        first = next(
            line for line in process.stderr if line.startswith("servicePrincipals: ")
        )  # told to wait, and waits
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=60)
    assert "throttling" in first
    assert process.returncode == code
    assert err.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in err
    assert not list(temporary.iterdir())
    assert not list(Path().glob("audit-*"))
