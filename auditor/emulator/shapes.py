"""Raw Microsoft Graph v1.0 objects with every property that Graph returns or that an audit selects, at its usual value.

Pure functions from a few words to a dict; which objects a tenant has is left to ``build``. Property names and types
are those of Microsoft's v1.0 metadata. Date-times may be relative (``@now-30d``); the emulator resolves them.
"""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]
"""One object as Graph gives it."""

CREATED_AT = "@now-400d"
DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""appRoleId of an assignment without a role."""


def application(object_id: str, app_id: str, name: str, *, domain: str) -> Raw:
    """A single-tenant app registration that asks for nothing. https://learn.microsoft.com/graph/api/resources/application"""
    return {
        "id": object_id,
        "appId": app_id,
        "deletedDateTime": None,
        "displayName": name,
        "description": None,
        "notes": None,
        "createdDateTime": CREATED_AT,
        "createdByAppId": None,
        "applicationTemplateId": None,
        "disabledByMicrosoftStatus": None,
        "isDisabled": None,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": None,
        "isFallbackPublicClient": None,
        "publisherDomain": domain,
        "signInAudience": "AzureADMyOrg",
        "serviceManagementReference": None,
        "tags": [],
        "tokenEncryptionKeyId": None,
        "uniqueName": None,
        "samlMetadataUrl": None,
        "defaultRedirectUri": None,
        "oauth2RequirePostResponse": False,
        "optionalClaims": None,
        "requestSignatureVerification": None,
        "addIns": [],
        "appRoles": [],
        "keyCredentials": [],
        "passwordCredentials": [],
        "requiredResourceAccess": [],
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
        "certification": None,
        "authenticationBehaviors": None,
        "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
        "info": {
            "logoUrl": None,
            "marketingUrl": None,
            "privacyStatementUrl": None,
            "supportUrl": None,
            "termsOfServiceUrl": None,
        },
        "servicePrincipalLockConfiguration": {
            "isEnabled": True,
            "allProperties": True,
            "credentialsWithUsageVerify": True,
            "credentialsWithUsageSign": True,
            "tokenEncryptionKeyId": True,
        },
        "api": {
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": 2,
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        },
        "web": {
            "homePageUrl": None,
            "logoutUrl": None,
            "redirectUris": [],
            "redirectUriSettings": [],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
        },
        "spa": {"redirectUris": []},
        "publicClient": {"redirectUris": []},
    }


def service_principal(object_id: str, app_id: str, name: str, *, owner_tenant: str | None) -> Raw:
    """An enabled service principal. https://learn.microsoft.com/graph/api/resources/serviceprincipal"""
    return {
        "id": object_id,
        "appId": app_id,
        "deletedDateTime": None,
        "accountEnabled": True,
        "isDisabled": None,
        "displayName": name,
        "appDisplayName": name,
        "appDescription": None,
        "description": None,
        "notes": None,
        "alternativeNames": [],
        "applicationTemplateId": None,
        "appOwnerOrganizationId": owner_tenant,
        "appRoleAssignmentRequired": False,
        "createdByAppId": None,
        "disabledByMicrosoftStatus": None,
        "homepage": None,
        "loginUrl": None,
        "logoutUrl": None,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": None,
        "preferredTokenSigningKeyThumbprint": None,
        "replyUrls": [],
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMyOrg",
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        "tokenEncryptionKeyId": None,
        "samlSingleSignOnSettings": None,
        "addIns": [],
        "appRoles": [],
        "oauth2PermissionScopes": [],
        "resourceSpecificApplicationPermissions": [],
        "keyCredentials": [],
        "passwordCredentials": [],
        "info": {
            "logoUrl": None,
            "marketingUrl": None,
            "privacyStatementUrl": None,
            "supportUrl": None,
            "termsOfServiceUrl": None,
        },
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
    }


def app_role(role_id: str, value: str, *members: str) -> Raw:
    """An app role; ``members`` as Graph's allowedMemberTypes, ``Application`` if none is named."""
    return {
        "allowedMemberTypes": list(members) or ["Application"],
        "description": value,
        "displayName": value,
        "id": role_id,
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }


def scope(scope_id: str, value: str, *, admin_only: bool) -> Raw:
    """A delegated permission that a resource publishes."""
    return {
        "adminConsentDescription": value,
        "adminConsentDisplayName": value,
        "id": scope_id,
        "isEnabled": True,
        "type": "Admin" if admin_only else "User",
        "userConsentDescription": value,
        "userConsentDisplayName": value,
        "value": value,
    }


def password_credential(key_id: str, name: str, *, start: str, end: str) -> Raw:
    """A client secret as Graph lists it: never its text."""
    return {
        "customKeyIdentifier": None,
        "displayName": name,
        "endDateTime": end,
        "hint": "x7Q",
        "keyId": key_id,
        "secretText": None,
        "startDateTime": start,
    }


def key_credential(key_id: str, name: str, *, start: str, end: str) -> Raw:
    """A certificate as Graph lists it without its key."""
    return {
        "customKeyIdentifier": None,
        "displayName": f"CN={name}",
        "endDateTime": end,
        "key": None,
        "keyId": key_id,
        "startDateTime": start,
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def federated_credential(record_id: str, name: str, *, issuer: str, subject: str) -> Raw:
    """A federated identity credential of an app registration."""
    return {
        "id": record_id,
        "name": name,
        "issuer": issuer,
        "subject": subject,
        "audiences": ["api://AzureADTokenExchange"],
        "description": None,
    }


def permission_grant(grant_id: str, client_id: str, resource_id: str, scopes: str, principal_id: str | None) -> Raw:
    """A delegated permission grant: for everyone where ``principal_id`` is None, else for that user."""
    return {
        "id": grant_id,
        "clientId": client_id,
        "consentType": "AllPrincipals" if principal_id is None else "Principal",
        "principalId": principal_id,
        "resourceId": resource_id,
        "scope": scopes,
    }


def role_assignment(
    assignment_id: str, *, role_id: str, principal: Raw, resource: Raw, principal_type: str = "ServicePrincipal"
) -> Raw:
    """An app role assignment of ``principal`` (user, group or service principal) on the service principal ``resource``."""
    return {
        "id": assignment_id,
        "deletedDateTime": None,
        "appRoleId": role_id,
        "createdDateTime": "@now-390d",
        "principalDisplayName": principal.get("displayName"),
        "principalId": principal["id"],
        "principalType": principal_type,
        "resourceDisplayName": resource.get("displayName"),
        "resourceId": resource["id"],
    }


def conditional_access_policy(policy_id: str, name: str, state: str) -> Raw:
    """A policy for all users and all resources without controls."""
    return {
        "id": policy_id,
        "templateId": None,
        "displayName": name,
        "description": None,
        "createdDateTime": "@now-300d",
        "modifiedDateTime": "@now-90d",
        "deletedDateTime": None,
        "state": state,
        "sessionControls": None,
        "conditions": {
            "clientAppTypes": ["all"],
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "servicePrincipalRiskLevels": [],
            "insiderRiskLevels": None,
            "platforms": None,
            "locations": None,
            "devices": None,
            "clientApplications": None,
            "authenticationFlows": None,
            "applications": {
                "includeApplications": ["All"],
                "excludeApplications": [],
                "includeUserActions": [],
                "includeAuthenticationContextClassReferences": [],
                "applicationFilter": None,
            },
            "users": {
                "includeUsers": ["All"],
                "excludeUsers": [],
                "includeGroups": [],
                "excludeGroups": [],
                "includeRoles": [],
                "excludeRoles": [],
                "includeGuestsOrExternalUsers": None,
                "excludeGuestsOrExternalUsers": None,
            },
        },
        "grantControls": None,
    }


def grant_controls(*controls: str, operator: str = "OR") -> Raw:
    """Grant controls of a Conditional Access policy: ``mfa``, ``block``, ``compliantDevice``, ..."""
    return {
        "operator": operator,
        "builtInControls": list(controls),
        "customAuthenticationFactors": [],
        "termsOfUse": [],
    }


def subscribed_sku(
    sku_id: str, part_number: str, plans: list[tuple[str, str]], *, account: str, status: str, units: int
) -> Raw:
    """A subscription with its service plans, each provisioned."""
    enabled = units if status in ("Enabled", "Warning") else 0
    return {
        "id": f"{account}_{sku_id}",
        "accountId": account,
        "accountName": "tenant",
        "appliesTo": "User",
        "capabilityStatus": status,
        "consumedUnits": enabled // 2,
        "skuId": sku_id,
        "skuPartNumber": part_number,
        "subscriptionIds": [],
        "prepaidUnits": {"enabled": enabled, "suspended": units - enabled, "warning": 0, "lockedOut": 0},
        "servicePlans": [
            {"servicePlanId": plan_id, "servicePlanName": plan, "provisioningStatus": "Success", "appliesTo": "User"}
            for plan_id, plan in plans
        ],
    }


def user(user_id: str, name: str, principal_name: str) -> Raw:
    """A member user, enabled."""
    return {
        "id": user_id,
        "displayName": name,
        "userPrincipalName": principal_name,
        "mail": principal_name,
        "userType": "Member",
        "accountEnabled": True,
    }


def assigned_plan(plan_id: str, service: str) -> Raw:
    """A service plan that a user has."""
    return {
        "assignedDateTime": "@now-200d",
        "capabilityStatus": "Enabled",
        "service": service,
        "servicePlanId": plan_id,
    }


def group(group_id: str, name: str) -> Raw:
    """A security group."""
    return {"id": group_id, "displayName": name, "securityEnabled": True, "mailEnabled": False, "groupTypes": []}
