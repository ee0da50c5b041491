"""The other form of a permission: what an app-only call needs where a delegated permission was chosen, and the reverse.

Answers from the permission catalog alone, which is a map with known gaps: "no counterpart" means that the map lists none.
Whether a tenant's own service principal publishes a form is for the caller to look up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from auditor.reference import catalog

Call = tuple[str, str]
"""Method and path template."""
Form = Literal["delegated", "application"]
Coverage = Literal["all", "some", "none", "unknown"]

_SHOWN = 2
_ENDED = re.compile(r"Notes\..*|Teamwork\.Migrate\.All")
"""Application permissions that the map lists and that open nothing in daily use: OneNote answers no app-only call since
31 March 2025, and Teamwork.Migrate.All works only while a team is being imported.
https://learn.microsoft.com/graph/onenote-error-codes,
https://learn.microsoft.com/microsoftteams/platform/graph-api/import-messages/import-external-messages-to-teams"""


@dataclass(frozen=True)
class Counterpart:
    """What permissions of the other type open the calls that a permission opens."""

    permissions: tuple[str, ...]
    """At most two, the best first; empty where the map knows none that opens at least half of the calls."""
    calls: int
    """Calls that the map lists for the permission; 0: it knows nothing of it."""
    only_here: tuple[Call, ...]
    """Calls that no permission of the other type opens, sorted."""

    @property
    def is_missing(self) -> bool:
        """Whether the map lists calls of the permission and nothing of the other type for most of them."""
        return not self.permissions and 2 * len(self.only_here) > self.calls


def is_offered(permission: str, form: Form) -> bool:
    """Whether Microsoft Graph's own service principal publishes the permission in that form, and the form still works."""
    entry = catalog.load().permission(permission)
    scheme = None if entry is None else entry.application if form == "application" else entry.delegated
    ended = form == "application" and _ENDED.fullmatch(permission) is not None
    return scheme is not None and scheme.id is not None and not ended


@lru_cache(maxsize=2048)
def counterpart(permission: str, form: Form) -> Counterpart:
    """The counterpart of a Microsoft Graph permission, among permissions of the other type.

    Args:
        permission: the value, e.g. ``Chat.Read``.
        form: the type it is held as; ``delegated`` asks for application permissions, ``application`` for delegated ones.
    """
    other: Form = "application" if form == "delegated" else "delegated"
    known = catalog.load()
    calls = known.calls(permission, form)
    only_here: list[Call] = []
    opens: Counter[str] = Counter()
    for method, template in calls:
        path = _without_me(template) if other == "application" else template
        ways = (known.authorizing(method, path) or {}).get(other, ())
        names = {way.permission for way in ways if is_offered(way.permission, other)}
        if names:
            opens.update(names)
        else:
            only_here.append((method, template))
    kin = next((name for name in _kin(permission, other) if is_offered(name, other)), None)
    if kin is not None:
        return Counterpart((kin,), len(calls), tuple(only_here))
    enough = [name for name, count in opens.items() if 2 * count >= len(calls)]
    family = permission.partition(".")[0]
    enough.sort(key=lambda name: (-opens[name], name.partition(".")[0] != family, _grade(name, other), name))
    return Counterpart(tuple(enough[:_SHOWN]), len(calls), tuple(only_here))


def _kin(permission: str, other: Form) -> Iterator[str]:
    """Names that the same permission goes by in the other form: Chat.Read and Chat.Read.All, Mail.Read.Shared and Mail.Read."""
    yield permission
    plain = permission.removesuffix(".Shared")
    if other == "application":
        yield from (plain, f"{plain}.All")
    else:
        yield from (permission.removesuffix(".All"), permission.removesuffix(".WhereInstalled"))
        yield re.sub(r"\.OwnedBy$", ".All", permission)


def _grade(permission: str, form: Form) -> int:
    entry = catalog.load().permission(permission)
    scheme = None if entry is None else entry.application if form == "application" else entry.delegated
    return scheme.privilege if scheme is not None and scheme.privilege is not None else 9


def _is_me(template: str) -> bool:
    return template.lower() == "/me" or template.lower().startswith("/me/")


def _without_me(template: str) -> str:
    """The path an app-only call uses instead of ``/me``: an app has no "me", whatever the map lists."""
    return "/users/{id}" + template[3:] if _is_me(template) else template


@lru_cache(maxsize=2048)
def _opened(permission: str, form: Form) -> frozenset[Call]:
    calls = catalog.load().calls(permission, form)
    return frozenset(call for call in calls if form == "delegated" or not _is_me(call[1]))


@lru_cache(maxsize=4096)
def covered(permission: str, held: frozenset[str], form: Form) -> Coverage:
    """How many of a permission's calls other permissions of the same type open, each alone.

    The map is an any-of map with gaps: ``all`` is a strong hint that the permission is not needed, no proof.

    Args:
        permission: the permission that is not held.
        held: permissions that are.
        form: the type of all of them.
    """
    if any(re.sub(r"\.Read(Basic)?(?=\.|$)", ".ReadWrite", permission) == name != permission for name in held):
        return "all"  # writing includes reading, also where the map lists only one of the two
    calls = _opened(permission, form)
    if not calls:
        return "unknown"
    left = calls.difference(*(_opened(name, form) for name in held))
    if not left:
        return "all"
    return "some" if len(left) < len(calls) else "none"
