"""Directory roles by call: which delegated calls are refused to a user who holds none of certain roles, and to guests.

Facts are in ``roles.toml``, each with its source. A custom role may give the same right and cannot be known here; what a user
holds, owns or is, the predictor looks up. Roles by permission, coarser, are ``roles.py``'s.
https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
https://learn.microsoft.com/entra/fundamentals/users-default-permissions
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from auditor.reference import paths
from auditor.reference.call_patterns import CallPatterns
from auditor.reference.names import strings, table

GLOBAL_ADMINISTRATOR = "Global Administrator"

GuestLevel = Literal["as-members", "limited", "restricted"]
"""What the tenant lets guests do (``authorizationPolicy.guestUserRoleId``); ``limited`` is Microsoft's default."""


@dataclass(frozen=True)
class UserCallRule:
    """What a signed-in user needs for a call, beside the permissions of the app."""

    roles: Mapping[str, str]
    """Name to template id of every built-in role that is enough, Global Administrator among them where it is."""
    members: Literal["refused", "own"]
    """What a member without such a role meets: a refusal, or one except on own objects and those they own."""
    guests: Literal["refused", "as-members"]
    why: str
    """One sentence."""
    url: str
    """Microsoft's page about it."""
    certainty: Literal["likely", "possible"]
    """Of a refusal where no such role is held; ``possible`` where another system hands out the right as well."""
    setting: str | None
    """Property of the tenant's authorizationPolicy that takes the right of members away; None where there is none."""
    fields: frozenset[str]
    """The fields that the rule is about; empty: the call whatever its fields."""


@dataclass(frozen=True)
class GuestRule:
    """A call that a guest without any directory role is refused, and a member is not."""

    levels: frozenset[GuestLevel]
    """The tenant's settings for guests under which it holds."""
    why: str
    url: str
    certainty: Literal["likely", "possible"]


@lru_cache(maxsize=4096)
def _user_call_rule(method: str, template: str, fields: frozenset[str]) -> UserCallRule | None:
    tokens = paths.keyed(template)
    if tokens is None or _open_calls().cover(method, tokens):
        return None
    for calls, rule in _user_call_rules():
        if (not rule.fields or not fields.isdisjoint(name.lower() for name in rule.fields)) and calls.cover(
            method, tokens
        ):
            return rule
    return None


def user_call_rule(method: str, template: str, fields: Collection[str] = ()) -> UserCallRule | None:
    """Return what a signed-in user needs for a call; None where an ordinary member may make it, or nothing is known.

    Args:
        method: upper case.
        template: as ``catalog.template`` returns it, or any Graph path.
        fields: body fields and query properties that the call names (``passwordProfile``, ``signInActivity``), in any casing.
    """
    return _user_call_rule(method, template, frozenset(name.lower() for name in fields))


def guest_rule(method: str, template: str, level: GuestLevel = "limited") -> GuestRule | None:
    """Return why a guest without any directory role is refused a call that members may make; None where guests are not.

    Calls that take a role of members too are ``user_call_rule``'s, whose ``guests`` says what guests meet.

    Args:
        method: upper case.
        template: as ``catalog.template`` returns it, or any Graph path.
        level: the tenant's setting for guests, see ``guest_level``.
    """
    tokens = paths.keyed(template)
    if tokens is None:
        return None
    return next((rule for calls, rule in _guest_rules() if level in rule.levels and calls.cover(method, tokens)), None)


def guest_level(guest_user_role_id: str | None) -> GuestLevel | None:
    """Return what ``authorizationPolicy.guestUserRoleId`` means for guests; None for an id that is not known, or none."""
    levels: Mapping[str, GuestLevel] = _data()["guest_levels"]
    return None if guest_user_role_id is None else levels.get(guest_user_role_id.lower())


def ruled_fields() -> frozenset[str]:
    """Names of every field that some rule is about."""
    return frozenset(name for _, rule in _user_call_rules() for name in rule.fields)


@lru_cache(maxsize=1)
def _data() -> Mapping[str, Any]:
    return table("roles")


@lru_cache(maxsize=1)
def _open_calls() -> CallPatterns:
    return CallPatterns.read(strings(_data()["user_call_open"], "calls"))


@lru_cache(maxsize=1)
def _user_call_rules() -> tuple[tuple[CallPatterns, UserCallRule], ...]:
    return tuple((CallPatterns.read(strings(entry, "calls")), _rule(entry)) for entry in _data()["user_call"])


@lru_cache(maxsize=1)
def _guest_rules() -> tuple[tuple[CallPatterns, GuestRule], ...]:
    return tuple(
        (
            CallPatterns.read(strings(entry, "calls")),
            GuestRule(frozenset(entry["levels"]), entry["why"], entry["url"], entry.get("certainty", "likely")),
        )
        for entry in _data()["guest_call"]
    )


def _rule(entry: Mapping[str, Any]) -> UserCallRule:
    return UserCallRule(
        roles=MappingProxyType(_roles(entry)),
        members=entry["members"],
        guests=entry["guests"],
        why=entry["why"],
        url=entry["url"],
        certainty=entry.get("certainty", "likely"),
        setting=entry.get("setting"),
        fields=frozenset(strings(entry, "fields")),
    )


def _roles(entry: Mapping[str, Any]) -> dict[str, str]:
    """The roles of an entry with its sets taken in, and Global Administrator unless the entry excepts it."""
    templates, sets = _data()["templates"], _data()["role_sets"]
    names: list[str] = []
    for name in strings(entry, "roles"):
        names += sets[name[1:]] if name.startswith("@") else [name]
    excepted = strings(entry, "except")
    return {name: templates[name] for name in dict.fromkeys([*names, GLOBAL_ADMINISTRATOR]) if name not in excepted}
