"""Which service answers a path, and how each refuses a token without the right permission.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import re
from typing import Literal

Service = Literal["directory", "exchange", "files", "teams", "other"]

_PATTERNS: tuple[tuple[Service, re.Pattern[str]], ...] = tuple(
    (service, re.compile(pattern, re.IGNORECASE))  # type: ignore[misc]
    for service, pattern in (
        (
            "exchange",
            r"/(users(/[^/]+|\([^)]*\))|me)/(messages|mailfolders|sendmail|mailboxsettings|calendars?|calendarview|calendargroups"
            r"|events|contacts|contactfolders|inferenceclassification|outlook|findmeetingtimes|getschedule)([/(]|$)",
        ),
        ("files", r"/((users/[^/]+|me|groups/[^/]+)/)?(drives?|sites)([/(:]|$)|/shares([/(]|$)"),
        (
            "teams",
            r"/(teams|chats|communications|teamwork|teamstemplates|appcatalogs"
            r"|(users/[^/]+|me)/(chats|teamwork|onlinemeetings|joinedteams|presence))([/(]|$)",
        ),
        (
            "directory",
            r"/(me|users|groups|applications|serviceprincipals|directory|directoryobjects|directoryroles|domains|devices"
            r"|organization|oauth2permissiongrants|rolemanagement/directory|subscribedskus|contacts|policies)([/(]|$)",
        ),
    )
)
_OTHERS_UNDER_PEOPLE = re.compile(
    r"/((users|groups)/[^/]+|me)/(planner|todo|onenote|insights|analytics|authentication|people|photos?|settings|threads"
    r"|conversations|informationprotection|employeeexperience|cloudpcs|manageddevices|print|security)([/(]|$)",
    re.IGNORECASE,
)


def service_of(path: str) -> Service:
    """The service behind a path of Microsoft Graph, ``other`` where it is none of those told apart here."""
    for service, pattern in _PATTERNS:
        if pattern.match(path):
            return "other" if service == "directory" and _OTHERS_UNDER_PEOPLE.match(path) else service
    return "other"


def refusal(path: str, *, empty: bool) -> tuple[int, str | None]:
    """HTTP status and error code of a token that lacks the permission.

    Args:
        path: of the call.
        empty: an app-only token without any application permission, which some services refuse in a way of their own.
    """
    service = service_of(path)
    if service == "exchange":
        return (401, "NoPermissionsInAccessToken") if empty else (403, "ErrorAccessDenied")
    if path.lower().startswith("/auditlogs"):
        return 403, "Authentication_MSGraphPermissionMissing"
    codes: dict[Service, str] = {
        "directory": "Authorization_RequestDenied",
        "files": "accessDenied",
        "teams": "Forbidden",
    }
    return 403, codes.get(service)
