"""Pages and links."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from auditor.emulator import Faults, Settings
from auditor.emulator.build import TenantBuilder
from tests.emulator.caller import Caller
from tests.emulator.conftest import Start


def with_users(tenant: TenantBuilder, number: int) -> TenantBuilder:
    for position in range(number):
        tenant.user(f"User {position:04}")
    return tenant


def test_default_page_has_100_objects_and_links_lead_to_the_rest(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 250).data)
    pages = list(caller.pages("/users?$select=id"))
    assert [len(page.json["value"]) for page in pages] == [100, 100, 50]
    expected = [row["id"] for row in tenant.data["users"]]
    assert [row for page in pages for row in page.ids] == expected


def test_top_999_is_the_largest_page(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 1001).data)
    assert [len(page.json["value"]) for page in caller.pages("/users?$top=999")] == [999, 2]
    refused = caller.get("/users?$top=1000")
    assert (refused.status, refused.code) == (400, "Request_BadRequest")
    assert refused.message == "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."


def test_large_top_can_be_clamped(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 1001).data, settings=Settings(clamp_large_top=True))
    assert len(caller.get("/users?$top=5000").json["value"]) == 999


def test_links_are_absolute_and_repeat_the_query(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 3).data)
    link = caller.get("/users?$top=2&$select=id,displayName").json["@odata.nextLink"]
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}" == caller.emulator.url
    query = parse_qs(parts.query)
    assert query["$top"] == ["2"]
    assert query["$select"] == ["id,displayName"]
    assert set(caller.get(link).json["value"][0]) == {"id", "displayName"}


def test_link_keeps_the_host_of_the_request(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 3).data)
    reply = caller.get("/users?$top=2", {"Host": "graph.example:8080"})
    assert reply.json["@odata.nextLink"].startswith("http://graph.example:8080/v1.0/users?")


def test_tokens_cannot_be_guessed_and_work_again(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 5).data)
    links = {caller.get("/users?$top=2").json["@odata.nextLink"] for _ in range(3)}
    assert len(links) == 3
    assert len({tuple(caller.get(link).ids) for link in [*links, *links]}) == 1


@pytest.mark.parametrize("token", ["", "2", "abc", "eyJvIjoyfQ"])
def test_unknown_token_is_an_expired_page(tenant: TenantBuilder, start: Start, token: str) -> None:
    caller = start(with_users(tenant, 5).data)
    reply = caller.get(f"/users?$top=2&$skiptoken={token}")
    if token:
        assert (reply.status, reply.code) == (400, "Directory_ExpiredPageToken")
    else:
        assert reply.status == 200


def test_token_of_another_collection_is_refused(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 5).data)
    token = parse_qs(urlsplit(caller.get("/users?$top=2").json["@odata.nextLink"]).query)["$skiptoken"][0]
    assert caller.get(f"/applications?$skiptoken={token}").code == "Directory_ExpiredPageToken"


def test_count_comes_on_the_first_page_alone(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 5).data)
    eventual = {"ConsistencyLevel": "eventual"}
    pages = list(caller.pages("/users?$top=2&$count=true", eventual))
    assert [page.json.get("@odata.count") for page in pages] == [5, None, None]


def test_headers_are_not_carried_into_the_next_page(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 5).data)
    url = '/users?$top=2&$count=true&$search="displayName:User"'
    link = caller.advanced(url).json["@odata.nextLink"]
    assert caller.get(link).code == "Request_UnsupportedQuery"
    assert caller.advanced(link).status == 200


def test_empty_pages_lead_on(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 250).data, faults=Faults(empty_pages=1.0))
    pages = list(caller.pages("/users"))
    assert [len(page.json["value"]) for page in pages] == [100, 0, 100, 0, 50]
    assert [row for page in pages for row in page.ids] == [row["id"] for row in tenant.data["users"]]
    assert caller.emulator.faults.served["empty_pages"] == 2


def test_pages_can_expire(tenant: TenantBuilder, start: Start) -> None:
    caller = start(with_users(tenant, 250).data, faults=Faults(expired_pages=1.0))
    link = caller.get("/users").json["@odata.nextLink"]
    assert caller.get(link).code == "Directory_ExpiredPageToken"
    assert caller.emulator.faults.served["expired_pages"] == 1


def test_skus_and_grant_policies_do_not_page(tenant: TenantBuilder, start: Start) -> None:
    tenant.data["subscribedSkus"] = [{"id": str(n), "skuPartNumber": "X"} for n in range(150)]
    caller = start(tenant.data)
    reply = caller.get("/subscribedSkus?$top=5")
    assert len(reply.json["value"]) == 150
    assert "@odata.nextLink" not in reply.json


def test_managed_identities_are_missing_from_small_pages(tenant: TenantBuilder, start: Start) -> None:
    identity = tenant.managed_identity("Pump")
    tenant.assign(identity, "User.Read.All")
    caller = start(tenant.data)
    path = "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')/appRoleAssignedTo"

    def principals(reader: Caller, options: str) -> set[str]:
        return {row["principalId"] for row in reader.get(path + options).json["value"]}

    assert identity.service_principal_id in principals(caller, "?$top=999")
    assert identity.service_principal_id not in principals(caller, "")
    complete = start(tenant.data, settings=Settings(omit_managed_identities=False))
    assert identity.service_principal_id in principals(complete, "")
