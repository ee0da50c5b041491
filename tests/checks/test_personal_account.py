"""personal-account: personal Microsoft accounts and permissions for work or school accounts."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.audit.check import DeclaredApp
from auditor.emulator.build import EXCHANGE, TenantBuilder
from tests.support import examine

SLUG = "personal-account"
WEB = ("https://app.example/signin",)
BOTH = "AzureADandPersonalMicrosoftAccount"


@pytest.mark.parametrize(
    ("audience", "permission", "severity", "certainty"),
    [
        (BOTH, "User.Read.All", "medium", "likely"),
        (BOTH, "Chat.Read", "medium", "possible"),
        ("PersonalMicrosoftAccount", "Group.Read.All", "high", "likely"),
    ],
)
def test_permission_without_personal_form(audience: str, permission: str, severity: str, certainty: str) -> None:
    builder = TenantBuilder()
    app = builder.app(
        "App", web=WEB, audience=audience, requests=[(permission, "delegated"), ("User.Read", "delegated")]
    )
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == (severity, certainty)
    assert (finding.http_status, finding.error_code, finding.flow) == (401, None, "delegated")
    assert (finding.app_id, finding.permission, finding.permission_type) == (app.app_id, permission, "delegated")
    assert finding.evidence["sign_in_audience"] == audience


def test_declared_personal_account_is_certain() -> None:
    builder = TenantBuilder()
    app = builder.app("App", web=WEB, audience=BOTH, requests=[("User.Read.All", "delegated")])
    declared = {app.app_id: DeclaredApp(app.app_id, account="personal")}
    (finding,) = examine(SLUG, builder.data, apps=declared).findings
    assert (finding.severity, finding.certainty) == ("high", "certain")


@pytest.mark.parametrize(
    ("audience", "app", "requests"),
    [
        (
            BOTH,
            {"web": WEB},
            [("User.Read", "delegated"), ("Mail.Read", "delegated"), ("Files.ReadWrite", "delegated")],
        ),
        (BOTH, {"web": WEB}, [("openid", "delegated"), ("profile", "delegated"), ("offline_access", "delegated")]),
        (BOTH, {}, [("User.Read.All", "application")]),
        (BOTH, {}, [("User.Read.All", "delegated")]),  # no user signs in: permission-type-mismatch's
        (BOTH, {"secret": None}, [("User.Read.All", "delegated")]),  # nothing a user could sign in to
        (BOTH, {"web": WEB}, [("Mail.Read", "delegated", EXCHANGE)]),
        ("AzureADMyOrg", {"web": WEB}, [("User.Read.All", "delegated")]),
        ("AzureADMultipleOrgs", {"web": WEB}, [("User.Read.All", "delegated")]),
    ],
)
def test_silent(audience: str, app: dict[str, Any], requests: list[Any]) -> None:
    builder = TenantBuilder()
    builder.app("App", audience=audience, requests=requests, **app)
    assert examine(SLUG, builder.data).findings == []


def test_not_applicable_without_apps_for_personal_accounts() -> None:
    builder = TenantBuilder()
    builder.external("Tool", signInAudience=BOTH)
    assert examine(SLUG, builder.data).examined == 0
