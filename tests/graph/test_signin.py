"""Sign-in: azure-identity's real path over TLS against the emulator's token endpoint, and every way it can fail."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure import identity
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import RequestsTransport
from cryptography.hazmat.primitives import serialization

from auditor.emulator.build import App, TenantBuilder
from auditor.emulator.server import AUDIT_PERMISSIONS, Emulator
from auditor.errors import AuditorError, ConfigError, SignInError
from auditor.graph.claims import read_claims
from auditor.graph.collect import collect_tenant
from auditor.graph.refusal import Refusal
from auditor.graph.signin import GivenToken, sign_in, token_refused
from auditor.reference.clouds import CLOUDS, Cloud
from tests.emulator.authority import certify, make_key, pem, private_pem, serve_as_localhost
from tests.graph.scripted import FakeClock

SECRET = "the-right-secret-of-the-daemon"
PASSWORD = "open-sesame-of-the-key"
GLOBAL = CLOUDS["global"]
UNKNOWN = "99999999-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Auth:
    method: str
    client_id: str = ""
    secret_file: Path | None = None
    certificate_file: Path | None = None
    certificate_password_file: Path | None = None


@dataclass(frozen=True)
class Place:
    """A tenant with a daemon, served over TLS."""

    emulator: Emulator
    daemon: App
    tenant_id: str
    folder: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tls")
    tls, _ = serve_as_localhost(folder)
    tenant = TenantBuilder()
    daemon = tenant.app("Daemon", certificate="@now+300d")
    for permission in AUDIT_PERMISSIONS:
        tenant.assign(daemon, permission)
    tenant.secret(daemon, SECRET)
    key = make_key()
    certificate = certify("daemon", key)
    tenant.certificate(daemon, pem(certificate))
    (folder / "daemon.pem").write_bytes(private_pem(key) + pem(certificate).encode())
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    (folder / "locked.pem").write_bytes(locked + pem(certificate).encode())
    stranger = make_key()
    (folder / "stranger.pem").write_bytes(private_pem(stranger) + pem(certify("stranger", stranger)).encode())
    (folder / "secret.txt").write_text(f"{SECRET}\r\n", encoding="utf-8-sig")
    (folder / "password.txt").write_text(f"{PASSWORD}\n")
    with Emulator(tenant.data, tls=tls) as emulator:
        yield Place(emulator, daemon, tenant.data["tenant"]["id"], folder)
        assert emulator.defects == []


@pytest.fixture
def trusted(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(place.folder / "ca.pem"))
    return place


def attempt(
    place: Place | None,
    auth: Auth,
    *,
    tenant: str | None = "",
    environ: Mapping[str, str] | None = None,
    authority: str | None = "",
    cloud: Cloud = GLOBAL,
    told: list[str] | None = None,
) -> Any:
    return sign_in(
        auth,
        tenant=(place.tenant_id if place else None) if tenant == "" else tenant,
        cloud=cloud,
        authority=(place.emulator.url if place else None) if authority == "" else authority,
        environ=environ or {},
        tell=(told if told is not None else []).append,
    )


def refused(caught: pytest.ExceptionInfo[AuditorError]) -> str:
    """The message: one line, without secrets there or in the traceback."""
    shown = "".join(traceback.format_exception(caught.value))
    for secret in (SECRET, PASSWORD, "wrong-secret", "PRIVATE KEY"):
        assert secret not in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    message = str(caught.value)
    assert "\n" not in message
    return message


class TestOverTls:
    @pytest.mark.parametrize(
        ("method", "environ", "files"),
        [
            ("client-secret", {"AZURE_CLIENT_SECRET": SECRET}, {}),
            ("client-secret", {"AUDITOR_CLIENT_SECRET": SECRET, "AZURE_CLIENT_SECRET": "stale"}, {}),
            ("client-secret", {}, {"secret_file": "secret.txt"}),
            ("certificate", {}, {"certificate_file": "daemon.pem"}),
            ("certificate", {}, {"certificate_file": "locked.pem", "certificate_password_file": "password.txt"}),
            ("certificate", {"AZURE_CLIENT_CERTIFICATE_PASSWORD": PASSWORD}, {"certificate_file": "locked.pem"}),
            ("default", {"AZURE_CLIENT_SECRET": SECRET}, {}),
        ],
    )
    def test_a_credential_reads_the_tenant(
        self, method: str, environ: dict[str, str], files: dict[str, str], trusted: Place, tmp_path: Path
    ) -> None:
        paths = {name: trusted.folder / file for name, file in files.items()}
        credential = attempt(trusted, Auth(method, trusted.daemon.app_id, **paths), environ=environ)
        before = len(trusted.emulator.sign_ins)
        snapshot = collect_tenant(
            credential,
            tenant=trusted.tenant_id,
            cloud=GLOBAL,
            graph_url=trusted.emulator.url,
            folder=tmp_path / "snapshot",
            clock=FakeClock().clock,
        )
        credential.close()
        assert {state.status for state in snapshot.states.values()} == {"read"}
        assert snapshot.signed_in_as == f"app {trusted.daemon.app_id} (Daemon)"
        assert len(trusted.emulator.sign_ins) == before  # the token of the first try serves the whole collection

    def test_the_environment_of_azure_identity_works(self, trusted: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        environ = {
            "AZURE_TENANT_ID": trusted.tenant_id,
            "AZURE_CLIENT_ID": trusted.daemon.app_id,
            "AZURE_CLIENT_CERTIFICATE_PATH": str(trusted.folder / "daemon.pem"),
            "AZURE_AUTHORITY_HOST": trusted.emulator.url,
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        credential = attempt(trusted, Auth("default"), tenant=None, authority=None, environ=environ)
        credential.close()
        attempt(trusted, Auth("certificate"), tenant=None, authority=None, environ=environ).close()

    @pytest.mark.parametrize(
        ("auth", "environ", "code"),
        [
            (Auth("client-secret"), {"AZURE_CLIENT_SECRET": "wrong-secret"}, 7000215),
            (Auth("client-secret", UNKNOWN), {"AZURE_CLIENT_SECRET": SECRET}, 700016),
            (Auth("certificate", certificate_file=Path("stranger.pem")), {}, 700027),
        ],
        ids=["wrong secret", "unknown app", "unregistered certificate"],
    )
    def test_a_refusal_names_the_code_and_its_meaning(
        self, auth: Auth, environ: dict[str, str], code: int, trusted: Place
    ) -> None:
        file = auth.certificate_file and trusted.folder / auth.certificate_file
        known = Auth(auth.method, auth.client_id or trusted.daemon.app_id, certificate_file=file)
        with pytest.raises(SignInError) as caught:
            attempt(trusted, known, environ=environ)
        message = refused(caught)
        assert message.startswith(f"Sign-in failed (method {auth.method}, tenant {trusted.tenant_id}): AADSTS{code}: ")
        assert len(message) > 120
        assert caught.value.exit_code == 3

    def test_an_unknown_tenant(self, trusted: Place) -> None:
        auth = Auth("client-secret", trusted.daemon.app_id)
        with pytest.raises(SignInError, match=r"tenant fabrikam\.example\): .* no such tenant") as caught:
            attempt(trusted, auth, tenant="fabrikam.example", environ={"AZURE_CLIENT_SECRET": SECRET})
        refused(caught)

    def test_a_server_whose_certificate_nobody_trusts(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(RequestsTransport, "sleep", lambda self, seconds: None)  # between the library's own retries
        auth = Auth("client-secret", place.daemon.app_id)
        with pytest.raises(SignInError, match="not trusted here") as caught:
            attempt(place, auth, environ={"AZURE_CLIENT_SECRET": SECRET})
        refused(caught)

    def test_a_wrong_certificate_password(self, trusted: Place) -> None:
        (trusted.folder / "wrong.txt").write_text("wrong-secret")
        auth = Auth(
            "certificate",
            trusted.daemon.app_id,
            certificate_file=trusted.folder / "locked.pem",
            certificate_password_file=trusted.folder / "wrong.txt",
        )
        with pytest.raises(SignInError, match="method certificate") as caught:
            attempt(trusted, auth)
        refused(caught)


class TestIncomplete:
    """What a method needs and does not have: exit code 2, before anything is sent."""

    @pytest.mark.parametrize(
        ("auth", "tenant", "environ", "needs"),
        [
            (Auth("client-secret", UNKNOWN), "contoso.com", {}, "a client secret"),
            (Auth("client-secret"), "contoso.com", {"AZURE_CLIENT_SECRET": SECRET}, "an app id"),
            (Auth("client-secret", UNKNOWN), None, {"AZURE_CLIENT_SECRET": SECRET}, "a tenant"),
            (Auth("certificate", UNKNOWN), "contoso.com", {}, "a file"),
            (
                Auth("certificate", UNKNOWN, certificate_file=Path("/nowhere/x.pem")),
                "contoso.com",
                {},
                "cannot be read",
            ),
            (Auth("client-secret", UNKNOWN, secret_file=Path("/nowhere/x")), "contoso.com", {}, "cannot be read"),
            (Auth("sorcery"), None, {}, "is not known"),
        ],
    )
    def test_says_what_is_needed(self, auth: Auth, tenant: str | None, environ: dict[str, str], needs: str) -> None:
        with pytest.raises(ConfigError, match=needs) as caught:
            attempt(None, auth, tenant=tenant, environ=environ)
        refused(caught)
        assert caught.value.exit_code == 2

    def test_a_secret_pasted_where_its_file_was_wanted_is_not_repeated(self) -> None:
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            attempt(None, Auth("client-secret", UNKNOWN, secret_file=Path("pasted~secret")), tenant="contoso.com")
        assert "pasted" not in str(caught.value)

    @pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00"])
    def test_a_secret_file_without_a_secret(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(content)
        with pytest.raises(ConfigError, match="expected"):
            attempt(None, Auth("client-secret", UNKNOWN, secret_file=tmp_path / "secret"), tenant="contoso.com")

    def test_a_certificate_file_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "x.pem").write_text("no certificate")
        with pytest.raises(SignInError, match="method certificate"):
            attempt(None, Auth("certificate", UNKNOWN, certificate_file=tmp_path / "x.pem"), tenant="contoso.com")

    def test_a_secret_never_goes_over_plain_http(self) -> None:
        with pytest.raises(ConfigError, match="plain http"):
            attempt(
                None,
                Auth("client-secret", UNKNOWN),
                tenant="contoso.com",
                environ={"AZURE_CLIENT_SECRET": SECRET},
                authority="http://127.0.0.1:1",
            )


class TestGivenToken:
    @pytest.fixture(scope="class")
    def plain(self) -> Iterator[Emulator]:
        with Emulator(TenantBuilder().data) as emulator:
            yield emulator

    def test_a_good_token_is_handed_on(self, plain: Emulator) -> None:
        token = plain.auditor_token()
        for method in ("token", "default"):
            credential = attempt(None, Auth(method), environ={"AUDITOR_ACCESS_TOKEN": f" Bearer {token}\n"})
            assert credential.get_token("x", enable_cae=True).token == token
            assert token not in repr(credential)

    def test_other_methods_do_not_take_it(self, plain: Emulator) -> None:
        environ = {"AUDITOR_ACCESS_TOKEN": plain.auditor_token()}
        with pytest.raises(ConfigError, match="client-secret"):
            attempt(None, Auth("client-secret"), environ=environ)

    @pytest.mark.parametrize(
        "value", ["", "   ", "opaque", "a.b.c", "EwB4A8l6BAAU", "e30.e30", "e30.W10.x", "one two.e30.x"]
    )
    def test_what_is_no_token(self, value: str) -> None:
        with pytest.raises(SignInError, match="AUDITOR_ACCESS_TOKEN") as caught:
            attempt(None, Auth("token"), environ={"AUDITOR_ACCESS_TOKEN": value})
        assert caught.value.exit_code == 3
        assert value.strip() == "" or value not in str(caught.value)

    def test_expired(self, plain: Emulator) -> None:
        token = plain.token(expires_in=-3600)
        with pytest.raises(SignInError, match=r"has expired \(20\d\d-.* UTC\)") as caught:
            attempt(None, Auth("token"), environ={"AUDITOR_ACCESS_TOKEN": token})
        assert token not in str(caught.value)

    def test_for_another_resource_and_another_cloud(self, plain: Emulator) -> None:
        for audience, cloud in (("https://vault.azure.net", "global"), ("https://graph.microsoft.com", "china")):
            token = plain.token(audience=audience)
            with pytest.raises(SignInError, match=f"for another resource \\({audience}\\)"):
                attempt(None, Auth("token"), environ={"AUDITOR_ACCESS_TOKEN": token}, cloud=CLOUDS[cloud])

    def test_of_another_tenant(self, plain: Emulator) -> None:
        token = plain.auditor_token()
        with pytest.raises(SignInError, match=f"tenant {UNKNOWN} was asked for"):
            attempt(None, Auth("token"), tenant=UNKNOWN, environ={"AUDITOR_ACCESS_TOKEN": token})

    def test_the_audience_in_any_form(self, plain: Emulator) -> None:
        for audience in (
            "https://graph.microsoft.com",
            "https://graph.microsoft.com/",
            "00000003-0000-0000-c000-000000000000",
        ):
            assert read_claims(plain.token(audience=audience)).is_for(GLOBAL)


class _Recorded:
    """Stands in for an azure-identity credential; notes how it was made."""

    made: tuple[tuple[Any, ...], dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        type(self).made = (args, kwargs)

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        assert scopes[0].endswith("/.default")
        prompt = self.made[1].get("prompt_callback")
        if prompt is not None:
            prompt("https://microsoft.com/devicelogin", "ABC123", None)
        return GivenToken("t", 4e9).get_token()


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS.keys())
@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("default", "DefaultAzureCredential"),
        ("client-secret", "ClientSecretCredential"),
        ("workload-identity", "WorkloadIdentityCredential"),
        ("device-code", "DeviceCodeCredential"),
        ("interactive", "InteractiveBrowserCredential"),
    ],
)
def test_every_method_signs_in_at_its_cloud(
    method: str, kind: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = type(kind, (_Recorded,), {})
    monkeypatch.setattr(identity, kind, stub)
    environ = {"AZURE_CLIENT_SECRET": SECRET} if method == "client-secret" else {}
    attempt(
        None, Auth(method, UNKNOWN if method != "default" else ""), tenant="contoso.com", environ=environ, cloud=cloud
    )
    kwargs = stub.made[1]
    assert kwargs["authority"] == f"https://{cloud.login_host}"
    assert "disable_instance_discovery" not in kwargs
    assert "contoso.com" in [*stub.made[0], *kwargs.values()]


def test_managed_identity_and_azure_cli_have_no_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    for method, kind in (("managed-identity", "ManagedIdentityCredential"), ("azure-cli", "AzureCliCredential")):
        stub = type(kind, (_Recorded,), {})
        monkeypatch.setattr(identity, kind, stub)
        attempt(None, Auth(method, UNKNOWN), tenant="contoso.com")
        assert "authority" not in stub.made[1]
    assert stub.made[1]["tenant_id"] == "contoso.com"


def test_the_device_code_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "DeviceCodeCredential", type("Device", (_Recorded,), {}))
    told: list[str] = []
    attempt(None, Auth("device-code"), told=told)
    assert told == ["To sign in, open https://microsoft.com/devicelogin and enter the code ABC123"]


def test_nothing_works_is_one_sentence_with_every_way() -> None:
    error = ClientAuthenticationError(
        "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
        "\tEnvironmentCredential: EnvironmentCredential authentication unavailable. Environment variables are not set.\n"
        "Visit https://aka.ms/x to troubleshoot.\n"
        "\tAzureCliCredential: Azure CLI not found on path\n"
        "To mitigate this issue, please refer to the troubleshooting guidelines."
    )
    message = str(token_refused(error, method="default", tenant="contoso.com"))
    assert message.startswith("Sign-in failed (method default, tenant contoso.com): none of the ways")
    assert "Environment (Environment variables are not set)" in message
    assert "AzureCli (Azure CLI not found on path)" in message
    assert "\n" not in message
    assert "mitigate" not in message


def test_an_unknown_code_keeps_entras_words() -> None:
    error = ClientAuthenticationError(
        "Authentication failed: AADSTS9999999: Something new happened. Trace ID: 123 secret"
    )
    assert str(token_refused(error, method="x")) == "Sign-in failed (method x): AADSTS9999999: Something new happened."


def test_a_token_that_cannot_be_renewed_on_the_way_fails_its_sources_alone(tmp_path: Path) -> None:
    class Fading(GivenToken):
        calls = 0

        def get_token(self, *scopes: str, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls > 4:
                raise ClientAuthenticationError(
                    "Authentication failed: AADSTS7000222: The provided client secret is expired."
                )
            return super().get_token(*scopes)

    with Emulator(TenantBuilder().data) as emulator:
        snapshot = collect_tenant(
            Fading(emulator.auditor_token(), 4e9),
            tenant=None,
            cloud=GLOBAL,
            graph_url=emulator.url,
            folder=tmp_path / "snapshot",
            clock=FakeClock().clock,
        )
    assert snapshot.states["organization"].is_read
    failed = [state for state in snapshot.states.values() if state.status == "failed"]
    assert len(failed) > 5
    assert all("AADSTS7000222" in state.detail for state in failed)


def test_refusals_are_no_auditor_errors() -> None:
    """They must never reach a person unclassified."""
    assert not issubclass(Refusal, AuditorError)
