"""The columns of the tenant's tables, with their meanings, and the one way to make a table from them.

Conventions, for every table: strings are pandas' ``str`` dtype, missing is NaN (test with ``isna()``); booleans that
may be unknown are ``boolean`` (``pd.NA`` is "unknown", a value of its own); times are ``datetime64[us, UTC]``, missing
is NaT; tuples are objects, never missing. Ids are lower case. App ids and object ids are different things: an app id
(client id) names the application in every tenant, an object id one app registration or service principal in this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

APPS = {
    "app_id": "str: app (client) id; unique, the key",
    "object_id": "str: object id of the app registration, missing where there is none in this tenant",
    "service_principal_id": "str: object id of the service principal, missing where there is none",
    "display_name": "str: of the registration, else of the service principal",
    "kind": "str: registration | external | managed-identity | first-party | legacy",
    "enabled": "boolean: accountEnabled of the service principal and nothing of disabled_by; unknown without one",
    "sign_in_audience": "str: AzureADMyOrg, AzureADMultipleOrgs, AzureADandPersonalMicrosoftAccount, PersonalMicrosoftAccount",
    "flows": "tuple of str: inferred by flows.py: app-only, delegated; empty if neither can be seen",
    "flow_evidence": "str: in words, what the flows were inferred from",
    "flows_certain": "bool: False where the registration cannot be seen, so another flow may exist",
    "service_principal_type": "str: Application, ManagedIdentity, Legacy, SocialIdp, ...",
    "owner_tenant_id": "str: tenant that owns the registration (appOwnerOrganizationId)",
    "publisher": "str: publisherName or verified publisher's name",
    "verified_publisher": "bool",
    "assignment_required": "boolean: appRoleAssignmentRequired",
    "disabled_by": "str: accountEnabled | service principal isDisabled | application isDisabled | Microsoft; missing if not disabled",
    "disabled_by_microsoft": "str: disabledByMicrosoftStatus where it is set and not NotDisabled",
    "preferred_single_sign_on": "str: preferredSingleSignOnMode: saml, oidc, password, ...",
    "web_redirects": "tuple of str",
    "spa_redirects": "tuple of str",
    "public_redirects": "tuple of str: redirect URIs of the public client platform",
    "fallback_public_client": "boolean: isFallbackPublicClient",
    "implicit_access_token": "boolean: implicit flow may issue access tokens",
    "implicit_id_token": "boolean",
    "exposes_api": "bool: the registration or service principal publishes delegated permissions",
    "owners": "tuple of str: object ids of owners of the registration and the service principal",
    "tags": "tuple of str",
    "created_at": "datetime",
}

CREDENTIALS = {
    "app_id": "str",
    "holder": "str: application | service-principal",
    "key_id": "str: id of the credential (for federated ones: the record's id)",
    "kind": "str: secret | certificate | federated",
    "name": "str: display name or hint given by people",
    "usage": "str: Verify or Sign for certificates, missing otherwise",
    "start_at": "datetime",
    "end_at": "datetime: missing for federated credentials, which do not expire",
    "issuer": "str: federated only",
    "subject": "str: federated only",
}

RESOURCES = {
    "resource_app_id": "str: the key",
    "service_principal_id": "str",
    "display_name": "str",
    "enabled": "boolean",
    "kind": "str: as APPS.kind",
}
"""Every service principal that publishes permissions or was granted upon."""

DEFINED = {
    "resource_app_id": "str",
    "permission_id": "str",
    "permission": "str: value, e.g. User.Read.All",
    "type": "str: delegated | application",
    "enabled": "bool",
    "admin_only": "bool: delegated permission of type Admin; application permissions are always admin_only",
}
"""Permissions that resources define: oauth2PermissionScopes, and appRoles whose allowedMemberTypes has Application."""

REQUESTED = {
    "app_id": "str",
    "resource_app_id": "str",
    "permission_id": "str",
    "type": "str: delegated | application",
}
"""requiredResourceAccess of this tenant's app registrations, duplicates removed."""

PREAUTHORIZED = {
    "resource_app_id": "str: an API registered in this tenant",
    "app_id": "str: the client it pre-authorizes",
    "permission_id": "str: delegated permission",
}

GRANTS = {
    "client_id": "str: object id of the client's service principal",
    "app_id": "str: client's app id, missing where the service principal was deleted",
    "resource_id": "str: object id of the resource's service principal",
    "resource_app_id": "str: missing where the service principal was deleted",
    "grant_id": "str: id of the oauth2PermissionGrant",
    "consent_type": "str: AllPrincipals | Principal",
    "principal_id": "str: the user, missing for AllPrincipals",
    "permission": "str: one scope value; a grant with n scopes gives n rows, duplicates removed",
}

ASSIGNMENTS = {
    "principal_id": "str: object id of the service principal that was granted the role",
    "app_id": "str: its app id, missing where it was deleted",
    "resource_id": "str",
    "resource_app_id": "str: missing where the service principal was deleted",
    "assignment_id": "str",
    "permission_id": "str: appRoleId; all zeros is the default access role",
    "created_at": "datetime",
}
"""App role assignments to service principals (the application permissions granted)."""

GROUP_ASSIGNMENTS = {
    "group_id": "str: object id of the group that was assigned the application permission",
    "resource_id": "str: object id of the resource's service principal",
    "resource_app_id": "str: missing where the service principal was deleted",
    "permission_id": "str: appRoleId of an application permission",
    "assignment_id": "str",
}
"""Application permissions that were assigned to groups. Groups do not pass them on to service principals among their
members, so they are never part of ``assignments``. A snapshot of one app has those of the groups that the app's service
principal is in."""

ASSIGNED_TO = {
    "service_principal_id": "str: the resource (the app that people are assigned to); the key",
    "users": "int: users assigned",
    "groups": "int",
    "service_principals": "int",
}
"""Counts of who is assigned to a service principal. A row for each one whose assignments were read, 0 included."""

DIRECTORY_ROLES = {
    "principal_id": "str: service principal",
    "app_id": "str: its app id, missing if it is no service principal of this tenant",
    "role_definition_id": "str",
    "role_template_id": "str: stable across tenants",
    "role": "str: display name, e.g. User Administrator",
    "scope": "str: directoryScopeId, / is the whole tenant",
}
"""Directory role assignments held by service principals (others are left out)."""

SERVICE_PLANS = {
    "service_plan_id": "str",
    "service_plan": "str: servicePlanName",
    "sku": "str: skuPartNumber",
    "active": "bool: the SKU's capabilityStatus is Enabled or Warning, and the plan's provisioningStatus is not Disabled",
    "sku_status": "str: capabilityStatus: Enabled, Warning, Suspended, LockedOut, Deleted",
    "provisioning_status": "str",
    "units": "int: prepaid units enabled",
}

CONDITIONAL_ACCESS = {
    "policy_id": "str",
    "display_name": "str",
    "state": "str: enabled | disabled | enabledForReportingButNotEnforced",
    "conditions": "object: the policy's conditions as Graph gave them (dict)",
    "grant_controls": "object: dict or None",
    "session_controls": "object: dict or None",
    "created_at": "datetime",
    "modified_at": "datetime",
}

CONSENTS = {
    "app_id": "str: client",
    "display_name": "str: client",
    "resource_app_id": "str",
    "resource": "str: display name",
    "permission": "str",
    "type": "str: delegated | application",
    "consent": "str: admin | user",
    "principal_id": "str: the user of a user consent",
    "granted_at": "datetime: app role assignments alone carry a date; missing is not known",
    "record_id": "str: id of the grant or assignment",
}
"""One row for each grant as Graph holds it, for the Consents sheet."""

USERS = {
    "asked": "str: the user principal name or id that was asked for, lower case; the key",
    "user_id": "str: object id",
    "user_principal_name": "str",
    "user_type": "str: Member | Guest",
    "enabled": "boolean: accountEnabled",
    "found": "boolean: False: no such user in this tenant",
    "service_plans": "tuple of str: ids of the service plans the user has, active ones (Enabled or Warning) alone",
    "service_plan_names": "tuple of str: their names, in the same order",
    "directory_roles": "tuple of str: template ids of roles held tenant-wide, also through groups; None: not read",
    "scoped_roles": "tuple of str: template ids of roles held on a smaller scope alone; None: not read",
    "assigned_resources": "tuple of str: object ids of service principals the user is assigned to, directly or through a "
    "group; None: not read",
    "licensed": "boolean: has at least one active service plan; unknown where the plans were not read",
}
"""The users that were asked for, and no others."""

_DTYPES = {"str": "str", "boolean": "boolean", "bool": "bool", "int": "int64"}


def frame(columns: Mapping[str, str], values: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A table with exactly these columns, in this order, with the dtype that each column's description begins with.

    Args:
        columns: name to description, as above.
        values: a sequence for every column, all of one length; None is missing. Times are ISO 8601 strings.
    """
    series: dict[str, pd.Series[Any]] = {}
    for name, description in columns.items():
        kind = description.split(":")[0].split(" ")[0]
        column = values[name]
        if kind == "datetime":
            times = pd.to_datetime(pd.Series(column, dtype="str"), utc=True, format="ISO8601", errors="coerce")
            series[name] = times.astype("datetime64[us, UTC]")
        else:
            series[name] = pd.Series(column, dtype=_DTYPES.get(kind, "object"))
    return pd.DataFrame(series)


def empty(columns: Mapping[str, str]) -> pd.DataFrame:
    """The table without rows."""
    return frame(columns, {name: [] for name in columns})
