"""What is wrong with a token by itself: its form, its times, its audience, whose it is. The clock is handed in.

Whether its permissions open a call is ``carried``'s question.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from auditor.explain.audience import audience
from auditor.explain.finding import Reason
from auditor.explain.token import Token

_SKEW = timedelta(minutes=5)
"""Clocks may differ by so much; the service allows as much itself."""
_GET = "Get a new access token for Microsoft Graph and send it as Authorization: Bearer <token>."


def faults(token: Token, now: datetime) -> list[Reason]:
    """Everything about a token that makes Microsoft Graph refuse it, or would; the weightiest first.

    Args:
        token: as ``read_token`` gave it.
        now: aware; what expiry is measured against.
    """
    if token.form not in ("jwt", "malformed"):
        return [_FORMS[token.form]]
    found = [_malformed(token)] if token.form == "malformed" else []
    if not token.is_readable:
        return found or [
            Reason("token-invalid", "certain", "The token is a JWT without any claim of an access token.", _GET)
        ]
    checks = (_session, _wrong_token, _wrong_audience, _times, _binding, _principal, _empty_handed, _personal)
    return found + [reason for check in checks if (reason := check(token, now)) is not None]


def is_final(reason: Reason) -> bool:
    """Whether Microsoft Graph refuses such a token before it looks at permissions."""
    return reason.certainty == "certain" and reason.cause in ("token-invalid", "wrong-resource")


_FORMS = {
    "missing": Reason("token-invalid", "certain", "There is no token: the text given is empty or holds none.", _GET),
    "placeholder": Reason(
        "token-invalid",
        "certain",
        "What is given is a placeholder (null, a variable's name, dots) and no token: the code that gets tokens gave nothing.",
        "Look at what the token request answered; its error is the one to explain (--error).",
    ),
    "error-answer": Reason(
        "token-invalid",
        "certain",
        "What is given as the token is an error answer and no token.",
        "Explain that answer: give the same file with --error.",
    ),
    "encrypted": Reason(
        "token-invalid",
        "likely",
        "The token is encrypted (a JWT of five parts): it is meant for one API that holds the key, and Microsoft Graph has none.",
        f"It is a token for another API, or a session token of a web platform. {_GET}",
        also=("wrong-resource",),
    ),
    "refresh": Reason(
        "token-invalid",
        "likely",
        "The text looks like a refresh token or an authorization code, and not like an access token.",
        "Redeem it at the token endpoint, and send the access_token of the answer.",
    ),
    "personal": Reason(
        "personal-account",
        "possible",
        "The token is opaque, in the form issued to personal Microsoft accounts: only Microsoft can read it, and APIs for work "
        "or school accounts refuse it.",
        "Sign in with a work or school account where the API is for those alone (auditor permissions tells).",
        also=("token-invalid",),
    ),
    "opaque": Reason(
        "token-invalid",
        "likely",
        "The token is no JWT (it has no dots): Microsoft Graph reads no such token, except those of personal Microsoft accounts.",
        f"Session tokens of App Service, tokens of other providers and keys are not access tokens. {_GET}",
        also=("personal-account",),
    ),
}


def _malformed(token: Token) -> Reason:
    return Reason(
        "token-invalid",
        "certain",
        f"The token is malformed: {token.flaw}.",
        "Pass the access_token of the token answer on unchanged: not cut, not decoded, not encoded again.",
    )


def _session(token: Token, now: datetime) -> Reason | None:
    """Signed by something that is not Entra ID."""
    del now
    try:
        host = urlsplit(token.issuer).hostname or ""
    except ValueError:
        host = ""
    known = ("sts.windows.net", "login.microsoftonline.com", "login.microsoftonline.us", "sts.chinacloudapi.cn")
    others = ("login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "login.live.com", "login.windows.net")
    if not host or host in known + others or host in ("127.0.0.1", "localhost"):
        return None
    if host.endswith(".b2clogin.com") or host.endswith(".ciamlogin.com"):
        what = "a customer sign-in (B2C or External ID), whose tokens are for the organization's own APIs"
    elif host.endswith((".azurewebsites.net", ".azurestaticapps.net")):
        what = "App Service's own sign-in: it is a session token"
    else:
        what = f"{host}, which is not Entra ID"
    return Reason("token-invalid", "certain", f"The token was issued by {what}; Microsoft Graph refuses it.", _GET)


def _wrong_token(token: Token, now: datetime) -> Reason | None:
    del now
    if not token.is_id_token:
        return None
    return Reason(
        "token-invalid",
        "certain",
        "The token is an id token: it tells the app who signed in (its audience is the app itself), and opens no API.",
        "Send the access_token of the same answer; if there is none, ask for a scope of Microsoft Graph such as User.Read.",
        also=("wrong-resource",),
    )


def _times(token: Token, now: datetime) -> Reason | None:
    if token.expires_at is not None and token.expires_at <= now:
        return Reason(
            "token-invalid",
            "certain",
            f"The token has expired: it was valid until {moment(token.expires_at)}, {span(now - token.expires_at)} ago.",
            "Get a new token for each run and let the library (MSAL, azure-identity) renew it; do not store tokens.",
            not_configuration=True,
        )
    start = token.not_before or token.issued_at
    if start is not None and start > now + _SKEW:
        return Reason(
            "token-invalid",
            "certain",
            f"The token is not valid yet: it begins at {moment(start)}, in {span(start - now)}.",
            "Set the clock of the machine right (time service), and get a new token.",
            not_configuration=True,
        )
    return None


def _wrong_audience(token: Token, now: datetime) -> Reason | None:
    del now
    target = audience(token.audience)
    if target is None:
        return Reason(
            "token-invalid", "likely", "The token names no audience (aud), and Microsoft Graph wants its own.", _GET
        )
    if target.is_graph or token.is_id_token:
        return None
    if target.name.lower().startswith("windows azure active directory") or target.name == "Azure AD Graph":
        what = "Azure AD Graph, which is retired; Microsoft Graph is another API"
    elif token.app_id and token.app_id == target.app_id:
        what = "the app that asked for it itself, as if that were the API"
    elif target.is_public:
        what = f"{target.name}, and not for Microsoft Graph"
    else:
        what = f"{target.name}, an API that is not Microsoft Graph"
    return Reason(
        "wrong-resource",
        "certain",
        f"The token is for {what} (audience {token.audience}): Microsoft Graph refuses it with 401 Invalid audience.",
        "Ask for a token for Microsoft Graph: scope https://graph.microsoft.com/.default (or its host in your cloud). An API "
        "that calls Microsoft Graph for its user exchanges the token first (on-behalf-of).",
        also=("token-invalid",),
    )


def _binding(token: Token, now: datetime) -> Reason | None:
    del now
    if not (token.is_bound or token.scheme == "PoP"):
        return None
    return Reason(
        "token-invalid",
        "possible",
        "The token is bound to a key (proof of possession): sent as an ordinary Bearer token it is refused.",
        "Send it the way its library does, signed for each request, or ask for an ordinary Bearer token.",
    )


def _principal(token: Token, now: datetime) -> Reason | None:
    del now
    if token.object_id or token.is_delegated or token.is_personal or not _is_for_graph(token):
        return None
    return Reason(
        "sign-in-blocked",
        "likely",
        f"The token names no object (oid): the app {token.app_id or 'that asked for it'} had no service principal in the tenant "
        f"{token.tenant_id or 'of the token'} when it was issued, and Microsoft Graph answers Authorization_IdentityNotFound.",
        "Consent to the app in that tenant (this creates the service principal), wait some minutes, and get a new token.",
    )


def _empty_handed(token: Token, now: datetime) -> Reason | None:
    del now
    if token.scopes or token.roles or token.is_id_token or not _is_for_graph(token):
        return None
    if token.is_app_only:
        return Reason(
            "consent-missing",
            "likely",
            "The token carries no application permission (it has no roles): none was granted to this service principal when it "
            "was issued. Delegated permissions do not count for a token without a user.",
            "Grant the application permission with admin consent, then get a new token.",
            also=("permission-missing", "permission-type-mismatch"),
        )
    return Reason(
        "consent-missing",
        "likely",
        "The token carries no permission at all (neither scp nor roles).",
        "Ask for the scopes that the call needs, consent to them, and get a new token.",
        also=("permission-missing",),
    )


def _personal(token: Token, now: datetime) -> Reason | None:
    del now
    if not token.is_personal:
        return None
    return Reason(
        "personal-account",
        "possible",
        "The token is of a personal Microsoft account: it has no directory, and APIs for work or school accounts refuse it with "
        "401, 403, 404 or 405.",
        "Sign in with a work or school account, or call only what personal accounts have (auditor permissions tells).",
    )


def _is_for_graph(token: Token) -> bool:
    target = audience(token.audience)
    return target is not None and target.is_graph


def moment(at: datetime) -> str:
    """A time for a sentence, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def span(length: timedelta) -> str:
    """A length of time for a sentence, in the largest unit that fits."""
    seconds = int(length.total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = seconds // size
            return f"{number:,} {unit}{'' if number == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
