"""The permissions that apps really hold, one row each, joined with the app: the start of checks that look at grants.

Grants to deleted service principals are left out: no token carries them. What was requested and never granted is the
matter of the ``consent-*`` checks.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from auditor.tenant.permissions import DEFAULT_ACCESS
from auditor.tenant.tables import Tenant

APPLICATION_SOURCES = ("applications", "servicePrincipals", "servicePrincipals/appRoleAssignedTo")
DELEGATED_SOURCES = ("applications", "servicePrincipals", "oauth2PermissionGrants")


def application_permissions(tenant: Tenant) -> pd.DataFrame:
    """Application permissions granted to apps that exist.

    Returns:
        ``columns.APPS`` and ``resource_app_id``, ``permission_id``, ``permission`` (missing where the resource does not
        define the id), ``principal_id``, ``assignment_id``, ``assigned_at``. Microsoft's own apps are left out.
    """
    rows = tenant.assignments
    rows = rows[rows["app_id"].notna() & rows["resource_app_id"].notna() & (rows["permission_id"] != DEFAULT_ACCESS)]
    rows = rows.rename(columns={"created_at": "assigned_at"}).drop_duplicates(
        ["app_id", "resource_app_id", "permission_id"]
    )
    defined = tenant.defined
    names = defined.loc[defined["type"] == "application", ["resource_app_id", "permission_id", "permission"]]
    rows = rows.merge(
        names.drop_duplicates(["resource_app_id", "permission_id"]), on=["resource_app_id", "permission_id"], how="left"
    )
    return rows.merge(_others(tenant), on="app_id")


def delegated_permissions(tenant: Tenant, also: Collection[str] = ()) -> pd.DataFrame:
    """Delegated permissions granted to apps that exist, tenant-wide or to single users.

    Entra reads the scopes of a grant without regard to case and ignores what the resource does not define. So names here are
    those of the resource (the same that ``tenant.permissions`` finds), and undefined ones are dropped.

    Args:
        tenant: the tenant.
        also: app ids of Microsoft's own apps to look at; the others are left out.

    Returns:
        ``columns.APPS`` and ``resource_app_id``, ``permission``, ``grant_id``, ``tenant_wide``; one row a (app, resource,
        permission), the tenant-wide grant first where there are both.
    """
    rows = tenant.grants
    rows = rows[rows["app_id"].notna() & rows["resource_app_id"].notna()]
    rows = _named(rows, tenant.defined)
    rows = rows.assign(tenant_wide=rows["consent_type"] == "AllPrincipals")
    rows = rows.sort_values("tenant_wide", ascending=False, kind="stable")
    rows = rows.drop_duplicates(["app_id", "resource_app_id", "permission"])
    wanted = ["app_id", "resource_app_id", "permission", "grant_id", "tenant_wide"]
    return rows[wanted].merge(_others(tenant, also), on="app_id")


def _named(grants: pd.DataFrame, defined: pd.DataFrame) -> pd.DataFrame:
    """Grants with the permission's name as its resource spells it; scope values that it does not define are dropped."""
    scopes = defined.loc[defined["type"] == "delegated", ["resource_app_id", "permission"]]
    scopes = scopes.assign(folded=scopes["permission"].str.lower()).drop_duplicates(["resource_app_id", "folded"])
    rows = grants.assign(folded=grants["permission"].str.lower()).drop(columns="permission")
    return rows.merge(scopes, on=["resource_app_id", "folded"]).drop(columns="folded")


def _others(tenant: Tenant, also: Collection[str] = ()) -> pd.DataFrame:
    apps = tenant.apps
    return apps[(apps["kind"] != "first-party") | apps["app_id"].isin(list(also))]


def usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of apps that are not disabled: a disabled app calls nothing, and ``sign-in-blocked`` says so already."""
    return rows[rows["enabled"].fillna(True)]
