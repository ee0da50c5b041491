"""personal-account: an app lets personal Microsoft accounts in and asks for permissions they cannot use.

Registrations whose audience admits personal accounts, and their delegated Microsoft Graph permissions without a form for
personal accounts. Which account an actual token belongs to only the token says: ``token-invalid`` and ``explain``.
"""

from __future__ import annotations

import re

from auditor.audit import remedy
from auditor.audit.check import RESOLVE_PAGE, Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.reference import catalog
from auditor.reference.resources import GRAPH
from auditor.tenant.tables import Tenant
from checks import _commands
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._rows import PermissionRow, each, is_true, living

META = CheckMeta(
    slug="personal-account",
    title="Apps open to personal accounts ask only for permissions that personal accounts can use",
    cause="401: is the token valid?",
    severity="medium",
    sources=("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"),
    optional_sources=("applications/federatedIdentityCredentials",),
    help_url=RESOLVE_PAGE,
)

_PERSONAL_ONLY = "PersonalMicrosoftAccount"
_AUDIENCES = ("AzureADandPersonalMicrosoftAccount", _PERSONAL_ONLY)
_TENANT_WIDE = re.compile(
    r"(Directory|User|Group|GroupMember|Application|RoleManagement|Policy|AuditLog|Organization)\..*\.All"
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each requested delegated permission that a personal account cannot use."""
    apps = {
        app_id: app
        for app_id, app in subjects(tenant, context, _open_to_personal(tenant, context)).items()
        if app.signs_users_in or app_id in _declared_personal(context)
    }
    rows = living(tenant.permissions)
    rows = rows[
        rows["app_id"].isin(apps)
        & (rows["type"] == "delegated")
        & (rows["resource_app_id"] == GRAPH)
        & is_true(rows["requested"])
        & ~rows["permission"].isin(SIGN_IN_SCOPES)
    ]
    findings = [
        _finding(row, apps[row.app_id], context)
        for row in each(rows)
        if row.permission and _is_work_only(row.permission)
    ]
    return Examination(len(rows), findings)


def _declared_personal(context: Context) -> frozenset[str]:
    """Apps that the configuration says sign in personal accounts."""
    return frozenset(app_id for app_id, app in context.apps.items() if app.account == "personal")


def _open_to_personal(tenant: Tenant, context: Context) -> list[str]:
    apps = tenant.apps
    registered = apps["object_id"].notna()
    wanted = apps["sign_in_audience"].isin(_AUDIENCES) | apps["app_id"].isin(_declared_personal(context))
    return [str(app_id) for app_id in apps.loc[registered & wanted, "app_id"]]


def _is_work_only(permission: str) -> bool:
    """Whether Microsoft's permission map knows the permission and gives it no form for personal accounts."""
    known = catalog.load().permission(permission)
    return known is not None and known.delegated is not None and not known.personal


def _judge(row: PermissionRow, app: Subject, context: Context) -> tuple[Severity, Certainty, str]:
    if app.app_id in _declared_personal(context):
        return "high", "certain", "is declared to sign in personal accounts"
    if app.audience == _PERSONAL_ONLY:
        return "high", "likely", "signs in personal accounts only"
    wide = _TENANT_WIDE.fullmatch(row.permission or "") is not None
    return "medium", "likely" if wide else "possible", "lets personal accounts sign in"


def _finding(row: PermissionRow, app: Subject, context: Context) -> Finding:
    severity, certainty, seen = _judge(row, app, context)
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{app.name} {seen} (signInAudience {app.audience}) and requests the delegated permission {row.label} on "
        "Microsoft Graph, which works for work or school accounts only.",
        remediation=Remediation(
            "If only people of organizations use the app, set the supported account types to accounts in organizational "
            f"directories. Else ask for {row.label} only when a work or school account signs in, and call nothing that needs "
            "it for personal accounts.",
            (
                _commands.close_to_personal_accounts(app.app_id),
                _commands.stop_requesting(app.app_id, row.resource_app_id, row.permission_id),
            ),
            remedy.app_link(context, app.app_id),
        ),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="delegated",
        http_status=401,
        error_code=None,
        evidence={
            **row.evidence(),
            **app.evidence(),
            "sign_in_audience": app.audience,
            "other_http_statuses": [400, 403, 404, 405],
        },
        help_url=RESOLVE_PAGE,
    )
