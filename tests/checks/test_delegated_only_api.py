"""delegated-only-api: app-only apps and APIs for signed-in users only."""

from __future__ import annotations

import pytest

from auditor.audit.check import DeclaredApp
from auditor.emulator.build import TenantBuilder
from tests.support import examine

SLUG = "delegated-only-api"


@pytest.mark.parametrize(
    "permission", ["UserAuthenticationMethod.ReadWrite.All", "UserAuthMethod-Password.ReadWrite.All"]
)
def test_password_reset(permission: str) -> None:
    builder = TenantBuilder()
    daemon = builder.app("Helpdesk bot", requests=[(permission, "delegated")])
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("high", "likely")
    assert (finding.http_status, finding.error_code, finding.flow) == (403, None, "app-only")
    assert (finding.app_id, finding.permission) == (daemon.app_id, permission)
    assert "resetPassword" in finding.evidence["delegated_only_calls"][0]
    assert "User-PasswordProfile.ReadWrite.All" in finding.remediation.text
    role_id = builder.permission_id("User-PasswordProfile.ReadWrite.All", "application")
    assert any(role_id in command for command in finding.remediation.commands)


@pytest.mark.parametrize(
    ("permission", "call"),
    [
        ("ChannelMessage.Send", "POST /teams/{id}/channels/{id}/messages"),  # Teamwork.Migrate.All is for imports alone
        ("Notes.Read.All", "GET /groups/{id}/onenote/notebooks"),  # OneNote app-only ended on 31 March 2025
        ("Printer.Create", "GET /print/operations/{id}"),
    ],
)
def test_apis_without_application_form(permission: str, call: str) -> None:
    builder = TenantBuilder()
    builder.app("Daemon", requests=[(permission, "delegated")])
    (finding,) = examine(SLUG, builder.data).findings
    assert finding.permission == permission
    assert finding.evidence["delegated_only_calls"][0].startswith(call)


def test_rights_of_the_signed_in_user() -> None:
    """Directory.AccessAsUser.All is about more than passwords, and setting one has an application permission."""
    builder = TenantBuilder()
    builder.app("Daemon", requests=[("Directory.AccessAsUser.All", "delegated")])
    (finding,) = examine(SLUG, builder.data).findings
    assert "rights of a signed-in user" in finding.summary
    assert not any("PATCH /users/{id} with" in call for call in finding.evidence["delegated_only_calls"])
    assert finding.error_code == "Authorization_RequestDenied"
    text = finding.remediation.text
    assert (
        "passwordProfile has the application permission User-PasswordProfile.ReadWrite.All; resetPassword has none"
        in text
    )
    role_id = builder.permission_id("User-PasswordProfile.ReadWrite.All", "application")
    assert not any(
        role_id in command for command in finding.remediation.commands
    )  # nobody knows that it is about passwords


def test_managed_identity_is_certain() -> None:
    builder = TenantBuilder()
    identity = builder.managed_identity("func")
    builder.grant(identity, "ChannelMessage.Send")
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("high", "certain")


def test_beside_application_permissions_it_is_weaker() -> None:
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("ChannelMessage.Send", "delegated"), ("User.Read.All", "application")])
    builder.assign(daemon, "User.Read.All")
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("medium", "possible")
    declared = {daemon.app_id: DeclaredApp(daemon.app_id, flow="app-only")}
    (finding,) = examine(SLUG, builder.data, apps=declared).findings
    assert (finding.severity, finding.certainty) == ("medium", "likely")


def test_silent() -> None:
    builder = TenantBuilder()
    builder.app("Web", web=["https://a.example"], requests=[("ChannelMessage.Send", "delegated")])
    builder.app(
        "Client", public=["http://localhost"], requests=[("UserAuthenticationMethod.ReadWrite.All", "delegated")]
    )
    methods = builder.app("Methods", requests=[("UserAuthenticationMethod.ReadWrite.All", "application")])
    builder.assign(methods, "UserAuthenticationMethod.ReadWrite.All")
    setter = builder.app("Setter", requests=[("User-PasswordProfile.ReadWrite.All", "application")])
    builder.assign(setter, "User-PasswordProfile.ReadWrite.All")
    builder.app(
        "Daemon", requests=[("Mail.Read", "delegated"), ("Chat.Read", "delegated")]
    )  # permission-type-mismatch's
    assert examine(SLUG, builder.data).findings == []
