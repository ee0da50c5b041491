"""Second systems that decide after a permission was granted: SharePoint site grants, Exchange and Teams policies, ownership.

Facts are in ``gates.toml``, each with its source. The directory does not show what these systems decided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from auditor.reference.names import pattern, strings, table


@dataclass(frozen=True)
class Gate:
    """One such system and the permissions it stands behind."""

    id: str
    name: str
    resources: tuple[str, ...]
    types: tuple[Literal["delegated", "application"], ...]
    permissions: re.Pattern[str]
    unless: re.Pattern[str]
    """An app that also holds one of these goes past the gate."""
    certainty: Literal["likely", "possible"]
    severity: Literal["medium", "low", "info"]
    http_status: int | None
    error_code: str | None
    why: str
    fix: str
    commands: tuple[str, ...]
    """Format strings with the fields ``app``, ``principal`` and ``graph`` (host of the cloud)."""
    url: str


@lru_cache(maxsize=1)
def gates() -> tuple[Gate, ...]:
    """Every gate known, in the order of the file."""
    return tuple(
        Gate(
            id=entry["id"],
            name=entry["name"],
            resources=strings(entry, "resources"),
            types=("delegated", "application") if entry["type"] == "both" else (entry["type"],),
            permissions=pattern(strings(entry, "permissions")),
            unless=pattern(strings(entry, "unless")),
            certainty=entry["certainty"],
            severity=entry["severity"],
            http_status=entry.get("http_status"),
            error_code=entry.get("error_code"),
            why=entry["why"],
            fix=entry["fix"],
            commands=strings(entry, "commands"),
            url=entry["url"],
        )
        for entry in table("gates")["gate"]
    )
