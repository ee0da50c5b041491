"""``audit.json``: the whole result in one file, as ``interface.md`` defines it (schema: ``auditor/audit/audit.schema.json``).

Written row by row: a million permission rows need no more memory than a thousand. Text stays as the tenant has it, but
for lone surrogates, which are not UTF-8 and become U+FFFD. Order is the run's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from auditor.audit.check import Finding
from auditor.audit.result import AuditRun
from auditor.tenant import columns as tables
from reports import rows
from reports.text import DEEPEST, TOO_DEEP, iso_utc

SCHEMA_VERSION = 1

_APPS = ("app_id", "object_id", "service_principal_id", "display_name", "kind", "enabled", "sign_in_audience", "flows")
_PERMISSIONS = (
    "app_id", "resource_app_id", "permission_id", "permission", "type", "requested", "granted", "consent",
    "consented_users", "status",
)  # fmt: skip
_WAIVERS = ("check", "app_id", "permission", "reason", "owner", "expires", "expired", "matched")
_PREDICTION = {
    "app_id": None, "flow": None, "call": None, "verdict": None, "check": None, "also": (), "http_status": None,
    "error_code": None, "reason": None, "granted_by": (), "needs": (),
}  # fmt: skip


def to_json(run: AuditRun) -> bytes:
    """The whole file as bytes, for standard output and small tenants."""
    return b"".join(chunks(run))


def write_json(run: AuditRun, path: Path) -> None:
    """Write the file to ``path`` without holding it in memory.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("wb", buffering=1 << 20) as file:
        for chunk in chunks(run):
            file.write(chunk)


def chunks(run: AuditRun) -> Iterator[bytes]:
    """The file in pieces: one member of the object, or one row of an array, at a time."""
    yield b"{\n"
    yield _member("schema_version", SCHEMA_VERSION)
    yield _member("tool", {"name": "graph-auditor", "version": run.tool_version, "catalog": run.catalog_date})
    yield _member("tenant", {"id": run.tenant_id, "display_name": run.tenant_name, "cloud": run.cloud})
    yield _member("collected_at", iso_utc(run.collected_at))
    yield _member("signed_in_as", run.signed_in_as or None)
    yield _member("requests", run.requests)
    yield _member("complete", run.is_complete)
    yield _member("scope", sorted(run.scope))
    yield from _array("coverage", map(_coverage, run.coverage))
    yield from _array("checks", map(_check, run.checks))
    yield from _array("apps", _table(run.apps, _APPS, tuples=("flows",)))
    yield from _array("permissions", _table(run.permissions, _PERMISSIONS))
    yield from _array("findings", map(_finding, run.findings))
    yield from _array("predictions", ({**_PREDICTION, **row} for row in run.predictions))
    yield from _array(
        "credentials", _table(run.credentials, ("app_id", "display_name", *tuple(tables.CREDENTIALS)[1:]))
    )
    yield from _array("consents", _table(run.consents, tuple(tables.CONSENTS)))
    objects = ("conditions", "grant_controls", "session_controls")
    yield from _array(
        "conditional_access", _table(run.conditional_access, tuple(tables.CONDITIONAL_ACCESS), objects=objects)
    )
    yield from _array("waivers", ({field: getattr(waiver, field) for field in _WAIVERS} for waiver in run.waivers))
    if run.directory_roles is None:
        yield _member("directory_roles", None)
    else:
        yield from _array("directory_roles", _table(run.directory_roles, tuple(tables.DIRECTORY_ROLES)))
    yield from _drift(run)
    summary = {"apps": len(run.apps), "permissions": len(run.permissions), "findings": run.counts()}
    yield b'"summary": ' + _dumps(summary) + b"\n}\n"


def _drift(run: AuditRun) -> Iterator[bytes]:
    """What changed since the baseline; null where none was given, and not an empty list."""
    if run.changes is None:
        yield _member("baseline", None) + _member("changes", None) + _member("not_compared", None)
        return
    yield _member("baseline", {"collected_at": iso_utc(run.baseline_at) if run.baseline_at else None})
    yield from _array("changes", (change.to_row() for change in run.changes))
    yield from _array("not_compared", (gap.to_row() for gap in run.not_compared))


def _member(key: str, value: object) -> bytes:
    return _dumps(key) + b": " + _dumps(value) + b",\n"


def _array(key: str, items: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    yield _dumps(key) + b": ["
    separator = b"\n"
    for item in items:
        yield separator + _dumps(item)
        separator = b",\n"
    yield b"],\n" if separator == b"\n" else b"\n],\n"


def _table(
    frame: Any, fields: Sequence[str], *, tuples: Sequence[str] = (), objects: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Rows of a table as JSON objects; ``tuples`` and ``objects`` are columns that stay lists and objects."""
    for start in range(0, len(frame), rows.CHUNK):
        chunk = frame.iloc[start : start + rows.CHUNK]
        lists = [_column(chunk[field], structured=field in tuples or field in objects) for field in fields]
        for values in zip(*lists, strict=True):
            yield dict(zip(fields, values, strict=True))


def _column(series: Any, *, structured: bool) -> list[Any]:
    if structured:
        return [None if isinstance(value, float) else value for value in series]
    return rows.plain_list(series)


def _coverage(entry: Any) -> dict[str, Any]:
    state = entry.state
    return {
        "source": state.source,
        "status": state.status,
        "objects": state.objects,
        "detail": state.detail or None,
        "affects": entry.affects,
    }


def _check(result: Any) -> dict[str, Any]:
    return {
        "check": result.meta.slug,
        "outcome": result.outcome,
        "examined": result.examined,
        "findings": result.findings,
        "reason": result.reason,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    remedy = finding.remediation
    return {
        "fingerprint": finding.fingerprint,
        "check": finding.check,
        "severity": finding.severity,
        "certainty": finding.certainty,
        "app_id": finding.app_id,
        "display_name": finding.display_name,
        "resource_app_id": finding.resource_app_id,
        "permission": finding.permission,
        "permission_type": finding.permission_type,
        "call": finding.call,
        "flow": finding.flow,
        "http_status": finding.http_status,
        "error_code": finding.error_code,
        "summary": finding.summary,
        "evidence": finding.evidence,
        "remediation": {"text": remedy.text, "commands": remedy.commands, "url": remedy.url},
        "help_url": finding.help_url,
        "known": finding.known,
        "waived": finding.waived,
        "waiver_reason": finding.waiver_reason,
    }


_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def _dumps(value: object) -> bytes:
    """Compact JSON; NaN is null, times are ISO in UTC, and a lone surrogate does not stop the report."""
    try:
        return orjson.dumps(value, default=_default, option=_OPTIONS | orjson.OPT_PASSTHROUGH_DATETIME)
    except (orjson.JSONEncodeError, UnicodeEncodeError):  # lone surrogates, huge numbers, 254 levels and more
        return orjson.dumps(_mended(value), default=_default, option=_OPTIONS | orjson.OPT_PASSTHROUGH_DATETIME)


def _default(value: object) -> object:
    """What orjson does not know: aware times, dates, mappings that are no dict, sets, pandas' missing values."""
    if hasattr(value, "strftime"):
        return iso_utc(value) if hasattr(value, "hour") else value.isoformat()  # type: ignore[arg-type, attr-defined]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return None if repr(value) in ("<NA>", "NaT", "nan") else str(value)


def _mended(value: object, depth: int = 0) -> object:
    """The value with lone surrogates replaced, numbers beyond 64 bits as text, and a word where it is nested too deep."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, (Mapping, list, tuple, set, frozenset)) and depth >= DEEPEST:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {
            _mended(key) if isinstance(key, str) else str(key): _mended(item, depth + 1) for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [_mended(item, depth + 1) for item in items]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return str(value)
    return value
