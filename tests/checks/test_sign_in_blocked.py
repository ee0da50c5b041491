"""sign-in-blocked: service principals that are disabled, missing or orphaned, APIs likewise, and assignment."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.audit.check import Finding
from auditor.emulator.build import EXCHANGE, TenantBuilder
from tests.support import examine, load_tenant

SLUG = "sign-in-blocked"
WEB = ("https://app.example/signin",)
POWER_BI = "00000009-0000-0000-c000-000000000000"


def only(builder: TenantBuilder) -> Finding:
    (finding,) = examine(SLUG, builder.data).findings
    return finding


def test_disabled() -> None:
    builder = TenantBuilder()
    app = builder.app("App", enabled=False, requests=[("User.Read.All", "application")])
    finding = only(builder)
    assert (finding.severity, finding.certainty) == ("medium", "certain")
    assert (finding.http_status, finding.error_code, finding.app_id) == (400, "AADSTS7000112", app.app_id)
    assert str(app.service_principal_id) in finding.remediation.commands[0]


def test_disabled_and_unused_is_low() -> None:
    builder = TenantBuilder()
    builder.app("App", enabled=False)
    assert only(builder).severity == "low"


def test_disabled_managed_identity_and_external_app() -> None:
    builder = TenantBuilder()
    builder.assign(builder.managed_identity("func", accountEnabled=False), "User.Read.All")
    builder.grant(builder.external("Vendor", accountEnabled=False), "User.Read")
    assert [finding.error_code for finding in examine(SLUG, builder.data).findings] == ["AADSTS7000112"] * 2


@pytest.mark.parametrize("enabled", [True, False])
def test_disabled_by_microsoft(enabled: bool) -> None:
    builder = TenantBuilder()
    changes = {"disabledByMicrosoftStatus": "DisabledDueToViolationOfServicesAgreement"}
    builder.app("App", enabled=enabled, principal=changes)
    finding = only(builder)
    assert (finding.severity, finding.certainty, finding.error_code) == ("high", "likely", None)
    assert "DisabledDueToViolationOfServicesAgreement" in finding.summary
    assert finding.remediation.commands == ()


def test_disabled_by_the_newer_switches() -> None:
    """isDisabled is another property than accountEnabled, and exists on both objects; each is undone where it is."""
    builder = TenantBuilder()
    registered = builder.app("Registered", registration={"isDisabled": True})
    principal = builder.app("Principal", principal={"isDisabled": True})
    findings = {finding.app_id: finding for finding in examine(SLUG, builder.data).findings}
    assert {(one.certainty, one.error_code) for one in findings.values()} == {("likely", None)}
    graph, az = findings[registered.app_id].remediation.commands
    assert f"v1.0/applications/{registered.object_id}'" in graph
    assert az == (
        f"az rest --method PATCH --url https://graph.microsoft.com/v1.0/applications/{registered.object_id} "
        "--resource https://graph.microsoft.com --body '{\"isDisabled\": false}'"
    )
    assert "app registration of Registered has isDisabled true" in findings[registered.app_id].summary
    assert f"servicePrincipals/{principal.service_principal_id}'" in findings[principal.app_id].remediation.commands[0]
    assert "service principal of Principal has isDisabled true" in findings[principal.app_id].summary


@pytest.mark.parametrize(
    ("app", "granted", "severity"),
    [
        ({}, True, "high"),
        ({}, False, "medium"),
        ({"secret": "@now-1d"}, True, "medium"),
        ({"secret": None, "federated": ["repo:contoso/app"]}, True, "high"),
    ],
)
def test_a_disabled_app_that_would_work_at_once_is_high(app: dict[str, Any], granted: bool, severity: str) -> None:
    builder = TenantBuilder()
    one = builder.app("App", enabled=False, requests=[("User.Read.All", "application")], **app)
    if granted:
        builder.consent(one)
    assert only(builder).severity == severity


@pytest.mark.parametrize(
    ("audience", "web", "severity", "certainty", "status", "code"),
    [
        ("AzureADMyOrg", (), "high", "likely", 401, "Authorization_IdentityNotFound"),
        ("AzureADMultipleOrgs", (), "low", "possible", 401, "Authorization_IdentityNotFound"),
        ("AzureADMyOrg", WEB, "high", "likely", 401, "Authorization_IdentityNotFound"),
    ],
)
def test_registration_without_service_principal(
    audience: str, web: tuple[str, ...], severity: str, certainty: str, status: int, code: str
) -> None:
    builder = TenantBuilder()
    requests = [("User.Read.All", "application")]
    builder.app("App", audience=audience, web=web, requests=requests, service_principal=False)
    finding = only(builder)
    assert (finding.severity, finding.certainty) == (severity, certainty)
    assert (finding.http_status, finding.error_code) == (status, code)


def test_public_client_without_service_principal_gets_one_by_consent() -> None:
    builder = TenantBuilder()
    builder.app("App", public=("http://localhost",), requests=[("User.Read", "delegated")], service_principal=False)
    finding = only(builder)
    assert (finding.severity, finding.certainty, finding.error_code) == ("low", "possible", "AADSTS65001")


def test_an_unused_registration_without_service_principal_is_nothing() -> None:
    builder = TenantBuilder()
    builder.app("API", secret=None, service_principal=False)
    builder.app("Personal", audience="PersonalMicrosoftAccount", service_principal=False)
    assert examine(SLUG, builder.data).findings == []


def test_orphan() -> None:
    builder = TenantBuilder()
    builder.delete_registration(builder.app("App"))
    finding = only(builder)
    assert (finding.severity, finding.certainty, finding.error_code) == ("medium", "likely", "AADSTS700016")


@pytest.mark.parametrize(("granted", "severity"), [(False, "medium"), (True, "high")])
def test_disabled_resource(granted: bool, severity: str) -> None:
    builder = TenantBuilder()
    app = builder.app("App", requests=[("Mail.Read", "application", EXCHANGE)])
    if granted:
        builder.consent(app)
    builder.principal(EXCHANGE)["accountEnabled"] = False
    resource, client = sorted(examine(SLUG, builder.data).findings, key=lambda one: one.app_id != EXCHANGE)
    assert resource.severity == "info"
    assert (client.severity, client.certainty) == (severity, "certain")
    assert (client.http_status, client.error_code, client.resource_app_id) == (400, "AADSTS500014", EXCHANGE)


def test_missing_resource() -> None:
    builder = TenantBuilder()
    app = builder.app("App")
    access = [{"id": builder.guid("x"), "type": "Scope"}]
    builder.registration(app)["requiredResourceAccess"] = [{"resourceAppId": POWER_BI, "resourceAccess": access}]
    finding = only(builder)
    assert (finding.severity, finding.error_code, finding.resource_app_id) == ("medium", "AADSTS500011", POWER_BI)


def test_grants_do_not_have_to_be_read() -> None:
    builder = TenantBuilder()
    builder.app("App", web=WEB, assignment_required=True, enabled=True)
    unread = ("oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo")
    assert examine(SLUG, load_tenant(builder.data, unread=unread)).findings == []


def test_nobody_assigned() -> None:
    builder = TenantBuilder()
    app = builder.app("App", web=WEB, assignment_required=True)
    finding = only(builder)
    assert (finding.severity, finding.certainty, finding.flow) == ("medium", "certain", "delegated")
    assert (finding.http_status, finding.error_code, finding.app_id) == (400, "AADSTS50105", app.app_id)


@pytest.mark.parametrize(("users", "groups"), [(1, 0), (0, 1)])
def test_somebody_assigned(users: int, groups: int) -> None:
    builder = TenantBuilder()
    app = builder.app("App", web=WEB, assignment_required=True)
    builder.assign_people(app, users=users, groups=groups)
    assert examine(SLUG, builder.data).findings == []


def test_assignment_does_not_concern_daemons_and_managed_identities() -> None:
    builder = TenantBuilder()
    builder.app("Daemon", assignment_required=True)
    builder.managed_identity("func", appRoleAssignmentRequired=True)
    assert examine(SLUG, builder.data).findings == []


def test_assignment_of_services_alone() -> None:
    """An API whose callers are services needs no users; where people could sign in as well it is a guess."""
    builder = TenantBuilder()
    caller = builder.app("Caller")
    roles = [("Orders.Read", "application"), ("Orders.Use", "delegated")]
    api = builder.app("API", publishes=roles, assignment_required=True)
    web = builder.app("Web", web=WEB, publishes=roles, assignment_required=True)
    builder.assign(caller, "Orders.Read", resource=api)
    builder.assign(caller, "Orders.Read", resource=web)
    finding = only(builder)
    assert (finding.app_id, finding.severity, finding.certainty) == (web.app_id, "low", "possible")
    assert finding.evidence["service_principals_assigned"] == 1


def test_assignment_to_an_api_that_acts_for_users() -> None:
    builder = TenantBuilder()
    builder.app("API", publishes=[("Orders.Use", "delegated")], assignment_required=True)
    finding = only(builder)
    assert (finding.severity, finding.certainty) == ("low", "possible")
    assert "client apps" in finding.summary


def test_assignment_to_an_app_without_a_way_to_sign_in() -> None:
    builder = TenantBuilder()
    implicit = {"web": {"redirectUris": [], "implicitGrantSettings": {"enableIdTokenIssuance": True}}}
    builder.app("Nothing to return to", registration=implicit, assignment_required=True)
    builder.external("Elsewhere", replies=[], appRoleAssignmentRequired=True)
    assert examine(SLUG, builder.data).findings == []


def test_the_role_to_assign_is_left_to_the_reader() -> None:
    """The default access role is refused where the app declares roles for users."""
    builder = TenantBuilder()
    builder.app("App", web=WEB, assignment_required=True)
    remediation = only(builder).remediation
    assert remediation.commands[0].endswith("-AppRoleId <app role id>")
    assert "00000000-0000-0000-0000-000000000000 where it declares none" in remediation.text
