"""Bytes on sockets: reads HTTP/1.1 requests from anybody, writes answers. Never lets a client break the server.

What a request means is ``server.Emulator.respond``'s business. Prints nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import socketserver
import ssl
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from auditor.emulator.messages import Answer, Headers, Refusal, Request, client_request_id
from auditor.emulator.settings import Settings

DIAGNOSTIC = '{"ServerInfo":{"DataCenter":"Loopback","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"graph-auditor-emulator"}}'
COMPRESS_FROM_BYTES = 1024
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:]{2,39}\](:\d{1,5})?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(;.*)?\r?\n?", re.DOTALL)


class Responder(Protocol):
    """Who answers what was read from a socket (``server.Emulator``)."""

    settings: Settings
    tls_context: ssl.SSLContext | None

    @property
    def url(self) -> str:
        """Where the server listens."""

    def respond(self, request: Request) -> Answer:
        """The answer to a request."""


class Listener(ThreadingHTTPServer):
    """Accepts connections on loopback, a thread each."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # On Windows the option would let two programs listen on one port.
    allow_reuse_address = os.name == "posix"

    def __init__(self, address: tuple[str, int], emulator: Responder) -> None:
        self.emulator = emulator
        self._open: set[socket.socket] = set()
        super().__init__(address, Connection)

    def server_bind(self) -> None:
        """Bind without the standard library's look-up of this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the TLS handshake is left to the connection's own thread."""
        connection, address = super().get_request()
        connection.settimeout(self.emulator.settings.idle_seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        context = self.emulator.tls_context
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that its thread is done with."""
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and end the connections that clients keep alive."""
        super().server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is its client's affair: nothing is printed."""


class Connection(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "GraphAuditorEmulator"
    sys_version = ""
    server: Listener

    def setup(self) -> None:
        """Finish the TLS handshake before anything is read."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def handle(self) -> None:
        """Serve until the client or a timeout ends it."""
        with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
            super().handle()

    def handle_one_request(self) -> None:
        """Read one request, of any method, and answer it."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
            return
        if len(self.raw_requestline) > 65536:
            self.requestline, self.request_version, self.command = "", "", ""
            self.send_error(414)
            return
        if not self.parse_request():
            self.close_connection = True
            return
        request = self._request()
        try:
            request.body = self._body()
        except Refusal as refusal:
            self.close_connection = True  # What is left of the body cannot be told from the next request.
            self._send(refusal.answer(request), request)
            return
        self._send(self.server.emulator.respond(request), request)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The standard library's refusals of malformed requests, with a body as Graph writes them."""
        self.close_connection = True
        self.request_version = self.protocol_version  # else the answer to an unreadable line would go without headers
        empty = Request("", "", "", Headers())
        refusal = Refusal(400 if code >= 500 else code, "BadRequest", message or "The request cannot be read.")
        self._send(refusal.answer(empty), empty)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the emulator's ``log`` callback is the access log."""

    def _request(self) -> Request:
        target = self.path
        if not target.startswith("/"):  # the absolute form that proxies are sent
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("#")[0].partition("?")
        host = self.headers.get("Host") or ""
        base_url = self.server.emulator.url
        if _HOST.fullmatch(host):
            base_url = f"{base_url.partition('://')[0]}://{host}"
        return Request(self.command.upper(), path, query, Headers(self.headers.items()), b"", base_url)

    def _body(self) -> bytes:
        limit = self.server.emulator.settings.max_body_bytes
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return self._chunks(limit)
        text = (self.headers.get("Content-Length") or "0").strip()
        if not (text.isascii() and text.isdigit()):
            raise Refusal(400, "BadRequest", "The Content-Length header is not a number.")
        if len(text) > 15 or int(text) > limit:
            raise Refusal(413, "RequestEntityTooLarge", "The request body is too large.")
        return self.rfile.read(int(text))

    def _chunks(self, limit: int) -> bytes:
        body = bytearray()
        while True:
            match = _CHUNK_SIZE.fullmatch(self.rfile.readline(1024))
            if match is None:
                raise Refusal(400, "BadRequest", "The chunked request body cannot be read.")
            size = int(match[1], 16)
            if len(body) + size > limit:
                raise Refusal(413, "RequestEntityTooLarge", "The request body is too large.")
            body += self.rfile.read(size)
            line = self.rfile.readline(1024)
            if size == 0:
                while line.strip():  # trailers
                    line = self.rfile.readline(1024)
                return bytes(body)

    def _send(self, answer: Answer, request: Request) -> None:
        if answer.mishap == "dropped":
            self.close_connection = True
            return
        body = b"" if request.method == "HEAD" or answer.status == 204 else answer.body
        headers = {
            "Cache-Control": "no-cache",
            "Content-Type": answer.content_type,
            "OData-Version": "4.0",
            "request-id": str(uuid.uuid4()),
            "x-ms-ags-diagnostic": DIAGNOSTIC,
            **answer.headers,
        }
        headers["client-request-id"] = client_request_id(request) or headers["request-id"]
        if len(body) >= COMPRESS_FROM_BYTES and _accepts_gzip(request):
            compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
            body = compressor.compress(body) + compressor.flush()
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        if answer.status != 204:
            headers["Content-Length"] = str(len(body))
        if answer.mishap == "truncated":
            body = body[: len(body) // 2]
            self.close_connection = True
        if self.close_connection:
            headers["Connection"] = "close"
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _accepts_gzip(request: Request) -> bool:
    for part in request.headers.read("accept-encoding").lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
