"""Reading fields of raw Graph objects without trusting their shape: a field of the wrong type counts as missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Raw = Mapping[str, Any]


def text(record: Raw, name: str) -> str | None:
    """A non-empty string, else None."""
    value = record.get(name)
    return value if isinstance(value, str) and value else None


def key(record: Raw, name: str) -> str | None:
    """An id: as ``text``, lower case."""
    value = text(record, name)
    return value.lower() if value else None


def flag(record: Raw, name: str) -> bool | None:
    """True, False, or None for anything else."""
    value = record.get(name)
    return value if isinstance(value, bool) else None


def number(record: Raw, name: str) -> int:
    """A whole number that is not negative; 0 for anything else."""
    value = record.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0


def part(record: Raw, name: str) -> Raw:
    """An inner object, empty where there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def parts(record: Raw, name: str) -> Iterator[Raw]:
    """The objects of a collection."""
    value = record.get(name)
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def texts(record: Raw, name: str) -> tuple[str, ...]:
    """The strings of a collection."""
    value = record.get(name)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
