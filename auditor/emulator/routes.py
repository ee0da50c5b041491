"""Addresses: a request path read against the schema, before anybody looks at permissions or data.

``/applications(appId='…')/owners/$count`` becomes steps. What the schema does not have is kept as ``unknown``: Microsoft's
permission map may still know the path. Which rows an address means is ``navigation``'s work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from auditor.emulator.messages import bad_request
from auditor.emulator.schema import Member, Schema

VERSIONS = ("v1.0", "beta")
_CALL = re.compile(r"(?P<name>[^()]+)\((?P<arguments>.*)\)", re.DOTALL)
_CAST = re.compile(r"(microsoft\.)?graph\.(?P<type>\w+)", re.IGNORECASE)
_ORDINARY_KEY = re.compile(r"\w[\w.@#+~^!-]*")
_ALTERNATE_KEYS = {
    "application": {"appid": "appId", "uniquename": "uniqueName"},
    "servicePrincipal": {"appid": "appId"},
}


@dataclass(frozen=True)
class Step:
    """One resource on the way: an entity set, a singleton, a navigation or a property, perhaps with a key."""

    member: Member
    owner: str
    """Type that has the member; empty at the root."""
    key: str | None = None
    key_property: str = "id"
    is_property: bool = False

    @property
    def is_collection(self) -> bool:
        """Whether the step means many objects."""
        return self.member.is_collection and self.key is None


@dataclass(frozen=True)
class Address:
    """A path read against the schema."""

    version: str
    path: str
    """Without version, decoded: ``/applications/1/owners``."""
    steps: tuple[Step, ...] = ()
    tail: str = ""
    """``count``, ``ref``, ``value`` or nothing."""
    cast: str = ""
    """Derived type the rows are limited to."""
    unknown: str = ""
    """The first segment that the schema does not have."""

    @property
    def template(self) -> str:
        """The path for a look into the permission map: names as the schema spells them, and ``{id}`` for keys with odd
        characters, which the map's reader would take for something else.
        """
        if self.unknown or not self.steps:
            return self.path
        parts: list[str] = []
        for step in self.steps:
            key = step.key if step.key is None or _ORDINARY_KEY.fullmatch(step.key) else "{id}"
            if key is not None and step.key_property != "id":
                parts.append(f"{step.member.name}({step.key_property}='{key}')")
            else:
                parts += [step.member.name] if key is None else [step.member.name, key]
        parts += [f"microsoft.graph.{self.cast}"] if self.cast else []
        parts += [f"${self.tail}"] if self.tail else []
        return "/" + "/".join(parts)


def split_version(path: str) -> tuple[str, list[str]]:
    """Version and decoded segments of a raw path.

    Raises:
        Refusal: 400, there is no such version.
    """
    segments = [unquote(part) for part in path.split("/") if part]
    version = segments[0] if segments else ""
    if version not in VERSIONS:
        raise bad_request(f"Invalid version: {version[:64]}.")
    return version, segments[1:]


def parse(path: str, schema: Schema) -> Address:
    """The address behind a raw request path.

    Raises:
        Refusal: 400, the version or a key cannot be read.
    """
    version, segments = split_version(path)
    plain = "/" + "/".join(segments)
    steps: list[Step] = []
    tail = cast = ""
    for segment in segments:
        if tail:
            return Address(version, plain, unknown=segment)
        if segment.lower() in ("$count", "$ref", "$value"):
            tail = segment[1:].lower()
            continue
        matched_cast = _CAST.fullmatch(segment)
        if matched_cast and steps:
            cast = matched_cast["type"]
            continue
        if steps and steps[-1].is_collection and "(" not in segment and segment.lower() != "delta":
            steps[-1] = _keyed(steps[-1], segment)
            continue
        step = _step(schema, steps[-1] if steps else None, segment)
        if step is None:
            return Address(version, plain, unknown=segment)
        steps.append(step)
    if tail == "count" and not (steps and steps[-1].is_collection):
        return Address(version, plain, unknown="$count")
    return Address(version, plain, tuple(steps), tail, cast)


def _step(schema: Schema, before: Step | None, segment: str) -> Step | None:
    """The member that ``segment`` names after ``before``, or None where the schema has none."""
    call = _CALL.fullmatch(segment)
    name = call["name"] if call else segment
    if before is None:
        member, owner, is_property = schema.root(name), "", False
    else:
        known = schema.types.get(before.member.type)
        if known is None or before.is_collection or before.is_property:
            return None
        navigation = known.member(name, part="navigations")
        member, owner, is_property = navigation or known.member(name), known.name, navigation is None
    if member is None:
        return None
    step = Step(member, owner, is_property=is_property)
    if call is None:
        return step
    return _keyed(step, call["arguments"], is_call=True) if member.is_collection and not is_property else None


def _keyed(step: Step, text: str, *, is_call: bool = False) -> Step:
    """The step with a key: ``x``, ``('x')``, ``(id='x')`` or an alternate key."""
    name, separator, value = text.partition("=")
    if not is_call or not separator:
        return Step(step.member, step.owner, _unquoted(text) if is_call else text)
    known = {"id": "id", **_ALTERNATE_KEYS.get(step.member.type, {})}
    key_property = known.get(name.strip().lower())
    if key_property is None:
        raise bad_request("Unsupported or invalid alternate key property.")
    return Step(step.member, step.owner, _unquoted(value.strip()), key_property)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text
