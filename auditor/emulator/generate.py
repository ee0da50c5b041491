"""A big tenant made by dice, for benchmarks and for tests of scale: the shape of a large company's, nobody's data.

The proportions are a large company's: three service principals in ten belong to a registration of the tenant, seven in
twenty are managed identities, a quarter are external, a tenth Microsoft's. Same arguments, same tenant. Properties that
are the same everywhere share one nested object to save memory: copy before you change one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.emulator import shapes
from auditor.emulator.build import EXCHANGE, GRAPH, MICROSOFT_TENANT, TenantBuilder
from auditor.emulator.shapes import DEFAULT_ACCESS, Raw

_DEPARTMENTS = ("Finance", "HR", "Legal", "Logistics", "Marketing", "Plant", "Quality", "Research", "Sales", "Support")
_THINGS = ("archive", "bot", "dashboard", "export", "gateway", "importer", "planner", "portal", "report", "sync")
_ROLES = {
    "User.Read.All": 30,
    "Group.Read.All": 15,
    "Directory.Read.All": 12,
    "Mail.Send": 10,
    "Sites.Selected": 10,
    "AuditLog.Read.All": 6,
    "Device.Read.All": 6,
    "Mail.Read": 5,
    "Files.Read.All": 3,
    "Reports.Read.All": 3,
}
"""Application permissions of Microsoft Graph and how popular they are."""
_SCOPES = {
    "User.Read": 40,
    "openid": 25,
    "profile": 25,
    "email": 15,
    "offline_access": 15,
    "Calendars.Read": 8,
    "User.ReadBasic.All": 8,
    "Mail.Read": 6,
    "Files.Read": 5,
    "Group.Read.All": 5,
    "Sites.Read.All": 4,
    "User.Read.All": 4,
}
"""Delegated permissions of Microsoft Graph and how popular they are."""
_ENDS = {"@now+300d": 45, "@now+120d": 20, "@now+500d": 20, "@now-60d": 10, "@now+20d": 5}
"""Ends of credentials, and how frequent they are."""

_WEB_APPS = 0.6
"""Of the tenant's own apps; the others are daemons."""
_CONSENTED = 0.9
"""Of what the tenant's own apps request, so much is granted."""

_LOCAL, _MANAGED, _EXTERNAL, _FIRST_PARTY = "local", "managed", "external", "first-party"


def large(service_principals: int = 20_000, seed: int = 0) -> dict[str, Any]:
    """A tenant file with that many service principals.

    About 1 % of them publish application permissions, there are 1.5 delegated grants for each of them (most to single
    users, who are ids alone), and app role assignments to service principals, users and groups.

    Args:
        service_principals: How many, at least 10 (Microsoft's resources and the auditor's own app are among them).
        seed: Another seed, another tenant.

    Raises:
        ValueError: fewer than 10 service principals.
    """
    if service_principals < 10:
        raise ValueError("a large tenant has at least 10 service principals")
    return _Dice(service_principals, seed).tenant()


class _Dice:
    """One throw of a whole tenant."""

    def __init__(self, count: int, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a made-up tenant, not a secret
        self.builder = TenantBuilder("Contoso Group", tenant_id=self.guid())
        self.data = self.builder.data
        self.count = count
        self.users = [self.guid() for _ in range(max(20, count // 2))]
        self.groups = [self.guid() for _ in range(max(5, count // 20))]
        self.template_app = shapes.application("", "", "", domain=self.builder.domain)
        self.template_principal = shapes.service_principal("", "", "", owner_tenant=None)
        self.wanted: dict[str, list[str]] = {}
        """What the registration behind a service principal requests of Microsoft Graph: scopes, or roles of a daemon."""
        self.publishers: list[Raw] = []
        """Service principals beside Microsoft's that publish application permissions."""

    def guid(self) -> str:
        text = f"{self.random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def tenant(self) -> dict[str, Any]:
        """The tenant file."""
        kinds = self.random.choices((_LOCAL, _MANAGED, _EXTERNAL, _FIRST_PARTY), (30, 35, 25, 10), k=self.count)
        made = [
            self.principal(number, kind)
            for number, kind in enumerate(kinds[len(self.data["servicePrincipals"]) :], start=1)
        ]
        self.grants([raw for raw, kind in made if kind == _LOCAL], [raw for raw, kind in made if kind == _EXTERNAL])
        for raw, kind in made:
            self.assignments(raw, kind)
        self.builder.policy("Everyone: multifactor authentication")
        self.builder.policy(
            "Everyone: no legacy authentication", grant=["block"], clientAppTypes=["exchangeActiveSync", "other"]
        )
        return self.data

    # --- service principals ----------------------------------------------------------------------------------------

    def principal(self, number: int, kind: str) -> tuple[Raw, str]:
        """One service principal, with its registration where it is local."""
        name = f"{self.random.choice(_DEPARTMENTS)} {self.random.choice(_THINGS)} {number}"
        app_id = self.guid()
        raw = {**self.template_principal, "id": self.guid(), "appId": app_id, "servicePrincipalNames": [app_id]}
        if kind == _LOCAL:
            raw["appOwnerOrganizationId"] = self.builder.tenant_id
            self.registration(name, raw)
        elif kind == _MANAGED:
            name = name.replace(" ", "-").lower()
            raw["servicePrincipalType"] = "ManagedIdentity"
            raw["alternativeNames"] = ["isExplicit=False", f"/subscriptions/{self.builder.tenant_id}/sites/{name}"]
            raw["tags"] = []
        elif kind == _EXTERNAL:
            raw["appOwnerOrganizationId"] = self.guid()
            raw["signInAudience"] = "AzureADMultipleOrgs"
            raw["replyUrls"] = [f"https://app{number}.example/signin"]
        else:
            name = f"Microsoft {name}"
            raw["appOwnerOrganizationId"] = MICROSOFT_TENANT
            raw["signInAudience"] = "AzureADMultipleOrgs"
            raw["tags"] = []
        raw["displayName"] = raw["appDisplayName"] = name
        raw["accountEnabled"] = self.random.random() > 0.02
        if kind != _MANAGED and self.random.random() < 0.015:
            self.publish(name, raw)
        self.data["servicePrincipals"].append(raw)
        return raw, kind

    def registration(self, name: str, principal: Raw) -> None:
        """The application object behind a local service principal: a daemon or a web app."""
        raw = {**self.template_app, "id": self.guid(), "appId": principal["appId"], "displayName": name}
        end = self.random.choices(list(_ENDS), list(_ENDS.values()))[0]
        if self.random.random() < 0.7:
            raw["passwordCredentials"] = [shapes.password_credential(self.guid(), name, start="@now-65d", end=end)]
        else:
            raw["keyCredentials"] = [shapes.key_credential(self.guid(), name, start="@now-65d", end=end)]
        if self.random.random() < _WEB_APPS:
            uris = [f"https://{principal['appId']}.contoso.com/signin"]
            raw["web"] = {**self.template_app["web"], "redirectUris": uris}
            principal["replyUrls"] = uris
            kind, values = "delegated", self.some(_SCOPES, 4)
        else:
            kind, values = "application", self.some(_ROLES, 3)
        self.wanted[principal["id"]] = values
        wanted = [
            {"id": self.builder.permission_id(value, kind), "type": "Scope" if kind == "delegated" else "Role"}
            for value in values
        ]
        raw["requiredResourceAccess"] = [{"resourceAppId": GRAPH, "resourceAccess": wanted}]
        if self.random.random() < 0.5:
            raw["owners"] = [{"id": self.random.choice(self.users)}]
        self.data["applications"].append(raw)

    def publish(self, name: str, principal: Raw) -> None:
        """Lets the service principal offer a few application permissions."""
        values = [f"{name.split(maxsplit=1)[0]}.{verb}.All" for verb in ("Read", "ReadWrite")]
        principal["appRoles"] = [shapes.app_role(self.guid(), value) for value in values]
        self.publishers.append(principal)

    # --- grants ------------------------------------------------------------------------------------------------------

    def grants(self, own: Sequence[Raw], external: Sequence[Raw]) -> None:
        """Delegated grants, 1.5 for each service principal: an admin's for most web apps, single users' for the others."""
        graph, exchange = (self.builder.principal(resource)["id"] for resource in (GRAPH, EXCHANGE))
        by_users: list[tuple[str, list[str]]] = []
        for raw in own:
            if not raw["replyUrls"]:  # a daemon
                continue
            scopes = self.wanted[raw["id"]]
            if self.random.random() < _CONSENTED:
                self.grant(raw["id"], graph, scopes)
            else:
                by_users.append((raw["id"], scopes))
        for raw in external:
            by_users.append((raw["id"], self.some(_SCOPES, 4)))
            if self.random.random() < 0.5:
                self.grant(raw["id"], graph, by_users[-1][1])
            if self.random.random() < 0.05:
                self.grant(raw["id"], exchange, ["EWS.AccessAsUser.All"])
        seen: set[tuple[str, str]] = set()
        for _ in range(int(self.count * 1.5) - len(self.data["oauth2PermissionGrants"]) if by_users else 0):
            client, scopes = self.random.choice(by_users)
            user = self.random.choice(self.users)
            if (client, user) not in seen:
                seen.add((client, user))
                self.grant(client, graph, scopes[: self.random.randint(1, len(scopes))], user)

    def grant(self, client: str, resource: str, scopes: Sequence[str], user: str | None = None) -> None:
        """One delegated grant."""
        row = shapes.permission_grant(self.guid(), client, resource, " ".join(scopes), user)
        self.data["oauth2PermissionGrants"].append(row)

    def assignments(self, principal: Raw, kind: str) -> None:
        """App role assignments to a service principal, and of people to some apps."""
        graph = self.builder.principal(GRAPH)
        roles = (
            self.some(_ROLES, 3) if kind != _LOCAL else [] if principal["replyUrls"] else self.wanted[principal["id"]]
        )
        chance = {_LOCAL: _CONSENTED, _MANAGED: 0.35, _EXTERNAL: 0.1, _FIRST_PARTY: 0.05}[kind]
        if self.random.random() < chance:
            for value in roles:
                self.assign(principal, graph, self.builder.permission_id(value, "application"))
        if self.publishers and self.random.random() < 0.03:
            resource = self.random.choice(self.publishers)
            self.assign(principal, resource, self.random.choice(resource["appRoles"])["id"])
        if kind in (_LOCAL, _EXTERNAL) and self.random.random() < 0.1:
            for _ in range(self.random.randint(1, 6)):
                people, label = self.random.choice(((self.users, "User"), (self.groups, "Group")))
                person = {"id": self.random.choice(people), "displayName": None}
                self.assign(person, principal, DEFAULT_ACCESS, label)

    def assign(self, principal: Raw, resource: Raw, role_id: str, principal_type: str = "ServicePrincipal") -> None:
        """One app role assignment."""
        row = shapes.role_assignment(
            self.guid(), role_id=role_id, principal=principal, resource=resource, principal_type=principal_type
        )
        self.data["appRoleAssignments"].append(row)

    def some(self, values: Mapping[str, int], at_most: int) -> list[str]:
        """One to ``at_most`` different values, the popular ones more often."""
        drawn = self.random.choices(list(values), list(values.values()), k=self.random.randint(1, at_most))
        return list(dict.fromkeys(drawn))
