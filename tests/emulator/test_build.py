"""The builder of tenants: good by default, the same in every run, and able to hold what Graph can hold."""

from __future__ import annotations

import json

import pytest

from auditor.emulator import tenantfile
from auditor.emulator.build import (
    AAD_GRAPH,
    ARM,
    AUDITOR_PERMISSIONS,
    AUDITOR_SECRET,
    DEFAULT_ACCESS,
    EXCHANGE,
    GRAPH,
    SHAREPOINT,
    TenantBuilder,
)
from auditor.graph.sources import least_permissions
from auditor.reference.catalog import load
from auditor.reference.resources import OFFICE_MANAGEMENT
from tests.emulator.references import dangling
from tests.emulator.shapes_check import misshapen


def everything() -> TenantBuilder:
    """A tenant with one of everything that the builder makes."""
    tenant = TenantBuilder()
    api = tenant.app(
        "API",
        publishes=[("Read", "delegated"), ("Admin", "delegated-admin"), ("Read.All", "application"), ("Clerk", "user")],
    )
    web = tenant.app(
        "Web",
        web=["https://web.example/a"],
        spa=["https://web.example"],
        public=["http://localhost"],
        owners=["Ada"],
        requests=[("User.Read", "delegated"), ("Read", "delegated", api), ("Read.All", "application", api)],
    )
    tenant.consent(web)
    daemon = tenant.app("Daemon", certificate="@now+10d", federated=["repo:x/y:ref:main"])
    tenant.directory_role(daemon, "User Administrator")
    tenant.external("External", verified="Fabrikam")
    tenant.managed_identity("identity", user_assigned=True)
    tenant.legacy("Old add-in")
    tenant.grant(web, "Mail.Read", resource=EXCHANGE, user="Grace")
    tenant.assign_people(web, users=2, groups=["Sales"])
    place = tenant.named_location("Office", "203.0.113.0/24")
    tenant.policy("MFA", users={"excludeUsers": [tenant.user("Break glass")]}, session={"signInFrequency": None})
    tenant.workload_policy("Workload", daemon, locations={"includeLocations": ["All"], "excludeLocations": [place]})
    tenant.licence("ODD_SKU", [("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM")], status="Suspended")
    return tenant


def test_same_names_give_the_same_tenant() -> None:
    assert json.dumps(everything().data) == json.dumps(everything().data)


def test_another_tenant_has_other_ids_for_the_same_names() -> None:
    other = TenantBuilder(tenant_id="11111111-2222-3333-4444-555555555555")
    assert other.app("Web").app_id != TenantBuilder().app("Web").app_id


def test_every_object_is_as_microsofts_schema_says() -> None:
    assert list(misshapen(everything().data)) == []


def test_the_shape_test_can_fail() -> None:
    tenant = TenantBuilder()
    tenant.app("A", principal={"publisherNam": "x", "accountEnabled": "yes", "replyUrls": None})
    assert len(list(misshapen(tenant.data))) == 3


def test_every_id_points_at_something() -> None:
    assert list(dangling(everything().data)) == []


def test_the_emulator_accepts_the_tenant_file() -> None:
    tenantfile.check(everything().data)


def test_microsofts_resources_are_there_and_graph_has_every_permission_of_the_catalog() -> None:
    tenant = TenantBuilder()
    for resource in (GRAPH, AAD_GRAPH, EXCHANGE, SHAREPOINT, ARM):
        assert tenant.principal(resource)["accountEnabled"]
    graph = tenant.principal(GRAPH)
    roles = {role["value"]: role for role in graph["appRoles"]}
    scopes = {scope["value"]: scope for scope in graph["oauth2PermissionScopes"]}
    for permission in load().permissions():
        if permission.application and permission.application.id:
            assert roles.pop(permission.name)["id"] == permission.application.id
        if permission.delegated and permission.delegated.id:
            scope = scopes.pop(permission.name)
            assert scope["id"] == permission.delegated.id
            assert (scope["type"] == "Admin") == permission.delegated.admin_consent
    assert not roles and not scopes
    assert tenant.permission_id("User.Read.All", "application") == "df021288-bdef-4463-88db-98f22de89214"


def test_the_auditors_own_app_can_sign_in_and_holds_what_it_requests() -> None:
    tenant = TenantBuilder()
    assert tenant.data["secrets"][tenant.auditor.app_id] == [AUDITOR_SECRET]
    granted = {row["appRoleId"] for row in tenant.data["appRoleAssignments"]}
    assert granted == {tenant.permission_id(value, "application") for value in AUDITOR_PERMISSIONS}
    assert AUDITOR_SECRET not in json.dumps(tenant.data["applications"])


@pytest.mark.parametrize(
    ("platform", "secrets"),
    [({}, 1), ({"web": ["https://a.example"]}, 1), ({"spa": ["https://a.example"]}, 0), ({"fallback": True}, 0)]
    + [({"certificate": "@now+1d"}, 0), ({"federated": ["s"]}, 0), ({"secret": None}, 0)]
    + [({"spa": ["https://a.example"], "secret": "@now+1d"}, 1)],
)
def test_a_secret_is_the_default_where_a_client_can_keep_one(platform: dict[str, object], secrets: int) -> None:
    tenant = TenantBuilder()
    app = tenant.app("A", **platform)  # type: ignore[arg-type]
    assert len(tenant.registration(app)["passwordCredentials"]) == secrets


def test_an_app_without_service_principal_and_one_without_registration() -> None:
    tenant = TenantBuilder()
    lonely = tenant.app("Lonely", service_principal=False)
    orphan = tenant.app("Orphan")
    tenant.delete_registration(orphan)
    assert lonely.service_principal_id is None
    with pytest.raises(KeyError):
        tenant.principal(lonely)
    with pytest.raises(KeyError):
        tenant.registration(orphan)
    assert tenant.principal(orphan)["appOwnerOrganizationId"] == tenant.tenant_id
    with pytest.raises(LookupError):
        tenant.grant(lonely, "User.Read")


def test_odd_grants_are_kept_as_they_are() -> None:
    tenant = TenantBuilder()
    app = tenant.app("A")
    nowhere = "99999999-9999-4999-8999-999999999999"
    assert tenant.grant(app, "  User.Read Mail.Read  User.Read ")["scope"] == "  User.Read Mail.Read  User.Read "
    assert tenant.grant(nowhere, "User.Read")["clientId"] == nowhere
    assert tenant.assign(app, nowhere)["appRoleId"] == nowhere
    assert tenant.assign(app, None)["appRoleId"] == DEFAULT_ACCESS
    assert (
        tenant.assign(nowhere, "User.Read.All", principalDisplayName="was here")["principalDisplayName"] == "was here"
    )
    assert len({row["id"] for row in tenant.data["oauth2PermissionGrants"]}) == 2


def test_a_deleted_resource_leaves_its_grants_dangling() -> None:
    tenant = TenantBuilder()
    app = tenant.consent(tenant.app("A", requests=[("Mail.Send", "application", EXCHANGE)]))
    gone = tenant.delete_principal(EXCHANGE)
    assert ("assignment resourceId", gone) in set(dangling(tenant.data))
    assert tenant.registration(app)["requiredResourceAccess"][0]["resourceAppId"] == EXCHANGE


def test_a_permission_of_a_microsoft_resource_that_the_tenant_lacks_can_be_requested() -> None:
    tenant = TenantBuilder()
    app = tenant.app("A", requests=[("ActivityFeed.Read", "application", OFFICE_MANAGEMENT)])
    assert tenant.registration(app)["requiredResourceAccess"][0]["resourceAppId"] == OFFICE_MANAGEMENT


def test_a_misspelt_permission_is_an_error_and_an_unknown_id_is_not() -> None:
    tenant = TenantBuilder()
    with pytest.raises(LookupError, match=r"User\.Raed"):
        tenant.app("A", requests=[("User.Raed", "delegated")])
    unknown = "99999999-9999-4999-8999-999999999999"
    app = tenant.app("B", requests=[(unknown, "application")])
    assert tenant.registration(app)["requiredResourceAccess"][0]["resourceAccess"][0]["id"] == unknown


def test_changing_what_the_service_principal_publishes_leaves_the_registration_alone() -> None:
    tenant = TenantBuilder()
    api = tenant.app("API", publishes=[("Read.All", "application")])
    tenant.principal(api)["appRoles"][0]["isEnabled"] = False
    assert tenant.registration(api)["appRoles"][0]["isEnabled"]


def test_consent_grants_exactly_what_is_requested() -> None:
    tenant = TenantBuilder()
    before = len(tenant.data["appRoleAssignments"])
    app = tenant.app(
        "A",
        web=["https://a.example"],
        requests=[("User.Read", "delegated"), ("Mail.Read", "delegated"), ("User.Read.All", "application")]
        + [("Mail.Read", "delegated", EXCHANGE)],
    )
    tenant.consent(app)
    grants = {row["resourceId"]: row["scope"] for row in tenant.data["oauth2PermissionGrants"]}
    assert grants == {
        tenant.principal(GRAPH)["id"]: "User.Read Mail.Read",
        tenant.principal(EXCHANGE)["id"]: "Mail.Read",
    }
    assert len(tenant.data["appRoleAssignments"]) == before + 1


def test_licences_can_be_taken_away() -> None:
    tenant = TenantBuilder()
    tenant.remove_licences("TEAMS1")
    plans = {plan["servicePlanName"] for sku in tenant.data["subscribedSkus"] for plan in sku["servicePlans"]}
    assert "TEAMS1" not in plans and "EXCHANGE_S_ENTERPRISE" in plans
    tenant.remove_licences()
    assert tenant.data["subscribedSkus"] == []


def test_user_consent_can_be_set_and_turned_off() -> None:
    tenant = TenantBuilder()
    assigned = tenant.data["authorizationPolicy"]["defaultUserRolePermissions"]
    tenant.user_consent("microsoft-user-default-low")
    assert "managePermissionGrantsForSelf.microsoft-user-default-low" in assigned["permissionGrantPoliciesAssigned"]
    tenant.user_consent()
    assert not [entry for entry in assigned["permissionGrantPoliciesAssigned"] if "ForSelf." in entry]
    assert assigned["permissionGrantPoliciesAssigned"]


def test_the_recommended_consent_policy_keeps_mail_for_admins_and_user_read_for_users() -> None:
    tenant = TenantBuilder()
    policy = next(p for p in tenant.data["permissionGrantPolicies"] if p["id"] == "microsoft-user-default-recommended")
    kept = next(s for s in policy["excludes"] if s["resourceApplication"] == GRAPH)["permissions"]
    assert tenant.permission_id("Mail.Read", "delegated") in kept
    assert tenant.permission_id("User.Read", "delegated") not in kept


def test_a_policy_condition_is_merged_into_the_default_one() -> None:
    tenant = TenantBuilder()
    policy = tenant.policy("P", users={"excludeUsers": ["u"]}, clientAppTypes=["other"])
    assert policy["conditions"]["users"]["includeUsers"] == ["All"]
    assert policy["conditions"]["users"]["excludeUsers"] == ["u"]
    assert policy["conditions"]["clientAppTypes"] == ["other"]
    assert policy["grantControls"]["builtInControls"] == ["mfa"]


def test_the_auditors_permissions_are_the_least_that_an_audit_needs() -> None:
    assert set(AUDITOR_PERMISSIONS) == set(least_permissions())
