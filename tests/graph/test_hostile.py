"""Servers that mean harm, or are broken in ways that look like it: what they send stays one source's trouble at most."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from azure.core.credentials import AccessToken

from auditor.errors import SignInError
from auditor.graph import answer, client, wire
from auditor.graph.collect import collect_tenant
from auditor.graph.doctor import Diagnosis, examine
from auditor.graph.refusal import Broken, Refusal, TooSlow, plain, refusal_from
from auditor.graph.retry import RetryPolicy
from auditor.graph.signin import GivenToken
from auditor.graph.sources import SOURCES
from auditor.graph.wire import LOOPBACK
from auditor.reference.clouds import CLOUDS
from auditor.tenant.snapshot import Snapshot
from auditor.values import is_loopback
from tests.graph.scripted import FakeClock, Reply, Seen, in_turn, scripted
from tests.graph.test_client import Credential, ids, page, reading

GLOBAL = CLOUDS["global"]
TENANT = "11111111-2222-3333-4444-555555555555"


def _segment(data: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


TOKEN = f"{_segment({'alg': 'RS256'})}.{_segment({'tid': TENANT, 'aud': GLOBAL.graph_resource})}.U2lnbmF0dXJlT2ZBVGVzdA"
FRAGMENTS = (TOKEN, TOKEN.split(".")[1][:20], TOKEN.split(".")[2])

Answers = Mapping[str, Any]


def graph(answers: Answers) -> Callable[[Seen], Reply]:
    """A tenant in which every list is empty, but for these: path from the version root to body, reply or function."""

    def item(url: str, seen: Seen) -> Reply:
        path = urlsplit(url).path.removeprefix("/v1.0").lstrip("/")
        found = answers.get(f"{path}?expand" if "$expand" in unquote(url) and f"{path}?expand" in answers else path)
        if callable(found):
            found = found(seen)
        if isinstance(found, Reply):
            return found
        if found is not None:
            return Reply({"value": found} if isinstance(found, list) else found)
        if path == "organization":
            return Reply({"value": [{"id": TENANT, "displayName": "Contoso", "verifiedDomains": []}]})
        if path.endswith("/$count"):
            return Reply({"error": {"code": "Request_UnsupportedQuery"}}, 400)
        return Reply({"value": [], "id": "one"})

    def reply(seen: Seen) -> Reply:
        if seen.method != "POST":
            return item(seen.target, seen)
        parts = []
        for one in seen.body["requests"]:
            made = item(one["url"], seen)
            parts.append({"id": one["id"], "status": made.status, "body": made.body})
        return Reply({"responses": parts})

    return reply


def collected(folder: Path, answers: Answers, *, asked: list[str] | None = None) -> Snapshot:
    with scripted(graph(answers)) as server:
        try:
            return collect_tenant(
                GivenToken(TOKEN, 4e9),
                tenant=None,
                cloud=GLOBAL,
                graph_url=server.url,
                folder=folder / "snapshot",
                clock=FakeClock().clock,
            )
        finally:
            if asked is not None:
                asked += _asked(server.seen)


def examined(answers: Answers, *, asked: list[str] | None = None) -> Diagnosis:
    with scripted(graph(answers)) as server:
        try:
            return examine(GivenToken(TOKEN, 4e9), cloud=GLOBAL, graph_url=server.url, clock=FakeClock().clock)
        finally:
            if asked is not None:
                asked += _asked(server.seen)


def _asked(seen: list[Seen]) -> list[str]:
    urls = []
    for one in seen:
        urls += [item["url"] for item in one.body["requests"]] if one.body else [one.target.removeprefix("/v1.0")]
    return urls


class TestTokens:
    """A server that repeats what it was sent."""

    @pytest.mark.parametrize(
        "told",
        [
            lambda sent: {"code": "Denied", "message": sent},
            lambda sent: {"code": "Denied", "message": f"bad token secret={sent.split()[-1]}"},
            lambda sent: {"code": sent.split()[-1], "message": "no"},
            lambda sent: {"code": "Denied", "message": "x" * 150 + sent},
            lambda sent: {"code": "Denied", "message": sent.split()[-1][30:]},
            lambda sent: {"code": "Denied", "message": "m", "innerError": {"code": sent}},
        ],
    )
    def test_nothing_of_it_is_kept_or_told(self, told: Callable[[str], dict[str, str]], tmp_path: Path) -> None:
        def echo(seen: Seen) -> Reply:
            return Reply({"error": told(seen.headers["authorization"])}, 403)

        answers = {"identity/conditionalAccess/policies": echo}
        snapshot = collected(tmp_path, answers)
        state = snapshot.states["identity/conditionalAccess/policies"]
        assert state.status == "denied"
        shown = "".join(path.read_text("utf-8", "ignore") for path in tmp_path.rglob("*.json")) + str(snapshot.states)
        shown += str(examined(answers).states)
        assert "[redacted]" in shown
        for fragment in (*FRAGMENTS, "eyJ"):
            assert fragment not in shown

    def test_a_refused_sign_in_does_not_tell_it_either(self, tmp_path: Path) -> None:
        def echo(seen: Seen) -> Reply:
            message = f"{seen.headers['authorization']} is unknown"
            return Reply({"error": {"code": "InvalidAuthenticationToken", "message": message}}, 401)

        with pytest.raises(SignInError) as caught:
            collected(tmp_path, {spec.request_path.lstrip("/"): echo for spec in SOURCES})
        assert "[redacted]" in str(caught.value)
        assert not [fragment for fragment in FRAGMENTS if fragment in str(caught.value)]

    def test_a_token_that_was_renewed_on_the_way_and_looks_like_nothing(self) -> None:
        credential = Credential()
        credential.get_token = lambda *scopes, **options: AccessToken("Renewed~opaque~token~0042", 4_000_000_000)  # type: ignore[method-assign]

        def echo(seen: Seen) -> Reply:
            return Reply({"error": {"code": "Denied", "message": f"got {seen.headers['authorization'][7:]}."}}, 403)

        with scripted(echo) as server, pytest.raises(Refusal) as caught:
            reading(server, ids, credential=credential)
        assert str(caught.value) == "403 Denied: got [redacted]."

    def test_fields_that_are_named_after_secrets(self) -> None:
        error = {"code": "client_secret=hunter2", "message": 'sent {"password": "hunter2"}'}
        assert "hunter2" not in str(refusal_from(400, {"error": error}))

    def test_redacted_before_it_is_cut(self) -> None:
        secret = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lb25lIn0.c2ln"
        for length in range(150, 200):
            assert "eyJ" not in str(refusal_from(403, {"error": {"code": "x" * (length - 120), "message": secret}}))
            assert "eyJ" not in plain("x" * (length - 1) + " " + secret)


class TestSize:
    @pytest.fixture(autouse=True)
    def small_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(answer, "MAX_BYTES", 100_000)
        monkeypatch.setattr(answer, "MAX_ERROR_BYTES", 10_000)

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(raw=b'{"value": [' + b" " * 100_000 + b"]}"),
            Reply(raw=gzip.compress(b'{"value": [' + b" " * 5_000_000 + b"]}"), headers={"Content-Encoding": "gzip"}),
            Reply(raw=b'{"error": {"code": "' + b"x" * 10_000 + b'"}}', status=403),
            Reply(raw=b" " * 10_001, status=503),
        ],
        ids=["plain", "bomb", "error", "error that is retried otherwise"],
    )
    def test_a_body_beyond_the_limit_is_final(self, reply: Reply) -> None:
        with scripted(lambda seen: reply) as server:
            with pytest.raises(Broken, match=r"is larger than \d+ MB") as caught:
                reading(server, ids)
            assert len(server.seen) == 1
        assert caught.value.status == reply.status

    def test_a_body_at_the_limit_is_read(self) -> None:
        body = b'{"value": [{"id": "1"}]}'
        with scripted(lambda seen: Reply(raw=body + b" " * (100_000 - len(body)))) as server:
            assert reading(server, ids) == ["1"]

    @pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "deflate"])
    def test_only_the_compression_that_was_asked_for(self, encoding: str) -> None:
        body = gzip.compress(gzip.compress(b'{"value": []}'))
        with scripted(lambda seen: Reply(raw=body, headers={"Content-Encoding": encoding})) as server:
            with pytest.raises(Broken, match="compressed in a way"):
                reading(server, ids)
            assert [seen.headers["accept-encoding"] for seen in server.seen] == ["gzip"]


class TestTime:
    def test_an_answer_that_never_ends_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        notes: list[str] = []
        monkeypatch.setattr(wire, "EXCHANGE_SECONDS", 0.05)
        over = threading.Event()

        def hold(seen: Seen) -> Reply:
            over.wait(30)
            return page("1")

        with scripted(hold) as server:
            try:
                with pytest.raises(TooSlow, match="no whole answer"):
                    reading(server, ids, policy=RetryPolicy(broken_attempts=9), notes=notes)
                assert notes == ["no whole answer came within 0 seconds"] * 2
            finally:
                over.set()

    def test_a_page_that_takes_too_long_is_asked_for_smaller(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        get = wire.Wire.get

        async def slow(self: wire.Wire, url: str, *, advanced: bool = False) -> answer.Answer:
            if url.startswith("/applications?") and "appId" in url:
                asked.append(url[:22])
                if "$top=999" in url:
                    raise TooSlow(300)
            return await get(self, url, advanced=advanced)

        monkeypatch.setattr(wire.Wire, "get", slow)
        state = collected(tmp_path, {"applications": [{"id": "1"}]}).states["applications"]
        assert (state.status, state.objects) == ("read", 1)
        assert asked == ["/applications?$top=999"] * 2 + ["/applications?$top=600"]

    def test_deadlines_that_pass_count_as_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        notes: list[str] = []
        monkeypatch.setattr(wire, "EXCHANGE_SECONDS", 0.05)
        over = threading.Event()

        def hold(seen: Seen) -> Reply:
            over.wait(30)
            return page("1")

        with scripted(hold) as server:
            try:
                with pytest.raises(Refusal, match="kept this source waiting"):
                    reading(server, ids, policy=RetryPolicy(wait_budget_seconds=0.01), notes=notes)
                assert len(notes) == 1
            finally:
                over.set()

    def test_empty_pages_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "MAX_EMPTY_PAGES", 5)
        number = iter(range(100))
        with scripted(lambda seen: page(next_link=f"{server.url}/v1.0/a?{next(number)}")) as server:
            with pytest.raises(Broken, match="5 pages in a row were empty"):
                reading(server, ids)
            assert len(server.seen) == 5

    def test_empty_pages_between_full_ones_do_not_count_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "MAX_EMPTY_PAGES", 2)
        number = iter(range(1, 100))

        def answer_(seen: Seen) -> Reply:
            at = next(number)
            link = f"{server.url}/v1.0/a?{at}" if at < 10 else None
            return page(*([str(at)] if at % 2 == 0 else []), next_link=link)

        with scripted(answer_) as server:
            assert reading(server, ids) == ["2", "4", "6", "8", "10"]

    def test_a_source_waits_so_long_in_all_and_no_longer(self) -> None:
        clock, notes, number = FakeClock(), list[str](), iter(range(1000))

        def grudging(seen: Seen) -> Reply:
            at = next(number)
            if at % 2:
                return page(str(at), next_link=f"{server.url}/v1.0/a?{at}")
            return Reply({"error": {"code": "TooManyRequests"}}, 429, {"Retry-After": "800"})

        with (
            scripted(grudging) as server,
            pytest.raises(Refusal, match="waiting for more than 3600 seconds in all"),
        ):
            reading(server, ids, clock=clock, notes=notes)
        assert len(clock.slept) == 4
        assert len(notes) == 4
        assert sum(clock.slept) <= 3600

    def test_waits_side_by_side_count_once(self) -> None:
        clock = FakeClock()
        still = Still(clock)

        async def work(one: client.GraphClient) -> None:
            one._clock = still.clock
            await asyncio.gather(*(one._pause(800, 1, 429) for _ in range(10)))

        with scripted(lambda seen: page()) as server:
            reading(server, work)


class Still(FakeClock):
    """Time that does not pass at all: whoever waits waits at the same time."""

    def __init__(self, other: FakeClock) -> None:
        super().__init__()
        self.slept = other.slept

    async def _sleep(self, seconds: float) -> None:
        pass


class TestAddresses:
    HOSTILE = ("a://b", "x?$y#z", "a/b", "%2e%2e", "a\r\nX: y", "\u4e2d%2e", "a b&c")

    def test_ids_are_quoted_wherever_they_go_into_a_path(self, tmp_path: Path) -> None:
        def no(seen: Seen) -> Reply:
            return Reply({"error": {"code": "BadRequest"}}, 400)

        roles = [{"allowedMemberTypes": ["Application"]}]
        answers = {
            "applications": [{"id": name, "appId": "a"} for name in self.HOSTILE],
            "servicePrincipals": [
                {"id": name, "servicePrincipalType": "Application", "appRoles": roles} for name in self.HOSTILE
            ],
            "policies/permissionGrantPolicies": [{"id": name} for name in self.HOSTILE],
            **{f"{name}?expand": no for name in ("applications", "servicePrincipals")},
        }
        asked: list[str] = []
        snapshot = collected(tmp_path, answers, asked=asked)
        assert {state.status for state in snapshot.states.values()} == {"read"}
        below = [url.partition("?")[0].split("/") for url in asked]
        named = {(parts[1], unquote(parts[2])) for parts in below if len(parts) == 4 and parts[1] != "roleManagement"}
        assert {name for room, name in named if room == "applications"} == set(self.HOSTILE)
        assert {name for room, name in named if room == "servicePrincipals"} == set(self.HOSTILE)
        policies = {
            unquote(parts[3])
            for parts in below
            if parts[1:3] == ["policies", "permissionGrantPolicies"][:2] and len(parts) == 5
        }
        assert policies == set(self.HOSTILE)

    def test_the_doctor_quotes_too(self) -> None:
        def no(seen: Seen) -> Reply:
            return Reply({"error": {"code": "BadRequest"}}, 400)

        for name in self.HOSTILE:
            asked: list[str] = []
            answers = {f"{room}?expand": no for room in ("applications", "servicePrincipals")}
            found = examined(
                answers | {room: [{"id": name}] for room in ("applications", "servicePrincipals")}, asked=asked
            )
            assert {state.status for state in found.states} == {"read"}
            parts = [url.partition("?")[0].split("/") for url in asked]
            below = [one for one in parts if one[1] in ("applications", "servicePrincipals") and len(one) > 2]
            assert {(len(one), unquote(one[2])) for one in below} == {(4, name)}

    def test_the_doctor_says_that_an_object_without_id_leads_nowhere(self) -> None:
        states = {state.source: state for state in examined({"servicePrincipals": [{"id": None}]}).states}
        assert states["servicePrincipals/appRoleAssignedTo"].status == "failed"
        assert "has no id" in states["servicePrincipals/appRoleAssignedTo"].detail

    @pytest.mark.parametrize("name", ["..", ".", "a/../../me", "a\\..\\b", "", None, 7, ["x"], "x" * 1000])
    def test_an_id_that_cannot_stand_in_a_path_is_left_out(self, name: Any, tmp_path: Path) -> None:
        asked: list[str] = []
        answers = {"applications": [{"id": name, "appId": "a"}, {"id": "good", "appId": "b"}]}
        snapshot = collected(tmp_path, answers, asked=asked)
        state = snapshot.states["applications"]
        assert (state.status, state.objects, state.detail) == ("read", 1, "1 object without id left out")
        assert not [url for url in asked if "/../" in url or "/./" in url]

    @pytest.mark.parametrize(
        "tail",
        [
            "/v1.0/../beta/a",
            "/v1.0/./a",
            "/v1.0/%2e%2e/beta/a",
            "/v1.0/a/..",
            "/v1.0/a%2f..%2f..%2fbeta",
            "/v1.0/a\r\nX: y",
        ]
        + ["/v1.0/a\\..\\b", "/v1.0/a\x00"],
    )
    def test_a_link_that_leaves_its_root_on_a_byway_is_not_followed(self, tail: str) -> None:
        with scripted(lambda seen: page("1", next_link=f"{server.url}{tail}")) as server:
            with pytest.raises(Broken, match="leads away"):
                reading(server, ids)
            assert len(server.seen) == 1

    @pytest.mark.parametrize("tail", ["/v1.0/a?x=..", "/v1.0/a.b/..c?$skiptoken=m~A%2F../x", "/v1.0/a('x')/$ref"])
    def test_dots_elsewhere_do_no_harm(self, tail: str) -> None:
        with scripted(in_turn(page("1", next_link="-"), page("2"))) as server:
            server.answer = in_turn(page("1", next_link=f"{server.url}{tail}"), page("2"))
            assert reading(server, ids) == ["1", "2"]

    def test_a_redirect_is_final(self) -> None:
        with scripted(lambda seen: Reply(status=307, headers={"Location": "/v1.0/b"})) as server:
            with pytest.raises(Broken, match="redirect"):
                reading(server, ids)
            assert len(server.seen) == 1

    def test_an_address_that_cannot_be_requested_is_final(self) -> None:
        clock = FakeClock()
        with scripted(lambda seen: page("1", next_link=f"{server.url}/v1.0/a?" + "x" * 70_000)) as server:
            with pytest.raises(Broken, match="cannot be requested"):
                reading(server, ids, clock=clock)
            assert len(server.seen) == 1
        assert clock.slept == []

    @pytest.mark.parametrize(
        "host", [*sorted(LOOPBACK), "LOCALHOST", "127.0.0.2", "127.1", "0.0.0.0", "localhost.", "::"]
    )
    def test_one_rule_for_this_machine(self, host: str) -> None:
        assert is_loopback(host) == (host.lower() in LOOPBACK)


class TestMalformed:
    """Objects in a form that Graph never gives cost themselves, and not their source."""

    def test_wrong_types_everywhere(self, tmp_path: Path) -> None:
        odd: list[Any] = [1, "Application", {"Application": 1}, None, [["Application"]]]
        answers = {
            "applications": [{"id": "a"}],
            "applications?expand": [
                {"id": "a", "owners": {"a": 1}, "federatedIdentityCredentials": 3},
                {"owners": [{"id": "o"}], "federatedIdentityCredentials": [{}]},
                {"id": None},
                {
                    "id": "b",
                    "owners": [{"id": ["x"]}, 3, {"id": "o"}],
                    "federatedIdentityCredentials": [{"id": "f"}, 1],
                },
            ],
            "servicePrincipals": [
                *({"id": f"s{number}", "appRoles": [{"allowedMemberTypes": one}]} for number, one in enumerate(odd)),
                {"id": "s", "appRoles": 3},
            ],
            "policies/permissionGrantPolicies": [{"includes": 3}, {"id": "p", "includes": []}],
        }
        snapshot = collected(tmp_path, answers)
        assert {source: state.detail for source, state in snapshot.states.items() if not state.is_read} == {}
        assert list(snapshot.objects("applications/owners")) == [{"id": "b", "owners": ["o"]}]
        assert list(snapshot.objects("applications/federatedIdentityCredentials")) == [
            {"id": "b", "federatedIdentityCredentials": [{"id": "f"}]}
        ]
        assert snapshot.states["applications/owners"].detail == "3 objects without id left out"
        assert snapshot.states["applications/federatedIdentityCredentials"].detail == "2 objects without id left out"
        assert [one["id"] for one in snapshot.objects("policies/permissionGrantPolicies")] == ["p"]
        assert snapshot.states["policies/permissionGrantPolicies"].detail == "1 object without id left out"

    def test_text_and_numbers_that_no_file_can_hold(self, tmp_path: Path) -> None:
        raw = (
            rb'{"value": [{"id": "1", "a": "x\ud800y", "b": 1e999, "c": -1e999, "d": NaN, "\udfff": "\ud83d\ude00",'
            rb'"e": 123456789012345678901234567890, "f": [1.5, 18, "\\ud800"]}]}'
        )
        snapshot = collected(tmp_path, {"oauth2PermissionGrants": Reply(raw=raw)})
        assert list(snapshot.objects("oauth2PermissionGrants")) == [
            {"id": "1", "a": "x\ufffdy", "b": None, "c": None, "d": None, "\ufffd": "\U0001f600"}
            | {"e": 123456789012345678901234567890.0, "f": [1.5, 18, "\\ud800"]}
        ]
        assert snapshot.states["oauth2PermissionGrants"].detail.endswith("they were replaced")
        assert snapshot.states["applications"].detail == ""

    def test_nesting_without_end_is_final(self) -> None:
        with scripted(lambda seen: Reply(raw=b"[" * 100_000 + b"]" * 100_000)) as server:
            with pytest.raises(Broken, match="nested too deeply"):
                reading(server, ids)
            assert len(server.seen) == 1

    @pytest.mark.parametrize("name", [["x"], {"a": 1}, 7, True, None])
    def test_the_id_of_a_tenant_is_text(self, name: Any, tmp_path: Path) -> None:
        answers = {"organization": [{"id": name, "displayName": {"a": 1}, "verifiedDomains": 3}]}
        snapshot = collected(tmp_path, answers)
        assert (snapshot.tenant_id, snapshot.tenant_name) == (TENANT, "")  # the token's
        found = examined(answers)
        assert (found.tenant_id, found.tenant_name) == (TENANT, "")
