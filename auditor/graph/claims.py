"""What an access token says about itself, decoded and not verified: for telling people, never for deciding trust.

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference. Nothing here keeps the token.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import orjson

from auditor.graph.refusal import plain
from auditor.reference.clouds import Cloud

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"


@dataclass(frozen=True)
class Claims:
    """The claims an auditor cares for; what the token does not say is empty or None."""

    tenant_id: str = ""
    app_id: str = ""
    app_name: str = ""
    user: str = ""
    roles: tuple[str, ...] = ()
    """Application permissions of an app-only token (a user's app roles on Graph otherwise)."""
    scopes: tuple[str, ...] = ()
    """Delegated permissions; a token has them exactly if a user is signed in."""
    audience: str = ""
    expires_at: float | None = None
    """Seconds since 1970, UTC."""
    is_readable: bool = True
    """False for a token that is no JWT: nothing is known then."""

    @property
    def delegated(self) -> bool | None:
        """Whether a user is signed in; None if it cannot be told."""
        if not self.is_readable or not (self.scopes or self.roles or self.app_id):
            return None
        return bool(self.scopes or self.user)

    @property
    def signed_in_as(self) -> str:
        """Who reads, for reports: ``app 1111… (Graph Auditor)`` or ``alice@contoso.com through app 1111… (…)``."""
        app = f"app {self.app_id}" + (f" ({self.app_name})" if self.app_name else "") if self.app_id else ""
        return f"{self.user} through {app}" if self.user and app else self.user or app

    def is_for(self, cloud: Cloud) -> bool:
        """Whether Microsoft Graph of this cloud is the token's audience."""
        return self.audience.rstrip("/").lower() in (GRAPH_APP_ID, cloud.graph_resource)


def read_claims(token: str) -> Claims:
    """The claims of a token; ``is_readable`` is False where it is not a JWT."""
    parts = token.split(".")
    try:
        payload = parts[1] if len(parts) == 3 else ""
        data = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        data = None
    if not isinstance(data, dict):
        return Claims(is_readable=False)

    def text(*names: str) -> str:
        return next((plain(data[name], 120) for name in names if isinstance(data.get(name), str) and data[name]), "")

    roles, expiry = data.get("roles"), data.get("exp")
    return Claims(
        tenant_id=text("tid").lower(),
        app_id=text("appid", "azp").lower(),
        app_name=text("app_displayname"),
        user=text("upn", "preferred_username", "unique_name"),
        roles=tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else (),
        scopes=tuple(_words(data.get("scp"))),
        audience=text("aud"),
        expires_at=float(expiry) if isinstance(expiry, (int, float)) and not isinstance(expiry, bool) else None,
    )


def _words(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else []
