"""An explanation on the screen: the cause first, then why, what to do, what else it may be, and what was seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.explain.finding import Explanation

_NEEDS = 6
_WIDTH = 110
"""Columns of running text; longer lines are hard to read."""


def show(found: Explanation) -> None:
    """Everything, on standard output."""
    from rich.table import Table
    from rich.text import Text

    from auditor.cli.screen import console, reader_may_leave
    from auditor.redaction import without_tokens
    from reports.text import one_line

    shown = console(sys.stdout)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", max_width=_WIDTH)
    for label, text in _lines(found):
        grid.add_row(Text(label, style="bold"), Text(one_line(without_tokens(text))))
    if found.evidence:
        grid.add_row()
        grid.add_row(Text("Seen", style="bold"))
    for what, seen in found.evidence:
        grid.add_row(Text(one_line(what)), Text(one_line(without_tokens(seen))))
    with reader_may_leave():
        shown.print(grid)


def _lines(found: Explanation) -> Iterator[tuple[str, str]]:
    """(Label, sentence)."""
    yield "Cause", headline(found)
    yield "Why", found.text
    for detail in found.details:
        yield "", detail
    for text in found.do:
        yield "What to do", text
    if found.needs:
        more = len(found.needs) - _NEEDS
        yield "Opened by", " or ".join(found.needs[:_NEEDS]) + (f" (and {more} more)" if more > 0 else "")
    if found.also:
        yield "Also look at", ", ".join(found.also)
    if found.cause is not None:
        yield "Page", f"auditor checks {found.cause}"


def headline(found: Explanation) -> str:
    """``permission-missing (certain)``, or in words that no documented cause applies."""
    if found.cause is not None:
        aside = "; nothing to repair in the tenant" if found.not_configuration else ""
        return f"{found.cause} ({found.certainty}{aside})"
    if found.not_configuration:
        return f"not the configuration ({found.certainty})"
    return "none seen" if found.certainty is None else f"no documented cause ({found.certainty})"
