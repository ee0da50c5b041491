"""Which of the reasons is the cause. The order of a real request decides.

No token was issued; the token was not accepted; the answer says why; the token does not open the call; something else must.
What only an old token or the service did is never blamed on the configuration.
"""

from __future__ import annotations

from dataclasses import replace

from auditor.explain.carried import schemes_of, what_it_needs
from auditor.explain.case import Case
from auditor.explain.covered import covered
from auditor.explain.finding import Reason
from auditor.explain.told import listed

_TOKEN_CAUSES = ("token-invalid", "wrong-resource")
_PERMISSION_CAUSES = ("permission-missing", "consent-missing")

NOTHING_WRONG = Reason(
    None, "possible", "Nothing wrong is seen in what was given.", "Give the error answer as well (--error)."
)


def decide(case: Case) -> Reason:
    """The reason that explains the refusal best; of several that fit, the one that stops a request first."""
    if case.given.error is None:
        return _without_error(case)
    told = case.told[0] if case.told else None
    if told is None:
        return _error_says_nothing(case)
    if case.given.error.aadsts or not (told.is_open or told.cause in _TOKEN_CAUSES):
        return _personal_or(told, case)
    if told.cause in _TOKEN_CAUSES and (not told.is_open or case.given.error.status == 401):
        return _token_refused(told, case)
    return _refused(told, case)


def _without_error(case: Case) -> Reason:
    """Nothing was answered yet, or the answer is not at hand: would it be refused?"""
    if case.final is not None:
        return case.final
    sure, likely = case.misfit, case.fault
    if sure is not None and not (likely is not None and likely.cause == "sign-in-blocked"):
        return sure
    # Without a permission a call may still work: Exchange and Teams have grants of their own.
    hopeless = case.fit is None or case.fit.unknown or not case.fit.reasons
    if likely is not None and not (likely.cause == "consent-missing" and not hopeless):
        return likely
    if case.fit is None or (case.fit.unknown and not case.fit.reasons):
        return _unjudged(case)
    if case.fit.reasons:
        return case.fit.reasons[0]
    call = case.given.call
    by = (
        f"it carries {listed(case.fit.opened_by, 3)}, which opens" if case.fit.opened_by else "any valid token may make"
    )
    return replace(NOTHING_WRONG, text=f"Nothing wrong is seen: {by} {call.text if call else 'the call'}.")


def _unjudged(case: Case) -> Reason:
    token, call = case.given.token, case.given.call
    if case.faults:
        return case.faults[0]
    if token is not None and call is None:
        return replace(
            NOTHING_WRONG,
            text="Nothing wrong is seen in the token by itself: its form, times and audience are in order.",
            do="Give the call (--call) or the error answer (--error) as well.",
        )
    if call is not None and case.fit is not None:
        return replace(NOTHING_WRONG, text=case.fit.unknown)
    if call is not None and call.host is not None:
        return Reason(
            "wrong-resource",
            "possible",
            f"The call goes to {call.host}, which is not Microsoft Graph.",
            "Call Microsoft Graph, or ask for a token for that API.",
        )
    return replace(
        NOTHING_WRONG,
        text=_needs_text(case) or "The permission data does not know this call; nothing can be said about it.",
    )


def _needs_text(case: Case) -> str:
    """What a call needs, where it is all that was given."""
    if case.given.call is None:
        return ""
    needs = what_it_needs(case.given.call, case.flow)
    parts = [f"{kind}: {' or '.join(names[:3])}" for kind, names in needs]
    return f"{case.given.call.text} needs one of these permissions ({'; '.join(parts)})." if parts else ""


def _error_says_nothing(case: Case) -> Reason:
    """The answer tells no kind of refusal that we know."""
    error = case.given.error
    if error is not None and error.is_success:
        return replace(NOTHING_WRONG, text="The answer is a success: the call was not refused.", do="")
    if case.final is not None:
        return case.final
    if error is not None and error.is_token:
        return replace(NOTHING_WRONG, text="What is given as the error is a token.", do="Give it with --token-file.")
    if (known := case.misfit or case.fault) is not None:
        return known
    empty = error is not None and error.is_empty
    return replace(
        NOTHING_WRONG,
        text="The error given is empty." if empty else "No kind of refusal that we know is in the text of the error.",
        do="Give the whole answer: status, headers and body; and the token and the call, if they are at hand.",
    )


def _personal_or(told: Reason, case: Case) -> Reason:
    """What the answer says, unless a personal account explains it: APIs that are not for them answer in odd ways."""
    token = case.given.token
    if told.cause is None and token is not None and token.is_personal and "personal-account" in told.also:
        takes = schemes_of(case.given.call) if case.given.call is not None else frozenset()
        if takes and "personal" not in takes:
            text = f"{case.given.call.text if case.given.call else 'The call'} is for work or school accounts alone, and the token is of a personal Microsoft account."
            return Reason("personal-account", "certain", text, "Sign in with a work or school account.")
        return Reason(
            "personal-account",
            "likely",
            "The token is of a personal Microsoft account, and APIs for work or school accounts answer "
            "such a token as if they were not there.",
            "Sign in with a work or school account.",
        )
    same = next((one for one in case.fit.reasons if one.cause == told.cause), None) if case.fit is not None else None
    if same is not None:  # it names who and what
        return replace(told, text=same.text, do=same.do or told.do)
    return told


def _token_refused(told: Reason, case: Case) -> Reason:
    """The answer says that the token was not accepted; the token says why."""
    if case.final is not None:
        return case.final
    if told.is_open and case.fault is not None:
        return case.fault
    personal = next((one for one in case.faults if one.cause == "personal-account"), None)
    if personal is not None and told.is_open:
        return replace(personal, certainty="likely")
    return case.misfit if told.is_open and case.misfit is not None else told


def _refused(told: Reason, case: Case) -> Reason:
    """A refusal that names no cause, or only permissions: token and call decide between the causes."""
    final = case.final
    if final is not None and not final.not_configuration:
        return final
    named = case.given.error.named.wanted if case.given.error is not None else ()
    if named and told.needs:
        return _named_permissions(told, case, named)
    if case.fit is not None and case.fit.reasons:
        first = case.fit.reasons[0]
        if first.certainty != "possible":
            sure = first.cause in _PERMISSION_CAUSES and case.given.error is not None and case.given.error.status == 403
            return replace(first, certainty="certain" if sure else first.certainty)
        if case.fit.is_covered or first.cause not in _PERMISSION_CAUSES:
            text = (
                f"The token carries {listed(case.fit.opened_by, 3)}, so no permission is missing. {first.text}"
                if case.fit.opened_by
                else first.text
            )
            return replace(
                first,
                certainty="possible" if first.cause == "workload-policy" else "likely",
                text=text,
                also=(*first.also, *(one.cause or "" for one in case.fit.reasons[1:] if one.cause)),
            )
        return replace(first, certainty="likely")
    known = next((one for one in case.faults if one.certainty != "possible" and not one.not_configuration), None)
    if known is not None:
        return known
    if case.fit is not None and case.fit.is_covered:
        return covered(told, case)
    return _by_type(told, case)


def _named_permissions(told: Reason, case: Case, named: tuple[str, ...]) -> Reason:
    """The service said which permissions it wants, and perhaps what it saw; the token given shows what it carries."""
    token = case.given.token
    if token is None or not token.is_readable:
        return told
    held = {name.lower() for name in token.permissions}
    there = tuple(name for name in named if name.lower() in held)
    if there and _is_another(there, named, case):
        return Reason(
            None,
            "likely",
            f"{told.text.rstrip('.')}; the token given carries {listed(there)}, so it is not the one that was refused.",
            "Make the call again with this token, and look for a cache that still sends an older one.",
            also=("token-invalid",),
            not_configuration=True,
        )
    needs = _least_first(tuple(name for name in named if name not in there), case)
    text = told.text.rstrip(".")
    if case.given.error is None or set(token.permissions) != set(case.given.error.named.held or ()):
        text += f"; the token given carries {listed(token.permissions) if token.permissions else 'no permission'}"
    kind = "application" if case.flow == "app-only" else "delegated"
    do = (
        f"Add {needs[0]} as {kind} permission, have an administrator consent, then get a new token."
        if needs
        else told.do
    )
    return replace(told, certainty="certain", text=f"{text}.", needs=needs, do=do)


def _is_another(there: tuple[str, ...], named: tuple[str, ...], case: Case) -> bool:
    """Whether the token that was refused must have been another one: the service did not see what this one carries."""
    error = case.given.error
    if error is None:
        return False
    if error.named.held is not None:
        seen = {name.lower() for name in error.named.held}
        return any(name.lower() not in seen for name in there)
    return len(there) == len(named) or "one of" in error.text


def _least_first(names: tuple[str, ...], case: Case) -> tuple[str, ...]:
    """The permissions that an answer names, in the order of the permission data where it knows the call."""
    known = case.fit.needs if case.fit is not None else ()
    return (*(name for name in known if name in names), *(name for name in names if name not in known))


def _by_type(told: Reason, case: Case) -> Reason:
    """A call that takes one type of token alone is a better explanation than a missing permission."""
    call = case.given.call
    if call is None or told.cause not in _PERMISSION_CAUSES:
        return told
    takes = schemes_of(call)
    if case.flow == "app-only" and takes and "application" not in takes:
        return Reason(
            "delegated-only-api",
            "likely",
            f"{call.text} takes no application permission, and the token has no user.",
            "Call it for a signed-in user.",
            also=told.also,
        )
    if case.flow == "delegated" and takes and not takes & {"delegated", "personal"}:
        return Reason(
            "application-only-api",
            "likely",
            f"{call.text} takes no delegated permission, and the token has a user.",
            "Call it without a user, with an application permission.",
            also=told.also,
        )
    needs = _needs_text(case)
    return replace(told, text=f"{told.text} {needs}".strip()) if needs else told
