"""Configuration: precedence, environment, paths, and what a file may hold. Refusals: tests/cli/test_bad_input.py."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from datetime import date
from pathlib import Path

import pytest

import reports
from auditor import config
from auditor.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
GUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "config.toml") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_wins_over_environment_over_file_over_default() -> None:
    def fail_on(environ: dict[str, str], flags: dict[str, str | None]) -> str:
        return config.load(environ=environ, flags=flags).gate.fail_on

    assert fail_on({}, {}) == "never"
    write('[gate]\nfail_on = "low"\n')
    assert fail_on({}, {}) == "low"
    assert fail_on({"AUDITOR_GATE_FAIL_ON": "medium"}, {"--fail-on": None}) == "medium"
    assert fail_on({"AUDITOR_GATE_FAIL_ON": "medium"}, {"--fail-on": "high"}) == "high"
    assert fail_on({"AUDITOR_GATE_FAIL_ON": ""}, {}) == "low"


def test_azure_identitys_variables_come_after_our_own() -> None:
    other = "99999999-2222-3333-4444-555555555555"
    environ = {"AZURE_TENANT_ID": GUID, "AZURE_CLIENT_ID": GUID.upper(), "AZURE_AUTHORITY_HOST": "login.example.com"}
    settings = config.load(environ=environ)
    assert (settings.tenant.id, settings.auth.client_id) == (GUID, GUID)
    assert settings.tenant.authority == "https://login.example.com"
    assert config.load(environ=environ | {"AUDITOR_TENANT_ID": other}).tenant.id == other


def test_every_scalar_key_can_be_set_by_the_environment() -> None:
    values = {"credential_expiry_days": "7", "formats": "csv, json", "client_id": GUID, "method": "azure-cli"}
    values |= {
        "id": "contoso.com",
        "cloud": "china",
        "graph_url": "https://g.example",
        "authority": "https://a.example",
    }
    values |= {"fail_on": "low"}
    for name, kind in config.TABLES.items():
        for declared in fields(kind):
            variable = config.variables_of(name, declared)[0]
            settings = config.load(environ={variable: values.get(declared.name, "some.file")})
            found = getattr(getattr(settings, name), declared.name)
            assert found != declared.default, variable
    assert config.load(environ={"AUDITOR_REPORT_FORMATS": "csv, json"}).report.formats == ("csv", "json")
    with pytest.raises(ConfigError, match="environment variable AUDITOR_CHECKS_CREDENTIAL_EXPIRY_DAYS"):
        config.load(environ={"AUDITOR_CHECKS_CREDENTIAL_EXPIRY_DAYS": "soon"})


@pytest.mark.parametrize(
    ("file", "environ", "method"),
    [
        ("", {}, "default"),
        ("", {"AUDITOR_ACCESS_TOKEN": "t"}, "token"),
        ('[tenant]\nid = "contoso.com"\n', {"AUDITOR_ACCESS_TOKEN": "t"}, "token"),
        ('[auth]\nmethod = "azure-cli"\n', {"AUDITOR_ACCESS_TOKEN": "t"}, "azure-cli"),
        ("", {"AUDITOR_ACCESS_TOKEN": "t", "AUDITOR_AUTH_METHOD": "device-code"}, "device-code"),
    ],
)
def test_an_access_token_in_the_environment_is_the_method_where_none_is_configured(
    file: str, environ: dict[str, str], method: str
) -> None:
    write(file)
    assert config.load(environ=environ).auth.method == method


def test_paths_start_from_the_folder_of_the_file_and_those_of_flags_from_here() -> None:
    file = write(
        '[auth]\nsecret_file = "secret"\n[report]\nout = "reports"\n[baseline]\nfile = "/old/audit.json"\n',
        "etc/a.toml",
    )
    settings = config.load(file, environ={})
    assert settings.auth.secret_file == Path("etc/secret")
    assert settings.report.out == Path("etc/reports")
    assert settings.baseline.file == Path("/old/audit.json")
    assert config.load(file, environ={}, flags={"--out": "here"}).report.out == Path("here")


def test_apps_and_waivers() -> None:
    write(
        f"""
        [[apps]]
        app_id = "{GUID.upper()}"
        flow = "delegated"
        calls = ["GET /users", "beta:GET /me", "PATCH /users/{{id}} {{passwordProfile}}"]
        users = ["alice@contoso.com"]
        account = "personal"
        resource = "api://contoso-orders"
        [[waivers]]
        check = "consent-missing"
        reason = "at onboarding"
        expires = 2027-06-30
        [[waivers]]
        check = "risky-grant"
        reason = "accepted"
        expires = "2027-01-31"
        """
    )
    settings = config.load(environ={})
    app = settings.apps[0]
    assert (app.app_id, app.flow, app.account, app.resource) == (GUID, "delegated", "personal", "api://contoso-orders")
    assert app.calls == ("GET /users", "beta:GET /me", "PATCH /users/{id} {passwordProfile}")
    assert [waiver.expires for waiver in settings.waivers] == [date(2027, 6, 30), date(2027, 1, 31)]
    assert settings.waivers[0].app_id is None


def test_the_same_app_twice_is_refused() -> None:
    write(f'[[apps]]\napp_id = "{GUID}"\n[[apps]]\napp_id = "{GUID.upper()}"\n')
    with pytest.raises(ConfigError, match="declared twice"):
        config.load(environ={})


def test_a_date_with_a_time_is_no_date() -> None:
    write('[[waivers]]\ncheck = "risky-grant"\nreason = "x"\nexpires = 2027-06-30T00:00:00Z\n')
    with pytest.raises(ConfigError, match="2027-06-30"):
        config.load(environ={})


def test_byte_order_mark_as_windows_editors_write_it() -> None:
    Path("config.toml").write_bytes(b'\xef\xbb\xbf[tenant]\nid = "contoso.com"\n')
    assert config.load(environ={}).tenant.id == "contoso.com"


def test_no_file_is_read_where_none_is_wanted() -> None:
    write("broken [")
    assert config.load(environ={}, without_file=True) == config.Settings()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://[::1]:80",
        "http://localhost:1",
        "https://graph.microsoft.us/",
    ],
)
def test_graph_addresses_that_are_accepted(url: str) -> None:
    assert config.load(environ={}, flags={"--graph-url": url}).tenant.graph_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.microsoft.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.9.9.9",
        "http://10.0.0.1",
        "https://",
        "https://graph.microsoft.com/v1.0",
        "https://graph.microsoft.com?x",
        "https://a:b@graph.microsoft.com",
        "file:///etc/passwd",
        "https://[::1",
        "https://host:port",
    ],
)
def test_graph_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="--graph-url") as refusal:
        config.load(environ={}, flags={"--graph-url": url})
    assert "a:b" not in str(refusal.value)


def test_a_sign_in_address_is_never_plain_http() -> None:
    write('[tenant]\nauthority = "http://127.0.0.1:8080"\n')
    with pytest.raises(ConfigError, match=r"tenant\.authority"):
        config.load(environ={})


def test_the_example_shows_every_key_with_its_default_and_loads() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    shown = tomllib.loads(text)
    for name, kind in config.TABLES.items():
        assert set(shown[name]) == {declared.name for declared in fields(kind)}
    assert config.load(write(text, "example.toml"), environ={}) == config.Settings()


def test_the_commented_entries_of_the_example_load_too() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    tail = text[text.index("# [[apps]]") :]
    lines = [line.removeprefix("# ") for line in tail.splitlines() if "=" in line or line.startswith("# [[")]
    entries = tomllib.loads("\n".join(lines))
    for name, kind in config.ARRAYS.items():
        assert set(entries[name][0]) == {declared.name for declared in fields(kind)}
    settings = config.load(write("\n".join(lines), "entries.toml"), environ={})
    assert (len(settings.apps), len(settings.waivers)) == (1, 1)


def test_every_key_says_what_it_is() -> None:
    for kind in (*config.TABLES.values(), *config.ARRAYS.values()):
        for declared in fields(kind):
            assert config.key_of(declared).about.endswith("."), declared.name
            if declared.default is MISSING:
                assert config.key_of(declared).example, declared.name


def test_formats_are_those_of_the_reports() -> None:
    assert tuple(reports.FORMATS) == config.FORMATS
