"""Whether a Conditional Access policy concerns one user of the tenant.

By object id, directory role and user type; which groups a user is in is not read, so a group leaves it open.
https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-users-groups
"""

from __future__ import annotations

from typing import Any

from auditor.predict.policy import Policy, Whom
from auditor.tenant.cells import text

_GUESTS = frozenset({"internalguest", "b2bcollaborationguest"})
"""Kinds of guests and external users that a user of type Guest may be."""
_EXTERNAL_MEMBERS = frozenset({"b2bcollaborationmember"})


def concerns(policy: Policy, user: Any | None) -> bool | None:
    """Whether the policy's users have this one among them; None where that is not known.

    Args:
        policy: a policy about users.
        user: a row of ``Tenant.users`` (``columns.USERS``); None: it is not known who signs in.
    """
    if policy.everyone and not policy.exceptions:
        return True
    if user is None:
        return None
    spared = _among(policy.spared, user)
    if spared:
        return False
    included = True if policy.everyone else _among(policy.included, user)
    return None if included and spared is None else included


def _among(people: Whom, user: Any) -> bool | None:
    """Whether a user is among those named; None where that hangs on what is not read."""
    answers = [
        text(user.user_id) in people.users,
        _is_guest(people, user),
        _has_role(people, user),
        None if people.groups else False,
    ]
    return True if True in answers else None if None in answers else False


def _has_role(people: Whom, user: Any) -> bool | None:
    """Roles held on the whole tenant alone count; those on a smaller scope are none to a policy."""
    if not people.roles:
        return False
    if user.directory_roles is None:
        return None
    return not people.roles.isdisjoint(role.lower() for role in user.directory_roles)


def _is_guest(people: Whom, user: Any) -> bool | None:
    """Guests by their user type; members who come from another tenant by their name, which holds ``#EXT#``."""
    any_guest = "guestsorexternalusers" in people.users
    if not people.guest_types and not any_guest:
        return False
    if user.user_type == "Guest":
        kinds = _GUESTS
    elif "#ext#" in (text(user.user_principal_name) or "").lower():
        kinds = _EXTERNAL_MEMBERS
    else:
        return False if text(user.user_type) else None
    if any_guest:
        return True if kinds is _GUESTS else None
    if people.guest_types.isdisjoint(kinds):
        return False
    return True if kinds <= people.guest_types and not people.some_tenants else None
