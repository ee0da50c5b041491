"""Stage 2 of a request: what the token carries. Whose consent counts, and which principal's app role assignments."""

from __future__ import annotations

import pytest

from auditor.emulator.build import App, TenantBuilder
from auditor.predict.verdict import Flow
from auditor.tenant.tables import Tenant
from tests.predict.asking import WEB, ask, names_both, told
from tests.support import load_tenant

ALICE, BOB = "alice@contoso.onmicrosoft.com", "bob@contoso.onmicrosoft.com"
MAIL = [("User.Read", "delegated"), ("Mail.Send", "delegated")]


@pytest.fixture(scope="module")
def world() -> tuple[Tenant, dict[str, App]]:
    builder = TenantBuilder()
    builder.user("Alice")
    builder.user("Bob")
    apps = {
        name: builder.app(f"App {name}", web=WEB, requests=MAIL) for name in ("for all", "union", "one user", "none")
    }
    builder.consent(apps["for all"])
    builder.grant(apps["union"], " User.Read  User.Read")  # a leading space, twice: as tenants hold it
    builder.grant(apps["union"], "Mail.Send", user="Alice")
    builder.grant(apps["one user"], "User.Read Mail.Send", user="Alice")
    apps["identity"] = builder.managed_identity("App identity")
    twin = builder.app("App twin of the identity", requests=[("User.Read.All", "application")])
    apps["twin"] = builder.consent(twin)
    apps["by group"] = builder.app("App in a group", requests=[])
    builder.group("Readers", members=[apps["by group"]])
    builder.assign_group("Readers", "Group.Read.All")
    apps["unrequested"] = builder.app("App unrequested", requests=[])
    builder.assign(apps["unrequested"], "User.Read.All")
    apps["dangling"] = builder.app("App dangling", requests=[])
    builder.assign(apps["dangling"], builder.guid("a permission that is gone"))
    apps["external"] = builder.external("App external")
    builder.grant(apps["external"], "User.Read")
    apps["managed in use"] = builder.managed_identity("App managed in use", user_assigned=True)
    builder.assign(apps["managed in use"], "User.Read.All")
    return load_tenant(builder.data, users=[ALICE, BOB]), apps


@pytest.mark.parametrize(
    ("app", "users"),
    [("for all", ()), ("for all", (BOB,)), ("union", (ALICE,)), ("one user", (ALICE,))],
)
def test_consent_that_covers_the_user(world: tuple[Tenant, dict[str, App]], app: str, users: tuple[str, ...]) -> None:
    tenant, apps = world
    answer = ask(tenant, apps[app], "POST /me/sendMail", "delegated", users)
    assert told(answer) == ("allowed", None, None, None), answer.reason
    assert answer.granted_by == ("Mail.Send",)


@pytest.mark.parametrize(
    ("app", "users", "verdict"),
    [
        ("union", (BOB,), "denied"),
        ("one user", (BOB,), "denied"),
        ("union", (), "depends"),
        ("one user", (), "depends"),
    ],
)
def test_consent_of_another_user(
    world: tuple[Tenant, dict[str, App]], app: str, users: tuple[str, ...], verdict: str
) -> None:
    """One user's consent is not another's; who signs in decides where nobody is declared."""
    tenant, apps = world
    answer = ask(tenant, apps[app], "POST /me/sendMail", "delegated", users)
    assert told(answer) == (verdict, "consent-partial", 400, "AADSTS65001")
    assert answer.needs == ("Mail.Send",)
    assert names_both(answer, apps[app], "POST /me/sendMail")
    assert not users or BOB in answer.reason


def test_a_union_of_grants(world: tuple[Tenant, dict[str, App]]) -> None:
    """What everybody has is there for Bob as well, spaces and duplicates or not."""
    tenant, apps = world
    assert ask(tenant, apps["union"], "GET /me", "delegated", (BOB,)).granted_by == ("User.Read",)


def test_what_is_requested_is_not_held(world: tuple[Tenant, dict[str, App]]) -> None:
    tenant, apps = world
    answer = ask(tenant, apps["none"], "GET /me", "delegated")
    assert told(answer) == ("depends", "consent-missing", 400, "AADSTS65001")
    assert answer.granted_by == ()


@pytest.mark.parametrize("app", ["twin", "unrequested", "managed in use"])
def test_application_permissions_of_the_principal(world: tuple[Tenant, dict[str, App]], app: str) -> None:
    tenant, apps = world
    assert ask(tenant, apps[app], "GET /users").granted_by == ("User.Read.All",)


def test_a_registration_gives_a_managed_identity_nothing(world: tuple[Tenant, dict[str, App]]) -> None:
    tenant, apps = world
    answer = ask(tenant, apps["identity"], "GET /users")
    assert told(answer) == ("denied", "permission-missing", 403, "Authorization_RequestDenied")
    assert answer.also == ("consent-missing",)
    assert names_both(answer, apps["identity"], "GET /users")
    assert "was not granted" in answer.reason


def test_a_group_passes_no_application_permission_on(world: tuple[Tenant, dict[str, App]]) -> None:
    tenant, apps = world
    answer = ask(tenant, apps["by group"], "GET /groups")
    assert told(answer) == ("denied", "consent-missing", 403, "Authorization_RequestDenied")
    assert "Group.Read.All" in answer.reason
    assert "is assigned to a group" in answer.reason
    assert names_both(answer, apps["by group"], "GET /groups")
    assert ask(tenant, apps["by group"], "GET /users").check == "permission-missing"
    assert ask(tenant, apps["twin"], "GET /groups").check == "permission-missing", (
        "it has its own permissions, no group's"
    )


def test_a_permission_that_is_gone(world: tuple[Tenant, dict[str, App]]) -> None:
    tenant, apps = world
    answer = ask(tenant, apps["dangling"], "GET /users")
    assert answer.verdict == "denied"
    assert answer.granted_by == ()


def test_scopes_of_another_registration(world: tuple[Tenant, dict[str, App]]) -> None:
    """What an app registered elsewhere asks for cannot be seen, so that a lack of consent is not certain."""
    tenant, apps = world
    assert ask(tenant, apps["external"], "GET /me", "delegated").granted_by == ("User.Read",)
    answer = ask(tenant, apps["external"], "GET /me/messages", "delegated")
    assert told(answer) == ("depends", "consent-missing", 403, "ErrorAccessDenied")
    assert names_both(answer, apps["external"], "GET /me/messages")


@pytest.mark.parametrize(
    ("app_id", "call", "verdict"),
    [
        ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "GET /users", "allowed"),
        ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "GET /me/messages", "denied"),
        ("14d82eec-204b-4c2f-b7e8-296a70dab67e", "GET /me/messages", "depends"),
    ],
)
def test_microsoft_clients(world: tuple[Tenant, dict[str, App]], app_id: str, call: str, verdict: str) -> None:
    """Azure CLI carries fixed scopes that no tenant adds to; Graph's command line tools ask for consent."""
    answer = ask(world[0], app_id, call, "delegated")
    assert answer.verdict == verdict
    assert verdict != "denied" or "no tenant can add permissions" in answer.reason


@pytest.mark.parametrize(
    ("source", "flow", "call"),
    [
        ("servicePrincipals/appRoleAssignedTo", "app-only", "GET /users"),
        ("oauth2PermissionGrants", "delegated", "GET /me/manager"),
        ("servicePrincipals", "app-only", "GET /users"),
    ],
)
@pytest.mark.parametrize("granted", [True, False])
def test_grants_that_were_not_read(source: str, flow: Flow, call: str, granted: bool) -> None:
    """Never denied for want of data, never allowed without it."""
    builder = TenantBuilder()
    app = builder.app("Reader", web=WEB, requests=[("User.Read.All", "application"), ("User.Read.All", "delegated")])
    if granted:
        builder.consent(app)
    answer = ask(load_tenant(builder.data, unread=(source,)), app, call, flow)
    assert (answer.verdict, answer.granted_by) == ("depends", ()), answer.reason
    assert "could not be read" in answer.reason
