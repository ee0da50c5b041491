"""Which service plans a tenant must own before the APIs behind a permission answer, and what they answer without.

Facts are in ``licences.toml``, each with its source. A tenant that owns a plan has not thereby given it to a user.
https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from auditor.reference.names import pattern, strings, table
from auditor.reference.resources import GRAPH


@dataclass(frozen=True)
class Licence:
    """One licence, the permissions that are useless without it, and the answer of the service then."""

    id: str
    name: str
    permissions: re.Pattern[str]
    """Microsoft Graph permissions."""
    resources: tuple[str, ...]
    """Resources all of whose permissions need the licence."""
    plans: tuple[str, ...]
    """Service plan ids that are enough."""
    plan_names: re.Pattern[str]
    not_names: re.Pattern[str]
    weak_names: re.Pattern[str]
    certainty: Literal["likely", "possible"]
    http_status: int | None
    error_code: str | None
    message: str
    """What the service says, in its own words where they are known."""
    url: str
    """Microsoft's page about it."""

    def needs(self, resource_app_id: str, permission: str) -> bool:
        """Whether this permission of this resource is useless without the licence."""
        if resource_app_id == GRAPH:
            return self.permissions.fullmatch(permission) is not None
        return resource_app_id in self.resources

    def is_met_by(self, service_plan_id: str, service_plan: str) -> bool:
        """Whether a service plan, by id or else by name, is enough."""
        if service_plan_id in self.plans:
            return True
        return self.plan_names.fullmatch(service_plan) is not None and self.not_names.fullmatch(service_plan) is None

    def may_be_met_by(self, service_plan: str) -> bool:
        """Whether a service plan of this name may be enough, which nobody has published."""
        return self.weak_names.fullmatch(service_plan) is not None


@lru_cache(maxsize=1)
def licences() -> tuple[Licence, ...]:
    """Every licence known, in the order of the file."""
    return tuple(
        Licence(
            id=entry["id"],
            name=entry["name"],
            permissions=pattern(strings(entry, "permissions")),
            resources=strings(entry, "resources"),
            plans=strings(entry, "plans"),
            plan_names=pattern(strings(entry, "plan_names")),
            not_names=pattern(strings(entry, "not_names")),
            weak_names=pattern(strings(entry, "weak_names")),
            certainty=entry["certainty"],
            http_status=entry.get("http_status"),
            error_code=entry.get("error_code"),
            message=entry["message"],
            url=entry["url"],
        )
        for entry in table("licences")["licence"]
    )
