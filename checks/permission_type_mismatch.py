"""permission-type-mismatch: the app has permissions of the one type and gets tokens of the other.

The flows an app can use are held against the types of its permissions, resource by resource. Permissions whose APIs exist
for one type only are told by ``application-only-api`` and ``delegated-only-api`` instead.
"""

from __future__ import annotations

from auditor.audit import remedy
from auditor.audit.check import RESOLVE_PAGE, CheckMeta, Context, Examination, Finding, Remediation
from auditor.reference.forms import counterpart
from auditor.reference.resources import GRAPH
from auditor.tenant.tables import Tenant
from checks import _types
from checks._rows import refusal_code

META = CheckMeta(
    slug="permission-type-mismatch",
    title="Each app has permissions of the type that its tokens carry",
    cause="403: a token that matches the permissions?",
    severity="high",
    sources=_types.SOURCES,
    optional_sources=_types.OPTIONAL_SOURCES,
    help_url=RESOLVE_PAGE,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each permission that the app's only flow cannot use."""
    examined, found = _types.wrong_types(tenant, context)
    return Examination(examined, [_finding(one, tenant, context) for one in found if one.slug == META.slug])


def _instead(found: _types.WrongType) -> tuple[str, ...]:
    """Permissions of the usable type that do the same, the best first."""
    row = found.row
    if found.same_name_id is not None:
        return (row.permission or "",)
    if row.resource_app_id == GRAPH and row.permission:
        return counterpart(row.permission, row.type).permissions
    return ()


def _finding(found: _types.WrongType, tenant: Tenant, context: Context) -> Finding:
    row, app = found.row, found.app
    instead = _instead(found)
    token = "app-only tokens" if app.runs_app_only else "tokens of signed-in users"
    state = "requests" if row.requested and not row.granted else "holds"
    evidence = {**_types.evidence(found), "use_instead": list(instead)}
    if row.resource_app_id == GRAPH and row.permission:
        calls = [f"{method} {path}" for method, path in counterpart(row.permission, row.type).only_here]
        evidence[f"calls_without_{found.wanted_type}_permission"] = calls[:10]
    return Finding(
        check=META.slug,
        severity=found.severity,
        certainty=found.certainty,
        summary=f"{app.name} {state} {row.label} on {row.resource} as {row.type} permission, but it gets {token} "
        f"({app.flow_evidence}), which carry {found.wanted_type} permissions only"
        + (f"; it should be {' or '.join(instead)} ({found.wanted_type})." if instead else "."),
        remediation=_remediation(found, instead, tenant, context),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="app-only" if app.runs_app_only else "delegated",
        http_status=403,
        error_code=refusal_code(row.resource_app_id, row.permission),
        evidence=evidence,
        help_url=META.help_url,
    )


def _remediation(found: _types.WrongType, instead: tuple[str, ...], tenant: Tenant, context: Context) -> Remediation:
    row, app = found.row, found.app
    link = remedy.app_link(context, app.app_id, None if app.kind == "registration" else app.service_principal_id)
    if found.wanted_type == "application":
        other_way = "or sign a user in (give the registration a redirect URI) if the calls are meant to run as the user"
        if app.kind == "managed-identity":
            other_way = "a managed identity has no other way"
        elif found.somebody_signed_in:
            other_way = (
                "or, if the app signs a user in by username and password or on behalf of another app, declare "
                'flow = "delegated" for it in the configuration'
            )
    else:
        other_way = "or give the registration a certificate and get app-only tokens if no user is meant to be there"
    if not instead:
        text = (
            f"{row.resource} offers no {found.wanted_type} permission of that name: find the one that the app's calls need "
            f"on Microsoft's page of each call, {other_way}."
        )
        return Remediation(text, _types.repair(found, None, context, ""), link)
    name = instead[0]
    offered = found.same_name_id or _types.id_of(tenant, row.resource_app_id, found.wanted_type, name)
    text = (
        f"Request {name} on {row.resource} as {found.wanted_type} permission, have an admin consent to it and remove the "
        f"{row.type} one; {other_way}."
    )
    return Remediation(text, _types.repair(found, offered, context, name), link)
