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


def warnings(result: Result) -> list[str]:
    return [line for line in result.err.splitlines() if line.startswith("warning: ")]


def test_a_configuration_that_the_tenant_does_not_bear_out(auditor: Run, snapshot: Path) -> None:
    assert report(auditor, snapshot).code == 0
    finding = json.loads(Path("reports-0/audit.json").read_text())["findings"][0]
    waiver = f'[[waivers]]\nreason = "x"\ncheck = "{finding["check"]}"\n'
    Path("config.toml").write_text(
        f'[[apps]]\napp_id = "{finding["app_id"]}"\n[[apps]]\napp_id = "{GUID}"\n'
        + waiver
        + f'{waiver}app_id = "{GUID}"\n'
        + f'{waiver}app_id = "{finding["app_id"]}"\nexpires = 2020-01-01\n'
        + f'{waiver}app_id = "{GUID}"\nexpires = 2020-01-01\n'
    )
    check = finding["check"]
    told = warnings(report(auditor, snapshot))
    assert told[0] == f"warning: config.toml: apps[2]: the tenant has no app {GUID}."
    assert told[1] == f"warning: config.toml: waivers[2] ({check}) covers no finding."
    assert re.fullmatch(
        rf"warning: config\.toml: waivers\[3\] \({check}\) expired on 2020-01-01 and no longer covers \d+ findings?\.",
        told[2],
    )
    assert told[3] == f"warning: config.toml: waivers[4] ({check}) expired on 2020-01-01."
    assert len(told) == 4
    assert warnings(report(auditor, snapshot, "--quiet")) == []
    assert len(warnings(report(auditor, snapshot, "--app", finding["app_id"]))) == 2


def test_no_warning_of_what_could_not_be_read(auditor: Run) -> None:
    Path("config.toml").write_text('[[waivers]]\nreason = "x"\ncheck = "conditional-access"\n')
    with Emulator(TenantBuilder().data) as emulator:
        url, token = emulator.url, emulator.auditor_token(without=("Policy.Read.All",))
        result = auditor("audit", "--graph-url", url, "--format", "json", token=token)
    assert result.code == 4
    assert warnings(result) == []
