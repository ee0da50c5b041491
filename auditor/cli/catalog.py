"""``auditor catalog``: the permission data: which one is in use, a newer one, or one compiled by hand."""

from __future__ import annotations

import typer

from auditor.cli import options

app = typer.Typer(no_args_is_help=True, help="The permission data: info, update, build.")


@app.command("info")
def info(output: options.AsJson = "table") -> None:
    """Show which permission data is in use: its date, size and hash.

    Example: auditor catalog info
    """
    from auditor.cli.screen import Screen, write_json
    from auditor.reference.catalog import load

    catalog = load()
    facts = {"date": catalog.date, "sha256": catalog.sha256, "size": catalog.size}
    if output == "json":
        write_json(facts)
    else:
        Screen().table("", ("Fact", "Value"), [(name, str(value)) for name, value in facts.items()])
