"""What an answer means: the reasons that follow from it alone. A number of the sign-in service says most, then a
challenge, then the table of refusals."""

from __future__ import annotations

from auditor.explain import challenge as challenges
from auditor.explain.error import Error
from auditor.explain.finding import Reason
from auditor.explain.rules import fitting, passes, sign_in_cause
from auditor.predict.verdict import Flow
from auditor.reference import aadsts


def reasons(error: Error, flow: Flow | None) -> list[Reason]:
    """What an answer says about its cause, the most telling first; empty where it says nothing.

    Args:
        error: as ``read_error`` gave it.
        flow: whether a user was signed in, where something else tells it.
    """
    if error.is_empty:
        return []
    numbers = sorted(
        error.aadsts, key=lambda number: aadsts.refusal(number) is None
    )  # known ones first, else in their order
    found = [_sign_in(number) for number in numbers]
    if error.challenge is not None:
        found.append(challenges.reason(error.challenge))
    seen = _flow(error) or flow
    rule = fitting(frozenset(code.lower() for code in error.codes), error.text, error.status, seen)
    if rule is not None and not (found and rule.is_open):
        text, also, cause, certainty = rule.means, rule.also, rule.cause, rule.certainty
        if rule.id.startswith("names-permissions") and error.named.wanted:
            text = _named(error)
            if error.named.resource_specific and error.named.consents == ():
                also = ("workload-policy", *also)
        found.append(
            Reason(
                cause,
                certainty,
                text,
                rule.do,
                also=also,
                not_configuration=rule.not_configuration,
                needs=error.named.wanted if rule.cause == "permission-missing" else (),
                is_open=rule.is_open,
            )
        )
    return found


def flow_of(error: Error) -> Flow | None:
    """Whether a user was signed in, as far as the answer tells."""
    return _flow(error)


def _flow(error: Error) -> Flow | None:
    if "roles on the request" in error.text or "missing role permissions" in error.text:
        return "app-only"
    return "delegated" if "scopes on the request" in error.text or "missing scope permissions" in error.text else None


def _sign_in(number: int) -> Reason:
    known = aadsts.refusal(number)
    if known is None:
        return Reason(
            None,
            "possible",
            f"AADSTS{number}: the sign-in service issued no token; this number is not among those we know.",
            f"Look it up at https://login.microsoftonline.com/error?code={number}.",
        )
    cause = known.check or sign_in_cause(number)
    return Reason(
        cause,
        "certain" if known.documented and cause else "likely",
        f"AADSTS{number}: {known.meaning}: {known.cause}.",
        _REPAIRS.get(cause or "", ""),
        not_configuration=passes(number),
    )


_REPAIRS = {
    "consent-missing": "An administrator grants consent for what the app asks for (or the user, where the tenant allows it).",
    "consent-blocked": "An administrator grants consent for the tenant.",
    "credential-expired": "Make a new secret, certificate or federated credential, use a secret's value and not its id, and restart "
    "what still holds the old one.",
    "sign-in-blocked": "Look at the service principal in the tenant the token was asked for: that it is there, enabled, and assigned "
    "where assignment is required.",
    "conditional-access": "Look at the sign-in log: it names the policy. Let the user sign in interactively, or change the policy's "
    "scope; a service without users needs application permissions.",
    "personal-account": "Sign in with a work or school account, or let the registration take personal accounts (signInAudience).",
    "permission-unknown": "Ask for https://graph.microsoft.com/.default, or for delegated permissions by their exact names.",
    "token-invalid": "Sign in again.",
    "wrong-resource": "Ask for a token for Microsoft Graph: scope https://graph.microsoft.com/.default.",
    "permission-missing": "Use an app registration of your own with the permission that is missing.",
}


def _named(error: Error) -> str:
    wanted = listed(error.named.wanted)
    many = "one of " if len(error.named.wanted) > 1 else ""
    text = f"The service asked for {many}{wanted}"
    if error.named.held is not None:
        text += f", and saw {listed(error.named.held) if error.named.held else 'no permission'} in the token"
    if error.named.resource_specific and error.named.consents == ():
        text += ", and no resource-specific consent for that team or chat (installing the app there again restores it)"
    return f"{text}."


def listed(names: tuple[str, ...], most: int = 8) -> str:
    """Names for a sentence, at most so many."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
