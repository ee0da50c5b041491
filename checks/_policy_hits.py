"""What a Conditional Access policy does to a sign-in it reaches, and the finding that tells it.

Part of ``conditional-access``. Each ``*_hit`` answers None where the sign-in gets through: a healthy interactive app gives
no finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from auditor.audit.check import Certainty, Finding, Flow, Remediation, Severity
from checks._cells import listed, name
from checks._clients import DEVICE_CODE, Client
from checks._policy import Policy, Reach

HELP = "https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps"
FLOWS_HELP = "https://learn.microsoft.com/entra/identity/conditional-access/concept-authentication-flows"
DEFAULTS_HELP = "https://learn.microsoft.com/entra/fundamentals/security-defaults"
WORKLOAD_HELP = "https://learn.microsoft.com/entra/identity/conditional-access/workload-identity"

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
    if not client.device_code or not policy.fails(DEVICE_CODE):
        return None
    only = not client.interactive
    return _hit(
        policy,
        reached,
        severity="medium" if only else "info",
        certainty=_certainty(policy) if only else "possible",
        error_code=_code(policy.controls, policy),
        problem="blocks the device code flow"
        if policy.blocks
        else f"demands {_demands(policy)} of the device code flow",
        fix="Register a redirect URI and sign users in interactively, or exclude the accounts that must use a device code.",
        client=client,
        help_url=FLOWS_HELP,
    )


def block_hit(policy: Policy, client: Client, reached: Reach) -> Hit | None:
    """A policy that blocks. Where it leaves sign-ins out (locations, platforms, some users), browsers are not a concern."""
    if not _applies_to_modern_clients(policy, client):
        return None
    partial = bool(policy.narrowed_by) or not policy.everyone
    if partial and client.interactive:
        return None
    return _hit(
        policy,
        reached,
        severity="low" if partial else "high" if not policy.exceptions else "medium",
        certainty="possible" if partial else _certainty(policy),
        error_code="AADSTS53003",
        problem="blocks every sign-in" if not policy.narrowed_by else "blocks sign-ins outside what it allows",
        fix="Exclude the resource or the people who need the app from the policy, if the app is meant to work.",
        client=client,
    )


def control_hit(policy: Policy, client: Client, reached: Reach) -> Hit | None:
    """A policy with controls that some or all of the app's ways to sign in cannot meet."""
    if not _applies_to_modern_clients(policy, client):
        return None
    failing = {way.name: lacking for way in client.ways if (lacking := policy.fails(way.gives))}
    # Only Microsoft's approved apps, and apps built for it, can prove app protection; web apps are not asked on desktops.
    if not failing or (client.interactive and not (client.native and failing["interactive"] <= _APP_RULES)):
        return None
    every = len(failing) == len(client.ways) and not client.interactive
    certainty: Certainty = _certainty(policy) if every and not policy.narrowed_by else "possible"
    ways = " or ".join(failing)
    return _hit(
        policy,
        reached,
        severity="medium" if certainty == "likely" else "low",
        certainty=certainty,
        error_code=_code(frozenset().union(*failing.values()), policy),
        problem=f"demands {_demands(policy)}, which sign-in by {ways} cannot give",
        fix="Sign users in interactively with a redirect URI, or use application permissions where no user is needed.",
        client=client,
        failing={way: sorted(lacking) for way, lacking in failing.items()},
    )


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


def _applies_to_modern_clients(policy: Policy, client: Client) -> bool:
    """Whether clientAppTypes cover the app: a policy on legacy authentication or on browsers alone leaves others in peace."""
    wanted = {"all", "mobileappsanddesktopclients"} | ({"browser"} if client.interactive else set())
    return bool(policy.client_types & wanted)


def _certainty(policy: Policy) -> Certainty:
    return "likely" if policy.everyone and not policy.exceptions else "possible"


def _code(lacking: frozenset[str], policy: Policy) -> str | None:
    return next((code for control, code in _CODES if control in (lacking or policy.controls)), None)


def _demands(policy: Policy) -> str:
    joined = " or " if policy.any_control_is_enough else " and "
    return joined.join(_WORDS.get(control, control) for control in sorted(policy.controls))


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
    failing: dict[str, list[str]] | None = None,
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
        "ways_to_sign_in": [way.name for way in client.ways],
        "seen": client.evidence,
    }
    if failing:
        evidence["controls_not_met"] = failing
    if reached.note:
        evidence["note"] = reached.note
        certainty = "possible"
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


def finding(row: Any, hit: Hit, slug: str) -> Finding:
    """The finding of one app and one policy. A report-only policy refuses nothing yet, so it is information."""
    state = "" if hit.enforced else " (report-only: it would, once enforced)"
    for_services = "" if hit.services == ("all resources",) else f" for {listed(hit.services)}"
    return Finding(
        check=slug,
        severity=hit.severity if hit.enforced else "info",
        certainty=hit.certainty if hit.enforced else "possible",
        summary=f"The policy {hit.policy_name} reaches {name(row)}: it {hit.problem}{for_services}{state}.",
        remediation=Remediation(
            f"{hit.fix} See what really happened under Sign-in logs, Conditional Access, or try the What If tool.",
        ),
        app_id=str(row.app_id),
        display_name=name(row),
        flow=hit.flow,
        http_status=400 if hit.enforced else None,
        error_code=hit.error_code if hit.enforced else None,
        evidence={
            "policy": hit.policy_name,
            "policy_id": hit.policy_id,
            "enforced": hit.enforced,
            "resources_reached": list(hit.services),
            "error_code_if_enforced": hit.error_code,
            **hit.evidence,
        },
        help_url=WORKLOAD_HELP if hit.flow == "app-only" else hit.help_url,
        subject=(hit.policy_id,),
    )
