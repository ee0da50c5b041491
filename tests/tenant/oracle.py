"""The comparison a second time, written from the interface's words alone, with sets and dictionaries and no table.

Slow and plain on purpose: it is what the vectorised comparison is held against.
"""

from __future__ import annotations

from typing import Any

from auditor.reference.user_consent import recommended_covers

from .strategies import ZEROS, RawTenant

Key = tuple[str, str, str, str]
"""Client (app id, or sp:object id), resource (likewise), permission (id, or value:name), type."""


def compared(tenant: RawTenant) -> dict[Key, dict[str, Any]]:
    """Key to requested, granted, consent, consented users and status."""
    app_of = {principal["id"]: principal["appId"] for principal in tenant.principals}
    resources = {principal["appId"]: principal for principal in tenant.principals}
    registered = {application["appId"]: application for application in tenant.applications}
    requested: set[Key] = set()
    admin: set[Key] = set()
    users: dict[Key, set[str]] = {}
    for application in tenant.applications:
        for resource in application.get("requiredResourceAccess", ()):
            for access in resource["resourceAccess"]:
                kind = {"Scope": "delegated", "Role": "application"}[access["type"]]
                requested.add((application["appId"], resource["resourceAppId"], access["id"], kind))
    for grant in tenant.grants:
        client = app_of.get(grant["clientId"], f"sp:{grant['clientId']}")
        resource_id = app_of.get(grant["resourceId"], f"sp:{grant['resourceId']}")
        for word in grant["scope"].split():
            scopes = resources.get(resource_id, {}).get("oauth2PermissionScopes", ())
            ids = [scope["id"] for scope in scopes if scope["value"].lower() == word.lower()]
            row = (client, resource_id, ids[0] if ids else f"value:{word.lower()}", "delegated")
            if grant["consentType"] == "AllPrincipals":
                admin.add(row)
            else:
                users.setdefault(row, set()).add(grant["principalId"])
    for assignment in tenant.assigned:
        if assignment["principalType"] == "ServicePrincipal":
            client = app_of.get(assignment["principalId"], f"sp:{assignment['principalId']}")
            resource_id = app_of.get(assignment["resourceId"], f"sp:{assignment['resourceId']}")
            admin.add((client, resource_id, assignment["appRoleId"], "application"))
    rows = {}
    for row in requested | admin | set(users):
        asked = (row in requested) if row[0] in registered else None
        rows[row] = {
            "requested": asked,
            "granted": row in admin or row in users,
            "consent": "admin" if row in admin else "users" if row in users else "none",
            "consented_users": len(users.get(row, ())),
            "status": _status(tenant, row, asked, row in admin, row in users, resources, registered),
        }
    return rows


def _definition(resource: dict[str, Any], permission: str, kind: str) -> dict[str, Any] | None:
    if kind == "delegated":
        found = [scope for scope in resource.get("oauth2PermissionScopes", ()) if scope["id"] == permission]
    else:
        roles = resource.get("appRoles", ())
        found = [role for role in roles if role["id"] == permission and "Application" in role["allowedMemberTypes"]]
    return found[0] if found else None


def _status(
    tenant: RawTenant,
    row: Key,
    asked: bool | None,
    by_admin: bool,
    by_users: bool,
    resources: dict[str, Any],
    registered: dict[str, Any],
) -> str:
    client, resource_id, permission, kind = row
    if resource_id not in resources:
        return "resource-missing"
    resource = resources[resource_id]
    definition = _definition(resource, permission, kind)
    if permission != ZEROS:
        if definition is None:
            return "unknown-permission"
        if not definition["isEnabled"]:
            return "disabled-permission"
    if (by_admin or by_users) and asked is False:
        return "unrequested"
    if by_admin:
        return "granted"
    if by_users:
        return "partly-consented"
    if kind == "application" or definition is None:
        return "not-consented"
    for entry in registered.get(resource_id, {}).get("api", {}).get("preAuthorizedApplications", ()):
        if entry["appId"] == client and permission in entry["delegatedPermissionIds"]:
            return "preauthorized"
    if definition["type"] == "User" and not resources.get(client, {}).get("appRoleAssignmentRequired"):
        for policy in tenant.consent_policies:
            name = policy.split(".", 1)[1]
            if name.endswith("legacy") or recommended_covers(resource_id, definition["value"]):
                return "user-consentable"
    return "not-consented"
