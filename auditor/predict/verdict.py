"""What the predictor is asked and what it answers; the obstacles its stages find on the way of a request.

Pure data. The stages (``signin``, ``token``, ``authorization``, ``principal``, ``gates``) make obstacles, ``walk`` makes the
verdict out of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from auditor.predict.call import Call

Flow = Literal["app-only", "delegated"]
Account = Literal["work", "personal"]
Verdict = Literal["allowed", "denied", "depends", "unknown"]
Certainty = Literal["certain", "likely", "possible"]


@dataclass(frozen=True)
class Question:
    """Will this call of this app be refused?"""

    app_id: str
    """Lower case."""
    call: Call
    flow: Flow
    users: tuple[str, ...] = ()
    """Who signs in (delegated), or whose objects the call is about where its path names them: user principal names or ids,
    as declared. Empty: not known."""
    account: Account = "work"
    resource: str = "graph"
    """What the token is asked for: graph, aad-graph, exchange, sharepoint, arm, an App ID URI or an app id."""


@dataclass(frozen=True)
class Obstacle:
    """One thing in the way of a request."""

    check: str
    """Slug of the check it belongs to."""
    certainty: Certainty
    """``certain`` and ``likely`` deny the call; ``possible`` makes it depend on what cannot be seen."""
    reason: str
    """One sentence."""
    http_status: int | None = None
    error_code: str | None = None
    needs: tuple[str, ...] = ()
    """Permissions that would open the call, least privileged first; ``A + B`` where both are needed."""
    fix: str = ""
    """The smallest repair in words; empty: the check's page tells it."""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """The verdict on one call of one app in one flow."""

    app_id: str
    flow: Flow
    call: Call
    verdict: Verdict
    reason: str
    """One sentence."""
    check: str | None = None
    """The check that decides; None where nothing is in the way."""
    also: tuple[str, ...] = ()
    """Other checks that would deny it too (of a call that depends: other things it may hang on)."""
    http_status: int | None = None
    error_code: str | None = None
    granted_by: tuple[str, ...] = ()
    """Permissions the token carries that open the call."""
    needs: tuple[str, ...] = ()
    """Permissions that would open it, least privileged first; of an allowed call none."""
    certainty: Certainty = "certain"
    fix: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_row(self) -> dict[str, Any]:
        """The row of ``predictions`` in ``audit.json``."""
        return {
            "app_id": self.app_id,
            "flow": self.flow,
            "call": self.call.text,
            "verdict": self.verdict,
            "check": self.check,
            "also": list(self.also),
            "http_status": self.http_status,
            "error_code": self.error_code,
            "reason": self.reason,
            "granted_by": list(self.granted_by),
            "needs": list(self.needs),
        }
