"""Which service answers behind a permission, for Conditional Access: it looks at that service, not at Microsoft Graph.

Facts are in ``workloads.toml``, each with its source; where they say nothing, ``evaluated`` asks Microsoft's provisioning data
of the catalog. Which licence a service needs is told by ``licences``.
https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from auditor.reference import catalog
from auditor.reference.names import pattern, strings, table
from auditor.reference.resources import GRAPH, resource_name


@dataclass(frozen=True)
class Workload:
    """One service."""

    id: str
    name: str
    resources: tuple[str, ...]
    """App ids that a policy names to reach it; every permission these resources publish belongs to it."""
    permissions: re.Pattern[str]
    """Microsoft Graph permissions whose calls it answers."""
    office365: bool | None
    """Part of the Conditional Access target ``Office365``; None where it is not known."""


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


_UNNAMED = frozenset({GRAPH, "00000000-0000-0000-0000-000000000000"})
"""What the provisioning data holds where it names no service."""


@lru_cache(maxsize=4096)
def evaluated(resource_app_id: str, permission: str) -> Workload | None:
    """The service that Conditional Access evaluates for one permission, None where it is not known.

    As ``behind``; for permissions it does not know, the service that Microsoft's provisioning data names.
    """
    known = behind(resource_app_id, permission)
    if known is not None or resource_app_id != GRAPH:
        return known
    entry = catalog.load().permission(permission)
    schemes = (entry.delegated, entry.application) if entry is not None else ()
    enforcer = next((scheme.enforced_by for scheme in schemes if scheme and scheme.enforced_by), None)
    if enforcer is None or enforcer in _UNNAMED:
        return None
    named = next((workload for workload in workloads() if enforcer in workload.resources), None)
    name = resource_name(enforcer) or f"the service with app id {enforcer}"
    return named or Workload(enforcer, name, (enforcer,), pattern(()), office365=None)


@lru_cache(maxsize=1)
def services_behind_graph() -> frozenset[str]:
    """App ids of every service known to stand behind some permission of Microsoft Graph."""
    names = (entry.name for entry in catalog.load().permissions())
    found = (evaluated(GRAPH, name) for name in names)
    return frozenset(app_id for service in found if service is not None for app_id in service.resources)
