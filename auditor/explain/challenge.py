"""Claims challenges: what the ``claims`` of a WWW-Authenticate header or of a token answer demand, decoded.

https://learn.microsoft.com/entra/identity-platform/claims-challenge
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auditor.explain.finding import Reason
from auditor.explain.pasted import GUID, load_json

_MOST = 20


@dataclass(frozen=True)
class Challenge:
    """What the next token has to bring."""

    contexts: tuple[str, ...] = ()
    """Authentication contexts (``acrs``): c1 to c99, or urn:user:registersecurityinfo."""
    policies: tuple[str, ...] = ()
    """Ids of Conditional Access policies (``capolids``, ``polids``)."""
    issued_after: datetime | None = None
    """Tokens issued before are refused (``nbf``)."""
    wants_place: bool = False
    """The address the request came from is held against a policy (``xms_rp_ipaddr``)."""
    others: tuple[str, ...] = ()
    """Further claims by name."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "authentication_contexts": list(self.contexts),
            "policy_ids": list(self.policies),
            "issued_after": f"{self.issued_after:%Y-%m-%dT%H:%M:%SZ}" if self.issued_after else None,
            "location": self.wants_place,
            "other_claims": list(self.others),
        }


def read_challenge(text: object) -> Challenge | None:
    """What a ``claims`` value demands: JSON, base64 of it in either alphabet, or escaped JSON. None if it is none."""
    content = _content(text)
    wanted = content.get("access_token") if content else None
    if not isinstance(wanted, dict):
        return None
    demanded: dict[str, list[str]] = {}
    for name, how in list(wanted.items())[:_MOST]:
        values: Any = how.get("values", how.get("value")) if isinstance(how, dict) else how
        values = values if isinstance(values, list) else [values]
        demanded[name.lower()] = [str(one)[:100] for one in values[:_MOST] if isinstance(one, str | int)]
    known = {"acrs", "capolids", "polids", "nbf", "xms_rp_ipaddr"}
    contexts = [one for one in demanded.get("acrs", ()) if re.fullmatch(r"c\d{1,2}|urn:[\w:.-]{1,60}", one)]
    policies = [one.lower() for name in ("capolids", "polids") for one in demanded.get(name, ()) if GUID.fullmatch(one)]
    return Challenge(
        contexts=tuple(contexts),
        policies=tuple(dict.fromkeys(policies)),
        issued_after=_moment(demanded.get("nbf", ())),
        wants_place="xms_rp_ipaddr" in demanded,
        others=tuple(name for name in demanded if name not in known and re.fullmatch(r"[a-z_]{1,30}", name)),
    )


def reason(challenge: Challenge) -> Reason:
    """What a challenge says about the refusal."""
    again = "Ask for a new token with these claims (MSAL: the claims parameter); a client that declares cp1 does so by itself."
    if challenge.contexts:
        named = ", ".join(challenge.contexts)
        return Reason(
            "conditional-access",
            "certain",
            f"The call demands an authentication context ({named}) that the token does not carry: a Conditional Access policy "
            "protects this operation.",
            f"{again} The user then does what the policy of that context demands.",
        )
    if challenge.policies:
        many = "policies" if len(challenge.policies) > 1 else "policy"
        return Reason(
            "conditional-access",
            "certain",
            f"Conditional Access stopped the request: {many} {', '.join(challenge.policies)}.",
            f"{again} Without a user (a daemon, an on-behalf-of server) nobody can do what the policy demands.",
        )
    if challenge.issued_after is not None:
        return Reason(
            "token-invalid",
            "certain",
            f"Tokens issued before {challenge.issued_after:%Y-%m-%d %H:%M:%S} UTC are refused: access was called back, because a "
            "password, a role or a policy changed (continuous access evaluation). No permission is missing.",
            again,
            also=("conditional-access",),
        )
    if challenge.wants_place:
        return Reason(
            "conditional-access",
            "likely",
            "The request came from another address than the token was issued to, and a Conditional Access policy on locations "
            "refuses that one.",
            f"{again} A proxy that sends sign-in and calls out by different addresses causes this too.",
            also=("token-invalid",),
        )
    return Reason(
        "conditional-access",
        "likely",
        "The answer carries a claims challenge: the next token has to bring claims that this one has not.",
        again,
        also=("token-invalid",),
    )


def _content(text: object) -> Mapping[str, Any] | None:
    if isinstance(text, dict):
        return text
    if not isinstance(text, str) or len(text) > 20_000:
        return None
    for candidate in (text, text.replace('\\"', '"'), text.replace("%22", '"').replace("%7B", "{").replace("%7D", "}")):
        value = load_json(candidate)
        if isinstance(value, dict):
            return value
    letters = re.sub(r"\s", "", text).rstrip("=").replace("+", "-").replace("/", "_")
    try:
        decoded = base64.b64decode(letters + "=" * (-len(letters) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    value = load_json(decoded.decode("utf-8", errors="replace"))
    return value if isinstance(value, dict) else None


def _moment(values: Any) -> datetime | None:
    for value in values:
        if re.fullmatch(r"\d{9,11}", value):
            return datetime.fromtimestamp(int(value), UTC)
    return None
