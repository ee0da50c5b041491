"""Snapshots: what goes in comes out; what is damaged says so in one sentence; secrets do not go in."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import InputError, OutputError
from auditor.tenant.snapshot import Snapshot, SnapshotWriter
from auditor.tenant.state import SourceState
from auditor.tenant.tables import Tenant

WHEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def write(folder: Path) -> Snapshot:
    writer = SnapshotWriter(folder, tenant_id="t", cloud="global", collected_at=WHEN)
    writer.append("applications", [{"id": "1", "displayName": "Ünï\u202e"}])
    writer.append("applications", [{"id": "2"}])
    writer.append("oauth2PermissionGrants", [{"id": "half"}])
    writer.finish(SourceState("applications", "read", objects=2))
    writer.finish(SourceState("oauth2PermissionGrants", "failed", detail="page 2 was refused"))
    writer.finish(SourceState("subscribedSkus", "read"))
    return writer.close(tenant_id="t", tenant_name="Contoso", signed_in_as="app x", requests=7)


def test_round_trip(tmp_path: Path) -> None:
    write(tmp_path / "s")
    snapshot = Snapshot.open(tmp_path / "s")
    assert list(snapshot.objects("applications")) == [{"id": "1", "displayName": "Ünï\u202e"}, {"id": "2"}]
    assert list(snapshot.objects("subscribedSkus")) == []
    assert snapshot.collected_at == WHEN
    assert (snapshot.tenant_name, snapshot.requests, snapshot.signed_in_as) == ("Contoso", 7, "app x")


def test_scope_and_planned_apps(tmp_path: Path) -> None:
    writer = SnapshotWriter(
        tmp_path / "s", tenant_id="t", cloud="global", collected_at=WHEN, scope=["B", "a", "b"], planned=["B"]
    )
    writer.close(tenant_id="t", tenant_name="", signed_in_as="", requests=1)
    manifest = json.loads((tmp_path / "s/manifest.json").read_bytes())
    assert (manifest["scope"], manifest["planned"]) == (["a", "b"], ["b"])
    tenant = Tenant.load(Snapshot.open(tmp_path / "s"))
    assert tenant.scope == {"a", "b"}
    assert tenant.planned == {"b"}
    assert tenant.restricted([]).scope == {"a", "b"}


def test_a_snapshot_of_the_version_before_scopes_opens(tmp_path: Path) -> None:
    write(tmp_path / "s")
    manifest = json.loads((tmp_path / "s/manifest.json").read_bytes())
    assert (manifest.pop("scope"), manifest.pop("planned")) == ([], [])
    (tmp_path / "s/manifest.json").write_text(json.dumps(manifest))
    snapshot = Snapshot.open(tmp_path / "s")
    assert snapshot.scope == snapshot.planned == frozenset()


@pytest.mark.parametrize("value", ["a", 7, {"a": 1}, [1], None])
@pytest.mark.parametrize("name", ["scope", "planned"])
def test_an_odd_scope_is_damage(tmp_path: Path, name: str, value: object) -> None:
    write(tmp_path / "s")
    manifest = json.loads((tmp_path / "s/manifest.json").read_bytes())
    (tmp_path / "s/manifest.json").write_text(json.dumps({**manifest, name: value}))
    with pytest.raises(InputError, match="damaged"):
        Snapshot.open(tmp_path / "s")


def test_a_source_read_in_part_is_not_kept(tmp_path: Path) -> None:
    snapshot = write(tmp_path / "s")
    assert list(snapshot.objects("oauth2PermissionGrants")) == []
    assert not (tmp_path / "s/sources/oauth2PermissionGrants.jsonl.zst").exists()


def test_secrets_never_reach_the_disk(tmp_path: Path) -> None:
    writer = SnapshotWriter(tmp_path / "s", tenant_id="t", cloud="global", collected_at=WHEN)
    record = {
        "id": "1",
        "keyCredentials": [{"keyId": "k", "key": "S3CRET"}],
        "passwordCredentials": [{"keyId": "p", "secretText": "S3CRET", "hint": "abc"}],
    }
    writer.append("applications", [record])
    writer.finish(SourceState("applications", "read", objects=1))
    snapshot = writer.close(tenant_id="t", tenant_name="", signed_in_as="", requests=1)
    (kept,) = snapshot.objects("applications")
    assert "S3CRET" not in str(kept)
    assert kept["passwordCredentials"] == [{"keyId": "p", "hint": "abc"}]
    assert record["keyCredentials"][0]["key"] == "S3CRET"  # the caller's object is left alone


@pytest.mark.parametrize("name", ["manifest.json", "sources/applications.jsonl.zst"])
@pytest.mark.parametrize("damage", ["truncate", "garbage", "remove", "flip"])
def test_damage_is_one_sentence_that_names_the_file(tmp_path: Path, name: str, damage: str) -> None:
    write(tmp_path / "s")
    path = tmp_path / "s" / name
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        flipped = bytes([content[0] ^ 0xFF]) + content[1:]
        path.write_bytes({"truncate": content[:-9], "garbage": b"\x00" * len(content), "flip": flipped}[damage])
    with pytest.raises(InputError) as caught:
        list(Snapshot.open(tmp_path / "s").objects("applications"))
    message = str(caught.value)
    assert str(tmp_path / "s") in message
    assert "\n" not in message


def test_no_snapshot_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no snapshot; expected a folder"):
        Snapshot.open(tmp_path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "s")
    path = tmp_path / "s/manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(InputError, match="format 99; this version reads format 1"):
        Snapshot.open(tmp_path / "s")


def test_a_manifest_cannot_point_outside(tmp_path: Path) -> None:
    write(tmp_path / "s")
    path = tmp_path / "s/manifest.json"
    path.write_text(path.read_text().replace("sources/applications.jsonl.zst", "../../../etc/passwd"))
    with pytest.raises(InputError):
        Snapshot.open(tmp_path / "s")


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        SnapshotWriter(tmp_path, tenant_id="t", cloud="global", collected_at=WHEN)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "record",
    [
        {"keyCredentials": {"key": "S3CRET"}},
        {"KeyCredentials": [{"Key": "S3CRET", "keyId": "k"}]},
        {"nested": [{"passwordCredentials": {"SecretText": "S3CRET"}}]},
        {"keyCredentials": [{"more": {"key": "S3CRET"}}]},
    ],
)
def test_secrets_in_odd_places_are_removed_too(tmp_path: Path, record: dict[str, Any]) -> None:
    (kept,) = stored(tmp_path, record)
    assert "S3CRET" not in str(kept)


def test_a_key_that_is_no_credential_stays(tmp_path: Path) -> None:
    record = {"id": "1", "addIns": [{"properties": [{"key": "kept", "value": "x"}]}]}
    assert stored(tmp_path, record) == [record]


def test_an_object_nested_beyond_reason_is_cut_and_not_fatal(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    (kept,) = stored(tmp_path, {"id": "1", "deep": deep})
    assert kept["id"] == "1"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_only_the_collector_may_read_it(tmp_path: Path) -> None:
    write(tmp_path / "s")
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"cloud": "global"', '"cloud": "mars"'),
        ('"2026-11-22T12:00:00Z"', '"0001-01-01T00:00:00+14:00"'),
        ('"requests": 7', '"requests": []'),
        ('"objects": 2', '"objects": "2"'),
        ('"objects": 2', '"objects": 3'),
        ('"detail": "page 2 was refused"', '"detail": ["x"]'),
        ('"sources": [', '"sources": [7,'),
    ],
)
def test_an_edited_manifest_is_one_sentence(tmp_path: Path, old: str, new: str) -> None:
    write(tmp_path / "s")
    path = tmp_path / "s/manifest.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError) as caught:
        list(Snapshot.open(tmp_path / "s").objects("applications"))
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SnapshotWriter(tmp_path / "s", tenant_id="t", cloud="global", collected_at=WHEN)
    writer.append("applications", [{"id": "1"}])

    def full(self: Path) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "read_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        writer.finish(SourceState("applications", "read", objects=1))


def stored(tmp_path: Path, record: dict[str, Any]) -> list[dict[str, Any]]:
    writer = SnapshotWriter(tmp_path / "s", tenant_id="t", cloud="global", collected_at=WHEN)
    writer.append("applications", [record])
    writer.finish(SourceState("applications", "read", objects=1))
    return list(writer.close(tenant_id="t", tenant_name="", signed_in_as="", requests=1).objects("applications"))
