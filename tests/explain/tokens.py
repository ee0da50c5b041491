"""Access tokens for tests: made of claims, signed with a mark that must never be seen again."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
TENANT = "11111111-2222-3333-4444-555555555555"
APP = "aaaaaaaa-2222-3333-4444-555555555555"
OBJECT = "bbbbbbbb-2222-3333-4444-555555555555"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
GRAPH = "00000003-0000-0000-c000-000000000000"
MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"
MARK = "MaRk7sIgNaTuRe9zQxWvUtSrPoNmLkJiHgFeDcBa"
"""The signature of every token; no output may hold it."""


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(claims: Any, header: Any = None, signature: str = MARK) -> str:
    return f"{part(header or {'typ': 'JWT', 'alg': 'RS256', 'kid': 'k'})}.{part(claims)}.{signature}"


def claims(now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """Claims of a token for Microsoft Graph; a change to None leaves the claim out."""
    base: dict[str, Any] = {
        "aud": "https://graph.microsoft.com",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": int((now - timedelta(minutes=5)).timestamp()),
        "nbf": int((now - timedelta(minutes=5)).timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
        "appid": APP,
        "app_displayname": "Payroll export",
        "oid": OBJECT,
        "tid": TENANT,
        "ver": "1.0",
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


def app_only(*roles: str, **changes: Any) -> str:
    return jwt(claims(**({"idtyp": "app", "roles": list(roles) or None} | changes)))


def delegated(*scopes: str, **changes: Any) -> str:
    base = {"idtyp": "user", "scp": " ".join(scopes) or None, "upn": "alice@contoso.com", "wids": [MEMBER]}
    return jwt(claims(**(base | changes)))
