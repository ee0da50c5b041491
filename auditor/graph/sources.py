"""Everything an audit reads from Graph, one row a source: path, fields, and what opens it.

Adding a source is adding a row here. How a source is read (paging, ``$batch``) is ``readings``' work; what becomes of
the objects is ``auditor.tenant``'s. A test holds every path and property against Microsoft's v1.0 schema.

Permissions, roles and licences: the API reference page of each path, and
https://learn.microsoft.com/graph/permissions-reference. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

Reading = Literal["list", "singleton", "owners", "federated-credentials", "assigned-to", "grant-policies", "users"]

MAX_PAGE = 999
"""The largest page of directory objects (https://learn.microsoft.com/graph/api/application-list)."""


@dataclass(frozen=True)
class SourceSpec:
    """One source of an audit."""

    id: str
    """The Graph path without the leading slash; for reads below each object of a collection: ``collection/property``."""
    purpose: str
    """What an audit wants it for, one sentence."""
    permission: str
    """The least application permission that opens it; the delegated permission of the same name opens it to a user."""
    reading: Reading = "list"
    path: str = ""
    """The path that is really requested, where that is not ``/id``; ``{id}`` stands for an object id."""
    select: tuple[str, ...] = ()
    """Properties asked for; empty: all (small sources, or properties of derived types)."""
    expand: str = ""
    """The relationship read together with each object; at most 20 entries come that way."""
    filter: str = ""
    page_sizes: tuple[int, ...] = ()
    """``$top``, and smaller ones to go back to where Graph answers 503 or 504; empty: the service's own page size."""
    advanced: bool = False
    """Whether ``ConsistencyLevel: eventual`` is sent."""
    countable: bool = False
    """Whether ``/$count`` is asked, to check that the list is whole."""
    needs: tuple[str, ...] = ()
    """Sources that must be read before this one."""
    lane: str = ""
    """Sources of one lane are read one after the other: they share a limit of their own."""
    role: str = "Global Reader"
    """The least directory role that opens it to a signed-in user."""
    licence: str | None = None
    other_permissions: tuple[str, ...] = ()
    """Other application permissions, for reading alone, that open it too."""

    @property
    def request_path(self) -> str:
        """Path from the version root, with a leading slash."""
        return self.path or f"/{self.id}"

    def url(self, *, top: int | None = None, expand: bool = True, nested_select: bool = True) -> str:
        """Path and query of the first request.

        Args:
            top: objects a page; None leaves ``$top`` out.
            expand: False leaves ``$expand`` out.
            nested_select: whether only ids of the expanded objects are asked for.
        """
        options = []
        if top is not None:
            options.append(f"$top={top}")
        if self.select:
            options.append(f"$select={','.join(self.select)}")
        if self.filter:
            options.append(f"$filter={quote(self.filter, safe='')}")
        if self.expand and expand:
            relationship, _, inner = self.expand.partition("(")
            options.append(f"$expand={self.expand if nested_select or not inner else relationship}")
        return self.request_path + (f"?{'&'.join(options)}" if options else "")


_APPLICATION = (
    ("id", "appId", "displayName", "createdDateTime", "signInAudience", "disabledByMicrosoftStatus", "isDisabled")
    + ("requiredResourceAccess", "api", "web", "spa", "publicClient", "isFallbackPublicClient")
    + ("isDeviceOnlyAuthSupported", "passwordCredentials", "appRoles", "identifierUris", "publisherDomain")
    # Needed for the dates of certificates. This $select is limited to 150 requests a minute in a tenant, which pages of
    # 999 do not reach; the certificates' bytes that come along are dropped before anything is stored.
    + ("verifiedPublisher", "tags", "keyCredentials")
)
_SERVICE_PRINCIPAL = (
    ("id", "appId", "displayName", "accountEnabled", "isDisabled", "disabledByMicrosoftStatus")
    + ("servicePrincipalType", "appOwnerOrganizationId", "signInAudience", "appRoleAssignmentRequired")
    + ("appRoles", "oauth2PermissionScopes", "replyUrls", "preferredSingleSignOnMode")
    + ("preferredTokenSigningKeyThumbprint", "tags", "alternativeNames", "verifiedPublisher", "servicePrincipalNames")
    + ("passwordCredentials", "keyCredentials")
)
_DIRECTORY_READERS = "Directory Readers"


SOURCES: tuple[SourceSpec, ...] = (
    SourceSpec(
        "organization",
        "Says which tenant this is, and its domain names.",
        # Organization.Read.All is less, but the OAuth2 permission grants ask for this one anyway.
        "Directory.Read.All",
        select=("id", "displayName", "verifiedDomains", "countryLetterCode", "tenantType", "createdDateTime"),
        role=_DIRECTORY_READERS,
        other_permissions=("Organization.Read.All",),
    ),
    SourceSpec(
        "applications",
        "App registrations: what each app requests, its flows and its credentials' dates.",
        "Application.Read.All",
        select=_APPLICATION,
        page_sizes=(MAX_PAGE, 600, 300),
        countable=True,
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "applications/owners",
        "Who owns each app registration.",
        "Application.Read.All",
        "owners",
        path="/applications",
        needs=("applications",),
        select=("id",),
        expand="owners($select=id)",
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "applications/federatedIdentityCredentials",
        "Federated credentials: apps that sign in without a secret of their own.",
        "Application.Read.All",
        "federated-credentials",
        path="/applications",
        needs=("applications",),
        select=("id",),
        expand="federatedIdentityCredentials",
        role=_DIRECTORY_READERS,
    ),
    SourceSpec(
        "servicePrincipals",
        "Service principals: every app in the tenant, and the permissions that resources define.",
        "Application.Read.All",
        select=_SERVICE_PRINCIPAL,
        page_sizes=(MAX_PAGE, 600, 300),
        countable=True,
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "servicePrincipals/owners",
        "Who owns each service principal.",
        "Application.Read.All",
        "owners",
        path="/servicePrincipals",
        needs=("servicePrincipals",),
        select=("id",),
        expand="owners($select=id)",
        filter="servicePrincipalType eq 'Application'",  # managed identities cannot have owners
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "oauth2PermissionGrants",
        "Delegated permissions that were consented to, by admins and by users.",
        "Directory.Read.All",
        select=("id", "clientId", "consentType", "principalId", "resourceId", "scope"),
        page_sizes=(MAX_PAGE, 600, 300),
        role=_DIRECTORY_READERS,
        other_permissions=("DelegatedPermissionGrant.Read.All",),
    ),
    SourceSpec(
        "servicePrincipals/appRoleAssignedTo",
        "Application permissions that were granted, and how many users and groups are assigned to each app.",
        "Application.Read.All",
        "assigned-to",
        path="/servicePrincipals/{id}/appRoleAssignedTo",
        # Without $top=999 managed identities have been reported missing (microsoft-graph-docs issue 12243).
        page_sizes=(MAX_PAGE,),
        needs=("servicePrincipals",),
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "roleManagement/directory/roleAssignments",
        "Directory roles that service principals hold.",
        "RoleManagement.Read.Directory",
        select=("id", "principalId", "roleDefinitionId", "directoryScopeId", "appScopeId"),
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "roleManagement/directory/roleDefinitions",
        "The names and templates of directory roles.",
        "RoleManagement.Read.Directory",
        select=("id", "displayName", "templateId", "isBuiltIn", "isEnabled"),
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "subscribedSkus",
        "Licences of the tenant, for permissions whose service nobody has a licence for.",
        "LicenseAssignment.Read.All",
        select=("id", "skuId", "skuPartNumber", "capabilityStatus", "appliesTo", "prepaidUnits", "servicePlans"),
        role=_DIRECTORY_READERS,
        other_permissions=("Directory.Read.All", "Organization.Read.All"),
    ),
    SourceSpec(
        "identity/conditionalAccess/policies",
        "Conditional Access policies that sign-ins of apps and their users must satisfy.",
        "Policy.Read.All",
        lane="conditional-access",  # no $select: the authentication strength comes inside grantControls by default
        role="Security Reader",
        licence="Microsoft Entra ID P1",
    ),
    SourceSpec(
        "identity/conditionalAccess/namedLocations",
        "Locations that Conditional Access policies name.",
        "Policy.Read.All",
        lane="conditional-access",
        role="Security Reader",
        licence="Microsoft Entra ID P1",
    ),
    SourceSpec(
        "policies/authorizationPolicy",
        "Whether users may consent for themselves.",
        "Policy.Read.All",
        "singleton",
    ),
    SourceSpec(
        "policies/permissionGrantPolicies",
        "What users may consent to, and what group owners may.",
        "Policy.Read.PermissionGrant",
        "grant-policies",
        path="/policies/permissionGrantPolicies",
    ),
    SourceSpec(
        "policies/adminConsentRequestPolicy",
        "Whether users can ask an admin for consent.",
        "Policy.Read.All",
        "singleton",
        other_permissions=("Directory.Read.All",),
    ),
    SourceSpec(
        "policies/defaultAppManagementPolicy",
        "Tenant-wide limits on app credentials.",
        "Policy.Read.All",
        "singleton",
    ),
    SourceSpec(
        "policies/appManagementPolicies",
        "Limits on app credentials for single apps.",
        "Policy.Read.All",
    ),
    SourceSpec(
        "policies/identitySecurityDefaultsEnforcementPolicy",
        "Whether security defaults are on.",
        "Policy.Read.All",
        "singleton",
    ),
)

ESSENTIAL = ("organization", "applications", "servicePrincipals")
"""A sign-in that is denied all of these may not read the tenant at all."""

USERS = SourceSpec(
    "users",
    "The users that were asked for: account, licences, directory roles and what they are assigned to.",
    "Directory.Read.All",
    "users",
    path="/users/{id}",
    select=("id", "userPrincipalName", "userType", "accountEnabled", "assignedPlans"),
    role=_DIRECTORY_READERS,
)
"""Part of a run only where users are asked for."""

BY_ID: dict[str, SourceSpec] = {spec.id: spec for spec in (*SOURCES, USERS)}


def least_permissions(sources: Iterable[SourceSpec] = SOURCES) -> tuple[str, ...]:
    """Names of the permissions that together open every source, in the order they are first needed."""
    return tuple(dict.fromkeys(spec.permission for spec in sources))
