"""``auditor emulate``: serves the emulator alone, for people who test Graph clients."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on the loopback address; 0 is any free one.")]
TenantFile = Annotated[
    Path | None,
    typer.Option("--tenant-file", metavar="FILE", help="Tenant to serve, as JSON; without it the demo tenant."),
]
ServicePrincipals = Annotated[
    int | None,
    typer.Option(
        "--service-principals", metavar="N", min=1, help="Serve a generated tenant with so many service principals."
    ),
]


def command(
    port: Port = 0,
    tenant_file: TenantFile = None,
    service_principals: ServicePrincipals = None,
    quiet: options.Quiet = False,
) -> None:
    """Serve a Graph with a made-up tenant on this machine, until Ctrl-C.

    The first line on standard output is its URL, the second a token that an auditor can use.

    Example: auditor emulate --port 8080
    """
    from auditor.cli.screen import Screen
    from auditor.emulator.server import Emulator
    from auditor.errors import UsageError

    if tenant_file is not None and service_principals is not None:
        raise UsageError("--tenant-file and --service-principals exclude each other.")
    screen = Screen(quiet=quiet)
    try:
        emulator = Emulator(_tenant(tenant_file, service_principals), port=port)
    except OSError as error:
        raise UsageError(f"--port {port}: cannot be served ({error.strerror or error}).") from None
    with emulator:
        sys.stdout.write(f"{emulator.url}\n{emulator.auditor_token()}\n")
        sys.stdout.flush()
        screen.say(f"Audit it: AUDITOR_ACCESS_TOKEN=<the token> auditor audit --graph-url {emulator.url}")
        screen.say("Ctrl-C ends it.")
        stop = threading.Event()
        while not stop.wait(1):  # without a timeout Windows would not let Ctrl-C through
            pass


def _tenant(file: Path | None, service_principals: int | None) -> dict[str, object]:
    if file is not None:
        from auditor.emulator.tenantfile import load

        return load(file)
    if service_principals is not None:
        from auditor.emulator.generate import large

        return large(service_principals)
    from auditor.emulator.contoso import contoso

    return contoso()
