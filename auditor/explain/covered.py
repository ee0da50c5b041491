"""A call that was refused although the token carries what it needs: what else may refuse it.

The user's own right, a licence, a protected target, a second system; or another token than this one was sent.
"""

from __future__ import annotations

import re

from auditor.explain.case import Case
from auditor.explain.finding import Reason
from auditor.explain.told import listed
from auditor.predict.call import Call
from auditor.predict.rules import rules
from auditor.predict.services import service_of
from auditor.reference.licences import needed_by

_MINE = re.compile(r"/me(/|$)", re.IGNORECASE)
_LOOK = "Look at whose object it is and what protects it; with a tenant (--tenant or --from) its configuration is looked at too."


def covered(told: Reason, case: Case) -> Reason:
    """The likeliest of what is left.

    Args:
        told: what the answer says; it names no cause.
        case: token and call are given, and fit.
    """
    call, fit = case.given.call, case.fit
    if call is None or fit is None:
        return told
    opened = listed(fit.opened_by, 3) if fit.opened_by else "what the call needs"
    begin = f"The token carries {opened}, so no permission is missing"
    licence = _licence(call, fit.opened_by)
    if case.flow == "app-only":
        return _app_only(begin, call, licence, case)
    others = ("license-missing", "workload-policy")
    if not _MINE.match(call.path):
        text = f"{begin}; the signed-in user has no right to it: a directory role, ownership, or access to the object."
        return Reason("user-privilege", "possible", text, _LOOK, also=others)
    if licence:
        return _unlicensed(begin, licence, ("workload-policy",))
    return Reason(
        None,
        "possible",
        f"{begin}, and the data is the user's own: nothing that was given explains the refusal.",
        "Give the whole answer: status, headers and body; and see in the sign-in log whether a policy stopped the user.",
        also=("conditional-access", *others),
    )


def _app_only(begin: str, call: Call, licence: str, case: Case) -> Reason:
    if licence:
        return _unlicensed(begin, licence, ("workload-policy",))
    service = service_of(call.path)
    if service == "directory" and call.method == "GET" and _is_directory_refusal(case):
        return Reason(
            None,
            "likely",
            f"{begin}, and a service principal that has it may read: the token that was refused was another one, issued before the "
            "permission was granted.",
            "Make the call again with this token; look for a token cache (of a managed identity it lasts up to 24 hours).",
            also=("token-invalid",),
            not_configuration=True,
        )
    if service == "directory":
        text = f"{begin}; the target is protected (an admin, a role-assignable group) and needs a directory role of the service principal."
        return Reason("directory-role-missing", "possible", text, _LOOK, also=("workload-policy",))
    text = f"{begin}; a second system of the service says no (policies of Exchange or Teams, grants on single sites)."
    return Reason("workload-policy", "possible", text, _LOOK, also=("license-missing", "directory-role-missing"))


def _unlicensed(begin: str, licence: str, also: tuple[str, ...]) -> Reason:
    text = f"{begin}; the call also needs {licence}, and the tenant or the user may not have it."
    return Reason(
        "license-missing", "possible", text, f"See whether the tenant and the user have {licence}.", also=also
    )


def _licence(call: Call, opened_by: tuple[str, ...]) -> str:
    """The name of the licence that a call needs; empty where none is known."""
    template = rules(call, "delegated").template or call.path
    found = needed_by(call.method, template, call.query | call.body, opened_by)
    return found[0].name if found else ""


def _is_directory_refusal(case: Case) -> bool:
    """Whether the directory itself answered that privileges are insufficient."""
    error = case.given.error
    if error is None:
        return False
    named = {code.lower() for code in error.codes}
    return "authorization_requestdenied" in named or "insufficient privileges" in error.text
