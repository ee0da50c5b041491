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
    assert (finding.severity, finding.certainty) == ("high", "likely")
    assert (finding.http_status, finding.error_code) == (401, "NoPermissionsInAccessToken")


def test_mail_beside_other_permissions_is_refused_by_exchange_as_access_denied() -> None:
    """Exchange answers 401 only while the token holds no role at all; one granted elsewhere makes it 403."""
    builder = TenantBuilder()
    mailer = builder.app("Mailer", requests=[("Mail.Send", "application"), ("User.Read.All", "application")])
    by_name = {one.permission: one for one in examine("consent-missing", builder.data).findings}
    mail = by_name["Mail.Send"]
    assert (mail.http_status, mail.error_code) == (403, "ErrorAccessDenied")
    assert mail.evidence["other_error_codes"] == ["NoPermissionsInAccessToken"]
    assert "other_error_codes" not in by_name["User.Read.All"].evidence
    builder.assign(mailer, "User.Read.All")
    mail = only(examine("consent-missing", builder.data).findings)
    assert (mail.http_status, mail.error_code) == (403, "ErrorAccessDenied")
    assert "other_error_codes" not in mail.evidence


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


@pytest.mark.parametrize("audience", ["AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount"])
def test_app_for_other_tenants_may_get_its_consent_there(audience: str) -> None:
    builder = TenantBuilder()
    requests = [("User.Read.All", "application"), ("Group.Read.All", "delegated")]
    builder.app("Unused here", web=WEB, audience=audience, requests=requests)
    used = builder.app("Used here", web=WEB, audience=audience, requests=requests)
    builder.grant(used, "openid")
    told = {(one.display_name, one.permission_type): one for one in examine("consent-missing", builder.data).findings}
    assert {key: (one.severity, one.certainty) for key, one in told.items()} == {
        ("Unused here", "application"): ("low", "possible"),
        ("Unused here", "delegated"): ("low", "possible"),
        ("Used here", "application"): ("medium", "likely"),
        ("Used here", "delegated"): ("medium", "likely"),
    }
    assert "other tenants" in told["Unused here", "application"].evidence["note"]


def test_app_for_personal_accounts_only_has_no_users_here() -> None:
    builder = TenantBuilder()
    builder.app("Game", web=WEB, audience="PersonalMicrosoftAccount", requests=[("User.Read.All", "delegated")])
    assert examine("consent-missing", builder.data).findings == []


def test_saml_sign_in_asks_for_no_delegated_consent() -> None:
    builder = TenantBuilder()
    requests = [("User.Read.All", "delegated"), ("Group.Read.All", "application")]
    builder.app("Wiki", web=WEB, requests=requests, principal={"preferredSingleSignOnMode": "saml"})
    told = {one.permission: (one.severity, one.certainty) for one in examine("consent-missing", builder.data).findings}
    assert told == {"User.Read.All": ("low", "possible"), "Group.Read.All": ("high", "certain")}


def test_sign_in_scopes_are_one_signal_where_the_setting_is_unknown() -> None:
    builder = TenantBuilder()
    scopes = [(name, "delegated") for name in ("email", "offline_access", "openid", "profile")]
    builder.app("Web", web=WEB, requests=scopes)
    builder.app("Other", web=WEB, requests=[*scopes, ("Mail.Read", "delegated")])
    tenant = load_tenant(builder.data, unread=("policies/authorizationPolicy",))
    told = {one.display_name: one.permission for one in examine("consent-missing", tenant).findings}
    assert told == {"Web": "openid", "Other": "Mail.Read"}


def test_permission_added_after_the_first_consent() -> None:
    """.default carries what was granted and prompts for nothing more, although users might consent."""
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("User.Read", "delegated"), ("Files.Read", "delegated")])
    assert examine("consent-missing", builder.data).findings == []  # nothing held: users are asked
    builder.grant(web, "openid profile offline_access")
    assert examine("consent-missing", builder.data).findings == []
    builder.grant(web, "User.Read", user="alice")
    finding = only(examine("consent-missing", builder.data).findings)
    assert (finding.permission, finding.severity, finding.certainty) == ("Files.Read", "low", "possible")
    assert (finding.http_status, finding.error_code, finding.flow) == (403, "accessDenied", "delegated")
    assert ".default" in finding.evidence["note"]
    assert examine("consent-blocked", builder.data).findings == []


@pytest.mark.parametrize(
    "change",
    [
        {"enabled": False},
        {"principal": {"preferredSingleSignOnMode": "saml"}},
        {"audience": "PersonalMicrosoftAccount"},
        {"web": ()},
    ],
)
def test_permission_added_later_says_nothing_of_apps_without_oauth_sign_in(change: dict[str, Any]) -> None:
    builder = TenantBuilder()
    requests = [("User.Read", "delegated"), ("Files.Read", "delegated")]
    builder.grant(builder.app("Web", **{"web": WEB, "requests": requests, **change}), "User.Read")
    assert examine("consent-missing", builder.data).findings == []


@pytest.mark.parametrize(
    ("permission", "code"),
    [
        ("User.Read.All", "Authorization_RequestDenied"),
        ("Application.Read.All", "Authorization_RequestDenied"),
        ("Policy.Read.ConditionalAccess", "AccessDenied"),
        ("Policy.ReadWrite.ConditionalAccess", "AccessDenied"),
        ("IdentityRiskyUser.Read.All", "AccessDenied"),
        ("IdentityRiskEvent.Read.All", "AccessDenied"),
        ("AuditLog.Read.All", "Authentication_MSGraphPermissionMissing"),
        ("RoleEligibilitySchedule.Read.Directory", "PermissionScopeNotGranted"),
        ("RoleManagement.Read.CloudPC", None),
        ("Tasks.Read.All", None),
        ("EduRoster.Read.All", None),
        ("DeviceManagementManagedDevices.Read.All", None),
        ("UserAuthenticationMethod.Read.All", None),
        ("Sites.Read.All", "accessDenied"),
        ("Chat.Read.All", "Forbidden"),
    ],
)
def test_code_of_the_service_that_refuses(permission: str, code: str | None) -> None:
    builder = TenantBuilder()
    builder.app("Daemon", requests=[(permission, "application")])
    finding = only(examine("consent-missing", builder.data).findings)
    assert (finding.http_status, finding.error_code) == (403, code)
