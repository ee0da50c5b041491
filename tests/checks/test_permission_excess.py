"""permission-excess: granted, and nothing asks for it."""

from __future__ import annotations

import pytest

from auditor.audit.check import DeclaredApp
from auditor.emulator.build import AAD_GRAPH, TenantBuilder
from tests.support import examine


@pytest.mark.parametrize(
    ("permission", "severity"),
    [
        ("Group.Read.All", "low"),
        ("RoleManagement.ReadWrite.Directory", "medium"),
        ("Directory.ReadWrite.All", "medium"),
    ],
)
def test_application_permission_nobody_requested(permission: str, severity: str) -> None:
    builder = TenantBuilder()
    app = builder.app("Daemon", requests=[("User.Read.All", "application")])
    builder.assign(app, "User.Read.All")
    row = builder.assign(app, permission)
    (finding,) = examine("permission-excess", builder.data).findings
    assert (finding.severity, finding.certainty) == (severity, "likely")
    assert (finding.http_status, finding.error_code) == (None, None)
    assert (finding.app_id, finding.permission, finding.permission_type) == (app.app_id, permission, "application")
    assert any(row["id"] in command for command in finding.remediation.commands)


def test_delegated_scope_is_possible_and_the_command_keeps_the_others() -> None:
    builder = TenantBuilder()
    app = builder.app("Web", web=["https://a.example"], requests=[("User.Read", "delegated")])
    builder.grant(app, " User.Read  Mail.Read openid")
    (finding,) = examine("permission-excess", builder.data).findings
    assert (finding.severity, finding.certainty, finding.permission) == ("low", "possible", "Mail.Read")
    (command,) = finding.remediation.commands
    assert "'User.Read openid'" in command or "'openid User.Read'" in command
    assert "Mail.Read" not in command


def test_grant_that_would_be_left_empty_is_deleted() -> None:
    builder = TenantBuilder()
    app = builder.app("Web", web=["https://a.example"])
    builder.grant(app, "Mail.Read")
    (finding,) = examine("permission-excess", builder.data).findings
    assert finding.remediation.commands[0].startswith("Remove-MgOauth2PermissionGrant")


def test_a_declared_call_is_a_need() -> None:
    builder = TenantBuilder()
    app = builder.app("Daemon")
    builder.assign(app, "User.Read.All")
    builder.assign(app, "Sites.Read.All")
    declared = {app.app_id: DeclaredApp(app.app_id, calls=("GET /users", "beta:GET /organization {x}"))}
    (finding,) = examine("permission-excess", builder.data, apps=declared).findings
    assert finding.permission == "Sites.Read.All"


def test_a_declared_call_of_one_type_is_no_need_of_the_other() -> None:
    builder = TenantBuilder()
    app = builder.app("Web", web=["https://a.example"])
    builder.assign(app, "Mail.ReadBasic.All")
    declared = {app.app_id: DeclaredApp(app.app_id, calls=("GET /me/manager",))}
    assert len(examine("permission-excess", builder.data, apps=declared).findings) == 1


def test_silent_where_requests_are_unknown_or_match() -> None:
    builder = TenantBuilder()
    identity = builder.managed_identity("func")
    builder.assign(identity, "User.Read.All")
    tool = builder.external("Tool")
    builder.grant(tool, "Mail.Read")
    app = builder.app("Web", web=["https://a.example"], requests=[("User.Read", "delegated")])
    builder.grant(app, "User.Read openid profile email offline_access")
    builder.grant(app, "User.Read", resource=AAD_GRAPH)  # wrong-resource's
    builder.assign(app, None)
    result = examine("permission-excess", builder.data)
    assert result.findings == []
    assert result.examined > 0
