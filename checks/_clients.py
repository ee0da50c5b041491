"""How the users of an app can sign in, and what each way can give a Conditional Access policy.

Part of ``conditional-access``. Judged from the registration; ``[[apps]] flow`` of the configuration wins.
https://learn.microsoft.com/entra/identity-platform/msal-authentication-flows
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.audit.check import Context
from checks._cells import flag, text

# A browser on another device satisfies what a person can do there, never the state of the device the app runs on.
DEVICE_CODE = frozenset(
    {"mfa", "authenticationstrength", "termsofuse", "customfactor", "passwordchange", "riskremediation"}
)
NOTHING: frozenset[str] = frozenset()
INTERACTIVE = DEVICE_CODE | {"compliantdevice", "domainjoineddevice"}


@dataclass(frozen=True)
class Way:
    """One way to sign a user in."""

    name: str
    gives: frozenset[str]
    """Grant controls it can meet, lower case."""


PASSWORD_WAY = Way("username and password", NOTHING)
DEVICE_CODE_WAY = Way("device code", DEVICE_CODE)
BROWSER_WAY = Way("interactive", INTERACTIVE)


@dataclass(frozen=True)
class Client:
    """The sign-in side of one app."""

    ways: tuple[Way, ...]
    """Empty if no user signs in to it."""
    native: bool
    """Has redirect URIs of a desktop or mobile app."""
    device_code: bool
    """Public client flows are allowed, so a device code is possible."""
    evidence: str

    @property
    def interactive(self) -> bool:
        return BROWSER_WAY in self.ways


def client(row: Any, context: Context) -> Client:
    """The sign-in side of an app from its row of ``apps``.

    Without any redirect URI only a device code or a username and password are left. An app that publishes an API and has a
    credential acts on behalf of users who signed in elsewhere: it hands a claims challenge back, so it counts as interactive.
    """
    declared = context.apps.get(str(row.app_id))
    flow = declared.flow if declared is not None else None
    fallback = flag(row.fallback_public_client) is True
    redirects = len(row.web_redirects) + len(row.spa_redirects) + len(row.public_redirects)
    native = len(row.public_redirects) > 0
    if flow == "app-only" or row.kind == "managed-identity":
        return Client((), native, False, "no user signs in")
    if redirects or text(row.object_id) is None:
        evidence = f"{redirects} redirect URIs" if redirects else "the registration cannot be seen"
        return Client((BROWSER_WAY,), native, fallback, evidence)
    if fallback:
        return Client(
            (DEVICE_CODE_WAY, PASSWORD_WAY), False, True, "public client flows are allowed and there is no redirect URI"
        )
    if row.exposes_api and "delegated" in row.flows:
        return Client((BROWSER_WAY,), False, False, "publishes an API and acts on behalf of its users")
    if flow == "delegated":
        return Client((PASSWORD_WAY,), False, False, "declared to sign users in, and there is no redirect URI")
    return Client((), False, False, "no redirect URI and no public client flow")
