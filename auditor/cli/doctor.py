"""``auditor doctor``: can this sign-in read what an audit needs? One row a source, and how to mend what is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.graph.doctor import Diagnosis
    from auditor.reference.clouds import Cloud
    from auditor.tenant.state import SourceState


def command(
    config: options.ConfigFile = None,
    tenant: options.TenantName = None,
    graph_url: options.GraphUrl = None,
    output: options.AsJson = "table",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Say who signed in, what it can read, what is missing, and which checks lose by it.

    One small request for each source; nothing is stored. Exits with 0 if everything can be read, 4 if something cannot,
    3 if signing in fails or the sign-in may not read the tenant at all.

    Example: auditor doctor --tenant contoso.onmicrosoft.com
    """
    from auditor import config as configuration
    from auditor.cli import logs, steps
    from auditor.cli.screen import Screen, write_json
    from auditor.graph.doctor import examine
    from auditor.reference.clouds import CLOUDS

    logs.set_up(verbose=verbose)
    screen = Screen(quiet=quiet, verbose=verbose)
    settings = configuration.load(config, environ=os.environ, flags={"--tenant": tenant, "--graph-url": graph_url})
    cloud = CLOUDS[settings.tenant.cloud]
    with steps.signed_in(settings, os.environ) as credential:
        diagnosis = examine(
            credential,
            cloud=cloud,
            graph_url=settings.tenant.graph_url or None,
            tenant=settings.tenant.id or None,
            note=screen.say,
        )
    rows = [_Row(state, _losers(state.source)) for state in diagnosis.states]
    repair = _repair(cloud, diagnosis)
    if output == "json":
        write_json(_as_json(diagnosis, rows, repair))
    else:
        _show(diagnosis, rows, repair, screen)
    raise typer.Exit(_exit_code(diagnosis))


def _exit_code(diagnosis: Diagnosis) -> int:
    """What an audit with this sign-in would end with, findings aside."""
    if diagnosis.is_shut_out:
        return 3
    return 0 if all(state.is_read for state in diagnosis.states) else 4


@dataclass(frozen=True)
class _Row:
    state: SourceState
    checks: tuple[str, ...]
    """Checks that lose by the source."""

    @property
    def missing(self) -> str:
        """What opens the source, in words; empty if it is open."""
        state = self.state
        if state.is_read:
            return ""
        if state.status == "unlicensed":
            return f"licence {state.licence}" if state.licence else "a licence"
        if state.status != "denied":
            return ""
        needs = [f"permission {state.permission}"] if state.permission else []
        needs += [f"directory role {state.role} (for a signed-in user)"] if state.role else []
        return ", ".join(needs)


def _losers(source: str) -> tuple[str, ...]:
    from auditor.audit.registry import registry

    metas = [check.META for check in registry()]
    return tuple(meta.slug for meta in metas if source in meta.sources or source in meta.optional_sources)


def _repair(cloud: Cloud, diagnosis: Diagnosis) -> Mapping[str, Any]:
    """How an admin grants what is missing of the least permission set: consent page and commands.

    What is held already is left out: granting it again is an error.
    """
    from auditor.graph.grants import admin_consent_url, consent_commands, needed_permissions

    app_id = diagnosis.signed_in.app_id
    missing = diagnosis.missing_permissions
    commands = consent_commands(cloud, app_id, missing) if missing else {}
    return {
        "permissions": [permission.name for permission in needed_permissions()],
        "missing_permissions": list(missing),
        "admin_consent_url": admin_consent_url(cloud, diagnosis.tenant_id, app_id),
        "commands": {name: list(lines) for name, lines in commands.items()},
    }


def _as_json(diagnosis: Diagnosis, rows: Sequence[_Row], repair: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tenant": {"id": diagnosis.tenant_id, "display_name": diagnosis.tenant_name},
        "signed_in_as": diagnosis.signed_in.signed_in_as,
        "kind": diagnosis.kind or None,
        "requests": diagnosis.requests,
        "sources": [
            {
                "source": row.state.source,
                "status": row.state.status,
                "detail": row.state.detail or None,
                "permission": row.state.permission,
                "role": row.state.role,
                "licence": row.state.licence,
                "affects": list(row.checks),
            }
            for row in rows
        ],
        **repair,
    }


def _show(diagnosis: Diagnosis, rows: Sequence[_Row], repair: Mapping[str, Any], screen: Any) -> None:
    who = diagnosis.signed_in.signed_in_as or "an identity that the token does not name"
    tenant = diagnosis.tenant_name or diagnosis.tenant_id
    screen.table(
        f"Signed in as {who}, tenant {tenant}",
        ("Source", "Status", "Missing", "Checks that lose by it"),
        [
            (
                row.state.source,
                row.state.status,
                row.missing or row.state.detail,
                "" if row.state.is_read else ", ".join(row.checks),
            )
            for row in rows
        ],
    )
    unread = sum(not row.state.is_read for row in rows)
    screen.say(f"{len(rows) - unread} of {len(rows)} sources can be read.")
    if not unread:
        return
    if diagnosis.is_shut_out:
        screen.say("This sign-in may not read the tenant at all: an audit would end with exit code 3.")
    missing = repair["missing_permissions"]
    if not missing:
        return
    screen.say(f"Missing: {', '.join(missing)}. The least set for everything: {', '.join(repair['permissions'])}.")
    screen.say(f"Once the app requests them, an admin consents at {repair['admin_consent_url']}")
    for name, lines in repair["commands"].items():
        screen.say(f"Or with {name}:")
        for line in lines:
            screen.say(f"  {line}")
