"""``--review``: what people wrote in an earlier workbook, carried over to this run's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.cli.screen import counted
from auditor.errors import InputError, UsageError

if TYPE_CHECKING:
    from auditor.audit.result import AuditRun
    from auditor.cli.screen import Screen
    from auditor.cli.steps import Job
    from reports.review import Reviews


def read(file: Path | None, job: Job, *, writes: bool = True) -> Reviews | None:
    """Reads the earlier workbook, before the tenant is read; None without one.

    Raises:
        UsageError: no workbook will be written that could carry the reviews.
        InputError: the file cannot be used.
    """
    if file is None:
        return None
    if not writes or job.to_standard_output or "xlsx" not in job.settings.report.formats:
        raise UsageError("--review carries reviews over to a new audit.xlsx, so the format xlsx has to be written.")
    from reports.review import read_reviews

    return read_reviews(file)


def carried(run: AuditRun, reviews: Reviews | None, screen: Screen) -> AuditRun:
    """The run with the reviews; says how many found their finding and what became of the others.

    Raises:
        InputError: the workbook is of another tenant, whose findings are others.
    """
    if reviews is None:
        return run
    found = reviews.tenant_id
    if found and found.lower() != run.tenant_id.lower():
        raise InputError(
            f"{reviews.file}: the workbook of --review is of tenant {found}, and tenant {run.tenant_id} is audited."
        )
    present = {finding.fingerprint for finding in run.findings}
    gone = len(reviews.by_fingerprint.keys() - present)
    total = len(reviews.by_fingerprint)
    screen.say(f"{counted(total - gone, 'review')} of {total:,} carried over from {reviews.file}.")
    if gone:
        screen.say(
            f"warning: {reviews.file}: this run does not have the findings of {counted(gone, 'review')};"
            " the sheet Past reviews keeps what was written."
        )
    for remark in reviews.remarks:
        screen.say(f"warning: {remark}")
    return replace(run, reviews=reviews.by_fingerprint)
