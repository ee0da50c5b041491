"""Licences by call: which plan a call needs, whose, and what the service answers without."""

from __future__ import annotations

import pytest

from auditor.reference import catalog
from auditor.reference.licences import Licence, licences, needed_by
from auditor.reference.names import table

P2 = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
CATALOG = catalog.load()


def needed(method: str, path: str, query: tuple[str, ...] = (), permissions: tuple[str, ...] = ()) -> list[Licence]:
    return list(needed_by(method, CATALOG.template(method, path) or path, query, permissions))


@pytest.mark.parametrize(
    ("method", "path", "licence", "status", "code", "certainty"),
    [
        (
            "GET",
            "/auditLogs/signIns",
            "entra-id-p1-sign-ins",
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "likely",
        ),
        (
            "GET",
            "/reports/authenticationMethods/userRegistrationDetails",
            "entra-id-p1-sign-ins",
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "likely",
        ),
        (
            "GET",
            "/roleManagement/directory/roleEligibilityScheduleInstances",
            "entra-id-p2-pim",
            400,
            "AadPremiumLicenseRequired",
            "likely",
        ),
        ("GET", "/identityProtection/riskyUsers", "entra-id-p2-risky-users", 403, "Forbidden", "likely"),
        ("GET", "/identityProtection/riskDetections", "entra-id-p1-risk-detections", 403, "Forbidden", "likely"),
        (
            "POST",
            "/identity/conditionalAccess/policies",
            "entra-id-p1-conditional-access",
            403,
            "AccessDenied",
            "likely",
        ),
        ("GET", "/identityGovernance/accessReviews/definitions", "governance", 403, None, "likely"),
        ("GET", "/identityGovernance/lifecycleWorkflows/workflows", "lifecycle-workflows", 403, None, "likely"),
        ("GET", "/deviceManagement/managedDevices", "intune", 400, "BadRequest", "likely"),
        ("GET", "/sites/1/lists", "sharepoint", 400, "BadRequest", "likely"),
        ("GET", "/drives/1/items/2/children", "sharepoint", 400, "BadRequest", "likely"),
        ("GET", "/teams/1/channels", "teams", 403, None, "likely"),
        ("GET", "/groups/1/calendar/events", "exchange", 404, "MailboxNotEnabledForRESTAPI", "likely"),
    ],
)
def test_calls_that_need_a_plan_of_the_tenant(
    method: str, path: str, licence: str, status: int, code: str | None, certainty: str
) -> None:
    (found,) = needed(method, path)
    assert (found.id, found.http_status, found.error_code, found.certainty) == (licence, status, code, certainty)
    assert not found.per_user


@pytest.mark.parametrize(
    ("method", "path", "licence", "status"),
    [
        ("GET", "/me/messages", "exchange", 404),
        ("GET", "/users/alice@contoso.com/messages", "exchange", 404),
        ("POST", "/users/1/sendMail", "exchange", 404),
        ("GET", "/users/1/calendarView", "exchange", 404),
        ("GET", "/me/mailboxSettings", "exchange", 404),
        ("GET", "/me/todo/lists", "exchange", 404),
        ("GET", "/me/drive/root/children", "sharepoint", 404),
        ("GET", "/users/1/drive", "sharepoint", 404),
        ("GET", "/users/1/chats", "teams", 403),
        ("POST", "/users/1/onlineMeetings", "teams", 403),
    ],
)
def test_calls_that_need_a_plan_of_the_user(method: str, path: str, licence: str, status: int) -> None:
    (found,) = needed(method, path)
    assert (found.id, found.http_status, found.per_user) == (licence, status, True)


def test_the_same_licence_is_the_tenants_or_the_users() -> None:
    (drive,), (site,) = needed("GET", "/me/drive"), needed("GET", "/sites/root")
    assert drive.plans == site.plans
    assert (drive.per_user, site.per_user) == (True, False)
    assert drive.message != site.message


@pytest.mark.parametrize(
    ("method", "path", "permissions"),
    [
        ("GET", "/auditLogs/directoryAudits", ("AuditLog.Read.All",)),
        ("GET", "/roleManagement/directory/roleAssignments", ("RoleManagement.Read.Directory",)),
        ("GET", "/users", ("AuditLog.Read.All", "User.Read.All")),
        ("GET", "/groups", ("Group.Read.All",)),
        ("GET", "/me", ()),
        ("GET", "/me/photo/$value", ("User.Read",)),
    ],
)
def test_calls_that_need_none(method: str, path: str, permissions: tuple[str, ...]) -> None:
    assert needed(method, path, (), permissions) == []


def test_a_property_that_needs_a_plan() -> None:
    assert [one.id for one in needed("GET", "/users", ("signInActivity", "displayName"))] == ["entra-id-p1-sign-ins"]
    assert [one.id for one in needed("GET", "/users/1", ("signInActivity",))] == ["entra-id-p1-sign-ins"]
    assert needed("GET", "/users", ("displayName",)) == []
    assert needed("GET", "/groups", ("signInActivity",)) == []


def test_a_call_without_an_entry_is_judged_by_its_permissions() -> None:
    assert [one.id for one in needed("GET", "/nobody/knows", (), ("LifecycleWorkflows.Read.All",))] == [
        "lifecycle-workflows"
    ]
    assert needed("GET", "/nobody/knows", (), ("LifecycleWorkflows.Read.All", "Directory.Read.All")) == []


def test_by_permission_nothing_changed() -> None:
    """What license-missing goes by."""
    by_id = {licence.id: licence for licence in licences()}
    assert by_id["entra-id-p1-sign-ins"].certainty == "possible"
    assert not any(licence.per_user for licence in licences())
    assert by_id["entra-id-p2-pim"].is_met_by(P2, "whatever")


def test_every_licence_says_for_which_calls() -> None:
    for entry in table("licences")["licence"]:
        assert entry["when"], entry["id"]
        for when in entry["when"]:
            assert set(when) <= {"calls", "query", "per_user", "certainty", "http_status", "error_code", "message"}
