"""What the builder of tenants calls an app: its ids, what it may request and what it may publish.

How apps are built is ``build``'s.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class App:
    """The ids of one app: the app (client) id, and its objects in this tenant, each None where there is none."""

    app_id: str
    object_id: str | None
    service_principal_id: str | None
    name: str


Request = tuple[str, str] | tuple[str, str, "str | App"]
"""A requested permission: value or id, ``delegated`` or ``application``, and the resource (Microsoft Graph if left out)."""
Published = tuple[str, str] | tuple[str, str, Mapping[str, Any]]
"""A published permission: value; ``application``, ``user`` (role for people), ``delegated`` or ``delegated-admin``; raw overrides."""


def app_id_of(app: App | str) -> str:
    """The app id of an app, or the app id itself."""
    return app.app_id if isinstance(app, App) else app


def named(word: str, wanted: int | Iterable[str]) -> list[str]:
    """The names given, or as many made-up ones as asked for: ``Person 1``, ``Person 2``."""
    return [f"{word} {number}" for number in range(1, wanted + 1)] if isinstance(wanted, int) else list(wanted)


def is_guid(text: str) -> bool:
    """Whether the text is an id and no name or value."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
