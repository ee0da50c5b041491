"""A case as a tenant and a declared app: ``express(case, facts)`` by rules that know no single case.

The rules, in the order they are applied:

1. Flow: as written. Unknown: what the permissions suggest (delegated ones alone: delegated; application ones alone:
   app-only; both or none: both flows are asked).
2. Kind of app, by credential: secret, certificate, federated: a confidential app, a daemon without redirect URIs if the
   flow is app-only, else a web app. managed-identity: a managed identity. public-client: a native app. ropc, device-code:
   public client flows allowed, no redirect URI. spa: a single-page app. obo: a middle tier with a secret. Anything else: a
   daemon with a secret if app-only, else a web app with one. ``client``, or its name as the credential: one of
   Microsoft's own clients instead.
3. Requested goes to ``requiredResourceAccess``; a permission that no API publishes gets an id nobody knows.
4. Granted: delegated ones by an admin for everybody unless the facts say whose consent it was; application ones by app
   role assignment to the service principal unless the facts say who holds them.
5. Where nobody said what was granted and the failure came after that gate (its cause is not about permissions, or the
   call worked and no right from elsewhere explains it), the least set of the reference is requested and granted: the
   real app must have had it to come so far.
6. People: a user is declared only where something is known about one (delegated: who signs in; app-only: whose objects).
   A user has every plan the tenant owns unless the facts say otherwise.
7. Where nothing is said about user consent, users may consent to what is not for admins alone, as they could by default
   in the years most threads are from. So too with groups and apps: every member may create them, as is the default.
8. What a token is asked for: ``resource_requested``; "other" is the app's own API.
9. Method ``*``: GET where the reference knows one for the path, else the first that it knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from auditor.audit.check import DeclaredApp
from auditor.call_parts import METHODS
from auditor.emulator.app import is_guid
from auditor.emulator.build import AAD_GRAPH, EXCHANGE, GRAPH, SHAREPOINT, App, TenantBuilder
from auditor.predict.call import Call
from auditor.predict.verdict import Flow
from auditor.reference import catalog
from auditor.reference.resources import AZURE_CLI, AZURE_POWERSHELL, GRAPH_EXPLORER, GRAPH_POWERSHELL
from tests.cases.case import Case, Granted
from tests.cases.facts import Facts, facts_of
from tests.cases.grants import completed, request, requests_of
from tests.cases.people import add_user, take_plans

CLIENTS = {
    "azure-cli": (AZURE_CLI, "Microsoft Azure CLI"),
    "azure-powershell": (AZURE_POWERSHELL, "Microsoft Azure PowerShell"),
    "graph-powershell": (GRAPH_POWERSHELL, "Microsoft Graph Command Line Tools"),
    "graph-explorer": (GRAPH_EXPLORER, "Graph Explorer"),
    "intune-powershell": ("d1ddf0e4-d672-4dae-b554-9d5bdfd93547", "Microsoft Intune PowerShell"),
}
_SUBSCRIBED = (
    ("ChannelMessage.", "teams/{id}/channels/{id}/messages"),
    ("Chat", "chats/{id}/messages"),
    ("Calendars.", "me/events"),
    ("Contacts.", "me/contacts"),
    ("Mail.", "me/messages"),
    ("Files.", "me/drive/root"),
    ("Sites.", "sites/{id}/lists/{id}"),
    ("Tasks.", "me/todo/lists/{id}/tasks"),
    ("Presence.", "communications/presences/{id}"),
    ("CallRecord", "communications/callRecords"),
    ("Security", "security/alerts"),
    ("Group.", "groups"),
    ("User.Read.All", "users"),
)
"""What is subscribed to by the permissions asked for."""
_REPRESENTATIVE = ({"method": "GET", "path": "/me"}, {"method": "GET", "path": "/users"})
"""What a thread about signing in alone is taken to call: with a user, and app-only."""
RESOURCES = {"aad-graph": AAD_GRAPH, "exchange": EXCHANGE, "sharepoint": SHAREPOINT}
OTHERS = {"azure-devops": "499b84ac-1321-427f-aa17-267ca6975798", "key-vault": "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"}
"""Microsoft's APIs that are asked for by their app ids."""
_WITH_USER = ("public-client", "ropc", "device-code", "spa", "obo", *CLIENTS)
"""Credentials that sign a user in, whatever the flow is called."""
_ASKED = ("aad-graph", "exchange", "sharepoint", "arm")
"""Words of the product for what a token is asked for, beside Graph."""
_KNOWN_PLATFORMS = ("android", "iOS", "windows", "windowsPhone", "macOS")
APP = "Caller"
USER = "Signed In"
WEB, NATIVE = "https://app.contoso.example/signin", "http://localhost"


@dataclass(frozen=True)
class Expressed:
    """A tenant, and what is declared about one app of it."""

    case: Case
    facts: Facts
    builder: TenantBuilder
    app_id: str
    flow: Flow | None
    """None: both are asked."""
    texts: tuple[str, ...]
    """The calls as a configuration would have them."""
    users: tuple[str, ...]
    account: str
    resource: str

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The calls, read by the product."""
        from auditor.predict.call import parse_call  # type: ignore[attr-defined]

        return tuple(parse_call(text) for text in self.texts)

    @property
    def declared(self) -> DeclaredApp:
        """The same as one ``[[apps]]`` entry."""
        return DeclaredApp(self.app_id, self.flow, self.texts, self.users, self.account, self.resource)  # type: ignore[arg-type]


@dataclass
class _Site:
    """What is being built."""

    case: Case
    facts: Facts
    flow: Flow | None
    builder: TenantBuilder = field(default_factory=lambda: TenantBuilder(user_consent="microsoft-user-default-legacy"))


def express(case: Case, facts: Facts | None = None) -> Expressed:
    """The tenant and the declared app of a case."""
    facts = facts_of(case) if facts is None else facts
    if case.fault:
        raise ValueError(case.fault)
    flow = flow_of(case)
    facts = _of_columns(case, facts)
    if facts.sign_in and case.credential in ("public-client", "unknown") and flow != "app-only":
        case = replace(case, credential=facts.sign_in)
    site = _Site(case, facts, flow)
    case = replace(case, calls=_calls(site))
    granted, requested = completed(case, facts, flow)
    site.case = replace(case, granted=granted, requested=requested)
    _surroundings(site)
    users = _users(site)  # with plans and roles, before a grant names the user
    app_id = _app(site)
    return Expressed(
        case=site.case,
        facts=facts,
        builder=site.builder,
        app_id=app_id,
        flow=flow,
        texts=tuple(text_of(call) for call in case.calls),
        users=users,
        account="personal" if case.account == "personal" else "work",
        resource=_resource(case, facts, app_id),
    )


def _of_columns(case: Case, facts: Facts) -> Facts:
    """Facts that a column tells and prose need not."""
    if case.account == "guest":
        facts = replace(facts, guest=True)
    if case.credential == "obo":
        facts = replace(facts, middle_tier=True)
    if case.credential in CLIENTS and not facts.client:
        facts = replace(facts, client=case.credential)  # type: ignore[arg-type]
    return facts


def flow_of(case: Case) -> Flow | None:
    """Rule 1."""
    if case.flow in ("app-only", "delegated"):
        return case.flow  # type: ignore[return-value]
    if case.credential == "managed-identity":
        return "app-only"
    if case.credential in _WITH_USER:
        return "delegated"
    held = case.granted or case.requested
    if held.delegated and not held.application:
        return "delegated"
    if held.application and not held.delegated:
        return "app-only"
    return None


def text_of(call: Mapping[str, Any]) -> str:
    """A call as people declare it: ``beta:PATCH /users/{id} {passwordProfile}``."""
    version = "beta:" if call.get("version") == "beta" else ""
    body = f" {{{', '.join(call['body'])}}}" if call.get("body") else ""
    path = call["path"] if call["path"].startswith(("/", "http")) else f"/{call['path']}"
    return f"{version}{call['method'].upper()} {path}{body}"


def _calls(site: _Site) -> tuple[Mapping[str, Any], ...]:
    """The calls with the fields that the facts add, where a field can decide; and ``{id}`` made the user where it is."""
    case, facts = site.case, site.facts
    made = []
    for call in case.calls or (_REPRESENTATIVE[site.flow == "app-only"],):
        path, method = call["path"], _method(call)
        body = list(call.get("body") or ())
        body += [name for name in facts.body if method != "GET" and name not in body]
        if path == "/subscriptions" and method == "POST" and not any("resource=" in one for one in body):
            body += [f"resource={_subscribed(case)}"]
        if facts.target == "self":
            path = re.sub(r"^/users/\{[^}]*\}", f"/users/{site.builder.principal_name(USER)}", path)
        made.append({**call, "method": method, "body": body, "path": path})
    return tuple(made)


def _method(call: Mapping[str, Any]) -> str:
    """Rule 9."""
    said = str(call["method"]).upper()
    if said in METHODS:
        return said
    path = urlsplit(call["path"]).path
    known = (one for one in METHODS if catalog.load().authorizing(one, path, raw=True))
    return next(known, "GET")


def _subscribed(case: Case) -> str:
    """What a subscription is about, by the permissions asked for: people ask for what they subscribe to."""
    names = " ".join((*case.requested.delegated, *case.requested.application, *case.granted.delegated))
    owner = "users/{id}" if case.flow == "app-only" else "me"
    for word, subscribed in _SUBSCRIBED:
        if word in names:
            return subscribed.replace("me/", f"{owner}/")
    return f"{owner}/messages"


# --- the tenant ------------------------------------------------------------------------------------------------------


def _surroundings(site: _Site) -> None:
    facts, builder = site.facts, site.builder
    if facts.user_consent:
        policies = {"off": (), "recommended": ("microsoft-user-default-recommended",)}
        policies |= {"legacy": ("microsoft-user-default-legacy",), "low": ("microsoft-user-default-low",)}
        builder.user_consent(*policies[facts.user_consent])
    members = builder.data["authorizationPolicy"]["defaultUserRolePermissions"]
    members["allowedToCreateApps"] = members["allowedToCreateSecurityGroups"] = not facts.members_create_nothing
    take_plans(builder, facts.lacks)
    if facts.policy:
        control = {"block": "block", "mfa": "mfa", "device": "compliantDevice"}[facts.policy]
        if facts.policy_when == "workload":
            builder.workload_policy("Workload identities")
        else:
            builder.policy("Policy of the tenant", grant=(control,), **_conditions(facts))
    if facts.security_defaults:
        builder.data["identitySecurityDefaultsEnforcementPolicy"]["isEnabled"] = True


def _conditions(facts: Facts) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    if facts.policy_when == "location":
        conditions["locations"] = {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}
    elif facts.policy_when == "device-code":
        conditions["authenticationFlows"] = {"transferMethods": "deviceCodeFlow"}
    elif facts.policy_when == "platform":
        conditions["platforms"] = {"includePlatforms": ["linux"], "excludePlatforms": []}
    elif facts.policy_when == "other-platforms":
        conditions["platforms"] = {"includePlatforms": ["all"], "excludePlatforms": list(_KNOWN_PLATFORMS)}
    if facts.policy_on:
        conditions["applications"] = {"includeApplications": [facts.policy_on]}
    return conditions


def _app(site: _Site) -> str:
    """Rules 2 to 4. Returns the app id."""
    case, facts, builder = site.case, site.facts, site.builder
    resource = RESOURCES.get(facts.on_resource, GRAPH)
    if facts.app == "unknown":
        return CLIENTS[facts.client][0] if facts.client else builder.guid("app", "nobody knows")
    if facts.client and site.flow != "app-only":
        app = builder.first_party(*CLIENTS[facts.client])
    elif case.credential == "managed-identity":
        app = builder.managed_identity(APP)
    elif facts.app == "external":
        app = builder.external(APP, replies=None if site.flow != "app-only" else ())
    else:
        app = _registered(site, resource)
    principal = builder.principal(app)
    principal["accountEnabled"] = facts.app != "disabled"
    principal["appRoleAssignmentRequired"] = facts.app == "unassigned" or facts.user_assigned
    if facts.user_assigned:
        builder.assign_people(app, users=[USER])
    _grant(site, app, resource)
    for role in facts.app_roles:
        builder.directory_role(app, role)
    if "application" in facts.owns:
        owned = builder.app("Owned", secret=None)
        builder.registration(owned)["owners"] = [{"id": app.service_principal_id}]
        builder.principal(owned)["owners"] = [{"id": app.service_principal_id}]
    if facts.app == "orphan":
        builder.delete_registration(app)
    if facts.resource_missing:
        builder.delete_principal(resource)
    return app.app_id


def _registered(site: _Site, resource: str) -> App:
    """An app registered in this tenant, by the kind of its credential."""
    case, facts, builder = site.case, site.facts, site.builder
    web = [] if site.flow == "app-only" or facts.middle_tier else [WEB]
    kind: dict[str, Any] = {"web": web, "secret": "@now+300d"}
    if case.credential == "certificate":
        kind = {"web": web, "secret": None, "certificate": "@now+300d"}
    elif case.credential == "federated":
        kind = {"web": web, "secret": None, "federated": ["repo:contoso/app:ref:refs/heads/main"]}
    elif case.credential in ("ropc", "device-code"):
        kind = {"fallback": True, "secret": None}
    elif case.credential == "public-client":
        kind = {"public": [NATIVE], "secret": None}
    elif case.credential == "spa":
        kind = {"spa": [WEB], "secret": None}
    if facts.credentials in ("expired", "none"):
        for name in ("secret", "certificate"):
            if kind.get(name):
                kind[name] = "@now-9d" if facts.credentials == "expired" else None
    if facts.credentials == "none":
        kind["federated"] = []
    if facts.middle_tier:
        kind["publishes"] = [("access_as_user", "delegated")]
    audience = facts.audience or (
        "AzureADandPersonalMicrosoftAccount" if case.account == "personal" else "AzureADMyOrg"
    )
    app = builder.app(APP, audience=audience, requests=requests_of(builder, case.requested, resource), **kind)
    if facts.credentials == "renewed":
        old = {**builder.registration(app)["passwordCredentials"][0], "keyId": builder.guid("secret", "old")}
        old["endDateTime"] = "@now-9d"
        builder.registration(app)["passwordCredentials"].insert(0, old)
    return app


def _grant(site: _Site, app: App, resource: str) -> None:
    """Rule 4."""
    case, facts, builder = site.case, site.facts, site.builder
    if case.granted.delegated:
        user = {"user": USER, "another-user": "Somebody Else"}.get(facts.consented)
        scopes: dict[str, list[str]] = {}
        for name in case.granted.delegated:
            scopes.setdefault(str(request(builder, name, "delegated", resource)[2]), []).append(name)
        for one, names in scopes.items():
            builder.grant(app, " ".join(names), resource=one, user=user)
    application = _held(builder, case.granted.application, resource)
    if facts.through_group:
        wanted = case.granted.application or case.requested.application
        _assign_group(builder, app, _held(builder, wanted, resource))
        return
    if facts.on_registration:
        wanted = case.granted.application or case.requested.application
        other = builder.app("Registration beside it", requests=requests_of(builder, Granted((), wanted)))
        builder.consent(other)
        return
    for permission_id, one in application:
        builder.assign(app, permission_id, resource=one)


def _held(builder: TenantBuilder, names: Iterable[str], resource: str) -> list[tuple[str, str]]:
    """Id and API of application permissions."""
    rows = (request(builder, name, "application", resource) for name in names)
    return [(row[0], str(row[2])) for row in rows if len(row) == 3]


def _assign_group(builder: TenantBuilder, app: App, held: Iterable[tuple[str, str]]) -> None:
    """A group that the app is a member of holds the application permissions."""
    group = builder.group("Holders", members=[app])
    for permission_id, resource in held:
        row = builder.assign(app, permission_id, resource=resource)
        row.update(principalId=group, principalType="Group", principalDisplayName="Holders")


def _users(site: _Site) -> tuple[str, ...]:
    """Rule 6."""
    facts, builder = site.facts, site.builder
    if facts.target == "admin":
        builder.user("Administrator Of Something", roles=["Global Administrator"])
    known = bool(facts.guest or facts.user_lacks or facts.target == "self")
    if not known and not (facts.about_user and site.flow != "app-only"):
        return ()
    roles = [role for role in facts.user_roles if role != "none"]
    return (add_user(builder, USER, lacks=(*facts.lacks, *facts.user_lacks), roles=roles, guest=facts.guest),)


def _resource(case: Case, facts: Facts, app_id: str) -> str:
    """Rule 8."""
    wanted = case.resource if case.resource in ("graph", *_ASKED) else facts.resource or case.resource
    wanted = OTHERS.get(wanted, wanted)
    if wanted in ("graph", "unknown"):
        return "graph"
    if wanted in _ASKED or ":" in wanted or is_guid(wanted):
        return wanted
    return f"api://{app_id}"
