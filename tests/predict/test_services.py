"""Which service answers a path, and in which words it refuses."""

from __future__ import annotations

import pytest

from auditor.predict.services import Service, refusal, service_of


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/users", "directory"),
        ("/users/{id}", "directory"),
        ("/users/{id}/memberOf", "directory"),
        ("/ME", "directory"),
        ("/applications(appId='x')", "directory"),
        ("/roleManagement/directory/roleAssignments", "directory"),
        ("/users/{id}/messages", "exchange"),
        ("/users('a@b.com')/messages", "exchange"),
        ("/me/mailFolders/inbox/messages", "exchange"),
        ("/me/calendarView", "exchange"),
        ("/users/{id}/sendMail", "exchange"),
        ("/me/drive/root/children", "files"),
        ("/sites/contoso.sharepoint.com:/sites/a", "files"),
        ("/groups/{id}/drive", "files"),
        ("/shares/{id}/driveItem", "files"),
        ("/teams/{id}/channels", "teams"),
        ("/me/joinedTeams", "teams"),
        ("/users/{id}/onlineMeetings/{id}", "teams"),
        ("/users/{id}/planner/tasks", "other"),
        ("/me/todo/lists", "other"),
        ("/users/{id}/authentication/methods", "other"),
        ("/reports/getMailboxUsageDetail(period='D7')", "other"),
        ("/deviceManagement/managedDevices", "other"),
        ("/usersAndMore", "other"),
        ("/", "other"),
        ("", "other"),
    ],
)
def test_service(path: str, service: Service) -> None:
    assert service_of(path) == service


@pytest.mark.parametrize(
    ("path", "empty", "status", "code"),
    [
        ("/users", False, 403, "Authorization_RequestDenied"),
        ("/users", True, 403, "Authorization_RequestDenied"),
        ("/users/{id}/messages", False, 403, "ErrorAccessDenied"),
        ("/users/{id}/messages", True, 401, "NoPermissionsInAccessToken"),
        ("/drives/{id}", False, 403, "accessDenied"),
        ("/teams/{id}", False, 403, "Forbidden"),
        ("/planner/tasks", False, 403, None),
    ],
)
def test_refusal(path: str, empty: bool, status: int, code: str | None) -> None:
    assert refusal(path, empty=empty) == (status, code)
