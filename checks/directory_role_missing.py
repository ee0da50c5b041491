"""directory-role-missing: app-only apps whose permission is granted and whose API also looks at their directory roles.

Which permissions those are is ``auditor.reference.roles``'s. Roles that a service principal holds through a group are not
to be seen here. Roles of signed-in users are ``user-privilege``'s.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import CheckMeta, Context, Examination, Finding, Remediation
from auditor.reference.roles import AppRequirement, app_requirements
from auditor.tenant.cells import identifier, listed, name
from auditor.tenant.tables import Tenant
from checks._held import APPLICATION_SOURCES, application_permissions, usable

HELP = "https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference"

META = CheckMeta(
    slug="directory-role-missing",
    title="Every app-only app holds the directory role that its APIs ask for beside the permission",
    cause="403: resetting a password",
    severity="low",
    sources=(
        *APPLICATION_SOURCES,
        "roleManagement/directory/roleAssignments",
        "roleManagement/directory/roleDefinitions",
    ),
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each app and requirement it does not meet."""
    held = usable(application_permissions(tenant))
    held = held[held["permission"].notna()]
    roles = tenant.directory_roles
    findings: list[Finding] = []
    examined = 0
    for need in app_requirements():
        rows = held[(held["resource_app_id"] == need.resource) & held["permission"].map(_matcher(need)).astype("bool")]
        examined += rows["app_id"].nunique()
        enough = roles.loc[roles["role_template_id"].isin(need.roles.values()), "principal_id"]
        lacking = rows[~rows["service_principal_id"].isin(enough)]
        for _, group in lacking.groupby("app_id", sort=True):
            findings.append(_finding(need, group, roles, context))
    return Examination(examined, findings)


def _matcher(need: AppRequirement) -> Any:
    return lambda permission: need.permissions.fullmatch(permission) is not None


def _finding(need: AppRequirement, rows: pd.DataFrame, roles: pd.DataFrame, context: Context) -> Finding:
    app: Any = next(rows.itertuples(index=False))
    permissions = sorted(set(rows["permission"]))
    others = sorted(set(roles.loc[roles["principal_id"] == app.service_principal_id, "role"].dropna()))
    seen = f"its roles are {listed(others)}" if others else "it holds no directory role"
    verb = "also needs" if need.certainty == "likely" else "may also need"
    principal = identifier(app.service_principal_id, "service principal id")
    template = need.roles[need.grant]
    body = {"principalId": principal, "roleDefinitionId": template, "directoryScopeId": "/"}
    otherwise = f" {need.alternative}" if need.alternative else ""
    return Finding(
        check=META.slug,
        severity=need.severity,
        certainty=need.certainty,
        summary=f"{name(app)} holds {listed(permissions)}, and for {need.what} it {verb} a directory role such as {need.grant}; "
        f"{seen}.",
        remediation=Remediation(
            f"If the app does this, assign the service principal the role {need.grant}, or another that is enough: {', '.join(need.roles)}. "
            "Such a role reaches far: prefer the least one, scoped to an administrative unit where that is enough."
            f"{otherwise}",
            (
                f"New-MgRoleManagementDirectoryRoleAssignment -PrincipalId {principal} -RoleDefinitionId {template} "
                "-DirectoryScopeId '/'",
                remedy.az_rest(context, "POST", "roleManagement/directory/roleAssignments", body),
            ),
        ),
        app_id=str(app.app_id),
        display_name=name(app),
        resource_app_id=need.resource,
        permission=permissions[0] if len(permissions) == 1 else None,
        permission_type="application",
        flow="app-only",
        http_status=need.http_status,
        error_code=need.error_code,
        evidence={
            "permissions": permissions,
            "directory_roles_held": others,
            "any_role_of": list(need.roles),
            "why": need.why,
            "not_seen": need.alternative,
        },
        help_url=need.url,
        subject=(need.id,),
    )
