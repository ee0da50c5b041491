"""The generated tenant: the same for the same seed, the right size and mix, nothing dangling."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from auditor.emulator import tenantfile
from auditor.emulator.generate import large
from auditor.reference.resources import GRAPH, MICROSOFT_TENANTS
from tests.emulator.references import dangling
from tests.emulator.shapes_check import misshapen


@pytest.fixture(scope="module")
def tenant() -> dict[str, list[dict[str, object]]]:
    return large(2_000)


def test_same_seed_same_tenant_other_seed_other_tenant() -> None:
    assert json.dumps(large(50, seed=3)) == json.dumps(large(50, seed=3))
    assert large(50, seed=3)["tenant"] != large(50, seed=4)["tenant"]


@pytest.mark.parametrize("count", [10, 11, 100])
def test_it_has_as_many_service_principals_as_asked_for(count: int) -> None:
    assert len(large(count)["servicePrincipals"]) == count


def test_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        large(9)


def test_the_mix_is_a_large_companys(tenant: dict[str, list[dict[str, object]]]) -> None:
    principals = tenant["servicePrincipals"]
    kinds = Counter(
        "managed"
        if raw["servicePrincipalType"] == "ManagedIdentity"
        else "first-party"
        if raw["appOwnerOrganizationId"] in MICROSOFT_TENANTS
        else "local"
        if raw["appOwnerOrganizationId"] == tenant["organization"][0]["id"]
        else "external"
        for raw in principals
    )
    share = {kind: count / len(principals) for kind, count in kinds.items()}
    assert share == pytest.approx({"local": 0.30, "managed": 0.35, "external": 0.25, "first-party": 0.10}, abs=0.04)
    assert kinds["local"] == len(tenant["applications"])
    publishing = sum(1 for raw in principals if raw["appRoles"])
    assert 0.005 < publishing / len(principals) < 0.02


def test_grants_and_assignments_are_as_many_as_promised(tenant: dict[str, list[dict[str, object]]]) -> None:
    grants = tenant["oauth2PermissionGrants"]
    assert len(grants) / len(tenant["servicePrincipals"]) == pytest.approx(1.5, abs=0.05)
    assert Counter(raw["consentType"] for raw in grants).keys() == {"AllPrincipals", "Principal"}
    assert len({(raw["clientId"], raw["resourceId"], raw["principalId"]) for raw in grants}) == len(grants)
    kinds = Counter(raw["principalType"] for raw in tenant["appRoleAssignments"])
    assert kinds.keys() == {"ServicePrincipal", "User", "Group"}
    assert kinds["ServicePrincipal"] > 500


def test_ids_are_unique_and_point_at_something(tenant: dict[str, list[dict[str, object]]]) -> None:
    for collection in ("applications", "servicePrincipals", "oauth2PermissionGrants", "appRoleAssignments"):
        assert len({raw["id"] for raw in tenant[collection]}) == len(tenant[collection])
    assert len({raw["appId"] for raw in tenant["servicePrincipals"]}) == len(tenant["servicePrincipals"])
    assert list(dangling(tenant)) == []


def test_every_object_is_as_microsofts_schema_says(tenant: dict[str, list[dict[str, object]]]) -> None:
    assert list(misshapen(tenant)) == []
    tenantfile.check(tenant)


def test_objects_grow_in_step_with_service_principals() -> None:
    small, big = large(500), large(2_000)
    for collection in ("applications", "oauth2PermissionGrants", "appRoleAssignments"):
        assert 3 < len(big[collection]) / len(small[collection]) < 5.5
    assert sum(raw["appId"] == GRAPH for raw in big["servicePrincipals"]) == 1
