"""Faults on purpose."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from auditor.emulator import Faults
from auditor.emulator.build import TenantBuilder
from tests.emulator.conftest import Start


@pytest.mark.parametrize(
    ("share", "status", "code", "waits"),
    [
        ("throttled", 429, "TooManyRequests", True),
        ("throttled_bare", 429, "TooManyRequests", False),
        ("unavailable", 503, "ServiceUnavailable", True),
        ("server_errors", 500, "InternalServerError", False),
        ("gateway_timeout", 504, "UnknownError", False),
    ],
)
def test_first_attempt_fails_and_the_second_passes(
    tenant: TenantBuilder, start: Start, share: str, status: int, code: str, waits: bool
) -> None:
    caller = start(tenant.data, faults=Faults(**{share: 1.0}, retry_after=0))
    first = caller.get("/applications")
    assert (first.status, first.code) == (status, code)
    assert first.headers.get("Retry-After") == ("0" if waits else None)
    assert caller.get("/applications").status == 200
    assert caller.emulator.faults.served == {share: 1}
    assert caller.emulator.faults.violations == []


def test_some_requests_never_recover(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(unavailable=1.0, first_attempt_only=False))
    assert {caller.get("/applications").status for _ in range(5)} == {503}


def test_bodies_that_are_not_json(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(not_json=1.0))
    reply = caller.get("/applications")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    other = start(tenant.data, faults=Faults(bad_gateway=1.0))
    assert other.get("/applications").status == 502


def test_dropped_connection(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(dropped=1.0))
    with pytest.raises(http.client.RemoteDisconnected):
        caller.get("/applications")
    assert caller.get("/applications").status == 200


def test_truncated_body(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(truncated=1.0))
    with pytest.raises(http.client.IncompleteRead):
        caller.get("/applications")
    assert caller.get("/applications").status == 200


def test_deny_and_unlicensed(tenant: TenantBuilder, start: Start) -> None:
    faults = Faults(
        deny={"identity/conditionalAccess/policies": (403, "AccessDenied", "No.")}, unlicensed=("subscribedSkus",)
    )
    caller = start(tenant.data, faults=faults)
    reply = caller.get("/identity/conditionalAccess/policies")
    assert (reply.status, reply.code, reply.message) == (403, "AccessDenied", "No.")
    assert caller.get("/identity/conditionalAccess/namedLocations").status == 200
    assert caller.get("/subscribedSkus").message == "Your tenant is not licensed for this feature."
    assert faults.served == {"deny": 1, "unlicensed": 1}


def test_only_some_paths(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(throttled=1.0, only=("applications",)))
    assert caller.get("/servicePrincipals").status == 200
    assert caller.get("/applications").status == 429


def test_batches_can_be_spared(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(throttled=1.0, in_batches=False, only=("applications",)))
    item = {"id": "1", "method": "GET", "url": "/applications"}
    assert caller.batch(item).json["responses"][0]["status"] == 200


def test_same_seed_same_faults(tenant: TenantBuilder, start: Start) -> None:
    def struck(seed: int, order: int) -> set[int]:
        caller = start(tenant.data, faults=Faults(seed=seed, throttled=0.4))
        return {top for top in list(range(1, 40))[::order] if caller.get(f"/applications?$top={top}").status == 429}

    assert struck(1, 1) == struck(1, -1)
    assert struck(1, 1) != struck(2, 1)


def test_faults_of_later_pages_are_the_same_in_every_run(tenant: TenantBuilder, start: Start) -> None:
    for number in range(30):
        tenant.user(f"User {number}")

    def statuses() -> list[int]:
        caller = start(tenant.data, faults=Faults(seed=5, throttled=0.5))
        found, url = [], "/users?$top=2"
        while url:
            reply = caller.get(url)
            found.append(reply.status)
            if reply.status == 200:
                url = reply.json.get("@odata.nextLink", "")
        return found

    first = statuses()
    assert first == statuses()
    assert 429 in first


def test_impatience_is_noted(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(throttled=1.0, retry_after=30))
    caller.get("/applications")
    caller.get("/applications")
    assert len(caller.emulator.faults.violations) == 1
    caller.get("/applications")
    assert len(caller.emulator.faults.violations) == 1


def test_denied_relations_cannot_be_expanded_either(tenant: TenantBuilder, start: Start) -> None:
    faults = Faults(deny={"applications/{id}/owners": (403, "Authorization_RequestDenied", "No.")})
    caller = start(tenant.data, faults=faults)
    app = tenant.data["applications"][0]
    for path in (f"/applications/{app['id']}/owners", f"/applications(appId='{app['appId']}')/owners"):
        assert caller.get(path).message == "No."
    assert caller.get("/applications?$expand=owners").message == "No."
    assert caller.get("/applications?$expand=federatedIdentityCredentials").status == 200
    assert caller.get(f"/servicePrincipals/{tenant.data['servicePrincipals'][0]['id']}/owners").status == 200


def test_a_batch_as_a_whole_is_not_throttled(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(throttled=1.0))
    reply = caller.batch({"id": "1", "method": "GET", "url": "/applications"})
    assert (reply.status, reply.json["responses"][0]["status"]) == (200, 429)


def test_records_of_broken_connections_have_no_status(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(dropped=1.0))
    with pytest.raises(http.client.RemoteDisconnected):
        caller.get("/applications")
    assert [record.status for record in caller.emulator.requests] == [0]


def test_many_clients_at_once(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, faults=Faults(throttled=0.5))
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: caller.get(f"/applications?$top={n % 40 + 1}").status, range(400)))
    assert set(statuses) == {200, 429}
    assert statuses.count(429) == caller.emulator.faults.served["throttled"]
    assert len(caller.emulator.requests) == 400
