"""May these people sign in to this app at all: their account, and the assignment that the app may require.

What the app's own service principal is in the way of is ``signin``'s; what users need once they are in is ``principal``'s.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from auditor.predict.verdict import Certainty, Obstacle, Question
from auditor.tenant.cells import flag, name, text
from auditor.tenant.tables import Tenant

CHECK = "sign-in-blocked"
_MULTI_TENANT = ("AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount")


def obstacles(app_row: Any, question: Question, tenant: Tenant, user: Any | None) -> list[Obstacle]:
    """What keeps the user out of the app.

    An app that calls as itself needs no assignment to itself, and personal accounts are not in the tenant: neither has any.

    Args:
        app_row: the app's row of ``tenant.apps``.
        question: the call; its flow and account count here.
        tenant: its ``assigned_to``.
        user: the row of ``tenant.users`` who signs in, also one that was not found; None: not known.
    """
    if question.flow == "app-only" or question.account == "personal":
        return []
    return [*_account(app_row, user), *_assignment(app_row, tenant, user)]


def _account(row: Any, user: Any | None) -> Iterator[Obstacle]:
    if user is None:
        return
    if flag(user.found) is False:
        elsewhere = row.sign_in_audience in _MULTI_TENANT
        where = ": only in a tenant of their own could they sign in to the app" if elsewhere else ""
        yield Obstacle(
            check=CHECK,
            certainty="possible" if elsewhere else "certain",
            reason=f"{user.asked} is no user of this tenant, neither member nor guest{where}.",
            http_status=400,
            error_code="AADSTS50034",
            fix="Sign in with a user of this tenant, or invite this one as a guest and have the invitation accepted.",
            evidence={"user": text(user.asked), "sign_in_audience": text(row.sign_in_audience)},
        )
    elif flag(user.enabled) is False:
        yield Obstacle(
            check=CHECK,
            certainty="certain",
            reason=f"The account of {_name(user)} is disabled: accountEnabled is false, and sign-in needs true.",
            http_status=400,
            error_code="AADSTS50057",
            fix="Enable the account, or sign in with another user.",
            evidence={"user": _name(user), "enabled": False},
        )


def _assignment(row: Any, tenant: Tenant, user: Any | None) -> Iterator[Obstacle]:
    """Users are refused where the app requires assignment and they have none, direct or through a group.

    Nobody assigned keeps everybody out; somebody assigned says nothing of a user who is not known.
    https://learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal
    """
    if flag(row.assignment_required) is not True:
        return
    counted = _counted(row, tenant)
    certainty: Certainty = "certain"
    if user is not None and flag(user.found) is not False and user.assigned_resources is not None:
        if text(row.service_principal_id) in user.assigned_resources:
            return
        reason = f"{name(row)} requires assignment, and {_name(user)} is assigned neither directly nor through a group."
    elif counted is not None and not counted.users and not counted.groups:
        # Where service principals are assigned, or nobody signs in to it, it is an API: its clients' users are refused, if any.
        certainty = "certain" if _signs_users_in(row) and not counted.service_principals else "likely"
        reason = (
            f"{name(row)} requires assignment and 0 users and 0 groups are assigned: every user is refused at sign-in."
        )
    else:
        return
    yield Obstacle(
        check=CHECK,
        certainty=certainty,
        reason=reason,
        http_status=400,
        error_code="AADSTS50105",
        fix="Assign the users or groups who should use the app, or turn off the requirement.",
        evidence={
            "assignment_required": True,
            "users_assigned": counted.users if counted else None,
            "groups_assigned": counted.groups if counted else None,
            "user": _name(user) if user is not None else None,
        },
    )


def _signs_users_in(row: Any) -> bool:
    """Whether users can sign in to the app itself; of an app registered elsewhere the flow of the question has told."""
    places = len(row.web_redirects) + len(row.spa_redirects) + len(row.public_redirects)
    return places > 0 or flag(row.fallback_public_client) is True or text(row.object_id) is None


class _Counted(NamedTuple):
    users: int
    groups: int
    service_principals: int


def _counted(row: Any, tenant: Tenant) -> _Counted | None:
    """Who is assigned to the app; None where that was not read."""
    counts = tenant.assigned_to
    counts = counts[counts["service_principal_id"] == row.service_principal_id]
    found = next(counts[list(_Counted._fields)].itertuples(index=False), None)
    return None if found is None else _Counted(*map(int, found))


def _name(user: Any) -> str:
    return text(user.user_principal_name) or text(user.asked) or str(user.user_id)
