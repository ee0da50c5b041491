"""How the services behind Graph word a 403: each has its own codes, and some name the permissions they wanted.

Observed error bodies; which service answers is told from the path alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from auditor.emulator.messages import Refusal
from auditor.emulator.tokens import Caller

DIRECTORY = "directory"
# First match wins; paths are lower case and without version.
_SERVICES: tuple[tuple[str, str], ...] = (
    (
        r"(identity/conditionalaccess|identityprotection|policies/identitysecuritydefaults|policies/authenticationstrength)",
        "conditional-access",
    ),
    (r"(auditlogs|reports|networkaccess)(/|$)", "reporting"),
    (r"rolemanagement/directory/role(eligibility|assignment)schedule", "role-schedules"),
    (r"(devicemanagement|deviceappmanagement)(/|$)", "intune"),
    (r"(planner|.*/planner)(/|$)", "planner"),
    (
        r"(teams|chats|appcatalogs|teamwork|communications)(/|$)|.*/(joinedteams|chats|teamwork|onlinemeetings)(/|$)",
        "teams",
    ),
    (r"(sites|drives|drive|shares)(/|$)|.*/(drive|drives|sites|followedsites)(/|$|:)", "sharepoint"),
    (
        r".*/(messages|mailfolders|mailboxsettings|sendmail|calendar|calendars|calendargroups|calendarview|events|contacts|"
        r"contactfolders|inferenceclassification|outlook|todo|findmeetingtimes|getmailtips|photo)(/|$|\()",
        "exchange",
    ),
)


def service_of(path: str) -> str:
    """The service that answers ``path`` (lower case, without version and leading slash)."""
    return next((name for pattern, name in _SERVICES if re.match(pattern, path)), DIRECTORY)


def missing_permission(path: str, caller: Caller, wanted: Sequence[str]) -> Refusal:
    """The refusal for a token without any permission that opens ``path``.

    Args:
        path: Lower case, without version and leading slash.
        caller: Whose token it is.
        wanted: The permissions that would open it; empty where the API has no such form at all.
    """
    service = service_of(path)
    listed = sorted(set(wanted))
    if service == "reporting":
        return Refusal(
            403,
            "Authentication_MSGraphPermissionMissing",
            f"The principal does not have required Microsoft Graph permission(s): {','.join(listed)} to call this API. "
            "For more information about Microsoft Graph permissions, please visit "
            "https://learn.microsoft.com/graph/permissions-overview",
        )
    if service == "role-schedules":
        message = f"Authorization failed due to missing permission scope {','.join(listed)}."
        return Refusal(403, "PermissionScopeNotGranted", message)
    if service == "teams":
        return Refusal(403, "Forbidden", _teams_message(caller, listed))
    if service == "sharepoint" and not caller.permissions:
        return Refusal(403, "AccessDenied", "Either scp or roles claim need to be present in the token.")
    if service == "exchange" and not caller.permissions:
        message = "The token contains no permissions, or permissions can not be understood."
        return Refusal(401, "NoPermissionsInAccessToken", message)
    return insufficient_privileges(path, caller)


def insufficient_privileges(path: str, caller: Caller) -> Refusal:
    """The refusal that names nothing: of the directory, and of services that keep the reason to themselves."""
    del caller  # the same for everybody
    status, code, message = _PLAIN.get(service_of(path), _PLAIN[DIRECTORY])
    return Refusal(status, code, message)


_PLAIN = {
    DIRECTORY: (403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    "conditional-access": (
        403,
        "AccessDenied",
        "You cannot perform the requested operation, required scopes are missing in the token.",
    ),
    "reporting": (403, "Authentication_RequestDenied", "User is not in the allowed roles"),
    "exchange": (403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    "sharepoint": (403, "accessDenied", "Access denied"),
    "teams": (403, "Forbidden", "Forbidden"),
    "planner": (403, "", "You do not have the required permissions to access this item."),
    "intune": (
        403,
        "Forbidden",
        "Application is not authorized to perform this operation.",
    ),
}


def _teams_message(caller: Caller, wanted: Sequence[str]) -> str:
    held = ", ".join(sorted(caller.permissions))
    kind, name = ("role", "Roles") if caller.scheme == "application" else ("scope", "Scopes")
    return (
        f"Missing {kind} permissions on the request. API requires one of '{', '.join(wanted)}'. "
        f"{name} on the request '{held}'. Resource specific consent grants on the request ''."
    )
