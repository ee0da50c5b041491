"""What comes back over the wire: taken in up to a limit, decompressed, decoded. Nothing a server sends is trusted.

The limits count what was decompressed. JSON that is not quite JSON (half of a surrogate pair, a number beyond every
float) is mended and marked, so that one odd object does not cost a whole source.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from auditor.graph.refusal import Broken

MAX_BYTES = 256 * 2**20
"""The largest body that is taken in. Graph's largest pages (999 service principals) have a few megabytes."""
MAX_ERROR_BYTES = 2**20
ENCODINGS = ("gzip",)
"""Compressions that are asked for. One alone, and none that can make terabytes out of a packet."""
_MAX_INTEGER = 2**63
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Answer:
    """What came back: of a request, or of one item of a ``$batch``."""

    status: int
    body: Any
    """Decoded JSON; None where the body was empty."""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_mended: bool = False
    """Whether values that no JSON reader accepts were replaced."""


class BoundedClient(httpx.AsyncClient):
    """An HTTP client that never takes in more than the limits above, whoever calls it."""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """The whole response, its body decompressed.

        Raises:
            Broken: the body is larger than the limit, or compressed in a way that was not asked for.
            httpx.HTTPError: the connection broke.
        """
        response = await super().send(request, **{**options, "stream": True})
        try:
            content = await _taken_in(response)
        finally:
            await response.aclose()
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_TRANSFER]
        return httpx.Response(
            response.status_code,
            headers=headers,
            content=content,
            request=request,
            extensions={"http_version": response.extensions.get("http_version", b"HTTP/1.1")},
        )


_OF_THE_TRANSFER = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


async def _taken_in(response: httpx.Response) -> bytes:
    status = response.status_code
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", *ENCODINGS):
        raise Broken("the answer is compressed in a way that was not asked for", status, is_final=True)
    limit = MAX_ERROR_BYTES if status >= 400 else MAX_BYTES
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > limit:
            what = "error body" if status >= 400 else "answer"
            raise Broken(f"the {what} is larger than {limit >> 20} MB; it was not read further", status, is_final=True)
        parts.append(part)
    return b"".join(parts)


def decode(response: httpx.Response) -> Answer:
    """Status, headers and decoded body of a response.

    Raises:
        Broken: a redirect, no JSON, or nothing where something must be.
    """
    status, content = response.status_code, response.content
    if 300 <= status < 400:
        raise Broken(
            "the server answers with a redirect, which Graph does not; it was not followed", status, is_final=True
        )
    body: Any = None
    is_mended = False
    if content.strip():
        content = content.removeprefix(b"\xef\xbb\xbf")
        try:
            body = orjson.loads(content)
        except ValueError:
            try:
                body, is_mended = _mended(json.loads(content.decode("utf-8", "surrogatepass"), **_LENIENT)), True
            except RecursionError:
                if status < 400:
                    raise Broken("the answer is nested too deeply", status, is_final=True) from None
            except ValueError:
                if status < 400:
                    raise Broken("the answer is not JSON, or was cut off", status) from None
    elif status == 200:
        raise Broken("the answer is empty", status)
    return Answer(status, body, dict(response.headers), is_mended)


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _integer(text: str) -> int | float | None:
    """An integer that can be stored; a longer one as a float, as orjson reads it."""
    value = int(text) if len(text) < 20 else _MAX_INTEGER
    return value if -_MAX_INTEGER <= value < _MAX_INTEGER else _number(text)


_LENIENT: Mapping[str, Any] = {"parse_float": _number, "parse_int": _integer, "parse_constant": lambda name: None}


def _mended(value: Any) -> Any:
    """The value without halves of surrogate pairs, which no file can hold."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(one) for name, one in value.items()}
    return value
