"""Well-known app ids: Microsoft's APIs (resources) and Microsoft's own client apps, and the tenants that own them.

``first_party.tsv`` is compiled by ``build.py``: app id, owning tenant, name. Which permissions a resource publishes is
the tenant's own service principal's to say; names here are for display where a tenant has none.

Sources: https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in and the
published list named in NOTICE.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

GRAPH = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph."""
AAD_GRAPH = "00000002-0000-0000-c000-000000000000"
"""Windows Azure Active Directory, that is Azure AD Graph: retired as an API, alive as a Conditional Access target."""
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"
SKYPE = "00000004-0000-0ff1-ce00-000000000000"
YAMMER = "00000005-0000-0ff1-ce00-000000000000"
OFFICE_PORTAL = "00000006-0000-0ff1-ce00-000000000000"
DATAVERSE = "00000007-0000-0000-c000-000000000000"
POWER_BI = "00000009-0000-0000-c000-000000000000"
INTUNE = "0000000a-0000-0000-c000-000000000000"
INTUNE_API = "c161e42e-d4df-4a3d-9b42-e7a3c31f59d4"
RIGHTS_MANAGEMENT = "00000012-0000-0000-c000-000000000000"
DYNAMICS_ERP = "00000015-0000-0000-c000-000000000000"
ARM = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
"""Azure Resource Manager, also called Windows Azure Service Management API."""
TEAMS = "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe"
TEAMS_GRAPH = "ab3be6b7-f5df-413d-ac2d-abf1e3fd9c0b"
TEAMS_ADMIN = "48ac35b8-9aa8-4d74-927d-1f4a14a0b239"
ONENOTE = "2d4d3d8e-2be3-4bef-9f87-7875a61c29de"
OFFICE_MANAGEMENT = "c5393580-f805-4401-95e8-94b7a6ef2fc2"
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
KEY_VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
AZURE_STORAGE = "e406a681-f3d4-42a8-90b6-c2b029497af1"
AZURE_SQL = "022907d3-0f1b-48f7-badc-1ba6abab6d66"
LOG_ANALYTICS = "ca7f3f0b-7d91-482c-8e09-c5d840d0eac5"
DEFENDER_ENDPOINT = "fc780465-2017-40d4-a0c5-307022471b92"
THREAT_PROTECTION = "8ee8fdad-f234-4243-8f3b-15c294843740"
CLOUD_APP_SECURITY = "05a65629-4c1b-48c1-a78b-804c4abdd4af"
POWER_APPS = "475226c6-020e-4fb2-8a90-7a972cbfc1d4"
POWER_AUTOMATE = "7df0a125-d3be-4c96-aa54-591f83ff541c"

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
AZURE_POWERSHELL = "1950a258-227b-4e31-a9cf-717495945fc2"
GRAPH_POWERSHELL = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft Graph Command Line Tools: Graph PowerShell and the Graph CLI."""
GRAPH_EXPLORER = "de8bc8b5-d9f9-48b1-a8ad-b748da725064"

MICROSOFT_TENANTS: frozenset[str] = frozenset(
    {
        "f8cdef31-a31e-4b4a-93e4-5f571e91255a",  # Microsoft Services: owns nearly all first-party apps
        "72f988bf-86f1-41af-91ab-2d7cd011db47",  # Microsoft, the company's own tenant
        "cdc5aeea-15c5-4db6-b079-fcadd2505dc2",  # operations of Microsoft 365; owns Graph Command Line Tools
        "33e01921-4d64-4f8c-a055-5bdaffd5e33d",  # operations of Azure
        "975f013f-7f24-47e8-a7d3-abc4752bf346",  # operations of other public services
    }
)
"""Tenants in which Microsoft registers its own apps. The first three own apps of the compiled list; the last two are
Microsoft's production tenants by its own public source code."""

CONSUMER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal Microsoft accounts in tokens. Anyone may register apps there: it is not in MICROSOFT_TENANTS."""

_SHORT_NAMES = {
    GRAPH: "Microsoft Graph",
    AAD_GRAPH: "Azure AD Graph",
    DYNAMICS_ERP: "Microsoft Dynamics ERP",
    YAMMER: "Viva Engage",
}
"""Names people know, where the published one is another or missing."""

_UNLISTED = {
    # Microsoft's own clients that the published list knows without their owner.
    AZURE_POWERSHELL: "Microsoft Azure PowerShell",
    "d3590ed6-52b3-4102-aeff-aad2292ab01c": "Microsoft Office",
    "9bc3ab49-b65d-410a-85ad-de819febfddc": "Microsoft SharePoint Online Management Shell",
    "fb78d390-0c51-40cd-8e17-fdbfab77341b": "Microsoft Exchange REST API Based PowerShell",
    "12128f48-ec9e-42f0-b203-ea49fb6af367": "MS Teams PowerShell Cmdlets",
    DYNAMICS_ERP: "Microsoft Dynamics ERP",
}


def resource_name(app_id: str) -> str | None:
    """Return the name of a well-known API of Microsoft, for display; None for any other app id."""
    app_id = app_id.lower()
    return _SHORT_NAMES.get(app_id) or first_party_name(app_id)


def first_party_name(app_id: str) -> str | None:
    """Return the name of an app known to be Microsoft's own; None if unknown, which proves nothing.

    A service principal's ``appOwnerOrganizationId`` (see MICROSOFT_TENANTS) is the better evidence.
    """
    app_id = app_id.lower()
    return _UNLISTED.get(app_id) or _first_party().get(app_id)


@lru_cache(maxsize=1)
def _first_party() -> dict[str, str]:
    text = Path(__file__).with_name("first_party.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.split("\n") if line)
    # A few have no published name; they are Microsoft's all the same.
    return {app_id: name or "Microsoft app without a published name" for app_id, _, name in rows}
