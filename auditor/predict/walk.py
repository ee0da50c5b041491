"""The way of a request from end to end: one question, its obstacles in order, one verdict.

Stages: ``signin`` and ``assignment`` (can a token be had), ``token`` (what it carries), ``authorization`` (does Graph accept
it), ``principal`` (may the caller do it), ``gates`` (second systems), ``conditional_access``. Pure: the same tenant and
question give the same answer; the clock is the tenant's ``collected_at``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from auditor.predict import assignment, conditional_access, gates, principal, signin
from auditor.predict.authorization import Judgement, judge
from auditor.predict.call import Call
from auditor.predict.subject import Subject, subject
from auditor.predict.token import Token, token
from auditor.predict.verdict import Account, Flow, Obstacle, Prediction, Question, Verdict
from auditor.reference.first_party import first_party_client
from auditor.reference.resources import GRAPH
from auditor.tenant.tables import Tenant

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WORST: tuple[Verdict, ...] = ("denied", "depends", "unknown", "allowed")


def questions(
    app_id: str,
    calls: Sequence[Call],
    *,
    flow: Flow | None,
    users: Sequence[str] = (),
    account: Account = "work",
    resource: str = "graph",
    tenant: Tenant,
) -> list[Question]:
    """One question for each call and flow, in the order of the calls.

    Args:
        flow: None: the flows that the app can use, as far as its configuration shows.
    """
    flows = (flow,) if flow is not None else _flows(tenant, app_id, account, bool(users))
    return [Question(app_id.lower(), call, one, tuple(users), account, resource) for call in calls for one in flows]


def predict(question: Question, tenant: Tenant) -> Prediction:
    """The verdict on one question. Of several users the worst verdict counts, and the reason names them.

    Args:
        question: its app id is lower case.
        tenant: not restricted.
    """
    who = subject(tenant, question.app_id)
    if len(question.users) < 2:
        return _shown(_answer(who, question, tenant))
    answers = [(user, _answer(who, replace(question, users=(user,)), tenant)) for user in question.users]
    worst = min((answer for _, answer in answers), key=lambda one: _WORST.index(one.verdict))
    same = [user for user, answer in answers if (answer.verdict, answer.check) == (worst.verdict, worst.check)]
    if len(same) == len(answers):
        return _shown(worst)
    return _shown(replace(worst, reason=f"For {', '.join(same)}: {worst.reason}"))


def _shown(prediction: Prediction) -> Prediction:
    """The sentences as one line of visible characters: names of apps and users come from the tenant and the configuration."""
    return replace(prediction, reason=_visible(prediction.reason), fix=_visible(prediction.fix))


def _visible(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(one) in _UNSEEN else one for one in text).split())


def settle(predictions: Sequence[Prediction], declared: Flow | None) -> list[Prediction]:
    """The verdicts on one call in several flows, where nobody declared which flow makes it.

    Denied in one flow and not in another is no denial: which of them the app uses is not known.
    """
    if declared is not None or all(one.verdict == "denied" for one in predictions):
        return list(predictions)
    return [
        replace(one, verdict="depends", reason=f"Only if the app makes this call {_how(one.flow)}: {one.reason}")
        if one.verdict == "denied"
        else one
        for one in predictions
    ]


def _how(flow: Flow) -> str:
    return "app-only" if flow == "app-only" else "with a signed-in user"


def _flows(tenant: Tenant, app_id: str, account: Account, with_users: bool) -> tuple[Flow, ...]:
    if account == "personal":
        return ("delegated",)
    who = subject(tenant, app_id.lower())
    if who.row is None and who.lists_read and first_party_client(who.app_id) is None:
        return ("delegated",) if with_users else ("app-only",)
    every: tuple[tuple[Flow, str], ...] = (("app-only", "application"), ("delegated", "delegated"))
    types = {one.type for one in who.holdings if one.resource_app_id == GRAPH and (one.requested or one.granted)}
    found = tuple(flow for flow, _ in every if who.row is not None and flow in who.row.flows)
    asked = tuple(flow for flow, kind in every if kind in types)
    both = tuple(one for one in found if one in asked)
    return both or found or asked or ("app-only", "delegated")


def _answer(who: Subject, question: Question, tenant: Tenant) -> Prediction:
    user = _user(question, tenant)
    wrong = signin.wrong_resource(who, question, tenant.cloud)
    signs_in = [*signin.obstacles(who, question, tenant)]
    if who.row is not None and not who.planned:
        signs_in += assignment.obstacles(who.row, question, tenant, user)
    if wrong is not None:
        return _verdict(question, [*signs_in, wrong], Judgement(), Token())
    if question.call.host is not None:
        unknown = (
            f"{question.call.text} goes to {question.call.host}, whose permissions are not in the permission data."
        )
        return _verdict(question, signs_in, Judgement(unknown=unknown), Token())
    user_id = user.user_id if user is not None and isinstance(user.user_id, str) else None
    carried = token(who, question, user_id)
    judged = judge(who, question, carried, user)
    found = [*signs_in, *judged.obstacles]
    found += principal.obstacles(who, question, judged, tenant, user)
    found += gates.obstacles(who, question, judged, carried)
    if who.row is not None:
        pairs = frozenset((GRAPH, name) for name in (judged.granted_by or carried.held | carried.asked))
        found += conditional_access.obstacles(who.row, question, pairs, tenant, user)
    made = _verdict(question, found, judged, carried, known=who.row is not None)
    return _with_gaps(made, question, tenant, user)


def _user(question: Question, tenant: Tenant) -> Any | None:
    """The row of the user that the question is about; None where nobody is declared or users were not read."""
    if not question.users or not tenant.is_read("users"):
        return None
    rows = tenant.users
    return next(rows[rows["asked"] == question.users[0].lower()].itertuples(index=False), None)


def _verdict(
    question: Question, found: Sequence[Obstacle], judged: Judgement, carried: Token, *, known: bool = True
) -> Prediction:
    """The first obstacle that is certain or likely denies; else those that are possible make it depend."""
    sure = [one for one in found if one.certainty != "possible"]
    if sure:
        return _prediction(question, "denied", sure[0], sure[1:], judged)
    possible = [one for one in found if one.certainty == "possible"]
    if possible:
        deciding = _likeliest(possible, judged, known=known)
        return _prediction(question, "depends", deciding, [one for one in possible if one is not deciding], judged)
    if judged.unknown is not None:
        return Prediction(question.app_id, question.flow, question.call, "unknown", judged.unknown, needs=judged.needs)
    if judged.needs_no_permission:
        reason = f"Any valid token may make {question.call.text}."
    else:
        reason = f"The token carries {', '.join(judged.granted_by[:3])}, which opens {question.call.text}."
    return Prediction(
        question.app_id,
        question.flow,
        question.call,
        "allowed",
        reason,
        granted_by=judged.granted_by,
        evidence=_seen(carried),
    )


def _with_gaps(prediction: Prediction, question: Question, tenant: Tenant, user: Any | None) -> Prediction:
    """An allowed call says what could not be read and might have stood in its way."""
    if prediction.verdict != "allowed" or question.account == "personal":
        return prediction
    unread = []
    if conditional_access.unread(tenant):
        unread.append("Conditional Access policies")
    if question.users and user is None:
        unread.append("the users' roles and licences")
    if not tenant.is_read(principal.SKUS):
        unread.append("the tenant's licences")
    if not unread:
        return prediction
    reason = f"{prediction.reason.rstrip('.')}; not read: {', '.join(unread)}."
    return replace(prediction, reason=reason, certainty="likely", evidence={**prediction.evidence, "not_read": unread})


def _likeliest(possible: Sequence[Obstacle], judged: Judgement, *, known: bool) -> Obstacle:
    """What a call hangs on most: that the app is not there, what stage 3 says of the permission, else the first on the way."""
    if not known:
        return possible[0]
    return next((one for one in possible if one in judged.obstacles), possible[0])


def _seen(carried: Token) -> dict[str, Any]:
    return {"held": sorted(carried.held)} if carried.held else {}


def _prediction(
    question: Question, verdict: Verdict, deciding: Obstacle, others: Iterable[Obstacle], judged: Judgement
) -> Prediction:
    also = dict.fromkeys(one.check for one in others if one.check != deciding.check)
    return Prediction(
        app_id=question.app_id,
        flow=question.flow,
        call=question.call,
        verdict=verdict,
        reason=deciding.reason,
        check=deciding.check,
        also=tuple(also),
        http_status=deciding.http_status,
        error_code=deciding.error_code,
        granted_by=judged.granted_by,
        needs=deciding.needs or judged.needs,
        certainty=deciding.certainty,
        fix=deciding.fix,
        evidence=deciding.evidence,
    )
