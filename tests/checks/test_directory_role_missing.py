"""directory-role-missing: app-only apps and the directory roles their APIs ask for beside the permission."""

from __future__ import annotations

import pytest

from auditor.emulator.build import EXCHANGE, TenantBuilder
from auditor.reference.clouds import CLOUDS
from auditor.reference.roles import app_requirements, role_templates, user_requirements
from tests.support import examine

SLUG = "directory-role-missing"


@pytest.mark.parametrize(
    ("request_", "certainty", "severity", "code"),
    [
        (("Exchange.ManageAsApp", "application", EXCHANGE), "possible", "medium", None),
        (("User-PasswordProfile.ReadWrite.All", "application"), "possible", "low", "Authorization_RequestDenied"),
        (("UserAuthenticationMethod.ReadWrite.All", "application"), "possible", "info", "Authorization_RequestDenied"),
        (("User.EnableDisableAccount.All", "application"), "possible", "info", "Authorization_RequestDenied"),
    ],
)
def test_permission_without_role(request_: tuple[str, str], certainty: str, severity: str, code: str | None) -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("App", requests=[request_]))
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.certainty, finding.severity) == (certainty, severity)
    assert (finding.http_status, finding.error_code, finding.flow) == (403, code, "app-only")
    assert (finding.app_id, finding.permission) == (app.app_id, request_[0])
    assert str(app.service_principal_id) in finding.remediation.commands[0]


@pytest.mark.parametrize(
    ("request_", "role", "fires"),
    [
        (("Exchange.ManageAsApp", "application", EXCHANGE), "Exchange Administrator", False),
        (("Exchange.ManageAsApp", "application", EXCHANGE), "Global Reader", False),
        (("Exchange.ManageAsApp", "application", EXCHANGE), "User Administrator", True),
        (("User-PasswordProfile.ReadWrite.All", "application"), "User Administrator", False),
        (("User-PasswordProfile.ReadWrite.All", "application"), "Global Reader", True),
    ],
)
def test_roles_held(request_: tuple[str, str], role: str, fires: bool) -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("App", requests=[request_]))
    builder.directory_role(app, role_templates().get(role, role))
    findings = examine(SLUG, builder.data).findings
    assert bool(findings) is fires
    if fires:
        assert findings[0].evidence["directory_roles_held"] == [role]


def test_a_role_of_an_administrative_unit_counts() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("App", requests=[("User-PasswordProfile.ReadWrite.All", "application")]))
    builder.directory_role(app, "User Administrator", scope="/administrativeUnits/3fa1d6b2-5c2e-4c55-9d6f-c0ffee00aaaa")
    assert examine(SLUG, builder.data).findings == []


def test_managed_identities_are_looked_at() -> None:
    builder = TenantBuilder()
    builder.assign(builder.managed_identity("func"), "Exchange.ManageAsApp", resource=EXCHANGE)
    assert len(examine(SLUG, builder.data).findings) == 1


def test_silent() -> None:
    builder = TenantBuilder()
    requests = [("User-PasswordProfile.ReadWrite.All", "application")]
    builder.app("Requested only", requests=requests)
    builder.consent(builder.app("Disabled", requests=requests, enabled=False))
    builder.consent(builder.app("Delegated", requests=[("User-PasswordProfile.ReadWrite.All", "delegated")]))
    builder.consent(builder.app("Other", requests=[("User.ReadWrite.All", "application")]))
    result = examine(SLUG, builder.data)
    assert (result.examined, result.findings) == (0, [])


def test_reference_is_sound() -> None:
    assert len({need.id for need in app_requirements()}) == len(app_requirements())
    assert all(need.grant in need.roles for need in app_requirements())
    urls = [need.url for need in (*app_requirements(), *user_requirements())]
    assert all(url.startswith("https://learn.microsoft.com/") and "/en-" not in url for url in urls)


def test_rights_of_exchange_that_are_not_seen_here_are_named() -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=[("Exchange.ManageAsApp", "application", EXCHANGE)]))
    (finding,) = examine(SLUG, builder.data).findings
    assert "role-assignable group" in finding.remediation.text
    assert "Exchange role group" in finding.remediation.text


def test_az_is_told_the_resource() -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=[("Exchange.ManageAsApp", "application", EXCHANGE)]))
    (finding,) = examine(SLUG, builder.data, cloud=CLOUDS["us-dod"]).findings
    assert "--resource https://dod-graph.microsoft.us " in finding.remediation.commands[1]
