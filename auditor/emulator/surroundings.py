"""What surrounds the apps of a tenant that is being built: people, subscriptions, policies, named locations.

The half of ``TenantBuilder`` that knows no apps. Raw objects come from ``shapes`` and ``baseline``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from auditor.emulator import baseline, services, shapes
from auditor.emulator.app import App, is_guid
from auditor.emulator.shapes import Raw
from auditor.emulator.tenantfile import service_of

DEFAULT_TENANT_ID = "3fa1d6b2-5c2e-4c55-9d6f-c0ffee000001"


class Surroundings:
    """An organization with its policies and no apps. ``.data`` is the tenant file."""

    def __init__(self, name: str, tenant_id: str, user_consent: str | None) -> None:
        self.name = name
        self.tenant_id = tenant_id
        self.domain = (
            f"{''.join(letter for letter in name.lower() if letter.isalnum() and letter.isascii())}.onmicrosoft.com"
        )
        self._people: dict[str, str] = {}
        published = [(resource, services.scopes(resource)) for resource in services.NAMES]
        self.data: dict[str, Any] = {
            "tenant": {"id": tenant_id, "displayName": name},
            "organization": [baseline.organization(tenant_id, name, self.domain)],
            "applications": [],
            "servicePrincipals": [],
            "oauth2PermissionGrants": [],
            "appRoleAssignments": [],
            "roleAssignments": [],
            "roleDefinitions": baseline.role_definitions(),
            "subscribedSkus": [],
            "conditionalAccessPolicies": [],
            "namedLocations": [],
            "authorizationPolicy": baseline.authorization_policy(user_consent),
            "permissionGrantPolicies": baseline.permission_grant_policies(
                tenant_id, services.kept_from_users(published)
            ),
            "adminConsentRequestPolicy": baseline.admin_consent_request_policy(enabled=True),
            "defaultAppManagementPolicy": baseline.default_app_management_policy(),
            "appManagementPolicies": [],
            "identitySecurityDefaultsEnforcementPolicy": baseline.security_defaults(enabled=False),
            "users": [],
            "groups": [],
            "secrets": {},
            "certificates": {},
        }

    def guid(self, *names: str) -> str:
        """The id that stands for these names in this tenant: the same in every run."""
        return str(uuid.uuid5(uuid.UUID(self.tenant_id), "\x1f".join(names)))

    def licence(
        self,
        sku_part_number: str,
        plans: Sequence[tuple[str, str]] | None = None,
        *,
        status: str = "Enabled",
        units: int = 250,
    ) -> Raw:
        """A subscription; ``plans`` as (service plan id, name), those of ``baseline.SKUS`` if left out. Returns the raw SKU."""
        sku_id, names = baseline.SKUS.get(sku_part_number, (self.guid("sku", sku_part_number), ()))
        listed = [(baseline.PLANS[name], name) for name in names] if plans is None else list(plans)
        row = shapes.subscribed_sku(sku_id, sku_part_number, listed, account=self.tenant_id, status=status, units=units)
        self.data["subscribedSkus"].append(row)
        return row

    def remove_licences(self, *plan_names: str) -> None:
        """Takes these service plans out of every subscription; all subscriptions if none is named."""
        if not plan_names:
            self.data["subscribedSkus"].clear()
        for sku in self.data["subscribedSkus"]:
            sku["servicePlans"] = [plan for plan in sku["servicePlans"] if plan["servicePlanName"] not in plan_names]

    def policy(
        self,
        name: str,
        state: str = "enabled",
        *,
        grant: Iterable[str] | Mapping[str, Any] | None = ("mfa",),
        session: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> Raw:
        """A Conditional Access policy, for all users and resources unless the raw ``conditions`` say otherwise.

        ``grant``: built-in controls (``mfa``, ``block``, ...), or a raw grantControls. A condition that is a dict is
        merged into the default one (``users={"excludeUsers": [...]}``). Returns the raw policy.
        """
        row = shapes.conditional_access_policy(self.guid("policy", name), name, state)
        row["grantControls"] = dict(grant) if isinstance(grant, Mapping) else grant and shapes.grant_controls(*grant)
        row["sessionControls"] = session and dict(session)
        for key, value in conditions.items():
            default = row["conditions"].get(key)
            row["conditions"][key] = (
                {**default, **value} if isinstance(default, dict) and isinstance(value, Mapping) else value
            )
        self.data["conditionalAccessPolicies"].append(row)
        return row

    def named_location(self, name: str, *ranges: str, trusted: bool = True) -> str:
        """A named location of IPv4 ranges (``203.0.113.0/24``). Returns its id."""
        location_id = self.guid("location", name)
        self.data["namedLocations"].append(
            {
                "@odata.type": "#microsoft.graph.ipNamedLocation",
                "id": location_id,
                "displayName": name,
                "createdDateTime": shapes.CREATED_AT,
                "modifiedDateTime": shapes.CREATED_AT,
                "deletedDateTime": None,
                "isTrusted": trusted,
                "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": cidr} for cidr in ranges],
            }
        )
        return location_id

    def user(
        self,
        name: str,
        *,
        guest: bool = False,
        roles: Iterable[str] = (),
        scoped_roles: Iterable[str] = (),
        plans: Iterable[str] | None = None,
        enabled: bool = True,
        **raw: Any,
    ) -> str:
        """A user of that name, made when first named. Returns the object id.

        Args:
            guest: invited from elsewhere; its user principal name has ``#EXT#`` in it.
            roles: directory roles by name, held on the whole tenant.
            scoped_roles: directory roles held on one administrative unit.
            plans: service plans by name or id, for a new user; None: everything the tenant owns when it is served.
            enabled: accountEnabled of a new user.
            raw: raw properties of a new user.
        """
        principal_name = self.principal_name(name, guest=guest)
        made = shapes.user(self.guid("users", name), name, principal_name)
        made |= {"userType": "Guest" if guest else "Member", "accountEnabled": enabled}
        if plans is not None:
            made["assignedPlans"] = [
                shapes.assigned_plan(baseline.PLANS.get(plan, plan), service_of(plan)) for plan in plans
            ]
        user_id = self._person("users", name, made, raw)
        for role in roles:
            self._give_role(user_id, role, "/")
        for role in scoped_roles:
            self._give_role(user_id, role, f"/administrativeUnits/{self.guid('administrative unit')}")
        return user_id

    def group(self, name: str, *, members: Iterable[str | App] = (), roles: Iterable[str] = (), **raw: Any) -> str:
        """A group of that name, made when first named. Returns the object id.

        Args:
            members: users by name, apps (their service principals), or object ids of anything; added to those it has.
            roles: directory roles by name, held on the whole tenant.
            raw: raw properties of a new group.
        """
        group_id = self._person("groups", name, shapes.group(self.guid("groups", name), name), raw)
        row = next(group for group in self.data["groups"] if group["id"] == group_id)
        for member in members:
            if isinstance(member, App):
                member_id = member.service_principal_id
            else:
                member_id = member if is_guid(member) else self.user(member)
            row.setdefault("members", []).append({"id": member_id})
        for role in roles:
            self._give_role(group_id, role, "/")
        return group_id

    def user_consent(self, *policies: str) -> None:
        """Sets the permission grant policies under which users may consent for themselves; none turns user consent off."""
        permissions = self.data["authorizationPolicy"]["defaultUserRolePermissions"]
        others = [entry for entry in permissions["permissionGrantPoliciesAssigned"] if "ForSelf." not in entry]
        permissions["permissionGrantPoliciesAssigned"] = [
            *(f"managePermissionGrantsForSelf.{policy}" for policy in policies),
            *others,
        ]

    def _person(self, collection: str, name: str, raw: Raw, changes: Mapping[str, Any]) -> str:
        """Adds a user or group when its name is new; returns its object id."""
        key = f"{collection}/{name}"
        if key not in self._people:
            raw.update(changes)
            self.data[collection].append(raw)
            self._people[key] = str(raw["id"])
        return self._people[key]

    def principal_name(self, name: str, *, guest: bool = False) -> str:
        """The user principal name made of a display name."""
        local = ".".join(name.lower().split())
        return f"{local}_partner.example#EXT#@{self.domain}" if guest else f"{local}@{self.domain}"

    def _give_role(self, principal_id: str, role: str, scope: str) -> Raw:
        """An active directory role assignment; role by name, or any role definition id."""
        row = {
            "id": self.guid("role assignment", principal_id, role, scope),
            "principalId": principal_id,
            "roleDefinitionId": baseline.ROLES.get(role, role),
            "directoryScopeId": scope,
            "appScopeId": None,
            "condition": None,
            "principalOrganizationId": self.tenant_id,
        }
        self.data["roleAssignments"].append(row)
        return row
