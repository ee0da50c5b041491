"""Which calls an entry of the reference tables is about: ``METHOD /template`` patterns and whether a call is among them.

Looser than the patterns of the overlay, which are about rows of Microsoft's map: ``{id}`` covers any one segment here, and
``WRITE`` stands for the methods that change something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from auditor.reference import paths

WRITE = frozenset({"POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True)
class CallPatterns:
    """Patterns by their first segment."""

    by_first: dict[str, tuple[tuple[frozenset[str] | None, tuple[str, ...], bool], ...]]
    """First segment -> (methods or None for any, tokens, whether any rest may follow)."""

    @classmethod
    def read(cls, patterns: Iterable[str]) -> CallPatterns:
        """Read patterns. A malformed one is a bug of ours: it raises ValueError."""
        found: dict[str, list[tuple[frozenset[str] | None, tuple[str, ...], bool]]] = {}
        for pattern in patterns:
            method, _, template = pattern.partition(" ")
            prefix = template.endswith("/**")
            tokens = paths.keyed(template.removesuffix("/**"))
            if tokens is None or (not method.isupper() and method != "*"):
                raise ValueError(f"no call pattern: {pattern!r}")
            methods = None if method == "*" else WRITE if method == "WRITE" else frozenset({method})
            found.setdefault(tokens[0], []).append((methods, tokens, prefix))
        return cls({first: tuple(rows) for first, rows in found.items()})

    def cover(self, method: str, tokens: tuple[str, ...]) -> bool:
        """Whether a call with these tokens (``paths.keyed``) is meant."""
        return any(
            (methods is None or method in methods) and _covers(pattern, prefix, tokens)
            for methods, pattern, prefix in self.by_first.get(tokens[0], ())
        )


def _covers(pattern: tuple[str, ...], prefix: bool, tokens: tuple[str, ...]) -> bool:
    if len(tokens) < len(pattern) or (len(tokens) > len(pattern) and not prefix):
        return False
    return all(wanted in (paths.PLACEHOLDER, token) for wanted, token in zip(pattern, tokens, strict=False))
