"""What a call needs of a token, read from the reference: lists of permissions that must each be met, and the conditions on them.

The permission map gives the base list, our corrections replace it or add to it for body fields and query properties. What a
token carries is ``token``'s, what follows from both ``authorization``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from auditor.predict.call import Call
from auditor.reference import catalog, overlay, writing
from auditor.reference.claims import Authorization, SchemeName
from auditor.reference.licences import licensed_properties
from auditor.reference.overlay import Condition, FieldRule
from auditor.reference.user_calls import ruled_fields

SHOWN = 6
"""Permissions named as a remedy, at most; the least privileged come first."""


@dataclass(frozen=True)
class Requirement:
    """One list of which one entry must be met."""

    ways: tuple[Authorization, ...]
    """Least privileged first; empty: not possible at all with this type of token."""
    because: str = ""
    """The field that asks for it; empty: the call itself."""
    replaces: bool = False
    """Whether it stands in place of the call's own list."""
    scheme: SchemeName | None = None
    """Type of the permissions; None: not told apart."""

    def met_by(self, held: Iterable[str]) -> tuple[Authorization, ...]:
        """The entries that a token with these permissions meets."""
        names = {name.lower() for name in held}
        return tuple(
            way
            for way in self.ways
            if way.permission.lower() in names and all(other.lower() in names for other in way.also_requires)
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """The entries as text, least privileged first; those of other services, which cover the call by the way, last."""
        if not self.ways:
            return ()
        offered = [way for way in self.ways if self._can_be_granted(way)] or list(self.ways)
        family = _family(offered[0])
        ordered = sorted(offered, key=lambda way: (_family(way) != family, _family(way) != "Directory"))
        return tuple(dict.fromkeys(written(way) for way in ordered))[:SHOWN]

    @property
    def is_published(self) -> bool:
        """Whether any of it can be requested at all, as far as the permission data knows."""
        return any(map(self._can_be_granted, self.ways))

    def _can_be_granted(self, way: Authorization) -> bool:
        """Whether Microsoft Graph publishes it under this type; the map also names what nobody can request."""
        if self.scheme is None:
            return True
        for name in (way.permission, *way.also_requires):
            known = catalog.load().permission(name)
            form = None if known is None else known.application if self.scheme == "application" else known.delegated
            if form is None or form.id is None:
                return False
        return True


@dataclass(frozen=True)
class Rules:
    """Everything the reference says about a call and a token type."""

    template: str | None
    """The path template that matched; None: the reference does not know the path."""
    listed: Mapping[SchemeName, tuple[Authorization, ...]] | None
    """Every scheme's own list; None: nothing is known of the call."""
    requirements: tuple[Requirement, ...]
    uncertain: tuple[Requirement, ...]
    """Which of these holds is decided by the value of a body field that the declared call leaves out."""
    conditions: tuple[Condition, ...]
    resource_specific: tuple[str, ...]
    """Permissions of resource-specific consent that open it as well."""
    is_open: bool
    """Any valid token may make it."""
    subscribed: Call | None
    """The call whose permission this one needs (change notifications); None for every other call."""
    needs_subscribed: bool
    """It is such a call, and what is subscribed to is not declared."""
    perhaps: tuple[tuple[Requirement, str], ...] = ()
    """Lists that may count as well, each with why: where one is not met, whether the call is accepted is not known."""
    by_alias: bool = False
    """Its list is that of ``/users/{id}/…``, which may ask for more than one's own object needs."""


def _family(way: Authorization) -> str:
    """``User`` of ``User.Read.All``, ``Group`` of ``GroupMember.Read.All``."""
    return way.permission.partition(".")[0].partition("-")[0].removesuffix("Member")


def written(way: Authorization) -> str:
    """``A``, or ``A + B`` where both are needed."""
    return " + ".join((way.permission, *way.also_requires))


SENSITIVE = frozenset(
    {
        "passwordprofile",
        "accountenabled",
        "mobilephone",
        "businessphones",
        "othermails",
        "userprincipalname",
        "onpremisesimmutableid",
    }
)
"""Lower case: of people who hold an admin role, only a higher role changes these.
https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions"""


@lru_cache(maxsize=1)
def deciding_fields() -> frozenset[str]:
    """Names of body fields, lower case, that decide what some call needs; all others may be left out of a recorded one."""
    corrections = overlay.load()
    named = {name for rule in corrections.fields if rule.where == "body" for name in rule.names}
    named |= {rule.field for rule in corrections.resources} | ruled_fields() | licensed_properties()
    return SENSITIVE | {name.partition("=")[0].lower() for name in named}


def rules(call: Call, scheme: SchemeName) -> Rules:
    """What the reference says about a call for a type of token."""
    known, corrections = catalog.load(), overlay.load()
    path = _known_path(known, call, scheme)
    template = known.template(call.method, path)
    listed = known.authorizing(call.method, path)
    if template is None:
        return Rules(None, listed, (), (), (), (), False, None, False)
    by_resource = corrections.resource_rule(call.method, template)
    fields = corrections.field_rules(call.method, template)
    return Rules(
        template=template,
        listed=listed,
        requirements=_requirements(call, scheme, (listed or {}).get(scheme, ()), fields),
        uncertain=_uncertain(call, scheme, fields),
        conditions=corrections.conditions_of(call.method, template, scheme),
        resource_specific=known.resource_specific(call.method, path) if scheme == "application" else (),
        is_open=corrections.open_rule(call.method, template) is not None,
        subscribed=_named(call, by_resource.field, by_resource.method) if by_resource else None,
        needs_subscribed=by_resource is not None and _named(call, by_resource.field, by_resource.method) is None,
        perhaps=(*_perhaps(call, scheme, fields), *_writers(known, call.method, template, scheme)),
        by_alias=path != call.path,
    )


def _known_path(known: catalog.Catalog, call: Call, scheme: SchemeName) -> str:
    """The path to look a call up by: where the data lacks ``/me/…``, that of the signed-in user, ``/users/{id}/…``.

    https://learn.microsoft.com/graph/api/resources/users
    """
    beyond = call.path[3:]
    if scheme == "application" or call.path[:4].lower() != "/me/" or known.authorizing(call.method, call.path):
        return call.path
    return f"/users/{{id}}{beyond}" if known.authorizing(call.method, f"/users/{{id}}{beyond}") else call.path


def _requirements(
    call: Call, scheme: SchemeName, base: tuple[Authorization, ...], fields: Iterable[FieldRule]
) -> tuple[Requirement, ...]:
    instead: list[Requirement] = []
    also: list[Requirement] = []
    for rule in fields:
        named = sorted(_given(call, rule))
        if not named or scheme not in rule.authorizations or rule.mode == "perhaps":
            continue
        kind = instead if rule.mode == "instead" else also
        kind.append(Requirement(rule.authorizations[scheme], named[0], rule.mode == "instead", scheme))
    return (*(instead or (Requirement(base, scheme=scheme),)), *also)


def _given(call: Call, rule: FieldRule) -> frozenset[str]:
    """The names of a rule that the declared call carries; names match whatever their case."""
    given = call.body if rule.where == "body" else call.query if rule.where == "query" else call.filtered
    return frozenset(rule.named_in(given))


def _perhaps(call: Call, scheme: SchemeName, fields: Iterable[FieldRule]) -> tuple[tuple[Requirement, str], ...]:
    return tuple(
        (Requirement(rule.authorizations[scheme], scheme=scheme), rule.why)
        for rule in fields
        if rule.mode == "perhaps" and scheme in rule.authorizations and (rule.holds_always or _given(call, rule))
    )


def _writers(
    known: catalog.Catalog, method: str, template: str, scheme: SchemeName
) -> tuple[tuple[Requirement, str], ...]:
    found = writing.writers(known, method, template, scheme)
    return ((Requirement(found, scheme=scheme), writing.WHY),) if found else ()


def _uncertain(call: Call, scheme: SchemeName, fields: Iterable[FieldRule]) -> tuple[Requirement, ...]:
    """Alternatives by value (``entityTypes=site``) of a field that the call does not name at all."""
    found = []
    given = {name.partition("=")[0].lower() for name in call.body}
    for rule in fields:
        by_value = [name for name in rule.names if "=" in name]
        if rule.where == "body" and by_value and by_value[0].partition("=")[0].lower() not in given:
            found.append(Requirement(rule.authorizations.get(scheme, ()), by_value[0], replaces=True))
    return tuple(found)


def _named(call: Call, field: str, method: str) -> Call | None:
    for name in sorted(call.body):
        key, _, value = name.partition("=")
        if key.lower() == field.lower() and value:
            path = "/" + value.strip("/").partition("?")[0]
            if catalog.load().authorizing(overlay.SUBSCRIBE, path):
                return Call(f"Subscribing to {path}", overlay.SUBSCRIBE, path, call.version)
            return Call(text=f"{method} {path}", method=method, path=path, version=call.version)
    return None
