"""Access tokens: made with a key of this process, and checked as Graph checks them (401).

Claims and refusals: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference and the observed
error bodies of Graph. What a valid token may do is ``authorize``'s work.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from auditor.emulator.messages import Refusal
from auditor.reference.clouds import CLOUDS
from auditor.reference.resources import GRAPH

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
GRAPH_AUDIENCES = frozenset({GRAPH, *(cloud.graph_resource for cloud in CLOUDS.values())})
MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"
"""The ``wids`` entry of a user without any directory role."""
_NO_DOTS = (
    "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact Serialization "
    "Format. (JWS): 'EncodedHeader.EndcodedPayload.EncodedSignature'. "
    "(JWE): 'EncodedProtectedHeader.EncodedEncryptedKey.EncodedInitializationVector.EncodedCiphertext.EncodedAuthenticationTag'."
)


@dataclass(frozen=True)
class Caller:
    """Who calls, as its token says."""

    claims: dict[str, Any]

    @property
    def app_id(self) -> str:
        """The calling client."""
        return str(self.claims.get("appid", ""))

    @property
    def object_id(self) -> str:
        """Object id of the user, or of the service principal where no user is signed in."""
        return str(self.claims.get("oid", ""))

    @property
    def scheme(self) -> str:
        """``application``, ``delegated`` or ``personal``, as the permission map calls them."""
        if "scp" not in self.claims:
            return "application"
        return "personal" if self.claims.get("tid") == PERSONAL_TENANT else "delegated"

    @property
    def permissions(self) -> frozenset[str]:
        """The permissions in the token: ``scp`` with a user, ``roles`` without."""
        if self.scheme == "application":
            return _texts(self.claims.get("roles"))
        return frozenset(str(self.claims.get("scp") or "").split())

    @property
    def directory_roles(self) -> frozenset[str]:
        """Template ids of the signed-in user's directory roles."""
        return _texts(self.claims.get("wids"))


class TokenKey:
    """Signs and checks tokens; a key lives as long as the process that made it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._id = base64url(secrets.token_bytes(20))

    def sign(self, claims: dict[str, Any]) -> str:
        """``claims`` as a JWT (HS256; Microsoft's are RS256, and clients must not look)."""
        header = {"typ": "JWT", "nonce": secrets.token_urlsafe(16), "alg": "HS256", "kid": self._id}
        head = f"{base64url(orjson.dumps(header))}.{base64url(orjson.dumps(claims))}"
        return f"{head}.{base64url(self._signature(head))}"

    def read(self, authorization: str, audiences: Collection[str] = ()) -> Caller:
        """The caller behind an Authorization header.

        Args:
            authorization: The header's value.
            audiences: Accepted besides Graph's own, e.g. the emulator's address.

        Raises:
            Refusal: 401 as Graph words it.
        """
        kind, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            _unauthorized("Access token is empty.")
        if "." not in token:
            _unauthorized(_NO_DOTS)
        head, _, signature = token.rpartition(".")
        claims = _claims(token)
        audience = str(claims.get("aud", "")).rstrip("/").lower()
        if audience not in GRAPH_AUDIENCES and audience not in {known.rstrip("/").lower() for known in audiences}:
            _unauthorized("Access token validation failure. Invalid audience.")
        if not hmac.compare_digest(base64url(self._signature(head)), signature):
            _unauthorized("Access token validation failure.")
        now = time.time()
        if not isinstance(claims.get("exp"), int | float) or claims["exp"] < now:
            _unauthorized("Lifetime validation failed, the token is expired.")
        if isinstance(claims.get("nbf"), int | float) and claims["nbf"] > now:
            _unauthorized("Lifetime validation failed, the token is not yet valid.")
        return Caller(claims)

    def _signature(self, head: str) -> bytes:
        return hmac.new(self._key, head.encode(), hashlib.sha256).digest()


def common_claims(
    tenant_id: str, audience: str, *, app_id: str, app_name: str, lifetime_seconds: float
) -> dict[str, Any]:
    """The claims that every token of a tenant carries."""
    now = int(time.time())
    return {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant_id}/",
        # A token that is to be expired must still have been issued before it expired.
        "iat": min(now, int(now + lifetime_seconds) - 1),
        "nbf": min(now, int(now + lifetime_seconds) - 1),
        "exp": int(now + lifetime_seconds),
        "app_displayname": app_name,
        "appid": app_id,
        "appidacr": "1",
        "tid": tenant_id,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
        "xms_tcdt": 1_500_000_000,
    }


def application_claims(object_id: str | None, roles: Collection[str]) -> dict[str, Any]:
    """Claims of a token without a user. Without an object id the app has no service principal in the tenant."""
    claims: dict[str, Any] = {"idtyp": "app", "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"]}
    if object_id:
        claims |= {"oid": object_id, "sub": object_id}
    return claims | ({"roles": list(roles)} if roles else {})


def delegated_claims(user: dict[str, Any], scopes: Collection[str], role_ids: Collection[str]) -> dict[str, Any]:
    """Claims of a token with a user."""
    return {
        "idtyp": "user",
        "oid": user["id"],
        "sub": base64url(hashlib.sha256(str(user["id"]).encode()).digest()),
        "name": user.get("displayName", ""),
        "upn": user.get("userPrincipalName", ""),
        "unique_name": user.get("userPrincipalName", ""),
        "acct": 1 if user.get("userType") == "Guest" else 0,
        "amr": ["pwd", "mfa"],
        "scp": " ".join(scopes),
        "wids": [*role_ids, MEMBER] if user.get("userType") != "Guest" else list(role_ids),
        "puid": uuid.uuid5(uuid.NAMESPACE_OID, str(user["id"])).hex[:16].upper(),
    }


def base64url(data: bytes) -> str:
    """Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_decode(text: str) -> bytes:
    """The bytes behind ``base64url``.

    Raises:
        ValueError: not base64.
    """
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _texts(value: Any) -> frozenset[str]:
    """The texts in a claim that should be a list of them."""
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()


def _claims(token: str) -> dict[str, Any]:
    try:
        header, payload, _ = token.split(".")
        orjson.loads(base64url_decode(header))
        claims = orjson.loads(base64url_decode(payload))
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        _unauthorized("CompactToken parsing failed with error code: 80049217")
    return claims


def _unauthorized(message: str) -> NoReturn:
    challenge = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    raise Refusal(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": challenge})
