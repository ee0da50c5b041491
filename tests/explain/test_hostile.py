"""No token, answer or call makes explaining fail, and none makes it show a token."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auditor.explain.case import Given
from auditor.explain.error import read_error
from auditor.explain.explanation import explain
from auditor.explain.pasted import MOST_BYTES, to_text
from auditor.explain.token import read_token
from auditor.predict.call import parse_call
from tests.explain.tokens import MARK, NOW, app_only, claims, delegated, jwt, part

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    [
        "aud",
        "iss",
        "exp",
        "nbf",
        "iat",
        "scp",
        "roles",
        "wids",
        "appid",
        "azp",
        "oid",
        "tid",
        "upn",
        "idtyp",
        "acrs",
        "xms_cc",
        "cnf",
        "idp",
    ]
)
any_claims = st.dictionaries(names | st.text(max_size=8), values, max_size=8)
tokens = st.one_of(
    any_claims.map(jwt),
    any_claims.map(lambda content: jwt(claims() | content)),
    st.sampled_from([app_only("User.Read.All"), app_only(), delegated("User.Read"), f"Bearer {app_only('A.B')}"]),
    st.tuples(any_claims, st.binary(max_size=30)).map(
        lambda pair: f"{part(pair[0])}.{base64.b64encode(pair[1]).decode()}.{MARK}"
    ),
    st.text(max_size=200).map(lambda text: f"{text}.{MARK}"),
    st.text(max_size=200).map(lambda text: f"eyJ{text}.{MARK}{MARK}"),
    values.map(json.dumps),
    any_claims.map(lambda content: json.dumps({"access_token": jwt(content), "refresh_token": MARK * 3})),
)
codes = st.sampled_from(
    ["Authorization_RequestDenied", "InvalidAuthenticationToken", "ErrorAccessDenied", "Forbidden", "", "UnknownError"]
)
messages = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        [
            f"Bearer {app_only('A.B')} was refused",
            f"token {app_only('A.B')[:150]} is expired",
            "Roles on the request 'A.B.C'. Resource specific consent grants on the request ''.",
            "API requires one of 'Mail.Read, Mail.Send'.",
            f"Authorization: Bearer EwB{MARK}{MARK}",
        ]
    ),
)
bodies = st.builds(
    lambda code, message, more: {"error": {"code": code, "message": message, "innerError": more}},
    codes | st.text(max_size=30),
    messages,
    values,
)
headers = st.builds(
    lambda status, claim, token: (
        f'HTTP/1.1 {status} x\r\nWWW-Authenticate: Bearer error="insufficient_claims", claims="{claim}"\r\n'
        f"Authorization: Bearer {token}\r\n\r\n"
    ),
    st.integers(-5, 9999),
    st.text(max_size=60) | values.map(lambda value: base64.b64encode(json.dumps(value).encode()).decode()),
    st.just(app_only("User.Read.All")),
)
errors = st.one_of(
    st.text(max_size=300),
    values.map(json.dumps),
    bodies.map(json.dumps),
    st.builds(lambda head, content: head + json.dumps(content), headers, bodies),
    st.lists(bodies, max_size=3).map(
        lambda found: json.dumps({"responses": [{"status": 403, "body": one} for one in found]})
    ),
    st.builds(lambda number, text: f"AADSTS{number}: {text}", st.integers(0, 10**12), st.text(max_size=60)),
    st.text(alphabet='{}[]"\\:,. \n', max_size=300),
)
calls = st.sampled_from(
    [
        None,
        "GET /users",
        "GET /me",
        "PATCH /users/{id} {passwordProfile}",
        "beta:GET /auditLogs/signIns",
        "POST /subscriptions",
        "DELETE /x/y/z",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.none() | tokens, st.none() | errors, calls)
@example("eyJ" + "." * 3000, "{" * 3000, "GET /users")
@example("[" * 2000, '{"a":' * 2000, None)
@example(jwt({"exp": 10**300}), json.dumps({"error": {"code": 10**300}}), None)
@example("\ud800", "\ud800 AADSTS50076", None)
def test_anything_at_all(token: str | None, error: str | None, call: str | None) -> None:
    found = explain(
        Given(
            NOW,
            read_token(token) if token is not None else None,
            read_error(error) if error is not None else None,
            parse_call(call) if call is not None else None,
        )
    )
    assert found.text
    shown = json.dumps(found.to_json(), ensure_ascii=False)
    assert MARK[:20] not in shown
    assert MARK[-20:] not in shown


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_text(raw: bytes) -> None:
    text = to_text(raw)
    read_token(text)
    read_error(text)


def test_large_files_are_read_in_time_that_grows_with_them() -> None:
    """Expressions that go back over what they have read would take hours here."""
    for unit in (
        "eyJ.",
        "{",
        '{"a":',
        "Bearer ",
        "A.",
        "requires one of '",
        "<",
        "HTTP/1.1 ",
        "a" * 50 + " ",
        "= ",
        "claims=",
        "https://",
        "license ",
    ):
        text = unit * (MOST_BYTES // len(unit) // 4)
        explain(Given(NOW, read_token(text), read_error(text)))


def test_what_a_message_says_is_never_shown() -> None:
    secret = "hunter2-is-the-password"
    message = f"Insufficient privileges for {secret} and {MARK}"
    found = explain(
        Given(NOW, error=read_error(json.dumps({"error": {"code": "Authorization_RequestDenied", "message": message}})))
    )
    shown: Any = json.dumps(found.to_json())
    assert secret not in shown
    assert MARK not in shown


def test_names_that_are_none_are_not_shown() -> None:
    error = json.dumps({"error": {"code": MARK, "message": "x", "innerError": {"code": "Q7z9" * 20}}})
    shown = json.dumps(explain(Given(NOW, error=read_error(error))).to_json())
    assert MARK not in shown
    assert "Q7z9Q7z9" not in shown
