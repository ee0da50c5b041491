"""Compares raw objects with Microsoft's v1.0 schema, as the emulator's compiled list holds it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from auditor.emulator.schema import Member, Schema, load

TYPES = {
    "organization": "organization",
    "applications": "application",
    "servicePrincipals": "servicePrincipal",
    "oauth2PermissionGrants": "oAuth2PermissionGrant",
    "appRoleAssignments": "appRoleAssignment",
    "roleAssignments": "unifiedRoleAssignment",
    "roleDefinitions": "unifiedRoleDefinition",
    "subscribedSkus": "subscribedSku",
    "conditionalAccessPolicies": "conditionalAccessPolicy",
    "namedLocations": "namedLocation",
    "authorizationPolicy": "authorizationPolicy",
    "permissionGrantPolicies": "permissionGrantPolicy",
    "adminConsentRequestPolicy": "adminConsentRequestPolicy",
    "defaultAppManagementPolicy": "tenantAppManagementPolicy",
    "identitySecurityDefaultsEnforcementPolicy": "identitySecurityDefaultsEnforcementPolicy",
    "users": "user",
    "groups": "group",
}
SCALARS = {"String": str, "Guid": str, "DateTimeOffset": str, "Boolean": bool, "Int32": int, "Binary": str}


def misshapen(data: dict[str, Any]) -> Iterator[str]:
    """What in a tenant file Microsoft's schema does not know, or has another type for."""
    schema = load()
    for name, kind in TYPES.items():
        value = data.get(name, [])
        for raw in value if isinstance(value, list) else [value]:
            yield from _object(schema, raw, kind, name)


def _object(schema: Schema, raw: dict[str, Any], kind: str, place: str) -> Iterator[str]:
    kind = raw.get("@odata.type", kind).removeprefix("#microsoft.graph.")
    known = schema.types.get(kind)
    if known is None or not known.properties.keys() - {"id"}:
        return
    inherits_unknown = bool(known.base) and known.base not in schema.types
    for key, value in raw.items():
        if key == "@odata.type":
            continue
        member = known.properties.get(key) or known.navigations.get(key)
        if member is None and inherits_unknown:
            continue
        if member is None:
            yield f"{place}.{key}: no such property of {kind}"
        else:
            yield from _value(schema, value, member, f"{place}.{key}")


def _value(schema: Schema, value: Any, member: Member, place: str) -> Iterator[str]:
    if member.is_collection:
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no collection"
            return
        for item in value:
            yield from _item(schema, item, member.type, place)
    elif value is not None:
        yield from _item(schema, value, member.type, place)


def _item(schema: Schema, item: Any, kind: str, place: str) -> Iterator[str]:
    if isinstance(item, dict):
        yield from _object(schema, item, kind, place)
    elif kind in SCALARS and not isinstance(item, SCALARS[kind]):
        yield f"{place}: {item!r} is no {kind}"
    elif kind == "Guid":
        try:
            uuid.UUID(item)
        except ValueError:
            yield f"{place}: {item!r} is no GUID"
