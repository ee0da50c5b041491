"""Tenants from files: read, check, resolve relative dates.

A tenant file is JSON with raw Graph v1.0 objects by collection; ``COLLECTIONS`` and ``SINGLETONS`` name them. A
date-time may be relative to the moment the tenant is loaded: ``@now-30d``, ``@now+400d``, ``@now-2h``, ``@now``.
A group lists its ``members`` as ``[{"id": …}]``. A user without ``assignedPlans`` has every service plan the tenant owns.
Indexing what was read is ``store``'s work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from auditor.errors import InputError

COLLECTIONS = [
    "organization",
    "applications",
    "servicePrincipals",
    "oauth2PermissionGrants",
    "appRoleAssignments",
    "roleAssignments",
    "roleDefinitions",
    "subscribedSkus",
    "conditionalAccessPolicies",
    "namedLocations",
    "permissionGrantPolicies",
    "appManagementPolicies",
    "users",
    "groups",
]
SINGLETONS = [
    "authorizationPolicy",
    "adminConsentRequestPolicy",
    "defaultAppManagementPolicy",
    "identitySecurityDefaultsEnforcementPolicy",
]
CREDENTIALS = ("secrets", "certificates")
"""appId -> secret texts, and appId -> public certificates (PEM), for the token endpoint."""

_NEED_ID = frozenset(COLLECTIONS) - {"oauth2PermissionGrants", "appRoleAssignments", "roleAssignments"}
_NEED_TEXT = {
    "applications": ("appId",),
    "servicePrincipals": ("appId",),
    "oauth2PermissionGrants": ("clientId", "resourceId"),
    "appRoleAssignments": ("principalId", "resourceId", "appRoleId"),
    "roleAssignments": ("principalId", "roleDefinitionId"),
}
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# The closing quote must be bare: the same characters inside a longer text arrive with an escaped one.
_RELATIVE = re.compile(rb'(?<!\\)"@now(?:([+-]\d{1,6})([smhdw]))?"')
_SERVICES = (
    ("EXCHANGE", "exchange"),
    ("SHAREPOINT", "SharePoint"),
    ("TEAMS", "TeamspaceAPI"),
    ("AAD", "AADPremiumService"),
    ("INTUNE", "SCO"),
)
_UNITS = {b"s": "seconds", b"m": "minutes", b"h": "hours", b"d": "days", b"w": "weeks"}


def load(path: Path | str) -> dict[str, Any]:
    """The tenant in the file ``path``, checked, with relative dates still in it (``prepare`` resolves them).

    Raises:
        InputError: the file is missing, not JSON, or not a tenant; one sentence that names the place.
    """
    try:
        content = orjson.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot read tenant file {path}: {error.strerror or type(error).__name__}") from error
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"tenant file {path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    try:
        check(content)
    except InputError as error:
        raise InputError(f"tenant file {path}: {error}") from None
    return prepare(content)


def check(content: Any) -> None:
    """Refuse what is not a tenant.

    Raises:
        InputError: names the first key that is not as it should be.
    """
    if not isinstance(content, dict):
        raise InputError("the top level must be an object")
    tenant = content.get("tenant")
    if not isinstance(tenant, dict) or not _is_guid(tenant.get("id")) or not isinstance(tenant.get("displayName"), str):
        raise InputError("'tenant' must be an object with 'id' (a GUID) and 'displayName' (a text)")
    unknown = set(content) - {"tenant", *COLLECTIONS, *SINGLETONS, *CREDENTIALS}
    if unknown:
        raise InputError(f"unknown key '{min(unknown)}'")
    for name in COLLECTIONS:
        _check_collection(name, content.get(name, []))
    for name in SINGLETONS:
        if not isinstance(content.get(name, {}), dict):
            raise InputError(f"'{name}' must be an object")
    for name in CREDENTIALS:
        texts = content.get(name, {})
        if not isinstance(texts, dict) or not all(
            isinstance(values, list) and all(isinstance(value, str) for value in values) for values in texts.values()
        ):
            raise InputError(f"'{name}' must map app ids to lists of texts")


def prepare(content: Mapping[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
    """A copy of ``content`` whose relative dates are UTC times, and whose users have licences; what does not change is shared.

    Args:
        content: A tenant as ``check`` accepts it.
        now: The moment that ``@now`` means; the present by default.
    """
    moment = now or datetime.now(UTC)

    def absolute(match: re.Match[bytes]) -> bytes:
        try:
            span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match[1] else timedelta()
            return f'"{(moment + span).isoformat(timespec="seconds").replace("+00:00", "Z")}"'.encode()
        except OverflowError:
            return match[0]  # before the year 1 or after 9999: no date, so it stays a text

    prepared = dict(content)
    for name, part in content.items():
        text = orjson.dumps(part)
        if b'"@now' in text:
            prepared[name] = orjson.loads(_RELATIVE.sub(absolute, text))
    if any("assignedPlans" not in user for user in prepared.get("users") or ()):
        plans = assigned_plans(prepared, moment)
        prepared["users"] = [{"assignedPlans": plans, **user} for user in prepared["users"]]
    return prepared


def assigned_plans(content: Mapping[str, Any], moment: datetime) -> list[dict[str, Any]]:
    """The service plans that a tenant owns, as a user has them who was given all."""
    assigned_at = (moment - timedelta(days=200)).isoformat(timespec="seconds").replace("+00:00", "Z")
    plans = {}
    for sku in content.get("subscribedSkus") or ():
        for plan in sku.get("servicePlans") if isinstance(sku.get("servicePlans"), list) else ():
            if not isinstance(plan, dict) or not isinstance(plan.get("servicePlanId"), str):
                continue
            is_active = sku.get("capabilityStatus") in ("Enabled", "Warning")
            if is_active and plan.get("provisioningStatus", "Success") != "Disabled":
                plans[plan.get("servicePlanId")] = {
                    "assignedDateTime": assigned_at,
                    "capabilityStatus": "Enabled",
                    "service": service_of(str(plan.get("servicePlanName"))),
                    "servicePlanId": plan.get("servicePlanId"),
                }
    return list(plans.values())


def service_of(plan_name: str) -> str:
    """The service behind a plan, as ``assignedPlans`` names it: roughly, nobody publishes the list."""
    return next(
        (service for prefix, service in _SERVICES if plan_name.startswith(prefix)), plan_name.split("_", maxsplit=1)[0]
    )


def _check_collection(name: str, rows: Any) -> None:
    if not isinstance(rows, list):
        raise InputError(f"'{name}' must be a list")
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputError(f"'{name}' entry {position} must be an object")
        if name in _NEED_ID and not isinstance(row.get("id"), str):
            raise InputError(f"'{name}' entry {position} needs an 'id' (a text)")
        for key in _NEED_TEXT.get(name, ()):
            if not isinstance(row.get(key), str):
                raise InputError(f"'{name}' entry {position} needs '{key}' (a text)")
        for relation in ("owners", "members"):
            others = row.get(relation) or []
            if not isinstance(others, list) or not all(
                isinstance(other, dict) and isinstance(other.get("id"), str) for other in others
            ):
                raise InputError(
                    f"'{name}' entry {position}: '{relation}' must be a list of objects with an 'id' (a text)"
                )


def _is_guid(value: Any) -> bool:
    return isinstance(value, str) and _GUID.fullmatch(value) is not None
