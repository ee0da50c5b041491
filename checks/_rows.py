"""Rows of the comparison as findings tell of them: one permission of one app on one resource.

Shared by the checks that read ``tenant.permissions``. Permissions on the retired Azure AD Graph belong to ``wrong-resource``
alone (``living``): consent, type or excess do not matter where every call fails. Which rows are findings, and how bad, is each check's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from auditor.audit.check import PermissionType
from auditor.reference import catalog
from auditor.reference.resources import AAD_GRAPH, GRAPH
from auditor.reference.workloads import behind
from auditor.tenant.cells import flag, text

_REFUSALS = {"exchange": "ErrorAccessDenied", "sharepoint": "accessDenied", "teams": "Forbidden"}
_ON_GRAPH = (
    # Reporting and network access name the permissions they want.
    (r"AuditLog\..*|Reports\..*|NetworkAccess.*", "Authentication_MSGraphPermissionMissing"),
    # Conditional Access, named locations and risk: "required scopes are missing in the token".
    (r"Policy\..*ConditionalAccess|IdentityRisk.*", "AccessDenied"),
    (r"Role(Assignment|Eligibility)Schedule\..*", "PermissionScopeNotGranted"),
    # Role management of other services, and people search, which the directory does not answer.
    (r"RoleManagement\..*\.(CloudPC|Defender|Exchange|All)|People\..*", None),
)
"""Microsoft Graph permissions and the code of the service that answers their calls; None: not known. The first match
holds, before the service that ``workloads`` names for Conditional Access."""

NO_PERMISSIONS = "NoPermissionsInAccessToken"
"""Exchange's code, with HTTP 401, for an app-only token that holds no role at all."""


@dataclass(frozen=True)
class PermissionRow:
    """One row of ``tenant.permissions`` in plain Python types; missing is None."""

    app_id: str
    resource_app_id: str | None
    resource: str
    resource_id: str | None
    """Object id of the resource's service principal."""
    permission_id: str | None
    permission: str | None
    type: PermissionType
    requested: bool | None
    granted: bool | None
    consent: str | None
    consented_users: int
    status: str | None
    admin_only: bool | None

    @property
    def label(self) -> str:
        """The permission's value, or what stands for it where only an id is known."""
        return self.permission or f"with the id {self.permission_id}"

    @property
    def subject(self) -> dict[str, Any]:
        """The fields of a finding that name this row."""
        return {
            "resource_app_id": self.resource_app_id,
            "permission_id": self.permission_id,
            "permission": self.permission,
            "permission_type": self.type,
        }

    def evidence(self) -> dict[str, Any]:
        """What the comparison says of this row."""
        return {
            "resource": self.resource,
            "requested": self.requested,
            "granted": self.granted,
            "consent": self.consent,
            "status": self.status,
        }


def living(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of known clients on resources other than the retired Azure AD Graph."""
    return rows[rows["app_id"].notna() & (rows["resource_app_id"] != AAD_GRAPH)]


def is_true(column: pd.Series[Any]) -> pd.Series[Any]:
    """A boolean column as a filter: unknown is not true."""
    return column.fillna(False).astype("bool")


def is_false(column: pd.Series[Any]) -> pd.Series[Any]:
    """A boolean column as a filter: unknown is not false."""
    return ~column.fillna(True).astype("bool")


def not_consented(rows: pd.DataFrame) -> pd.Series[Any]:
    """Rows that nobody consented to and users cannot settle alone, or might not: the setting was not read."""
    undecided = rows["status"].isna() & is_false(rows["granted"])
    return (rows["status"] == "not-consented") | undecided


def each(rows: pd.DataFrame) -> Iterator[PermissionRow]:
    """The rows one by one: filter first, this is for those that may become findings."""
    for row in rows.itertuples(index=False):
        resource_app_id, permission_id = text(row.resource_app_id), text(row.permission_id)
        kind = cast(PermissionType, row.type)
        name = text(row.permission)
        if name is None and permission_id is not None and resource_app_id == GRAPH:
            name = catalog.load().name_of(permission_id, kind)
        yield PermissionRow(
            app_id=cast(str, row.app_id),
            resource_app_id=resource_app_id,
            resource=text(row.resource) or resource_app_id or "a deleted resource",
            resource_id=text(row.resource_id),
            permission_id=permission_id,
            permission=name,
            type=kind,
            requested=flag(row.requested),
            granted=flag(row.granted),
            consent=text(row.consent),
            consented_users=0 if row.consented_users is pd.NA else int(cast(int, row.consented_users)),
            status=text(row.status),
            admin_only=flag(row.admin_only),
        )


def refusal_code(resource_app_id: str | None, permission: str | None) -> str | None:
    """The error code of a call that lacks a permission: each service behind Microsoft Graph words its 403 in its own way.

    ``Authorization_RequestDenied`` is the directory's alone. None where nobody has seen the code of the service (To Do,
    Planner, education, Intune, authentication methods and others), and for resources that are not Microsoft's.
    https://learn.microsoft.com/graph/errors
    """
    if resource_app_id == GRAPH:
        for pattern, code in _ON_GRAPH:
            if re.fullmatch(pattern, permission or ""):
                return code
    workload = behind(resource_app_id or "", permission or "")
    if workload is None:
        return None
    return _REFUSALS.get(workload.id, "Authorization_RequestDenied" if workload.id == "directory" else None)


def is_mail(resource_app_id: str | None, permission: str | None) -> bool:
    """Whether Exchange answers the calls of a permission: mail, calendars, contacts, mailbox settings."""
    workload = behind(resource_app_id or "", permission or "")
    return workload is not None and workload.id == "exchange"
