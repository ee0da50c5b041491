"""The documented cause behind a permission that a token lacks: which check decides, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from auditor.emulator.build import AAD_GRAPH, App, TenantBuilder
from auditor.predict.verdict import Flow
from auditor.tenant.tables import Tenant
from tests.predict.asking import WEB, ask, names_both, told
from tests.support import load_tenant

D, A = "delegated", "application"
DIRECTORY = "Authorization_RequestDenied"
AAD_READ = "5778995a-e1bf-45b8-affa-663a9f3f4d04"
"""Directory.Read.All, an application permission of Azure AD Graph."""


@dataclass(frozen=True)
class Cause:
    """One app, what it asks for and holds, one call, and what is to be told of it."""

    id: str
    requests: tuple[tuple[str, str], ...]
    granted: tuple[str, ...]
    call: str
    flow: Flow
    told: tuple[str, str, int, str | None]
    needs: tuple[str, ...] = ()
    says: str = ""
    also: tuple[str, ...] = ()


CAUSES = (
    Cause("nothing", (), (), "GET /users", "app-only", ("denied", "permission-missing", 403, DIRECTORY),
          ("User.ReadBasic.All",), "neither requests nor holds; it holds none on Microsoft Graph"),
    Cause("another", (("Mail.Send", A),), ("Mail.Send",), "GET /users", "app-only",
          ("denied", "permission-missing", 403, DIRECTORY), ("User.ReadBasic.All",), "it holds Mail.Send"),
    Cause("requested", (("User.Read.All", A),), (), "GET /users", "app-only",
          ("denied", "consent-missing", 403, DIRECTORY), ("User.Read.All",), "no admin has consented"),
    Cause("requested beside", (("User.Read.All", A), ("Mail.Send", A)), ("Mail.Send",), "GET /users", "app-only",
          ("denied", "consent-missing", 403, DIRECTORY), ("User.Read.All",), "no admin has consented"),
    Cause("read for write", (("User.Read.All", A),), ("User.Read.All",), "POST /users", "app-only",
          ("denied", "permission-missing", 403, DIRECTORY), ("User.ReadWrite.All",), "User.ReadWrite.All"),
    Cause("half a pair", (("AppRoleAssignment.ReadWrite.All", A),), ("AppRoleAssignment.ReadWrite.All",),
          "POST /servicePrincipals/{id}/appRoleAssignedTo", "app-only",
          ("denied", "permission-missing", 403, DIRECTORY),
          ("AppRoleAssignment.ReadWrite.All + Application.Read.All",), "AppRoleAssignment.ReadWrite.All + Application"),
    Cause("other type", (("User.Read.All", D),), ("User.Read.All",), "GET /users", "app-only",
          ("denied", "permission-type-mismatch", 403, DIRECTORY), ("User.ReadBasic.All",), "no app-only token carries"),
    Cause("other type requested", (("User.Read.All", D),), (), "GET /users", "app-only",
          ("denied", "permission-type-mismatch", 403, DIRECTORY), ("User.ReadBasic.All",), "no app-only token carries"),
    Cause("other type of mail", (("Mail.Send", D),), ("Mail.Send",), "POST /users/{id}/sendMail", "app-only",
          ("denied", "permission-type-mismatch", 401, "NoPermissionsInAccessToken"), ("Mail.Send",), "as delegated"),
    Cause("application for a user", (("Mail.Send", A),), ("Mail.Send",), "POST /me/sendMail", "delegated",
          ("denied", "permission-missing", 403, "ErrorAccessDenied"), ("Mail.Send",), ""),
    Cause("application of files", (("Files.Read.All", A),), ("Files.Read.All",), "GET /drives/{id}", "delegated",
          ("denied", "permission-type-mismatch", 403, "accessDenied"), ("Files.Read",), "no token of a signed-in user"),
    Cause("admin only", (("Group.Read.All", D), ("User.Read", D)), ("User.Read",), "GET /groups", "delegated",
          ("denied", "consent-missing", 403, DIRECTORY), ("Group.Read.All",), "no admin has consented"),
    Cause("admin only alone", (("Group.Read.All", D),), (), "GET /groups", "delegated",
          ("denied", "consent-missing", 400, "AADSTS90094"), ("Group.Read.All",), "no admin has consented"),
    Cause("kept from users", (("Mail.Read", D),), (), "GET /me/messages", "delegated",
          ("denied", "consent-blocked", 400, "AADSTS90094"), ("Mail.Read",), "users may not do so alone",
          ("consent-missing",)),
    Cause("left to users", (("User.Read", D),), (), "GET /me", "delegated",
          ("depends", "consent-missing", 400, "AADSTS65001"), ("User.Read",), "each user must consent"),
    Cause("nothing delegated", (("User.Read", D),), ("User.Read",), "GET /me/messages", "delegated",
          ("denied", "permission-missing", 403, "ErrorAccessDenied"), ("Mail.ReadBasic",), "it holds User.Read"),
    Cause("password app-only", (("User.ReadWrite.All", A),), ("User.ReadWrite.All",), "PATCH /users/{id} {passwordProfile}",
          "app-only", ("denied", "directory-role-missing", 403, DIRECTORY), ("User-PasswordProfile.ReadWrite.All",),
          "sets no password", ("permission-missing",)),
    Cause("password without any", (("Mail.Send", A),), ("Mail.Send",), "PATCH /users/{id} {passwordProfile}",
          "app-only", ("denied", "permission-missing", 403, DIRECTORY), ("User-PasswordProfile.ReadWrite.All",), ""),
    Cause("sign-in activity", (("User.Read.All", A),), ("User.Read.All",), "GET /users?$select=signInActivity",
          "app-only", ("denied", "permission-missing", 403, DIRECTORY), ("AuditLog.Read.All",), "AuditLog.Read.All"),
    Cause("teams", (), (), "GET /teams/{id}/members", "delegated",
          ("denied", "permission-missing", 403, "Forbidden"), ("TeamMember.Read.All",), "TeamMember.Read.All"),
    Cause("planner", (), (), "GET /planner/plans/{id}/tasks", "delegated",
          ("denied", "permission-missing", 403, None), ("Tasks.Read",), "Tasks.Read"),
)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> tuple[Tenant, dict[str, App]]:
    builder = TenantBuilder()
    apps = {}
    for cause in CAUSES:
        app = apps[cause.id] = builder.app(f"App {cause.id}", web=WEB, requests=cause.requests)
        for permission in cause.granted:
            if (permission, A) in cause.requests:
                builder.assign(app, permission)
            else:
                builder.grant(app, permission)
    return load_tenant(builder.data), apps


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.id)
def test_cause(world: tuple[Tenant, dict[str, App]], cause: Cause) -> None:
    tenant, apps = world
    answer = ask(tenant, apps[cause.id], cause.call, cause.flow)
    if cause.id == "application for a user":  # the app-only twin of /me/sendMail is another path
        assert answer.check in ("permission-missing", "permission-type-mismatch")
        assert (answer.verdict, answer.http_status, answer.error_code) == (cause.told[0], *cause.told[2:])
    else:
        assert told(answer) == cause.told, answer.reason
    assert answer.needs[: len(cause.needs)] == cause.needs
    assert answer.also == cause.also
    assert cause.says in answer.reason
    assert names_both(answer, apps[cause.id], cause.call)
    assert answer.reason.endswith(".")
    assert not answer.reason.endswith("..")
    unmet = {one for need in answer.needs for one in need.split(" + ")}
    assert not unmet & set(answer.granted_by)


def test_the_right_permission_on_another_api() -> None:
    builder = TenantBuilder()
    app = builder.app("Old client", requests=[(AAD_READ, A, AAD_GRAPH)])
    builder.assign(app, AAD_READ, resource=AAD_GRAPH)
    answer = ask(builder.data, app, "GET /users")
    assert told(answer) == ("denied", "wrong-resource", 403, DIRECTORY)
    assert names_both(answer, app, "GET /users")
    assert "goes to Microsoft Graph" in answer.reason


def test_a_requested_id_that_does_not_exist() -> None:
    """It is no cause of a call that needs something else; the app simply asks for nothing that is enough."""
    builder = TenantBuilder()
    app = builder.app("Stale", requests=[(builder.guid("gone"), A)])
    answer = ask(builder.data, app, "GET /users")
    assert answer.verdict == "denied"
    assert answer.check in ("permission-missing", "permission-unknown")
    assert names_both(answer, app, "GET /users")


@pytest.mark.parametrize("setting", ["off", "recommended", "legacy", "unread"])
def test_user_consent(setting: str) -> None:
    """Whether users may consent alone decides between waiting for them and a refusal."""
    builder = TenantBuilder(user_consent="microsoft-user-default-legacy" if setting == "legacy" else None)
    if setting == "recommended":
        builder.user_consent("microsoft-user-default-recommended")
    app = builder.app("Mailer", web=WEB, requests=[("Mail.Read", D)])
    unread: dict[str, Any] = {"unread": ("policies/authorizationPolicy",)} if setting == "unread" else {}
    answer = ask(load_tenant(builder.data, **unread), app, "GET /me/messages", "delegated")
    expected = {
        "off": ("denied", "consent-blocked"),
        "recommended": ("denied", "consent-blocked"),
        "legacy": ("depends", "consent-missing"),
        "unread": ("depends", "consent-missing"),
    }
    assert (answer.verdict, answer.check) == expected[setting], answer.reason
    assert answer.needs == ("Mail.Read",)


def test_the_repair_opens_the_call() -> None:
    """What ``needs`` names first, granted, opens the call."""
    for call in (
        "GET /users",
        "POST /groups",
        "GET /drives/{id}",
        "GET /auditLogs/signIns",
        "PATCH /applications/{id}",
    ):
        builder = TenantBuilder()
        bare = builder.app("Bare")
        need = ask(builder.data, bare, call).needs[0]
        app = builder.consent(builder.app("Repaired", requests=[(one, A) for one in need.split(" + ")]))
        answer = ask(builder.data, app, call)
        assert answer.verdict == "allowed" or answer.check == "workload-policy", (call, need, answer.reason)
