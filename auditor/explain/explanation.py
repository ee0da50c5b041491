"""Puts together what a token, an answer, a call and a tenant say. Which reason is the cause is decided in ``deciding``."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.explain import evidence
from auditor.explain.case import Case, Given, case_of
from auditor.explain.deciding import NOTHING_WRONG, decide
from auditor.explain.faults import moment
from auditor.explain.finding import Explanation, Reason


def explain(given: Given) -> Explanation:
    """Which documented cause applies, and why. Never raises, whatever the inputs say."""
    token, error, call = given.token, given.error, given.call
    case = case_of(given)
    main = decide(case)
    details = list(_details(case, main))
    if given.live is not None:
        main, more = given.live.refine(main, case.fit)
        details = [*more, *details]
    also = [one for one in (*main.also, *_other_causes(case)) if one != main.cause]
    nothing = main is NOTHING_WRONG or (
        main.cause is None and not main.not_configuration and main.certainty == "possible"
    )
    return Explanation(
        cause=main.cause,
        certainty=None if nothing else main.certainty,
        text=main.text,
        details=tuple(dict.fromkeys(one for one in details if one and one != main.text)),
        do=tuple(dict.fromkeys(one for one in (main.do,) if one)),
        needs=main.needs or (case.fit.needs if case.fit is not None and not case.fit.is_covered else ()),
        also=tuple(dict.fromkeys(also)),
        not_configuration=main.not_configuration,
        evidence=tuple(evidence.rows(token, error, call, case.flow, given.now)),
        parts=evidence.parts(token, error, call, given.live),
    )


def _details(case: Case, main: Reason) -> Sequence[str]:
    """What else bears on it, in sentences."""
    found = []
    token, error = case.given.token, case.given.error
    if token is not None and error is not None and main not in case.faults:
        expired = next((one for one in case.faults if one.not_configuration), None)
        if expired is not None:
            found.append(f"{expired.text.rstrip('.')}; that may have come after the answer.")
        if error.status == 401 and token.is_readable and case.final is None and main.cause == "token-invalid":
            until = f" and is valid until {moment(token.expires_at)}" if token.expires_at else ""
            found.append(f"The token given is in order{until}: another one was sent, or it was sent in another form.")
    sure = main.cause is not None and main.certainty != "possible"
    told = [one for one in case.told if not (sure and (one.is_open or one.cause == main.cause))]
    faults = [
        one for one in case.faults if not (one.not_configuration or one.cause == main.cause or _is_included(one, main))
    ]
    found += [one.text for one in (*faults, *told) if one.text.rstrip(".") not in main.text]
    if case.fit is not None:
        found += [one.text for one in case.fit.reasons if one.text not in main.text and one.cause != main.cause]
        found += [case.fit.unknown] if case.fit.unknown and case.fit.unknown != main.text else []
    if error is not None and error.retry_after:
        found.append(f"The answer asks to wait: Retry-After {error.retry_after}.")
    if error is not None and error.failures > 1:
        found.append(f"{error.failures} requests of the batch failed; this is about the first.")
    return found


def _is_included(fault: Reason, main: Reason) -> bool:
    """Whether the cause says already that the token carries nothing."""
    return fault.cause == "consent-missing" and main.cause in (
        "permission-missing",
        "delegated-only-api",
        "application-only-api",
    )


def _other_causes(case: Case) -> Sequence[str]:
    found = [one.cause for one in (*case.faults, *case.told) if one.cause and not one.not_configuration]
    found += [one.cause for one in case.fit.reasons if one.cause] if case.fit is not None else []
    return [one for one in found if one]
