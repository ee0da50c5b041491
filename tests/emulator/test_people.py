"""People, groups and licences: what hangs on them, what it opens, and who gets a token at all."""

from __future__ import annotations

import pytest

from auditor.emulator import Emulator
from auditor.emulator.baseline import PLANS, ROLES
from auditor.emulator.build import EXCHANGE, GRAPH, App, TenantBuilder
from auditor.emulator.signin import SignInRefusedError
from tests.emulator.caller import Caller
from tests.emulator.conftest import Start

READER = "Global Reader"


@pytest.fixture
def api(tenant: TenantBuilder) -> App:
    """A tenant with people in groups, and an app that people are assigned to."""
    api = tenant.app("API", publishes=[("Orders.Read.All", "application")], assignment_required=True)
    tenant.user("Alice", roles=["User Administrator"], scoped_roles=["Helpdesk Administrator"])
    tenant.user("Bob")
    tenant.group("Inner", members=["Bob", api], roles=[READER])
    tenant.group("Outer", members=[tenant.group("Inner")])
    tenant.assign_people(api, users=["Alice"], groups=["Inner", "Outer"])
    return api


def names(caller: Caller, url: str) -> set[str]:
    return {row["displayName"] for page in caller.pages(url) for row in page.json["value"]}


def test_memberships(tenant: TenantBuilder, api: App, start: Start) -> None:
    caller = start(tenant.data)
    bob = tenant.user("Bob")
    assert names(caller, f"/users/{bob}/memberOf") == {"Inner"}
    assert names(caller, f"/users/{bob}/transitiveMemberOf") == {"Inner", "Outer", READER}
    assert names(caller, f"/users/{bob}/transitiveMemberOf/microsoft.graph.group") == {"Inner", "Outer"}
    assert names(caller, f"/users/{bob}/transitiveMemberOf/microsoft.graph.directoryRole") == {READER}
    assert names(caller, f"/servicePrincipals/{api.service_principal_id}/memberOf") == {"Inner"}
    assert names(caller, f"/groups/{tenant.group('Inner')}/memberOf") == {"Outer", READER}
    assert names(caller, f"/groups/{tenant.group('Inner')}/members") == {"Bob", "API"}
    assert names(caller, f"/groups/{tenant.group('Outer')}/members") == {"Inner"}
    assert names(caller, f"/groups/{tenant.group('Outer')}/transitiveMembers") == {"Inner", "Bob", "API"}
    assert names(caller, f"/groups/{tenant.group('Outer')}/transitiveMembers/microsoft.graph.user") == {"Bob"}


def test_groups_in_a_circle_end(tenant: TenantBuilder, start: Start) -> None:
    first, second = tenant.group("First"), tenant.group("Second", members=["Eve"])
    tenant.group("First", members=[second])
    tenant.group("Second", members=[first])
    caller = start(tenant.data)
    assert names(caller, f"/users/{tenant.user('Eve')}/transitiveMemberOf") == {"First", "Second"}
    assert names(caller, f"/groups/{first}/transitiveMembers") == {"First", "Second", "Eve"}


def test_members_are_a_relation_and_no_property(tenant: TenantBuilder, api: App, start: Start) -> None:
    caller = start(tenant.data)
    assert "members" not in caller.get(f"/groups/{tenant.group('Inner')}").json
    rows = caller.get(f"/users/{tenant.user('Bob')}/memberOf").json["value"]
    assert all("members" not in row for row in rows)


def test_roles_held_on_the_whole_tenant_are_directory_roles(tenant: TenantBuilder, api: App, start: Start) -> None:
    caller = start(tenant.data)
    url = f"/users/{tenant.user('Alice')}/transitiveMemberOf/microsoft.graph.directoryRole?$select=id,roleTemplateId"
    (row,) = caller.get(url).json["value"]
    assert row["roleTemplateId"] == ROLES["User Administrator"]
    assert set(row) == {"@odata.type", "id", "roleTemplateId"}
    url = f"/roleManagement/directory/roleAssignments?$filter=principalId eq '{tenant.user('Alice')}'"
    scopes = {row["roleDefinitionId"]: row["directoryScopeId"] for row in caller.get(url).json["value"]}
    assert set(scopes) == {ROLES["User Administrator"], ROLES["Helpdesk Administrator"]}
    assert scopes[ROLES["Helpdesk Administrator"]].startswith("/administrativeUnits/")


def test_app_role_assignments_of_people_come_through_direct_groups(
    tenant: TenantBuilder, api: App, start: Start
) -> None:
    caller = start(tenant.data)
    for person, holder in (("Alice", tenant.user("Alice")), ("Bob", tenant.group("Inner"))):
        rows = caller.get(f"/users/{tenant.user(person)}/appRoleAssignments").json["value"]
        assert [(row["principalId"], row["resourceId"]) for row in rows] == [(holder, api.service_principal_id)]


def test_licences_of_people(tenant: TenantBuilder, start: Start) -> None:
    tenant.user("Full")
    tenant.user("Mail Only", plans=["EXCHANGE_S_ENTERPRISE"])
    tenant.user("None", plans=())
    tenant.licence("OLD", [("11111111-0000-0000-0000-000000000000", "OLD_PLAN")], status="Suspended")
    caller = start(tenant.data)

    def plans(name: str) -> set[str]:
        found = caller.get(f"/users/{tenant.user(name)}?$select=assignedPlans").json["assignedPlans"]
        assert all(plan["capabilityStatus"] == "Enabled" for plan in found)
        return {plan["servicePlanId"] for plan in found}

    assert plans("None") == set()
    assert plans("Mail Only") == {PLANS["EXCHANGE_S_ENTERPRISE"]}
    assert {PLANS["AAD_PREMIUM_P2"], PLANS["TEAMS1"]} < plans("Full")
    assert "11111111-0000-0000-0000-000000000000" not in plans("Full")
    assert "assignedPlans" not in caller.get(f"/users/{tenant.user('Full')}").json  # only where it is selected


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/me/messages", 404, "MailboxNotEnabledForRESTAPI"),
        ("/users/{id}/calendar/events", 404, "MailboxNotEnabledForRESTAPI"),
        ("/users/none@contoso.onmicrosoft.com/messages", 404, "MailboxNotEnabledForRESTAPI"),
        ("/me/drive", 404, "ResourceNotFound"),
        ("/me", 200, ""),
    ],
)
def test_a_user_without_a_licence_has_no_mailbox_and_no_drive(
    tenant: TenantBuilder, start: Start, path: str, status: int, code: str
) -> None:
    scopes = ["Mail.Read", "Calendars.Read", "Files.Read", "User.Read"]
    tenant.user("None", plans=())
    tenant.user("Full")
    caller = start(tenant.data)
    caller.token = caller.emulator.token(scopes=scopes, user="None")
    reply = caller.get(path.replace("{id}", tenant.user("None")))
    assert reply.status == status
    assert not code or reply.code == code
    caller.token = caller.emulator.token(scopes=scopes, user="Full")
    if path.startswith("/me"):
        assert caller.get(path).status in (200, 404)
        assert "MailboxNotEnabled" not in caller.get(path).body.decode()


def test_permission_comes_before_licence(tenant: TenantBuilder, start: Start) -> None:
    tenant.user("None", plans=())
    caller = start(tenant.data)
    caller.token = caller.emulator.token(scopes=["User.Read"], user="None")
    assert caller.get("/me/messages").status == 403


def test_a_tenant_without_the_service(tenant: TenantBuilder, start: Start) -> None:
    tenant.remove_licences("SHAREPOINTENTERPRISE", "INTUNE_A")
    caller = start(tenant.data)
    caller.token = caller.emulator.token(roles=["Sites.Read.All", "DeviceManagementManagedDevices.Read.All"])
    assert caller.get("/sites").message == "Tenant does not have a SPO license."
    assert caller.get("/deviceManagement/managedDevices").message == "Request not applicable to target tenant."


def test_keys_of_every_kind(tenant: TenantBuilder, start: Start) -> None:
    for name in ("o'brien@x.example", "$al@x.example", "gus_x#EXT#@x.example"):
        tenant.user(name, userPrincipalName=name)
    caller = start(tenant.data)
    for key in ("('o%27%27brien@x.example')", "('%24al@x.example')", "/gus_x%23EXT%23@x.example"):
        assert caller.get(f"/users{key}?$select=userPrincipalName").status == 200, key
        assert caller.get(f"/users{key}/appRoleAssignments").status == 200, key
    assert caller.get(f"/servicePrincipals(appId='{GRAPH}')?$select=id").status == 200
    assert caller.get("/applications(appId='99999999-2222-3333-4444-555555555555')").status == 404


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("clientId eq '{client}' and consentType eq 'AllPrincipals'", ["openid"]),
        ("clientId eq '{client}' and consentType eq 'Principal'", ["Mail.Read"]),
        ("clientId eq '{client}' and principalId eq '{user}'", ["Mail.Read"]),
        ("clientId eq '00000000-0000-0000-0000-000000000000'", []),
    ],
)
def test_grants_can_be_filtered(tenant: TenantBuilder, start: Start, filters: str, expected: list[str]) -> None:
    app = tenant.app("App")
    tenant.grant(app, "openid")
    tenant.grant(app, "Mail.Read", user="Alice")
    tenant.grant(tenant.auditor, "User.Read")
    caller = start(tenant.data)
    wanted = filters.format(client=app.service_principal_id, user=tenant.user("Alice"))
    rows = caller.get(f"/oauth2PermissionGrants?$filter={wanted}").json["value"]
    assert [row["scope"] for row in rows] == expected


class TestSignIn:
    @pytest.fixture
    def web(self, tenant: TenantBuilder) -> App:
        app = tenant.app("Web", web=["https://web.example"], requests=[("User.Read", "delegated")])
        tenant.user("Alice")
        return app

    def refusal(self, tenant: TenantBuilder, app: App, user: str | None = "Alice") -> int:
        with Emulator(tenant.data) as emulator:
            try:
                emulator.sign_in(app.app_id, user)
            except SignInRefusedError as refused:
                return refused.number
            return 0

    def test_with_consent(self, tenant: TenantBuilder, web: App, start: Start) -> None:
        tenant.consent(web)
        tenant.grant(web, "Mail.Read Nobody.Knows", user="Alice")
        tenant.grant(web, "Files.Read", user="Bob")
        tenant.grant(web, "EWS.AccessAsUser.All", resource=EXCHANGE)
        caller = start(tenant.data)
        caller.token = caller.emulator.sign_in(web.app_id, "Alice")
        assert caller.get("/me").status == 200
        assert caller.get("/me/messages").status == 200
        assert caller.get("/me/drive/root/children").status == 403  # that was Bob's consent

    def test_without_consent(self, tenant: TenantBuilder, web: App) -> None:
        assert self.refusal(tenant, web) == 65001
        tenant.grant(web, "User.Read", user="Bob")
        assert self.refusal(tenant, web) == 65001
        tenant.grant(web, "Nobody.Knows", user="Alice")
        assert self.refusal(tenant, web) == 65001
        tenant.grant(web, "User.Read", user="Alice")
        assert self.refusal(tenant, web) == 0

    def test_assignment(self, tenant: TenantBuilder, web: App) -> None:
        tenant.consent(web)
        tenant.principal(web)["appRoleAssignmentRequired"] = True
        assert self.refusal(tenant, web) == 50105
        tenant.group("Team", members=["Alice"])
        tenant.assign_people(web, users=0, groups=["Team"])
        assert self.refusal(tenant, web) == 0

    def test_disabled(self, tenant: TenantBuilder, web: App) -> None:
        tenant.consent(web)
        tenant.user("Dora", enabled=False)
        assert self.refusal(tenant, web, "Dora") == 50057
        tenant.principal(web)["disabledByMicrosoftStatus"] = "DisabledDueToViolationOfServicesAgreement"
        assert self.refusal(tenant, web) == 7000112

    def test_resources_that_are_not_there(self, tenant: TenantBuilder, web: App) -> None:
        tenant.consent(web)
        tenant.delete_principal(GRAPH)
        assert self.refusal(tenant, web) == 650052

    @pytest.mark.parametrize(("secret", "number"), [("@now+3d", 0), ("@now-3d", 7000222), (None, 7000218)])
    def test_an_app_alone(self, tenant: TenantBuilder, secret: str | None, number: int) -> None:
        assert self.refusal(tenant, tenant.app("Daemon", secret=secret), None) == number
        assert self.refusal(tenant, tenant.managed_identity("worker"), None) == 0
        assert self.refusal(tenant, App(GRAPH.replace("3", "9"), None, None, "nobody"), None) == 700016
