"""The tables of what is defined, requested and granted: resources, defined, requested, preauthorized, grants,
assignments, assigned_to. Nothing is compared here; that is ``permissions``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from auditor.tenant.columns import (
    ASSIGNED_TO,
    ASSIGNMENTS,
    DEFINED,
    GRANTS,
    GROUP_ASSIGNMENTS,
    PREAUTHORIZED,
    REQUESTED,
    RESOURCES,
    frame,
)
from auditor.tenant.fields import Raw, flag, key, number, part, parts, text, texts

_TYPES = {"Scope": "delegated", "Role": "application"}


def _table(columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows (in any order, duplicates dropped) as a table in the order of their values."""
    ordered = sorted(set(rows), key=lambda row: tuple((value is not None, str(value)) for value in row))
    values: Sequence[Sequence[Any]] = list(zip(*ordered, strict=True)) if ordered else [()] * len(columns)
    return frame(columns, dict(zip(columns, values, strict=True)))


def resources_table(principals: Iterable[Raw], kinds: Mapping[str, str], granted_upon: frozenset[str]) -> pd.DataFrame:
    """Service principals that publish permissions or were granted upon.

    Args:
        principals: raw service principals.
        kinds: app id to ``APPS.kind``.
        granted_upon: object ids of service principals that appear as a resource in a grant or an assignment.
    """
    rows = []
    for principal in principals:
        app_id, object_id = key(principal, "appId"), key(principal, "id")
        publishes = any(True for name in ("appRoles", "oauth2PermissionScopes") for _ in parts(principal, name))
        if app_id and (publishes or object_id in granted_upon):
            enabled = False if flag(principal, "isDisabled") else flag(principal, "accountEnabled")
            rows.append((app_id, object_id, text(principal, "displayName"), enabled, kinds.get(app_id)))
    return _table(RESOURCES, rows)


def defined_table(principals: Iterable[Raw]) -> pd.DataFrame:
    """Permissions that resources define in this tenant."""
    rows: list[tuple[Any, ...]] = []
    for principal in principals:
        app_id = key(principal, "appId")
        if not app_id:
            continue
        for scope in parts(principal, "oauth2PermissionScopes"):
            admin_only = text(scope, "type") != "User"
            rows.append(
                (
                    app_id,
                    key(scope, "id"),
                    text(scope, "value"),
                    "delegated",
                    bool(flag(scope, "isEnabled")),
                    admin_only,
                )
            )
        for role in parts(principal, "appRoles"):
            if "Application" in texts(role, "allowedMemberTypes"):
                rows.append(
                    (app_id, key(role, "id"), text(role, "value"), "application", bool(flag(role, "isEnabled")), True)
                )
    return _table(DEFINED, rows)


def requested_table(registrations: Iterable[Raw]) -> pd.DataFrame:
    """``requiredResourceAccess`` of the app registrations."""
    return _table(
        REQUESTED,
        (
            (app_id, resource_id, permission_id, _TYPES[kind])
            for registration in registrations
            if (app_id := key(registration, "appId"))
            for resource in parts(registration, "requiredResourceAccess")
            if (resource_id := key(resource, "resourceAppId"))
            for access in parts(resource, "resourceAccess")
            if (permission_id := key(access, "id")) and (kind := text(access, "type")) in _TYPES
        ),
    )


def preauthorized_table(registrations: Iterable[Raw]) -> pd.DataFrame:
    """Clients that APIs registered in this tenant pre-authorize."""
    return _table(
        PREAUTHORIZED,
        (
            (resource_id, client, permission_id.lower())
            for registration in registrations
            if (resource_id := key(registration, "appId"))
            for entry in parts(part(registration, "api"), "preAuthorizedApplications")
            if (client := key(entry, "appId"))
            for permission_id in texts(entry, "delegatedPermissionIds") or texts(entry, "permissionIds")
        ),
    )


def grants_table(grants: Iterable[Raw], app_ids: Mapping[str, str]) -> pd.DataFrame:
    """OAuth2 permission grants, one row a scope value.

    A ``scope`` is split on white space: real ones carry leading spaces and duplicates.

    Args:
        grants: raw oauth2PermissionGrants.
        app_ids: service principal object id to app id.
    """
    return _table(
        GRANTS,
        (
            (
                client,
                app_ids.get(client),
                resource,
                app_ids.get(resource),
                text(grant, "id") or "",
                consent,
                user,
                scope,
            )
            for grant in grants
            if (client := key(grant, "clientId")) and (resource := key(grant, "resourceId"))
            for consent in (text(grant, "consentType") or "Principal",)
            for user in (key(grant, "principalId") if consent == "Principal" else None,)
            for scope in (text(grant, "scope") or "").split()
        ),
    )


def assignments_table(assigned: Iterable[Raw], app_ids: Mapping[str, str]) -> pd.DataFrame:
    """App role assignments to service principals, from the resource side (``appRoleAssignedTo``)."""
    return _table(
        ASSIGNMENTS,
        (
            (principal, app_ids.get(principal), resource, app_ids.get(resource), text(row, "id") or "", role)
            + (text(row, "createdDateTime"),)
            for row in assigned
            if "counted" not in row
            and text(row, "principalType") == "ServicePrincipal"
            and (principal := key(row, "principalId"))
            and (resource := key(row, "resourceId"))
            and (role := key(row, "appRoleId"))
        ),
    )


def group_assignments_table(
    assigned: Iterable[Raw], principals: Iterable[Raw], app_ids: Mapping[str, str]
) -> pd.DataFrame:
    """Application permissions that were assigned to groups; what people get through groups is left out.

    Args:
        assigned: raw app role assignments.
        principals: raw service principals, for the roles they define.
        app_ids: service principal object id to app id.
    """
    roles = {
        (key(principal, "id"), key(role, "id"))
        for principal in principals
        for role in parts(principal, "appRoles")
        if "Application" in texts(role, "allowedMemberTypes")
    }
    return _table(
        GROUP_ASSIGNMENTS,
        (
            (group, resource, app_ids.get(resource), role, text(row, "id") or "")
            for row in assigned
            if text(row, "principalType") == "Group"
            and (group := key(row, "principalId"))
            and (resource := key(row, "resourceId"))
            and (role := key(row, "appRoleId"))
            and (resource, role) in roles
        ),
    )


def assigned_to_table(assigned: Iterable[Raw]) -> pd.DataFrame:
    """Who is assigned to each service principal whose assignments were read, counted."""
    counts: dict[str, tuple[int, int, int]] = {}
    for row in assigned:
        resource = key(row, "resourceId")
        if "counted" in row and resource:
            counted = part(row, "counted")
            users, groups, principals = (number(counted, name) for name in ("users", "groups", "servicePrincipals"))
            counts[resource] = (users, groups, principals)
    ordered = [(resource, *counts[resource]) for resource in sorted(counts)]
    values: Sequence[Sequence[Any]] = list(zip(*ordered, strict=True)) if ordered else [()] * len(ASSIGNED_TO)
    return frame(ASSIGNED_TO, dict(zip(ASSIGNED_TO, values, strict=True)))
