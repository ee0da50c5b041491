"""permission-excess: permissions that an app holds and its registration does not ask for.

Rows of the comparison with the status ``unrequested``, so only apps registered in this tenant, whose requests can be
seen. A permission that a declared call of the app needs is no excess. What a grant makes possible is ``risky-grant``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import Certainty, CheckMeta, Context, DeclaredApp, Examination, Finding, Remediation, Severity
from auditor.reference import catalog
from auditor.reference.resources import GRAPH
from auditor.tenant.permissions import DEFAULT_ACCESS
from auditor.tenant.tables import Tenant
from checks import _commands
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._rows import PermissionRow, each, is_true, living

HELP = "https://learn.microsoft.com/entra/identity-platform/secure-least-privileged-access"

META = CheckMeta(
    slug="permission-excess",
    title="Apps hold no permission that nothing asks for",
    cause="403: the right set of permissions?",
    severity="low",
    sources=("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"),
    help_url=HELP,
)

_HIGHEST_PRIVILEGE = 4
_CALL = re.compile(r"(?:(?:beta|v1\.0):)?\s*([A-Za-z]+)\s+(\S+)")


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each permission granted and not requested."""
    rows = living(tenant.permissions)
    granted = rows[is_true(rows["granted"]) & rows["requested"].notna()]
    excess = granted[
        (granted["status"] == "unrequested")
        & (granted["permission_id"] != DEFAULT_ACCESS)
        & ~granted["permission"].isin(SIGN_IN_SCOPES)
    ]
    apps = subjects(tenant, context, excess["app_id"])
    needed = {app_id: _needed(context.apps[app_id]) for app_id in apps if app_id in context.apps}
    in_use = _in_use(context)
    records = _records(tenant, excess)
    findings = []
    for row in each(excess):
        declared = needed.get(row.app_id, frozenset()) | in_use.get(row.app_id, set())
        if row.resource_app_id == GRAPH and (row.type, row.permission) in declared:
            continue
        findings.append(_finding(row, apps[row.app_id], records, context))
    return Examination(len(granted), findings)


def _needed(app: DeclaredApp) -> frozenset[tuple[str, str | None]]:
    """(Type, permission) of everything that opens one of the declared calls, as far as the permission map knows."""
    needed: set[tuple[str, str | None]] = set()
    for call in app.calls:
        match = _CALL.match(call)
        ways = catalog.load().authorizing(match[1], match[2]) if match else None
        for kind, authorizations in (ways or {}).items():
            for way in authorizations:
                type_ = "application" if kind == "application" else "delegated"
                needed |= {(type_, name) for name in (way.permission, *way.also_requires)}
    return frozenset(needed)


def _in_use(context: Context) -> Mapping[str, set[tuple[str, str]]]:
    """By app id: (type, permission) of what opens its declared calls now, as the predictor says."""
    found: dict[str, set[tuple[str, str]]] = {}
    for one in context.predictions:
        type_ = "application" if one.flow == "app-only" else "delegated"
        names = {name for way in one.granted_by for name in way.split(" + ")}
        found.setdefault(one.app_id, set()).update((type_, name) for name in names)
    return found


class _Records:
    """The grants and assignments behind the findings, for the commands that remove them."""

    def __init__(
        self,
        assignments: Mapping[tuple[str, str, str], str],
        grants: Mapping[tuple[str, str], Mapping[str, list[str]]],
    ) -> None:
        self.assignments = assignments
        self.grants = grants

    def commands(self, row: PermissionRow, app: Subject) -> tuple[str, ...]:
        """PowerShell lines that take the permission away, one for each record that grants it."""
        if row.type == "application":
            one = self.assignments.get((row.app_id, row.resource_app_id or "", row.permission_id or ""))
            return (_commands.revoke_application_permission(app.service_principal_id, one),)
        lines = []
        for grant_id, scopes in self.grants.get((row.app_id, row.resource_app_id or ""), {}).items():
            left = tuple(scope for scope in scopes if scope.lower() != (row.permission or "").lower())
            if len(left) < len(scopes):
                lines.append(_commands.shrink_grant(str(grant_id), left))
        return tuple(lines[:_SHOWN])


_SHOWN = 5
"""Single-user grants can be many; the text says where the rest is."""


def _records(tenant: Tenant, excess: pd.DataFrame) -> _Records:
    mine = excess["app_id"].unique()
    assignments = tenant.assignments[tenant.assignments["app_id"].isin(mine)]
    columns = ["app_id", "resource_app_id", "permission_id", "assignment_id"]
    ids = {
        (app_id, resource, permission): one
        for app_id, resource, permission, one in assignments[columns].itertuples(index=False)
    }
    held = tenant.grants[tenant.grants["app_id"].isin(mine)].sort_values("grant_id", kind="stable")
    grants: dict[tuple[str, str], dict[str, list[str]]] = {}
    for app_id, resource, grant_id, scope in held[["app_id", "resource_app_id", "grant_id", "permission"]].itertuples(
        index=False
    ):
        grants.setdefault((app_id, resource), {}).setdefault(grant_id, []).append(scope)
    return _Records(ids, grants)


def _judge(row: PermissionRow) -> tuple[Severity, Certainty]:
    if row.type == "delegated":
        return "low", "possible"  # an app may ask for scopes at sign-in that its registration does not list
    known = catalog.load().permission(row.permission or "") if row.resource_app_id == GRAPH else None
    grade = known.application.privilege if known and known.application else None
    return ("medium" if grade == _HIGHEST_PRIVILEGE else "low"), "likely"


def _finding(row: PermissionRow, app: Subject, records: _Records, context: Context) -> Finding:
    severity, certainty = _judge(row)
    if row.type == "application":
        how = "an app role assignment"
    elif row.consent == "admin":
        how = "consent for all users"
    else:
        how = f"consent of {row.consented_users} user{'s' if row.consented_users != 1 else ''}"
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{app.name} holds the {row.type} permission {row.label} on {row.resource} by {how}, and its registration "
        "does not request it.",
        remediation=Remediation(
            f"If the app does not call what {row.label} opens, revoke it: Enterprise applications, the app, Permissions, or "
            "the command. If it does, add it to the registration so that the next person knows.",
            records.commands(row, app),
            remedy.app_link(context, app.app_id, app.service_principal_id),
        ),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="app-only" if row.type == "application" else "delegated",
        evidence={**row.evidence(), "consented_users": row.consented_users},
        help_url=HELP,
    )
