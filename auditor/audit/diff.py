"""What differs between two audits: objects matched by ids, values compared, and what could not be compared named.

Pure: two sides in, changes and gaps out, in an order that hangs on them alone. The tables are ``side``'s, the sentences
``change_text``'s, the order ``change_rank``'s. Tables are matched whole; only rows that differ are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from auditor.audit.change import THINGS, Change, ChangedThing, Gap
from auditor.audit.change_rank import rank
from auditor.audit.change_text import Names, changes_of
from auditor.audit.diff_findings import finding_changes, prediction_changes
from auditor.audit.matched import Matched, matched, of_scope
from auditor.audit.side import Side
from auditor.errors import InputError

_APPLICATIONS, _PRINCIPALS = "applications", "servicePrincipals"
_GRANTS, _ASSIGNED = "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"
_FEDERATED = "applications/federatedIdentityCredentials"
_ROLES = ("roleManagement/directory/roleAssignments", "roleManagement/directory/roleDefinitions")
_POLICIES = "identity/conditionalAccess/policies"


@dataclass(frozen=True)
class _Part:
    """Rows of one table that hang on the same sources."""

    thing: ChangedThing
    sources: tuple[str, ...]
    """Without one of them a row that is not there says nothing."""
    words: str
    """What the rows are, for the sentence about a gap."""
    where: Mapping[str, tuple[str, ...]]
    """Column and the values that its rows have."""

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of the part."""
        for column, values in self.where.items():
            table = table[table[column].isin(values)]
        return table


_PARTS = (
    _Part("app", (_APPLICATIONS, _PRINCIPALS), "apps", {}),
    _Part(
        "permission",
        (_APPLICATIONS, _PRINCIPALS, _GRANTS),
        "delegated permissions",
        {"type": ("delegated",)},
    ),
    _Part(
        "permission",
        (_APPLICATIONS, _PRINCIPALS, _ASSIGNED),
        "application permissions",
        {"type": ("application",)},
    ),
    _Part("consent", (_PRINCIPALS, _GRANTS), "grants of delegated permissions", {"type": ("delegated",)}),
    _Part("consent", (_PRINCIPALS, _ASSIGNED), "grants of application permissions", {"type": ("application",)}),
    _Part(
        "credential",
        (_APPLICATIONS,),
        "secrets and certificates of app registrations",
        {"holder": ("application",), "kind": ("secret", "certificate")},
    ),
    _Part("credential", (_PRINCIPALS,), "credentials of service principals", {"holder": ("service-principal",)}),
    _Part("credential", (_APPLICATIONS, _FEDERATED), "federated credentials", {"kind": ("federated",)}),
    _Part("directory role", (*_ROLES, _PRINCIPALS), "directory roles", {}),
    _Part("policy", (_POLICIES,), "Conditional Access policies", {}),
)


@dataclass(frozen=True)
class Difference:
    """What became of one audit."""

    changes: tuple[Change, ...]
    """Worst first."""
    gaps: tuple[Gap, ...]
    """What was not compared, in the order of ``THINGS``."""


def diff(old: Side, new: Side) -> Difference:
    """What is new, gone or changed on the new side.

    Where one side is limited to some apps, only those are compared.

    Raises:
        InputError: the sides are of different tenants, or are limited to apps that they do not share.
    """
    if old.tenant_id.lower() != new.tenant_id.lower():
        raise InputError(
            f"The two sides are of different tenants: {_tenant(old)} and {_tenant(new)}; expected two of the same tenant."
        )
    scope = _common_scope(old, new)
    names = replace(Names.of(old, new), single_users=_newly_for_all(old, new))
    changes: list[Change] = []
    gaps: list[Gap] = []
    for part in _PARTS:
        found = _unread(part, old, new)
        if found:
            gaps += found
            continue
        pair = matched(part.thing, *(of_scope(part.of(side.table(part.thing)), scope) for side in (old, new)))
        changes += changes_of(part.thing, pair.differing(), names)
        gaps += _unknown_values(part, pair)
    for more_changes, more_gaps in (
        finding_changes(old, new, scope, names),
        prediction_changes(old, new, scope, names),
    ):
        changes += more_changes
        gaps += more_gaps
    return Difference(tuple(sorted(changes, key=rank)), tuple(sorted(gaps, key=_gap_order)))


def _tenant(side: Side) -> str:
    return f"{side.tenant_id} ({side.tenant_name})" if side.tenant_name else side.tenant_id


def _common_scope(old: Side, new: Side) -> frozenset[str]:
    if not (old.scope and new.scope):
        return old.scope | new.scope
    if common := old.scope & new.scope:
        return common
    raise InputError(
        f"The two sides have no app in common: the old one is limited to {_listed(old.scope)}, the new one to"
        f" {_listed(new.scope)}."
    )


def _listed(app_ids: Iterable[str]) -> str:
    ordered = sorted(app_ids)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3:,} more" if len(ordered) > 3 else "")


def _newly_for_all(old: Side, new: Side) -> frozenset[tuple[str, str, str]]:
    """(app, resource, permission) that single users had consented to, and that are granted for all users now."""
    by = ["app_id", "resource_app_id", "permission"]
    before, after = (
        side.table("consent").assign(permission=side.table("consent")["permission"].str.lower()) for side in (old, new)
    )
    single = before.loc[before["consent"] == "user", by].drop_duplicates()
    for_all = after.loc[(after["consent"] == "admin") & (after["type"] == "delegated"), by].drop_duplicates()
    both = single.merge(for_all, on=by).dropna()
    return frozenset(zip(*(both[name] for name in by), strict=True))


def _unread(part: _Part, old: Side, new: Side) -> list[Gap]:
    """A gap for each source of the part that a side lacks."""
    gaps = []
    for source in part.sources:
        why = {word: side.why_unread(source) for word, side in (("old", old), ("new", new))}
        if any(why.values()):
            gaps.append(_gap(part, source, why))
    if not gaps:
        absent = {
            word: "" if side.tables[part.thing] is not None else "the file does not hold them"
            for word, side in (("old", old), ("new", new))
        }
        if any(absent.values()):
            gaps.append(_gap(part, "", absent))
    return gaps


def _gap(part: _Part, source: str, why: Mapping[str, str]) -> Gap:
    where = "; ".join(f"on the {word} side {reason}" for word, reason in why.items() if reason)
    side = "both" if all(why.values()) else "old" if why["old"] else "new"
    reason = f"{part.words[0].upper()}{part.words[1:]} were not compared: {where}."
    return Gap(part.thing, side, source, reason)  # type: ignore[arg-type]


def _unknown_values(part: _Part, pair: Matched) -> Iterator[Gap]:
    """Values that one side alone knows are no change, and say so."""
    for column, (old, new) in pair.unknown.items():
        for side, count in (("old", old), ("new", new)):
            if count:
                reason = f"The {column} of {count:,} {part.words} is not known on the {side} side and was not compared."
                yield Gap(part.thing, side, "", reason)  # type: ignore[arg-type]


def _gap_order(gap: Gap) -> tuple[int, str, str, str]:
    return THINGS.index(gap.thing), gap.about, gap.side, gap.reason
