"""One difference between two audits or snapshots, as reports show it. How they are found is ``diff``'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

ChangeKind = Literal["new", "gone", "changed"]
ChangedThing = Literal[
    "app", "permission", "consent", "credential", "finding", "directory role", "policy", "prediction"
]
THINGS: tuple[ChangedThing, ...] = get_args(ChangedThing)
Side = Literal["old", "new", "both"]


@dataclass(frozen=True)
class Change:
    """One thing that is there now and was not, the other way round, or with another value."""

    kind: ChangeKind
    thing: ChangedThing
    summary: str
    """One sentence that names the object and what became of it."""
    app_id: str | None = None
    display_name: str | None = None
    key: tuple[str, ...] = ()
    """The natural key: ids alone, never names or dates."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The values that differ, as plain JSON values; empty for what is new."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """Empty for what is gone."""

    def to_row(self) -> dict[str, Any]:
        """The change as ``audit.json`` and ``auditor diff --format json`` have it, every member present."""
        return {
            "kind": self.kind,
            "thing": self.thing,
            "summary": self.summary,
            "app_id": self.app_id,
            "display_name": self.display_name,
            "key": list(self.key),
            "before": dict(self.before),
            "after": dict(self.after),
        }


@dataclass(frozen=True)
class Gap:
    """Something that was not compared, because one side (or both) does not know it. Never told as new or gone."""

    thing: ChangedThing
    side: Side
    """Where it is missing."""
    about: str
    """The id of the source or the slug of the check that is missing there; empty where it is neither."""
    reason: str
    """One sentence."""

    def to_row(self) -> dict[str, Any]:
        """The gap as ``audit.json`` and ``auditor diff --format json`` have it."""
        return {"thing": self.thing, "side": self.side, "about": self.about or None, "reason": self.reason}
