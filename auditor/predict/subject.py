"""One app as the predictor sees it: its row, what it requests, what it was granted, the directory roles it holds.

Taken out of the tenant's tables once for each question; what was not read is None, never an empty set. What follows from
it is decided by the stages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

import pandas as pd

from auditor.reference.resources import GRAPH, first_party_name
from auditor.tenant.tables import Tenant

APPLICATIONS, PRINCIPALS = "applications", "servicePrincipals"
GRANTS, ASSIGNMENTS = "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"
ROLES = ("roleManagement/directory/roleAssignments", "roleManagement/directory/roleDefinitions")

DANGLING = ("unknown-permission", "disabled-permission")
"""Statuses of permissions that the resource does not publish, or no longer: no token carries them."""


@dataclass(frozen=True)
class Holding:
    """One row of the comparison: a permission that an app requests, holds, or both."""

    resource_app_id: str | None
    permission: str | None
    permission_id: str | None
    type: Literal["delegated", "application"]
    requested: bool | None
    granted: bool | None
    consent: str | None
    status: str | None
    admin_only: bool | None


@dataclass(frozen=True)
class Scope:
    """One delegated permission of one OAuth2 permission grant."""

    resource_app_id: str
    permission: str
    principal_id: str | None
    """The user it is for; None: everybody."""


@dataclass(frozen=True)
class Subject:
    """One app."""

    app_id: str
    row: Any | None
    """Its row of ``tenant.apps``; None: the tenant shows no such app."""
    name: str
    kind: str | None
    planned: bool
    """Its registration comes from a manifest that is not deployed."""
    lists_read: bool
    """Whether app registrations and service principals were read, so that an absent app is known to be absent."""
    holdings: tuple[Holding, ...]
    scopes: tuple[Scope, ...] | None
    """None: OAuth2 permission grants were not read, or the service principals they name by object id."""
    assignments_read: bool
    directory_roles: tuple[tuple[str, str, str], ...] | None
    """(Template id, name, scope) of each directory role of its service principal; None: not read."""
    credentials: pd.DataFrame
    """Its rows of ``tenant.credentials``."""
    graph_enabled: bool | None
    """Whether the service principal of Microsoft Graph is enabled; None: it was not read, or is not there."""
    users_may_consent: bool | None
    """Whether users of the tenant may consent to anything at all; None: not read."""
    group_held: frozenset[tuple[str, str]]
    """(Resource app id, permission id) of application permissions that are assigned to a group instead of an app."""

    @property
    def has_principal(self) -> bool:
        """Whether it has a service principal in this tenant."""
        return self.row is not None and isinstance(self.row.service_principal_id, str)

    @property
    def has_registration(self) -> bool:
        """Whether its registration can be seen in this tenant."""
        return self.row is not None and isinstance(self.row.object_id, str)

    @property
    def principal_id(self) -> str | None:
        """Object id of its service principal."""
        return str(self.row.service_principal_id) if self.row is not None and self.has_principal else None


_SEEN: WeakKeyDictionary[Tenant, dict[str, Subject]] = WeakKeyDictionary()
"""A recording of an app asks hundreds of questions about it, and finding it in a large tenant's tables takes a while."""


def subject(tenant: Tenant, app_id: str) -> Subject:
    """The app as the tenant shows it; looked up once.

    Args:
        tenant: not restricted.
        app_id: lower case.
    """
    seen = _SEEN.setdefault(tenant, {})
    if app_id not in seen:
        seen[app_id] = _subject(tenant, app_id)
    return seen[app_id]


def _subject(tenant: Tenant, app_id: str) -> Subject:
    apps = tenant.apps
    row = next(apps[apps["app_id"] == app_id].itertuples(index=False), None)
    found: Any = row
    principal = found.service_principal_id if found is not None else None
    return Subject(
        app_id=app_id,
        row=found,
        name=_name(found, app_id),
        kind=found.kind if found is not None and isinstance(found.kind, str) else None,
        planned=app_id in tenant.planned,
        lists_read=tenant.is_read(APPLICATIONS) and tenant.is_read(PRINCIPALS),
        holdings=tuple(_holdings(tenant, app_id)),
        scopes=tuple(_scopes(tenant, app_id)) if tenant.is_read(GRANTS) and tenant.is_read(PRINCIPALS) else None,
        assignments_read=tenant.is_read(ASSIGNMENTS) and tenant.is_read(PRINCIPALS),
        directory_roles=_directory_roles(tenant, app_id) if all(map(tenant.is_read, ROLES)) else None,
        credentials=tenant.credentials[tenant.credentials["app_id"] == app_id],
        graph_enabled=_graph_enabled(tenant),
        users_may_consent=tenant.consent.users_may_consent,
        group_held=_group_held(tenant) if isinstance(principal, str) else frozenset(),
    )


def _name(row: Any, app_id: str) -> str:
    if row is not None and isinstance(row.display_name, str):
        return str(row.display_name)
    return first_party_name(app_id) or f"App {app_id}"


def _holdings(tenant: Tenant, app_id: str) -> Iterable[Holding]:
    rows = tenant.permissions
    for row in rows[rows["app_id"] == app_id].itertuples(index=False):
        found: Any = row
        yield Holding(
            resource_app_id=_text(found.resource_app_id),
            permission=_text(found.permission),
            permission_id=_text(found.permission_id),
            type=found.type,
            requested=_flag(found.requested),
            granted=_flag(found.granted),
            consent=_text(found.consent),
            status=_text(found.status),
            admin_only=_flag(found.admin_only),
        )


def _scopes(tenant: Tenant, app_id: str) -> Iterable[Scope]:
    rows = tenant.grants
    for row in rows[rows["app_id"] == app_id].itertuples(index=False):
        found: Any = row
        if isinstance(found.resource_app_id, str):
            yield Scope(found.resource_app_id, str(found.permission), _text(found.principal_id))


def _directory_roles(tenant: Tenant, app_id: str) -> tuple[tuple[str, str, str], ...]:
    rows = tenant.directory_roles
    rows = rows[rows["app_id"] == app_id]
    return tuple(
        (str(template), _text(role) or str(template), _text(scope) or "/")
        for template, role, scope in rows[["role_template_id", "role", "scope"]].itertuples(index=False)
    )


def _graph_enabled(tenant: Tenant) -> bool | None:
    rows = tenant.resources
    return next((_flag(one) for one in rows.loc[rows["resource_app_id"] == GRAPH, "enabled"]), None)


def _group_held(tenant: Tenant) -> frozenset[tuple[str, str]]:
    rows = tenant.group_assignments
    return frozenset(
        (str(resource), str(permission))
        for resource, permission in rows[["resource_app_id", "permission_id"]].itertuples(index=False)
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: Any) -> bool | None:
    return None if pd.isna(value) else bool(value)
