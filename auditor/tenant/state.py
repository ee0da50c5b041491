"""The state of one source after collecting: was it read, and if not, why and what would open it.

A source that was not read is a state with a reason, never an empty list. Written into the snapshot's manifest
by ``auditor.graph.collect`` and read by everything behind it; it knows nothing of HTTP itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

SourceStatus = Literal["read", "denied", "unlicensed", "skipped", "failed"]
SOURCE_STATUSES: tuple[SourceStatus, ...] = get_args(SourceStatus)


@dataclass(frozen=True)
class SourceState:
    """What became of one source."""

    source: str
    """Id of the source: its Graph path without the leading slash, e.g. ``identity/conditionalAccess/policies``."""
    status: SourceStatus
    """``read`` whole; ``denied`` (401/403); ``unlicensed``; ``skipped`` on purpose; ``failed`` (anything else, or
    read only in part: a part is never passed on as the whole)."""
    objects: int = 0
    """Objects kept in the snapshot."""
    requests: int = 0
    """HTTP requests sent for it, retries included."""
    detail: str = ""
    """One sentence for a person: why it was not read, or a remark on completeness. Empty when all is well."""
    http_status: int | None = None
    error_code: str | None = None
    """Graph's innermost error code where it was refused."""
    permission: str | None = None
    """The least application permission that opens this source, e.g. ``Policy.Read.All``."""
    role: str | None = None
    """The least directory role that opens it to a signed-in user, e.g. ``Global Reader``."""
    licence: str | None = None
    """The licence the source needs, e.g. ``Microsoft Entra ID P1``; None where none is needed."""

    @property
    def is_read(self) -> bool:
        """Whether the source was read whole."""
        return self.status == "read"

    def to_dict(self) -> dict[str, Any]:
        """The state as plain JSON types, every field present."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SourceState:
        """The state from ``to_dict``'s form; keys this version does not know are ignored.

        Raises:
            ValueError: ``source`` or ``status`` is missing or not one of the known words, or a value has the wrong type.
        """
        if not isinstance(data.get("source"), str) or data.get("status") not in SOURCE_STATUSES:
            raise ValueError(f"a source state needs 'source' and a 'status' of {', '.join(SOURCE_STATUSES)}")
        known = {field.name: str(field.type) for field in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        for name, value in values.items():
            wanted = int if known[name].startswith("int") else str
            is_missing = value is None and known[name].endswith("None")
            if not is_missing and (not isinstance(value, wanted) or isinstance(value, bool)):
                raise ValueError(f"{name!r} of source {data['source']!r} is no {wanted.__name__}")
        return cls(**values)
