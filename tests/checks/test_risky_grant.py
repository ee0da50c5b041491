"""risky-grant: grants that lead to Global Administrator or reach all content."""

from __future__ import annotations

import pytest

from auditor.emulator.build import EXCHANGE, TenantBuilder
from auditor.reference import catalog
from auditor.reference.resources import GRAPH, GRAPH_POWERSHELL
from auditor.reference.risk import risk_of, risks
from tests.support import examine, load_tenant

SLUG = "risky-grant"
WEB = ("https://app.example/signin",)


@pytest.mark.parametrize(
    ("permission", "severity", "path"),
    [
        (("RoleManagement.ReadWrite.Directory", "application"), "critical", "direct"),
        (("AppRoleAssignment.ReadWrite.All", "application"), "critical", "direct"),
        (("UserAuthenticationMethod.ReadWrite.All", "application"), "critical", "direct"),
        (("Application.ReadWrite.All", "application"), "high", "indirect"),
        (("Directory.ReadWrite.All", "application"), "high", "indirect"),
        (("Application.ReadWrite.OwnedBy", "application"), "high", "indirect"),
        (("Mail.Send", "application"), "medium", "data"),
        (("Files.Read.All", "application"), "medium", "data"),
        (("full_access_as_app", "application", EXCHANGE), "medium", "data"),
        (("LicenseAssignment.ReadWrite.All", "application"), "medium", None),  # by Microsoft's grading alone
    ],
)
def test_application_permissions(permission: tuple[str, str], severity: str, path: str | None) -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("App", requests=[permission], owners=["alice"]))
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == (severity, "certain")
    assert (finding.http_status, finding.error_code) == (None, None)
    assert (finding.app_id, finding.permission, finding.permission_type) == (app.app_id, permission[0], "application")
    assert finding.evidence["path"] == path
    assert finding.evidence["owners"] == [builder.user("alice")]
    assert finding.evidence["valid_credentials"] == 1


def test_foreign_and_disabled_apps() -> None:
    builder = TenantBuilder()
    builder.assign(builder.external("Unknown"), "Mail.Read")
    builder.assign(builder.external("Known", verified="Fabrikam"), "Mail.Read")
    builder.assign(builder.managed_identity("func"), "Mail.Read")
    builder.assign(builder.external("Off", accountEnabled=False), "Mail.Read")
    by_name = {finding.display_name: finding for finding in examine(SLUG, builder.data).findings}
    severities = {name: finding.severity for name, finding in by_name.items()}
    assert severities == {"Unknown": "high", "Known": "medium", "func": "medium", "Off": "medium"}
    assert "without a verified publisher" in by_name["Unknown"].summary


def test_delegated_for_all_users() -> None:
    builder = TenantBuilder()
    app = builder.app("App", web=WEB)
    grant = builder.grant(app, " User.Read  RoleManagement.ReadWrite.Directory")
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty, finding.permission_type) == ("medium", "possible", "delegated")
    assert finding.remediation.commands == (
        f"Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId '{grant['id']}' -Scope 'User.Read'",
    )


def test_silent() -> None:
    builder = TenantBuilder()
    builder.app("Requested", requests=[("RoleManagement.ReadWrite.Directory", "application")])
    builder.consent(
        builder.app("Data", web=WEB, requests=[("Mail.Read", "delegated"), ("Files.Read.All", "delegated")])
    )
    builder.grant(builder.app("One user", web=WEB), "RoleManagement.ReadWrite.Directory", user="alice")
    builder.assign(EXCHANGE, "Directory.ReadWrite.All")  # a first-party app
    builder.grant(EXCHANGE, "Directory.ReadWrite.All")  # not one of its public clients
    graph_powershell = builder.first_party(GRAPH_POWERSHELL, "Microsoft Graph Command Line Tools")
    builder.assign(graph_powershell, "Directory.ReadWrite.All")
    builder.grant(graph_powershell, "Directory.ReadWrite.All", user="alice")
    builder.grant(graph_powershell, "User.ReadBasic.All Mail.Read")
    assert examine(SLUG, builder.data).findings == []


def test_owners_that_were_not_read_are_unknown() -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=[("Mail.Read", "application")]))
    (finding,) = examine(SLUG, load_tenant(builder.data, unread=("applications/owners",))).findings
    assert finding.evidence["owners"] is None


def test_reference_names_real_permissions() -> None:
    known = {permission.name for permission in catalog.load().permissions() if permission.application}
    marked = {name for name in known if risk_of(GRAPH, name)}
    assert {"RoleManagement.ReadWrite.Directory", "Mail.Read", "Domain.ReadWrite.All"} <= marked
    assert "User.Read.All" not in marked
    assert all(risk.source.startswith("https://learn.microsoft.com/") for risk in risks())


def test_what_the_tenant_granted_to_a_public_client_of_microsoft() -> None:
    builder = TenantBuilder()
    client = builder.first_party(GRAPH_POWERSHELL, "Microsoft Graph Command Line Tools")
    builder.grant(client, "RoleManagement.ReadWrite.Directory User.Read")
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty, finding.app_id) == ("medium", "possible", GRAPH_POWERSHELL)
    assert "a client of Microsoft" in finding.summary


def test_scopes_in_another_case() -> None:
    builder = TenantBuilder()
    grant = builder.grant(
        builder.app("App", web=WEB), "rolemanagement.readwrite.directory RoleManagement.ReadWrite.Directory user.read"
    )
    (finding,) = examine(SLUG, builder.data).findings
    assert finding.permission == "RoleManagement.ReadWrite.Directory"
    assert finding.remediation.commands == (
        f"Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId '{grant['id']}' -Scope 'user.read'",
    )


@pytest.mark.parametrize("permission", ["User.EnableDisableAccount.All", "UserAuthenticationMethod.ReadWrite.All"])
def test_administrators_are_reached_with_a_role_alone(permission: str) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=[(permission, "application")]))
    (finding,) = examine(SLUG, builder.data).findings
    assert finding.severity == "critical"
    assert "of ordinary users" in finding.summary
    assert "of administrators too with a directory role" in finding.summary
