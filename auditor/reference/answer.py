"""What the reference says about one call, put together: permissions by token type, and what else is needed beside them.

Pure data for ``auditor permissions`` and anyone who asks about a call and not about an app. What it means for an app and its
tenant, the predictor decides. What is not listed is unknown, not denied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from auditor.reference import overlay
from auditor.reference.catalog import Catalog, load
from auditor.reference.claims import Authorization, SchemeName
from auditor.reference.gates import gates
from auditor.reference.licences import Licence, needed_by
from auditor.reference.overlay import SCHEMES, FieldRule
from auditor.reference.resources import GRAPH
from auditor.reference.roles import app_requirements
from auditor.reference.similar import similar_templates
from auditor.reference.user_calls import GuestRule, UserCallRule, guest_rule, user_call_rule
from auditor.reference.writing import WHY, writers

Subject = Literal["condition", "second gate", "directory role", "guests", "licence"]


@dataclass(frozen=True)
class Way:
    """One permission, with all it also requires, that authorizes a call."""

    permission: str
    least: bool
    also_requires: tuple[str, ...]
    id: str | None
    """Id on Microsoft Graph's service principal; None where the live list lacks it."""
    admin_consent: bool | None
    """Whether only an admin may consent; None where it is not known."""


@dataclass(frozen=True)
class Alternatives:
    """One list of which one way must be met."""

    ways: tuple[Way, ...]
    """Least privileged first; empty: not possible with this token type."""
    field: str | None = None
    """The body field or query property that asks for it; None: the call itself."""
    why: str | None = None


@dataclass(frozen=True)
class Note:
    """Something else that decides, beside permissions."""

    about: Subject
    text: str
    """One sentence."""
    permissions: tuple[str, ...] = ()
    """Only for these; empty: whatever permission is held."""
    certainty: Literal["likely", "possible"] = "possible"
    url: str | None = None


@dataclass(frozen=True)
class SchemeAnswer:
    """One token type."""

    lists: tuple[Alternatives, ...]
    """Each must be met; empty: no permission of this token type is listed."""
    notes: tuple[Note, ...]

    @property
    def supported(self) -> bool:
        """Whether some permission of this token type opens the call."""
        return bool(self.lists) and all(one.ways for one in self.lists)


@dataclass(frozen=True)
class Answer:
    """What is known of a call."""

    template: str | None
    """The path template that it matches; None: the permission data lacks the path."""
    schemes: Mapping[SchemeName, SchemeAnswer]
    """Every token type; without lists where the data says nothing of the path."""
    open_because: str | None
    """Why any valid token may make the call; None where a permission is needed."""
    resource_field: str | None
    """The body field that names what is subscribed to, whose permission is needed; None for other calls, and where the call
    names it: then the lists are those of reading it."""
    resource_specific: tuple[str, ...]
    """Permissions of resource-specific consent that open it as well (application, one team or chat)."""
    role: UserCallRule | None
    """What a signed-in user needs."""
    guest: GuestRule | None
    licences: tuple[Licence, ...]
    methods: tuple[str, ...]
    """Methods that the data has for the path, where it lacks this one."""
    similar: tuple[str, ...]
    """Templates of the data that look like the path, where it lacks the path."""

    @property
    def known(self) -> bool:
        """Whether the data says anything of this path and method."""
        return bool(self.open_because or self.resource_field or self.resource_specific) or any(
            scheme.lists for scheme in self.schemes.values()
        )


def answer(
    method: str,
    path: str,
    body: Collection[str] = (),
    query: Collection[str] = (),
    catalog: Catalog | None = None,
    filtered: Collection[str] = (),
) -> Answer:
    """Put together what is known of a call.

    Args:
        method: upper case.
        path: a template or a real path.
        body: names of body fields (``passwordProfile``, ``entityTypes=site``).
        query: properties that the query names (``signInActivity``).
        catalog: the permission data; without it the one in use.
        filtered: those of ``query`` that ``$filter`` or ``$orderby`` name.
    """
    known, corrections = catalog or load(), overlay.load()
    template = known.template(method, path)
    listed = known.authorizing(method, path) or {}
    fields = corrections.field_rules(method, template) if template else ()
    open_rule = corrections.open_rule(method, template) if template else None
    by_resource = corrections.resource_rule(method, template) if template else None
    subscribed = _named(by_resource.field, body) if by_resource else None
    if by_resource and subscribed:
        # The permission is that of reading what the field names; the rest is about this call.
        own = known.authorizing(overlay.SUBSCRIBE, subscribed)
        inner = answer(overlay.SUBSCRIBE if own else by_resource.method, subscribed, catalog=known)
        return replace(inner, template=template, resource_field=None)
    schemes: dict[SchemeName, SchemeAnswer] = {}
    for scheme in SCHEMES:
        rows = listed.get(scheme, ())
        given = {"body": body, "query": query, "filter": filtered}
        asked = _asked(fields, scheme, given)
        lists = tuple(_alternatives(known, scheme, rows, asked)) if rows or asked else ()
        notes = tuple(_notes(method, template, scheme, lists)) if template and lists else ()
        if lists:
            notes = (*_perhaps(fields, scheme, given), *_writers(known, method, template, scheme), *notes)
        schemes[scheme] = SchemeAnswer(lists, notes)
    specific = known.resource_specific(method, path)
    called = [way.permission for one in schemes.values() for part in one.lists for way in part.ways]
    found = template is not None
    return Answer(
        template=template,
        schemes=schemes,
        open_because=open_rule.why if open_rule else None,
        resource_field=by_resource.field if by_resource else None,
        resource_specific=specific,
        role=user_call_rule(method, template, [*body, *query]) if template else None,
        guest=guest_rule(method, template) if template else None,
        licences=needed_by(method, template, [*body, *query], called) if template else (),
        methods=known.methods(path) if found and not listed else (),
        similar=() if found else similar_templates(known, path),
    )


def _named(field: str, body: Collection[str]) -> str | None:
    """The path that a body field names: ``/me/messages`` of ``resource=me/messages``."""
    for name, _, value in (text.partition("=") for text in sorted(body)):
        if name.lower() == field.lower() and value:
            return "/" + value.strip("/").partition("?")[0]
    return None


def _asked(
    fields: Iterable[FieldRule], scheme: SchemeName, given: Mapping[str, Collection[str]]
) -> list[tuple[FieldRule, str]]:
    """The rules about fields that the call names, each with the field."""
    asked = []
    for rule in fields:
        named = rule.named_in(given[rule.where])
        if named and scheme in rule.authorizations and rule.mode != "perhaps":
            asked.append((rule, named[0]))
    return asked


def _perhaps(fields: Iterable[FieldRule], scheme: SchemeName, given: Mapping[str, Collection[str]]) -> Iterator[Note]:
    """What may be needed besides: pages or reports name it, and the call was seen to work without or may."""
    for rule in fields:
        if rule.mode == "perhaps" and scheme in rule.authorizations:
            if not (rule.holds_always or rule.named_in(given[rule.where])):
                continue
            names = tuple(dict.fromkeys(row.permission for row in rule.authorizations[scheme]))
            source = rule.source if rule.source.startswith("https://") else None
            yield Note("condition", f"One of {', '.join(names)} may be needed as well. {rule.why}", url=source)


def _alternatives(
    known: Catalog, scheme: SchemeName, rows: tuple[Authorization, ...], asked: list[tuple[FieldRule, str]]
) -> Iterator[Alternatives]:
    instead = [(rule, field) for rule, field in asked if rule.mode == "instead"]
    if not instead:
        yield Alternatives(_ways(known, scheme, rows))
    for rule, field in (*instead, *((rule, field) for rule, field in asked if rule.mode == "also")):
        yield Alternatives(_ways(known, scheme, rule.authorizations[scheme]), field, rule.why)


def _ways(known: Catalog, scheme: SchemeName, rows: tuple[Authorization, ...]) -> tuple[Way, ...]:
    ways = []
    for row in rows:
        permission = known.permission(row.permission)
        form = (
            None
            if permission is None
            else (permission.application if scheme == "application" else permission.delegated)
        )
        consent = form.admin_consent if form else None
        ways.append(Way(row.permission, row.least, row.also_requires, form.id if form else None, consent))
    return tuple(ways)


def _writers(known: Catalog, method: str, template: str | None, scheme: SchemeName) -> Iterator[Note]:
    found = () if template is None else writers(known, method, template, scheme)
    if found:
        names = tuple(dict.fromkeys(row.permission for row in found))
        yield Note("condition", f"One of {', '.join(names)} may be needed as well. {WHY}")


_GATE_OF_CONDITION = {"owned": "owned-apps", "selected": "selected-sites", "migration": "teams-migration"}
"""Conditions on single permissions that a second gate tells as well."""


def _notes(method: str, template: str, scheme: SchemeName, lists: tuple[Alternatives, ...]) -> Iterator[Note]:
    held = list(dict.fromkeys(way.permission for one in lists for way in one.ways))
    told = set()
    kind = "application" if scheme == "application" else "delegated"
    for gate in gates() if scheme != "personal" else ():
        behind = tuple(name for name in held if gate.permissions.fullmatch(name))
        if behind and GRAPH in gate.resources and kind in gate.types:
            told.add(gate.id)
            yield Note("second gate", f"{gate.name}: {gate.why}.", behind, gate.certainty, gate.url)
    for condition in overlay.load().conditions_of(method, template, scheme):
        concerned = tuple(name for name in held if name in condition.permissions)
        if _GATE_OF_CONDITION.get(condition.when) in told or not (condition.calls or concerned):
            continue
        source = condition.source if condition.source.startswith("https://") else None
        yield Note("condition", condition.why, tuple(sorted(concerned or condition.permissions)), url=source)
    for need in app_requirements() if scheme == "application" and method != "GET" else ():
        concerned = tuple(name for name in held if need.resource == GRAPH and need.permissions.fullmatch(name))
        if concerned:
            text = f"A directory role on the service principal such as {need.grant}: {need.why}."
            yield Note("directory role", text, concerned, need.certainty, need.url)


@dataclass(frozen=True)
class Opened:
    """What one permission opens."""

    name: str
    resource_specific: bool
    ids: Mapping[SchemeName, str | None]
    """Its id by token type; a token type it does not exist for is absent."""
    admin_consent: Mapping[SchemeName, bool]
    calls: Mapping[SchemeName, tuple[tuple[str, str, bool], ...]]
    """Token type -> (method, template, whether it is the least privileged there), sorted by template."""


def opened(name: str, catalog: Catalog | None = None) -> Opened | None:
    """Return the calls that a permission authorizes; None for a name that the permission data lacks.

    Names match whatever their case. Names that look like an unknown one: ``similar.similar_names``.
    """
    known = catalog or load()
    permission = known.permission(name)
    if permission is None:
        return None
    forms = {
        "delegated": permission.delegated,
        "personal": permission.delegated if permission.personal else None,
        "application": permission.application,
    }
    calls: dict[SchemeName, tuple[tuple[str, str, bool], ...]] = {}
    for scheme in SCHEMES:
        rows = known.calls(permission.name, scheme)
        calls[scheme] = tuple(
            (method, path, _is_least(known, method, path, scheme, permission.name)) for method, path in rows
        )
    return Opened(
        name=permission.name,
        resource_specific=permission.resource_specific,
        ids={scheme: form.id for scheme in SCHEMES if (form := forms[scheme]) is not None},
        admin_consent={scheme: form.admin_consent for scheme in SCHEMES if (form := forms[scheme]) is not None},
        calls=calls,
    )


def _is_least(known: Catalog, method: str, path: str, scheme: SchemeName, name: str) -> bool:
    rows = (known.authorizing(method, path) or {}).get(scheme, ())
    return any(row.permission == name and row.least for row in rows)
