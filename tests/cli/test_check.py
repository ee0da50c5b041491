"""``auditor check``: the gate for one app, over HTTP against the emulator as a pipeline runs it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.audit.registry import registry
from auditor.cli.one_app import is_without_tenant
from auditor.config import load
from auditor.emulator.build import TenantBuilder
from auditor.emulator.server import Emulator
from auditor.reference import catalog
from auditor.reference.resources import GRAPH

from .conftest import Result, Run

SCHEMA = Path(__file__).resolve().parents[2] / "auditor/audit/audit.schema.json"
NOBODY = "99999999-9999-4999-8999-999999999999"
USERS, GROUPS = "GET /users", "GET /groups"


def id_of(name: str, kind: str) -> str:
    known = catalog.load().permission(name)
    assert known is not None
    form = known.application if kind == "application" else known.delegated
    assert form is not None
    return str(form.id)


def manifest(*requests: tuple[str, str], app_id: str | None = NOBODY, **more: Any) -> dict[str, Any]:
    """An app as Graph has it, requesting permissions of Microsoft Graph."""
    access = [
        {"id": id_of(name, kind), "type": "Role" if kind == "application" else "Scope"} for name, kind in requests
    ]
    return {
        **({"appId": app_id} if app_id else {}),
        "displayName": "Planned",
        "signInAudience": "AzureADMyOrg",
        "requiredResourceAccess": [{"resourceAppId": GRAPH, "resourceAccess": access}],
        **more,
    }


@dataclass(frozen=True)
class Place:
    """A small tenant that is served, and the apps in it."""

    emulator: Emulator
    daemon: str
    """App-only, holds User.Read.All."""
    expired: str
    hostile: str

    def on(self, *arguments: object) -> tuple[object, ...]:
        return (*arguments, "--graph-url", self.emulator.url)


HOSTILE = "\x1b[31mevil\x07\u202e[bold]=cmd()[/bold]\nsecond"


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    builder = TenantBuilder()
    builder.user("Ada Byron")
    daemon = builder.app("Payroll", certificate="@now+300d", requests=[("User.Read.All", "application")])
    builder.consent(daemon)
    expired = builder.consent(
        builder.app("Archive", certificate="@now-3d", requests=[("User.Read.All", "application")])
    )
    hostile = builder.consent(
        builder.app(HOSTILE, certificate="@now+300d", requests=[("User.Read.All", "application")])
    )
    with Emulator(builder.data) as emulator:
        yield Place(emulator, daemon.app_id, expired.app_id, hostile.app_id)


@pytest.fixture
def check(auditor: Run, place: Place) -> Run:
    """``auditor check`` on the small tenant, with a token of the auditor."""

    def call(*arguments: object, token: str | None = None) -> Result:
        return auditor(*place.on("check", *arguments), token=token or place.emulator.auditor_token())

    return call


def report_of(result: Result) -> dict[str, Any]:
    report: dict[str, Any] = result.json()
    jsonschema.validate(report, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return report


JSON = ("--format", "json", "--out", "-")


def test_0_when_every_call_is_allowed(check: Run, place: Place) -> None:
    result = check(place.daemon, "--call", USERS)
    assert result.code == 0, result.err
    assert "allowed" in result.out
    assert "User.Read.All" in result.out
    assert not list(Path().iterdir()), "no report was asked for"


def test_1_when_a_call_will_be_denied(check: Run, place: Place) -> None:
    result = check(place.daemon, "--call", USERS, "--call", GROUPS)
    assert result.code == 1
    lines = [line.split() for line in result.out.splitlines()]
    assert [words[0] for words in lines if words and words[0] in ("denied", "allowed")] == ["denied", "allowed"]
    for word in ("permission-missing", "403", "Authorization_RequestDenied", "GroupMember.Read.All", "app-only"):
        assert word in result.out
    assert "fix: GET /groups (app-only): " in result.err
    assert "az ad app permission add" in result.err
    assert "1 denied call among them" in result.err


@pytest.mark.parametrize(("limit", "code"), [("never", 0), ("critical", 0), ("high", 1), ("low", 1)])
def test_the_limit_decides(check: Run, place: Place, limit: str, code: int) -> None:
    assert check(place.daemon, "--call", GROUPS, "--fail-on", limit).code == code


def test_the_limit_of_the_configuration_wins_over_the_default(check: Run, place: Place) -> None:
    Path("config.toml").write_text('[gate]\nfail_on = "never"\n')
    assert check(place.daemon, "--call", GROUPS).code == 0
    assert check(place.daemon, "--call", GROUPS, "--fail-on", "high").code == 1


def test_without_calls_the_configuration_alone_is_judged(check: Run, place: Place) -> None:
    healthy = check(place.daemon)
    assert healthy.code == 0
    assert "no call declared" in healthy.out
    assert "Severity" not in healthy.out, "no finding needs no empty table"
    expired = check(place.expired)
    assert expired.code == 1
    assert "credential-expired" in expired.out


def test_2_for_an_app_that_nobody_knows(check: Run) -> None:
    result = check(NOBODY)
    assert result.code == 2
    assert NOBODY in result.sentence


def test_1_for_calls_of_an_app_that_the_tenant_lacks(check: Run) -> None:
    result = check(NOBODY, "--call", USERS, "--flow", "app-only", *JSON)
    assert result.code == 1
    (row,) = report_of(result)["predictions"]
    assert (row["verdict"], row["check"]) == ("denied", "sign-in-blocked")
    assert f"has no app {NOBODY}" in result.err


def test_3_nobody_signed_in(auditor: Run, place: Place) -> None:
    result = auditor(*place.on("check", place.daemon), token="not a token")
    assert result.code == 3


def test_3_may_read_nothing(auditor: Run, place: Place) -> None:
    result = auditor(*place.on("check", place.daemon, "--quiet"), token=place.emulator.token(roles=[]))
    assert result.code == 3


def test_4_when_something_that_was_needed_could_not_be_read(check: Run, place: Place) -> None:
    token = place.emulator.auditor_token(without=("Policy.Read.All",))
    partial = check(place.daemon, "--call", USERS, token=token)
    assert partial.code == 4
    assert "conditional-access" in partial.out
    assert "Incomplete" in partial.err
    denied = check(place.daemon, "--call", GROUPS, token=token)
    assert denied.code == 1, "a denied call wins over gaps"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("not-an-id",),
        (NOBODY, "--flow", "implicit"),
        (NOBODY, "--account", "school"),
        (NOBODY, "--resource", "\x1b[31m"),
        (NOBODY, "--call", "no call at all"),
        (NOBODY, "--calls", "no-such-file.http"),
        (NOBODY, "--user", " "),
        (NOBODY, "--user", "ada\x1b@contoso.com"),
        (NOBODY, "--user", "ada\u200b@contoso.com"),
        (NOBODY, "--manifest", "no-such-file.json"),
        (NOBODY, "--offline"),
        (NOBODY, "--from", "nowhere"),
        (NOBODY, "--out", "-"),
        (NOBODY, "--fail-on", "sometimes"),
    ],
)
def test_2_for_bad_usage(auditor: Run, arguments: tuple[str, ...]) -> None:
    result = auditor("check", *arguments)
    assert result.code == 2, result.err
    assert "\x1b" not in result.sentence


def test_json_on_standard_output_validates_and_words_go_elsewhere(check: Run, place: Place) -> None:
    result = check(place.daemon, "--call", GROUPS, "--call", USERS, *JSON)
    report = report_of(result)
    assert [(row["call"], row["verdict"]) for row in report["predictions"]] == [(GROUPS, "denied"), (USERS, "allowed")]
    (finding,) = [one for one in report["findings"] if one["call"]]
    assert (finding["check"], finding["call"], finding["severity"]) == ("permission-missing", GROUPS, "high")
    assert {app["app_id"] for app in report["apps"]} == {place.daemon}
    assert "permission-missing" in result.err


def test_reports_are_written_where_they_are_asked_for(check: Run, place: Place) -> None:
    result = check(
        place.daemon, "--call", GROUPS, "--out", "gate", "--format", "xlsx", "--format", "html", "--format", "md"
    )
    assert result.code == 1
    assert sorted(path.name for path in Path("gate").iterdir()) == ["audit.html", "audit.md", "audit.xlsx"]
    assert "1 declared call: 1 denied" in Path("gate/audit.md").read_text(encoding="utf-8")
    assert GROUPS in Path("gate/audit.html").read_text(encoding="utf-8")


def test_a_known_denial_does_not_count(check: Run, place: Place) -> None:
    before = check(place.daemon, "--call", GROUPS, *JSON)
    Path("old.json").write_text(before.out)
    assert check(place.daemon, "--call", GROUPS, "--baseline", "old.json").code == 0
    assert check(place.daemon, "--call", GROUPS, "--call", "GET /sites/{id}", "--baseline", "old.json").code == 1


def test_the_entry_of_the_configuration_and_the_flags_together(check: Run, place: Place) -> None:
    Path("config.toml").write_text(
        f'[[apps]]\napp_id = "{place.daemon}"\nflow = "delegated"\ncalls = ["{USERS}"]\n'
        f'[[apps]]\napp_id = "{NOBODY}"\ncalls = ["GET /me"]\n'
    )
    report = report_of(check(place.daemon, "--call", GROUPS, "--flow", "app-only", *JSON))
    assert [(row["app_id"], row["call"], row["flow"]) for row in report["predictions"]] == [
        (place.daemon, GROUPS, "app-only"),
        (place.daemon, USERS, "app-only"),
    ]


def test_files_of_calls(check: Run, place: Place) -> None:
    Path("calls.txt").write_text(f"# what it does\n{USERS}\n")
    Path("calls.http").write_text("GET https://graph.microsoft.com/v1.0/groups\nAuthorization: Bearer secret-word\n")
    result = check(place.daemon, "--calls", "calls.txt", "--calls", "calls.http", "--call", USERS, *JSON)
    rows = report_of(result)["predictions"]
    assert [(row["call"], row["verdict"]) for row in rows] == [(GROUPS, "denied"), (USERS, "allowed")]
    assert "secret-word" not in result.out + result.err


def test_a_user_is_looked_up(check: Run, place: Place) -> None:
    known = check(
        place.daemon, "--call", "GET /me", "--flow", "delegated", "--user", "ada.byron@contoso.onmicrosoft.com", *JSON
    )
    unknown = check(place.daemon, "--call", "GET /me", "--flow", "delegated", "--user", " nobody@contoso.com\t", *JSON)
    assert "users" in {row["source"] for row in report_of(known)["coverage"] if row["status"] == "read"}
    (row,) = report_of(unknown)["predictions"]
    assert "nobody@contoso.com" in row["reason"].lower()


def test_a_kept_snapshot_gives_the_same_answer_and_only_of_its_app(check: Run, auditor: Run, place: Place) -> None:
    live = check(place.daemon, "--call", GROUPS, "--save-snapshot", "kept", *JSON)
    assert (live.code, "snapshot: kept" in live.err) == (1, True)
    later = auditor("check", place.daemon, "--call", GROUPS, "--from", "kept", *JSON)
    assert later.json() == live.json()
    other = auditor("check", place.expired, "--from", "kept")
    assert (other.code, place.daemon in other.sentence) == (2, True)
    whole = auditor("audit", "--from", "kept")
    assert whole.code == 2
    assert "alone" in whole.sentence


def test_a_whole_snapshot_does_as_well(auditor: Run, place: Place) -> None:
    collected = auditor(*place.on("collect", "--out", "whole", "--quiet"), token=place.emulator.auditor_token())
    assert collected.code == 0
    assert auditor("check", place.daemon, "--call", GROUPS, "--from", "whole").code == 1
    assert auditor("check", place.daemon, "--call", USERS, "--from", "whole").code == 0


def test_a_handful_of_requests(check: Run, place: Place) -> None:
    report = report_of(check(place.daemon, "--call", GROUPS, "--user", "ada.byron@contoso.onmicrosoft.com", *JSON))
    assert report["requests"] <= 12


def test_tenant_text_does_nothing_on_the_screen(check: Run, place: Place) -> None:
    result = check(place.hostile, "--call", USERS, "--call", GROUPS)
    for text in (result.out, result.err):
        assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert "[bold]" in result.out, "no markup either"


def test_quiet_leaves_the_table(check: Run, place: Place) -> None:
    result = check(place.daemon, "--call", GROUPS, "--quiet")
    assert (result.code, result.err) == (1, "")
    assert "denied" in result.out


def test_a_narrow_terminal_gets_three_columns(check: Run, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    result = check(place.daemon, "--call", GROUPS, "--quiet")
    shown = re.sub("\x1b\\[[0-9;]*m", "", result.out)
    assert max(map(len, shown.splitlines())) <= 80
    assert "permission-missing: " in shown
    assert "Flow" not in shown


# --- manifests ------------------------------------------------------------------------------------------------------------


def write(data: Any, name: str = "app.json") -> str:
    Path(name).write_text(json.dumps(data), encoding="utf-8")
    return name


def test_a_manifest_without_a_tenant(auditor: Run) -> None:
    file = write(manifest(("User.Read.All", "application")))
    good = auditor("check", "--manifest", file, "--call", USERS, "--flow", "app-only")
    assert good.code == 0, good.out + good.err
    bad = auditor("check", "--manifest", file, "--call", GROUPS, "--flow", "app-only", *JSON)
    assert bad.code == 1
    report = report_of(bad)
    assert [(row["verdict"], row["check"]) for row in report["predictions"]] == [("denied", "permission-missing")]
    assert report["complete"] is True
    assert {row["app_id"] for row in report["apps"]} == {NOBODY}
    assert "permission data of" in bad.err
    (finding,) = [one for one in report["findings"] if one["call"]]
    assert (
        f'{{"id": "{id_of("GroupMember.Read.All", "application")}", "type": "Role"}}' in finding["remediation"]["text"]
    )
    assert (finding["remediation"]["commands"], finding["remediation"]["url"]) == ([], None)


@pytest.mark.parametrize(
    ("name", "value", "offline"),
    [
        ("AZURE_CONFIG_DIR", "somewhere", True),
        ("AUDITOR_GATE_FAIL_ON", "high", True),
        ("AUDITOR_ACCESS_TOKEN", "not a token", False),
        ("AUDITOR_TENANT_ID", "contoso.com", False),
        ("AZURE_CLIENT_SECRET", "x", False),
    ],
)
def test_what_names_a_tenant_or_a_sign_in(name: str, value: str, offline: bool) -> None:
    assert is_without_tenant(load(environ={name: value}), {name: value}) is offline


def test_a_manifest_with_a_sign_in_and_offline_needs_none(
    auditor: Run, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_ACCESS_TOKEN", "not a token")
    file = write(manifest())
    assert auditor("check", "--manifest", file).code == 3
    assert auditor("check", "--manifest", file, "--offline").code == 0


def test_a_manifest_of_the_older_format_and_without_an_app_id(auditor: Run) -> None:
    data = manifest(("User.Read.All", "application"), app_id=None)
    older = {"name": data["displayName"], "requiredResourceAccess": data["requiredResourceAccess"]}
    good = auditor("check", "--manifest", write(older), "--offline", "--call", USERS, "--flow", "app-only")
    bad = auditor("check", "--manifest", write(older), "--offline", "--call", GROUPS, "--flow", "app-only")
    assert (good.code, bad.code) == (0, 1), good.err + bad.err


def test_a_manifest_is_judged_without_calls_too(auditor: Run) -> None:
    unknown = manifest()
    unknown["requiredResourceAccess"][0]["resourceAccess"] = [{"id": NOBODY, "type": "Role"}]
    result = auditor("check", "--manifest", write(unknown), "--fail-on", "medium")
    assert result.code == 1
    assert "permission-unknown" in result.out
    assert "consent-missing" not in result.out
    assert auditor("check", "--manifest", write(manifest())).code == 0


def test_other_resources_of_a_manifest_are_said_not_to_be_judged(auditor: Run) -> None:
    data = manifest()
    data["requiredResourceAccess"].append({"resourceAppId": NOBODY, "resourceAccess": [{"id": NOBODY, "type": "Role"}]})
    result = auditor("check", "--manifest", write(data))
    assert f"Not judged without a tenant: the permissions on {NOBODY}." in result.err
    assert result.code == 0


def test_a_manifest_against_the_tenant(check: Run, place: Place) -> None:
    file = write(manifest(("Group.Read.All", "application"), app_id=place.daemon))
    result = check("--manifest", file, "--call", GROUPS, "--flow", "app-only", *JSON)
    report = report_of(result)
    (row,) = report["predictions"]
    assert row["verdict"] != "allowed", "it is requested, and nobody has consented yet"
    assert row["check"] != "permission-missing"
    assert report["tenant"]["display_name"] == "Contoso"


def test_a_new_app_passes_the_gate_of_the_tenant(check: Run) -> None:
    """It is not registered yet: that nobody has made its service principal is no finding."""
    credential = {"keyId": NOBODY, "startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2099-01-01T00:00:00Z"}
    file = write(manifest(("User.Read.All", "application"), passwordCredentials=[credential]))
    result = check("--manifest", file, "--call", USERS, "--flow", "app-only", *JSON)
    report = report_of(result)
    assert [row["verdict"] for row in report["predictions"]] == ["depends"]
    assert "sign-in-blocked" not in {one["check"] for one in report["findings"]}
    assert result.code == 0, result.err


def test_the_app_id_and_the_manifest_must_agree(auditor: Run, place: Place) -> None:
    result = auditor("check", place.daemon, "--manifest", write(manifest()))
    assert result.code == 2
    assert NOBODY in result.sentence


def test_a_manifest_and_a_snapshot_exclude_each_other(auditor: Run, snapshot: Path) -> None:
    assert auditor("check", "--manifest", write(manifest()), "--from", snapshot).code == 2


def test_the_checks_on_paper_are_checks() -> None:
    from auditor.audit.on_paper import _SLUGS, checks

    assert [check.META.slug for check in checks()] == [one.META.slug for one in registry() if one.META.slug in _SLUGS]
    assert len(checks()) == len(_SLUGS)


def test_a_permission_that_the_data_lack_is_likely_unknown_and_not_certainly(auditor: Run) -> None:
    unknown = manifest()
    unknown["requiredResourceAccess"][0]["resourceAccess"] = [{"id": NOBODY, "type": "Scope"}]
    report = report_of(auditor("check", "--manifest", write(unknown), *JSON))
    (finding,) = report["findings"]
    assert (finding["check"], finding["certainty"]) == ("permission-unknown", "likely")


def test_an_expired_waiver_is_warned_of(check: Run, place: Place) -> None:
    Path("config.toml").write_text('[[waivers]]\ncheck = "permission-missing"\nreason = "x"\nexpires = 2020-01-01\n')
    result = check(place.daemon, "--call", GROUPS)
    assert result.code == 1
    assert "no longer covers 1 finding" in result.err


@pytest.mark.parametrize(
    "name",
    ["Payroll export", "Supplier portal", "Desk phone sync", "Laboratory booking", "Warehouse robot", "Orders mobile"],
)
def test_it_finds_what_a_full_audit_finds(auditor: Run, contoso_server: Emulator, snapshot: Path, name: str) -> None:
    whole = auditor("audit", "--from", snapshot, *JSON).json()
    app_id = next(app["app_id"] for app in whole["apps"] if app["display_name"] == name)
    url = ("--graph-url", contoso_server.url)
    one = auditor("check", app_id, *url, *JSON, token=contoso_server.auditor_token()).json()
    for table in ("apps", "permissions", "findings"):
        assert one[table] == [row for row in whole[table] if row["app_id"] == app_id], table


hostile = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"(GET|PATCH|delete) /[\x21-\x7e]{0,40}( \{[^}]{0,20}\}?)?", fullmatch=True),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=hostile, body=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_no_input_makes_a_traceback(auditor: Run, snapshot: Path, call: str, body: bytes) -> None:
    Path("input.http").write_bytes(body)
    arguments = ("check", NOBODY, "--from", snapshot, "--flow", "app-only", f"--call={call}", "--calls", "input.http")
    result = auditor(*arguments)
    assert result.code in (0, 1, 2, 4), result.err
    assert "Traceback" not in result.err
    assert not set(result.out + result.err) & {"\x1b", "\x07"}


TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2VjcmV0LXNpZ25hdHVyZQ"
names = st.sampled_from(
    ["appId", "displayName", "requiredResourceAccess", "resourceAppId", "resourceAccess", "id", "type", "web", "spa"]
    + [
        "redirectUris",
        "replyUrlsWithType",
        "passwordCredentials",
        "keyCredentials",
        "key",
        "secretText",
        "oauth2Permissions",
    ]
    + ["signInAudience", "api", "preAuthorizedApplications", "appRoles", "log", "entries", "request", "method", "url"]
    + ["headers", "name", "value", "postData", "text", "requests", "body"]
)
texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [NOBODY, GRAPH, "Role", "Scope", "GET", TOKEN, f"https://graph.microsoft.com/v1.0/users?t={TOKEN}"]
    ),
)
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(app=st.dictionaries(names, documents, max_size=5), calls=documents)
def test_no_manifest_and_no_recording_makes_a_traceback_or_shows_a_token(auditor: Run, app: Any, calls: Any) -> None:
    write(app, "app.json")
    write({"log": {"entries": calls}} if isinstance(calls, list) else calls, "calls.har")
    first = auditor("check", "--manifest", "app.json", "--offline", "--call", USERS, *JSON)
    second = auditor("check", NOBODY, "--manifest", write(manifest()), "--offline", "--calls", "calls.har", *JSON)
    for result in (first, second):
        assert result.code in (0, 1, 2), result.err
        assert TOKEN.rsplit(".", maxsplit=1)[-1] not in result.out + result.err
