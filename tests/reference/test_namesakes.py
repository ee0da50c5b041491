"""The table of namesakes agrees with itself and with the permission catalog."""

from __future__ import annotations

import pytest

from auditor.reference import catalog
from auditor.reference.namesakes import graph_namesake, namesakes, other_apis
from auditor.reference.resources import AAD_GRAPH, EXCHANGE, GRAPH, SHAREPOINT


@pytest.mark.parametrize(("key", "name"), sorted(namesakes().items()))
def test_every_namesake_is_a_live_permission_of_that_type(key: tuple[str, str, str], name: str) -> None:
    known = catalog.load().permission(name)
    assert known is not None
    form = known.application if key[2] == "application" else known.delegated
    assert form is not None
    assert form.id is not None


@pytest.mark.parametrize(
    ("resource", "permission", "kind", "expected"),
    [
        (AAD_GRAPH, "Directory.Read.All", "application", "Directory.Read.All"),
        (AAD_GRAPH.upper(), "User.Read", "delegated", "User.Read"),
        (AAD_GRAPH, "User.Read", "application", None),
        (EXCHANGE, "Mail.Read", "application", "Mail.Read"),
        (EXCHANGE, "full_access_as_app", "application", None),
        (EXCHANGE, "EWS.AccessAsUser.All", "delegated", None),
        (SHAREPOINT, "AllSites.Read", "delegated", "Sites.Read.All"),
        (GRAPH, "User.Read", "delegated", None),
        ("api", "User.Read", "delegated", None),
    ],
)
def test_look_ups(resource: str, permission: str, kind: str, expected: str | None) -> None:
    assert graph_namesake(resource, permission, kind) == expected


def test_retired_apis_say_since_when() -> None:
    for api in other_apis().values():
        assert (api.state == "retired") == (api.retired_at is not None)
        assert api.page.startswith("https://learn.microsoft.com/")
        assert api.app_id == api.app_id.lower()
