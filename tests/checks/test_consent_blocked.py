"""consent-blocked: users would have to consent and may not."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from auditor.emulator.build import EXCHANGE, TenantBuilder
from tests.support import examine, load_tenant

WEB = ("https://app.example/signin",)
LEGACY, RECOMMENDED, LOW = (f"microsoft-user-default-{name}" for name in ("legacy", "recommended", "low"))


def blocked(policies: tuple[str, ...], request: tuple[str, ...], **app: Any) -> list[Any]:
    builder = TenantBuilder()
    builder.user_consent(*policies)
    builder.app("Web", web=WEB, requests=[request], **app)
    return list(examine("consent-blocked", builder.data).findings)


@pytest.mark.parametrize(
    ("policies", "request_", "certainty"),
    [
        ((), ("User.Read", "delegated"), "certain"),
        ((), ("Mail.Read", "delegated"), "certain"),
        ((RECOMMENDED,), ("Mail.Read", "delegated"), "likely"),
        ((RECOMMENDED,), ("Files.Read.All", "delegated"), "likely"),
        ((RECOMMENDED,), ("EWS.AccessAsUser.All", "delegated", EXCHANGE), "likely"),
        ((LOW,), ("Mail.Read", "delegated"), "possible"),
        (("our-own-policy",), ("Mail.Read", "delegated"), "possible"),
        ((LOW, RECOMMENDED), ("Mail.Read", "delegated"), "possible"),
    ],
)
def test_users_may_not_consent(policies: tuple[str, ...], request_: tuple[str, ...], certainty: str) -> None:
    (finding,) = blocked(policies, request_)
    assert (finding.severity, finding.certainty) == ("medium", certainty)
    assert finding.permission == request_[0]
    assert finding.permission_type == "delegated"
    assert (finding.http_status, finding.flow) == (400, "delegated")
    assert finding.remediation.url


@pytest.mark.parametrize(
    ("policies", "request_"),
    [
        ((RECOMMENDED,), ("User.Read", "delegated")),
        ((RECOMMENDED,), ("Files.Read", "delegated")),
        ((LEGACY,), ("Mail.Read", "delegated")),
        ((), ("User.Read.All", "delegated")),  # admin only: consent-missing
        ((), ("User.Read.All", "application")),
    ],
)
def test_silent(policies: tuple[str, ...], request_: tuple[str, ...]) -> None:
    assert blocked(policies, request_) == []


def test_assignment_required_needs_an_admin_whatever_the_policy() -> None:
    (finding,) = blocked((LEGACY,), ("User.Read", "delegated"), assignment_required=True)
    assert finding.certainty == "certain"
    assert "assignment" in finding.summary


@pytest.mark.parametrize(("enabled", "code"), [(True, "AADSTS90095"), (False, "AADSTS90094")])
def test_error_code_follows_admin_consent_requests(enabled: bool, code: str) -> None:
    builder = TenantBuilder(user_consent=None)
    builder.data["adminConsentRequestPolicy"]["isEnabled"] = enabled
    builder.app("Web", web=WEB, requests=[("Mail.Read", "delegated")])
    (finding,) = examine("consent-blocked", builder.data).findings
    assert finding.error_code == code


def test_granted_in_any_way_is_not_blocked() -> None:
    builder = TenantBuilder(user_consent=None)
    web = builder.app("Web", web=WEB, requests=[("Mail.Read", "delegated"), ("Calendars.Read", "delegated")])
    builder.grant(web, "Mail.Read")
    builder.grant(web, "Calendars.Read", user="alice")
    assert examine("consent-blocked", builder.data).findings == []


def test_app_without_users_is_low() -> None:
    builder = TenantBuilder(user_consent=None)
    builder.app("Daemon", requests=[("Mail.Read", "delegated")])
    (finding,) = examine("consent-blocked", builder.data).findings
    assert (finding.severity, finding.certainty) == ("low", "possible")


@pytest.mark.parametrize(
    ("policies", "unread"),
    list(product([(), (LEGACY,), (RECOMMENDED,), (LOW,), ("own",)], [(), ("policies/authorizationPolicy",)])),
)
def test_each_open_row_is_told_exactly_once(policies: tuple[str, ...], unread: tuple[str, ...]) -> None:
    """A row that is not consented is consent-missing's or consent-blocked's, never both, never neither."""
    builder = TenantBuilder()
    builder.user_consent(*policies)
    requests = [("Mail.Read", "delegated"), ("User.Read", "delegated"), ("User.Read.All", "delegated")]
    builder.app("Web", web=WEB, requests=[*requests, ("User.Read.All", "application")])
    builder.app("Daemon", requests=requests)
    tenant = load_tenant(builder.data, unread=unread)
    rows = tenant.permissions
    open_rows = rows[(rows["status"] == "not-consented") | (rows["status"].isna() & ~rows["granted"])]
    told = [
        (finding.app_id, finding.permission, finding.permission_type)
        for slug in ("consent-missing", "consent-blocked")
        for finding in examine(slug, tenant).findings
    ]
    expected = [tuple(row) for row in open_rows[["app_id", "permission", "type"]].itertuples(index=False)]
    assert sorted(told) == sorted(expected)


SIGN_IN = [(name, "delegated") for name in ("email", "offline_access", "openid", "profile")]


def told(builder: TenantBuilder) -> dict[str | None, tuple[str, str]]:
    findings = examine("consent-blocked", builder.data).findings
    assert len({one.permission for one in findings}) == len(findings)
    return {one.permission: (one.severity, one.certainty) for one in findings}


def test_sign_in_scopes_are_one_signal_for_an_app() -> None:
    builder = TenantBuilder(user_consent=None)
    web = builder.app("Web", web=WEB, requests=SIGN_IN)
    assert told(builder) == {"openid": ("medium", "certain")}
    builder.grant(web, "User.Read")
    assert told(builder) == {"openid": ("low", "possible")}  # people sign in already


@pytest.mark.parametrize(
    "other", [("Mail.Read", "delegated"), ("User.Read.All", "delegated"), ("Mail.Read", "application")]
)
def test_sign_in_scopes_are_silent_beside_another_open_permission(other: tuple[str, str]) -> None:
    builder = TenantBuilder(user_consent=None)
    builder.app("Web", web=WEB, requests=[*SIGN_IN, other])
    assert told(builder).keys() <= {"Mail.Read"}


def test_default_permission_under_the_policy_for_low_impact_permissions() -> None:
    builder = TenantBuilder(user_consent=LOW)
    builder.app("Web", web=WEB, requests=[("User.Read", "delegated"), *SIGN_IN])
    assert told(builder) == {"User.Read": ("low", "possible")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"audience": "PersonalMicrosoftAccount"}, {}),
        ({"audience": "AzureADMultipleOrgs"}, {"Mail.Read": ("low", "possible")}),
        ({"principal": {"preferredSingleSignOnMode": "saml"}}, {"Mail.Read": ("low", "possible")}),
        ({"principal": {"preferredSingleSignOnMode": "oidc"}}, {"Mail.Read": ("medium", "certain")}),
    ],
)
def test_apps_whose_users_may_never_meet_the_consent(
    change: dict[str, Any], expected: dict[str, tuple[str, str]]
) -> None:
    builder = TenantBuilder(user_consent=None)
    builder.app("Web", web=WEB, requests=[("Mail.Read", "delegated")], **change)
    assert told(builder) == expected


def test_app_for_other_tenants_that_is_used_here() -> None:
    builder = TenantBuilder(user_consent=None)
    requests = [("Mail.Read", "delegated"), ("User.Read", "delegated")]
    builder.grant(builder.app("Web", web=WEB, audience="AzureADMultipleOrgs", requests=requests), "User.Read")
    assert told(builder) == {"Mail.Read": ("medium", "likely")}
