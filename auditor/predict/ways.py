"""How the users of an app can sign in, and what each way can give a Conditional Access policy.

Judged from the registration; the flow that was declared wins. What a policy makes of a way is ``policy_hits``'s.
https://learn.microsoft.com/entra/identity-platform/msal-authentication-flows
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.predict.verdict import Flow
from auditor.tenant.cells import flag, text

# A browser on another device satisfies what a person can do there, never the state of the device the app runs on.
DEVICE_CODE = frozenset(
    {"mfa", "authenticationstrength", "termsofuse", "customfactor", "passwordchange", "riskremediation"}
)
NOTHING: frozenset[str] = frozenset()
INTERACTIVE = DEVICE_CODE | {"compliantdevice", "domainjoineddevice"}


BROWSER = frozenset({"browser"})
"""Web apps and single-page applications."""
MODERN = frozenset({"mobileappsanddesktopclients"})
"""Desktop and mobile apps, device codes, usernames and passwords."""


@dataclass(frozen=True)
class Way:
    """One way to sign a user in."""

    name: str
    gives: frozenset[str]
    """Grant controls it can meet, lower case."""
    client_types: frozenset[str]
    """The client types of Conditional Access it may be, lower case; more than one where that is not known.
    https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-conditions#client-apps"""
    interactive: bool = False


PASSWORD_WAY = Way("username and password", NOTHING, MODERN)
DEVICE_CODE_WAY = Way("device code", DEVICE_CODE, MODERN)
WEB_WAY = Way("web browser", INTERACTIVE, BROWSER, interactive=True)
NATIVE_WAY = Way("desktop or mobile app", INTERACTIVE, MODERN, interactive=True)
UNSEEN_WAY = Way("an app that cannot be seen", INTERACTIVE, BROWSER | MODERN, interactive=True)


@dataclass(frozen=True)
class Client:
    """The sign-in side of one app."""

    ways: tuple[Way, ...]
    """The ways it is set up for; empty if no user signs in to it."""
    also: tuple[Way, ...]
    """Ways that are allowed beside redirect URIs; whether they are used is not known."""
    evidence: str

    @property
    def interactive(self) -> bool:
        """Whether a person in front of a browser is one of the ways."""
        return any(way.interactive for way in self.ways)


def client(row: Any, flow: Flow | None) -> Client:
    """The sign-in side of an app.

    Args:
        row: its row of ``apps`` (``columns.APPS``).
        flow: the flow it is known to use; None: as the registration has it.

    Without any redirect URI only a device code or a username and password are left. An app that publishes an API and has a
    credential acts on behalf of users who signed in elsewhere: it hands a claims challenge back, so it counts as interactive.
    """
    fallback = (DEVICE_CODE_WAY, PASSWORD_WAY) if flag(row.fallback_public_client) is True else ()
    if flow == "app-only" or row.kind == "managed-identity":
        return Client((), (), "no user signs in")
    if text(row.object_id) is None:
        return Client((UNSEEN_WAY,), (), "the registration cannot be seen")
    pages, native = len(row.web_redirects) + len(row.spa_redirects), len(row.public_redirects)
    if pages or native:
        ways = ((WEB_WAY,) if pages else ()) + ((NATIVE_WAY,) if native else ())
        return Client(ways, fallback, f"{pages + native} redirect URIs")
    if fallback:
        return Client(fallback, (), "public client flows are allowed and there is no redirect URI")
    if row.exposes_api and "delegated" in row.flows:
        return Client((UNSEEN_WAY,), (), "publishes an API and acts on behalf of its users")
    if flow == "delegated":
        return Client((PASSWORD_WAY,), (), "declared to sign users in, and there is no redirect URI")
    return Client((), (), "no redirect URI and no public client flow")
