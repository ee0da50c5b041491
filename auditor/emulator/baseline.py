"""What a well-kept tenant has before anyone registers an app: organization, policies, directory roles, licences.

Raw Graph objects only. Role template ids: https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference.
Service plan ids: https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.emulator.shapes import Raw

ROLES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Application Developer": "cf1c38e5-3621-4004-a7cb-879624dced7c",
    "Authentication Administrator": "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Compliance Administrator": "17315797-102d-40b4-93e0-432062caca18",
    "Conditional Access Administrator": "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Directory Writers": "9360feb5-f418-4baa-8175-e2a00bac4301",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "Groups Administrator": "fdd7a751-b60b-444a-984c-02652fe8fa1c",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "Intune Administrator": "3a2c62db-5318-420d-8d74-23affee5d9d5",
    "Password Administrator": "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "SharePoint Administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "Teams Administrator": "69091246-20e8-4a56-aa4d-066075b2a7a8",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
}
"""Built-in directory roles by name; the value is both role definition id and template id."""

PLANS = {
    "AAD_PREMIUM": "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "AAD_PREMIUM_P2": "eec0eb4f-6444-4f95-aba0-50c24d67f998",
    "Entra_Identity_Governance": "e866a266-3cff-43a3-acca-0c90a7e00c8b",
    "AAD_WRKLDID_P1": "84c289f0-efcb-486f-8581-07f44fc9efad",
    "AAD_WRKLDID_P2": "7dc0e92d-bf15-401d-907e-0884efe7c760",
    "EXCHANGE_S_STANDARD": "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "EXCHANGE_S_ENTERPRISE": "efb87545-963c-4e0d-99df-69c6916d9eb0",
    "SHAREPOINTENTERPRISE": "5dbe027f-2339-4123-9542-606e4d348a72",
    "TEAMS1": "57ff2da0-773e-42df-b2af-ffb7a2317929",
    "MCOSTANDARD": "0feaeb32-d00e-4d66-bd5a-43b5b83db82c",
    "YAMMER_ENTERPRISE": "7547a3fe-08ee-4ccb-b430-5077c5041653",
    "PROJECTWORKMANAGEMENT": "b737dad2-2f6c-4c65-90e3-ca563267e8b9",
    "INTUNE_A": "c1ec4a95-1f05-45b3-a911-aa3fa01094f5",
    "WINDEFATP": "871d91ec-ec1a-452b-a83f-bd76c7d770ef",
    "ATP_ENTERPRISE": "f20fedf3-f3c3-43c3-8267-2bfdd51c0939",
    "THREAT_INTELLIGENCE": "8e0c0a52-6a6c-4d40-8370-dd62790dcd70",
    "ATA": "14ab5db5-e6c4-4b20-b4bc-13e36fd2227f",
    "ADALLOM_S_STANDALONE": "2e2ddb96-6af9-4b1d-a3f0-d6ecfd22edb2",
    "M365_ADVANCED_AUDITING": "2f442157-a11c-46b9-ae5b-6e39ff4e5849",
    "BI_AZURE_P2": "70d33638-9c74-4d01-bfd3-562de28bd4ba",
}
"""Service plan ids by service plan name."""

SKUS: dict[str, tuple[str, tuple[str, ...]]] = {
    "SPE_E5": (
        "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
        tuple(name for name in PLANS if name not in ("EXCHANGE_S_STANDARD", "AAD_WRKLDID_P1", "AAD_WRKLDID_P2")),
    ),
    "ENTERPRISEPACK": (
        "6fd2c87f-b296-42f0-b197-1e91e994b900",
        (
            "EXCHANGE_S_ENTERPRISE",
            "SHAREPOINTENTERPRISE",
            "TEAMS1",
            "MCOSTANDARD",
            "YAMMER_ENTERPRISE",
            "PROJECTWORKMANAGEMENT",
        ),
    ),
    "AAD_PREMIUM": ("078d2b04-f1bd-4111-bbd6-b4b1b354cef4", ("AAD_PREMIUM",)),
    "INTUNE_A": ("061f9ace-7d42-4136-88ac-31dc755f143f", ("INTUNE_A",)),
}
"""Subscriptions by part number: SKU id and the names of their service plans. SPE_E5 is a little fuller than Microsoft's,
so that nothing fails for want of a licence in a builder's tenant."""


def organization(tenant_id: str, name: str, domain: str) -> Raw:
    """The tenant's organization object."""
    return {
        "id": tenant_id,
        "deletedDateTime": None,
        "displayName": name,
        "createdDateTime": "@now-2000d",
        "city": "Redmond",
        "country": None,
        "countryLetterCode": "US",
        "tenantType": "AAD",
        "preferredLanguage": "en",
        "defaultUsageLocation": None,
        "onPremisesSyncEnabled": None,
        "onPremisesLastSyncDateTime": None,
        "mobileDeviceManagementAuthority": "unknown",
        "technicalNotificationMails": [f"it@{domain}"],
        "assignedPlans": [],
        "provisionedPlans": [],
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": True,
                "isInitial": True,
                "name": domain,
                "type": "Managed",
            }
        ],
    }


def role_definitions() -> list[Raw]:
    """The built-in directory roles."""
    return [
        {
            "id": template_id,
            "templateId": template_id,
            "displayName": name,
            "description": name,
            "isBuiltIn": True,
            "isEnabled": True,
            "resourceScopes": ["/"],
            "rolePermissions": [],
            "version": "1",
        }
        for name, template_id in ROLES.items()
    ]


def authorization_policy(user_consent: str | None) -> Raw:
    """The authorization policy; ``user_consent`` is the permission grant policy for users, None turns user consent off."""
    assigned = [] if user_consent is None else [f"managePermissionGrantsForSelf.{user_consent}"]
    return {
        "id": "authorizationPolicy",
        "displayName": "Authorization Policy",
        "description": "Used to manage authorization related settings across the company.",
        "deletedDateTime": None,
        "allowInvitesFrom": "adminsAndGuestInviters",
        "allowedToSignUpEmailBasedSubscriptions": False,
        "allowedToUseSSPR": True,
        "allowEmailVerifiedUsersToJoinOrganization": False,
        "allowUserConsentForRiskyApps": False,
        "blockMsolPowerShell": True,
        "guestUserRoleId": "10dae51f-b6af-4016-8d66-8c2a99b929b3",
        "defaultUserRolePermissions": {
            "allowedToCreateApps": False,
            "allowedToCreateSecurityGroups": False,
            "allowedToCreateTenants": False,
            "allowedToReadBitlockerKeysForOwnedDevice": True,
            "allowedToReadOtherUsers": True,
            "permissionGrantPoliciesAssigned": [
                *assigned,
                "managePermissionGrantsForOwnedResource.microsoft-dynamically-managed-permissions-for-team",
            ],
        },
    }


def condition_set(set_id: str, **raw: object) -> Raw:
    """One include or exclude of a permission grant policy: everything delegated that users may consent to, unless narrowed."""
    return {
        "id": set_id,
        "permissionClassification": "all",
        "permissionType": "delegatedUserConsentable",
        "resourceApplication": "any",
        "permissions": ["all"],
        "clientApplicationIds": ["all"],
        "clientApplicationTenantIds": ["all"],
        "clientApplicationPublisherIds": ["all"],
        "clientApplicationsFromVerifiedPublisherOnly": False,
        **raw,
    }


def permission_grant_policies(tenant_id: str, protected: Mapping[str, list[str]]) -> list[Raw]:
    """Microsoft's built-in permission grant policies, includes and excludes inlined.

    ``protected``: by resource app id, ids of the scopes that the recommended policy keeps from users.

    https://learn.microsoft.com/entra/identity/enterprise-apps/manage-app-consent-policies
    """

    def policy(policy_id: str, name: str, includes: list[Raw], excludes: Iterable[Raw] = ()) -> Raw:
        return {
            "id": policy_id,
            "displayName": name,
            "description": name,
            "deletedDateTime": None,
            "includes": includes,
            "excludes": list(excludes),
        }

    return [
        policy(
            "microsoft-user-default-recommended",
            "Microsoft User Default Recommended Policy",
            [condition_set("recommended-1")],
            [
                condition_set(
                    f"recommended-except-{number}",
                    permissionType="delegated",
                    resourceApplication=resource,
                    permissions=ids,
                )
                for number, (resource, ids) in enumerate(protected.items(), start=1)
            ],
        ),
        policy("microsoft-user-default-legacy", "Default User Consent Policy", [condition_set("legacy-1")]),
        policy(
            "microsoft-user-default-low",
            "Default User Low Risk Policy",
            [
                condition_set(
                    "low-1", permissionClassification="low", clientApplicationsFromVerifiedPublisherOnly=True
                ),
                condition_set("low-2", permissionClassification="low", clientApplicationTenantIds=[tenant_id]),
            ],
        ),
        policy(
            "microsoft-company-admin", "Company Admin Policy", [condition_set("admin-1", permissionType="application")]
        ),
    ]


def admin_consent_request_policy(*, enabled: bool) -> Raw:
    """Whether users may ask an admin for consent."""
    return {
        "id": "adminConsentRequestPolicy",
        "isEnabled": enabled,
        "notifyReviewers": enabled,
        "remindersEnabled": enabled,
        "requestDurationInDays": 30 if enabled else 0,
        "version": 0,
        "reviewers": [],
    }


def default_app_management_policy() -> Raw:
    """The tenant-wide restrictions on app credentials: none enforced."""
    restrictions: Raw = {"passwordCredentials": [], "keyCredentials": []}
    return {
        "id": "00000000-0000-0000-0000-000000000000",
        "deletedDateTime": None,
        "displayName": "Default app management tenant policy",
        "description": "Default tenant policy that enforces app management restrictions on applications and service principals.",
        "isEnabled": False,
        "applicationRestrictions": dict(restrictions),
        "servicePrincipalRestrictions": dict(restrictions),
    }


def security_defaults(*, enabled: bool) -> Raw:
    """Security defaults; off where Conditional Access is used."""
    return {
        "id": "00000000-0000-0000-0000-000000000005",
        "deletedDateTime": None,
        "displayName": "Security Defaults",
        "description": "Security defaults",
        "isEnabled": enabled,
    }
