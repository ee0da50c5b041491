"""May every user consent to this delegated permission alone? The tenant's permission grant policies, evaluated.

A policy matches when at least one include set and no exclude set matches; several policies are alternatives. What
cannot be decided from the tenant (permission classifications are not read) is never taken for a yes.
https://learn.microsoft.com/entra/identity/enterprise-apps/manage-app-consent-policies
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditor.reference.user_consent import LEGACY, LOW, MAIL_CLIENTS, RECOMMENDED, recommended_covers
from auditor.tenant.fields import Raw, flag, parts, text, texts


@dataclass(frozen=True)
class Candidate:
    """A delegated permission that an app would like users to consent to; not one of type Admin."""

    app_id: str
    owner_tenant_id: str
    verified_publisher: bool
    assignment_required: bool
    resource_app_id: str
    permission_id: str
    permission: str


def _all_or(values: tuple[str, ...], wanted: str) -> bool:
    """Whether a list condition admits a value; an absent list admits everything, as does "all"."""
    return not values or any(value.lower() in ("all", wanted.lower()) for value in values)


def _set_matches(condition: Raw, candidate: Candidate) -> bool | None:
    """Whether a condition set matches; None where a condition hangs on what was not read."""
    if text(condition, "permissionType") == "application":
        return False
    classification = text(condition, "permissionClassification") or "all"
    if flag(condition, "clientApplicationsFromVerifiedPublisherOnly") and not candidate.verified_publisher:
        return False
    lists = (
        ("resourceApplication", candidate.resource_app_id),
        ("permissions", candidate.permission_id),
        ("clientApplicationIds", candidate.app_id),
        ("clientApplicationTenantIds", candidate.owner_tenant_id),
    )
    for name, wanted in lists:
        single = text(condition, name)
        values = (single,) if single is not None and single != "any" else texts(condition, name)
        if not _all_or(values, wanted):
            return False
    if texts(condition, "clientApplicationPublisherIds") not in ((), ("all",)):
        return None
    return None if classification != "all" else True


def _custom_covers(policy: Raw, candidate: Candidate) -> bool:
    included = any(_set_matches(condition, candidate) is True for condition in parts(policy, "includes"))
    return included and all(_set_matches(condition, candidate) is False for condition in parts(policy, "excludes"))


def users_may_consent(candidate: Candidate, assigned: Sequence[str], policies: Mapping[str, Raw]) -> bool:
    """Whether every user may consent to the candidate without an admin, as far as the tenant shows.

    Args:
        candidate: the permission and its app.
        assigned: ids of the permission grant policies assigned to users, lower case.
        policies: raw permissionGrantPolicies by lower-case id, for those that Microsoft does not define.
    """
    if candidate.assignment_required:
        return False  # an app that requires assignment needs an admin's consent whatever the policy
    for policy in assigned:
        if policy == LEGACY:
            return True
        if policy == RECOMMENDED and recommended_covers(candidate.resource_app_id, candidate.permission):
            return True
        if policy in (LOW, MAIL_CLIENTS, RECOMMENDED):
            continue  # low: needs the permission's classification, which is not read; mail clients: a list of Microsoft's
        if policy in policies and _custom_covers(policies[policy], candidate):
            return True
    return False
