"""One side of a comparison: the tables of an audit with the columns that are compared, from a run or from its ``audit.json``.

Both ways give the same tables for the same audit. What differs between two sides is ``diff``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pandas as pd

from auditor.audit.change import ChangedThing
from auditor.audit.result import AuditRun

_SECONDS = "datetime64[s, UTC]"

COLUMNS: Mapping[ChangedThing, Mapping[str, str]] = {
    "app": dict.fromkeys(
        ("app_id", "display_name", "kind", "sign_in_audience", "object_id", "service_principal_id"), "str"
    )
    | {"enabled": "boolean"},
    "permission": dict.fromkeys(("app_id", "resource_app_id", "permission_id", "permission", "type"), "str")
    | {"requested": "boolean", "granted": "boolean", "consent": "str", "consented_users": "Int64", "status": "str"},
    "consent": dict.fromkeys(
        ("app_id", "resource_app_id", "permission", "type", "consent", "principal_id", "record_id"), "str"
    ),
    "credential": dict.fromkeys(("app_id", "holder", "key_id", "kind", "name", "usage", "issuer", "subject"), "str")
    | {"end_at": _SECONDS},
    "finding": dict.fromkeys(
        ("fingerprint", "check", "app_id", "display_name", "severity", "certainty", "call", "flow", "summary"), "str"
    )
    | {"waived": "boolean"},
    "directory role": dict.fromkeys(("principal_id", "app_id", "role_template_id", "role", "scope"), "str"),
    "policy": dict.fromkeys(("policy_id", "display_name", "state"), "str")
    | dict.fromkeys(("conditions", "grant_controls", "session_controls"), "json"),
    "prediction": dict.fromkeys(("app_id", "flow", "call", "verdict", "check", "reason"), "str"),
}
"""What each side holds of each thing: column and dtype; ``json`` is canonical JSON text, for values with an inner shape.
Times are whole seconds, as ``audit.json`` has them."""

MEMBERS: Mapping[ChangedThing, str] = {
    "app": "apps",
    "permission": "permissions",
    "consent": "consents",
    "credential": "credentials",
    "finding": "findings",
    "directory role": "directory_roles",
    "policy": "conditional_access",
    "prediction": "predictions",
}
"""The member of ``audit.json`` that holds each thing."""


@dataclass(frozen=True)
class Side:
    """What one audit knows."""

    tenant_id: str
    tenant_name: str
    collected_at: datetime
    tool_version: str
    scope: frozenset[str]
    """App ids that it is limited to; empty: the whole tenant."""
    unread: Mapping[str, str]
    """Every source of the audit; why it was not read, and an empty text where it was."""
    affects: Mapping[str, frozenset[str]]
    """Source to the slugs of the checks that use it."""
    unassessed: Mapping[str, str]
    """Every check of the audit; why it says nothing, and an empty text where it does."""
    tables: Mapping[ChangedThing, pd.DataFrame | None]
    """``COLUMNS``; None: this side does not hold them at all."""

    def why_unread(self, source: str) -> str:
        """Why a source says nothing on this side; empty where it was read."""
        return self.unread.get(source, f"{source} was not collected")

    def why_unassessed(self, slug: str) -> str:
        """Why a check says nothing on this side; empty where it was assessed."""
        return self.unassessed.get(slug, f"{slug} was not run")

    def table(self, thing: ChangedThing) -> pd.DataFrame:
        """The table of a thing; without rows where this side does not hold it."""
        found = self.tables[thing]
        return _frame(thing, {name: [] for name in COLUMNS[thing]}) if found is None else found

    @property
    def fingerprints(self) -> frozenset[str]:
        """Those of its findings."""
        return frozenset(self.table("finding")["fingerprint"])

    @classmethod
    def of_run(cls, run: AuditRun) -> Side:
        """The side that an audit is."""
        frames: dict[ChangedThing, pd.DataFrame | None] = {
            "app": run.apps,
            "permission": run.permissions,
            "consent": run.consents,
            "credential": run.credentials,
            "directory role": run.directory_roles,
            "policy": run.conditional_access,
        }
        tables: dict[ChangedThing, pd.DataFrame | None] = {
            thing: None if found is None else _frame(thing, {name: found[name] for name in COLUMNS[thing]})
            for thing, found in frames.items()
        }
        tables["finding"] = _frame(
            "finding", {name: [getattr(one, name) for one in run.findings] for name in COLUMNS["finding"]}
        )
        tables["prediction"] = _frame(
            "prediction", {name: [row.get(name) for row in run.predictions] for name in COLUMNS["prediction"]}
        )
        return cls(
            tenant_id=run.tenant_id,
            tenant_name=run.tenant_name,
            collected_at=run.collected_at,
            tool_version=run.tool_version,
            scope=run.scope,
            unread={
                one.state.source: _why(one.state.source, one.state.status, one.state.detail) for one in run.coverage
            },
            affects={one.state.source: frozenset(one.affects) for one in run.coverage},
            unassessed={one.meta.slug: _why_not(one.meta.slug, one.outcome, one.reason) for one in run.checks},
            tables=tables,
        )

    @classmethod
    def of_report(cls, data: Any) -> Side:
        """The side that an ``audit.json`` holds.

        Args:
            data: the parsed file. Members that older versions did not write are unknown, not empty.

        Raises:
            ValueError, KeyError, TypeError: it is not what ``audit.schema.json`` says.
        """
        coverage, checks = _objects(data["coverage"]), _objects(data["checks"])
        return cls(
            tenant_id=_text(data["tenant"]["id"]),
            tenant_name=_text(data["tenant"]["display_name"]),
            collected_at=datetime.fromisoformat(_text(data["collected_at"])).astimezone(UTC),
            tool_version=_text(data["tool"]["version"]),
            scope=frozenset(_text(one).lower() for one in _list(data.get("scope", []))),
            unread={_text(one["source"]): _why(one["source"], one["status"], one["detail"]) for one in coverage},
            affects={_text(one["source"]): frozenset(map(_text, _list(one["affects"]))) for one in coverage},
            unassessed={_text(one["check"]): _why_not(one["check"], one["outcome"], one["reason"]) for one in checks},
            tables={thing: _read(thing, data.get(member)) for thing, member in MEMBERS.items()},
        )


def _why(source: str, status: str, detail: str | None) -> str:
    return (
        ""
        if status == "read"
        else f"{source} was {_STATUS.get(status, 'not read')}" + (f" ({detail})" if detail else "")
    )


_STATUS = {
    "denied": "denied",
    "unlicensed": "not readable without a licence that the tenant lacks",
    "skipped": "skipped",
    "failed": "not read whole",
}


def _why_not(slug: str, outcome: str, reason: str | None) -> str:
    if outcome not in ("not-assessed", "error"):
        return ""
    return f"{slug} was not assessed" + (f" ({reason})" if reason else "")


def _frame(thing: ChangedThing, values: Mapping[str, Any]) -> pd.DataFrame:
    """The table of a thing with the dtypes of ``COLUMNS``."""
    return pd.DataFrame({name: _typed(values[name], dtype) for name, dtype in COLUMNS[thing].items()})


def _typed(values: Any, dtype: Any) -> pd.Series[Any]:
    if dtype == "json":
        return pd.Series([canonical(value) for value in values], dtype="str")
    if dtype != _SECONDS:
        plain: pd.Series[Any] = pd.Series(values, dtype=dtype)
        return plain.reset_index(drop=True)
    times = values if isinstance(values, pd.Series) else pd.Series(values, dtype="str")
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        times = pd.to_datetime(times, utc=True, format="ISO8601", errors="coerce")
    whole: pd.Series[Any] = times.dt.floor("s").astype(dtype)
    return whole.reset_index(drop=True)


def canonical(value: Any) -> str | None:
    """JSON text that is equal for values that mean the same: keys sorted, and lists of plain values too, whose order Graph
    does not keep; what is null or empty is left out. None where nothing is left.

    Raises:
        ValueError: it is nested without end.
    """
    if value is None or isinstance(value, float):  # pandas' missing value
        return None
    try:
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode() if (plain := _sorted(value)) else None
    except (TypeError, RecursionError):
        raise ValueError("a value that is nested too deep") from None


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        inside = ((str(name), _sorted(inner)) for name, inner in value.items())
        return {name: inner for name, inner in inside if inner not in (None, [], {}, "")}
    if isinstance(value, (list, tuple)):
        inner = [_sorted(one) for one in value]
        return inner if any(isinstance(one, (dict, list)) for one in inner) else sorted(inner, key=orjson.dumps)
    return value


_ALLOWED: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    _SECONDS: (str,),
    "boolean": (bool,),
    "Int64": (int,),
    "json": (dict,),
}


def _read(thing: ChangedThing, rows: Any) -> pd.DataFrame | None:
    """One table of an ``audit.json``; every value of the type that it must have, or null.

    Raises:
        ValueError, KeyError, TypeError: anything else.
    """
    if rows is None:
        return None
    records = _objects(rows)
    columns: dict[str, list[Any]] = {}
    for name, dtype in COLUMNS[thing].items():
        columns[name] = values = [record[name] for record in records]
        if not {type(value) for value in values} <= {*_ALLOWED[dtype], type(None)}:
            raise TypeError(f"{MEMBERS[thing]}: {name}")
    return _frame(thing, columns)


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    found = _list(value)
    if not all(isinstance(one, dict) for one in found):
        raise TypeError("an object was expected")
    return found


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list was expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
