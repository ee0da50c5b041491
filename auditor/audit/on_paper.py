"""An app manifest held against the permission data alone: a snapshot of a tenant that has nothing but Microsoft Graph.

For ``auditor check --manifest`` without a tenant. The service principal of Microsoft Graph in it is made from the permission
catalog; nothing is deployed, granted or known of any other resource, so only checks that judge a registration may run on it
(``checks``). Reading the manifest is ``auditor.predict.manifest``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from auditor.audit.check import Check
from auditor.audit.registry import registry
from auditor.reference import catalog
from auditor.reference.resources import GRAPH, resource_name
from auditor.tenant.snapshot import Snapshot, SnapshotWriter
from auditor.tenant.state import SourceState

NO_ID = "00000000-0000-0000-0000-000000000000"
"""App id of a manifest that has none yet: Entra gives it when the app is registered."""

_SLUGS = (
    "permission-missing",
    "personal-account",
    "permission-unknown",
    "permission-type-mismatch",
    "application-only-api",
    "delegated-only-api",
    "wrong-resource",
)
"""Checks whose findings follow from the registration and the permission data."""

_GRAPH_PRINCIPAL = "00000003-0000-0000-c000-000000000001"
"""Object id of the made-up service principal; it stands in no report."""


def checks() -> list[Check]:
    """The checks that judge a registration alone."""
    return [check for check in registry() if check.META.slug in _SLUGS]


def snapshot_of(manifest: Mapping[str, Any], folder: Path, *, cloud: str, now: datetime) -> Snapshot:
    """A snapshot that holds the manifest as its only app registration, and Microsoft Graph.

    Args:
        manifest: an ``application`` object of Microsoft Graph, with an ``appId``.
        folder: new or empty.
        cloud: name of the cloud it is meant for.
        now: the clock.

    Raises:
        OutputError: the folder cannot be written to.
    """
    app_id = str(manifest["appId"]).lower()
    writer = SnapshotWriter(folder, tenant_id="", cloud=cloud, collected_at=now, scope=[app_id], planned=[app_id])
    content: dict[str, Sequence[Mapping[str, Any]]] = {
        "applications": [{**manifest, "id": manifest.get("id") or "planned"}],
        "servicePrincipals": [_graph()],
        "applications/federatedIdentityCredentials": [],
        # Nothing is granted before it is deployed: that is known, and not unread.
        "oauth2PermissionGrants": [],
        "servicePrincipals/appRoleAssignedTo": [],
    }
    for source, objects in content.items():
        writer.append(source, objects)
        writer.finish(SourceState(source, "read", objects=len(objects)))
    return writer.close(tenant_id="", tenant_name="no tenant", signed_in_as="", requests=0)


def unjudged_resources(manifest: Mapping[str, Any]) -> list[str]:
    """Names or app ids of the resources that the manifest requests permissions on and that nothing is known of here."""
    return sorted({resource_name(one) or one for one in _resources(manifest) if one != GRAPH})


def _resources(manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = manifest.get("requiredResourceAccess")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("resourceAppId"), str):
            yield entry["resourceAppId"].lower()


def _graph() -> dict[str, Any]:
    """Microsoft Graph's service principal as the permission catalog knows it."""
    roles: list[dict[str, Any]] = []
    scopes: list[dict[str, Any]] = []
    for permission in catalog.load().permissions():
        if permission.application and permission.application.id and not permission.resource_specific:
            role = {"id": permission.application.id, "value": permission.name, "allowedMemberTypes": ["Application"]}
            roles.append({**role, "isEnabled": True})
        if permission.delegated and permission.delegated.id:
            kind = "Admin" if permission.delegated.admin_consent else "User"
            scopes.append({"id": permission.delegated.id, "value": permission.name, "type": kind, "isEnabled": True})
    return {
        "id": _GRAPH_PRINCIPAL,
        "appId": GRAPH,
        "displayName": "Microsoft Graph",
        "servicePrincipalType": "Application",
        "accountEnabled": True,
        "appRoles": roles,
        "oauth2PermissionScopes": scopes,
    }
