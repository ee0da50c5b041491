"""consent-missing: requested and not granted, where an admin must consent."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.audit.check import DeclaredApp, Finding
from auditor.emulator.build import AAD_GRAPH, App, TenantBuilder
from tests.support import examine, load_tenant

WEB = ("https://app.example/signin",)


def only(findings: Any) -> Finding:
    assert len(findings) == 1, [finding.summary for finding in findings]
    return findings[0]


def test_silent_where_everything_is_granted() -> None:
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("User.Read.All", "application")])
    builder.assign(daemon, "User.Read.All")
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")])
    builder.grant(web, "User.Read.All")
    result = examine("consent-missing", builder.data)
    assert result.findings == []
    assert result.examined >= 2


def test_application_permission_of_an_app_only_app() -> None:
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("User.Read.All", "application")])
    finding = only(examine("consent-missing", builder.data).findings)
    assert (finding.severity, finding.certainty) == ("high", "certain")
    assert (finding.http_status, finding.error_code) == (403, "Authorization_RequestDenied")
    assert (finding.app_id, finding.permission, finding.permission_type) == (
        daemon.app_id,
        "User.Read.All",
        "application",
    )
    assert finding.flow == "app-only"
    assert finding.remediation.url == (
        f"https://login.microsoftonline.com/{builder.tenant_id}/adminconsent?client_id={daemon.app_id}"
    )
    assert any(str(daemon.service_principal_id) in command for command in finding.remediation.commands)


def test_delegated_permission_that_only_an_admin_may_consent_to() -> None:
    builder = TenantBuilder()
    builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")])
    finding = only(examine("consent-missing", builder.data).findings)
    assert (finding.severity, finding.certainty) == ("medium", "certain")
    assert (finding.http_status, finding.error_code) == (400, "AADSTS65001")
    assert finding.flow == "delegated"


@pytest.mark.parametrize(
    ("change", "severity", "certainty", "status"),
    [
        ({"enabled": False}, "low", "likely", 403),
        ({"service_principal": False}, "low", "certain", 401),
        ({"secret": None, "spa": WEB}, "low", "possible", 403),  # nothing that could run app-only
        ({"secret": None}, "low", "possible", 403),
        ({"secret": None, "federated": ("repo:contoso/app",)}, "high", "certain", 403),
    ],
)
def test_severity_follows_what_the_app_can_do(
    change: dict[str, Any], severity: str, certainty: str, status: int
) -> None:
    builder = TenantBuilder()
    builder.app("Daemon", requests=[("User.Read.All", "application")], **change)
    finding = only(examine("consent-missing", builder.data).findings)
    assert (finding.severity, finding.certainty, finding.http_status) == (severity, certainty, status)


def test_exchange_can_grant_the_same_outside_entra() -> None:
    """Exchange's RBAC for Applications gives Mail.Send without an app role, and Graph does not show it."""
    builder = TenantBuilder()
    builder.app("Mailer", requests=[("Mail.Send", "application")])
    finding = only(examine("consent-missing", builder.data).findings)
    assert (finding.severity, finding.certainty, finding.error_code) == ("high", "likely", "ErrorAccessDenied")


def test_another_granted_permission_opens_the_same_calls() -> None:
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("Mail.Read", "application"), ("Mail.ReadWrite", "application")])
    builder.assign(daemon, "Mail.ReadWrite")
    finding = only(examine("consent-missing", builder.data).findings)
    assert finding.permission == "Mail.Read"
    assert (finding.severity, finding.certainty) == ("low", "possible")


def test_one_finding_for_each_permission() -> None:
    builder = TenantBuilder()
    builder.app(
        "Daemon", requests=[(name, "application") for name in ("User.Read.All", "Group.Read.All", "Sites.Read.All")]
    )
    findings = examine("consent-missing", builder.data).findings
    assert sorted(finding.permission or "" for finding in findings) == [
        "Group.Read.All",
        "Sites.Read.All",
        "User.Read.All",
    ]


@pytest.mark.parametrize("policy", [(), ("microsoft-user-default-recommended",), ("microsoft-user-default-legacy",)])
def test_what_users_consent_to_is_left_to_consent_blocked(policy: tuple[str, ...]) -> None:
    builder = TenantBuilder()
    builder.user_consent(*policy)
    builder.app("Web", web=WEB, requests=[("User.Read", "delegated"), ("Mail.Read", "delegated")])
    assert examine("consent-missing", builder.data).findings == []


def test_user_consent_setting_not_read_is_no_certainty() -> None:
    builder = TenantBuilder()
    builder.app("Web", web=WEB, requests=[("Mail.Read", "delegated"), ("User.Read.All", "delegated")])
    tenant = load_tenant(builder.data, unread=("policies/authorizationPolicy",))
    by_name = {finding.permission: finding for finding in examine("consent-missing", tenant).findings}
    assert by_name["Mail.Read"].certainty == "possible"
    assert by_name["User.Read.All"].certainty == "certain"


def test_declared_flow_wins_over_inference() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "application")])  # has a secret, so it can do both
    assert only(examine("consent-missing", builder.data).findings).severity == "high"
    declared = {web.app_id: DeclaredApp(web.app_id, flow="delegated")}
    assert only(examine("consent-missing", builder.data, apps=declared).findings).severity == "low"


def test_single_user_consent_and_retired_resource_are_told_elsewhere() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")])
    builder.grant(web, "User.Read.All", user="alice")
    builder.app("Old", requests=[("Directory.Read.All", "application", AAD_GRAPH)])
    assert examine("consent-missing", builder.data).findings == []


def test_assigning_to_a_group_does_not_reach_a_managed_identity() -> None:
    """Nothing is requested by a managed identity, so nothing is missing that the tenant could know of."""
    builder = TenantBuilder()
    identity: App = builder.managed_identity("func-app")
    assert examine("consent-missing", builder.data).findings == []
    assert identity.object_id is None
