"""Lists that may count, subscriptions to what cannot be read, addresses left out of grants on single sites; permissions that only read."""

from __future__ import annotations

import pytest

from auditor.predict.call import parse_call
from auditor.predict.rules import rules
from auditor.reference import overlay
from auditor.reference.answer import Answer, answer
from auditor.reference.catalog import Catalog
from auditor.reference.claims import SchemeName
from auditor.reference.licences import licensed_properties, needed_by
from auditor.reference.place import SHIPPED
from auditor.reference.writing import writers

CATALOG = Catalog.from_bytes(SHIPPED.read_bytes(), "shipped")


def of(text: str) -> Answer:
    call = parse_call(text)
    return answer(call.method, call.path, call.body, call.query, filtered=call.filtered)


def least(found: Answer, scheme: SchemeName, part: int = 0) -> str | None:
    lists = found.schemes[scheme].lists
    return lists[part].ways[0].permission if len(lists) > part else None


def names(found: Answer, scheme: SchemeName) -> set[str]:
    return {way.permission for one in found.schemes[scheme].lists for way in one.ways}


@pytest.mark.parametrize(
    ("resource", "delegated", "application"),
    [
        ("communications/callRecords", None, "CallRecords.Read.All"),
        ("teams/getAllMessages", None, "ChannelMessage.Read.All"),
        ("/chats/getAllMessages?model=B", None, "Chat.Read.All"),
        ("me/chats/getAllMessages", "Chat.Read", None),
        ("users/1/chats/getAllMessages", "Chat.Read", "Chat.Read.All"),
        ("chats/getAllMembers", None, "ChatMember.Read.All"),
        ("communications/onlineMeetings/getAllTranscripts", None, "OnlineMeetingTranscript.Read.All"),
        ("users", "User.Read.All", "User.Read.All"),
        ("groups/1/conversations", "Group.Read.All", None),
        ("me/mailFolders('Inbox')/messages", "Mail.ReadBasic", None),
        ("users/1/messages", "Mail.ReadBasic", "Mail.ReadBasic.All"),
        ("chats/19:abc@thread.v2/messages", "Chat.Read", "Chat.Read.All"),
        ("print/taskDefinitions/1/tasks", None, "PrintTaskDefinition.ReadWrite.All"),
    ],
)
def test_subscribing_to_what_cannot_be_read_under_that_name(
    resource: str, delegated: str | None, application: str | None
) -> None:
    found = of(f"POST /subscriptions {{resource={resource}}}")
    assert (least(found, "delegated"), least(found, "application")) == (delegated, application)


def test_subscribing_is_no_method_that_anyone_calls() -> None:
    assert overlay.SUBSCRIBE not in overlay.METHODS
    assert all(method != overlay.SUBSCRIBE for method, _ in overlay.load().added())
    assert "User.ReadBasic.All" in names(of("GET /users"), "application")


def test_a_list_that_may_count_is_a_note_and_no_list() -> None:
    found = of("POST /identity/conditionalAccess/policies").schemes["application"]
    assert len(found.lists) == 1
    assert found.notes[0].text.startswith("One of Application.Read.All, ")
    named = of("POST /identity/conditionalAccess/policies {includeApplications}").schemes["application"]
    assert [one.field for one in named.lists] == [None, "includeApplications"]


def test_what_basic_profiles_lack_is_not_filtered_by() -> None:
    filtered = of("GET /users?$filter=department eq 'Sales'").schemes["application"]
    assert [one.field for one in filtered.lists] == ["department"]
    assert "User.ReadBasic.All" not in {way.permission for way in filtered.lists[0].ways}
    selected = of("GET /users?$select=department").schemes["application"]
    assert selected.lists[0].field is None
    assert "may be needed" in selected.notes[0].text
    basic = of("GET /users?$orderby=DisplayName&$select=id,mail").schemes["application"]
    assert basic.lists[0].field is None
    assert not any("may be needed" in note.text for note in basic.notes)


@pytest.mark.parametrize(
    ("method", "template", "selected"),
    [
        ("GET", "/sites/{id}/permissions", False),
        ("DELETE", "/sites/{id}/permissions/{id}", False),
        ("GET", "/sites/{id}/lists", True),
        ("GET", "/drives/{id}/items/{id}/permissions", True),
    ],
)
def test_a_role_on_a_site_does_not_open_its_permissions(method: str, template: str, selected: bool) -> None:
    found = {one.when for one in overlay.load().conditions_of(method, template, "application")}
    assert ("selected" in found, "not-selected" in found) == (selected, not selected)


@pytest.mark.parametrize(
    ("method", "template", "doubtful"),
    [
        ("PATCH", "/security/cases/ediscoverycases/{id}", True),
        ("POST", "/security/cases/ediscoverycases", True),
        ("DELETE", "/search/bookmarks/{id}", True),
        ("POST", "/directoryobjects/getbyids", False),
        ("POST", "/users/{id}/getmembergroups", False),
        ("POST", "/me/findmeetingtimes", False),
        ("GET", "/users", False),
        ("PATCH", "/users/{id}", False),
        ("PATCH", "/policies/identitysecuritydefaultsenforcementpolicy", False),
    ],
)
def test_a_permission_that_only_reads_leaves_doubt_about_writing(method: str, template: str, doubtful: bool) -> None:
    found = writers(CATALOG, method, template, "delegated")
    assert bool(found) is doubtful
    assert all(".ReadWrite" in row.permission for row in found)


@pytest.mark.parametrize(
    ("call", "scheme", "refused"),
    [
        ("PATCH /policies/identitySecurityDefaultsEnforcementPolicy", "application", "Policy.Read.All"),
        ("POST /applications/1/appManagementPolicies", "application", "Application.Read.All"),
        ("POST /deviceManagement/managedDevices/1/wipe", "application", "DeviceManagementManagedDevices.ReadWrite.All"),
        ("POST /deviceManagement/managedDevices/executeAction", "delegated", "DeviceManagementManagedDevices.Read.All"),
        ("POST /shares/1/permission/grant", "application", "Sites.ReadWrite.All"),
    ],
)
def test_what_does_not_open_a_call(call: str, scheme: SchemeName, refused: str) -> None:
    found = of(call)
    assert found.schemes[scheme].supported
    assert refused not in names(found, scheme)


@pytest.mark.parametrize(
    ("call", "delegated", "application"),
    [
        ("GET /users/1/managedDevices/2", "DeviceManagementManagedDevices.Read.All", "DeviceManagementManagedDevices.Read.All"),
        ("GET /users/1/managedAppRegistrations", "DeviceManagementApps.Read.All", "DeviceManagementApps.Read.All"),
        ("GET /drive/root/children", "Files.Read", "Files.Read.All"),
        ("GET /drives", "Files.Read.All", "Files.Read.All"),
        ("GET /communications/onlineMeetings/1", "OnlineMeetings.Read", "OnlineMeetings.Read.All"),
        ("POST /users/1/changePassword", "User-PasswordProfile.ReadWrite.All", None),
        ("GET /privilegedAccess/aadRoles/resources", "PrivilegedAccess.Read.AzureAD", "PrivilegedAccess.Read.AzureAD"),
        ("GET /users/1/authentication/signInPreferences", "UserAuthenticationMethod.Read", "UserAuthenticationMethod.Read.All"),
        ("POST /connections", "ExternalConnection.ReadWrite.OwnedBy", "ExternalConnection.ReadWrite.OwnedBy"),
        ("GET /storage/fileStorage/containerTypes", "FileStorageContainerType.Manage.All", None),
        ("GET /policies/conditionalAccessPolicies", "Policy.Read.All", "Policy.Read.All"),
        ("GET /sites/1/termStore/groups", "TermStore.Read.All", "TermStore.Read.All"),
    ],
)  # fmt: skip
def test_addresses_that_the_map_lacks(call: str, delegated: str, application: str | None) -> None:
    found = of(call)
    assert (least(found, "delegated"), least(found, "application")) == (delegated, application)


def test_properties_that_sharepoint_keeps() -> None:
    def wanted(method: str, path: str, *fields: str) -> list[str]:
        return [one.id for one in needed_by(method, path, fields)]

    assert wanted("PATCH", "/users/{id}", "aboutMe", "city") == ["sharepoint"]
    assert wanted("PATCH", "/me", "Skills") == ["sharepoint"]
    assert wanted("PATCH", "/users/{id}", "city") == []
    assert {"aboutme", "signinactivity"} <= licensed_properties()
    assert wanted("GET", "/tenantRelationships/managedTenants/tenants") == ["intune"]


def test_the_type_of_an_object_decides() -> None:
    for call in ("GET /directoryObjects/1", "POST /directoryObjects/getByIds"):
        facts = rules(parse_call(call), "application")
        assert facts.requirements[0].met_by({"User.Read.All"})
        assert not facts.requirements[0].met_by({"Application.ReadWrite.OwnedBy"})
        assert not facts.perhaps[0][0].met_by({"User.Read.All"})
        assert facts.perhaps[0][0].met_by({"Directory.Read.All"})
