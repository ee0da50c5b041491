"""Whether users may consent alone to one permission: rows of the tables are enough to ask."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator.build import TenantBuilder
from auditor.predict.consent import SelfConsent, may_consent
from tests.support import load_tenant

LEGACY, LOW, RECOMMENDED = (f"microsoft-user-default-{name}" for name in ("legacy", "low", "recommended"))


def asked(policies: tuple[str, ...], permission: str, *, unread: bool = False, **app: Any) -> SelfConsent:
    builder = TenantBuilder()
    built = builder.app("App", web=["https://app.example/signin"], requests=[(permission, "delegated")], **app)
    builder.user_consent(*policies)
    tenant = load_tenant(builder.data, unread=("policies/authorizationPolicy",) if unread else ())
    row: Any = next(tenant.permissions[tenant.permissions["app_id"] == built.app_id].itertuples(index=False))
    client: Any = next(tenant.apps[tenant.apps["app_id"] == built.app_id].itertuples(index=False))
    return may_consent(row, client, tenant)


@pytest.mark.parametrize(
    ("policies", "permission", "app", "may", "certainty"),
    [
        ((LEGACY,), "Mail.Read", {}, True, "certain"),
        ((LEGACY,), "User.Read.All", {}, False, "certain"),
        ((LEGACY,), "Mail.Read", {"assignment_required": True}, False, "certain"),
        ((), "User.Read", {}, False, "certain"),
        ((RECOMMENDED,), "User.Read", {}, True, "likely"),
        ((RECOMMENDED,), "Mail.Read", {}, False, "likely"),
        ((LOW,), "User.Read", {}, None, "possible"),
        (("my-policy",), "User.Read", {}, None, "possible"),
    ],
)
def test_settings(policies: tuple[str, ...], permission: str, app: Any, may: bool | None, certainty: str) -> None:
    answer = asked(policies, permission, **app)
    assert (answer.may, answer.certainty) == (may, certainty)
    assert answer == (may, certainty, answer.reason)


def test_a_setting_that_was_not_read() -> None:
    assert asked((LEGACY,), "Mail.Read", unread=True).may is None
    assert asked((LEGACY,), "User.Read.All", unread=True).may is False
