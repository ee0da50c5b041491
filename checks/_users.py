"""What users may consent to for themselves, with how sure that is: the tenant's setting against one delegated permission.

The evaluation of the policies is ``auditor.tenant.consent_policy``'s, and ``tenant.permissions`` has used it already for
rows without a grant; this tells why, and gives the same answer for rows that some user has consented to.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.audit.check import Certainty
from auditor.reference.user_consent import LEGACY, LOW, MAIL_CLIENTS, RECOMMENDED, recommended_covers
from auditor.tenant.consent_policy import Candidate, users_may_consent
from auditor.tenant.fields import key
from auditor.tenant.tables import Tenant
from checks._apps import Subject
from checks._rows import PermissionRow


@dataclass(frozen=True)
class SelfConsent:
    """May every user consent to a permission alone?"""

    may: bool | None
    """None: cannot be decided from what was read."""
    certainty: Certainty
    """Of a ``may`` that is not None."""
    reason: str
    """One clause."""


def self_consent(row: PermissionRow, app: Subject, tenant: Tenant) -> SelfConsent:
    """Whether users may consent to this delegated permission of this app, as far as the tenant shows.

    Args:
        row: a delegated permission.
        app: its client.
        tenant: its consent settings and ``grant_policies``, which a check declares as optional source.

    https://learn.microsoft.com/entra/identity/enterprise-apps/configure-user-consent
    """
    policies = tenant.consent.user_consent_policies
    if row.admin_only is True:
        return SelfConsent(False, "certain", "only an admin may consent to this permission")
    if policies is None:
        return SelfConsent(None, "possible", "the tenant's user consent setting was not read")
    if not policies:
        return SelfConsent(False, "certain", "user consent is turned off in this tenant")
    if app.assignment_required:
        return SelfConsent(False, "certain", "the app requires assignment, and such apps need an admin's consent")
    if LEGACY in policies:
        return SelfConsent(True, "certain", "users may consent to every permission that does not need an admin")
    covered = recommended_covers(row.resource_app_id or "", row.permission or "")
    if RECOMMENDED in policies and covered:
        return SelfConsent(True, "likely", "Microsoft's recommended user consent policy covers the permission")
    others = [policy for policy in policies if policy not in (LEGACY, LOW, MAIL_CLIENTS, RECOMMENDED)]
    if others and _custom_policies_cover(row, app, others, tenant):
        return SelfConsent(True, "certain", f"a custom consent policy covers the permission: {', '.join(others)}")
    if others:
        return SelfConsent(None, "possible", f"custom consent policies decide: {', '.join(others)}")
    if LOW in policies:
        reason = "users may consent only to permissions classified as low impact, and classifications are not read"
        return SelfConsent(None, "possible", reason)
    if RECOMMENDED in policies:
        return SelfConsent(
            False, "likely", "Microsoft's recommended user consent policy leaves this permission to admins"
        )
    return SelfConsent(False, "likely", "users may consent only for the mail clients that Microsoft lists")


def _custom_policies_cover(row: PermissionRow, app: Subject, assigned: list[str], tenant: Tenant) -> bool:
    """Whether one of the tenant's own policies lets users consent, by the same rules as the comparison."""
    candidate = Candidate(
        app_id=app.app_id,
        owner_tenant_id=app.owner_tenant_id or "",
        verified_publisher=app.verified_publisher,
        assignment_required=app.assignment_required is True,
        resource_app_id=row.resource_app_id or "",
        permission_id=row.permission_id or "",
        permission=row.permission or "",
    )
    return users_may_consent(candidate, assigned, {key(policy, "id") or "": policy for policy in tenant.grant_policies})
