"""Ready commands for remediation: admin consent URLs, portal links, Microsoft Graph PowerShell, az.

Commands are shown to people and never run by the auditor, which only reads. Ids in them come from the tenant and are
checked to be ids; names go through ``quote``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import quote as percent

from auditor.audit.check import Context, PermissionType

_TYPES: Mapping[PermissionType, str] = {"application": "Role", "delegated": "Scope"}
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def quote(text: str) -> str:
    """Text as a single-quoted PowerShell string on one line; nothing in it is expanded."""
    visible = re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", " ", text)
    for mark in "'\u2018\u2019\u201a\u201b":  # PowerShell ends a string at any of them
        visible = visible.replace(mark, mark * 2)
    return f"'{visible}'"


def _id(value: str, placeholder: str) -> str:
    """The id itself, or a placeholder where the tenant gave something that is none."""
    return value if _ID.fullmatch(value or "") else f"<{placeholder}>"


def _tenant(context: Context) -> str:
    return percent(context.tenant_id, safe="") or "organizations"


def admin_consent(context: Context, app_id: str) -> str:
    """The admin consent page for everything the app registration requests.

    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    return f"{context.cloud.authority}/{_tenant(context)}/adminconsent?client_id={_id(app_id, 'app id')}"


def app_link(context: Context, app_id: str, object_id: str | None = None) -> str:
    """The app's page in the Entra admin centre: the enterprise application if its object id is given, else the registration."""
    base = f"https://{context.cloud.portal_host}/#view"
    app = _id(app_id, "app id")
    if object_id:
        return f"{base}/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Permissions/objectId/{_id(object_id, 'object id')}/appId/{app}"
    return f"{base}/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/CallAnAPI/appId/{app}"


def az_admin_consent(app_id: str) -> str:
    """One az command that grants everything the app registration requests."""
    return f"az ad app permission admin-consent --id {_id(app_id, 'app id')}"


def request_permission(
    app_id: str, resource_app_id: str | None, permission_id: str | None, type: PermissionType
) -> str:
    """The az line that adds a permission to what an app registration requests. It grants nothing.

    https://learn.microsoft.com/cli/azure/ad/app/permission
    """
    return (
        f"az ad app permission add --id {_id(app_id, 'app id')} --api {_id(resource_app_id or '', 'resource app id')} "
        f"--api-permissions {_id(permission_id or '', 'permission id')}={_TYPES[type]}"
    )


def az_rest(context: Context, method: str, path: str, body: Mapping[str, str | bool | None]) -> str:
    """An ``az rest`` line that a POSIX shell and PowerShell 7.3 or newer read alike.

    az knows from a few hosts alone which API to get a token for, and Graph's host in DoD is none of them: so it is told.
    Nothing in ``path`` and ``body`` may come from the tenant but ids that were checked.
    https://learn.microsoft.com/cli/azure/reference-index#az-rest
    """
    graph = f"https://{context.cloud.graph_host}"
    return f"az rest --method {method} --url {graph}/v1.0/{path} --resource {graph} --body '{json.dumps(body)}'"


def grant_application_permission(
    context: Context, service_principal_id: str, resource_service_principal_id: str, permission_id: str
) -> tuple[str, ...]:
    """Commands that assign one app role (an application permission) to a service principal.

    https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto
    """
    client = _id(service_principal_id, "service principal id")
    resource = _id(resource_service_principal_id, "resource service principal id")
    role = _id(permission_id, "app role id")
    return (
        f"New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {client} -PrincipalId {client} "
        f"-ResourceId {resource} -AppRoleId {role}",
        az_rest(
            context,
            "POST",
            f"servicePrincipals/{resource}/appRoleAssignedTo",
            {"principalId": client, "resourceId": resource, "appRoleId": role},
        ),
    )


def grant_delegated_permission(
    context: Context, app_id: str, resource_service_principal_id: str, client_service_principal_id: str, scope: str
) -> tuple[str, ...]:
    """Commands that consent to one delegated permission for all users of the tenant.

    An app holds at most one tenant-wide grant a resource, so the PowerShell line adds the scope to that grant where there
    is one. https://learn.microsoft.com/graph/api/oauth2permissiongrant-post
    """
    client = _id(client_service_principal_id, "service principal id")
    resource = _id(resource_service_principal_id, "resource service principal id")
    value = re.sub(r"[^\w.\-:/]", "", scope)
    same = f"clientId eq '{client}' and resourceId eq '{resource}' and consentType eq 'AllPrincipals'"
    return (
        f'$grant = Get-MgOauth2PermissionGrant -Filter "{same}"; '
        f'if ($grant) {{ Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId $grant.Id -Scope "$($grant.Scope) {value}" }} '
        f"else {{ New-MgOauth2PermissionGrant -ClientId {client} -ConsentType AllPrincipals -ResourceId {resource} "
        f"-Scope {quote(value)} }}",
        az_admin_consent(app_id),
    )
