"""What Graph said when it did not answer: the refusal, and which state of a source follows from it.

Error shapes: https://learn.microsoft.com/graph/errors. Codes are stable and messages are not, so codes decide where
there is one; a message is only shown, cut short and without control characters, because part of it can be tenant text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from auditor.errors import SignInError
from auditor.graph.sources import SourceSpec
from auditor.redaction import redact, without_tokens
from auditor.tenant.state import SourceState, SourceStatus

_LICENCE_CODES = frozenset(
    {"AadPremiumLicenseRequired", "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "InvalidLicense"}
)
_LICENCE_WORDS = re.compile(r"\bnot licensed\b|\bpremium licen[sc]e\b|\bneeds? to have .*\blicen[sc]e\b", re.IGNORECASE)
_TOKEN_CODES = frozenset(
    {"InvalidAuthenticationToken", "Authorization_IdentityNotFound", "Authorization_IdentityDisabled"}
)
_TOKEN_REASONS = (
    ("expired", "the access token has expired; get a new one and start again"),
    ("not yet valid", "the access token is not valid yet; compare this machine's clock with the real time"),
    ("audience", "the access token is for another resource; a token for Microsoft Graph is needed"),
    (
        "continuous access evaluation",
        "access was revoked or a policy has changed since the token was issued; sign in again",
    ),
    ("is empty", "no access token was sent"),
    ("compacttoken", "the access token is not one that Microsoft Graph can read"),
    ("not well formed", "the access token is not one that Microsoft Graph can read"),
)
_IDENTITY = {
    "Authorization_IdentityNotFound": "the app has no service principal in this tenant; consent to it in the tenant first",
    "Authorization_IdentityDisabled": "the app's service principal is disabled in this tenant",
}
MAX_MESSAGE = 200
_MOST_LOOKED_AT = 20_000


def plain(text: object, limit: int = MAX_MESSAGE) -> str:
    """Text of a server for one line of ours: no control characters, single spaces, no token, ``limit`` characters at most."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in str(text)[:_MOST_LOOKED_AT]).split())
    shown = without_tokens(shown)  # before the cut: a part of a token is harder to tell
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


class Refusal(Exception):
    """An answer of Graph that is an error, or an answer that is not Graph's (``status`` says what came)."""

    is_final = False
    """Whether asking again cannot help."""

    def __init__(self, status: int | None, code: str | None, message: str) -> None:
        self.status = status
        """HTTP status; None where no answer came at all."""
        self.code = code
        self.message = plain(redact(message[:_MOST_LOOKED_AT]))  # servers have been seen to repeat what they were sent
        super().__init__(str(self))

    def __str__(self) -> str:
        named = " ".join(str(part) for part in (self.status, self.code) if part)
        return f"{named}: {self.message}" if named and self.message else named or self.message

    @property
    def is_token_refused(self) -> bool:
        """Whether the token itself was refused: no other source will fare better."""
        return (self.status == 401 and self.code in _TOKEN_CODES) or self.code in _IDENTITY


class Broken(Refusal):
    """No answer of Graph's: the connection failed, the body was cut off or is not JSON, the paging makes no sense."""

    def __init__(self, message: str, status: int | None = None, *, is_final: bool = False) -> None:
        super().__init__(status, None, message)
        self.is_final = is_final


class Unreachable(Broken):
    """The host could not be reached at all."""


class TooSlow(Broken):
    """An answer that had not ended when its deadline came."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no whole answer came within {seconds:.0f} seconds")
        self.seconds = seconds
        """How long it was waited for."""


def refusal_from(status: int, body: Any) -> Refusal:
    """The refusal in an error body; the innermost error code that is a word is the most specific."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return Refusal(status, None, "an error without Graph's error body")
    code, inner, message = error.get("code"), error.get("innerError"), error.get("message")
    while isinstance(inner, Mapping):
        deeper = inner.get("code")
        if isinstance(deeper, str) and deeper and not deeper.isdigit():
            code = deeper
        inner = inner.get("innerError")
    return Refusal(
        status,
        plain(redact(code[:_MOST_LOOKED_AT]), 80) if isinstance(code, str) and code else None,
        message if isinstance(message, str) else "",
    )


def token_problem(refusal: Refusal) -> str:
    """One clause: what is wrong with the token that Graph refused."""
    if refusal.code in _IDENTITY:
        return _IDENTITY[refusal.code]
    lowered = refusal.message.lower()
    return next(
        (reason for word, reason in _TOKEN_REASONS if word in lowered), f"Graph refused the access token ({refusal})"
    )


def state_from(spec: SourceSpec, refusal: Refusal, *, requests: int, delegated: bool | None = None) -> SourceState:
    """The state of a source that Graph refused.

    Args:
        spec: the source.
        refusal: what came.
        requests: HTTP requests sent for it.
        delegated: whether a user is signed in; None if that is not known.
    """
    status: SourceStatus
    if refusal.code in _LICENCE_CODES or (refusal.status in (400, 403) and _LICENCE_WORDS.search(refusal.message)):
        status = "unlicensed"
        needed = spec.licence or "a licence this tenant does not have"
        detail = f"the tenant is not licensed for it: {needed} is needed ({refusal})"
    elif refusal.is_token_refused:
        status, detail = "denied", token_problem(refusal)
    elif refusal.status in (401, 403):
        status, detail = "denied", f"{_wanted(spec, delegated)} ({refusal})"
    else:
        status, detail = "failed", str(refusal)
    return SourceState(
        spec.id,
        status,
        requests=requests,
        detail=detail,
        http_status=refusal.status,
        error_code=refusal.code,
        permission=spec.permission,
        role=spec.role,
        licence=spec.licence,
    )


def _wanted(spec: SourceSpec, delegated: bool | None) -> str:
    if delegated is None:
        return f"needs the permission {spec.permission} (a signed-in user also the directory role {spec.role})"
    if delegated:
        return f"needs the delegated permission {spec.permission}, and the user the directory role {spec.role}"
    return f"needs the application permission {spec.permission} with admin consent"


def sign_in_error(refusal: Refusal) -> SignInError:
    """The error that ends a run whose token nothing accepts."""
    return SignInError(f"Microsoft Graph does not accept this sign-in: {token_problem(refusal)}.")
