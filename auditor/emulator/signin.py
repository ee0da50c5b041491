"""The token endpoint: client credentials with a secret or a certificate, as Microsoft Entra ID answers them.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and, for the error numbers,
https://learn.microsoft.com/entra/identity-platform/reference-error-codes. Other grants are refused.
"""

from __future__ import annotations

import re
import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from auditor.emulator.assertions import BadAssertionError, read_assertion
from auditor.emulator.authorize import is_disabled
from auditor.emulator.messages import PLAIN_JSON, Answer, Request
from auditor.emulator.store import Row, Store
from auditor.emulator.tokens import GRAPH_AUDIENCES, TokenKey, application_claims, common_claims
from auditor.reference.resources import GRAPH

TOKEN_SECONDS = 3600
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN = re.compile(r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token", re.IGNORECASE)
_CONFIGURATION = re.compile(r"/(?P<tenant>[^/]+)/v2\.0/\.well-known/openid-configuration", re.IGNORECASE)
_INSTANCE = re.compile(r"/common/discovery/instance", re.IGNORECASE)


class SignInRefusedError(Exception):
    """A refusal of the token endpoint: OAuth error word, AADSTS number, sentence."""

    def __init__(self, error: str, number: int, message: str, status: int = 400) -> None:
        super().__init__(number)
        self.error, self.number, self.message, self.status = error, number, message, status


class TokenEndpoint:
    """Entra ID's part of the emulator."""

    def __init__(self, store: Store, key: TokenKey) -> None:
        self.audiences: set[str] = set()
        """Addresses of the emulator itself: asking a token for one of them means Graph."""
        self._store = store
        self._key = key

    def answer(self, request: Request) -> Answer | None:
        """The answer to a sign-in request, or None where the path is none."""
        if match := _TOKEN.fullmatch(request.path):
            try:
                self._check_tenant(match["tenant"])
                if request.method != "POST":
                    raise SignInRefusedError("invalid_request", 900561, "The endpoint only accepts POST requests.")
                return _json(self._token(dict(parse_qsl(request.body.decode(errors="replace"))), request.base_url))
            except SignInRefusedError as refused:
                return _refusal(refused)
        if match := _CONFIGURATION.fullmatch(request.path):
            try:
                self._check_tenant(match["tenant"])
            except SignInRefusedError as refused:
                return _refusal(refused)
            return _json(self._configuration(request.base_url))
        if _INSTANCE.match(request.path):
            host = request.base_url.partition("//")[2]
            endpoint = f"{request.base_url}/{self._store.tenant_id}/v2.0/.well-known/openid-configuration"
            metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
            return _json({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": metadata})
        return None

    def _check_tenant(self, name: str) -> None:
        domains = {
            str(domain.get("name", "")).lower()
            for row in self._store.rows("organization")
            for domain in row.get("verifiedDomains") or ()
        }
        if name.lower() not in {self._store.tenant_id.lower(), *domains}:
            message = f"Tenant '{name[:64]}' not found. Check to make sure you have the correct tenant ID."
            raise SignInRefusedError("invalid_request", 90002, message)

    def _configuration(self, base_url: str) -> dict[str, Any]:
        issuer = f"{base_url}/{self._store.tenant_id}"
        return {
            "token_endpoint": f"{issuer}/oauth2/v2.0/token",
            "authorization_endpoint": f"{issuer}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{issuer}/oauth2/v2.0/devicecode",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code", "id_token", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["HS256"],
            "scopes_supported": ["openid"],
            "issuer": f"{issuer}/v2.0",
            "jwks_uri": f"{issuer}/discovery/v2.0/keys",
            "tenant_region_scope": "EU",
        }

    def _token(self, form: dict[str, str], base_url: str) -> dict[str, Any]:
        if form.get("grant_type") != "client_credentials":
            message = "The app requested an unsupported grant type; the emulator knows client_credentials alone."
            raise SignInRefusedError("unsupported_grant_type", 70003, message)
        app_id = form.get("client_id", "").lower()
        application = self._store.find("applications", app_id, "appId")
        principal = self._store.find("servicePrincipals", app_id, "appId")
        if application is None and principal is None:
            message = f"Application with identifier '{app_id[:64]}' was not found in the directory '{self._store.display_name}'."
            raise SignInRefusedError("unauthorized_client", 700016, message)
        self._check_credential(form, app_id, application or {}, base_url)
        if is_disabled(application or {}) or is_disabled(principal or {}):
            principal = principal or application or {}
            message = f"Application '{app_id}'({principal.get('displayName')}) is disabled."
            raise SignInRefusedError("unauthorized_client", 7000112, message)
        resource_app_id, audience = self._resource(form.get("scope", ""))
        roles = self._store.application_permissions(principal["id"], resource_app_id) if principal else []
        claims = common_claims(
            self._store.tenant_id,
            audience,
            app_id=app_id,
            app_name=str((principal or application or {}).get("displayName", "")),
            lifetime_seconds=TOKEN_SECONDS,
        ) | application_claims(principal["id"] if principal else None, roles)
        claims["appidacr"] = "2" if form.get("client_assertion") else "1"
        return {
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "ext_expires_in": TOKEN_SECONDS,
            "access_token": self._key.sign(claims),
        }

    def check_sign_in(self, app_id: str, user: Row | None, resource_app_id: str = GRAPH) -> None:
        """Refuse what Entra ID refuses at sign-in, whatever the protocol: of a user, or of the app alone (user None).

        Passwords, multifactor authentication and Conditional Access are not looked at.

        Raises:
            SignInRefusedError: with the AADSTS number that Entra ID gives.
        """
        application = self._store.find("applications", app_id, "appId")
        principal = self._store.find("servicePrincipals", app_id, "appId")
        if application is None and principal is None:
            message = f"Application with identifier '{app_id[:64]}' was not found in the directory '{self._store.display_name}'."
            raise SignInRefusedError("unauthorized_client", 700016, message)
        if is_disabled(application or {}) or is_disabled(principal or {}):
            raise SignInRefusedError("unauthorized_client", 7000112, f"Application '{app_id}' is disabled.")
        resource = self._store.find("servicePrincipals", resource_app_id, "appId")
        if resource is None or is_disabled(resource):
            message = (
                f"The resource '{resource_app_id[:64]}' has no service principal in the tenant, or a disabled one."
            )
            raise SignInRefusedError("invalid_client", 650052, message)
        if user is None:
            self._check_any_credential(application, principal)
            return
        if user.get("accountEnabled") is False:
            raise SignInRefusedError("invalid_grant", 50057, "The user account is disabled.")
        if principal is None or not self._store.delegated_permissions(principal["id"], user["id"], resource_app_id):
            message = f"The user or administrator has not consented to use the application with ID '{app_id}'."
            raise SignInRefusedError("invalid_grant", 65001, message)
        assigned = {str(row["resourceId"]).lower() for row in self._store.assignments_of_user(user["id"])}
        if principal.get("appRoleAssignmentRequired") is True and principal["id"].lower() not in assigned:
            message = f"The signed in user is not assigned to a role for the application '{app_id}'."
            raise SignInRefusedError("interaction_required", 50105, message)

    def _check_any_credential(self, application: Row | None, principal: Row | None) -> None:
        """Whether an app can prove who it is at all: a managed identity by its platform, others by a credential that lasts."""
        if (principal or {}).get("servicePrincipalType") == "ManagedIdentity":
            return
        holders = [application or {}, principal or {}]
        held = [
            one for row in holders for name in ("passwordCredentials", "keyCredentials") for one in row.get(name) or ()
        ]
        if (application or {}).get("federatedIdentityCredentials") or not all(_ended(one) for one in held):
            return
        number = 7000222 if held else 7000218
        raise SignInRefusedError("invalid_client", number, "The app has no credential that is still valid.", 401)

    def _check_credential(self, form: dict[str, str], app_id: str, application: Row, base_url: str) -> None:
        if assertion := form.get("client_assertion"):
            endpoints = {
                f"{base_url}/{self._store.tenant_id}/oauth2/v2.0/token",
                f"{base_url}/{self._store.tenant_id}/v2.0",
            }
            try:
                read_assertion(assertion, self._store.certificates.get(app_id, []), app_id=app_id, audiences=endpoints)
            except BadAssertionError as error:
                raise SignInRefusedError("invalid_client", error.number, str(error), 401) from None
            return
        if "client_secret" not in form:
            message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
            raise SignInRefusedError("invalid_client", 7000218, message, 401)
        known = self._store.secrets.get(app_id, [])
        matches = [
            i for i, text in enumerate(known) if secrets.compare_digest(text.encode(), form["client_secret"].encode())
        ]
        if not matches:
            message = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
                f"not the client secret ID, for a secret added to app '{app_id}'."
            )
            raise SignInRefusedError("invalid_client", 7000215, message, 401)
        if _has_expired(application.get("passwordCredentials") or [], matches[0], len(known)):
            message = f"The provided client secret keys for app '{app_id}' are expired."
            raise SignInRefusedError("invalid_client", 7000222, message, 401)

    def _resource(self, scope: str) -> tuple[str, str]:
        """App id and audience of the resource behind ``<resource>/.default``."""
        words = scope.split()
        if len(words) != 1 or not words[0].endswith("/.default"):
            message = (
                f"The provided value for the input parameter 'scope' is not valid: '{scope[:128]}'. "
                "Client credential flows must have a scope value with /.default suffixed to the resource identifier."
            )
            raise SignInRefusedError("invalid_scope", 1002012, message)
        resource = words[0].removesuffix("/.default").rstrip("/").lower()
        if resource in GRAPH_AUDIENCES or resource in {known.lower() for known in self.audiences}:
            return GRAPH, resource
        for row in self._store.rows("servicePrincipals"):
            names = {str(row["appId"]), *map(str, row.get("servicePrincipalNames") or ())}
            if resource in {name.rstrip("/").lower() for name in names}:
                return str(row["appId"]).lower(), resource
        message = (
            f"The resource principal named {resource[:128]} was not found in the tenant named {self._store.display_name}. "
            "This can happen if the application has not been installed by the administrator of the tenant or consented to "
            "by any user in the tenant."
        )
        raise SignInRefusedError("invalid_resource", 500011, message)


def _has_expired(credentials: list[Row], position: int, known: int) -> bool:
    """Whether a secret has expired: by the credential at its place where there are as many, else by all of them."""
    if not credentials:
        return False
    concerned = [credentials[position]] if len(credentials) == known else credentials
    return all(_ended(credential) for credential in concerned)


def _ended(credential: Row) -> bool:
    try:
        return datetime.fromisoformat(str(credential.get("endDateTime"))) < datetime.now(UTC)
    except (ValueError, TypeError):
        return False  # No date, or one without a zone: nothing says that it ended.


def _json(content: Any, status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(content), {"Cache-Control": "no-store"}, PLAIN_JSON)


def _refusal(refused: SignInRefusedError) -> Answer:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    moment = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    text = (
        f"AADSTS{refused.number}: {refused.message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"
    )
    content = {
        "error": refused.error,
        "error_description": text,
        "error_codes": [refused.number],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={refused.number}",
    }
    return _json(content, refused.status)
