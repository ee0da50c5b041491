"""Which flows an app can use, inferred from its configuration: app-only (client credentials, managed identity) and delegated.

What the platform allows, not what the code does: a web app with a secret can do both. ``[[apps]] flow`` in the
configuration overrides it. Rules: https://learn.microsoft.com/entra/identity-platform/msal-authentication-flows
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flows:
    """The flows of one app."""

    flows: tuple[str, ...]
    evidence: str
    certain: bool
    """False where another flow may exist that this tenant cannot show."""


@dataclass(frozen=True)
class FlowFacts:
    """What the flows hang on."""

    kind: str
    has_registration: bool
    credentials: int
    """Client credentials (secrets, certificates, federated), expired ones included; SAML signing certificates are none."""
    federated_read: bool
    web_redirects: int = 0
    spa_redirects: int = 0
    public_redirects: int = 0
    fallback_public_client: bool = False
    implicit: bool = False
    exposes_api: bool = False
    replies: int = 0
    """Reply URLs of the service principal, all one knows of a registration elsewhere."""


def infer_flows(facts: FlowFacts) -> Flows:
    """The flows an app can use, app-only first, with the evidence in words."""
    if facts.kind == "managed-identity":
        return Flows(("app-only",), "managed identity: its tokens are always app-only", certain=True)
    if not facts.has_registration:
        return _from_service_principal(facts)
    delegated: list[str] = []
    for count, what in (
        (facts.web_redirects, "web redirect URI"),
        (facts.spa_redirects, "single-page application redirect URI"),
        (facts.public_redirects, "public client redirect URI"),
    ):
        if count:
            delegated.append(f"{count} {what}{'s' if count > 1 else ''}")
    if facts.fallback_public_client:
        delegated.append("public client flows allowed")
    if facts.implicit:
        delegated.append("implicit flow on")
    app_only = []
    if facts.credentials:
        app_only.append(f"{facts.credentials} client credential{'s' if facts.credentials > 1 else ''}")
        if facts.exposes_api and not delegated:
            # An API with a credential of its own is the usual middle tier of on-behalf-of.
            delegated.append("publishes an API and has a credential (on-behalf-of)")
    flows = (("app-only",) if app_only else ()) + (("delegated",) if delegated else ())
    evidence = "; ".join([*app_only, *delegated]) or "no credential, no redirect URI, no public client flow"
    return Flows(flows, evidence, certain=facts.federated_read or bool(app_only))


def _from_service_principal(facts: FlowFacts) -> Flows:
    """What a service principal alone tells: the registration elsewhere may hold more."""
    flows: list[str] = []
    seen: list[str] = []
    if facts.credentials:
        flows.append("app-only")
        seen.append("a credential on the service principal")
    if facts.replies:
        flows.append("delegated")
        seen.append(f"{facts.replies} reply URL{'s' if facts.replies > 1 else ''}")
    return Flows(tuple(flows), "; ".join(seen) or "the registration cannot be seen from this tenant", certain=False)
