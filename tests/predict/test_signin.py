"""Stage 1 of a request: is a token to be had? Apps that are absent, disabled or without credential; tokens for another API."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator import shapes
from auditor.emulator.build import AAD_GRAPH, GRAPH, App, TenantBuilder
from auditor.predict.verdict import Flow
from auditor.tenant.tables import Tenant
from tests.predict.asking import WEB, ask, names_both, told
from tests.support import load_tenant

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
STRANGER = "99999999-8888-4777-8666-555555555555"
BOTH = [("User.Read", "delegated"), ("User.Read.All", "application")]


def credential(builder: TenantBuilder, *, start: str, end: str) -> dict[str, Any]:
    return shapes.password_credential(builder.guid("secret", start, end), "Secret", start=start, end=end)


@pytest.fixture(scope="module")
def world() -> tuple[Tenant, dict[str, App]]:
    """Apps that hold what they call with, and differ in how they sign in."""
    builder = TenantBuilder()
    ways: dict[str, dict[str, Any]] = {
        "secret": {},
        "web": {"web": WEB},
        "certificate": {"certificate": "@now+30d"},
        "federated": {"web": WEB, "federated": ["repo:contoso/app"]},
        "beside": {"web": WEB, "secret": "@now-3d", "certificate": "@now+30d"},
        "spa": {"spa": WEB},
        "public": {"public": ["http://localhost"], "fallback": True},
        "expired": {"web": WEB, "secret": "@now-3d"},
        "expired certificate": {"secret": None, "certificate": "@now-3d"},
        "expired web and spa": {"web": WEB, "spa": ["https://app.example/"], "secret": "@now-3d"},
        "none": {"secret": None},
        "later": {"secret": None},
        "on the principal": {"secret": None},
        "disabled": {"enabled": False},
        "switched off": {"registration": {"isDisabled": True}},
        "orphan": {},
        "deleted": {},
    }
    apps = {name: builder.consent(builder.app(f"The {name} app", requests=BOTH, **how)) for name, how in ways.items()}
    builder.registration(apps["later"])["passwordCredentials"].append(
        credential(builder, start="@now+3d", end="@now+90d")
    )
    builder.principal(apps["on the principal"])["passwordCredentials"] = [
        credential(builder, start="@now-3d", end="@now+90d")
    ]
    builder.delete_registration(apps["deleted"])
    builder.delete_principal(apps["orphan"])
    apps["managed"] = builder.managed_identity("The managed identity")
    apps["external"] = builder.external("The external app")
    for name in ("managed", "external"):
        builder.assign(apps[name], "User.Read.All")
    builder.grant(apps["external"], "User.Read")
    return load_tenant(builder.data), apps


CALLS: dict[Flow, str] = {"app-only": "GET /users", "delegated": "GET /me"}


@pytest.mark.parametrize(
    ("app", "flow"),
    [
        *((name, "app-only") for name in ("secret", "certificate", "federated", "beside", "on the principal")),
        *((name, "app-only") for name in ("managed", "external")),
        *((name, "delegated") for name in ("web", "federated", "beside", "spa", "public", "expired web and spa")),
        ("external", "delegated"),
    ],
)
def test_a_valid_way_to_sign_in(world: tuple[Tenant, dict[str, App]], app: str, flow: Flow) -> None:
    tenant, apps = world
    answer = ask(tenant, apps[app], CALLS[flow], flow)
    assert told(answer) == ("allowed", None, None, None), answer.reason


@pytest.mark.parametrize(
    ("app", "flow", "check", "status", "code", "seen"),
    [
        ("expired", "app-only", "credential-expired", 401, "AADSTS7000222", "secret ended on 2026-11-19"),
        ("expired", "delegated", "credential-expired", 401, "AADSTS7000222", "secret ended on 2026-11-19"),
        (
            "expired certificate",
            "app-only",
            "credential-expired",
            401,
            "AADSTS700027",
            "certificate ended on 2026-11-19",
        ),
        ("later", "app-only", "credential-expired", 401, "AADSTS7000222", "not valid yet"),
        ("none", "app-only", "credential-expired", 401, "AADSTS7000218", "no client credential at all"),
        ("spa", "app-only", "credential-expired", 401, "AADSTS7000218", "no client credential at all"),
        ("disabled", "app-only", "sign-in-blocked", 400, "AADSTS7000112", "accountEnabled is false"),
        ("disabled", "delegated", "sign-in-blocked", 400, "AADSTS7000112", "accountEnabled is false"),
        ("switched off", "app-only", "sign-in-blocked", 400, "AADSTS7000112", "isDisabled is true"),
        ("orphan", "app-only", "sign-in-blocked", 401, "Authorization_IdentityNotFound", "no service principal"),
        ("deleted", "app-only", "sign-in-blocked", 400, "AADSTS700016", "was deleted"),
    ],
)
def test_no_token(
    world: tuple[Tenant, dict[str, App]], app: str, flow: Flow, check: str, status: int, code: str, seen: str
) -> None:
    tenant, apps = world
    answer = ask(tenant, apps[app], CALLS[flow], flow)
    assert told(answer) == ("denied", check, status, code)
    assert apps[app].name in answer.reason
    assert seen in answer.reason
    assert answer.fix or app == "deleted"


def test_sign_in_decides_before_the_permission(world: tuple[Tenant, dict[str, App]]) -> None:
    """An expired secret and a missing permission: the secret decides, the permission is named beside it."""
    tenant, apps = world
    answer = ask(tenant, apps["expired"], "GET /groups")
    assert (answer.verdict, answer.check, answer.also) == ("denied", "credential-expired", ("permission-missing",))
    assert "GroupMember.Read.All" in answer.needs


@pytest.mark.parametrize(
    ("app_id", "flow", "verdict", "check"),
    [
        (STRANGER, "app-only", "denied", "sign-in-blocked"),
        (STRANGER, "delegated", "depends", "sign-in-blocked"),
        (AZURE_CLI, "delegated", "allowed", None),
    ],
)
def test_apps_without_service_principal(
    world: tuple[Tenant, dict[str, App]], app_id: str, flow: Flow, verdict: str, check: str | None
) -> None:
    """A stranger's users may consent; Microsoft's own clients sign in without a service principal."""
    answer = ask(world[0], app_id, "GET /users", flow)
    assert (answer.verdict, answer.check) == (verdict, check)
    if check is not None:
        assert (answer.http_status, answer.error_code) == (400, "AADSTS700016")
        assert app_id in answer.reason


def test_unread_lists_make_no_app_absent() -> None:
    builder = TenantBuilder()
    answer = ask(load_tenant(builder.data, unread=("applications", "servicePrincipals")), STRANGER, "GET /users")
    assert answer.verdict != "denied"
    assert answer.verdict != "allowed"


def test_unread_federated_credentials_make_no_app_bare() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Bare", secret=None, requests=BOTH))
    tenant = load_tenant(builder.data, unread=("applications/federatedIdentityCredentials",))
    answer = ask(tenant, app, "GET /users")
    assert (answer.verdict, answer.check) == ("depends", "credential-expired")


def test_graph_switched_off() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Reader", requests=BOTH))
    builder.principal(GRAPH)["accountEnabled"] = False
    answer = ask(builder.data, app, "GET /users")
    assert told(answer) == ("denied", "sign-in-blocked", 400, "AADSTS500014")
    assert "Microsoft Graph is disabled" in answer.reason


@pytest.mark.parametrize(
    ("resource", "code", "status"),
    [
        ("aad-graph", "Authorization_RequestDenied", 403),
        (AAD_GRAPH, "Authorization_RequestDenied", 403),
        ("exchange", "InvalidAuthenticationToken", 401),
        ("https://contoso.sharepoint.com", "InvalidAuthenticationToken", 401),
        ("api://something", "InvalidAuthenticationToken", 401),
    ],
)
def test_a_token_for_another_api(world: tuple[Tenant, dict[str, App]], resource: str, code: str, status: int) -> None:
    tenant, apps = world
    answer = ask(tenant, apps["secret"], "GET /users", resource=resource)
    assert told(answer) == ("denied", "wrong-resource", status, code)
    assert apps["secret"].name in answer.reason


@pytest.mark.parametrize(
    "resource", ["graph", GRAPH, "https://graph.microsoft.com/.default", "https://graph.microsoft.com/"]
)
def test_names_of_graph(world: tuple[Tenant, dict[str, App]], resource: str) -> None:
    tenant, apps = world
    assert ask(tenant, apps["secret"], "GET /users", resource=resource).verdict == "allowed"


def test_a_call_to_another_host(world: tuple[Tenant, dict[str, App]]) -> None:
    tenant, apps = world
    old = ask(tenant, apps["secret"], "GET https://graph.windows.net/contoso.com/users?api-version=1.6")
    assert told(old)[:2] == ("denied", "wrong-resource")
    other = ask(tenant, apps["secret"], "GET https://outlook.office365.com/api/v2.0/me/messages")
    assert told(other) == ("denied", "wrong-resource", 401, "InvalidAuthenticationToken")
    exchange = ask(tenant, apps["secret"], "GET https://outlook.office365.com/ews", resource="exchange")
    assert (exchange.verdict, exchange.check) == ("unknown", None)
    assert names_both(other, apps["secret"], "GET https://outlook.office365.com/api/v2.0/me/messages")


@pytest.mark.parametrize(
    ("audience", "verdict", "check"),
    [
        ("AzureADandPersonalMicrosoftAccount", "depends", "consent-missing"),
        ("PersonalMicrosoftAccount", "depends", "consent-missing"),
        ("AzureADMultipleOrgs", "denied", "personal-account"),
        ("AzureADMyOrg", "denied", "personal-account"),
    ],
)
def test_personal_accounts(audience: str, verdict: str, check: str) -> None:
    builder = TenantBuilder()
    app = builder.app("Consumer", web=WEB, audience=audience, requests=[("Mail.Read", "delegated")])
    answer = ask(builder.data, app, "GET /me/messages", "delegated", account="personal")
    assert (answer.verdict, answer.check) == (verdict, check)
    assert "Consumer" in answer.reason
    if verdict == "denied":
        assert (answer.http_status, answer.error_code) == (400, "AADSTS500200")
        assert audience in answer.reason
