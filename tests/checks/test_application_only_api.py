"""application-only-api: apps of signed-in users and permissions that users' tokens never carry."""

from __future__ import annotations

import pytest

from auditor.audit.check import DeclaredApp
from auditor.emulator.build import EXCHANGE, TenantBuilder
from tests.support import examine

SLUG = "application-only-api"
SPA = ("https://app.example/",)


@pytest.mark.parametrize(
    ("permission", "instead", "code"),
    [
        ("Calls.Initiate.All", [], "Forbidden"),
        ("CallRecords.Read.All", [], "Forbidden"),
        ("Chat.Read.All", ["Chat.Read"], "Forbidden"),
        ("Mail.ReadBasic.All", ["Mail.ReadBasic"], "ErrorAccessDenied"),
    ],
)
def test_single_page_app_with_an_application_only_permission(permission: str, instead: list[str], code: str) -> None:
    builder = TenantBuilder()
    app = builder.app("Client", spa=SPA, requests=[(permission, "application"), ("User.Read", "delegated")])
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("high", "likely")
    assert (finding.http_status, finding.error_code, finding.flow) == (403, code, "delegated")
    assert (finding.app_id, finding.permission, finding.permission_type) == (app.app_id, permission, "application")
    assert finding.evidence["use_instead"] == instead
    assert all(name in finding.remediation.text for name in instead)


def test_delegated_permission_for_the_same_calls_is_held() -> None:
    builder = TenantBuilder()
    builder.app("Client", spa=SPA, requests=[("Chat.Read.All", "application"), ("Chat.Read", "delegated")])
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("medium", "possible")


def test_declared_is_certain() -> None:
    builder = TenantBuilder()
    app = builder.app("Web", web=SPA, requests=[("Calls.Initiate.All", "application")])
    assert examine(SLUG, builder.data).findings == []
    declared = {app.app_id: DeclaredApp(app.app_id, flow="delegated")}
    (finding,) = examine(SLUG, builder.data, apps=declared).findings
    assert finding.certainty == "certain"


def test_silent() -> None:
    builder = TenantBuilder()
    builder.app("Daemon", requests=[("Calls.Initiate.All", "application")])
    builder.app("Client", spa=SPA, requests=[("User.Read.All", "application")])  # permission-type-mismatch's
    builder.app("Mail client", public=["http://localhost"], requests=[("full_access_as_app", "application", EXCHANGE)])
    identity = builder.managed_identity("func")
    builder.assign(identity, "Calls.Initiate.All")
    assert examine(SLUG, builder.data).findings == []
