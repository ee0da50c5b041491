"""Permissions of a type that an app's flow can never use, and which of three checks tells of each.

An app-only token carries application permissions alone, a user's token delegated ones alone. Shared by
``permission-type-mismatch``, ``application-only-api`` and ``delegated-only-api``; the more specific check wins, so a row
is told once. Apps that can run both ways, and apps whose flows cannot be seen, are left alone.
https://learn.microsoft.com/graph/resolve-auth-errors
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import Certainty, Context, PermissionType, Severity
from auditor.reference.forms import counterpart, is_offered
from auditor.reference.resources import GRAPH
from auditor.tenant.permissions import DEFAULT_ACCESS
from auditor.tenant.tables import Tenant
from checks import _commands
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._rows import NO_PERMISSIONS, PermissionRow, each, is_mail, is_true, living

SOURCES = ("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo")
OPTIONAL_SOURCES = ("applications/federatedIdentityCredentials",)

PASSWORD_RESET: Mapping[str, str] = {
    "UserAuthenticationMethod.ReadWrite.All": "POST /users/{id}/authentication/methods/{id}/resetPassword",
    "UserAuthMethod-Password.ReadWrite.All": "POST /users/{id}/authentication/methods/{id}/resetPassword",
}
"""Delegated permissions that people take for password resets, and the call that stays delegated-only.
https://learn.microsoft.com/graph/api/authenticationmethod-resetpassword"""

AS_USER = "Directory.AccessAsUser.All"
"""Lends the app the rights of the signed-in user in the directory, whatever they are: it has no meaning without one."""

PASSWORD_PROFILE = "User-PasswordProfile.ReadWrite.All"  # noqa: S105 - the name of a permission
"""The application permission for PATCH /users/{id} with passwordProfile."""

_ADDED_BY_DEFAULT = "User.Read"
"""The portal adds this delegated permission to every new registration: alone it says nothing about what an app does."""

Slug = Literal["permission-type-mismatch", "application-only-api", "delegated-only-api"]


@dataclass(frozen=True)
class WrongType:
    """One permission of the type that the app's flow cannot use."""

    row: PermissionRow
    app: Subject
    slug: Slug
    right: frozenset[str]
    """Permissions of the usable type that the app requests or holds on the same resource (sign-in scopes left out)."""
    same_name_id: str | None
    """Id of the permission of the same name and the usable type, where the resource offers it."""
    users_consented: bool = False
    """Whether some user consented to a delegated permission of the app, so that somebody did sign in to it."""

    @property
    def wanted_type(self) -> PermissionType:
        return "application" if self.row.type == "delegated" else "delegated"

    @property
    def severity(self) -> Severity:
        """High where the app has nothing it can use on the resource."""
        if self.app.enabled is False:
            return "low"
        return "medium" if self.right else "high"

    @property
    def certainty(self) -> Certainty:
        if self.app.flows_are_fixed:
            return "likely" if self.right else "certain"
        return "possible" if self.right or self.somebody_signed_in else "likely"

    @property
    def somebody_signed_in(self) -> bool:
        """Whether an app that looks app-only has a user's own consent: username and password or on-behalf-of need no redirect URI."""
        return self.users_consented and self.app.runs_app_only and self.app.kind == "registration"


def wrong_types(tenant: Tenant, context: Context) -> tuple[int, list[WrongType]]:
    """How many permission rows of single-flow apps were looked at, and those of the wrong type."""
    rows = _usable(living(tenant.permissions))
    apps = {
        app_id: app
        for app_id, app in subjects(tenant, context, rows["app_id"]).items()
        if len(app.flows) == 1 and app.flow_source != "unseen" and app.kind not in ("first-party", "legacy")
    }
    rows = rows[rows["app_id"].isin(apps)]
    wanted = rows["app_id"].map({one: "application" if app.runs_app_only else "delegated" for one, app in apps.items()})
    wrong = rows[rows["type"] != wanted]
    right = _names(rows[rows["app_id"].isin(wrong["app_id"]) & (rows["type"] == wanted)])
    offered = _offered(tenant.defined, wrong)
    with_roles = {resource for resource, kind, _ in offered if kind == "application"}
    personal = _with_user_consent(tenant.permissions, wrong)
    found = []
    for row in each(wrong):
        app = apps[row.app_id]
        names = right.get((row.app_id, row.resource_app_id or ""), frozenset())
        if _is_harmless(row, app, names, with_roles):
            continue
        other = "application" if row.type == "delegated" else "delegated"
        same = offered.get((row.resource_app_id or "", other, row.permission or ""))
        found.append(WrongType(row, app, _slug(row, same), names, same, row.app_id in personal))
    return len(rows), found


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that stand for a real permission, requested or granted."""
    rows = rows[is_true(rows["requested"]) | is_true(rows["granted"])]
    rows = rows[~rows["permission"].isin(SIGN_IN_SCOPES) & (rows["permission_id"] != DEFAULT_ACCESS)]
    return rows[~rows["status"].isin(("unknown-permission", "disabled-permission", "resource-missing"))]


def _with_user_consent(permissions: pd.DataFrame, rows: pd.DataFrame) -> frozenset[str]:
    """App ids, of those at hand, that some user has consented to, sign-in scopes included."""
    mine = permissions["app_id"].isin(rows["app_id"]) & (permissions["consented_users"] > 0)
    return frozenset(permissions.loc[mine, "app_id"])


def _names(rows: pd.DataFrame) -> Mapping[tuple[str, str], frozenset[str]]:
    """Permission values by app and resource; the scope that every registration starts with does not count."""
    found: dict[tuple[str, str], set[str]] = {}
    named = rows[rows["permission"].notna() & (rows["permission"] != _ADDED_BY_DEFAULT)]
    for app_id, resource, name in named[["app_id", "resource_app_id", "permission"]].itertuples(index=False):
        found.setdefault((app_id, resource), set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}


def _offered(defined: pd.DataFrame, rows: pd.DataFrame) -> Mapping[tuple[str, str, str], str]:
    """(resource, type, value) to id of every enabled permission of the resources at hand."""
    here = defined[defined["enabled"] & defined["resource_app_id"].isin(rows["resource_app_id"])]
    columns = ["resource_app_id", "type", "permission", "permission_id"]
    return {(resource, kind, name): one for resource, kind, name, one in here[columns].itertuples(index=False)}


def _is_harmless(row: PermissionRow, app: Subject, right: frozenset[str], with_roles: set[str]) -> bool:
    """Rows of the wrong type that break nothing."""
    if row.type == "application":
        return row.permission in right
    if row.resource_app_id not in with_roles:
        return (
            True  # no application permission to ask for: Azure RBAC and the like decide for an app on such a resource
        )
    if row.permission == _ADDED_BY_DEFAULT and row.resource_app_id == GRAPH:
        return bool(right) or not app.flows_are_fixed
    return row.permission in right and row.permission not in PASSWORD_RESET


def _slug(row: PermissionRow, same_name_id: str | None) -> Slug:
    """Which check tells of the row."""
    if row.resource_app_id != GRAPH or row.permission is None:
        return "permission-type-mismatch"
    if row.type == "application":
        has_delegated_form = same_name_id is not None or is_offered(row.permission, "delegated")
        return "permission-type-mismatch" if has_delegated_form else "application-only-api"
    if row.permission in PASSWORD_RESET or row.permission == AS_USER:
        return "delegated-only-api"
    has_application_form = same_name_id is not None and is_offered(row.permission, "application")
    if not has_application_form and counterpart(row.permission, "delegated").is_missing:
        return "delegated-only-api"
    return "permission-type-mismatch"


def repair(found: WrongType, offered_id: str | None, context: Context, name: str) -> tuple[str, ...]:
    """Commands that ask for (and grant) permission ``name`` of the usable type instead.

    Args:
        found: the permission of the wrong type.
        offered_id: id of ``name`` on the resource; None: no commands but the removal.
        context: for the cloud.
        name: value of the permission to use instead.
    """
    row, app = found.row, found.app
    lines: list[str] = []
    registered = app.kind == "registration"
    if offered_id is not None:
        if registered:
            lines.append(_commands.request(app.app_id, row.resource_app_id, offered_id, found.wanted_type))
        if app.service_principal_id and row.resource_id and found.wanted_type == "application":
            lines += remedy.grant_application_permission(context, app.service_principal_id, row.resource_id, offered_id)
        elif app.service_principal_id and row.resource_id:
            lines += remedy.grant_delegated_permission(
                context, app.app_id, row.resource_id, app.service_principal_id, name
            )
    if registered and row.requested:
        lines.append(_commands.stop_requesting(app.app_id, row.resource_app_id, row.permission_id))
    return tuple(lines)


def evidence(found: WrongType) -> dict[str, object]:
    """What the three checks show alike."""
    seen: dict[str, object] = {
        **found.row.evidence(),
        **found.app.evidence(),
        f"{found.wanted_type}_permissions_on_the_resource": sorted(found.right),
        f"offered_as_{found.wanted_type}": found.same_name_id is not None,
    }
    if found.app.runs_app_only and not found.right and is_mail(found.row.resource_app_id, found.row.permission):
        seen["other_error_codes"] = [NO_PERMISSIONS]  # 401, as long as the token holds no role at all
    if found.somebody_signed_in and not found.app.flows_are_fixed:
        seen["note"] = (
            "a user has consented, so somebody did sign in: a confidential client can use username and password or "
            'on-behalf-of without a redirect URI; if it does, declare flow = "delegated" for it'
        )
    return seen


def id_of(tenant: Tenant, resource_app_id: str | None, type: PermissionType, name: str) -> str | None:
    """Id of an enabled permission that a resource offers, None where it offers none of that name and type."""
    defined = tenant.defined
    match = defined[
        (defined["resource_app_id"] == resource_app_id)
        & (defined["type"] == type)
        & (defined["permission"] == name)
        & defined["enabled"]
    ]
    return None if match.empty else str(match["permission_id"].iloc[0])
