"""Who may sign in to an app: the account is there and enabled, and assigned where the app requires it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from auditor.emulator.build import App, TenantBuilder
from auditor.predict.assignment import obstacles
from auditor.predict.call import Call
from auditor.predict.verdict import Account, Flow, Question
from auditor.tenant.tables import Tenant
from tests.support import load_tenant

WEB = ("https://app.example/signin",)
ALICE, BOB = "alice@contoso.example", "bob@contoso.example"


def of(
    data: dict[str, Any] | Tenant, app: App, *, flow: str = "delegated", user: str | None = None, account: Account = "work"
) -> list[tuple[str, str, str | None]]:  # fmt: skip
    """Check, certainty and error code of each obstacle."""
    tenant = data if isinstance(data, Tenant) else load_tenant(data, users=[user] if user else [])
    question = Question(app.app_id, Call("GET /me", "GET", "/me"), cast(Flow, flow), account=account)
    row: Any = next(tenant.apps[tenant.apps["app_id"] == app.app_id].itertuples(index=False))
    person: Any = next(tenant.users.itertuples(index=False)) if user else None
    found = obstacles(row, question, tenant, person)
    assert all(one.http_status == 400 and one.fix and one.reason.endswith(".") for one in found)
    return [(one.check, one.certainty, one.error_code) for one in found]


REFUSED = [("sign-in-blocked", "certain", "AADSTS50105")]


def built(*, assigned: int = 0, groups: int = 0, required: bool = True, **app: Any) -> tuple[TenantBuilder, App]:
    builder = TenantBuilder()
    for name, principal_name in (("Alice", ALICE), ("Bob", BOB)):
        builder.user(name, userPrincipalName=principal_name)
    web = builder.app("Web", web=WEB, assignment_required=required, **app)
    builder.assign_people(web, users=["Alice", "Carol"][:assigned], groups=groups)
    return builder, web


@pytest.mark.parametrize(
    ("assigned", "groups", "user", "refused"),
    [
        (0, 0, None, True),
        (1, 0, None, False),
        (0, 1, None, False),
        (1, 0, ALICE, False),
        (1, 0, BOB, True),
        (0, 0, BOB, True),
    ],
)
def test_assignment_required(assigned: int, groups: int, user: str | None, refused: bool) -> None:
    builder, web = built(assigned=assigned, groups=groups)
    assert of(builder.data, web, user=user) == (REFUSED if refused else [])


def test_assignment_not_required() -> None:
    builder, web = built(required=False)
    assert of(builder.data, web) == of(builder.data, web, user=BOB) == []


def test_app_only_calls_and_personal_accounts_need_no_assignment() -> None:
    builder, web = built()
    assert of(builder.data, web, flow="app-only") == of(builder.data, web, account="personal") == []


def test_assignments_that_were_not_read_say_nothing() -> None:
    builder, web = built()
    assert of(load_tenant(builder.data, unread=("servicePrincipals/appRoleAssignedTo",)), web) == []


def test_an_api_that_only_service_principals_are_assigned_to() -> None:
    builder = TenantBuilder()
    offered = [("access_as_user", "delegated"), ("Run", "application")]
    api = builder.app("Api", publishes=offered, assignment_required=True)
    builder.assign(builder.app("Caller"), "Run", resource=api)
    assert of(builder.data, api) == [("sign-in-blocked", "likely", "AADSTS50105")]


@pytest.mark.parametrize(
    ("user", "audience", "expected"),
    [
        (ALICE, "AzureADMyOrg", []),
        ("nobody@contoso.example", "AzureADMyOrg", [("sign-in-blocked", "certain", "AADSTS50034")]),
        ("nobody@contoso.example", "AzureADMultipleOrgs", [("sign-in-blocked", "possible", "AADSTS50034")]),
    ],
)
def test_users_of_this_tenant(user: str, audience: str, expected: Any) -> None:
    builder, web = built(required=False, audience=audience)
    assert of(builder.data, web, user=user) == expected


def test_a_disabled_user() -> None:
    builder = TenantBuilder()
    builder.user("Alice", userPrincipalName=ALICE, accountEnabled=False)
    web = builder.app("Web", web=WEB)
    assert of(builder.data, web, user=ALICE) == [("sign-in-blocked", "certain", "AADSTS50057")]
    assert of(builder.data, web, user=ALICE, flow="app-only") == []
