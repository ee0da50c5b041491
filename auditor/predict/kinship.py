"""Permissions that include others by their names: a guard against the gaps of the permission map.

``Mail.ReadWrite`` reads what ``Mail.Read`` reads, ``User.Read.All`` what ``User.ReadBasic.All`` reads. Where the map lists the
narrower one alone and an app holds the wider one, a refusal is not certain.
https://learn.microsoft.com/graph/permissions-overview#permissions-naming-pattern
"""

from __future__ import annotations

from collections.abc import Iterable

from auditor.reference import catalog
from auditor.reference.claims import Authorization, SchemeName

_STRENGTH = {"ReadBasic": 0, "Read": 1, "ReadWrite": 2, "Manage": 3, "FullControl": 4}
_DIRECTORY = (
    "User",
    "Group",
    "GroupMember",
    "Application",
    "Device",
    "Organization",
    "OrgContact",
    "AdministrativeUnit",
    "Domain",
)
"""Families that the Directory permissions read (and, with ReadWrite, write) in the main."""


def includes(held: str, wanted: str, *, reading: bool = False) -> bool:
    """Whether a held permission includes the wanted one by the naming pattern ``family.operation.constraint``.

    ``reading``: the call only reads, so that a listed permission to write stands for one to read.
    """
    mine, theirs = _parts(held), _parts(wanted)
    if mine is None or theirs is None or held == wanted:
        return False
    family, strength, constraint = mine
    if reading:
        theirs = (theirs[0], min(theirs[1], _STRENGTH["Read"]), theirs[2])
    if family == "Directory" and theirs[0] in _DIRECTORY and constraint == "All":
        return strength >= theirs[1] and theirs[1] <= 1
    if family != theirs[0] or strength < theirs[1]:
        return False
    # Of a mailbox, Calendars.Read.Shared reaches what the user has access to, one's own included; what the map lists differs by page.
    return constraint == theirs[2] or constraint == "All" or {constraint, theirs[2]} == {"", "Shared"}


def unmapped(held: Iterable[str], families: Iterable[str], scheme: SchemeName) -> tuple[str, ...]:
    """Held permissions of these families of which the map lists no call at all: what they open is not known. Sorted."""
    wanted, known = frozenset(families), catalog.load()
    return tuple(sorted(name for name in held if name.partition(".")[0] in wanted and not known.calls(name, scheme)))


def nearly_met(ways: Iterable[Authorization], held: Iterable[str], *, reading: bool = False) -> tuple[str, ...]:
    """Held permissions that include, by name, one that would authorize a call; sorted."""
    names = sorted(held)
    alone = [way.permission for way in ways if not way.also_requires]
    return tuple(sorted({mine for one in alone for mine in names if includes(mine, one, reading=reading)}))


def _parts(name: str) -> tuple[str, int, str] | None:
    family, _, rest = name.partition(".")
    operation, _, constraint = rest.partition(".")
    strength = _STRENGTH.get(operation)
    return None if strength is None else (family, strength, constraint)
