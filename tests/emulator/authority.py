"""A throw-away certificate authority, so that sign-in is tested over https as it is done in earnest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from auditor.emulator import Tls


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certify(
    name: str,
    key: rsa.RSAPrivateKey,
    *,
    issuer: x509.Certificate | None = None,
    issuer_key: rsa.RSAPrivateKey | None = None,
    days: int = 2,
) -> x509.Certificate:
    """A certificate for ``name``: its own authority, unless an issuer is given. Negative ``days``: expired."""
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return builder.sign(issuer_key or key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def serve_as_localhost(folder: Path) -> tuple[Tls, Path]:
    """Files to serve https://localhost with, and the authority that clients must trust."""
    authority_key, key = make_key(), make_key()
    authority = certify("Throw-away CA", authority_key)
    certificate = certify("localhost", key, issuer=authority, issuer_key=authority_key)
    (folder / "ca.pem").write_text(pem(authority))
    (folder / "cert.pem").write_text(pem(certificate))
    (folder / "key.pem").write_bytes(private_pem(key))
    return Tls(folder / "cert.pem", folder / "key.pem"), folder / "ca.pem"
