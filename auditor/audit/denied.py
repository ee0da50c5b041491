"""Each declared call that will be refused as exactly one finding of the check that decides it.

The runner adds them, whether that check could run or not, so that no denied prediction is lost. What a check finds by looking at the
tenant alone is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import RESOLVE_PAGE, CheckMeta, Context, Finding, PermissionType, Remediation
from auditor.predict.verdict import Prediction
from auditor.reference import catalog
from auditor.reference.resources import GRAPH
from auditor.tenant.tables import Tenant

FALLBACK = "permission-missing"
"""The check of a denied prediction that names none; the predictor always names one."""

_REQUESTS = ("permission-missing", "permission-type-mismatch", "wrong-resource")
_GRANTS = ("permission-missing", "permission-type-mismatch", "consent-missing", "consent-partial", "consent-blocked")
"""Checks whose repair is to grant the least permission; those of ``_REQUESTS`` to request it first."""

_ELSEWHERE = ("license-missing", "conditional-access", "user-privilege", "workload-policy")
"""Checks whose repair is not made on the app's permissions page."""

_USUAL: Mapping[str, str] = {
    "credential-expired": "Add a credential that is valid, and give it to the app.",
    "sign-in-blocked": "Make or enable the service principal of the app, or assign who may sign in.",
    "personal-account": "Sign in with a work or school account, or make the call with one that personal accounts can use.",
    "permission-missing": "Request the least permission that opens the call, and have it consented to.",
    "consent-missing": "Have an admin consent to the permission.",
    "consent-partial": "Have an admin consent to the permission for all users.",
    "consent-blocked": "Have an admin consent to the permission: users may not.",
    "permission-unknown": "Request a permission that the resource defines and that opens the call.",
    "permission-type-mismatch": "Request the permission of the type that the app's tokens carry.",
    "application-only-api": "Make the call without a user, with an application permission.",
    "delegated-only-api": "Make the call with a signed-in user, or use a call that has an application permission.",
    "directory-role-missing": "Assign the service principal a directory role that allows the call.",
    "user-privilege": "Give the user the least directory role that allows the call, or make it without a user.",
    "license-missing": "Get the licence that the API needs, or assign it to the user.",
    "wrong-resource": "Ask for a token of the resource that is called.",
    "conditional-access": "Let the app's sign-in satisfy the policy, or exclude it from the policy.",
    "workload-policy": "Let the second system name the app.",
}


def denied(predictions: Sequence[Prediction], tenant: Tenant, context: Context) -> list[Finding]:
    """One finding for each denied prediction, in their order; ``depends``, ``unknown`` and ``allowed`` make none.

    Args:
        predictions: all of them.
        tenant: the whole tenant, for names and for what is requested and granted already.
        context: for the cloud.
    """
    refused = [one for one in predictions if one.verdict == "denied"]
    if not refused:
        return []
    apps = tenant.apps[tenant.apps["app_id"].isin({one.app_id for one in refused})]
    by_id: dict[str, Any] = {str(row.app_id): row for row in apps.itertuples(index=False)}
    return [_finding(one, by_id.get(one.app_id), tenant, context) for one in refused]


def _finding(one: Prediction, app: Any, tenant: Tenant, context: Context) -> Finding:
    slug = one.check or FALLBACK
    name = app.display_name if app is not None and pd.notna(app.display_name) else None
    least = one.needs[0] if one.needs else None
    kind: PermissionType = "application" if one.flow == "app-only" else "delegated"
    planned = one.app_id in tenant.planned
    text = one.fix or _USUAL.get(slug, f"See auditor checks {slug}.")
    commands: tuple[str, ...] = ()
    if least and (slug in _GRANTS or (slug == "wrong-resource" and not one.granted_by)):
        if planned and slug in _REQUESTS:
            text = f"{text} {_in_the_manifest(least, kind, tenant)}".rstrip()
        elif not planned:
            commands = _commands(one, slug, kind, app, tenant, context)
    url = None if app is None or planned or slug in _ELSEWHERE else _page(app, context)
    if url and slug == "credential-expired":
        url = url.replace("CallAnAPI", "Credentials")
    return Finding(
        check=slug,
        severity="high",
        certainty=one.certainty,
        summary=f"{one.call.text} of {name or one.app_id} ({one.flow}) will be refused: {one.reason}",
        remediation=Remediation(text, commands, url),
        app_id=one.app_id,
        display_name=name,
        resource_app_id=GRAPH if least else None,
        permission=least,
        permission_type=kind if least else None,
        call=one.call.text,
        flow=one.flow,
        http_status=one.http_status,
        error_code=one.error_code,
        evidence={
            **one.evidence,
            "verdict": one.verdict,
            "granted_by": list(one.granted_by),
            "needs": list(one.needs),
            "also": list(one.also),
        },
        help_url=_help(slug),
    )


def _page(app: Any, context: Context) -> str | None:
    """Where its permissions are granted: the app registration; of apps registered elsewhere and managed identities the service principal."""
    if pd.notna(app.object_id):
        return remedy.app_link(context, str(app.app_id))
    if pd.notna(app.service_principal_id):
        return remedy.app_link(context, str(app.app_id), str(app.service_principal_id))
    return None


def _help(slug: str) -> str:
    from auditor.audit.registry import registry

    metas: dict[str, CheckMeta] = {check.META.slug: check.META for check in registry()}
    return metas[slug].help_url if slug in metas else RESOLVE_PAGE


def _commands(
    one: Prediction, slug: str, kind: PermissionType, app: Any, tenant: Tenant, context: Context
) -> tuple[str, ...]:
    """Lines that request and grant the least permission, as far as that is not done already."""
    if app is None:
        return ()
    registered, principal = (
        pd.notna(app.object_id),
        app.service_principal_id if pd.notna(app.service_principal_id) else "",
    )
    resource = _graph_principal(tenant)
    lines: list[str] = []
    grants: list[str] = []
    for name in one.needs[0].split(" + "):
        identifier = _permission_id(tenant, name, kind)
        if identifier is None:
            continue
        requested, granted = _standing(tenant, one.app_id, name, kind)
        if registered and not requested and slug in _REQUESTS:
            lines.append(remedy.request_permission(one.app_id, GRAPH, identifier, kind))
        if granted or not principal or resource is None:
            continue
        if kind == "application":
            grants += remedy.grant_application_permission(context, principal, resource, identifier)
        else:
            grants += remedy.grant_delegated_permission(context, one.app_id, resource, principal, name)
    return tuple(dict.fromkeys([*lines, *grants]))


def _in_the_manifest(least: str, kind: PermissionType, tenant: Tenant) -> str:
    """What the manifest of an app that is not deployed has to say; a command would change the deployed one, if any."""
    found = [_permission_id(tenant, name, kind) for name in least.split(" + ")]
    word = "Role" if kind == "application" else "Scope"
    entries = ", ".join(f'{{"id": "{identifier}", "type": "{word}"}}' for identifier in found if identifier)
    return f"In the manifest, requiredResourceAccess gets {entries} for the resourceAppId {GRAPH}." if entries else ""


def _graph_principal(tenant: Tenant) -> str | None:
    resources = tenant.resources
    match = resources.loc[resources["resource_app_id"] == GRAPH, "service_principal_id"]
    return None if match.empty else str(match.iloc[0])


def _permission_id(tenant: Tenant, name: str, kind: PermissionType) -> str | None:
    """Id of a Microsoft Graph permission: what the tenant's own service principal says, else the permission data."""
    defined = tenant.defined
    match = defined.loc[
        (defined["resource_app_id"] == GRAPH) & (defined["type"] == kind) & (defined["permission"] == name),
        "permission_id",
    ]
    if not match.empty:
        return str(match.iloc[0])
    known = catalog.load().permission(name)
    form = (known.application if kind == "application" else known.delegated) if known else None
    return form.id if form else None


def _standing(tenant: Tenant, app_id: str, name: str, kind: PermissionType) -> tuple[bool, bool]:
    """Whether the app requests the permission, and whether it was granted to everybody, as far as is known."""
    rows = tenant.permissions
    rows = rows[
        (rows["app_id"] == app_id)
        & (rows["resource_app_id"] == GRAPH)
        & (rows["type"] == kind)
        & (rows["permission"] == name)
    ]
    requested = bool(rows["requested"].fillna(False).astype("bool").any())
    return requested, bool((rows["consent"] == "admin").any())
