"""What a Conditional Access policy does to the sign-ins of an app that it reaches, whoever signs in.

Each ``*_hit`` answers None where the sign-in gets through: a healthy interactive app gives none. The findings are
``checks.conditional_access``'s; one call of one user is ``conditional_access``'s; apps without a user ``workload_hits``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from auditor.predict.policy import EVERYTHING, Policy, Reach
from auditor.predict.verdict import Certainty, Flow
from auditor.predict.ways import (
    BROWSER,
    DEVICE_CODE,
    DEVICE_CODE_WAY,
    MODERN,
    NATIVE_WAY,
    NOTHING,
    UNSEEN_WAY,
    Client,
    Way,
)
from auditor.tenant.cells import name, text

Severity = Literal["high", "medium", "low", "info"]
"""Of the finding that a hit becomes."""

HELP = "https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps"
FLOWS_HELP = "https://learn.microsoft.com/entra/identity/conditional-access/concept-authentication-flows"
DEFAULTS_HELP = "https://learn.microsoft.com/entra/fundamentals/security-defaults"

_CODES = (
    ("block", "AADSTS53003"),
    ("mfa", "AADSTS50076"),
    ("authenticationstrength", "AADSTS50076"),
    ("compliantdevice", "AADSTS53000"),
    ("domainjoineddevice", "AADSTS53001"),
    ("approvedapplication", "AADSTS53002"),
    ("compliantapplication", "AADSTS53002"),
    ("customfactor", "AADSTS50158"),
)
_WORDS = {
    "mfa": "multifactor authentication",
    "authenticationstrength": "an authentication strength",
    "compliantdevice": "a compliant device",
    "domainjoineddevice": "a hybrid joined device",
    "approvedapplication": "an approved client app",
    "compliantapplication": "an app protection policy",
    "passwordchange": "a password change",
    "termsofuse": "acceptance of terms of use",
    "customfactor": "a custom factor",
    "riskremediation": "risk remediation",
}
_APP_RULES = frozenset({"approvedapplication", "compliantapplication"})
REDIRECT_FIX = (
    "Register a redirect URI and sign users in interactively, or exclude the accounts that cannot; turn public client flows off "
    "if nobody uses them."
)


@dataclass(frozen=True)
class Hit:
    """What one policy does to one app."""

    policy_id: str
    policy_name: str
    enforced: bool
    severity: Severity
    certainty: Certainty
    error_code: str | None
    flow: Flow
    problem: str
    """What the policy does, after its name."""
    services: tuple[str, ...]
    fix: str
    evidence: dict[str, Any] = field(default_factory=dict)
    help_url: str = HELP


def device_code_hit(policy: Policy, client: Client, reached: Reach) -> Hit | None:
    """A policy on the device code flow alone."""
    only = DEVICE_CODE_WAY in client.ways
    if not (only or DEVICE_CODE_WAY in client.also) or not policy.fails(DEVICE_CODE) or not policy.covers(MODERN):
        return None
    return _hit(
        policy,
        reached,
        severity="medium" if only else "info",
        certainty=_certainty(policy) if only else "possible",
        error_code=error_code_of(policy.controls, policy),
        problem="blocks the device code flow"
        if policy.blocks
        else f"demands {demanded(policy)} of the device code flow",
        fix=REDIRECT_FIX,
        client=client,
        help_url=FLOWS_HELP,
    )


def block_hit(policy: Policy, client: Client, reached: Reach) -> Hit | None:
    """A policy that blocks. Where it leaves sign-ins out (locations, platforms, some users), browsers are not a concern."""
    ways = covered(policy, client.ways)
    partial = bool(policy.narrowed_by) or not policy.everyone
    if not ways:
        also = covered(policy, client.also)
        return None if partial or not also else _beside_hit(policy, client, reached, dict.fromkeys(also, NOTHING))
    if partial and any(way.interactive for way in ways):
        return None
    some = len(ways) < len(client.ways)
    what = f"sign-in by {joined(ways)}" if some else "every sign-in"
    return _hit(
        policy,
        reached,
        severity="low" if partial else "high" if not policy.exceptions and not some else "medium",
        certainty="possible" if partial or some else _certainty(policy),
        error_code="AADSTS53003",
        problem=f"blocks {what}" if not policy.narrowed_by else "blocks sign-ins outside what it allows",
        fix="Exclude the resource or the people who need the app from the policy, if the app is meant to work.",
        client=client,
    )


def control_hit(policy: Policy, client: Client, reached: Reach) -> Hit | None:
    """A policy with controls that some or all of the app's ways to sign in cannot meet."""
    failing = failing_ways(policy, client.ways)
    if not failing:
        beside = failing_ways(policy, client.also)
        return _beside_hit(policy, client, reached, beside) if beside else None
    every = len(failing) == len(client.ways) and not client.interactive
    certainty: Certainty = _certainty(policy) if every and not policy.narrowed_by else "possible"
    return _hit(
        policy,
        reached,
        severity="medium" if certainty == "likely" else "low",
        certainty=certainty,
        error_code=error_code_of(frozenset().union(*failing.values()), policy),
        problem=f"demands {demanded(policy)}, which sign-in by {joined(failing)} cannot give",
        fix="Sign users in interactively with a redirect URI, or use application permissions where no user is needed.",
        client=client,
        failing=failing,
    )


def _beside_hit(policy: Policy, client: Client, reached: Reach, ways: Mapping[Way, frozenset[str]]) -> Hit:
    """What only stops ways that are allowed beside redirect URIs, and perhaps used by nobody."""
    cannot = f"demands {demanded(policy)}, which sign-in by {joined(ways)} cannot give"
    return _hit(
        policy,
        reached,
        severity="info",
        certainty="possible",
        error_code=error_code_of(frozenset().union(*ways.values()), policy),
        problem=f"blocks sign-in by {joined(ways)}" if policy.blocks else cannot,
        fix=REDIRECT_FIX,
        client=client,
        failing={} if policy.blocks else ways,
        help_url=FLOWS_HELP,
    )


def covered(policy: Policy, ways: Iterable[Way]) -> tuple[Way, ...]:
    """The ways that are of the policy's client types."""
    return tuple(way for way in ways if policy.covers(way.client_types))


def failing_ways(policy: Policy, ways: Iterable[Way]) -> dict[Way, frozenset[str]]:
    """What each way in the policy's scope cannot give, where that is a concern.

    People in front of a browser get through: only Microsoft's approved apps, and apps built for it, can prove app protection,
    and web apps are not asked for it on desktops.
    """
    lacking = {way: policy.fails(way.gives) for way in covered(policy, ways)}
    return {
        way: controls
        for way, controls in lacking.items()
        if controls and (not way.interactive or (way == NATIVE_WAY and controls <= _APP_RULES))
    }


def joined(ways: Iterable[Way]) -> str:
    """Ways in words: ``device code or username and password``."""
    return " or ".join(way.name for way in ways)


def security_defaults(client: Client) -> Hit | None:
    """Security defaults ask every user for MFA now and then, which a username and password cannot give."""
    if client.interactive or not any(not way.gives for way in client.ways):
        return None
    return Hit(
        policy_id="security-defaults",
        policy_name="Security defaults",
        enforced=True,
        severity="info",
        certainty="possible",
        error_code="AADSTS50076",
        flow="delegated",
        problem="can ask any user for multifactor authentication, which sign-in by username and password cannot give",
        services=("all resources",),
        fix="Sign users in interactively with a redirect URI, or use application permissions where no user is needed.",
        evidence={"ways_to_sign_in": [way.name for way in client.ways], "seen": client.evidence},
        help_url=DEFAULTS_HELP,
    )


def _certainty(policy: Policy) -> Certainty:
    return "likely" if policy.everyone and not policy.exceptions else "possible"


def error_code_of(lacking: frozenset[str], policy: Policy) -> str | None:
    """The AADSTS code of a sign-in that lacks these controls; None where nobody has seen one."""
    return next((code for control, code in _CODES if control in (lacking or policy.controls)), None)


def demanded(policy: Policy) -> str:
    """What a policy demands, in words."""
    joined = " or " if policy.any_control_is_enough else " and "
    return joined.join(_WORDS.get(control, control) for control in sorted(policy.controls))


def doubt(policy: Policy, reached: Reach, client: Client) -> str:
    """Why it is only possible that the policy concerns these sign-ins; empty if nothing speaks against it."""
    unseen = (
        UNSEEN_WAY in client.ways and "all" not in policy.client_types and not policy.client_types >= BROWSER | MODERN
    )
    return "; ".join(
        filter(None, (reached.note, "whether it is a web app or a native one cannot be seen" if unseen else None))
    )


def _hit(
    policy: Policy,
    reached: Reach,
    *,
    severity: Severity,
    certainty: Certainty,
    error_code: str | None,
    problem: str,
    fix: str,
    client: Client,
    failing: Mapping[Way, frozenset[str]] | None = None,
    help_url: str = HELP,
) -> Hit:
    users = (
        "everyone"
        if policy.everyone and not policy.exceptions
        else "all with exceptions"
        if policy.everyone
        else "some"
    )
    evidence: dict[str, Any] = {
        "controls": sorted(policy.controls),
        "users": users,
        "narrowed_by": list(policy.narrowed_by),
        "client_types": sorted(policy.client_types),
        "ways_to_sign_in": [way.name for way in (*client.ways, *client.also)],
        "seen": client.evidence,
    }
    if failing:
        evidence["controls_not_met"] = {way.name: sorted(lacking) for way, lacking in failing.items()}
    if note := doubt(policy, reached, client):
        evidence["note"] = note
        certainty = "possible"
    if reached.guessed and severity != "info":
        severity = "low"
    return Hit(
        policy_id=policy.id,
        policy_name=policy.name,
        enforced=policy.enforced,
        severity=severity,
        certainty=certainty,
        error_code=error_code,
        flow="delegated",
        problem=problem,
        services=reached.services,
        fix=fix,
        evidence=evidence,
        help_url=help_url,
    )


def own_sign_in(row: Any, policy: Policy) -> Reach | None:
    """A confidential client that asks for an ID token is itself the resource, even if it requests no permission.

    Web apps do so as a rule. Whether an app registered elsewhere is one cannot be seen.
    https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps
    """
    named = row.app_id in policy.resources
    if row.app_id in policy.excluded or not (named or EVERYTHING in policy.resources):
        return None
    if row.web_redirects:
        return Reach((name(row),))
    if named and text(row.object_id) is None:
        return Reach(
            (name(row),), "whether it is a confidential client, the only kind a policy can name, cannot be seen"
        )
    return None
