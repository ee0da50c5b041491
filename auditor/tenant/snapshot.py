"""The snapshot: what Graph said, on disk, one compressed file a source, and a manifest.

    <folder>/manifest.json                    written last, atomically: without it a snapshot is unfinished
    <folder>/sources/<source>.jsonl.zst       one JSON object a line, as Graph gave it; "/" in the source is "." here

JSON lines in Zstandard can be read without this program (``zstdcat``), next year too. The manifest carries the
schema version, when, which tenant and cloud, who read it, and the state, count, size and SHA-256 of every source.
Credential material (``keyCredentials[].key``, ``secretText``) is removed here, whatever the collector asked for.
Collecting is ``auditor.graph.collect``'s work; typed tables are ``auditor.tenant.tables``'.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import zstandard

from auditor import __version__
from auditor.errors import InputError, OutputError
from auditor.reference.clouds import CLOUDS
from auditor.tenant.state import SourceState

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
_LEVEL = 3
_CHUNK = 1 << 18
_MAX_LINE = 1 << 28
"""Bytes of one object; more is no Graph object, and would only fill the memory."""
_SECRET_NAME = re.compile(rb'"(secrettext|key)":', re.IGNORECASE)
_MAX_DEPTH = 50
_SOURCE_ID = re.compile(r"[A-Za-z0-9]+(/[A-Za-z0-9]+)*")


def _file_name(source: str) -> str:
    return f"{source.replace('/', '.')}.jsonl.zst"


def _line(record: Mapping[str, Any]) -> bytes:
    """The object as one line, without credential material: ``secretText`` anywhere and ``key`` inside ``keyCredentials``,
    however deep it lies and however it is spelled.
    """
    try:
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # nested deeper than any Graph object, and than the encoder goes
        record = _shallow(record, _MAX_DEPTH)
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    if not _SECRET_NAME.search(line):
        return line
    return orjson.dumps(_stripped(record, in_key_credentials=False), option=orjson.OPT_APPEND_NEWLINE)


def _shallow(value: Any, depth: int) -> Any:
    """The value with everything below that depth replaced by null."""
    if isinstance(value, dict):
        return {name: _shallow(inner, depth - 1) for name, inner in value.items()} if depth else None
    if isinstance(value, list):
        return [_shallow(inner, depth - 1) for inner in value] if depth else None
    return value


def _stripped(value: Any, *, in_key_credentials: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _stripped(inner, in_key_credentials=in_key_credentials or name.lower() == "keycredentials")
            for name, inner in value.items()
            if name.lower() != "secrettext" and not (in_key_credentials and name.lower() == "key")
        }
    if isinstance(value, list):
        return [_stripped(inner, in_key_credentials=in_key_credentials) for inner in value]
    return value


def _app_ids(manifest: Mapping[str, Any], name: str) -> frozenset[str]:
    """A list of app ids; snapshots of older versions have none.

    Raises:
        TypeError: it is something else.
    """
    value = manifest.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(name)
    return frozenset(one.lower() for one in value)


class _SourceFile:
    """One source's file while it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = 0
        self.raw: BinaryIO = path.open("wb")
        self.stream = zstandard.ZstdCompressor(level=_LEVEL).stream_writer(self.raw)

    def end(self, *, keep: bool) -> dict[str, Any] | None:
        """Closes the file and describes it for the manifest, or removes it."""
        try:
            self.stream.close()  # type: ignore[no-untyped-call]  # closes the raw file too
        finally:
            self.raw.close()
        if not keep:
            self.path.unlink(missing_ok=True)
            return None
        content = self.path.read_bytes()
        return {
            "file": f"sources/{self.path.name}",
            "objects": self.objects,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


class SnapshotWriter:
    """Writes a snapshot page by page; memory stays flat."""

    def __init__(
        self,
        folder: Path,
        *,
        tenant_id: str,
        cloud: str,
        collected_at: datetime,
        scope: Iterable[str] = (),
        planned: Iterable[str] = (),
    ) -> None:
        """Starts a snapshot in a new or empty folder.

        Args:
            folder: where to; created with its parents.
            tenant_id: what is known of the tenant before it is read (id or domain, may be empty).
            cloud: name of the cloud.
            collected_at: aware time; the clock of every later judgement.
            scope: app ids that the snapshot is limited to; none: the whole tenant.
            planned: app ids whose registration is a manifest that is not deployed as such.

        Raises:
            OutputError: the folder cannot be written to, or already holds something.
        """
        self.folder = folder
        self._tenant_id = tenant_id
        self._cloud = cloud
        self._collected_at = collected_at.astimezone(UTC)
        self._scope = sorted({app_id.lower() for app_id in scope})
        self._planned = sorted({app_id.lower() for app_id in planned})
        self._open: dict[str, _SourceFile] = {}
        self._done: dict[str, tuple[SourceState, dict[str, Any] | None]] = {}
        try:
            if folder.exists() and any(folder.iterdir()):
                raise OutputError(f"{folder}: a snapshot needs a new or an empty folder, and this one is not empty")
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)  # who may read the inventory of a tenant is the business of whoever collected it
            (folder / "sources").mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot write a snapshot here ({error.strerror or error})") from None

    def append(self, source: str, objects: Iterable[Mapping[str, Any]]) -> None:
        """Adds objects of a source, in Graph's order.

        Raises:
            OutputError: the disk refused.
        """
        try:
            file = self._open.get(source)
            if file is None:
                file = self._open[source] = _SourceFile(self.folder / "sources" / _file_name(source))
            for record in objects:
                file.stream.write(_line(record))
                file.objects += 1
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot write the snapshot ({error.strerror or error})") from None

    def finish(self, state: SourceState) -> None:
        """Ends a source with its state. What was appended to a source that was not read whole is dropped.

        Raises:
            OutputError: the disk refused.
        """
        file = self._open.pop(state.source, None)
        if state.is_read and file is None:
            self.append(state.source, ())
            file = self._open.pop(state.source)
        entry: dict[str, Any] | None = None
        try:
            if file is not None:
                entry = file.end(keep=state.is_read)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot write the snapshot ({error.strerror or error})") from None
        self._done[state.source] = (state, entry)

    def close(self, *, tenant_id: str, tenant_name: str, signed_in_as: str, requests: int) -> Snapshot:
        """Writes the manifest and opens the finished snapshot. Sources never finished count as failed.

        Raises:
            OutputError: the manifest cannot be written.
        """
        for source in list(self._open):
            self.finish(SourceState(source, "failed", detail="the collection ended before this source was read"))
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "graph-auditor", "version": __version__},
            "tenant": {"id": tenant_id or self._tenant_id, "display_name": tenant_name, "cloud": self._cloud},
            "collected_at": self._collected_at.isoformat().replace("+00:00", "Z"),
            "signed_in_as": signed_in_as,
            "requests": requests,
            "scope": self._scope,
            "planned": self._planned,
            "sources": [{**state.to_dict(), "stored": entry} for state, entry in self._done.values()],
        }
        temporary = self.folder / f"{MANIFEST}.part"
        try:
            temporary.write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            temporary.replace(self.folder / MANIFEST)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot write the snapshot ({error.strerror or error})") from None
        return Snapshot.open(self.folder)


@dataclass(frozen=True)
class Snapshot:
    """A finished snapshot, opened for reading."""

    folder: Path
    tenant_id: str
    tenant_name: str
    cloud: str
    collected_at: datetime
    signed_in_as: str
    requests: int
    tool_version: str
    states: Mapping[str, SourceState]
    _stored: Mapping[str, Mapping[str, Any]] = field(repr=False)
    scope: frozenset[str] = frozenset()
    """App ids that the snapshot is limited to; empty: the whole tenant."""
    planned: frozenset[str] = frozenset()
    """App ids whose registration is a manifest that is not deployed as such."""

    @classmethod
    def open(cls, folder: Path) -> Snapshot:
        """Opens a snapshot folder and checks that its files are there.

        Raises:
            InputError: no snapshot there, an unfinished or damaged one, or one of a newer version.
        """
        path = folder / MANIFEST
        try:
            if not path.is_file():
                is_begun = (folder / "sources").is_dir()
                what = "an unfinished snapshot (it has no manifest.json)" if is_begun else "no snapshot"
                raise InputError(
                    f"{folder}: {what}; expected a folder written by 'auditor collect' or '--save-snapshot'"
                )
            manifest = orjson.loads(path.read_bytes())
            version = manifest["schema_version"]
            if version != SCHEMA_VERSION:
                raise InputError(f"{path}: snapshot format {version!r}; this version reads format {SCHEMA_VERSION}")
            states = {entry["source"]: SourceState.from_dict(entry) for entry in manifest["sources"]}
            stored = {entry["source"]: entry["stored"] for entry in manifest["sources"] if entry["stored"]}
            snapshot = cls(
                folder=folder,
                tenant_id=str(manifest["tenant"]["id"]),
                tenant_name=str(manifest["tenant"]["display_name"]),
                cloud=str(manifest["tenant"]["cloud"]),
                collected_at=datetime.fromisoformat(manifest["collected_at"]).astimezone(UTC),
                signed_in_as=str(manifest["signed_in_as"]),
                requests=int(manifest["requests"]),
                tool_version=str(manifest["tool"]["version"]),
                states=states,
                _stored=stored,
                scope=_app_ids(manifest, "scope"),
                planned=_app_ids(manifest, "planned"),
            )
            if snapshot.cloud not in CLOUDS:
                raise InputError(f"{path}: unknown cloud {snapshot.cloud!r}; expected one of {', '.join(CLOUDS)}")
            snapshot._check_files()
        except InputError:
            raise
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise InputError(
                f"{path}: damaged; expected the manifest of a snapshot as 'auditor collect' writes it"
            ) from None
        return snapshot

    def _check_files(self) -> None:
        for source, state in self.states.items():
            if not state.is_read:
                continue
            entry = self._stored.get(source)
            if entry is None or not _SOURCE_ID.fullmatch(source) or entry["file"] != f"sources/{_file_name(source)}":
                raise InputError(f"{self.folder}: the manifest names no file for {source!r}; collect the tenant again")
            path = self.folder / entry["file"]
            size = path.stat().st_size if path.is_file() else None
            if size != entry["bytes"]:
                seen = "is missing" if size is None else f"has {size} bytes"
                raise InputError(
                    f"{path}: {seen}, expected {entry['bytes']} bytes; the snapshot is damaged, collect the tenant again"
                )

    def objects(self, source: str) -> Iterator[dict[str, Any]]:
        """The objects of a source in Graph's order; none for a source that was not read.

        Raises:
            InputError: the file's content is not what the manifest says.
        """
        entry = self._stored.get(source)
        if entry is None or not self.states[source].is_read:
            return
        path = self.folder / entry["file"]
        damaged = InputError(
            f"{path}: its content does not match the manifest; the snapshot is damaged, collect the tenant again"
        )
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                raise damaged
            count = 0
            with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
                rest = b""
                while chunk := stream.read(_CHUNK):
                    lines = (rest + chunk).split(b"\n")
                    rest = lines.pop()
                    if len(rest) > _MAX_LINE:
                        raise damaged
                    for line in lines:
                        record = orjson.loads(line)
                        if not isinstance(record, dict):
                            raise damaged
                        count += 1
                        yield record
            if rest or count != entry["objects"]:
                raise damaged
        except (zstandard.ZstdError, orjson.JSONDecodeError):
            raise damaged from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
