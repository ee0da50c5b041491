"""The whole way: which of several causes decides, several users, flows that nobody declared, and what was not read."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator.build import App, TenantBuilder
from auditor.predict.call import parse_call
from auditor.predict.verdict import Flow
from auditor.predict.walk import questions, settle
from tests.predict.asking import WEB, ask, ask_every_flow
from tests.support import COLLECTIONS, load_tenant

D, A = "delegated", "application"
SOURCES = (*COLLECTIONS, "servicePrincipals/appRoleAssignedTo", "applications/federatedIdentityCredentials")


def build(**how: Any) -> tuple[TenantBuilder, App]:
    builder = TenantBuilder()
    return builder, builder.app("Portal", **{"web": WEB, **how})


def test_the_order_of_causes() -> None:
    """Sign-in before consent, consent before roles and licences: each repaired, the next one decides."""
    builder, app = build(enabled=False, secret="@now-3d", requests=[("AuditLog.Read.All", A)])
    builder.remove_licences()
    call = "GET /auditLogs/signIns"
    first = ask(builder.data, app, call)
    assert first.check == "sign-in-blocked"
    assert first.also == ("credential-expired", "consent-missing", "license-missing")
    builder.principal(app)["accountEnabled"] = True
    second = ask(builder.data, app, call)
    assert (second.check, second.also) == ("credential-expired", ("consent-missing", "license-missing"))
    builder.registration(app)["passwordCredentials"][0]["endDateTime"] = "2027-06-01T00:00:00Z"
    third = ask(builder.data, app, call)
    assert (third.check, third.also) == ("consent-missing", ("license-missing",))
    builder.consent(app)
    assert (ask(builder.data, app, call).check, ask(builder.data, app, call).also) == ("license-missing", ())
    builder.licence("SPE_E5")
    assert ask(builder.data, app, call).verdict == "allowed"


def test_what_is_sure_decides_before_what_is_possible() -> None:
    builder, app = build(requests=[("Mail.Read", A)], secret="@now-3d")
    builder.consent(app)
    answer = ask(builder.data, app, "GET /users/{id}/messages")
    assert (answer.verdict, answer.check, answer.also) == ("denied", "credential-expired", ())


def test_several_users_the_worst_counts() -> None:
    builder, app = build(requests=[("User.ReadWrite.All", D)])
    builder.consent(app)
    builder.user("Alice", roles=["User Administrator"])
    builder.user("Bob")
    alice, bob = builder.principal_name("Alice"), builder.principal_name("Bob")
    both = ask(builder.data, app, "POST /users", "delegated", (alice, bob))
    assert (both.verdict, both.check) == ("denied", "user-privilege")
    assert both.reason.startswith(f"For {bob}: ")
    assert alice not in both.reason
    assert ask(builder.data, app, "POST /users", "delegated", (alice,)).verdict == "allowed"
    assert "For " not in ask(builder.data, app, "GET /groups", "delegated", (alice, bob)).reason.split(" ", 1)[0]


@pytest.mark.parametrize(
    ("requests", "how", "call", "expected"),
    [
        # Both flows are in use, one of them is refused: not known which makes the call.
        ([("User.Read", D), ("Mail.Send", A)], {}, "GET /me",
         {"delegated": "allowed", "app-only": "depends"}),
        ([("User.Read", D), ("Mail.Send", A)], {}, "GET /groups",
         {"delegated": "denied", "app-only": "denied"}),
        ([("User.Read", D)], {}, "GET /groups", {"delegated": "denied"}),
        ([("User.Read.All", A)], {"web": ()}, "GET /groups", {"app-only": "denied"}),
        ([("User.Read.All", A)], {"web": ()}, "GET /users", {"app-only": "allowed"}),
    ],
)  # fmt: skip
def test_flows_that_nobody_declared(
    requests: list[tuple[str, str]], how: dict[str, Any], call: str, expected: dict[Flow, str]
) -> None:
    builder, app = build(requests=requests, **how)
    builder.consent(app)
    answers = ask_every_flow(load_tenant(builder.data), app, call)
    assert {answer.flow: answer.verdict for answer in answers} == expected
    softened = [answer for answer in answers if answer.verdict == "depends"]
    assert all(answer.reason.startswith("Only if the app makes this call ") and answer.check for answer in softened)


def test_a_declared_flow_is_not_settled() -> None:
    builder, app = build(requests=[("User.Read", D), ("Mail.Send", A)])
    builder.consent(app)
    tenant = load_tenant(builder.data)
    asked = questions(app.app_id.upper(), [parse_call("GET /me")], flow="app-only", tenant=tenant)
    assert [(one.flow, one.app_id) for one in asked] == [("app-only", app.app_id)]
    assert settle([ask(tenant, app, "GET /me")], "app-only")[0].verdict == "denied"


def test_one_question_for_each_call_and_flow() -> None:
    builder, app = build(requests=[("User.Read", D), ("Mail.Send", A)])
    calls = [parse_call("GET /me"), parse_call("GET /users")]
    asked = questions(app.app_id, calls, flow=None, tenant=load_tenant(builder.data))
    assert [(one.call.text, one.flow) for one in asked] == [
        ("GET /me", "app-only"),
        ("GET /me", "delegated"),
        ("GET /users", "app-only"),
        ("GET /users", "delegated"),
    ]
    personal = questions(app.app_id, calls, flow=None, account="personal", tenant=load_tenant(builder.data))
    assert {one.flow for one in personal} == {"delegated"}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("flow", "call"), [("app-only", "GET /auditLogs/signIns"), ("delegated", "GET /me/messages")])
def test_one_source_that_was_not_read(source: str, flow: Flow, call: str) -> None:
    """Nobody is denied for want of data; what was granted is only allowed where the grants were read."""
    builder, app = build(requests=[("AuditLog.Read.All", A), ("Mail.Read", D)])
    builder.consent(app)
    answer = ask(load_tenant(builder.data, unread=(source,)), app, call, flow)
    assert answer.verdict != "denied", answer.reason
    grants = "oauth2PermissionGrants" if flow == "delegated" else "servicePrincipals/appRoleAssignedTo"
    if source in (grants, "servicePrincipals"):
        assert answer.verdict == "depends"
        assert "could not be read" in answer.reason
    elif source in ("subscribedSkus", "identity/conditionalAccess/policies") and flow == "app-only":
        assert "not read" in answer.reason
        assert answer.certainty == "likely"
    assert answer.verdict != "allowed" or answer.granted_by


@pytest.mark.parametrize("call", ["GET /users", "GET /me", "POST /users/{id}/sendMail"])
def test_nothing_read_at_all(call: str) -> None:
    builder, app = build(requests=[("User.Read.All", A)])
    tenant = load_tenant(builder.data, unread=SOURCES)
    for flow in ("delegated", "app-only"):
        answer = ask(tenant, app, call, flow)
        if (flow, call) == ("app-only", "GET /me"):
            assert (answer.verdict, answer.check) == ("denied", "delegated-only-api"), (
                "no configuration makes this work"
            )
        else:
            assert answer.verdict in ("depends", "unknown"), answer.reason


def test_the_row_of_a_report() -> None:
    builder, app = build(requests=[("User.Read.All", A)])
    row = ask(builder.data, app, "GET /users").to_row()
    assert row["app_id"] == app.app_id
    assert (row["flow"], row["call"], row["verdict"], row["check"]) == (
        "app-only",
        "GET /users",
        "denied",
        "consent-missing",
    )
    assert (row["needs"], row["granted_by"], row["also"]) == (["User.Read.All"], [], [])
    assert (row["http_status"], row["error_code"]) == (403, "Authorization_RequestDenied")
