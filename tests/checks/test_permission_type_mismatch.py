"""permission-type-mismatch: permissions of the one type, tokens of the other."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.audit.check import DeclaredApp, Finding
from auditor.emulator.build import ARM, EXCHANGE, SHAREPOINT, TenantBuilder
from tests.support import examine, load_tenant

SLUG = "permission-type-mismatch"
WEB = ("https://app.example/signin",)


def found(builder: TenantBuilder, **context: Any) -> list[Finding]:
    return list(examine(SLUG, builder.data, **context).findings)


def test_managed_identity_with_delegated_permission_only() -> None:
    builder = TenantBuilder()
    identity = builder.managed_identity("func")
    builder.grant(identity, "User.Read.All")
    (finding,) = found(builder)
    assert (finding.severity, finding.certainty) == ("high", "certain")
    assert (finding.http_status, finding.error_code) == (403, "Authorization_RequestDenied")
    assert (finding.app_id, finding.permission, finding.permission_type) == (
        identity.app_id,
        "User.Read.All",
        "delegated",
    )
    assert finding.flow == "app-only"
    role_id = builder.permission_id("User.Read.All", "application")
    assert any(role_id in command for command in finding.remediation.commands)
    assert not any("az ad app permission" in command for command in finding.remediation.commands)  # no registration


@pytest.mark.parametrize(
    "credential",
    [{}, {"certificate": "@now+300d"}, {"federated": ("repo:contoso/app",)}],
    ids=["secret", "cert", "fic"],
)
@pytest.mark.parametrize("granted", [True, False])
def test_credential_only_daemon_with_delegated_permissions_only(credential: dict[str, Any], granted: bool) -> None:
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("Mail.Read", "delegated"), ("User.Read", "delegated")], **credential)
    if granted:
        builder.grant(daemon, "Mail.Read User.Read openid")
    (finding,) = found(builder)
    assert (finding.severity, finding.certainty, finding.permission) == ("high", "likely", "Mail.Read")
    assert finding.error_code == "ErrorAccessDenied"
    assert finding.evidence["other_error_codes"] == ["NoPermissionsInAccessToken"]
    assert finding.evidence["use_instead"] == ["Mail.Read"]


def test_consent_of_a_single_user_shows_that_somebody_signed_in() -> None:
    """A confidential client may use username and password, or on-behalf-of, without a redirect URI."""
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("Mail.Read", "delegated")])
    (finding,) = found(builder)
    assert finding.certainty == "likely"
    builder.grant(daemon, "openid", user="alice")
    (finding,) = found(builder)
    assert (finding.severity, finding.certainty) == ("high", "possible")
    assert 'flow = "delegated"' in finding.remediation.text
    assert "username and password" in finding.evidence["note"]
    (finding,) = found(builder, apps={daemon.app_id: DeclaredApp(daemon.app_id, flow="app-only")})
    assert finding.certainty == "certain"


def test_managed_identity_has_no_users_whatever_was_consented() -> None:
    builder = TenantBuilder()
    builder.grant(builder.managed_identity("func"), "User.Read.All", user="alice")
    (finding,) = found(builder)
    assert finding.certainty == "certain"


@pytest.mark.parametrize("client", [{"spa": WEB}, {"public": ("http://localhost",)}, {"fallback": True}])
def test_public_client_with_application_permissions_only(client: dict[str, Any]) -> None:
    builder = TenantBuilder()
    app = builder.app("Client", requests=[("User.Read.All", "application"), ("User.Read", "delegated")], **client)
    builder.assign(app, "User.Read.All")
    (finding,) = found(builder)
    assert (finding.severity, finding.certainty) == ("high", "likely")
    assert (finding.permission, finding.permission_type, finding.flow) == ("User.Read.All", "application", "delegated")


def test_declared_flow_makes_it_certain() -> None:
    builder = TenantBuilder()
    app = builder.app("Web", web=WEB, requests=[("User.Read.All", "delegated")])
    assert found(builder) == []
    (finding,) = found(builder, apps={app.app_id: DeclaredApp(app.app_id, flow="app-only")})
    assert (finding.severity, finding.certainty) == ("high", "certain")


def test_mixed_types_are_weaker() -> None:
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("Mail.Read", "delegated"), ("Group.Read.All", "application")])
    builder.assign(daemon, "Group.Read.All")
    (finding,) = found(builder)
    assert (finding.severity, finding.certainty) == ("medium", "possible")


def test_the_other_form_under_another_name() -> None:
    builder = TenantBuilder()
    builder.app("Daemon", requests=[("Chat.Read", "delegated"), ("Files.Read", "delegated")])
    by_name = {finding.permission: finding for finding in found(builder)}
    assert by_name["Chat.Read"].evidence["use_instead"] == ["Chat.Read.All"]
    assert by_name["Files.Read"].evidence["use_instead"] == ["Files.Read.All"]
    assert "Chat.Read.All" in by_name["Chat.Read"].summary


@pytest.mark.parametrize(
    ("app", "requests"),
    [
        ({}, [("User.Read", "delegated")]),  # the portal adds it to every registration
        ({}, [("User.Read", "delegated"), ("User.Read.All", "application")]),
        ({}, [("openid", "delegated"), ("profile", "delegated"), ("offline_access", "delegated")]),
        ({}, [("User.Read.All", "delegated"), ("User.Read.All", "application")]),  # both forms are asked for
        ({}, [("user_impersonation", "delegated", ARM)]),  # Azure RBAC decides there; no application permission exists
        ({"web": WEB}, [("User.Read.All", "delegated"), ("Mail.Read", "application")]),  # a web app can do both
        ({"web": WEB}, [("Mail.Read", "application")]),
        ({"spa": WEB}, [("User.Read.All", "delegated")]),
        ({"secret": None}, [("User.Read.All", "delegated")]),  # no flow to be seen at all
        ({}, [("ChannelMessage.Send", "delegated")]),  # delegated-only-api's
        ({"spa": WEB}, [("Calls.Initiate.All", "application")]),  # application-only-api's
    ],
)
def test_silent(app: dict[str, Any], requests: list[Any]) -> None:
    builder = TenantBuilder()
    builder.app("App", requests=requests, **app)
    assert found(builder) == []


def test_on_behalf_of_api_is_left_alone() -> None:
    builder = TenantBuilder()
    builder.app("Middle tier", publishes=[("Data.Read", "delegated")], requests=[("Mail.Read", "delegated")])
    assert found(builder) == []


def test_external_app_is_left_alone_until_its_flow_is_declared() -> None:
    builder = TenantBuilder()
    tool = builder.external("Tool")
    builder.assign(tool, "User.Read.All")
    assert found(builder) == []
    (finding,) = found(builder, apps={tool.app_id: DeclaredApp(tool.app_id, flow="delegated")})
    assert finding.certainty == "certain"


def test_credentials_not_read_leave_no_certainty() -> None:
    """Federated credentials unread: an app with redirect URIs alone may still run app-only."""
    builder = TenantBuilder()
    builder.app("Client", spa=WEB, requests=[("User.Read.All", "application")])
    tenant = load_tenant(builder.data, unread=("applications/federatedIdentityCredentials",))
    assert examine(SLUG, tenant).findings == []


@pytest.mark.parametrize(
    ("resource", "permission", "code"),
    [(EXCHANGE, "Mail.Read", "ErrorAccessDenied"), (SHAREPOINT, "AllSites.Read", "accessDenied")],
)
def test_other_resources(resource: str, permission: str, code: str) -> None:
    builder = TenantBuilder()
    builder.app("Daemon", requests=[(permission, "delegated", resource)])
    (finding,) = found(builder)
    assert (finding.resource_app_id, finding.error_code) == (resource, code)


def test_disabled_app_is_low() -> None:
    builder = TenantBuilder()
    builder.app("Daemon", requests=[("Mail.Read", "delegated")], enabled=False)
    assert [finding.severity for finding in found(builder)] == ["low"]


def test_each_row_of_the_wrong_type_is_told_by_one_check() -> None:
    builder = TenantBuilder()
    names = [
        "Mail.Read",
        "Chat.Read",
        "ChannelMessage.Send",
        "UserAuthenticationMethod.ReadWrite.All",
        "Directory.AccessAsUser.All",
    ]
    builder.app("Daemon", requests=[(name, "delegated") for name in names])
    builder.app("Client", spa=WEB, requests=[("Calls.Initiate.All", "application"), ("Mail.Read", "application")])
    told = [
        (finding.app_id, finding.permission)
        for slug in (SLUG, "delegated-only-api", "application-only-api")
        for finding in examine(slug, builder.data).findings
    ]
    assert len(told) == len(set(told)) == len(names) + 2
