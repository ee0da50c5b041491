"""What a person or a program sees: results on standard output, words on standard error.

Text from a tenant is made harmless here (``reports.text``) and never read as markup. Colours and bars are rich's, which
honours ``NO_COLOR``. rich is imported when something is shown, not before.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from auditor.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe, where no terminal says how wide it is."""

READER_LEFT = 141
"""What a shell shows for a program that was ended by SIGPIPE."""

STYLES = {
    **{"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"},
    **{"denied": "bold red", "depends": "yellow", "unknown": "dim", "allowed": "green"},
}
"""Severities and verdicts."""


@dataclass(frozen=True)
class Screen:
    """How much this run says, and where.

    Tokens are taken out once more here, should one have come in with a foreign message. Words are left alone: what is
    shown are our own sentences, and one about a client secret must stay readable.
    """

    quiet: bool = False
    verbose: bool = False
    bars: bool = True
    """Whether progress may be shown as bars; it never is where standard error is no terminal."""

    def say(self, text: str) -> None:
        """One line for a person, on standard error; nothing with ``--quiet``."""
        if not self.quiet:
            say(text)

    def table(self, title: str, headers: Sequence[str], rows: Iterable[Sequence[str]], *, words: bool = False) -> None:
        """A table on standard output; with ``words`` on standard error, and nothing with ``--quiet``.

        A cell that is a severity or a verdict alone is coloured; no cell is markup. Headers that end with ``#`` are numbers.
        """
        if words and self.quiet:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from auditor.redaction import without_tokens
        from reports.text import one_line

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for header in headers:
            table.add_column(
                Text(header.rstrip("#")), justify="right" if header.endswith("#") else "left", overflow="fold"
            )
        for row in rows:
            table.add_row(*(Text(one_line(without_tokens(cell)), style=STYLES.get(cell, "")) for cell in row))
        shown = console(sys.stderr if words else sys.stdout)
        with reader_may_leave():
            if title:
                shown.print(Text(one_line(without_tokens(title)), style="bold"))
            if table.row_count or not title:  # "no finding" needs no columns under it
                shown.print(table)


def say(text: str) -> None:
    """One line on standard error, without tokens, with control characters made visible."""
    from auditor.redaction import without_tokens
    from reports.text import one_line

    sys.stderr.write(one_line(without_tokens(text)) + "\n")
    sys.stderr.flush()


def counted(number: int, noun: str) -> str:
    """A number and its noun: ``1 app``, ``1,024 apps``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def console(stream: TextIO) -> Console:
    """A rich console on a stream: as wide as the terminal, or wide enough to cut nothing."""
    from rich.console import Console

    class Plain(Console):
        """rich would end the run with 1 where the reader has left; ``reader_may_leave`` knows better."""

        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError

    return Plain(
        file=stream,
        width=None if stream.isatty() else PIPE_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )


def write_json(data: Any) -> None:
    """A JSON document on standard output: UTF-8 whatever the terminal speaks, and one line feed at the end.

    A terminal gets what it would obey as JSON escapes; a pipe or a file gets the document byte for byte.
    """
    raw = data if isinstance(data, bytes) else json.dumps(data, indent=2, ensure_ascii=False).encode()
    if sys.stdout.isatty():
        from reports.text import terminal_json

        raw = terminal_json(raw.decode()).encode()
    with reader_may_leave():
        sys.stdout.flush()
        rest = memoryview(raw.rstrip(b"\n") + b"\n")
        while rest:  # an unbuffered stream (PYTHONUNBUFFERED) may take a part and say so
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


def write_text(text: str) -> None:
    """A text document on standard output, UTF-8 whatever the terminal speaks."""
    write_json(text.encode(errors="replace"))


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Ends the run quietly where whoever read our output has closed the pipe (``auditor … | head``).

    Left alone, typer would end it with 1, which means findings.

    Raises:
        OutputError: standard output takes no more for another reason, such as a full disk.
    """
    try:
        yield
    except BrokenPipeError:
        let_go_of_output()
        raise SystemExit(READER_LEFT) from None
    except OSError as error:
        let_go_of_output()
        raise unwritable(error) from None


def let_go_of_output() -> None:
    """What is left in the buffer has nowhere to go; Python would complain about it while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def unwritable(error: OSError) -> OutputError:
    """The sentence for a standard output that takes no more."""
    return OutputError(f"standard output cannot be written to ({error.strerror or error}).")


def never_fail_on_characters() -> None:
    """Lets both streams show a replacement where their encoding (a Windows code page) lacks a character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
