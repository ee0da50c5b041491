"""App role assignments where Graph's resource side is not to be trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from auditor.graph.collect import collect_tenant
from auditor.graph.signin import GivenToken
from auditor.graph.sources import BY_ID
from auditor.reference.clouds import CLOUDS
from auditor.tenant.snapshot import Snapshot
from tests.graph.scripted import FakeClock, Reply, Seen, scripted

SOURCE = "servicePrincipals/appRoleAssignedTo"
ROLE = {"id": "role", "isEnabled": True, "allowedMemberTypes": ["Application"], "value": "Do.All"}


def row(principal: str, resource: str = "api", kind: str = "ServicePrincipal") -> dict[str, Any]:
    return {
        "id": f"{principal}-{resource}",
        "appRoleId": "role",
        "principalId": principal,
        "principalType": kind,
        "resourceId": resource,
        "createdDateTime": "2026-01-01T00:00:00Z",
    }


class TinyGraph:
    """One resource, many clients; what each side shows can differ."""

    def __init__(self, clients: int, *, hidden: tuple[str, ...] = (), people: int = 0) -> None:
        self.names = [f"client-{number:04}" for number in range(clients)]
        self.truth = [row(name) for name in self.names] + [row(f"user-{n}", kind="User") for n in range(people)]
        self.hidden = set(hidden)
        self.hidden_in_advanced = set(hidden)
        self.page_limit = 10_000
        self.count_offset = 0
        self.asked: list[str] = []

    def __call__(self, seen: Seen) -> Reply:
        if seen.method == "POST":
            items = seen.body["requests"]
            self.asked += [item["url"] for item in items]
            return Reply({"responses": [{"id": item["id"], **self.item(item["url"])} for item in items]})
        path = urlsplit(seen.target).path.removeprefix("/v1.0")
        if path == "/servicePrincipals":
            api = {"id": "api", "appRoles": [ROLE], "servicePrincipalType": "Application"}
            return Reply(
                {"value": [api, *({"id": name, "servicePrincipalType": "ManagedIdentity"} for name in self.names)]}
            )
        if path == "/servicePrincipals/$count":
            return Reply(raw=b"\xef\xbb\xbf%d" % (len(self.names) + 1), headers={"Content-Type": "text/plain"})
        item = self.item(seen.target.removeprefix("/v1.0"), is_advanced="consistencylevel" in seen.headers)
        return Reply(item["body"], item["status"])

    def item(self, url: str, *, is_advanced: bool = False) -> dict[str, Any]:
        parts = urlsplit(url)
        _, _, object_id, side = parts.path.split("/")
        assert parse_qs(parts.query)["$top"] == ["999"]
        if side == "appRoleAssignments":
            return {"status": 200, "body": {"value": [one for one in self.truth if one["principalId"] == object_id]}}
        if object_id != "api":
            return {"status": 200, "body": {"value": []}}
        hidden = self.hidden_in_advanced if is_advanced else self.hidden
        shown = [one for one in self.truth if one["principalId"] not in hidden]
        body: dict[str, Any] = {"value": shown if is_advanced else shown[: self.page_limit]}
        if is_advanced:
            body["@odata.count"] = len(shown) + self.count_offset
        return {"status": 200, "body": json.loads(json.dumps(body))}


def read(graph: TinyGraph, folder: Path) -> Snapshot:
    with scripted(graph) as server:
        return collect_tenant(
            GivenToken("a.b.c", 4e9),
            tenant=None,
            cloud=CLOUDS["global"],
            graph_url=server.url,
            folder=folder / "snapshot",
            sources=[BY_ID["servicePrincipals"], BY_ID[SOURCE]],
            clock=FakeClock().clock,
        )


def principals(snapshot: Snapshot) -> list[str]:
    return [one["principalId"] for one in snapshot.objects(SOURCE) if "principalId" in one]


def test_a_trustworthy_resource_side_costs_two_batches(tmp_path: Path) -> None:
    graph = TinyGraph(300, people=7)
    snapshot = read(graph, tmp_path)
    assert sorted(principals(snapshot)) == graph.names
    state = snapshot.states[SOURCE]
    assert (state.status, state.objects, state.requests, state.detail) == ("read", 300, 2, "")
    counted = [one for one in snapshot.objects(SOURCE) if "counted" in one]
    assert counted == [{"resourceId": "api", "counted": {"users": 7, "groups": 0, "servicePrincipals": 300}}]
    sampled = [url for url in graph.asked if "/appRoleAssignments?" in url]
    assert len(sampled) == len(set(sampled)) == 20 - 9  # ten that hold some, and the one that holds none


def test_assignments_that_the_resource_side_hides_are_found_and_all_are_looked_for(tmp_path: Path) -> None:
    """Two are hidden, the sample meets one of them; the other must not stay lost."""
    graph = TinyGraph(300)
    graph.hidden = set(graph.names[:40])
    snapshot = read(graph, tmp_path)
    assert sorted(principals(snapshot)) == graph.names
    state = snapshot.states[SOURCE]
    assert state.status == "read"
    assert "left out 40 app role assignments" in state.detail
    assert "asking every service principal" in state.detail


def test_a_full_page_without_a_link_is_read_again(tmp_path: Path) -> None:
    graph = TinyGraph(1200)
    graph.page_limit = 999
    snapshot = read(graph, tmp_path)
    assert sorted(principals(snapshot)) == graph.names
    assert snapshot.states[SOURCE].detail == ""


def test_exactly_a_full_page_is_nothing_to_worry_about(tmp_path: Path) -> None:
    snapshot = read(TinyGraph(999), tmp_path)
    assert snapshot.states[SOURCE].objects == 999


def test_more_counted_than_listed_is_never_passed_on_as_the_whole(tmp_path: Path) -> None:
    graph = TinyGraph(1200)
    graph.page_limit, graph.count_offset = 999, 300
    snapshot = read(graph, tmp_path)
    assert snapshot.states[SOURCE].status == "failed"
    assert "has 1500 assignments, and Graph lists only 1200" in snapshot.states[SOURCE].detail
    assert list(snapshot.objects(SOURCE)) == []


@pytest.mark.parametrize(
    ("listed", "counted", "status"), [(1000, 1000, "read"), (990, 1000, "read"), (900, 1000, "failed")]
)
def test_the_list_is_held_against_graphs_own_count(listed: int, counted: int, status: str, tmp_path: Path) -> None:
    graph = TinyGraph(listed - 1)

    def answer(seen: Seen) -> Reply:
        if "appManagementPolicies" in seen.target:
            return Reply({"value": []})
        return Reply(counted) if "/servicePrincipals/$count" in seen.target else graph(seen)

    with scripted(answer) as server:
        snapshot = collect_tenant(
            GivenToken("a.b.c", 4e9),
            tenant=None,
            cloud=CLOUDS["global"],
            graph_url=server.url,
            folder=tmp_path / "snapshot",
            sources=[BY_ID["servicePrincipals"], BY_ID["policies/appManagementPolicies"]],
            clock=FakeClock().clock,
        )
        state = snapshot.states["servicePrincipals"]
    assert state.status == status
    assert (state.detail == "") == (listed == counted)


def test_pages_that_graph_cannot_deliver_are_asked_smaller(tmp_path: Path) -> None:
    def answer(seen: Seen) -> Reply:
        query = parse_qs(urlsplit(seen.target).query)
        if query.get("$top") != ["300"]:
            return Reply({"error": {"code": "ServiceUnavailable", "message": "too much"}}, 503)
        return Reply({"value": [{"id": "1", "clientId": "a", "resourceId": "b", "scope": "x"}]})

    with scripted(answer) as server:
        snapshot = collect_tenant(
            GivenToken("a.b.c", 4e9),
            tenant=None,
            cloud=CLOUDS["global"],
            graph_url=server.url,
            folder=tmp_path / "snapshot",
            sources=[BY_ID["oauth2PermissionGrants"]],
            clock=FakeClock().clock,
        )
    assert snapshot.states["oauth2PermissionGrants"].objects == 1
    assert snapshot.states["oauth2PermissionGrants"].requests == 7
