"""Faults on purpose: throttling, server errors, broken connections, refusals. Deterministic for a seed.

Whether a request fails depends on the seed, the request and how often it was tried, never on the order in which
requests arrive; a concurrent client meets the same faults in every run. Keeps count, and notes clients that came back
before the Retry-After they were given.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.emulator.messages import Answer, Refusal, Request

HTML_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Our services aren't available right now</h1></body></html>"


@dataclass
class Faults:
    """What goes wrong, and how often (shares from 0 to 1; their sum is the share of requests that fail)."""

    seed: int = 0
    throttled: float = 0.0
    """429 with ``Retry-After: retry_after``."""
    throttled_bare: float = 0.0
    """429 without Retry-After, as Conditional Access answers."""
    unavailable: float = 0.0
    """503 with ``Retry-After: retry_after``."""
    server_errors: float = 0.0
    """500 ``InternalServerError``."""
    bad_gateway: float = 0.0
    """502 with an HTML body."""
    gateway_timeout: float = 0.0
    """504 ``UnknownError`` with an empty message."""
    not_json: float = 0.0
    """200 with an HTML body."""
    dropped: float = 0.0
    """The connection is closed without an answer."""
    truncated: float = 0.0
    """Half the body is sent, then the connection is closed."""
    retry_after: str | float = 0
    """Value of the header; may be fractional, a date, or nonsense."""
    first_attempt_only: bool = True
    """A request fails the first time only; else each attempt may fail anew."""
    in_batches: bool = True
    """Items of a batch fail one by one (what fits into an item: statuses, not connections)."""
    only: tuple[str, ...] = ()
    """Limit the shares above to these paths and what is below them; empty means everywhere. Paths here and below go
    without version and leading slash, and ``{id}`` stands for any key."""
    deny: Mapping[str, tuple[int, str, str]] = field(default_factory=dict)
    """Path -> (status, error code, message): always refused, with what is below it and when it is expanded, e.g.
    ``identity/conditionalAccess/policies`` or ``servicePrincipals/{id}/appRoleAssignedTo``."""
    unlicensed: tuple[str, ...] = ()
    """Paths refused as "Your tenant is not licensed for this feature."."""
    refuse_expand: tuple[str, ...] = ()
    """``type.navigation`` whose ``$expand`` is refused with 400, e.g. ``application.federatedIdentityCredentials``."""
    expired_pages: float = 0.0
    """Share of nextLinks that answer 400 ``Directory_ExpiredPageToken``."""
    empty_pages: float = 0.0
    """Share of pages after which an empty page with a nextLink comes."""
    served: Counter[str] = field(default_factory=Counter)
    """How often each fault was served, by the field's name."""
    violations: list[str] = field(default_factory=list)
    """Requests that came again before their Retry-After had passed."""

    def __post_init__(self) -> None:
        self._attempts: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._lock = threading.Lock()

    def refuse(self, path: str) -> None:
        """Refuse a path that ``deny`` or ``unlicensed`` names.

        Args:
            path: Without version and leading slash.

        Raises:
            Refusal: as configured.
        """
        for prefix, (status, code, message) in self.deny.items():
            if _below(path, prefix):
                self.count("deny")
                raise Refusal(status, code, message)
        if any(_below(path, prefix) for prefix in self.unlicensed):
            self.count("unlicensed")
            raise Refusal(403, "AccessDenied", "Your tenant is not licensed for this feature.")

    def strike(self, request: Request, path: str, key: str) -> Answer | None:
        """The fault that this attempt of a request meets, or None.

        Args:
            request: Only its ids are echoed.
            path: Without version and leading slash.
            key: What makes the request the same request when it is tried again.
        """
        attempt = self._attempt(key)
        if request.in_batch and not self.in_batches:
            return None
        if (self.only and not any(_below(path, prefix) for prefix in self.only)) or (
            attempt > 1 and self.first_attempt_only
        ):
            return None
        chance = self._chance(f"{key}\n{attempt}")
        for name in _SHARES:
            share: float = getattr(self, name)
            if chance < share:
                if name in (_NOT_IN_ITEMS if request.in_batch else _NOT_OF_BATCHES if path == "$batch" else ()):
                    return None
                self.count(name)
                return self._answer(name, request, key)
            chance -= share
        return None

    def page_expired(self, key: str) -> bool:
        """Whether the nextLink that leads to page ``key`` has expired by the time it is followed."""
        with self._lock:
            self._attempts[f"page {key}"] += 1
            again = self._attempts[f"page {key}"] > 1
        expired = not (again and self.first_attempt_only) and self._chance(f"expired {key}") < self.expired_pages
        if expired:
            self.count("expired_pages")
        return expired

    def page_empty(self, key: str) -> bool:
        """Whether an empty page comes before page ``key``."""
        empty = self._chance(f"empty {key}") < self.empty_pages
        if empty:
            self.count("empty_pages")
        return empty

    def count(self, name: str) -> None:
        """Note that fault ``name`` was served."""
        with self._lock:
            self.served[name] += 1

    def _attempt(self, key: str) -> int:
        with self._lock:
            self._attempts[key] += 1
            if time.monotonic() < self._not_before.pop(key, 0.0):
                self.violations.append(key)
            return self._attempts[key]

    def _chance(self, key: str) -> float:
        digest = hashlib.blake2b(f"{self.seed}\n{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64

    def _answer(self, name: str, request: Request, key: str) -> Answer:
        if name in ("dropped", "truncated"):
            return Answer(0, mishap=name)
        if name in ("not_json", "bad_gateway"):
            return Answer(200 if name == "not_json" else 502, HTML_PAGE, {}, "text/html; charset=utf-8")
        status, code, message, waits = _REFUSALS[name]
        headers = {}
        if waits:
            headers["Retry-After"] = str(self.retry_after)
            with self._lock:
                self._not_before[key] = time.monotonic() + _seconds(self.retry_after)
        inner = {"code": "429", "message": "Please retry after", "status": "429"} if status == 429 else {}
        return Refusal(status, code, message, headers=headers, inner=inner).answer(request)


_SHARES = [
    "throttled",
    "throttled_bare",
    "unavailable",
    "server_errors",
    "bad_gateway",
    "gateway_timeout",
    "not_json",
    "dropped",
    "truncated",
]
# An item of a batch has no connection of its own; a batch as a whole is never throttled, its items are.
_NOT_IN_ITEMS = frozenset({"dropped", "truncated", "not_json", "bad_gateway"})
_NOT_OF_BATCHES = frozenset({"throttled", "throttled_bare", "server_errors"})
_REFUSALS = {
    "throttled": (429, "TooManyRequests", "Please retry again later.", True),
    "throttled_bare": (429, "TooManyRequests", "Please retry again later.", False),
    "unavailable": (503, "ServiceUnavailable", "The service is temporarily unavailable.", True),
    "server_errors": (500, "InternalServerError", "An internal server error occurred.", False),
    "gateway_timeout": (504, "UnknownError", "", False),
}


def _below(path: str, prefix: str) -> bool:
    """Whether ``path`` is ``prefix`` or below it; ``{id}`` stands for any one segment, a key in brackets for two."""
    segments = path.strip("/").lower().replace("(", "/").split("/")
    wanted = prefix.strip("/").lower().split("/")
    return len(segments) >= len(wanted) and all(
        want in ("{id}", segment) for want, segment in zip(wanted, segments, strict=False)
    )


def _seconds(value: str | float) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0  # A date or nonsense: nothing to hold a client to.
