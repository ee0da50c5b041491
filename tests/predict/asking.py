"""What the tests of the predictor share: questions through its public face, and answers as short tuples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.emulator.build import App
from auditor.predict.call import parse_call
from auditor.predict.verdict import Account, Flow, Prediction, Question
from auditor.predict.walk import predict, questions, settle
from auditor.tenant.tables import Tenant
from tests.support import load_tenant

WEB = ("https://app.example/signin",)


def ask(
    tenant: Tenant | dict[str, Any],
    app: App | str,
    call: str,
    flow: Flow = "app-only",
    users: Sequence[str] = (),
    *,
    account: Account = "work",
    resource: str = "graph",
) -> Prediction:
    """The answer to one question; of a tenant file without anything unread."""
    held = tenant if isinstance(tenant, Tenant) else load_tenant(tenant, users=users)
    app_id = app if isinstance(app, str) else app.app_id
    return predict(Question(app_id, parse_call(call), flow, tuple(users), account, resource), held)


def ask_every_flow(tenant: Tenant, app: App, call: str, users: Sequence[str] = ()) -> list[Prediction]:
    """The settled answers where nobody declared a flow."""
    asked = questions(app.app_id, [parse_call(call)], flow=None, users=users, tenant=tenant)
    return settle([predict(one, tenant) for one in asked], None)


def told(answer: Prediction) -> tuple[str, str | None, int | None, str | None]:
    """Verdict, deciding check, HTTP status, error code."""
    return answer.verdict, answer.check, answer.http_status, answer.error_code


def names_both(answer: Prediction, app: App, call: str) -> bool:
    """Whether the reason names the app and the call."""
    return app.name in answer.reason and parse_call(call).text in answer.reason
