"""The documented cause behind a permission that a token lacks, from the most telling evidence to the least.

Requested and not consented to; there, but held by a group, of the other type, on another API, not published; asked for by
nothing. Rights from elsewhere and doubt are added by ``missing``.
https://learn.microsoft.com/graph/resolve-auth-errors
"""

from __future__ import annotations

from auditor.predict.gap import Gap, some
from auditor.predict.rules import SHOWN, Requirement, written
from auditor.predict.verdict import Obstacle
from auditor.reference import catalog
from auditor.reference.resources import resource_name
from auditor.reference.roles import app_requirements

_SIGN_IN = frozenset({"openid", "profile", "email", "offline_access", "User.Read"})
_PASSWORD = "passwordProfile"  # noqa: S105 - the name of a property


def cause(gap: Gap) -> Obstacle:
    """The cause that fits the evidence best. Certain and likely ones deny the call."""
    if not gap.wanted.ways:
        return _impossible(gap)
    if gap.question.account == "personal" and not gap.app_only:
        return _personal(gap)
    return _password(gap) or _not_consented(gap) or _misplaced(gap) or _absent(gap)


def _impossible(gap: Gap) -> Obstacle:
    """A field that no permission of this type covers."""
    status, code = gap.refusal
    if gap.app_only:
        reason = f"{gap.text} takes no application permission, and {gap.who.name} calls it app-only."
        return Obstacle(
            "delegated-only-api", "likely", reason, status, code, fix="Make the call with a signed-in user."
        )
    reason = f"{gap.text} takes no delegated permission, and {gap.who.name} calls it with a signed-in user."
    return Obstacle("application-only-api", "likely", reason, status, code, fix="Make the call with an app-only token.")


def _personal(gap: Gap) -> Obstacle:
    """What a user of a personal account could consent to, or that the app asks for nothing that works for such accounts."""
    carried, who = gap.carried, gap.who
    if gap.met_with(carried.consentable):
        reason = f"Each user of a personal account must consent to {gap.which(carried.consentable)} of {who.name} at sign-in."
        return Obstacle("consent-missing", "possible", reason, 403)
    known = catalog.load()
    asked = carried.consentable
    unfit = {name for name in asked if (entry := known.permission(name)) is not None and not entry.personal}
    if carried.opaque or not carried.requests_known:
        reason = f"Which permissions {who.name} asks users of personal accounts for cannot be seen; {gap.text} needs {gap.needed}."
        return Obstacle("personal-account", "possible", reason, 403)
    if asked and unfit == asked:
        reason = f"{who.name} requests {some(unfit)}, which personal accounts cannot consent to; {gap.text} needs {gap.needed}."
        return Obstacle("personal-account", "likely", reason, 403)
    reason = f"{gap.text} needs {gap.needed} with a personal account, which {who.name} does not request."
    return Obstacle("permission-missing", "likely", reason, 403)


def _password(gap: Gap) -> Obstacle | None:
    """Setting a password app-only with a permission that only updates users: the page's cause "resetting a password".

    https://learn.microsoft.com/graph/resolve-auth-errors#403-forbidden-are-you-resetting-a-password
    """
    if not gap.app_only or gap.wanted.because.lower() != _PASSWORD.lower():
        return None
    if not gap.base or not Requirement(gap.base).met_by(gap.carried.held) or gap.met_with(gap.carried.asked):
        return None
    held = some(way.permission for way in Requirement(gap.base).met_by(gap.carried.held))
    need = next(one for one in app_requirements() if one.id == "password-reset")
    roles = gap.who.directory_roles
    has_role = roles is None or any(template in need.roles.values() for template, _, _ in roles)
    reason = (
        f"{gap.who.name} holds {held} for {gap.text}, which sets no password; app-only that takes {gap.needed}, or a "
        f"directory role such as {need.grant} on its service principal."
    )
    fix = f"Grant the application permission {gap.needed}; to reach people who hold an admin role, a higher directory role too."
    return Obstacle(
        "directory-role-missing",
        "possible" if has_role else "likely",
        reason,
        403,
        "Authorization_RequestDenied",
        fix=fix,
    )


def _not_consented(gap: Gap) -> Obstacle | None:
    """Requested, or consented to by others, so that consent is what lacks."""
    carried, who = gap.carried, gap.who
    status, code = gap.refusal
    if not gap.app_only and not carried.held:
        status, code = 400, "AADSTS65001"
    if gap.met_with(carried.undecided) and not gap.met_with(carried.missing):
        reason = f"{who.name} requests {gap.which(carried.undecided)} for {gap.text}; whether it has consent could not be read."
        return Obstacle("consent-missing", "possible", reason, status, code, gap.among(carried.undecided))
    if gap.met_with(carried.missing | carried.undecided):
        names = gap.which(carried.missing)
        reason = (
            f"{who.name} requests the {gap.kind} permission {names} for {gap.text}, and no admin has consented to it."
        )
        if who.planned:
            reason = f"{gap.text} works once an admin has consented to the {gap.kind} permission {names} that the manifest requests."
        if not gap.app_only and not carried.held:
            code = "AADSTS90094"
        return Obstacle(
            "consent-missing",
            "certain",
            reason,
            status,
            code,
            gap.among(carried.missing),
            f"Give admin consent to {names}.",
        )
    if gap.met_with(carried.others):
        names, whom = gap.which(carried.others), ", ".join(gap.question.users)
        must = f"{whom} is none of them" if whom else "whoever signs in must be one of them"
        reason = f"Only some users have consented to {names} of {who.name} for {gap.text}; {must}."
        return Obstacle(
            "consent-partial",
            "certain",
            reason,
            400,
            "AADSTS65001",
            gap.among(carried.others),
            f"Give admin consent to {names} for everybody.",
        )
    if gap.met_with(carried.blocked):
        names = gap.which(carried.blocked)
        reason = (
            f"{who.name} requests {names} for {gap.text}; no admin has consented to it, and users may not do so alone."
        )
        return Obstacle(
            "consent-blocked",
            "certain",
            reason,
            400,
            "AADSTS90094",
            gap.among(carried.blocked),
            f"Give admin consent to {names}.",
        )
    if gap.met_with(carried.consentable):
        names = gap.which(carried.consentable)
        reason = (
            f"{who.name} requests {names} for {gap.text}; each user must consent to it at sign-in, or an admin for all."
        )
        return Obstacle("consent-missing", "possible", reason, status, code, gap.among(carried.consentable))
    return None


def _misplaced(gap: Gap) -> Obstacle | None:
    """The right permission in the wrong place."""
    carried, who = gap.carried, gap.who
    status, code = gap.refusal
    if gap.met_with(carried.dangling):
        names = gap.which(carried.dangling)
        reason = f"{who.name} asks for {names} for {gap.text}; Microsoft Graph does not publish it in this form, so no token carries it."
        return Obstacle("permission-unknown", "certain", reason, status, code)
    # Who is in the group is not read: an app with permissions of its own is hardly meant.
    if not carried.held and (by_groups := gap.held_by_groups()):
        names = some(by_groups)
        reason = f"{names} for {gap.text} is assigned to a group, and a group passes no application permission on to {who.name}."
        fix = f"Assign {names} to the service principal of {who.name} itself."
        return Obstacle("consent-missing", "likely", reason, status, code, fix=fix)
    if other := gap.under_other_type():
        return _wrong_type(gap, other[0])
    elsewhere = sorted(pair for pair in carried.elsewhere if gap.names(pair[1]))
    if elsewhere:
        names = some({name for _, name in elsewhere})
        where = " and ".join(sorted({resource_name(api) or api for api, _ in elsewhere}))
        reason = f"{who.name} has {names} on {where}; {gap.text} goes to Microsoft Graph, where it has no permission that is enough."
        fix = f"Request and grant {gap.needed} on Microsoft Graph."
        return Obstacle("wrong-resource", "likely", reason, status, code, fix=fix)
    return None


def _wrong_type(gap: Gap, name: str) -> Obstacle:
    status, code = gap.refusal
    had, token = ("delegated", "app-only token") if gap.app_only else ("application", "token of a signed-in user")
    reason = f"{gap.who.name} has {name} as {had} permission, which no {token} carries; {gap.text} needs {gap.needed} as {gap.kind} permission."
    fix = gap.repair
    return Obstacle("permission-type-mismatch", "certain", reason, status, code, fix=fix)


def _absent(gap: Gap) -> Obstacle:
    """Nothing asks for it."""
    carried, who = gap.carried, gap.who
    status, code = gap.refusal
    client = carried.client
    if not gap.app_only and client is not None and client.scopes_known and not client.consentable:
        reason = f"{gap.text} needs {gap.needed}; {who.name} is Microsoft's own client, and no tenant can add permissions to it."
        fix = client.instead or "Use an app registration of your own, or a client that an admin can consent for."
        return Obstacle("permission-missing", "likely", reason, status, code, fix=fix)
    if not gap.app_only and not carried.requests_known:
        return _unseen(gap)
    held = f"it holds {some(carried.held)}" if carried.held else "it holds none on Microsoft Graph"
    reason = (
        f"{gap.text} needs the {gap.kind} permission {gap.needed}, which {who.name} neither requests nor holds; {held}."
    )
    if not carried.requests_known:
        reason = f"{gap.text} needs the {gap.kind} permission {gap.needed}, which {who.name} was not granted; {held}."
    fix = gap.repair
    evidence = {"enough": [written(way) for way in gap.wanted.ways[:SHOWN]]}
    return Obstacle(
        "permission-missing", "likely" if carried.held else "certain", reason, status, code, fix=fix, evidence=evidence
    )


def _unseen(gap: Gap) -> Obstacle:
    """A registration elsewhere, which may ask its users or an admin for anything at sign-in."""
    who = gap.who
    if who.users_may_consent is False:
        reason = f"{gap.text} needs {gap.needed}, which nobody has granted to {who.name}; its users would have to consent and may not."
        return Obstacle(
            "consent-blocked",
            "likely",
            reason,
            400,
            "AADSTS90094",
            fix=f"Give admin consent to {gap.needed}.",
        )
    status, code = gap.refusal
    reason = f"{gap.text} needs {gap.needed}, which nobody has granted to {who.name}; what its registration asks for cannot be seen here."
    # With consents of its own it got a token before: what it lacks is this permission. Without any, nobody has consented yet.
    # Microsoft's own tools ask for whatever they are told to: what was not asked for is the permission.
    had = bool(gap.carried.held - _SIGN_IN) or gap.carried.client is not None
    check = "permission-missing" if had else "consent-missing"
    return Obstacle(check, "possible", reason, status, code)
