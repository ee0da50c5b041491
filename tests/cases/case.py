"""Real failures and successes as they are written down: one JSON object a line, read as it stands.

``cases()`` reads the file that lies beside the repository (it is not part of it), ``own_cases()`` the ones in
``more.jsonl``, which are. How a case becomes a tenant is ``express``'s, how an answer is judged ``judge``'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared" / "cases.jsonl"
"""Where the collection lies on machines that have it."""
OWN = HERE / "more.jsonl"

SLUGS: Mapping[str, str] = {
    "app-disabled-or-unassigned": "sign-in-blocked",
    "app-role-missing": "directory-role-missing",
    "tenant-license": "license-missing",
    "user-license": "license-missing",
    "token-personal-account": "personal-account",
    "token-expired": "token-invalid",
    "wrong-audience": "wrong-resource",
    "guest-restriction": "user-privilege",
}
"""Words for causes that are not themselves the slug of a check."""
BLAMELESS = frozenset({"none", "not-an-auth-misconfiguration"})
"""Causes that are nobody's configuration."""


def slug_of(cause: str) -> str:
    """The check that a cause belongs to."""
    return SLUGS.get(cause, cause)


@dataclass(frozen=True)
class Granted:
    """Permissions of Microsoft Graph (or, by their names, of another API) by type."""

    delegated: tuple[str, ...] = ()
    application: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.delegated or self.application)


@dataclass(frozen=True)
class Case:
    """One thread: what was called, with what, and what came of it."""

    id: str
    source: str
    calls: tuple[Mapping[str, Any], ...]
    """``method``, ``path`` (with query), ``version``, and ``body``: names of fields that were sent."""
    flow: str
    """app-only, delegated, unknown."""
    credential: str
    account: str
    """work, personal, unknown."""
    resource: str
    requested: Granted
    granted: Granted
    grants_known: str
    """stated, assumed, unknown: what ``granted`` is worth."""
    prose: str
    """What is known beside: in people's words, read by ``infer`` alone and never shown."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts in the words of ``facts.Facts``; cases of our own carry them."""
    outcome: str = "fail"
    cause: str = "none"
    secondary: tuple[str, ...] = ()
    predictable: bool = True
    error_code: str = ""
    http_status: int = 0

    @property
    def slug(self) -> str | None:
        """The check that ought to decide; None where no configuration is to blame."""
        return None if self.cause in BLAMELESS else slug_of(self.cause)

    @property
    def kind(self) -> str:
        """``works``, ``fails`` (predictable) or ``unpredictable``."""
        return "works" if self.outcome == "success" else "fails" if self.predictable else "unpredictable"


def read(path: Path) -> list[Case]:
    """The cases of a file."""
    return [_case(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def cases(path: Path = SHARED) -> list[Case]:
    """The collection, or nothing on machines without it."""
    return read(path) if path.is_file() else []


def own_cases() -> list[Case]:
    """The cases of this repository."""
    return read(OWN) if OWN.is_file() else []


def _case(raw: Mapping[str, Any]) -> Case:
    return Case(
        id=raw["id"],
        source=raw.get("source", ""),
        calls=tuple(raw["calls"]),
        flow=raw.get("flow") or "unknown",
        credential=raw.get("credential") or "unknown",
        account=raw.get("account_type") or "work",
        resource=raw.get("resource_requested") or "graph",
        requested=_granted(raw.get("requested")),
        granted=_granted(raw.get("granted")),
        grants_known=raw.get("grants_known") or "stated",
        prose=raw.get("other_config") or "",
        facts=raw.get("facts") or {},
        outcome=raw.get("outcome") or "fail",
        cause=raw.get("cause") or "none",
        secondary=tuple(raw.get("secondary_causes") or ()),
        predictable=bool(raw.get("predictable_from_config", True)),
        error_code=raw.get("error_code") or "",
        http_status=int(raw.get("http_status") or 0),
    )


def _granted(raw: Mapping[str, Any] | None) -> Granted:
    raw = raw or {}
    return Granted(tuple(raw.get("delegated") or ()), tuple(raw.get("application") or ()))
