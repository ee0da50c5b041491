"""Commands that change what an app requests or holds, for remediation beyond granting (which is ``audit.remedy``'s).

Shown to people, never run. An id that is none is replaced by a placeholder; names go through ``remedy.quote``.
https://learn.microsoft.com/cli/azure/ad/app/permission
"""

from __future__ import annotations

from auditor.audit import remedy
from auditor.tenant.cells import identifier

_TYPES = {"application": "Role", "delegated": "Scope"}


def is_id(value: str | None) -> bool:
    """Whether a value from the tenant is an id and may stand in a command."""
    return not identifier(value, "").startswith("<")


def request(app_id: str, resource_app_id: str | None, permission_id: str | None, type: str) -> str:
    """The az line that adds a permission to what an app registration requests. It grants nothing."""
    return (
        f"az ad app permission add --id {identifier(app_id, 'app id')} --api {identifier(resource_app_id, 'resource app id')} "
        f"--api-permissions {identifier(permission_id, 'permission id')}={_TYPES[type]}"
    )


def stop_requesting(app_id: str, resource_app_id: str | None, permission_id: str | None) -> str:
    """The az line that removes a permission from what an app registration requests. It revokes nothing."""
    return (
        f"az ad app permission delete --id {identifier(app_id, 'app id')} --api {identifier(resource_app_id, 'resource app id')} "
        f"--api-permissions {identifier(permission_id, 'permission id')}"
    )


def close_to_personal_accounts(app_id: str) -> str:
    """The az line that limits sign-in to accounts in organizational directories."""
    return f"az ad app update --id {identifier(app_id, 'app id')} --sign-in-audience AzureADMultipleOrgs"


def revoke_application_permission(service_principal_id: str | None, assignment_id: str | None) -> str:
    """The PowerShell line that deletes one app role assignment.

    https://learn.microsoft.com/graph/api/serviceprincipal-delete-approleassignments
    """
    return (
        f"Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {identifier(service_principal_id, 'service principal id')} "
        f"-AppRoleAssignmentId {remedy.quote(assignment_id or '<assignment id>')}"
    )


def shrink_grant(grant_id: str, remaining: tuple[str, ...]) -> str:
    """The PowerShell line that leaves only the remaining scopes in an OAuth2 permission grant, or deletes an empty one.

    https://learn.microsoft.com/graph/api/oauth2permissiongrant-update
    """
    if not remaining:
        return f"Remove-MgOauth2PermissionGrant -OAuth2PermissionGrantId {remedy.quote(grant_id)}"
    scopes = remedy.quote(" ".join(remaining))
    return f"Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId {remedy.quote(grant_id)} -Scope {scopes}"
