"""What surrounds the apps of a tenant that is being built: people, subscriptions, policies, named locations.

The half of ``TenantBuilder`` that knows no apps. Raw objects come from ``shapes`` and ``baseline``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from auditor.emulator import baseline, services, shapes
from auditor.emulator.shapes import Raw

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

    def user(self, name: str, **raw: Any) -> str:
        """A user of that name, made when first named. Returns the object id."""
        return self._person("users", name, shapes.user(self.guid("users", name), name, self._principal_name(name)), raw)

    def group(self, name: str, **raw: Any) -> str:
        """A group of that name, made when first named. Returns the object id."""
        return self._person("groups", name, shapes.group(self.guid("groups", name), name), raw)

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

    def _principal_name(self, name: str) -> str:
        """A user principal name made of the display name."""
        return f"{'.'.join(name.lower().split())}@{self.domain}"
