"""consent-blocked: users would have to consent to a delegated permission, and the tenant does not let them.

Rows of the comparison that are not consented and do not need an admin by themselves, where the tenant's user consent
setting was read. Permissions only an admin may consent to, and every such row while the setting is not known, are
``consent-missing``'s: a row is in exactly one of the two.
"""

from __future__ import annotations

from auditor.audit import remedy
from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.predict.consent import SelfConsent, may_consent
from auditor.reference.resources import GRAPH
from auditor.reference.user_consent import LOW
from auditor.tenant.tables import Tenant
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._consent import Limit, in_use, limit, with_one_sign_in_scope
from checks._rows import PermissionRow, each, is_false, is_true, living, not_consented

HELP = "https://learn.microsoft.com/entra/identity/enterprise-apps/configure-user-consent"

META = CheckMeta(
    slug="consent-blocked",
    title="Users may consent to what an app asks of them, or an admin has done so",
    cause="403: the right set of permissions?",
    severity="medium",
    sources=(
        "applications",
        "servicePrincipals",
        "oauth2PermissionGrants",
        "servicePrincipals/appRoleAssignedTo",
        "policies/authorizationPolicy",
    ),
    optional_sources=(
        "applications/federatedIdentityCredentials",
        "policies/permissionGrantPolicies",
        "policies/adminConsentRequestPolicy",
    ),
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each requested permission that users would have to consent to and may not."""
    rows = living(tenant.permissions)
    requested = rows[(rows["type"] == "delegated") & is_true(rows["requested"]) & is_false(rows["admin_only"])]
    if tenant.consent.user_consent_policies is None:
        return Examination(0)
    open_rows = rows[is_true(rows["requested"]) & not_consented(rows)]
    blocked = open_rows[(open_rows["type"] == "delegated") & is_false(open_rows["admin_only"])]
    blocked = with_one_sign_in_scope(blocked, set(open_rows.loc[~open_rows.index.isin(blocked.index), "app_id"]))
    apps = subjects(tenant, context, blocked["app_id"])
    used = in_use(tenant)
    findings = []
    for row in each(blocked):
        app = apps[row.app_id]
        if app.is_for_personal_accounts_only:
            continue  # nobody of this tenant signs in to it
        alone = may_consent(row, app, tenant)
        findings.append(_finding(row, app, alone, limit(app, "delegated", used), used, tenant, context))
    return Examination(len(requested), findings)


def _judge(
    row: PermissionRow, app: Subject, alone: SelfConsent, used: frozenset[str], low: bool
) -> tuple[Severity, Certainty]:
    if row.permission in SIGN_IN_SCOPES and app.app_id in used:
        return "low", "possible"  # the app signs people in already
    if low and (row.permission in SIGN_IN_SCOPES or (row.resource_app_id == GRAPH and row.permission == "User.Read")):
        return "low", "possible"  # the permissions that the portal proposes to classify as low impact
    if app.service_principal_id is None or app.enabled is False:
        return "low", "likely"  # nobody gets as far as consent: sign-in-blocked comes first
    if not app.signs_users_in:
        return ("medium", "possible") if app.flow_source == "unseen" else ("low", "possible")
    if alone.may is False:
        return "medium", alone.certainty
    return "medium", "possible"


def _finding(
    row: PermissionRow,
    app: Subject,
    alone: SelfConsent,
    most: Limit | None,
    used: frozenset[str],
    tenant: Tenant,
    context: Context,
) -> Finding:
    low = alone.may is None and LOW in (tenant.consent.user_consent_policies or ())
    severity, certainty = _judge(row, app, alone, used, low)
    if most is not None:
        severity, certainty = most.severity_of(severity), most.certainty_of(certainty)
    requests_on = tenant.consent.admin_consent_requests
    code = "AADSTS90095" if requests_on else "AADSTS90094"
    commands: tuple[str, ...] = (remedy.az_admin_consent(app.app_id),)
    if app.service_principal_id and row.resource_id and row.permission:
        commands = remedy.grant_delegated_permission(
            context, app.app_id, row.resource_id, app.service_principal_id, row.permission
        )
    evidence = {
        **row.evidence(),
        **app.evidence(),
        "user_consent_policies": list(tenant.consent.user_consent_policies or ()),
        "admin_consent_requests": requests_on,
        "assignment_required": app.assignment_required,
        "reason": alone.reason,
    }
    if most is not None:
        evidence |= {"sign_in_audience": app.audience, "note": most.note}
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{app.name} requests the delegated permission {row.label} on {row.resource}, nobody has consented to it, "
        f"and users may not: {alone.reason}."
        if alone.may is False
        else f"{app.name} requests the delegated permission {row.label} on {row.resource}, nobody has consented to it, "
        f"and users may not be able to: {alone.reason}.",
        remediation=Remediation(
            f"Have a Cloud Application Administrator grant {row.label} on {row.resource} for the tenant: open the consent "
            "page, which grants everything the registration requests, or run one of the commands. Loosening the user consent "
            "setting would let users decide for every app instead.",
            commands,
            remedy.admin_consent(context, app.app_id),
        ),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="delegated",
        http_status=400,
        error_code=code,
        evidence=evidence,
        help_url=HELP,
    )
