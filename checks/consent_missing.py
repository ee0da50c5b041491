"""consent-missing: permissions that an app registration requests and that nobody has granted.

Application permissions, delegated permissions that only an admin may consent to, and, where the tenant's user consent
setting could not be read, the other delegated ones too; and, as a possibility, what users may consent to and are not
asked for because the app holds earlier consents (``_added_later``). What users would have to consent to and may not is
``consent-blocked``'s; what single users consented to is ``consent-partial``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.reference.forms import covered
from auditor.reference.resources import GRAPH
from auditor.tenant.tables import Tenant
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._consent import in_use, limit, with_one_sign_in_scope
from checks._rows import (
    NO_PERMISSIONS,
    PermissionRow,
    each,
    is_false,
    is_mail,
    is_true,
    living,
    not_consented,
    refusal_code,
)

HELP = "https://learn.microsoft.com/entra/identity-platform/permissions-consent-overview"

META = CheckMeta(
    slug="consent-missing",
    title="Every permission that needs an admin's consent has it",
    cause="403: the right set of permissions?",
    severity="high",
    sources=("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"),
    optional_sources=(
        "applications/federatedIdentityCredentials",
        "policies/authorizationPolicy",
        "policies/permissionGrantPolicies",
    ),
    help_url=HELP,
)


@dataclass(frozen=True)
class _Verdict:
    severity: Severity
    certainty: Certainty
    http_status: int | None
    error_code: str | None
    consequence: str
    """What follows, as the rest of the summary's sentence."""
    note: str | None = None
    """For the evidence: what the severity or the certainty hangs on."""


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each requested permission that is not consented and that users cannot or will not settle themselves."""
    requested = living(tenant.permissions)
    requested = requested[is_true(requested["requested"])]
    missing = requested[not_consented(requested)]
    if tenant.consent.user_consent_policies is not None:
        missing = missing[(missing["type"] == "application") | ~is_false(missing["admin_only"])]
    missing = with_one_sign_in_scope(missing)
    later = _added_later(tenant.permissions, requested)
    apps = subjects(tenant, context, [*missing["app_id"], *later["app_id"]])
    held = _held(tenant.permissions, missing)
    more_than_mail = _missing_more_than_mail(missing)
    used = in_use(tenant)
    findings = []
    for row in each(missing):
        app = apps[row.app_id]
        if row.type == "delegated" and app.is_for_personal_accounts_only:
            continue  # nobody of this tenant signs in to it
        others = held.get((row.app_id, row.resource_app_id or ""), frozenset())
        only_mail = (row.app_id, row.resource_app_id) not in more_than_mail
        verdict = _application(row, app, others, only_mail) if row.type == "application" else _delegated(row, app)
        findings.append(_finding(row, app, _limited(verdict, row, app, used), others, context))
    for row in each(later):
        app = apps[row.app_id]
        not_asked = app.signs_in_by_saml or app.is_for_personal_accounts_only
        if app.signs_users_in and app.enabled is not False and not not_asked:
            findings.append(_finding(row, app, _later(row), frozenset(), context))
    return Examination(len(requested), findings)


def _added_later(permissions: pd.DataFrame, requested: pd.DataFrame) -> pd.DataFrame:
    """Rows that users may consent to, of apps that hold other delegated permissions on the same resource.

    A request for ``.default`` carries the scopes already granted and prompts only where none is, so that what was added
    to the registration after the first consent never reaches the token. Sign-in scopes do not count on either side.
    https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-default-scope
    """
    rows = requested[
        (requested["status"] == "user-consentable")
        & ~requested["permission"].isin(SIGN_IN_SCOPES)
        & (requested["app_kind"] == "registration")
    ]
    granted = permissions[
        permissions["app_id"].isin(rows["app_id"])
        & (permissions["type"] == "delegated")
        & is_true(permissions["granted"])
        & ~permissions["permission"].isin(SIGN_IN_SCOPES)
    ]
    pair = ["app_id", "resource_app_id"]
    return rows[pd.MultiIndex.from_frame(rows[pair]).isin(pd.MultiIndex.from_frame(granted[pair]))]


def _later(row: PermissionRow) -> _Verdict:
    note = (
        "a token request for .default carries only the delegated permissions already granted and shows no consent page; an "
        "app that names the scope has its users asked"
    )
    consequence = "an app that asks for .default gets tokens without it, because earlier consents are all they carry"
    return _Verdict("low", "possible", 403, refusal_code(row.resource_app_id, row.permission), consequence, note)


def _limited(verdict: _Verdict, row: PermissionRow, app: Subject, used: frozenset[str]) -> _Verdict:
    """The verdict, lowered where sign-in asks no consent or consent may be given in another tenant."""
    most = limit(app, row.type, used)
    if most is None:
        return verdict
    note = f"{verdict.note}; {most.note}" if verdict.note else most.note
    severity, certainty = most.severity_of(verdict.severity), most.certainty_of(verdict.certainty)
    return replace(verdict, severity=severity, certainty=certainty, note=note)


def _missing_more_than_mail(missing: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """(App id, resource) where an application permission of another service than Exchange is missing too."""
    rows = missing.loc[missing["type"] == "application", ["app_id", "resource_app_id", "permission"]]
    return frozenset(
        (app_id, resource)
        for app_id, resource, name in rows.itertuples(index=False)
        if not is_mail(resource, name if isinstance(name, str) else None)
    )


def _held(permissions: pd.DataFrame, missing: pd.DataFrame) -> Mapping[tuple[str, str], frozenset[str]]:
    """Application permissions granted, by app and resource, for the apps at hand."""
    granted = permissions[
        permissions["app_id"].isin(missing["app_id"])
        & (permissions["type"] == "application")
        & is_true(permissions["granted"])
        & permissions["permission"].notna()
    ]
    found: dict[tuple[str, str], set[str]] = {}
    for app_id, resource, name in granted[["app_id", "resource_app_id", "permission"]].itertuples(index=False):
        found.setdefault((app_id, resource), set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}


def _application(row: PermissionRow, app: Subject, held: frozenset[str], only_mail: bool) -> _Verdict:
    code = refusal_code(row.resource_app_id, row.permission)
    refused = "calls that need it are refused"
    if app.service_principal_id is None:
        return _Verdict(
            "low",
            "certain",
            401,
            "Authorization_IdentityNotFound",
            "the app has no service principal in this tenant either, so no call can succeed",
            "consent creates the service principal; see sign-in-blocked",
        )
    if app.enabled is False:
        return _Verdict("low", "likely", 403, code, f"{refused} once the app is enabled again", "the app is disabled")
    if not app.runs_app_only:
        if app.flow_source == "unseen":
            return _Verdict("medium", "possible", 403, code, refused, "whether the app runs app-only cannot be seen")
        consequence = "the app has no way to run app-only that would use it"
        return _Verdict("low", "possible", 403, code, consequence, "no credential and no managed identity")
    if row.resource_app_id == GRAPH and held:
        coverage = covered(row.permission or "", held, "application")
        if coverage == "all":
            note = "another granted permission opens every call that Microsoft's permission map lists for this one"
            return _Verdict("low", "possible", 403, code, "other granted permissions open the same calls", note)
        if coverage == "some":
            note = "permissions that are granted open some of the calls"
            return _Verdict("medium", "likely", 403, code, refused, note)
        if coverage == "unknown":
            note = "Microsoft's permission map does not say what this permission opens"
            return _Verdict("high", "likely", 403, code, refused, note)
    if is_mail(row.resource_app_id, row.permission):
        note = "Exchange's RBAC for Applications can give the same access and is not visible here"
        if not held and only_mail:
            return _Verdict(
                "high", "likely", 401, NO_PERMISSIONS, f"{refused}, for the token holds no permission at all", note
            )
        return _Verdict("high", "likely", 403, code, refused, note)
    return _Verdict("high", "certain", 403, code, refused)


def _delegated(row: PermissionRow, app: Subject) -> _Verdict:
    code = "AADSTS65001"
    refused = "sign-ins that ask for it are refused until an admin consents"
    if app.service_principal_id is None:
        note = "consent creates the service principal; see sign-in-blocked"
        return _Verdict("low", "certain", 400, code, "the app has no service principal in this tenant either", note)
    if app.enabled is False:
        return _Verdict("low", "likely", 400, code, f"{refused} and the app is enabled again", "the app is disabled")
    if not app.signs_users_in:
        if app.flow_source == "unseen":
            return _Verdict("medium", "possible", 400, code, refused, "whether the app signs users in cannot be seen")
        note = (
            "consent would not help: an app-only token never holds delegated permissions; see permission-type-mismatch"
        )
        return _Verdict("low", "possible", 400, code, "the app signs no user in who could use it", note)
    if row.admin_only is not True:
        note = "the tenant's user consent setting was not read, so users may be able to consent themselves"
        return _Verdict("medium", "possible", 400, code, "users are asked for consent and may be refused", note)
    certainty: Certainty = "likely" if app.flow_source == "unseen" else "certain"
    return _Verdict("medium", certainty, 400, code, refused)


def _finding(row: PermissionRow, app: Subject, verdict: _Verdict, held: frozenset[str], context: Context) -> Finding:
    evidence = {**row.evidence(), **app.evidence(), "admin_only": row.admin_only}
    if row.type == "application":
        evidence["other_application_permissions_granted"] = sorted(held)
        if not held and verdict.http_status == 403 and is_mail(row.resource_app_id, row.permission):
            evidence["other_error_codes"] = [NO_PERMISSIONS]  # 401, as long as the token holds no role at all
    elif verdict.http_status == 400:
        evidence["other_error_codes"] = ["AADSTS90094", "AADSTS90095"]
    if app.serves_other_tenants:
        evidence["sign_in_audience"] = app.audience
    if verdict.note:
        evidence["note"] = verdict.note
    return Finding(
        check=META.slug,
        severity=verdict.severity,
        certainty=verdict.certainty,
        summary=f"{app.name} requests the {row.type} permission {row.label} on {row.resource} and nobody has granted it: "
        f"{verdict.consequence}.",
        remediation=_remediation(row, app, context),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="app-only" if row.type == "application" else "delegated",
        http_status=verdict.http_status,
        error_code=verdict.error_code,
        evidence=evidence,
        help_url=HELP,
    )


def _remediation(row: PermissionRow, app: Subject, context: Context) -> Remediation:
    top = (
        row.type == "application" and row.resource_app_id == GRAPH
    )  # the one consent a Cloud Application Administrator may not give
    role = "a Privileged Role Administrator" if top else "a Cloud Application Administrator"
    text = (
        f"Have {role} grant {row.label} on {row.resource}: open the consent page, which grants everything the registration "
        "requests, or run one of the commands. If the app does not need the permission, remove it from the registration."
    )
    commands: tuple[str, ...] = (remedy.az_admin_consent(app.app_id),)
    if app.service_principal_id and row.resource_id and row.type == "application":
        commands = remedy.grant_application_permission(
            context, app.service_principal_id, row.resource_id, row.permission_id or ""
        )
    elif app.service_principal_id and row.resource_id and row.permission:
        commands = remedy.grant_delegated_permission(
            context, app.app_id, row.resource_id, app.service_principal_id, row.permission
        )
    return Remediation(text, commands, remedy.admin_consent(context, app.app_id))
