"""How the facts of each sheet come out of an AuditRun: one table or one list of mappings a sheet, keyed by column field.

What the columns are called and how wide they are is in ``columns``; nothing here knows of a format.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from auditor.audit.check import SEVERITIES
from auditor.audit.result import AuditRun, Review
from reports import policy_text
from reports.overview import not_assessed, open_findings, reason_of, state
from reports.text import words

Value = str | int | float | bool | datetime | date | None
"""What a cell may hold. Times are aware and in UTC."""

Record = Mapping[str, Any]
CHUNK = 20_000
"""Rows turned into Python objects at a time, so that a million rows do not stand in memory twice."""


def plain(value: object) -> Value:
    """One value of a mapping as a cell's value; lists and mappings become text."""
    if value is None or isinstance(value, (str, bool, int, datetime, date)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return words(value)


def plain_list(series: pd.Series[Any]) -> list[Value]:
    """One column of a table as cells' values: missing is None, times are aware datetimes, tuples become text."""
    objects = series.astype(object)
    missing = series.isna()
    values = objects.where(~missing, None).tolist() if missing.any() else objects.tolist()
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return [None if value is None else value.to_pydatetime() for value in values]
    if pd.api.types.is_bool_dtype(series.dtype):
        return [None if value is None else bool(value) for value in values]
    if pd.api.types.is_integer_dtype(series.dtype):
        return [None if value is None else int(value) for value in values]
    return [plain(value) for value in values]


def table_rows(frame: pd.DataFrame, fields: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    """Rows of a table as tuples in the order of ``fields``; the table's order is kept."""
    for start in range(0, len(frame), CHUNK):
        chunk = frame.iloc[start : start + CHUNK]
        yield from zip(*(plain_list(chunk[field]) for field in fields), strict=True)


def record_rows(records: Iterable[Record], fields: Sequence[str]) -> Iterator[tuple[Value, ...]]:
    """Rows of mappings as tuples in the order of ``fields``; a field that a record lacks is None."""
    for record in records:
        yield tuple(plain(record.get(field)) for field in fields)


def app_names(run: AuditRun) -> dict[str, str]:
    """Display name by app id, of every app of the run."""
    pairs = table_rows(run.apps, ("app_id", "display_name"))
    return {str(app_id): str(name) for app_id, name in pairs if name is not None}


def _known_names(run: AuditRun) -> dict[str, str]:
    """Display names of apps by every id a policy may name them with, lower case, and of resources by app id."""
    names = _resource_names(run)
    for app_id, principal_id, name in table_rows(run.apps, ("app_id", "service_principal_id", "display_name")):
        if isinstance(name, str):
            names.update({str(known).lower(): name for known in (app_id, principal_id) if known})
    return names


def _resource_names(run: AuditRun) -> dict[str, str]:
    pairs = run.permissions[["resource_app_id", "resource"]].drop_duplicates()
    return {
        str(app_id): str(name) for app_id, name in table_rows(pairs, ("resource_app_id", "resource")) if app_id and name
    }


def findings(run: AuditRun) -> Iterator[Record]:
    """One record a finding, worst first."""
    names = _resource_names(run)
    for finding in run.findings:
        record: dict[str, Any] = {
            field: getattr(finding, field)
            for field in (
                "severity", "certainty", "check", "app_id", "display_name", "resource_app_id", "permission",
                "permission_type", "call", "flow", "http_status", "error_code", "summary", "help_url", "fingerprint",
                "waiver_reason",
            )
        }  # fmt: skip
        resource = finding.resource_app_id
        record["resource"] = names.get(resource, resource) if resource else None
        record["state"] = state(finding)
        record["fix"] = finding.remediation.text
        record["commands"] = "\n".join(finding.remediation.commands) or None
        record["fix_url"] = finding.remediation.url
        record["evidence"] = _evidence(finding.evidence)
        if run.reviews and (review := run.reviews.get(finding.fingerprint)):
            record.update(_written(review))
        yield record


def _written(review: Review) -> dict[str, Any]:
    """The reviewer's columns."""
    names = ("review_status", "review_owner", "review_due", "review_decision", "review_comment")
    return dict(zip(names, review.written, strict=True))


def past_reviews(run: AuditRun) -> Iterator[Record]:
    """Reviews of an earlier workbook whose finding this run does not have, and why not."""
    present = {finding.fingerprint for finding in run.findings}
    silent = {result.meta.slug for result in not_assessed(run)}
    for review in run.reviews.values():
        if review.fingerprint in present:
            continue
        why = "not found any more"
        if run.scope and review.app_id not in run.scope:
            why = "this run looked at other apps"
        elif review.check in silent:
            why = "its check gave no answer"
        about = ("severity", "check", "display_name", "app_id", "permission", "summary", "fingerprint")
        yield {**{name: getattr(review, name) for name in about}, "why": why, **_written(review)}


def past_review_count(run: AuditRun) -> int:
    """How many reviews have no finding in this run."""
    return len(run.reviews.keys() - {finding.fingerprint for finding in run.findings})


def _evidence(seen: Mapping[str, Any]) -> str | None:
    """What a check saw, one fact a line; what is empty says nothing and is left out."""
    facts = ((key.replace("_", " "), words(value)) for key, value in seen.items())
    return "\n".join(f"{key}: {text}" for key, text in facts if text) or None


def _sorted(frame: pd.DataFrame, *fields: str, first: Sequence[int] | None = None) -> pd.DataFrame:
    """The table in the order of these columns, by the alphabet without case, numbers in
    names by their value; what is missing goes last.

    Each different value is compared once, so that a million rows sort in about a second.

    Args:
        frame: the table.
        fields: columns, the most important first.
        first: a number for each row that outweighs them.
    """
    keys = [] if first is None else [np.asarray(first)]
    for field in fields:
        codes, uniques = pd.factorize(frame[field])
        texts = [(_natural(str(value)), str(value)) for value in uniques]
        ranks = np.empty(len(texts) + 1, dtype="int64")
        ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
        ranks[-1] = len(texts)  # the code of a missing value is -1
        keys.append(ranks[codes])
    return frame.iloc[np.lexsort(keys[::-1])]


_DIGITS = re.compile("[0-9]+")


def _natural(text: str) -> str:
    return _DIGITS.sub(lambda number: number.group().zfill(12), text.casefold())


def permissions(run: AuditRun) -> pd.DataFrame:
    """The comparison, by app name, resource and permission."""
    return _sorted(run.permissions, "app_name", "app_id", "resource", "permission", "type")


def predictions(run: AuditRun) -> Iterator[Record]:
    """Predictions with the app's name."""
    names = app_names(run)
    for row in run.predictions:
        yield {**row, "app_name": names.get(row.get("app_id") or "")}


def apps(run: AuditRun) -> pd.DataFrame:
    """Apps with the number of their open findings, the worst severity among them and how many checks gave no answer.

    Worst first, then by name.
    """
    counts: dict[str, int] = {}
    worst: dict[str, str] = {}
    for finding in open_findings(run):
        if finding.app_id is None:
            continue
        counts[finding.app_id] = counts.get(finding.app_id, 0) + 1
        before = worst.get(finding.app_id, finding.severity)
        worst[finding.app_id] = min(before, finding.severity, key=SEVERITIES.index)
    ids = run.apps["app_id"]
    frame = run.apps.assign(
        open_findings=ids.map(counts).fillna(0).astype("int64"),
        worst_severity=ids.map(worst).astype(object),
        checks_not_assessed=len(not_assessed(run)),
    )
    return _sorted(frame, "display_name", "app_id", first=[_severity_rank(worst.get(app_id)) for app_id in ids])


def _severity_rank(severity: str | None) -> int:
    return SEVERITIES.index(severity) if severity else len(SEVERITIES)


def credentials(run: AuditRun) -> pd.DataFrame:
    """Credentials by app name, with the whole days left at ``collected_at`` and a word for their state."""
    now = pd.Timestamp(run.collected_at)
    frame = run.credentials
    left = (frame["end_at"] - now).dt.total_seconds()
    # Whole days, cut downwards: half a day left is 0 days, half a day past is -1.
    days = (left // 86_400).astype("Int64")
    word = pd.Series("valid", index=frame.index, dtype=object)
    word = word.mask(frame["end_at"].isna(), "does not expire")
    word = word.mask((left < SOON_DAYS * 86_400).fillna(False), "ends soon")
    word = word.mask((frame["start_at"] > now).fillna(False), "not yet valid")
    word = word.mask((left <= 0).fillna(False), "expired")
    return _sorted(frame.assign(days_left=days, state=word), "display_name", "app_id", "end_at", "key_id")


SOON_DAYS = 30
"""Days before its end from which a credential's state is ``ends soon`` in the tables. The check has its own setting."""


def consents(run: AuditRun) -> pd.DataFrame:
    """Consents as Graph holds them, by app name, resource and permission."""
    return _sorted(run.consents, "display_name", "app_id", "resource", "permission", "type", "principal_id")


def conditional_access(run: AuditRun) -> Iterator[Record]:
    """Policies with their conditions and controls as text."""
    names = _known_names(run)
    frame = run.conditional_access
    for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        conditions = row["conditions"]
        within = partial(policy_text.included, conditions, names=names)
        without = partial(policy_text.excluded, conditions, names=names)
        yield {
            **{field: row[field] for field in ("policy_id", "display_name", "state")},
            "created_at": _moment(row["created_at"]),
            "modified_at": _moment(row["modified_at"]),
            "users": within("users"),
            "users_except": without("users"),
            "resources": within("applications"),
            "resources_except": without("applications"),
            "workloads": within("clientApplications"),
            "workloads_except": without("clientApplications"),
            "other": policy_text.other_conditions(conditions, names),
            "grant": policy_text.grant_controls(row["grant_controls"]),
            "session": policy_text.session_controls(row["session_controls"]),
        }


def _moment(value: Any) -> datetime | None:
    """A pandas time as an aware datetime."""
    if value is None:
        return None
    moment: datetime = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def checks(run: AuditRun) -> Iterator[Record]:
    """One record a check, in the run's order; passes and gaps too."""
    worst: dict[str, str] = {}
    for finding in open_findings(run):
        before = worst.get(finding.check, finding.severity)
        worst[finding.check] = min(before, finding.severity, key=SEVERITIES.index)
    for result in run.checks:
        meta = result.meta
        yield {
            "check": meta.slug,
            "title": meta.title,
            "cause": meta.cause,
            "severity": meta.severity,
            "outcome": result.outcome,
            "examined": result.examined,
            "findings": result.findings,
            "reason": reason_of(result) + "." if result.outcome in ("not-assessed", "error") else result.reason,
            "sources": meta.sources,
            "optional_sources": meta.optional_sources,
            "help_url": meta.help_url,
            "since": meta.since,
            "worst_severity": worst.get(meta.slug),
        }


def coverage(run: AuditRun) -> Iterator[Record]:
    """One record a source."""
    for entry in run.coverage:
        yield {**entry.state.to_dict(), "detail": entry.state.detail or None, "affects": entry.affects}


def waivers(run: AuditRun) -> Iterator[Record]:
    """One record a waiver of the configuration."""
    names = app_names(run)
    for waiver in run.waivers:
        yield {
            "check": waiver.check,
            "app_id": waiver.app_id,
            "app_name": names.get(waiver.app_id) if waiver.app_id else None,
            "permission": waiver.permission,
            "reason": waiver.reason,
            "owner": waiver.owner,
            "expires": _day(waiver.expires),
            "expired": waiver.expired,
            "matched": waiver.matched,
        }


def changes(run: AuditRun) -> Iterator[Record]:
    """One record a change since the baseline, in the run's order; none without a baseline."""
    for change in run.changes or ():
        yield {
            "kind": change.kind,
            "thing": change.thing,
            "display_name": change.display_name,
            "app_id": change.app_id,
            "summary": change.summary,
            "before": _evidence(change.before),
            "after": _evidence(change.after),
            "key": words(change.key) or None,
        }


def _day(text: str | None) -> date | str | None:
    """An ISO date as a date; anything else stays the text it is."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return text
