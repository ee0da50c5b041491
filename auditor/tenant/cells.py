"""Cells of a table as plain Python values, for evidence and sentences. Missing is None."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pandas as pd


def text(value: Any) -> str | None:
    """A string cell."""
    return value if isinstance(value, str) and value else None


def flag(value: Any) -> bool | None:
    """A boolean cell that may be unknown."""
    return None if value is None or pd.isna(value) else bool(value)


def day(value: Any) -> str | None:
    """A time cell as its UTC day, ``2026-11-22``."""
    return None if value is None or pd.isna(value) else str(value.date().isoformat())


def listed(values: Sequence[str], limit: int = 3) -> str:
    """Names for a sentence: "A, B and C", or "A, B, C and 4 more"."""
    if len(values) > limit:
        return f"{', '.join(values[:limit])} and {len(values) - limit} more"
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}" if values else ""


def name(app: Any) -> str:
    """What to call an app in a sentence: its display name, else its app id. ``app`` is a row with the columns of APPS."""
    return text(app.display_name) or str(app.app_id)


def identifier(value: Any, placeholder: str) -> str:
    """An id for a command, or ``<placeholder>`` where the tenant gave something that is none."""
    try:
        return str(uuid.UUID(value))
    except (AttributeError, TypeError, ValueError):
        return f"<{placeholder}>"
