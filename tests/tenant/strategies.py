"""Random small tenants as raw Graph objects, with everything that goes wrong in real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from auditor.tenant.state import SourceState

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"


def guid(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


APP, PRINCIPAL, REGISTRATION, PERMISSION, USER = 1, 2, 3, 4, 5
SCOPES = ("User.Read", "Mail.Read", "Files.Read.All", "Gone.Read")
ZEROS = guid(0, 0).replace("4000-8000", "0000-0000")


@dataclass
class RawTenant:
    """Stands in for a snapshot: raw objects by source."""

    applications: list[dict[str, Any]] = field(default_factory=list)
    principals: list[dict[str, Any]] = field(default_factory=list)
    grants: list[dict[str, Any]] = field(default_factory=list)
    assigned: list[dict[str, Any]] = field(default_factory=list)
    consent_policies: tuple[str, ...] = ("ManagePermissionGrantsForSelf.microsoft-user-default-recommended",)
    unread: frozenset[str] = frozenset()
    tenant_id: str = TENANT
    tenant_name: str = "Random"

    def _content(self) -> dict[str, list[dict[str, Any]]]:
        policy = {"defaultUserRolePermissions": {"permissionGrantPoliciesAssigned": list(self.consent_policies)}}
        return {
            "applications": self.applications,
            "servicePrincipals": self.principals,
            "oauth2PermissionGrants": self.grants,
            "servicePrincipals/appRoleAssignedTo": self.assigned,
            "policies/authorizationPolicy": [policy],
        }

    @property
    def states(self) -> dict[str, SourceState]:
        return {
            source: SourceState(source, "denied" if source in self.unread else "read") for source in self._content()
        }

    def objects(self, source: str) -> list[dict[str, Any]]:
        return [] if source in self.unread else self._content().get(source, [])


def _resource(number: int, draw: Any) -> dict[str, Any]:
    scopes = draw(st.lists(st.sampled_from(SCOPES[:3]), unique=True))
    roles = draw(st.lists(st.sampled_from(SCOPES[:3]), unique=True))
    return {
        "id": guid(PRINCIPAL, number),
        "appId": guid(APP, number),
        "displayName": f"Resource {number}",
        "accountEnabled": True,
        "servicePrincipalType": "Application",
        "appOwnerOrganizationId": draw(st.sampled_from([TENANT, MICROSOFT])),
        "oauth2PermissionScopes": [
            {
                "id": guid(PERMISSION, number * 100 + SCOPES.index(value)),
                "value": value,
                "isEnabled": draw(st.booleans()),
                "type": draw(st.sampled_from(["User", "Admin"])),
            }
            for value in scopes
        ],
        "appRoles": [
            {
                "id": guid(PERMISSION, number * 100 + 50 + SCOPES.index(value)),
                "value": value,
                "isEnabled": draw(st.booleans()),
                "allowedMemberTypes": draw(st.sampled_from([["Application"], ["User"], ["User", "Application"]])),
            }
            for value in roles
        ],
    }


def _client(number: int, draw: Any, tenant: RawTenant) -> None:
    kind = draw(st.sampled_from(["both", "registration", "external", "managed"]))
    if kind in ("both", "registration"):
        requested = draw(
            st.lists(
                st.tuples(
                    st.integers(0, 2), st.sampled_from([0, 1, 2, 3, 50, 51, 53]), st.sampled_from(["Scope", "Role"])
                ),
                max_size=5,
            )
        )
        tenant.applications.append(
            {
                "id": guid(REGISTRATION, number),
                "appId": guid(APP, number),
                "displayName": f"App {number}",
                "requiredResourceAccess": [
                    {
                        "resourceAppId": guid(APP, resource),
                        "resourceAccess": [{"id": guid(PERMISSION, resource * 100 + offset), "type": kind_}],
                    }
                    for resource, offset, kind_ in requested
                ],
            }
        )
    if kind != "registration":
        tenant.principals.append(
            {
                "id": guid(PRINCIPAL, number),
                "appId": guid(APP, number),
                "displayName": f"App {number}",
                "accountEnabled": True,
                "servicePrincipalType": "ManagedIdentity" if kind == "managed" else "Application",
                "appOwnerOrganizationId": TENANT if kind == "both" else guid(9, number),
                "appRoleAssignmentRequired": draw(st.booleans()),
            }
        )


@st.composite
def tenants(draw: Any) -> RawTenant:
    tenant = RawTenant()
    tenant.consent_policies = draw(
        st.sampled_from(
            [
                (),
                ("ManagePermissionGrantsForSelf.microsoft-user-default-legacy",),
                ("ManagePermissionGrantsForSelf.microsoft-user-default-recommended",),
            ]
        )
    )
    for number in range(2):  # resource 2 is requested and never there
        tenant.principals.append(_resource(number, draw))
    tenant.applications.append(
        {
            "id": guid(REGISTRATION, 0),
            "appId": guid(APP, 0),
            "displayName": "Resource 0",
            "api": {
                "preAuthorizedApplications": [
                    {"appId": guid(APP, client), "delegatedPermissionIds": [guid(PERMISSION, offset)]}
                    for client, offset in draw(st.lists(st.tuples(st.integers(10, 13), st.integers(0, 3)), max_size=3))
                ]
            },
        }
    )
    for number in range(10, draw(st.integers(10, 14))):
        _client(number, draw, tenant)
    ends = st.tuples(st.integers(10, 15), st.integers(0, 2))  # 15 and resource 2 exist nowhere: deleted principals
    for number, (client, resource) in enumerate(draw(st.lists(ends, max_size=6))):
        user = draw(st.sampled_from([None, 0, 1]))
        words = draw(st.lists(st.sampled_from([*SCOPES, "mail.read"]), max_size=4))
        tenant.grants.append(
            {
                "id": f"grant{number}",
                "clientId": guid(PRINCIPAL, client),
                "resourceId": guid(PRINCIPAL, resource),
                "consentType": "AllPrincipals" if user is None else "Principal",
                "principalId": None if user is None else guid(USER, user),
                "scope": draw(st.sampled_from([" ", "", "  "])) + draw(st.sampled_from([" ", "  "])).join(words),
            }
        )
    for number, (client, resource) in enumerate(draw(st.lists(ends, max_size=5))):
        role = draw(st.sampled_from([50, 51, 52, 53, None]))
        tenant.assigned.append(
            {
                "id": f"assignment{number}",
                "principalId": guid(PRINCIPAL, client),
                "principalType": draw(st.sampled_from(["ServicePrincipal", "ServicePrincipal", "User"])),
                "resourceId": guid(PRINCIPAL, resource),
                "appRoleId": ZEROS if role is None else guid(PERMISSION, resource * 100 + role),
            }
        )
    return tenant
