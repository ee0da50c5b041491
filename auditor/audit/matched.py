"""Rows of two tables matched by their natural keys, whole tables at a time; which are new, gone or have another value.

Natural keys are ids. Names, dates and counts are never part of one, except a scope value, which is all that a grant has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from auditor.audit.change import ChangedThing, ChangeKind

KEYS: Mapping[ChangedThing, tuple[str, ...]] = {
    "app": ("app_id",),
    "permission": ("app_id", "resource_app_id", "type", "permission_id"),
    "consent": ("record_id", "type", "permission"),
    "credential": ("app_id", "holder", "kind", "key_id", "usage"),
    "finding": ("fingerprint",),
    "directory role": ("principal_id", "role_template_id", "scope"),
    "policy": ("policy_id",),
    "prediction": ("app_id", "flow", "call"),
}
"""Columns that make one thing the same on both sides. A permission without an id goes by its value; of a consent the
permission counts for scopes alone, because an app role assignment is one permission."""

COMPARED: Mapping[ChangedThing, tuple[str, ...]] = {
    "app": ("kind", "enabled", "sign_in_audience", "object_id", "service_principal_id"),
    "permission": ("requested", "granted", "consent", "consented_users", "status"),
    "consent": ("consent", "principal_id"),
    "credential": ("end_at", "issuer", "subject"),
    "finding": ("severity", "certainty", "waived"),
    "directory role": (),
    "policy": ("state", "conditions", "grant_controls", "session_controls"),
    "prediction": ("verdict", "check"),
}
"""Columns whose values are compared."""

MAY_BE_UNKNOWN: Mapping[ChangedThing, tuple[str, ...]] = {"permission": ("status",)}
"""Compared columns where a missing value means that it could not be known although the rows' own sources were read."""

_KEY = "key "
_OLD, _NEW = " old", " new"


@dataclass(frozen=True)
class Row:
    """One thing that differs."""

    key: tuple[str, ...]
    old: Mapping[str, Any]
    """Its values on the old side, missing is None; empty where it is new."""
    new: Mapping[str, Any]
    """Empty where it is gone."""
    differing: tuple[str, ...] = ()
    """Compared columns with another value."""

    def value(self, name: str) -> Any:
        """The value on the new side, and of what is gone on the old one."""
        return (self.new or self.old).get(name)


@dataclass(frozen=True)
class Matched:
    """Two tables, matched."""

    thing: ChangedThing
    unknown: Mapping[str, tuple[int, int]]
    """Column that may be unknown: on how many rows the old, and the new side alone does not know it."""
    _joined: pd.DataFrame
    _differs: Mapping[str, pd.Series[Any]]

    def differing(self) -> Iterator[tuple[ChangeKind, Row]]:
        """Every row that is new, gone or changed."""
        which = self._joined["which"]
        changed = pd.Series(False, index=self._joined.index)
        for column in self._differs.values():
            changed |= column
        kinds: tuple[tuple[ChangeKind, pd.Series[Any]], ...] = (
            ("new", which == "right_only"),
            ("gone", which == "left_only"),
            ("changed", changed),
        )
        for kind, wanted in kinds:
            for row in self._rows(kind, wanted):
                yield kind, row

    def _rows(self, kind: ChangeKind, wanted: pd.Series[Any]) -> Iterator[Row]:
        chosen = self._joined[wanted]
        keys = zip(*(chosen[name] for name in chosen if str(name).startswith(_KEY)), strict=True)
        olds = [{}] * len(chosen) if kind == "new" else list(_records(chosen, _OLD))
        news = [{}] * len(chosen) if kind == "gone" else list(_records(chosen, _NEW))
        flags = [[name if one else "" for one in column[wanted]] for name, column in self._differs.items()]
        differing = [tuple(filter(None, names)) for names in zip(*flags, strict=True)] or [()] * len(chosen)
        for key, old, new, names in zip(keys, olds, news, differing, strict=True):
            yield Row(tuple(map(str, key)), old, new, names if kind == "changed" else ())


def matched(thing: ChangedThing, old: pd.DataFrame, new: pd.DataFrame) -> Matched:
    """Matches the rows of two tables of ``side.COLUMNS``. Rows that share a key are matched in the order of their values."""
    left, right = _keyed(thing, old), _keyed(thing, new)
    on = [name for name in left if str(name).startswith(_KEY)] + ["ordinal"]
    joined = left.merge(right, on=on, how="outer", suffixes=(_OLD, _NEW), indicator="which")
    both = joined["which"] == "both"
    differs: dict[str, pd.Series[Any]] = {}
    unknown: dict[str, tuple[int, int]] = {}
    for name in COMPARED[thing]:
        before, after = joined[name + _OLD], joined[name + _NEW]
        no_old, no_new = before.isna(), after.isna()
        equal = (before == after).fillna(False).astype(bool) | (no_old & no_new)
        differs[name] = both & ~equal
        if name in MAY_BE_UNKNOWN.get(thing, ()):
            unknown[name] = (int((both & no_old & ~no_new).sum()), int((both & no_new & ~no_old).sum()))
            differs[name] &= ~no_old & ~no_new
    return Matched(thing, unknown, joined, differs)


def of_scope(table: pd.DataFrame, app_ids: frozenset[str]) -> pd.DataFrame:
    """The rows about these apps, and all where none are given or the table is not about apps."""
    return table[table["app_id"].isin(app_ids)] if app_ids and "app_id" in table else table


def _keyed(thing: ChangedThing, table: pd.DataFrame) -> pd.DataFrame:
    """The table with its key columns, and an ordinal that tells rows apart that share a key."""
    keys = {_KEY + name: table[name].fillna("") for name in KEYS[thing]}
    if thing == "permission":
        by_value = "value:" + table["permission"].str.lower().fillna("")
        keys[_KEY + "permission_id"] = table["permission_id"].where(table["permission_id"].notna(), by_value)
    if thing == "consent":
        keys[_KEY + "permission"] = keys[_KEY + "permission"].str.lower().where(table["type"] == "delegated", "")
    keyed = table.assign(**keys, ordinal=0)
    if keyed.duplicated(list(keys)).any():
        told: Any = sorted(table, key=lambda name: name not in COMPARED[thing])
        text = keyed[told].astype("str").fillna("")
        keyed = keyed.loc[text.sort_values(told, kind="stable").index]
        keyed["ordinal"] = keyed.groupby(list(keys), sort=False).cumcount()
    return keyed


def _records(chosen: pd.DataFrame, suffix: str) -> Iterator[dict[str, Any]]:
    names = [str(name) for name in chosen if str(name).endswith(suffix)]
    columns = [_plain(chosen[name]) for name in names]
    short = [name.removesuffix(suffix) for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(short, values, strict=True))


def _plain(column: pd.Series[Any]) -> list[Any]:
    """The values as JSON has them: missing is None, times are ISO 8601 in UTC."""
    missing = column.isna()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    values: list[Any] = column.astype(object).where(~missing, None).tolist()
    return values
