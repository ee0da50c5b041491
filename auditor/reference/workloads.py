"""Which service answers behind a permission, for Conditional Access: it looks at that service, not at Microsoft Graph.

Facts are in ``workloads.toml``, each with its source. Which licence a service needs is told by ``licences``.
https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from auditor.reference.names import pattern, strings, table
from auditor.reference.resources import GRAPH


@dataclass(frozen=True)
class Workload:
    """One service."""

    id: str
    name: str
    resources: tuple[str, ...]
    """App ids that a policy names to reach it; every permission these resources publish belongs to it."""
    permissions: re.Pattern[str]
    """Microsoft Graph permissions whose calls it answers."""
    office365: bool
    """Part of the Conditional Access target ``Office365``."""


@lru_cache(maxsize=1)
def workloads() -> tuple[Workload, ...]:
    """Every service known, in the order of the file."""
    return tuple(
        Workload(
            entry["id"],
            entry["name"],
            strings(entry, "resources"),
            pattern(strings(entry, "permissions")),
            entry["office365"],
        )
        for entry in table("workloads")["workload"]
    )


@lru_cache(maxsize=4096)
def behind(resource_app_id: str, permission: str) -> Workload | None:
    """The service behind one permission of one resource, None where it is not known."""
    for workload in workloads():
        if resource_app_id in workload.resources or (
            resource_app_id == GRAPH and workload.permissions.fullmatch(permission) is not None
        ):
            return workload
    return None
