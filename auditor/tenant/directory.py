"""The tables and settings around the apps: directory roles, service plans, Conditional Access policies, consent settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from auditor.tenant.columns import CONDITIONAL_ACCESS, DIRECTORY_ROLES, SERVICE_PLANS, frame
from auditor.tenant.fields import Raw, flag, key, number, part, parts, text, texts

_SELF_CONSENT = "managepermissiongrantsforself."


@dataclass(frozen=True)
class ConsentSettings:
    """How this tenant lets users and admins consent. None is "not read", never "off"."""

    user_consent_policies: tuple[str, ...] | None
    """Permission grant policies under which users may consent for themselves (``managePermissionGrantsForSelf.`` entries
    with the prefix removed); empty: users may not consent at all."""
    admin_consent_requests: bool | None
    """Whether users may ask an admin (adminConsentRequestPolicy.isEnabled)."""
    security_defaults: bool | None
    guest_user_role_id: str | None = None
    """What guests may do (authorizationPolicy.guestUserRoleId), lower case; None: not read."""
    user_permissions: Mapping[str, bool] | None = None
    """What every member may do by default (defaultUserRolePermissions: allowedToCreateApps, ...); None: not read."""

    @property
    def users_may_consent(self) -> bool | None:
        """Whether users may consent to anything at all; None if the policy was not read."""
        return None if self.user_consent_policies is None else bool(self.user_consent_policies)


def consent_settings(authorization: Raw | None, requests: Raw | None, defaults: Raw | None) -> ConsentSettings:
    """The settings from authorizationPolicy, adminConsentRequestPolicy and the security defaults policy; None is not read.

    https://learn.microsoft.com/entra/identity/enterprise-apps/configure-user-consent
    """
    policies: tuple[str, ...] | None = None
    if authorization is not None:
        role = part(authorization, "defaultUserRolePermissions")
        if isinstance(role.get("permissionGrantPoliciesAssigned"), list):
            assigned = (policy.lower() for policy in texts(role, "permissionGrantPoliciesAssigned"))
            policies = tuple(
                sorted(policy[len(_SELF_CONSENT) :] for policy in assigned if policy.startswith(_SELF_CONSENT))
            )
    return ConsentSettings(
        user_consent_policies=policies,
        admin_consent_requests=None if requests is None else flag(requests, "isEnabled"),
        security_defaults=None if defaults is None else flag(defaults, "isEnabled"),
        guest_user_role_id=None if authorization is None else key(authorization, "guestUserRoleId"),
        user_permissions=None
        if authorization is None
        else {
            name: value
            for name, value in part(authorization, "defaultUserRolePermissions").items()
            if isinstance(value, bool)
        },
    )


def directory_roles_table(
    assignments: Iterable[Raw], definitions: Iterable[Raw], app_ids: Mapping[str, str]
) -> pd.DataFrame:
    """Directory role assignments held by service principals.

    Args:
        assignments: raw unifiedRoleAssignments.
        definitions: raw unifiedRoleDefinitions.
        app_ids: service principal object id to app id.
    """
    names = {key(role, "id"): role for role in definitions}
    rows: list[tuple[Any, ...]] = []
    for assignment in assignments:
        principal, role_id = key(assignment, "principalId"), key(assignment, "roleDefinitionId")
        if principal is None or principal not in app_ids:
            continue
        role = names.get(role_id, {})
        rows.append(
            (principal, app_ids[principal], role_id, key(role, "templateId") or role_id, text(role, "displayName"))
            + (text(assignment, "directoryScopeId"),)
        )
    return _rows(DIRECTORY_ROLES, rows)


def service_plans_table(skus: Iterable[Raw]) -> pd.DataFrame:
    """Service plans of the tenant's subscriptions, one row for each plan in each subscribed SKU."""
    rows: list[tuple[Any, ...]] = []
    for sku in skus:
        status = text(sku, "capabilityStatus")
        units = number(part(sku, "prepaidUnits"), "enabled")
        for plan in parts(sku, "servicePlans"):
            provisioning = text(plan, "provisioningStatus")
            active = status in ("Enabled", "Warning") and provisioning != "Disabled"
            rows.append(
                (key(plan, "servicePlanId"), text(plan, "servicePlanName"), text(sku, "skuPartNumber"), active)
                + (status, provisioning, units)
            )
    return _rows(SERVICE_PLANS, rows)


def conditional_access_table(policies: Iterable[Raw]) -> pd.DataFrame:
    """Conditional Access policies, conditions and controls as Graph gave them."""
    rows: list[tuple[Any, ...]] = []
    for policy in policies:
        if key(policy, "id") is None:
            continue  # nothing that Entra could enforce; a finding about it could not be told from another
        grant, session = policy.get("grantControls"), policy.get("sessionControls")
        rows.append(
            (key(policy, "id"), text(policy, "displayName"), text(policy, "state"), part(policy, "conditions"))
            + (grant if isinstance(grant, dict) else None, session if isinstance(session, dict) else None)
            + (text(policy, "createdDateTime"), text(policy, "modifiedDateTime"))
        )
    return _rows(CONDITIONAL_ACCESS, rows)


def _rows(columns: Mapping[str, str], rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    ordered = sorted(rows, key=lambda row: tuple(str(value or "") for value in row[:3]))
    values: list[Any] = list(zip(*ordered, strict=True)) if ordered else [()] * len(columns)
    return frame(columns, dict(zip(columns, values, strict=True)))
