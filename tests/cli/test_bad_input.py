"""Bad inputs: one sentence on standard error, the right exit code, no traceback, no token, nothing left behind."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from auditor.emulator.contoso import contoso
from auditor.emulator.faults import Faults
from auditor.emulator.server import Emulator
from auditor.tenant.snapshot import Snapshot

from .conftest import Result, Run

GUID = "11111111-2222-3333-4444-555555555555"


def config(text: str | bytes) -> None:
    Path("config.toml").write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[tenant\nid = "x"\n', ("config.toml", "not valid TOML", "line 1")),
        ("[tenant]\nid = 1\nid = 2\n", ("not valid TOML",)),
        ("[tenant]\nidd = 1\n", ('unknown key "tenant.idd"', "authority, cloud, graph_url, id")),
        ("[tenannt]\n", ('unknown key "tenannt"', "tenant")),
        ('[[apps]]\napp_id = "12345"\n', ("apps[1].app_id", '"12345" is not valid', "GUID")),
        (f'[[apps]]\napp_id = "{GUID}"\n[[apps]]\nflow = "daemon"\n', ("apps[2].flow", "app-only, delegated")),
        ('[[apps]]\nflow = "delegated"\n', ("apps[1] has no app_id",)),
        (f'[[apps]]\napp_id = "{GUID}"\ncalls = ["users"]\n', ("apps[1].calls", "a method and a path")),
        ('[tenant]\nid = "contoso"\n', ("tenant.id", '"contoso"', "tenant id")),
        ('[tenant]\ncloud = "moon"\n', ("tenant.cloud", "global, us-gov, us-dod, china")),
        ('[tenant]\ngraph_url = "http://graph.example.com"\n', ("tenant.graph_url", "loopback")),
        ('[tenant]\ngraph_url = "http://127.0.0.1.evil.example"\n', ("tenant.graph_url", "loopback")),
        ('[gate]\nfail_on = "highest"\n', ("gate.fail_on", "critical, high, medium, low, never")),
        ("[report]\nformats = []\n", ("report.formats", "xlsx")),
        ('[report]\nformats = ["pdf"]\n', ("report.formats", '"pdf"')),
        ("[checks]\ncredential_expiry_days = true\n", ("checks.credential_expiry_days", "days")),
        ('[[waivers]]\ncheck = "consent-missing"\n', ("waivers[1] has no reason",)),
        ('[[waivers]]\ncheck = "no-such"\nreason = "x"\n', ("waivers[1].check", "no-such", "consent-missing")),
        ('[[waivers]]\ncheck = "consent-missing"\nreason = "x"\nexpires = "soon"\n', ("expires", "2027-06-30")),
        ('[waivers]\ncheck = "consent-missing"\n', ("[[waivers]]",)),
        ('tenant = "contoso.com"\n', ("[tenant]",)),
        (b'[tenant]\nid = "\xff\xfe"\n', ("not UTF-8",)),
        ("a = " + "[" * 20_000 + "]" * 20_000, ("nested too deep",)),
        ("[checks]\ncredential_expiry_days = " + "9" * 6000, ("too many digits",)),
        ("[checks]\ncredential_expiry_days = 0x" + "F" * 6000, ("a huge number", "0 to 3650")),
        ('[report]\nout = "~nosuchuser/x"\n', ("report.out", "~nosuchuser/x", "home folder")),
    ],
)
def test_configuration(auditor: Run, text: str | bytes, expected: tuple[str, ...]) -> None:
    config(text)
    result = auditor("audit", "--graph-url", "http://127.0.0.1:1")
    assert result.code == 2
    assert "config.toml: " in result.sentence
    for words in expected:
        assert words in result.sentence


def test_a_secret_in_the_configuration_is_refused_and_not_shown(auditor: Run) -> None:
    config('[auth]\nclient_secret = "hunter2-hunter2"\n')
    result = auditor("audit")
    assert result.code == 2
    assert 'unknown key "auth.client_secret": a secret does not belong in the configuration' in result.sentence
    assert "hunter2" not in result.err


@pytest.mark.parametrize("key", ["method", "client_id", "certificate_file", "secret_file"])
@pytest.mark.parametrize("value", ['"hunter2\\u0000"', '["hunter2"]', "7777777"])
def test_what_configures_sign_in_is_never_shown(auditor: Run, key: str, value: str) -> None:
    config(f"[auth]\n{key} = {value}\n")
    result = auditor("audit")
    assert result.code == 2
    assert f"auth.{key}" in result.sentence
    assert "expected" in result.sentence
    assert not {"hunter2", "7777777"} & set(re.findall(r"\w+", result.err))


def test_what_the_environment_configures_of_sign_in_is_never_shown(
    auditor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "hunter2")
    result = auditor("audit")
    assert result.code == 2
    assert "AZURE_CLIENT_ID" in result.sentence
    assert "hunter2" not in result.err


@pytest.mark.parametrize("option", ["--out", "--from", "--save-snapshot", "--config", "--baseline"])
@pytest.mark.parametrize("length", [300, 5000])
def test_paths_too_long_for_any_disk(auditor: Run, snapshot: Path, option: str, length: int) -> None:
    source = () if option in ("--from", "--save-snapshot") else ("--from", snapshot)
    result = (
        auditor("audit", "--graph-url", "http://127.0.0.1:1", option, "a" * length)
        if not source
        else auditor("audit", *source, option, "a" * length)
    )
    assert result.code == 2
    assert result.sentence


def test_a_snapshot_folder_too_long_for_any_disk(auditor: Run) -> None:
    result = auditor("collect", "--graph-url", "http://127.0.0.1:1", "--out", "a" * 5000)
    assert result.code == 2
    assert "too long" in result.sentence
    assert len(result.sentence) < 300


def test_out_of_the_configuration_too_long_for_any_disk(auditor: Run, snapshot: Path) -> None:
    config(f'[report]\nout = "{"a" * 5000}"\n')
    result = auditor("audit", "--from", snapshot)
    assert result.code == 2
    assert "too long" in result.sentence


def test_a_number_of_thousands_of_digits_in_the_environment(auditor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_CHECKS_CREDENTIAL_EXPIRY_DAYS", "9" * 6000)
    assert "0 to 3650" in refused(auditor("audit"))


def test_hostile_text_of_a_configuration_does_not_reach_the_terminal(auditor: Run) -> None:
    config('[tenant]\nid = "\\u001b[31mred\\u202e"\n')
    result = auditor("audit")
    assert "\x1b" not in result.sentence
    assert "\u202e" not in result.sentence


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--config", "absent.toml"), "absent.toml"),
        (("--app", "not-a-guid"), "GUID"),
        (("--fail-on", "highest"), "critical, high, medium, low, never"),
        (("--format", "pdf"), "xlsx, html, json, csv, md"),
        (("--out", "-"), "--format json"),
        (("--from", "absent", "--save-snapshot", "new"), "exclude each other"),
        (("--from", "absent", "--graph-url", "http://127.0.0.1:1"), "exclude each other"),
        (("--from", "absent"), "absent"),
        (("--graph-url", "http://graph.example.com"), "loopback"),
        (("--graph-url", "ftp://127.0.0.1"), "https"),
        (("--graph-url", "https://user:secret@graph.example.com"), "https"),
        (("--tenant", "not a tenant"), "tenant id"),
    ],
)
def test_options(auditor: Run, arguments: tuple[str, ...], expected: str) -> None:
    result = auditor("audit", *arguments)
    assert result.code == 2
    assert expected in result.sentence
    assert "secret" not in result.err


def test_unreachable_host(auditor: Run, contoso_server: Emulator) -> None:
    with socket.socket() as taken:  # bound and not listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = auditor("audit", "--quiet", "--graph-url", url, token=contoso_server.auditor_token())
    assert result.code == 3
    assert "cannot be reached" in result.sentence


def test_wrong_tenant(auditor: Run, contoso_server: Emulator) -> None:
    for tenant in (GUID, "fabrikam.example.com"):
        result = auditor(
            "audit",
            "--quiet",
            "--graph-url",
            contoso_server.url,
            "--tenant",
            tenant,
            token=contoso_server.auditor_token(),
        )
        assert result.code == 3
        assert tenant in result.sentence


def test_expired_token(auditor: Run, contoso_server: Emulator) -> None:
    token = contoso_server.token(expires_in=-3600)
    result = auditor("audit", "--quiet", "--graph-url", contoso_server.url, token=token)
    assert result.code == 3
    assert "expired" in result.sentence


def test_token_for_another_resource(auditor: Run, contoso_server: Emulator) -> None:
    token = contoso_server.token(audience="https://management.azure.com")
    result = auditor("audit", "--quiet", "--graph-url", contoso_server.url, token=token)
    assert result.code == 3
    assert "https://management.azure.com" in result.sentence


def test_no_token_where_one_is_wanted(auditor: Run, contoso_server: Emulator) -> None:
    config('[auth]\nmethod = "token"\n')
    result = auditor("audit", "--quiet", "--graph-url", contoso_server.url)
    assert result.code == 3
    assert "AUDITOR_ACCESS_TOKEN" in result.sentence


def test_no_sign_in_at_all_starts_with_what_to_do(auditor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(self: object, *scopes: str, **kwargs: object) -> None:
        attempts = "Attempted credentials:\n\tAzureCliCredential: Please run 'az login' to set up an account"
        raise ClientAuthenticationError(f"DefaultAzureCredential failed to retrieve a token.\n{attempts}")

    monkeypatch.setattr("azure.identity.DefaultAzureCredential.get_token", nobody)
    result = auditor("audit", "--tenant", "contoso.onmicrosoft.com")
    assert result.code == 3
    assert result.sentence.startswith("error: Nobody is signed in: run 'az login', or set AZURE_TENANT_ID")
    assert "AzureCli (Please run" in result.sentence


@pytest.mark.parametrize("fault", ["truncated", "not_json"])
def test_an_answer_that_is_not_graphs(auditor: Run, fault: str) -> None:
    broken = Faults(first_attempt_only=False, only=("servicePrincipals",))
    setattr(broken, fault, 1.0)
    with Emulator(contoso(), faults=broken) as emulator:
        result = auditor(
            "audit",
            "--quiet",
            "--format",
            "json",
            "--out",
            "-",
            "--graph-url",
            emulator.url,
            token=emulator.auditor_token(),
        )
    assert result.code == 4
    states = {row["source"]: row["status"] for row in result.json()["coverage"]}
    assert states["servicePrincipals"] == "failed"
    assert states["applications"] == "read"
    outcomes = {row["check"]: row["outcome"] for row in result.json()["checks"]}
    assert outcomes["consent-missing"] == "not-assessed"


@pytest.mark.parametrize("fault", ["truncated", "not_json"])
def test_nothing_but_garbage(auditor: Run, fault: str) -> None:
    broken = Faults(first_attempt_only=False)
    setattr(broken, fault, 1.0)
    with Emulator(contoso(), faults=broken) as emulator:
        result = auditor("audit", "--quiet", "--graph-url", emulator.url, token=emulator.auditor_token())
    assert result.code == 3
    assert result.sentence


@pytest.fixture
def copied(snapshot: Path) -> Path:
    shutil.copytree(snapshot, "copy")
    return Path("copy")


def _damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def _cut_a_source(folder: Path) -> None:
    file = folder / "sources" / "applications.jsonl.zst"
    file.write_bytes(file.read_bytes()[:-20])


def _remove_a_source(folder: Path) -> None:
    (folder / "sources" / "applications.jsonl.zst").unlink()


def _overwrite_a_source(folder: Path) -> None:
    (folder / "sources" / "servicePrincipals.jsonl.zst").write_bytes(b"not compressed")


def _remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [_damage_manifest, _cut_a_source, _remove_a_source, _overwrite_a_source, _remove_manifest],
    ids=lambda f: f.__name__,
)
def test_damaged_snapshot(auditor: Run, copied: Path, damage) -> None:
    damage(copied)
    result = auditor("audit", "--from", copied, "--out", "reports")
    assert result.code == 2
    assert "copy" in result.sentence
    assert not Path("reports").exists()


@pytest.mark.parametrize("tenant", [GUID, "fabrikam.onmicrosoft.com"])
@pytest.mark.parametrize("configured", [False, True])
def test_a_snapshot_of_another_tenant(auditor: Run, snapshot: Path, tenant: str, configured: bool) -> None:
    config(f'[tenant]\nid = "{tenant if configured else ""}"\n')
    result = auditor("audit", "--from", snapshot, *(() if configured else ("--tenant", tenant)))
    assert result.code == 2
    assert tenant in result.sentence


def test_a_snapshot_of_the_tenant_that_is_asked_for(auditor: Run, snapshot: Path) -> None:
    opened = Snapshot.open(snapshot)
    (organization,) = opened.objects("organization")
    names = [domain["name"] for domain in organization["verifiedDomains"]]
    assert names
    for name in (opened.tenant_id, opened.tenant_id.upper(), names[0].upper()):
        result = auditor("audit", "--from", snapshot, "--tenant", name, "--format", "json", "--out", "-", "--quiet")
        assert (result.code, result.err) == (0, "")


def test_a_domain_where_the_snapshot_knows_none(auditor: Run, copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    for entry in manifest["sources"]:
        if entry["source"] == "organization":
            entry.update(status="denied", stored=None)
    (copied / "manifest.json").write_text(json.dumps(manifest))
    result = auditor("audit", "--from", copied, "--tenant", "contoso.onmicrosoft.com")
    assert result.code == 2
    assert manifest["tenant"]["id"] in result.sentence


def test_an_app_the_tenant_does_not_have(auditor: Run, snapshot: Path) -> None:
    result = auditor("audit", "--from", snapshot, "--app", GUID, "--out", "reports")
    assert result.code == 2
    assert GUID in result.sentence
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"schema_version": 2, "findings": []}',
        '{"schema_version": 1}',
        '{"schema_version": 1, "findings": [], "tenant": "x"}',
    ],
)
def test_a_baseline_that_is_none(auditor: Run, snapshot: Path, content: str) -> None:
    Path("old.json").write_text(content)
    result = auditor("audit", "--from", snapshot, "--baseline", "old.json")
    assert result.code == 2
    assert "old.json" in result.sentence


def test_a_baseline_of_another_tenant(auditor: Run, snapshot: Path) -> None:
    report = auditor("audit", "--from", snapshot, "--format", "json", "--out", "-").json()
    report["tenant"]["id"] = GUID
    Path("old.json").write_text(json.dumps(report))
    result = auditor("audit", "--from", snapshot, "--baseline", "old.json", "--out", "reports")
    assert result.code == 2
    assert f"old.json: the baseline is of tenant {GUID}" in result.sentence
    assert not Path("reports").exists()


def test_out_is_a_file(auditor: Run) -> None:
    Path("taken").write_text("mine")
    for out in ("taken", "taken/below"):
        result = auditor("audit", "--graph-url", "http://127.0.0.1:1", "--out", out)  # told before anything is read
        assert result.code == 2
        assert "taken" in result.sentence
    assert Path("taken").read_text() == "mine"


def test_out_holds_a_report(auditor: Run) -> None:
    Path("reports").mkdir()
    Path("reports/audit.html").write_text("mine")
    result = auditor("audit", "--graph-url", "http://127.0.0.1:1", "--out", "reports")
    assert result.code == 2
    assert "audit.html" in result.sentence
    assert Path("reports/audit.html").read_text() == "mine"
    assert [path.name for path in Path("reports").iterdir()] == ["audit.html"]


def test_snapshot_folder_in_use(auditor: Run, contoso_server: Emulator) -> None:
    Path("used").mkdir()
    Path("used/mine").write_text("mine")
    result = auditor(
        "collect", "--quiet", "--graph-url", contoso_server.url, "--out", "used", token=contoso_server.auditor_token()
    )
    assert result.code == 2
    assert "used" in result.sentence


def test_snapshot_folder_that_a_killed_run_has_left(auditor: Run, contoso_server: Emulator) -> None:
    sources = Path("left/sources")
    sources.mkdir(parents=True)
    sources.joinpath("applications.jsonl.zst").write_bytes(b"")
    arguments = ("--quiet", "--graph-url", contoso_server.url)
    token = contoso_server.auditor_token()
    for command in (("collect", "--out", "left"), ("audit", "--save-snapshot", "left")):
        sentence = refused(auditor(*command, *arguments, token=token))
        assert "unfinished snapshot" in sentence
        assert "Delete the folder" in sentence
    Path("left/mine").write_text("mine")
    assert "Delete" not in refused(auditor("collect", "--out", "left", *arguments, token=token))


def test_emulate_refuses_bad_tenants_and_ports(auditor: Run) -> None:
    Path("tenant.json").write_text("{")
    assert "tenant.json" in refused(auditor("emulate", "--tenant-file", "tenant.json"))
    assert "exclude" in refused(auditor("emulate", "--tenant-file", "tenant.json", "--service-principals", 50))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refused(auditor("emulate", "--service-principals", 50, "--port", port))


def test_checks_that_do_not_exist(auditor: Run) -> None:
    assert "no-such-check" in refused(auditor("checks", "no-such-check"))


def test_catalog_refuses_what_is_none(auditor: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("other.json").write_text('{"a": 1}')
    assert "other.json" in refused(auditor("catalog", "update", "other.json"))
    assert "--date" in refused(auditor("catalog", "update", "other.json", "--date", "tomorrow"))
    assert "absent.json" in refused(
        auditor("catalog", "build", "absent.json", "--out", "new.json", "--date", "2026-08-07")
    )


def refused(result: Result) -> str:
    assert result.code == 2
    return result.sentence


def test_a_bug_is_one_line_and_the_traceback_is_for_verbose(auditor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"impossible with {secret}")

    monkeypatch.setattr("auditor.config.load", broken)
    result = auditor("audit")
    assert result.code == 70
    assert "this is a bug" in result.err
    assert "Traceback" not in result.err
    verbose = auditor("audit", "--verbose")
    assert "Traceback" in verbose.err
    for shown in (result.err, verbose.err):
        assert secret not in shown
        assert "c2lnbmF0dXJl" not in shown
