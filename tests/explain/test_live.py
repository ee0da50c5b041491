"""With a tenant: the configuration behind a refusal, and what was granted since the token was issued."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from auditor.emulator.app import App
from auditor.emulator.build import TenantBuilder
from auditor.explain.case import Given
from auditor.explain.error import read_error
from auditor.explain.explanation import explain
from auditor.explain.finding import Explanation
from auditor.explain.live import examine
from auditor.explain.token import read_token
from auditor.predict.call import parse_call
from tests.explain.tokens import TENANT, app_only, claims, delegated, jwt
from tests.support import NOW, load_tenant

DENIED = json.dumps({"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}})
REFUSED = f"HTTP/1.1 403 x\r\n\r\n{DENIED}"


def with_tenant(
    builder: TenantBuilder, token: str | None, call: str | None = None, error: str | None = None, **users: Any
) -> Explanation:
    tenant = load_tenant(builder.data, **users)
    read = read_token(token) if token is not None else None
    answer = read_error(error) if error is not None else None
    wanted = parse_call(call) if call is not None else None
    return explain(Given(NOW, read, answer, wanted, examine(tenant, read, answer, wanted, None)))


def of(app: App, builder: TenantBuilder, **more: Any) -> dict[str, Any]:
    """Claims that a token of an app of the tenant has."""
    principal = builder.principal(app)
    return {"appid": app.app_id, "oid": principal["id"], "tid": builder.tenant_id, "app_displayname": app.name, **more}


def test_requested_and_not_consented_to() -> None:
    builder = TenantBuilder()
    app = builder.app("Payroll", requests=[("User.Read.All", "application")])
    found = with_tenant(builder, app_only(**of(app, builder)), "GET /users", REFUSED)
    assert (found.cause, found.certainty) == ("consent-missing", "certain")
    assert "Payroll" in found.text
    assert found.parts["prediction"]["check"] == "consent-missing"


def test_requested_as_the_other_type() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Payroll", requests=[("User.Read.All", "delegated")]))
    found = with_tenant(builder, app_only(**of(app, builder)), "GET /users", REFUSED)
    assert found.cause == "permission-type-mismatch"


def test_nothing_requested() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Payroll", requests=[("Mail.Read", "application")]))
    found = with_tenant(builder, app_only("Mail.Read", **of(app, builder)), "GET /users", REFUSED)
    assert found.cause == "permission-missing"


@pytest.mark.parametrize("managed", [False, True])
def test_granted_after_the_token_was_issued(managed: bool) -> None:
    builder = TenantBuilder()
    if managed:
        app = builder.managed_identity("Payroll function")
        builder.assign(app, "User.Read.All")
    else:
        app = builder.consent(builder.app("Payroll", requests=[("User.Read.All", "application")]))
    for call in ("GET /users", None):
        found = with_tenant(builder, app_only(**of(app, builder)), call, REFUSED)
        assert (found.cause, found.not_configuration) == (None, True), found.text
        assert "User.Read.All" in found.text
        assert "new token" in found.do[0]
        assert ("24 hours" in found.do[0]) is managed


def test_taken_away_since() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Payroll", requests=[("Mail.Read", "application")]))
    found = with_tenant(builder, app_only("User.Read.All", **of(app, builder)), "GET /users")
    assert any("does not hold any more" in detail for detail in found.details)


def test_an_app_that_cannot_sign_in() -> None:
    builder = TenantBuilder()
    app = builder.app("Payroll", requests=[("User.Read.All", "application")], enabled=False)
    error = json.dumps(
        {"error": "unauthorized_client", "error_description": f"AADSTS7000112: Application '{app.app_id}' is disabled."}
    )
    found = with_tenant(builder, None, None, error)
    assert found.cause == "sign-in-blocked"
    assert found.parts["tenant"]["app_id"] == app.app_id
    assert any("Payroll" in text for text in (found.text, *found.details))


def test_an_expired_token_is_expired_whatever_the_tenant_says() -> None:
    builder = TenantBuilder()
    app = builder.app("Payroll", requests=[("User.Read.All", "application")])
    ended = int((NOW - timedelta(hours=2)).timestamp())
    found = with_tenant(builder, app_only(**of(app, builder, exp=ended)), "GET /users")
    assert found.cause == "token-invalid"
    assert any("consent" in detail for detail in found.details)


def test_throttling_is_throttling_whatever_the_tenant_says() -> None:
    builder = TenantBuilder()
    app = builder.app("Payroll", requests=[("User.Read.All", "application")])
    found = with_tenant(builder, app_only(**of(app, builder)), "GET /users", "HTTP/1.1 429 Too Many Requests\r\n\r\n{}")
    assert (found.cause, found.not_configuration) == (None, True)


def test_a_token_at_hand_is_not_explained_by_the_sign_in() -> None:
    """The secret has ended since; the call was refused for another reason."""
    builder = TenantBuilder()
    app = builder.app("Payroll", requests=[("User.Read.All", "application")], secret="@now-3d")
    found = with_tenant(builder, app_only(**of(app, builder)), "GET /users", REFUSED)
    assert found.cause == "consent-missing", found.text
    assert found.parts["prediction"]["check"] == "credential-expired"


def test_a_good_token_stays_good_where_the_tenant_only_doubts() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Mailer", requests=[("Mail.Read", "application")]))
    found = with_tenant(builder, app_only("Mail.Read", **of(app, builder)), "GET /users/{id}/messages")
    assert found.certainty in (None, "possible")


def test_only_some_users_have_consented() -> None:
    builder = TenantBuilder()
    app = builder.app("Mailer", web=("https://a.example/x",), requests=[("Mail.Read", "delegated")])
    builder.grant(app, "Mail.Read", user="alice")
    token = delegated("User.Read", **of(app, builder, oid=builder.user("bob"), upn="bob@contoso.com"))
    found = with_tenant(builder, token, "GET /me/messages", "HTTP/1.1 403 x\r\n\r\n{}")
    assert found.cause == "consent-partial", found.text


def test_a_token_of_another_tenant_says_nothing_about_this_one() -> None:
    builder = TenantBuilder()
    found = with_tenant(builder, app_only("Mail.Read", tid=TENANT), "GET /users")
    assert found.cause == "permission-missing"
    assert any(TENANT in detail and builder.tenant_id in detail for detail in found.details)
    assert found.parts["prediction"] is None


def test_neither_names_an_app() -> None:
    builder = TenantBuilder()
    found = with_tenant(builder, jwt(claims(appid=None, tid=None, roles=["Mail.Read"], idtyp="app")), "GET /users")
    assert found.cause == "permission-missing"
    assert any("names an app" in detail for detail in found.details)


def test_nothing_was_taken_from_an_app_that_the_tenant_does_not_have() -> None:
    builder = TenantBuilder()
    stranger = {"appid": "99999999-9999-4999-8999-999999999999", "tid": builder.tenant_id}
    found = with_tenant(builder, app_only("User.Read.All", **stranger), "GET /users", REFUSED)
    told = str(found.to_json())
    assert "does not hold any more" not in told
    assert f"has no app {stranger['appid']}" in told
