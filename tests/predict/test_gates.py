"""Stage 5 of a request: second systems behind a permission that the token carries. What they decided cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from auditor.emulator.build import TenantBuilder
from auditor.predict.verdict import Flow
from tests.predict.asking import WEB, ask, names_both

D, A = "delegated", "application"


@pytest.mark.parametrize(
    ("call", "permissions", "status", "code", "says"),
    [
        ("GET /users/{id}/messages", ["Mail.Read"], 403, "ErrorAccessDenied", "subject to Exchange application access policies and RBAC for Applications: "),
        ("POST /users/{id}/sendMail", ["Mail.Send"], 403, "ErrorAccessDenied", "Exchange administrator"),
        ("GET /users/{id}/calendarView", ["Calendars.Read"], 403, "ErrorAccessDenied", "Exchange administrator"),
        ("GET /users/{id}/onlineMeetings/{id}", ["OnlineMeetings.Read.All"], 403, "Forbidden",
         "subject to the Teams application access policy: "),
        ("GET /teams/{id}/channels/{id}/messages", ["ChannelMessage.Read.All"], 402, None,
         "subject to the conditions of the Teams messages APIs: "),
        ("PATCH /applications/{id}", ["Application.ReadWrite.OwnedBy"], 403, "Authorization_RequestDenied", "owns alone"),
        ("POST /applications/{id}/addPassword", ["Application.ReadWrite.OwnedBy"], 403, "Authorization_RequestDenied",
         "owns alone"),
    ],
)  # fmt: skip
def test_behind_a_second_system(
    call: str, permissions: Sequence[str], status: int, code: str | None, says: str
) -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Nightly job", requests=[(one, A) for one in permissions]))
    answer = ask(builder.data, app, call)
    assert (answer.verdict, answer.check) == ("depends", "workload-policy"), answer.reason
    assert (answer.http_status, answer.error_code) == (status, code)
    assert answer.granted_by == tuple(permissions)
    assert answer.needs == ()
    assert says in answer.reason
    assert names_both(answer, app, call)


def test_imports_into_teams() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Importer", requests=[("Teamwork.Migrate.All", A)]))
    answer = ask(builder.data, app, "POST /teams/{id}/channels/{id}/messages")
    assert (answer.verdict, answer.check, answer.also) == ("depends", "delegated-only-api", ("workload-policy",))
    assert (answer.http_status, answer.error_code) == (401, "Unauthorized")
    assert "migration mode" in answer.reason


@pytest.mark.parametrize(
    ("call", "permissions", "flow"),
    [
        ("GET /me/messages", ["Mail.Read"], "delegated"),
        ("POST /applications", ["Application.ReadWrite.OwnedBy"], "app-only"),
        ("PATCH /applications/{id}", ["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"], "app-only"),
        ("GET /applications", ["Application.ReadWrite.OwnedBy"], "app-only"),
        ("GET /sites/{id}", ["Sites.Selected", "Sites.Read.All"], "app-only"),
        ("GET /teams/{id}/channels/{id}/messages", ["ChannelMessage.Read.All"], "delegated"),
    ],
)
def test_past_them(call: str, permissions: Sequence[str], flow: Flow) -> None:
    """Delegated calls, new objects, and wider permissions that no gate stands before."""
    builder = TenantBuilder()
    kind = A if flow == "app-only" else D
    app = builder.consent(builder.app("Worker", web=WEB, requests=[(one, kind) for one in permissions]))
    answer = ask(builder.data, app, call, flow)
    assert (answer.verdict, answer.check) == ("allowed", None), answer.reason
    assert set(answer.granted_by) <= set(permissions)


def test_no_gate_without_a_permission() -> None:
    """What the token does not carry is told as missing, not as gated."""
    builder = TenantBuilder()
    app = builder.app("Nightly job", requests=[("OnlineMeetings.Read.All", A)])
    answer = ask(builder.data, app, "GET /users/{id}/onlineMeetings/{id}")
    assert (answer.verdict, answer.check) == ("denied", "consent-missing")
    assert "workload-policy" not in answer.also
