"""The compiler on a tiny input, and damaged inputs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import AuditorError, InputError
from auditor.reference import build
from auditor.reference.catalog import Catalog

LIVE_APPLICATION = (
    b'"Id","Value","DisplayName","Description"\n"AAAAAAAA-0000-0000-0000-000000000001","Thing.Read.All","x","y"\n'
)
LIVE_DELEGATED = (
    b'"Id","Value","AdminConsentDisplayName","AdminConsentDescription"\n'
    b'"aaaaaaaa-0000-0000-0000-000000000002","Thing.Read.All","x","y"\n"aaaaaaaa-0000-0000-0000-000000000003","openid","x","y"\n'
)
DEPLOYED = {
    "permissionDeployments": {
        "Thing.Read.All": [
            {
                "id": "bbbbbbbb-0000-0000-0000-000000000001",
                "scheme": "Application",
                "environment": "public",
                "isHidden": False,
            }
            | {"resourceAppId": "00000002-0000-0000-c000-000000000000"}
        ]
    }
}


def permission(
    *path_sets: dict[str, Any], kind: str = "oAuth2", schemes: tuple[str, ...] = ("DelegatedWork", "Application")
) -> dict[str, Any]:
    facts = {
        "requiresAdminConsent": True,
        "privilegeLevel": 3,
        "adminDisplayName": "SECRET TEXT",
        "adminDescription": "SECRET TEXT",
    }
    return {"authorizationType": kind, "schemes": dict.fromkeys(schemes, facts), "pathSets": list(path_sets)}


def path_set(
    methods: list[str], paths: dict[str, str], schemes: tuple[str, ...] = ("DelegatedWork", "Application")
) -> dict[str, Any]:
    return {"schemeKeys": list(schemes), "methods": methods, "paths": paths}


TINY = {
    "permissions": {
        "Thing.Read.All": permission(
            path_set(["GET"], {"/things": "least=DelegatedWork,Application", "/things/{id}": ""})
        ),
        "Thing.ReadWrite.All": permission(
            path_set(
                ["GET", "PATCH"],
                {"/Things/{thing-id}": "least=DelegatedWork", "/THINGS": "least=DelegatedWork,Application"},
            ),
            path_set(["POST"], {"/things": "AlsoRequires=Other.Read.All,Third.Read.All"}, ("Application",)),
        ),
        "Thing.Read.Group": permission(
            path_set(["GET"], {"/things": ""}, ("Application",)), kind="RSC", schemes=("Application",)
        ),
    }
}


def compiled(*, shuffled: bool = False, extra: dict[str, bytes] | None = None) -> bytes:
    tiny = {"permissions": dict(reversed(TINY["permissions"].items()))} if shuffled else TINY
    return build.compile_catalog(
        build.read_sources({"p.json": json.dumps(tiny).encode(), **(extra or {})}), "2026-08-07"
    )


@pytest.fixture
def tiny() -> Catalog:
    files = {
        "a.csv": LIVE_APPLICATION,
        "d.csv": b"\xef\xbb\xbf" + LIVE_DELEGATED,
        "i.json": json.dumps(DEPLOYED).encode(),
    }
    return Catalog.from_bytes(compiled(extra=files), "tiny", thorough=True)


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert compiled() == compiled()
    first, second = (json.loads(compiled(shuffled=shuffled)) for shuffled in (False, True))
    # Only the hash of the input may differ: the order of entries in it means nothing.
    assert {key: value for key, value in first.items() if key != "sources"} == {
        key: value for key, value in second.items() if key != "sources"
    }


def test_no_text_of_microsofts_gets_in() -> None:
    assert b"SECRET" not in compiled()


def test_one_entry_a_line() -> None:
    assert all(line.count(b'": ') <= 1 for line in compiled().splitlines())


def test_spellings_of_one_path_are_merged(tiny: Catalog) -> None:
    rows = (tiny.authorizing("GET", "/things/1", raw=True) or {})["delegated"]
    assert {row.permission for row in rows} == {"Thing.Read.All", "Thing.ReadWrite.All"}


def test_of_several_leasts_the_one_made_for_the_method_stays(tiny: Catalog) -> None:
    rows = (tiny.authorizing("GET", "/things", raw=True) or {})["delegated"]
    assert [row.permission for row in rows if row.least] == ["Thing.Read.All"]
    rows = (tiny.authorizing("PATCH", "/things", raw=True) or {})["delegated"]
    assert [row.permission for row in rows if row.least] == ["Thing.ReadWrite.All"]


def test_least_counts_for_the_scheme_it_names(tiny: Catalog) -> None:
    found = tiny.authorizing("PATCH", "/things/1", raw=True) or {}
    assert [row.least for row in found["delegated"]] == [True]
    assert [row.least for row in found["application"]] == [False]


def test_also_requires_are_alternatives(tiny: Catalog) -> None:
    rows = (tiny.authorizing("POST", "/things", raw=True) or {})["application"]
    assert [row.also_requires for row in rows] == [("Other.Read.All",), ("Third.Read.All",)]


def test_resource_specific_consent_is_left_out(tiny: Catalog) -> None:
    rows = (tiny.authorizing("GET", "/things", raw=True) or {})["application"]
    assert "Thing.Read.Group" not in {row.permission for row in rows}
    assert tiny.resource_specific("GET", "/things") == ("Thing.Read.Group",)


def test_live_ids_win(tiny: Catalog) -> None:
    thing = tiny.permission("Thing.Read.All")
    assert thing is not None
    assert thing.application is not None
    assert thing.application.id == "aaaaaaaa-0000-0000-0000-000000000001"
    assert thing.application.enforced_by == "00000002-0000-0000-c000-000000000000"
    assert tiny.permission("Thing.ReadWrite.All").application.id is None  # type: ignore[union-attr]
    assert not tiny.permission("openid").delegated.admin_consent  # type: ignore[union-attr]


def test_without_a_live_list_the_deployment_ids_serve() -> None:
    catalog = Catalog.from_bytes(compiled(extra={"i.json": json.dumps(DEPLOYED).encode()}), "tiny")
    assert catalog.name_of("bbbbbbbb-0000-0000-0000-000000000001", "application") == "Thing.Read.All"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither JSON nor a CSV list"),
        (b'{"permissions": {', "not valid JSON"),
        (b"[1, 2]", "none of the files"),
        (b'{"a": 1}', "none of the files"),
        (b"\xff\xfe\x00", "neither JSON nor a CSV list"),
        (b"Name,Other\n1,2\n", "neither JSON nor a CSV list"),
        (b'"Id","Value"\n"","x"\n', "neither JSON nor a CSV list"),
        (b'{"permissions": {"A": {}}}', "another shape"),
        (b'{"permissions": {"A": []}}', "another shape"),
        (b'{"permissions": {"A": {"authorizationType": "oAuth2", "pathSets": [1]}}}', "another shape"),
        (b'{"permissions": {}}', "needs Microsoft's permissions.json"),
    ],
)
def test_damaged_inputs_are_told_in_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        build.compile_catalog(build.read_sources({"file.json": content}), "2026-08-07")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_two_files_of_a_kind() -> None:
    content = json.dumps(TINY).encode()
    with pytest.raises(InputError, match="a second permissions"):
        build.read_sources({"a": content, "b": content})


def test_a_date_that_is_none() -> None:
    with pytest.raises(InputError, match="expected a date"):
        build.compile_catalog(build.read_sources({"a": json.dumps(TINY).encode()}), "yesterday")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["authorizationType", "schemes", "pathSets", "schemeKeys", "methods", "paths", "GET", "/a"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_shape_of_input_is_a_crash(value: Any) -> None:
    raw = json.dumps({"permissions": {"A.Read": value}}).encode()
    try:
        content = build.compile_catalog(build.read_sources({"p": raw}), "2026-08-07")
        Catalog.from_bytes(content, "built", thorough=True)
    except AuditorError:
        return


def test_first_party_apps_need_an_owner() -> None:
    apps = [
        {
            "AppId": "04B07795-8DDB-461A-BBEE-02F9E1BF7B46",
            "AppDisplayName": "Azure  CLI",
            "AppOwnerOrganizationId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
        },
        {
            "AppId": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
            "AppDisplayName": "Key Vault Administrator",
            "AppOwnerOrganizationId": "",
        },
    ]
    assert build.compile_first_party(apps) == (
        b"04b07795-8ddb-461a-bbee-02f9e1bf7b46\tf8cdef31-a31e-4b4a-93e4-5f571e91255a\tAzure CLI\n"
    )
    with pytest.raises(InputError):
        build.compile_first_party(apps[1:])
