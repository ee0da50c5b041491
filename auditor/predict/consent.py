"""Whether the users of an app may consent for themselves: the tenant's setting against one delegated permission.

The evaluation of the policies is ``auditor.tenant.consent_policy``'s, and ``tenant.permissions`` has used it already for
rows without a grant; this tells why, and gives the same answer for rows that some user has consented to.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from auditor.predict.verdict import Certainty
from auditor.reference.user_consent import LEGACY, LOW, MAIL_CLIENTS, RECOMMENDED, recommended_covers
from auditor.tenant.cells import flag, text
from auditor.tenant.consent_policy import Candidate, users_may_consent
from auditor.tenant.fields import key
from auditor.tenant.tables import Tenant


class Wanted(Protocol):
    """A delegated permission: a row of ``tenant.permissions``, or anything with these of its columns."""

    @property
    def resource_app_id(self) -> Any:
        """Of the API."""

    @property
    def permission_id(self) -> Any:
        """Missing where only the value is known."""

    @property
    def permission(self) -> Any:
        """Its value."""

    @property
    def admin_only(self) -> Any:
        """Whether only an admin may consent to it."""


class Client(Protocol):
    """An app: a row of ``tenant.apps``, or anything with these of its columns."""

    @property
    def app_id(self) -> Any:
        """Client id."""

    @property
    def owner_tenant_id(self) -> Any:
        """Where it is registered."""

    @property
    def verified_publisher(self) -> Any:
        """Whether its publisher is verified."""

    @property
    def assignment_required(self) -> Any:
        """Whether users must be assigned to it."""


class SelfConsent(NamedTuple):
    """May every user consent to a permission alone?"""

    may: bool | None
    """None: cannot be decided from what was read."""
    certainty: Certainty
    """Of a ``may`` that is not None."""
    reason: str
    """One clause."""


def may_consent(row: Wanted, app: Client, tenant: Tenant) -> SelfConsent:
    """Whether users may consent to this delegated permission of this app, as far as the tenant shows.

    Args:
        row: a delegated permission.
        app: its client.
        tenant: its consent settings and ``grant_policies`` (source ``policies/permissionGrantPolicies``, which a check has
            to declare).

    https://learn.microsoft.com/entra/identity/enterprise-apps/configure-user-consent
    """
    policies = tenant.consent.user_consent_policies
    if flag(row.admin_only):
        return SelfConsent(False, "certain", "only an admin may consent to this permission")
    if policies is None:
        return SelfConsent(None, "possible", "the tenant's user consent setting was not read")
    if not policies:
        return SelfConsent(False, "certain", "user consent is turned off in this tenant")
    if flag(app.assignment_required):
        return SelfConsent(False, "certain", "the app requires assignment, and such apps need an admin's consent")
    if LEGACY in policies:
        return SelfConsent(True, "certain", "users may consent to every permission that does not need an admin")
    covered = recommended_covers(text(row.resource_app_id) or "", text(row.permission) or "")
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


def _custom_policies_cover(row: Wanted, app: Client, assigned: list[str], tenant: Tenant) -> bool:
    """Whether one of the tenant's own policies lets users consent, by the same rules as the comparison."""
    candidate = Candidate(
        app_id=str(app.app_id),
        owner_tenant_id=text(app.owner_tenant_id) or "",
        verified_publisher=flag(app.verified_publisher) is True,
        assignment_required=flag(app.assignment_required) is True,
        resource_app_id=text(row.resource_app_id) or "",
        permission_id=text(row.permission_id) or "",
        permission=text(row.permission) or "",
    )
    return users_may_consent(candidate, assigned, {key(policy, "id") or "": policy for policy in tenant.grant_policies})
