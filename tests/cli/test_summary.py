"""The last lines of an audit: what counts, what is known, what was not assessed, what the configuration got wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from auditor.cli.screen import counted
from auditor.emulator.build import TenantBuilder
from auditor.emulator.server import Emulator

from .conftest import Result, Run

GUID = "11111111-2222-3333-4444-555555555555"


def report(auditor: Run, snapshot: Path, *arguments: object) -> Result:
    """An audit with JSON alone in a new folder, for what it says."""
    number = len(list(Path().glob("reports-*")))
    return auditor("audit", "--from", snapshot, "--format", "json", "--out", f"reports-{number}", *arguments)


@pytest.mark.parametrize(("number", "words"), [(0, "0 apps"), (1, "1 app"), (2, "2 apps"), (1024, "1,024 apps")])
def test_numbers_and_their_nouns(number: int, words: str) -> None:
    assert counted(number, "app") == words


def test_what_counts_for_the_gate_is_named(auditor: Run, snapshot: Path) -> None:
    assert report(auditor, snapshot).code == 0
    old = json.loads(Path("reports-0/audit.json").read_text())
    new = old["findings"].pop(0)
    Path("old.json").write_text(json.dumps(old))
    result = report(auditor, snapshot, "--fail-on", "low", "--baseline", "old.json")
    assert result.code == 1
    assert f"1 finding counts for --fail-on low: {new['check']} {new['display_name']}." in result.err
    assert f"{len(old['findings']) + 1} findings: {len(old['findings'])} known, 0 waived." in result.err
    many = report(auditor, snapshot, "--fail-on", "low")
    assert re.search(r"\d+ findings count for --fail-on low: .+, .+, .+ and \d+ more\.", many.err)
    assert "known" not in many.err
    Path("old.json").write_text(json.dumps({**old, "findings": [*old["findings"], new]}))
    assert "No finding counts" in report(auditor, snapshot, "--fail-on", "low", "--baseline", "old.json").err


def test_not_assessed_stands_before_the_counts(auditor: Run) -> None:
    with Emulator(TenantBuilder().data) as emulator:
        url, token = emulator.url, emulator.auditor_token(without=("Policy.Read.All",))
        partial = auditor("audit", "--graph-url", url, "--format", "json", token=token)
    heading = partial.out.splitlines()[0]
    assert re.search(r": \d+ apps?, \d+ permissions?; [1-9]\d* of \d+ checks not assessed$", heading)
    assert "(s)" not in partial.out + partial.err
