"""Directory roles by call: what a signed-in user needs, what guests meet, and that every entry means something."""

from __future__ import annotations

import re

import pytest

from auditor.reference import catalog, paths, roles
from auditor.reference.call_patterns import CallPatterns
from auditor.reference.names import strings, table
from auditor.reference.roles import guest_level, guest_rule, role_templates, user_call_rule

DATA = table("roles")
ENTRIES = DATA["user_call"]
GUESTS = DATA["guest_call"]
CATALOG = catalog.load()


def rule(method: str, path: str, *fields: str) -> roles.UserCallRule:
    found = user_call_rule(method, CATALOG.template(method, path) or path, fields)
    assert found is not None, (method, path)
    return found


@pytest.mark.parametrize(
    ("method", "path", "fields", "enough", "not_enough"),
    [
        (
            "POST",
            "/servicePrincipals/1/appRoleAssignedTo",
            (),
            "Cloud Application Administrator",
            "Intune Administrator",
        ),
        (
            "POST",
            "/servicePrincipals(appId='1')/appRoleAssignments",
            (),
            "Privileged Role Administrator",
            "Global Reader",
        ),
        ("DELETE", "/servicePrincipals/1/appRoleAssignedTo/2", (), "User Administrator", "Helpdesk Administrator"),
        ("POST", "/oauth2PermissionGrants", (), "Application Administrator", "Global Reader"),
        ("GET", "/identity/conditionalAccess/policies", (), "Security Reader", "User Administrator"),
        ("PATCH", "/identity/conditionalAccess/policies/1", (), "Conditional Access Administrator", "Security Reader"),
        ("POST", "/roleManagement/directory/roleAssignments", (), "Privileged Role Administrator", "Global Reader"),
        (
            "GET",
            "/roleManagement/directory/roleEligibilityScheduleInstances",
            (),
            "Security Operator",
            "User Administrator",
        ),
        ("GET", "/auditLogs/signIns", (), "Reports Reader", "Exchange Administrator"),
        ("GET", "/auditLogs/directoryAudits", (), "Security Reader", "Exchange Administrator"),
        ("GET", "/reports/getOneDriveActivityUserCounts(period='D7')", (), "Reports Reader", "Security Reader"),
        ("GET", "/reports/authenticationMethods/userRegistrationDetails", (), "Reports Reader", "Teams Administrator"),
        ("POST", "/users", (), "User Administrator", "Helpdesk Administrator"),
        ("DELETE", "/users/1", (), "User Administrator", "Directory Writers"),
        ("PATCH", "/users/1", ("passwordProfile",), "Helpdesk Administrator", "Groups Administrator"),
        ("PATCH", "/users/1", ("accountEnabled",), "User Administrator", "Password Administrator"),
        (
            "POST",
            "/users/1/authentication/methods/2/resetPassword",
            (),
            "Authentication Administrator",
            "Global Reader",
        ),
        ("GET", "/identityProtection/riskyUsers", (), "Security Operator", "Conditional Access Administrator"),
        ("POST", "/identityProtection/riskyUsers/dismiss", (), "Security Administrator", "Security Reader"),
        ("PATCH", "/organization/1", (), "Billing Administrator", "Global Reader"),
        ("PATCH", "/domains/contoso.com", (), "Domain Name Administrator", "Global Reader"),
        ("PATCH", "/policies/authorizationPolicy", (), "Privileged Role Administrator", "Security Administrator"),
        ("GET", "/admin/sharepoint/settings", (), "SharePoint Administrator", "Teams Administrator"),
        ("POST", "/groups", ("isAssignableToRole",), "Privileged Role Administrator", "Groups Administrator"),
        ("POST", "/users/1/assignLicense", (), "License Administrator", "Helpdesk Administrator"),
        (
            "GET",
            "/identityGovernance/lifecycleWorkflows/workflows",
            (),
            "Lifecycle Workflows Administrator",
            "Security Reader",
        ),
    ],
)
def test_calls_that_refuse_a_member(
    method: str, path: str, fields: tuple[str, ...], enough: str, not_enough: str
) -> None:
    found = rule(method, path, *fields)
    assert found.members == "refused"
    assert found.certainty == "likely"
    assert found.roles[enough] == role_templates()[enough]
    assert not_enough in role_templates()
    assert not_enough not in found.roles
    assert "Global Administrator" in found.roles


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users"),
        ("GET", "/users/1"),
        ("GET", "/me"),
        ("PATCH", "/me"),
        ("GET", "/groups"),
        ("GET", "/applications"),
        ("GET", "/servicePrincipals"),
        ("GET", "/servicePrincipals/1/appRoleAssignedTo"),
        ("GET", "/policies/authorizationPolicy"),
        ("GET", "/organization"),
        ("GET", "/domains"),
        ("GET", "/subscribedSkus"),
        ("GET", "/devices"),
        ("GET", "/directoryRoles"),
        ("GET", "/roleManagement/directory/roleEligibilityScheduleRequests/filterByCurrentUser(on='principal')"),
        ("GET", "/me/messages"),
        ("POST", "/users/1/sendMail"),
        ("POST", "/users/1/getMemberGroups"),
        ("POST", "/groups/1/checkMemberGroups"),
        ("GET", "/me/authentication/methods"),
        ("GET", "/me/drive/root/children"),
        ("POST", "/teams/1/channels/2/messages"),
        ("GET", "/nonsense/of/any/kind"),
    ],
)
def test_calls_that_ordinary_members_make(method: str, path: str) -> None:
    assert user_call_rule(method, CATALOG.template(method, path) or path) is None


@pytest.mark.parametrize(
    ("method", "path", "setting"),
    [
        ("POST", "/applications", "allowedToCreateApps"),
        ("POST", "/groups", "allowedToCreateSecurityGroups"),
        ("POST", "/invitations", "allowInvitesFrom"),
        ("POST", "/groups/1/members/$ref", None),
        ("PATCH", "/applications/1", None),
        ("POST", "/applications(appId='1')/addPassword", None),
        ("GET", "/users/1/authentication/methods", None),
        ("PATCH", "/users/1", None),
        ("PATCH", "/devices/1", None),
        ("POST", "/roleManagement/directory/roleAssignmentScheduleRequests", None),
    ],
)
def test_calls_on_what_one_owns(method: str, path: str, setting: str | None) -> None:
    found = rule(method, path)
    assert found.members == "own"
    assert found.setting == setting


@pytest.mark.parametrize(
    "path",
    [
        "/deviceManagement/managedDevices",
        "/deviceAppManagement/mobileApps",
        "/security/incidents",
        "/oauth2PermissionGrants",
    ],
)
def test_another_system_or_page_makes_it_possible_only(path: str) -> None:
    assert rule("GET", path).certainty == "possible"


def test_custom_security_attributes_are_not_even_for_global_administrators() -> None:
    assert "Global Administrator" not in rule("GET", "/users", "customSecurityAttributes").roles
    assert "Global Administrator" in rule("GET", "/users", "signInActivity").roles
    assert user_call_rule("GET", "/users", ("displayName",)) is None


def test_guests() -> None:
    for path in ("/users", "/groups", "/devices", "/directoryRoles", "/subscribedSkus"):
        found = guest_rule("GET", path)
        assert found is not None, path
        assert found.certainty == "likely"
        assert guest_rule("GET", path, "as-members") is None
    assert guest_rule("GET", "/me") is None
    assert guest_rule("GET", "/users/{id}/messages") is None
    known = guest_rule("GET", "/users/{id}")
    assert known is not None
    assert known.certainty == "possible"
    restricted = guest_rule("GET", "/users/{id}", "restricted")
    assert restricted is not None
    assert restricted.certainty == "likely"


def test_the_settings_for_guests() -> None:
    assert guest_level("10DAE51F-b6af-4016-8d66-8c2a99b929b3") == "limited"
    assert guest_level("2af84b1e-32c8-42b7-82bc-daa82404023b") == "restricted"
    assert guest_level("a0b1b346-4d3e-4e8b-98f8-753987be4970") == "as-members"
    assert guest_level(None) is None
    assert guest_level("00000000-0000-0000-0000-000000000000") is None


@pytest.mark.parametrize("entry", [*ENTRIES, *GUESTS], ids=lambda entry: entry["calls"][0])
def test_every_entry_is_whole(entry: dict[str, object]) -> None:
    assert str(entry["why"]).endswith(".")
    url = str(entry["url"])
    assert url.startswith("https://learn.microsoft.com/")
    assert "/en-us/" not in url
    assert entry.get("certainty", "likely") in {"likely", "possible"}
    allowed = {
        "calls",
        "fields",
        "roles",
        "except",
        "members",
        "guests",
        "setting",
        "why",
        "url",
        "certainty",
        "levels",
    }
    assert set(entry) <= allowed
    if "levels" not in entry:
        assert entry["members"] in {"refused", "own"}
        assert entry["guests"] in {"refused", "as-members"}


def test_every_entry_of_a_known_path_is_reached() -> None:
    """No entry is hidden behind an earlier, wider one: some call of the map, or a pattern of its own, lands on it."""
    calls = [(method, paths.keyed(template) or ()) for method, template, _ in CATALOG.entries()]
    reached = set()
    for entry in ENTRIES:
        patterns = CallPatterns.read(strings(entry, "calls"))
        own = [call for call in calls if patterns.cover(*call)]
        own += [
            (
                method if method.isupper() and method != "WRITE" else "POST",
                paths.keyed(template.removesuffix("/**")) or (),
            )
            for method, _, template in (text.partition(" ") for text in strings(entry, "calls"))
        ]
        for method, tokens in own:
            found = user_call_rule(method, paths.template(tokens), strings(entry, "fields"))
            if found is not None and found.why == entry["why"]:
                reached.add(entry["why"])
                break
    assert {entry["why"] for entry in ENTRIES} - reached == set()


def test_role_templates_are_those_of_the_page() -> None:
    templates = role_templates()
    assert len(templates) > 100
    assert len(set(templates.values())) == len(templates)
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) for value in templates.values())
    assert templates["Reports Reader"] == "4a5d8f65-41da-4de4-8968-e035b65339cf"


@pytest.mark.parametrize("pattern", ["GET", "get /users", "/users", "GET //"])
def test_a_malformed_pattern_is_a_bug_that_shows(pattern: str) -> None:
    with pytest.raises(ValueError, match="no call pattern"):
        CallPatterns.read([pattern])
