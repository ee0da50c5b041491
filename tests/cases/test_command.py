"""Cases through the front door: ``auditor check``, from a snapshot and over HTTP, answers what the predictor answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor.cli.app import run
from auditor.emulator.server import Emulator
from tests.cases.case import Case, cases, own_cases
from tests.cases.express import Expressed
from tests.cases.judge import Judged, judge
from tests.support import snapshot_of

_READ = ("user_roles", "user_lacks", "guest", "lacks", "policy", "through_group", "app", "consented", "user_assigned")
Command = Callable[..., dict[str, Any]]


def chosen() -> list[Case]:
    """One case of each kind and check, ours before real ones, and of what works one of each flow."""
    found: dict[tuple[str | None, ...], Case] = {}
    for case in (*own_cases(), *cases()):
        found.setdefault((case.kind, case.slug, case.flow if case.kind == "works" else ""), case)
    return list(found.values())


def read_over_http() -> list[Case]:
    """Those for which something is read that a snapshot of the whole tenant holds anyway: people, groups, policies, plans."""
    return [case for case in own_cases() if any(case.facts.get(name) for name in _READ)][::4]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs ``auditor check`` on an expressed case; returns what ``--format json --out -`` wrote, and its exit code."""
    monkeypatch.chdir(tmp_path)

    def call(expressed: Expressed, *more: str) -> dict[str, Any]:
        capsys.readouterr()
        code = run(["check", expressed.app_id, *options(expressed), "--format", "json", "--out", "-", *more])
        written = capsys.readouterr()
        assert code in (0, 1, 4), written.err
        return {**json.loads(written.out), "exit_code": code}

    return call


def options(expressed: Expressed) -> list[str]:
    """The declared app as flags."""
    flags = [word for text in expressed.texts for word in ("--call", text)]
    flags += [word for user in expressed.users for word in ("--user", user)]
    flags += ["--flow", expressed.flow] if expressed.flow else []
    return [*flags, "--account", expressed.account, "--resource", expressed.resource]


def told(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What must agree, in one order."""
    return sorted((row["call"], row["flow"], row["verdict"], row["check"] or "", row["http_status"]) for row in rows)


def expected(judged: Judged) -> list[tuple[Any, ...]]:
    return told([one.to_row() for one in judged.predictions])


def findings_follow(document: dict[str, Any]) -> None:
    """Every denied call is a finding of its deciding check, no other is, and a denied call fails the gate."""
    denied = {(row["call"], row["flow"], row["check"]) for row in document["predictions"] if row["verdict"] == "denied"}
    found = {(row["call"], row["flow"], row["check"]) for row in document["findings"] if row["call"] is not None}
    assert denied <= found
    assert {(call, flow) for call, flow, _ in found} == {(call, flow) for call, flow, _ in denied}
    if denied:
        assert document["exit_code"] == 1


@pytest.mark.parametrize("case", chosen(), ids=lambda case: case.id)
def test_from_a_snapshot(case: Case, check: Command, tmp_path: Path) -> None:
    judged = judge(case)
    folder = tmp_path / "snapshot"
    snapshot_of(judged.expressed.builder.data, folder, users=judged.expressed.users)
    document = check(judged.expressed, "--from", str(folder))
    assert told(document["predictions"]) == expected(judged)
    findings_follow(document)


@pytest.mark.parametrize("case", read_over_http(), ids=lambda case: case.id)
def test_over_http(case: Case, check: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = judge(case)
    with Emulator(judged.expressed.builder.data) as emulator:
        monkeypatch.setenv("AUDITOR_ACCESS_TOKEN", emulator.auditor_token())
        document = check(judged.expressed, "--graph-url", emulator.url)
        assert emulator.defects == []
        assert emulator.writes == 0
        assert len(emulator.requests) <= 12
    assert told(document["predictions"]) == expected(judged)
    findings_follow(document)
