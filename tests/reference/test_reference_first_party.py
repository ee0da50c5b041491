"""Well-known clients and the scopes they carry without anybody's consent."""

from __future__ import annotations

import re

import pytest

from auditor.reference import catalog
from auditor.reference.first_party import first_party_client
from auditor.reference.names import table

CLIENTS = table("first_party")["client"]
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
AZURE_POWERSHELL = "1950a258-227b-4e31-a9cf-717495945fc2"
GRAPH_EXPLORER = "de8bc8b5-d9f9-48b1-a8ad-b748da725064"
GRAPH_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
INTUNE_POWERSHELL = "d1ddf0e4-d672-4dae-b554-9d5bdfd93547"


@pytest.mark.parametrize("app_id", [AZURE_CLI, AZURE_POWERSHELL.upper()])
def test_azure_tools_have_what_microsoft_gave_them_and_no_more(app_id: str) -> None:
    client = first_party_client(app_id)
    assert client is not None
    assert "Directory.AccessAsUser.All" in client.scopes
    assert not any(scope.startswith("RoleManagement") for scope in client.scopes)
    assert (client.scopes_known, client.consentable, client.retired) == (True, False, False)


@pytest.mark.parametrize("app_id", [GRAPH_EXPLORER, GRAPH_TOOLS])
def test_graph_tools_take_consent(app_id: str) -> None:
    client = first_party_client(app_id)
    assert client is not None
    assert (client.consentable, client.retired) == (True, False)


def test_the_client_that_microsoft_removed() -> None:
    client = first_party_client(INTUNE_POWERSHELL)
    assert client is not None
    assert client.retired
    assert client.instead


def test_any_other_app() -> None:
    assert first_party_client("11111111-2222-3333-4444-555555555555") is None
    assert first_party_client("") is None


@pytest.mark.parametrize("entry", CLIENTS, ids=lambda entry: entry["name"])
def test_every_entry_is_whole(entry: dict[str, object]) -> None:
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(entry["app_id"]))
    assert entry["scopes_known"] in {"complete", "partly"}
    assert str(entry["why"]).endswith(".")
    assert entry["source"] == "seen" or str(entry["source"]).startswith("https://learn.microsoft.com/")


def test_scopes_that_decide_are_permissions() -> None:
    """Names that Microsoft keeps to itself exist as well; those of the complete lists must be known but for them."""
    hidden = {"Mail.ReadWrite.All", "People.ReadWrite"}
    for entry in CLIENTS:
        if entry["scopes_known"] == "complete":
            unknown = {name for name in entry["scopes"] if catalog.load().permission(name) is None}
            assert unknown <= hidden, entry["name"]


def test_every_client_is_there_once() -> None:
    ids = [entry["app_id"] for entry in CLIENTS]
    assert len(set(ids)) == len(ids)
