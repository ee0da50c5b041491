"""The two sides of a comparison for the commands: what a path holds, a snapshot audited with the configuration of now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from auditor import config
from auditor.cli import steps
from auditor.errors import InputError

if TYPE_CHECKING:
    from auditor.audit.result import AuditRun
    from auditor.audit.side import Side
    from auditor.tenant.snapshot import Snapshot


def side(path: Path, settings: Callable[[], config.Settings]) -> Side:
    """What an ``audit.json``, a folder of reports or a snapshot folder holds.

    Args:
        path: where it is.
        settings: the configuration, asked for where a snapshot must be audited.

    Raises:
        InputError, ConfigError: it cannot be used.
    """
    from auditor.audit.baseline import read_side

    return read_side(path, lambda snapshot: audited(snapshot, settings()))


def audited(snapshot: Snapshot, settings: config.Settings) -> AuditRun:
    """A snapshot audited for a comparison: by its own clock, with the apps, limits and waivers of the configuration.

    Of a snapshot of one app no other app's calls are judged, and no check is run whose sources it never has.
    """
    from auditor.audit.registry import registry
    from auditor.audit.run import Scope, audit
    from auditor.audit.waivers import Waiver
    from auditor.tenant.tables import Tenant

    context = steps.context_of(settings, snapshot)
    checks = None
    if snapshot.scope:
        context = replace(context, apps={key: app for key, app in context.apps.items() if key in snapshot.scope})
        checks = [check for check in registry() if set(check.META.sources) <= set(snapshot.states)]
    waivers = [Waiver(**asdict(waiver)) for waiver in settings.waivers]
    return audit(Tenant.load(snapshot), context, Scope(waivers=waivers), checks)


def baseline(settings: config.Settings, tenant_id: str) -> Side | None:
    """What the audit is compared with; None where no baseline was given.

    Raises:
        InputError: it cannot be used, or is of another tenant, naming both.
    """
    file = settings.baseline.file
    if file is None:
        return None
    found = side(file, lambda: settings)
    if found.tenant_id.lower() != tenant_id.lower():
        raise InputError(
            f"{file}: the baseline is of tenant {found.tenant_id or '(none)'}, and tenant {tenant_id or '(none)'} is audited."
        )
    return found


def since(run: AuditRun, earlier: Side) -> AuditRun:
    """The audit with what changed since its baseline.

    Raises:
        InputError: both are limited to apps, and share none.
    """
    from auditor.audit.diff import diff
    from auditor.audit.side import Side

    difference = diff(earlier, Side.of_run(run))
    return replace(run, changes=difference.changes, not_compared=difference.gaps, baseline_at=earlier.collected_at)
