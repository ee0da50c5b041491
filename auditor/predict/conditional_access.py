"""Conditional Access in the way of one call: what the enabled policies do to the token that it needs.

People in front of a browser get through what they can prove there, and a policy that leaves sign-ins out by place or
platform says nothing about them. A username and password, a device code, or an app without a user cannot answer. Which ways
an app has is ``ways``'s, what a policy reaches ``policy``'s, whether it concerns the user ``whom``'s.
https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from auditor.predict.policy import Pair, Policy, parse, reach
from auditor.predict.policy_hits import (
    REDIRECT_FIX,
    covered,
    demanded,
    doubt,
    error_code_of,
    failing_ways,
    joined,
    own_sign_in,
    security_defaults,
)
from auditor.predict.verdict import Certainty, Obstacle, Question
from auditor.predict.ways import DEVICE_CODE, DEVICE_CODE_WAY, NATIVE_WAY, UNSEEN_WAY, Client, Way, client
from auditor.predict.whom import concerns
from auditor.predict.workload_hits import targetable, workload_hits
from auditor.tenant.cells import flag, listed, name, text
from auditor.tenant.tables import Tenant

CHECK = "conditional-access"
POLICIES = "identity/conditionalAccess/policies"
_INTERACTIVE_FIX = (
    "Sign users in interactively with a redirect URI, or use application permissions where no user is needed."
)
_BLOCK_FIX = "Exclude the resource or the people who need the app from the policy, if the app is meant to work."


_DEVICE_RULES = frozenset({"compliantdevice", "domainjoineddevice"})


@dataclass(frozen=True)
class _Stop:
    """What one policy does to the ways to sign in."""

    policy: Policy
    services: tuple[str, ...]
    ways: Mapping[Way, frozenset[str]]
    """Those it stops, with the controls that they cannot give."""
    open: tuple[str, ...]
    """What it hangs on and the tenant does not tell, in words."""
    note: str
    """Why it is only possible that it reaches the app, as a clause; may be empty."""
    whose: str

    @property
    def applies(self) -> bool:
        """Whether nothing is left open."""
        return not self.open and not self.note


def unread(tenant: Tenant) -> bool:
    """Whether the policies could not be read, so that ``obstacles`` finds none and none is known to be absent."""
    return not tenant.is_read(POLICIES)


def obstacles(
    app_row: Any, question: Question, pairs: frozenset[Pair], tenant: Tenant, user: Any | None
) -> list[Obstacle]:
    """What Conditional Access and security defaults put in the way of the token that this call needs.

    Args:
        app_row: the app's row of ``tenant.apps``.
        question: the call; its flow and account count here.
        pairs: (resource app id, permission) that the token is asked for or carries.
        tenant: not restricted.
        user: the row of ``tenant.users`` who signs in; None: not known.

    Returns:
        ``certain`` and ``likely`` ones where every way to sign in is stopped by a policy that applies; ``possible`` ones where
        that hangs on what the tenant does not tell. Report-only policies refuse nothing.
    """
    if question.account == "personal":
        return []  # the home of personal accounts is another tenant, and its policies are Microsoft's
    parsed = (parse(row) for row in tenant.conditional_access.itertuples(index=False))
    policies = [policy for policy in parsed if policy is not None and policy.enforced]
    if question.flow == "app-only":
        return list(_of_workload(app_row, pairs, policies, tenant))
    how = client(app_row, "delegated")
    known = user if user is not None and flag(user.found) is not False else None
    stops = [stop for policy in policies if (stop := _stop(policy, app_row, pairs, how, tenant, known))]
    told = [*_judged(stops, how, known), *_of_defaults(how, tenant)]
    return told or list(_doubts(policies, app_row, pairs, how, tenant, known))


def _stop(
    policy: Policy, row: Any, pairs: frozenset[Pair], how: Client, tenant: Tenant, user: Any | None
) -> _Stop | None:
    """What a policy stops; None where everybody gets through."""
    among = concerns(policy, user) if policy.concerns_users else False
    if among is False:
        return None
    reached, ways = reach(policy, pairs, tenant.collected_at), how.ways
    own = own_sign_in(row, policy)
    if own is not None and (not reached.services or reached.guessed):
        reached, ways = own, tuple(way for way in ways if way != NATIVE_WAY)
    stopped = _stopped(policy, ways) if reached.services else {}
    if policy.narrowed_by or reached.guessed or not (among or policy.everyone):
        # Such policies leave most people in front of a browser in peace: no reason to doubt a healthy app.
        stopped = {way: lacking for way, lacking in stopped.items() if not way.interactive}
    if not stopped:
        return None
    note = doubt(policy, reached, how)
    return _Stop(
        policy, reached.services, stopped, tuple(_open(policy, among, user)), note, _whose(policy, among, user)
    )


def _stopped(policy: Policy, ways: Iterable[Way]) -> Mapping[Way, frozenset[str]]:
    if policy.device_code_only:
        ways = [way for way in ways if way == DEVICE_CODE_WAY]
    if policy.blocks:
        return dict.fromkeys(covered(policy, ways), policy.controls)
    return failing_ways(policy, ways)


def _open(policy: Policy, among: bool | None, user: Any | None) -> Iterator[str]:
    if policy.narrowed_by:
        yield f"its conditions ({', '.join(policy.narrowed_by)})"
    if among is None and user is None:
        yield "who signs in"
    elif among is None:
        yield f"whether {_user_name(user)} is among the people it names"


def _doubts(
    policies: Iterable[Policy], row: Any, pairs: frozenset[Pair], how: Client, tenant: Tenant, user: Any | None
) -> Iterator[Obstacle]:
    """What even people in front of a browser may fail: the state of their device, and the place of a server in the middle.

    Entra ID sees the address of the server that acts on behalf of users, not theirs.
    https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant
    """
    acts_on_behalf = how.ways == (UNSEEN_WAY,) and text(row.object_id) is not None
    for policy in policies:
        among = concerns(policy, user) if policy.concerns_users else False
        if not (among or (among is None and policy.everyone)) or policy.device_code_only or policy.on_risk:
            continue
        reached = reach(policy, pairs, tenant.collected_at)
        ways = [way for way in covered(policy, how.ways) if way.interactive]
        if not ways or not reached.services or reached.guessed:
            continue
        by_place = policy.blocks and acts_on_behalf and "locations" in policy.narrowed_by
        # What runs on a command line often tells no platform, and a policy on unknown ones is common.
        by_platform = policy.blocks and "platforms" in policy.narrowed_by and row.kind == "first-party"
        by_device = not policy.blocks and not policy.narrowed_by and bool(policy.fails(DEVICE_CODE) & _DEVICE_RULES)
        if by_place:
            seen = f"blocks sign-ins by place, and {name(row)} acts on behalf of its users from the address of its own server"
        elif by_platform:
            seen = f"blocks sign-ins by platform, and what {name(row)} runs on may not tell its own"
        elif by_device:
            seen = (
                f"demands {demanded(policy)} of {_whose(policy, among, user)}; from any other device no token is issued"
            )
        else:
            continue
        yield Obstacle(
            check=CHECK,
            certainty="possible",
            reason=f"The policy {policy.name} {seen}.",
            http_status=400,
            error_code=error_code_of(frozenset() if by_place or by_platform else policy.fails(DEVICE_CODE), policy),
            fix=_BLOCK_FIX,
            evidence={"policy": policy.name, "policy_id": policy.id, "controls": sorted(policy.controls)},
        )


def _whose(policy: Policy, among: bool | None, user: Any | None) -> str:
    if policy.everyone and not policy.exceptions:
        return "all users"
    if user is not None and among:
        return _user_name(user)
    return "all users but those it excludes" if policy.everyone else "some users"


def _user_name(user: Any) -> str:
    return text(user.user_principal_name) or text(user.asked) or str(user.user_id)


def _judged(stops: list[_Stop], how: Client, user: Any | None) -> Iterator[Obstacle]:
    """Only where policies that apply leave no way open is the call denied."""
    closed = {way for stop in stops if stop.applies for way in stop.ways}
    denied = closed.issuperset(how.ways)
    for stop in stops:
        certainty: Certainty = "possible"
        left: tuple[Way, ...] = ()
        if denied and stop.applies:
            alone = user is not None and stop.policy.blocks and len(stop.ways) == len(how.ways)
            certainty = "certain" if alone else "likely"
        elif not denied:
            left = tuple(way for way in how.ways if way not in closed and way not in stop.ways)
        yield _obstacle(stop, how, certainty, left)


def _obstacle(stop: _Stop, how: Client, certainty: Certainty, left: tuple[Way, ...]) -> Obstacle:
    policy, ways = stop.policy, joined(stop.ways)
    if policy.blocks:
        what = "every sign-in" if len(stop.ways) == len(how.ways) else f"sign-in by {ways}"
        does = f"blocks {what} of {stop.whose} to {listed(stop.services)}"
        fix = REDIRECT_FIX if policy.device_code_only else _BLOCK_FIX
    else:
        of = f"of {stop.whose} for {listed(stop.services)}"
        does = f"demands {demanded(policy)} {of}, which sign-in by {ways} cannot give"
        fix = _INTERACTIVE_FIX
    hangs = [*stop.open, *([f"whether the app signs in by {joined(left)} instead"] if left else [])]
    tail = "; ".join(filter(None, (f"this hangs on {listed(hangs)}" if hangs else "", stop.note)))
    lacking = frozenset[str]().union(*stop.ways.values())
    return Obstacle(
        check=CHECK,
        certainty=certainty,
        reason=f"The policy {policy.name} {does}{f'; {tail}' if tail else ''}.",
        http_status=400,
        error_code=error_code_of(lacking, policy),
        fix=fix,
        evidence={
            "policy": policy.name,
            "policy_id": policy.id,
            "resources_reached": list(stop.services),
            "controls": sorted(policy.controls),
            "users": stop.whose,
            "narrowed_by": list(policy.narrowed_by),
            "ways_to_sign_in": [way.name for way in how.ways],
            "ways_stopped": [way.name for way in stop.ways],
            "seen": how.evidence,
            "hangs_on": hangs,
            **({"note": stop.note} if stop.note else {}),
        },
    )


def _of_defaults(how: Client, tenant: Tenant) -> Iterator[Obstacle]:
    hit = security_defaults(how) if tenant.consent.security_defaults is True else None
    if hit is not None:
        yield Obstacle(
            check=CHECK,
            certainty="possible",
            reason=f"{hit.policy_name} {hit.problem}.",
            http_status=400,
            error_code=hit.error_code,
            fix=hit.fix,
            evidence={"policy_id": hit.policy_id, **hit.evidence},
        )


def _of_workload(row: Any, pairs: frozenset[Pair], policies: list[Policy], tenant: Tenant) -> Iterator[Obstacle]:
    """Policies about workload identities. One on risk counts where it names the app: else it is about what is not foreseen."""
    principal = targetable(row)
    named = {policy.id for policy in policies if policy.on_risk and principal in policy.principals}
    judged = [replace(policy, on_risk=False) if policy.id in named else policy for policy in policies]
    for hit in workload_hits(row, pairs, judged, tenant.collected_at):
        on_risk = hit.policy_id in named
        when = " while it is held to be at risk" if on_risk else ""
        note = hit.evidence.get("note")
        problem = hit.problem.replace("its service principal", f"the service principal of {name(row)}", 1)
        yield Obstacle(
            check=CHECK,
            certainty="possible" if on_risk else hit.certainty,
            reason=f"The policy {hit.policy_name} {problem}{when} for {listed(hit.services)}{f'; {note}' if note else ''}.",
            http_status=400,
            error_code=hit.error_code,
            fix=hit.fix,
            evidence={
                "policy": hit.policy_name,
                "policy_id": hit.policy_id,
                "resources_reached": list(hit.services),
                "on_risk": on_risk,
                **hit.evidence,
            },
        )
