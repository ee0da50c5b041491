"""Accepted risks: which findings a ``[[waivers]]`` entry covers. They stay visible and do not count for the gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from auditor.audit.check import Finding
from auditor.audit.result import WaiverState


@dataclass(frozen=True)
class Waiver:
    """One accepted risk."""

    check: str
    reason: str
    app_id: str | None = None
    """None: every app."""
    permission: str | None = None
    """None: every permission."""
    owner: str | None = None
    expires: date | None = None
    """The last day it holds; past it the finding counts again."""

    def covers(self, finding: Finding) -> bool:
        """Whether the waiver names this finding, expired or not."""
        return (
            self.check == finding.check
            and self.app_id in (None, finding.app_id)
            and (self.permission is None or self.permission.lower() == (finding.permission or "").lower())
        )


def waive(
    findings: Iterable[Finding], waivers: Sequence[Waiver], today: date
) -> tuple[list[Finding], list[WaiverState]]:
    """Marks covered findings, and says what each waiver did.

    Args:
        findings: unmarked findings.
        waivers: in the configuration's order; the first that holds gives the reason.
        today: the day of the snapshot.
    """
    matched = [0] * len(waivers)
    marked: list[Finding] = []
    for finding in findings:
        covering = [index for index, waiver in enumerate(waivers) if waiver.covers(finding)]
        for index in covering:
            matched[index] += 1
        valid = [waivers[index] for index in covering if not _expired(waivers[index], today)]
        if valid:
            marked.append(replace(finding, waived=True, waiver_reason=valid[0].reason))
        elif covering:
            waiver = waivers[covering[0]]
            reason = f"the waiver expired on {waiver.expires}, so the finding counts again ({waiver.reason})"
            marked.append(replace(finding, waiver_reason=reason))
        else:
            marked.append(finding)
    states = [
        WaiverState(
            check=waiver.check,
            app_id=waiver.app_id,
            permission=waiver.permission,
            reason=waiver.reason,
            owner=waiver.owner,
            expires=waiver.expires.isoformat() if waiver.expires else None,
            expired=_expired(waiver, today),
            matched=count,
        )
        for waiver, count in zip(waivers, matched, strict=True)
    ]
    return marked, states


def _expired(waiver: Waiver, today: date) -> bool:
    return waiver.expires is not None and today > waiver.expires
