"""``auditor diff`` and ``--baseline`` through the command line: files and snapshots in any mix, gaps, tenants, names, waivers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.emulator.build import TenantBuilder
from auditor.emulator.contoso import contoso
from auditor.emulator.server import Emulator
from auditor.tenant.state import SourceState
from tests.cli.conftest import Run
from tests.support import NOW, snapshot_of

SCHEMA = json.loads((files("auditor.audit") / "audit.schema.json").read_text(encoding="utf-8"))
PAYROLL = "11111111-2222-3333-4444-555555555555"


def tenant(change: Callable[[TenantBuilder], Any] | None = None, **options: Any) -> TenantBuilder:
    build = TenantBuilder(**options)
    build.consent(build.app("Payroll", app_id=PAYROLL, requests=[("User.Read.All", "application")]))
    if change is not None:
        change(build)
    return build


def disabled(build: TenantBuilder) -> None:
    build.principal(PAYROLL)["accountEnabled"] = False


@pytest.fixture
def old() -> Path:
    snapshot_of(tenant().data, Path("old"), now=NOW - timedelta(days=1))
    return Path("old")


@pytest.fixture
def new() -> Path:
    # The clock of the old one, so that credentials end at the same times in both.
    data = tenant(disabled).data
    snapshot_of(data, Path("new"), now=NOW - timedelta(days=1))
    return Path("new")


def things(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["kind"], change["thing"]) for change in document["changes"]]


DISABLED = [("new", "finding"), ("changed", "app")]


def test_two_snapshots(auditor: Run, old: Path, new: Path) -> None:
    result = auditor("diff", old, new)
    assert (result.code, result.err) == (0, "")
    assert "Payroll: enabled for sign-in was yes and is no." in result.out
    assert "1 new, 1 changed" in result.out
    document = auditor("diff", old, new, "--format", "json").json()
    assert things(document) == DISABLED
    assert document["summary"] == {
        "finding": {"new": 1, "gone": 0, "changed": 0},
        "app": {"new": 0, "gone": 0, "changed": 1},
    }
    assert document["complete"] is True
    assert document["changes"][1]["before"] == {"enabled": True}
    text = auditor("diff", old, new, "--format", "md")
    assert text.out.startswith("# What changed in Contoso\n")
    assert "| changed | app | Payroll: enabled for sign-in was yes and is no. |" in text.out


def test_files_folders_and_snapshots_in_any_mix(auditor: Run, old: Path, new: Path) -> None:
    for name in (old, new):
        assert auditor("audit", "--from", name, "--format", "json", "--out", f"{name}-out", "--quiet").code == 0
    left = (old, "old-out", "old-out/audit.json")
    right = (new, "new-out", "new-out/audit.json")
    wanted = auditor("diff", old, new, "--format", "json").json()
    for before in left:
        for after in right:
            assert auditor("diff", before, after, "--format", "json").json() == wanted
    same = auditor("diff", "old-out", old)
    assert same.code == 0
    assert "nothing that was compared has changed" in same.out


def test_over_the_emulator(auditor: Run) -> None:
    for name, change in (("old", None), ("new", disabled)):
        with Emulator(tenant(change).data) as emulator:
            result = auditor(
                "collect", "--graph-url", emulator.url, "--out", name, "--quiet", token=emulator.auditor_token()
            )
            assert result.code == 0
    document = auditor("diff", "old", "new", "--format", "json").json()
    assert [one for one in things(document) if one[1] != "credential"] == DISABLED


def test_what_one_side_may_not_read_is_a_gap_and_exit_code_4(auditor: Run, old: Path) -> None:
    denied = SourceState("identity/conditionalAccess/policies", "denied", permission="Policy.Read.All")
    snapshot_of(tenant().data, Path("blind"), {denied.source: denied}, now=NOW - timedelta(days=1))
    result = auditor("diff", old, "blind")
    assert result.code == 4
    assert "Conditional Access policies were not compared" in result.out
    assert "Incomplete" in result.err
    document = auditor("diff", "blind", old, "--format", "json").json()
    assert (document["complete"], document["changes"]) == (False, [])
    gap = next(gap for gap in document["not_compared"] if gap["thing"] == "policy")
    assert (gap["side"], gap["about"]) == ("old", denied.source)
    assert "not compared" in auditor("diff", "blind", old, "--format", "md").out


def test_another_tenant_names_both(auditor: Run, old: Path) -> None:
    other = tenant(name="Fabrikam", tenant_id="99999999-aaaa-bbbb-cccc-222222222222")
    snapshot_of(other.data, Path("other"))
    result = auditor("diff", old, "other")
    assert result.code == 2
    assert "3fa1d6b2-5c2e-4c55-9d6f-c0ffee000001 (Contoso)" in result.sentence
    assert "99999999-aaaa-bbbb-cccc-222222222222 (Fabrikam)" in result.sentence
    result = auditor("audit", "--from", old, "--baseline", "other", "--format", "json", "--out", "x")
    assert result.code == 2
    assert "the baseline is of tenant 99999999-aaaa-bbbb-cccc-222222222222" in result.sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"{", "not what was expected"),
        (b"[]", "not what was expected"),
        (b'{"schema_version": 7}', "schema version 7, expected 1"),
    ],
)
def test_a_side_that_cannot_be_used(auditor: Run, old: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        Path("bad.json").write_bytes(content)
    for sides in ((old, "bad.json"), ("bad.json", old)):
        result = auditor("diff", *sides)
        assert result.code == 2
        assert result.sentence.startswith("error: bad.json: ")
        assert words in result.sentence


def test_a_folder_that_is_no_side_and_the_manifest_of_a_snapshot(auditor: Run, old: Path) -> None:
    Path("empty").mkdir()
    assert "no snapshot" in auditor("diff", "empty", old).sentence
    assert "give the snapshot's folder" in auditor("diff", old, old / "manifest.json").sentence


def test_a_configuration_is_read_where_a_snapshot_is_audited(auditor: Run, old: Path) -> None:
    auditor("audit", "--from", old, "--format", "json", "--out", "out", "--quiet")
    Path("config.toml").write_text("nonsense = 1\n")
    assert auditor("diff", "out", "out").code == 0
    assert "nonsense" in auditor("diff", "out", old).sentence
    assert "absent.toml" in auditor("diff", "out", "out", "--config", "absent.toml").sentence


def test_declared_calls_of_the_configuration(auditor: Run, old: Path) -> None:
    Path("config.toml").write_text(f'[[apps]]\napp_id = "{PAYROLL}"\nflow = "app-only"\ncalls = ["GET /users"]\n')
    revoked = tenant(lambda build: build.data["appRoleAssignments"].clear())
    snapshot_of(revoked.data, Path("revoked"), now=NOW - timedelta(days=1))
    result = auditor("diff", old, "revoked", "--format", "json")
    verdict = next(change for change in result.json()["changes"] if change["thing"] == "prediction")
    assert (verdict["before"]["verdict"], verdict["after"]["verdict"]) == ("allowed", "denied")


def test_swapped_sides_are_warned_of(auditor: Run, old: Path) -> None:
    snapshot_of(tenant().data, Path("later"))
    assert "were the two swapped?" in auditor("diff", "later", old).err
    assert auditor("diff", "later", old, "--quiet").err == ""
    assert auditor("diff", old, "later").err == ""


def test_hostile_names(auditor: Run, old: Path) -> None:
    names = [
        "</script><img onerror=alert(1)>",
        "\x1b[31mred\x07",
        "\u202egnihtemos",
        "[bold]x[/bold]",
        "y" * 10_000,
        "a | b",
    ]
    names.append("eyJ" + "hbGciOiJub25lIn0.eyJ" + "hdWQiOiJ4In0.c2lnbmF0dXJl")

    def change(build: TenantBuilder) -> None:
        for name in names:
            build.app(name)
            build.policy(name, "enabled", grant=("mfa",))

    snapshot_of(tenant(change).data, Path("hostile"), now=NOW - timedelta(days=1))
    for arguments in ((), ("--format", "md")):
        result = auditor("diff", old, "hostile", *arguments)
        assert result.code == 0
        assert not any(character in result.out for character in "\x1b\x07\u202e")
        assert "y" * 200 not in result.out
    assert "<script>" not in auditor("diff", old, "hostile", "--format", "md").out.replace("\\<", "")
    document = auditor("diff", old, "hostile", "--format", "json").json()
    assert set(names) <= {change["display_name"] for change in document["changes"]}


# --- --baseline ----------------------------------------------------------------------------------------------------


def report_of(auditor: Run, *arguments: object) -> dict[str, Any]:
    result = auditor("audit", *arguments, "--format", "json", "--out", "-")
    assert result.code in (0, 1, 4), result.err
    document: dict[str, Any] = result.json()
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def test_a_baseline_is_a_snapshot_or_an_audit(auditor: Run, old: Path, new: Path) -> None:
    without = report_of(auditor, "--from", new)
    assert (without["baseline"], without["changes"], without["not_compared"]) == (None, None, None)
    auditor("audit", "--from", old, "--format", "json", "--out", "out", "--quiet")
    for baseline in (old, "out", "out/audit.json"):
        told = report_of(auditor, "--from", new, "--baseline", baseline)
        assert things(told) == DISABLED
        assert told["baseline"] == {"collected_at": "2026-11-21T15:00:00Z"}
        assert told["not_compared"] == []
        new_ones = [one["check"] for one in told["findings"] if not one["known"]]
        assert new_ones == ["sign-in-blocked"]
    Path("config.toml").write_text('[baseline]\nfile = "old"\n')
    assert things(report_of(auditor, "--from", new)) == DISABLED


def test_the_summary_and_the_markdown_say_what_changed(auditor: Run, old: Path, new: Path) -> None:
    result = auditor("audit", "--from", new, "--baseline", old, "--format", "md", "--out", "out")
    assert "Since the baseline of 2026-11-21 15:00 UTC: 1 new, 1 changed." in result.err
    text = Path("out/audit.md").read_text()
    assert "## Changed since the baseline" in text
    assert "| changed | app | Payroll: enabled for sign-in was yes and is no. |" in text
    auditor("audit", "--from", new, "--format", "md", "--out", "plain")
    assert "baseline\n" not in Path("plain/audit.md").read_text()


def test_check_compares_its_app_alone(auditor: Run, old: Path) -> None:
    def change(build: TenantBuilder) -> None:
        disabled(build)
        build.app("Canteen")

    with Emulator(tenant(change).data) as emulator:
        result = auditor(
            "check", PAYROLL, "--graph-url", emulator.url, "--baseline", old, "--format", "json", "--out", "-",
            token=emulator.auditor_token(),
        )  # fmt: skip
    document = result.json()
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["scope"] == [PAYROLL]
    told = [one for one in things(document) if one[1] != "credential"]
    assert told == DISABLED
    assert {change["app_id"] for change in document["changes"]} == {PAYROLL}
    assert "Since the baseline of" in result.err


def test_a_baseline_that_is_not_there_is_told_before_anything_is_read(auditor: Run) -> None:
    result = auditor("audit", "--graph-url", "http://127.0.0.1:1", "--baseline", "absent", "--out", "x")
    assert result.code == 2
    assert result.sentence.startswith("error: absent: the baseline is not there")


# --- accepted risk -------------------------------------------------------------------------------------------------

WAIVER = f'[[waivers]]\ncheck = "sign-in-blocked"\napp_id = "{PAYROLL}"\nreason = "ends in June"\nowner = "identity"\n'


def blocked(document: dict[str, Any]) -> dict[str, Any]:
    finding: dict[str, Any]
    (finding,) = [one for one in document["findings"] if one["check"] == "sign-in-blocked"]
    return finding


def test_a_waived_finding_is_visible_and_counted_apart(auditor: Run, new: Path) -> None:
    plain = report_of(auditor, "--from", new)
    Path("config.toml").write_text(WAIVER + "expires = 2026-11-21\n")  # the last day it holds
    told = report_of(auditor, "--from", new, "--fail-on", "low")
    assert (blocked(told)["waived"], blocked(told)["waiver_reason"]) == (True, "ends in June")
    assert told["summary"]["findings"]["high"] == plain["summary"]["findings"]["high"] - 1
    assert len(told["findings"]) == len(plain["findings"])
    assert told["waivers"] == [
        {"check": "sign-in-blocked", "app_id": PAYROLL, "permission": None, "reason": "ends in June", "owner": "identity",
         "expires": "2026-11-21", "expired": False, "matched": 1}
    ]  # fmt: skip
    result = auditor("audit", "--from", new, "--fail-on", "high", "--format", "csv", "--format", "md", "--out", "out")
    assert result.code == 0
    assert "1 waived" in result.err
    assert "1 finding waived, not counted" in Path("out/audit.md").read_text()
    assert ",waived," in Path("out/csv/findings.csv").read_text(encoding="utf-8-sig")
    assert "ends in June" in Path("out/csv/waivers.csv").read_text(encoding="utf-8-sig")


def test_an_expired_waiver_reopens_its_finding(auditor: Run, new: Path) -> None:
    Path("config.toml").write_text(WAIVER + "expires = 2026-11-20\n")
    result = auditor("audit", "--from", new, "--fail-on", "high", "--format", "json", "--out", "-")
    assert result.code == 1
    finding = blocked(result.json())
    assert finding["waived"] is False
    assert finding["waiver_reason"] == ("the waiver expired on 2026-11-20, so the finding counts again (ends in June)")
    assert "waivers[1] (sign-in-blocked) expired on 2026-11-20 and no longer covers 1 finding" in result.err
    (state,) = result.json()["waivers"]
    assert (state["expired"], state["matched"]) == (True, 1)


def test_a_waiver_that_expired_since_the_baseline_is_a_change(auditor: Run, new: Path) -> None:
    snapshot_of(tenant(disabled).data, Path("later"), now=NOW + timedelta(days=30))
    Path("config.toml").write_text(WAIVER + "expires = 2026-11-30\n")
    told = report_of(auditor, "--from", "later", "--baseline", new)
    change = next(change for change in told["changes"] if change["thing"] == "finding")
    assert (change["kind"], change["before"], change["after"]) == ("changed", {"waived": True}, {"waived": False})


def test_a_waiver_that_covers_nothing_is_reported(auditor: Run, old: Path) -> None:
    Path("config.toml").write_text(WAIVER)
    result = auditor("audit", "--from", old, "--format", "json", "--out", "-")
    assert "config.toml: waivers[1] (sign-in-blocked) covers no finding." in result.err
    assert [one["matched"] for one in result.json()["waivers"]] == [0]


def test_a_snapshot_of_one_app_says_of_it_what_the_whole_tenant_says(
    auditor: Run, contoso_server: Emulator, snapshot: Path
) -> None:
    for name in ("Orders back office", "Timesheets", "Site archiver", "Old intranet"):
        app_id = next(app["appId"] for app in contoso()["applications"] if str(app["displayName"]).startswith(name))
        auditor(
            "check", app_id, "--graph-url", contoso_server.url, "--save-snapshot", app_id, "--fail-on", "never", "--quiet",
            token=contoso_server.auditor_token(),
        )  # fmt: skip
        document = auditor("diff", snapshot, app_id, "--format", "json").json()
        assert (document["new"]["scope"], document["changes"], document["not_compared"]) == ([app_id], [], [])
