"""user-privilege: tenant-wide delegated permissions that help only users with a directory role."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator.build import EXCHANGE, TenantBuilder
from tests.support import examine

SLUG = "user-privilege"
WEB = ("https://app.example/signin",)


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        ("User.ReadWrite.All", "User Administrator"),
        ("AuditLog.Read.All", "Reports Reader"),
        ("UserAuthenticationMethod.Read.All", "Authentication Administrator"),
        ("RoleManagement.ReadWrite.Directory", "Privileged Role Administrator"),
        ("Policy.ReadWrite.ConditionalAccess", "Security Administrator"),
    ],
)
def test_granted_for_everybody(permission: str, role: str) -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("App", web=WEB, requests=[(permission, "delegated"), ("User.Read", "delegated")]))
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty, finding.flow) == ("info", "possible", "delegated")
    assert (finding.http_status, finding.error_code) == (403, "Authorization_RequestDenied")
    assert finding.app_id == app.app_id
    assert role in finding.evidence["roles_that_help"][permission]


def test_one_finding_an_app() -> None:
    builder = TenantBuilder()
    requests = [("User.ReadWrite.All", "delegated"), ("AuditLog.Read.All", "delegated")]
    builder.consent(builder.app("App", web=WEB, requests=requests))
    (finding,) = examine(SLUG, builder.data).findings
    assert set(finding.evidence["roles_that_help"]) == {"User.ReadWrite.All", "AuditLog.Read.All"}


def test_external_apps_are_looked_at() -> None:
    builder = TenantBuilder()
    builder.grant(builder.external("Vendor", replies=[]), "AuditLog.Read.All")
    assert len(examine(SLUG, builder.data).findings) == 1


@pytest.mark.parametrize(
    ("app", "permission"),
    [
        ({"web": WEB, "assignment_required": True}, ("AuditLog.Read.All", "delegated")),
        ({"web": WEB, "enabled": False}, ("AuditLog.Read.All", "delegated")),
        ({}, ("AuditLog.Read.All", "delegated")),  # no user signs in
        ({"web": WEB}, ("AuditLog.Read.All", "application")),
        ({"web": WEB}, ("Mail.Read", "delegated")),
        ({"web": WEB}, ("Mail.Read", "delegated", EXCHANGE)),
        ({"web": WEB}, ("User.ReadBasic.All", "delegated")),
    ],
)
def test_silent(app: dict[str, Any], permission: tuple[str, str]) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=[permission], **app))
    assert examine(SLUG, builder.data).findings == []


def test_single_users_chose_it_themselves() -> None:
    builder = TenantBuilder()
    builder.grant(builder.app("App", web=WEB), "AuditLog.Read.All", user="alice")
    assert examine(SLUG, builder.data).findings == []


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        ("User.ReadWrite.All", "writes to objects that are not the user's own succeed only for users who hold a directory role"),
        ("Directory.AccessAsUser.All", "succeed only for users who hold a directory role such as User Administrator."),
        ("AuditLog.Read.All", "calls that reach beyond the user's own data succeed only"),
    ],
)  # fmt: skip
def test_what_works_without_a_role_is_not_denied(permission: str, words: str) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", web=WEB, requests=[(permission, "delegated")]))
    (finding,) = examine(SLUG, builder.data).findings
    assert words in finding.summary


def test_scopes_are_read_as_their_resource_spells_them() -> None:
    builder = TenantBuilder()
    builder.grant(builder.app("App", web=WEB), "auditlog.read.ALL User.ReadWrite.Everything")
    (finding,) = examine(SLUG, builder.data).findings
    assert list(finding.evidence["roles_that_help"]) == ["AuditLog.Read.All"]
