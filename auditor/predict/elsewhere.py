"""Rights that come from elsewhere than Entra ID's permissions, so that a missing permission need not mean a refusal.

Exchange's RBAC for Applications, resource-specific consent, grants on single sites, ownership of groups, directory roles of a
service principal. None of them shows in grants or app role assignments, so a call they may open depends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from auditor.predict.gap import Gap, some
from auditor.predict.services import service_of
from auditor.predict.verdict import Obstacle

_APP_FOLDER = "Files.ReadWrite.AppFolder"
"""https://learn.microsoft.com/onedrive/developer/rest-api/concepts/special-folders-appfolder"""
_AS_USER = "Directory.AccessAsUser.All"
"""https://learn.microsoft.com/graph/permissions-reference#directoryaccessasuserall"""
_READS_FILES = frozenset({"Files.Read", "Files.Read.All", "Sites.Read.All"})
"""https://learn.microsoft.com/graph/api/resources/excel#authorization-and-scopes"""
_READS_USERS = frozenset({"User.Read.All", "User.ReadWrite.All"})
_MEMBERSHIPS = re.compile(r"^/users/[^/]+/(transitive)?memberof$", re.IGNORECASE)
"""https://learn.microsoft.com/graph/permissions-overview#limited-information-returned-for-inaccessible-member-objects"""
_ALL_SITES = frozenset({"/sites", "/sites/getallsites", "/sites/delta"})


def deciding(gap: Gap) -> Obstacle | None:
    """The right from elsewhere that the app evidently counts on, so that it decides; None where nothing says so."""
    held = {name for name in gap.carried.held if name.endswith(".Selected")}
    if in_files(gap) and held:
        names = some(held)
        return Obstacle(
            "workload-policy",
            "possible",
            f"{gap.who.name} holds {names}, which opens {gap.text} only on what the app was granted a role on, one by one; "
            "those grants cannot be listed for a tenant.",
            403,
            "accessDenied",
            fix="Grant the app a role on each site, list or file it works on.",
        )
    if gap.app_only and gap.facts.resource_specific and held:
        return alone(resource_specific(gap))
    if in_files(gap) and _APP_FOLDER in gap.carried.held:
        return Obstacle(
            "workload-policy",
            "possible",
            f"{gap.who.name} holds {_APP_FOLDER}, which opens {gap.text} only in the app's own folder.",
            403,
            "accessDenied",
            fix=f"Address the app's own folder (special/approot), or grant {gap.needed}.",
        )
    return None


def in_files(gap: Gap) -> bool:
    """Whether the call is about one site, list, drive or file, so that grants on single ones may open it."""
    path = gap.question.call.path.rstrip("/").lower()
    excepted = any(one.when == "not-selected" for one in gap.facts.conditions)
    return service_of(path) == "files" and path not in _ALL_SITES and not excepted


def alone(obstacle: Obstacle) -> Obstacle:
    """With a reason that is a sentence of its own."""
    return replace(obstacle, reason=obstacle.reason[:1].upper() + obstacle.reason[1:])


def resource_specific(gap: Gap) -> Obstacle:
    """Consent for one team, chat or user, which lives on that object."""
    names = some(gap.facts.resource_specific, 2)
    status, code = gap.refusal
    return Obstacle(
        "workload-policy",
        "possible",
        f"resource-specific consent to {names} in a single team, chat or meeting would open {gap.question.call.text} to "
        f"{gap.who.name}, and cannot be seen in the tenant.",
        status,
        code,
        fix=f"Install the app with {names} where it is needed, or grant {gap.needed}.",
    )


def rights(gap: Gap) -> Iterator[Obstacle]:
    """What may open the call all the same. Reasons begin in lower case: they follow on a sentence."""
    status, code = gap.refusal
    conditions = {one.when for one in gap.facts.conditions}
    # An app that requests the permission itself, or has it under the other type, counts on that one.
    meant = gap.met_with(gap.carried.asked) or bool(gap.under_other_type())
    if gap.app_only and not meant:
        if "exchange-rbac" in conditions or (
            gap.facts.template is None and service_of(gap.question.call.path) == "exchange"
        ):
            reason = "RBAC for Applications in Exchange Online may give the same right, and Microsoft Graph does not show it."
            yield Obstacle("workload-policy", "possible", reason, status, code)
        if gap.facts.resource_specific:
            yield resource_specific(gap)
    if gap.app_only:
        yield from _directory_roles(gap)
    elif gap.in_directory and _AS_USER in gap.carried.held:
        reason = f"{_AS_USER} lets it do in the directory what the signed-in user may do."
        yield Obstacle("permission-missing", "possible", reason, status, code)
    if "/workbook" in gap.question.call.path.lower() and gap.question.call.method == "GET":
        reads = sorted(gap.carried.held & _READS_FILES)
        if reads:
            reason = f"the page on workbooks takes {reads[0]} for reading, unlike the permission data."
            yield Obstacle("permission-missing", "possible", reason, status, code)
    if _MEMBERSHIPS.search(gap.question.call.path) and _READS_USERS & gap.carried.held:
        reason = f"of groups that {gap.who.name} may not read, Graph may still return ids and types."
        yield Obstacle("permission-missing", "possible", reason, status, code)
    # Of a signed-in user's call the token must carry the permission, whatever the user owns.
    if "group-owner" in conditions and gap.app_only and not meant:
        reason = f"as an owner of the group, {gap.who.name} needs no permission for it."
        yield Obstacle("permission-missing", "possible", reason, status, code)


def _directory_roles(gap: Gap) -> Iterator[Obstacle]:
    """A directory role of the service principal authorizes calls to the directory without any permission of Graph's.

    https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
    """
    if not gap.in_directory or gap.who.planned or not gap.who.has_principal:
        return
    status, code = gap.refusal
    if gap.who.directory_roles is None:
        reason = "whether a directory role gives the same right could not be read."
    elif gap.who.directory_roles:
        names = some({role for _, role, _ in gap.who.directory_roles})
        reason = f"its directory role {names} may give the same right."
    else:
        return
    yield Obstacle("directory-role-missing", "possible", reason, status, code)
