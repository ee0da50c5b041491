"""The users that were asked for: read over HTTP, kept as little as possible, equal to what a tenant file says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.emulator.baseline import PLANS, ROLES
from auditor.emulator.build import GRAPH, TenantBuilder
from auditor.emulator.faults import Faults
from auditor.emulator.server import Emulator
from auditor.graph.collect import collect_tenant
from auditor.graph.collect_app import collect_app
from auditor.graph.signin import GivenToken
from auditor.graph.sources import USERS
from auditor.graph.users import role_assignments_url, user_path
from auditor.reference.clouds import CLOUDS
from auditor.tenant.snapshot import Snapshot
from auditor.tenant.tables import Tenant, UndeclaredSource
from tests.graph.scripted import FakeClock, Reply, scripted
from tests.support import load_tenant

GLOBAL = CLOUDS["global"]
DOMAIN = "contoso.onmicrosoft.com"


def read(url: str, token: str, folder: Path, users: Sequence[str], *, app_id: str = "") -> Snapshot:
    place: dict[str, Any] = {"tenant": None, "cloud": GLOBAL, "graph_url": url, "folder": folder / (app_id or "whole")}
    credential, clock = GivenToken(token, 4_000_000_000), FakeClock().clock
    if app_id:
        return collect_app(credential, app_id=app_id, users=users, clock=clock, **place)
    return collect_tenant(credential, users=users, clock=clock, **place)


def people() -> TenantBuilder:
    tenant = TenantBuilder()
    app = tenant.app("Portal", assignment_required=True, publishes=[("Orders.Read.All", "application")])
    tenant.user("Alice Admin", roles=["Global Reader", "User Administrator"], scoped_roles=["User Administrator"])
    tenant.user("Sam Scoped", scoped_roles=["Helpdesk Administrator"])
    tenant.user("Gus Guest", guest=True, plans=())
    tenant.user("Max Mail", plans=["EXCHANGE_S_ENTERPRISE", "12345678-0000-0000-0000-000000000000"])
    tenant.user("Dora Disabled", enabled=False)
    tenant.user("Grete Group")
    tenant.group("Admins", members=["Grete Group"], roles=["Groups Administrator"], isAssignableToRole=True)
    tenant.group("Portal Users", members=["Grete Group"])
    tenant.assign_people(app, users=["Alice Admin"], groups=["Portal Users"])
    tenant.data["roleDefinitions"].append(
        {"id": tenant.guid("custom"), "templateId": tenant.guid("custom"), "displayName": "Ours", "isBuiltIn": False}
    )
    tenant.data["roleAssignments"].append(
        {
            "id": "custom",
            "principalId": tenant.user("Sam Scoped"),
            "roleDefinitionId": tenant.guid("custom"),
            "directoryScopeId": "/",
        }
    )
    tenant.data["users"][0]["assignedPlans"] = [
        {"servicePlanId": PLANS["TEAMS1"], "capabilityStatus": "Warning", "service": "TeamspaceAPI"},
        {"servicePlanId": PLANS["INTUNE_A"], "capabilityStatus": "Suspended", "service": "SCO"},
    ]
    return tenant


ASKED = (
    f"alice.admin@{DOMAIN}",
    f"SAM.scoped@{DOMAIN}",
    f"gus.guest_partner.example#EXT#@{DOMAIN}",
    f"max.mail@{DOMAIN}",
    f"dora.disabled@{DOMAIN}",
    f"grete.group@{DOMAIN}",
    f"nobody@{DOMAIN}",
    "99999999-2222-3333-4444-555555555555",
)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[TenantBuilder, list[Tenant]]:
    tenant = people()
    asked = (*ASKED, tenant.user("Alice Admin"))
    app = tenant.app("Client")
    with Emulator(tenant.data) as emulator:
        found = [read(emulator.url, emulator.auditor_token(), tmp_path, asked, app_id=one) for one in ("", app.app_id)]
        assert emulator.writes == 0
        assert emulator.defects == []
    assert [snapshot.states["users"].status for snapshot in found] == ["read", "read"]
    assert [snapshot.states["users"].detail for snapshot in found] == ["", ""]
    return tenant, [load_tenant(tenant.data, users=asked), *map(Tenant.load, found)]


def test_the_same_from_a_file_a_tenant_and_one_app(tables: tuple[TenantBuilder, list[Tenant]]) -> None:
    _, (expected, *found) = tables
    for tenant in found:
        pd.testing.assert_frame_equal(tenant.users, expected.users)


def test_what_the_columns_say(tables: tuple[TenantBuilder, list[Tenant]]) -> None:
    builder, (_, whole, _) = tables
    rows = whole.users.set_index("asked")
    alice, sam, gus = (rows.loc[name.lower()] for name in ASKED[:3])
    assert (alice["user_type"], alice["enabled"], alice["found"], alice["licensed"]) == ("Member", True, True, True)
    assert set(alice["directory_roles"]) == {ROLES["Global Reader"], ROLES["User Administrator"]}
    assert alice["scoped_roles"] == ()  # what is held everywhere is not held on a smaller scope alone
    assert alice["service_plans"] == (PLANS["TEAMS1"],)
    assert alice["service_plan_names"] == ("TEAMS1",)
    portal = builder.principal(
        next(one["appId"] for one in builder.data["applications"] if one["displayName"] == "Portal")
    )
    assert alice["assigned_resources"] == (portal["id"],)
    assert sam["directory_roles"] == (builder.guid("custom"),)
    assert sam["scoped_roles"] == (ROLES["Helpdesk Administrator"],)
    assert (gus["user_type"], gus["licensed"], gus["service_plans"]) == ("Guest", False, ())
    assert rows.loc[ASKED[3]]["service_plan_names"] == ("12345678-0000-0000-0000-000000000000", "EXCHANGE_S_ENTERPRISE")
    assert not rows.loc[ASKED[4]]["enabled"]
    grete = rows.loc[ASKED[5]]
    assert grete["directory_roles"] == (ROLES["Groups Administrator"],)
    assert grete["assigned_resources"] == (portal["id"],)
    assert PLANS["AAD_PREMIUM"] in grete["service_plans"]
    for nobody in ASKED[6:]:
        assert not rows.loc[nobody]["found"]
        assert rows.loc[nobody]["directory_roles"] is None
        assert pd.isna(rows.loc[nobody]["licensed"])
        assert pd.isna(rows.loc[nobody]["user_id"])
    assert rows.loc[builder.user("Alice Admin")]["user_principal_name"] == ASKED[0]
    assert rows.loc[builder.user("Alice Admin")]["directory_roles"] == alice["directory_roles"]


def test_of_a_person_only_what_decides_is_kept(tmp_path: Path) -> None:
    tenant = people()
    tenant.data["users"][0] |= {"mobilePhone": "+49 170 0000000", "mail": "private@example.com"}
    with Emulator(tenant.data) as emulator:
        snapshot = read(emulator.url, emulator.auditor_token(), tmp_path, ASKED)
    text = json.dumps(list(snapshot.objects("users")))
    for word in ("Alice Admin", "private@example.com", "0170", "+49", "displayName", "Global Reader"):
        assert word not in text


def test_without_users_there_is_no_such_source(tmp_path: Path) -> None:
    with Emulator(TenantBuilder().data) as emulator:
        tenant = Tenant.load(read(emulator.url, emulator.auditor_token(), tmp_path, ()))
    assert "users" not in tenant.states
    assert not tenant.is_read("users")
    assert tenant.users.empty
    assert list(tenant.restricted(["users"]).users.columns) == list(tenant.users.columns)
    with pytest.raises(UndeclaredSource):
        _ = tenant.restricted(["applications"]).users


HOSTILE = (
    "..",
    ".",
    "../applications",
    "a/b",
    "a/../../../b",
    "%2e%2e/x",
    "",
    " ",
    "x?$select=passwordProfile",
    "x#y",
    "o'brien@contoso.com') or ('1' eq '1",
    "$count",
    "$dollar@contoso.com",
    "me",
    "\\\\server",
    "ü@contoso.com",
    "\U0001f600",
    "a\x00b",
    "a\r\nHost: evil",
    "x" * 5000,
    "delta",
    "microsoft.graph.user",
)


def test_hostile_names_are_nobody(tmp_path: Path) -> None:
    tenant = TenantBuilder()
    tenant.user("Real")
    with Emulator(tenant.data) as emulator:
        snapshot = read(emulator.url, emulator.auditor_token(), tmp_path, (*HOSTILE, f"real@{DOMAIN}"))
        assert emulator.defects == []
        assert emulator.writes == 0
        asked = [item for record in emulator.requests for item in record.items if "/users" in item.path]
    state = snapshot.states["users"]
    assert state.status == "read", state.detail
    rows = Tenant.load(snapshot).users.set_index("asked")
    assert rows.index[rows["found"].astype(bool)].tolist() == [f"real@{DOMAIN}"]
    for item in asked:
        assert item.path.startswith("/v1.0/users")
        assert ".." not in item.path.split("/")


@given(st.text() | st.from_regex(r"\A[!-~]{1,20}@[!-~]{1,20}\Z"))
def test_a_name_stays_in_its_place(name: str) -> None:
    path = user_path(name)
    assert re.fullmatch(r"(/users(/[^/?#&\\()]+|\('[^/?#&\\()]+'\)))?", path)
    assert path.isascii()
    assert not {".", ".."} & set(unquote(path).split("/"))
    assert role_assignments_url(name).count("&") == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("alice@contoso.com", "/users/alice%40contoso.com"),
        ("gus_x.example#EXT#@contoso.com", "/users/gus_x.example%23EXT%23%40contoso.com"),
        ("o'brien@contoso.com", "/users('o%27%27brien%40contoso.com')"),
        ("$al@contoso.com", "/users('%24al%40contoso.com')"),
        ("99999999-2222-3333-4444-555555555555", "/users/99999999-2222-3333-4444-555555555555"),
        ("Alice", ""),
        ("delta", ""),
    ],
)
def test_paths_of_names(name: str, path: str) -> None:
    assert user_path(name) == path


def test_names_that_need_quoting_are_found(tmp_path: Path) -> None:
    tenant = TenantBuilder()
    names = [f"o'brien@{DOMAIN}", f"$al@{DOMAIN}", f"a+b~c^d@{DOMAIN}"]
    for name in names:
        tenant.user(name, userPrincipalName=name)
    with Emulator(tenant.data) as emulator:
        found = Tenant.load(read(emulator.url, emulator.auditor_token(), tmp_path, names, app_id=GRAPH))
    assert found.users["found"].tolist() == [True] * 3
    assert found.users["directory_roles"].tolist() == [()] * 3
    assert found.users["assigned_resources"].tolist() == [()] * 3


class TestRefusals:
    def test_users_that_may_not_be_read(self, tmp_path: Path) -> None:
        with Emulator(people().data) as emulator:
            token = emulator.token(
                roles=["Application.Read.All", "Organization.Read.All", "RoleManagement.Read.Directory"]
            )
            snapshots = [read(emulator.url, token, tmp_path, ASKED, app_id=one) for one in ("", GRAPH)]
        for snapshot in snapshots:
            state = snapshot.states["users"]
            assert (state.status, state.http_status, state.permission) == ("denied", 403, USERS.permission)
            assert Tenant.load(snapshot).users.empty

    @pytest.mark.parametrize(
        ("path", "column", "word"),
        [
            ("users/{id}/transitiveMemberOf", "directory_roles", "directory roles"),
            ("users/{id}/appRoleAssignments", "assigned_resources", "app role assignments"),
        ],
    )
    def test_a_part_that_may_not_be_read_is_not_known(self, tmp_path: Path, path: str, column: str, word: str) -> None:
        faults = Faults(deny={path: (403, "Authorization_RequestDenied", "no")})
        with Emulator(people().data, faults=faults) as emulator:
            snapshot = read(emulator.url, emulator.auditor_token(), tmp_path, ASKED[:2], app_id=GRAPH)
        state = snapshot.states["users"]
        assert state.status == "read"
        assert f"the {word} of {ASKED[0]} could not be read (403 Authorization_RequestDenied" in state.detail
        assert Tenant.load(snapshot).users[column].tolist() == [None, None]

    def test_the_narrower_set_of_permissions(self, tmp_path: Path) -> None:
        """As docs/permissions.md says: without Directory.Read.All it takes User.Read.All, and assignments stay unknown."""
        roles = ["Application.Read.All", "Organization.Read.All", "RoleManagement.Read.Directory", "User.Read.All"]
        with Emulator(people().data) as emulator:
            snapshot = read(emulator.url, emulator.token(roles=roles), tmp_path, ASKED[:1], app_id=GRAPH)
        assert snapshot.states["users"].status == "read"
        row = Tenant.load(snapshot).users.iloc[0]
        assert row["assigned_resources"] is None
        assert ROLES["User Administrator"] in row["directory_roles"]
        assert row["licensed"]

    def test_a_server_that_fails_is_a_failed_source(self, tmp_path: Path) -> None:
        faults = Faults(deny={"users/{id}/appRoleAssignments": (500, "InternalServerError", "no")})
        with Emulator(people().data, faults=faults) as emulator:
            snapshot = read(emulator.url, emulator.auditor_token(), tmp_path, ASKED[:2], app_id=GRAPH)
        assert snapshot.states["users"].status == "failed"


def _graph(roles: list[dict[str, Any]], *, refuse_simple_cast: bool = False) -> Any:
    """A Graph that knows one user; ``refuse_simple_cast``: casts need an advanced query."""

    def one(item: dict[str, Any]) -> dict[str, Any]:
        url = item["url"]
        if "directoryRole" in url:
            if refuse_simple_cast and not (item.get("headers") and "$count=true" in url):
                return {"status": 400, "body": {"error": {"code": "Request_UnsupportedQuery", "message": "no"}}}
            return {"status": 200, "body": {"value": roles}}
        if url.startswith("/users/") and "/appRole" not in url:
            return {"status": 200, "body": {"id": "1", "userPrincipalName": "a@b.c", "assignedPlans": None}}
        if url.startswith(("/organization", "/users", "/roleManagement", "/subscribedSkus")):
            return {"status": 200, "body": {"value": []}}
        return {"status": 403, "body": {"error": {"code": "Authorization_RequestDenied", "message": "no"}}}

    return lambda seen: Reply({"responses": [{"id": item["id"], **one(item)} for item in seen.body["requests"]]})


@pytest.mark.parametrize("refuse", [False, True])
def test_a_cast_that_needs_an_advanced_query_gets_one(tmp_path: Path, refuse: bool) -> None:
    roles = [{"@odata.type": "#microsoft.graph.directoryRole", "id": "r", "roleTemplateId": ROLES["Global Reader"]}]
    with scripted(_graph(roles, refuse_simple_cast=refuse)) as server:
        tenant = Tenant.load(read(server.url, "a.b.c", tmp_path, ["a@b.c"], app_id=GRAPH))
    assert tenant.users["directory_roles"].tolist() == [(ROLES["Global Reader"],)]
    assert pd.isna(tenant.users["licensed"].item())  # plans that are hidden are not known, and not missing


def test_roles_that_are_hidden_are_not_known(tmp_path: Path) -> None:
    """https://learn.microsoft.com/graph/permissions-overview: limited information for inaccessible member objects."""
    hidden = [{"@odata.type": "#microsoft.graph.directoryRole", "id": "r", "roleTemplateId": None}]
    with scripted(_graph(hidden)) as server:
        snapshot = read(server.url, "a.b.c", tmp_path, ["a@b.c"], app_id=GRAPH)
    assert Tenant.load(snapshot).users["directory_roles"].tolist() == [None]
    assert "directory roles a@b.c holds is hidden" in snapshot.states["users"].detail
