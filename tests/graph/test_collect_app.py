"""Collecting one app over HTTP: the same rows as from the whole tenant, few requests, refusals, faults, manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.emulator.build import AAD_GRAPH, EXCHANGE, GRAPH, TenantBuilder
from auditor.emulator.contoso import contoso
from auditor.emulator.faults import Faults
from auditor.emulator.generate import large
from auditor.emulator.server import Emulator
from auditor.errors import AuditorError, GraphError, OutputError, SignInError, UsageError
from auditor.graph.app_run import PLANNED_ID
from auditor.graph.collect import collect_tenant
from auditor.graph.collect_app import collect_app
from auditor.graph.signin import GivenToken
from auditor.graph.sources import SOURCES
from auditor.reference.clouds import CLOUDS
from auditor.tenant.snapshot import Snapshot
from auditor.tenant.tables import Tenant
from tests.graph.scripted import FakeClock, Reply, error, scripted
from tests.support import load_tenant

GLOBAL = CLOUDS["global"]
ALL = [spec.id for spec in SOURCES]
OF_ONE_APP = ("apps", "credentials", "permissions", "grants", "assignments", "requested", "directory_roles", "consents")
ALONE = ("permissions", "grants", "assignments", "requested", "directory_roles", "consents")
"""Tables in which a scoped tenant has rows of its app alone."""
STRANGER = "99999999-2222-3333-4444-555555555555"


def read(
    emulator: Emulator,
    folder: Path,
    app_id: str,
    *,
    token: str | None = None,
    clock: FakeClock | None = None,
    **options: Any,
) -> Snapshot:
    snapshot = collect_app(
        GivenToken(token or emulator.auditor_token(), 4_000_000_000),
        app_id=app_id,
        tenant=options.pop("tenant", None),
        cloud=GLOBAL,
        graph_url=emulator.url,
        folder=folder / "snapshot",
        clock=(clock or FakeClock()).clock,
        **options,
    )
    assert emulator.writes == 0
    assert emulator.defects == []
    assert emulator.faults.violations == []
    return snapshot


def read_whole(emulator: Emulator, folder: Path, users: Sequence[str] = ()) -> Tenant:
    token = GivenToken(emulator.auditor_token(), 4_000_000_000)
    place = {"tenant": None, "cloud": GLOBAL, "graph_url": emulator.url, "folder": folder / "whole"}
    return Tenant.load(collect_tenant(token, **place, users=users, clock=FakeClock().clock))  # type: ignore[arg-type]


def rows_of(tenant: Tenant, table: str, app_id: str) -> pd.DataFrame:
    rows: pd.DataFrame = getattr(tenant, table)
    return rows[rows["app_id"] == app_id].reset_index(drop=True)


def assert_same_app(whole: Tenant, scoped: Tenant, app_id: str) -> None:
    """All tables say of the app what the whole tenant's say."""
    for table in OF_ONE_APP:
        expected, found = rows_of(whole, table, app_id), rows_of(scoped, table, app_id)
        pd.testing.assert_frame_equal(found, expected, obj=f"{table} of {app_id}")
        if table in ALONE:
            assert len(getattr(scoped, table)) == len(found), f"{table}: rows of other apps"
    principal = whole.apps.set_index("app_id")["service_principal_id"].get(app_id)
    expected = whole.assigned_to[whole.assigned_to["service_principal_id"] == principal].reset_index(drop=True)
    pd.testing.assert_frame_equal(scoped.assigned_to, expected, obj="assigned_to")
    assert scoped.consent == whole.consent
    for table in ("conditional_access", "service_plans"):
        pd.testing.assert_frame_equal(getattr(scoped, table), getattr(whole, table))
    reached = rows_of(whole, "permissions", app_id)["resource_app_id"].dropna().unique()
    for table in ("defined", "resources"):
        expected, found = getattr(whole, table), getattr(scoped, table)
        expected, found = (
            one[one["resource_app_id"].isin(reached)].reset_index(drop=True) for one in (expected, found)
        )
        pd.testing.assert_frame_equal(found, expected, obj=table)


class TestTheSameAsTheWholeTenant:
    def test_every_app_of_the_demo_tenant(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator:
            whole = read_whole(emulator, tmp_path)
            for app_id in whole.apps["app_id"]:
                snapshot = read(emulator, tmp_path / app_id, app_id)
                assert list(snapshot.states) == ALL
                assert {state.status for state in snapshot.states.values()} == {"read"}
                assert snapshot.requests <= 5
                assert_same_app(whole, Tenant.load(snapshot), app_id)

    @pytest.mark.parametrize("seed", [1, 2])
    def test_apps_of_a_random_tenant(self, tmp_path: Path, seed: int) -> None:
        with Emulator(large(400, seed=seed)) as emulator:
            whole = read_whole(emulator, tmp_path)
            for app_id in whole.apps["app_id"][::25]:
                snapshot = read(emulator, tmp_path / app_id, app_id)
                assert_same_app(whole, Tenant.load(snapshot), app_id)

    def test_what_hangs_on_other_apps(self, tmp_path: Path) -> None:
        """Pre-authorization, resources known from grants alone, deleted ones, registrations without service principal."""
        tenant = TenantBuilder()
        api = tenant.app("Orders API", publishes=[("Orders.Read", "delegated"), ("Orders.Read.All", "application")])
        silent = tenant.app("Silent API", publishes=[("Quiet.Read", "delegated")], service_principal=False)
        gone = tenant.app("Gone API", publishes=[("Old.Read.All", "application"), ("Old.Read", "delegated")])
        unasked = tenant.app("Unasked API", publishes=[("Extra.Read.All", "application")])
        client = tenant.app(
            "Client",
            web=["https://client.contoso.com/signin"],
            certificate="@now+100d",
            owners=["Olga Owner"],
            requests=[("Orders.Read", "delegated", api), ("Orders.Read.All", "application", api)],
        )
        scope = tenant.registration(silent)["api"]["oauth2PermissionScopes"][0]["id"]
        tenant.registration(client)["requiredResourceAccess"].append(
            {"resourceAppId": silent.app_id, "resourceAccess": [{"id": scope, "type": "Scope"}]}
        )
        tenant.registration(api)["api"]["preAuthorizedApplications"] = [
            {"appId": client.app_id, "delegatedPermissionIds": [tenant.permission_id("Orders.Read", "delegated", api)]}
        ]
        tenant.assign(client, "Extra.Read.All", resource=unasked)
        tenant.assign(client, "Old.Read.All", resource=gone)
        tenant.grant(client, "Old.Read", resource=gone, user="Ulla User")
        tenant.assign(api, "User.Read.All")  # the resource's own business
        tenant.delete_principal(gone)
        tenant.directory_role(client, "User Administrator")
        with Emulator(tenant.data) as emulator:
            whole = read_whole(emulator, tmp_path)
            for app in (client, api, silent, gone, unasked):
                scoped = Tenant.load(read(emulator, tmp_path / app.app_id, app.app_id))
                assert_same_app(whole, scoped, app.app_id)
        statuses = dict(
            zip(*(rows_of(whole, "permissions", client.app_id)[c] for c in ("permission", "status")), strict=True)
        )
        assert statuses["Orders.Read"] == "preauthorized"
        assert "resource-missing" in statuses.values()

    def test_a_resource_registration_brings_nothing_of_its_own_along(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        api = tenant.app(
            "API",
            publishes=[("Orders.Read", "delegated")],
            requests=[("User.Read.All", "application")],
            owners=["Olga"],
        )
        client = tenant.app("Client", requests=[("Orders.Read", "delegated", api)])
        with Emulator(tenant.data) as emulator:
            scoped = Tenant.load(read(emulator, tmp_path, client.app_id))
        assert set(scoped.requested["app_id"]) == {client.app_id}
        assert set(scoped.credentials["app_id"]) == {client.app_id}
        assert scoped.scope == {client.app_id}
        assert scoped.planned == frozenset()


class TestRequests:
    def test_few_however_large_the_tenant_is(self, tmp_path: Path) -> None:
        data = large(20_000)
        here = next(row["appId"] for row in data["applications"] if row["requiredResourceAccess"])
        with Emulator(data) as emulator:
            for app_id in (here, GRAPH):
                snapshot = read(
                    emulator, tmp_path / app_id, app_id, users=[data["users"][0]["id"]] if data["users"] else ["a@b.c"]
                )
                assert snapshot.requests <= 12
                assert snapshot.requests == len(emulator.requests)
                emulator.requests.clear()
            state = snapshot.states["servicePrincipals/appRoleAssignedTo"]
        assert state.status == "read"
        assert state.detail.startswith("the first 999 of a longer list were read")

    def test_an_app_with_very_many_consents_and_people(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        app = tenant.app("Popular", web=["https://popular.contoso.com"], assignment_required=True)
        tenant.grant(app, "User.Read")
        for number in range(3000):
            person = tenant.guid("person", str(number))
            row = {"clientId": app.service_principal_id, "consentType": "Principal", "principalId": person}
            graph = tenant.principal(GRAPH)["id"]
            tenant.data["oauth2PermissionGrants"].append(
                {**row, "resourceId": graph, "scope": "Mail.Read", "id": f"g{number}"}
            )
        tenant.assign_people(app, users=1200, groups=3)
        with Emulator(tenant.data) as emulator:
            snapshot = read(emulator, tmp_path, app.app_id)
        assert snapshot.requests <= 12
        scoped = Tenant.load(snapshot)
        status = dict(zip(*(scoped.permissions[c] for c in ("permission", "status")), strict=True))
        assert status == {"User.Read": "unrequested", "Mail.Read": "unrequested"}
        assert set(scoped.permissions["consent"]) == {"admin", "users"}
        assert scoped.assigned_to["users"].item() > 900
        for source in ("oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"):
            assert "of a longer list were read" in snapshot.states[source].detail

    def test_a_long_list_that_begins_with_services_leaves_open_whether_people_are_assigned(
        self, tmp_path: Path
    ) -> None:
        tenant = TenantBuilder()
        api = tenant.app("API", publishes=[("Read.All", "application")], assignment_required=True)
        for number in range(1100):
            tenant.assign(tenant.guid("caller", str(number)), "Read.All", resource=api)
        tenant.assign_people(api, users=2)
        with Emulator(tenant.data) as emulator:
            snapshot = read(emulator, tmp_path, api.app_id)
        assert Tenant.load(snapshot).assigned_to.empty
        assert "whether people are assigned" in snapshot.states["servicePrincipals/appRoleAssignedTo"].detail

    def test_an_app_that_requests_very_many_resources(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        apis = [tenant.app(f"API {n}", publishes=[("Read", "delegated")]) for n in range(50)]
        app = tenant.app("Hub", requests=[("Read", "delegated", api) for api in apis])
        with Emulator(tenant.data) as emulator:
            whole = read_whole(emulator, tmp_path)
            snapshot = read(emulator, tmp_path, app.app_id)
        assert snapshot.requests <= 12
        assert_same_app(whole, Tenant.load(snapshot), app.app_id)

    def test_more_resources_than_any_app_has_are_a_failed_source_and_no_missing_resources(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        app = tenant.app("Hoard")
        tenant.registration(app)["requiredResourceAccess"] = [
            {"resourceAppId": tenant.guid("none", str(n)), "resourceAccess": []} for n in range(150)
        ]
        with Emulator(tenant.data) as emulator:
            snapshot = read(emulator, tmp_path, app.app_id)
        assert snapshot.requests <= 12
        state = snapshot.states["servicePrincipals"]
        assert state.status == "failed"
        assert "more than 100 resources" in state.detail


def test_an_app_that_the_tenant_does_not_know(tmp_path: Path) -> None:
    with Emulator(contoso()) as emulator:
        snapshot = read(emulator, tmp_path, STRANGER.upper())
    assert {state.status for state in snapshot.states.values()} == {"read"}
    scoped = Tenant.load(snapshot)
    assert scoped.scope == {STRANGER}
    assert STRANGER not in set(scoped.apps["app_id"])
    assert scoped.permissions.empty
    assert GRAPH in set(scoped.defined["resource_app_id"])


def test_resources_of_declared_calls_are_read_too(tmp_path: Path) -> None:
    tenant = TenantBuilder()
    app = tenant.app("Mailer")
    with Emulator(tenant.data) as emulator:
        scoped = Tenant.load(read(emulator, tmp_path, app.app_id, resources=[EXCHANGE, STRANGER]))
    assert set(scoped.defined["resource_app_id"]) == {GRAPH, EXCHANGE}


@pytest.mark.parametrize("app_id", ["", "app", "*", "../users", f"{STRANGER}') or ('", f"{STRANGER}\n", "0" * 5000])
def test_what_is_no_app_id_is_never_sent(tmp_path: Path, app_id: str) -> None:
    with Emulator(TenantBuilder().data) as emulator, pytest.raises(UsageError, match="is not an app id"):
        read(emulator, tmp_path, app_id)
    assert emulator.requests == []
    assert not (tmp_path / "snapshot").exists()


class TestGroups:
    def held_by_groups(self) -> tuple[TenantBuilder, str]:
        tenant = TenantBuilder()
        api = tenant.app("API", publishes=[("Orders.Read.All", "application"), ("Reader", "user")])
        worker = tenant.managed_identity("worker")
        tenant.group("Workers", members=[worker])
        outer = tenant.group("All Workers")
        next(row for row in tenant.data["groups"] if row["id"] == outer)["members"] = [{"id": tenant.group("Workers")}]
        tenant.assign_group("Workers", "User.Read.All")
        tenant.assign_group("All Workers", "Orders.Read.All", resource=api)
        tenant.assign_people(api, groups=["Workers"])
        tenant.group("Others", members=["Otto"])
        tenant.assign_group("Others", "Mail.Read")
        return tenant, worker.app_id

    def test_permissions_of_the_apps_groups_are_rows_of_their_own(self, tmp_path: Path) -> None:
        tenant, worker = self.held_by_groups()
        with Emulator(tenant.data) as emulator:
            whole = read_whole(emulator, tmp_path)
            snapshot = read(emulator, tmp_path, worker)
        scoped = Tenant.load(snapshot)
        mine = {tenant.group("Workers"), tenant.group("All Workers")}
        expected = whole.group_assignments[whole.group_assignments["group_id"].isin(mine)].reset_index(drop=True)
        pd.testing.assert_frame_equal(scoped.group_assignments, expected)
        assert len(expected) == 2
        assert len(whole.group_assignments) == 3
        assert scoped.assignments.empty
        assert_same_app(whole, scoped, worker)
        assert snapshot.requests <= 4

    def test_the_whole_tenant_keeps_them_as_the_tenant_file_has_them(self, tmp_path: Path) -> None:
        tenant, _ = self.held_by_groups()
        with Emulator(tenant.data) as emulator:
            whole = read_whole(emulator, tmp_path)
        expected = load_tenant(tenant.data)
        pd.testing.assert_frame_equal(whole.group_assignments, expected.group_assignments)
        pd.testing.assert_frame_equal(whole.permissions, expected.permissions)
        pd.testing.assert_frame_equal(whole.assigned_to, expected.assigned_to)
        assert len(whole.group_assignments) == 3

    def test_groups_that_may_not_be_read_are_a_remark(self, tmp_path: Path) -> None:
        tenant, worker = self.held_by_groups()
        faults = Faults(deny={"servicePrincipals/{id}/transitiveMemberOf": (403, "Authorization_RequestDenied", "no")})
        with Emulator(tenant.data, faults=faults) as emulator:
            snapshot = read(emulator, tmp_path, worker)
        state = snapshot.states["servicePrincipals/appRoleAssignedTo"]
        assert state.status == "read"
        assert "a part could not be read (403 Authorization_RequestDenied" in state.detail


class TestRefusals:
    @pytest.mark.parametrize("permission", ["Policy.Read.All", "Directory.Read.All", "Policy.Read.PermissionGrant"])
    def test_states_are_those_of_a_whole_collection(self, tmp_path: Path, permission: str) -> None:
        data = contoso()
        app_id = data["applications"][3]["appId"]
        with Emulator(data) as emulator:
            token = emulator.auditor_token(without={permission})
            scoped = read(emulator, tmp_path, app_id, token=token)
            place = {"tenant": None, "cloud": GLOBAL, "graph_url": emulator.url, "folder": tmp_path / "whole"}
            whole = collect_tenant(GivenToken(token, 4e9), **place, clock=FakeClock().clock)  # type: ignore[arg-type]
        said = [
            {
                source: (state.status, state.detail, state.http_status, state.error_code, state.permission, state.role)
                for source, state in snapshot.states.items()
            }
            for snapshot in (scoped, whole)
        ]
        assert said[0] == said[1]
        assert "denied" in {state.status for state in scoped.states.values()}

    def test_registrations_that_may_not_be_read(self, tmp_path: Path) -> None:
        data = contoso()
        faults = Faults(deny={"applications": (403, "Authorization_RequestDenied", "no")})
        with Emulator(data, faults=faults) as emulator:
            snapshot = read(emulator, tmp_path, data["applications"][3]["appId"])
        status = {source: state.status for source, state in snapshot.states.items() if state.status != "read"}
        assert status == dict.fromkeys(
            ("applications", "applications/owners", "applications/federatedIdentityCredentials"), "denied"
        )

    def test_service_principals_that_may_not_be_read(self, tmp_path: Path) -> None:
        data = contoso()
        faults = Faults(deny={"servicePrincipals": (500, "InternalServerError", "broken")})
        with Emulator(data, faults=faults) as emulator:
            snapshot = read(emulator, tmp_path, data["applications"][3]["appId"])
        assert snapshot.states["servicePrincipals"].status == "failed"
        assert snapshot.states["oauth2PermissionGrants"].status == "skipped"
        assert "needs servicePrincipals" in snapshot.states["oauth2PermissionGrants"].detail
        assert snapshot.states["applications"].status == "read"

    def test_a_licence_that_the_tenant_lacks(self, tmp_path: Path) -> None:
        data = contoso()
        with Emulator(data, faults=Faults(unlicensed=("identity/conditionalAccess",))) as emulator:
            snapshot = read(emulator, tmp_path, data["applications"][0]["appId"])
        assert snapshot.states["identity/conditionalAccess/policies"].status == "unlicensed"

    @pytest.mark.parametrize(
        ("token", "said"),
        [
            ({"expires_in": -60}, "access token has expired"),
            ({"audience": "https://vault.azure.net"}, "another resource"),
            ({"roles": ("Mail.Read",)}, "may not read the tenant at all"),
        ],
    )
    def test_a_sign_in_that_is_good_for_nothing(self, tmp_path: Path, token: Mapping[str, Any], said: str) -> None:
        with Emulator(contoso()) as emulator, pytest.raises(SignInError, match=said):
            read(emulator, tmp_path, STRANGER, token=emulator.token(**token))
        assert not (tmp_path / "snapshot").exists()

    def test_another_tenant(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator, pytest.raises(SignInError, match=r"Tenant fabrikam\.com was asked for"):
            read(emulator, tmp_path, STRANGER, tenant="fabrikam.com")

    def test_own_apps_alone_are_not_the_tenants_apps(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator:
            roles = ("Application.ReadWrite.OwnedBy", "Organization.Read.All", "Policy.Read.All")
            snapshot = read(emulator, tmp_path, STRANGER, token=emulator.token(roles=roles))
        assert snapshot.states["applications"].status == "denied"
        assert "its own apps alone" in snapshot.states["applications"].detail

    def test_nobody_answers(self, tmp_path: Path) -> None:
        with Emulator(contoso()) as emulator:
            url, token = emulator.url, emulator.auditor_token()
        with pytest.raises(GraphError, match="cannot be reached"):
            collect_app(
                GivenToken(token, 4e9),
                app_id=STRANGER,
                tenant=None,
                cloud=GLOBAL,
                graph_url=url,
                folder=tmp_path / "snapshot",
                clock=FakeClock().clock,
            )

    def test_a_folder_that_holds_something(self, tmp_path: Path) -> None:
        (tmp_path / "snapshot").mkdir()
        (tmp_path / "snapshot" / "thesis.txt").write_text("mine")
        with Emulator(contoso()) as emulator, pytest.raises(OutputError, match="not empty"):
            read(emulator, tmp_path, STRANGER)
        assert (tmp_path / "snapshot" / "thesis.txt").read_text() == "mine"


def stored(snapshot: Snapshot) -> dict[str, list[str]]:
    return {
        source: sorted(orjson.dumps(one, option=orjson.OPT_SORT_KEYS).decode() for one in snapshot.objects(source))
        for source in snapshot.states
    }


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "..", STRANGER, GRAPH, "Group", "User", "a/b", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("id", "appId", "value", "appRoles", "allowedMemberTypes", "requiredResourceAccess", "resourceAppId")
                + (
                    "resourceId",
                    "principalId",
                    "principalType",
                    "appRoleId",
                    "scope",
                    "clientId",
                    "consentType",
                    "includes",
                )
                + ("@odata.type", "@odata.nextLink", "assignedPlans", "servicePlanId", "appOwnerOrganizationId")
                + (
                    "servicePrincipalType",
                    "defaultUserRolePermissions",
                    "permissionGrantPoliciesAssigned",
                    "roleTemplateId",
                )
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
BODIES = (
    ODD
    | st.fixed_dictionaries({"value": st.lists(ODD, max_size=3)})
    | st.fixed_dictionaries(
        {"id": st.just(STRANGER), "appId": st.just(STRANGER), "appRoles": ODD, "requiredResourceAccess": ODD}
    )
)


class TestFaults:
    @pytest.mark.parametrize("seed", range(4))
    def test_the_same_under_throttling_and_broken_answers(self, tmp_path: Path, seed: int) -> None:
        tenant = TenantBuilder()
        app = tenant.consent(
            tenant.app("Busy", requests=[("User.Read.All", "application"), ("User.Read", "delegated")])
        )
        tenant.user("Alice", roles=["Global Reader"])
        users = ["alice@contoso.onmicrosoft.com"]
        faults = Faults(
            seed=seed,
            throttled=0.2,
            throttled_bare=0.1,
            unavailable=0.1,
            server_errors=0.1,
            bad_gateway=0.05,
            dropped=0.05,
        )
        with Emulator(tenant.data) as calm, Emulator(tenant.data, faults=faults) as emulator:
            expected = read(calm, tmp_path / "calm", app.app_id, users=users)
            clock = FakeClock()
            found = read(emulator, tmp_path / "busy", app.app_id, users=users, clock=clock)
        served = {name: count for name, count in faults.served.items() if count}
        assert served
        assert clock.slept
        assert {state.status for state in found.states.values()} == {"read"}
        assert _dateless(stored(found)) == _dateless(stored(expected))

    def test_a_server_that_never_recovers_is_a_failed_source(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        app = tenant.app("App")
        faults = Faults(deny={"oauth2PermissionGrants": (503, "ServiceUnavailable", "later")})
        with Emulator(tenant.data, faults=faults) as emulator:
            snapshot = read(emulator, tmp_path, app.app_id)
        assert snapshot.states["oauth2PermissionGrants"].status == "failed"
        assert [state.status for state in snapshot.states.values()].count("read") == len(ALL) - 1

    def test_a_server_that_is_none(self, tmp_path: Path) -> None:
        with (
            scripted(lambda seen: Reply({"hello": "world"})) as server,
            pytest.raises(GraphError, match="Nothing could be read"),
        ):
            _collect_from(server.url, tmp_path)

    def test_links_that_lead_away_are_not_followed(self, tmp_path: Path) -> None:
        def answer(seen: Any) -> Reply:
            page = {"value": [], "@odata.nextLink": "https://evil.example/v1.0/next"}
            return Reply(
                {"responses": [{"id": one["id"], "status": 200, "body": page} for one in seen.body["requests"]]}
            )

        with scripted(answer) as server, pytest.raises(GraphError, match="leads away"):
            _collect_from(server.url, tmp_path)

    def test_items_of_hostile_shapes_end_no_run_with_a_traceback(self, tmp_path: Path) -> None:
        bodies: list[Any] = [
            None,
            [],
            "x",
            {"value": None},
            {"value": [{"id": "../.."}]},
            {"id": 7},
            {"error": "no"},
            {"id": "a" * 9999},
        ]

        def answer(seen: Any) -> Reply:
            assert seen.method == "POST"
            items = seen.body["requests"]
            parts = [{"id": one["id"], "status": 200, "body": bodies[at % len(bodies)]} for at, one in enumerate(items)]
            parts[0]["body"] = {"id": "t", "@odata.context": ""}
            return Reply({"responses": parts})

        with scripted(answer) as server:
            snapshot = _collect_from(server.url, tmp_path)
        assert "failed" in {state.status for state in snapshot.states.values()}

    @given(bodies=st.lists(BODIES, min_size=7, max_size=7))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_a_server_sends_ends_in_a_snapshot_or_one_sentence(
        self, tmp_path_factory: pytest.TempPathFactory, bodies: list[Any]
    ) -> None:
        def answer(seen: Any) -> Reply:
            if seen.method == "GET":
                return Reply({"value": []})
            items = [
                {"id": one["id"], "status": 200, "body": bodies[number % len(bodies)]}
                for number, one in enumerate(seen.body["requests"])
            ]
            if seen.body["requests"][0]["url"].startswith("/organization"):
                items[0]["body"] = {"value": [{"id": STRANGER, "displayName": "T"}]}
            return Reply({"responses": items})

        with scripted(answer) as server:
            try:
                snapshot = _collect_from(server.url, tmp_path_factory.mktemp("fuzz"))
            except AuditorError as refused:
                assert "\n" not in str(refused)
                return
        scoped = Tenant.load(snapshot)
        for table in (*OF_ONE_APP, "assigned_to", "group_assignments", "users", "defined", "resources"):
            assert isinstance(getattr(scoped, table), pd.DataFrame)

    def test_a_batch_that_is_refused_as_a_whole(self, tmp_path: Path) -> None:
        with (
            scripted(lambda seen: error("Authorization_IdentityNotFound", status=401)) as server,
            pytest.raises(SignInError, match="no service principal in this tenant"),
        ):
            _collect_from(server.url, tmp_path)


def _collect_from(url: str, folder: Path) -> Snapshot:
    return collect_app(
        GivenToken("a.b.c", 4_000_000_000),
        app_id=STRANGER,
        tenant=None,
        cloud=GLOBAL,
        graph_url=url,
        folder=folder / "snapshot",
        users=["alice@contoso.com"],
        clock=FakeClock().clock,
    )


def _dateless(lines: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Two emulators resolve relative dates a moment apart."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(inner) for name, inner in value.items() if not name.endswith("DateTime")}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    return {
        source: sorted(json.dumps(without(json.loads(line)), sort_keys=True) for line in found)
        for source, found in lines.items()
    }


class TestManifest:
    def wanted(self, tenant: TenantBuilder, *values: str) -> dict[str, Any]:
        access = [{"id": tenant.permission_id(value, "application"), "type": "Role"} for value in values]
        return {
            "displayName": "Planned",
            "requiredResourceAccess": [{"resourceAppId": GRAPH, "resourceAccess": access}],
        }

    def test_in_the_place_of_what_is_deployed(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        app = tenant.consent(tenant.app("App", requests=[("User.Read.All", "application")], owners=["Olga"]))
        with Emulator(tenant.data) as emulator:
            manifest = self.wanted(tenant, "User.Read.All", "Mail.Send") | {"passwordCredentials": []}
            snapshot = read(emulator, tmp_path, app.app_id, manifest=manifest)
        scoped = Tenant.load(snapshot)
        assert scoped.planned == {app.app_id}
        row = rows_of(scoped, "apps", app.app_id).iloc[0]
        assert (row["display_name"], row["object_id"]) == ("Planned", app.object_id)
        assert row["owners"]
        status = dict(zip(*(scoped.permissions[c] for c in ("permission", "status")), strict=True))
        assert status == {"User.Read.All": "granted", "Mail.Send": "not-consented"}
        assert len(rows_of(scoped, "credentials", app.app_id)) == 1  # a manifest cannot take a secret away

    def test_of_an_app_that_is_not_there_yet(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        manifest = self.wanted(tenant, "Mail.Send")
        manifest["requiredResourceAccess"].append({"resourceAppId": AAD_GRAPH, "resourceAccess": []})
        with Emulator(tenant.data) as emulator:
            scoped = Tenant.load(read(emulator, tmp_path, STRANGER, manifest=manifest))
        row = rows_of(scoped, "apps", STRANGER).iloc[0]
        assert (row["object_id"], row["kind"]) == (PLANNED_ID, "registration")
        assert scoped.permissions["requested"].tolist() == [True]
        assert scoped.permissions["status"].tolist() == ["not-consented"]
        assert AAD_GRAPH in set(scoped.defined["resource_app_id"])

    def test_where_registrations_may_not_be_read(self, tmp_path: Path) -> None:
        tenant = TenantBuilder()
        app = tenant.app("App")
        faults = Faults(deny={"applications": (403, "Authorization_RequestDenied", "no")})
        with Emulator(tenant.data, faults=faults) as emulator:
            snapshot = read(emulator, tmp_path, app.app_id, manifest=self.wanted(tenant, "Mail.Send"))
        assert snapshot.states["applications"].status == "read"
        assert "the deployed registration could not be read (403" in snapshot.states["applications"].detail

    @pytest.mark.parametrize(
        "manifest",
        [
            {},
            {"requiredResourceAccess": None},
            {"requiredResourceAccess": [None, {"resourceAppId": 7}, {"resourceAppId": "../x"}]},
            {
                "id": "../../users",
                "appId": 3,
                "api": "x",
                "keyCredentials": "y",
                "passwordCredentials": [{"secretText": "hunter22"}],
            },
        ],
    )
    def test_odd_manifests_are_only_odd(self, tmp_path: Path, manifest: dict[str, Any]) -> None:
        with Emulator(TenantBuilder().data) as emulator:
            snapshot = read(emulator, tmp_path, STRANGER, manifest=manifest)
        assert {state.status for state in snapshot.states.values()} == {"read"}
        assert rows_of(Tenant.load(snapshot), "apps", STRANGER)["object_id"].tolist() == [PLANNED_ID]
        assert "hunter22" not in str(list(snapshot.objects("applications")))
