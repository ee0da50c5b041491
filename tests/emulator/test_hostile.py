"""Clients that send nonsense: always an answer or a closed connection, never a defect, and the next client is served."""

from __future__ import annotations

import json
import socket
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.emulator import Emulator, Settings
from auditor.emulator.build import TenantBuilder
from tests.emulator.caller import Caller


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    tenant = TenantBuilder()
    tenant.user("Alice")
    tenant.app("Daemon", owners=("Alice",))
    with Emulator(tenant.data, settings=Settings(idle_seconds=5, max_body_bytes=10_000)) as running:
        yield running


def is_well(emulator: Emulator) -> None:
    assert emulator.defects == []
    assert Caller(emulator).get("/applications?$top=1").status == 200


def raw(emulator: Emulator, data: bytes) -> bytes:
    """What comes back for these bytes; the sending side is closed behind them."""
    port = int(emulator.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        received = b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while block := connection.recv(65536):
                received += block
        except ConnectionError:
            pass  # The server closed while we were still talking.
        return received


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(data=st.binary(max_size=300))
@quick
def test_any_bytes(emulator: Emulator, data: bytes) -> None:
    raw(emulator, data)
    is_well(emulator)


PATHS = st.lists(
    st.sampled_from(
        [
            "applications",
            "servicePrincipals",
            "$count",
            "owners",
            "policies",
            "me",
            "$batch",
            "delta",
            "applications(appId='x')",
            "users('')",
            "users()",
            "x(y=)",
            "..",
            "%00",
            "%",
            "%zz",
            "\u202e",
            "microsoft.graph.user",
            "roleManagement",
            "directory",
            "roleDefinitions",
            "identity",
            "displayName",
            "$value",
            "keyCredentials",
            "authorizationPolicy",
        ]
    )
    | st.text(max_size=12),
    max_size=7,
)
OPTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["$select", "$filter", "$expand", "$top", "$orderby", "$search", "$count", "$skiptoken", "$format", "x"]
        ),
        st.sampled_from(
            ["id", "true", "1", "owners($select=id)", "a/any(b:b eq 1)", "((((", "not not not id", "'", '"a:b"']
        )
        | st.text(alphabet=string.printable, max_size=30),
    ),
    max_size=4,
)


@given(path=PATHS, options=OPTIONS, method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "BREW"]))
@settings(quick, max_examples=300)
def test_any_address(emulator: Emulator, path: list[str], options: list[tuple[str, str]], method: str) -> None:
    caller = Caller(emulator)
    query = "&".join(f"{name}={quote(value)}" for name, value in options)
    reply = caller.send(
        method, f"/v1.0/{quote('/'.join(path), safe='/%')}?{query}", headers={"ConsistencyLevel": "eventual"}
    )
    assert reply.status in (200, 204, 400, 403, 404, 405, 501)
    if reply.status >= 400:
        assert {"code", "message", "innerError"} == set(reply.json["error"])
    assert emulator.defects == []


@given(
    expression=st.recursive(
        st.sampled_from(
            [
                "displayName eq 'x'",
                "id ne null",
                "tags/any(t:t eq 'x')",
                "startswith(id,'0')",
                "tags/$count gt 0",
                "id in ('a')",
            ]
            + [
                "appRoles/any(r:r/value eq 'x')",
                "info/logoUrl eq null",
                "createdDateTime ge 2020-01-01T00:00:00Z",
                "id",
            ]
            + [
                "displayName gt 5",
                "accountEnabled lt 'x'",
                "displayName/any(d:d eq 'x')",
                "startswith(1,2)",
                "api/x/y eq 1",
            ]
        ),
        lambda inner: (
            st.tuples(inner, st.sampled_from([" and ", " or ", ") and ("]), inner).map("".join)
            | inner.map(lambda text: f"not ({text})")
            | inner.map(lambda text: f"({text})")
        ),
        max_leaves=12,
    )
)
@settings(quick, max_examples=200)
def test_any_filter(emulator: Emulator, expression: str) -> None:
    reply = Caller(emulator).advanced(f"/applications?$count=true&$filter={quote(expression)}")
    assert reply.status in (200, 400)
    assert emulator.defects == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "method", "url", "headers", "body", "dependsOn", "requests"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(
    items=st.lists(JSON, max_size=3),
    token=st.sampled_from(["/users", "users?$top=1", "", "http://x/y", "/../..", "#", "?"]),
)
@settings(quick, max_examples=150)
def test_any_batch(emulator: Emulator, items: list[Any], token: str) -> None:
    good = {"id": "good", "method": "GET", "url": token}
    reply = Caller(emulator).send("POST", "/$batch", json.dumps({"requests": [*items, good]}).encode())
    assert reply.status in (200, 400)
    assert emulator.defects == []


@given(authorization=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
@quick
def test_any_authorization(emulator: Emulator, authorization: str) -> None:
    caller = Caller(emulator, token="")
    assert caller.get("/users", {"Authorization": f"Bearer {authorization}"}).status == 401
    assert emulator.defects == []


def test_claims_of_strange_types(emulator: Emulator) -> None:
    for name in ("roles", "scp", "wids", "oid", "tid", "exp", "nbf", "appid", "aud", "acct"):
        for value in (None, 1, "x", [], [1], {}, {"a": 1}, True, float(10**9), [[1]], ["a", {}]):
            token = emulator.token(user="Alice", scopes=["User.Read"], claims={name: value})
            assert Caller(emulator, token).get("/me").status in (200, 400, 401, 403)
    is_well(emulator)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /v1.0/users HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"GET /v1.0/users HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /v1.0/$batch HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"POST /v1.0/$batch HTTP/1.1\r\nContent-Length: 10001\r\n\r\n", b"413"),
        (b"POST /v1.0/$batch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST /v1.0/$batch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", b"413"),
        (b"POST /v1.0/$batch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"401"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET /v1.0/users HTTP/1.1\r\n" + b"".join(b"x%d: y\r\n" % n for n in range(200)) + b"\r\n", b"431"),
        (b"GET /v1.0/users HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET /v1.0/users HTTP/9.9\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET http://graph.microsoft.com/v1.0/users HTTP/1.1\r\n\r\n", b"401"),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /v1.0 HTTP/1.1\r\n\r\n", b"401"),
    ],
)
def test_malformed_requests_get_a_graph_error(emulator: Emulator, head: bytes, status: bytes) -> None:
    reply = raw(emulator, head)
    assert reply.split(b" ", 2)[1] == status
    body = json.loads(reply.partition(b"\r\n\r\n")[2])
    assert body["error"]["code"]
    is_well(emulator)


def test_responses_cannot_be_split(emulator: Emulator) -> None:
    reply = raw(
        emulator,
        b"GET /v1.0/nope HTTP/1.1\r\nHost: evil\x0bhost\r\nclient-request-id: a\x0bInjected: 1\r\nConnection: close\r\n\r\n",
    )
    assert b"Injected" not in reply
    assert b"evil" not in reply


def test_many_requests_on_one_connection(emulator: Emulator) -> None:
    request = b"GET /v1.0/nope HTTP/1.1\r\nHost: x\r\n\r\n"
    assert raw(emulator, request * 20).count(b"HTTP/1.1 401") == 20


def test_nothing_is_printed(emulator: Emulator, capfd: pytest.CaptureFixture[str]) -> None:
    raw(emulator, b"nonsense\r\n\r\n")
    raw(emulator, b"GET /v1.0/users HTTP/1.1\r\nContent-Length: 50\r\n\r\nx")
    is_well(emulator)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_log_is_called_for_each_request() -> None:
    seen = []
    with Emulator(
        TenantBuilder().data, log=lambda record: seen.append((record.method, record.path, record.status))
    ) as running:
        Caller(running).get("/applications")
        Caller(running).get("/nope")
    assert seen == [("GET", "/v1.0/applications", 200), ("GET", "/v1.0/nope", 400)]
