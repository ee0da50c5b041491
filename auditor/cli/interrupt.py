"""How a run ends that is told to stop: Ctrl-C, and the signals of CI systems, service managers and closed terminals.

All of them take the way of Ctrl-C, so that temporary folders with a tenant's data and half-written files are cleared.
Only the exit code differs: 128 and the signal's number, as shells count.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")
"""Signals whose default is to end the process at once, without clearing up. Windows has no SIGHUP."""


@dataclass
class Interruption:
    """Which signal ended the run, if one did."""

    number: int = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + self.number


@contextmanager
def orderly_end() -> Iterator[Interruption]:
    """Lets SIGTERM and SIGHUP raise KeyboardInterrupt while the run lasts; a signal that is ignored stays so (nohup)."""
    interruption = Interruption()

    def end(number: int, frame: FrameType | None) -> None:
        interruption.number = number
        # asyncio puts a handler of its own in place, which cancels the main task; what it would do is done.
        # Where Ctrl-C is ignored (a job in the background), there is none.
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):
            raise KeyboardInterrupt
        handler(signal.SIGINT, frame)

    replaced = []
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) != signal.SIG_DFL:
            continue
        try:
            signal.signal(number, end)
        except ValueError:  # not the main thread; whoever embeds us there handles signals
            break
        replaced.append(number)
    try:
        yield interruption
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)
