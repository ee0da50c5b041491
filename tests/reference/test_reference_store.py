"""The store of catalogs: what is in use, and how a newer one replaces the old."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.errors import AuditorError, InputError, OutputError, UsageError
from auditor.reference import catalog, place, store

SHIPPED = place.SHIPPED.read_bytes()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user of their own, with no cached catalog."""
    monkeypatch.delenv(place.VARIABLE, raising=False)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    catalog.load.cache_clear()
    yield tmp_path
    catalog.load.cache_clear()


def dated(date: str) -> bytes:
    return SHIPPED.replace(b'"date": "2026-08-07"', b'"date": "%s"' % date.encode(), 1)


def cache(content: bytes) -> Path:
    path = place.cached()
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_shipped_catalog() -> None:
    info = store.info()
    assert (info.kind, info.date, info.size, info.ignored) == ("shipped", "2026-08-07", len(SHIPPED), None)
    assert info.permissions > 1000
    assert info.calls > info.paths > 7000
    assert len(info.sha256) == 64
    assert "permissions.json" in info.sources


def test_a_newer_one_wins_and_an_older_one_does_not() -> None:
    path = cache(dated("2026-09-01"))
    assert (store.info().kind, catalog.load().date) == ("cached", "2026-09-01")
    path.write_bytes(dated("2026-01-01"))
    catalog.load.cache_clear()
    info = store.info()
    assert (info.kind, info.date) == ("shipped", "2026-08-07")
    assert info.ignored is not None
    assert "not newer" in info.ignored


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged"),
        (SHIPPED[:5000], "damaged"),
        (b"[]", "not a permission catalog"),
        (b'{"format": 0}', "older format 0"),
        (b'{"format": 99}', "newer format 99"),
        (b'{"format": 1, "date": "2027-01-01"}', "'sources'"),
        (dated("2027-13-01"), "its date is"),
        (SHIPPED.replace(b'"GET ', b'"get ', 1), "malformed"),
        (SHIPPED.replace(b'["570282fd', b'["z70282fd', 1), "malformed facts"),
        (SHIPPED.replace(b'"/users": "GET ', b'"/users": "GET 0', 1), "not there"),
    ],
)
def test_a_damaged_one_is_ignored_when_cached_and_refused_when_named(
    content: bytes, words: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(content.replace(b'"date": "2026-08-07"', b'"date": "2027-01-01"'))
    assert catalog.load().date == "2026-08-07"
    ignored = store.info().ignored
    assert ignored is not None
    assert words in ignored
    named = home / "named.json"
    named.write_bytes(content)
    monkeypatch.setenv(place.VARIABLE, str(named))
    catalog.load.cache_clear()
    with pytest.raises(InputError) as caught:
        catalog.load()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_named_one_and_the_switch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache(dated("2026-09-01"))
    named = home / "named.json"
    named.write_bytes(dated("2020-01-01"))
    monkeypatch.setenv(place.VARIABLE, str(named))
    catalog.load.cache_clear()
    assert (store.info().kind, catalog.load().date) == ("named", "2020-01-01")
    monkeypatch.setenv(place.VARIABLE, "shipped")
    catalog.load.cache_clear()
    assert (store.info().kind, catalog.load().date) == ("shipped", "2026-08-07")
    with pytest.raises(UsageError, match=place.VARIABLE):
        store.update("anything.json")
    monkeypatch.setenv(place.VARIABLE, str(home / "missing.json"))
    catalog.load.cache_clear()
    with pytest.raises(InputError, match="cannot be read"):
        catalog.load()


def test_update_from_a_compiled_file(home: Path) -> None:
    source = home / "new.json"
    source.write_bytes(dated("2026-10-01"))
    assert store.update(str(source)).date == "2026-10-01"
    assert catalog.load().date == "2026-10-01"
    assert [path.name for path in Path(place.cached() or "").parent.iterdir()] == ["catalog.json"]


def test_update_keeps_ids_and_enforcing_resources(home: Path) -> None:
    """permissions.json says nothing of ids; a map rebuilt from what we know stands for it."""
    source = home / "permissions.json"
    source.write_text(json.dumps({"permissions": published_again()}), "utf-8")
    updated = store.update(str(source), date="2026-11-01")
    before = catalog.Catalog.from_bytes(SHIPPED, "shipped")
    for name in ("Mail.Read", "Application.Read.All"):
        assert updated.permission(name) == before.permission(name)
    assert updated.authorizing("GET", "/users/1/messages", raw=True) == before.authorizing(
        "GET", "/users/1/messages", raw=True
    )


def published_again() -> dict[str, object]:
    """The shipped catalog written as Microsoft writes permissions.json."""
    shipped = catalog.Catalog.from_bytes(SHIPPED, "shipped")
    keys = {"delegated": "DelegatedWork", "personal": "DelegatedPersonal", "application": "Application"}
    permissions: dict[str, dict[str, object]] = {}
    path_sets: dict[str, list[object]] = {}
    for method, template, schemes in shipped.entries():
        for scheme, rows in schemes.items():
            for row in rows:
                mark = ";".join(
                    (
                        *([f"least={keys[scheme]}"] if row.least else []),
                        *(f"AlsoRequires={x}" for x in row.also_requires),
                    )
                )
                entry = {"schemeKeys": [keys[scheme]], "methods": [method], "paths": {template: mark}}
                path_sets.setdefault(row.permission, []).append(entry)
    for name, found in path_sets.items():
        known = shipped.permission(name)
        assert known is not None
        forms = {"DelegatedWork": known.delegated, "Application": known.application}
        schemes_of = {
            key: {"requiresAdminConsent": form.admin_consent, "privilegeLevel": form.privilege}
            for key, form in forms.items()
            if form
        }
        if known.personal:
            schemes_of["DelegatedPersonal"] = {"requiresAdminConsent": False, "privilegeLevel": None}
        permissions[name] = {"authorizationType": "oAuth2", "schemes": schemes_of, "pathSets": found}
    return permissions


def small() -> bytes:
    entry = {"authorizationType": "oAuth2", "schemes": {"Application": {}}, "pathSets": []}
    entry["pathSets"] = [{"schemeKeys": ["Application"], "methods": ["GET"], "paths": {"/things": ""}}]
    return json.dumps({"permissions": {"Thing.Read": entry}}).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither JSON"),
        (SHIPPED[:-500], "damaged"),
        (b'{"format": 7}', "newer format"),
        (b"<html>not found</html>", "neither JSON"),
        (dated("2026-08-06"), "older than the catalog in use"),
        (small(), "not complete"),
    ],
)
def test_a_bad_update_changes_nothing(home: Path, content: bytes, words: str) -> None:
    source = home / "new.json"
    source.write_bytes(content)
    with pytest.raises(InputError) as caught:
        store.update(str(source))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    path = place.cached()
    assert path is not None
    assert not path.exists()


def test_an_older_one_when_asked_for(home: Path) -> None:
    source = home / "old.json"
    source.write_bytes(dated("2026-08-06"))
    assert store.update(str(source), allow_older=True).date == "2026-08-06"
    assert catalog.load().date == "2026-08-07"  # and yet the newer shipped one is used


@pytest.mark.parametrize("source", ["http://graph.example/permissions.json", "ftp://x/y", "file:///etc/passwd"])
def test_only_https_or_a_file(source: str) -> None:
    with pytest.raises(UsageError, match="https"):
        store.update(source)


def test_a_missing_file_and_an_unreachable_host() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        store.update("no-such-file.json")
    with pytest.raises(AuditorError) as caught:
        store.update("https://127.0.0.1:9/permissions.json")
    assert isinstance(caught.value, store.FetchError)


def test_build_writes_both_files(home: Path) -> None:
    (home / "p.json").write_bytes(small())
    apps = [
        {
            "AppId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            "AppDisplayName": "Azure CLI",
            "AppOwnerOrganizationId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
        }
    ]
    (home / "apps.json").write_text(json.dumps(apps), "utf-8")
    built = store.build([home / "p.json", home / "apps.json"], home / "out" / "catalog.json", "2026-08-07")
    assert built.date == "2026-08-07"
    assert sorted(path.name for path in (home / "out").iterdir()) == ["catalog.json", "first_party.tsv"]
    assert catalog.read(home / "out" / "catalog.json").authorizing("GET", "/things") is not None


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="needs a path nobody may write to",
)
def test_an_unwritable_place_even_for_root(home: Path) -> None:
    (home / "p.json").write_bytes(small())
    with pytest.raises(OutputError, match="cannot be written"):
        store.build([home / "p.json"], Path("/proc/nowhere/catalog.json"), "2026-08-07")


def test_a_file_where_a_folder_should_be(home: Path) -> None:
    (home / "p.json").write_bytes(small())
    (home / "out").write_text("a file", "utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        store.build([home / "p.json"], home / "out" / "catalog.json", "2026-08-07")
