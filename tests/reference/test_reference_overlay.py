"""The overlay: what it corrects, and that every entry still means something."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.reference import overlay, place
from auditor.reference.catalog import Catalog
from auditor.reference.claims import Authorization, SchemeName

CATALOG = Catalog.from_bytes(place.SHIPPED.read_bytes(), "shipped")
OVERLAY = overlay.load()


def names(method: str, path: str, scheme: SchemeName) -> list[str]:
    return [row.permission for row in (CATALOG.authorizing(method, path) or {}).get(scheme, ())]


def test_conditional_access_needs_both() -> None:
    for scheme in ("delegated", "application"):
        rows = (CATALOG.authorizing("POST", "/identity/conditionalAccess/policies") or {})[scheme]
        assert rows == (Authorization("Policy.ReadWrite.ConditionalAccess", True, ("Policy.Read.All",)),)
        raw = (CATALOG.authorizing("POST", "/identity/conditionalAccess/policies", raw=True) or {})[scheme]
        assert len(raw) == 3


def test_app_roles_are_assigned_by_the_pair_alone() -> None:
    for path in ("/servicePrincipals/1/appRoleAssignedTo", "/servicePrincipals(appId='1')/appRoleAssignments"):
        rows = (CATALOG.authorizing("POST", path) or {})["application"]
        assert {row.permission for row in rows} == {"AppRoleAssignment.ReadWrite.All"}
        assert all(row.also_requires for row in rows)
        assert rows[0].least


def test_paths_the_map_lacks() -> None:
    assert CATALOG.authorizing("POST", "/groups/1/members/$ref", raw=True) == {}
    assert names("POST", "/groups/1/members/$ref", "application")[0] == "GroupMember.ReadWrite.All"
    assert "DelegatedPermissionGrant.Read.All" in names("GET", "/oauth2PermissionGrants?$top=999", "application")
    assert ("GET", "/oauth2permissiongrants") in CATALOG.calls("DelegatedPermissionGrant.Read.All", "application")
    assert names("PATCH", "/me", "personal") == ["User.ReadWrite"]
    assert ("PATCH", "/me") in CATALOG.calls("User.ReadWrite", "delegated")
    assert names("GET", "/directory/deletedItems/graph.user", "application")[0] == "User.Read.All"


def test_least_of_organization() -> None:
    rows = (CATALOG.authorizing("GET", "/organization") or {})["application"]
    assert [row.permission for row in rows if row.least] == ["Organization.Read.All"]


def test_no_me_without_a_user() -> None:
    raw = CATALOG.authorizing("POST", "/me/sendMail", raw=True)
    assert raw is not None
    assert "application" in raw
    corrected = CATALOG.authorizing("POST", "/me/sendMail")
    assert corrected is not None
    assert set(corrected) == {"delegated", "personal"}
    assert names("GET", "/me", "application") == []
    assert names("GET", "/users/1/onenote/notebooks", "application") == []


def test_calls_that_only_the_overlay_knows_are_not_refused() -> None:
    """POST /subscriptions hangs on its body, /applicationTemplates on nothing: no list, and no empty one either."""
    assert CATALOG.authorizing("POST", "/subscriptions") is None
    template = CATALOG.template("POST", "/subscriptions")
    assert template is not None
    rule = OVERLAY.resource_rule("POST", template)
    assert rule is not None
    assert (rule.field, rule.method) == ("resource", "GET")
    assert CATALOG.authorizing("GET", "/applicationTemplates/1") is None
    assert OVERLAY.open_rule("GET", CATALOG.template("GET", "/applicationTemplates/1") or "") is not None
    assert OVERLAY.open_rule("GET", "/users") is None


def test_fields_that_decide() -> None:
    template = CATALOG.template("PATCH", "/users/alice@contoso.com") or ""
    rules = {name: rule for rule in OVERLAY.field_rules("PATCH", template) for name in rule.names}
    assert rules["passwordProfile"].mode == "instead"
    assert [row.permission for row in rules["passwordProfile"].authorizations["application"]] == [
        "User-PasswordProfile.ReadWrite.All"
    ]
    assert OVERLAY.field_rules("GET", template)[0].where == "query"
    search = {name: rule for rule in OVERLAY.field_rules("POST", "/search/query") for name in rule.names}
    assert search["entityTypes=message"].authorizations["application"] == ()


def test_conditions() -> None:
    def on(method: str, path: str, scheme: SchemeName) -> set[str]:
        template = CATALOG.template(method, path)
        assert template is not None
        return {rule.when for rule in OVERLAY.conditions_of(method, template, scheme)}

    assert "self" in on("GET", "/users/1/mailboxSettings", "delegated")
    assert "self" in on("GET", "/users/1/mailFolders/inbox/messageRules", "delegated")
    assert "self" in on("GET", "/users/1/todo/lists", "delegated")
    assert "self" not in on("GET", "/users/1/todo/lists", "application")
    assert "shared" in on("GET", "/users/1/calendarView", "delegated")
    assert "exchange-rbac" in on("POST", "/users/1/sendMail", "application")
    assert "selected" in on("GET", "/drives/1/items/2/children", "application")
    assert "group-owner" in on("POST", "/groups/1/members/$ref", "application")
    owned = [
        rule for rule in OVERLAY.conditions_of("PATCH", "/applications/{id}", "application") if rule.when == "owned"
    ]
    assert owned[0].permissions == {"Application.ReadWrite.OwnedBy"}
    assert on("GET", "/users", "delegated") == set()


EVERYDAY = Path(__file__).with_name("everyday_calls.txt").read_text("utf-8").splitlines()


def test_every_everyday_call_is_known() -> None:
    """Calls that people make: mail, calendar, files, sites, teams, directory, devices, reports, security."""
    assert len(EVERYDAY) > 600
    unknown = []
    for line in EVERYDAY:
        method, path = line.split(" ", 1)
        template = CATALOG.template(method, path) or ""
        special = OVERLAY.open_rule(method, template) or OVERLAY.resource_rule(method, template)
        if not CATALOG.authorizing(method, path) and special is None:
            unknown.append(line)
    assert unknown == []


def test_beginnings_that_the_map_lacks() -> None:
    for path in (
        "/drives/1/items/2/workbook/worksheets/Sheet1/range(address='A1:B2')",
        "/drives/1/root:/a/b.xlsx:/workbook/worksheets",
        "/sites/1/drives/2/items/3/workbook/tables/4/rows",
    ):
        assert CATALOG.template("GET", path) == "/drives/{id}/items/{id}/workbook/**"
        assert names("GET", path, "application") == ["Files.ReadWrite.All", "Sites.ReadWrite.All"]
    assert ("GET", "/drives/{id}/items/{id}/workbook/**") in CATALOG.calls("Files.ReadWrite.All", "application")
    assert CATALOG.template("PUT", "/drives/1/items/2/workbook/worksheets") is None


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/sites/1/drives/2/root/children", "/drives/{id}/items/{id}/children"),
        ("/sites/contoso.sharepoint.com:/sites/team:/drives/2/items/3", "/drives/{id}/items/{id}"),
        ("/me/drives/2/items/3/content", "/drives/{id}/items/{id}/content"),
        ("/shares/u!x/driveItem/children", "/drives/{id}/items/{id}/children"),
        ("/drives/1/list/items", "/sites/{id}/lists/{id}/items"),
        ("/drives/1/root:/a.txt:/listItem/fields", "/sites/{id}/lists/{id}/items/{id}/fields"),
        ("/directory/deviceLocalCredentials/1", "/deviceLocalCredentials/{id}"),
    ],
)
def test_other_addresses_of_the_same(path: str, template: str) -> None:
    found = CATALOG.template("GET", path)
    assert found is not None
    assert found.lower() == template.lower()
    assert CATALOG.template("GET", path + "/nonsense/of/any/kind") is None


def test_another_address_under_me_takes_no_app_only_calls() -> None:
    assert names("GET", "/drives/2/root/children", "application") != []
    assert names("GET", "/me/drives/2/root/children", "application") == []
    assert names("GET", "https://graph.microsoft.com/v1.0/me/drives/2/root/children", "application") == []
    assert names("GET", "/me/drives/2/root/children", "delegated") != []


def test_a_wider_permission_reads_too() -> None:
    raw = (CATALOG.authorizing("GET", "/me/messages/1", raw=True) or {})["delegated"]
    assert "Mail.ReadWrite" not in [row.permission for row in raw]
    rows = (CATALOG.authorizing("GET", "/me/messages/1") or {})["delegated"]
    assert rows[-1] == Authorization("Mail.ReadWrite", False, ())
    assert [row.permission for row in rows if row.least] == ["Mail.Read"]
    assert "User.ReadWrite.All" in names("GET", "/users/1/transitiveMemberOf", "application")
    assert ("GET", "/me/messages/{id}") in CATALOG.calls("Mail.ReadWrite", "delegated")
    # Only reading, and only the families that are named.
    assert "Mail.ReadWrite" not in names("POST", "/me/sendMail", "delegated")
    assert "Directory.ReadWrite.All" not in names("GET", "/auditLogs/directoryAudits", "application")
    for rule in OVERLAY.wider:
        for narrow, wide in rule.pairs.items():
            assert CATALOG.permission(narrow) is not None, narrow
            assert CATALOG.permission(wide) is not None, wide


def test_every_permission_named_exists() -> None:
    for rule in OVERLAY.corrections:
        for scheme, rows in rule.add.items():
            for row in rows:
                for name in (row.permission, *row.also_requires):
                    known = CATALOG.permission(name)
                    assert known is not None, name
                    form = known.application if scheme == "application" else known.delegated
                    assert form is not None, (scheme, name)
                    assert form.id is not None, (scheme, name)
    for rule in OVERLAY.fields:
        for scheme, rows in rule.authorizations.items():
            for row in rows:
                for name in (row.permission, *row.also_requires):
                    known = CATALOG.permission(name)
                    assert known is not None, name
                    assert (known.application if scheme == "application" else known.delegated) is not None, (
                        scheme,
                        name,
                    )


def test_every_removal_and_least_still_hits() -> None:
    """An entry that Microsoft has made superfluous should go."""
    for rule in OVERLAY.corrections:
        hits = set()
        for pattern in rule.calls:
            for method, template, listed in CATALOG.entries():
                if pattern.covers(method, overlay.template_tokens(template)):
                    hits |= {row.permission for scheme in rule.remove for row in listed.get(scheme, ())}
                    hits |= {"*"}
        wanted = set().union(*rule.remove.values()) if rule.remove else set()
        assert wanted <= hits, (rule.calls[0].template, wanted - hits)


@pytest.mark.parametrize(
    "rule",
    [
        *OVERLAY.corrections,
        *OVERLAY.fields,
        *OVERLAY.conditions,
        *OVERLAY.resources,
        *OVERLAY.opens,
        *OVERLAY.wider,
        *OVERLAY.aliases,
    ],
)
def test_every_entry_says_why_and_where_from(rule: overlay.Rule | overlay.Alias) -> None:
    assert rule.why.endswith(".")
    assert rule.source == "seen" or rule.source.startswith("https://learn.microsoft.com/")
    assert "/en-us/" not in rule.source


@pytest.mark.parametrize(
    "text", ["[[correction]]\ncalls = ['GET /a']", "[[correction]]\ncalls=['GET ']\nwhy='.'\nsource='seen'"]
)
def test_a_malformed_overlay_is_a_bug_that_shows(text: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        overlay.read(text)


def test_a_scheme_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no scheme"):
        overlay.read("[[correction]]\ncalls=['GET /a']\nwhy='.'\nsource='seen'\nadd.app=['A']")
