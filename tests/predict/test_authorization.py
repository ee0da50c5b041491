"""Stage 3 of a request: token type against call, lists and fields, ``/me``, subscriptions, and calls that no data covers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from auditor.emulator.build import App, TenantBuilder
from auditor.predict.verdict import Flow, Prediction
from tests.predict.asking import WEB, ask, names_both, told
from tests.support import load_tenant

D, A = "delegated", "application"


def holding(*permissions: str, kind: str = A) -> tuple[TenantBuilder, App]:
    builder = TenantBuilder()
    requests = [(permission, kind) for permission in permissions]
    return builder, builder.consent(builder.app("Holder", web=WEB, requests=requests))


def asked(call: str, flow: Flow, permissions: Sequence[str]) -> Prediction:
    builder, app = holding(*permissions, kind=A if flow == "app-only" else D)
    answer = ask(builder.data, app, call, flow)
    if answer.verdict != "allowed" and "subscriptions" not in call:
        assert names_both(answer, app, call) or answer.verdict == "unknown", answer.reason
    return answer


@pytest.mark.parametrize("call", ["GET /me", "GET /me/messages", "POST /me/sendMail", "GET /ME/drive", "beta:GET /me"])
def test_me_without_a_user(call: str) -> None:
    answer = asked(call, "app-only", ["User.Read.All", "Mail.Read", "Mail.Send", "Files.Read.All"])
    assert told(answer) == ("denied", "delegated-only-api", 400, "BadRequest")
    assert "/users/{id}" in answer.fix


@pytest.mark.parametrize(
    ("call", "flow", "check", "status"),
    [
        (
            "POST /users/{id}/authentication/methods/28c10230-6103-485e-b985-444c60001490/resetPassword",
            "app-only",
            "delegated-only-api",
            403,
        ),
        ("GET /users/{id}/onenote/notebooks", "app-only", "delegated-only-api", 403),
        ("GET /print/printers", "app-only", "delegated-only-api", 403),
        ("GET /communications/callRecords/{id}", "delegated", "application-only-api", 403),
        ("GET /users/{id}/onenote/notebooks", "delegated", "permission-missing", 403),
    ],
)
def test_calls_of_one_type_of_token(call: str, flow: Flow, check: str, status: int) -> None:
    answer = asked(call, flow, ["User.ReadWrite.All"])
    assert told(answer)[:3] == ("denied", check, status), answer.reason
    assert answer.fix


@pytest.mark.parametrize(
    ("call", "permissions", "verdict", "first_need"),
    [
        ("POST /identity/conditionalAccess/policies", ["Policy.ReadWrite.ConditionalAccess"], "denied",
         "Policy.ReadWrite.ConditionalAccess + Policy.Read.All"),
        ("POST /identity/conditionalAccess/policies", ["Policy.ReadWrite.ConditionalAccess", "Policy.Read.All"],
         "depends", "Application.Read.All"),
        ("POST /identity/conditionalAccess/policies {includeApplications}",
         ["Policy.ReadWrite.ConditionalAccess", "Policy.Read.All"], "denied", "Application.Read.All"),
        ("POST /identity/conditionalAccess/policies",
         ["Policy.ReadWrite.ConditionalAccess", "Policy.Read.All", "Application.Read.All"], "allowed", None),
        ("PATCH /identity/conditionalAccess/policies/{id} {state}",
         ["Policy.ReadWrite.ConditionalAccess", "Policy.Read.All"], "allowed", None),
        ("POST /identity/conditionalAccess/policies", ["Policy.Read.All"], "denied",
         "Policy.ReadWrite.ConditionalAccess + Policy.Read.All"),
        ("POST /servicePrincipals/{id}/appRoleAssignedTo", ["Application.ReadWrite.All"], "denied",
         "AppRoleAssignment.ReadWrite.All + Application.Read.All"),
        ("POST /servicePrincipals/{id}/appRoleAssignedTo",
         ["AppRoleAssignment.ReadWrite.All", "Application.Read.All"], "allowed", None),
        ("POST /groups", ["Group.Create"], "allowed", None),
        ("POST /groups {isAssignableToRole}", ["Group.Create"], "denied", "RoleManagement.ReadWrite.Directory"),
        ("POST /groups {isAssignableToRole}", ["Group.ReadWrite.All", "RoleManagement.ReadWrite.Directory"], "allowed",
         None),
        ("PATCH /users/{id}", ["User.ReadWrite.All"], "allowed", None),
        ("PATCH /users/{id} {passwordProfile}", ["User.ReadWrite.All"], "denied", "User-PasswordProfile.ReadWrite.All"),
        ("PATCH /users/{id} {passwordProfile}", ["User-PasswordProfile.ReadWrite.All"], "depends", None),
        ("GET /users?$select=displayName", ["User.Read.All"], "allowed", None),
        ("GET /users?$select=signInActivity", ["User.Read.All"], "denied", "AuditLog.Read.All"),
        ("GET /users?$select=signInActivity", ["User.Read.All", "AuditLog.Read.All"], "allowed", None),
        ("GET /USERS", ["user.read.all"], "allowed", None),
        ("GET /users('alice@contoso.com')", ["User.Read.All"], "allowed", None),
        ("GET /applications(appId='x')", ["Application.Read.All"], "allowed", None),
        ("GET /groups/{id}/members/$count", ["GroupMember.Read.All"], "allowed", None),
        ("GET /groups/{id}/members/microsoft.graph.user", ["GroupMember.Read.All"], "allowed", None),
        ("GET https://graph.microsoft.us/v1.0/users", ["User.Read.All"], "allowed", None),
        ("beta:GET /users", ["User.Read.All"], "allowed", None),
        ("GET /applicationTemplates", [], "allowed", None),
    ],
)  # fmt: skip
def test_lists_and_fields(call: str, permissions: list[str], verdict: str, first_need: str | None) -> None:
    names = [one if one[0].isupper() else "User.Read.All" for one in permissions]
    answer = asked(call, "app-only", names)
    assert answer.verdict == verdict, answer.reason
    assert (answer.needs[0] if answer.needs else None) == first_need
    assert answer.verdict != "allowed" or answer.check is None


@pytest.mark.parametrize(
    ("call", "flow", "permissions", "verdict", "check"),
    [
        ("POST /subscriptions {resource=me/messages}", "delegated", ["Mail.Read"], "allowed", None),
        ("POST /subscriptions {resource=me/messages}", "delegated", ["User.Read"], "denied", "permission-missing"),
        ("POST /subscriptions {resource=users}", "app-only", ["User.Read.All"], "allowed", None),
        ("POST /subscriptions {resource=users}", "app-only", ["Mail.Read"], "denied", "permission-missing"),
        ("POST /subscriptions {resource=me/messages}", "app-only", ["Mail.Read"], "denied", "delegated-only-api"),
        ("POST /subscriptions", "app-only", ["User.Read.All"], "depends", "permission-missing"),
        ("POST /subscriptions", "app-only", [], "denied", "permission-missing"),
    ],
)
def test_subscriptions(call: str, flow: Flow, permissions: list[str], verdict: str, check: str | None) -> None:
    """The permission of what is subscribed to, in the same type of token."""
    answer = asked(call, flow, permissions)
    assert (answer.verdict, answer.check) == (verdict, check), answer.reason


@pytest.mark.parametrize(
    ("call", "permissions", "verdict"),
    [
        ("POST /search/query {entityTypes=driveItem}", ["Files.Read.All"], "allowed"),
        ("POST /search/query {entityTypes=site}", ["Files.Read.All"], "denied"),
        ("POST /search/query {entityTypes=site}", ["Sites.Read.All"], "allowed"),
        ("POST /search/query {entityTypes=message}", ["Mail.Read"], "denied"),
    ],
)
def test_search_by_what_is_searched(call: str, permissions: list[str], verdict: str) -> None:
    assert asked(call, "app-only", permissions).verdict == verdict


@pytest.mark.parametrize(
    ("call", "permissions"),
    [("GET /me/calendarView", ["Calendars.Read"]), ("GET /me/calendar", ["Calendars.Read"])],
)
def test_me_is_the_signed_in_user(call: str, permissions: list[str]) -> None:
    """What the map has under ``/users/{id}`` alone is there for ``/me`` too."""
    answer = asked(call, "delegated", permissions)
    assert told(answer) == ("allowed", None, None, None), answer.reason
    missing = asked(call, "delegated", ["User.Read"])
    assert told(missing) == ("denied", "permission-missing", 403, "ErrorAccessDenied")
    assert missing.needs[0].startswith("Calendars.Read")


def test_an_alias_in_the_directory_is_open_to_doubt() -> None:
    """Of one's own objects less may be enough than the map lists for those of others."""
    answer = asked("GET /me/appRoleAssignments", "delegated", ["User.Read"])
    assert (answer.verdict, answer.check) == ("depends", "permission-missing")


@pytest.mark.parametrize(
    ("permissions", "verdict"), [(["User.Read.All"], "unknown"), ([], "denied"), (["Mail.Read"], "unknown")]
)
def test_calls_that_no_data_covers(permissions: list[str], verdict: str) -> None:
    """Not denied for it; a token without any permission at all is refused everywhere."""
    answer = asked("GET /somethingNew/{id}/here", "app-only", permissions)
    assert answer.verdict == verdict, answer.reason
    assert (answer.check == "permission-missing") is (verdict == "denied")
    assert "GET /somethingNew/{id}/here" in answer.reason


def test_an_unknown_call_of_an_app_whose_grants_were_not_read() -> None:
    builder, app = holding()
    tenant = load_tenant(builder.data, unread=("servicePrincipals/appRoleAssignedTo",))
    assert ask(tenant, app, "GET /somethingNew").verdict == "unknown"
