"""Reading what an audit is compared with: an earlier ``audit.json``, or a snapshot folder, which is audited for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from auditor.audit.result import AuditRun
from auditor.audit.side import Side
from auditor.errors import InputError
from auditor.tenant.snapshot import MANIFEST, Snapshot

REPORT = "audit.json"
SCHEMA_VERSION = 1


def read_side(path: Path, audited: Callable[[Snapshot], AuditRun]) -> Side:
    """One side of a comparison.

    Args:
        path: an ``audit.json``, a folder of reports with one in it, or a snapshot folder.
        audited: audits a snapshot.

    Raises:
        InputError: it is none of them, is damaged, or was written by a newer version.
    """
    try:
        is_folder = path.is_dir()
        report = path / REPORT if is_folder and not (path / MANIFEST).exists() and (path / REPORT).is_file() else None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from None
    if is_folder and report is None:
        return Side.of_run(audited(Snapshot.open(path)))
    return _read_report(report or path)


def _read_report(file: Path) -> Side:
    try:
        data = _parsed(file.read_bytes())
        if "schema_version" not in data and "sources" in data:
            raise InputError(f"{file}: this is a part of a snapshot; give the snapshot's folder.")
        version = data["schema_version"]
        if version != SCHEMA_VERSION or isinstance(version, bool):
            raise InputError(f"{file}: this audit.json has schema version {version!r}, expected {SCHEMA_VERSION}.")
        if "sources" in data and "findings" not in data:
            raise InputError(f"{file}: this is the manifest of a snapshot; give the snapshot's folder.")
        return Side.of_report(data)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error}).") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise InputError(
            f"{file}: not what was expected: an audit.json that Graph Auditor wrote, or the folder of a snapshot."
        ) from None


def _parsed(raw: bytes) -> Any:
    """The JSON of a file, also in the encodings that PowerShell redirects standard output in (UTF-16, byte order mark)."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        data = json.loads(raw)
        orjson.dumps(data)  # lone surrogates and numbers beyond 64 bits: nothing that we write
        return data
