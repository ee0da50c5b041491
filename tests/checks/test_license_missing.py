"""license-missing: permissions whose service plan the tenant does not own, or owns suspended."""

from __future__ import annotations

import pytest

from auditor.emulator.build import EXCHANGE, SHAREPOINT, TenantBuilder
from auditor.reference.licences import licences
from tests.support import examine

SLUG = "license-missing"
WEB = ("https://app.example/signin",)
FOUNDATION = ("113feb6c-3fe4-4440-bddc-54d774bf0318", "EXCHANGE_S_FOUNDATION")


def unlicensed() -> TenantBuilder:
    builder = TenantBuilder()
    builder.remove_licences()
    return builder


@pytest.mark.parametrize(
    ("permission", "licence", "certainty", "status", "code"),
    [
        (("Mail.Read", "application"), "exchange", "likely", 404, "MailboxNotEnabledForRESTAPI"),
        (("Calendars.Read", "application"), "exchange", "likely", 404, "MailboxNotEnabledForRESTAPI"),
        (("Mail.Read", "application", EXCHANGE), "exchange", "likely", 404, "MailboxNotEnabledForRESTAPI"),
        (("Sites.Read.All", "application"), "sharepoint", "likely", 400, "BadRequest"),
        (("Sites.Read.All", "application", SHAREPOINT), "sharepoint", "likely", 400, "BadRequest"),
        (("ChannelMessage.Read.All", "application"), "teams", "likely", 403, None),
        (("DeviceManagementApps.Read.All", "application"), "intune", "likely", 400, "BadRequest"),
        (
            ("AuditLog.Read.All", "application"),
            "entra-id-p1-sign-ins",
            "possible",
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
        ),
        (("Policy.Read.ConditionalAccess", "application"), "entra-id-p1-conditional-access", "likely", 403, "AccessDenied"),
        (("IdentityRiskyUser.Read.All", "application"), "entra-id-p2-risky-users", "likely", 403, "Forbidden"),
        (
            ("RoleEligibilitySchedule.Read.Directory", "application"),
            "entra-id-p2-pim",
            "likely",
            400,
            "AadPremiumLicenseRequired",
        ),
        (("LifecycleWorkflows.Read.All", "application"), "lifecycle-workflows", "likely", 403, None),
        (("SecurityAlert.Read.All", "application"), "defender", "possible", None, None),
    ],
)  # fmt: skip
def test_no_such_plan(
    permission: tuple[str, str], licence: str, certainty: str, status: int | None, code: str | None
) -> None:
    builder = unlicensed()
    app = builder.consent(builder.app("App", requests=[permission]))
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.app_id, finding.subject) == (app.app_id, (licence,))
    assert (finding.certainty, finding.http_status, finding.error_code) == (certainty, status, code)
    assert finding.severity == ("medium" if certainty == "likely" else "low")
    assert finding.evidence["permissions"] == [permission[0]]


def test_one_finding_an_app_and_licence() -> None:
    builder = unlicensed()
    requests = [("Mail.Read", "application"), ("Mail.Send", "application"), ("Calendars.Read", "delegated")]
    builder.consent(builder.app("App", requests=requests))
    (finding,) = examine(SLUG, builder.data).findings
    assert finding.evidence["permissions"] == ["Calendars.Read", "Mail.Read", "Mail.Send"]
    assert finding.permission is None


def test_suspended_subscription_is_named() -> None:
    builder = unlicensed()
    builder.licence("INTUNE_A", status="Suspended")
    builder.consent(builder.app("App", requests=[("DeviceManagementApps.Read.All", "application")]))
    (finding,) = examine(SLUG, builder.data).findings
    assert "suspended" in finding.summary
    assert finding.evidence["plans_not_active"][0]["subscription_status"] == "Suspended"


@pytest.mark.parametrize("status", ["Enabled", "Warning"])
def test_owned(status: str) -> None:
    builder = unlicensed()
    builder.licence("SPE_E5", status=status)
    requests = [("Mail.Read", "application"), ("Sites.Read.All", "application"), ("Chat.Read", "delegated")]
    builder.consent(builder.app("App", requests=[*requests, ("DeviceManagementApps.Read.All", "application")]))
    assert examine(SLUG, builder.data).findings == []


@pytest.mark.parametrize(
    ("plan", "fires"),
    [
        (FOUNDATION, True),
        (("00000000-0000-4000-8000-000000000001", "SHAREPOINTWAC"), True),
        (("00000000-0000-4000-8000-000000000001", "EXCHANGE_S_ENTERPRISE_GOV"), False),
        (("efb87545-963c-4e0d-99df-69c6916d9eb0", "RENAMED"), False),
    ],
)
def test_plans_are_told_by_id_and_by_name(plan: tuple[str, str], fires: bool) -> None:
    builder = unlicensed()
    builder.licence("SOME", [plan])
    builder.consent(builder.app("App", requests=[("Mail.Read", "application")]))
    assert bool(examine(SLUG, builder.data).findings) is fires


@pytest.mark.parametrize(
    ("permission", "plan", "certainty"),
    [
        ("Chat.Read.All", "TEAMS1", None),
        ("Chat.Read.All", "TEAMS_GOV", None),
        ("Chat.Read.All", "MCOSTANDARD", "possible"),
        ("Chat.Read.All", "MCOIMP", "possible"),
        ("Chat.Read.All", "TEAMSPRO_MGMT", "possible"),
        ("Sites.Read.All", "SHAREPOINTSTORAGE", "likely"),
        ("Sites.Read.All", "SHAREPOINTSTANDARD_EDU", None),
    ],
)
def test_plans_that_look_like_enough(permission: str, plan: str, certainty: str | None) -> None:
    builder = unlicensed()
    builder.licence("SOME", [("00000000-0000-4000-8000-000000000001", plan)])
    builder.consent(builder.app("App", requests=[(permission, "application")]))
    findings = examine(SLUG, builder.data).findings
    assert [finding.certainty for finding in findings] == ([certainty] if certainty else [])


def test_basic_device_management_may_be_enough() -> None:
    builder = unlicensed()
    builder.licence("O365", [("882e1d05-acd1-4ccb-8708-6ee03664b117", "INTUNE_O365")])
    builder.consent(builder.app("App", requests=[("DeviceManagementApps.Read.All", "application")]))
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.certainty, finding.severity) == ("possible", "low")


def test_requested_only_is_low() -> None:
    builder = unlicensed()
    builder.app("App", requests=[("Mail.Read", "application")])
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == ("low", "likely")


def test_apps_that_need_no_licence_here() -> None:
    builder = unlicensed()
    request = [("Mail.Read", "delegated")]
    builder.app("Personal", web=WEB, audience="PersonalMicrosoftAccount", requests=request)
    builder.consent(builder.app("Disabled", requests=[("Mail.Read", "application")], enabled=False))
    builder.consent(builder.app("Directory", requests=[("User.Read.All", "application"), ("User.Read", "delegated")]))
    builder.grant("00000003-0000-0ff1-ce00-000000000000", "Mail.Read")  # a first-party app
    assert examine(SLUG, builder.data).findings == []


def test_reference_is_sound() -> None:
    assert len({licence.id for licence in licences()}) == len(licences())
    for licence in licences():
        assert licence.plans
        assert licence.url.startswith("https://learn.microsoft.com/")
        assert not any(licence.not_names.fullmatch(name) for name in ("EXCHANGE_S_STANDARD", "SHAREPOINTENTERPRISE"))
