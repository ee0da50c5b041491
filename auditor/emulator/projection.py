"""Objects as they are written: ``$select``, ``$expand``, and what Graph never or only partly shows.

Works on rows that are already chosen and paged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from auditor.emulator import navigation
from auditor.emulator.options import Options
from auditor.emulator.schema import Schema, Type
from auditor.emulator.settings import Settings
from auditor.emulator.store import Row, Store

Project = Callable[[Row], Row]

# https://learn.microsoft.com/graph/api/user-get: a user comes with these unless others are selected.
_USER = [
    "id",
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
]
_BY_DEFAULT = {"user": _USER}
_RELATIONS = frozenset({"owners", "members", "federatedIdentityCredentials"})


class Projector:
    """Writes rows of one tenant."""

    def __init__(self, store: Store, schema: Schema, settings: Settings) -> None:
        self._store = store
        self._schema = schema
        self._settings = settings

    def project(self, rows: list[Row], kind: Type | None, options: Options, visible: Collection[str] = ()) -> list[Row]:
        """The rows with the properties that the request gets to see.

        Args:
            rows: The page.
            kind: Their type; None: written as they are.
            options: ``$select`` and ``$expand`` of the request.
            visible: When not empty, every other property is null: the caller may see only these.
        """
        shape = self._shape(kind, options.select)
        written = [shape(row) for row in rows]
        if visible:
            written = [{k: v if k in visible or k[:1] == "@" else None for k, v in row.items()} for row in written]
        for expand in options.expand:
            member = kind.member(expand.name, part="navigations") if kind else None
            if kind is None or member is None:
                continue
            inner = self._shape(self._schema.types.get(member.type), expand.select)
            limit = self._settings.expand_limit if self._schema.is_a(kind.name, "directoryObject") else None
            for row, out in zip(rows, written, strict=True):
                found = navigation.related(self._store, kind.name, member.name, row)
                if member.is_collection:
                    out[member.name] = [inner(item) for item in found[:limit]]
                else:
                    out[member.name] = inner(found[0]) if found else None
        return written

    def _shape(self, kind: Type | None, select: list[str]) -> Project:
        """How one row of a type is written."""
        if kind is None:
            return dict
        if not select and kind.name in _BY_DEFAULT:
            select = _BY_DEFAULT[kind.name]
        if kind.name == "directoryObject":
            return _polymorphic(select)
        hidden = frozenset(kind.navigations)
        if not select:

            def whole(row: Row) -> Row:
                out = {name: value for name, value in row.items() if name not in hidden}
                return _without_keys(out) if out.get("keyCredentials") else out

            return whole
        members = [(name, kind.member(name.partition("/")[0])) for name in select]
        empty: list[tuple[str, Any]] = [
            (member.name if member else name, [] if member and member.is_collection else None)
            for name, member in members
            if member is None or member.name not in hidden
        ]

        def chosen(row: Row) -> Row:
            out = {name: row.get(name, default) for name, default in empty}
            if "@odata.type" in row:
                out["@odata.type"] = row["@odata.type"]
            return out

        return chosen


def _polymorphic(select: list[str]) -> Project:
    """Directory objects of any type; properties of the derived types can be selected."""
    if select:
        wanted = {"@odata.type", *select}
        return lambda row: {name: value for name, value in row.items() if name in wanted}

    def whole(row: Row) -> Row:
        out = {name: value for name, value in row.items() if name not in _RELATIONS}
        return _without_keys(out) if out.get("keyCredentials") else out

    return whole


def _without_keys(row: Row) -> Row:
    """Certificates' bytes come only to those who select ``keyCredentials`` by name."""
    row["keyCredentials"] = [{**credential, "key": None} for credential in row["keyCredentials"]]
    return row
