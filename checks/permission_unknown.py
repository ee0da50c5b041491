"""permission-unknown: permissions that are requested or granted and that the resource does not offer (any more).

Two statuses of the comparison: the resource defines no such permission under that type, or it has disabled it; and grants
upon a deleted service principal. A requested resource without service principal is ``sign-in-blocked``'s, anything on the
retired Azure AD Graph ``wrong-resource``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.reference.resources import resource_name
from auditor.tenant.permissions import DEFAULT_ACCESS
from auditor.tenant.tables import Tenant
from checks import _commands
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._rows import PermissionRow, each, is_true, living, refusal_code

HELP = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"

META = CheckMeta(
    slug="permission-unknown",
    title="Every requested permission is defined and enabled on its resource",
    cause="403: the right set of permissions?",
    severity="medium",
    sources=("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"),
    help_url=HELP,
)

_STATUSES = ("unknown-permission", "disabled-permission")


@dataclass(frozen=True)
class _Verdict:
    severity: Severity
    certainty: Certainty
    http_status: int | None
    error_code: str | None
    consequence: str


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each permission that the resource does not offer."""
    rows = living(tenant.permissions)
    rows = rows[(rows["permission_id"] != DEFAULT_ACCESS) & ~rows["permission"].isin(SIGN_IN_SCOPES)]
    dangling = (rows["status"] == "resource-missing") & rows["resource_app_id"].isna()
    unknown = rows[rows["status"].isin(_STATUSES) | dangling]
    # What Microsoft's own apps hold is Microsoft's to mend.
    unknown = unknown[
        is_true(unknown["requested"]) | (is_true(unknown["granted"]) & (unknown["app_kind"] != "first-party"))
    ]
    apps = subjects(tenant, context, unknown["app_id"])
    elsewhere = _under_other_type(tenant.defined, unknown)
    findings = []
    for row in each(unknown):
        other = elsewhere.get((row.resource_app_id or "", row.permission_id or "", row.type))
        findings.append(_finding(row, apps[row.app_id], other, context))
    if tenant.planned and not tenant.id:  # no tenant: the shipped permission data may be older than the permission
        findings = [replace(finding, certainty="likely") for finding in findings]
    return Examination(len(rows), findings)


def _under_other_type(defined: pd.DataFrame, unknown: pd.DataFrame) -> Mapping[tuple[str, str, str], str]:
    """(resource, id, type asked for) to the name that the id has under the other type: a mixed-up Scope and Role."""
    same = defined[defined["permission_id"].isin(unknown["permission_id"].dropna())]
    swapped = {"delegated": "application", "application": "delegated"}
    columns = ["resource_app_id", "permission_id", "type", "permission"]
    return {
        (resource, permission_id, swapped[kind]): str(name)
        for resource, permission_id, kind, name in same[columns].itertuples(index=False)
    }


def _judge(row: PermissionRow, app: Subject, other: str | None) -> _Verdict:
    if not row.requested:
        return _Verdict("low", "certain", None, None, "the grant adds nothing to a token")
    if app.enabled is False:
        return _Verdict("low", "likely", None, None, "nothing works before the app is enabled again")
    disabled = row.status == "disabled-permission"
    certainty: Certainty = "likely" if disabled else "certain"
    if row.type == "delegated":
        then = "it never reaches a token" if disabled else "consent fails, and it never reaches a token"
        return _Verdict("medium", certainty, 400, "AADSTS650053", then)
    # An app-only token is asked for with .default, names no permission, and is issued without the one that is not there.
    code = refusal_code(row.resource_app_id, row.permission or other)
    then = "app-only tokens are issued without it, and calls that need it are refused"
    return _Verdict("medium", certainty, 403, code, then if disabled else f"admin consent fails, {then}")


_SEEN = {
    "unknown-permission": "which the resource does not define as {type} permission",
    "disabled-permission": "which the resource has disabled",
    "resource-missing": "and the resource has no service principal in this tenant",
}


def _finding(row: PermissionRow, app: Subject, other: str | None, context: Context) -> Finding:
    verdict = _judge(row, app, other)
    article = {"application": "an application", "delegated": "a delegated"}[row.type]
    seen = _SEEN[row.status or ""].format(type=article)
    verb = "requests" if row.requested else "was granted"
    evidence = {**row.evidence(), "permission_id": row.permission_id, "resource_app_id": row.resource_app_id}
    if other:
        evidence["defined_under_the_other_type_as"] = other
    if row.resource_app_id and resource_name(row.resource_app_id):
        evidence["resource_is"] = resource_name(row.resource_app_id)
    return Finding(
        check=META.slug,
        severity=verdict.severity,
        certainty=verdict.certainty,
        summary=f"{app.name} {verb} the {row.type} permission {row.label} on {row.resource}, {seen}: {verdict.consequence}.",
        remediation=_remediation(row, app, other, context),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow=None if not row.requested else "delegated" if row.type == "delegated" else "app-only",
        http_status=verdict.http_status,
        error_code=verdict.error_code,
        evidence=evidence,
        help_url=HELP,
    )


def _remediation(row: PermissionRow, app: Subject, other: str | None, context: Context) -> Remediation:
    link = remedy.app_link(context, app.app_id, None if row.requested else app.service_principal_id)
    if not row.requested:
        return Remediation(f"Remove the grant of {row.label} on {row.resource}; it gives nothing.", (), link)
    stop = _commands.stop_requesting(app.app_id, row.resource_app_id, row.permission_id)
    if other:
        swapped = "delegated" if row.type == "application" else "application"
        text = f"The id is the {swapped} permission {other}: request it under that type, and remove this one."
        request = _commands.request(app.app_id, row.resource_app_id, row.permission_id, swapped)
        return Remediation(text, (stop, request), link)
    text = "Remove the permission from the registration, and request the one that the app's calls need by its name."
    return Remediation(text, (stop,), link)
