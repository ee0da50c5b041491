"""The one result of an audit: everything a writer shows, and its form as ``audit.json`` (schema beside it).

Writers see an ``AuditRun`` and nothing else. Tables are DataFrames, one fact a row, in a stable order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd

from auditor.audit.change import Change, Gap
from auditor.audit.check import SEVERITIES, CheckMeta, Finding, Severity
from auditor.tenant.state import SourceState

CheckOutcome = Literal["fail", "pass", "not-applicable", "not-assessed", "error"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check."""

    meta: CheckMeta
    outcome: CheckOutcome
    examined: int
    findings: int
    """Findings of this check, known and waived ones included."""
    reason: str | None = None
    """Why it was not assessed (source, permission or licence missing) or what broke; else None."""


@dataclass(frozen=True)
class Coverage:
    """One source: its state, and the checks that lose by it when it was not read."""

    state: SourceState
    affects: tuple[str, ...]


@dataclass(frozen=True)
class WaiverState:
    """One ``[[waivers]]`` entry and what it did."""

    check: str
    app_id: str | None
    permission: str | None
    reason: str
    owner: str | None
    expires: str | None
    """ISO date or None."""
    expired: bool
    matched: int
    """Findings it covered (also when expired: those it would have covered)."""


@dataclass(frozen=True)
class Review:
    """What people wrote beside one finding in an earlier workbook, and what the finding was."""

    fingerprint: str
    status: str | None = None
    owner: str | None = None
    due: date | str | None = None
    """A day, or the text that stood in its place."""
    decision: str | None = None
    comment: str | None = None
    severity: str | None = None
    check: str | None = None
    display_name: str | None = None
    app_id: str | None = None
    permission: str | None = None
    summary: str | None = None

    @property
    def written(self) -> tuple[date | str | None, ...]:
        """The reviewer's five columns."""
        return self.status, self.owner, self.due, self.decision, self.comment


@dataclass(frozen=True)
class AuditRun:
    """One audit. DataFrames have the columns given here; missing values are NaN/NA/NaT or None."""

    tool_version: str
    catalog_date: str
    """ISO date of the permission data."""
    tenant_id: str
    tenant_name: str
    cloud: str
    collected_at: datetime
    signed_in_as: str
    """Who read the tenant, e.g. ``app 1111… (Graph Auditor)``; empty if not known."""
    requests: int
    """HTTP requests the collection took."""
    coverage: Sequence[Coverage]
    checks: Sequence[CheckResult]
    findings: Sequence[Finding]
    """Worst first, then by check, app name, fingerprint."""
    apps: pd.DataFrame
    """``tables.APPS`` columns."""
    permissions: pd.DataFrame
    """``permissions.PERMISSIONS`` columns (the interface's ``permissions`` and names for reports)."""
    credentials: pd.DataFrame
    """``tables.CREDENTIALS`` columns and ``display_name`` of the app."""
    consents: pd.DataFrame
    """``tables.CONSENTS`` columns."""
    conditional_access: pd.DataFrame
    """``tables.CONDITIONAL_ACCESS`` columns."""
    predictions: Sequence[Mapping[str, Any]] = ()
    """Rows exactly as ``audit.json`` has them."""
    waivers: Sequence[WaiverState] = ()
    changes: Sequence[Change] | None = None
    """What changed since the baseline, worst first; None: no baseline was given."""
    not_compared: Sequence[Gap] = ()
    """What the comparison with the baseline leaves open."""
    baseline_at: datetime | None = None
    """When the baseline was collected; None: no baseline was given."""
    scope: frozenset[str] = frozenset()
    """App ids that the audit is limited to; empty: the whole tenant. ``apps`` may hold more where a snapshot is limited."""
    directory_roles: pd.DataFrame | None = None
    """``tables.DIRECTORY_ROLES`` columns; None: they were not read."""
    reviews: Mapping[str, Review] = field(default_factory=dict)
    """Reviews of an earlier workbook by fingerprint, those of findings that are gone too; not in ``audit.json``."""
    pages: Mapping[str, str] = field(default_factory=dict)
    """Markdown page of each check by slug, for reports that show them."""

    @property
    def is_complete(self) -> bool:
        """Whether every source that a check needs was read and no check broke (exit code 4 otherwise)."""
        return all(result.outcome not in ("not-assessed", "error") for result in self.checks) and all(
            entry.state.is_read or not entry.affects for entry in self.coverage
        )

    def counts(self) -> dict[Severity, int]:
        """Findings by severity, all severities present, waived ones left out."""
        counts: dict[Severity, int] = dict.fromkeys(SEVERITIES, 0)
        for finding in self.findings:
            if not finding.waived:
                counts[finding.severity] += 1
        return counts
