"""Directory roles: which callers need one beside their permission.

Facts are in ``roles.toml``, each with its source. ``app_requirements``: application permissions whose APIs also look at the
roles of the service principal. ``user_requirements``: delegated permissions that add nothing for a user without a role. What a
user needs by call, sharper, is in ``user_calls.py``: ``user_call_rule``, ``guest_rule``.
https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from auditor.reference.names import pattern, strings, table
from auditor.reference.user_calls import GuestRule, UserCallRule, guest_level, guest_rule, user_call_rule

__all__ = [
    "AppRequirement",
    "GuestRule",
    "UserCallRule",
    "UserRequirement",
    "app_requirements",
    "guest_level",
    "guest_rule",
    "role_templates",
    "user_call_rule",
    "user_requirement",
    "user_requirements",
]


@dataclass(frozen=True)
class AppRequirement:
    """A second lock for app-only callers: one of these roles on the service principal."""

    id: str
    resource: str
    """App id of the API that publishes the permissions."""
    permissions: re.Pattern[str]
    roles: Mapping[str, str]
    """Name to template id of the roles any of which opens it."""
    grant: str
    """The role to give where nothing else speaks for another."""
    certainty: Literal["likely", "possible"]
    severity: Literal["high", "medium", "low", "info"]
    http_status: int | None
    error_code: str | None
    what: str
    """What the app cannot do without."""
    why: str
    alternative: str | None
    """Another way past the lock that the directory's role assignments do not show, as a sentence."""
    url: str


@dataclass(frozen=True)
class UserRequirement:
    """Delegated permissions of Microsoft Graph that reach beyond the user's own objects only with a directory role."""

    permissions: re.Pattern[str]
    roles: tuple[str, ...]
    """The least roles that help, for people to read."""
    url: str


@lru_cache(maxsize=1)
def role_templates() -> Mapping[str, str]:
    """Role name to template id, the same in every tenant."""
    templates: Mapping[str, str] = table("roles")["templates"]
    return templates


@lru_cache(maxsize=1)
def app_requirements() -> tuple[AppRequirement, ...]:
    """What app-only callers need beside their permissions."""
    return tuple(
        AppRequirement(
            id=entry["id"],
            resource=entry["resource"],
            permissions=pattern(strings(entry, "permissions")),
            roles={name: role_templates()[name] for name in strings(entry, "roles")},
            grant=entry["grant"],
            certainty=entry["certainty"],
            severity=entry["severity"],
            http_status=entry.get("http_status"),
            error_code=entry.get("error_code"),
            what=entry["what"],
            why=entry["why"],
            alternative=entry.get("alternative"),
            url=entry["url"],
        )
        for entry in table("roles")["app"]
    )


@lru_cache(maxsize=1)
def user_requirements() -> tuple[UserRequirement, ...]:
    """What signed-in users need beside the delegated permissions of the app."""
    return tuple(
        UserRequirement(pattern(strings(entry, "permissions")), strings(entry, "roles"), entry["url"])
        for entry in table("roles")["user"]
    )


@lru_cache(maxsize=4096)
def user_requirement(permission: str) -> UserRequirement | None:
    """What a signed-in user needs for this delegated permission of Microsoft Graph, None for nothing known."""
    return next((need for need in user_requirements() if need.permissions.fullmatch(permission)), None)
