"""What is known of calls that apps of the demo tenant make: the ``[[apps]]`` entries of an imaginary configuration.

A tenant does not show which calls its apps make. ``auditor demo`` declares these, so that its report has verdicts of every
kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class DeclaredCalls:
    """What somebody knows of one app."""

    flow: Literal["app-only", "delegated"]
    calls: tuple[str, ...]
    users: tuple[str, ...] = ()


ADA = "ada.byron@contoso.onmicrosoft.com"
"""An ordinary user."""

CALLS: Mapping[str, DeclaredCalls] = {
    "Badge printing": DeclaredCalls("app-only", ("GET /users", "GET /users/{id}/photo/$value")),
    "Distribution list export": DeclaredCalls("app-only", ("GET /groups/{id}/members",)),
    "Telephone directory": DeclaredCalls("delegated", ("GET /users",), (ADA,)),
    "Inventory sync": DeclaredCalls("app-only", ("GET /devices", "GET /groups")),
    "Absence forwarder": DeclaredCalls("app-only", ("GET /users/{id}/presence",)),
    "Supplier portal": DeclaredCalls("delegated", ("GET /groups/{id}/members",)),
    "Password rotation": DeclaredCalls("app-only", ("PATCH /users/{id} {passwordProfile}",)),
    "Call quality board": DeclaredCalls("delegated", ("GET /communications/callRecords/{id}",)),
    "Risk feed": DeclaredCalls("app-only", ("GET /identityProtection/riskyUsers",)),
    "Badge archive": DeclaredCalls("app-only", ("GET /groups",)),
    "Site archiver": DeclaredCalls("app-only", ("GET /sites/{id}",)),
    "Onboarding desk": DeclaredCalls("delegated", ("POST /users",)),
}
"""By display name. Each call that is denied is denied for a cause that the app's story names."""


def declared_calls(data: Mapping[str, Any]) -> dict[str, DeclaredCalls]:
    """The entries by app id, of the demo tenant as a tenant file."""
    ids = {record["displayName"]: str(record["appId"]) for record in data["applications"]}
    return {ids[name]: declared for name, declared in CALLS.items()}
