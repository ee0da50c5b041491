"""Progress of collecting: bars on a terminal, else one line a source, on standard error.

Implements ``auditor.graph.progress.Progress``; it only shows, and knows nothing of how sources are read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.cli.screen import Screen, console, counted, say
from auditor.graph.progress import Progress, Silent
from auditor.tenant.state import SourceState

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


def outcome(state: SourceState) -> str:
    """What became of a source, as one line: ``read applications: 61 objects``."""
    if state.is_read:
        return f"read {state.source}: {counted(state.objects, 'object')}" + (
            f" ({state.detail})" if state.detail else ""
        )
    return f"{state.status} {state.source}: {state.detail or 'no reason given'}"


class Lines(Silent):
    """One line for each source when it is over, and the remarks."""

    def finished(self, state: SourceState) -> None:
        """Prints the line."""
        say(outcome(state))

    def note(self, text: str) -> None:
        """Prints the remark."""
        say(text)


class Gaps(Lines):
    """Lines for what could not be read alone: a small snapshot takes a second, and twenty lines would hide its answer."""

    def finished(self, state: SourceState) -> None:
        """Prints the line of a source that was not read."""
        if not state.is_read:
            super().finished(state)


class Bars(Silent):
    """One bar for each source being read; a source that could not be read leaves its line above the bars."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def started(self, source: str, expected: int | None) -> None:
        """Adds the bar."""
        self._tasks[source] = self._bars.add_task(source, total=expected)

    def advanced(self, source: str, objects: int) -> None:
        """Moves the bar on."""
        if source in self._tasks:
            self._bars.advance(self._tasks[source], objects)

    def finished(self, state: SourceState) -> None:
        """Takes the bar away."""
        if state.source in self._tasks:
            self._bars.remove_task(self._tasks.pop(state.source))
        if not state.is_read:
            self._print(outcome(state))

    def note(self, text: str) -> None:
        """Shows the remark above the bars."""
        self._print(text)

    def _print(self, text: str) -> None:
        from rich.text import Text

        from auditor.redaction import without_tokens
        from reports.text import one_line

        self._bars.console.print(Text(one_line(without_tokens(text))))


@contextmanager
def progress(screen: Screen, *, small: bool = False) -> Iterator[Progress]:
    """The progress that fits this run.

    Args:
        screen: how much it says.
        small: a handful of requests: where no bars are shown, only gaps are told, and everything with ``--verbose``.
    """
    if screen.quiet:
        yield Silent()
    elif small and not screen.verbose and not (screen.bars and sys.stderr.isatty()):
        yield Gaps()
    elif not (screen.bars and sys.stderr.isatty()):
        yield Lines()
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with RichProgress(*columns, console=console(sys.stderr), transient=True) as bars:
            yield Bars(bars)
