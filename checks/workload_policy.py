"""workload-policy: permissions that are granted and that a second system still decides about.

Site grants, Exchange and Teams policies, ownership: the directory does not show them, so a grant alone promises nothing.
What stands behind which permission is ``auditor.reference.gates``'s. One finding an app and gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.reference.gates import Gate, gates
from auditor.tenant.cells import identifier, listed, name
from auditor.tenant.tables import Tenant
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
    by_gate: dict[str, dict[str, list[Any]]] = {}
    past: set[tuple[Any, ...]] = set()
    # Few different permissions, many holders: each permission is matched once.
    key: Any
    row: Any
    for key, group in rows.groupby(["resource_app_id", "permission", "type"], sort=True):
        resource, permission, kind = key
        for gate in gates():
            if resource not in gate.resources or kind not in gate.types:
                continue
            if gate.permissions.fullmatch(permission):
                holders = by_gate.setdefault(gate.id, {})
                for row in group.itertuples(index=False):
                    holders.setdefault(row.app_id, []).append(row)
            if gate.unless.fullmatch(permission):
                past |= {(gate.id, app_id, resource, kind) for app_id in group["app_id"]}
    findings: list[Finding] = []
    for gate in gates():
        for _, held in sorted(by_gate.get(gate.id, {}).items()):
            stopped = [row for row in held if (gate.id, row.app_id, row.resource_app_id, row.type) not in past]
            if stopped:
                findings.append(_finding(gate, stopped, context))
    return Examination(len({app_id for holders in by_gate.values() for app_id in holders}), findings)


def _finding(gate: Gate, held: Sequence[Any], context: Context) -> Finding:
    app = held[0]
    permissions = sorted({row.permission for row in held})
    types = sorted({row.type for row in held})
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
