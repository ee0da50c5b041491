"""One difference between two audits or snapshots, as reports show it. How they are found is ``diff``'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ChangeKind = Literal["new", "gone", "changed"]
ChangedThing = Literal["app", "permission", "consent", "credential", "finding", "directory role", "policy"]


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
