"""``auditor catalog``: the permission data: which one is in use, a newer one, or one compiled from Microsoft's files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli import options

app = typer.Typer(no_args_is_help=True, help="The permission data: which is in use, a newer one, or build one.")

Source = Annotated[
    str | None,
    typer.Argument(metavar="[SOURCE]", help="An https URL or a file; without it what Microsoft publishes."),
]
Date = Annotated[
    str | None,
    typer.Option("--date", metavar="DATE", help="Date of the data, such as 2026-08-07; without it the source's own."),
]
AllowOlder = Annotated[bool, typer.Option("--allow-older", metavar="", help="Take data older than the one in use.")]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILES...", help="Microsoft's published files, e.g. permissions.json.")
]
Compiled = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the compiled catalog goes.")]
DataDate = Annotated[str, typer.Option("--date", metavar="DATE", help="Date of the data, such as 2026-08-07.")]


@app.command("info")
def info(output: options.AsJson = "table") -> None:
    """Show which permission data is in use: its date, its size, where it comes from.

    Example: auditor catalog info
    """
    from auditor.cli.screen import Screen, write_json
    from auditor.reference import store

    facts = asdict(store.info())
    if output == "json":
        write_json(facts)
        return
    rows = [(name, str(value)) for name, value in facts.items() if name != "sources" and value is not None]
    rows += [(f"source {name}", digest) for name, digest in facts["sources"].items()]
    Screen().table("", ("Fact", "Value"), rows)


@app.command("update")
def update(source: Source = None, date: Date = None, allow_older: AllowOlder = False) -> None:
    """Take newer permission data from a URL or a file; it is checked before it replaces the old.

    Example: auditor catalog update permissions.json
    """
    from auditor import values
    from auditor.cli.screen import say
    from auditor.reference import store

    day = values.day(date, values.Place("--date")).isoformat() if date else None
    taken = store.update(source or store.PUBLISHED, date=day, allow_older=allow_older)
    say(f"The permission data in use is now of {taken.date} ({taken.size:,} bytes).")


@app.command("build")
def build(files: Files, out: Compiled, date: DataDate) -> None:
    """Compile a catalog from Microsoft's published files.

    Example: auditor catalog build permissions.json provisioningInfo.json --date 2026-08-07 --out catalog.json
    """
    from auditor import values
    from auditor.cli.screen import say
    from auditor.reference import store

    compiled = store.build(files, out, values.day(date, values.Place("--date")).isoformat())
    say(f"catalog: {out} ({compiled.size:,} bytes)")
