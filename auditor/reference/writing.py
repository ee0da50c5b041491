"""Permissions that only read, listed for calls that change something: the map writes "and" as "or", and pages do as well.

``Policy.Read.All`` alone changes no policy, ``eDiscovery.Read.All`` closes no case. Such a row is not proof that the call is
accepted; the clear ones are taken out in ``overlay.toml``, the others leave doubt.
https://learn.microsoft.com/graph/permissions-overview#permissions-naming-pattern
"""

from __future__ import annotations

import re

from auditor.reference.catalog import Catalog
from auditor.reference.claims import Authorization, SchemeName

WHY = "A permission that only reads is listed for a call that changes something."

_READS = re.compile(r"\.Read(?!Write)[A-Za-z]*(\.|$)")


_QUESTION = re.compile(
    r"(?:microsoft\.graph\.)?(?:get|check|validate|search|find|extract|evaluate|query|preview)", re.IGNORECASE
)


def writers(known: Catalog, method: str, template: str, scheme: SchemeName) -> tuple[Authorization, ...]:
    """Return the rows of a call that also write, where the call changes something and other rows only read; else nothing.

    POST changes something where the same path can be read with GET, as collections can: many other POSTs are questions.
    """
    if method not in ("PATCH", "PUT", "DELETE", "POST"):
        return ()
    rows = (known.authorizing(method, template) or {}).get(scheme, ())
    found = tuple(row for row in rows if not _only_reads(row))
    if not found or len(found) == len(rows) or (method == "POST" and _asks(known, template)):
        return ()
    return found


def _asks(known: Catalog, template: str) -> bool:
    """Whether a POST is a question, or may be one."""
    if _QUESTION.match(template.rpartition("/")[2]):
        return True
    return known.template("GET", template) != template or not known.authorizing("GET", template)


def _only_reads(row: Authorization) -> bool:
    return all(_READS.search(name) for name in (row.permission, *row.also_requires))
