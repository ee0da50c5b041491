"""The table ``consents``: each grant as Graph holds it, with names, for the Consents sheet."""

from __future__ import annotations

import pandas as pd

from auditor.tenant.columns import CONSENTS


def consents_table(
    grants: pd.DataFrame, assignments: pd.DataFrame, apps: pd.DataFrame, resources: pd.DataFrame, defined: pd.DataFrame
) -> pd.DataFrame:
    """OAuth2 permission grants and app role assignments side by side.

    Args:
        grants: ``columns.GRANTS``.
        assignments: ``columns.ASSIGNMENTS``.
        apps: ``columns.APPS``.
        resources: ``columns.RESOURCES``.
        defined: ``columns.DEFINED``.

    Returns:
        ``columns.CONSENTS``.
    """
    delegated = pd.DataFrame(
        {
            "app_id": grants["app_id"],
            "resource_app_id": grants["resource_app_id"],
            "permission": grants["permission"],
            "type": pd.Series("delegated", index=grants.index, dtype="str"),
            "consent": (grants["consent_type"] == "AllPrincipals").map({True: "admin", False: "user"}).astype("str"),
            "principal_id": grants["principal_id"],
            "granted_at": pd.Series(pd.NaT, index=grants.index, dtype="datetime64[us, UTC]"),
            "record_id": grants["grant_id"],
        }
    )
    roles = defined.loc[defined["type"] == "application", ["resource_app_id", "permission_id", "permission"]]
    named = assignments.merge(roles, on=["resource_app_id", "permission_id"], how="left")
    application = pd.DataFrame(
        {
            "app_id": named["app_id"],
            "resource_app_id": named["resource_app_id"],
            "permission": named["permission"],
            "type": pd.Series("application", index=named.index, dtype="str"),
            "consent": pd.Series("admin", index=named.index, dtype="str"),
            "principal_id": pd.Series(None, index=named.index, dtype="str"),
            "granted_at": named["created_at"],
            "record_id": named["assignment_id"],
        }
    )
    parts = [table for table in (delegated, application) if len(table)] or [delegated]
    rows = pd.concat(parts, ignore_index=True)
    rows["display_name"] = rows["app_id"].map(apps.set_index("app_id")["display_name"]).astype("str")
    rows["resource"] = rows["resource_app_id"].map(resources.set_index("resource_app_id")["display_name"]).astype("str")
    rows = rows.sort_values(
        ["app_id", "resource_app_id", "type", "permission", "principal_id", "record_id"], kind="stable"
    )
    return rows[list(CONSENTS)].reset_index(drop=True)
