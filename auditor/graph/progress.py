"""How far collecting has come, told to whoever watches: the command line's bars, or nobody."""

from __future__ import annotations

from typing import Protocol

from auditor.tenant.state import SourceState


class Progress(Protocol):
    """An observer of the collection. Called in one thread, in no promised order between sources."""

    def started(self, source: str, expected: int | None) -> None:
        """Reading of a source begins; ``expected`` is how many objects Graph counts, None if it was not asked."""

    def advanced(self, source: str, objects: int) -> None:
        """``objects`` more objects of the source have been read since the last call."""

    def finished(self, state: SourceState) -> None:
        """The source is over, read or not."""

    def note(self, text: str) -> None:
        """One sentence for a person: a wait that Graph asked for, a repair that takes longer."""


class Silent:
    """Nobody watches."""

    def started(self, source: str, expected: int | None) -> None:
        """Says nothing."""

    def advanced(self, source: str, objects: int) -> None:
        """Says nothing."""

    def finished(self, state: SourceState) -> None:
        """Says nothing."""

    def note(self, text: str) -> None:
        """Says nothing."""
