"""Rights that come from elsewhere: what they may open depends, and they excuse no app that counts on Graph's permissions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from auditor.emulator.build import App, TenantBuilder
from auditor.predict.verdict import Flow, Prediction
from tests.predict.asking import WEB, ask, names_both
from tests.support import load_tenant

D, A = "delegated", "application"
BOTH = ("app-only", "delegated")


def asked(
    call: str,
    flow: Flow = "app-only",
    *,
    requests: Sequence[tuple[str, str]] = (),
    granted: bool = True,
    roles: Sequence[str] = (),
) -> tuple[Prediction, App]:
    builder = TenantBuilder()
    app = builder.app("Helper", web=WEB, requests=requests)
    if granted:
        builder.consent(app)
    for role in roles:
        builder.directory_role(app, role)
    return ask(builder.data, app, call, flow), app


@pytest.mark.parametrize(
    "call",
    [
        "GET /sites/{id}",
        "GET /sites/contoso.sharepoint.com:/sites/team",
        "GET /sites/{id}/lists/{id}/items",
        "GET /sites/{id}/drive/root/children",
        "PUT /drives/{id}/items/{id}/content",
        "GET /drives/{id}/items/{id}/workbook/worksheets",
        "GET /groups/{id}/drive",
        "GET /shares/{id}/driveItem",
    ],
)
@pytest.mark.parametrize(("flow", "kind"), [("app-only", A), ("delegated", D)])
def test_grants_on_single_sites(call: str, flow: Flow, kind: str) -> None:
    answer, app = asked(call, flow, requests=[("Sites.Selected", kind)])
    assert (answer.verdict, answer.check) == ("depends", "workload-policy")
    assert (answer.http_status, answer.error_code) == (403, "accessDenied")
    assert names_both(answer, app, call)
    assert "Sites.Selected" in answer.reason


@pytest.mark.parametrize("call", ["GET /sites", "GET /users", "GET /users/{id}/messages/{id}"])
def test_grants_on_single_sites_open_nothing_else(call: str) -> None:
    answer, _ = asked(call, requests=[("Sites.Selected", A)])
    assert answer.check != "workload-policy"
    assert answer.verdict == ("depends" if "messages" in call else "denied")  # Exchange may have granted the mail


def test_selected_sites_without_consent() -> None:
    """A grant on a site needs the permission in the token first."""
    answer, _ = asked("GET /sites/{id}", requests=[("Sites.Selected", A)], granted=False)
    assert answer.verdict == "denied"
    assert answer.check in ("consent-missing", "permission-missing")


@pytest.mark.parametrize(
    "call", ["GET /me/drive/special/approot", "GET /me/drive/special/approot/children", "GET /me/drive/items/{id}"]
)
def test_the_folder_of_an_app(call: str) -> None:
    answer, app = asked(call, "delegated", requests=[("Files.ReadWrite.AppFolder", D)])
    assert (answer.verdict, answer.check) == ("depends", "workload-policy")
    assert names_both(answer, app, call)
    assert "own folder" in answer.reason
    assert asked("GET /me/messages", "delegated", requests=[("Files.ReadWrite.AppFolder", D)])[0].verdict == "denied"


@pytest.mark.parametrize(
    ("call", "system"),
    [
        ("GET /users/{id}/messages", "RBAC for Applications"),
        ("POST /users/{id}/sendMail", "RBAC for Applications"),
        ("GET /users/{id}/events", "RBAC for Applications"),
        ("GET /teams/{id}/channels/{id}/messages", "resource-specific consent"),
        ("POST /groups/{id}/members/$ref", "owner of the group"),
    ],
)
def test_rights_that_graph_does_not_show(call: str, system: str) -> None:
    """An app that asks for nothing may have them; one that requests the permission, or has its other type, counts on that."""
    answer, app = asked(call)
    assert (answer.verdict, answer.check) == ("depends", "permission-missing"), answer.reason
    assert system in answer.reason
    assert names_both(answer, app, call)
    least = answer.needs[-1]
    requested, _ = asked(call, requests=[(least, A)], granted=False)
    assert (requested.verdict, requested.check) == ("denied", "consent-missing"), requested.reason
    if not call.startswith("POST /groups"):
        wrong, _ = asked(call, requests=[(least.replace("Basic.All", "Basic"), D)])
        assert (wrong.verdict, wrong.check) == ("denied", "permission-type-mismatch"), wrong.reason


@pytest.mark.parametrize("call", ["POST /groups/{id}/members/$ref", "PATCH /groups/{id}", "GET /users/{id}/messages"])
def test_none_of_them_helps_a_signed_in_user(call: str) -> None:
    """A delegated call needs the permission in the token, whatever the user owns."""
    answer, _ = asked(call, "delegated", requests=[("User.Read", D)])
    assert (answer.verdict, answer.check) == ("denied", "permission-missing")


@pytest.mark.parametrize(
    ("call", "verdict"),
    [("GET /users", "depends"), ("GET /groups/{id}/members", "depends"), ("GET /groups/{id}/planner/plans", "denied")],
)
def test_directory_roles_of_a_service_principal(call: str, verdict: str) -> None:
    """Directory Readers on a service principal reads the directory without any permission of Graph's."""
    answer, app = asked(call, roles=["Directory Readers"])
    assert (answer.verdict, answer.check) == (verdict, "permission-missing"), answer.reason
    assert names_both(answer, app, call)
    if verdict == "depends":
        assert "Directory Readers" in answer.reason
        assert answer.also == ("directory-role-missing",)


def test_directory_roles_that_were_not_read() -> None:
    builder = TenantBuilder()
    app = builder.app("Helper")
    tenant = load_tenant(builder.data, unread=("roleManagement/directory/roleAssignments",))
    answer = ask(tenant, app, "GET /users")
    assert answer.verdict == "depends"
    assert "could not be read" in answer.reason


@pytest.mark.parametrize(
    ("permission", "call", "verdict"),
    [
        ("Directory.AccessAsUser.All", "GET /users", "depends"),
        ("Directory.AccessAsUser.All", "GET /groups", "depends"),
        ("Directory.AccessAsUser.All", "GET /me/messages", "denied"),
        ("Files.Read", "GET /me/drive/items/{id}/workbook/worksheets", "depends"),
        ("Files.Read", "PATCH /me/drive/items/{id}/workbook/worksheets/{id}", "denied"),
    ],
)
def test_permissions_that_the_map_leaves_out(permission: str, call: str, verdict: str) -> None:
    answer, app = asked(call, "delegated", requests=[(permission, D)])
    assert answer.verdict == verdict, answer.reason
    assert names_both(answer, app, call)
