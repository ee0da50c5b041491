"""Sign-in: a synchronous azure-identity credential for every ``[auth] method``, tried once before anything is read.

https://learn.microsoft.com/python/api/overview/azure/identity-readme. Secrets come from the environment or from files
that the settings name; no message and no chained exception carries one, nor a token. What a sign-in may read is
``doctor``'s question.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from azure import identity
from azure.core.credentials import AccessToken, TokenCredential

from auditor.errors import ConfigError, SignInError
from auditor.graph.claims import read_claims
from auditor.graph.refusal import plain
from auditor.reference.aadsts import explain
from auditor.reference.clouds import Cloud

TOKEN_VARIABLE = "AUDITOR_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
SECRET_VARIABLES = ("AUDITOR_CLIENT_SECRET", "AZURE_CLIENT_SECRET")
PUBLIC_CLIENT_ID = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft Graph Command Line Tools: the public client that people sign in with where the settings name no app."""
_AADSTS = re.compile(r"AADSTS(\d{4,7})")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MAX_SECRET_BYTES = 1 << 20


class AuthSettings(Protocol):
    """What sign-in wants to know; ``auditor.config`` holds it."""

    @property
    def method(self) -> str:
        """One of the methods of ``[auth] method``."""

    @property
    def client_id(self) -> str:
        """App id to sign in as; empty: from the environment."""

    @property
    def secret_file(self) -> Path | None:
        """File that holds the client secret."""

    @property
    def certificate_file(self) -> Path | None:
        """PEM or PFX file with certificate and private key."""

    @property
    def certificate_password_file(self) -> Path | None:
        """File that holds the password of the certificate file."""


def sign_in(
    auth: AuthSettings,
    *,
    tenant: str | None,
    cloud: Cloud,
    authority: str | None,
    environ: Mapping[str, str],
    tell: Callable[[str], None],
) -> TokenCredential:
    """Signs in and fetches the first token, so that a wrong sign-in is known before anything else happens.

    Args:
        auth: how; method ``default`` with ``AUDITOR_ACCESS_TOKEN`` set means ``token``.
        tenant: id or domain; None: from the environment, or the identity's own.
        cloud: whose sign-in address and Graph the token is for.
        authority: another sign-in address, ``https://…``; its metadata is then taken from itself alone.
        environ: the environment; ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID`` and their like work as azure-identity documents.
        tell: shows a person what to do (the device code).

    Returns:
        A credential that has given a token for Microsoft Graph; the caller closes it.

    Raises:
        SignInError: no token: one sentence with method, tenant, and Entra's code and what it means.
        ConfigError: something the method needs is not there, or a file cannot be read.
    """
    method = auth.method
    if method == "default" and environ.get(TOKEN_VARIABLE, "").strip():
        method = "token"
    tenant = tenant or environ.get("AZURE_TENANT_ID") or None
    if method == "token":
        return _given_token(environ.get(TOKEN_VARIABLE, ""), tenant=tenant, cloud=cloud)
    kwargs = _authority(cloud, authority, environ)
    try:
        credential: TokenCredential = _credential(method, auth, tenant, environ, kwargs, tell)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise SignInError(f"Cannot sign in (method {method}): {_first_sentence(error)}.") from None
    try:
        credential.get_token(f"{cloud.graph_resource}/.default", enable_cae=True)
    except Exception as error:
        _close(credential)
        raise token_refused(error, method=method, tenant=tenant) from None
    return credential


def token_refused(error: Exception, *, method: str = "", tenant: str | None = None) -> SignInError:
    """The sentence for a token that could not be had. Holds nothing secret of the cause; raise it ``from None``."""
    text = str(getattr(error, "message", None) or error)
    where = ", ".join(
        part for part in (f"method {method}" if method else "", f"tenant {plain(tenant, 80)}" if tenant else "") if part
    )
    begin = f"Sign-in failed ({where})" if where else "Sign-in failed"
    codes = [int(code) for code in _AADSTS.findall(text)]
    if codes:
        meaning = explain(codes[0])
        return SignInError(f"{begin}: AADSTS{codes[0]}: {_end(meaning or _after_code(text))}")
    if "Unable to get authority configuration" in text:
        hint = "check its id or domain name, and the cloud"
        return SignInError(f"{begin}: the sign-in address knows no such tenant; {hint}.")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        hint = "if a proxy of yours stands between, name its certificate file in REQUESTS_CA_BUNDLE"
        return SignInError(f"{begin}: the TLS certificate of the sign-in address is not trusted here; {hint}.")
    if method == "default":
        return SignInError(
            f"{begin}: none of the ways that DefaultAzureCredential tries works here: {_end(_attempts(text))}"
        )
    return SignInError(f"{begin}: {_end(_first_sentence(text))}")


def _credential(
    method: str,
    auth: AuthSettings,
    tenant: str | None,
    environ: Mapping[str, str],
    kwargs: dict[str, Any],
    tell: Callable[[str], None],
) -> Any:
    """The azure-identity credential of a method; nothing is sent yet."""
    client_id = auth.client_id or environ.get("AZURE_CLIENT_ID") or ""
    if method in ("device-code", "interactive"):
        people = {"client_id": client_id or PUBLIC_CLIENT_ID, **({"tenant_id": tenant} if tenant else {}), **kwargs}
        if method == "interactive":
            return identity.InteractiveBrowserCredential(**people)
        return identity.DeviceCodeCredential(prompt_callback=lambda uri, code, _: _tell_code(tell, uri, code), **people)
    if method == "azure-cli":
        return identity.AzureCliCredential(tenant_id=tenant or "", process_timeout=30)
    if method == "managed-identity":
        return identity.ManagedIdentityCredential(client_id=client_id or None)
    if method == "workload-identity":
        return identity.WorkloadIdentityCredential(
            tenant_id=tenant,
            client_id=client_id or None,
            token_file_path=environ.get("AZURE_FEDERATED_TOKEN_FILE"),
            **kwargs,
        )
    if method == "client-secret":
        return identity.ClientSecretCredential(
            _needed(tenant, method, "a tenant ([tenant] id, --tenant or AZURE_TENANT_ID)"),
            _needed(client_id, method, "an app id ([auth] client_id or AZURE_CLIENT_ID)"),
            _needed(_secret(auth, environ), method, "a client secret ([auth] secret_file or AZURE_CLIENT_SECRET)"),
            **kwargs,
        )
    if method == "certificate":
        return _certificate_credential(auth, tenant, client_id, environ, kwargs)
    if method == "default":
        return _default_credential(tenant, client_id, environ, kwargs)
    raise ConfigError(f"[auth] method {plain(method, 40)!r} is not known")


def _certificate_credential(
    auth: AuthSettings, tenant: str | None, client_id: str, environ: Mapping[str, str], kwargs: dict[str, Any]
) -> Any:
    path = auth.certificate_file or Path(environ.get("AZURE_CLIENT_CERTIFICATE_PATH") or "")
    _needed(
        str(path) if path.name else "",
        "certificate",
        "a file ([auth] certificate_file or AZURE_CLIENT_CERTIFICATE_PATH)",
    )
    if auth.certificate_password_file:
        password: str | None = _read_secret(auth.certificate_password_file)
    else:
        password = (
            environ.get("AUDITOR_CERTIFICATE_PASSWORD") or environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD") or None
        )
    return identity.CertificateCredential(
        _needed(tenant, "certificate", "a tenant ([tenant] id, --tenant or AZURE_TENANT_ID)"),
        _needed(client_id, "certificate", "an app id ([auth] client_id or AZURE_CLIENT_ID)"),
        certificate_data=_read(path),
        password=password,
        **kwargs,
    )


def _default_credential(tenant: str | None, client_id: str, environ: Mapping[str, str], kwargs: dict[str, Any]) -> Any:
    """DefaultAzureCredential. A secret in the environment with a tenant from the settings is its first way, done here:
    the library itself reads the tenant from AZURE_TENANT_ID alone."""
    secret = environ.get("AZURE_CLIENT_SECRET")
    if tenant and client_id and secret:
        return identity.ClientSecretCredential(tenant, client_id, secret, **kwargs)
    of_tenant = (
        {
            "interactive_browser_tenant_id": tenant,
            "shared_cache_tenant_id": tenant,
            "visual_studio_code_tenant_id": tenant,
            "workload_identity_tenant_id": tenant,
            "broker_tenant_id": tenant,
        }
        if tenant
        else {}
    )
    return identity.DefaultAzureCredential(process_timeout=30, **of_tenant, **kwargs)


def _authority(cloud: Cloud, authority: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments that say where to sign in."""
    other = (authority or environ.get("AZURE_AUTHORITY_HOST") or "").strip().rstrip("/")
    if not other or other.removeprefix("https://") == cloud.login_host:
        return {"authority": cloud.authority}
    if other.startswith("http://"):
        raise ConfigError(
            f"the sign-in address {plain(other)} is plain http; a secret is never sent that way, https is needed"
        )
    # Instance discovery would ask Microsoft's global cloud whether it knows this host, which it does not.
    return {"authority": other, "disable_instance_discovery": True}


class GivenToken:
    """A credential that holds one token made elsewhere, and cannot renew it."""

    def __init__(self, token: str, expires_at: float) -> None:
        self._token = token
        self._expires_at = expires_at

    def __repr__(self) -> str:
        return "GivenToken(…)"

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        """The token itself, whatever is asked."""
        return AccessToken(self._token, int(self._expires_at))

    def close(self) -> None:
        """Nothing to close."""


def _given_token(text: str, *, tenant: str | None, cloud: Cloud) -> GivenToken:
    """The credential for a token from the environment, after a look at what it says of itself.

    Raises:
        SignInError: no token, none for Microsoft Graph, expired, or of another tenant.
    """
    token = text.strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    if not token:
        raise SignInError(
            f"Method token needs an access token in the environment variable {TOKEN_VARIABLE}, and it is empty."
        )
    claims = read_claims(token)
    if not claims.is_readable or any(character.isspace() for character in token):
        raise SignInError(
            f"The value of {TOKEN_VARIABLE} is not an access token for Microsoft Graph: it is not a JSON Web Token."
        )
    if not claims.is_for(cloud):
        shown = claims.audience or "nothing"
        raise SignInError(
            f"The token in {TOKEN_VARIABLE} is for another resource ({shown}); one for {cloud.graph_resource} is needed."
        )
    if claims.expires_at is not None and claims.expires_at <= time.time():
        ended = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(claims.expires_at))
        raise SignInError(f"The token in {TOKEN_VARIABLE} has expired ({ended}); get a new one.")
    if tenant and _GUID.fullmatch(tenant) and claims.tenant_id and claims.tenant_id != tenant.lower():
        raise SignInError(
            f"The token in {TOKEN_VARIABLE} is of tenant {claims.tenant_id}, and tenant {tenant} was asked for."
        )
    return GivenToken(token, claims.expires_at or time.time() + 3600)


def _needed(value: str | None, method: str, what: str) -> str:
    if not value:
        raise ConfigError(f"sign-in method {method} needs {what}")
    return value


def _secret(auth: AuthSettings, environ: Mapping[str, str]) -> str:
    if auth.secret_file:
        return _read_secret(auth.secret_file)
    return next((environ[name] for name in SECRET_VARIABLES if environ.get(name)), "")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SECRET_BYTES)
    except OSError as error:
        # A name that leads nowhere may be the secret itself, pasted where its file was wanted; it is not repeated.
        named = "the file that [auth] names for sign-in" if isinstance(error, FileNotFoundError) else str(path)
        raise ConfigError(f"{named}: cannot be read ({error.strerror or type(error).__name__})") from None


def _read_secret(path: Path) -> str:
    """The text of a file without the line end that editors add."""
    try:
        secret = _read(path).decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected text (UTF-8)") from None
    if not secret:
        raise ConfigError(f"{path}: the file is empty, expected a secret")
    return secret


def _tell_code(tell: Callable[[str], None], uri: str, code: str) -> None:
    tell(f"To sign in, open {plain(uri)} and enter the code {plain(code, 40)}")


def _close(credential: Any) -> None:
    close = getattr(credential, "close", None)
    if close is not None:
        close()


def _first_sentence(error: object) -> str:
    """The first sentence of a library's message; secrets are never part of one, traces and advice come after it."""
    text = plain(str(error), 2000).removeprefix("Authentication failed: ")
    if missing := re.search(r"Missing required arguments: [^.]+", text):
        return missing[0]
    text = re.sub(r"^\w+Credential authentication unavailable\. (?=\S)", "", text)
    return plain(re.split(r"(?<=[a-z)])\. |\. ?Trace ID| Trace ID", text)[0], 240).rstrip(". ") or type(error).__name__


def _after_code(text: str) -> str:
    return _first_sentence(text[text.index("AADSTS") :].partition(":")[2].strip())


def _attempts(text: str) -> str:
    """DefaultAzureCredential's list of attempts in one line: the ways that were tried and failed, not how to mend each."""
    names = re.findall(r"^\s*([A-Z][A-Za-z]+Credential): (.+)$", text, flags=re.MULTILINE)
    tried = (f"{name.removesuffix('Credential')} ({plain(_first_sentence(why), 80)})" for name, why in names)
    return "; ".join(tried) or _first_sentence(text)


def _end(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
