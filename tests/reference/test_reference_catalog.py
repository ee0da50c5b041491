"""Look-ups of the shipped catalog: facts that must not move unseen, path forms, and hostile texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.reference import paths, place
from auditor.reference.catalog import Catalog

RESET = "/users/{id}/authentication/methods/28c10230-6103-485e-b985-444c60001490/resetPassword"
CATALOG = Catalog.from_bytes(place.SHIPPED.read_bytes(), "shipped")


@pytest.mark.parametrize(
    ("name", "delegated", "application"),
    [
        ("Mail.Read", "570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "810c84a8-4a9e-49e6-bf7d-12d183f40d01"),
        ("User.Read", "e1fe6dd8-ba31-4d61-89e7-88639da4683d", None),
        (
            "User-PasswordProfile.ReadWrite.All",
            "56760768-b641-451f-8906-e1b8ab31bca7",
            "cc117bb9-00cf-4eb8-b580-ea2a878fe8f7",
        ),
        ("Application.Read.All", "c79f8feb-a9db-4090-85f9-90d820caa0eb", "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30"),
        (
            "RoleManagement.ReadWrite.Directory",
            "d01b97e9-cbc0-49fe-810a-750afd5527a3",
            "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8",
        ),
        (
            "DelegatedPermissionGrant.Read.All",
            "a197cdc4-a8e8-4d49-9d35-4ca7c83887b4",
            "81b4724a-58aa-41c1-8a55-84ef97466587",
        ),
    ],
)
def test_ids(name: str, delegated: str, application: str | None) -> None:
    permission = CATALOG.permission(name)
    assert permission is not None
    assert permission.delegated is not None
    assert permission.delegated.id == delegated
    assert CATALOG.name_of(delegated.upper(), "delegated") == name
    assert (permission.application.id if permission.application else None) == application
    if application:
        assert CATALOG.name_of(application, "application") == name
        assert CATALOG.name_of(application, "delegated") is None


def test_facts_of_a_permission() -> None:
    mail = CATALOG.permission("mail.READ")
    assert mail is not None
    assert (mail.name, mail.personal, mail.resource_specific) == ("Mail.Read", True, False)
    assert mail.delegated is not None
    assert mail.application is not None
    assert not mail.delegated.admin_consent
    assert mail.application.admin_consent
    openid = CATALOG.permission("openid")
    assert openid is not None
    assert openid.delegated is not None
    assert not openid.delegated.admin_consent
    chat = CATALOG.permission("ChatMessage.Read.Chat")
    assert chat is not None
    assert chat.resource_specific
    applications = CATALOG.permission("Application.Read.All")
    assert applications is not None
    assert applications.application is not None
    assert applications.application.enforced_by == "00000002-0000-0000-c000-000000000000"
    assert CATALOG.permission("Mail.Raed") is None


def test_a_permission_that_nobody_can_grant_has_no_id_and_is_never_least() -> None:
    """The map names application permission Calendars.ReadBasic; the live list has Calendars.ReadBasic.All alone."""
    basic = CATALOG.permission("Calendars.ReadBasic")
    assert basic is not None
    assert basic.application is not None
    assert basic.application.id is None
    rows = (CATALOG.authorizing("GET", "/users/{id}/events") or {})["application"]
    assert rows[-1].permission == "Calendars.ReadBasic"
    assert not rows[-1].least


def test_password_reset_is_delegated_alone() -> None:
    found = CATALOG.authorizing("POST", RESET)
    assert found is not None
    assert set(found) == {"delegated"}
    assert found["delegated"][0].permission == "UserAuthenticationMethod.ReadWrite.All"
    assert ("POST", "/users/{id}/authentication/methods/{id}/resetPassword") in CATALOG.delegated_only_calls(
        "UserAuthenticationMethod.ReadWrite.All"
    )


def test_reading_mail_has_an_application_form() -> None:
    assert CATALOG.delegated_only_calls("Mail.Read") == ()
    assert ("GET", "/me/messages") in CATALOG.calls("Mail.Read", "delegated")
    assert ("GET", "/me/messages") not in CATALOG.calls("Mail.Read", "application")
    assert ("GET", "/users/{id}/messages") in CATALOG.calls("Mail.Read", "application")


def test_least_privileged_first() -> None:
    rows = (CATALOG.authorizing("GET", "/applications") or {})["application"]
    assert [row.permission for row in rows if row.least] == ["Application.Read.All"]
    assert rows[0].permission == "Application.Read.All"
    names = [row.permission for row in rows]
    assert names.index("Directory.Read.All") < names.index("Application.ReadWrite.All")


def test_resource_specific_consent_is_apart() -> None:
    listed = CATALOG.authorizing("GET", "/chats/{id}/messages")
    assert listed is not None
    assert "ChatMessage.Read.Chat" not in {row.permission for row in listed["application"]}
    assert "ChatMessage.Read.Chat" in CATALOG.resource_specific("GET", "/chats/{id}/messages")
    assert CATALOG.resource_specific("GET", "/no/such/path") == ()


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301/messages", "/users/{id}/messages"),
        ("users/alice@contoso.com/messages", "/users/{id}/messages"),
        ("/USERS/alice_fabrikam.com#EXT#@contoso.onmicrosoft.com/MESSAGES/", "/users/{id}/messages"),
        ("/users/o'brien@contoso.com/messages", "/users/{id}/messages"),
        ("/users('alice@contoso.com')/messages", "/users/{id}/messages"),
        ("/users/%7Bid%7D/messages", "/users/{id}/messages"),
        ("/users/{user-id | userPrincipalName}/messages", "/users/{id}/messages"),
        ("/users(userPrincipalName='alice@contoso.com')/messages", "/users/{id}/messages"),
        ("https://graph.microsoft.com/v1.0/users/1/messages?$top=5&$filter=a eq '/b'", "/users/{id}/messages"),
        ("https://graph.microsoft.us/beta/users/1/messages", "/users/{id}/messages"),
        ("https://dod-graph.microsoft.us/v1.0/users/1/messages", "/users/{id}/messages"),
        ("https://microsoftgraph.chinacloudapi.cn/v1.0/users/1/messages", "/users/{id}/messages"),
        ("http://127.0.0.1:8080/v1.0//users/1/messages", "/users/{id}/messages"),
        ("v1.0/users/1/messages", "/users/{id}/messages"),
        ("/users/1/messages/$count", "/users/{id}/messages"),
        ("/groups/1/members/microsoft.graph.user", "/groups/{id}/members"),
        ("/groups/1/members/graph.user/$count", "/groups/{id}/members"),
        ("/users/1/photo/$value", "/users/{id}/photo"),
        ("/users/1/photos/48x48/$value", "/users/{id}/photos/{id}"),
        ("/users/delta(token='latest')", "/users/delta"),
        ("/users/delta()", "/users/delta"),
        ("/users/delta", "/users/delta"),
        ("/applications(appId='1')/owners", "/applications(appid={value})/owners"),
        ("/servicePrincipals(appId='{appId}')", "/servicePrincipals(appid={value})"),
        ("/servicePrincipals(appId=%2700000003-0000-0000-c000-000000000000%27)", "/servicePrincipals(appid={value})"),
        ("/devices(deviceId='1')", "/devices(deviceid={value})"),
        ("/reports/getEmailActivityUserDetail(period='D7')", "/reports/getemailactivityuserdetail(period={value})"),
        ("/drives/1/root:/folder/my (1) file.txt:/children", "/drives/{id}/root:/{id}:/children"),
        ("/drives/1/root:/it's a/file.txt:/children", "/drives/{id}/root:/{id}:/children"),
        ("/drives/1/root/children", "/drives/{id}/items/{id}/children"),
        ("/drives/1/items/2:/new.txt:/content", "/drives/{id}/items/{id}/content"),
        ("/sites/contoso.sharepoint.com:/sites/team:/drive", "/sites/{id}/drive"),
        ("/sites/contoso.sharepoint.com:/sites/team", "/sites/{id}:/{id}:"),
        ("/me/mailFolders/inbox/messages", "/me/mailFolders/{id}/messages"),
        ("/users/1/mailFolders/AAMkAD/messageRules", "/users/{id}/mailFolders/inbox/messagerules"),
        ("/me", "/me"),
        ("/users/me", "/users/{id}"),
    ],
)
def test_path_forms(path: str, template: str) -> None:
    found = CATALOG.template("GET", path)
    assert found is not None
    assert found.lower() == template.lower()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1.0",
        "/nowhere",
        "/users//messages",
        "/users/1/noSuchThing/2/3",
        "/$batch",
        "https://graph.windows.net/contoso.com/users?api-version=1.6",
        "https://outlook.office.com/api/v2.0/me/messages",
        "https://evil.example/users",
        "/" + "a/" * 500,
        "x" * 100_000,
    ],
)
def test_paths_that_are_none_of_graphs(path: str) -> None:
    assert CATALOG.authorizing("GET", path) is None
    assert CATALOG.template("GET", path) is None


def test_a_method_the_path_does_not_have() -> None:
    assert CATALOG.authorizing("GET", "/users/{id}/sendMail") == {}
    assert CATALOG.authorizing(" post ", "/users/{id}/sendMail") != {}


def test_a_literal_beats_a_placeholder_and_backtracks() -> None:
    """/users/delta is a function, and a user may still be called delta."""
    assert CATALOG.template("GET", "/users/delta") == "/users/delta"
    assert CATALOG.template("GET", "/users/delta/messages") == "/users/{id}/messages"


def test_suffixes_and_casts_are_no_ids() -> None:
    assert paths.is_value("alice@contoso.com")
    for token in ("$ref", "$value", "$count", "microsoft.graph.user", "root:", "range(address)"):
        assert not paths.is_value(token)


@given(st.text(max_size=300), st.text(max_size=12))
def test_no_text_makes_a_look_up_raise(path: str, method: str) -> None:
    CATALOG.authorizing(method, path)
    CATALOG.template(method, "/users/" + path)
    CATALOG.resource_specific(method, path)
    CATALOG.permission(path)
    CATALOG.name_of(path, "delegated")


@given(st.text(alphabet="/()':={}$.?#%,users127aroot\\ ", max_size=400))
def test_no_path_like_text_makes_a_look_up_raise(path: str) -> None:
    for prefix in ("", "/users", "/drives/1/root:/", "/me/", "https://graph.microsoft.com/v1.0/"):
        CATALOG.authorizing("GET", prefix + path)


@given(
    st.lists(
        st.sampled_from(["microsoft.graph.user", "$ref", "root", "root:", "a:", "f(a='1')", "items", "x"]), max_size=60
    )
)
def test_detours_stay_cheap(segments: list[str]) -> None:
    """Each place of the trie is visited once: a long odd path costs a bounded number of steps."""
    CATALOG.authorizing("GET", "/drives/1/" + "/".join(segments))


def test_every_template_finds_itself() -> None:
    for method, template, rows in CATALOG.entries():
        assert CATALOG.authorizing(method, template, raw=True) is rows, (method, template)
