"""The permission catalog: which permission authorizes which call, by token type; ids, levels and consent of each.

Reads the compiled file (``build.py`` writes it) and answers look-ups. The file is Microsoft's published permission
map, an any-of map with known errors; ``overlay.py`` holds our reviewed corrections, which ``authorizing`` applies.
What is not listed is unknown, not denied. Directory roles, licences and second gates are told elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import orjson

from auditor.errors import InputError
from auditor.reference import paths, place
from auditor.reference.damage import damage
from auditor.reference.match import Leaf, Node, grow, leaves

SchemeName = Literal["delegated", "personal", "application"]
PermissionType = Literal["delegated", "application"]

FORMAT = 1
"""Version of the compiled file. Any other is refused."""

LEAST = "*"
"""Mark behind a permission that is the least privileged of its scheme; ``+Name`` names what it also requires."""

_LETTERS: Mapping[SchemeName, str] = {"delegated": "d", "personal": "p", "application": "a"}


@dataclass(frozen=True, slots=True)
class Scheme:
    """One form of a permission: delegated, or application."""

    id: str | None
    """Id on Microsoft Graph's service principal; None where the live list lacks the permission in this form."""
    admin_consent: bool
    """Whether only an admin may consent. A tenant's own service principal wins."""
    privilege: int | None
    """Microsoft's grade, 1 (least) to 4; None where not graded."""
    enforced_by: str | None = None
    """App id of the resource that Conditional Access is evaluated against, where Microsoft's file names it."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission of Microsoft Graph."""

    name: str
    delegated: Scheme | None
    application: Scheme | None
    personal: bool
    """Whether it works for personal Microsoft accounts (delegated)."""
    resource_specific: bool
    """Granted for one team, chat or group (resource-specific consent), never tenant-wide."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """One way to be authorized: this permission together with all of ``also_requires``."""

    permission: str
    least: bool
    also_requires: tuple[str, ...]


Authorizations = Mapping[SchemeName, tuple[Authorization, ...]]


class Catalog:
    """The compiled permission map. Made by ``load`` or ``Catalog.from_bytes``; look-ups never raise."""

    def __init__(self, content: Mapping[str, Any], raw: bytes, origin: str) -> None:
        self.date: str = content["date"]
        """ISO date of Microsoft's data."""
        self.size = len(raw)
        """Bytes of the compiled file."""
        self.origin = origin
        """Where the file was read from."""
        self.sources: Mapping[str, str] = content["sources"]
        """Name of each published file it was compiled from -> sha256."""
        self._raw = raw
        self._permissions: dict[str, dict[str, Any]] = content["permissions"]
        self._rules: dict[str, dict[str, str]] = content["rules"]
        self._paths: dict[str, str] = content["paths"]
        self._tries: dict[str, Node] = {}
        self._read: dict[tuple[str, bool], Authorizations] = {}

    @classmethod
    def from_bytes(cls, raw: bytes, origin: str, *, thorough: bool = False) -> Catalog:
        """Read a compiled file; ``thorough`` looks at every entry, for a file that did not come with the package.

        Raises InputError (one sentence) if it is damaged or of another format.
        """
        try:
            content = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InputError(f"The permission catalog {origin} is damaged: {error}.") from None
        if not isinstance(content, dict) or not isinstance(content.get("format"), int):
            raise InputError(f"{origin} is not a permission catalog; build one with `auditor catalog build`.")
        if content["format"] != FORMAT:
            age = "older" if content["format"] < FORMAT else "newer"
            raise InputError(
                f"The permission catalog {origin} has the {age} format {content['format']}; this version reads "
                f"format {FORMAT}."
            )
        found = damage(content, thorough=thorough)
        if found is not None:
            raise InputError(f"The permission catalog {origin} is damaged: {found}.")
        return cls(content, raw, origin)

    @cached_property
    def sha256(self) -> str:
        """Hash of the compiled file."""
        return hashlib.sha256(self._raw).hexdigest()

    def permission(self, name: str) -> Permission | None:
        """Return what is known of a permission; None for an unknown name. Names match whatever their case."""
        entry = self._permissions.get(name)
        if entry is None:
            name = self._names.get(name.lower(), "")
            entry = self._permissions.get(name)
        return None if entry is None else _permission(name, entry)

    def permissions(self) -> Iterable[Permission]:
        """Return every permission, sorted by name."""
        return (_permission(name, entry) for name, entry in self._permissions.items())

    def name_of(self, permission_id: str, type: PermissionType) -> str | None:
        """Return the name of an app role id or scope id of Microsoft Graph; None if unknown under that type."""
        return self._ids.get((type, permission_id.lower()))

    def authorizing(self, method: str, path: str, *, raw: bool = False) -> Authorizations | None:
        """Return, for each token type, what authorizes a call: least privileged first.

        ``path`` is a template or a real URL path (``paths.tokens`` has the forms). A scheme without any permission is
        absent; an empty mapping means that the path is known, this method (without resource-specific consent) is not;
        None that the map has no such path. ``raw`` leaves out our corrections.
        """
        found = self._find(method, path)
        if found is None:
            return None
        rule = found[1]
        return _NOTHING if rule is None else self._authorizations(rule, raw=raw)

    def resource_specific(self, method: str, path: str) -> tuple[str, ...]:
        """Return the permissions of resource-specific consent that authorize a call (application, one team or chat)."""
        found = self._find(method, path)
        if found is None or found[1] is None:
            return ()
        return tuple(claim.permission for claim in _claims(self._rules.get(found[1], {}).get("r", "")))

    def template(self, method: str, path: str) -> str | None:
        """Return the path template of the map that a call matches: ``/users/{id}/messages``."""
        found = self._find(method, path)
        return None if found is None else found[0]

    def calls(self, permission: str, scheme: SchemeName) -> tuple[tuple[str, str], ...]:
        """Return every (method, template) that a permission authorizes, sorted by template."""
        letter = _LETTERS[scheme]
        found = self._opened.get((letter, permission), ())
        return tuple(sorted(((method, template) for _, method, template in found), key=lambda call: (call[1], call[0])))

    def delegated_only_calls(self, permission: str) -> tuple[tuple[str, str], ...]:
        """Return the (method, template) that this delegated permission opens and no application permission does."""
        found = self._opened.get(("d", permission), ())
        calls = ((method, template) for rule, method, template in found if "a" not in self._rules[rule])
        return tuple(sorted(calls, key=lambda call: (call[1], call[0])))

    def entries(self) -> Iterator[tuple[str, str, Authorizations]]:
        """Yield every (method, template, authorizations) of the map as published, without our corrections."""
        for template, entry in self._paths.items():
            for method, rule in _methods(entry).items():
                yield method, template, self._authorizations(rule, raw=True)

    def _find(self, method: str, path: str) -> tuple[str, str | None] | None:
        """Return the matched template and its rule; the rule is None where the path lacks this method."""
        wanted = paths.tokens(path)
        if wanted is None:
            return None
        group = paths.function_name(wanted[0]) or wanted[0]
        method = method.strip().upper()
        first: Leaf | None = None
        for leaf in leaves(self._trie(group), wanted):
            first = first or leaf
            rule = _methods(leaf[1]).get(method)
            if rule is not None:
                return leaf[0], rule
        return None if first is None else (first[0], None)

    def _trie(self, group: str) -> Node:
        if group not in self._tries:
            self._tries[group] = grow((template, self._paths[template]) for template in self._groups.get(group, ()))
        return self._tries[group]

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        """First segment, lower case -> templates."""
        groups: dict[str, list[str]] = {}
        for template in self._paths:
            first = template[1:].partition("/")[0].partition("(")[0].lower()
            groups.setdefault(first, []).append(template)
        return groups

    @cached_property
    def _names(self) -> dict[str, str]:
        return {name.lower(): name for name in self._permissions}

    @cached_property
    def _ids(self) -> dict[tuple[str, str], str]:
        ids = {}
        for permission in self.permissions():
            for type_, scheme in (("delegated", permission.delegated), ("application", permission.application)):
                if scheme is not None and scheme.id is not None:
                    ids[type_, scheme.id] = permission.name
        return ids

    @cached_property
    def _opened(self) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
        """(Scheme letter, permission) -> (rule, method, template)."""
        holders = {
            rule: {(letter, claim.permission) for letter in schemes for claim in _claims(schemes[letter])}
            for rule, schemes in self._rules.items()
        }
        opened: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        for template, entry in self._paths.items():
            for method, rule in _methods(entry).items():
                for holder in holders.get(rule, ()):
                    opened.setdefault(holder, []).append((rule, method, template))
        return opened

    def _authorizations(self, rule: str, *, raw: bool) -> Authorizations:
        if (rule, raw) not in self._read:
            schemes = self._rules.get(rule, {})
            self._read[rule, raw] = MappingProxyType(
                {name: self._ranked(name, schemes[letter]) for name, letter in _LETTERS.items() if letter in schemes}
            )
        return self._read[rule, raw]

    def _ranked(self, scheme: SchemeName, text: str) -> tuple[Authorization, ...]:
        """Order claims: least first, then by Microsoft's grade, then by name."""
        letter = "a" if scheme == "application" else "d"

        def rank(claim: Authorization) -> tuple[bool, int, str, tuple[str, ...]]:
            facts = self._permissions.get(claim.permission, {}).get(letter)
            grade = facts[2] if facts and facts[2] is not None else 9
            return not claim.least, grade, claim.permission, claim.also_requires

        return tuple(sorted(_claims(text), key=rank))


_NOTHING: Authorizations = MappingProxyType({})


def _permission(name: str, entry: Mapping[str, Any]) -> Permission:
    delegated, application = entry.get("d"), entry.get("a")
    return Permission(
        name=name,
        delegated=Scheme(*delegated) if delegated else None,
        application=Scheme(*application) if application else None,
        personal="p" in entry,
        resource_specific="r" in entry,
    )


def _methods(entry: str) -> dict[str, str]:
    """Read ``GET f9460c POST de8a4b``: method -> rule."""
    words = entry.split()
    return dict(zip(words[::2], words[1::2], strict=False))


def _claims(text: str) -> list[Authorization]:
    """Read ``User.Read.All* Directory.Read.All+Group.Read.All``."""
    found = []
    for word in text.split():
        marked, _, also = word.partition("+")
        least = marked.endswith(LEAST)
        found.append(Authorization(marked.rstrip(LEAST), least, tuple(also.split("+")) if also else ()))
    return found


@lru_cache(maxsize=1)
def load() -> Catalog:
    """Return the catalog in use: the one AUDITOR_CATALOG names; else this user's, if valid and newer; else the shipped.

    Raises InputError if the named or the shipped file cannot be used.
    """
    named = place.named()
    if named is not None:
        return read(named)
    shipped = Catalog.from_bytes(place.SHIPPED.read_bytes(), str(place.SHIPPED))
    cached = place.cached()
    if cached is None or not cached.is_file():
        return shipped
    try:
        newer = read(cached)
    except InputError:
        return shipped  # `auditor catalog info` says what is wrong with it
    return newer if newer.date > shipped.date else shipped


def read(path: Path) -> Catalog:
    """Read a catalog that did not come with the package. Raises InputError (one sentence) if it cannot be used."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"The permission catalog {path} cannot be read: {error.strerror or error}.") from None
    return Catalog.from_bytes(raw, str(path), thorough=True)
