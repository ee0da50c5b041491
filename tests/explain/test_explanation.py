"""Token, answer and call together: which cause wins, and what is never blamed on the configuration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.explain.case import Given
from auditor.explain.error import read_error
from auditor.explain.explanation import explain
from auditor.explain.finding import Explanation
from auditor.explain.token import read_token
from auditor.predict.call import parse_call
from tests.explain.tokens import CONSUMERS, NOW, app_only, delegated

LONG_AGO = int(NOW.timestamp()) - 7200
GROUPS_ADMIN = "fdd7a751-b60b-444a-984c-02652fe8fa1c"
DENIED = "Authorization_RequestDenied"
EXPIRED = "Lifetime validation failed, the token is expired."


def why(token: str | None = None, error: Any = None, call: str | None = None) -> Explanation:
    """What is explained; an error is (status, code, message)."""
    answer = None
    if error is not None:
        status, code, message = error
        answer = read_error(f"HTTP/1.1 {status} x\r\n\r\n" + json.dumps({"error": {"code": code, "message": message}}))
    return explain(
        Given(
            NOW,
            read_token(token) if token is not None else None,
            answer,
            parse_call(call) if call is not None else None,
        )
    )


REFUSED = (403, DENIED, "Insufficient privileges to complete the operation.")


@pytest.mark.parametrize(
    ("token", "error", "call", "cause"),
    [
        # Token and call.
        (app_only("Mail.Read"), None, "GET /users", "permission-missing"),
        (app_only(), None, "GET /users", "permission-missing"),
        (delegated("User.Read"), None, "GET /users", "permission-missing"),
        (app_only("User.Read.All"), None, "GET /me", "delegated-only-api"),
        (app_only("Directory.ReadWrite.All"), None, "POST /me/changePassword", "delegated-only-api"),
        (delegated("User.Read", tid=CONSUMERS), None, "GET /auditLogs/signIns", "personal-account"),
        (app_only("User.Read.All", aud="https://graph.windows.net"), None, "GET /users", "wrong-resource"),
        (app_only("User.Read.All", exp=LONG_AGO), None, "GET /users", "token-invalid"),
        # The answer decides where it says something.
        (app_only("User.Read.All"), (429, "TooManyRequests", "x"), "GET /users", None),
        (app_only("Mail.Read"), (403, "Directory_QuotaExceeded", "x"), "POST /users", None),
        (app_only("Mail.Read"), (403, "ErrorAccessDenied", "Access to OData is disabled."), "GET /users/{id}/messages", "workload-policy"),
        (app_only("Mail.Read"), (404, "MailboxNotEnabledForRESTAPI", "x"), "GET /users/{id}/messages", "license-missing"),
        # A refusal that names nothing: the token and the call decide.
        (app_only("Mail.Read"), REFUSED, "GET /users", "permission-missing"),
        (app_only("Mail.Read", exp=LONG_AGO), REFUSED, "GET /users", "permission-missing"),  # it expired since
        (app_only("User.Read.All", aud="api://own"), REFUSED, "GET /users", "wrong-resource"),
        (app_only("User.Read.All"), REFUSED, "GET /users", None),  # another, older token was sent
        (app_only("User.ReadWrite.All"), REFUSED, "PATCH /users/{id} {passwordProfile}", "directory-role-missing"),
        (delegated("User.ReadWrite.All"), REFUSED, "PATCH /users/{id} {passwordProfile}", "permission-missing"),
        (delegated("Group.ReadWrite.All", "User.Read.All"), REFUSED, "GET /auditLogs/directoryAudits", "permission-missing"),
        (delegated("AuditLog.Read.All"), REFUSED, "GET /auditLogs/directoryAudits", "user-privilege"),
        (delegated("Mail.Read"), (403, "ErrorAccessDenied", "x"), "GET /users/{id}/mailFolders/inbox/messageRules", "permission-missing"),
        (delegated("MailboxSettings.Read"), (403, "ErrorAccessDenied", "x"), "GET /users/{id}/mailFolders/inbox/messageRules", "application-only-api"),
        (app_only("RoleEligibilitySchedule.Read.Directory"), (403, "x", "y"), "GET /roleManagement/directory/roleEligibilitySchedules", "license-missing"),
        (delegated("User.Read"), REFUSED, "GET /me", None),  # nobody lacks the right to read oneself
        (delegated("Mail.Read"), (403, "x", "y"), "GET /me/messages", "license-missing"),
        (app_only("Directory.ReadWrite.All"), (403, "x", "y"), "GET /users", "directory-role-missing"),
        (app_only("User.Read.All", oid=None), (401, "Authorization_IdentityNotFound", "x"), "GET /users", "sign-in-blocked"),
        # The token was not accepted.
        (app_only("User.Read.All", exp=LONG_AGO), (401, "InvalidAuthenticationToken", EXPIRED), "GET /users", "token-invalid"),
        (app_only("User.Read.All"), (401, "InvalidAuthenticationToken", EXPIRED), "GET /users", "token-invalid"),
        (delegated("x", aud="api://own"), (401, "InvalidAuthenticationToken", "Invalid audience."), None, "wrong-resource"),
        (delegated("x", aud="api://own"), (401, "InvalidAuthenticationToken", "CompactToken parsing failed"), None, "wrong-resource"),
        (delegated("User.Read", tid=CONSUMERS), (405, "Request_BadRequest", "Method not allowed"), "POST /applications", "personal-account"),
        (delegated("User.Read", tid=CONSUMERS), (401, "", ""), "GET /users", "personal-account"),
        # Less was given.
        (None, REFUSED, "GET /users", "permission-missing"),
        (None, (401, "InvalidAuthenticationToken", EXPIRED), None, "token-invalid"),
        (app_only("User.Read.All"), None, None, None),
        (None, None, "GET /users", None),
        (None, None, "GET https://graph.windows.net/contoso/users", "wrong-resource"),
    ],
)  # fmt: skip
def test_the_cause(token: str | None, error: Any, call: str | None, cause: str | None) -> None:
    found = why(token, error, call)
    assert found.cause == cause, found.text
    assert found.text.endswith(".")
    assert found.cause not in found.also


def test_nothing_wrong_is_an_answer_too() -> None:
    fine = why(app_only("User.Read.All"), None, "GET /users")
    assert (fine.cause, fine.certainty, fine.not_configuration) == (None, None, False)
    assert "User.Read.All" in fine.text


def test_what_only_looks_like_permissions_is_not_blamed_on_them() -> None:
    for error in ((429, "TooManyRequests", "x"), (403, "Directory_QuotaExceeded", "x"), (503, "x", "y")):
        found = why(app_only("Mail.Read"), error, "GET /users")
        assert found.not_configuration, error
        assert found.cause is None
    assert why(app_only("User.Read.All"), REFUSED, "GET /users").not_configuration


def test_a_token_that_is_in_order_was_not_the_one_that_was_refused() -> None:
    found = why(app_only("User.Read.All"), (401, "InvalidAuthenticationToken", EXPIRED), "GET /users")
    assert found.cause == "token-invalid"
    assert any("another one was sent" in detail for detail in found.details)


def test_what_has_expired_since_is_said_and_not_blamed() -> None:
    found = why(app_only("Mail.Read", exp=LONG_AGO), REFUSED, "GET /users")
    assert (found.cause, found.certainty) == ("permission-missing", "certain")
    assert any("after the answer" in detail for detail in found.details)


def test_what_the_call_needs_comes_least_privileged_first() -> None:
    found = why(app_only("Mail.Read"), REFUSED, "GET /groups")
    assert found.needs[0] in found.text
    assert "Mail.Read" in found.text
    assert "Group" in found.needs[0]
    assert {"consent-missing", "permission-type-mismatch"} <= set(found.also)


def test_the_permissions_an_answer_names_are_held_against_the_token() -> None:
    message = "Missing role permissions on the request. API requires one of 'Team.ReadBasic.All, Group.Read.All'. Roles on the request 'Mail.Read'."
    lacks = why(app_only("Mail.Read"), (403, "Forbidden", message), None)
    assert (lacks.cause, lacks.certainty) == ("permission-missing", "certain")
    assert lacks.needs == ("Team.ReadBasic.All", "Group.Read.All")
    has = why(app_only("Mail.Read", "Group.Read.All"), (403, "Forbidden", message), None)
    assert (has.cause, has.not_configuration) == (None, True)


def test_a_directory_role_of_the_user_counts() -> None:
    call = "POST /groups {isAssignableToRole}"
    without = why(delegated("Group.ReadWrite.All", "RoleManagement.ReadWrite.Directory"), REFUSED, call)
    assert without.cause == "user-privilege"
    with_role = why(
        delegated(
            "Group.ReadWrite.All", "RoleManagement.ReadWrite.Directory", wids=["e8611ab8-c189-46e8-94e1-60213ab1f814"]
        ),
        None,
        call,
    )
    assert with_role.cause is None


def test_a_call_alone_is_told_what_it_needs() -> None:
    found = why(None, None, "GET /users")
    assert found.certainty is None
    assert "delegated" in found.text
    assert "application" in found.text


def test_the_document_has_its_keys() -> None:
    document = why(app_only("Mail.Read"), REFUSED, "GET /users").to_json()
    assert list(document) == [
        "cause", "certainty", "not_configuration", "summary", "details", "what_to_do", "needs", "also", "evidence",
        "token", "error", "call", "tenant", "prediction",
    ]  # fmt: skip
    assert document["token"]["roles"] == ["Mail.Read"]
    assert document["error"]["http_status"] == 403
    assert document["call"] == "GET /users"
    assert document["tenant"] is document["prediction"] is None
    json.dumps(document)
