"""403: permissions, the user's own right, licences; and requests that would write."""

from __future__ import annotations

import pytest

from auditor.emulator import Settings
from auditor.emulator.build import TenantBuilder
from auditor.emulator.server import AUDIT_PERMISSIONS
from auditor.graph.sources import SOURCES
from tests.emulator.caller import Caller
from tests.emulator.conftest import Start

GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"


@pytest.fixture
def caller(tenant: TenantBuilder, start: Start) -> Caller:
    tenant.user("Alice")
    tenant.user("Gus Guest", userType="Guest")
    rita = tenant.user("Rita Reader")
    tenant.data["roleAssignments"].append(
        {"principalId": rita, "roleDefinitionId": GLOBAL_READER, "directoryScopeId": "/"}
    )
    return start(tenant.data)


def source_url(tenant: TenantBuilder, source_id: str) -> str:
    spec = next(spec for spec in SOURCES if spec.id == source_id)
    return spec.url(top=spec.page_sizes[0] if spec.page_sizes else None).replace(
        "{id}", tenant.data["servicePrincipals"][0]["id"]
    )


@pytest.mark.parametrize("source_id", [spec.id for spec in SOURCES])
def test_auditor_token_reads_every_source(caller: Caller, tenant: TenantBuilder, source_id: str) -> None:
    assert caller.get(source_url(tenant, source_id)).status == 200


def test_auditor_token_holds_nothing_superfluous(caller: Caller, tenant: TenantBuilder) -> None:
    for permission in AUDIT_PERMISSIONS:
        caller.token = caller.emulator.auditor_token(without=[permission])
        statuses = {spec.id: caller.get(source_url(tenant, spec.id)).status for spec in SOURCES}
        # Directory.Read.All, which the grants need, opens what these two are the least permission for.
        is_spare = permission in ("LicenseAssignment.Read.All", "RoleManagement.Read.Directory")
        assert (403 in statuses.values()) != is_spare, permission


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        ("/users", 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        ("/applications", 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        (
            "/identity/conditionalAccess/policies",
            403,
            "AccessDenied",
            "You cannot perform the requested operation, required scopes are missing in the token.",
        ),
        ("/auditLogs/signIns", 403, "Authentication_MSGraphPermissionMissing", "AuditLog.Read.All"),
        ("/users/1/messages", 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."),
        ("/users/1/calendar/events", 403, "ErrorAccessDenied", "Access is denied."),
        ("/sites", 403, "accessDenied", "Access denied"),
        ("/teams/1/channels", 403, "Forbidden", "API requires one of 'Channel.ReadBasic.All"),
        (
            "/roleManagement/directory/roleEligibilitySchedules",
            403,
            "PermissionScopeNotGranted",
            "missing permission scope",
        ),
        ("/planner/plans/1", 403, "", ""),
    ],
)
def test_each_service_refuses_in_its_own_words(caller: Caller, path: str, status: int, code: str, message: str) -> None:
    caller.token = caller.emulator.token(roles=["Bookings.Read.All"])
    reply = caller.get(path)
    assert (reply.status, reply.code) == (status, code)
    assert message in reply.message


def test_tokens_without_any_permission(caller: Caller) -> None:
    caller.token = caller.emulator.token(roles=())
    assert caller.get("/users/1/messages").code == "NoPermissionsInAccessToken"
    assert caller.get("/users/1/messages").status == 401
    assert caller.get("/sites").message == "Either scp or roles claim need to be present in the token."
    assert caller.get("/users").code == "Authorization_RequestDenied"


def test_also_requires_is_honoured(caller: Caller) -> None:
    path = "/policies/identitySecurityDefaultsEnforcementPolicy"
    caller.token = caller.emulator.token(roles=["Policy.ReadWrite.SecurityDefaults"])
    assert caller.get(path).status == 403
    caller.token = caller.emulator.token(roles=["Policy.ReadWrite.SecurityDefaults", "Policy.Read.All"])
    assert caller.get(path).status == 200


def test_application_permissions_do_not_help_a_user(caller: Caller) -> None:
    caller.token = caller.emulator.token(scopes=["Application.Read.All"], user="Alice")
    assert caller.get("/applications").status == 200
    caller.token = caller.emulator.token(scopes=["User.Read"], user="Alice", claims={"roles": ["Application.Read.All"]})
    assert caller.get("/applications").status == 403


def test_me_is_for_users(caller: Caller) -> None:
    reply = caller.get("/me")
    assert (reply.status, reply.code) == (400, "BadRequest")
    assert reply.message == "/me request is only valid with delegated authentication flow."
    caller.token = caller.emulator.token(scopes=["User.Read"], user="Alice")
    assert caller.get("/me").json["displayName"] == "Alice"
    assert caller.get("/me/messages").code == "ErrorAccessDenied"


def test_users_need_a_role_for_some_reads(caller: Caller) -> None:
    scopes = ["Policy.Read.All", "Directory.Read.All", "Application.Read.All", "RoleManagement.Read.Directory"]
    closed = [
        "/identity/conditionalAccess/policies",
        "/oauth2PermissionGrants",
        "/roleManagement/directory/roleAssignments",
    ]
    for user, status in (("Alice", 403), ("Rita Reader", 200)):
        caller.token = caller.emulator.token(scopes=scopes, user=user)
        assert {caller.get(path).status for path in closed} == {status}
        assert caller.get("/applications").status == 200


def test_guests_read_nothing_but_themselves(caller: Caller) -> None:
    caller.token = caller.emulator.token(scopes=["User.Read.All", "Directory.Read.All"], user="Gus Guest")
    assert caller.get("/users").code == "Authorization_RequestDenied"
    assert caller.get("/me").status == 200
    assert caller.get("/organization").status == 200


def test_personal_accounts_have_their_own_permissions(caller: Caller) -> None:
    caller.token = caller.emulator.token(scopes=["User.Read", "Application.Read.All"], personal=True)
    assert caller.get("/me").status == 200
    assert caller.get("/servicePrincipals").status == 403


def test_small_permissions_show_little(caller: Caller) -> None:
    caller.token = caller.emulator.token(scopes=["User.Read"], user="Alice")
    row = caller.get("/organization").json["value"][0]
    assert {name for name, value in row.items() if value is not None} == {"id", "displayName", "verifiedDomains"}
    caller.token = caller.emulator.auditor_token()
    assert caller.get("/organization").json["value"][0]["countryLetterCode"] == "US"


def test_owned_by_sees_what_it_owns(tenant: TenantBuilder, start: Start) -> None:
    owner = tenant.app("Owner")
    owned = tenant.app("Owned")
    row = next(row for row in tenant.data["applications"] if row["id"] == owned.object_id)
    row["owners"] = [{"id": owner.service_principal_id}]
    caller = start(tenant.data)
    caller.token = caller.emulator.token(owner.app_id, roles=["Application.ReadWrite.OwnedBy"])
    assert caller.get("/applications?$select=id").ids == [owned.object_id]
    assert caller.get(f"/applications/{owned.object_id}").status == 200
    assert caller.get(f"/applications/{owner.object_id}").status == 403


def test_conditional_access_needs_a_licence(tenant: TenantBuilder, start: Start) -> None:
    tenant.remove_licences("AAD_PREMIUM", "AAD_PREMIUM_P2", "Entra_Identity_Governance")
    caller = start(tenant.data)
    for path in ("/identity/conditionalAccess/policies", "/identity/conditionalAccess/namedLocations"):
        reply = caller.get(path)
        assert (reply.status, reply.code) == (403, "AccessDenied")
        assert reply.message == "Your tenant is not licensed for this feature."
    caller.token = caller.emulator.token(roles=["AuditLog.Read.All", "RoleEligibilitySchedule.Read.Directory"])
    assert caller.get("/auditLogs/signIns").code == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
    eligible = caller.get("/roleManagement/directory/roleEligibilityScheduleInstances")
    assert (eligible.status, eligible.code) == (400, "AadPremiumLicenseRequired")
    # Without the permission, nobody learns of the licence.
    assert caller.get("/identity/conditionalAccess/policies").message.endswith("missing in the token.")


def test_uncertain_answers_can_be_chosen(tenant: TenantBuilder, start: Start) -> None:
    tenant.remove_licences("AAD_PREMIUM", "AAD_PREMIUM_P2")
    chosen = Settings(
        named_locations_need_premium=False, grant_reader_is_enough=False, policy_reader_reads_grant_policies=True
    )
    caller = start(tenant.data, settings=chosen)
    assert caller.get("/identity/conditionalAccess/namedLocations").status == 200
    caller.token = caller.emulator.token(roles=["Policy.Read.All"])
    assert caller.get("/policies/permissionGrantPolicies").status == 200
    usual = start(tenant.data)
    usual.token = usual.emulator.token(roles=["Policy.Read.All"])
    assert usual.get("/policies/permissionGrantPolicies").status == 403
    usual.token = usual.emulator.token(roles=["DelegatedPermissionGrant.Read.All"])
    assert usual.get("/oauth2PermissionGrants").status == 200


@pytest.mark.parametrize(
    ("method", "path", "roles", "status"),
    [
        ("POST", "/users", ["User.Read.All"], 403),
        ("POST", "/users", ["User.ReadWrite.All"], 501),
        ("PATCH", "/applications/1", ["Application.ReadWrite.All"], 501),
        ("DELETE", "/oauth2PermissionGrants/1", ["DelegatedPermissionGrant.ReadWrite.All"], 501),
        ("PUT", "/organization", ["Organization.Read.All"], 405),
        ("POST", "/nope", [], 405),
    ],
)
def test_writes_are_counted_and_change_nothing(
    caller: Caller, method: str, path: str, roles: list[str], status: int
) -> None:
    caller.token = caller.emulator.token(roles=roles)
    assert caller.send(method, path, {}).status == status
    assert caller.emulator.writes == 1
    caller.token = ""
    assert caller.send(method, path, {}).status == 401
    assert caller.emulator.writes == 2


def test_reads_are_not_writes(caller: Caller) -> None:
    caller.get("/users")
    caller.batch({"id": "1", "method": "GET", "url": "/users"})
    assert caller.emulator.writes == 0
    assert caller.send("OPTIONS", "/users").status == 405
    assert caller.send("HEAD", "/users").status == 405


def test_records_say_who_and_what_it_cost(caller: Caller) -> None:
    caller.get("/applications?$top=5")
    caller.get("/servicePrincipals?$select=id")
    assert [record.resource_units for record in caller.emulator.requests] == [1, 1]
    caller.get("/applications")
    record = caller.emulator.requests[-1]
    assert (record.method, record.path, record.query, record.status) == ("GET", "/v1.0/applications", "", 200)
    assert record.resource_units == 2
    assert record.app_id
