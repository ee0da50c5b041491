"""Loading the permission catalog, one look-up, and the answers of `auditor permissions`, as a ratio to a bare orjson.loads of the same file.

Run: python benchmarks/catalog.py. Each number is the best of several runs in fresh objects; the ratio is what to watch,
milliseconds depend on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson

from auditor.reference import overlay, place
from auditor.reference.answer import answer, opened
from auditor.reference.catalog import Catalog

RUNS = 20


def best(action: Callable[[], object]) -> float:
    """Return the shortest of RUNS runs, in milliseconds."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def fresh() -> Catalog:
    return Catalog.from_bytes(place.SHIPPED.read_bytes(), str(place.SHIPPED))


def main() -> None:
    raw = place.SHIPPED.read_bytes()
    bare = best(lambda: orjson.loads(raw))
    rows = {
        "orjson.loads alone": bare,
        "load": best(fresh),
        "load, thorough": best(lambda: Catalog.from_bytes(raw, "cached", thorough=True)),
        "load + overlay": best(lambda: (fresh(), overlay.load.cache_clear(), overlay.load())),
        "load + first look-up under /users": best(
            lambda: fresh().authorizing("GET", "/users/alice@contoso.com/messages")
        ),
        "load + every call of a permission": best(lambda: fresh().calls("Mail.Read", "delegated")),
    }
    for name, milliseconds in rows.items():
        print(f"{name:36} {milliseconds:8.2f} ms {milliseconds / bare:7.2f} x")
    warm = fresh()
    warm.authorizing("GET", "/users/a/messages")
    answer("GET", "/users/a/messages", catalog=warm)
    opened("Mail.Read", warm)
    warmed = {
        "look-up, warm": lambda: warm.authorizing("GET", "/users/b/messages"),
        "whole answer for a call, warm": lambda: answer("GET", "/users/b/messages", catalog=warm),
        "calls of a permission, warm": lambda: opened("Mail.Read", warm),
    }
    for name, action in warmed.items():
        print(f"{name:36} {best(action) * 1000:8.1f} µs")


if __name__ == "__main__":
    main()
