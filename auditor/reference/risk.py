"""Permissions whose grant deserves a person's eye: paths to Global Administrator, and access to all content.

Facts are in ``risk.toml``, each with its source. Microsoft's own grading (``Scheme.privilege`` of the catalog) is another
view: it ranks some of these lower, so it alone is not enough.
https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from auditor.reference.names import pattern, strings, table

Path = Literal["direct", "indirect", "data"]


@dataclass(frozen=True)
class Risk:
    """Why a permission is dangerous."""

    path: Path
    """``direct``: Global Administrator in one step; ``indirect``: by a detour; ``data``: all content of a kind."""
    resource: str
    permissions: re.Pattern[str]
    what: str
    """What the holder can do: completes "the app ...". """
    source: str


@lru_cache(maxsize=1)
def risks() -> tuple[Risk, ...]:
    """Every risk known, worst first."""
    return tuple(
        Risk(entry["path"], entry["resource"], pattern(strings(entry, "permissions")), entry["what"], entry["source"])
        for entry in table("risk")["risk"]
    )


@lru_cache(maxsize=1)
def public_clients() -> Mapping[str, str]:
    """Microsoft's own public clients by app id, with their names: people sign in to them with what the tenant granted."""
    clients: Mapping[str, str] = table("risk")["public_clients"]
    return clients


@lru_cache(maxsize=4096)
def risk_of(resource_app_id: str, permission: str) -> Risk | None:
    """The risk of one permission as an application permission, None for none known."""
    return next(
        (risk for risk in risks() if risk.resource == resource_app_id and risk.permissions.fullmatch(permission)), None
    )
