"""Answers as people paste them: what is read out of each form, and which cause it means."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from auditor.explain.error import Error, read_error
from auditor.explain.rules import rules
from auditor.explain.told import reasons
from auditor.reference.aadsts import refusal
from tests.explain import tokens
from tests.test_house import SLUGS

POLICY = "0f1e2d3c-2222-3333-4444-555555555555"


def body(code: str, message: str, **more: Any) -> str:
    return json.dumps({"error": {"code": code, "message": message, **more}})


def cause(pasted: str) -> str | None:
    found = reasons(read_error(pasted), None)
    return found[0].cause if found else ""


def challenge(content: Any) -> str:
    encoded = base64.b64encode(json.dumps(content).encode()).decode()
    return (
        'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="", '
        'authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", '
        f'claims="{encoded}"\r\n\r\n'
    )


DENIED = body("Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


@pytest.mark.parametrize(
    "pasted",
    [
        DENIED,
        f"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\n\r\n{DENIED}",
        f"< HTTP/2 403 \n< request-id: x\n<\n{DENIED}",
        json.dumps(
            {
                "odata.error": {
                    "code": "Authorization_RequestDenied",
                    "message": {"lang": "en", "value": "Insufficient privileges"},
                }
            }
        ),
        json.dumps({"id": "1", "status": 403, "headers": {}, "body": json.loads(DENIED)}),
        json.dumps(
            {
                "responses": [
                    {"id": "1", "status": 200, "body": {}},
                    {"id": "2", "status": 403, "body": json.loads(DENIED)},
                ]
            }
        ),
        json.dumps({"statusCode": 403, "code": "Authorization_RequestDenied", "body": DENIED}),
        "Get-MgUser_List: Insufficient privileges to complete the operation.\n\nStatus: 403 (Forbidden)\n"
        "ErrorCode: Authorization_RequestDenied\nDate: 2026-11-22T10:00:00",
        "Code: Authorization_RequestDenied\nMessage: Insufficient privileges to complete the operation.",
        "[Authorization_RequestDenied] : Insufficient privileges to complete the operation.",
        "Insufficient privileges to complete the operation.",
        f"Forbidden({DENIED})",
        f"azure.core.exceptions.HttpResponseError: (403) {DENIED}",
        f"Response status code does not indicate success: 403 (Forbidden).\n{DENIED}",
        f"<html><body><h1>Forbidden</h1><pre>{DENIED.replace(chr(34), '&quot;')}</pre></body></html>",
        "ERROR: Insufficient privileges to complete the operation.",
        "{'error': {'code': 'Authorization_RequestDenied', 'message': 'Insufficient privileges', 'innerError': {'date': 'x'}}}",
        "RESPONSE 403: 403 Forbidden\nERROR CODE: Authorization_RequestDenied\n-----\n",
        "Error code: Authorization_RequestDenied\nError message: Insufficient\n\nGET https://graph.microsoft.com/v1.0/x\n\n403 : Forbidden",
        '     | {"error":{"code":"Authorization_RequestDenied","message":\n     | "Insufficient',
        'code: Some(\n    "Authorization_RequestDenied",\n),',
        'D/x( 2227): {\nD/x( 2227):   "error": {\nD/x( 2227):     "code": "Authorization_RequestDenied",',
        json.dumps(
            {
                "error": {
                    "code": "UnknownError",
                    "message": json.dumps({"errorCode": "Authorization_RequestDenied", "message": "x"}),
                }
            }
        ),
    ],
    ids=range(23),
)
def test_one_refusal_in_many_forms(pasted: str) -> None:
    (reason,) = reasons(read_error(pasted), None)
    assert (reason.cause, reason.certainty, reason.is_open) == ("permission-missing", "possible", True)
    assert "user-privilege" in reason.also


@pytest.mark.parametrize(
    ("pasted", "status"),
    [
        ("HTTP/1.1 429 Too Many Requests", 429),
        ("StatusCode: 403, ReasonPhrase: 'Forbidden'", 403),
        ("The remote server returned an error: (401) Unauthorized.", 401),
        ("requests.exceptions.HTTPError: 404 Client Error: Not Found for url", 404),
        ('{"status": "403", "x": 1}', 403),
        ("Status Code: Forbidden", 403),
        ("Response status code does not indicate success: Forbidden (Forbidden).", 403),
        ("401 : Unauthorized", 401),
        ("Le serveur a retourné une erreur : (403) Interdit.", 403),
        ("RESPONSE 403: 403 Forbidden", 403),
        ("Forbidden", 403),
        ("I have 403 apples", None),
        ("", None),
    ],
)
def test_the_status(pasted: str, status: int | None) -> None:
    assert read_error(pasted).status == status


@pytest.mark.parametrize(
    ("code", "message", "status", "wanted"),
    [
        ("InvalidAuthenticationToken", "Access token is empty.", 401, "token-invalid"),
        ("InvalidAuthenticationToken", "CompactToken parsing failed with error code: 80049217", 401, "token-invalid"),
        ("InvalidAuthenticationToken", "IDX14100: JWT is not well formed, there are no dots (.).", 401, "token-invalid"),
        ("InvalidAuthenticationToken", "Access token validation failure. Invalid audience.", 401, "wrong-resource"),
        ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.", 401, "token-invalid"),
        ("InvalidAuthenticationToken", "Access token has expired or is not yet valid.", 401, "token-invalid"),
        ("InvalidAuthenticationToken", "CompactToken validation failed with reason code: 80049228.", 401, "token-invalid"),
        ("InvalidAuthenticationToken", "Lifetime validation failed, the token is not yet valid.", 401, "token-invalid"),
        ("InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge with result: InteractionRequired and "
         "code: TokenCreatedWithOutdatedPolicies", 401, "token-invalid"),
        ("Authorization_IdentityNotFound", "x", 401, "sign-in-blocked"),
        ("Authorization_IdentityDisabled", "x", 403, "sign-in-blocked"),
        ("NoPermissionsInAccessToken", "x", 401, "consent-missing"),
        ("AccessDenied", "Either scp or roles claim need to be present in the token.", 403, "consent-missing"),
        ("AccessDenied", "You cannot perform the requested operation, required scopes are missing in the token.", 403, "permission-missing"),
        ("AccessDenied", "Your tenant is not licensed for this feature.", 403, "license-missing"),
        ("BadRequest", "Tenant does not have a SPO license.", 400, "license-missing"),
        ("BadRequest", "Request not applicable to target tenant.", 400, "license-missing"),
        ("AadPremiumLicenseRequired", "x", 400, "license-missing"),
        ("Authentication_RequestFromNonPremiumTenantOrB2CTenant", "x", 403, "license-missing"),
        ("ErrorAccessDenied", "Access to OData is disabled.", 403, "workload-policy"),
        ("ExtensionError", "Blocked by tenant configured AppOnly AccessPolicy settings.", 403, "workload-policy"),
        ("Forbidden", "No application access policy found for this app.", 403, "workload-policy"),
        ("ErrorAccessDenied", "Access is denied. Check credentials and try again.", 403, "permission-missing"),
        ("Unauthorized", "Message POST is allowed in application-only context only for import purposes.", 401, "delegated-only-api"),
        ("BadRequest", "/me request is only valid with delegated authentication flow.", 400, "delegated-only-api"),
        ("Authentication_RequestDenied", "User is not in the allowed roles", 403, "user-privilege"),
        ("ErrorIncorrectRoutingHint", "x", 400, "user-privilege"),
        ("MailboxNotEnabledForRESTAPI", "x", 404, "license-missing"),
        ("TooManyRequests", "x", 429, None),
        ("Directory_QuotaExceeded", "x", 403, None),
        ("BadRequest", "Resource not found for the segment 'user'.", 400, None),
        ("", "Specified HTTP method is not allowed for the request target.", 405, None),
        ("serviceNotAvailable", "x", 503, None),
        ("", "You do not have the required permissions to access this item.", 403, "permission-missing"),
        ("UnknownError", "", 403, "permission-missing"),
        ("", "", 401, "token-invalid"),
    ],
)  # fmt: skip
def test_refusals_of_microsoft_graph(code: str, message: str, status: int, wanted: str | None) -> None:
    pasted = f"HTTP/1.1 {status} x\r\n\r\n{body(code, message)}"
    assert cause(pasted) == wanted
    if wanted is None:
        assert reasons(read_error(pasted), None)[0].not_configuration


@pytest.mark.parametrize(
    ("message", "wanted", "held"),
    [
        ("Missing role permissions on the request. API requires one of 'Team.ReadBasic.All, Group.Read.All'. Roles on the request "
         "'User.Read.All'. Resource specific consent grants on the request ''.", ("Team.ReadBasic.All", "Group.Read.All"), ("User.Read.All",)),
        ("Missing scope permissions on the request. API requires one of 'Chat.Read'. Scopes on the request ''.", ("Chat.Read",), ()),
        ("The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All,Directory.Read.All to call this API.",
         ("AuditLog.Read.All", "Directory.Read.All"), None),
        ("Authorization failed due to missing permission scope RoleManagement.Read.Directory,RoleManagement.ReadWrite.Directory.",
         ("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory"), None),
        ("Application must have one of the following scopes: DeviceManagementApps.Read.All, DeviceManagementApps.ReadWrite.All - Operation "
         "ID: x", ("DeviceManagementApps.Read.All", "DeviceManagementApps.ReadWrite.All"), None),
        ("X requires the following permissions: Sites.Read.All. However, the application only has the following permissions granted: "
         "Files.Read.All, People.Read", ("Sites.Read.All",), ("Files.Read.All", "People.Read")),
        ("Calling principal does not have required MSGraph permissions AuditLog.Read.All", ("AuditLog.Read.All",), None),
        ("x does not have any of the required application permissions (Calls.Initiate.All, Calls.JoinGroupCall.All) to access the resource.",
         ("Calls.Initiate.All", "Calls.JoinGroupCall.All"), None),
        ("The required permission Mail.Read is not granted", ("Mail.Read",), None),
        ("Insufficient privileges to complete the operation.", (), None),
    ],
)  # fmt: skip
def test_permissions_that_an_answer_names(message: str, wanted: tuple[str, ...], held: tuple[str, ...] | None) -> None:
    named = read_error(body("Forbidden", message)).named
    assert (named.wanted, named.held) == (wanted, held)
    found = reasons(read_error(message), None)[0]
    assert found.cause == "permission-missing"
    assert found.needs == wanted


@pytest.mark.parametrize("as_batch", [False, True])
def test_the_innermost_code_is_the_most_specific(as_batch: bool) -> None:
    error = {
        "error": {
            "code": "Forbidden",
            "message": "x",
            "innerError": {"code": "AadPremiumLicenseRequired", "request-id": POLICY},
        }
    }
    pasted = json.dumps({"responses": [{"id": "1", "status": 400, "body": error}]} if as_batch else error)
    read = read_error(pasted)
    assert read.codes[0] == "AadPremiumLicenseRequired"
    assert read.request_id == POLICY
    assert cause(pasted) == "license-missing"


def test_a_batch_tells_of_its_first_failure() -> None:
    answers = [
        {"id": "1", "status": 200, "body": {"value": []}},
        {
            "id": "2",
            "status": 403,
            "body": {"error": {"code": "AccessDenied", "message": "Your tenant is not licensed for this feature."}},
        },
        {"id": "3", "status": 429, "body": {"error": {"code": "TooManyRequests", "message": "x"}}},
    ]
    read = read_error(json.dumps({"responses": answers}))
    assert (read.status, read.failures, read.codes) == (403, 2, ("AccessDenied",))
    assert reasons(read, None)[0].cause == "license-missing"


@pytest.mark.parametrize(
    ("content", "wanted", "said"),
    [
        ({"access_token": {"acrs": {"essential": True, "value": "c2"}}}, "conditional-access", "c2"),
        ({"access_token": {"capolids": {"essential": True, "values": [POLICY]}}}, "conditional-access", POLICY),
        ({"access_token": {"nbf": {"essential": True, "value": "1763820000"}}}, "token-invalid", "2025-11-22"),
        ({"access_token": {"xms_rp_ipaddr": {"value": "203.0.113.7"}}}, "conditional-access", "address"),
        ({"access_token": {"deviceid": {"essential": True}}}, "conditional-access", "claims challenge"),
    ],
)
def test_claims_challenges_are_decoded(content: Any, wanted: str, said: str) -> None:
    found = reasons(read_error(challenge(content)), None)[0]
    assert found.cause == wanted
    assert said in found.text
    sign_in = {
        "error": "interaction_required",
        "error_codes": [50076],
        "suberror": "basic_action",
        "claims": json.dumps(content),
    }
    assert [one.cause for one in reasons(read_error(json.dumps(sign_in)), None)][:2] == ["conditional-access", wanted]


@pytest.mark.parametrize("claims", ["", "####", "e30=", base64.b64encode(b"[1]").decode(), "A" * 5000])
def test_a_challenge_that_cannot_be_read_is_one_all_the_same(claims: str) -> None:
    assert (
        cause(f'WWW-Authenticate: Bearer realm="", error="insufficient_claims", claims="{claims}"')
        == "conditional-access"
    )


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (7000215, "credential-expired"),
        (65001, "consent-missing"),
        (53003, "conditional-access"),
        (700082, "token-invalid"),
        (90024, None),
    ],
)
def test_sign_in_errors(number: int, wanted: str | None) -> None:
    text = f"AADSTS{number}: something happened.\r\nTrace ID: x"
    for pasted in (text, json.dumps({"error": "invalid_grant", "error_description": text, "error_codes": [number]})):
        read = read_error(pasted)
        assert read.aadsts == (number,)
        found = reasons(read, None)[0]
        assert found.cause == wanted
        assert found.text.startswith(f"AADSTS{number}: {refusal(number).meaning}")  # type: ignore[union-attr]
    assert reasons(read_error("AADSTS90024: x"), None)[0].not_configuration


def test_a_token_in_the_place_of_the_answer() -> None:
    assert read_error(f"{tokens.app_only('A.B')}\n").is_token
    assert not read_error(DENIED).is_token


def test_of_several_numbers_a_known_one_decides() -> None:
    (first, *_) = reasons(read_error("AADSTS99999999: x. AADSTS50105: y."), None)
    assert first.cause == "sign-in-blocked"


def test_an_unknown_sign_in_error_says_so() -> None:
    (found,) = reasons(read_error("AADSTS99999999: x"), None)
    assert found.cause is None
    assert "AADSTS99999999" in found.text


@pytest.mark.parametrize(
    ("pasted", "call"),
    [
        ("GET https://graph.microsoft.com/v1.0/users?$top=1\nHTTP/1.1 403 Forbidden", "GET /users"),
        ("> PATCH /beta/users/8b4c3f0e-2222-3333-4444-555555555555 HTTP/2\n< HTTP/2 403", "beta:PATCH /users/{id}"),
        ("GET /v1.0/users/alice@contoso.com/messages/AAMkAGI2 HTTP/1.1", "GET /users/{id}/messages/{id}"),
        ("no call here", ""),
    ],
)
def test_the_call_is_taken_from_what_clients_print(pasted: str, call: str) -> None:
    assert read_error(pasted).call == call


def test_headers() -> None:
    pasted = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nx-ms-throttle-scope: Tenant_Application/ReadWrite/x/y\r\n\r\n{}"
    read = read_error(pasted)
    assert (read.status, read.retry_after, read.throttle_scope) == (429, "17", "Tenant_Application/ReadWrite/x/y")
    assert read_error(json.dumps({"headers": {"Retry-After": "5"}, "status": 429})).retry_after == "5"


@pytest.mark.parametrize(
    "pasted", ["", "\0", "hello", "{}", "[]", "null", '{"value": []}', "HTTP/1.1 200 OK\r\n\r\n{}"]
)
def test_what_tells_nothing(pasted: str) -> None:
    assert reasons(read_error(pasted), None) == []
    assert isinstance(read_error(pasted), Error)


def test_every_rule_is_whole() -> None:
    found = rules()
    assert len({rule.id for rule in found}) == len(found)
    for rule in found:
        assert rule.codes or rule.text or (rule.status and rule.strict), rule.id
        assert {rule.cause, *rule.also} - {None} <= set(SLUGS), rule.id
        assert rule.means.endswith("."), rule.id
        assert rule.do.endswith("."), rule.id
        assert rule.source == "seen" or rule.source.startswith("https://learn.microsoft.com/"), rule.id
        assert rule.cause or rule.not_configuration, f"{rule.id}: no cause, and the configuration's all the same"
        assert rule.text is None or rule.text.pattern == rule.text.pattern.lower(), rule.id


@pytest.mark.parametrize("rule", [rule for rule in rules() if rule.text is None], ids=lambda rule: rule.id)
def test_every_rule_can_be_reached_by_its_first_code_or_status(rule: Any) -> None:
    codes = frozenset({next(iter(sorted(rule.codes)))}) if rule.codes else frozenset[str]()
    status = next(iter(rule.status)) if rule.status else None
    assert next(one for one in rules() if one.fits(codes, "", status, rule.flow)) is rule
