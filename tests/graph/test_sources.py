"""The table of sources against Microsoft's v1.0 schema, the permission map, and the page that is made from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.emulator import schema
from auditor.graph import grants
from auditor.graph.sources import BY_ID, SOURCES, USERS, SourceSpec, least_permissions
from auditor.reference import catalog
from auditor.reference.clouds import CLOUDS

ROOT = Path(__file__).parents[2]
EXPECTED = [
    "organization",
    "applications",
    "applications/owners",
    "applications/federatedIdentityCredentials",
    "servicePrincipals",
    "servicePrincipals/owners",
    "oauth2PermissionGrants",
    "servicePrincipals/appRoleAssignedTo",
    "roleManagement/directory/roleAssignments",
    "roleManagement/directory/roleDefinitions",
    "subscribedSkus",
    "identity/conditionalAccess/policies",
    "identity/conditionalAccess/namedLocations",
    "policies/authorizationPolicy",
    "policies/permissionGrantPolicies",
    "policies/adminConsentRequestPolicy",
    "policies/defaultAppManagementPolicy",
    "policies/appManagementPolicies",
    "policies/identitySecurityDefaultsEnforcementPolicy",
]


def test_the_sources_are_those_that_checks_may_name() -> None:
    assert [spec.id for spec in SOURCES] == EXPECTED


@pytest.mark.parametrize("spec", SOURCES, ids=lambda spec: spec.id)
def test_every_path_and_property_is_in_the_schema(spec: SourceSpec) -> None:
    known = schema.load()
    first, *rest = [part for part in spec.request_path.split("/") if part]
    member = known.container[first]
    for part in rest:
        if part != "{id}":
            member = known.types[member.type].navigations[part]
    properties = known.types[member.type].properties
    assert set(spec.select) <= set(properties)
    if spec.expand:
        assert spec.expand.partition("(")[0] in known.types[member.type].navigations
    assert member.is_collection != (spec.reading == "singleton")


@pytest.mark.parametrize("spec", SOURCES, ids=lambda spec: spec.id)
def test_the_permission_opens_the_source(spec: SourceSpec) -> None:
    """As Microsoft's map has it, for apps and for people alike, and there is no lesser permission in our set."""
    path = (
        f"/{spec.id.split('/')[0]}/{{id}}/{spec.id.split('/')[1]}" if spec.expand or "{id}" in spec.path else spec.path
    )
    found = catalog.load().authorizing("GET", path or f"/{spec.id}")
    assert found is not None
    for scheme in ("application", "delegated"):
        names = {one.permission for one in found[scheme] if not one.also_requires}
        assert spec.permission in names
        assert not {"ReadWrite"} & set(spec.permission.split("."))
        if spec.id != "oauth2PermissionGrants":  # the map lacks DelegatedPermissionGrant.Read.All
            assert set(spec.other_permissions) <= names


def test_needed_sources_come_first() -> None:
    seen: set[str] = set()
    for spec in SOURCES:
        assert set(spec.needs) <= seen
        seen.add(spec.id)
        assert spec.purpose.endswith(".")
    assert set(BY_ID) == {*seen, USERS.id}


def test_the_table_is_light_to_import() -> None:
    code = (
        "import sys, auditor.graph.sources; "
        "print(*[name for name in sys.modules if name.split('.')[0] in ('msgraph','azure','httpx','pandas','orjson')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_needed_permissions_have_ids_and_only_read() -> None:
    needed = grants.needed_permissions()
    assert tuple(one.name for one in needed) == least_permissions()
    assert all(len(one.id) == len(one.delegated_id) == 36 and one.sources for one in needed)
    assert not [one.name for one in needed if "Write" in one.name]


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "docs/permissions.md").read_text(encoding="utf-8") == grants.permissions_page(CLOUDS["global"])


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS.keys())
def test_consent_leads_to_the_right_cloud(cloud: object) -> None:
    assert grants.admin_consent_url(cloud, "contoso.com", "11111111-2222-3333-4444-555555555555") == (  # type: ignore[arg-type]
        f"https://{cloud.login_host}/contoso.com/adminconsent?client_id=11111111-2222-3333-4444-555555555555"  # type: ignore[attr-defined]
    )


def test_hostile_ids_never_reach_a_command() -> None:
    commands = grants.consent_commands(CLOUDS["global"], "'; rm -rf / #", ["Policy.Read.All"])
    assert not [line for lines in commands.values() for line in lines if "rm -rf" in line]
    assert "rm" not in grants.admin_consent_url(CLOUDS["global"], "'; rm -rf", "x").replace("login.microsoft", "")
    assert (
        sum("New-MgServicePrincipalAppRoleAssignment" in line for line in commands["Microsoft Graph PowerShell"]) == 1
    )
