"""The laws of the comparison, on random tenants."""

from __future__ import annotations

import copy
import random
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.tenant.permissions import PERMISSIONS
from auditor.tenant.tables import Tenant

from .oracle import Key, compared
from .strategies import RawTenant, tenants


def permissions_of(tenant: RawTenant) -> pd.DataFrame:
    return Tenant(tenant).permissions  # type: ignore[arg-type]


def keys_of(table: pd.DataFrame) -> list[Key]:
    def or_else(value: Any, other: str) -> str:
        return other if pd.isna(value) else str(value)

    return [
        (
            or_else(row.app_id, f"sp:{row.client_id}"),
            or_else(row.resource_app_id, f"sp:{row.resource_id}"),
            or_else(row.permission_id, f"value:{row.permission}"),
            str(row.type),
        )
        for row in table.itertuples()
    ]


@settings(max_examples=150, deadline=None)
@given(tenants())
def test_agrees_with_the_interface_written_plainly(tenant: RawTenant) -> None:
    table = permissions_of(tenant)
    expected = compared(tenant)
    seen = {
        key: {
            "requested": None if pd.isna(row.requested) else bool(row.requested),
            "granted": bool(row.granted),
            "consent": row.consent,
            "consented_users": row.consented_users,
            "status": row.status,
        }
        for key, row in zip(keys_of(table), table.itertuples(), strict=True)
    }
    assert seen == expected


@settings(max_examples=50, deadline=None)
@given(tenants(), st.randoms(use_true_random=False))
def test_order_of_input_does_not_matter(tenant: RawTenant, chance: random.Random) -> None:
    shuffled = copy.deepcopy(tenant)
    for records in (shuffled.applications, shuffled.principals, shuffled.grants, shuffled.assigned):
        chance.shuffle(records)
    pd.testing.assert_frame_equal(permissions_of(tenant), permissions_of(shuffled))


@settings(max_examples=50, deadline=None)
@given(tenants(), st.text(min_size=1))
def test_renaming_changes_nothing_but_names(tenant: RawTenant, name: str) -> None:
    renamed = copy.deepcopy(tenant)
    for record in (*renamed.applications, *renamed.principals):
        record["displayName"] = name
    before, after = (permissions_of(one).drop(columns=["app_name", "resource"]) for one in (tenant, renamed))
    pd.testing.assert_frame_equal(before, after)


@settings(max_examples=50, deadline=None)
@given(tenants())
def test_each_row_once_and_every_column(tenant: RawTenant) -> None:
    table = permissions_of(tenant)
    keys = keys_of(table)
    assert len(keys) == len(set(keys))
    assert list(table.columns) == list(PERMISSIONS)


@settings(max_examples=50, deadline=None)
@given(tenants(), st.sampled_from(["oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"]))
def test_unread_grants_are_unknown_never_missing(tenant: RawTenant, source: str) -> None:
    tenant.unread = frozenset({source})
    kind = "delegated" if source == "oauth2PermissionGrants" else "application"
    table = permissions_of(tenant)
    rows = table[table["type"] == kind]
    assert rows["granted"].isna().all()
    assert rows["consent"].isna().all()
    assert rows["consented_users"].isna().all()
    assert not rows["status"].isin(["not-consented", "granted", "unrequested", "user-consentable"]).any()


def test_unread_registrations_make_requested_unknown() -> None:
    tenant = RawTenant(
        principals=[{"id": "sp", "appId": "app", "displayName": "X", "appOwnerOrganizationId": "t", "appRoles": []}],
        grants=[{"id": "g", "clientId": "sp", "resourceId": "sp", "consentType": "AllPrincipals", "scope": "a"}],
        unread=frozenset({"applications"}),
    )
    assert permissions_of(tenant)["requested"].isna().all()
