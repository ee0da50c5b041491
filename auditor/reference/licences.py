"""Which service plans a tenant must own before the APIs behind a permission answer, and what they answer without.

Facts are in ``licences.toml``, each with its source. ``needed_by`` tells it of a call, ``Licence.needs`` of a permission alone.
A tenant that owns a plan has not thereby given it to a user; whether a user has it, the predictor looks up.
https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from auditor.reference import paths
from auditor.reference.call_patterns import CallPatterns
from auditor.reference.names import pattern, strings, table
from auditor.reference.resources import GRAPH


@dataclass(frozen=True)
class Licence:
    """One licence, the permissions that are useless without it, and the answer of the service then."""

    id: str
    name: str
    permissions: re.Pattern[str]
    """Microsoft Graph permissions."""
    resources: tuple[str, ...]
    """Resources all of whose permissions need the licence."""
    plans: tuple[str, ...]
    """Service plan ids that are enough."""
    plan_names: re.Pattern[str]
    not_names: re.Pattern[str]
    weak_names: re.Pattern[str]
    certainty: Literal["likely", "possible"]
    http_status: int | None
    error_code: str | None
    message: str
    """What the service says, in its own words where they are known."""
    url: str
    """Microsoft's page about it."""
    per_user: bool = False
    """Of a call: the user whose object the path names needs one of the plans, not the tenant alone. Shared mailboxes and rooms
    answer without."""

    def needs(self, resource_app_id: str, permission: str) -> bool:
        """Whether this permission of this resource is useless without the licence."""
        if resource_app_id == GRAPH:
            return self.permissions.fullmatch(permission) is not None
        return resource_app_id in self.resources

    def is_met_by(self, service_plan_id: str, service_plan: str) -> bool:
        """Whether a service plan, by id or else by name, is enough."""
        if service_plan_id in self.plans:
            return True
        return self.plan_names.fullmatch(service_plan) is not None and self.not_names.fullmatch(service_plan) is None

    def may_be_met_by(self, service_plan: str) -> bool:
        """Whether a service plan of this name may be enough, which nobody has published."""
        return self.weak_names.fullmatch(service_plan) is not None


@dataclass(frozen=True)
class _When:
    """The calls that need a licence, and what differs from the licence for them."""

    licence: Licence
    """As it holds for these calls."""
    calls: CallPatterns
    query: frozenset[str]
    """Properties that the call must name, lower case; empty: whatever it names."""


@lru_cache(maxsize=1)
def licences() -> tuple[Licence, ...]:
    """Every licence known, in the order of the file."""
    return tuple(_licence(entry) for entry in _data()["licence"])


def needed_by(
    method: str, template: str, query: Collection[str] = (), permissions: Collection[str] = ()
) -> tuple[Licence, ...]:
    """Return the licences that a call needs, in the order of the file; empty where none is known.

    By the call itself where the table names it. Otherwise by permission: a licence is needed if every one of the permissions
    is useless without it.

    Args:
        method: upper case.
        template: as ``catalog.template`` returns it, or any Graph path.
        query: properties that the call names in its query or its body (``signInActivity``), in any casing.
        permissions: permissions of Microsoft Graph that open the call, of which the app holds at least one.
    """
    return _needed_by(method, template, frozenset(name.lower() for name in query), frozenset(permissions))


def licensed_properties() -> frozenset[str]:
    """Lower-case names of the properties that make a call need a licence."""
    return frozenset(name for when in _whens() for name in when.query)


@lru_cache(maxsize=4096)
def _needed_by(method: str, template: str, query: frozenset[str], permissions: frozenset[str]) -> tuple[Licence, ...]:
    tokens = paths.keyed(template)
    if tokens is None or _without().cover(method, tokens):
        return ()
    named: dict[str, Licence] = {}
    for when in _whens():
        if (not when.query or when.query & query) and when.calls.cover(method, tokens):
            named.setdefault(when.licence.id, when.licence)
    if named or not permissions:
        return tuple(named.values())
    return tuple(one for one in licences() if all(one.needs(GRAPH, permission) for permission in permissions))


@lru_cache(maxsize=1)
def _data() -> Mapping[str, Any]:
    return table("licences")


@lru_cache(maxsize=1)
def _without() -> CallPatterns:
    return CallPatterns.read(strings(_data()["without"], "calls"))


@lru_cache(maxsize=1)
def _whens() -> tuple[_When, ...]:
    return tuple(
        _When(
            _in_a_call(_licence(entry), when),
            CallPatterns.read(strings(when, "calls")),
            frozenset(name.lower() for name in strings(when, "query")),
        )
        for entry in _data()["licence"]
        for when in entry.get("when", ())
    )


def _in_a_call(licence: Licence, when: Mapping[str, Any]) -> Licence:
    differing = {
        key: when[key] for key in ("certainty", "http_status", "error_code", "message", "per_user") if key in when
    }
    return replace(licence, **differing)


def _licence(entry: Mapping[str, Any]) -> Licence:
    return Licence(
        id=entry["id"],
        name=entry["name"],
        permissions=pattern(strings(entry, "permissions")),
        resources=strings(entry, "resources"),
        plans=strings(entry, "plans"),
        plan_names=pattern(strings(entry, "plan_names")),
        not_names=pattern(strings(entry, "not_names")),
        weak_names=pattern(strings(entry, "weak_names")),
        certainty=entry["certainty"],
        http_status=entry.get("http_status"),
        error_code=entry.get("error_code"),
        message=entry["message"],
        url=entry["url"],
    )
