"""The rows behind an address: which collection of the tenant, which object, what hangs on it.

Runs after the permission check; raises 404 for objects that do not exist. Query options come later, in ``query``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from auditor.emulator.messages import Refusal, bad_request, not_found
from auditor.emulator.routes import Address, Step
from auditor.emulator.store import Row, Store
from auditor.emulator.tokens import Caller

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ROOTS = {
    "applications": "applications",
    "servicePrincipals": "servicePrincipals",
    "oauth2PermissionGrants": "oauth2PermissionGrants",
    "organization": "organization",
    "subscribedSkus": "subscribedSkus",
    "users": "users",
    "groups": "groups",
    "directoryObjects": "",
}
# Rows that hang on a container of the tenant rather than on one of its objects.
_CONTAINED = {
    ("rbacApplication", "roleAssignments"): "roleAssignments",
    ("rbacApplication", "roleDefinitions"): "roleDefinitions",
    ("conditionalAccessRoot", "policies"): "conditionalAccessPolicies",
    ("conditionalAccessRoot", "namedLocations"): "namedLocations",
    ("policyRoot", "conditionalAccessPolicies"): "conditionalAccessPolicies",
    ("policyRoot", "permissionGrantPolicies"): "permissionGrantPolicies",
    ("policyRoot", "appManagementPolicies"): "appManagementPolicies",
}
_SINGLETONS = frozenset(
    {
        "authorizationPolicy",
        "adminConsentRequestPolicy",
        "defaultAppManagementPolicy",
        "identitySecurityDefaultsEnforcementPolicy",
    }
)
_CONTAINERS = frozenset(
    {"policyRoot", "roleManagement", "rbacApplication", "identityContainer", "conditionalAccessRoot"}
)

Related = Callable[[Store, Row], list[Row]]


def _assignments(key: str) -> Related:
    return lambda store, row: store.where("appRoleAssignments", key, row["id"])


def _inline(name: str) -> Related:
    return lambda store, row: list(row.get(name, ()))


def _owners(store: Store, row: Row) -> list[Row]:
    return store.directory_objects(row.get("owners", ()))


def _one(collection: str, key: str) -> Related:
    def related(store: Store, row: Row) -> list[Row]:
        found = store.find(collection, str(row.get(key)))
        return [found] if found else []

    return related


def _principal(store: Store, row: Row) -> list[Row]:
    return store.directory_objects([str(row["principalId"])]) if store.knows(str(row.get("principalId"))) else []


def _members(*, transitive: bool) -> Related:
    return lambda store, row: store.members(row["id"], transitive=transitive)


def _memberships(*, transitive: bool) -> Related:
    return lambda store, row: store.memberships(row["id"], transitive=transitive)


def _owned(store: Store, row: Row) -> list[Row]:
    return store.directory_objects(sorted(store.owned_by(row["id"])))


_RELATED: dict[tuple[str, str], Related] = {
    ("application", "owners"): _owners,
    ("application", "federatedIdentityCredentials"): _inline("federatedIdentityCredentials"),
    ("servicePrincipal", "owners"): _owners,
    ("servicePrincipal", "ownedObjects"): _owned,
    ("servicePrincipal", "federatedIdentityCredentials"): _inline("federatedIdentityCredentials"),
    ("servicePrincipal", "appRoleAssignedTo"): _assignments("resourceId"),
    ("servicePrincipal", "appRoleAssignments"): _assignments("principalId"),
    ("servicePrincipal", "oauth2PermissionGrants"): lambda store, row: store.where(
        "oauth2PermissionGrants", "clientId", row["id"]
    ),
    ("user", "appRoleAssignments"): lambda store, row: store.assignments_of_user(row["id"]),
    ("user", "ownedObjects"): _owned,
    ("user", "oauth2PermissionGrants"): lambda store, row: store.where(
        "oauth2PermissionGrants", "principalId", row["id"]
    ),
    ("group", "appRoleAssignments"): _assignments("principalId"),
    ("group", "owners"): _owners,
    ("group", "members"): _members(transitive=False),
    ("group", "transitiveMembers"): _members(transitive=True),
    **{
        (kind, name): _memberships(transitive=name == "transitiveMemberOf")
        for kind in ("user", "group", "servicePrincipal")
        for name in ("memberOf", "transitiveMemberOf")
    },
    ("permissionGrantPolicy", "includes"): _inline("includes"),
    ("permissionGrantPolicy", "excludes"): _inline("excludes"),
    ("unifiedRoleAssignment", "roleDefinition"): _one("roleDefinitions", "roleDefinitionId"),
    ("unifiedRoleAssignment", "principal"): _principal,
}


@dataclass
class Target:
    """What an address means in this tenant."""

    type: str
    rows: list[Row]
    """Many rows, or the one."""
    is_collection: bool
    name: str
    """Last member of the address, e.g. ``appRoleAssignedTo``."""
    value: Any = None
    """Value of a property, where the address ends in one."""
    is_property: bool = False


def related(store: Store, type_name: str, navigation: str, row: Row) -> list[Row]:
    """The objects that ``navigation`` leads to from ``row``; empty where the tenant file holds none."""
    provider = _RELATED.get((type_name, navigation))
    return provider(store, row) if provider else []


def locate(store: Store, address: Address, caller: Caller) -> Target:
    """The rows behind ``address``.

    Raises:
        Refusal: 404 for objects that do not exist, 400 for ids that are none.
    """
    row: Row | None = None
    kind = ""
    target: Target | None = None
    for step in address.steps:
        kind = step.member.type
        if step.is_property:
            assert row is not None  # noqa: S101 - the parser puts a property behind an entity only
            return Target(kind, [row], False, step.member.name, row.get(step.member.name), is_property=True)
        rows = _rows(store, step, kind, row, caller)
        if step.is_collection:
            return Target(kind, _cast(rows, address.cast), True, step.member.name)
        row, kind = _single(store, step, rows)
        target = Target(kind, [row], False, step.member.name)
    if target is None:
        raise bad_request("The request names no resource.")
    return target


def _rows(store: Store, step: Step, kind: str, row: Row | None, caller: Caller) -> list[Row]:
    name = step.member.name
    if row is None:
        if name == "me":
            return [_me(store, caller)]
        return store.rows(_ROOTS[name]) if _ROOTS.get(name) else [{"id": name}] if kind in _CONTAINERS else []
    if (step.owner, name) in _CONTAINED:
        return store.rows(_CONTAINED[step.owner, name])
    if step.owner == "policyRoot" and name in _SINGLETONS:
        return [store.singleton(name)]
    if kind in _CONTAINERS:
        return [{"id": name}]
    return related(store, step.owner, name, row)


def _single(store: Store, step: Step, rows: list[Row]) -> tuple[Row, str]:
    """The one row that a step means, and its type."""
    kind = step.member.type
    if step.key is None:
        if not rows:
            raise Refusal(404, "ResourceNotFound", f"Resource not found for the segment '{step.member.name}'.")
        return rows[0], kind
    key = step.key
    if not step.owner and kind == "directoryObject":
        if not store.knows(key):
            raise not_found(key)
        found_kind, found = store.directory_object(key)
        return {"@odata.type": f"#microsoft.graph.{found_kind}", **found}, found_kind
    collection = _ROOTS.get(step.member.name) if not step.owner else _CONTAINED.get((step.owner, step.member.name))
    if collection:
        found_row = store.find(collection, key, step.key_property)
        if found_row is None and collection == "users":
            found_row = store.find(collection, key, "userPrincipalName")
    else:
        found_row = next((row for row in rows if str(row.get(step.key_property, "")).lower() == key.lower()), None)
    if found_row is None:
        if (
            kind in ("application", "servicePrincipal", "group")
            and step.key_property == "id"
            and not _GUID.fullmatch(key)
        ):
            raise bad_request(f"Invalid object identifier '{key}'.", "Request_BadRequest")
        raise not_found(key)
    return found_row, kind


def _cast(rows: list[Row], cast: str) -> list[Row]:
    if not cast:
        return rows
    wanted = f"#microsoft.graph.{cast}".lower()
    return [row for row in rows if str(row.get("@odata.type", wanted)).lower() == wanted]


def _me(store: Store, caller: Caller) -> Row:
    """The signed-in user; one that the tenant file does not hold is drawn from the token's claims."""
    claims = caller.claims
    return store.find("users", caller.object_id) or {
        "id": caller.object_id,
        "displayName": claims.get("name"),
        "userPrincipalName": claims.get("upn"),
        "mail": claims.get("upn"),
    }
