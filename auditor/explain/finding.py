"""What the parts of an explanation have in common: one reason, and the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.predict.verdict import Certainty


@dataclass(frozen=True)
class Reason:
    """One thing that explains a refusal, or would."""

    cause: str | None
    """Slug of the check whose page tells it; None where no documented cause applies."""
    certainty: Certainty
    text: str
    """One sentence."""
    do: str = ""
    """What to do, in one or two sentences."""
    also: tuple[str, ...] = ()
    """Other causes that look the same from here."""
    not_configuration: bool = False
    """Nothing to repair in the tenant: throttling, a quota, an old token, a fault of the service, a wrong path."""
    needs: tuple[str, ...] = ()
    """Permissions that would open the call, least privileged first."""
    is_open: bool = False
    """The text fits several causes; what a token or a tenant shows decides between them."""


@dataclass(frozen=True)
class Explanation:
    """Why a call was refused, from everything that was given."""

    cause: str | None
    certainty: Certainty | None
    """None where nothing wrong was seen."""
    text: str
    """The answer in one sentence."""
    details: tuple[str, ...] = ()
    """More sentences that bear on it, the weightiest first."""
    do: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    """Other causes that may apply."""
    not_configuration: bool = False
    evidence: tuple[tuple[str, str], ...] = ()
    """(What, what was seen), for people."""
    parts: Mapping[str, Any] = field(default_factory=dict)
    """What was read of each input, as plain JSON: ``token``, ``error``, ``call``, ``tenant``, ``prediction``."""

    def to_json(self) -> dict[str, Any]:
        """The document of ``auditor explain --format json`` (docs/explain.md)."""
        return {
            "cause": self.cause,
            "certainty": self.certainty,
            "not_configuration": self.not_configuration,
            "summary": self.text,
            "details": list(self.details),
            "what_to_do": list(self.do),
            "needs": list(self.needs),
            "also": list(self.also),
            "evidence": [{"what": what, "seen": seen} for what, seen in self.evidence],
            **{part: self.parts.get(part) for part in ("token", "error", "call", "tenant", "prediction")},
        }
