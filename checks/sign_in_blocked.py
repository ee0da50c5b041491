"""sign-in-blocked: apps that get no token whatever was granted, because of the state of a service principal.

The app's own service principal is disabled, was never made, or has lost its registration; the API it asks for has none or a
disabled one; users must be assigned and nobody is. Credentials are ``credential-expired``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.tenant.cells import flag, identifier, name, text
from auditor.tenant.permissions import DEFAULT_ACCESS
from auditor.tenant.tables import Tenant
from checks._blocked_resources import GRANT_SOURCES, blocked_resources
from checks._client_credentials import FEDERATED, summed_up, told_apart

HELP = "https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals"
DISABLED_HELP = "https://learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/error-code-aadsts7000112-application-is-disabled"
ASSIGNMENT_HELP = "https://learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal"

META = CheckMeta(
    slug="sign-in-blocked",
    title="Every app in use has an enabled service principal, an enabled API to ask for, and people who may sign in",
    cause="401: is the token valid?",
    severity="medium",
    sources=("applications", "servicePrincipals"),
    optional_sources=(FEDERATED, *GRANT_SOURCES),
    help_url=HELP,
)

Use = Literal["none", "asks", "ready"]
"""What a disabled app would do if enabled: nothing seen, it requests or holds permissions, or it holds some and a valid
credential, so that it would work at once."""


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each app and cause, and one for each resource an app asks for in vain."""
    apps = tenant.apps
    present = apps["service_principal_id"].notna()
    disabled = apps[present & ~apps["enabled"].fillna(True).astype("bool")]
    findings = [
        *_all_disabled(disabled, tenant, context),
        *(_without_principal(row, context) for row in _without(apps, tenant).itertuples(index=False)),
        *(_orphan(row) for row in _orphans(apps).itertuples(index=False)),
        *_unassigned(tenant, context),
        *blocked_resources(tenant, META.slug),
    ]
    return Examination(len(apps), findings)


def _all_disabled(disabled: pd.DataFrame, tenant: Tenant, context: Context) -> Iterator[Finding]:
    """A finding for each disabled app, by what it would do if it were enabled."""
    if not all(map(tenant.is_read, GRANT_SOURCES)):
        yield from (_disabled(row, "asks", context) for row in disabled.itertuples(index=False))
        return
    granted = _granted(tenant)
    asking = granted | set(tenant.requested["app_id"])
    summary = summed_up(told_apart(tenant, context.now)[0])
    ready = granted & set(summary.index[summary["valid"] > 0])
    for row in disabled.itertuples(index=False):
        use: Use = "ready" if row.app_id in ready else "asks" if row.app_id in asking else "none"
        yield _disabled(row, use, context)


def _granted(tenant: Tenant) -> set[str]:
    """Apps that hold any permission."""
    roles = tenant.assignments
    roles = roles[roles["permission_id"] != DEFAULT_ACCESS]
    return set(pd.concat((tenant.grants["app_id"], roles["app_id"])).dropna())


def _disabled(row: Any, use: Use, context: Context) -> Finding:
    """Which switch is off decides what undoes it, and what is known of the answer."""
    by = text(row.disabled_by) or "accountEnabled"
    severity: Severity = "low" if use == "none" else "medium"
    if by == "Microsoft":
        severity = "high"
    elif row.kind == "first-party":
        severity = "info"
    elif row.kind == "registration" and use == "ready":
        severity = "high"
    status = text(row.disabled_by_microsoft)
    seen = {
        "accountEnabled": f"The service principal of {name(row)} is disabled; an app in use needs it enabled",
        "service principal isDisabled": f"The service principal of {name(row)} has isDisabled true; an app in use needs it false",
        "application isDisabled": f"The app registration of {name(row)} has isDisabled true; an app in use needs it false",
        "Microsoft": f"{name(row)} is disabled by Microsoft ({status})",
    }[by]
    words = (
        "Ask Microsoft support why the app was disabled; do not enable it before that is clear."
        if by == "Microsoft"
        else "Enable the app if it is still in use; if it was disabled on purpose, delete it or accept this finding."
    )
    # Of accountEnabled alone a page says which code answers; that the others stop sign-in is what they are for.
    sure = by == "accountEnabled"
    return _finding(
        row,
        severity=severity,
        certainty="certain" if sure else "likely",
        summary=f"{seen}. No token is issued to it.",
        remediation=Remediation(
            words,
            _enable(row, by, context),
            remedy.app_link(context, str(row.app_id), text(row.service_principal_id)),
        ),
        http_status=400,
        error_code="AADSTS7000112" if sure else None,
        subject=("disabled",),
        help_url=DISABLED_HELP,
        evidence={
            "enabled": False,
            "disabled_by": by,
            "disabled_by_microsoft": status,
            "requests_or_holds_permissions": use != "none",
            "holds_permissions_and_a_valid_credential": use == "ready",
        },
    )


def _enable(row: Any, by: str, context: Context) -> tuple[str, ...]:
    """The commands that turn one switch back on; none for Microsoft's."""
    principal = identifier(row.service_principal_id, "service principal id")
    if by == "accountEnabled":
        return (
            f"Update-MgServicePrincipal -ServicePrincipalId {principal} -AccountEnabled:$true",
            f"az ad sp update --id {identifier(row.app_id, 'app id')} --set accountEnabled=true",
        )
    if by == "Microsoft":
        return ()
    path = f"servicePrincipals/{principal}"
    if by == "application isDisabled":
        path = f"applications/{identifier(row.object_id, 'object id of the app registration')}"
    return (
        f"Invoke-MgGraphRequest -Method PATCH -Uri 'v1.0/{path}' -Body @{{ isDisabled = $false }}",
        remedy.az_rest(context, "PATCH", path, {"isDisabled": False}),
    )


def _without(apps: pd.DataFrame, tenant: Tenant) -> pd.DataFrame:
    """Registrations without service principal that look as if somebody used them; one that is a manifest gets its own later."""
    rows = apps[apps["service_principal_id"].isna() & apps["object_id"].notna()]
    rows = rows[~rows["app_id"].isin(tenant.planned)]
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
    """Apps that users get tokens for, where assignment is required and the counts say nobody is assigned."""
    counts = tenant.assigned_to
    counts = counts[(counts["users"] == 0) & (counts["groups"] == 0)]
    apps = tenant.apps
    rows = apps[
        apps["assignment_required"].fillna(False).astype("bool")
        & ~apps["kind"].isin(["managed-identity", "first-party"])
        & apps["enabled"].fillna(True).astype("bool")
        & apps["flows"].map(lambda flows: "delegated" in flows).astype("bool")
    ]
    rows = rows.merge(counts[["service_principal_id", "service_principals"]], on="service_principal_id")
    row: Any
    for row in rows.itertuples(index=False):
        signs_in, callers = _signs_users_in(row), int(row.service_principals)
        if not signs_in and (callers or not row.exposes_api):
            continue  # nobody signs in to it, or its callers are services
        yield _nobody_assigned(row, context, sure=signs_in and not callers, callers=callers)


def _signs_users_in(row: Any) -> bool:
    """Whether users can sign in to the app itself. Of an app registered elsewhere its reply URLs have told."""
    places = len(row.web_redirects) + len(row.spa_redirects) + len(row.public_redirects)
    return places > 0 or flag(row.fallback_public_client) is True or text(row.object_id) is None


def _nobody_assigned(row: Any, context: Context, *, sure: bool, callers: int) -> Finding:
    principal = identifier(row.service_principal_id, "service principal id")
    severity: Severity = "medium" if sure else "low"
    certainty: Certainty = "possible" if not sure else "certain" if row.flows_certain else "likely"
    then = "every user is refused at sign-in"
    if callers:
        then = f"users are refused, and only the {callers} service principals assigned get tokens for it"
        then = then.replace("the 1 service principals assigned get", "the 1 service principal assigned gets")
    elif not sure:
        then = "users of its client apps are refused tokens for it"
    return _finding(
        row,
        severity=severity,
        certainty=certainty,
        summary=f"{name(row)} requires assignment and 0 users and 0 groups are assigned: {then}.",
        remediation=Remediation(
            "Assign the users or groups who should use the app, or turn off the requirement. The app role id is that of one of the "
            f"app's roles for users, or {DEFAULT_ACCESS} where it declares none.",
            (
                f"New-MgServicePrincipalAppRoleAssignedTo -ServicePrincipalId {principal} -PrincipalId <user or group id> "
                f"-ResourceId {principal} -AppRoleId <app role id>",
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
            "service_principals_assigned": callers,
            "flow_evidence": str(row.flow_evidence),
        },
    )


def _finding(row: Any, *, subject: tuple[str, ...], **fields: Any) -> Finding:
    """A finding about the app of this row; certain unless said otherwise."""
    settings: dict[str, Any] = {"certainty": "certain", "help_url": HELP, **fields}
    settings["evidence"] = {"kind": str(row.kind), **settings["evidence"]}
    return Finding(check=META.slug, app_id=str(row.app_id), display_name=name(row), subject=subject, **settings)
