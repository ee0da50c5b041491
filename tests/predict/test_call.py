"""Calls as people write them, and what of them is kept and shown."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.config import values
from auditor.errors import ConfigError, InputError
from auditor.predict.call import Call, parse_call

TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0cmFwIn0.TRAPtrapTRAP"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("GET /users", "GET /users"),
        ("  get   users  ", "GET /users"),
        ("GET /users/", "GET /users"),
        ("GET /users HTTP/1.1", "GET /users"),
        ("beta:GET /me", "beta:GET /me"),
        ("BETA: get /me", "beta:GET /me"),
        ("GET /beta/me", "beta:GET /me"),
        ("GET /v1.0/me", "GET /me"),
        ("beta:GET /v1.0/me", "GET /me"),  # the address is what is called
        ("v1.0:GET /me", "GET /me"),
        ("GET https://graph.microsoft.com/v1.0/me/", "GET /me"),
        ("GET https://graph.microsoft.com:443/beta/me#part", "beta:GET /me"),
        ("GET https://graph.microsoft.us/v1.0/users", "GET /users"),
        ("GET https://dod-graph.microsoft.us/beta/users", "beta:GET /users"),
        ("GET https://microsoftgraph.chinacloudapi.cn/v1.0/users", "GET /users"),
        ("GET graph.microsoft.com/v1.0/users", "GET /users"),
        ("GET http://127.0.0.1:8080/v1.0/users", "GET /users"),
        ("GET https://{host}/v1.0/users", "GET /users"),
        (
            "GET https://graph.windows.net/contoso.com/users?api-version=1.6",
            "GET https://graph.windows.net/contoso.com/users",
        ),
        (
            "GET https://outlook.office365.com/api/v2.0/me/messages",
            "GET https://outlook.office365.com/api/v2.0/me/messages",
        ),
        ("beta:GET https://Contoso.SharePoint.com/_api/web", "GET https://contoso.sharepoint.com/_api/web"),
        ("GET https://management.azure.com/subscriptions", "GET https://management.azure.com/subscriptions"),
        ("GET https://localhost:5001/weather", "GET https://localhost:5001/weather"),
        ("GET /users/{id}/messages", "GET /users/{id}/messages"),
        ("GET /users/{id | userPrincipalName}/messages", "GET /users/{id}/messages"),
        ("GET /users/{{userId}}", "GET /users/{userId}"),
        ("GET /users/${user.id}/photo/$value", "GET /users/{user.id}/photo/$value"),
        ("GET /users/$userId/memberOf/$ref", "GET /users/{userId}/memberOf/$ref"),
        ("GET /users/a_b.com#EXT#@contoso.com", "GET /users/a_b.com%23EXT%23@contoso.com"),
        ("GET /me/drive/root:/My Folder/a.txt:/content", "GET /me/drive/root:/My%20Folder/a.txt:/content"),
        ("GET /me/drive/root/search(q='who? me')", "GET /me/drive/root/search(q='who%3F%20me')"),
        ("GET /applications(appId='x')", "GET /applications(appId='x')"),
    ],
)
def test_forms_of_address(written: str, text: str) -> None:
    assert parse_call(written).text == text


def test_parts() -> None:
    assert parse_call("beta:PATCH /users/{id}?$select=id {accountEnabled}") == Call(
        "beta:PATCH /users/{id}?$select=id {accountEnabled}",
        "PATCH",
        "/users/{id}",
        "beta",
        frozenset({"accountEnabled"}),
        frozenset({"id"}),
        None,
    )
    assert parse_call("DELETE https://graph.windows.net/x").host == "graph.windows.net"


@pytest.mark.parametrize(
    ("written", "body"),
    [
        ("PATCH /users/{id} {passwordProfile}", {"passwordProfile"}),
        ("PATCH /users/{id} { passwordProfile , accountEnabled }", {"passwordProfile", "accountEnabled"}),
        (
            'PATCH /users/{id} {"passwordProfile": {"password": "x"}, "mobilePhone": null}',
            {"passwordProfile", "mobilePhone"},
        ),
        ("PATCH /users/{id} {password=hunter2}", {"password"}),
        ("PATCH /users/{id} {}", set()),
        ("GET /users/{id}", set()),
        ("GET /users?$filter=id eq {id}", set()),
        ("GET /users?$filter=id eq {id} {a}", {"a"}),
        ("POST /search/query {entityTypes=site}", {"entityTypes=site"}),
        ("POST /search/query {ENTITYTYPES=site}", {"entityTypes=site"}),
        (
            'POST /search/query {"requests":[{"entityTypes":["site","listItem"]},{"query":1},2]}',
            {"entityTypes=site", "entityTypes=listItem"},
        ),
        ("POST /subscriptions {resource=me/messages}", {"resource=me/messages"}),
        ("POST /subscriptions {resource=/users/{id}/messages}", {"resource=users/{id}/messages"}),
        (
            'POST /subscriptions {"resource": "/chats/getAllMessages(a=\'b\',c=1)?model=A", "changeType": "created"}',
            {"resource=chats/getAllMessages(a='b'%2Cc=1)", "changeType"},
        ),
        ('POST /groups {"resource": "x"}', {"resource"}),
        (
            'POST /groups {"isAssignableToRole": true, "owners@odata.bind": ["x"]}',
            {"isAssignableToRole", "owners@odata.bind"},
        ),
        ('POST /groups {"isAssignableToRole": false}', set()),
        ("POST /groups {isAssignableToRole=false, displayName}", {"displayName"}),
        ("POST /groups {isAssignableToRole=true}", {"isAssignableToRole"}),
        ('POST /groups {"no name of a field": 1, "@odata.type": "x"}', {"@odata.type"}),
    ],
)
def test_body(written: str, body: set[str]) -> None:
    assert parse_call(written).body == body


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("$select=displayName,signInActivity&$top=5", {"displayName", "signInActivity"}),
        ("select=id", {"id"}),
        ("%24select=id%2CdisplayName", {"id", "displayName"}),
        ("$orderby=signInActivity/lastSignInDateTime desc", {"signInActivity"}),
        (
            "$filter=signInActivity/lastSignInDateTime le 2020-01-01T00:00:00Z and accountEnabled",
            {"signInActivity", "accountEnabled"},
        ),
        ("$filter=startswith(displayName,'secret''s name') or endsWith(mail, 'x')", {"displayName", "mail"}),
        ("$filter=assignedLicenses/any(x:x/skuId eq abcd1234-0000-0000-0000-000000000000)", {"assignedLicenses"}),
        ("$filter=userType eq Member and not (department in ('a','b'))", {"userType", "department"}),
        ("$filter=displayName eq 'not closed and mail eq", {"displayName"}),
        (
            "$expand=manager($select=id,signInActivity;$levels=max),memberOf",
            {"manager", "id", "signInActivity", "memberOf"},
        ),
        ("$expand=fields($filter=startswith(Title,'x');$expand=a($select=b)),c", {"fields", "Title", "a", "b", "c"}),
        ("$select=microsoft.graph.user/city", {"city"}),
        ('$search="displayName:secret"&$count=true&$skiptoken=abc&sig=def', set()),
        (f"$select={TOKEN}", set()),
        ("$select=", set()),
    ],
)
def test_query(query: str, names: set[str]) -> None:
    assert parse_call(f"GET /users?{query}").query == names


def test_different_questions_have_different_texts() -> None:
    written = (
        "GET /users",
        "GET /users?$select=signInActivity",
        "GET /users?$filter=signInActivity",
        "GET /users {a}",
        "GET /users {a, b}",
        "beta:GET /users",
    )
    assert len({parse_call(call).text for call in written}) == len(written)
    assert parse_call("GET /users?$select=b,a").text == parse_call("GET /users?$top=1&$select=a&$expand=b").text
    assert parse_call("GET /users?$filter=b eq 1").text == parse_call("GET /users?$top=1&$orderby=b desc").text


@pytest.mark.parametrize(
    ("query", "filtered"),
    [
        ("$select=a&$filter=b eq 'c' and d ne 1&$orderby=e desc", {"b", "d", "e"}),
        ("$expand=manager($filter=a eq 1)", set()),
        ("%24Filter=startswith(a,'b')", {"a"}),
        ("$select=a", set()),
        ('$search="displayName:b"', set()),
    ],
)
def test_what_is_filtered_by_is_kept_apart(query: str, filtered: set[str]) -> None:
    found = parse_call(f"GET /users?{query}")
    assert found.filtered == filtered
    assert found.filtered <= found.query
    assert parse_call(found.text) == found


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", 'a method and a path such as "GET /users"'),
        ("GET", "a method and a path"),
        ("/users", "a method and a path"),
        ("GET ;x", "a method and a path"),
        ("GET /" + "x" * 20_000, "at most 16384 characters"),
        ("HEAD /users", "one of the methods GET, POST, PUT, PATCH, DELETE"),
        ("OPTIONS /users", "one of the methods"),
        ("GET /users POST /groups", "one method and one path without spaces"),
        ("GET ftp://graph.microsoft.com/x", "or an address such as https://"),
        ("GET https:///x", "or an address such as https://"),
        ("GET https://a b/x", "or an address such as https://"),
        ("GET /users?=signInActivity", "between double quotes a shell takes $select away"),
        ("PATCH /users/{id} {passwordProfile", "body fields in braces"),
        ("PATCH /users/{id} {password profile}", "body fields in braces"),
        ('PATCH /users/{id} {"passwordProfile": }', "body fields in braces"),
        ('PATCH /users/{id} {"a":' + "[" * 8000 + "}", "body fields in braces"),
    ],
)
def test_refused_with_one_sentence(written: str, expected: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_call(written)
    message = str(refused.value)
    assert expected in message
    assert len(message) < 300
    assert message.isprintable()
    assert message.endswith(".")


@pytest.mark.parametrize(
    "written",
    [
        f"Authorization: Bearer {TOKEN}",
        TOKEN,
        f"GET {TOKEN} please",
        f"GET /users Bearer {'trap' * 5}",
        f"FETCH /users?access_token={TOKEN}",
        f'PATCH /users/{{id}} {{"passwordProfile": "{TOKEN}"',
        f"GET /users/{TOKEN}",
        f"GET /users('{TOKEN}')",
        f"GET /users/x{TOKEN}/messages",
        f"GET /users?$filter=mail eq {TOKEN}&$select={TOKEN}&x={TOKEN}",
        f"POST /subscriptions {{resource=me/{TOKEN}, {TOKEN[:60]}}}",
        f'POST /subscriptions {{"resource": "me/{TOKEN}", "clientState": "{TOKEN}", "{TOKEN[:60]}": 1}}',
        "GET /applications/abc8Q~trapTRAPtrapTRAPtrapTRAPtrapTRAPtrapTRAP",
        "GET /me/drive/root/delta(token='TRAPtrap')",
        "GET /shares/u!TRAPtrap/driveItem",
        "GET /me/drive/root:/Bearer traptrap/traptrap/x:/content",
        "GET https://name:trap@graph.microsoft.com/v1.0/me",
    ],
)
def test_nothing_secret_is_kept_or_shown(written: str) -> None:
    try:
        shown = repr(parse_call(written))
    except InputError as refused:
        shown = str(refused)
    assert "trap" not in shown.lower()
    assert "eyJ" not in shown


PIECES = st.lists(
    st.sampled_from([*"aZ09 /?#$%&'(),:;=@[]{}<>\\\"._~-+\t\n\0 é\u202e\ud800", "GET ", "beta:", "https://", "beta/"])
).map("".join)
LIKELY = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["GET ", "beta:PATCH ", "post ", "", "v1.0:PUT\t"]),
        st.sampled_from(
            ["/", "", "https://graph.microsoft.com/beta/", "https://x.y:1/", "/v1.0/", "graph.microsoft.com/"]
        ),
        PIECES,
        st.sampled_from(["", "?$select=a,b&$filter=", "?$expand=a(", " {", "('"]),
        PIECES,
        st.sampled_from(["", "}", " {a, resource=b/{c}}", ' {"requests": [1], "a": 2}', " HTTP/1.1"]),
    ),
)


@given(st.one_of(LIKELY, st.text(), PIECES))
@example("GET /a('eyJxxxxxxxx/?b')")
@example("GET /graph.microsoft.com/v1.0/graph.microsoft.com/beta/x")
@example("GET /{${#{a}}}")
@example("GET /a#EXT##EXT#")
def test_any_text_is_a_call_or_refused_and_the_text_stands_for_the_call(text: str) -> None:
    try:
        read = parse_call(text)
    except InputError as refused:
        assert str(refused).isprintable()
        accepted = False
    else:
        assert parse_call(read.text) == read
        assert read.text.isprintable()
        assert read.path.startswith("/")
        accepted = True
    # The configuration reads the same calls.
    try:
        assert values.calls([text], values.Place("calls")) == (text.strip(),)
    except ConfigError as refused:
        assert str(refused).isprintable()
        assert not accepted
    else:
        assert accepted


def test_the_configuration_shows_no_token() -> None:
    with pytest.raises(ConfigError) as refused:
        values.calls([f"GET {TOKEN} please"], values.Place("config.toml: apps[0].calls"))
    assert "eyJ" not in str(refused.value)
    assert str(refused.value).startswith("config.toml: apps[0].calls: ")
