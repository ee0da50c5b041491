"""permission-unknown: permissions the resource does not offer."""

from __future__ import annotations

import pytest

from auditor.emulator.build import AAD_GRAPH, GRAPH, TenantBuilder
from tests.support import examine, load_tenant

NOWHERE = "deadbeef-0000-4000-8000-000000000001"
NO_SUCH_API = "deadbeef-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("kind", "status", "code", "flow"),
    [("delegated", 400, "AADSTS650053", "delegated"), ("application", 403, None, "app-only")],
)
def test_requested_id_that_does_not_exist(kind: str, status: int, code: str | None, flow: str) -> None:
    """A user's token request names the scope and is refused; an app-only token is issued without the role."""
    builder = TenantBuilder()
    app = builder.app("App", requests=[(NOWHERE, kind)])
    (finding,) = examine("permission-unknown", builder.data).findings
    assert (finding.severity, finding.certainty) == ("medium", "certain")
    assert (finding.http_status, finding.error_code, finding.flow) == (status, code, flow)
    assert (finding.app_id, finding.permission, finding.permission_id) == (app.app_id, None, NOWHERE)
    assert finding.permission_type == kind
    assert any(NOWHERE in command for command in finding.remediation.commands)


def test_id_of_the_other_type_is_named() -> None:
    builder = TenantBuilder()
    role_id = builder.permission_id("User.Read.All", "application")
    builder.app("App", requests=[(role_id, "delegated")])
    (finding,) = examine("permission-unknown", builder.data).findings
    assert finding.evidence["defined_under_the_other_type_as"] == "User.Read.All"
    assert any(f"{role_id}=Role" in command for command in finding.remediation.commands)


def test_scope_id_requested_as_role_is_refused_by_the_service_behind() -> None:
    builder = TenantBuilder()
    scope_id = builder.permission_id("Mail.Read", "delegated")
    builder.app("App", requests=[(scope_id, "application")])
    (finding,) = examine("permission-unknown", builder.data).findings
    assert (finding.http_status, finding.error_code) == (403, "ErrorAccessDenied")


def test_one_id_for_scope_and_role_is_known_under_both() -> None:
    builder = TenantBuilder()
    api = builder.app("Api", publishes=[("Data.Read", "delegated"), ("Data.Write", "application")])
    builder.app("App", requests=[("Data.Read", "delegated", api), ("Data.Write", "application", api)])
    assert examine("permission-unknown", builder.data).findings == []


@pytest.mark.parametrize(("kind", "status", "code"), [("delegated", 400, "AADSTS650053"), ("application", 403, None)])
def test_disabled_permission(kind: str, status: int, code: str | None) -> None:
    builder = TenantBuilder()
    api = builder.app("Api", publishes=[("Data.Read", kind, {"isEnabled": False})])
    builder.app("App", requests=[("Data.Read", kind, api)])
    (finding,) = examine("permission-unknown", builder.data).findings
    assert finding.permission == "Data.Read"
    assert (finding.certainty, finding.http_status, finding.error_code) == ("likely", status, code)
    assert "disabled" in finding.summary


@pytest.mark.parametrize("kind", ["delegated", "application"])
def test_resource_without_service_principal_is_told_once_by_sign_in_blocked(kind: str) -> None:
    builder = TenantBuilder()
    app = builder.app("App", requests=[(NOWHERE, kind, NO_SUCH_API)])
    tenant = load_tenant(builder.data)
    assert examine("permission-unknown", tenant).findings == []
    (finding,) = examine("sign-in-blocked", tenant).findings
    assert (finding.app_id, finding.resource_app_id) == (app.app_id, NO_SUCH_API)


def test_grant_upon_a_deleted_service_principal_is_dangling() -> None:
    builder = TenantBuilder()
    builder.grant(builder.external("Tool"), "Data.Read", resource="deadbeef-0000-4000-8000-00000000000d")
    (finding,) = examine("permission-unknown", builder.data).findings
    assert (finding.severity, finding.certainty, finding.resource_app_id) == ("low", "certain", None)


@pytest.mark.parametrize("kind", ["application", "delegated"])
def test_granted_and_no_longer_defined_is_dangling(kind: str) -> None:
    builder = TenantBuilder()
    tool = builder.external("Tool")
    if kind == "application":
        builder.assign(tool, NOWHERE)
    else:
        builder.grant(tool, "Gone.Read.All")
    (finding,) = examine("permission-unknown", builder.data).findings
    assert (finding.severity, finding.certainty, finding.http_status) == ("low", "certain", None)
    assert finding.permission_type == kind


def test_silent_on_what_is_not_its_matter() -> None:
    builder = TenantBuilder()
    app = builder.app("App", requests=[("User.Read.All", "application"), (NOWHERE, "application", AAD_GRAPH)])
    builder.assign(app, None, resource=GRAPH)  # default access: no permission at all
    builder.grant(app, "openid profile User.Read", resource=AAD_GRAPH)
    office = builder.first_party("4345a7b9-9a63-4910-a426-35363201d503", "Office UWP")
    builder.grant(office, "Gone.Read.All")
    builder.grant("deadbeef-0000-4000-8000-00000000000c", "Gone.Read.All")  # a client deleted long ago
    assert examine("permission-unknown", builder.data).findings == []
