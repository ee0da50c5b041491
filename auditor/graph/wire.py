"""One HTTP exchange with Graph through msgraph-sdk's own pieces: request adapter, authentication, middleware, request
information. This is the one place where requests leave, and it lets only reads pass: GET, and ``$batch`` of GETs.

Bodies are taken in and decoded by ``answer``. The SDK's typed models run thousands of imports for every object, its
PageIterator stops at an empty page, and its batch client loses JSON bodies; none of them is used. Its retry and redirect
handlers are left out of the pipeline: ``client`` retries, and nobody follows a redirect with a token.
Importing this module imports the SDK (0.3 s); commands import it where they need it.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx
import orjson
from azure.core.exceptions import AzureError
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import ResponseHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph_core import APIVersion, GraphClientFactory
from msgraph_core.middleware import AsyncGraphTransport, GraphTelemetryHandler
from msgraph_core.middleware.options import GraphTelemetryHandlerOption

from auditor import __version__
from auditor.errors import UsageError
from auditor.graph.answer import ENCODINGS, Answer, BoundedClient, decode
from auditor.graph.refusal import Broken, TooSlow, Unreachable, plain
from auditor.graph.signin import token_refused
from auditor.redaction import hide
from auditor.reference.clouds import Cloud

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that may be spoken to without TLS; the same ones msgraph-sdk's authentication accepts, and
``auditor.values.is_loopback``."""
VERSION_ROOT = "/v1.0"
BATCH_SIZE = 20
"""Requests a ``$batch`` carries at most (https://learn.microsoft.com/graph/json-batching)."""
EVENTUAL = {"ConsistencyLevel": "eventual"}
"""Header of advanced queries. Not part of a nextLink, so it is sent with every page."""
EXCHANGE_SECONDS = 300.0
"""Deadline of one request and its whole answer. httpx limits the wait for each packet alone, so drops could go on for ever."""
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\\]")
"""Characters that the readers of a URL disagree on: some drop them, some end there."""


class WriteRefused(AssertionError):
    """Something tried to send what is not a read: a mistake in this program, stopped here."""


def root_of(cloud: Cloud, graph_url: str | None) -> str:
    """Scheme, host and version every request starts with, e.g. ``https://graph.microsoft.com/v1.0``.

    Raises:
        UsageError: the address is none, is plain http to another machine, or names another version.
    """
    address = (graph_url or cloud.graph_resource).strip().rstrip("/")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None or parts.query or parts.fragment:
        raise UsageError(f"the Graph address {plain(address)!r} is not a web address; expected https://host")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise UsageError(
            f"the Graph address {address} is plain http; that is accepted for this machine alone (127.0.0.1)"
        )
    if parts.path not in ("", VERSION_ROOT):
        raise UsageError(f"the Graph address {address} has a path; expected scheme and host alone")
    return f"{parts.scheme}://{parts.netloc}{VERSION_ROOT}"


class Wire:
    """Sends reads to one Graph host. Use it as an async context manager; it counts the requests it sends."""

    def __init__(
        self, credential: TokenCredential, *, cloud: Cloud, graph_url: str | None = None, connections: int = 6
    ) -> None:
        """Prepares the pipeline; nothing is sent yet.

        Args:
            credential: a synchronous azure-identity credential; the caller keeps and closes it.
            cloud: decides the host, and which resource the token is for.
            graph_url: another address of Graph, e.g. an emulator's.
            connections: requests in flight at once.

        Raises:
            UsageError: see ``root_of``.
        """
        self.root = root_of(cloud, graph_url)
        self.requests = 0
        self.has_answered = False
        """Whether this host ever answered anything."""
        self._parts = urlsplit(self.root)
        self._slots = asyncio.Semaphore(connections)
        self._http = self._http_client(connections)
        self._adapter = self._request_adapter(credential, cloud)

    def _http_client(self, connections: int) -> Any:
        is_loopback = self._parts.hostname in LOOPBACK
        bundle = os.environ.get("REQUESTS_CA_BUNDLE")  # what sign-in honours, reading honours too
        client = BoundedClient(
            timeout=httpx.Timeout(100, connect=30),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            headers={"User-Agent": f"graph-auditor/{__version__}", "Accept": "application/json"}
            | {"Accept-Encoding": ", ".join(ENCODINGS)},
            trust_env=not is_loopback,  # a proxy is for other machines
            verify=ssl.create_default_context(cafile=bundle) if bundle else True,
        )
        telemetry = GraphTelemetryHandler(options=GraphTelemetryHandlerOption(api_version=APIVersion.v1))
        return GraphClientFactory.create_with_custom_middleware(middleware=[telemetry], client=client)

    def _request_adapter(self, credential: TokenCredential, cloud: Cloud) -> Any:
        provider = AzureIdentityAuthenticationProvider(
            _Watched(credential),
            scopes=[f"{cloud.graph_resource}/.default"],  # also where the host is an emulator's
            allowed_hosts=[str(self._parts.hostname)],
        )
        return GraphRequestAdapter(provider, client=self._http)

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        # The SDK wraps the transports and its wrapper does not close what it wraps; connections would stay open.
        for wrapper in (self._http._transport, *self._http._mounts.values()):
            if isinstance(wrapper, AsyncGraphTransport):
                await wrapper.transport.aclose()

    def admits(self, url: str) -> bool:
        """Whether an absolute URL leads to this host, by this scheme, into this version, and stays there."""
        if _UNSENDABLE.search(url):
            return False
        try:
            parts = urlsplit(url)
            return (
                _origin(parts) == _origin(self._parts)
                and parts.username is None
                and parts.password is None
                and parts.path.startswith(f"{VERSION_ROOT}/")
                and not {".", ".."} & set(unquote(parts.path).replace("\\", "/").split("/"))
            )
        except ValueError:
            return False

    async def get(self, url: str, *, advanced: bool = False) -> Answer:
        """GET of a path from the version root (``/applications?$top=999``) or of a nextLink, taken verbatim.

        Raises:
            Broken: no answer that is Graph's.
            SignInError: no token could be had.
        """
        absolute = f"{self.root}{url}" if url.startswith("/") else url
        return await self._send("GET", absolute, headers=EVENTUAL if advanced else {})

    async def post_batch(self, items: Sequence[Mapping[str, Any]]) -> Answer:
        """POST of a ``$batch``; each item is ``{"id", "method": "GET", "url", "headers"?}`` with a relative URL.

        Raises:
            Broken: no answer that is Graph's.
            SignInError: no token could be had.
        """
        return await self._send("POST", f"{self.root}/$batch", items=items)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        items: Sequence[Mapping[str, Any]] = (),
    ) -> Answer:
        is_read = method == "GET" and not items
        is_batch_of_reads = (
            method == "POST"
            and url == f"{self.root}/$batch"
            and 0 < len(items) <= BATCH_SIZE
            and all(
                item["method"] == "GET" and str(item["url"]).startswith("/") and "body" not in item for item in items
            )
        )
        if not (is_read or is_batch_of_reads) or not self.admits(url):
            raise WriteRefused(f"{method} {plain(url)} is no read of {self.root}")
        content = orjson.dumps({"requests": list(items)}) if items else None
        async with self._slots:
            return await self._exchange(method, url, headers or {}, content)

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        self.requests += 1
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                response = await self._adapter.send_primitive_async(
                    self._information(method, url, headers, content), "bytes", None
                )
        except TimeoutError:
            raise TooSlow(EXCHANGE_SECONDS) from None
        except httpx.InvalidURL as error:
            raise Broken(f"the address cannot be requested ({_reason(error)})", is_final=True) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(f"cannot connect to {self._parts.netloc} ({_reason(error)})") from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Broken(f"the connection to {self._parts.netloc} broke ({_reason(error)})") from None
        except AzureError as error:
            raise token_refused(error) from None
        except ValueError:  # a claims challenge that is not base64, from the SDK's authentication
            raise Broken("Graph asked for claims in a form that cannot be read", 401) from None
        self.has_answered = True
        return decode(response)

    def _information(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Any:
        information = RequestInformation()
        information.http_method = Method.POST if method == "POST" else Method.GET
        information.url = url
        for name, value in headers.items():
            information.headers.add(name, value)
        if content is not None:
            information.set_stream_content(content, "application/json")
        # The native handler hands over status, headers and body before the SDK turns errors into its own models.
        information.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        return information


class _Watched:
    """A credential whose tokens are redacted from now on wherever this process shows foreign text."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The credential's own answer."""
        token = self._credential.get_token(*scopes, **options)
        hide(token.token)
        return token


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; the port of the scheme where none is written."""
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _reason(error: Exception) -> str:
    """What happened to the connection, without anything of the request in it."""
    return plain(str(error), 120) or type(error).__name__
