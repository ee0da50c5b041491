"""APIs that an app requests or was granted on and that issue no tokens here: without service principal, or disabled.

Part of ``sign-in-blocked``. Which permission of a missing API is unknown is ``permission-unknown``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from auditor.audit.check import Finding, Remediation, Severity
from auditor.reference.resources import AAD_GRAPH, resource_name
from auditor.tenant.cells import identifier, name, text
from auditor.tenant.tables import Tenant

GRANT_SOURCES = ("oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo")
MISSING_HELP = "https://learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/error-code-aadsts500011-resource-principal-not-found"
DISABLED_HELP = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"


def blocked_resources(tenant: Tenant, slug: str) -> Iterator[Finding]:
    """One finding for each app and API without an enabled service principal.

    Left out: disabled apps (told already), the retired Azure AD Graph (``wrong-resource`` tells it), and grants upon deleted
    service principals, which no token request names any more.
    """
    asked = _asked(tenant)
    asked = asked[asked["resource_app_id"] != AAD_GRAPH]
    apps = tenant.apps
    there = apps.loc[
        apps["service_principal_id"].notna(), ["app_id", "service_principal_id", "display_name", "enabled"]
    ]
    there = there.rename(columns={one: f"resource_{one}" for one in there.columns})
    rows = asked.merge(there, on="resource_app_id", how="left")
    missing = rows["resource_service_principal_id"].isna()
    rows = rows[missing | ~rows["resource_enabled"].fillna(True).astype("bool")]
    work = apps["sign_in_audience"] != "PersonalMicrosoftAccount"
    clients = apps[work & (apps["kind"] != "first-party") & apps["enabled"].fillna(True).astype("bool")]
    for row in rows.merge(clients, on="app_id").itertuples(index=False):
        yield _finding(row, slug)


def _asked(tenant: Tenant) -> pd.DataFrame:
    """(app_id, resource_app_id) with whether it is requested and granted, each pair once."""
    pair = ["app_id", "resource_app_id"]
    requested = tenant.requested[pair].drop_duplicates().assign(requested=True)
    granted = pd.concat([tenant.grants[pair], tenant.assignments[pair]]).dropna().drop_duplicates().assign(granted=True)
    rows = requested.merge(granted, on=pair, how="outer").dropna(subset=pair)
    return rows.assign(
        requested=rows["requested"].fillna(False).astype("bool"), granted=rows["granted"].fillna(False).astype("bool")
    )


def _finding(row: Any, slug: str) -> Finding:
    missing = text(row.resource_service_principal_id) is None
    resource = text(row.resource_display_name) or resource_name(row.resource_app_id) or str(row.resource_app_id)
    severity: Severity = "high" if row.granted else "medium"
    how = "is granted permissions" if row.granted else "requests permissions"
    if missing:
        state, code, then = (
            "has no service principal in this tenant",
            "AADSTS500011",
            "sign-in with consent fails too (AADSTS650052)",
        )
        app = identifier(row.resource_app_id, "app id of the API")
        remediation = Remediation(
            "Buy or activate the service behind the API, or have its developer's app consented to here, so that it gets a service "
            "principal; if the app does not need the API, remove it from the app's requested permissions.",
            (f"New-MgServicePrincipal -AppId {app}", f"az ad sp create --id {app}"),
        )
    else:
        state, code, then = "is disabled in this tenant", "AADSTS500014", "no app gets a token for it"
        principal = identifier(row.resource_service_principal_id, "service principal id of the API")
        remediation = Remediation(
            "Enable the service principal of the API. Microsoft's own are disabled when the last subscription lapses: renew it first.",
            (f"Update-MgServicePrincipal -ServicePrincipalId {principal} -AccountEnabled:$true",),
        )
    return Finding(
        check=slug,
        severity=severity,
        certainty="certain",
        summary=f"{name(row)} {how} on {resource}, which {state}: every token request for it is refused; {then}.",
        remediation=remediation,
        app_id=str(row.app_id),
        display_name=name(row),
        resource_app_id=str(row.resource_app_id),
        http_status=400,
        error_code=code,
        evidence={
            "resource": resource,
            "resource_service_principal": "missing" if missing else "disabled",
            "requested": bool(row.requested),
            "granted": bool(row.granted),
        },
        help_url=MISSING_HELP if missing else DISABLED_HELP,
        subject=("resource",),
    )
