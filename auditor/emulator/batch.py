"""``$batch``: up to 20 requests in one. https://learn.microsoft.com/graph/json-batching

Items are answered one by one through the same gate as single requests: each with its own status, permissions and faults.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson

from auditor.emulator.messages import Answer, Headers, Refusal, Request, RequestRecord, bad_request

MAX_ITEMS = 20

Serve = Callable[[Request], tuple[Answer, RequestRecord]]


def answer(request: Request, version: str, serve: Serve) -> Answer:
    """The answer to a batch.

    Args:
        request: The POST, its body still unread.
        version: ``v1.0`` or ``beta``: the one that all items use.
        serve: Answers one item.

    Raises:
        Refusal: 400, the batch as a whole cannot be read.
    """
    items = _items(request.body)
    statuses: dict[str, int] = {}
    responses: list[bytes] = []
    records: list[RequestRecord] = []
    for item in items:
        part = _request(item, request, version)
        waiting = [str(name).lower() for name in item.get("dependsOn") or ()]
        if any(statuses.get(name, 424) >= 400 for name in waiting):
            refusal = Refusal(424, "FailedDependency", "A request that this request depends on failed.")
            reply, record = refusal.answer(part), RequestRecord(part.method, part.path, part.query, 424)
        elif part.path.lower().endswith("/$batch"):
            refusal = bad_request("A batch request cannot contain another batch request.")
            reply, record = refusal.answer(part), RequestRecord(part.method, part.path, part.query, 400)
        else:
            reply, record = serve(part)
        statuses[str(item["id"]).lower()] = reply.status
        records.append(record)
        responses.append(_response(str(item["id"]), reply))
    body = b'{"responses":[' + b",".join(responses) + b"]}"
    return Answer(200, body, content_type="application/json", items=records)


def _items(body: bytes) -> list[dict[str, Any]]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_request("Unable to read JSON request payload. Please ensure Content-Type header is set.") from None
    items = content.get("requests") if isinstance(content, dict) else None
    if not isinstance(items, list) or not items:
        raise bad_request("Invalid batch payload format.")
    if len(items) > MAX_ITEMS:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {MAX_ITEMS}.")
    seen: set[str] = set()
    for item in items:
        _check(item)
        name = str(item["id"]).lower()
        if name in seen:
            raise bad_request(f"Request Id: {item['id'][:64]} is not unique in the batch.")
        seen.add(name)
    return items


def _check(item: Any) -> None:
    is_whole = isinstance(item, dict) and all(
        isinstance(item.get(key), str) and item[key] for key in ("id", "method", "url")
    )
    if not is_whole:
        raise bad_request("Invalid batch payload format: each request needs id, method and url.")
    headers = {} if item.get("headers") is None else item["headers"]
    if not isinstance(headers, dict) or not isinstance(item.get("dependsOn") or [], list):
        raise bad_request("Invalid batch payload format: headers must be an object and dependsOn a list.")
    has_type = any(str(name).lower() == "content-type" for name in headers)
    if item.get("body") is not None and not has_type:
        raise bad_request("Write request with a body must have a Content-Type header.")


def _request(item: dict[str, Any], outer: Request, version: str) -> Request:
    path, _, query = item["url"].partition("#")[0].partition("?")
    own = {str(name).lower(): str(value) for name, value in (item.get("headers") or {}).items()}
    headers = Headers({"authorization": outer.headers.read("authorization"), **own}.items())
    body = orjson.dumps(item["body"]) if item.get("body") is not None else b""
    path = f"/{version}/{path.lstrip('/')}"
    return Request(item["method"].upper(), path, query, headers, body, outer.base_url, in_batch=True)


def _response(name: str, reply: Answer) -> bytes:
    """One entry; a JSON body is passed through as it is, any other as a base64 text."""
    body: Any = None
    if reply.body and "json" in reply.content_type:
        body = orjson.Fragment(reply.body)
    elif reply.body:
        body = base64.b64encode(reply.body).decode()
    headers = {"Cache-Control": "no-cache", "Content-Type": reply.content_type, **reply.headers}
    return orjson.dumps({"id": name, "status": reply.status, "headers": headers, "body": body})
