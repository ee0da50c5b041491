"""application-only-api: an app that only signs users in asks for a Microsoft Graph permission that users' tokens never carry.

The permission has no delegated form. Permissions that have both forms are told by ``permission-type-mismatch``.
"""

from __future__ import annotations

from dataclasses import replace

from auditor.audit import remedy
from auditor.audit.check import CheckMeta, Context, Examination, Finding, Remediation
from auditor.reference.forms import counterpart
from auditor.tenant.tables import Tenant
from checks import _types
from checks._rows import refusal_code

HELP = "https://learn.microsoft.com/graph/permissions-reference"

META = CheckMeta(
    slug="application-only-api",
    title="Apps that sign users in ask for permissions that exist as delegated permissions",
    cause="403: a token that matches the permissions?",
    severity="high",
    sources=_types.SOURCES,
    optional_sources=_types.OPTIONAL_SOURCES,
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each application-only permission of an app that cannot run app-only."""
    examined, found = _types.wrong_types(tenant, context)
    return Examination(examined, [_finding(one, tenant, context) for one in found if one.slug == META.slug])


def _finding(found: _types.WrongType, tenant: Tenant, context: Context) -> Finding:
    row, app = found.row, found.app
    other = counterpart(row.permission or "", "application")
    calls = [f"{method} {path}" for method, path in other.only_here]
    if other.permissions:
        consequence = f"users' tokens reach those calls with {' or '.join(other.permissions)} instead"
    else:
        consequence = "its calls work only without a user"
    # Where another delegated permission opens the calls, the app may well hold it: only the request is wrong.
    held = bool(found.right.intersection(other.permissions))
    verdict = replace(found, right=found.right if held else frozenset())
    return Finding(
        check=META.slug,
        severity=verdict.severity,
        certainty=verdict.certainty,
        summary=f"{app.name} asks for {row.label} on {row.resource}, which exists as application permission only, but it "
        f"can only sign users in ({app.flow_evidence}): {consequence}.",
        remediation=_remediation(found, other.permissions, tenant, context),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="delegated",
        http_status=403,
        error_code=refusal_code(row.resource_app_id, row.permission),
        evidence={
            **_types.evidence(found),
            "use_instead": list(other.permissions),
            "calls_without_delegated_permission": calls[:10],
        },
        help_url=HELP,
    )


def _remediation(found: _types.WrongType, instead: tuple[str, ...], tenant: Tenant, context: Context) -> Remediation:
    row, app = found.row, found.app
    link = remedy.app_link(context, app.app_id)
    background = (
        "have a background service with an identity of its own (a certificate or a managed identity) make the calls"
    )
    if not instead:
        text = f"{background[0].upper()}{background[1:]} app-only, and remove {row.label} from this app."
        return Remediation(text, _types.repair(found, None, context, ""), link)
    offered = _types.id_of(tenant, row.resource_app_id, "delegated", instead[0])
    text = (
        f"If the calls are meant to run as the signed-in user, request {instead[0]} as delegated permission and remove "
        f"{row.label}; else {background}."
    )
    return Remediation(text, _types.repair(found, offered, context, instead[0]), link)
