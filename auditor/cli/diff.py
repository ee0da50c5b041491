"""``auditor diff OLD NEW``: what changed between two audits or snapshots."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.audit.diff import Difference
    from auditor.audit.side import Side
    from auditor.cli.screen import Screen

Old = Annotated[
    Path, typer.Argument(metavar="OLD", help="The earlier one: an audit.json, or the folder of a snapshot.")
]
New = Annotated[Path, typer.Argument(metavar="NEW", help="The later one: an audit.json, or the folder of a snapshot.")]
Format = Annotated[
    Literal["table", "json", "md"],
    typer.Option(
        "--format",
        help="A table for people, JSON for programs, or Markdown for a comment.",
        rich_help_panel=options.SHOW,
    ),
]
MOST_ROWS = 200
"""Rows of a table that a person reads; JSON has them all."""
INCOMPLETE = 4


def command(
    old: Old,
    new: New,
    config: options.ConfigFile = None,
    output: Format = "table",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Say what changed between two audits or snapshots of a tenant: new, gone and changed, worst first.

    Objects are matched by their ids. Each side is an audit.json or the folder of a snapshot, in any mix; a snapshot is
    audited for it, by its own clock and with the configuration of now. What one side could not read is named as not
    compared and makes the exit code 4; differences alone leave it 0.

    Example: auditor diff last/audit.json today/audit.json --format md
    """
    from auditor.cli import drift, logs
    from auditor.cli.screen import Screen, write_json

    logs.set_up(verbose=verbose)
    screen = Screen(quiet=quiet, verbose=verbose)
    settings = _Settings(config)
    if config is not None:
        settings()
    before, after = drift.side(old, settings), drift.side(new, settings)
    from auditor.audit.diff import diff

    difference = diff(before, after)
    if before.collected_at > after.collected_at:
        screen.say(f"warning: {old} was collected after {new}; were the two swapped?")
    if output == "json":
        write_json(_json(before, after, difference))
    elif output == "md":
        _write_markdown(before, after, difference)
    else:
        _show(before, after, difference, screen)
    if difference.gaps:
        screen.say("Incomplete: one side does not know all that the other one does; see what was not compared.")
    raise typer.Exit(INCOMPLETE if difference.gaps else 0)


class _Settings:
    """The configuration, read when it is first needed: two ``audit.json`` files need none."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._settings: Any = None

    def __call__(self) -> Any:
        if self._settings is None:
            from auditor import config
            from auditor.cli import steps

            self._settings = config.load(self._file, environ=os.environ, flags={})
            steps.refuse_unknown_waivers(self._settings)
        return self._settings


def _show(old: Side, new: Side, difference: Difference, screen: Screen) -> None:
    from reports.markdown import changes_counted
    from reports.text import spoken_utc

    changes = difference.changes
    between = f"{spoken_utc(old.collected_at)} to {spoken_utc(new.collected_at)}"
    title = f"{new.tenant_name or new.tenant_id}, {between}: {changes_counted(changes)}"
    if changes:
        rows = [
            (change.kind, change.thing, _short(change.display_name or change.app_id or ""), change.summary)
            for change in changes[:MOST_ROWS]
        ]
        screen.table(title, ("Change", "What", "App or policy", "What became of it"), rows)
        if len(changes) > MOST_ROWS:
            _line(f"{len(changes) - MOST_ROWS:,} more; --format json has them all.")
    else:
        _line(title)
    if difference.gaps:
        screen.table(
            "Not compared", ("What", "Side", "Why"), [(gap.thing, gap.side, gap.reason) for gap in difference.gaps]
        )


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"


def _line(text: str) -> None:
    """One line of the result, nothing in it markup or a control character."""
    from rich.text import Text

    from auditor.cli.screen import console
    from auditor.redaction import without_tokens
    from reports.text import one_line

    console(sys.stdout).print(Text(one_line(without_tokens(text))))


def _write_markdown(old: Side, new: Side, difference: Difference) -> None:
    from auditor.cli.screen import write_text
    from reports.markdown import drift_markdown

    write_text(
        drift_markdown(
            new.tenant_name or new.tenant_id, old.collected_at, new.collected_at, difference.changes, difference.gaps
        )
    )


def _json(old: Side, new: Side, difference: Difference) -> dict[str, Any]:
    from reports.text import iso_utc

    def told(side: Side) -> dict[str, Any]:
        return {
            "collected_at": iso_utc(side.collected_at),
            "tool_version": side.tool_version,
            "scope": sorted(side.scope),
        }

    counts: dict[str, dict[str, int]] = {}
    for change in difference.changes:
        counts.setdefault(change.thing, {"new": 0, "gone": 0, "changed": 0})[change.kind] += 1
    return {
        "tenant": {"id": new.tenant_id, "display_name": new.tenant_name},
        "old": told(old),
        "new": told(new),
        "complete": not difference.gaps,
        "changes": [change.to_row() for change in difference.changes],
        "not_compared": [gap.to_row() for gap in difference.gaps],
        "summary": counts,
    }
