"""One tenant, indexed: which rows stand behind a collection, a key or a navigation.

Rows are the tenant file's own dictionaries and are never changed. Query options, permissions and addresses are the
business of ``query``, ``authorize`` and ``routes``.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from auditor.reference.resources import GRAPH

Row = dict[str, Any]

_PREMIUM_PLANS = {
    "41781fb2-bc02-4b7c-bd55-b576c07bb09d": {"P1"},
    "eec0eb4f-6444-4f95-aba0-50c24d67f998": {"P1", "P2"},
    "e866a266-3cff-43a3-acca-0c90a7e00c8b": {"P2"},  # Microsoft Entra ID Governance opens what P2 opens, beside P1
}
# A tenant file need not hold what every tenant has.
_DEFAULT_SINGLETONS: dict[str, Row] = {
    "authorizationPolicy": {
        "id": "authorizationPolicy",
        "displayName": "Authorization Policy",
        "description": "",
        "allowInvitesFrom": "everyone",
        "defaultUserRolePermissions": {
            "allowedToCreateApps": True,
            "allowedToReadOtherUsers": True,
            "permissionGrantPoliciesAssigned": [],
        },
    },
    "adminConsentRequestPolicy": {"isEnabled": False, "notifyReviewers": False, "reviewers": [], "version": 0},
    "defaultAppManagementPolicy": {"id": "00000000-0000-0000-0000-000000000000", "isEnabled": False},
    "identitySecurityDefaultsEnforcementPolicy": {"id": "00000000-0000-0000-0000-000000000005", "isEnabled": False},
}


class Store:
    """The tenant's rows and the indexes over them."""

    def __init__(self, tenant: Mapping[str, Any]) -> None:
        self._tenant = tenant
        self.tenant_id: str = tenant["tenant"]["id"]
        self.display_name: str = tenant["tenant"]["displayName"]
        self.secrets: dict[str, list[str]] = {k.lower(): v for k, v in tenant.get("secrets", {}).items()}
        self.certificates: dict[str, list[str]] = {k.lower(): v for k, v in tenant.get("certificates", {}).items()}
        self._collections: dict[str, list[Row]] = {
            "organization": _with_ids("organization", tenant.get("organization") or [self._organization()]),
        }
        for name in ("oauth2PermissionGrants", "appRoleAssignments", "roleAssignments"):
            self._collections[name] = _with_ids(name, tenant.get(name, []))
        self._directory: dict[str, tuple[str, Row]] = {}
        for collection, kind in (("users", "user"), ("groups", "group"), ("applications", "application")):
            self._directory |= {row["id"].lower(): (kind, row) for row in self.rows(collection)}
        self._directory |= {row["id"].lower(): ("servicePrincipal", row) for row in self.rows("servicePrincipals")}
        self._keyed: dict[tuple[str, str], dict[str, Row]] = {}
        self._grouped: dict[tuple[str, str], dict[str, list[Row]]] = {}
        self._member_of: dict[str, list[Row]] | None = None

    def rows(self, collection: str) -> list[Row]:
        """All rows of a collection of the tenant file, in its order."""
        if collection not in self._collections:
            self._collections[collection] = list(self._tenant.get(collection, []))
        return self._collections[collection]

    def singleton(self, name: str) -> Row:
        """The one object called ``name``, e.g. ``authorizationPolicy``."""
        row: Row = self._tenant.get(name) or _DEFAULT_SINGLETONS[name]
        return row

    def find(self, collection: str, value: str, key: str = "id") -> Row | None:
        """The row of ``collection`` whose ``key`` is ``value``, without regard to case."""
        index = self._keyed.get((collection, key))
        if index is None:
            index = {str(row[key]).lower(): row for row in self.rows(collection) if row.get(key) is not None}
            self._keyed[collection, key] = index
        return index.get(value.lower())

    def where(self, collection: str, key: str, value: str) -> list[Row]:
        """The rows of ``collection`` whose ``key`` is ``value``."""
        index = self._grouped.get((collection, key))
        if index is None:
            index = defaultdict(list)
            for row in self.rows(collection):
                index[str(row.get(key)).lower()].append(row)
            self._grouped[collection, key] = index
        return index.get(value.lower(), [])

    def directory_object(self, object_id: str) -> tuple[str, Row]:
        """Type and row of a user, group, application or service principal; a stranger is a bare directory object."""
        return self._directory.get(object_id.lower(), ("directoryObject", {"id": object_id}))

    def knows(self, object_id: str) -> bool:
        """Whether the directory holds an object with this id."""
        return object_id.lower() in self._directory

    def directory_objects(self, references: Iterable[Any]) -> list[Row]:
        """The objects behind ``[{"id": …}, …]`` (or plain ids), each with its ``@odata.type``."""
        found = []
        for reference in references:
            kind, row = self.directory_object(str(reference["id"] if isinstance(reference, dict) else reference))
            found.append({"@odata.type": f"#microsoft.graph.{kind}", **row})
        return found

    def groups_of(self, object_id: str, *, transitive: bool = False) -> list[Row]:
        """The groups that a user, service principal or group is in; through other groups too if ``transitive``."""
        if self._member_of is None:
            self._member_of = defaultdict(list)
            for group in self.rows("groups"):
                for member in group.get("members") or ():
                    self._member_of[str(member["id"]).lower()].append(group)
        found: dict[str, Row] = {}
        waiting = [object_id]
        while waiting:
            for group in self._member_of.get(waiting.pop().lower(), ()):
                if group["id"] not in found:
                    found[group["id"]] = group
                    if transitive:
                        waiting.append(group["id"])
        return list(found.values())

    def memberships(self, object_id: str, *, transitive: bool = False) -> list[Row]:
        """Groups, and the built-in directory roles held on the whole tenant, each with its ``@odata.type``."""
        groups = self.groups_of(object_id, transitive=transitive)
        holders = [object_id, *(group["id"] for group in groups)] if transitive else [object_id]
        roles = {role["id"]: role for holder in holders for role in self._roles_of(holder)}
        return [{"@odata.type": "#microsoft.graph.group", **group} for group in groups] + list(roles.values())

    def members(self, group_id: str, *, transitive: bool = False) -> list[Row]:
        """The members of a group, each with its ``@odata.type``."""
        found: dict[str, Row] = {}
        waiting = [group_id]
        while waiting:
            group = self.find("groups", waiting.pop()) or {}
            for member in self.directory_objects(group.get("members") or ()):
                if member["id"] not in found:
                    found[member["id"]] = member
                    if transitive:
                        waiting.append(member["id"])
        return list(found.values())

    def assignments_of_user(self, user_id: str) -> list[Row]:
        """App role assignments of a user, and of the groups that it is a direct member of.

        https://learn.microsoft.com/graph/api/user-list-approleassignments
        """
        holders = [user_id, *(group["id"] for group in self.groups_of(user_id))]
        return [row for holder in holders for row in self.where("appRoleAssignments", "principalId", holder)]

    def _roles_of(self, principal_id: str) -> list[Row]:
        """The directory role objects of the roles assigned to a principal on the whole tenant; custom roles have none."""
        roles = []
        for row in self.where("roleAssignments", "principalId", principal_id):
            definition = self.find("roleDefinitions", str(row.get("roleDefinitionId"))) or {}
            if row.get("directoryScopeId", "/") == "/" and definition.get("isBuiltIn", True):
                template = str(definition.get("templateId") or row.get("roleDefinitionId"))
                roles.append(
                    {
                        "@odata.type": "#microsoft.graph.directoryRole",
                        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.tenant_id}/{template}")),
                        "deletedDateTime": None,
                        "displayName": definition.get("displayName"),
                        "description": definition.get("description"),
                        "roleTemplateId": template,
                    }
                )
        return roles

    def owned_by(self, principal_id: str) -> set[str]:
        """Ids of the applications and service principals that a principal owns."""
        return {
            row["id"]
            for collection in ("applications", "servicePrincipals")
            for row in self.rows(collection)
            if any(str(owner["id"]).lower() == principal_id.lower() for owner in row.get("owners", ()))
        }

    def premium(self) -> set[str]:
        """Which of ``P1`` and ``P2`` (of Microsoft Entra ID) the tenant owns, by the plans of its enabled SKUs."""
        owned: set[str] = set()
        for sku in self.rows("subscribedSkus"):
            for plan in sku.get("servicePlans", ()) if sku.get("capabilityStatus") == "Enabled" else ():
                if plan.get("provisioningStatus", "Success") != "Disabled":
                    owned |= _PREMIUM_PLANS.get(str(plan.get("servicePlanId", "")).lower(), set())
        return owned

    def service_plans(self) -> dict[str, str]:
        """Names of the service plans that the tenant owns and that are on, by id."""
        return {
            str(plan.get("servicePlanId")).lower(): str(plan.get("servicePlanName"))
            for sku in self.rows("subscribedSkus")
            if sku.get("capabilityStatus") in ("Enabled", "Warning")
            for plan in sku.get("servicePlans") or ()
            if isinstance(plan, dict) and plan.get("provisioningStatus", "Success") != "Disabled"
        }

    def application_permissions(self, service_principal_id: str, resource_app_id: str = GRAPH) -> list[str]:
        """Values of the app roles of a resource that a service principal was assigned, as its token would carry them."""
        resource = self.find("servicePrincipals", resource_app_id, "appId")
        if resource is None:
            return []
        values = {role["id"]: role.get("value") for role in resource.get("appRoles", ()) if role.get("isEnabled", True)}
        held = {
            values[row["appRoleId"]]
            for row in self.where("appRoleAssignments", "principalId", service_principal_id)
            if str(row["resourceId"]).lower() == resource["id"].lower() and values.get(row["appRoleId"])
        }
        return sorted(held)

    def delegated_permissions(self, client_id: str, user_id: str, resource_app_id: str = GRAPH) -> list[str]:
        """Scopes that a client (service principal id) was granted for everybody or for this user, as a token carries them:
        without those that the resource does not publish, or has disabled.
        """
        resource = self.find("servicePrincipals", resource_app_id, "appId")
        published = (resource or {}).get("oauth2PermissionScopes") or ()
        enabled = {str(one.get("value")).lower() for one in published if one.get("isEnabled", True)}
        scopes: set[str] = set()
        for grant in self.where("oauth2PermissionGrants", "clientId", client_id):
            is_for_user = grant.get("consentType") == "AllPrincipals" or grant.get("principalId") == user_id
            if resource is not None and grant.get("resourceId") == resource["id"] and is_for_user:
                scopes |= set(str(grant.get("scope") or "").split())
        return sorted(scope for scope in scopes if scope.lower() in enabled)

    def directory_roles(self, principal_id: str) -> list[str]:
        """Template ids of the directory roles that a principal holds on the whole tenant, directly or through a group, as
        the ``wids`` claim carries them.
        """
        holders = [principal_id, *(group["id"] for group in self.groups_of(principal_id))]
        return sorted({role["roleTemplateId"] for holder in holders for role in self._roles_of(holder)})

    def _organization(self) -> Row:
        return {
            "id": self.tenant_id,
            "displayName": self.display_name,
            "verifiedDomains": [
                {"name": "contoso.onmicrosoft.com", "isDefault": True, "isInitial": True, "type": "Managed"}
            ],
        }


def _with_ids(name: str, rows: list[Row]) -> list[Row]:
    """The rows; those of a hand-written file that lack an id get one that stays the same from run to run."""
    if all("id" in row for row in rows):
        return list(rows)
    space = uuid.uuid5(uuid.NAMESPACE_URL, name)
    return [
        row if "id" in row else {"id": str(uuid.uuid5(space, repr(sorted(row.items(), key=str)))), **row}
        for row in rows
    ]
