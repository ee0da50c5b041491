"""A second system that decides after the permission was granted: stage 5. Exchange and Teams policies, site grants, ownership.

Which systems there are is ``auditor.reference.gates``'s; none of them shows in the directory, so a call behind one depends.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.predict.authorization import Judgement
from auditor.predict.subject import Subject
from auditor.predict.token import Token
from auditor.predict.verdict import Obstacle, Question
from auditor.reference import overlay
from auditor.reference.gates import gates
from auditor.reference.resources import GRAPH


def obstacles(who: Subject, question: Question, judged: Judgement, carried: Token) -> Iterator[Obstacle]:
    """Second systems behind the permissions that open the call."""
    if not judged.granted_by:
        return
    kind = "application" if question.flow == "app-only" else "delegated"
    yield from _conditions(who, question, judged)
    for gate in gates():
        if GRAPH not in gate.resources or kind not in gate.types or gate.id in _TOLD_BY_CONDITIONS:
            continue
        behind = [name for name in judged.granted_by if gate.permissions.fullmatch(name)]
        past = [name for name in carried.held if gate.unless.fullmatch(name)]
        if behind and len(behind) == len(judged.granted_by) and not past:
            reason = (
                f"{who.name} holds {behind[0]}, which opens {question.call.text} subject to {gate.name}: {gate.why}."
            )
            yield Obstacle("workload-policy", "possible", reason, gate.http_status, gate.error_code, fix=gate.fix)


_TOLD_BY_CONDITIONS = frozenset({"teams-migration", "owned-apps"})
_CREATES = frozenset({"/applications", "/serviceprincipals"})


def _conditions(who: Subject, question: Question, judged: Judgement) -> Iterator[Obstacle]:
    """Permissions that open the call under a condition: objects that the app owns, teams in migration mode."""
    scheme = "application" if question.flow == "app-only" else "delegated"
    call, template = question.call, judged.template or ""
    for condition in overlay.load().conditions_of(call.method, template, scheme):  # type: ignore[arg-type]
        if not condition.permissions or not set(judged.granted_by) <= condition.permissions:
            continue
        name = sorted(set(judged.granted_by) & condition.permissions)[0]
        if condition.when == "owned" and template.lower() not in _CREATES:
            reason = f"{who.name} holds {name}, which opens {call.text} for applications and service principals that it owns alone."
            yield Obstacle("workload-policy", "possible", reason, 403, "Authorization_RequestDenied")
        elif condition.when == "migration":
            reason = f"{name} opens {call.text} in migration mode alone; an ordinary message takes a signed-in user."
            fix = "Use the delegated permission ChannelMessage.Send, or a bot; keep this one for imports."
            yield Obstacle("delegated-only-api", "possible", reason, 401, "Unauthorized", fix=fix)
            yield Obstacle("workload-policy", "possible", reason, 401, "Unauthorized", fix=fix)
