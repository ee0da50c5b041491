"""Whose object a call is about, and delegated permissions that reach the signed-in user's own alone.

``User.Read`` beside ``User.Read.All``: the shorter one opens ``/users/{id}`` for the user who signs in. Mailboxes have
``.Shared`` permissions instead, which are told elsewhere.
https://learn.microsoft.com/graph/permissions-overview#permissions-naming-pattern
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from auditor.predict.verdict import Question
from auditor.reference import catalog
from auditor.reference.claims import Authorization

USER = re.compile(r"^/users(?:/|\()'?([^/')]+)", re.IGNORECASE)
_SHARED_BY_OTHERS = frozenset({"Mail", "Calendars", "Contacts", "Tasks", "MailboxSettings"})
"""What these reach of other people's data is decided by sharing."""
DECIDED_BY_ACCESS = frozenset({"Files", "Notes", "Sites"})
"""The user's own access to an item counts as well, so that nothing is sure."""


def is_own(question: Question, user: Any | None) -> bool | None:
    """Whether the path is about the one who signs in; None: not known.

    Args:
        question: its path and its users.
        user: the row of ``tenant.users`` who signs in; None: not known.
    """
    path = question.call.path.lower()
    if path == "/me" or path.startswith("/me/"):
        return True
    match = USER.match(path)
    if match is None:
        return False
    named = match.group(1)
    if named.startswith("{") or not question.users:
        return None
    known = {name.lower() for name in question.users}
    if user is not None:
        known |= {str(one).lower() for one in (user.user_id, user.user_principal_name) if isinstance(one, str)}
    if named in known:
        return True
    # An id may be that of the person whose name was declared, where the user was not read.
    return False if any(("@" in one) == ("@" in named) for one in known) else None


def reaches_own_alone(permission: str) -> bool:
    """Whether a delegated permission is about the signed-in user alone: one without constraint that has an ``.All`` twin."""
    family, _, rest = permission.partition(".")
    if not rest or "." in rest or family in _SHARED_BY_OTHERS:
        return False
    return catalog.load().permission(f"{permission}.All") is not None


def about_others(question: Question, user: Any | None) -> bool:
    """Whether a signed-in user's call is, or may be, about another user."""
    return (
        question.flow == "delegated"
        and USER.match(question.call.path) is not None
        and is_own(question, user) is not True
    )


def for_others(ways: Iterable[Authorization]) -> tuple[Authorization, ...]:
    """The ways that reach beyond the signed-in user."""
    return tuple(way for way in ways if not reaches_own_alone(way.permission))
