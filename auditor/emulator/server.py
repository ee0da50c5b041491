"""The emulator as one object: starts a server on loopback, hands out tokens, remembers what was asked.

What Graph answers is ``gateway``'s business, what the token endpoint answers ``signin``'s, and bytes on sockets are
``connection``'s.
"""

from __future__ import annotations

import ssl
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any

from auditor.emulator import tenantfile
from auditor.emulator.connection import Listener
from auditor.emulator.faults import Faults
from auditor.emulator.gateway import Gateway
from auditor.emulator.messages import Answer, Refusal, Request, RequestRecord
from auditor.emulator.settings import Settings, Tls
from auditor.emulator.signin import TokenEndpoint
from auditor.emulator.store import Row, Store
from auditor.emulator.tokens import (
    PERSONAL_TENANT,
    TokenKey,
    application_claims,
    common_claims,
    delegated_claims,
)
from auditor.errors import InputError, UsageError

AUDIT_PERMISSIONS = (
    "Application.Read.All",
    "Directory.Read.All",
    "LicenseAssignment.Read.All",
    "Policy.Read.All",
    "Policy.Read.PermissionGrant",
    "RoleManagement.Read.Directory",
)
"""Application permissions that open everything an audit reads."""
DEFAULT_AUDIENCE = "https://graph.microsoft.com"
OWN_APP_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "emulator.graph-auditor.invalid"))
"""The client that tokens are for when no app is named; it needs no service principal in the tenant."""
_OWN_OBJECT_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "principal.emulator.graph-auditor.invalid"))


class Emulator:
    """A Microsoft Graph for one tenant, on loopback. A context manager; ``start`` and ``stop`` do the same by hand."""

    def __init__(
        self,
        tenant: Mapping[str, Any],
        *,
        faults: Faults | None = None,
        port: int = 0,
        tls: Tls | None = None,
        settings: Settings | None = None,
        log: Callable[[RequestRecord], None] | None = None,
    ) -> None:
        """
        Args:
            tenant: A tenant as ``tenantfile`` describes it; never changed.
            faults: What goes wrong on purpose; nothing by default.
            port: To listen on; 0 takes a free one.
            tls: Serve https with this certificate.
            settings: Answers where Graph's own are uncertain.
            log: Called after each request, from the thread that served it.

        Raises:
            InputError: ``tenant`` is not a tenant, or the TLS files cannot be read.
        """
        tenantfile.check(tenant)
        self.faults = faults or Faults()
        self.settings = settings or Settings()
        self.requests: list[RequestRecord] = []
        """Requests to Graph in the order they were answered; a batch is one, with its items."""
        self.sign_ins: list[RequestRecord] = []
        """Requests to the token endpoint."""
        self.defects: list[str] = []
        """Errors of the emulator itself, each answered with 500: a test that sees one has found a bug."""
        self._port = port
        self.tls_context = _tls_context(tls) if tls else None
        self._log = log
        self._store = Store(tenantfile.prepare(tenant))
        self._key = TokenKey()
        self._gateway = Gateway(self._store, self._key, self.settings, self.faults, OWN_APP_ID)
        self._endpoint = TokenEndpoint(self._store, self._key)
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def writes(self) -> int:
        """Requests that would have changed the tenant, refused or not; items of batches count."""
        return self._gateway.writes

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash, e.g. ``http://127.0.0.1:49152``."""
        if self._server is None:
            raise UsageError("the emulator is not running")
        # The name, because certificates are made for names.
        return f"{'https://localhost' if self.tls_context else 'http://127.0.0.1'}:{self._server.server_address[1]}"

    def start(self) -> Emulator:
        """Listen and serve, in threads of its own.

        Raises:
            UsageError: the port is taken.
        """
        try:
            self._server = Listener(("127.0.0.1", self._port), self)
        except OSError as error:
            raise UsageError(f"cannot listen on port {self._port}: {error.strerror}") from error
        addresses = {self.url, f"http://localhost:{self._server.server_address[1]}"}
        self._gateway.audiences |= addresses
        self._endpoint.audiences |= addresses
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="emulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close every connection."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def token(
        self,
        app_id: str | None = None,
        roles: Collection[str] | None = None,
        scopes: Collection[str] | None = None,
        user: str | None = None,
        expires_in: float = 3600,
        audience: str = DEFAULT_AUDIENCE,
        *,
        personal: bool = False,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """An access token.

        Args:
            app_id: The client; None: a client of the emulator's own. One that has no service principal in the tenant gets
                a token without ``oid``, as from Entra ID.
            roles: Application permissions; None: those that the app was granted in the tenant.
            scopes: Delegated permissions; given (or ``user``), the token is delegated. None: what was granted.
            user: Id, user principal name or display name of the signed-in user; None: the tenant's first.
            expires_in: Seconds from now; negative makes an expired token.
            audience: The ``aud`` claim.
            personal: The user signs in with a personal Microsoft account.
            claims: Added to, or put in place of, the claims above; None as a value removes one.

        Raises:
            InputError: the tenant has no such user.
        """
        client = (app_id or OWN_APP_ID).lower()
        principal = self._store.find("servicePrincipals", client, "appId")
        name = str(principal.get("displayName", "")) if principal else "Graph Auditor emulator client"
        object_id = principal["id"] if principal else _OWN_OBJECT_ID if client == OWN_APP_ID else None
        made = common_claims(
            PERSONAL_TENANT if personal else self._store.tenant_id,
            audience,
            app_id=client,
            app_name=name,
            lifetime_seconds=expires_in,
        )
        if scopes is not None or user is not None or personal:
            person = self._user(user)
            if scopes is None:
                scopes = self._store.delegated_permissions(object_id, person["id"]) if object_id else ()
            made |= delegated_claims(person, scopes, self._store.directory_roles(person["id"]))
            if object_id is None:
                del made["oid"]
        else:
            if roles is None:
                roles = self._store.application_permissions(object_id) if object_id else ()
            made |= application_claims(object_id, roles)
        made |= claims or {}
        return self._key.sign({key: value for key, value in made.items() if value is not None})

    def sign_in(self, app_id: str, user: str | None = None) -> str:
        """An access token for Microsoft Graph, or Entra ID's refusal: as ``token``, with the checks of a real sign-in.

        Args:
            app_id: The client.
            user: Id, user principal name or display name of who signs in; None: the app alone, by any credential it has.

        Raises:
            SignInRefusedError: no token; ``number`` is the AADSTS number.
            InputError: the tenant has no such user.
        """
        self._endpoint.check_sign_in(app_id.lower(), None if user is None else self._user(user))
        return self.token(app_id, user=user)

    def auditor_token(self, without: Collection[str] = ()) -> str:
        """An application token with the least permissions an audit needs, minus ``without``."""
        return self.token(roles=[name for name in AUDIT_PERMISSIONS if name not in set(without)])

    def respond(self, request: Request) -> Answer:
        """Answer one request; called by the connections, from many threads."""
        try:
            answer = self._endpoint.answer(request)
            if answer is not None:
                self.sign_ins.append(RequestRecord(request.method, request.path, "", answer.status))
                return answer
            answer, record = self._gateway.serve(request)
        except Exception as error:
            self.defects.append(f"{request.method} {request.path}: {type(error).__name__}: {error}")
            refusal = Refusal(500, "InternalServerError", "The emulator failed; this is a bug of the emulator.")
            answer, record = refusal.answer(request), RequestRecord(request.method, request.path, request.query, 500)
        self.requests.append(record)
        if self._log is not None:
            self._log(record)
        return answer

    def _user(self, name: str | None) -> Row:
        users = self._store.rows("users")
        if name is None and users:
            return users[0]
        if name is None:
            return {"id": str(uuid.uuid5(uuid.NAMESPACE_DNS, "user.emulator.invalid")), "displayName": "Emulator User"}
        for key in ("id", "userPrincipalName", "displayName"):
            found = self._store.find("users", name, key)
            if found is not None:
                return found
        raise InputError(f"the tenant has no user '{name}'")


def _tls_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"cannot use the TLS files {tls.cert_file} and {tls.key_file}: {error}") from error
    return context
