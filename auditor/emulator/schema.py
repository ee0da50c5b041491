"""Microsoft's schema as the emulator knows it: entity sets, types, properties, navigations.

``schema.json`` is written by ``tools/compile_schema.py`` from the v1.0 CSDL and holds the types an auditor's reads reach;
of every other type only the name is known.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib import resources

from auditor.emulator.messages import bad_request

EXTENSION_PREFIX = "extension_"
"""Directory extensions are properties that no schema names."""


@dataclass(frozen=True)
class Member:
    """A property or a navigation of a type."""

    name: str
    type: str
    is_collection: bool

    @classmethod
    def parse(cls, text: str, default: str = "String") -> Member:
        """``keyCredentials:keyCredential[]`` as a member; a name alone is a string."""
        is_collection = text.endswith("[]")
        name, _, kind = text.removesuffix("[]").partition(":")
        return cls(name, kind or default, is_collection)


@dataclass(frozen=True)
class Type:
    """One type with everything it inherits. Names are looked up exactly; Graph forgives case, so ``member`` does."""

    name: str
    base: str
    properties: dict[str, Member]
    navigations: dict[str, Member]

    def member(self, name: str, *, part: str = "properties") -> Member | None:
        """The property (or navigation) called ``name``, in any case, or None."""
        members: dict[str, Member] = getattr(self, part)
        return members.get(name) or next((m for key, m in members.items() if key.lower() == name.lower()), None)

    def require_property(self, name: str) -> Member:
        """The property or navigation called ``name``.

        Raises:
            Refusal: 400, there is none.
        """
        found = self.member(name) or self.member(name, part="navigations")
        if found is None and name.startswith(EXTENSION_PREFIX):
            return Member(name, "String", False)
        if found is None:
            raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.{self.name}'.")
        return found


@dataclass(frozen=True)
class Schema:
    """The compiled schema."""

    container: dict[str, Member]
    """Entity sets and singletons by name, e.g. ``applications`` and ``me``."""
    types: dict[str, Type]

    def root(self, name: str) -> Member | None:
        """The entity set or singleton called ``name``, in any case, or None."""
        lowered = name.lower()
        return next((member for key, member in self.container.items() if key.lower() == lowered), None)

    def is_a(self, name: str, ancestor: str) -> bool:
        """Whether type ``name`` is ``ancestor`` or derives from it."""
        while name:
            if name == ancestor:
                return True
            known = self.types.get(name)
            name = known.base if known else ""
        return False


@functools.cache
def load() -> Schema:
    """The schema that ships with the product."""
    raw = json.loads(resources.files("auditor.emulator").joinpath("schema.json").read_text(encoding="utf-8"))
    container = {}
    for name, kind in raw["container"].items():
        container[name] = Member(name, kind.removesuffix("[]"), kind.endswith("[]"))
    types: dict[str, Type] = {}
    for name in raw["types"]:
        properties: dict[str, Member] = {"id": Member("id", "String", False)}
        navigations: dict[str, Member] = {}
        ancestor = name
        while ancestor in raw["types"]:
            described = raw["types"][ancestor]
            properties.update(_members(described["properties"]))
            navigations.update(_members(described["navigations"]))
            ancestor = described["base"]
        types[name] = Type(name, raw["types"][name]["base"], properties, navigations)
    return Schema(container, types)


def _members(text: str) -> dict[str, Member]:
    return {member.name: member for member in map(Member.parse, text.split())}
