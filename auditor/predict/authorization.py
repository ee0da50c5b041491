"""Does Graph accept this token for this method and path? Stage 3 of a request.

Type of the token, permissions with what they also require, body fields and query properties, ``/me`` without a user, rights
that come from elsewhere. Which cause is behind a missing permission is told by ``missing``. The permission map is an any-of
map with gaps in both directions: what it does not list is not known, and what a wider permission of the same family or a
right outside Entra ID may open depends.
https://learn.microsoft.com/graph/resolve-auth-errors
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from auditor.predict import elsewhere, missing
from auditor.predict.gap import Gap
from auditor.predict.neighbours import neighbours
from auditor.predict.own import DECIDED_BY_ACCESS, about_others, for_others, is_own
from auditor.predict.rules import SHOWN, Requirement, Rules, rules, written
from auditor.predict.services import refusal
from auditor.predict.subject import Subject
from auditor.predict.token import Token
from auditor.predict.verdict import Certainty, Obstacle, Question
from auditor.reference.claims import Authorization, SchemeName

_ME = re.compile(r"/me(/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Judgement:
    """What Graph makes of the token."""

    obstacles: tuple[Obstacle, ...] = ()
    granted_by: tuple[str, ...] = ()
    """Permissions of the token that open the call, as far as the data says so."""
    needs: tuple[str, ...] = ()
    """What would open it, least privileged first."""
    template: str | None = None
    unknown: str | None = None
    """Why nothing can be said; None where something can."""
    needs_no_permission: bool = False
    ways: tuple[Authorization, ...] = ()
    """The base list for this type of token, for stages that ask what the call is about."""


def scheme_of(question: Question) -> SchemeName:
    """The scheme of the permission map that a question is about."""
    if question.flow == "app-only":
        return "application"
    return "personal" if question.account == "personal" else "delegated"


def judge(who: Subject, question: Question, carried: Token, user: Any | None = None) -> Judgement:
    """What Graph makes of this token for this call.

    Args:
        who: the app.
        question: the call.
        carried: what the token carries.
        user: the row of ``tenant.users`` who signs in; None: not known.
    """
    scheme, call = scheme_of(question), question.call
    if scheme == "application" and _ME.match(call.path):
        return Judgement((_no_me(who, question),), template=rules(call, scheme).template)
    facts = rules(call, scheme)
    if facts.is_open:
        return Judgement(template=facts.template, needs_no_permission=True)
    if facts.subscribed is not None:
        inner = judge(who, replace(question, call=facts.subscribed), carried, user)
        return replace(inner, template=facts.template)
    if facts.needs_subscribed:
        return _of_subscription(who, question, carried, facts)
    if facts.listed is None:
        return _off_the_map(who, question, carried, facts)
    if not (facts.listed.get(scheme) or _asked_by_field(facts)) or _only_imports(facts, carried, scheme):
        return _wrong_scheme(who, question, carried, facts)
    return _by_lists(who, question, carried, facts, user)


def _only_imports(facts: Rules, carried: Token, scheme: SchemeName) -> bool:
    """Whether everything that is listed works in migration mode alone, and the token carries nothing of it."""
    imports = {name for one in facts.conditions if one.when == "migration" for name in one.permissions}
    names = {way.permission for way in (facts.listed or {}).get(scheme, ())}
    return scheme == "application" and bool(names) and names <= imports and not names & (carried.held | carried.asked)


def _asked_by_field(facts: Rules) -> bool:
    return any(one.because and one.ways for one in facts.requirements)


def _by_lists(who: Subject, question: Question, carried: Token, facts: Rules, user: Any | None) -> Judgement:
    """The ordinary case: every list must be met."""
    scheme = scheme_of(question)
    granted: list[str] = []
    obstacles: list[Obstacle] = []
    needs: list[str] = []
    unmet: list[Requirement] = []
    for wanted in facts.requirements:
        met = wanted.met_by(carried.held)
        if met:
            granted += [way.permission for way in met]
            if about_others(question, user) and not for_others(met):
                obstacles += _own_alone(who, question, wanted, met, user)
            continue
        needs += wanted.needs
        base = (facts.listed or {}).get(scheme, ())
        found = list(missing.obstacles(Gap(who, question, carried, facts, wanted, base)))
        unmet.append(wanted)
        obstacles += found
    if len(unmet) > 1:
        obstacles[0] = _together(obstacles[0], unmet[1:], carried)
    if not obstacles:
        obstacles += _undecided_by_value(who, question, carried, facts)
    if not obstacles:
        obstacles += _perhaps_more(who, question, carried, facts)
    return Judgement(
        tuple(obstacles),
        tuple(dict.fromkeys(granted)),
        tuple(dict.fromkeys(needs))[:SHOWN],
        facts.template,
        ways=(facts.listed or {}).get(scheme, ()),
    )


def _together(first: Obstacle, others: list[Requirement], carried: Token) -> Obstacle:
    """The first cause with what the call's other lists need beside it, so that one repair is the whole repair."""
    sets = []
    for way in first.needs:
        names = way.split(" + ")
        for wanted in others:
            if wanted.needs and not wanted.met_by(carried.held | set(names)):
                names += [name for name in wanted.needs[0].split(" + ") if name not in names]
        sets.append(" + ".join(names))
    more = sets[0].split(" + ")[len(first.needs[0].split(" + ")) :] if sets else []
    if not more:
        return first
    beside = f"{' and '.join(more)}{f' for {others[0].because}' if others[0].because else ''}"
    return replace(
        first,
        reason=f"{first.reason.rstrip('.')}; it needs {beside} too.",
        fix=f"{first.fix} {' and '.join(more)} must be requested and consented to as well.".strip(),
        needs=tuple(dict.fromkeys(sets)),
    )


def _own_alone(
    who: Subject, question: Question, wanted: Requirement, met: tuple[Authorization, ...], user: Any | None
) -> list[Obstacle]:
    """What the token carries opens the call for the signed-in user's own data, and the call is or may be about others'."""
    name, ways = met[0].permission, for_others(wanted.ways)
    by_access = name.partition(".")[0] in DECIDED_BY_ACCESS
    certainty: Certainty = (
        "likely" if is_own(question, user) is False and question.users and not by_access else "possible"
    )
    text, status = question.call.text, refusal(question.call.path, empty=False)
    if not ways:
        reason = f"{name} of {who.name} opens {text} for the signed-in user's own data alone; others' take an app-only token."
        fix = "Call /me for the user's own data, or use an application permission."
        return [
            Obstacle(check, certainty, reason, *status, fix=fix) for check in ("application-only-api", "user-privilege")
        ]
    needs = Requirement(ways).needs
    reason = (
        f"{name} of {who.name} opens {text} for the signed-in user's own data alone; another user's takes {needs[0]}."
    )
    return [
        Obstacle(
            "permission-missing",
            certainty,
            reason,
            *status,
            needs,
            f"Request {needs[0]}, or call /me for the user's own data.",
        ),
        Obstacle("user-privilege", "possible", reason, *status, needs),
    ]


def _undecided_by_value(who: Subject, question: Question, carried: Token, facts: Rules) -> list[Obstacle]:
    """The body would say which list counts, and the declared call leaves it out."""
    unmet = [one for one in facts.uncertain if not one.met_by(carried.held)]
    if not unmet:
        return []
    field, example = unmet[0].because.split("=", 1)
    values = ", ".join(one.because.partition("=")[2] for one in unmet)
    needs = tuple(dict.fromkeys(name for one in unmet for name in one.needs))[:SHOWN]
    return [
        Obstacle(
            "permission-missing",
            "possible",
            f"Which permission {question.call.text} needs follows from {field} in its body; for {values} {who.name} holds "
            f"none that is enough.",
            403,
            "Forbidden",
            needs,
            fix=f"Declare the call with its value, as in {question.call.text} {{{field}={example}}}.",
            evidence={"not_covered": [one.because for one in unmet]},
        )
    ]


def _perhaps_more(who: Subject, question: Question, carried: Token, facts: Rules) -> list[Obstacle]:
    """The lists are met, and Microsoft's pages or people's reports name more than that."""
    found = []
    for wanted, why in facts.perhaps:
        if not wanted.met_by(carried.held):
            gap = Gap(who, question, carried, facts, wanted, ())
            missing_name = "consent-missing" if gap.met_with(carried.asked) else "permission-missing"
            reason = f"{question.call.text} may need {gap.needed} of {who.name} as well: {why}"
            status, code = gap.refusal
            found.append(Obstacle(missing_name, "possible", reason, status, code, wanted.needs))
    return found


def _no_me(who: Subject, question: Question) -> Obstacle:
    return Obstacle(
        "delegated-only-api",
        "certain",
        f"{question.call.text} is about the signed-in user, and an app-only token of {who.name} has none.",
        400,
        "BadRequest",
        fix="Address the user: /users/{id} in place of /me, or sign a user in.",
    )


def _wrong_scheme(who: Subject, question: Question, carried: Token, facts: Rules) -> Judgement:
    """The call is known, and not with this type of token."""
    scheme, call, listed = scheme_of(question), question.call, facts.listed or {}
    ways: tuple[Authorization, ...] = ()
    if scheme == "application":
        if facts.resource_specific:
            gap = Gap(who, question, carried, facts, Requirement(()), ())
            return Judgement((elsewhere.alone(elsewhere.resource_specific(gap)),), template=facts.template)
        if not listed.get("delegated") and not listed.get("personal"):
            return _method_unknown(question, facts)
        ways = listed.get("delegated", ())
        obstacle = Obstacle(
            "delegated-only-api",
            "likely",
            f"{call.text} takes no application permission, only a signed-in user's token with a delegated one; "
            f"{who.name} calls it app-only.",
            *refusal(call.path, empty=False),
            fix=f"Sign a user in and use the delegated permission {written(ways[0])}." if ways else "Sign a user in.",
            evidence={"delegated_permissions": [written(way) for way in ways[:SHOWN]]},
        )
        unsure = missing.doubts_of_the_map(Gap(who, question, carried, facts, Requirement(()), ()), ways)
        if unsure:
            reason = f"{obstacle.reason.rstrip('.')}; {unsure[0].reason}"
            obstacle = replace(obstacle, certainty="possible", reason=reason)
        return Judgement((obstacle, *unsure), template=facts.template)
    if scheme == "personal":
        if not any(listed.get(one) for one in ("delegated", "application")):
            return _method_unknown(question, facts)
        obstacle = Obstacle(
            "personal-account",
            "likely",
            f"{call.text} is for work or school accounts alone, and {who.name} is declared to be used with personal ones.",
            403,
            fix="Sign in with a work or school account.",
        )
        return Judgement((obstacle,), template=facts.template)
    if not listed.get("application"):
        return _method_unknown(question, facts)
    ways = listed["application"]
    obstacle = Obstacle(
        "application-only-api",
        "likely",
        f"{call.text} takes application permissions alone, and {who.name} calls it with a signed-in user.",
        *refusal(call.path, empty=False),
        fix=f"Use an app-only token with the application permission {written(ways[0])}.",
        evidence={"application_permissions": [written(way) for way in ways[:SHOWN]]},
    )
    return Judgement((obstacle,), template=facts.template)


def _method_unknown(question: Question, facts: Rules) -> Judgement:
    return Judgement(
        template=facts.template,
        unknown=f"The permission data knows the path of {question.call.text} and not this method on it.",
    )


def _of_subscription(who: Subject, question: Question, carried: Token, facts: Rules) -> Judgement:
    """Change notifications of a resource that was not declared: the permission to read it is needed, whichever it is."""
    text = question.call.text
    fix = f"Declare what is subscribed to, as in {text} {{resource=me/messages}}."
    if carried.asked:
        names = ", ".join(sorted(carried.asked))
        check = "consent-blocked" if carried.asked <= carried.blocked else "consent-missing"
        reason = (
            f"{text} needs the permission to read what is subscribed to; {who.name} requests {names}, not granted yet."
        )
        obstacle = Obstacle(check, "possible", reason, 403, "ExtensionError", tuple(sorted(carried.asked)), fix)
    elif not carried.held and carried.known and not carried.opaque:
        reason = (
            f"{text} needs the permission to read what is subscribed to, and {who.name} holds none on Microsoft Graph."
        )
        obstacle = Obstacle("permission-missing", "likely", reason, 403, "ExtensionError", fix=fix)
    else:
        reason = f"{text} needs the permission to read what is subscribed to, which is not declared."
        obstacle = Obstacle("permission-missing", "possible", reason, 403, "ExtensionError", fix=fix)
    return Judgement((obstacle,), template=facts.template)


def _off_the_map(who: Subject, question: Question, carried: Token, facts: Rules) -> Judgement:
    """No list at all: judged by what its neighbours need, never denied for it unless the token is bare."""
    scheme = scheme_of(question)
    text = question.call.text
    near = neighbours(question.call, scheme)
    if not carried.known or carried.opaque:
        return Judgement(unknown=f"The permission data does not list {text}.")
    bare = not carried.held and not carried.consentable and not carried.others
    if near and (met := Requirement(near).met_by(carried.held)):
        names = ", ".join(sorted({way.permission for way in met})[:3])
        reason = f"The permission data does not list {text}; {who.name} holds {names}, which opens calls beside it."
        return Judgement(
            (Obstacle("permission-missing", "possible", reason, 403),), tuple(way.permission for way in met)
        )
    if near:
        gap = Gap(who, question, carried, facts, Requirement(near), near)
        if (right := elsewhere.deciding(gap)) is not None:
            return Judgement((right,), needs=gap.wanted.needs)
        guessed = [
            replace(
                one,
                certainty="possible",
                reason=f"The permission data does not list {text}, and calls beside it need what {who.name} lacks: {one.reason}",
            )
            for one in missing.obstacles(gap)
        ]
        return Judgement(tuple(guessed), needs=Requirement(near).needs)
    if bare and scheme == "application":
        check = "consent-missing" if carried.missing else "permission-missing"
        others = tuple(elsewhere.rights(Gap(who, question, carried, facts, Requirement(()), ())))
        reason = f"{text} is not in the permission data, and {who.name} holds no application permission at all."
        obstacle = Obstacle(
            check, "possible" if others else "likely", reason, 403, needs=tuple(sorted(carried.missing))
        )
        return Judgement((obstacle, *others))
    return Judgement(unknown=f"The permission data does not list {text}.")
