"""risky-grant: granted permissions that lead to Global Administrator, or reach all content of the tenant.

Nothing fails because of them: a person should know who holds them. Which they are is ``auditor.reference.risk``'s, beside
Microsoft's own grading in the catalog. Microsoft's own apps are left out, but for what the tenant granted for all users to
Microsoft's public clients, such as Graph PowerShell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.reference import catalog
from auditor.reference.resources import GRAPH, resource_name
from auditor.reference.risk import Risk, public_clients, risk_of
from auditor.tenant.cells import day, flag, name, text
from auditor.tenant.tables import Tenant
from checks._client_credentials import FEDERATED, summed_up, told_apart
from checks._commands import revoke_application_permission, shrink_grant
from checks._held import APPLICATION_SOURCES, application_permissions, delegated_permissions

HELP = "https://learn.microsoft.com/entra/identity/enterprise-apps/manage-application-permissions"
OWNERS = ("applications/owners", "servicePrincipals/owners")
MOST_PRIVILEGED = 4
"""The highest privilege level of Microsoft's permission data."""

META = CheckMeta(
    slug="risky-grant",
    title="Permissions that lead to Global Administrator or reach all content are held only by apps that were chosen for it",
    cause="beyond the page",
    severity="high",
    sources=(*APPLICATION_SOURCES, "oauth2PermissionGrants"),
    optional_sources=(FEDERATED, *OWNERS),
    help_url=HELP,
)

_SEVERITIES: dict[str, Severity] = {"direct": "critical", "indirect": "high", "data": "medium", "graded": "medium"}
_ORDER: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each such permission of each app: application permissions, and tier-0 scopes granted for all users."""
    application, delegated = application_permissions(tenant), delegated_permissions(tenant, public_clients())
    client, _ = told_apart(tenant, context.now)
    credentials = summed_up(client)
    owners_read = all(tenant.is_read(source) for source in OWNERS)
    findings = [
        *_applications(application, credentials, owners_read),
        *_delegated(delegated, credentials, owners_read, tenant.grants),
    ]
    return Examination(len(application) + int(delegated["tenant_wide"].sum()), findings)


def _marked(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose permission is worth a look, judged once for each permission."""
    pairs = rows.loc[rows["permission"].notna(), ["resource_app_id", "permission"]].drop_duplicates()
    worth = [
        risk_of(resource, value) is not None or _graded(resource, value)
        for resource, value in pairs.itertuples(index=False)
    ]
    return rows.merge(pairs[pd.Series(worth, index=pairs.index, dtype="bool")], on=["resource_app_id", "permission"])


def _graded(resource_app_id: str, permission: str) -> bool:
    """Whether Microsoft gives the application permission its highest privilege level."""
    return (_privilege(resource_app_id, permission, "application") or 0) >= MOST_PRIVILEGED


def _privilege(resource_app_id: str, permission: str, kind: str) -> int | None:
    known = catalog.load().permission(permission) if resource_app_id == GRAPH else None
    scheme = known and (known.application if kind == "application" else known.delegated)
    return scheme.privilege if scheme else None


def _applications(rows: pd.DataFrame, credentials: pd.DataFrame, owners_read: bool) -> Iterator[Finding]:
    for row in _marked(rows).itertuples(index=False):
        risk = risk_of(str(row.resource_app_id), str(row.permission))
        severity = _SEVERITIES[risk.path if risk else "graded"]
        foreign = row.kind == "external" and not row.verified_publisher
        if foreign:
            severity = _raised(severity, -1)
        if flag(row.enabled) is False:
            severity = _raised(severity, 1)
        yield _finding(
            row,
            kind="application",
            severity=severity,
            certainty="certain",
            what=risk.what if risk else "holds what Microsoft grades as its most privileged kind of permission",
            evidence={
                "path": risk.path if risk else None,
                "assigned_on": day(row.assigned_at),
                "assignment_id": text(row.assignment_id),
                **_holder(row, credentials, owners_read),
            },
            command=revoke_application_permission(text(row.service_principal_id), text(row.assignment_id)),
            permission_id=text(row.permission_id),
        )


def _delegated(
    rows: pd.DataFrame, credentials: pd.DataFrame, owners_read: bool, grants: pd.DataFrame
) -> Iterator[Finding]:
    """Tier-0 scopes for all users: worth as much as the most powerful person who signs in, little if nobody does."""
    marked = _marked(rows[rows["tenant_wide"]])
    grants = grants[grants["grant_id"].isin(marked["grant_id"])]
    row: Any
    for row in marked.itertuples(index=False):
        risk: Risk | None = risk_of(str(row.resource_app_id), str(row.permission))
        if risk is None or risk.path == "data":
            continue
        idle = flag(row.enabled) is False or (row.flows_certain and "delegated" not in row.flows)
        rest = grants.loc[(grants["grant_id"] == row.grant_id), "permission"]
        rest = rest[rest.str.lower() != str(row.permission).lower()]
        yield _finding(
            row,
            kind="delegated",
            severity="low" if idle else "medium",
            certainty="possible",
            what=f"{risk.what} when a user with that right signs in",
            evidence={"path": risk.path, "grant_id": text(row.grant_id), **_holder(row, credentials, owners_read)},
            command=shrink_grant(str(row.grant_id), tuple(rest)),
            permission_id=None,
        )


def _raised(severity: Severity, steps: int) -> Severity:
    """The severity moved by so many steps, negative is worse."""
    return _ORDER[min(max(_ORDER.index(severity) + steps, 0), len(_ORDER) - 1)]


def _holder(row: Any, credentials: pd.DataFrame, owners_read: bool) -> dict[str, Any]:
    """Who stands behind the app: owners can act as it, and so can whoever has a credential."""
    app_id = str(row.app_id)
    seen = app_id in credentials.index
    return {
        "kind": str(row.kind),
        "publisher": text(row.publisher),
        "verified_publisher": bool(row.verified_publisher),
        "owner_tenant_id": text(row.owner_tenant_id),
        "owners": list(row.owners) if owners_read else None,
        "valid_credentials": int(credentials.at[app_id, "valid"]) if seen else 0,  # type: ignore[arg-type]
        "expired_credentials": int(credentials.at[app_id, "past"]) if seen else 0,  # type: ignore[arg-type]
        "enabled": flag(row.enabled),
        "created_on": day(row.created_at),
    }


def _finding(
    row: Any,
    *,
    kind: str,
    severity: Severity,
    certainty: Certainty,
    what: str,
    evidence: dict[str, Any],
    command: str,
    permission_id: str | None,
) -> Finding:
    resource = resource_name(str(row.resource_app_id)) or str(row.resource_app_id)
    from_outside = row.kind == "external" and not row.verified_publisher
    whose = ", an app of another tenant without a verified publisher," if from_outside else ""
    if row.kind == "first-party":
        whose = ", a client of Microsoft that people sign in to with what this tenant granted it,"
    for_all = "" if kind == "application" else " for all users"
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{name(row)}{whose} holds the {kind} permission {row.permission} on {resource}{for_all}: it {what}.",
        remediation=Remediation(
            "Confirm who answers for the app and that it needs this permission; replace it with a lesser one or remove it. Keep "
            "its owners few and its credentials a certificate, a federated credential or a managed identity.",
            (command,),
        ),
        app_id=str(row.app_id),
        display_name=name(row),
        resource_app_id=str(row.resource_app_id),
        permission_id=permission_id,
        permission=str(row.permission),
        permission_type="application" if kind == "application" else "delegated",
        flow="app-only" if kind == "application" else "delegated",
        evidence={"privilege_level": _privilege(str(row.resource_app_id), str(row.permission), kind), **evidence},
        help_url=HELP,
    )
