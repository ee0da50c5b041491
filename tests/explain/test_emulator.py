"""Real answers over HTTP: each refusal of the emulator is explained by the cause that brought it about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from auditor.emulator import Emulator
from auditor.emulator.build import TenantBuilder
from auditor.explain.case import Given
from auditor.explain.error import read_error
from auditor.explain.explanation import explain
from auditor.explain.finding import Explanation
from auditor.explain.token import read_token
from auditor.predict.call import parse_call
from tests.emulator.caller import Caller, Reply


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    builder = TenantBuilder()
    builder.consent(builder.app("Reader", requests=[("User.Read.All", "application")]))
    builder.user("alice")
    with Emulator(builder.data) as running:
        yield running
    assert running.defects == []


def pasted(reply: Reply) -> str:
    """An answer as ``curl -i`` prints it."""
    head = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
    return f"HTTP/1.1 {reply.status} x\r\n{head}\r\n{reply.body.decode()}"


def explained(emulator: Emulator, token: str, call: str) -> tuple[Reply, Explanation, Explanation]:
    """The answer, its explanation with token and call, and the one from the answer alone."""
    method, _, path = call.partition(" ")
    reply = Caller(emulator, token).send(method, path)
    error = read_error(pasted(reply))
    now = datetime.now(UTC)
    return reply, explain(Given(now, read_token(token), error, parse_call(call))), explain(Given(now, error=error))


Make = Callable[[Emulator], str]


@pytest.mark.parametrize(
    ("make", "call", "status", "cause", "alone"),
    [
        (lambda e: e.token(roles=["Mail.Read"]), "GET /users", 403, "permission-missing", "permission-missing"),
        (lambda e: e.token(roles=[]), "GET /users", 403, "permission-missing", "permission-missing"),
        (lambda e: e.token(scopes=["User.Read"]), "GET /applications", 403, "permission-missing", "permission-missing"),
        (lambda e: e.token(roles=["User.Read.All"]), "GET /auditLogs/directoryAudits", 403, "permission-missing", "permission-missing"),
        (lambda e: e.token(roles=["User.Read.All"]), "GET /teams/x/channels", 403, "permission-missing", "permission-missing"),
        (lambda e: e.token(roles=["User.Read.All"]), "GET /identity/conditionalAccess/policies", 403, "permission-missing", "permission-missing"),
        (lambda e: e.token(roles=["User.Read.All"]), "GET /users/x/messages", 403, "permission-missing", "permission-missing"),
        (lambda e: e.token(roles=[]), "GET /sites/x/drives", 403, "permission-missing", "consent-missing"),
        (lambda e: e.token(scopes=["AuditLog.Read.All"]), "GET /auditLogs/directoryAudits", 403, "user-privilege", "user-privilege"),
        (lambda e: e.token(roles=["User.Read.All"], expires_in=-60), "GET /users", 401, "token-invalid", "token-invalid"),
        (lambda e: e.token(roles=["User.Read.All"], audience="https://graph.windows.net"), "GET /users", 401, "wrong-resource", "wrong-resource"),
        (lambda e: e.token(roles=["User.Read.All"], claims={"nbf": 4102444800}), "GET /users", 401, "token-invalid", "token-invalid"),
        (lambda e: e.token(app_id="cccccccc-2222-3333-4444-555555555555", roles=["User.Read.All"]), "GET /users", 401, "sign-in-blocked", "sign-in-blocked"),
        (lambda e: e.token(roles=["User.Read.All"])[:-12], "GET /users", 401, "token-invalid", "token-invalid"),
        (lambda e: "q7Zk" * 40, "GET /users", 401, "token-invalid", "token-invalid"),
        (lambda e: e.token(roles=["User.Read.All"]).rpartition(".")[0], "GET /users", 401, "token-invalid", "token-invalid"),
    ],
    ids=range(16),
)  # fmt: skip
def test_refusals(emulator: Emulator, make: Make, call: str, status: int, cause: str, alone: str) -> None:
    token = make(emulator)
    reply, found, without = explained(emulator, token, call)
    assert reply.status == status, reply.body
    assert found.cause == cause, found.text
    assert alone in (without.cause, *without.also)
    assert found.certainty != "possible" or status == 403
    shown = str(found.to_json()) + str(without.to_json())
    assert token.split(".")[-1] not in shown


def test_what_is_allowed_is_not_explained_away(emulator: Emulator) -> None:
    reply, found, _ = explained(emulator, emulator.token(roles=["User.Read.All"]), "GET /users")
    assert reply.status == 200
    assert (found.cause, found.certainty, found.not_configuration) == (None, None, False)


def test_a_wrong_address_is_not_a_permission(emulator: Emulator) -> None:
    reply, found, _ = explained(emulator, emulator.token(roles=["User.Read.All"]), "GET /nosuchthing")
    assert reply.status in (400, 404)
    assert found.not_configuration
    assert found.cause is None
