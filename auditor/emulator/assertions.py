"""Client assertions: the signed statement by which a client with a certificate proves itself.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials. Uses ``cryptography``, which azure-identity
brings; it is imported where an assertion is read.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from auditor.emulator.tokens import base64url, base64url_decode


class BadAssertionError(Exception):
    """An assertion that proves nothing; ``number`` is Entra's AADSTS code."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def read_assertion(assertion: str, certificates: Iterable[str], *, app_id: str, audiences: Collection[str]) -> None:
    """Check that ``assertion`` was signed with one of the app's certificates, for us, and is still good.

    Args:
        assertion: A JWT.
        certificates: Public certificates (PEM) of the app.
        app_id: Who must have issued it, lower case.
        audiences: Addresses it may be meant for.

    Raises:
        BadAssertionError: it proves nothing.
    """
    header, claims, signed, signature = _parts(assertion)
    if str(claims.get("iss", "")).lower() != app_id or str(claims.get("sub", "")).lower() != app_id:
        raise BadAssertionError(700213, "No matching federated identity record found for presented assertion.")
    if str(claims.get("aud", "")).lower() not in {known.lower() for known in audiences}:
        raise BadAssertionError(700024, "Client assertion audience is not this token endpoint.")
    now = time.time()
    if not isinstance(claims.get("exp"), int | float) or claims["exp"] < now:
        raise BadAssertionError(700024, "Client assertion is not within its valid time range.")
    if not any(_signed_by(pem, header, signed, signature) for pem in certificates):
        raise BadAssertionError(
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    try:
        header_text, claims_text, signature_text = assertion.split(".")
        header, claims = orjson.loads(base64url_decode(header_text)), orjson.loads(base64url_decode(claims_text))
        signature = base64url_decode(signature_text)
    except ValueError:
        header = claims = None
        signature = b""
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadAssertionError(50027, "JWT token is invalid or malformed.")
    return header, claims, assertion.rpartition(".")[0].encode(), signature


def _signed_by(pem: str, header: dict[str, Any], signed: bytes, signature: bytes) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return False
    # SHA-1 names the certificate (x5t, RFC 7515); it protects nothing.
    names = {"x5t": hashes.SHA1(), "x5t#S256": hashes.SHA256()}  # noqa: S303
    named = [key for key in names if key in header]
    # Some libraries leave the padding on.
    if (
        any(str(header[key]).rstrip("=") != base64url(certificate.fingerprint(names[key])) for key in named)
        or not named
    ):
        return False
    public_key = certificate.public_key()
    if not isinstance(public_key, rsa.RSAPublicKey) or certificate.not_valid_after_utc < datetime.now(UTC):
        return False
    is_pss = header.get("alg") == "PS256"
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size) if is_pss else padding.PKCS1v15()
    try:
        public_key.verify(signature, signed, scheme, hashes.SHA256())
    except InvalidSignature:
        return False
    return header.get("alg") in ("PS256", "RS256")
