"""consent-partial: consent of single users, and who is left out."""

from __future__ import annotations

import pytest

from auditor.emulator.build import TenantBuilder
from tests.support import examine, load_tenant

WEB = ("https://app.example/signin",)


def test_admin_only_permission_for_one_user() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")])
    builder.grant(web, "User.Read.All", user="alice")
    (finding,) = examine("consent-partial", builder.data).findings
    assert (finding.severity, finding.certainty) == ("medium", "certain")
    assert (finding.http_status, finding.error_code) == (400, "AADSTS65001")
    assert (finding.app_id, finding.permission, finding.permission_type) == (web.app_id, "User.Read.All", "delegated")
    assert finding.evidence["consented_users"] == 1
    assert finding.remediation.commands


def test_distinct_users_are_counted() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")])
    for user, scopes in (("alice", " User.Read.All"), ("alice", "User.Read.All openid"), ("bob", "User.Read.All")):
        builder.grant(web, scopes, user=user)
    (finding,) = [one for one in examine("consent-partial", builder.data).findings if one.permission == "User.Read.All"]
    assert finding.evidence["consented_users"] == 2
    assert "2 users" in finding.summary


@pytest.mark.parametrize(
    ("policies", "permission", "severity", "certainty", "code"),
    [
        (("microsoft-user-default-legacy",), "Mail.Read", "low", "possible", "AADSTS65001"),
        (("microsoft-user-default-recommended",), "User.Read", "low", "possible", "AADSTS65001"),
        (("microsoft-user-default-recommended",), "Mail.Read", "medium", "likely", "AADSTS90095"),
        ((), "Mail.Read", "medium", "certain", "AADSTS90095"),
        (("my-own-policy",), "Mail.Read", "low", "possible", "AADSTS65001"),
        (("microsoft-user-default-low",), "Mail.Read", "low", "possible", "AADSTS65001"),
    ],
)
def test_users_who_may_consent_themselves_are_no_more_than_a_possibility(
    policies: tuple[str, ...], permission: str, severity: str, certainty: str, code: str
) -> None:
    builder = TenantBuilder()
    builder.user_consent(*policies)
    web = builder.app("Web", web=WEB, requests=[(permission, "delegated")])
    builder.grant(web, permission, user="alice")
    (finding,) = examine("consent-partial", builder.data).findings
    assert (finding.severity, finding.certainty, finding.error_code) == (severity, certainty, code)


def test_setting_not_read_is_possible() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("Mail.Read", "delegated")])
    builder.grant(web, "Mail.Read", user="alice")
    tenant = load_tenant(builder.data, unread=("policies/authorizationPolicy", "policies/adminConsentRequestPolicy"))
    (finding,) = examine("consent-partial", tenant).findings
    assert (finding.severity, finding.certainty) == ("medium", "possible")


def test_external_app_with_user_consent_is_silent_where_users_may_consent() -> None:
    builder = TenantBuilder()
    tool = builder.external("Tool")
    builder.grant(tool, "User.Read", user="alice")
    builder.grant(tool, "Mail.Read", user="alice")
    (finding,) = examine("consent-partial", builder.data).findings
    assert (finding.permission, finding.severity, finding.certainty) == ("Mail.Read", "low", "likely")


@pytest.mark.parametrize(("users", "groups", "severity"), [(1, 0, "low"), (2, 0, "medium"), (0, 1, "medium")])
def test_external_app_matters_where_more_are_assigned_than_consented(users: int, groups: int, severity: str) -> None:
    builder = TenantBuilder()
    tool = builder.external("Tool", appRoleAssignmentRequired=True)
    builder.grant(tool, "Mail.Read", user="alice")
    builder.assign_people(tool, users=users, groups=groups)
    (finding,) = examine("consent-partial", builder.data).findings
    assert finding.severity == severity


def test_silent_on_first_party_apps_sign_in_scopes_and_personal_accounts() -> None:
    builder = TenantBuilder(user_consent=None)
    office = builder.first_party("4345a7b9-9a63-4910-a426-35363201d503", "Office UWP")
    builder.grant(office, "Mail.Read", user="alice")
    web = builder.app("Web", web=WEB, requests=[("openid", "delegated")])
    builder.grant(web, "openid profile email offline_access", user="alice")
    game = builder.app("Game", web=WEB, audience="PersonalMicrosoftAccount", requests=[("User.Read", "delegated")])
    builder.grant(game, "User.Read", user="alice")
    assert examine("consent-partial", builder.data).findings == []


def own_policy(builder: TenantBuilder, **condition: object) -> None:
    """Users may consent by a policy of the tenant alone."""
    builder.user_consent("our-own-policy")
    include = {"id": "1", "permissionType": "delegatedUserConsentable", "permissionClassification": "all", **condition}
    builder.data["permissionGrantPolicies"].append({"id": "our-own-policy", "includes": [include], "excludes": []})


def test_custom_policy_is_evaluated_as_in_the_comparison() -> None:
    """One policy, one answer: a permission that users may consent to before the first consent, and after it."""
    builder = TenantBuilder()
    own_policy(builder)
    tool = builder.external("Tool")
    builder.grant(tool, "Mail.Read", user="alice")
    assert examine("consent-partial", builder.data).findings == []
    web = builder.app("Web", web=WEB, requests=[("Mail.Read", "delegated"), ("Calendars.Read", "delegated")])
    builder.grant(web, "Mail.Read", user="alice")
    tenant = load_tenant(builder.data)
    rows = tenant.permissions
    assert set(rows.loc[rows["permission"] == "Calendars.Read", "status"]) == {"user-consentable"}
    (finding,) = examine("consent-partial", tenant).findings
    assert finding.evidence["users_may_consent_themselves"] is True
    unread = load_tenant(builder.data, unread=("policies/permissionGrantPolicies",))
    assert {one.evidence["users_may_consent_themselves"] for one in examine("consent-partial", unread).findings} == {
        None
    }


def test_custom_policy_for_verified_publishers_does_not_cover_others() -> None:
    builder = TenantBuilder()
    own_policy(builder, clientApplicationsFromVerifiedPublisherOnly=True)
    builder.grant(builder.external("Known", verified="Fabrikam"), "Mail.Read", user="alice")
    unknown = builder.external("Unknown")
    builder.grant(unknown, "Mail.Read", user="alice")
    (finding,) = examine("consent-partial", builder.data).findings
    assert (finding.app_id, finding.severity, finding.certainty) == (unknown.app_id, "low", "possible")


def test_saml_sign_in_asks_for_no_consent() -> None:
    builder = TenantBuilder()
    saml = {"preferredSingleSignOnMode": "saml"}
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")], principal=saml)
    builder.grant(web, "User.Read.All", user="alice")
    (finding,) = examine("consent-partial", builder.data).findings
    assert (finding.severity, finding.certainty) == ("low", "possible")


def test_silent_where_the_tenant_consented_too() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")])
    builder.grant(web, "User.Read.All", user="alice")
    builder.grant(web, "User.Read.All")
    result = examine("consent-partial", builder.data)
    assert result.findings == []
    assert result.examined == 1


def test_everyone_assigned_has_consented() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")], assignment_required=True)
    builder.assign_people(web, users=1)
    builder.grant(web, "User.Read.All", user="alice")
    (finding,) = examine("consent-partial", builder.data).findings
    assert (finding.severity, finding.certainty) == ("low", "possible")
    builder.assign_people(web, users=0, groups=1)
    (finding,) = examine("consent-partial", builder.data).findings
    assert finding.severity == "medium"
