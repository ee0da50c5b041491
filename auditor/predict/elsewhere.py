"""Rights that come from elsewhere than Entra ID's permissions, so that a missing permission need not mean a refusal.

Exchange's RBAC for Applications, resource-specific consent, grants on single sites, ownership of groups, directory roles of a
service principal. None of them shows in grants or app role assignments, so a call they may open depends.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.predict.gap import Gap, some
from auditor.predict.services import service_of
from auditor.predict.verdict import Obstacle

EXCHANGE_PAGE = "https://learn.microsoft.com/exchange/permissions-exo/application-rbac"


def deciding(gap: Gap) -> Obstacle | None:
    """The right from elsewhere that the app evidently counts on, so that it decides; None where nothing says so."""
    selected = next((one for one in gap.facts.conditions if one.when == "selected"), None)
    held = {name for name in gap.carried.held if ".Selected" in name}
    if selected is not None and held & selected.permissions:
        names = some(held & selected.permissions)
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
        return resource_specific(gap)
    return None


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
    # An app that requests the permission itself counts on that one.
    if gap.app_only and not gap.met_with(gap.carried.asked):
        if "exchange-rbac" in conditions or (
            gap.facts.template is None and service_of(gap.question.call.path) == "exchange"
        ):
            reason = "RBAC for Applications in Exchange Online may give the same right, and Microsoft Graph does not show it."
            yield Obstacle("workload-policy", "possible", reason, status, code)
        if gap.facts.resource_specific:
            yield resource_specific(gap)
    if gap.app_only:
        yield from _directory_roles(gap)
    if "group-owner" in conditions:
        owner = gap.who.name if gap.app_only else "the signed-in user"
        reason = f"as an owner of the group, {owner} needs no permission for it."
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
