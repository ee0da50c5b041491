"""Which ids of a tenant file point at nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"


def dangling(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(what points, the id) for every id that no object of the tenant file has. Users of large tenants are not checked."""
    principals = {raw["id"]: raw for raw in data["servicePrincipals"]}
    people = {raw["id"] for raw in data["users"]} | {raw["id"] for raw in data["groups"]}
    roles = {raw["id"] for raw in data["roleDefinitions"]}
    for grant in data["oauth2PermissionGrants"]:
        for key in ("clientId", "resourceId"):
            if grant[key] not in principals:
                yield f"grant {key}", grant[key]
        if people and grant["principalId"] and grant["principalId"] not in people:
            yield "grant principalId", grant["principalId"]
    for row in data["appRoleAssignments"]:
        known = principals if row["principalType"] == "ServicePrincipal" else people
        if known and row["principalId"] not in known:
            yield "assignment principalId", row["principalId"]
        resource = principals.get(row["resourceId"], {"appRoles": []})
        if row["resourceId"] not in principals:
            yield "assignment resourceId", row["resourceId"]
        elif row["appRoleId"] not in {DEFAULT_ACCESS, *(role["id"] for role in resource["appRoles"])}:
            yield "assignment appRoleId", row["appRoleId"]
    for row in data["roleAssignments"]:
        if row["principalId"] not in principals:
            yield "role assignment principalId", row["principalId"]
        if row["roleDefinitionId"] not in roles:
            yield "role assignment roleDefinitionId", row["roleDefinitionId"]
    yield from _requested(data)


def _requested(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    offered = {
        raw["appId"]: {("Role", role["id"]) for role in raw["appRoles"]}
        | {("Scope", scope["id"]) for scope in raw["oauth2PermissionScopes"]}
        for raw in data["servicePrincipals"]
    }
    for app in data["applications"]:
        for access in app["requiredResourceAccess"]:
            known = offered.get(access["resourceAppId"])
            if known is None:
                yield f"{app['displayName']} resourceAppId", access["resourceAppId"]
            else:
                for entry in access["resourceAccess"]:
                    if (entry["type"], entry["id"]) not in known:
                        yield f"{app['displayName']} requests", entry["id"]
