"""Our reviewed corrections of Microsoft's permission map, and the rules the map has no room for.

``overlay.toml`` holds them, each with reason and source. ``Overlay.corrected`` changes the list of a call; the other
rules (fields that decide, conditions, open calls) are data for the predictor, which decides what they mean for an app.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from auditor.reference import paths
from auditor.reference.claims import Authorization, Authorizations, SchemeName, claims
from auditor.reference.match import Node, first_segment, grow, leaves, template_tokens

SCHEMES: tuple[SchemeName, ...] = ("delegated", "personal", "application")
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
"""The methods that the map knows."""
SUBSCRIBE = "SUBSCRIBE"
"""No method of HTTP: being notified of changes of a resource, which some resources ask more for than reading."""


@dataclass(frozen=True)
class Pattern:
    """``METHOD /template``; ``*`` is any method, a last ``**`` is any rest, also none."""

    method: str
    tokens: tuple[str, ...]
    prefix: bool
    template: str

    def covers(self, method: str, tokens: tuple[str, ...]) -> bool:
        """Whether a call with these template tokens is meant."""
        if self.method not in ("*", method) or tokens[0] != self.tokens[0]:
            return False
        return tokens[: len(self.tokens)] == self.tokens if self.prefix else tokens == self.tokens


@dataclass(frozen=True)
class Rule:
    """What every entry says."""

    calls: tuple[Pattern, ...]
    why: str
    source: str
    """A page of Microsoft's, or ``seen``: known from public threads alone, so less certain."""

    def covers(self, method: str, tokens: tuple[str, ...]) -> bool:
        """Whether the entry is about this call; one without calls is about its permissions wherever they count."""
        return not self.calls or any(pattern.covers(method, tokens) for pattern in self.calls)


@dataclass(frozen=True)
class Correction(Rule):
    """Changes the list of a call: remove, then add, then least."""

    remove: Mapping[SchemeName, frozenset[str]]
    add: Mapping[SchemeName, tuple[Authorization, ...]]
    least: Mapping[SchemeName, frozenset[str]]


@dataclass(frozen=True)
class FieldRule(Rule):
    """A body field or query property that decides about permissions."""

    where: Literal["body", "query", "filter"]
    """``query``: named anywhere in the query; ``filter``: in ``$filter`` or ``$orderby``."""
    names: tuple[str, ...]
    """``passwordProfile``, or ``entityTypes=message`` where the value decides. Empty: every call, whatever it names."""
    mode: Literal["instead", "also", "perhaps"]
    """``instead``: these authorizations replace the map's; ``also``: one of them is needed in addition; ``perhaps``: where none of
    them is held, whether the call is accepted is not known."""
    authorizations: Authorizations
    """A scheme with an empty tuple is not possible at all with this field."""
    but: frozenset[str] = frozenset()
    """Lower case: every property but these; ``names`` is empty then."""

    def named_in(self, given: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the rule that a call gives, sorted; names match whatever their case."""
        present = sorted(given)
        if self.but:
            return tuple(name for name in present if name.lower() not in self.but)
        return tuple(sorted({name for name in self.names if name.lower() in {one.lower() for one in present}}))

    @property
    def holds_always(self) -> bool:
        """Whether it is about every call, whatever that names."""
        return not self.names and not self.but


@dataclass(frozen=True)
class Condition(Rule):
    """Rows of the map that hold only sometimes, or rights that the map does not see."""

    when: str
    """``self``, ``shared``, ``owned``, ``migration``, ``selected``, ``not-selected`` (takes a call out of ``selected``),
    ``exchange-rbac``, ``group-owner``."""
    schemes: frozenset[SchemeName]
    permissions: frozenset[str]
    """Only with these permissions; empty: whatever permission is held."""


@dataclass(frozen=True)
class ResourceRule(Rule):
    """A call whose permission is that of ``method`` on the path that a body field names."""

    field: str
    method: str


@dataclass(frozen=True)
class WiderRule(Rule):
    """Permissions that read all that another reads, where the map lists the other alone: on GET calls."""

    pairs: Mapping[str, str]
    """Narrower permission -> the wider one, in the order in which they build on each other."""


@dataclass(frozen=True)
class Alias:
    """Two addresses of the same resources: what the map says of ``to`` holds for ``start`` as well."""

    start: tuple[str, ...]
    to: tuple[str, ...]
    why: str
    source: str

    def other(self, tokens: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the tokens of the other address, or None for a path that does not begin as ``start`` does."""
        if len(tokens) < len(self.start):
            return None
        for wanted, token in zip(self.start, tokens, strict=False):
            if not (wanted == token or (wanted == paths.PLACEHOLDER and paths.is_value(token))):
                return None
        return (*self.to, *tokens[len(self.start) :])


@dataclass(frozen=True)
class Overlay:
    """Every entry of the file, in its order."""

    corrections: tuple[Correction, ...]
    fields: tuple[FieldRule, ...]
    conditions: tuple[Condition, ...]
    resources: tuple[ResourceRule, ...]
    opens: tuple[Rule, ...]
    wider: tuple[WiderRule, ...]
    narrower: frozenset[str]
    """Every permission that has a wider one."""
    aliases: tuple[Alias, ...]
    known: Node
    """Trie of the calls the file names, for paths that the map lacks."""
    prefixes: Node
    """Trie of the beginnings that the file names with ``**``, for paths that the map lacks."""
    by_first: Mapping[tuple[str, str], tuple[tuple[tuple[Pattern, ...], Correction], ...]]
    """(Method, first segment of a path) -> the corrections about such calls, each with the patterns that are."""

    def template(self, method: str, tokens: tuple[str, ...]) -> str | None:
        """Return the template of a call that a correction adds, rules or opens; None if the file does not name it.

        Where the file names a beginning, the template ends in ``/**``.
        """
        for template, methods in leaves(self.known, tokens):
            if method in methods.split():
                return template
        for end in range(len(tokens), 1, -1):
            for template, methods in leaves(self.prefixes, tokens[:end]):
                if method in methods.split():
                    return f"{template}/**"
        return None

    def others(self, tokens: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Yield the tokens of every other address of the same resource."""
        plain = _by_id(tokens)
        for alias in self.aliases:
            other = alias.other(plain)
            if other is not None:
                yield other

    def corrected(self, method: str, template: str, listed: Authorizations) -> Authorizations:
        """Return the list of a call after our corrections; the same object if there are none."""
        tokens = template_tokens(template)
        result: dict[SchemeName, tuple[Authorization, ...]] | None = None
        for patterns, correction in self.by_first.get((method, first_segment(template)), ()):
            if any(pattern.covers(method, tokens) for pattern in patterns):
                result = _apply(correction, dict(listed) if result is None else result)
        if method == "GET":
            result = self._widened(tokens, listed, result)
        return listed if result is None else MappingProxyType(result)

    def _widened(
        self,
        tokens: tuple[str, ...],
        listed: Authorizations,
        corrected: dict[SchemeName, tuple[Authorization, ...]] | None,
    ) -> dict[SchemeName, tuple[Authorization, ...]] | None:
        result = corrected
        for scheme, rows in (listed if corrected is None else dict(corrected)).items():
            # One that reads only together with another is left alone.
            names = {row.permission: not row.also_requires for row in rows}
            if names.keys().isdisjoint(self.narrower):
                continue
            rules = (rule for rule in self.wider if rule.covers("GET", tokens))
            added = []
            for narrow, wide in (pair for rule in rules for pair in rule.pairs.items()):
                if names.get(narrow) and wide not in names:
                    names[wide] = True
                    added.append(Authorization(wide, False, ()))
            if added:
                result = dict(listed) if result is None else result
                result[scheme] = (*rows, *added)
        return result

    def added(self) -> Iterator[tuple[str, str]]:
        """Yield (method, template) of every call that a correction adds permissions to."""
        for correction in self.corrections:
            for pattern in correction.calls if correction.add else ():
                if pattern.method in METHODS:
                    yield pattern.method, f"{pattern.template}/**" if pattern.prefix else pattern.template

    def field_rules(self, method: str, template: str) -> tuple[FieldRule, ...]:
        """Return the rules about fields of a call."""
        tokens = template_tokens(template)
        return tuple(rule for rule in self.fields if rule.covers(method, tokens))

    def conditions_of(self, method: str, template: str, scheme: SchemeName) -> tuple[Condition, ...]:
        """Return the conditions on a call in a scheme, those about single permissions too."""
        tokens = template_tokens(template)
        found = tuple(rule for rule in self.conditions if scheme in rule.schemes and rule.covers(method, tokens))
        if any(rule.when == "not-selected" for rule in found):
            return tuple(rule for rule in found if rule.when != "selected")
        return found

    def resource_rule(self, method: str, template: str) -> ResourceRule | None:
        """Return the rule that takes the permission from a resource named in the body, or None."""
        tokens = template_tokens(template)
        return next((rule for rule in self.resources if rule.covers(method, tokens)), None)

    def open_rule(self, method: str, template: str) -> Rule | None:
        """Return the entry that says that any valid token may make this call, or None."""
        tokens = template_tokens(template)
        return next((rule for rule in self.opens if rule.covers(method, tokens)), None)


def _apply(
    correction: Correction, listed: dict[SchemeName, tuple[Authorization, ...]]
) -> dict[SchemeName, tuple[Authorization, ...]]:
    for scheme in SCHEMES:
        removed, least = correction.remove.get(scheme, frozenset()), correction.least.get(scheme)
        rows = [row for row in listed.get(scheme, ()) if row.permission not in removed and "*" not in removed]
        known = {(row.permission, row.also_requires) for row in rows}
        rows += [row for row in correction.add.get(scheme, ()) if (row.permission, row.also_requires) not in known]
        if least is not None:
            rows = [Authorization(row.permission, row.permission in least, row.also_requires) for row in rows]
        if rows:
            listed[scheme] = tuple(rows)
        else:
            listed.pop(scheme, None)
    return listed


@lru_cache(maxsize=1)
def load() -> Overlay:
    """Return the overlay of the package."""
    return read(Path(__file__).with_name("overlay.toml").read_text(encoding="utf-8"))


def read(text: str) -> Overlay:
    """Read an overlay. A malformed one is a bug of ours: it raises KeyError, TypeError or ValueError."""
    data = tomllib.loads(text)
    corrections = tuple(_correction(entry) for entry in data.get("correction", ()))
    fields = tuple(_field_rule(entry) for entry in data.get("fields", ()))
    resources = tuple(
        ResourceRule(*_rule(entry), entry["field"], entry["method"]) for entry in data.get("resource", ())
    )
    opens = tuple(Rule(*_rule(entry)) for entry in data.get("open", ()))
    by_first: dict[tuple[str, str], list[tuple[tuple[Pattern, ...], Correction]]] = {}
    for correction in corrections:
        about: dict[tuple[str, str], list[Pattern]] = {}
        for pattern in correction.calls:
            for method in METHODS if pattern.method == "*" else (pattern.method,):
                about.setdefault((method, first_segment(pattern.template)), []).append(pattern)
        for key, patterns in about.items():
            by_first.setdefault(key, []).append((tuple(patterns), correction))
    wider = tuple(WiderRule(*_rule(entry), entry["pairs"]) for entry in data.get("wider", ()))
    named: dict[str, set[str]] = {}
    begun: dict[str, set[str]] = {}
    for rule in (*(one for one in corrections if one.add), *resources, *opens):
        for pattern in rule.calls:
            if pattern.method != "*":
                (begun if pattern.prefix else named).setdefault(pattern.template, set()).add(pattern.method)
    return Overlay(
        corrections=corrections,
        fields=fields,
        conditions=tuple(_condition(entry) for entry in data.get("condition", ())),
        resources=resources,
        opens=opens,
        wider=wider,
        narrower=frozenset(narrow for rule in wider for narrow in rule.pairs),
        aliases=tuple(_alias(entry) for entry in data.get("alias", ())),
        known=grow((template, " ".join(sorted(methods))) for template, methods in named.items()),
        prefixes=grow((template, " ".join(sorted(methods))) for template, methods in begun.items()),
        by_first={key: tuple(found) for key, found in by_first.items()},
    )


def _rule(entry: Mapping[str, Any]) -> tuple[tuple[Pattern, ...], str, str]:
    return tuple(_pattern(call) for call in entry.get("calls", ())), entry["why"], entry["source"]


def _pattern(call: str) -> Pattern:
    method, _, template = call.partition(" ")
    prefix = template.endswith("/**")
    template = template.removesuffix("/**")
    tokens = paths.tokens(template)
    if tokens is None:
        raise ValueError(f"no path template: {call!r}")
    return Pattern(method, tokens, prefix, template)


def _correction(entry: Mapping[str, Any]) -> Correction:
    return Correction(
        *_rule(entry),
        remove={_scheme(scheme): frozenset(names) for scheme, names in entry.get("remove", {}).items()},
        add={_scheme(scheme): tuple(claims(" ".join(texts))) for scheme, texts in entry.get("add", {}).items()},
        least={_scheme(scheme): frozenset(names) for scheme, names in entry.get("least", {}).items()},
    )


def _field_rule(entry: Mapping[str, Any]) -> FieldRule:
    authorizations = {scheme: tuple(claims(" ".join(entry[scheme]))) for scheme in SCHEMES if scheme in entry}
    names, but = tuple(entry.get("names", ())), frozenset(name.lower() for name in entry.get("but", ()))
    return FieldRule(*_rule(entry), entry.get("where", "body"), names, entry["mode"], authorizations, but)


def _condition(entry: Mapping[str, Any]) -> Condition:
    schemes = frozenset(_scheme(scheme) for scheme in entry["schemes"])
    return Condition(*_rule(entry), entry["when"], schemes, frozenset(entry.get("permissions", ())))


def _by_id(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path by ids where it goes by names: ``sites/host:/path:`` and ``root:/path:`` and ``items/{id}:/path:``."""
    plain: list[str] = []
    rest = iter(tokens)
    for token in rest:
        if not token.endswith(":"):
            plain.append(token)
            continue
        next(rest, None)
        plain += ["items", paths.PLACEHOLDER] if token == "root:" else [paths.PLACEHOLDER]  # noqa: S105 - a segment
    return tuple(plain)


def _alias(entry: Mapping[str, Any]) -> Alias:
    start, to = paths.tokens(entry["start"]), paths.tokens(entry["to"])
    if start is None or to is None:
        raise ValueError(f"no path template: {entry!r}")
    return Alias(start, to, entry["why"], entry["source"])


def _scheme(name: str) -> SchemeName:
    if name not in SCHEMES:
        raise ValueError(f"no scheme: {name!r}")
    return name
