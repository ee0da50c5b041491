"""``auditor demo``: the whole main job on the embedded demo tenant, over HTTP, through the same steps as ``audit``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.config import AppSettings

Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for the reports; without it a new audit-Contoso-<UTC time>.",
        rich_help_panel=options.WRITE,
    ),
]


def command(
    out: Folder = None,
    formats: options.Formats = None,
    save_snapshot: options.SaveSnapshot = None,
    fail_on: options.FailOn = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_progress: options.NoProgress = False,
) -> None:
    """Audit the embedded demo tenant and write the reports.

    Starts the emulator on this machine, reads it over HTTP as a real tenant is read, and says where the reports are.
    Needs no network, no sign-in and no configuration; reads none. Calls of some apps are declared, as a configuration does.

    Example: auditor demo
    """
    from auditor.cli import logs, steps, summary
    from auditor.cli.screen import Screen
    from auditor.emulator.contoso import contoso
    from auditor.emulator.server import Emulator

    logs.set_up(verbose=verbose)
    screen = Screen(quiet=quiet, verbose=verbose, bars=not no_progress)
    tenant = contoso()
    with Emulator(tenant) as emulator:
        environ = {"AUDITOR_ACCESS_TOKEN": emulator.auditor_token()}
        flags = {"--graph-url": emulator.url, "--out": out, "--format": formats, "--fail-on": fail_on}
        job = steps.read_job(flags=flags, environ=environ, save_snapshot=save_snapshot, without_file=True)
        job = replace(job, settings=replace(job.settings, apps=_declared(tenant)))
        screen.say(f"The demo tenant is served at {emulator.url}.")
        with steps.opened(job, screen, environ) as snapshot:
            run = steps.judge(snapshot, job)
    files = steps.publish(run, job)
    summary.show(run, screen, words=False)
    summary.close(run, files, screen, job.settings.gate.fail_on)
    raise typer.Exit(steps.exit_code(run, job.settings.gate.fail_on))


def _declared(tenant: Mapping[str, Any]) -> tuple[AppSettings, ...]:
    """The calls of the demo's apps as the ``[[apps]]`` entries of a configuration."""
    from auditor.config import AppSettings
    from auditor.emulator.contoso import declared_calls

    return tuple(
        AppSettings(app_id=app_id, flow=one.flow, calls=one.calls, users=one.users)
        for app_id, one in declared_calls(tenant).items()
    )
