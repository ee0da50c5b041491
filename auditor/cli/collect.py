"""``auditor collect``: only reads the tenant, into a snapshot folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options

Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "--save-snapshot",
        metavar="DIR",
        help="New folder for the snapshot; without it a new snapshot-<tenant>-<UTC time>.",
        rich_help_panel=options.WRITE,
    ),
]


def command(
    config: options.ConfigFile = None,
    tenant: options.TenantName = None,
    graph_url: options.GraphUrl = None,
    out: Folder = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_progress: options.NoProgress = False,
) -> None:
    """Read the tenant into a snapshot folder, and stop there.

    A snapshot can be audited later and elsewhere, without network: auditor audit --from DIR

    Example: auditor collect --tenant contoso.onmicrosoft.com --out snapshot
    """
    from auditor import config as configuration
    from auditor.cli import logs, steps
    from auditor.cli.screen import Screen, counted

    logs.set_up(verbose=verbose)
    screen = Screen(quiet=quiet, verbose=verbose, bars=not no_progress)
    settings = configuration.load(config, environ=os.environ, flags={"--tenant": tenant, "--graph-url": graph_url})
    folder = out or steps.fresh_folder("snapshot", settings.tenant.id)
    snapshot = steps.collect(settings, folder, screen, os.environ)
    unread = [state for state in snapshot.states.values() if not state.is_read]
    rows = [(state.source, state.status, f"{state.objects:,}", state.detail) for state in snapshot.states.values()]
    screen.table(f"{snapshot.tenant_name or snapshot.tenant_id}", ("Source", "Status", "Objects#", "Detail"), rows)
    screen.say(f"{counted(snapshot.requests, 'request')}.")
    screen.say(f"snapshot: {folder}")
    raise typer.Exit(4 if unread else 0)
