"""``$batch``."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator import Faults
from auditor.emulator.build import TenantBuilder
from tests.emulator.caller import Caller, Reply
from tests.emulator.conftest import Start


@pytest.fixture
def caller(tenant: TenantBuilder, start: Start) -> Caller:
    for number in range(3):
        tenant.user(f"User {number}")
    return start(tenant.data)


def item(number: int | str, url: str, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "method": "GET", "url": url, **more}


def responses(reply: Reply) -> dict[str, dict[str, Any]]:
    assert reply.status == 200, reply.body
    return {entry["id"]: entry for entry in reply.json["responses"]}


def test_items_have_their_own_statuses(caller: Caller) -> None:
    found = responses(
        caller.batch(item(1, "/users?$top=1"), item("B", "applications"), item(3, "/nope"), item(4, "/users/nobody"))
    )
    assert {key: entry["status"] for key, entry in found.items()} == {"1": 200, "B": 200, "3": 400, "4": 404}
    assert found["3"]["body"]["error"]["code"] == "BadRequest"
    link = found["1"]["body"]["@odata.nextLink"]
    assert link.startswith(f"{caller.emulator.url}/v1.0/users?")
    assert len(caller.get(link).json["value"]) == 1


def test_permissions_are_decided_for_each_item(caller: Caller) -> None:
    caller.token = caller.emulator.auditor_token(without=["Policy.Read.All"])
    found = responses(caller.batch(item(1, "/users"), item(2, "/identity/conditionalAccess/policies")))
    assert found["1"]["status"] == 200
    assert found["2"]["status"] == 403
    assert found["2"]["body"]["error"]["code"] == "AccessDenied"


def test_items_carry_their_own_headers(caller: Caller) -> None:
    eventual = {"ConsistencyLevel": "eventual"}
    found = responses(caller.batch(item(1, "/users/$count", headers=eventual), item(2, "/users/$count")))
    # Not JSON, so the body is a base64 text.
    assert (found["1"]["status"], found["1"]["body"]) == (200, "Mw==")
    assert found["2"]["status"] == 400


def test_outer_headers_do_not_reach_the_items(caller: Caller) -> None:
    body = {"requests": [item(1, "/users/$count")]}
    reply = caller.send("POST", "/$batch", body, {"ConsistencyLevel": "eventual"})
    assert responses(reply)["1"]["status"] == 400


def test_no_more_than_20(caller: Caller) -> None:
    assert len(responses(caller.batch(*(item(n, "/users") for n in range(20))))) == 20
    refused = caller.batch(*(item(n, "/users") for n in range(21)))
    assert (refused.status, refused.code) == (400, "BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        {},
        {"requests": []},
        {"requests": [1]},
        {"requests": [{"id": 1, "method": "GET", "url": "/users"}]},
        {"requests": [item(1, "/users"), {"id": "2", "method": "GET"}]},
        {"requests": [item("a", "/users"), item("A", "/users")]},
        {"requests": [item(1, "/users", body={"x": 1})]},
        {"requests": [item(1, "/users", headers=[])]},
        {"requests": [item(1, "/users", dependsOn="x")]},
    ],
)
def test_batches_that_cannot_be_read_are_400_as_a_whole(caller: Caller, body: Any) -> None:
    reply = caller.send("POST", "/$batch", body)
    assert (reply.status, reply.code) == (400, "BadRequest")


def test_failed_dependency_is_424(caller: Caller) -> None:
    found = responses(
        caller.batch(
            item(1, "/nope"), item(2, "/users", dependsOn=["1"]), item(3, "/users", dependsOn=["2"]), item(4, "/users")
        )
    )
    assert [found[key]["status"] for key in "1234"] == [400, 424, 424, 200]


def test_batches_do_not_nest(caller: Caller) -> None:
    nested = {
        "id": "1",
        "method": "POST",
        "url": "/$batch",
        "body": {},
        "headers": {"Content-Type": "application/json"},
    }
    assert responses(caller.batch(nested))["1"]["status"] == 400


def test_batch_itself_needs_a_token_and_a_post(caller: Caller) -> None:
    assert caller.get("/$batch").status == 405
    caller.token = ""
    assert caller.batch(item(1, "/users")).status == 401


def test_items_are_throttled_one_by_one(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(throttled=0.5, retry_after="2.128", only=("users", "applications")))
    requests = [item(n, f"/users?$top={n + 1}") for n in range(20)]
    found = responses(caller.batch(*requests))
    struck = {key for key, entry in found.items() if entry["status"] == 429}
    assert 0 < len(struck) < 20
    for key in struck:
        assert found[key]["headers"]["Retry-After"] == "2.128"
        assert found[key]["body"]["error"]["code"] == "TooManyRequests"
    again = responses(caller.batch(*(entry for entry in requests if entry["id"] in struck)))
    assert {entry["status"] for entry in again.values()} == {200}
    # They were sent again at once, which a client must not do.
    assert len(caller.emulator.faults.violations) == len(struck)


def test_records_show_the_items(caller: Caller) -> None:
    caller.batch(item(1, "/users"), item(2, "/nope"))
    record = caller.emulator.requests[-1]
    assert (record.method, record.path, record.status) == ("POST", "/v1.0/$batch", 200)
    assert [(entry.path, entry.status) for entry in record.items] == [("/v1.0/users", 200), ("/v1.0/nope", 400)]
    assert caller.emulator.writes == 0


def test_writes_in_batches_are_counted(caller: Caller) -> None:
    caller.batch({"id": "1", "method": "DELETE", "url": "/users/1"}, item(2, "/users"))
    assert caller.emulator.writes == 1
