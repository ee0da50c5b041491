"""The comparison: requested against granted, one row for each (app, resource, permission, type).

Columns and statuses are those of ``permissions`` in the interface. Pure: tables in, one table out, in an order that
hangs on ids alone. Delegated permissions are compared by the permission's id, found from a grant's scope value on that
resource; application permissions by id and resource together; never by name alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from auditor.reference.resources import resource_name
from auditor.reference.user_consent import BUILT_IN
from auditor.tenant.consent_policy import Candidate, users_may_consent
from auditor.tenant.directory import ConsentSettings
from auditor.tenant.fields import Raw, key

PERMISSIONS = {
    "app_id": "str: missing where the client's service principal was deleted and its app id is unknown",
    "app_name": "str",
    "app_kind": "str: as APPS.kind, missing for a deleted client",
    "client_id": "str: object id of the client's service principal, missing where it has none",
    "resource_app_id": "str: missing where the granting service principal was deleted and its app id is unknown",
    "resource": "str: display name of the resource; well-known name where it has no service principal here",
    "resource_id": "str: object id of the resource's service principal",
    "permission_id": "str: missing where only a value is known",
    "permission": "str: value, missing where only an id is known",
    "type": "str: delegated | application",
    "requested": "boolean: unknown where the registration lives in another tenant, does not exist, or was not read",
    "granted": "boolean: unknown where the grants or assignments were not read",
    "consent": "str: admin | users | none; missing where unknown",
    "consented_users": "Int64: distinct users of single-user grants; missing where the grants were not read",
    "status": "str: granted | partly-consented | not-consented | unrequested | unknown-permission | disabled-permission | "
    "resource-missing | preauthorized | user-consentable; missing where it hangs on grants or on a user consent setting that "
    "were not read",
    "admin_only": "boolean: an admin must consent (application permissions, and scopes of type Admin); unknown if undefined",
}

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""appRoleId of an assignment without a role ("Default Access"): no permission at all."""

_KEY = ["client_key", "resource_key", "permission_key", "type"]


@dataclass(frozen=True)
class Compared:
    """What the comparison is made from: tables of ``auditor.tenant.columns``, and what was read."""

    apps: pd.DataFrame
    defined: pd.DataFrame
    requested: pd.DataFrame
    preauthorized: pd.DataFrame
    grants: pd.DataFrame
    assignments: pd.DataFrame
    consent: ConsentSettings
    grant_policies: Sequence[Raw]
    tenant_id: str
    grant_policies_read: bool = True
    requested_read: bool = True
    defined_read: bool = True
    grants_read: bool = True
    assignments_read: bool = True


def compare(tables: Compared) -> pd.DataFrame:
    """Everything an app requested, was granted, or both: ``PERMISSIONS``, each row once."""
    defined = tables.defined.drop_duplicates(["resource_app_id", "permission_id", "type"])
    rows = _united(tables, defined)
    rows = rows.merge(
        defined.rename(columns={"permission": "defined_value"}),
        on=["resource_app_id", "permission_id", "type"],
        how="left",
    )
    rows["permission"] = rows["defined_value"].where(rows["defined_value"].notna(), rows["value"])
    rows = _with_names(rows, tables)
    rows["requested"] = _requested(rows, tables)
    rows["granted"] = _granted(rows, tables)
    rows["consent"] = _consent(rows)
    rows["consented_users"] = rows["consented_users"].astype("Int64").mask(rows["granted"].isna())
    rows["status"] = _status(rows, tables)
    rows["admin_only"] = rows["admin_only"].astype("boolean").mask(rows["type"] == "application", True)
    order = ["app_id", "client_key", "resource_app_id", "resource_key", "type", "permission", "permission_key"]
    return rows.sort_values(order, kind="stable")[list(PERMISSIONS)].reset_index(drop=True)


def _keyed(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds the natural key. App ids identify; an object id stands in where the app id is gone with its service principal."""
    rows["client_key"] = rows["app_id"].where(rows["app_id"].notna(), "sp:" + rows["client_id"])
    rows["resource_key"] = rows["resource_app_id"].where(rows["resource_app_id"].notna(), "sp:" + rows["resource_id"])
    rows["permission_key"] = rows["permission_id"].where(rows["permission_id"].notna(), "value:" + rows["value"])
    return rows


def _united(tables: Compared, defined: pd.DataFrame) -> pd.DataFrame:
    """Requested, delegated grants and assignments folded together, one row a key."""
    requested = tables.requested.assign(is_requested=True)
    grants = _resolved_grants(tables.grants, defined)
    assignments = tables.assignments.rename(columns={"principal_id": "client_id"})[
        ["client_id", "app_id", "resource_id", "resource_app_id", "permission_id"]
    ].assign(type="application", by_admin=True)
    columns = ["app_id", "client_id", "resource_app_id", "resource_id", "permission_id", "value", "type"]
    marks = ["is_requested", "by_admin", "user"]
    parts = [part.reindex(columns=columns + marks) for part in (requested, grants, assignments)]
    typed = [part.astype(dict.fromkeys([*columns, "user"], "str")) for part in parts]
    every = _keyed(pd.concat(typed, ignore_index=True))
    every["is_requested"] = every["is_requested"].isin([True])
    every["by_admin"] = every["by_admin"].isin([True])
    return (
        every.groupby(_KEY, sort=False, dropna=False)
        .agg(
            app_id=("app_id", "first"),
            client_id=("client_id", "first"),
            resource_app_id=("resource_app_id", "first"),
            resource_id=("resource_id", "first"),
            permission_id=("permission_id", "first"),
            value=("value", "min"),
            is_requested=("is_requested", "any"),
            by_admin=("by_admin", "any"),
            consented_users=("user", "nunique"),
        )
        .reset_index()
        .astype({"app_id": "str", "client_id": "str", "resource_app_id": "str", "permission_id": "str", "value": "str"})
    )


def _resolved_grants(grants: pd.DataFrame, defined: pd.DataFrame) -> pd.DataFrame:
    """Grants with the id that their scope value has on their resource; scope values are compared without case."""
    scopes = defined.loc[defined["type"] == "delegated", ["resource_app_id", "permission_id", "permission"]].copy()
    scopes["folded"] = scopes["permission"].str.lower()
    scopes = scopes.drop(columns="permission").drop_duplicates(["resource_app_id", "folded"])
    rows = grants.rename(columns={"permission": "value"})
    rows["folded"] = rows["value"].str.lower()
    rows = rows.merge(scopes, on=["resource_app_id", "folded"], how="left")
    by_admin = rows["consent_type"] == "AllPrincipals"
    # One undefined value may be spelled in several cases; its key is the folded form, so that it makes one row.
    rows["value"] = rows["value"].where(rows["permission_id"].notna(), rows["folded"])
    return rows.assign(type="delegated", by_admin=by_admin, user=rows["principal_id"].where(~by_admin))


def _with_names(rows: pd.DataFrame, tables: Compared) -> pd.DataFrame:
    apps = tables.apps.set_index("app_id")
    known = {app_id: resource_name(app_id) for app_id in rows["resource_app_id"].dropna().unique()}
    gone = "deleted service principal "
    rows["app_name"] = rows["app_id"].map(apps["display_name"]).astype("str")
    rows["app_name"] = rows["app_name"].where(rows["app_id"].notna(), gone + rows["client_id"])
    rows["app_kind"] = rows["app_id"].map(apps["kind"]).astype("str")
    own = rows["app_id"].map(apps["service_principal_id"]).astype("str")
    rows["client_id"] = own.where(own.notna(), rows["client_id"])
    published = rows["resource_app_id"].map(apps["service_principal_id"]).astype("str")
    rows["resource_id"] = published.where(published.notna(), rows["resource_id"])
    resource = rows["resource_app_id"].map(apps["display_name"]).astype("str")
    resource = resource.where(resource.notna(), rows["resource_app_id"].map(known).astype("str"))
    resource = resource.where(resource.notna(), rows["resource_app_id"])
    rows["resource"] = resource.where(rows["resource_app_id"].notna(), gone + rows["resource_id"])
    return rows


def _requested(rows: pd.DataFrame, tables: Compared) -> pd.Series[Any]:
    if not tables.requested_read:
        return pd.Series(pd.NA, index=rows.index, dtype="boolean")
    registered = tables.apps.loc[tables.apps["object_id"].notna(), "app_id"]
    return rows["is_requested"].astype("boolean").mask(~rows["app_id"].isin(registered), pd.NA)


def _granted(rows: pd.DataFrame, tables: Compared) -> pd.Series[Any]:
    granted = (rows["by_admin"] | (rows["consented_users"] > 0)).astype("boolean")
    if not tables.grants_read:
        granted = granted.mask(rows["type"] == "delegated", pd.NA)
    if not tables.assignments_read:
        granted = granted.mask(rows["type"] == "application", pd.NA)
    return granted


def _consent(rows: pd.DataFrame) -> pd.Series[Any]:
    words = np.select([rows["by_admin"], rows["consented_users"] > 0], ["admin", "users"], "none")
    return pd.Series(words, index=rows.index, dtype="str").mask(rows["granted"].isna())


def _status(rows: pd.DataFrame, tables: Compared) -> pd.Series[Any]:
    """The first status that holds, in the interface's order."""
    granted = rows["granted"].fillna(False).astype("bool")
    unknown = rows["granted"].isna()
    plain = rows["permission_id"] != DEFAULT_ACCESS
    present = tables.apps.loc[tables.apps["service_principal_id"].notna(), "app_id"]
    missing = ~rows["resource_app_id"].isin(present)
    undefined = rows["enabled"].isna() & plain
    disabled = ~rows["enabled"].astype("boolean").fillna(True).astype("bool")
    not_requested = (rows["requested"] == False).fillna(False).astype("bool")  # noqa: E712 - unknown is neither
    preauthorized = _preauthorized(rows, tables)
    open_rows = (rows["type"] == "delegated") & ~granted & ~unknown & ~missing & ~undefined & ~disabled & ~preauthorized
    consentable = _user_consentable(rows, open_rows, tables)
    conditions = [
        missing,
        undefined,
        disabled,
        granted & not_requested,
        rows["by_admin"],
        granted,
        unknown,
        preauthorized,
        consentable.fillna(False).astype("bool"),
        consentable.isna(),
    ]
    words = ["resource-missing", "unknown-permission", "disabled-permission", "unrequested", "granted"]
    words += ["partly-consented", "", "preauthorized", "user-consentable", ""]
    status = pd.Series(np.select(conditions, words, "not-consented"), index=rows.index, dtype="str")
    if not tables.defined_read:
        return status.mask(pd.Series(True, index=rows.index))
    return status.mask(status == "")


def _preauthorized(rows: pd.DataFrame, tables: Compared) -> pd.Series[Any]:
    keys = ["app_id", "resource_app_id", "permission_id"]
    known = pd.MultiIndex.from_frame(tables.preauthorized[keys])
    return pd.Series(pd.MultiIndex.from_frame(rows[keys]).isin(known), index=rows.index) & (rows["type"] == "delegated")


def _is_true(value: Any) -> bool:
    return not pd.isna(value) and bool(value)


def _user_consentable(rows: pd.DataFrame, open_rows: pd.Series[Any], tables: Compared) -> pd.Series[Any]:
    """Whether the tenant's setting lets every user consent; unknown where it hangs on a setting that was not read."""
    answer = pd.Series(False, index=rows.index, dtype="boolean")
    assigned = tables.consent.user_consent_policies
    wanted = rows[open_rows & (rows["admin_only"].astype("boolean") == False).fillna(False)]  # noqa: E712
    facts = tables.apps.set_index("app_id")[["owner_tenant_id", "verified_publisher", "assignment_required"]]
    joined = wanted.join(facts, on="app_id")
    if assigned is None:
        answer[joined.index[~joined["assignment_required"].fillna(False).astype("bool")]] = None
        return answer
    policies = {key(policy, "id") or "": policy for policy in tables.grant_policies}
    undecided = not tables.grant_policies_read and not set(assigned) <= BUILT_IN
    for index, row in zip(joined.index, joined.itertuples(), strict=True):
        candidate = Candidate(
            app_id=str(row.app_id),
            owner_tenant_id=str(row.owner_tenant_id),
            verified_publisher=_is_true(row.verified_publisher),
            assignment_required=_is_true(row.assignment_required),
            resource_app_id=str(row.resource_app_id),
            permission_id=str(row.permission_id),
            permission=str(row.permission),
        )
        may = users_may_consent(candidate, assigned, policies)
        answer[index] = None if undecided and not may and not candidate.assignment_required else may
    return answer
