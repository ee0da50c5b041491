"""Builds a tenant file step by step: a well-kept tenant to start with, to which a test or a demo adds what it is about.

A ``TenantBuilder`` writes raw Graph objects (``shapes``) into ``.data``, the tenant file that the emulator serves.
Ids are made from the tenant's id and the names given, so the same names give the same ids in every run. Every method
takes raw overrides, and ``registration`` and ``principal`` hand out the raw objects: whatever Graph can hold can be built.
What the built tenant means is left to the audit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from auditor.emulator import services, shapes
from auditor.emulator.app import App, Published, Request, app_id_of, is_guid, named
from auditor.emulator.services import MICROSOFT_TENANT
from auditor.emulator.shapes import DEFAULT_ACCESS, Raw
from auditor.emulator.surroundings import DEFAULT_TENANT_ID, Surroundings
from auditor.reference.resources import AAD_GRAPH, ARM, EXCHANGE, GRAPH, SHAREPOINT

__all__ = [
    "AAD_GRAPH",
    "ARM",
    "AUDITOR_PERMISSIONS",
    "AUDITOR_SECRET",
    "DEFAULT_ACCESS",
    "DEFAULT_TENANT_ID",
    "EXCHANGE",
    "GRAPH",
    "MICROSOFT_TENANT",
    "SHAREPOINT",
    "App",
    "Published",
    "Request",
    "TenantBuilder",
]

BY_PLATFORM = "by platform"
"""Stands for: a client secret, unless the app signs in without one."""
AUDITOR_SECRET = "demo-secret-of-graph-auditor"  # noqa: S105 - known on purpose; opens nothing but an emulated tenant
AUDITOR_PERMISSIONS = (
    "Application.Read.All",
    "Directory.Read.All",
    "LicenseAssignment.Read.All",
    "Policy.Read.All",
    "Policy.Read.PermissionGrant",
    "RoleManagement.Read.Directory",
)
"""The application permissions that open every source of an audit, and no more."""


class TenantBuilder(Surroundings):
    """A good tenant by default; see the module docstring. ``.data`` is the tenant file, ``.auditor`` the auditor's own app."""

    def __init__(
        self,
        name: str = "Contoso",
        tenant_id: str = DEFAULT_TENANT_ID,
        *,
        user_consent: str | None = "microsoft-user-default-recommended",
    ) -> None:
        super().__init__(name, tenant_id, user_consent)
        self._principals: dict[str, Raw] = {}
        self._registrations: dict[str, Raw] = {}
        for resource in (GRAPH, AAD_GRAPH, EXCHANGE, SHAREPOINT, ARM):
            self.first_party(resource, services.NAMES[resource])
        self.licence("SPE_E5")
        requests: list[Request] = [(value, "application") for value in AUDITOR_PERMISSIONS]
        self.auditor = self.consent(self.app("Graph Auditor", requests=requests))
        self.secret(self.auditor, AUDITOR_SECRET)

    # --- apps ----------------------------------------------------------------------------------------------------

    def app(
        self,
        name: str,
        *,
        web: Iterable[str] = (),
        spa: Iterable[str] = (),
        public: Iterable[str] = (),
        fallback: bool | None = None,
        secret: str | None = BY_PLATFORM,
        certificate: str | None = None,
        federated: Iterable[str] = (),
        audience: str = "AzureADMyOrg",
        requests: Iterable[Request] = (),
        publishes: Iterable[Published] = (),
        owners: Iterable[str] = (),
        service_principal: bool = True,
        enabled: bool = True,
        assignment_required: bool = False,
        app_id: str | None = None,
        registration: Mapping[str, Any] | None = None,
        principal: Mapping[str, Any] | None = None,
    ) -> App:
        """An app registered in this tenant, with its service principal unless told otherwise.

        Args:
            secret, certificate: end of the credential (``@now+300d``); None for none. A secret is left out by default
                where the app is a single-page or public client and nothing else, or signs in with something else.
            federated: subjects of federated credentials (GitHub Actions).
            requests: permissions of ``requiredResourceAccess``.
            publishes: permissions that the app itself offers.
            registration, principal: raw properties that replace those of the application and the service principal.
        """
        web, spa, public, federated = list(web), list(spa), list(public), list(federated)
        if secret == BY_PLATFORM:
            other_way = certificate or federated or ((spa or public or fallback) and not web)
            secret = None if other_way else "@now+300d"
        raw = shapes.application(
            self.guid("application", name), app_id or self.guid("app", name), name, domain=self.domain
        )
        raw["signInAudience"], raw["isFallbackPublicClient"] = audience, fallback
        raw["web"]["redirectUris"], raw["spa"]["redirectUris"], raw["publicClient"]["redirectUris"] = web, spa, public
        if secret is not None:
            raw["passwordCredentials"].append(
                shapes.password_credential(self.guid("secret", name), f"{name} secret", start="@now-65d", end=secret)
            )
        if certificate is not None:
            raw["keyCredentials"].append(
                shapes.key_credential(self.guid("certificate", name), name, start="@now-65d", end=certificate)
            )
        if federated:
            raw["federatedIdentityCredentials"] = [
                shapes.federated_credential(
                    self.guid("federated", name, subject),
                    f"federated-{number}",
                    issuer="https://token.actions.githubusercontent.com",
                    subject=subject,
                )
                for number, subject in enumerate(federated, start=1)
            ]
        raw["requiredResourceAccess"] = self._required(requests)
        roles, offered = self._published(name, publishes)
        raw["appRoles"], raw["api"]["oauth2PermissionScopes"] = roles, offered
        if offered:
            raw["identifierUris"] = [f"api://{raw['appId']}"]
        if owner_ids := [{"id": self.user(owner)} for owner in owners]:
            raw["owners"] = owner_ids
        raw.update(registration or {})
        self._registrations[raw["appId"]] = raw
        self.data["applications"].append(raw)
        principal_id = None
        if service_principal:
            mirrored = {
                "signInAudience": audience,
                "replyUrls": [*web, *spa, *public],
                "appRoles": copy.deepcopy(roles),
                "oauth2PermissionScopes": copy.deepcopy(offered),
                "accountEnabled": enabled,
                "appRoleAssignmentRequired": assignment_required,
                "servicePrincipalNames": [*raw["identifierUris"], raw["appId"]],
            }
            principal_id = self._principal(name, raw["appId"], self.tenant_id, {**mirrored, **(principal or {})})
        return App(raw["appId"], raw["id"], principal_id, name)

    def external(
        self,
        name: str,
        *,
        owner_tenant: str | None = None,
        replies: Iterable[str] | None = None,
        publishes: Iterable[Published] = (),
        verified: str | None = None,
        app_id: str | None = None,
        **principal: Any,
    ) -> App:
        """An app registered in another tenant: a service principal alone. ``verified``: its verified publisher's name."""
        app_id = app_id or self.guid("app", name)
        roles, offered = self._published(name, publishes)
        raw: Raw = {
            "signInAudience": "AzureADMultipleOrgs",
            "replyUrls": [f"https://{app_id}.example/signin"] if replies is None else list(replies),
            "appRoles": roles,
            "oauth2PermissionScopes": offered,
        }
        if verified:
            raw["verifiedPublisher"] = {
                "displayName": verified,
                "verifiedPublisherId": "1234567",
                "addedDateTime": shapes.CREATED_AT,
            }
        tenant = owner_tenant or self.guid("tenant", name)
        return App(app_id, None, self._principal(name, app_id, tenant, {**raw, **principal}), name)

    def managed_identity(self, name: str, *, user_assigned: bool = False, **principal: Any) -> App:
        """A managed identity of an Azure resource of that name: no registration, no redirect URIs, credentials of the platform."""
        app_id = self.guid("app", name)
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities" if user_assigned else "Microsoft.Web/sites"
        path = f"/subscriptions/{self.guid('subscription')}/resourcegroups/production/providers/{kind}/{name}"
        key = shapes.key_credential(self.guid("certificate", name), app_id, start="@now-20d", end="@now+70d")
        raw: Raw = {
            "servicePrincipalType": "ManagedIdentity",
            "alternativeNames": [f"isExplicit={user_assigned}", path],
            "servicePrincipalNames": [app_id, f"https://identity.azure.net/{app_id}"],
            "tags": [],
            "keyCredentials": [key],
        }
        return App(app_id, None, self._principal(name, app_id, None, {**raw, **principal}), name)

    def first_party(self, app_id: str, name: str, **principal: Any) -> App:
        """One of Microsoft's own apps, with the permissions it publishes where ``services`` knows them."""
        raw = {
            "signInAudience": "AzureADMultipleOrgs",
            "appRoles": services.app_roles(app_id),
            "oauth2PermissionScopes": services.scopes(app_id),
            "tags": [],
        }
        return App(app_id, None, self._principal(name, app_id, MICROSOFT_TENANT, {**raw, **principal}), name)

    def legacy(self, name: str, **principal: Any) -> App:
        """A service principal of type Legacy: from before app registrations, or without one."""
        app_id = self.guid("app", name)
        raw: Raw = {"servicePrincipalType": "Legacy", "tags": []}
        return App(app_id, None, self._principal(name, app_id, self.tenant_id, {**raw, **principal}), name)

    def registration(self, app: App | str) -> Raw:
        """The raw application object, to read or change. KeyError where the app has none."""
        return self._registrations[app_id_of(app)]

    def principal(self, app: App | str) -> Raw:
        """The raw service principal, to read or change. KeyError where the app has none."""
        return self._principals[app_id_of(app)]

    def delete_principal(self, app: App | str) -> str:
        """Deletes the service principal and leaves every grant and assignment that names it. Returns its object id."""
        raw = self._principals.pop(app_id_of(app))
        self.data["servicePrincipals"].remove(raw)
        return str(raw["id"])

    def delete_registration(self, app: App | str) -> None:
        """Deletes the application object and leaves the service principal: an orphan."""
        self.data["applications"].remove(self._registrations.pop(app_id_of(app)))

    # --- grants ---------------------------------------------------------------------------------------------------

    def grant(
        self, app: App | str, scopes: str, *, resource: App | str = GRAPH, user: str | None = None, **raw: Any
    ) -> Raw:
        """A delegated permission grant, for all users or for the one named. ``scopes`` is kept letter for letter.

        ``app`` and ``resource`` may be ids of service principals that exist nowhere. Returns the raw grant.
        """
        client_id, resource_id = self._object_id(app), self._object_id(resource)
        grant_id = self.guid("grant", client_id, resource_id, user or "", str(len(self.data["oauth2PermissionGrants"])))
        row = shapes.permission_grant(grant_id, client_id, resource_id, scopes, self.user(user) if user else None)
        row.update(raw)
        self.data["oauth2PermissionGrants"].append(row)
        return row

    def assign(self, app: App | str, permission: str | None, *, resource: App | str = GRAPH, **raw: Any) -> Raw:
        """An application permission granted: by value, or by any id. None is the default access role. Returns the raw row."""
        principal = self._object(app)
        target = self._object(resource)
        role_id = DEFAULT_ACCESS if permission is None else self.permission_id(permission, "application", resource)
        number = str(len(self.data["appRoleAssignments"]))
        row = shapes.role_assignment(
            self.guid("assignment", principal["id"], target["id"], role_id, number),
            role_id=role_id,
            principal=principal,
            resource=target,
        )
        row.update(raw)
        self.data["appRoleAssignments"].append(row)
        return row

    def consent(self, app: App) -> App:
        """Admin consent: grants everything that the app's registration requests, for all users. Returns the app."""
        for access in self.registration(app)["requiredResourceAccess"]:
            resource = access["resourceAppId"]
            by_id = {entry["id"]: entry["value"] for entry in self._offered(resource, "delegated")}
            entries = access["resourceAccess"]
            if scopes := [by_id[entry["id"]] for entry in entries if entry["type"] == "Scope" and entry["id"] in by_id]:
                self.grant(app, " ".join(scopes), resource=resource)
            for entry in entries:
                if entry["type"] == "Role":
                    self.assign(app, entry["id"], resource=resource)
        return app

    def assign_people(
        self, app: App | str, *, users: int | Iterable[str] = 2, groups: int | Iterable[str] = 0, **raw: Any
    ) -> None:
        """Assigns users and groups to the app (default access): so many, or those named."""
        target = self.principal(app)
        people = [(self.user(name), name, "User") for name in named("Person", users)]
        teams = [(self.group(name), name, "Group") for name in named("Team", groups)]
        for object_id, name, kind in people + teams:
            row = shapes.role_assignment(
                self.guid("assignment", object_id, target["id"]),
                role_id=DEFAULT_ACCESS,
                principal={"id": object_id, "displayName": name},
                resource=target,
                principal_type=kind,
            )
            row.update(raw)
            self.data["appRoleAssignments"].append(row)

    def assign_group(self, group: str, permission: str, *, resource: App | str = GRAPH, **raw: Any) -> Raw:
        """An application permission assigned to a group (by name), which its members do not get by it. Returns the raw row."""
        target = self._object(resource)
        group_id = self.group(group)
        role_id = self.permission_id(permission, "application", resource)
        row = shapes.role_assignment(
            self.guid("assignment", group_id, target["id"], role_id),
            role_id=role_id,
            principal={"id": group_id, "displayName": group},
            resource=target,
            principal_type="Group",
        )
        row.update(raw)
        self.data["appRoleAssignments"].append(row)
        return row

    def directory_role(self, app: App | str, role: str, *, scope: str = "/") -> Raw:
        """An active directory role assignment: role by name, or any role definition id. Returns the raw row."""
        return self._give_role(self._object_id(app), role, scope)

    def workload_policy(self, name: str, *apps: App, state: str = "enabled", **conditions: Any) -> Raw:
        """A Conditional Access policy for workload identities that blocks these service principals (all if none is named).

        https://learn.microsoft.com/entra/identity/conditional-access/workload-identity
        """
        included = [app.service_principal_id for app in apps] or ["ServicePrincipalsInMyTenant"]
        nobody = {**shapes.conditional_access_policy("", "", "")["conditions"]["users"], "includeUsers": ["None"]}
        clients = {"includeServicePrincipals": included, "excludeServicePrincipals": [], "servicePrincipalFilter": None}
        return self.policy(
            name, state, grant=("block",), **{"users": nobody, "clientApplications": clients, **conditions}
        )

    def secret(self, app: App, text: str) -> None:
        """Makes the emulator's token endpoint accept this text as the app's client secret."""
        self.data["secrets"].setdefault(app.app_id, []).append(text)

    def certificate(self, app: App, pem: str) -> None:
        """Makes the emulator's token endpoint accept assertions signed with this public certificate's key."""
        self.data["certificates"].setdefault(app.app_id, []).append(pem)

    def permission_id(self, permission: str, kind: str, resource: App | str = GRAPH) -> str:
        """The id of a permission by its value, ``kind`` being ``application`` or ``delegated``; an id is given back as it is.

        LookupError if the resource does not publish that value.
        """
        if is_guid(permission):
            return permission
        for entry in self._offered(resource, kind):
            if entry["value"] == permission:
                return str(entry["id"])
        raise LookupError(f"{app_id_of(resource)} publishes no {kind} permission {permission!r}")

    # --- inside --------------------------------------------------------------------------------------------------

    def _principal(self, name: str, app_id: str, owner_tenant: str | None, changes: Mapping[str, Any]) -> str:
        """Adds a service principal; returns its object id."""
        raw = shapes.service_principal(
            self.guid("service principal", app_id, name), app_id, name, owner_tenant=owner_tenant
        )
        raw.update(changes)
        self._principals[raw["appId"]] = raw
        self.data["servicePrincipals"].append(raw)
        return str(raw["id"])

    def _required(self, requests: Iterable[Request]) -> list[Raw]:
        """requiredResourceAccess of these requests, in their order."""
        access: dict[str, list[Raw]] = {}
        for permission, kind, *rest in requests:
            resource = app_id_of(rest[0]) if rest else GRAPH
            entry = {
                "id": self.permission_id(permission, kind, resource),
                "type": "Role" if kind == "application" else "Scope",
            }
            access.setdefault(resource, []).append(entry)
        return [{"resourceAppId": resource, "resourceAccess": entries} for resource, entries in access.items()]

    def _published(self, name: str, publishes: Iterable[Published]) -> tuple[list[Raw], list[Raw]]:
        """App roles and scopes of what an app publishes."""
        roles: list[Raw] = []
        offered: list[Raw] = []
        for value, kind, *rest in publishes:
            permission_id = self.guid("permission", name, value, kind)
            if kind in ("application", "user"):
                raw = shapes.app_role(permission_id, value, "User" if kind == "user" else "Application")
                roles.append(raw)
            else:
                raw = shapes.scope(permission_id, value, admin_only=kind == "delegated-admin")
                offered.append(raw)
            raw.update(rest[0] if rest else {})
        return roles, offered

    def _offered(self, resource: App | str, kind: str) -> list[Raw]:
        """What a resource publishes under that type; Microsoft's also where they have no service principal here."""
        app_id = app_id_of(resource)
        if raw := self._principals.get(app_id):
            return list(raw["appRoles" if kind == "application" else "oauth2PermissionScopes"])
        return services.app_roles(app_id) if kind == "application" else services.scopes(app_id)

    def _object(self, app: App | str) -> Raw:
        """The raw service principal, or a nameless stand-in with the id given: an object deleted long ago."""
        return self._principals.get(app_id_of(app)) or {"id": self._object_id(app), "displayName": None}

    def _object_id(self, app: App | str) -> str:
        """Object id of the service principal of an app or app id; any other id is taken as an object id itself."""
        if isinstance(app, App):
            if app.service_principal_id is None:
                raise LookupError(f"{app.name} has no service principal")
            return app.service_principal_id
        raw = self._principals.get(app)
        return app if raw is None else str(raw["id"])
