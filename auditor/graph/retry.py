"""When a request is sent again, and after how long. Knows statuses, headers and clocks; sends nothing itself.

https://learn.microsoft.com/graph/throttling: wait as long as Retry-After says; where it is missing (Conditional Access
among others never sends it) back off exponentially. An absent or nonsensical header never means "at once".
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

THROTTLED = frozenset({429, 503, 504, 509})
SERVER_ERRORS = frozenset({500, 502})
RETRIED = THROTTLED | SERVER_ERRORS


@dataclass(frozen=True)
class Clock:
    """Time and chance, so that tests need neither."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    jitter: Callable[[], float] = random.random
    """A number from 0 to 1."""


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of patience."""

    throttled_attempts: int = 10
    """Times one request is sent where Graph answers 429, 503, 504 or 509."""
    broken_attempts: int = 5
    """Times it is sent where the server fails (500, 502) or the answer is broken."""
    unreachable_attempts: int = 3
    """Times it is sent where no connection could be made."""
    slow_attempts: int = 2
    """Times it is sent where the whole answer does not come before its deadline."""
    floor_seconds: float = 1.0
    ceiling_seconds: float = 60.0
    longest_wait_seconds: float = 900.0
    """A Retry-After beyond this is not waited for; the source fails and says how long Graph wanted."""
    wait_budget_seconds: float = 3600.0
    """Time that one source may spend waiting in all, requests that ran into their deadline included."""

    def attempts(self, status: int | None, *, unreachable: bool = False, slow: bool = False) -> int:
        """How often a request may be sent in all, given how it last ended (None: no usable answer)."""
        if status in THROTTLED:
            return self.throttled_attempts
        if slow:
            return self.slow_attempts
        return self.unreachable_attempts if unreachable else self.broken_attempts

    def backoff(self, attempt: int, jitter: float) -> float:
        """Seconds to wait after the attempt (counted from 1) where nobody said how long."""
        grown = self.floor_seconds * 2.0 ** min(attempt - 1, 30)
        return min(grown, self.ceiling_seconds) * (1 + jitter / 2)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number, also fractional, or an HTTP date.

    Args:
        headers: response headers, in any case.
        now: aware time that a date is compared with.

    Returns:
        None where the header is missing, negative or nonsense.
    """
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "")
    value = str(value).strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            asked = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        if asked.tzinfo is None:
            asked = asked.replace(tzinfo=UTC)
        return max(0.0, (asked - now).total_seconds())
    return seconds if 0 <= seconds < float("inf") else None
