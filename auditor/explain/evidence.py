"""What was seen of each input: rows for people, and plain JSON values. Nothing of a raw token, no message of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from auditor.explain.audience import audience
from auditor.explain.error import Error
from auditor.explain.faults import moment, span
from auditor.explain.token import Token
from auditor.explain.told import listed
from auditor.predict.call import Call
from auditor.predict.verdict import Flow
from auditor.reference.roles import role_templates

if TYPE_CHECKING:
    from auditor.explain.live import Live

_FORMS = {
    "jwt": "a JWT, decoded and not verified",
    "missing": "none",
    "placeholder": "a placeholder",
    "error-answer": "an error answer instead of a token",
    "malformed": "a malformed JWT",
    "opaque": "opaque, not a JWT",
    "personal": "opaque, as personal accounts have it",
    "encrypted": "encrypted (five parts)",
    "refresh": "like a refresh token or code",
}
_AUTHENTICATION = {
    "0": "public client, no credential",
    "1": "client secret",
    "2": "certificate or federated credential",
}
_NOT_ROLES = ("b79fbf4d-3ef9-4689-8143-76b194e85509", "0997a1d0-0d1d-4acb-b408-d5ca73121e90")
"""Entries of ``wids`` that stand for an ordinary member and for an app without a role."""


def rows(
    token: Token | None, error: Error | None, call: Call | None, flow: Flow | None, now: datetime
) -> Iterator[tuple[str, str]]:
    """(What, what was seen), the telling ones only."""
    if call is not None:
        yield "call", call.text
    if token is not None:
        yield from _of_token(token, flow, now)
    if error is not None:
        yield from _of_error(error)


def parts(token: Token | None, error: Error | None, call: Call | None, live: Live | None) -> Mapping[str, Any]:
    """The parts of the JSON document; None for what was not given."""
    return {
        "token": None if token is None else _token_json(token),
        "error": None if error is None else _error_json(error),
        "call": None if call is None else call.text,
        "tenant": None if live is None else live.to_json(),
        "prediction": None if live is None or live.prediction is None else live.prediction.to_row(),
    }


def _of_token(token: Token, flow: Flow | None, now: datetime) -> Iterator[tuple[str, str]]:
    yield "token", _FORMS[token.form] + (f": {token.flaw}" if token.flaw else "")
    if not token.is_readable:
        return
    target = audience(token.audience)
    if target is not None:
        plain = target.name.lower() == token.audience.lower()
        yield "audience", target.name if plain else f"{target.name} ({token.audience})"
    if flow is not None and not token.is_id_token:
        yield "flow", "app-only: no user" if flow == "app-only" else "delegated: a user is signed in"
    if token.app_id or token.app_name:
        yield "app", " ".join(part for part in (token.app_name, f"({token.app_id})" if token.app_id else "") if part)
    if token.client_authentication in _AUTHENTICATION:
        yield "app authenticated with", _AUTHENTICATION[token.client_authentication]
    if token.user and flow != "app-only":
        kind = ", a guest" if token.is_guest else ", a personal account" if token.is_personal else ""
        yield "user", token.user + kind
    if token.tenant_id:
        yield "tenant", token.tenant_id
    name = "roles" if token.is_app_only else "scp"
    yield f"permissions ({name})", listed(token.permissions, 20) if token.permissions else "none"
    roles = _roles(token)
    if roles is not None:
        yield "directory roles (wids)", ", ".join(roles) if roles else "none"
    if token.issued_at is not None:
        yield "issued", moment(token.issued_at)
    if token.expires_at is not None:
        left = token.expires_at - now
        yield (
            "expires",
            f"{moment(token.expires_at)} ({f'in {span(left)}' if left.total_seconds() > 0 else f'{span(-left)} ago'})",
        )
    if token.contexts:
        yield "authentication contexts (acrs)", ", ".join(token.contexts)
    if "cp1" in (one.lower() for one in token.capabilities):
        yield "client capability", "cp1: it understands claims challenges"


def _of_error(error: Error) -> Iterator[tuple[str, str]]:
    if error.status is not None:
        yield "HTTP status", str(error.status)
    if error.codes:
        yield "error code", ", ".join(error.codes[:4])
    if error.aadsts:
        yield "sign-in error", ", ".join(f"AADSTS{number}" for number in error.aadsts[:4])
    if error.named.wanted:
        yield "permissions wanted", listed(error.named.wanted)
    if error.named.held is not None:
        yield "permissions seen", listed(error.named.held) if error.named.held else "none"
    if error.challenge is not None:
        demanded = error.challenge
        said = [f"authentication context {one}" for one in demanded.contexts]
        said += [f"Conditional Access policy {one}" for one in demanded.policies]
        said += [f"a token issued after {moment(demanded.issued_after)}"] if demanded.issued_after else []
        said += ["an address that a policy allows"] if demanded.wants_place else []
        said += list(demanded.others)
        yield "claims challenge", ", ".join(said) or "without content"
    if error.retry_after:
        yield "Retry-After", error.retry_after
    if error.throttle_scope:
        yield "throttled", error.throttle_scope
    if error.request_id:
        yield "request id", error.request_id


def _roles(token: Token) -> tuple[str, ...] | None:
    if token.directory_roles is None:
        return None
    known = {template: name for name, template in role_templates().items()}
    return tuple(known.get(one, one) for one in token.directory_roles if one not in _NOT_ROLES)


def _time(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at is not None else None


def _token_json(token: Token) -> dict[str, Any]:
    target = audience(token.audience)
    roles = _roles(token)
    return {
        "form": token.form,
        "flaw": token.flaw or None,
        "audience": token.audience or None,
        "resource": target.name if target is not None else None,
        "tenant_id": token.tenant_id or None,
        "app_id": token.app_id or None,
        "app_name": token.app_name or None,
        "object_id": token.object_id or None,
        "user": token.user or None,
        "delegated": token.is_delegated,
        "personal": token.is_personal,
        "scopes": list(token.scopes),
        "roles": list(token.roles),
        "directory_roles": None if roles is None else list(roles),
        "issued_at": _time(token.issued_at),
        "not_before": _time(token.not_before),
        "expires_at": _time(token.expires_at),
        "version": token.version or None,
    }


def _error_json(error: Error) -> dict[str, Any]:
    return {
        "http_status": error.status,
        "codes": list(error.codes),
        "aadsts": list(error.aadsts),
        "permissions_wanted": list(error.named.wanted),
        "permissions_seen": None if error.named.held is None else list(error.named.held),
        "claims_challenge": None if error.challenge is None else error.challenge.to_json(),
        "retry_after": error.retry_after or None,
        "request_id": error.request_id or None,
    }
