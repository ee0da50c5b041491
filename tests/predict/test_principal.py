"""Stage 4 of a request: what the caller's own rights and licences put in the way, once Graph has accepted the token."""

from __future__ import annotations

import pytest

from auditor.emulator.build import App, TenantBuilder
from auditor.tenant.tables import Tenant
from tests.predict.asking import WEB, ask, names_both, told
from tests.support import load_tenant

D, A = "delegated", "application"
DIRECTORY = "Authorization_RequestDenied"
PEOPLE = ("Member", "Admin", "Global", "Scoped", "Custom", "Guest", "Guest Admin")
GUESTS = ("Guest", "Guest Admin")
TOOL = ("User.ReadWrite.All", "Group.Read.All", "Policy.Read.All", "AuditLog.Read.All", "User.Read", "Mail.Read")


def upn(builder: TenantBuilder, name: str) -> str:
    return builder.principal_name(name, guest=name in GUESTS)


def custom_role(builder: TenantBuilder) -> str:
    role = builder.guid("custom role")
    first = builder.data["roleDefinitions"][0]
    builder.data["roleDefinitions"].append(
        {**first, "id": role, "templateId": role, "displayName": "Policy readers", "isBuiltIn": False}
    )
    return role


@pytest.fixture(scope="module")
def world() -> tuple[Tenant, App, TenantBuilder]:
    builder = TenantBuilder()
    builder.user("Member")
    builder.user("Admin", roles=["User Administrator"])
    builder.user("Global", roles=["Global Administrator"])
    builder.user("Scoped", scoped_roles=["User Administrator"])
    builder.user("Custom", roles=[custom_role(builder)])
    builder.user("Guest", guest=True)
    builder.user("Guest Admin", guest=True, roles=["User Administrator"])
    app = builder.consent(builder.app("Admin tool", web=WEB, requests=[(one, D) for one in TOOL]))
    return load_tenant(builder.data, users=[upn(builder, name) for name in PEOPLE]), app, builder


@pytest.mark.parametrize(
    ("call", "verdicts"),
    [
        ("POST /users", "denied allowed allowed depends depends denied allowed"),
        ("GET /identity/conditionalAccess/policies", "denied denied allowed denied depends denied denied"),
        ("GET /auditLogs/signIns", "denied denied allowed denied depends denied denied"),
        ("PATCH /users/{id}", "depends allowed allowed depends depends depends allowed"),
        ("GET /users", "allowed allowed allowed allowed allowed depends allowed"),
        ("GET /groups", "allowed allowed allowed allowed allowed depends allowed"),
        ("GET /me", "allowed allowed allowed allowed allowed allowed allowed"),
        ("GET /me/messages", "allowed allowed allowed allowed allowed allowed allowed"),
    ],
)
def test_roles_of_the_signed_in_user(world: tuple[Tenant, App, TenantBuilder], call: str, verdicts: str) -> None:
    """A delegated permission gives no more than the user may do; custom and scoped roles leave it open."""
    tenant, app, builder = world
    for name, verdict in zip(PEOPLE, verdicts.split(), strict=True):
        who = upn(builder, name)
        answer = ask(tenant, app, call, "delegated", (who,))
        assert answer.verdict == verdict, f"{name}: {answer.reason}"
        if verdict == "allowed":
            continue
        assert answer.check == "user-privilege"
        assert answer.http_status == 403
        assert who.lower() in answer.reason.lower()
        assert call in answer.reason
        assert answer.granted_by, "the permission is not what is missing"
        assert answer.needs == ()
        assert ("custom role" in answer.reason) is (name == "Custom")
        assert ("part of the directory" in answer.reason) is (name == "Scoped" and verdict == "depends")


def test_it_depends_on_who_signs_in(world: tuple[Tenant, App, TenantBuilder]) -> None:
    tenant, app, _ = world
    answer = ask(tenant, app, "POST /users", "delegated")
    assert told(answer) == ("depends", "user-privilege", 403, DIRECTORY)
    assert "User Administrator" in answer.reason
    assert ask(tenant, app, "GET /users", "delegated").verdict == "allowed"


def test_roles_that_were_not_read(world: tuple[Tenant, App, TenantBuilder]) -> None:
    """Without the source of users, a role-bound call is neither denied nor allowed."""
    _, app, builder = world
    tenant = load_tenant(builder.data)
    answer = ask(tenant, app, "POST /users", "delegated", (upn(builder, "Member"),))
    assert (answer.verdict, answer.check) == ("depends", "user-privilege")
    told_too = ask(tenant, app, "GET /users", "delegated", (upn(builder, "Member"),))
    assert told_too.verdict == "allowed"
    assert "not read" in told_too.reason


@pytest.mark.parametrize(
    ("call", "permission", "check", "code"),
    [
        ("GET /users/{id}/messages", "Mail.Read", "permission-missing", "ErrorAccessDenied"),
        ("GET /users/{id}/mailboxSettings", "MailboxSettings.Read", "application-only-api", "ErrorAccessDenied"),
        ("GET /users/{id}/todo/lists", "Tasks.Read", "user-privilege", None),
    ],
)
def test_data_of_other_people(call: str, permission: str, check: str, code: str | None) -> None:
    """With a signed-in user the id means that user, or what is shared with the user; no role helps."""
    builder = TenantBuilder()
    builder.user("Member")
    builder.user("Other", roles=["Global Administrator"])
    member, other = upn(builder, "Member"), upn(builder, "Other")
    app = builder.consent(builder.app("Reader", web=WEB, requests=[(permission, D)]))
    tenant = load_tenant(builder.data, users=[member, other])
    open_ = ask(tenant, app, call, "delegated")
    assert (open_.verdict, open_.check, open_.error_code) == ("depends", check, code), open_.reason
    own = ask(tenant, app, call.replace("{id}", member), "delegated", (member,))
    assert (own.verdict, own.check) == ("allowed", None), own.reason
    strange = ask(tenant, app, call.replace("{id}", member), "delegated", (other,))
    assert strange.check == check
    assert strange.verdict == ("depends" if "messages" in call else "denied")


@pytest.mark.parametrize("permission", ["User.Read", "User.ReadBasic.All"])
def test_the_profile_of_another_person(permission: str) -> None:
    """User.Read reads one's own profile, by whatever address; others take User.ReadBasic.All."""
    builder = TenantBuilder()
    own_id = builder.user("Member")
    member, other = upn(builder, "Member"), "other@contoso.onmicrosoft.com"
    app = builder.consent(builder.app("Portal", web=WEB, requests=[(permission, D)]))
    tenant = load_tenant(builder.data, users=[member])
    unread = load_tenant(builder.data)
    wide = permission != "User.Read"
    for held, call, users, verdict in (
        (tenant, f"GET /users/{member}", (member,), "allowed"),
        (tenant, f"GET /users/{own_id}", (member,), "allowed"),
        (tenant, f"GET /users/{other}", (member,), "denied"),
        (unread, f"GET /users/{own_id}", (member,), "depends"),
        (tenant, "GET /users/{id}", (), "depends"),
    ):
        answer = ask(held, app, call, "delegated", users)
        assert answer.verdict == ("allowed" if wide else verdict), answer.reason
        if answer.verdict != "allowed":
            assert told(answer)[1:] == ("permission-missing", 403, DIRECTORY)
            assert answer.needs[0] == "User.ReadBasic.All"
            assert names_both(answer, app, call)


@pytest.mark.parametrize(
    ("call", "permission", "role", "verdict"),
    [
        ("PATCH /users/{id} {passwordProfile}", "User-PasswordProfile.ReadWrite.All", None, "depends"),
        ("PATCH /users/{id} {passwordProfile}", "User-PasswordProfile.ReadWrite.All", "User Administrator", "depends"),
        ("PATCH /users/{id} {accountEnabled}", "User.ReadWrite.All", None, "depends"),
        ("DELETE /users/{id}", "User.ReadWrite.All", None, "depends"),
        ("PATCH /users/{id} {displayName}", "User.ReadWrite.All", None, "allowed"),
        ("GET /users/{id}", "User.ReadWrite.All", None, "allowed"),
    ],
)
def test_directory_roles_of_an_app(call: str, permission: str, role: str | None, verdict: str) -> None:
    """App-only changes of people who hold an admin role need a higher role; ordinary people do not."""
    builder = TenantBuilder()
    app = builder.consent(builder.app("Provisioner", requests=[(permission, A)]))
    if role:
        builder.directory_role(app, role)
    answer = ask(builder.data, app, call)
    assert answer.verdict == verdict, answer.reason
    if verdict == "depends":
        assert (answer.check, answer.http_status, answer.error_code) == ("directory-role-missing", 403, DIRECTORY)
        assert "Provisioner" in answer.reason


@pytest.mark.parametrize(
    ("plans", "enabled", "verdict"),
    [
        (None, True, "depends"),
        ((), True, "denied"),
        ((), False, "depends"),
        (("EXCHANGE_S_STANDARD",), True, "depends"),
    ],
)
def test_the_mailbox_of_a_user(plans: tuple[str, ...] | None, enabled: bool, verdict: str) -> None:
    """No licence, no mailbox; a disabled account without one may be a shared mailbox or a room."""
    builder = TenantBuilder()
    builder.user("Sales", plans=plans, enabled=enabled)
    app = builder.consent(builder.app("Sender", requests=[("Mail.Send", A)]))
    answer = ask(builder.data, app, "POST /users/{id}/sendMail", users=(upn(builder, "Sales"),))
    assert answer.verdict == verdict, answer.reason
    if plans == ():
        assert (answer.check, answer.http_status) == ("license-missing", 404)
        assert answer.error_code == "MailboxNotEnabledForRESTAPI"
        assert upn(builder, "Sales") in answer.reason
        assert ("team or a room" in answer.reason) is not enabled
    else:
        assert answer.check == "workload-policy"


@pytest.mark.parametrize(
    ("licensed", "read", "verdict"), [(True, True, "allowed"), (False, True, "denied"), (False, False, "allowed")]
)
def test_licences_of_the_tenant(licensed: bool, read: bool, verdict: str) -> None:
    builder = TenantBuilder()
    if not licensed:
        builder.remove_licences()
    app = builder.consent(builder.app("Reporter", requests=[("AuditLog.Read.All", A)]))
    tenant = load_tenant(builder.data, unread=() if read else ("subscribedSkus",))
    answer = ask(tenant, app, "GET /auditLogs/signIns")
    assert answer.verdict == verdict, answer.reason
    if verdict == "denied":
        assert told(answer)[1:] == ("license-missing", 403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
        assert names_both(answer, app, "GET /auditLogs/signIns") or "GET /auditLogs/signIns" in answer.reason
        assert ask(tenant, app, "GET /auditLogs/directoryAudits").verdict == "allowed", "it needs no licence"
    elif not read:
        assert "not read" in answer.reason
