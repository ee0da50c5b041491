"""sign-in-blocked: service principals that are disabled, missing or orphaned, APIs likewise, and assignment."""

from __future__ import annotations

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


def test_disabled_by_microsoft() -> None:
    builder = TenantBuilder()
    changes = {"disabledByMicrosoftStatus": "DisabledDueToViolationOfServicesAgreement"}
    builder.app("App", enabled=False, principal=changes)
    finding = only(builder)
    assert finding.severity == "high"
    assert finding.remediation.commands == ()


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
