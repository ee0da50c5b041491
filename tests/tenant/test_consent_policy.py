"""Who may consent: Microsoft's built-in policies and the tenant's own."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator.build import TenantBuilder
from auditor.tenant.consent_policy import Candidate, users_may_consent
from tests.support import load_tenant

GRAPH = "00000003-0000-0000-c000-000000000000"
HERE, ELSEWHERE = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"


def candidate(**changes: Any) -> Candidate:
    facts: dict[str, Any] = {
        "app_id": "app",
        "owner_tenant_id": HERE,
        "verified_publisher": False,
        "assignment_required": False,
        "resource_app_id": GRAPH,
        "permission_id": "perm",
        "permission": "User.Read",
    }
    return Candidate(**{**facts, **changes})


@pytest.mark.parametrize(
    ("policy", "changes", "answer"),
    [
        ("microsoft-user-default-legacy", {"permission": "Mail.Read"}, True),
        ("microsoft-user-default-legacy", {"assignment_required": True}, False),
        ("microsoft-user-default-recommended", {"permission": "User.Read"}, True),
        ("microsoft-user-default-recommended", {"permission": "Mail.Read"}, False),
        ("microsoft-user-default-recommended", {"permission": "Calendars.ReadWrite"}, False),
        ("microsoft-user-default-recommended", {"permission": "Contacts.Read"}, True),
        ("microsoft-user-default-recommended", {"permission": "Mail.Read", "resource_app_id": "own-api"}, True),
        ("microsoft-user-default-low", {}, False),  # hangs on classifications, which are not read
        ("microsoft-user-default-allow-consent-apps", {}, False),
        ("unheard-of", {}, False),
    ],
)
def test_built_in_policies(policy: str, changes: dict[str, Any], answer: bool) -> None:
    assert users_may_consent(candidate(**changes), [policy], {}) is answer


ANYTHING: dict[str, Any] = {"permissionType": "delegated"}


@pytest.mark.parametrize(
    ("includes", "excludes", "answer"),
    [
        ([ANYTHING], [], True),
        ([], [], False),
        ([{"permissionType": "application"}], [], False),
        ([{**ANYTHING, "permissions": ["PERM"]}], [], True),
        ([{**ANYTHING, "permissions": ["other"]}], [], False),
        ([{**ANYTHING, "permissions": ["all"], "resourceApplication": "any"}], [], True),
        ([{**ANYTHING, "resourceApplication": "another-api"}], [], False),
        ([{**ANYTHING, "permissionClassification": "low"}], [], False),
        ([{**ANYTHING, "clientApplicationTenantIds": [ELSEWHERE]}], [], False),
        ([{**ANYTHING, "clientApplicationsFromVerifiedPublisherOnly": True}], [], False),
        ([ANYTHING], [{**ANYTHING, "permissions": ["perm"]}], False),
        ([ANYTHING], [{**ANYTHING, "permissions": ["other"]}], True),
        ([ANYTHING], [{**ANYTHING, "permissionClassification": "high"}], False),  # cannot be ruled out
        ([{**ANYTHING, "clientApplicationPublisherIds": ["someone"]}], [], False),
        (["nonsense", 7, None], "nonsense", False),
    ],
)
def test_policies_of_the_tenant(includes: Any, excludes: Any, answer: bool) -> None:
    policies = {"ours": {"id": "ours", "includes": includes, "excludes": excludes}}
    assert users_may_consent(candidate(), ["ours"], policies) is answer


@pytest.mark.parametrize(
    ("user_consent", "status"),
    [
        ("microsoft-user-default-legacy", "user-consentable"),
        ("microsoft-user-default-recommended", "user-consentable"),
        (None, "not-consented"),
    ],
)
def test_the_setting_reaches_the_status(user_consent: str | None, status: str) -> None:
    builder = TenantBuilder(user_consent=user_consent)
    builder.app("Web", web=("https://app.example/cb",), requests=(("User.Read", "delegated"),))
    table = load_tenant(builder.data).permissions
    assert table.loc[table["app_name"] == "Web", "status"].tolist() == [status]


def test_an_unread_setting_is_never_a_yes() -> None:
    builder = TenantBuilder(user_consent="microsoft-user-default-legacy")
    builder.app("Web", web=("https://app.example/cb",), requests=(("User.Read", "delegated"),))
    table = load_tenant(builder.data, ("policies/authorizationPolicy",)).permissions
    assert table.loc[table["app_name"] == "Web", "status"].isna().tolist() == [True]


def test_an_unread_policy_of_the_tenant_is_never_an_answer() -> None:
    builder = TenantBuilder()
    builder.user_consent("our-own-policy")
    builder.app("Web", web=("https://app.example/cb",), requests=(("User.Read", "delegated"),))
    table = load_tenant(builder.data, ("policies/permissionGrantPolicies",)).permissions
    assert table.loc[table["app_name"] == "Web", "status"].isna().tolist() == [True]
