"""user-privilege: delegated permissions, granted for all users, that reach beyond a user's own objects only with a role.

Who signs in is not in the tenant, so this is information for the reviewer: ordinary users of the app meet 403 there. Apps that
require assignment are left out, since an admin chose their users. Declared users and their calls are the predictor's.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import CheckMeta, Context, Examination, Finding, Remediation
from auditor.reference.resources import GRAPH
from auditor.reference.roles import user_requirement
from auditor.tenant.cells import flag, listed, name, text
from auditor.tenant.tables import Tenant
from checks._held import DELEGATED_SOURCES, delegated_permissions, usable

HELP = "https://learn.microsoft.com/graph/auth-v2-user"

META = CheckMeta(
    slug="user-privilege",
    title="Permissions that need a directory role of the user are used by people who hold one",
    cause="403: does the user have access and are they licensed?",
    severity="info",
    sources=DELEGATED_SOURCES,
    optional_sources=("users",),  # declared users: their roles decide declared calls
    help_url=HELP,
)

_WRITES = re.compile(r"Write|AccessAsUser|EnableDisable|DeleteRestore")
"""In the names of delegated permissions that change something."""


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each app that holds such permissions for all users."""
    rows = usable(delegated_permissions(tenant))
    rows = rows[rows["tenant_wide"] & (rows["resource_app_id"] == GRAPH)]
    rows = rows[rows["flows"].map(lambda flows: "delegated" in flows).astype("bool") | ~rows["flows_certain"]]
    examined = rows["app_id"].nunique()
    rows = rows[~rows["assignment_required"].fillna(False).astype("bool")]
    rows = rows[rows["permission"].map(lambda permission: user_requirement(permission) is not None).astype("bool")]
    return Examination(examined, [_finding(group, context) for _, group in rows.groupby("app_id", sort=True)])


def _finding(rows: pd.DataFrame, context: Context) -> Finding:
    app: Any = next(rows.itertuples(index=False))
    needs = {permission: user_requirement(permission) for permission in sorted(set(rows["permission"]))}
    roles = {permission: list(need.roles) for permission, need in needs.items() if need is not None}
    first = next(need for need in needs.values() if need is not None)
    # Ordinary users read most of the directory and write their own profile without any role.
    writes = any(_WRITES.search(permission) for permission in roles)
    calls = "writes to objects that are not the user's own" if writes else "calls that reach beyond the user's own data"
    return Finding(
        check=META.slug,
        severity="info",
        certainty="possible",
        summary=f"{name(app)} may use {listed(list(roles))} for every user, and {calls} succeed only for users who hold a "
        f"directory role such as {first.roles[0]}.",
        remediation=Remediation(
            "Give the people who use these functions the least role that helps, or require assignment so that only they can sign "
            "in. Directory roles are not for ordinary users: consider another way to do the work.",
            url=remedy.app_link(context, str(app.app_id), text(app.service_principal_id)),
        ),
        app_id=str(app.app_id),
        display_name=name(app),
        resource_app_id=GRAPH,
        permission_type="delegated",
        flow="delegated",
        http_status=403,
        error_code="Authorization_RequestDenied",
        evidence={
            "roles_that_help": roles,
            "assignment_required": flag(app.assignment_required),
            "pages": sorted({need.url for need in needs.values() if need is not None}),
        },
        help_url=HELP,
    )
