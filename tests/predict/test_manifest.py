"""Manifests: the two formats say the same, secrets stay behind, what is wrong is one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.predict import manifest
from auditor.predict.manifest import manifest_in, read_manifest

DATA = Path(__file__).parent / "data"
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0cmFwIn0.TRAPtrapTRAP"
ID = "aaaaaaaa-0000-0000-0000-00000000000a"
GRAPH = read_manifest(DATA / "manifest-graph.json")


def read(content: Any) -> dict[str, Any]:
    return manifest_in(json.dumps(content).encode(), "app.json")


def test_graph_format() -> None:
    given_ = json.loads((DATA / "manifest-graph.json").read_text(encoding="utf-8"))
    assert GRAPH["appId"] == "11111111-2222-3333-4444-555555555555"
    assert GRAPH["id"] == "aaaaaaaa-0000-0000-0000-000000000001"
    for name in ("displayName", "signInAudience", "identifierUris", "requiredResourceAccess", "spa", "publicClient"):
        assert GRAPH[name] == given_[name]
    assert GRAPH["web"] == {
        "redirectUris": ["https://orders.contoso.com/auth"],
        "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
    }
    assert "isFallbackPublicClient" not in GRAPH
    assert "somethingNew" not in GRAPH


def test_the_older_format_says_the_same() -> None:
    older = read_manifest(DATA / "manifest-portal.json")
    assert older == {name: value for name, value in GRAPH.items() if name != "spa"}


def test_no_secret_comes_out() -> None:
    for name in ("manifest-graph.json", "manifest-portal.json"):
        found = read_manifest(DATA / name)
        assert "trap" not in json.dumps(found)
        assert "dHJhcA" not in json.dumps(found)
        assert found["passwordCredentials"] == [
            {
                "keyId": "aaaaaaaa-0000-0000-0000-000000000004",
                "displayName": "ci",
                "endDateTime": "2027-01-01T00:00:00Z",
            }
        ]


def test_an_app_that_is_not_created_yet() -> None:
    assert read({"displayName": "New"}) == {"appId": None, "displayName": "New"}
    assert read({"displayName": "New", "appId": ""})["appId"] is None


@pytest.mark.parametrize(
    ("older", "graph"),
    [
        ({"allowPublicClient": True}, {"isFallbackPublicClient": True}),
        (
            {"publicClient": True, "replyUrls": ["x:/y"]},
            {"isFallbackPublicClient": True, "publicClient": {"redirectUris": ["x:/y"]}},
        ),
        ({"publicClient": False, "replyUrls": ["https://x"]}, {"web": {"redirectUris": ["https://x"]}}),
        ({"replyUrlsWithType": [{"url": "https://x", "type": "spa"}]}, {"spa": {"redirectUris": ["https://x"]}}),
        ({"availableToOtherTenants": True}, {"signInAudience": "AzureADMultipleOrgs"}),
        ({"availableToOtherTenants": False}, {"signInAudience": "AzureADMyOrg"}),
        ({"availableToOtherTenants": True, "signInAudience": "azureadmyorg"}, {"signInAudience": "AzureADMyOrg"}),
        ({"name": "old", "displayName": "new"}, {"displayName": "new"}),
        (
            {"oauth2AllowImplicitFlow": True, "web": {"redirectUris": ["https://x"]}},
            {"web": {"implicitGrantSettings": {"enableAccessTokenIssuance": True}, "redirectUris": ["https://x"]}},
        ),
    ],
)
def test_older_names(older: dict[str, Any], graph: dict[str, Any]) -> None:
    assert read(older) == {"appId": None, **graph}


@pytest.mark.parametrize(
    "wrapped",
    [
        {"value": [{"displayName": "A"}]},
        [{"displayName": "A"}],
        {
            "$schema": "x",
            "resources": {"app": {"type": "Microsoft.Graph/applications@v1.0", "properties": {"displayName": "A"}}},
        },
        {
            "resources": [
                {"type": "Other"},
                {"type": "Microsoft.Graph/applications@beta", "properties": {"displayName": "A"}},
            ]
        },
    ],
)
def test_answers_and_templates_with_one_application(wrapped: Any) -> None:
    assert read(wrapped) == {"appId": None, "displayName": "A"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (3, "app.json is a number, expected an app manifest"),
        ([], "app.json holds 0 applications, expected an app manifest"),
        ({"value": [{}, {}]}, "app.json holds 2 applications"),
        ({"resources": [{"type": "Other"}]}, "app.json holds 0 applications"),
        ({}, "app.json has no property of an application"),
        ({"name": "a package", "id": ID, "tags": []}, "app.json has no property of an application"),
        ({"appId": "trap"}, "app.json: appId is no GUID, expected a GUID such as"),
        ({"appId": 5}, "app.json: appId is a number, expected a GUID such as"),
        ({"signInAudience": "trap"}, "app.json: signInAudience is none of its words, expected one of AzureADMyOrg,"),
        (
            {"requiredResourceAccess": "trap"},
            "app.json: requiredResourceAccess is a string, expected an array of objects.",
        ),
        ({"requiredResourceAccess": [{}]}, "app.json: requiredResourceAccess[0] has no resourceAppId, expected one."),
        (
            {"requiredResourceAccess": [{"resourceAppId": ID, "resourceAccess": [{"id": ID, "type": "trap"}]}]},
            "app.json: requiredResourceAccess[0].resourceAccess[0].type is none of its words, expected one of Scope, Role.",
        ),
        (
            {"preAuthorizedApplications": [{"appId": ID, "permissionIds": [True]}]},
            "app.json: preAuthorizedApplications[0].permissionIds[0] is true or false, expected a GUID such as",
        ),
        ({"displayName": "x", "web": []}, "app.json: web is an array, expected an object."),
        (
            {"displayName": "x", "web": {"redirectUris": {}}},
            "app.json: web.redirectUris is an object, expected an array of strings.",
        ),
        ({"isFallbackPublicClient": "yes"}, "app.json: isFallbackPublicClient is a string, expected true or false."),
        ({"replyUrlsWithType": [{"url": "x"}]}, "app.json: replyUrlsWithType[0] has no type, expected one."),
        ({"passwordCredentials": "trap"}, "app.json: passwordCredentials is a string, expected an array of objects."),
        (
            {"accessTokenAcceptedVersion": 1.5},
            "app.json: accessTokenAcceptedVersion is a number, expected a whole number.",
        ),
        ({"appRoles": [], "tags": [None]}, "app.json: tags[0] is null, expected a string."),
    ],
)
def test_refused_with_one_sentence(content: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        read(content)
    assert str(refused.value).startswith(message)
    assert "trap" not in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MAX_BYTES", 2**20)
    (tmp_path / "large").write_bytes(b" " * (2**20 + 1))
    (tmp_path / "deep").write_bytes(b"[" * 100_000)
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name in ("large", "deep", "bytes", "missing", "."):
        with pytest.raises(InputError):
            read_manifest(tmp_path / name)


NAMES = [
    *manifest._APPLICATION,
    *manifest._OLDER,
    *manifest._OLDER_REDIRECTS,
    "availableToOtherTenants",
    "value",
    "resources",
]
NAMES += [
    "redirectUris",
    "url",
    "type",
    "resourceAppId",
    "resourceAccess",
    "secretText",
    "key",
    "customKeyIdentifier",
    "keyId",
]
SECRETS = ("secretText", "key", "customKeyIdentifier", "hint")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([ID, "Role", "Spa", f"Bearer {TOKEN}", TOKEN]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
        | st.dictionaries(st.sampled_from(SECRETS), st.just("trap"), max_size=1)
    ),
    max_leaves=25,
)


def judged(raw: bytes) -> None:
    try:
        shown = json.dumps(manifest_in(raw, "app.json"))
    except InputError as refused:
        shown = str(refused)
    assert "eyJ" not in shown
    assert "trap" not in shown.lower()


@given(st.dictionaries(st.sampled_from(NAMES), JSON) | JSON)
def test_any_json(content: Any) -> None:
    judged(json.dumps(content).encode())


@given(
    st.dictionaries(
        st.sampled_from(["passwordCredentials", "keyCredentials"]),
        st.lists(
            st.fixed_dictionaries(
                {name: st.just("trap") for name in (*SECRETS, "value")},
                optional={"keyId": st.just(ID), "displayName": st.just(TOKEN)},
            )
        ),
        min_size=1,
    )
)
def test_credentials_keep_no_secret(content: Any) -> None:
    judged(json.dumps(content).encode())


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    judged(raw)
