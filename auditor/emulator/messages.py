"""Requests and answers inside the emulator, and Graph's error bodies. Knows nothing of sockets.

Error shape: https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

JSON_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
PLAIN_JSON = "application/json"


class Headers(dict[str, str]):
    """Request headers; names are looked up without regard to case."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__((name.lower(), value) for name, value in pairs)

    def read(self, name: str) -> str:
        """The value of header ``name``, empty where it was not sent."""
        return self.get(name.lower(), "")


@dataclass
class Request:
    """One request, or one item of a batch."""

    method: str
    path: str
    """Undecoded path, with the version: ``/v1.0/applications``."""
    query: str
    """Undecoded query string without the question mark."""
    headers: Headers
    body: bytes = b""
    base_url: str = ""
    """Scheme and host that absolute links in the answer carry."""
    in_batch: bool = False


@dataclass
class Answer:
    """What is sent back: status, headers, and the body already as bytes."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    items: list[RequestRecord] = field(default_factory=list)
    """The sub-requests, when this answers a batch."""
    mishap: str = ""
    """What the connection does with the answer: nothing, ``drop`` or ``truncate``."""

    @classmethod
    def of(cls, content: Any, status: int = 200, **headers: str) -> Answer:
        """An answer with ``content`` as JSON."""
        return cls(status, orjson.dumps(content), dict(headers))


@dataclass
class RequestRecord:
    """One request that was served: what tests count and access logs print."""

    method: str
    path: str
    query: str
    status: int
    items: list[RequestRecord] = field(default_factory=list)
    """The items of a ``$batch``."""
    app_id: str | None = None
    """The calling app, where the token was good."""
    resource_units: int = 0
    """What Graph would charge (learn.microsoft.com/graph/throttling-limits); 0 for a refused token."""


class Refusal(Exception):
    """An answer with an error body, raised from wherever the request turned out to be impossible."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, inner: Any = None
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.inner = dict(inner or {})

    def answer(self, request: Request) -> Answer:
        """The refusal as Graph writes it, with the ids of ``request``."""
        request_id = str(uuid.uuid4())
        inner = {
            **self.inner,
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id(request) or request_id,
        }
        content = {"error": {"code": self.code, "message": self.message, "innerError": inner}}
        return Answer(self.status, orjson.dumps(content), {"request-id": request_id, **self.headers}, PLAIN_JSON)


def client_request_id(request: Request) -> str:
    """The caller's own request id where it sent a sane one, else empty: it is echoed in a header."""
    value = request.headers.read("client-request-id")
    return value if len(value) <= 64 and value.isascii() and value.isprintable() else ""


def bad_request(message: str, code: str = "BadRequest") -> Refusal:
    """400 of the gateway, which reads the address and the query options."""
    return Refusal(400, code, message)


def unsupported_query(message: str) -> Refusal:
    """400 of the directory, which understood a query and will not run it."""
    return Refusal(400, "Request_UnsupportedQuery", message)


def unknown_segment(segment: str) -> Refusal:
    """400 for a path that the schema does not have."""
    return bad_request(f"Resource not found for the segment '{segment}'.")


def not_found(key: str) -> Refusal:
    """404 of the directory for an object id that does not exist."""
    return Refusal(
        404,
        "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
    )
