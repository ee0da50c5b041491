"""May the caller do this at all, once Graph has accepted the token? Stage 4: roles, guests, ownership, licences.

A delegated permission never gives more than the signed-in user may do; an app-only call to some APIs also needs a directory
role on the service principal. Licences are the tenant's, and the user's where a mailbox or the like is meant.
https://learn.microsoft.com/graph/resolve-auth-errors
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from auditor.predict.authorization import Judgement
from auditor.predict.call import Call
from auditor.predict.own import USER, is_own
from auditor.predict.rules import SENSITIVE
from auditor.predict.services import refusal, service_of
from auditor.predict.subject import Subject
from auditor.predict.verdict import Certainty, Obstacle, Question
from auditor.reference import catalog, overlay
from auditor.reference.licences import Licence, needed_by
from auditor.reference.resources import GRAPH
from auditor.reference.roles import AppRequirement, app_requirements, role_templates
from auditor.reference.user_calls import UserCallRule, guest_level, guest_rule, user_call_rule
from auditor.tenant.cells import flag, listed
from auditor.tenant.tables import Tenant

SKUS = "subscribedSkus"
_APP_ONLY_MAIL = ("mailboxsettings", "mailfolders")


def obstacles(
    who: Subject, question: Question, judged: Judgement, tenant: Tenant, user: Any | None
) -> Iterator[Obstacle]:
    """What the caller's own rights and licences put in the way.

    Args:
        who: the app.
        question: the call.
        judged: what stage 3 says, for the permissions that open the call.
        tenant: not restricted.
        user: the row of ``tenant.users`` that the question is about; None: not known.
    """
    if judged.template is None:
        return
    if question.flow == "app-only":
        yield from _app_roles(who, question, judged)
    elif question.account == "work":
        yield from _whose_object(who, question, judged, user)
        yield from _user_roles(question, judged.template, tenant, user)
    if question.account == "work":
        yield from _licences(question, judged, tenant, user)


def _app_roles(who: Subject, question: Question, judged: Judgement) -> Iterator[Obstacle]:
    call = question.call
    if call.method == "GET":
        return
    for need in app_requirements():
        used = [name for name in judged.granted_by if need.permissions.fullmatch(name)]
        if need.resource == GRAPH and used and not _has_one(who, need):
            yield _app_role(who, question, need, used[0])
            return
    touched = sorted(name for name in call.body if name.lower() in SENSITIVE)
    is_user = judged.template is not None and judged.template.lower() == "/users/{id}"
    if is_user and judged.granted_by and (touched or call.method == "DELETE"):
        what = f"Changing {touched[0]}" if touched else "Deleting users"
        reason = f"{what} app-only reaches ordinary users; for people who hold an admin role {who.name} needs a higher directory role."
        yield Obstacle("directory-role-missing", "possible", reason, 403, "Authorization_RequestDenied")


def _has_one(who: Subject, need: AppRequirement) -> bool:
    return any(template in need.roles.values() for template, _, _ in who.directory_roles or ())


def _app_role(who: Subject, question: Question, need: AppRequirement, permission: str) -> Obstacle:
    unread = " (its directory roles could not be read)" if who.directory_roles is None else ""
    reason = f"{who.name} holds {permission} for {question.call.text} and no directory role such as {need.grant}{unread}: {need.why}."
    status = need.http_status or 403
    fix = (
        f"Assign the directory role {need.grant} to the service principal of {who.name}, if it must reach such people."
    )
    return Obstacle("directory-role-missing", "possible", reason, status, need.error_code, fix=fix)


def _whose_object(who: Subject, question: Question, judged: Judgement, user: Any | None) -> Iterator[Obstacle]:
    """Calls where the id means the signed-in user, or what others share with that user."""
    template = judged.template or ""
    whens = {one.when for one in overlay.load().conditions_of(question.call.method, template, "delegated")}
    if not whens & {"self", "shared"} or (mine := is_own(question, user)) is True:
        return
    text = question.call.text
    if "self" in whens:
        mail = any(f"/{part}" in template.lower() for part in _APP_ONLY_MAIL)
        certainty: Certainty = "likely" if mine is False and question.users else "possible"
        reason = f"With a signed-in user {text} reaches that user's own data alone, whatever role the user holds; others' take an app-only token."
        checks = ("application-only-api", "user-privilege") if mail else ("user-privilege", "application-only-api")
        status, code = refusal(question.call.path, empty=False)
        for check in checks:
            yield Obstacle(
                check,
                certainty,
                reason,
                status,
                code,
                fix="Call /me for the user's own data, or use an application permission.",
            )
        return
    reason = f"With a signed-in user {text} reaches another mailbox only as far as it is shared with that user and the permission is a .Shared one."
    needs = _shared_twins(judged.granted_by)
    lacks = needs and not any(".Shared" in name for name in judged.granted_by)
    for check in (*(("permission-missing",) if lacks else ()), "user-privilege", "application-only-api"):
        yield Obstacle(
            check, "possible", reason, 403, "ErrorAccessDenied", needs if check == "permission-missing" else ()
        )


def _shared_twins(names: Iterable[str]) -> tuple[str, ...]:
    """``Calendars.Read.Shared`` of ``Calendars.Read``, where there is one."""
    known = catalog.load()
    return tuple(twin for name in names if known.permission(twin := f"{name}.Shared") is not None)


def _user_roles(question: Question, template: str, tenant: Tenant, user: Any | None) -> Iterator[Obstacle]:
    """Directory roles of the signed-in user, and what guests are refused."""
    call = question.call
    rule = user_call_rule(call.method, template, call.body | call.query)
    roles = user.directory_roles if user is not None and flag(user.found) is not False else None
    if rule is None:
        yield from _of_guests(question, template, tenant, user, bool(roles))
    elif roles is None or not any(one in rule.roles.values() for one in roles):
        yield from _without_role(question, rule, tenant, user, roles)


def _of_guests(
    question: Question, template: str, tenant: Tenant, user: Any | None, has_roles: bool
) -> Iterator[Obstacle]:
    own = is_own(question, user)
    level = guest_level(tenant.consent.guest_user_role_id) or "limited"
    if user is None or user.user_type != "Guest" or has_roles or own is True:
        return
    denied = guest_rule(question.call.method, template, level)
    if denied is None and USER.match(question.call.path) and service_of(question.call.path) != "directory":
        status, code = refusal(question.call.path, empty=False)
        reason = f"{_name(user)} is a guest, and {question.call.text} is about what another person of the tenant owns."
        yield Obstacle("user-privilege", "possible", reason, status, code)
    if denied is not None:
        # Reports differ on what guests with Microsoft's default setting may list.
        restricted = level == "restricted" and own is False
        certainty: Certainty = denied.certainty if restricted else "possible"
        status, code = refusal(question.call.path, empty=False)
        reason = f"{_name(user)} is a guest, and {question.call.text} is refused to guests: {denied.why}"
        yield Obstacle("user-privilege", certainty, reason, status, code, fix="Let a member of the tenant sign in.")


def _writes_somebody(call: Call) -> bool:
    """Changing or deleting a user: one's own profile is the smaller part of that."""
    return call.method != "GET" and USER.match(call.path) is not None


_NOT_FOR_PEOPLE = ("Directory Synchronization", "Partner ", "On Premises Directory")
"""Roles of services and of Microsoft's partners: enough, and nothing to give to somebody."""


def _without_role(
    question: Question, rule: UserCallRule, tenant: Tenant, user: Any | None, roles: Any | None
) -> Iterator[Obstacle]:
    call = question.call
    guest = user is not None and user.user_type == "Guest"
    taken = rule.setting is not None and (tenant.consent.user_permissions or {}).get(rule.setting) is False
    own = rule.members == "own" and not taken
    status, code = refusal(call.path, empty=False)
    fit = [name for name in rule.roles if name != "Global Administrator" and not name.startswith(_NOT_FOR_PEOPLE)]
    needed = listed(fit[:3] or ["Global Administrator"])
    fix = f"Let a user sign in who holds one of these directory roles: {', '.join(rule.roles)}."
    why = rule.why.rstrip(".")
    if roles is None:
        if own and not _writes_somebody(call):
            return
        reason = f"{call.text} also needs a directory role of the signed-in user, such as {needed}: {why}."
        yield Obstacle("user-privilege", "possible", reason, status, code, fix=fix)
        return
    name = _name(user)
    scoped = set(user.scoped_roles or ()) & set(rule.roles.values()) if user is not None else set()
    if scoped:
        reason = f"{name} holds a directory role for {call.text} over a part of the directory only; objects outside it are refused."
        yield Obstacle("user-privilege", "possible", reason, status, code, fix=fix)
        return
    certainty: Certainty = rule.certainty
    custom = any(one not in role_templates().values() for one in roles)
    if custom or (own and not (guest and rule.guests == "refused")):
        certainty = "possible"
    held = "none of the directory roles that are enough" if roles else "no directory role"
    but = " (objects of one's own excepted)" if own else ""
    maybe = "; a custom role it holds may give the same right" if custom else ""
    reason = f"{name} holds {held} for {call.text}{but}, such as {needed}: {why}{maybe}."
    yield Obstacle("user-privilege", certainty, reason, status, code, fix=fix)


def _name(user: Any | None) -> str:
    if user is None:
        return "The signed-in user"
    return str(user.user_principal_name if isinstance(user.user_principal_name, str) else user.asked)


def _licences(question: Question, judged: Judgement, tenant: Tenant, user: Any | None) -> Iterator[Obstacle]:
    call = question.call
    opening = judged.granted_by or tuple(way.permission for way in judged.ways[:1])
    for licence in needed_by(call.method, judged.template or call.path, call.query | call.body, opening):
        if tenant.is_read(SKUS) and (lack := _tenant_lacks(licence, tenant)) is not None:
            reason = f"{call.text} needs {licence.name}, and {lack}."
            fix = f"Buy or activate {licence.name} for this tenant."
            certainty: Certainty = "likely" if licence.certainty == "likely" else "possible"
            yield Obstacle("license-missing", certainty, reason, licence.http_status, licence.error_code, fix=fix)
        elif licence.per_user and _user_lacks(licence, question, user):
            reason = f"{call.text} needs {licence.name}, and {_name(user)} has no licence with it."
            if shared := _may_be_shared(call, user):
                reason = f"{reason.rstrip('.')}, unless it is the mailbox of a team or a room, which needs none."
            fix = f"Assign a licence with {licence.name} to {_name(user)}."
            yield Obstacle(
                "license-missing",
                "possible" if shared else "likely",
                reason,
                licence.http_status,
                licence.error_code,
                fix=fix,
            )


def _tenant_lacks(licence: Licence, tenant: Tenant) -> str | None:
    """What the subscriptions show instead of an active plan; None where one is there, or may be."""
    plans = tenant.service_plans
    inactive = False
    for plan in plans[["service_plan_id", "service_plan", "active"]].itertuples(index=False):
        row: Any = plan
        plan_id, plan_name = str(row.service_plan_id), row.service_plan if isinstance(row.service_plan, str) else ""
        if licence.is_met_by(plan_id, plan_name):
            if row.active:
                return None
            inactive = True
        elif row.active and licence.may_be_met_by(plan_name):
            return None
    return "the tenant's subscription for it is not active" if inactive else "no subscription of this tenant carries it"


def _may_be_shared(call: Call, user: Any | None) -> bool:
    """Whether it may be a shared mailbox or a room: mailboxes without licence, whose accounts are disabled.

    https://learn.microsoft.com/microsoft-365/admin/email/about-shared-mailboxes
    """
    return user is not None and flag(user.enabled) is False and service_of(call.path) == "exchange"


def _user_lacks(licence: Licence, question: Question, user: Any | None) -> bool:
    """Whether the user whose object it is was read and holds no plan that is enough."""
    if user is None or flag(user.found) is not True or flag(user.licensed) is None:
        return False
    if question.flow == "delegated" and is_own(question, user) is not True:
        return False
    if question.flow == "app-only" and not USER.match(question.call.path):
        return False
    ids, names = tuple(user.service_plans or ()), tuple(user.service_plan_names or ())
    pairs = [(one, "") for one in ids] + [("", one) for one in names]
    return not any(licence.is_met_by(one, name) or (name and licence.may_be_met_by(name)) for one, name in pairs)
