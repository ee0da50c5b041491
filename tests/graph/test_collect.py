"""Collecting over HTTP from the emulator: what is kept, what becomes of refusals and faults, what it costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from auditor.emulator.build import TenantBuilder
from auditor.emulator.contoso import contoso
from auditor.emulator.faults import Faults
from auditor.emulator.generate import large
from auditor.emulator.server import Emulator
from auditor.emulator.settings import Settings
from auditor.emulator.tenantfile import prepare
from auditor.errors import GraphError, OutputError, SignInError, UsageError
from auditor.graph import collect, readings
from auditor.graph.signin import GivenToken
from auditor.graph.sources import SOURCES
from auditor.reference.clouds import CLOUDS
from auditor.tenant.snapshot import Snapshot
from auditor.tenant.state import SourceState
from tests.graph.scripted import FakeClock, Reply, scripted
from tests.support import NOW, snapshot_of

GLOBAL = CLOUDS["global"]
ALL = [spec.id for spec in SOURCES]


def fixed(data: Mapping[str, Any]) -> dict[str, Any]:
    """A tenant file whose times do not move with the clock."""
    return dict(prepare(data, now=NOW))


class Watcher:
    """Notes everything that is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.expected: dict[str, int | None] = {}
        self.objects: dict[str, int] = {}
        self.states: list[SourceState] = []

    def started(self, source: str, expected: int | None) -> None:
        self.expected[source] = expected

    def advanced(self, source: str, objects: int) -> None:
        self.objects[source] = self.objects.get(source, 0) + objects

    def finished(self, state: SourceState) -> None:
        self.states.append(state)

    def note(self, text: str) -> None:
        self.notes.append(text)


def read(
    emulator: Emulator,
    folder: Path,
    *,
    token: str | None = None,
    tenant: str | None = None,
    watcher: Watcher | None = None,
    clock: FakeClock | None = None,
) -> Snapshot:
    snapshot = collect.collect_tenant(
        GivenToken(token or emulator.auditor_token(), 4_000_000_000),
        tenant=tenant,
        cloud=GLOBAL,
        graph_url=emulator.url,
        folder=folder / "snapshot",
        progress=watcher,
        clock=(clock or FakeClock()).clock,
    )
    assert emulator.writes == 0
    assert emulator.defects == []
    assert emulator.faults.violations == []
    return snapshot


def content(snapshot: Snapshot) -> dict[str, list[str]]:
    """Everything kept, whatever its order."""
    return {
        source: sorted(
            orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode() for record in snapshot.objects(source)
        )
        for source, state in snapshot.states.items()
        if state.is_read
    }


def by_id(snapshot: Snapshot, source: str) -> dict[str, Mapping[str, Any]]:
    return {record["id"]: record for record in snapshot.objects(source) if "id" in record}


def test_everything_of_the_demo_tenant_is_read(tmp_path: Path) -> None:
    data, watcher = contoso(), Watcher()
    with Emulator(data) as emulator:
        snapshot = read(emulator, tmp_path, watcher=watcher)
        assert snapshot.requests == len(emulator.requests) == sum(state.requests for state in snapshot.states.values())
    assert list(snapshot.states) == ALL
    assert {state.status for state in snapshot.states.values()} == {"read"}
    assert {state.detail for state in snapshot.states.values()} == {""}
    assert snapshot.tenant_id == data["tenant"]["id"]
    assert snapshot.tenant_name == data["tenant"]["displayName"]
    assert re.fullmatch(r"app [0-9a-f-]{36} \(.+\)", snapshot.signed_in_as)
    assert watcher.expected["applications"] == len(data["applications"]) == watcher.objects["applications"]
    assert {state.source for state in watcher.states} == set(ALL)


def test_what_is_kept_is_what_the_tenant_file_says(tmp_path: Path) -> None:
    data = fixed(contoso())
    stored = snapshot_of(data, tmp_path / "file")
    with Emulator(data) as emulator:
        collected = read(emulator, tmp_path)
    for source in ALL:
        theirs = {record["id"]: record for record in stored.objects(source) if "id" in record}
        ours = by_id(collected, source)
        assert set(ours) == set(theirs), source
        for object_id, record in ours.items():
            for name, value in record.items():
                if not name.startswith("@") and name in theirs[object_id] and "Credentials" not in name:
                    assert value == theirs[object_id][name], (source, name)
    counted = "servicePrincipals/appRoleAssignedTo"
    assert sorted(map(str, (row for row in collected.objects(counted) if "counted" in row))) == sorted(
        map(str, (row for row in stored.objects(counted) if "counted" in row))
    )


def test_no_credential_material_is_stored(tmp_path: Path) -> None:
    tenant = TenantBuilder()
    app = tenant.app("Certified", certificate="@now+300d")
    marker = "TUlJQ2VydGlmaWNhdGVCeXRlcw=="
    tenant.registration(app)["keyCredentials"][0]["key"] = marker
    tenant.registration(app)["passwordCredentials"].append({"keyId": app.object_id, "secretText": "hunter2hunter2"})
    with Emulator(tenant.data) as emulator:
        snapshot = read(emulator, tmp_path)
        token = emulator.auditor_token()
    assert by_id(snapshot, "applications")[app.object_id or ""]["keyCredentials"][0]["endDateTime"]
    everything = b"".join(
        zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
        if path.suffix == ".zst"
        else path.read_bytes()
        for path in (tmp_path / "snapshot").rglob("*")
        if path.is_file()
    )
    for secret in (marker, "hunter2hunter2", token, token.split(".")[2]):
        assert secret.encode() not in everything


def test_requests_grow_with_pages_and_not_with_service_principals(tmp_path: Path) -> None:
    with Emulator(large(3000)) as emulator:
        snapshot = read(emulator, tmp_path)
        assert len(emulator.requests) < 0.04 * 3000  # 0.02 from 20,000 on, where the fixed part no longer counts
    assert snapshot.states["servicePrincipals"].objects == 3000


class TestRefusals:
    def test_a_missing_permission_is_named_and_takes_nothing_else_along(self, tmp_path: Path) -> None:
        with Emulator(fixed(contoso())) as emulator:
            whole = content(read(emulator, tmp_path / "whole"))
            snapshot = read(emulator, tmp_path / "part", token=emulator.auditor_token(without={"Policy.Read.All"}))
        denied = {source for source, state in snapshot.states.items() if state.status == "denied"}
        closed = {spec.id for spec in SOURCES if spec.permission == "Policy.Read.All"}
        assert denied == closed - {"policies/adminConsentRequestPolicy"}  # Directory.Read.All opens this one too
        state = snapshot.states["identity/conditionalAccess/policies"]
        assert (state.http_status, state.permission, state.role) == (403, "Policy.Read.All", "Security Reader")
        assert "the application permission Policy.Read.All with admin consent" in state.detail
        assert content(snapshot) == {source: lines for source, lines in whole.items() if source not in denied}
        assert not list(snapshot.objects("identity/conditionalAccess/policies"))

    def test_a_user_is_told_of_the_role_too(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        user = tenant.user("Alice")
        name = user if isinstance(user, str) else user["userPrincipalName"]
        with Emulator(tenant.data) as emulator:
            scopes = ("Application.Read.All", "Directory.Read.All")
            snapshot = read(emulator, tmp_path, token=emulator.token(scopes=scopes, user=name))
        assert snapshot.signed_in_as.count(" through app ") == 1
        detail = snapshot.states["policies/authorizationPolicy"].detail
        assert "delegated permission Policy.Read.All, and the user the directory role Global Reader" in detail

    def test_a_missing_licence_is_no_missing_permission(self, tmp_path: Path) -> None:
        faults = Faults(unlicensed=("identity/conditionalAccess",))
        with Emulator(contoso(), faults=faults) as emulator:
            snapshot = read(emulator, tmp_path)
        state = snapshot.states["identity/conditionalAccess/policies"]
        assert (state.status, state.licence) == ("unlicensed", "Microsoft Entra ID P1")
        assert "Microsoft Entra ID P1 is needed" in state.detail

    def test_what_hangs_below_an_unread_source_says_so(self, tmp_path: Path) -> None:
        faults = Faults(deny={"servicePrincipals": (500, "InternalServerError", "broken")})
        with Emulator(contoso(), faults=faults) as emulator:
            snapshot = read(emulator, tmp_path)
        assert snapshot.states["servicePrincipals"].status == "failed"
        assert snapshot.states["servicePrincipals/appRoleAssignedTo"].status == "skipped"
        assert "needs servicePrincipals" in snapshot.states["servicePrincipals/appRoleAssignedTo"].detail
        assert snapshot.states["applications"].status == "read"

    def test_own_apps_alone_are_not_the_tenants_apps(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator:
            roles = ("Application.ReadWrite.OwnedBy", "Organization.Read.All", "Policy.Read.All")
            snapshot = read(emulator, tmp_path, token=emulator.token(roles=roles))
        assert snapshot.states["applications"].status == "denied"
        assert "its own apps alone" in snapshot.states["applications"].detail

    def test_a_mistake_in_one_reading_is_one_failed_source(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(desk: object) -> None:
            raise KeyError("secret-token")

        monkeypatch.setitem(readings.READINGS, "grant-policies", broken)  # type: ignore[arg-type]
        with Emulator(contoso()) as emulator:
            snapshot = read(emulator, tmp_path)
        state = snapshot.states["policies/permissionGrantPolicies"]
        assert state.status == "failed"
        assert "KeyError" in state.detail
        assert "secret-token" not in state.detail
        assert sum(state.is_read for state in snapshot.states.values()) == len(ALL) - 1


class TestNoRun:
    """What ends a run, in one sentence and with exit code 3."""

    def test_expired_token(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator, pytest.raises(SignInError, match="access token has expired"):
            read(emulator, tmp_path, token=emulator.token(expires_in=-60))

    def test_token_for_another_resource(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator, pytest.raises(SignInError, match="another resource"):
            read(emulator, tmp_path, token=emulator.token(audience="https://vault.azure.net"))

    def test_token_of_an_app_that_is_not_in_the_tenant(self, tmp_path: Path) -> None:
        stranger = "99999999-2222-3333-4444-555555555555"
        with Emulator(contoso()) as emulator, pytest.raises(SignInError, match="no service principal in this tenant"):
            read(emulator, tmp_path, token=emulator.token(stranger, roles=("Directory.Read.All",)))

    def test_a_sign_in_that_may_read_nothing(self, tmp_path: Path) -> None:
        with (
            Emulator(contoso()) as emulator,
            pytest.raises(SignInError, match="may not read the tenant at all") as caught,
        ):
            read(emulator, tmp_path, token=emulator.token(roles=("Mail.Read",)))
        assert "Application.Read.All" in str(caught.value)
        assert caught.value.exit_code == 3

    @pytest.mark.parametrize("tenant", ["fabrikam.com", "00000000-1111-2222-3333-444444444444"])
    def test_another_tenant(self, tenant: str, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator, pytest.raises(SignInError, match=f"Tenant {tenant} was asked for"):
            read(emulator, tmp_path, tenant=tenant)

    def test_the_tenant_that_was_asked_for_by_either_name(self, tmp_path: Path) -> None:
        data = contoso()
        domain = data["organization"][0]["verifiedDomains"][0]["name"]
        with Emulator(data) as emulator:
            assert read(emulator, tmp_path / "1", tenant=domain.upper()).tenant_id == data["tenant"]["id"]
            assert read(emulator, tmp_path / "2", tenant=data["tenant"]["id"].upper()).tenant_id == data["tenant"]["id"]

    def test_another_tenant_where_the_organization_is_closed(self, tmp_path: Path) -> None:
        faults = Faults(deny={"organization": (403, "Authorization_RequestDenied", "no")})
        with Emulator(contoso(), faults=faults) as emulator, pytest.raises(SignInError, match="was asked for"):
            read(emulator, tmp_path, tenant="00000000-1111-2222-3333-444444444444")

    def test_unreachable_host(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator:
            url, token = emulator.url, emulator.auditor_token()
        with pytest.raises(GraphError, match=r"cannot be reached: cannot connect to 127\.0\.0\.1"):
            collect.collect_tenant(
                GivenToken(token, 4e9),
                tenant=None,
                cloud=GLOBAL,
                graph_url=url,
                folder=tmp_path / "s",
                clock=FakeClock().clock,
            )

    @pytest.mark.parametrize(
        "reply", [Reply(raw=b"<html>hotel</html>"), Reply(raw=b'{"value": [{"id": "1"'), Reply(raw=b"{}")]
    )
    def test_a_server_that_is_not_graph(self, reply: Reply, tmp_path: Path) -> None:
        with scripted(lambda seen: reply) as server, pytest.raises(GraphError, match="Nothing could be read") as caught:
            collect.collect_tenant(
                GivenToken("a.b.c", 4e9),
                tenant=None,
                cloud=GLOBAL,
                graph_url=server.url,
                folder=tmp_path / "s",
                clock=FakeClock().clock,
            )
        assert "\n" not in str(caught.value)

    def test_plain_http_to_another_machine(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="plain http"):
            collect.collect_tenant(
                GivenToken("a.b.c", 4e9),
                tenant=None,
                cloud=GLOBAL,
                graph_url="http://graph.example",
                folder=tmp_path / "s",
            )

    def test_a_folder_that_is_not_empty(self, tmp_path: Path) -> None:
        (tmp_path / "snapshot").mkdir()
        (tmp_path / "snapshot" / "mine.txt").write_text("mine")
        with Emulator(contoso()) as emulator, pytest.raises(OutputError):
            read(emulator, tmp_path)

    def test_an_interrupt_leaves_no_snapshot_that_looks_finished(self, tmp_path: Path) -> None:
        class Impatient(Watcher):
            def advanced(self, source: str, objects: int) -> None:
                if source == "servicePrincipals":
                    raise KeyboardInterrupt

        with Emulator(contoso()) as emulator, pytest.raises(KeyboardInterrupt):
            read(emulator, tmp_path, watcher=Impatient())
        assert not (tmp_path / "snapshot").exists()

    def test_after_a_failed_run_the_same_folder_can_be_used_again(self, tmp_path: Path) -> None:
        (tmp_path / "snapshot").mkdir()
        with Emulator(contoso()) as emulator:
            with pytest.raises(SignInError):
                read(emulator, tmp_path, token=emulator.token(roles=()))
            assert list((tmp_path / "snapshot").iterdir()) == []
            assert read(emulator, tmp_path).states["applications"].is_read


class TestFaults:
    """The same tenant comes out of a server that misbehaves."""

    @pytest.mark.parametrize(
        "faults",
        [
            {"throttled": 0.5, "retry_after": 0},
            {"throttled": 0.5, "retry_after": 0.001},
            {"throttled_bare": 0.5},
            {"unavailable": 0.5, "retry_after": "nonsense"},
            {"server_errors": 0.3, "bad_gateway": 0.2, "gateway_timeout": 0.2},
            {"not_json": 0.3, "truncated": 0.3, "dropped": 0.3},
            {"empty_pages": 0.7},
            {"expired_pages": 0.3},
        ],
        ids="+".join,
    )
    def test_faults_change_nothing(self, faults: dict[str, Any], tmp_path: Path) -> None:
        data = fixed(large(400))
        settings = Settings(page_size=40, max_page_size=999, expand_page_size=25)
        with Emulator(data, settings=settings) as emulator:
            calm = content(read(emulator, tmp_path / "calm"))
        with Emulator(data, settings=settings, faults=Faults(seed=3, **faults)) as emulator:
            # A date or a fraction of a second passes in no time with a clock that does not wait.
            emulator.faults.violations = _Deaf()
            snapshot = read(emulator, tmp_path / "rough")
            assert sum(emulator.faults.served.values()) > 3
        assert {source: state.status for source, state in snapshot.states.items()} == dict.fromkeys(ALL, "read")
        assert content(snapshot) == calm

    def test_lost_expansion_of_federated_credentials_is_read_app_by_app(self, tmp_path: Path) -> None:
        source, data = "applications/federatedIdentityCredentials", fixed(contoso())
        with Emulator(data) as emulator:
            expanded = content(read(emulator, tmp_path / "1"))[source]
        faults = Faults(refuse_expand=("application.federatedIdentityCredentials",))
        with Emulator(data, faults=faults) as emulator:
            assert content(read(emulator, tmp_path / "2"))[source] == expanded != []

    def test_owners_without_nested_select_and_without_expansion(self, tmp_path: Path) -> None:
        source, data = "applications/owners", contoso()
        with Emulator(data) as emulator:
            expanded = content(read(emulator, tmp_path / "1"))[source]
        with Emulator(data, settings=Settings(nest_select_in_expand=False)) as emulator:
            assert content(read(emulator, tmp_path / "2"))[source] == expanded != []
        with Emulator(data, faults=Faults(refuse_expand=("application.owners",))) as emulator:
            assert content(read(emulator, tmp_path / "3"))[source] == expanded

    def test_owners_beyond_the_expansion_are_read_in_full(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        app = tenant.app("Crowded", owners=[f"Owner {number}" for number in range(23)])
        with Emulator(tenant.data) as emulator:
            snapshot = read(emulator, tmp_path)
        assert len(by_id(snapshot, "applications/owners")[app.object_id or ""]["owners"]) == 23


class _Deaf(list[str]):
    def append(self, item: str) -> None:
        pass


def test_an_assignment_on_a_resource_without_app_roles_is_found(tmp_path: Path) -> None:
    """Nothing says that this resource has assignments; only the cross-check meets it."""
    tenant = TenantBuilder()
    resource, client = tenant.app("Quiet API"), tenant.managed_identity("worker")
    tenant.assign(client, None, resource=resource)
    with Emulator(tenant.data) as emulator:
        snapshot = read(emulator, tmp_path)
    rows = list(snapshot.objects("servicePrincipals/appRoleAssignedTo"))
    assert [row for row in rows if row.get("principalId") == client.service_principal_id]
    assert [row for row in rows if "counted" in row and row["resourceId"] == resource.service_principal_id]
    assert "1 app role assignments" in snapshot.states["servicePrincipals/appRoleAssignedTo"].detail
