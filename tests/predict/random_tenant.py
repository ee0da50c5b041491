"""A random tenant with apps of all kinds, and calls to put to it; and what its emulator answers to them.

Nothing here knows the predictor. Which answer is a refusal is read from the status the emulator sends.
"""

from __future__ import annotations

import http.client
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode, urlsplit

from auditor.emulator.build import App, TenantBuilder
from auditor.emulator.server import Emulator
from auditor.reference import catalog
from tests.emulator.caller import Caller

Flow = Literal["app-only", "delegated"]
Answer = Literal["refused", "accepted", "other"]
"""``other``: the address or the method was not understood, which says nothing about rights."""

_DIRECTORY = (
    "users",
    "groups",
    "applications",
    "servicePrincipals",
    "me",
    "organization",
    "policies",
    "directoryRoles",
)
_MODELLED = re.compile(
    r"GET /(users|groups|applications|servicePrincipals|directoryRoles)(/\{[^}]+\})?$"
    r"|GET /(oauth2PermissionGrants|identity/conditionalAccess/(policies|namedLocations)|auditLogs|roleManagement/directory)(/|$)"
    r"|GET /policies/(adminConsentRequestPolicy|defaultAppManagementPolicy|appManagementPolicies|identitySecurityDefaults)"
    r"|(POST|PATCH|DELETE) /(users|groups|applications|servicePrincipals)(/\{[^}]+\})?$"
    r"|(GET|POST|PATCH|DELETE) /me(/|$)",
    re.IGNORECASE,
)
"""Calls whose demands on the signed-in user the emulator knows. Administrators call anything, others these alone."""
_NO_RIGHT = re.compile(r"/me request|AadPremiumLicenseRequired|not licensed", re.IGNORECASE)
"""Refusals that come as 400: an app without a user at ``/me``, a missing licence."""
KINDS = ("daemon", "daemon", "web", "native", "spa", "managed-identity", "web")
STATES = ("fine", "fine", "fine", "fine", "fine", "fine", "disabled", "expired", "not-consented")


@dataclass
class RandomApp:
    """One app, how it signs in, and who with."""

    app: App
    flow: Flow
    kind: str
    secret: str | None = None
    user: str | None = None
    personal: bool = False
    requested: tuple[str, ...] = ()


@dataclass
class RandomTenant:
    """The tenant, its apps, and pairs of an app and a call (method, path with real ids)."""

    builder: TenantBuilder
    apps: list[RandomApp] = field(default_factory=list)
    pairs: list[tuple[RandomApp, str, str]] = field(default_factory=list)

    @property
    def users(self) -> tuple[str, ...]:
        """Everybody who signs in."""
        return tuple(dict.fromkeys(one.user for one in self.apps if one.user))


def make(seed: int, pairs: int) -> RandomTenant:
    """A tenant and so many pairs, the same for the same seed. Each app makes one or more calls."""
    dice = random.Random(seed)
    made = RandomTenant(
        TenantBuilder(f"Random {seed}", user_consent=dice.choice([None, "microsoft-user-default-legacy"]))
    )
    if dice.random() < 0.3:
        made.builder.remove_licences("AAD_PREMIUM", "AAD_PREMIUM_P2", "Entra_Identity_Governance")
    people = _people(made.builder)
    entries = [entry for entry in catalog.load().entries() if "{value}" not in entry[1] and "?" not in entry[1]]
    near = [entry for entry in entries if entry[1].split("/")[1] in _DIRECTORY]
    modelled = [entry for entry in entries if _MODELLED.match(f"{entry[0]} {entry[1]}")]
    while len(made.pairs) < pairs:
        user = dice.choice(people)
        pools = (near, entries) if user == people[0] else (modelled, modelled)
        kind = dice.choice(KINDS)
        if kind in ("daemon", "managed-identity"):
            user, pools = None, (near, entries)
        drawn = [dice.choice(pools[0] if dice.random() < 0.6 else pools[1]) for _ in range(dice.randint(1, 3))]
        app = _app(dice, made, kind, user, drawn)
        made.apps.append(app)
        made.pairs += [(app, method, _with_ids(made.builder, template)) for method, template, _ in drawn]
    del made.pairs[pairs:]
    return made


def _people(builder: TenantBuilder) -> list[str]:
    """User principal names of people with different rights."""
    builder.group("Team")
    made = []
    for name, roles, guest in (
        ("Ada Admin", ["Global Administrator"], False),
        ("Rita Reader", ["Global Reader"], False),
        ("Mia Member", [], False),
        ("Gus Guest", [], True),
    ):
        builder.user(name, roles=roles, guest=guest)
        made.append(builder.principal_name(name, guest=guest))
    return made


def _app(
    dice: random.Random, made: RandomTenant, kind: str, user: str | None, calls: Sequence[tuple[str, str, object]]
) -> RandomApp:
    state = dice.choice(STATES)
    if state == "expired" and kind != "daemon":
        state = "fine"  # the emulator has no sign-in of users that could fail for want of the app's credential
    name = f"App {len(made.apps)}"
    flow: Flow = "app-only" if kind in ("daemon", "managed-identity") else "delegated"
    wanted = _permissions(dice, calls, flow)
    type_ = "application" if flow == "app-only" else "delegated"
    if kind == "managed-identity":
        app = made.builder.managed_identity(name, accountEnabled=state != "disabled")
    else:
        app = made.builder.app(
            name,
            web=[f"https://app{len(made.apps)}.example/in"] if kind == "web" else [],
            public=["http://localhost"] if kind == "native" else [],
            spa=[f"https://app{len(made.apps)}.example"] if kind == "spa" else [],
            secret="@now-3d"
            if state == "expired" and kind in ("daemon", "web")
            else "@now+90d"
            if kind in ("daemon", "web")
            else None,
            enabled=state != "disabled",
            audience="AzureADandPersonalMicrosoftAccount",
            requests=[(permission, type_) for permission in wanted],
        )
    if state != "not-consented" and wanted:
        _grant(dice, made.builder, app, wanted, flow, user)
    one = RandomApp(app, flow, kind, user=user, requested=tuple(wanted))
    one.personal = flow == "delegated" and dice.random() < 0.15
    if flow == "app-only" and kind == "daemon":
        one.secret = f"secret-of-{name}"
        made.builder.secret(app, one.secret)
    return one


def _grant(
    dice: random.Random, builder: TenantBuilder, app: App, wanted: Sequence[str], flow: Flow, user: str | None
) -> None:
    if flow == "app-only":
        for permission in wanted:
            builder.assign(app, permission)
    else:
        whose = dice.choice([None, None, "this", "another"])
        name = next((row["displayName"] for row in builder.data["users"] if row["userPrincipalName"] == user), None)
        builder.grant(app, " ".join(wanted), user={"this": name, "another": "Somebody Else"}.get(whose or ""))


def _permissions(dice: random.Random, calls: Sequence[tuple[str, str, object]], flow: Flow) -> list[str]:
    """Permissions that open some of the calls, or others that do not; each published under the type."""
    scheme: Literal["application", "delegated"] = "application" if flow == "app-only" else "delegated"
    found: list[str] = []
    for method, template, _ in calls:
        entries = (catalog.load().authorizing(method, template) or {}).get(scheme, ())
        if entries and dice.random() < 0.8:
            entry = dice.choice(entries)
            found += [entry.permission, *entry.also_requires[: dice.randint(0, 1)]]
        else:
            found.append(
                dice.choice(("User.Read.All", "Mail.Read", "Group.Read.All", "Files.Read.All", "Directory.Read.All"))
            )
    return [name for name in dict.fromkeys(found) if _published(name, scheme)]


def _published(name: str, scheme: str) -> bool:
    known = catalog.load().permission(name)
    form = known and (known.application if scheme == "application" else known.delegated)
    return bool(form and form.id)


def _with_ids(builder: TenantBuilder, template: str) -> str:
    """Real ids in the places of ``{id}``, by what stands before them."""
    objects = {
        "users": builder.user("Ada Admin"),
        "groups": builder.group("Team"),
        "applications": builder.auditor.object_id,
        "servicePrincipals": builder.auditor.service_principal_id,
    }
    parts = template.split("/")
    for number, part in enumerate(parts):
        if part.startswith("{"):
            parts[number] = objects.get(parts[number - 1]) or "7f000000-0000-4000-8000-000000000001"
    return re.sub(r"\{[^}]*\}", "x", "/".join(parts))


# --- asking the emulator ---------------------------------------------------------------------------------------------


def ask(emulator: Emulator, tenant_id: str, one: RandomApp, method: str, path: str) -> Answer:
    """Gets a token the real way, sends the call, and reads from the answer whether it was refused."""
    token = token_of(emulator, tenant_id, one)
    if token is None:
        return "refused"
    reply = Caller(emulator, token).send(method, path, None if method == "GET" else {})
    if reply.status in (401, 403):
        return "refused"
    if reply.status < 300 or reply.status in (404, 501):
        # 404 for an object that is not there, after the rights were looked at; an unknown segment is 400.
        return "accepted"
    return "refused" if _NO_RIGHT.search(reply.body.decode()) else "other"


def token_of(emulator: Emulator, tenant_id: str, one: RandomApp) -> str | None:
    """An access token; None where the token endpoint refuses. Managed identities and users get theirs from the platform."""
    if one.flow == "delegated":
        scopes = one.requested if one.personal else None
        return emulator.token(one.app.app_id, scopes=scopes, user=one.user, personal=one.personal)
    if one.secret is None:
        return emulator.token(one.app.app_id)
    parts = urlsplit(emulator.url)
    form = {
        "grant_type": "client_credentials",
        "client_id": one.app.app_id,
        "client_secret": one.secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", f"/{tenant_id}/oauth2/v2.0/token", urlencode(form), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        return str(answer["access_token"]) if response.status == 200 else None
    finally:
        connection.close()
