"""The table ``users``: the people that were asked for, with their licences, directory roles and assignments.

Of a person nothing is kept but what decides whether a call works; who may do what with it is the predictor's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from auditor.tenant.columns import USERS, frame
from auditor.tenant.fields import Raw, flag, key, part, parts, text

_ACTIVE = ("Enabled", "Warning")
_WHOLE_TENANT = "/"


def users_table(users: Iterable[Raw], definitions: Iterable[Raw], skus: Iterable[Raw]) -> pd.DataFrame:
    """One row for each user that was asked for, by what was asked.

    Args:
        users: lines of the source ``users``: ``{"asked", "found", "user", "directoryRoles", "roleAssignments",
            "appRoleAssignments"}``; the lists are null where they could not be read.
        definitions: raw unifiedRoleDefinitions, for the templates of roles; none where they were not read (the id of a
            built-in role is its template's).
        skus: raw subscribedSkus, for the names of service plans.
    """
    templates = {key(role, "id"): key(role, "templateId") for role in definitions}
    names = {
        key(plan, "servicePlanId"): text(plan, "servicePlanName") for sku in skus for plan in parts(sku, "servicePlans")
    }
    rows = {row["asked"]: row for row in (_row(record, templates, names) for record in users) if row["asked"]}
    return frame(USERS, {name: [rows[asked][name] for asked in sorted(rows)] for name in USERS})


def _row(
    record: Raw, templates: Mapping[str | None, str | None], names: Mapping[str | None, str | None]
) -> dict[str, Any]:
    user = part(record, "user")
    held, scoped = _roles(record, templates)
    plans = {
        plan_id: names.get(plan_id) or text(plan, "service") or plan_id
        for plan in parts(user, "assignedPlans")
        if text(plan, "capabilityStatus") in _ACTIVE and (plan_id := key(plan, "servicePlanId"))
    }
    plans_read = isinstance(user.get("assignedPlans"), list)
    return {
        "asked": (text(record, "asked") or "").lower(),
        "user_id": key(user, "id"),
        "user_principal_name": text(user, "userPrincipalName"),
        "user_type": text(user, "userType"),
        "enabled": flag(user, "accountEnabled"),
        "found": flag(record, "found"),
        "service_plans": tuple(sorted(plans)),
        "service_plan_names": tuple(plans[plan_id] for plan_id in sorted(plans)),
        "directory_roles": held,
        "scoped_roles": scoped,
        "assigned_resources": _ids(record, "appRoleAssignments", "resourceId"),
        "licensed": bool(plans) if plans_read else None,
    }


def _roles(
    record: Raw, templates: Mapping[str | None, str | None]
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Roles held on the whole tenant (through groups too), and those held on a smaller scope alone; None: not read.

    Memberships show the roles that come through groups, and no custom roles; assignments show custom roles and scopes.
    """
    through_membership = _ids(record, "directoryRoles", "roleTemplateId")
    assigned: dict[bool, set[str]] = {True: set(), False: set()}
    for row in parts(record, "roleAssignments"):
        if role := key(row, "roleDefinitionId"):
            assigned[text(row, "directoryScopeId") == _WHOLE_TENANT].add(templates.get(role) or role)
    if through_membership is None:
        return None, None
    held = {*through_membership, *assigned[True]}
    is_read = isinstance(record.get("roleAssignments"), list)
    return tuple(sorted(held)), tuple(sorted(assigned[False] - held)) if is_read else None


def _ids(record: Raw, collection: str, name: str) -> tuple[str, ...] | None:
    if not isinstance(record.get(collection), list):
        return None
    return tuple(sorted({value for item in parts(record, collection) if (value := key(item, name))}))
