"""The demo tenant: its size, its mix, its honesty. What an audit finds in it: tests/test_contoso_findings.py."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from auditor.emulator import tenantfile
from auditor.emulator.contoso import STORIES, contoso
from auditor.emulator.contoso.page import renewed
from auditor.reference.resources import MICROSOFT_TENANTS
from tests.emulator.references import dangling
from tests.emulator.shapes_check import misshapen

PAGE = Path(__file__).parents[2] / "docs" / "demo-tenant.md"
CONFIGURATION_CHECKS = [
    "permission-missing",
    "consent-missing",
    "consent-partial",
    "consent-blocked",
    "permission-unknown",
    "permission-excess",
    "permission-type-mismatch",
    "application-only-api",
    "delegated-only-api",
    "wrong-resource",
    "credential-expired",
    "sign-in-blocked",
    "personal-account",
    "license-missing",
    "conditional-access",
    "directory-role-missing",
    "user-privilege",
    "workload-policy",
    "risky-grant",
]


def names(data: dict[str, object]) -> list[str]:
    """The display name of every app, each app once."""
    apps = {raw["appId"]: raw["displayName"] for raw in data["servicePrincipals"]}  # type: ignore[attr-defined]
    return list((apps | {raw["appId"]: raw["displayName"] for raw in data["applications"]}).values())  # type: ignore[attr-defined]


def test_it_is_the_same_in_every_run() -> None:
    assert json.dumps(contoso()) == json.dumps(contoso())


def test_it_has_about_sixty_apps_and_most_are_healthy() -> None:
    apps = names(contoso())
    assert 55 <= len(apps) <= 65
    assert len(set(apps)) == len(apps)
    assert len(set(apps) - {story.name for story in STORIES}) >= 35
    assert {story.name for story in STORIES} <= set(apps)


def test_every_kind_of_app_is_there() -> None:
    data = contoso()
    registered = {raw["appId"] for raw in data["applications"]}
    kinds = Counter(
        "registration"
        if raw["appId"] in registered
        else "first-party"
        if raw["appOwnerOrganizationId"] in MICROSOFT_TENANTS
        else raw["servicePrincipalType"]
        for raw in data["servicePrincipals"]
    )
    assert kinds.keys() == {"registration", "first-party", "ManagedIdentity", "Legacy", "Application"}
    assert kinds["Legacy"] == 1
    assert registered - {raw["appId"] for raw in data["servicePrincipals"]}, "one registration has no service principal"


def test_every_check_on_the_configuration_has_a_story() -> None:
    assert {slug for story in STORIES for slug in story.finds} == set(CONFIGURATION_CHECKS)


def test_only_what_is_meant_points_at_nothing() -> None:
    what = Counter(kind for kind, _ in dangling(contoso()))
    assert what == {
        "grant clientId": 1,  # of an app deleted long ago
        "assignment principalId": 1,
        '<script>alert("Data lake loader")</script> requests': 2,
    }


def test_every_object_is_as_microsofts_schema_says() -> None:
    data = contoso()
    assert list(misshapen(data)) == []
    tenantfile.check(data)


@pytest.mark.parametrize("hostile", ["=HYPERLINK(", "<script>", "\u202e", "\n", "💡"])
def test_hostile_names_are_among_the_apps(hostile: str) -> None:
    assert any(hostile in name for name in names(contoso()))


def test_licences_are_e3_and_p1_with_intune_suspended_and_no_p2() -> None:
    skus = contoso()["subscribedSkus"]
    live = {
        plan["servicePlanName"] for sku in skus if sku["capabilityStatus"] == "Enabled" for plan in sku["servicePlans"]
    }
    assert {"EXCHANGE_S_ENTERPRISE", "SHAREPOINTENTERPRISE", "TEAMS1", "AAD_PREMIUM"} <= live
    assert not {"INTUNE_A", "AAD_PREMIUM_P2"} & live
    assert any(sku["skuPartNumber"] == "INTUNE_A" and sku["capabilityStatus"] == "Suspended" for sku in skus)


def test_conditional_access_has_each_kind_of_policy() -> None:
    policies = contoso()["conditionalAccessPolicies"]
    states = Counter(policy["state"] for policy in policies)
    assert states == {"enabled": 4, "enabledForReportingButNotEnforced": 1, "disabled": 1}
    assert any(policy["conditions"]["clientApplications"] for policy in policies)
    assert any(policy["conditions"]["authenticationFlows"] for policy in policies)
    emergency = {raw["id"] for raw in contoso()["users"] if raw["displayName"].startswith("Emergency")}
    mfa = next(policy for policy in policies if policy["grantControls"]["builtInControls"] == ["mfa"])
    assert set(mfa["conditions"]["users"]["excludeUsers"]) == emergency and len(emergency) == 2


def test_the_page_has_the_stories_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == renewed(text), "run: python -m auditor.emulator.contoso.page docs/demo-tenant.md"
    apps = len(names(contoso()))
    for count in (f"{apps} apps", f"{apps - len(STORIES)} are healthy", f"{len(STORIES)} are not"):
        assert count in text


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="stories"):
        renewed("# A page\n")
