"""consent-partial: delegated permissions that hold for the users who consented and for nobody else.

Rows of the comparison with the status ``partly-consented``: single-user grants and no tenant-wide one. What nobody has
consented to is ``consent-missing``'s and ``consent-blocked``'s.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.predict.consent import SelfConsent, may_consent
from auditor.tenant.tables import Tenant
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._rows import PermissionRow, each, is_true, living

HELP = "https://learn.microsoft.com/graph/api/resources/oauth2permissiongrant"

META = CheckMeta(
    slug="consent-partial",
    title="Delegated permissions are granted to all users of an app, not to some of them",
    cause="403: the right set of permissions?",
    severity="medium",
    sources=("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"),
    optional_sources=(
        "applications/federatedIdentityCredentials",
        "policies/authorizationPolicy",
        "policies/permissionGrantPolicies",
        "policies/adminConsentRequestPolicy",
    ),
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each delegated permission that only single users consented to.

    Left out: Microsoft's own apps, which Microsoft pre-authorizes; sign-in scopes, on which no call hangs; and apps for
    personal accounts only.
    """
    rows = living(tenant.permissions)
    granted = rows[(rows["type"] == "delegated") & is_true(rows["granted"]) & (rows["app_kind"] != "first-party")]
    granted = granted[~granted["permission"].isin(SIGN_IN_SCOPES)]
    partial = granted[granted["status"] == "partly-consented"]
    apps = subjects(tenant, context, partial["app_id"])
    assigned = _assigned(tenant.assigned_to)
    findings = []
    for row in each(partial):
        app = apps[row.app_id]
        if app.is_for_personal_accounts_only:
            continue
        alone = may_consent(row, app, tenant)
        if alone.may and app.kind != "registration":
            continue  # user by user is how an app from elsewhere comes in where users may consent: no failure to predict
        users = assigned.get(app.service_principal_id or "")
        findings.append(_finding(row, app, alone, users, tenant, context))
    return Examination(len(granted), findings)


def _assigned(assigned_to: pd.DataFrame) -> Mapping[str, tuple[int, int]]:
    """Users and groups assigned, by the service principal's object id."""
    columns = ["service_principal_id", "users", "groups"]
    return {one: (users, groups) for one, users, groups in assigned_to[columns].itertuples(index=False)}


def _judge(
    row: PermissionRow, app: Subject, alone: SelfConsent, assigned: tuple[int, int] | None, *, unread: bool
) -> tuple[Severity, Certainty, str]:
    """Severity, certainty, and what other users meet."""
    if app.enabled is False:
        return "low", "possible", "nobody can sign in while the app is disabled"
    if app.assignment_required and assigned is not None and assigned[1] == 0 and assigned[0] <= row.consented_users:
        return "low", "possible", "that may be everyone who is assigned to the app"
    if not app.signs_users_in and app.flow_source != "unseen":
        return "low", "possible", "the app signs no user in who could use it"
    if unread and alone.may is None and app.kind == "registration" and not app.signs_in_by_saml:
        return "medium", "possible", "other users are refused unless they may consent themselves, which was not read"
    if alone.may is not False:
        return "low", "possible", "other users are asked to consent when they sign in, and fail without a prompt"
    if app.signs_in_by_saml:
        return "low", "possible", "users come by SAML single sign-on, which asks for no OAuth consent"
    certainty: Certainty = "certain" if alone.certainty == "certain" else "likely"
    if app.kind != "registration" and not _more_are_assigned(row, assigned):
        return "low", "likely", "every other user is refused, if others are meant to use this app of another tenant"
    return "medium", certainty, "every other user is refused"


def _more_are_assigned(row: PermissionRow, assigned: tuple[int, int] | None) -> bool:
    """Whether more people are assigned to the app than consented; a group counts as more."""
    return assigned is not None and (assigned[1] > 0 or assigned[0] > row.consented_users)


def _finding(
    row: PermissionRow,
    app: Subject,
    alone: SelfConsent,
    assigned: tuple[int, int] | None,
    tenant: Tenant,
    context: Context,
) -> Finding:
    severity, certainty, consequence = _judge(
        row, app, alone, assigned, unread=tenant.consent.user_consent_policies is None
    )
    who = "one user" if row.consented_users == 1 else f"{row.consented_users} users"
    evidence = {
        **row.evidence(),
        **app.evidence(),
        "consented_users": row.consented_users,
        "admin_only": row.admin_only,
        "users_may_consent_themselves": alone.may,
        "reason": alone.reason,
    }
    if assigned is not None:
        evidence["assigned_users"], evidence["assigned_groups"] = assigned
    commands: tuple[str, ...] = ()
    if app.service_principal_id and row.resource_id and row.permission:
        commands = remedy.grant_delegated_permission(
            context, app.app_id, row.resource_id, app.service_principal_id, row.permission
        )
    blocked = alone.may is False and row.admin_only is not True
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{app.name} holds the delegated permission {row.label} on {row.resource} for {who} only, not for the "
        f"whole tenant: {consequence}.",
        remediation=Remediation(
            f"If all users are meant to use the app, have an admin grant {row.label} on {row.resource} for the tenant. If "
            "only these users are meant to, require assignment on the app and assign them.",
            commands,
            remedy.admin_consent(context, app.app_id),
        ),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="delegated",
        http_status=400,
        error_code="AADSTS90095" if blocked and tenant.consent.admin_consent_requests else "AADSTS65001",
        evidence=evidence,
        help_url=HELP,
    )
