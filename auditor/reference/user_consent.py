"""Microsoft's built-in user consent policies: which delegated permissions they keep for admins.

Sources: https://learn.microsoft.com/entra/identity/enterprise-apps/configure-user-consent and
https://learn.microsoft.com/entra/identity/enterprise-apps/manage-app-consent-policies
"""

from __future__ import annotations

import re

LEGACY = "microsoft-user-default-legacy"
LOW = "microsoft-user-default-low"
RECOMMENDED = "microsoft-user-default-recommended"
MAIL_CLIENTS = "microsoft-user-default-allow-consent-apps"
BUILT_IN = frozenset({LEGACY, LOW, RECOMMENDED, MAIL_CLIENTS})

_GRAPH = "00000003-0000-0000-c000-000000000000"
_EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"

# The recommended policy is managed by Microsoft and may change; these are the exclusions of January 2026.
_RECOMMENDED_EXCLUDED = {
    _GRAPH: re.compile(
        r"Files\.(Read|ReadWrite)\.All|Sites\.(Read|ReadWrite)\.All|Mail\..*|Mailbox(Item|Folder|Settings)\..*|Calendars\..*"
        r"|Chat\.(Read|ReadWrite)|OnlineMeetings\..*|Contacts\.(ReadWrite|.*\.Shared)|Tasks\..*|People\.Read",
        re.IGNORECASE,
    ),
    _EXCHANGE: re.compile(r"(EAS|EWS|IMAP|POP)\.AccessAsUser\.All", re.IGNORECASE),
}


def recommended_covers(resource_app_id: str, permission: str) -> bool:
    """Whether the recommended policy lets users consent to this user-consentable delegated permission."""
    excluded = _RECOMMENDED_EXCLUDED.get(resource_app_id)
    return excluded is None or excluded.fullmatch(permission) is None
