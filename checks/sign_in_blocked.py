"""sign-in-blocked: apps that get no token whatever was granted, because of the state of a service principal.

The app's own service principal is disabled, was never made, or has lost its registration; the API it asks for has none or a
disabled one; users must be assigned and nobody is. Credentials are ``credential-expired``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.tenant.tables import Tenant
from checks._blocked_resources import GRANT_SOURCES, blocked_resources
from checks._cells import flag, identifier, name, text

HELP = "https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals"
DISABLED_HELP = "https://learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/error-code-aadsts7000112-application-is-disabled"
ASSIGNMENT_HELP = "https://learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal"

META = CheckMeta(
    slug="sign-in-blocked",
    title="Every app in use has an enabled service principal, an enabled API to ask for, and people who may sign in",
    cause="401: is the token valid?",
    severity="medium",
    sources=("applications", "servicePrincipals"),
    optional_sources=("applications/federatedIdentityCredentials", *GRANT_SOURCES),
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each app and cause, and one for each resource an app asks for in vain."""
    apps = tenant.apps
    present = apps["service_principal_id"].notna()
    disabled = apps[present & ~apps["enabled"].fillna(True).astype("bool")]
    used = _asking(tenant) if all(map(tenant.is_read, GRANT_SOURCES)) else set(disabled["app_id"])
    findings = [
        *(_disabled(row, row.app_id in used, context) for row in disabled.itertuples(index=False)),
        *(_without_principal(row, context) for row in _without(apps, tenant).itertuples(index=False)),
        *(_orphan(row) for row in _orphans(apps).itertuples(index=False)),
        *_unassigned(tenant, context),
        *blocked_resources(tenant, META.slug),
    ]
    return Examination(len(apps), findings)


def _asking(tenant: Tenant) -> set[str]:
    """Apps that request or hold any permission: those whose blocked sign-in somebody may miss. Needs the grants read."""
    columns = (tenant.requested["app_id"], tenant.grants["app_id"], tenant.assignments["app_id"])
    return set(pd.concat(columns).dropna())


def _disabled(row: Any, used: bool, context: Context) -> Finding:
    by_microsoft = text(row.disabled_by_microsoft)
    severity: Severity = "medium" if used else "low"
    if by_microsoft:
        severity = "high"
    elif row.kind == "first-party":
        severity = "info"
    principal = identifier(row.service_principal_id, "service principal id")
    enable = (
        f"Update-MgServicePrincipal -ServicePrincipalId {principal} -AccountEnabled:$true",
        f"az ad sp update --id {identifier(row.app_id, 'app id')} --set accountEnabled=true",
    )
    why = f"disabled by Microsoft ({by_microsoft})" if by_microsoft else "disabled; an app in use needs it enabled"
    text_ = (
        "Ask Microsoft support why the app was disabled; do not enable it before that is clear."
        if by_microsoft
        else "Enable the service principal if the app is still in use; if it was disabled on purpose, delete it or accept this finding."
    )
    return _finding(
        row,
        severity=severity,
        summary=f"The service principal of {name(row)} is {why}. No token is issued to it.",
        remediation=Remediation(
            text_,
            () if by_microsoft else enable,
            remedy.app_link(context, str(row.app_id), text(row.service_principal_id)),
        ),
        http_status=400,
        error_code="AADSTS7000112",
        subject=("disabled",),
        help_url=DISABLED_HELP,
        evidence={"enabled": False, "disabled_by_microsoft": by_microsoft, "requests_or_holds_permissions": used},
    )


def _without(apps: pd.DataFrame, tenant: Tenant) -> pd.DataFrame:
    """Registrations without service principal that look as if somebody used them."""
    rows = apps[apps["service_principal_id"].isna() & apps["object_id"].notna()]
    rows = rows[rows["sign_in_audience"] != "PersonalMicrosoftAccount"]
    asks = rows["app_id"].isin(tenant.requested["app_id"]) | (rows["flows"].map(len) > 0)
    return rows[asks]


def _without_principal(row: Any, context: Context) -> Finding:
    app_only = "app-only" in row.flows
    abroad = text(row.sign_in_audience) not in (None, "AzureADMyOrg")
    severity: Severity = "low" if abroad or not app_only else "high"
    then = (
        "an app-only token request is refused, and an older token is not accepted by Microsoft Graph"
        if app_only
        else "a user's sign-in has to create it by consent first"
    )
    app = identifier(row.app_id, "app id")
    return _finding(
        row,
        severity=severity,
        certainty="possible" if abroad or not app_only else "likely",
        summary=f"{name(row)} is registered in this tenant and has no service principal here: {then}.",
        remediation=Remediation(
            "Create the service principal, then grant what the app needs; a multi-tenant app that only serves other tenants needs none.",
            (f"New-MgServicePrincipal -AppId {app}", f"az ad sp create --id {app}"),
            remedy.admin_consent(context, str(row.app_id)),
        ),
        http_status=401 if app_only else 400,
        error_code="Authorization_IdentityNotFound" if app_only else "AADSTS65001",
        subject=("no-service-principal",),
        evidence={
            "sign_in_audience": text(row.sign_in_audience),
            "flows": list(row.flows),
            "codes_of_the_token_request": ["AADSTS7000229", "AADSTS700016"] if app_only else ["AADSTS65001"],
        },
    )


def _orphans(apps: pd.DataFrame) -> pd.DataFrame:
    """Service principals of apps registered here whose registration is gone."""
    own = (apps["kind"] == "registration") & apps["object_id"].isna() & apps["service_principal_id"].notna()
    return apps[own & (apps["service_principal_type"] == "Application") & apps["enabled"].fillna(True).astype("bool")]


def _orphan(row: Any) -> Finding:
    principal = identifier(row.service_principal_id, "service principal id")
    return _finding(
        row,
        severity="medium",
        certainty="likely",
        summary=f"The service principal of {name(row)} belongs to a registration of this tenant that no longer exists: no token "
        "is issued to it.",
        remediation=Remediation(
            "Restore the deleted registration within 30 days, or delete the service principal and the grants it still holds.",
            (
                "Get-MgDirectoryDeletedItemAsApplication -Filter "
                + remedy.quote(f"appId eq '{identifier(row.app_id, 'app id')}'"),
                f"Remove-MgServicePrincipal -ServicePrincipalId {principal}",
            ),
        ),
        http_status=400,
        error_code="AADSTS700016",
        subject=("no-registration",),
        evidence={"registration": None, "service_principal_id": text(row.service_principal_id)},
    )


def _unassigned(tenant: Tenant, context: Context) -> Iterator[Finding]:
    """Apps that users sign in to, where assignment is required and the counts say nobody is assigned."""
    counts = tenant.assigned_to
    empty = counts.loc[(counts["users"] == 0) & (counts["groups"] == 0), "service_principal_id"]
    apps = tenant.apps
    rows = apps[
        apps["assignment_required"].fillna(False).astype("bool")
        & apps["service_principal_id"].isin(empty)
        & ~apps["kind"].isin(["managed-identity", "first-party"])
        & apps["enabled"].fillna(True).astype("bool")
        & apps["flows"].map(lambda flows: "delegated" in flows).astype("bool")
    ]
    for row in rows.itertuples(index=False):
        principal = identifier(row.service_principal_id, "service principal id")
        yield _finding(
            row,
            severity="medium",
            certainty="certain" if row.flows_certain else "likely",
            summary=f"{name(row)} requires assignment and 0 users and 0 groups are assigned: every user is refused at sign-in.",
            remediation=Remediation(
                "Assign the users or groups who should use the app, or turn off the requirement.",
                (
                    f"New-MgServicePrincipalAppRoleAssignedTo -ServicePrincipalId {principal} -PrincipalId <user or group id> "
                    f"-ResourceId {principal} -AppRoleId 00000000-0000-0000-0000-000000000000",
                    f"Update-MgServicePrincipal -ServicePrincipalId {principal} -AppRoleAssignmentRequired:$false",
                ),
                remedy.app_link(context, str(row.app_id), text(row.service_principal_id)),
            ),
            http_status=400,
            error_code="AADSTS50105",
            subject=("assignment",),
            help_url=ASSIGNMENT_HELP,
            flow="delegated",
            evidence={
                "assignment_required": flag(row.assignment_required),
                "users_assigned": 0,
                "groups_assigned": 0,
                "flow_evidence": str(row.flow_evidence),
            },
        )


def _finding(row: Any, *, subject: tuple[str, ...], **fields: Any) -> Finding:
    """A finding about the app of this row; certain unless said otherwise."""
    settings: dict[str, Any] = {"certainty": "certain", "help_url": HELP, **fields}
    settings["evidence"] = {"kind": str(row.kind), **settings["evidence"]}
    return Finding(check=META.slug, app_id=str(row.app_id), display_name=name(row), subject=subject, **settings)
