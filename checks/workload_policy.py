"""workload-policy: permissions that are granted and that a second system still decides about.

Site grants, Exchange and Teams policies, ownership: the directory does not show them, so a grant alone promises nothing.
What stands behind which permission is ``auditor.reference.gates``'s. One finding an app and gate.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.reference.gates import Gate, gates
from auditor.tenant.tables import Tenant
from checks._cells import identifier, listed, name
from checks._held import APPLICATION_SOURCES, application_permissions, delegated_permissions, usable

HELP = "https://learn.microsoft.com/graph/permissions-overview"

META = CheckMeta(
    slug="workload-policy",
    title="Permissions that a second system decides about are let through by that system",
    cause="beyond the page",
    severity="info",
    sources=(*APPLICATION_SOURCES, "oauth2PermissionGrants"),
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each app and gate; none where a broader permission goes past the gate."""
    wanted = ["app_id", "resource_app_id", "permission", "service_principal_id", "display_name", "kind", "enabled"]
    application = application_permissions(tenant)[wanted].assign(type="application")
    rows = pd.concat([application, delegated_permissions(tenant)[wanted].assign(type="delegated")])
    rows = usable(rows[rows["permission"].notna()])
    findings: list[Finding] = []
    examined: set[str] = set()
    for gate in gates():
        mine = rows[rows["resource_app_id"].isin(gate.resources) & rows["type"].isin(gate.types)]
        behind = mine[
            mine["permission"].map(lambda one, gate=gate: gate.permissions.fullmatch(one) is not None).astype("bool")
        ]
        past = mine[
            mine["permission"].map(lambda one, gate=gate: gate.unless.fullmatch(one) is not None).astype("bool")
        ]
        free = behind.merge(past[["app_id", "resource_app_id", "type"]].drop_duplicates(), how="left", indicator=True)
        examined |= set(behind["app_id"])
        for _, group in free[free["_merge"] == "left_only"].groupby("app_id", sort=True):
            findings.append(_finding(gate, group, context))
    return Examination(len(examined), findings)


def _finding(gate: Gate, rows: pd.DataFrame, context: Context) -> Finding:
    app: Any = next(rows.itertuples(index=False))
    permissions = sorted(set(rows["permission"]))
    types = sorted(set(rows["type"]))
    severity: Severity = gate.severity
    certainty: Certainty = gate.certainty
    fields = {
        "app": identifier(app.app_id, "app id"),
        "principal": identifier(app.service_principal_id, "service principal id"),
        "graph": context.cloud.graph_host,
    }
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{name(app)} holds {listed(permissions)}; what it reaches is also decided by {gate.name}: {gate.why}.",
        remediation=Remediation(gate.fix, tuple(command.format(**fields) for command in gate.commands)),
        app_id=str(app.app_id),
        display_name=name(app),
        permission_type="application" if types == ["application"] else "delegated" if types == ["delegated"] else None,
        flow="app-only" if types == ["application"] else "delegated" if types == ["delegated"] else None,
        http_status=gate.http_status,
        error_code=gate.error_code,
        evidence={"permissions": permissions, "types": types, "gate": gate.name, "why": gate.why},
        help_url=gate.url,
        subject=(gate.id,),
    )
