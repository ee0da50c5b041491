"""The client against answers that a friendly server never gives."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import Any, TypeVar

import pytest
from azure.core.credentials import AccessToken
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import UsageError
from auditor.graph.client import GraphClient
from auditor.graph.refusal import Broken, Refusal, Unreachable
from auditor.graph.retry import RetryPolicy, retry_after
from auditor.graph.wire import Wire, WriteRefused, root_of
from auditor.reference.clouds import CLOUDS
from tests.graph.scripted import FakeClock, Reply, Scripted, error, in_turn, scripted

SECRET = "the-very-secret-token"
GLOBAL = CLOUDS["global"]
T = TypeVar("T")


class Credential:
    """Gives one token and notes what it was asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken(SECRET, 4_000_000_000)


def reading(
    server: Scripted | str,
    work: Callable[[GraphClient], Awaitable[T]],
    *,
    clock: FakeClock | None = None,
    policy: RetryPolicy | None = None,
    credential: Credential | None = None,
    notes: list[str] | None = None,
) -> T:
    async def run() -> T:
        url = server if isinstance(server, str) else server.url
        async with Wire(credential or Credential(), cloud=GLOBAL, graph_url=url) as wire:
            note = notes.append if notes is not None else None
            return await work(GraphClient(wire, policy=policy, clock=(clock or FakeClock()).clock, note=note))

    return asyncio.run(run())


async def ids(client: GraphClient, url: str = "/applications?$top=2", **kwargs: Any) -> list[str]:
    return [item["id"] async for page in client.pages(url, **kwargs) for item in page.objects]


def page(*names: str, next_link: str | None = None) -> Reply:
    link = {} if next_link is None else {"@odata.nextLink": next_link}
    return Reply({"value": [{"id": name} for name in names], **link})


class TestPaging:
    def test_follows_next_links_verbatim_through_empty_pages(self) -> None:
        tails = ["/v1.0/applications?$skiptoken=a%2Bb%3D%3D&x=%24y", "/v1.0/applications?$skiptoken=RFNwdAIAAQ!'c("]

        def answer(seen: Any) -> Reply:
            if "a%2B" in seen.target:
                return page(next_link=f"http://127.0.0.1:{server.server_address[1]}{tails[1]}")
            if "RFN" in seen.target:
                return page("2", "3")
            return page("1", next_link=f"http://127.0.0.1:{server.server_address[1]}{tails[0]}")

        with scripted(answer) as server:
            assert reading(server, ids) == ["1", "2", "3"]
            assert [seen.target for seen in server.seen] == ["/v1.0/applications?$top=2", *tails]

    def test_sends_advanced_header_with_every_page(self) -> None:
        with scripted(
            lambda seen: page("1") if "p2" in seen.target else page(next_link=f"{server.url}/v1.0/x?p2")
        ) as server:
            reading(server, lambda client: ids(client, advanced=True))
            assert [seen.headers.get("consistencylevel") for seen in server.seen] == ["eventual", "eventual"]

    @pytest.mark.parametrize(
        "link",
        [
            "https://evil.example/v1.0/applications?p2",
            "http://127.0.0.1:1/v1.0/applications?p2",
            "https://127.0.0.1:{port}/v1.0/applications?p2",
            "http://user:pw@127.0.0.1:{port}/v1.0/applications?p2",
            "http://127.0.0.1:{port}@evil.example/v1.0/x",
            "http://127.0.0.1:{port}/beta/applications?p2",
            "//evil.example/v1.0/applications",
            "/v1.0/applications?p2",
            "http://[broken/v1.0/x",
        ],
    )
    def test_a_link_to_another_place_is_an_error_and_never_fetched(self, link: str) -> None:
        with scripted(
            lambda seen: page("1", next_link=link.replace("{port}", str(server.server_address[1])))
        ) as server:
            with pytest.raises(Broken, match="leads away") as caught:
                reading(server, ids)
            assert len(server.seen) == 1
        assert SECRET not in str(caught.value)

    def test_links_in_a_circle_are_an_error(self) -> None:
        with scripted(lambda seen: page("1", next_link=f"{server.url}/v1.0/applications?loop")) as server:
            with pytest.raises(Broken, match="circle"):
                reading(server, ids)
            assert len(server.seen) == 2

    @pytest.mark.parametrize("body", [{"value": {"id": "1"}}, {"id": "1"}, ["1"], {"value": ["1"]}, "text", 7, None])
    def test_an_answer_that_is_no_page_is_an_error(self, body: Any) -> None:
        with scripted(lambda seen: Reply(body)) as server, pytest.raises(Broken):
            reading(server, ids)


class TestRetries:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [("7", 7.0), ("2.128", 2.128), ("0", 0.0), (None, 1.0), ("soon", 1.0), ("-3", 1.0), ("nan", 1.0), ("inf", 1.0)],
    )
    @pytest.mark.parametrize("status", [429, 503, 504])
    def test_waits_as_long_as_asked_and_backs_off_where_nobody_says(
        self, status: int, header: str | None, expected: float
    ) -> None:
        clock = FakeClock()
        headers = {} if header is None else {"Retry-After": header}
        with scripted(in_turn(error("TooManyRequests", status=status, **headers), page("1"))) as server:
            assert reading(server, ids, clock=clock) == ["1"]
        assert clock.slept == [pytest.approx(expected, abs=0.01)]

    def test_understands_a_date(self) -> None:
        clock = FakeClock()
        date = format_datetime(clock.start.replace(minute=1), usegmt=True)
        with scripted(in_turn(error("TooManyRequests", status=429, **{"Retry-After": date}), page("1"))) as server:
            assert reading(server, ids, clock=clock) == ["1"]
        assert clock.slept == [pytest.approx(60, abs=0.01)]

    def test_backs_off_further_each_time_and_gives_up(self) -> None:
        clock, policy = FakeClock(), RetryPolicy(throttled_attempts=5)
        with scripted(lambda seen: error("TooManyRequests", "Please retry again later.", 429)) as server:
            with pytest.raises(Refusal) as caught:
                reading(server, ids, clock=clock, policy=policy)
            assert len(server.seen) == 5
        assert clock.slept == [1, 2, 4, 8]
        assert (caught.value.status, caught.value.code) == (429, "TooManyRequests")

    def test_a_wait_beyond_the_limit_is_reported_and_not_waited_for(self) -> None:
        clock = FakeClock()
        with (
            scripted(lambda seen: error("TooManyRequests", status=429, **{"Retry-After": "86400"})) as server,
            pytest.raises(Refusal, match="asked to wait 86400 seconds"),
        ):
            reading(server, ids, clock=clock)
        assert clock.slept == []

    def test_long_waits_are_told(self) -> None:
        notes: list[str] = []
        with scripted(in_turn(error("TooManyRequests", status=429, **{"Retry-After": "30"}), page("1"))) as server:
            reading(server, ids, notes=notes)
        assert notes == ["Graph is throttling; waiting 30 seconds"]

    @pytest.mark.parametrize(
        "broken",
        [
            error("InternalServerError", status=500),
            Reply(raw=b"<html>502 Bad Gateway</html>", status=502),
            Reply(drop=True),
            Reply(raw=b'{"value": [{"id": "1"}, {"i', promise=4000),
            Reply(raw=b'{"value": [{"id": "1"}, {"i'),
            Reply(raw=b"<html>Sign in to the hotel network</html>"),
            Reply(raw=b""),
            Reply(raw=b"\x1f\x8bnot gzip", headers={"Content-Encoding": "gzip"}),
        ],
        ids=["500", "502 html", "dropped", "cut off on the wire", "cut off", "html", "empty", "bad gzip"],
    )
    def test_broken_answers_are_asked_again(self, broken: Reply) -> None:
        clock = FakeClock()
        with scripted(in_turn(broken, page("1", "2"))) as server:
            assert reading(server, ids, clock=clock) == ["1", "2"]
            assert len(server.seen) == 2
        assert clock.slept == [1]

    def test_an_answer_that_stays_broken_is_an_error(self) -> None:
        with (
            scripted(lambda seen: Reply(raw=b'{"value": [')) as server,
            pytest.raises(Broken, match="not JSON, or was cut off"),
        ):
            reading(server, ids)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 501])
    def test_other_errors_are_not_asked_again(self, status: int) -> None:
        with scripted(lambda seen: error("Nope", status=status)) as server:
            with pytest.raises(Refusal) as caught:
                reading(server, ids)
            assert len(server.seen) == 1
        assert (caught.value.status, caught.value.code) == (status, "Nope")

    def test_an_unreachable_host_is_given_up_soon(self) -> None:
        with scripted(lambda seen: page("1")) as server:
            url = server.url
        clock = FakeClock()
        with pytest.raises(Unreachable, match=r"cannot connect to 127\.0\.0\.1"):
            reading(url, ids, clock=clock)
        assert clock.slept == [1, 2]

    def test_a_redirect_is_never_followed(self) -> None:
        elsewhere = Reply(status=302, headers={"Location": "http://127.0.0.1:1/"})
        with scripted(lambda seen: elsewhere) as server, pytest.raises(Broken, match="redirect"):
            reading(server, ids)

    @given(st.text(max_size=40))
    def test_any_retry_after_is_a_number_or_nothing(self, text: str) -> None:
        seconds = retry_after({"RETRY-AFTER": text}, FakeClock().start)
        assert seconds is None or 0 <= seconds < float("inf")


def parts(*responses: dict[str, Any]) -> Reply:
    return Reply({"responses": list(responses)})


class TestBatch:
    def test_answers_come_in_the_order_of_the_questions(self) -> None:
        def answer(seen: Any) -> Reply:
            items = [
                {"id": item["id"], "status": 200, "body": {"asked": item["url"]}} for item in seen.body["requests"]
            ]
            return parts(*reversed(items))

        with scripted(answer) as server:
            answers = reading(server, lambda client: client.batch(["/a", "/b", "/c"]))
            assert [answer.body["asked"] for answer in answers] == ["/a", "/b", "/c"]
            assert (server.seen[0].method, server.seen[0].target) == ("POST", "/v1.0/$batch")
            assert all(item["method"] == "GET" for item in server.seen[0].body["requests"])

    def test_only_throttled_items_are_sent_again_after_the_longest_wait(self) -> None:
        clock = FakeClock()
        first = parts(
            {"id": "0", "status": 429, "headers": {"retry-after": "3"}, "body": {"error": {"code": "TooManyRequests"}}},
            {"id": "1", "status": 200, "body": {"value": []}},
            {
                "id": "2",
                "status": 429,
                "headers": {"Retry-After": "11.5"},
                "body": {"error": {"code": "TooManyRequests"}},
            },
        )
        second = parts({"id": "2", "status": 200, "body": {"n": 2}}, {"id": "0", "status": 403, "body": {"n": 0}})
        with scripted(in_turn(first, second)) as server:
            answers = reading(server, lambda client: client.batch(["/a", "/b", "/c"]), clock=clock)
            assert [item["url"] for item in server.seen[1].body["requests"]] == ["/a", "/c"]
        assert [answer.status for answer in answers] == [403, 200, 200]
        assert clock.slept == [pytest.approx(11.5)]

    def test_an_answer_that_graph_leaves_out_is_asked_for_again(self) -> None:
        first = parts({"id": "0", "status": 200, "body": {}}, {"id": "77", "status": 200}, {"id": "1"})
        with scripted(in_turn(first, parts({"id": "1", "status": 200, "body": {"n": 1}}))) as server:
            answers = reading(server, lambda client: client.batch(["/a", "/b"]))
        assert answers[1].body == {"n": 1}

    def test_items_throttled_for_ever_keep_their_status(self) -> None:
        with scripted(lambda seen: parts({"id": "0", "status": 429, "body": None})) as server:
            answers = reading(server, lambda client: client.batch(["/a"]), policy=RetryPolicy(throttled_attempts=3))
            assert len(server.seen) == 3
        assert answers[0].status == 429

    def test_next_links_inside_items_are_followed_and_checked(self) -> None:
        async def whole(client: GraphClient) -> list[Any]:
            return [row["id"] for row in await client.rest((await client.batch(["/a"]))[0])]

        def answer(seen: Any) -> Reply:
            if seen.method == "POST":
                return parts(
                    {
                        "id": "0",
                        "status": 200,
                        "body": {"value": [{"id": 1}], "@odata.nextLink": link.format(server.url)},
                    }
                )
            return page("2")

        link = "{}/v1.0/a?p2"
        with scripted(answer) as server:
            assert reading(server, whole) == [1, "2"]
        link = "https://evil.example/v1.0/a?{}"
        with scripted(answer) as server, pytest.raises(Broken, match="leads away"):
            reading(server, whole)


class TestWire:
    def test_only_reads_pass(self) -> None:
        async def write(client: GraphClient) -> None:
            wire = client._wire
            for method in ("POST", "PATCH", "PUT", "DELETE"):
                with pytest.raises(WriteRefused):
                    await wire._send(method, f"{wire.root}/applications")
            for item in (
                {"id": "1", "method": "DELETE", "url": "/applications/1"},
                {"id": "1", "method": "GET", "url": "https://evil.example/"},
                {"id": "1", "method": "GET", "url": "/x", "body": {}},
            ):
                with pytest.raises(WriteRefused):
                    await wire.post_batch([item])
            with pytest.raises(WriteRefused):
                await wire.post_batch([])
            with pytest.raises(WriteRefused):
                await wire.get("https://evil.example/v1.0/applications")

        with scripted(lambda seen: page()) as server:
            reading(server, write)
            assert server.seen == []

    def test_asks_for_gzip_and_names_itself_and_its_token(self) -> None:
        body = gzip.compress(json.dumps({"value": [{"id": "1"}]}).encode())
        credential = Credential()
        with scripted(lambda seen: Reply(raw=body, headers={"Content-Encoding": "gzip"})) as server:
            assert reading(server, ids, credential=credential) == ["1"]
            headers = server.seen[0].headers
        assert "gzip" in headers["accept-encoding"]
        assert headers["user-agent"].startswith("graph-auditor/")
        assert headers["authorization"] == f"Bearer {SECRET}"
        assert credential.scopes == ["https://graph.microsoft.com/.default"]

    def test_a_proxy_of_the_environment_is_not_used_for_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        with scripted(lambda seen: page("1")) as server:
            assert reading(server, ids) == ["1"]

    @pytest.mark.parametrize(
        "url",
        ["http://graph.example", "ftp://graph.example", "graph.example", "https://", "https://u:p@graph.example"]
        + ["https://graph.example/beta", "https://graph.example?x=1", "http://[::1", "http://127.0.0.2:8080"],
    )
    def test_a_bad_address_is_a_usage_error(self, url: str) -> None:
        with pytest.raises(UsageError):
            root_of(GLOBAL, url)

    @pytest.mark.parametrize(
        ("url", "root"),
        [
            (None, "https://graph.microsoft.com/v1.0"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1.0"),
            ("http://[::1]:8080", "http://[::1]:8080/v1.0"),
            ("https://graph.example/v1.0", "https://graph.example/v1.0"),
        ],
    )
    def test_a_good_address_has_one_root(self, url: str | None, root: str) -> None:
        assert root_of(GLOBAL, url) == root

    def test_counts_requests(self) -> None:
        async def work(client: GraphClient) -> tuple[int, int]:
            await ids(client)
            await client.batch(["/a"])
            return client.requests, client._wire.requests

        replies = in_turn(error("x", status=503), page("1"), parts({"id": "0", "status": 200, "body": {}}))
        with scripted(replies) as server:
            assert reading(server, work) == (3, 3)


def test_a_refusal_is_one_clean_line() -> None:
    hostile = "a\x1b[31m\nb\u202e" + "x" * 500
    with (
        scripted(lambda seen: error("Authorization_RequestDenied", hostile)) as server,
        pytest.raises(Refusal) as caught,
    ):
        reading(server, ids)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_innermost_code_is_the_code() -> None:
    body = {
        "error": {"code": "BadRequest", "message": "m", "innerError": {"code": "429", "innerError": {"code": "Deep"}}}
    }
    with scripted(lambda seen: Reply(body, 400)) as server, pytest.raises(Refusal) as caught:
        reading(server, ids)
    assert caught.value.code == "Deep"
