"""Permissions of other Microsoft APIs whose counterpart is on Microsoft Graph, and what became of those APIs.

The data is ``namesakes.toml`` beside this file. Which app holds such a permission, and whether that is meant, is for the
check ``wrong-resource`` to say.

Sources: https://learn.microsoft.com/graph/migrate-azure-ad-graph-overview,
https://learn.microsoft.com/graph/migrate-azure-ad-graph-permissions-differences,
https://learn.microsoft.com/outlook/rest/compare-graph, https://learn.microsoft.com/sharepoint/dev/apis/sharepoint-rest-graph
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, cast

ApiState = Literal["retired", "superseded", "parallel"]


@dataclass(frozen=True)
class OtherApi:
    """A Microsoft API beside Microsoft Graph whose permissions have namesakes there."""

    app_id: str
    """App id of its resource, lower case."""
    name: str
    state: ApiState
    """``retired``: it answers no call; ``superseded``: what these permissions were made for is gone; ``parallel``: alive."""
    retired_at: date | None
    page: str
    """Microsoft's page about the way to Microsoft Graph."""
    error_status: int
    """HTTP status a call meets when the permission sits on this resource and the call goes to Microsoft Graph, or, for a
    retired API, the status of every call to it."""
    error_code: str


@lru_cache(maxsize=1)
def _data() -> list[dict[str, Any]]:
    text = files("auditor.reference").joinpath("namesakes.toml").read_text(encoding="utf-8")
    return cast("list[dict[str, Any]]", tomllib.loads(text)["resource"])


@lru_cache(maxsize=1)
def other_apis() -> Mapping[str, OtherApi]:
    """Every API of the table, by the app id of its resource."""
    return {
        entry["app_id"]: OtherApi(
            app_id=entry["app_id"],
            name=entry["name"],
            state=entry["state"],
            retired_at=entry.get("retired_at"),
            page=entry["page"],
            error_status=entry["error_status"],
            error_code=entry["error_code"],
        )
        for entry in _data()
    }


@lru_cache(maxsize=1)
def namesakes() -> Mapping[tuple[str, str, str], str]:
    """(resource app id, permission, ``delegated`` or ``application``) to the Microsoft Graph permission of that type."""
    table: dict[tuple[str, str, str], str] = {}
    for entry in _data():
        for kind in ("delegated", "application"):
            for name in entry.get("same_name", {}).get(kind, ()):
                table[entry["app_id"], name, kind] = name
            for name, graph_name in entry.get("renamed", {}).get(kind, {}).items():
                table[entry["app_id"], name, kind] = graph_name
    return table


def graph_namesake(resource_app_id: str, permission: str, type: str) -> str | None:
    """The Microsoft Graph permission of the same type that opens the same data, or None where there is none.

    Args:
        resource_app_id: app id of the resource that defines ``permission``; Microsoft Graph itself has no namesakes.
        permission: the value, e.g. ``AllSites.Read``.
        type: ``delegated`` or ``application``.
    """
    return namesakes().get((resource_app_id.lower(), permission, type))
