"""A plain HTTP client for tests of the emulator; knows nothing of Graph and retries nothing."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from auditor.emulator import Emulator


@dataclass
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.json["value"]]


class Caller:
    """Calls one emulator with one token."""

    def __init__(self, emulator: Emulator, token: str | None = None) -> None:
        self.emulator = emulator
        self.token = emulator.auditor_token() if token is None else token

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.send("GET", url, headers=headers)

    def advanced(self, url: str) -> Reply:
        return self.get(url, {"ConsistencyLevel": "eventual"})

    def send(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """``url`` is absolute, or a path below /v1.0 whose spaces and quotes need not be escaped."""
        parts = urlsplit(self.emulator.url)
        target = url.removeprefix(self.emulator.url)
        if target.startswith("/") and not target.startswith(("/v1.0/", "/beta/", "/v2")):
            target = f"/v1.0{target}"
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, quote(target, safe="/?&=$%(),:;'@*!~-._"), payload, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def batch(self, *requests: Mapping[str, Any]) -> Reply:
        return self.send("POST", "/$batch", {"requests": list(requests)})

    def pages(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Reply]:
        """Every page, by the links."""
        link: str | None = url
        while link:
            reply = self.get(link, headers)
            assert reply.status == 200, reply.body
            yield reply
            link = reply.json.get("@odata.nextLink")
