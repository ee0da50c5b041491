"""401, and who a token belongs to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from auditor.emulator import Emulator, Settings
from auditor.emulator.build import TenantBuilder
from tests.emulator.caller import Caller
from tests.emulator.conftest import Start

GRAPH = "00000003-0000-0000-c000-000000000000"


@pytest.fixture
def caller(tenant: TenantBuilder, start: Start) -> Caller:
    tenant.user("Alice")
    return start(tenant.data)


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def refused(caller: Caller, authorization: str | None) -> str:
    caller.token = ""
    reply = caller.get("/users", {} if authorization is None else {"Authorization": authorization})
    assert (reply.status, reply.code) == (401, "InvalidAuthenticationToken")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer ")
    return reply.message


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer   ", "Basic dTpw"])
def test_no_token(caller: Caller, authorization: str | None) -> None:
    assert refused(caller, authorization) == "Access token is empty."


def test_token_without_dots(caller: Caller) -> None:
    assert refused(caller, "Bearer EwBwA8l6BAAU").startswith("IDX14100: JWT is not well formed")


@pytest.mark.parametrize("token", ["a.b", "a.b.c", "..", "e30.e30", "e30.bnVsbA.x", "e30.W10.x", "e30.e30.e30.e30.e30"])
def test_token_that_cannot_be_read(caller: Caller, token: str) -> None:
    assert refused(caller, f"Bearer {token}") == "CompactToken parsing failed with error code: 80049217"


@pytest.mark.parametrize("audience", ["https://outlook.office365.com", "00000002-0000-0000-c000-000000000000", ""])
def test_token_for_another_resource(caller: Caller, audience: str) -> None:
    token = caller.emulator.token(audience=audience)
    assert refused(caller, f"Bearer {token}") == "Access token validation failure. Invalid audience."


@pytest.mark.parametrize(
    "audience", ["https://graph.microsoft.com", "https://graph.microsoft.com/", GRAPH, "https://graph.microsoft.us"]
)
def test_audiences_that_mean_graph(caller: Caller, audience: str) -> None:
    caller.token = caller.emulator.token(roles=["User.Read.All"], audience=audience)
    assert caller.get("/users").status == 200


def test_own_address_means_graph(caller: Caller) -> None:
    caller.token = caller.emulator.token(roles=["User.Read.All"], audience=caller.emulator.url)
    assert caller.get("/users").status == 200


def test_expired_and_premature(caller: Caller) -> None:
    assert refused(caller, f"Bearer {caller.emulator.token(expires_in=-1)}").endswith("the token is expired.")
    early = caller.emulator.token(claims={"nbf": 9_000_000_000})
    assert refused(caller, f"Bearer {early}").endswith("the token is not yet valid.")


def test_signature_of_another_process(caller: Caller, tenant: TenantBuilder) -> None:
    token = Emulator(tenant.data).token(roles=["User.Read.All"])
    assert refused(caller, f"Bearer {token}") == "Access token validation failure."


def test_app_without_service_principal_is_not_known(caller: Caller) -> None:
    caller.token = caller.emulator.token("11111111-2222-3333-4444-555555555555", roles=["User.Read.All"])
    assert "oid" not in claims_of(caller.token)
    reply = caller.get("/users")
    assert (reply.status, reply.code) == (401, "Authorization_IdentityNotFound")
    assert reply.message == "The identity of the calling application could not be established."


def test_token_of_another_tenant_is_not_known(caller: Caller) -> None:
    caller.token = caller.emulator.token(
        roles=["User.Read.All"], claims={"tid": "11111111-2222-3333-4444-555555555555"}
    )
    assert caller.get("/users").code == "Authorization_IdentityNotFound"


def test_status_of_unknown_identities_can_be_chosen(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data, settings=Settings(identity_not_found_status=403))
    caller.token = caller.emulator.token(roles=["User.Read.All"], claims={"oid": None})
    assert caller.get("/users").status == 403


def test_disabled_app_is_refused(tenant: TenantBuilder, start: Start) -> None:
    app = tenant.app("Off", enabled=False)
    caller = start(tenant.data)
    caller.token = caller.emulator.token(app.app_id, roles=["User.Read.All"])
    reply = caller.get("/users")
    assert (reply.status, reply.code) == (403, "Authorization_IdentityDisabled")


def test_claims_of_an_app(tenant: TenantBuilder, start: Start) -> None:
    app = tenant.app("Daemon", requests=(("User.Read.All", "application"),))
    tenant.assign(app, "User.Read.All")
    caller = start(tenant.data)
    claims = claims_of(caller.emulator.token(app.app_id))
    assert claims["roles"] == ["User.Read.All"]
    assert claims["oid"] == app.service_principal_id
    assert claims["appid"] == app.app_id
    assert claims["idtyp"] == "app"
    assert claims["ver"] == "1.0"
    assert claims["iss"] == f"https://sts.windows.net/{claims['tid']}/"
    assert "scp" not in claims
    assert claims["nbf"] <= claims["iat"] < claims["exp"]


def test_claims_of_a_user(tenant: TenantBuilder, start: Start) -> None:
    alice = tenant.user("Alice")
    app = tenant.app("Web", web=("https://app.example/",))
    tenant.grant(app, "User.Read Mail.Read")
    tenant.grant(app, "Files.Read", user="Alice")
    tenant.grant(app, "Chat.Read", user="Bob")
    caller = start(tenant.data)
    claims = claims_of(caller.emulator.token(app.app_id, user="Alice"))
    assert claims["oid"] == alice
    assert claims["scp"] == "Files.Read Mail.Read User.Read"
    assert "roles" not in claims
    caller.token = caller.emulator.token(app.app_id, user="Alice")
    assert caller.get("/me").json["id"] == alice


def test_removed_and_disabled_roles_are_not_in_the_token(tenant: TenantBuilder, start: Start) -> None:
    app = tenant.app("Daemon")
    tenant.assign(app, "User.Read.All")
    tenant.assign(app, "11111111-2222-3333-4444-555555555555")
    tenant.assign(app, "Group.Read.All")
    graph = next(row for row in tenant.data["servicePrincipals"] if row["appId"] == GRAPH)
    next(role for role in graph["appRoles"] if role["value"] == "Group.Read.All")["isEnabled"] = False
    caller = start(tenant.data)
    assert claims_of(caller.emulator.token(app.app_id))["roles"] == ["User.Read.All"]


def test_error_bodies_and_headers_carry_ids(caller: Caller) -> None:
    reply = caller.get("/nope", {"client-request-id": "my-id-1"})
    inner = reply.json["error"]["innerError"]
    assert inner["client-request-id"] == reply.headers["client-request-id"] == "my-id-1"
    assert inner["request-id"] == reply.headers["request-id"]
    assert set(inner) == {"date", "request-id", "client-request-id"}
    assert "RoleInstance" in reply.headers["x-ms-ags-diagnostic"]
    good = caller.get("/users")
    assert good.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
    assert good.headers["OData-Version"] == "4.0"


def test_gzip_when_asked(caller: Caller) -> None:
    import gzip

    plain = caller.get("/servicePrincipals?$top=999")
    packed = caller.get("/servicePrincipals?$top=999", {"Accept-Encoding": "gzip, deflate"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 3
    refused_gzip = caller.get("/servicePrincipals?$top=999", {"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused_gzip.headers
