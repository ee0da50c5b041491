"""The tenant in memory: typed tables made from a snapshot, each with documented columns.

Conventions, for every table: strings are pandas' ``str`` dtype, missing is NaN (test with ``isna()``); booleans that
may be unknown are ``boolean`` (``pd.NA`` is "unknown", a value of its own); times are ``datetime64[us, UTC]``, missing
is NaT; tuples are objects, never missing. Ids are lower case. App ids and object ids are different things: an app id
(client id) names the application in every tenant, an object id one app registration or service principal in this one.

A ``Tenant`` builds each table when first asked for. ``restricted`` gives a check the tables that its declared sources
carry and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from auditor.tenant.state import SourceState

APPS = {
    "app_id": "str: app (client) id; unique, the key",
    "object_id": "str: object id of the app registration, missing where there is none in this tenant",
    "service_principal_id": "str: object id of the service principal, missing where there is none",
    "display_name": "str: of the registration, else of the service principal",
    "kind": "str: registration | external | managed-identity | first-party | legacy",
    "enabled": "boolean: service principal's accountEnabled, and not disabled by isDisabled; unknown without one",
    "sign_in_audience": "str: AzureADMyOrg, AzureADMultipleOrgs, AzureADandPersonalMicrosoftAccount, PersonalMicrosoftAccount",
    "flows": "tuple of str: inferred by flows.py: app-only, delegated; empty if neither can be seen",
    "flow_evidence": "str: in words, what the flows were inferred from",
    "flows_certain": "bool: False where the registration cannot be seen, so another flow may exist",
    "service_principal_type": "str: Application, ManagedIdentity, Legacy, SocialIdp, ...",
    "owner_tenant_id": "str: tenant that owns the registration (appOwnerOrganizationId)",
    "publisher": "str: publisherName or verified publisher's name",
    "verified_publisher": "bool",
    "assignment_required": "boolean: appRoleAssignmentRequired",
    "disabled_by_microsoft": "str: disabledByMicrosoftStatus where it is set and not NotDisabled",
    "preferred_single_sign_on": "str: preferredSingleSignOnMode: saml, oidc, password, ...",
    "web_redirects": "tuple of str",
    "spa_redirects": "tuple of str",
    "public_redirects": "tuple of str: redirect URIs of the public client platform",
    "fallback_public_client": "boolean: isFallbackPublicClient",
    "implicit_access_token": "boolean: implicit flow may issue access tokens",
    "implicit_id_token": "boolean",
    "exposes_api": "bool: the registration or service principal publishes scopes or app roles for applications",
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


@dataclass(frozen=True)
class ConsentSettings:
    """How this tenant lets users and admins consent. None is "not read", never "off"."""

    user_consent_policies: tuple[str, ...] | None
    """Permission grant policies under which users may consent for themselves (``managePermissionGrantsForSelf.`` entries
    with the prefix removed); empty: users may not consent at all."""
    admin_consent_requests: bool | None
    """Whether users may ask an admin (adminConsentRequestPolicy.isEnabled)."""
    security_defaults: bool | None

    @property
    def users_may_consent(self) -> bool | None:
        """Whether users may consent to anything at all; None if the policy was not read."""
        return None if self.user_consent_policies is None else bool(self.user_consent_policies)


class UndeclaredSource(LookupError):
    """A check asked for a table whose sources it did not declare: a mistake in the check."""
