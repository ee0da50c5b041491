"""What is put together of one call: permissions by token type, fields, conditions, roles, licences; and names like unknown ones."""

from __future__ import annotations

import pytest

from auditor.predict.call import parse_call
from auditor.predict.rules import rules
from auditor.reference import catalog
from auditor.reference.answer import Answer, answer, opened
from auditor.reference.claims import SchemeName
from auditor.reference.overlay import SCHEMES, SUBSCRIBE, load
from auditor.reference.similar import similar_names, similar_templates

CATALOG = catalog.load()


def of(text: str) -> Answer:
    call = parse_call(text)
    return answer(call.method, call.path, call.body, call.query, filtered=call.filtered)


def names(found: Answer, scheme: SchemeName, part: int = 0) -> list[str]:
    return [way.permission for way in found.schemes[scheme].lists[part].ways]


def test_an_ordinary_call() -> None:
    found = of("GET /users/alice@contoso.com/messages")
    assert found.template == "/users/{id}/messages"
    assert names(found, "delegated") == ["Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"]
    first = found.schemes["application"].lists[0].ways[0]
    assert (first.permission, first.least, first.admin_consent) == ("Mail.ReadBasic.All", True, True)
    assert first.id == "693c5e45-0940-467d-9b8a-1022fb9d42ef"
    assert [licence.id for licence in found.licences] == ["exchange"]
    assert {note.about for note in found.schemes["application"].notes} == {"condition", "second gate"}
    assert found.role is None


def test_what_also_is_required() -> None:
    found = of("POST /servicePrincipals/1/appRoleAssignedTo")
    assert all(way.also_requires for way in found.schemes["application"].lists[0].ways)
    assert found.role is not None
    assert "Privileged Role Administrator" in found.role.roles


def test_a_field_replaces_or_adds() -> None:
    password = of("PATCH /users/{id} {passwordProfile}")
    assert names(password, "application") == ["User-PasswordProfile.ReadWrite.All"]
    assert password.schemes["application"].lists[0].field == "passwordProfile"
    assert [note.about for note in password.schemes["application"].notes] == ["directory role"]
    signed = of("GET /users?$select=displayName,signInActivity")
    assert names(signed, "delegated", 1) == ["AuditLog.Read.All"]
    assert [licence.id for licence in signed.licences] == ["entra-id-p1-sign-ins"]
    assert signed.guest is not None
    mail = of("POST /search/query {entityTypes=message}")
    assert mail.schemes["application"].lists[0].ways == ()
    assert not mail.schemes["application"].supported
    assert mail.schemes["delegated"].supported


def test_calls_without_a_list_of_their_own() -> None:
    assert of("GET /applicationTemplates").open_because
    subscription = of("POST /subscriptions")
    assert subscription.resource_field == "resource"
    assert subscription.known
    unknown = of("GET /nothing/like/this/at/all")
    assert (unknown.template, unknown.known, unknown.similar) == (None, False, ())
    other = of("DELETE /organization")
    assert not other.known
    assert other.methods == ("GET",)


def test_resource_specific_consent_is_apart() -> None:
    found = of("GET /teams/1/channels/2/messages")
    assert "ChannelMessage.Read.Group" in found.resource_specific
    assert "ChannelMessage.Read.Group" not in names(found, "application")


def test_no_me_without_a_user() -> None:
    assert not of("GET /me").schemes["application"].supported
    assert of("GET /me").schemes["personal"].supported


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_answer_and_the_predictor_read_the_same_rules(scheme: SchemeName) -> None:
    """For every call with a rule about fields, with and without the field, and a few plain ones."""
    texts = ["GET /users", "GET /me/messages", "POST /groups"]
    for rule in load().fields:
        for pattern in rule.calls:
            if pattern.method == SUBSCRIBE:
                texts += [f"POST /subscriptions {{resource={pattern.template[1:]}}}"]
                continue
            plain = f"{pattern.method} {pattern.template}"
            option = {"query": "?$select={}", "filter": "?$filter={} eq 1"}.get(rule.where, " {{{}}}")
            texts += [
                plain,
                *(plain + option.format(one) for one in (*rule.names, *(["jobTitle"] if rule.but else []))),
            ]
    for text in texts:
        told = rules(parse_call(text), scheme)
        told = rules(told.subscribed, scheme) if told.subscribed else told
        expected = [one.ways for one in told.requirements]
        found = of(text).schemes[scheme].lists
        shown = [[(way.permission, way.least, way.also_requires) for way in one.ways] for one in found]
        assert shown == [
            [(way.permission, way.least, way.also_requires) for way in ways] for ways in expected if ways or found
        ], text


def test_what_a_permission_opens() -> None:
    found = opened("mail.read")
    assert found is not None
    assert found.name == "Mail.Read"
    assert ("GET", "/me/messages", False) in found.calls["delegated"]
    assert found.calls["personal"]
    assert found.admin_consent == {"delegated": False, "personal": False, "application": True}
    assert opened("Mail.Reed") is None
    group = opened("ChannelMessage.Read.Group")
    assert group is not None
    assert group.resource_specific


def test_every_call_a_permission_opens_lists_it() -> None:
    for name in ("Group.ReadWrite.All", "DelegatedPermissionGrant.Read.All", "User.Read"):
        found = opened(name)
        assert found is not None
        for scheme, calls in found.calls.items():
            for method, path, least in calls:
                ways = {way.permission: way for way in answer(method, path).schemes[scheme].lists[0].ways}
                assert name in ways, (method, path)
                assert not least or ways[name].least


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/users/x/mesages", "/users/{id}/messages"),
        ("/user/x/messages", "/users/{id}/messages"),
        ("/me/mailfolder", "/me/mailfolders"),
        ("/identity/conditionalAccess/policy", "/identity/conditionalaccess/policies"),
    ],
)
def test_similar_templates(path: str, expected: str) -> None:
    assert expected in [template.lower() for template in similar_templates(CATALOG, path)]


def test_nothing_is_like_nonsense() -> None:
    assert similar_templates(CATALOG, "/zzzzzzzz/1") == ()
    assert similar_templates(CATALOG, "") == ()
    assert similar_names(CATALOG, "xxxxxxxxxxxxxxxxxxxxx") == ()
    assert similar_names(CATALOG, "User.Reed.All")[0] == "User.Read.All"
