"""The permission catalog: which permission authorizes which call, by token type; ids, levels and consent of each.

Reads the compiled file (``build.py`` writes it) and answers look-ups. The file is Microsoft's published permission
map, an any-of map with known errors; ``overlay.py`` holds our reviewed corrections, which ``authorizing`` applies.
What is not listed is unknown, not denied. Directory roles, licences and second gates are told elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import orjson

from auditor.errors import InputError
from auditor.reference import overlay, paths, place
from auditor.reference.claims import Authorization, Authorizations, SchemeName, claims
from auditor.reference.damage import damage
from auditor.reference.match import Node, first_segment, grow, leaves

PermissionType = Literal["delegated", "application"]

FORMAT = 1
"""Version of the compiled file. Any other is refused."""

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
        self._read: dict[str, Authorizations] = {}
        self._corrected: dict[tuple[str, str], Authorizations] = {}

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
        None that neither the map nor our corrections have such a path. ``raw`` leaves out our corrections.
        """
        found = self._find(method, path, raw=raw)
        if found is None:
            return None
        template, rule = found
        listed = self._authorizations(method.strip().upper(), template, rule, raw=raw)
        if _OF_ME.match(path) and not _OF_ME.match(template):  # the other address of it takes app-only calls
            listed = MappingProxyType({scheme: rows for scheme, rows in listed.items() if scheme != "application"})
        # A call that the overlay alone knows and lists nothing for (POST /subscriptions) is not a refused one.
        return listed if listed or template in self._paths else None

    def template(self, method: str, path: str) -> str | None:
        """Return the path template that a call matches: ``/users/{id}/messages``. ``overlay`` looks its rules up by it."""
        found = self._find(method, path, raw=False)
        return None if found is None else found[0]

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that the map or our corrections have for a path, sorted; empty for an unknown path."""
        return tuple(method for method in overlay.METHODS if self.authorizing(method, path))

    def templates(self) -> Iterable[str]:
        """Return every path template of the map as published."""
        return self._paths.keys()

    def resource_specific(self, method: str, path: str) -> tuple[str, ...]:
        """Return the permissions of resource-specific consent that authorize a call (application, one team or chat)."""
        found = self._find(method, path, raw=True)
        if found is None or found[1] is None:
            return ()
        return tuple(claim.permission for claim in claims(self._rules[found[1]].get("r", "")))

    def calls(self, permission: str, scheme: SchemeName) -> tuple[tuple[str, str], ...]:
        """Return every (method, template) that a permission authorizes, sorted by template."""
        return tuple(sorted(self._opened.get((scheme, permission), ()), key=lambda call: (call[1], call[0])))

    def delegated_only_calls(self, permission: str) -> tuple[tuple[str, str], ...]:
        """Return the (method, template) that this delegated permission opens and no application permission does.

        A call under ``/me`` counts if the one under ``/users/{id}``, which an app would make, has no application
        permission either.
        """
        found = []
        for method, template in self.calls(permission, "delegated"):
            twin = "/users/{id}" + template[3:] if template == "/me" or template.startswith("/me/") else template
            if "application" not in (self.authorizing(method, twin) or ()):
                found.append((method, template))
        return tuple(found)

    def entries(self) -> Iterator[tuple[str, str, Authorizations]]:
        """Yield every (method, template, authorizations) of the map as published, without our corrections."""
        for template, entry in self._paths.items():
            for method, rule in _methods(entry).items():
                yield method, template, self._authorizations(method, template, rule, raw=True)

    def _find(self, method: str, path: str, *, raw: bool) -> tuple[str, str | None] | None:
        """Return the matched template and its rule; the rule is None where the map has the path without this method."""
        wanted = paths.tokens(path)
        return None if wanted is None else self._find_tokens(method.strip().upper(), wanted, raw=raw)

    def _find_tokens(self, method: str, wanted: tuple[str, ...], *, raw: bool) -> tuple[str, str | None] | None:
        group = paths.function_name(wanted[0]) or wanted[0]
        first: str | None = None
        for template, entry in leaves(self._trie(group), wanted):
            first = first or template
            rule = _methods(entry).get(method)
            if rule is not None:
                return template, rule
        added = None if raw else overlay.load().template(method, wanted)
        if added is None and not raw:
            for other in overlay.load().others(wanted):
                found = self._find_tokens(method, other, raw=False)
                if found is not None and (first is None or found[1] is not None):
                    return found
        known = added or first
        return None if known is None else (known, None)

    def _authorizations(self, method: str, template: str, rule: str | None, *, raw: bool) -> Authorizations:
        listed = _NOTHING if rule is None else self._listed(rule)
        if raw:
            return listed
        key = (method, template)
        if key not in self._corrected:
            self._corrected[key] = self._published_first(overlay.load().corrected(method, template, listed))
        return self._corrected[key]

    def _listed(self, rule: str) -> Authorizations:
        if rule not in self._read:
            schemes = self._rules[rule]
            listed = {
                name: self._ranked(name, claims(schemes[letter]))
                for name, letter in _LETTERS.items()
                if letter in schemes
            }
            self._read[rule] = MappingProxyType(listed)
        return self._read[rule]

    def _ranked(self, scheme: SchemeName, rows: Iterable[Authorization]) -> tuple[Authorization, ...]:
        """Order claims: least first, then those that only read, then by Microsoft's grade, then by name."""
        letter = "a" if scheme == "application" else "d"

        def rank(claim: Authorization) -> tuple[bool, bool, int, str, tuple[str, ...]]:
            facts = self._permissions.get(claim.permission, {}).get(letter)
            grade = facts[2] if facts and facts[2] is not None else _UNGRADED
            return not claim.least, not _READS.search(claim.permission), grade, claim.permission, claim.also_requires

        return tuple(sorted(rows, key=rank))

    def _published_first(self, listed: Authorizations) -> Authorizations:
        """Put permissions that nobody can grant (no id on Microsoft Graph) last, and never call them least."""
        result: dict[SchemeName, tuple[Authorization, ...]] = {}
        for scheme, rows in listed.items():
            letter = "a" if scheme == "application" else "d"
            grantable: list[Authorization] = []
            others: list[Authorization] = []
            for row in rows:
                facts = self._permissions.get(row.permission, {}).get(letter)
                (grantable if facts and facts[0] is not None else others).append(row)
            hidden = (
                (Authorization(row.permission, False, row.also_requires) for row in others) if grantable else others
            )
            result[scheme] = (*self._ranked(scheme, grantable), *hidden)
        return MappingProxyType(result)

    def _trie(self, group: str) -> Node:
        if group not in self._tries:
            self._tries[group] = grow((template, self._paths[template]) for template in self._groups.get(group, ()))
        return self._tries[group]

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        """First segment, lower case -> templates."""
        groups: dict[str, list[str]] = {}
        for template in self._paths:
            groups.setdefault(first_segment(template), []).append(template)
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
    def _opened(self) -> dict[tuple[SchemeName, str], list[tuple[str, str]]]:
        """(Scheme, permission) -> (method, template), after our corrections."""
        opened: dict[tuple[SchemeName, str], list[tuple[str, str]]] = {}
        holders = {rule: _holders(self._listed(rule)) for rule in self._rules}
        for template, entry in self._paths.items():
            for method, rule in _methods(entry).items():
                listed = self._listed(rule)
                corrected = overlay.load().corrected(method, template, listed)
                for holder in holders[rule] if corrected is listed else _holders(corrected):
                    opened.setdefault(holder, []).append((method, template))
        for method, template in dict.fromkeys(overlay.load().added()):
            found = self._find(method, template, raw=False)
            if found is not None and found[1] is None:
                for holder in _holders(overlay.load().corrected(method, found[0], _NOTHING)):
                    opened.setdefault(holder, []).append((method, found[0]))
        return opened


_OF_ME = re.compile(r"(?:https?://[^/]+)?/*(?:v1\.0/|beta/)?me(?:/|$)", re.IGNORECASE)

_UNGRADED = 3
"""Stands for a missing grade: four of five permissions have this one."""

_READS = re.compile(r"\.Read(?!Write)[A-Za-z]*(\.|$)")
"""``Mail.Read``, ``User.ReadBasic.All``; Microsoft grades some writing permissions below their reading twins."""

_NOTHING: Authorizations = MappingProxyType({})


def _holders(listed: Authorizations) -> set[tuple[SchemeName, str]]:
    return {(scheme, row.permission) for scheme, rows in listed.items() for row in rows}


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
