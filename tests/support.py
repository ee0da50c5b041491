"""What tests share: a tenant file loaded without HTTP, and one check run on it.

``load_tenant`` stands in for collecting: it writes a snapshot from a tenant file's objects. That this equals what the
collector reads over HTTP is itself a test (``tests/graph/test_collect.py``).
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditor.audit.check import Context, Examination
from auditor.emulator.store import Store
from auditor.emulator.tenantfile import prepare
from auditor.reference.clouds import CLOUDS
from auditor.tenant.snapshot import Snapshot, SnapshotWriter
from auditor.tenant.state import SourceState
from auditor.tenant.tables import Tenant

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)

COLLECTIONS = {
    "organization": "organization",
    "applications": "applications",
    "servicePrincipals": "servicePrincipals",
    "oauth2PermissionGrants": "oauth2PermissionGrants",
    "roleManagement/directory/roleAssignments": "roleAssignments",
    "roleManagement/directory/roleDefinitions": "roleDefinitions",
    "subscribedSkus": "subscribedSkus",
    "identity/conditionalAccess/policies": "conditionalAccessPolicies",
    "identity/conditionalAccess/namedLocations": "namedLocations",
    "policies/authorizationPolicy": "authorizationPolicy",
    "policies/permissionGrantPolicies": "permissionGrantPolicies",
    "policies/adminConsentRequestPolicy": "adminConsentRequestPolicy",
    "policies/defaultAppManagementPolicy": "defaultAppManagementPolicy",
    "policies/appManagementPolicies": "appManagementPolicies",
    "policies/identitySecurityDefaultsEnforcementPolicy": "identitySecurityDefaultsEnforcementPolicy",
}


def _owners(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pairs = ((record["id"], [owner["id"] for owner in record.get("owners", ())]) for record in records)
    return [{"id": one, "owners": owners} for one, owners in pairs if owners]


def _assigned(data: dict[str, Any]) -> list[dict[str, Any]]:
    """What the collector keeps of ``appRoleAssignedTo``: rows of service principals, and counts for each resource read."""
    rows: list[dict[str, Any]] = []
    for principal in data["servicePrincipals"]:
        roles = principal.get("appRoles") or []
        publishes = any("Application" in (role.get("allowedMemberTypes") or []) for role in roles)
        if not publishes and not principal.get("appRoleAssignmentRequired"):
            continue
        here = [row for row in data["appRoleAssignments"] if row["resourceId"] == principal["id"]]
        kinds = [row["principalType"] for row in here]
        for_apps = {role["id"] for role in roles if "Application" in (role.get("allowedMemberTypes") or [])}
        rows += [
            row
            for row in here
            if row["principalType"] == "ServicePrincipal"
            or (row["principalType"] == "Group" and row["appRoleId"] in for_apps)
        ]
        counted = {"users": kinds.count("User"), "groups": kinds.count("Group")}
        counted["servicePrincipals"] = kinds.count("ServicePrincipal")
        rows.append({"resourceId": principal["id"], "counted": counted})
    return rows


def _asked(data: dict[str, Any], users: Sequence[str]) -> list[dict[str, Any]]:
    """What the collector keeps of the users that were asked for, by user principal name or id."""
    store = Store(data)
    lines = []
    for asked in dict.fromkeys(name.strip().lower() for name in users):
        row = store.find("users", asked) or store.find("users", asked, "userPrincipalName")
        line: dict[str, Any] = {"asked": asked, "found": row is not None, "user": None}
        line |= dict.fromkeys(("directoryRoles", "roleAssignments", "appRoleAssignments"))
        if row is not None:
            line["user"] = _picked(row, "id", "userPrincipalName", "userType", "accountEnabled")
            plans = row.get("assignedPlans") or []
            line["user"]["assignedPlans"] = [
                _picked(plan, "servicePlanId", "capabilityStatus", "service") for plan in plans
            ]
            held = store.memberships(row["id"], transitive=True)
            line["directoryRoles"] = [_picked(one, "roleTemplateId") for one in held if "roleTemplateId" in one]
            assigned = store.where("roleAssignments", "principalId", row["id"])
            line["roleAssignments"] = [_picked(one, "roleDefinitionId", "directoryScopeId") for one in assigned]
            entered = store.assignments_of_user(row["id"])
            line["appRoleAssignments"] = [_picked(one, "resourceId", "appRoleId") for one in entered]
        lines.append(line)
    return lines


def _picked(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: record.get(name) for name in names}


def snapshot_of(
    data: dict[str, Any],
    folder: Path,
    unread: dict[str, SourceState] | None = None,
    now: datetime = NOW,
    users: Sequence[str] = (),
) -> Snapshot:
    """A snapshot of a tenant file. ``unread`` maps sources to the state they get instead of being read; ``users`` are those
    that a declared app names."""
    data = prepare(data, now=now)
    tenant_id = data["tenant"]["id"]
    writer = SnapshotWriter(folder, tenant_id=tenant_id, cloud="global", collected_at=now)
    content = {source: data.get(name) or [] for source, name in COLLECTIONS.items()}
    content = {source: objects if isinstance(objects, list) else [objects] for source, objects in content.items()}
    content["applications/owners"] = _owners(data["applications"])
    content["servicePrincipals/owners"] = _owners(data["servicePrincipals"])
    content["applications/federatedIdentityCredentials"] = [
        {"id": record["id"], "federatedIdentityCredentials": record["federatedIdentityCredentials"]}
        for record in data["applications"]
        if record.get("federatedIdentityCredentials")
    ]
    content["servicePrincipals/appRoleAssignedTo"] = _assigned(data)
    if users:
        content["users"] = _asked(data, users)
    for source, objects in content.items():
        state = (unread or {}).get(source)
        if state is None:
            writer.append(source, objects)
            state = SourceState(source, "read", objects=len(objects))
        writer.finish(state)
    return writer.close(
        tenant_id=tenant_id, tenant_name=data["tenant"]["displayName"], signed_in_as="app (test)", requests=0
    )


def load_tenant(
    data: dict[str, Any],
    unread: dict[str, SourceState] | tuple[str, ...] = (),
    now: datetime = NOW,
    users: Sequence[str] = (),
) -> Tenant:
    """A tenant file as a Tenant, without HTTP. ``unread`` names sources to deny (or gives their states)."""
    states = unread if isinstance(unread, dict) else {one: SourceState(one, "denied") for one in unread}
    folder = Path(tempfile.mkdtemp(prefix="auditor-test-"))
    return Tenant.load(snapshot_of(data, folder / "snapshot", states, now, users))


def context_for(tenant: Tenant, **overrides: Any) -> Context:
    """The context of an audit of this tenant at its own clock."""
    settings: dict[str, Any] = {"now": tenant.collected_at, "cloud": CLOUDS["global"], "tenant_id": tenant.id}
    return Context(**{**settings, **overrides})


def examine(slug: str, data: dict[str, Any] | Tenant, **context: Any) -> Examination:
    """One check, restricted to its declared sources as the runner does it."""
    tenant = data if isinstance(data, Tenant) else load_tenant(data)
    check = importlib.import_module(f"checks.{slug.replace('-', '_')}")
    sources = (*check.META.sources, *check.META.optional_sources)
    result = check.examine(tenant.restricted(sources), context_for(tenant, **context))
    assert isinstance(result, Examination)
    return result
