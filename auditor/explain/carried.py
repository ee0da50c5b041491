"""A token against a call: the predictor's own stages, asked with what the token carries instead of what a tenant grants.

A token shows more than a tenant in one respect (what it really carries, the user's directory roles) and less in another
(what was requested); so the sentences about missing permissions are made here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from auditor.explain.finding import Reason
from auditor.explain.token import Token
from auditor.explain.told import listed
from auditor.predict import gates, principal
from auditor.predict.authorization import Judgement, judge
from auditor.predict.call import Call
from auditor.predict.rules import rules
from auditor.predict.subject import Subject, subject
from auditor.predict.token import Token as Carried
from auditor.predict.verdict import Flow, Obstacle, Question
from auditor.reference.claims import SchemeName
from auditor.reference.roles import role_templates
from auditor.tenant.snapshot import Snapshot
from auditor.tenant.tables import Tenant

_PERMISSION_CAUSES = ("permission-missing", "consent-missing", "consent-blocked", "consent-partial")


@dataclass(frozen=True)
class Fit:
    """How a token fits a call."""

    reasons: tuple[Reason, ...] = ()
    """What stands against it; those that are ``possible`` may not apply."""
    opened_by: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    unknown: str = ""
    """Why nothing can be said; empty where something can."""
    is_open: bool = False
    """Any valid token may make the call."""

    @property
    def is_covered(self) -> bool:
        """Whether the token carries what the call needs, as far as the permission data says."""
        return bool(self.opened_by) or self.is_open


def flow_of(token: Token) -> Flow | None:
    """The flow a token comes from; None if it cannot be told."""
    delegated = token.is_delegated
    return None if delegated is None else "delegated" if delegated else "app-only"


def fit(token: Token, call: Call) -> Fit:
    """What Microsoft Graph makes of this token for this call, without a look at any tenant."""
    flow = flow_of(token)
    if flow is None:
        return Fit(unknown="What the token carries cannot be read.")
    users = tuple(name for name in (token.user, token.object_id) if name) if flow == "delegated" else ()
    question = Question(token.app_id, call, flow, users, "personal" if token.is_personal else "work")
    if call.host is not None:
        return Fit((_other_api(call),))
    carried = Carried(held=frozenset(token.permissions))
    who = _bearer(token, flow)
    judged = judge(who, question, carried)
    if judged.unknown is not None:
        return Fit(unknown=judged.unknown, needs=judged.needs)
    reasons = [_reason(obstacle, token, call) for obstacle in _lacking(judged)]
    if not reasons or judged.granted_by:
        found = principal.obstacles(who, question, judged, _nothing_read(), _user(token, flow))
        reasons += [_reason(obstacle, token, call) for obstacle in found]
        reasons += [_reason(obstacle, token, call) for obstacle in gates.obstacles(who, question, judged, carried)]
    return Fit(
        tuple(reasons), judged.granted_by if not judged.obstacles else (), judged.needs, "", judged.needs_no_permission
    )


def what_it_needs(call: Call, flow: Flow | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(Type of token in words, least privileged permissions) for each type that the call takes; of one flow if it is known."""
    names: dict[SchemeName, str] = {
        "delegated": "delegated",
        "personal": "delegated, personal account",
        "application": "application",
    }
    wanted: list[SchemeName] = (
        ["application"] if flow == "app-only" else ["delegated", "personal"] if flow else list(names)
    )
    found = []
    for scheme in wanted:
        facts = rules(call, scheme)
        needs = tuple(name for one in facts.requirements for name in one.needs)
        if needs:
            found.append((names[scheme], needs[:4]))
    return tuple(found)


def schemes_of(call: Call) -> frozenset[SchemeName]:
    """The types of token that a call takes at all; empty where the permission data does not know it."""
    listed_ways = rules(call, "delegated").listed or {}
    return frozenset(scheme for scheme, ways in listed_ways.items() if ways)


@lru_cache(maxsize=1)
def _nothing_read() -> Tenant:
    """A tenant of which nothing was read: whoever asks it learns that it is not known."""
    nowhere = Snapshot(
        folder=Path(),
        tenant_id="",
        tenant_name="",
        cloud="global",
        collected_at=datetime.now(UTC),
        signed_in_as="",
        requests=0,
        tool_version="",
        states={},
        _stored={},
    )
    return Tenant.load(nowhere)


def _bearer(token: Token, flow: Flow) -> Subject:
    """The app of a token, as far as the token shows it."""
    row = SimpleNamespace(service_principal_id=token.object_id or None, object_id=None) if flow == "app-only" else None
    known = {template: name for name, template in role_templates().items()}
    held = tuple((one, known[one], "/") for one in token.directory_roles or () if one in known)
    return replace(
        subject(_nothing_read(), token.app_id),
        row=row,
        name=token.app_name or "the app",
        directory_roles=held if flow == "app-only" else (),
    )


def _user(token: Token, flow: Flow) -> Any | None:
    """The signed-in user as a row of ``tenant.users``, out of the token's claims."""
    if flow != "delegated":
        return None
    return SimpleNamespace(
        asked=token.user or token.object_id,
        user_id=token.object_id or None,
        user_principal_name=token.user or None,
        user_type="Guest" if token.is_guest else "Member",
        found=token.directory_roles is not None,
        directory_roles=token.directory_roles,
        scoped_roles=(),
        licensed=pd.NA,
        service_plans=(),
        service_plan_names=(),
    )


def _lacking(judged: Judgement) -> list[Obstacle]:
    """The obstacles of stage 3, one a cause."""
    seen: dict[str, Obstacle] = {}
    for obstacle in judged.obstacles:
        seen.setdefault(obstacle.check, obstacle)
    return list(seen.values())


def _reason(obstacle: Obstacle, token: Token, call: Call) -> Reason:
    begins = obstacle.reason.partition(" ")[0]  # a user's name keeps its letters
    text = obstacle.reason if "@" in begins else obstacle.reason[:1].upper() + obstacle.reason[1:]
    text = text if text.endswith((".", "!")) else f"{text}."
    if obstacle.check in _PERMISSION_CAUSES and obstacle.needs:
        return Reason(
            "permission-missing",
            "certain" if obstacle.certainty == "certain" else obstacle.certainty,
            _lacks(token, call, obstacle.needs),
            f"Add {obstacle.needs[0]} as {_kind(token)} permission, have consent given to it, then get a new token; if it was "
            "granted already, a new token is all it takes.",
            also=("consent-missing", "permission-type-mismatch"),
            needs=obstacle.needs,
        )
    also = tuple(
        one for one in _PERMISSION_CAUSES[:2] if obstacle.check in _PERMISSION_CAUSES and one != obstacle.check
    )
    return Reason(obstacle.check, obstacle.certainty, text, obstacle.fix, also=also, needs=obstacle.needs)


def _kind(token: Token) -> str:
    return "application" if token.is_app_only else "delegated"


def _lacks(token: Token, call: Call, needs: tuple[str, ...]) -> str:
    has = f"it carries {listed(token.permissions)}" if token.permissions else "it carries none"
    higher = " or a higher permission" if len(needs) > 1 else ""
    return f"{call.text} needs the {_kind(token)} permission {needs[0]}{higher}, and the token lacks it: {has}."


def _other_api(call: Call) -> Reason:
    return Reason(
        "wrong-resource",
        "possible",
        f"The call goes to {call.host}, which is not Microsoft Graph: the token must be issued for that API.",
        "Ask for a token for the API that is called, or call Microsoft Graph.",
        also=("token-invalid",),
    )
