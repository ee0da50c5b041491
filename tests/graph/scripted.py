"""A tiny HTTP server whose every answer a test writes: for what a well-behaved emulator never does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from auditor.graph.retry import Clock


@dataclass
class Reply:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drop: bool = False
    """Close the connection without an answer."""
    promise: int | None = None
    """Content-Length that is announced, where it differs from what is sent."""


@dataclass
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: Any


class Scripted(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[Seen], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.seen: list[Seen] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def log_message(self, *args: object) -> None:
        pass

    def _serve(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, json.loads(content) if content else None)
        self.server.seen.append(seen)
        reply = self.server.answer(seen)
        if reply.drop:
            self.close_connection = True
            return
        payload = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload) if reply.promise is None else reply.promise))
        self.end_headers()
        self.wfile.write(payload)
        if reply.promise is not None:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815


@contextmanager
def scripted(answer: Callable[[Seen], Reply]) -> Iterator[Scripted]:
    server = Scripted(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_turn(*replies: Reply) -> Callable[[Seen], Reply]:
    """Each reply once, the last one for ever."""
    waiting = list(replies)
    return lambda seen: waiting.pop(0) if len(waiting) > 1 else waiting[0]


class FakeClock:
    """Time that passes only when somebody sleeps, at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.start = datetime(2026, 11, 22, 12, tzinfo=UTC)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(
            sleep=self._sleep,
            monotonic=lambda: sum(self.slept),
            now=lambda: self.start + timedelta(seconds=sum(self.slept)),
            jitter=lambda: 0.0,
        )


def error(code: str, message: str = "no", status: int = 403, **headers: str) -> Reply:
    return Reply({"error": {"code": code, "message": message, "innerError": {"date": "2026"}}}, status, headers)
