"""The addresses that reading one app asks for, beside those that whole sources have.

A test holds every one of them against Microsoft's v1.0 schema. When each is asked for is ``app_run``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from auditor.graph.sources import BY_ID, MAX_PAGE

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CREDENTIALS = ("passwordCredentials", "keyCredentials")
RESOURCE_REGISTRATION = (
    "id",
    "appId",
    "displayName",
    "createdDateTime",
    "signInAudience",
    "disabledByMicrosoftStatus",
    "isDisabled",
) + ("api", "appRoles", "identifierUris", "publisherDomain", "verifiedPublisher")
"""What is read of a resource's registration: its name and whom it pre-authorizes, not what it requests itself."""
RESOURCE_PRINCIPAL = tuple(name for name in BY_ID["servicePrincipals"].select if name not in CREDENTIALS)
"""Of a resource's service principal everything but its own credentials, which nobody asked about."""


def app_url(collection: str, app_id: str, select: Iterable[str]) -> str:
    """A registration or service principal by its app id."""
    return f"/{collection}(appId='{quote(app_id, safe='')}')?$select={','.join(select)}"


def principal_url(object_id: str) -> str:
    """A service principal that is a resource, by its object id."""
    return f"/servicePrincipals/{quote(object_id, safe='')}?$select={','.join(RESOURCE_PRINCIPAL)}"


def grants_url(client_id: str, consent_type: str) -> str:
    """Delegated permission grants of one client to everybody, or to single users."""
    wanted = f"clientId eq '{client_id}' and consentType eq '{consent_type}'"
    select = ",".join(BY_ID["oauth2PermissionGrants"].select)
    return f"/oauth2PermissionGrants?$top={MAX_PAGE}&$select={select}&$filter={quote(wanted, safe='')}"


def below(collection: str, object_id: str, rest: str) -> str:
    """What hangs on an object."""
    return f"/{collection}/{quote(object_id, safe='')}/{rest}"


def member_of_url(object_id: str) -> str:
    """The groups, roles and administrative units that a service principal is in, through other groups too."""
    return below("servicePrincipals", object_id, f"transitiveMemberOf?$top={MAX_PAGE}&$select=id")
