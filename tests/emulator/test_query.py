"""Addresses and query options."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator import Faults
from auditor.emulator.build import TenantBuilder
from tests.emulator.caller import Caller
from tests.emulator.conftest import Start

GRAPH = "00000003-0000-0000-c000-000000000000"


@pytest.fixture
def caller(tenant: TenantBuilder, start: Start) -> Caller:
    tenant.user("Alice", department="Sales", accountEnabled=True)
    tenant.user("Bob", department="O'Neill", accountEnabled=False)
    daemon = tenant.app("Daemon", requests=(("User.Read.All", "application"),), owners=("Alice", "Bob"))
    tenant.assign(daemon, "User.Read.All")
    tenant.grant(daemon, "User.Read")
    return start(tenant.data)


def names(reply: Any) -> list[str]:
    assert reply.status == 200, reply.body
    return [row["displayName"] for row in reply.json["value"]]


# --- $select ---------------------------------------------------------------------------------------------------------


def test_select_gives_these_properties_and_no_other(caller: Caller) -> None:
    row = caller.get("/applications?$select=appId,keyCredentials,notes").json["value"][0]
    assert set(row) == {"appId", "keyCredentials", "notes"}
    assert row["keyCredentials"] == []


@pytest.mark.parametrize(
    ("url", "type_name"),
    [
        ("/applications?$select=id,nope", "application"),
        ("/servicePrincipals?$select=nope", "servicePrincipal"),
        ("/oauth2PermissionGrants?$select=nope", "oAuth2PermissionGrant"),
        ("/identity/conditionalAccess/policies?$select=nope", "conditionalAccessPolicy"),
        ("/policies/authorizationPolicy?$select=nope", "authorizationPolicy"),
        ("/applications?$filter=nope eq 'x'", "application"),
        ("/applications?$orderby=nope", "application"),
        ("/applications?$expand=nope", "application"),
        ("/servicePrincipals?$select=appId&$expand=oauth2PermissionGrants($select=nope)", "oAuth2PermissionGrant"),
    ],
)
def test_unknown_property_is_refused(caller: Caller, url: str, type_name: str) -> None:
    reply = caller.get(url)
    assert (reply.status, reply.code) == (400, "BadRequest")
    assert reply.message == f"Could not find a property named 'nope' on type 'microsoft.graph.{type_name}'."


def test_beta_accepts_properties_that_v1_does_not_have(caller: Caller) -> None:
    url = "/roleManagement/directory/roleDefinitions?$select=id,isPrivileged"
    assert caller.get(url).status == 400
    assert caller.get(f"/beta{url}").status == 200


def test_users_come_with_their_default_properties(caller: Caller) -> None:
    row = caller.get("/users").json["value"][0]
    assert "department" not in row
    assert "jobTitle" in row


def test_certificate_bytes_come_to_those_who_select_them(tenant: TenantBuilder, start: Start) -> None:
    tenant.data["applications"][0]["keyCredentials"] = [{"keyId": "1", "key": "AAAA"}]
    caller = start(tenant.data)
    assert caller.get("/applications").json["value"][0]["keyCredentials"][0]["key"] is None
    assert caller.get("/applications?$select=keyCredentials").json["value"][0]["keyCredentials"][0]["key"] == "AAAA"


# --- keys ------------------------------------------------------------------------------------------------------------


def test_objects_have_several_addresses(caller: Caller) -> None:
    row = caller.get(f"/servicePrincipals(appId='{GRAPH}')").json
    assert row["displayName"] == "Microsoft Graph"
    assert "owners" not in row
    for path in (
        f"/servicePrincipals/{row['id']}",
        f"/servicePrincipals('{row['id']}')",
        f"/directoryObjects/{row['id']}",
    ):
        assert caller.get(path).json["id"] == row["id"]
    assert caller.get(f"/servicePrincipals/{row['id']}/displayName").json["value"] == "Microsoft Graph"


def test_users_are_found_by_name(caller: Caller) -> None:
    row = caller.get("/users").json["value"][0]
    assert caller.get(f"/users/{row['userPrincipalName'].upper()}").json["id"] == row["id"]


def test_unknown_object_is_404(caller: Caller) -> None:
    strange = "11111111-2222-3333-4444-555555555555"
    for path in (f"/applications/{strange}", f"/applications(appId='{strange}')", f"/users/{strange}/ownedObjects"):
        reply = caller.get(path)
        assert (reply.status, reply.code) == (404, "Request_ResourceNotFound")
        assert strange in reply.message


def test_object_id_must_be_one(caller: Caller) -> None:
    reply = caller.get("/applications/daemon")
    assert (reply.status, reply.code) == (400, "Request_BadRequest")


@pytest.mark.parametrize(
    "path", ["/nope", "/applications/$count/x", "/policies/nope", "/identity/conditionalAccess/nope"]
)
def test_unknown_segment_is_400(caller: Caller, path: str) -> None:
    reply = caller.get(path)
    assert (reply.status, reply.code) == (400, "BadRequest")
    assert reply.message.startswith("Resource not found for the segment '")


def test_paths_and_options_forgive_case(caller: Caller) -> None:
    assert caller.get("/serviceprincipals?$SELECT=id&$Top=1").status == 200
    assert len(caller.get("/serviceprincipals?select=id&top=1").json["value"]) == 1


# --- $filter ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("displayName eq 'alice'", ["Alice"]),
        ("department eq 'O''Neill'", ["Bob"]),
        ("accountEnabled eq true", ["Alice"]),
        ("accountEnabled eq false or displayName eq 'Alice'", ["Alice", "Bob"]),
        ("(accountEnabled eq true) and startswith(displayName,'A')", ["Alice"]),
        ("displayName in ('Bob', 'Carol')", ["Bob"]),
        ("startsWith(displayName,'b')", ["Bob"]),
        ("displayName eq null", []),
    ],
)
def test_filters_that_work_by_default(caller: Caller, expression: str, expected: list[str]) -> None:
    assert names(caller.get(f"/users?$filter={expression}")) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("displayName ne 'Alice'", ["Bob"]),
        ("not startswith(displayName,'A')", ["Bob"]),
        ("endswith(displayName,'e')", ["Alice"]),
        ("businessPhones/$count eq 0", ["Alice", "Bob"]),
    ],
)
def test_filters_that_need_an_advanced_query(caller: Caller, expression: str, expected: list[str]) -> None:
    assert caller.get(f"/users?$filter={expression}").code == "Request_UnsupportedQuery"
    assert caller.advanced(f"/users?$filter={expression}").code == "Request_UnsupportedQuery"
    assert names(caller.advanced(f"/users?$filter={expression}&$count=true")) == expected


def test_filter_looks_into_collections(caller: Caller) -> None:
    url = f"/servicePrincipals?$select=displayName&$filter=servicePrincipalNames/any(n:n eq '{GRAPH}')"
    assert names(caller.get(url)) == ["Microsoft Graph"]
    roles = "/servicePrincipals?$select=displayName&$filter=appRoles/any(r:r/value eq 'user.read.all')"
    assert "Microsoft Graph" in names(caller.get(roles))


@pytest.mark.parametrize(
    "url",
    [
        "/users?$filter=contains(displayName,'a')",
        "/oauth2PermissionGrants?$filter=scope eq 'User.Read'",
        "/oauth2PermissionGrants?$filter=startswith(clientId,'1')",
        "/roleManagement/directory/roleAssignments?$filter=id eq '1'",
        "/subscribedSkus?$filter=skuPartNumber eq 'SPE_E5'",
    ],
)
def test_filters_that_no_service_runs(caller: Caller, url: str) -> None:
    reply = caller.get(url)
    assert (reply.status, reply.code) == (400, "Request_UnsupportedQuery")


def test_grants_are_filtered_by_client(caller: Caller, tenant: TenantBuilder) -> None:
    client = tenant.data["oauth2PermissionGrants"][-1]["clientId"]
    rows = caller.get(f"/oauth2PermissionGrants?$filter=clientId eq '{client}' and consentType eq 'AllPrincipals'").json
    assert {row["clientId"] for row in rows["value"]} == {client}


@pytest.mark.parametrize(
    "expression", ["", "displayName eq", "eq 'x'", "displayName eq 'x", "(displayName eq 'x'", "a b c", "é"]
)
def test_malformed_filter_is_400(caller: Caller, expression: str) -> None:
    reply = caller.get(f"/users?$filter={expression}&$top=1")
    assert reply.status == (400 if expression else 200)


# --- $expand ---------------------------------------------------------------------------------------------------------


def test_expand_carries_at_most_20_and_says_nothing_of_the_rest(tenant: TenantBuilder, start: Start) -> None:
    owners = tuple(f"Owner {number}" for number in range(25))
    app = tenant.app("Crowd", owners=owners)
    caller = start(tenant.data)
    rows = caller.get("/applications?$select=id&$expand=owners($select=id)").json["value"]
    row = next(row for row in rows if row["id"] == app.object_id)
    assert len(row["owners"]) == 20
    assert not any("nextLink" in key for key in row)
    assert set(row["owners"][0]) == {"@odata.type", "id"}
    assert len(caller.get(f"/applications/{app.object_id}/owners").json["value"]) == 25


def test_expand_limits_pages_to_100_parents(tenant: TenantBuilder, start: Start) -> None:
    for number in range(150):
        tenant.app(f"App {number}")
    caller = start(tenant.data)
    assert len(caller.get("/applications?$top=999&$expand=owners").json["value"]) == 100
    assert len(caller.get("/applications?$top=999").json["value"]) == 151


def test_expand_takes_one_relation_and_no_advanced_query(caller: Caller) -> None:
    assert caller.get("/applications?$expand=owners,extensionProperties").code == "Request_UnsupportedQuery"
    assert caller.advanced("/applications?$expand=owners&$count=true").code == "Request_UnsupportedQuery"
    assert "not a navigation property" in caller.get("/applications?$expand=displayName").message


def test_expand_can_be_refused(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(refuse_expand=("application.federatedIdentityCredentials",)))
    assert caller.get("/applications?$expand=federatedIdentityCredentials").status == 400
    assert caller.get("/applications?$expand=owners").status == 200
    assert caller.emulator.faults.served["refuse_expand"] == 1


def test_single_objects_expand_too(caller: Caller) -> None:
    rows = caller.get("/roleManagement/directory/roleAssignments?$expand=roleDefinition").json["value"]
    assert all("roleDefinition" in row for row in rows)


# --- $count, $search, $orderby, $skip --------------------------------------------------------------------------------


def test_count_needs_the_header(caller: Caller) -> None:
    refused = caller.get("/users/$count")
    assert (refused.status, refused.code) == (400, "Request_BadRequest")
    assert caller.advanced("/users/$count").body == b"2"
    assert caller.advanced("/users/$count?$filter=displayName ne 'Bob'").body == b"1"
    assert "@odata.count" not in caller.get("/users?$count=true").json
    assert caller.advanced("/users?$count=true").json["@odata.count"] == 2


def test_search(caller: Caller) -> None:
    assert names(caller.advanced('/users?$search="displayName:bo"')) == ["Bob"]
    assert caller.get('/users?$search="displayName:bo"').code == "Request_UnsupportedQuery"
    assert caller.advanced("/users?$search=bo").status == 400


def test_orderby(caller: Caller) -> None:
    assert names(caller.get("/users?$orderby=displayName desc")) == ["Bob", "Alice"]
    url = "/users?$orderby=displayName desc&$filter=accountEnabled eq true"
    assert caller.get(url).code == "Request_UnsupportedQuery"
    assert names(caller.advanced(f"{url}&$count=true")) == ["Alice"]


def test_directory_does_not_skip(caller: Caller) -> None:
    assert caller.get("/users?$skip=1").code == "Request_UnsupportedQuery"


@pytest.mark.parametrize(
    "query",
    ["$top=x", "$top=-1", "$top=0", "$count=maybe", "$nope=1", "$select=id&$select=id", "$select=id,,x", "$expand=("],
)
def test_impossible_options_are_400(caller: Caller, query: str) -> None:
    assert caller.get(f"/users?{query}").status == 400


def test_strange_parameters_are_the_callers_own(caller: Caller) -> None:
    assert caller.get("/users?utm_source=x").status == 200


# --- relations -------------------------------------------------------------------------------------------------------


def test_assignments_from_both_sides(caller: Caller, tenant: TenantBuilder) -> None:
    daemon = next(row for row in tenant.data["servicePrincipals"] if row["displayName"] == "Daemon")
    granted = caller.get(f"/servicePrincipals/{daemon['id']}/appRoleAssignments").json["value"]
    assert [row["resourceDisplayName"] for row in granted] == ["Microsoft Graph"]
    on_graph = caller.get(f"/servicePrincipals(appId='{GRAPH}')/appRoleAssignedTo?$top=999").json["value"]
    assert granted[0] in on_graph
    grants = caller.get(f"/servicePrincipals/{daemon['id']}/oauth2PermissionGrants").json["value"]
    assert [row["scope"].split() for row in grants] == [["User.Read"]]


def test_grant_policies_have_their_conditions_apart(caller: Caller) -> None:
    rows = caller.get("/policies/permissionGrantPolicies").json["value"]
    assert rows and not any("includes" in row or "excludes" in row for row in rows)
    includes = caller.get(f"/policies/permissionGrantPolicies/{rows[0]['id']}/includes").json["value"]
    assert isinstance(includes, list)


def test_known_paths_without_data_are_empty(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data)
    caller.token = caller.emulator.token(roles=["Sites.Read.All", "Domain.Read.All", "Group.Read.All", "User.Read.All"])
    assert caller.get("/domains").json["value"] == []
    assert caller.get("/groups").json["value"] == []
    assert caller.get("/users/delta").status == 501
