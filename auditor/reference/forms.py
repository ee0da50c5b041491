"""The other form of a permission: what an app-only call needs where a delegated permission was chosen, and the reverse.

Answers from the permission catalog alone, which is a map with known gaps: "no counterpart" means that the map lists none.
Whether a tenant's own service principal publishes a form is for the caller to look up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from auditor.reference import catalog

Call = tuple[str, str]
"""Method and path template."""
Coverage = Literal["all", "some", "none", "unknown"]

_SHOWN = 3


@dataclass(frozen=True)
class Counterpart:
    """What permissions of the other type open the calls that a permission opens."""

    permissions: tuple[str, ...]
    """At most three, the best first; empty where the map knows none."""
    calls: int
    """Calls that the map lists for the permission; 0: it knows nothing of it."""
    only_here: tuple[Call, ...]
    """Calls that no permission of the other type opens, sorted."""

    @property
    def is_known(self) -> bool:
        """Whether the map lists any call of the permission."""
        return self.calls > 0

    @property
    def is_missing(self) -> bool:
        """Whether the map lists calls of the permission, and none of them has a permission of the other type."""
        return self.calls > 0 and len(self.only_here) == self.calls


def _without_me(template: str) -> str:
    """The path an app-only call uses instead of ``/me``: an app has no "me", whatever the map lists."""
    if template.lower() == "/me" or template.lower().startswith("/me/"):
        return "/users/{id}" + template[3:]
    return template


@lru_cache(maxsize=2048)
def counterpart(permission: str, scheme: Literal["delegated", "application"]) -> Counterpart:
    """The counterpart of a Microsoft Graph permission held as ``scheme``, among permissions of the other type.

    Args:
        permission: the value, e.g. ``Chat.Read``.
        scheme: the type it is held as; ``delegated`` asks for application permissions, ``application`` for delegated ones.
    """
    known = catalog.load()
    other: Literal["delegated", "application"] = "application" if scheme == "delegated" else "delegated"
    calls = known.calls(permission, scheme)
    only_here: list[Call] = []
    least: Counter[str] = Counter()
    any_of: Counter[str] = Counter()
    for method, template in calls:
        path = _without_me(template) if other == "application" else template
        ways = (known.authorizing(method, path) or {}).get(other, ())
        if not ways:
            only_here.append((method, template))
            continue
        least.update({way.permission for way in ways if way.least})
        any_of.update({way.permission for way in ways})
    family, _, rest = permission.partition(".")
    verb = rest.partition(".")[0]

    def rank(name: str) -> tuple[bool, bool, int, int, str]:
        other_family, _, other_rest = name.partition(".")
        same_family = other_family == family
        return (not same_family, other_rest.partition(".")[0] != verb, -least[name], -any_of[name], name)

    live = [name for name in (least or any_of) if _is_live(name, other)]
    return Counterpart(tuple(sorted(live, key=rank)[:_SHOWN]), len(calls), tuple(only_here))


def _is_live(permission: str, scheme: Literal["delegated", "application"]) -> bool:
    """Whether Microsoft Graph's own service principal publishes the permission under that type."""
    entry = catalog.load().permission(permission)
    form = None if entry is None else entry.application if scheme == "application" else entry.delegated
    return form is not None and form.id is not None


@lru_cache(maxsize=2048)
def _opened(permission: str, scheme: Literal["delegated", "application"]) -> frozenset[Call]:
    return frozenset(catalog.load().calls(permission, scheme))


@lru_cache(maxsize=4096)
def covered(permission: str, held: frozenset[str], scheme: Literal["delegated", "application"]) -> Coverage:
    """How many of a permission's calls other permissions of the same type open, each alone.

    The map is an any-of map; ``all`` is a strong hint that the permission is not needed, no proof.

    Args:
        permission: the permission that is not held.
        held: permissions that are.
        scheme: the type of all of them.
    """
    calls = _opened(permission, scheme)
    if not calls:
        return "unknown"
    opened = calls.intersection(*[frozenset().union(*(_opened(name, scheme) for name in held))])
    if len(opened) == len(calls):
        return "all"
    return "some" if opened else "none"
