"""Files of calls: text, ``.http``, HAR; what is read, what is ignored, and that nothing secret comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.predict import call_files
from auditor.predict.call_files import CallFile, calls_in, read_calls

DATA = Path(__file__).parent / "data"
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0cmFwIn0.TRAPtrapTRAP"


def texts(found: CallFile) -> list[str]:
    return [call.text for call in found]


def har(*requests: object) -> bytes:
    return json.dumps({"log": {"entries": [{"request": request} for request in requests]}}).encode()


def get(url: str) -> dict[str, str]:
    return {"method": "GET", "url": url}


def test_text() -> None:
    found = read_calls(DATA / "calls.txt")
    assert texts(found) == [
        "GET /users",
        "beta:GET /users?$select=signInActivity",
        "PATCH /users/{id} {passwordProfile}",
        "GET /me",
    ]
    assert found.ignored == 1
    assert [note.partition("calls.txt")[2] for note in found.notes] == [
        ", line 8: requests of the batch that cannot be read: 1."
    ]


def test_http() -> None:
    found = read_calls(DATA / "calls.http")
    assert texts(found) == [
        "GET /users?$select=displayName,signInActivity&$filter=accountEnabled",
        "PATCH /users/alice@contoso.com {passwordProfile, usageLocation}",
        "beta:GET /me",
        "GET /groups/{groupId}/members",
        "GET https://graph.windows.net/contoso.com/users",
        "GET /me/messages",
        "POST /groups {isAssignableToRole, owners@odata.bind}",
    ]
    assert found.ignored == 2  # sign-in, and a service that is not Microsoft's
    assert len(found.notes) == 1
    assert "taken as Microsoft Graph's" in found.notes[0]
    assert "trap" not in repr(found)


def test_har() -> None:
    found = read_calls(DATA / "calls.har")
    assert texts(found) == [
        "GET /me?$select=displayName,mail",
        "GET /users/{id}/photo/$value",
        "GET /groups/aaaaaaaa-0000-0000-0000-000000000002/members",
        "beta:GET /me/messages",
        "beta:PATCH /users/bob@contoso.com {passwordProfile}",
        "GET /me/drive/root:/{path}:/content",
        "GET https://graph.windows.net/contoso.com/users",
        "PATCH /me",
    ]
    assert found.ignored == 5
    assert "fields are not known: 1." in found.notes[0]
    assert "trap" not in repr(found)


@pytest.mark.parametrize(
    ("paths", "together"),
    [
        (["/users/1", "/users/2"], ["/users/{id}"]),
        (
            ["/users/a@b.c/messages/AAMkAGI2THVSAAA111=", "/users/x@b.c/messages/AAMkAGI2THVSAAA222="],
            ["/users/{id}/messages/{id}"],
        ),
        (["/applications(appId='a')", "/applications(appId='b')"], ["/applications(appId={value})"]),
        (["/users('a')/drive", "/users('b')/drive"], ["/users('{id}')/drive"]),
        (["/reports/getX(period='D7')", "/reports/getX(period='D30')"], ["/reports/getX(period={value})"]),
        (["/Users/1", "/users/1"], ["/Users/1"]),
        (["/oauth2PermissionGrants", "/servicePrincipals"], ["/oauth2PermissionGrants", "/servicePrincipals"]),
        (["/me/mailFolders/inbox", "/me/mailFolders/drafts"], ["/me/mailFolders/inbox", "/me/mailFolders/drafts"]),
        (["/users/1", "/groups/1", "/users/2"], ["/users/{id}", "/groups/1"]),
    ],
)
def test_recorded_calls_that_differ_in_ids_alone_are_one(paths: list[str], together: list[str]) -> None:
    found = calls_in(har(*(get(f"https://graph.microsoft.com/v1.0{path}") for path in paths)), "x.har")
    assert [call.path for call in found] == together


def test_recorded_calls_with_other_fields_or_methods_stay_apart() -> None:
    def patch(number: int, body: str) -> dict[str, object]:
        url = f"https://graph.microsoft.com/v1.0/users/{number}"
        return {"method": "PATCH", "url": url, "postData": {"text": body}}

    found = calls_in(
        har(
            patch(1, '{"otherMails": 1}'),
            patch(2, '{"mobilePhone": 1, "city": 2}'),
            get("https://graph.microsoft.com/v1.0/users/3"),
        ),
        "x.har",
    )
    assert texts(found) == ["PATCH /users/1 {otherMails}", "PATCH /users/2 {mobilePhone}", "GET /users/3"]


@pytest.mark.parametrize(
    ("request_line", "text"),
    [
        ("GET https://graph.microsoft.com/v1.0/me", "GET /me"),
        ("https://graph.microsoft.com/v1.0/me HTTP/1.1", "GET /me"),
        ("GET {{any}}/users/{{id}}", "GET /users/{id}"),
        ("GET https://{{any}}/beta/users", "beta:GET /users"),
        ("GET {{a.b.response.body.$.id}}/users/{{login.response.body.$.userId}}", "GET /users/{userId}"),
        ("GET /users/{{$guid}}", "GET /users/{guid}"),
        ("@a = {{b}}/v1.0\n@b=https://graph.microsoft.com\nGET {{a}}/me", "GET /me"),
        ("@a = {{b}}\n@b = {{a}}\nGET /users/{{a}}", "GET /users/{a}"),
        (
            "GET https://graph.microsoft.com/v1.0/users\n?$select=id\n  &$filter=mail eq 'x'",
            "GET /users?$select=id&$filter=mail",
        ),
        ("# @name x\n// y\n\nDELETE /users/{{id}}\nIf-Match: *", "DELETE /users/{id}"),
        ("< {%\n request.x = 1\n%}\nGET /me", "GET /me"),
        ("PUT /me/photo/$value\n\n< ./picture.jpg", "PUT /me/photo/$value"),
        ("GET https://contoso.sharepoint.com/_api/web", "GET https://contoso.sharepoint.com/_api/web"),
        (
            'POST /subscriptions\n\n{"resource": "users/{{user}}/messages"}',
            "POST /subscriptions {resource=users/{user}/messages}",
        ),
    ],
)
def test_requests_of_http_files(request_line: str, text: str) -> None:
    assert texts(calls_in(request_line.encode(), "x.http")) == [text]
    assert texts(calls_in(request_line.replace("\n", "\r\n").encode(), "x.REST")) == [text]


def test_variables_named_after_secrets_are_never_filled_in() -> None:
    found = calls_in(b"@accessToken = trap\nGET https://graph.microsoft.com/v1.0/users/{{accessToken}}", "x.http")
    assert texts(found) == ["GET /users/{accessToken}"]


def test_what_is_no_call_of_ours_is_counted() -> None:
    lines = [
        "HEAD https://graph.microsoft.com/v1.0/me",
        "curl https://x.y",
        "GET https://www.example.com/",
        "GET {{url}}",
        "GET /me",
    ]
    found = calls_in("\n###\n".join(lines).encode(), "x.http")
    assert texts(found) == ["GET /me"]
    assert found.ignored == 4
    assert ["address is a variable" in note for note in found.notes] == [True]


def test_batch_and_recording_are_known_by_their_content() -> None:
    batch = {
        "requests": [{"method": "GET", "url": "/me"}, {"method": "GET", "url": "https://graph.microsoft.com/beta/me"}]
    }
    assert texts(calls_in(json.dumps(batch).encode(), "stdin")) == ["GET /me", "beta:GET /me"]
    assert texts(calls_in(har(get("https://graph.microsoft.com/v1.0/me")), "recording.json")) == ["GET /me"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["x.txt", "x.http", "x"])
def test_encodings(encoding: str, name: str) -> None:
    assert texts(calls_in("GET /users/é\r\n".encode(encoding), name)) == ["GET /users/é"]


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("a.txt", b"GET /me\n\nGETT /x\n", 'a.txt, line 3: "GETT /x" is not a call, expected'),
        ("a.txt", b"GET /me\nGET /\xff\n", "a.txt, line 2, is not text, expected"),
        ("a.txt", "GET /me".encode("utf-16-le"), "a.txt is not text, expected"),
        ("a.txt", b"\xff\xfeG", "a.txt is not text, expected"),
        ("a.txt", b"", "a.txt holds no call, expected at least one"),
        ("a.txt", b"# only this\n", "a.txt holds no call, expected at least one"),
        ("a.txt", b'POST /$batch {"requests": [}', "a.txt, line 1, is not JSON that can be read, expected a $batch"),
        ("a.http", b"GET /me\n###\n\nnonsense\n", "a.http, line 4: this is no request, expected a method"),
        ("a.http", b"###\nGET ftp://x/y\n", 'a.http, line 2: "GET ftp://x/y" is not a call, expected'),
        ("a.har", b"{", "a.har is not JSON that can be read, expected a HAR file"),
        ("a.har", b'{"log": []}', "a.har is no recording, expected a HAR file"),
        ("a.har", b"[" * 100_000, "a.har is not JSON that can be read, expected a HAR file"),
        (
            "a.har",
            har(get("https://x.y/"), {}, 1),
            "a.har holds no call (requests of other kinds or to other hosts: 3)",
        ),
        ("a.json", b'{"a": 1}', "a.json is no recording, expected a HAR file"),
    ],
)
def test_refused_with_one_sentence(name: str, raw: bytes, message: str) -> None:
    with pytest.raises(InputError) as refused:
        calls_in(raw, name)
    assert str(refused.value).startswith(message)
    assert str(refused.value).endswith(".")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.txt", Path("nul\0.txt")):
        with pytest.raises(InputError):
            read_calls(path)


def test_sizes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(call_files, "MAX_BYTES", 2**20)
    monkeypatch.setattr(call_files, "MAX_TEXT_BYTES", 2**19)
    (tmp_path / "large.har").write_bytes(b" " * (2**20 + 1))
    (tmp_path / "large.txt").write_bytes(b" " * (2**19 + 1))
    for name in ("large.har", "large.txt"):
        with pytest.raises(InputError, match="too large, expected at most"):
            read_calls(tmp_path / name)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.sampled_from([TOKEN, "GET", "https://graph.microsoft.com/v1.0/me"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["log", "entries", "request", "method", "url", "postData", "text", "requests", "body", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
ENTRY = st.fixed_dictionaries(
    {"method": st.sampled_from(["GET", "POST", "PATCH"]) | JSON},
    optional={
        "url": st.sampled_from(["https://graph.microsoft.com/v1.0/$batch", "https://graph.microsoft.com/beta/users/1"])
        | JSON,
        "headers": st.just([{"name": "Authorization", "value": f"Bearer {TOKEN}"}]),
        "postData": JSON | st.fixed_dictionaries({"text": JSON.map(json.dumps)}),
    },
)
NAMES = st.sampled_from(["x.txt", "x.http", "x.rest", "x.har", "x", "-"])
LINES = st.lists(
    st.sampled_from(
        [
            "###",
            "GET /me",
            "@a = {{b}}",
            "@b={{a}}{{a}}",
            "{{a}}",
            "{{a}}/users",
            "POST /$batch",
            "",
            f"Authorization: Bearer {TOKEN}",
        ]
        + [
            '{"requests": [{"method": "GET", "url": "/me"}]}',
            "?$select=id",
            "  &x=y",
            "> {%",
            "%}",
            "< {%",
            "{",
            "}",
            "GET {{a}}",
            "\ufeff",
            "// c",
        ]
        + [
            f"@token = {TOKEN}",
            f"GET /users/{TOKEN}",
            f'{{"passwordProfile": "{TOKEN}"}}',
            f"client_secret={TOKEN}",
            TOKEN,
        ]
    )
    | st.text(max_size=20)
).map("\n".join)


def judged(raw: bytes, name: str) -> None:
    try:
        shown = repr(calls_in(raw, name))
    except InputError as refused:
        shown = str(refused)
    assert "eyJ" not in shown
    assert "trap" not in shown.lower()


@given(st.binary(), NAMES)
@example(b"\xef\xbb\xbfGET /x", "x.txt")
@example(b"\xff\xfe\x00\xd8", "x.txt")
def test_any_bytes(raw: bytes, name: str) -> None:
    judged(raw, name)


@given(LINES, NAMES)
def test_any_lines(text: str, name: str) -> None:
    judged(text.encode("utf-8", "replace"), name)


@given(st.lists(ENTRY) | JSON)
def test_any_recording(entries: object) -> None:
    content = {"log": {"entries": [{"request": one} for one in entries]}} if isinstance(entries, list) else entries
    judged(json.dumps(content).encode(), "x.har")


ROOT = Path(__file__).resolve().parents[2]


def test_examples() -> None:
    assert texts(read_calls(ROOT / "examples/calls.txt")) == [
        "GET /users?$select=displayName,signInActivity",
        "GET /users/{id}/manager",
        "POST /users/{id}/sendMail",
        "PATCH /users/{id} {passwordProfile}",
        "beta:GET /reports/servicePrincipalSignInActivities",
        "POST /subscriptions {resource=users/{id}/messages}",
        "GET /sites/{id}/lists/{id}/items",
    ]
    found = read_calls(ROOT / "examples/calls.http")
    assert texts(found) == [
        "GET /users?$select=displayName,signInActivity",
        "PATCH /users/{userId} {passwordProfile}",
        "GET /me/messages",
        "POST /teams/{teamId}/channels/{channelId}/messages",
    ]
    assert (found.ignored, found.notes) == (0, ())


def test_every_form_of_the_page_is_read() -> None:
    page = (ROOT / "docs/calls.md").read_text(encoding="utf-8")
    forms = page.partition("```calls\n")[2].partition("```")[0]
    assert len(calls_in(forms.encode(), "docs/calls.md").calls) == 12  # two of the fourteen are written in two ways
