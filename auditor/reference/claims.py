"""One way to be authorized, and its short written form in the compiled catalog and in the overlay.

``User.Read.All*`` is least privileged; ``AppRoleAssignment.ReadWrite.All+Directory.Read.All`` needs both permissions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SchemeName = Literal["delegated", "personal", "application"]

LEAST = "*"
"""Mark behind a permission that is the least privileged of its scheme."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """One way to be authorized: this permission together with all of ``also_requires``. Alternatives are further ones."""

    permission: str
    least: bool
    also_requires: tuple[str, ...]


Authorizations = Mapping[SchemeName, tuple[Authorization, ...]]


def claims(text: str) -> list[Authorization]:
    """Read ``User.Read.All* Directory.Read.All+Group.Read.All``."""
    found = []
    for word in text.split():
        marked, _, also = word.partition("+")
        least = marked.endswith(LEAST)
        found.append(Authorization(marked.removesuffix(LEAST), least, tuple(also.split("+")) if also else ()))
    return found
