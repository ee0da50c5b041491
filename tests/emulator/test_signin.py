"""The token endpoint, with azure-identity over https and by hand."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential

from auditor.emulator import Emulator
from auditor.emulator.build import App, TenantBuilder
from tests.emulator.authority import certify, make_key, pem, private_pem, serve_as_localhost
from tests.emulator.caller import Caller
from tests.emulator.conftest import Start

SECRET = "right-secret"
DEFAULT = "https://graph.microsoft.com/.default"
GRAPH = "00000003-0000-0000-c000-000000000000"


class Https:
    """A tenant with a daemon, served over https."""

    def __init__(self, emulator: Emulator, daemon: App, key_file: Path, ca_file: Path) -> None:
        self.emulator, self.daemon, self.key_file, self.ca_file = emulator, daemon, key_file, ca_file


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Https]:
    folder = tmp_path_factory.mktemp("tls")
    tls, ca_file = serve_as_localhost(folder)
    tenant = TenantBuilder()
    daemon = tenant.app("Daemon", certificate="@now+300d")
    tenant.assign(daemon, "Application.Read.All")
    tenant.secret(daemon, SECRET)
    key = make_key()
    tenant.certificate(daemon, pem(certify("daemon", key)))
    (folder / "daemon.pem").write_bytes(private_pem(key) + pem(certify("daemon", key)).encode())
    certificate = certify("daemon", key)
    tenant.certificate(daemon, pem(certificate))
    (folder / "daemon.pem").write_bytes(private_pem(key) + pem(certificate).encode())
    with Emulator(tenant.data, tls=tls) as emulator:
        yield Https(emulator, daemon, folder / "daemon.pem", ca_file)
        assert emulator.defects == []


@pytest.fixture
def trusted(https: Https, monkeypatch: pytest.MonkeyPatch) -> Https:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(https.ca_file))
    return https


def read_over_https(https: Https, token: str) -> int:
    request = urllib.request.Request(
        f"{https.emulator.url}/v1.0/applications", headers={"Authorization": f"Bearer {token}"}
    )
    context = ssl.create_default_context(cafile=str(https.ca_file))
    with urllib.request.urlopen(request, context=context) as response:
        return int(response.status)


def test_secret_credential(trusted: Https) -> None:
    credential = ClientSecretCredential(
        TenantBuilder().tenant_id,
        trusted.daemon.app_id,
        SECRET,
        authority=trusted.emulator.url,
        disable_instance_discovery=True,
    )
    token = credential.get_token(DEFAULT).token
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["roles"] == ["Application.Read.All"]
    assert claims["oid"] == trusted.daemon.service_principal_id
    assert claims["appidacr"] == "1"
    assert read_over_https(trusted, token) == 200
    assert {record.path.rpartition("/")[2] for record in trusted.emulator.sign_ins} >= {"token"}


@pytest.mark.parametrize("tenant", ["contoso.onmicrosoft.com", TenantBuilder().tenant_id])
def test_certificate_credential(trusted: Https, tenant: str) -> None:
    credential = CertificateCredential(
        tenant,
        trusted.daemon.app_id,
        str(trusted.key_file),
        authority=trusted.emulator.url,
        disable_instance_discovery=True,
    )
    assert read_over_https(trusted, credential.get_token(DEFAULT).token) == 200


def test_wrong_secret_through_azure_identity(trusted: Https) -> None:
    credential = ClientSecretCredential(
        TenantBuilder().tenant_id,
        trusted.daemon.app_id,
        "wrong",
        authority=trusted.emulator.url,
        disable_instance_discovery=True,
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(DEFAULT)


# --- by hand ---------------------------------------------------------------------------------------------------------


def ask(caller: Caller, app_id: str, *, tenant: str | None = None, **form: str) -> tuple[int, dict[str, Any]]:
    fields = {
        "grant_type": "client_credentials",
        "scope": DEFAULT,
        "client_id": app_id,
        "client_secret": SECRET,
        **form,
    }
    body = urllib.parse.urlencode({key: value for key, value in fields.items() if value}).encode()
    url = f"{caller.emulator.url}/{tenant or TenantBuilder().tenant_id}/oauth2/v2.0/token"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body)) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def refusal(caller: Caller, app_id: str, **form: Any) -> int:
    status, content = ask(caller, app_id, **form)
    assert status in (400, 401)
    assert content["error_description"].startswith(f"AADSTS{content['error_codes'][0]}: ")
    assert {"error", "trace_id", "correlation_id", "timestamp"} <= set(content)
    return int(content["error_codes"][0])


def test_refusals(tenant: TenantBuilder, start: Start) -> None:
    daemon = tenant.app("Daemon")
    disabled = tenant.app("Disabled", enabled=False)
    expired = tenant.app("Expired", secret="@now-1d")
    for app in (daemon, disabled, expired):
        tenant.secret(app, SECRET)
    caller = start(tenant.data)
    assert refusal(caller, daemon.app_id, client_secret="wrong") == 7000215
    assert refusal(caller, daemon.app_id, client_secret="") == 7000218
    assert refusal(caller, expired.app_id) == 7000222
    assert refusal(caller, disabled.app_id) == 7000112
    assert refusal(caller, "11111111-2222-3333-4444-555555555555") == 700016
    assert refusal(caller, daemon.app_id, tenant="fabrikam.example") == 90002
    assert refusal(caller, daemon.app_id, scope="https://nowhere.example/.default") == 500011
    assert refusal(caller, daemon.app_id, scope="User.Read") == 1002012
    assert refusal(caller, daemon.app_id, grant_type="password") == 70003
    assert refusal(caller, daemon.app_id, client_secret="", client_assertion="nonsense") == 50027
    assert ask(caller, daemon.app_id)[0] == 200


def test_token_for_another_resource_does_not_open_graph(tenant: TenantBuilder, start: Start) -> None:
    daemon = tenant.app("Daemon")
    tenant.secret(daemon, SECRET)
    caller = start(tenant.data)
    exchange = "00000002-0000-0ff1-ce00-000000000000"
    status, content = ask(caller, daemon.app_id, scope=f"{exchange}/.default")
    assert status == 200
    caller.token = content["access_token"]
    assert caller.get("/users").message == "Access token validation failure. Invalid audience."


@pytest.mark.parametrize("resource", [GRAPH, "https://graph.microsoft.us", "own"])
def test_names_of_graph(tenant: TenantBuilder, start: Start, resource: str) -> None:
    daemon = tenant.app("Daemon")
    tenant.secret(daemon, SECRET)
    tenant.assign(daemon, "User.Read.All")
    caller = start(tenant.data)
    resource = caller.emulator.url if resource == "own" else resource
    caller.token = ask(caller, daemon.app_id, scope=f"{resource}/.default")[1]["access_token"]
    assert caller.get("/users").status == 200


def test_registration_without_service_principal_gets_a_token_that_opens_nothing(
    tenant: TenantBuilder, start: Start
) -> None:
    lonely = tenant.app("Lonely", service_principal=False)
    tenant.secret(lonely, SECRET)
    caller = start(tenant.data)
    caller.token = ask(caller, lonely.app_id)[1]["access_token"]
    assert caller.get("/users").code == "Authorization_IdentityNotFound"


def assertion(app_id: str, key: Any, certificate: Any, audience: str, **claims: Any) -> str:
    import time

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    def encoded(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    header = {"alg": "RS256", "x5t#S256": encoded(certificate.fingerprint(hashes.SHA256()))}
    body = {"iss": app_id, "sub": app_id, "aud": audience, "exp": time.time() + 600, **claims}
    head = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(body).encode())}"
    return f"{head}.{encoded(key.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def test_assertions(tenant: TenantBuilder, start: Start) -> None:
    daemon = tenant.app("Daemon")
    key, other_key = make_key(), make_key()
    certificate, expired = certify("daemon", key), certify("daemon", key, days=-1)
    tenant.certificate(daemon, pem(certificate))
    tenant.certificate(daemon, pem(expired))
    tenant.certificate(daemon, "not a certificate")
    caller = start(tenant.data)
    audience = f"{caller.emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"

    def number(text: str) -> int:
        return refusal(caller, daemon.app_id, client_secret="", client_assertion=text)

    good = assertion(daemon.app_id, key, certificate, audience)
    assert ask(caller, daemon.app_id, client_secret="", client_assertion=good)[0] == 200
    assert number(assertion(daemon.app_id, other_key, certificate, audience)) == 700027
    assert number(assertion(daemon.app_id, other_key, certify("x", other_key), audience)) == 700027
    assert number(assertion(daemon.app_id, key, expired, audience)) == 700027
    assert number(assertion(daemon.app_id, key, certificate, "https://elsewhere.example")) == 700024
    assert number(assertion(daemon.app_id, key, certificate, audience, exp=1)) == 700024
    assert number(assertion("someone-else", key, certificate, audience)) == 700213


def test_discovery_documents(tenant: TenantBuilder, start: Start) -> None:
    caller = start(tenant.data)
    url = caller.emulator.url
    with urllib.request.urlopen(f"{url}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration") as response:
        document = json.load(response)
    assert document["token_endpoint"] == f"{url}/{tenant.tenant_id}/oauth2/v2.0/token"
    with urllib.request.urlopen(f"{url}/common/discovery/instance?api-version=1.1") as response:
        assert json.load(response)["tenant_discovery_endpoint"].startswith(url)
    assert caller.emulator.requests == []
