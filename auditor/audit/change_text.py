"""What a change says: one sentence that names the object, and the values that differ as plain JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from auditor.audit.change import Change, ChangedThing, ChangeKind
from auditor.audit.matched import Row
from auditor.audit.side import COLUMNS, Side
from auditor.reference.resources import resource_name

_LONGEST_NAME, _LONGEST_TEXT, _MOST_VALUES = 80, 400, 4
_LABELS = {
    "enabled": "enabled for sign-in",
    "sign_in_audience": "sign-in audience",
    "object_id": "object id of the registration",
    "service_principal_id": "object id of the service principal",
    "consented_users": "number of users who consented",
    "principal_id": "user",
    "end_at": "end",
}
_FLAGS = ("enabled", "requested", "granted")
"""A missing value is not known; of others it is not set."""
_NOT_TOLD = ("app_id", "display_name", "summary", "reason")
"""Columns that a change has as fields of its own, or sentences."""


@dataclass(frozen=True)
class Names:
    """Display names of both sides, by app id; the newer name wins."""

    apps: Mapping[str, str]
    single_users: frozenset[tuple[str, str, str]] = frozenset()
    """(app, resource, permission in lower case) that single users had consented to on the old side."""

    @classmethod
    def of(cls, old: Side, new: Side) -> Names:
        """The names that two sides know."""
        known: dict[str, str] = {}
        for side in (old, new):
            table = side.table("app").dropna(subset=["app_id", "display_name"])
            known.update(zip(table["app_id"], table["display_name"], strict=True))
        return cls(known)

    def app(self, app_id: str | None) -> str | None:
        """The name of an app; None where neither side knows one."""
        return self.apps.get(app_id) if app_id else None

    def called(self, app_id: str | None) -> str:
        """How a sentence names an app."""
        return _short(self.app(app_id) or app_id or "A deleted service principal")

    def resource(self, app_id: str | None) -> str:
        """How a sentence names a resource."""
        return _short((app_id and resource_name(app_id)) or self.app(app_id) or app_id or "a deleted service principal")


def changes_of(thing: ChangedThing, rows: Iterable[tuple[ChangeKind, Row]], names: Names) -> Iterator[Change]:
    """Rows that differ as changes."""
    for kind, row in rows:
        before, after = _values(thing, kind, row)
        app_id = row.value("app_id")
        yield Change(
            kind=kind,
            thing=thing,
            summary=_SENTENCES[thing](kind, row, names, list(_differences(before, after)) if kind == "changed" else []),
            app_id=app_id,
            display_name=row.value("display_name") or names.app(app_id),
            key=row.key,
            before=before,
            after=after,
        )


def _values(thing: ChangedThing, kind: ChangeKind, row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values before and after: those that differ, and all of what is new or gone."""
    if kind != "changed":
        told = {name: row.value(name) for name in COLUMNS[thing] if name not in _NOT_TOLD}
        values = {
            name: orjson.loads(value) if COLUMNS[thing][name] == "json" and value else value
            for name, value in told.items()
        }
        return ({}, values) if kind == "new" else (values, {})
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name in row.differing:
        if COLUMNS[thing][name] == "json":
            old, new = (dict(_leaves(name, orjson.loads(side[name] or "{}"))) for side in (row.old, row.new))
            paths = [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]
            before.update({path: old.get(path) for path in paths})
            after.update({path: new.get(path) for path in paths})
        else:
            before[name], after[name] = row.old[name], row.new[name]
    return before, after


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every value inside an object by its path, such as ``conditions.users.includeUsers``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    else:
        yield path, value


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for number, name in enumerate(before):
        if number == _MOST_VALUES:
            yield f"and {len(before) - _MOST_VALUES:,} more values differ"
            return
        label = _LABELS.get(name, _short(name.replace("_", " ")))
        missing = "not known" if name in _FLAGS else "not set"
        yield f"{label} was {_shown(before[name], missing)} and is {_shown(after[name], missing)}"


def _shown(value: Any, missing: str) -> str:
    if value is None:
        return missing
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int):
        return _short(str(value))
    return _short(orjson.dumps(value).decode())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _of_app(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    name = _short(row.value("display_name") or row.value("app_id") or "An app without a name")
    if kind == "changed":
        return f"{name}: {'; '.join(differences)}."
    became = "was not in the tenant before" if kind == "new" else "is no longer in the tenant"
    return f"{name} ({row.value('kind') or 'kind not known'}) {became}."


def _of_permission(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    app = names.called(row.value("app_id"))
    if kind == "changed":
        return f"{app}, {_permission(row, names)}: {'; '.join(differences)}."
    what = f"{app}: the {_permission(row, names)}"
    return f"{what} is new: {_standing(row)}." if kind == "new" else f"{what} is gone; it was {_standing(row)}."


def _permission(row: Row, names: Names) -> str:
    permission = row.value("permission") or row.value("permission_id") or "without a name"
    return f"{row.value('type')} permission {_short(permission)} on {names.resource(row.value('resource_app_id'))}"


def _standing(row: Row) -> str:
    """In words, what an app has of a permission."""
    requested = {True: "requested", False: "not requested"}.get(row.value("requested"), "")
    users = row.value("consented_users")
    by = {"admin": "granted by an admin", "users": f"consented to by {users} single user{'' if users == 1 else 's'}"}
    granted = by.get(row.value("consent") or "", "not granted")
    return " and ".join(filter(None, (requested, granted)))


def _of_consent(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    app, what = names.called(row.value("app_id")), f"the {_permission(row, names)}"
    if kind == "changed":
        return f"The grant of {what} to {app}: {'; '.join(differences)}."
    if row.value("consent") == "user":
        user = f"user {row.value('principal_id') or 'not known'}"
        return (
            f"The {user} has consented to {what} for {app}."
            if kind == "new"
            else f"The consent of {user} to {what} for {app} is gone."
        )
    everybody = " for all users" if row.value("type") == "delegated" else ""
    if kind == "gone":
        return f"The grant of {what} to {app}{everybody} is gone."
    asked = (row.value("app_id"), row.value("resource_app_id"), (row.value("permission") or "").lower())
    before = ", where single users had consented before" if everybody and asked in names.single_users else ""
    return f"{app} was granted {what}{everybody}{before}."


def _of_credential(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    name = row.value("name") or row.value("key_id")
    words = {"federated": "federated credential"}.get(row.value("kind"), row.value("kind") or "credential")
    what = f"the {words} {_short(name)}" if name else f"a {words}"
    where = " of its service principal" if row.value("holder") == "service-principal" else ""
    app = names.called(row.value("app_id"))
    if kind == "changed":
        return f"{app}, {what}{where}: {'; '.join(differences)}."
    end = f"; its end is {row.value('end_at')}" if row.value("end_at") else ""
    trusts = f"; it trusts {_short(row.value('subject') or '')} of {_short(row.value('issuer') or '')}"
    end = trusts if row.value("kind") == "federated" else end
    return f"{app}: {what}{where} is {'new' if kind == 'new' else 'gone'}{end}."


def _of_finding(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    told = _cut(row.value("summary") or "")
    if kind == "changed":
        return f"{told} Its {'; its '.join(differences)}."
    if kind == "new":
        return f"New finding, {row.value('severity')}: {told}"
    return f"No longer found ({row.value('severity')}): {told}"


def _of_role(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    role = _short(row.value("role") or row.value("role_template_id") or "without a name")
    scope = row.value("scope")
    where = "" if scope in (None, "/") else f" on {_short(scope)}"
    holds = "holds" if kind == "new" else "no longer holds"
    return f"{names.called(row.value('app_id'))} {holds} the directory role {role}{where}."


def _of_policy(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    what = f"The Conditional Access policy {_short(row.value('display_name') or row.value('policy_id') or '')}"
    if kind == "changed":
        return f"{what}: {'; '.join(differences)}."
    state = row.value("state") or "not known"
    return f"{what} is new; its state is {state}." if kind == "new" else f"{what} is gone; its state was {state}."


def _of_prediction(kind: ChangeKind, row: Row, names: Names, differences: list[str]) -> str:
    what = f"{names.called(row.value('app_id'))}: {_short(row.value('call') or '')} ({row.value('flow') or 'any flow'})"
    if kind == "gone":
        return f"{what} is not declared any more; its verdict was {row.value('verdict')}."
    reason = _cut(row.value("reason") or "")
    if kind == "new":
        return f"{what} was not declared before; its verdict is {row.value('verdict')}. {reason}".strip()
    return f"{what}: {'; '.join(differences)}. {reason}".strip()


_SENTENCES = {
    "app": _of_app,
    "permission": _of_permission,
    "consent": _of_consent,
    "credential": _of_credential,
    "finding": _of_finding,
    "directory role": _of_role,
    "policy": _of_policy,
    "prediction": _of_prediction,
}
