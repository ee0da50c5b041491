"""credential-expired: none valid, about to end, none at all; and the many apps that are fine."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator.build import TenantBuilder
from tests.support import examine, load_tenant

SLUG = "credential-expired"
WEB = ("https://app.example/signin",)
FEDERATED = "applications/federatedIdentityCredentials"


def password(number: int, start: str, end: str) -> dict[str, Any]:
    return {
        "keyId": f"00000000-0000-4000-8000-{number:012}",
        "displayName": "x",
        "startDateTime": start,
        "endDateTime": end,
    }


@pytest.mark.parametrize(
    ("app", "code"),
    [
        ({"secret": "@now-1d"}, "AADSTS7000222"),
        ({"secret": None, "certificate": "@now-40d"}, "AADSTS700027"),
        ({"secret": "@now-90d", "certificate": "@now-40d"}, "AADSTS700027"),
        ({"secret": "@now-40d", "certificate": "@now-90d"}, "AADSTS7000222"),
        ({"secret": "@now-1d", "web": WEB}, "AADSTS7000222"),
    ],
)
def test_all_past(app: dict[str, Any], code: str) -> None:
    builder = TenantBuilder()
    made = builder.app("App", **app)
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("high", "certain")
    assert (finding.http_status, finding.error_code, finding.app_id) == (401, code, made.app_id)
    assert finding.evidence["valid_credentials"] == 0
    assert any(made.app_id in command for command in finding.remediation.commands)


@pytest.mark.parametrize(
    ("app", "severity", "certainty"),
    [
        ({"spa": WEB}, "low", "possible"),
        ({"public": ("http://localhost",)}, "low", "possible"),
        ({"fallback": True}, "low", "possible"),
        ({"enabled": False}, "low", "certain"),
        (
            {"web": WEB, "registration": {"web": {"redirectUris": list(WEB), "implicitGrantSettings": {"enableIdTokenIssuance": True}}}},
            "medium",
            "likely",
        ),
    ],
)  # fmt: skip
def test_past_where_it_may_not_matter(app: dict[str, Any], severity: str, certainty: str) -> None:
    builder = TenantBuilder()
    builder.app("App", secret="@now-1d", **app)
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty, finding.error_code) == (severity, certainty, "AADSTS7000222")
    assert finding.evidence["note"]


def test_past_secret_is_only_likely_when_federated_credentials_were_not_read() -> None:
    builder = TenantBuilder()
    builder.app("App", secret="@now-1d")
    (finding,) = examine(SLUG, load_tenant(builder.data, unread=(FEDERATED,))).findings
    assert finding.certainty == "likely"
    assert "federated" in finding.evidence["note"]


def test_not_yet_valid_does_not_count_as_valid() -> None:
    builder = TenantBuilder()
    app = builder.app("App")
    builder.registration(app)["passwordCredentials"] = [password(1, "@now+2d", "@now+300d")]
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.evidence["not_yet_valid_credentials"]) == ("high", 1)
    assert "becomes valid on 2026-11-24" in finding.summary


@pytest.mark.parametrize(
    ("end", "days", "fires"), [("@now+29d", 30, True), ("@now+31d", 30, False), ("@now+31d", 60, True)]
)
def test_soon_past(end: str, days: int, fires: bool) -> None:
    builder = TenantBuilder()
    builder.app("App", secret=end)
    findings = examine(SLUG, builder.data, credential_warning_days=days).findings
    assert [(finding.severity, finding.certainty, finding.http_status, finding.error_code) for finding in findings] == (
        [("medium", "certain", None, None)] if fires else []
    )
    if fires:
        assert findings[0].evidence["error_code_then"] == "AADSTS7000222"


def test_it_keeps_its_identity_when_it_grows_worse_and_when_renamed() -> None:
    prints = set()
    for end, name in (("@now+5d", "App"), ("@now-5d", "App"), ("@now-5d", "Renamed")):
        builder = TenantBuilder()
        builder.app("App", secret=end, registration={"displayName": name})
        (finding,) = examine(SLUG, builder.data).findings
        prints.add(finding.fingerprint)
    assert len(prints) == 1


@pytest.mark.parametrize(
    "secrets",
    [
        [("@now-300d", "@now-1d"), ("@now-30d", "@now+300d")],
        [("@now-300d", "@now+5d"), ("@now-30d", "@now+300d")],
        [("@now-300d", "@now+5d"), ("@now+2d", "@now+300d")],
    ],
)
def test_renewed_in_time(secrets: list[tuple[str, str]]) -> None:
    builder = TenantBuilder()
    app = builder.app("App")
    builder.registration(app)["passwordCredentials"] = [
        password(number, start, end) for number, (start, end) in enumerate(secrets)
    ]
    assert examine(SLUG, builder.data).findings == []


def test_a_renewal_that_starts_too_late_leaves_a_gap() -> None:
    builder = TenantBuilder()
    app = builder.app("App")
    secrets = [password(1, "@now-300d", "@now+5d"), password(2, "@now+9d", "@now+300d")]
    builder.registration(app)["passwordCredentials"] = secrets
    (finding,) = examine(SLUG, builder.data).findings
    assert finding.evidence["days_left"] == 5


@pytest.mark.parametrize(
    "app",
    [
        {"secret": "@now+300d"},
        {"secret": None, "certificate": "@now+300d"},
        {"secret": "@now-1d", "federated": ("repo:contoso/app:ref:refs/heads/main",)},
        {"secret": None, "federated": ("repo:contoso/app:ref:refs/heads/main",), "web": WEB},
        {"secret": None, "spa": WEB},
        {"secret": None, "public": ("http://localhost",)},
        {"secret": None, "fallback": True},
        {"secret": None},
        {"secret": None, "web": WEB, "spa": WEB},
        {"secret": None, "web": WEB, "audience": "PersonalMicrosoftAccount"},
        {"secret": None, "web": WEB, "principal": {"preferredSingleSignOnMode": "saml"}},
        {
            "secret": None,
            "web": WEB,
            "registration": {"web": {"redirectUris": list(WEB), "implicitGrantSettings": {"enableIdTokenIssuance": True}}},
        },
    ],
)  # fmt: skip
def test_nothing_wrong(app: dict[str, Any]) -> None:
    builder = TenantBuilder()
    builder.app("App", **app)
    assert examine(SLUG, builder.data).findings == []


@pytest.mark.parametrize(
    "app", [{"web": WEB}, {"requests": [("User.Read.All", "application")]}], ids=["web app", "daemon"]
)
def test_no_credential_at_all(app: dict[str, Any]) -> None:
    builder = TenantBuilder()
    builder.app("App", secret=None, **app)
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("medium", "likely")
    assert (finding.http_status, finding.error_code) == (401, "AADSTS7000218")
    (unread,) = examine(SLUG, load_tenant(builder.data, unread=(FEDERATED,))).findings
    assert unread.certainty == "possible"


def test_credentials_of_service_principals() -> None:
    builder = TenantBuilder()
    app = builder.external("Vendor")
    builder.principal(app)["passwordCredentials"] = [password(1, "@now-300d", "@now-1d")]
    identity = builder.managed_identity("func")
    builder.principal(identity)["keyCredentials"][0]["endDateTime"] = "@now-1d"
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.app_id, finding.severity, finding.certainty) == (app.app_id, "low", "possible")


@pytest.mark.parametrize(("end", "severity"), [("@now-1d", "low"), ("@now+9d", "info"), ("@now+90d", None)])
def test_saml_signing_certificates_are_told_apart(end: str, severity: str | None) -> None:
    builder = TenantBuilder()
    app = builder.app("Saml", secret=None, web=WEB)
    key = {"startDateTime": "@now-300d", "endDateTime": end, "type": "X509CertAndPassword"}
    builder.principal(app).update(
        preferredSingleSignOnMode="saml",
        keyCredentials=[
            {**key, "keyId": "00000000-0000-4000-8000-000000000001", "usage": "Sign"},
            {**key, "keyId": "00000000-0000-4000-8000-000000000002", "usage": "Verify"},
        ],
        passwordCredentials=[password(1, "@now-300d", end)],
    )
    findings = examine(SLUG, builder.data).findings
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    assert all((finding.http_status, finding.error_code) == (None, None) for finding in findings)
