"""Tokens as people paste them: found, decoded, and told what is wrong with them by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.explain.audience import audience
from auditor.explain.faults import faults
from auditor.explain.pasted import to_text
from auditor.explain.token import read_token
from auditor.redaction import without_tokens
from tests.explain.tokens import (
    APP,
    CONSUMERS,
    GRAPH,
    MARK,
    NOW,
    OBJECT,
    TENANT,
    app_only,
    claims,
    delegated,
    jwt,
    part,
)

GOOD = app_only("User.Read.All")
OPAQUE = "EwBgA8l6BAAU" + "aB3xY9kQ" * 30
HOUR = 3600


def first(text: str) -> tuple[str | None, str]:
    """Cause and certainty of the weightiest fault; ('', '') where there is none."""
    found = faults(read_token(text), NOW)
    return (found[0].cause, found[0].certainty) if found else ("", "")


@pytest.mark.parametrize(
    "pasted",
    [
        GOOD,
        f"  {GOOD}\r\n",
        f'"{GOOD}"',
        f"'{GOOD}'",
        f"Bearer {GOOD}",
        f"bearer {GOOD}",
        f"Authorization: Bearer {GOOD}",
        f"GET /v1.0/users HTTP/1.1\r\nHost: graph.microsoft.com\r\nauthorization: Bearer {GOOD}\r\nAccept: */*\r\n\r\n",
        f"curl -H 'Authorization: Bearer {GOOD}' https://graph.microsoft.com/v1.0/users",
        f"export AUDITOR_ACCESS_TOKEN={GOOD}",
        f'$token = "{GOOD}"',
        f"access_token={GOOD}",
        "\n".join(GOOD[at : at + 76] for at in range(0, len(GOOD), 76)),
        json.dumps(GOOD),
        json.dumps({"token_type": "Bearer", "expires_in": 3599, "access_token": GOOD}),
        json.dumps(
            {"id_token": jwt({"aud": APP, "nonce": "n"}), "access_token": GOOD, "refresh_token": "0.AXoA" + "x" * 60}
        ),
        json.dumps({"accessToken": GOOD, "expiresOn": "2026-11-22 16:00:00.000000", "tokenType": "Bearer"}),
        json.dumps({"headers": {"Authorization": f"Bearer {GOOD}"}}),
        json.dumps([{"result": {"Token": GOOD}}]),
        json.dumps(claims(roles=["User.Read.All"], idtyp="app")),
    ],
    ids=range(20),
)
def test_a_token_is_found_in_what_was_pasted(pasted: str) -> None:
    token = read_token(pasted)
    assert (token.form, token.roles, token.app_id, token.tenant_id) == ("jwt", ("User.Read.All",), APP, TENANT)
    assert (token.object_id, token.is_app_only, token.permissions) == (OBJECT, True, ("User.Read.All",))
    assert faults(token, NOW) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_whatever_wrote_the_file(encoding: str) -> None:
    assert read_token(to_text(GOOD.encode(encoding))).form == "jwt"


def test_the_token_is_not_kept_and_never_shown_again() -> None:
    token = read_token(GOOD)
    assert MARK not in repr(token)
    assert GOOD.split(".")[1] not in repr(token)
    assert MARK[3:30] not in without_tokens(f"a sentence with {MARK[3:30]} in it")


@pytest.mark.parametrize(
    ("pasted", "form", "cause"),
    [
        ("", "missing", "token-invalid"),
        (" \n\t ", "missing", "token-invalid"),
        ("Bearer ", "missing", "token-invalid"),
        ('{"access_token": ""}', "missing", "token-invalid"),
        ("{}", "missing", "token-invalid"),
        ("null", "placeholder", "token-invalid"),
        ("Bearer undefined", "placeholder", "token-invalid"),
        ("{{access_token}}", "placeholder", "token-invalid"),
        ("<your token>", "placeholder", "token-invalid"),
        ("$token", "placeholder", "token-invalid"),
        ("System.Security.SecureString", "placeholder", "token-invalid"),
        ('{"error": "invalid_client", "error_description": "AADSTS7000215: x"}', "error-answer", "token-invalid"),
        (OPAQUE, "personal", "personal-account"),
        ("q7Zk" * 30, "opaque", "token-invalid"),
        ("0.AXoAkQ7Zk2m9x1" + "Zk2m9x1." + "Q7" * 60, "refresh", "token-invalid"),
        (f"{part({'alg': 'RSA-OAEP'})}.a1.b2.c3.d4", "encrypted", "token-invalid"),
        ("12345", "malformed", "token-invalid"),
        (GOOD.rpartition(".")[0], "malformed", "token-invalid"),
        (GOOD.rpartition(".")[0] + ".", "malformed", "token-invalid"),
        (GOOD[:80], "malformed", "token-invalid"),
        (GOOD.replace(".", "==.", 1), "malformed", "token-invalid"),
        (GOOD[:60] + "*" + GOOD[61:], "malformed", "token-invalid"),
        (GOOD + ".x", "malformed", "token-invalid"),
        (f"{part({'alg': 'none'})}.{part([1, 2])}.{MARK}", "malformed", "token-invalid"),
        (f"Basic {'dXNlcjpwYXNz' * 6}", "malformed", "token-invalid"),
        ("<saml:Assertion xmlns:saml='urn'>" + "x" * 60, "malformed", "token-invalid"),
    ],
)
def test_forms_that_are_no_access_token(pasted: str, form: str, cause: str) -> None:
    token = read_token(pasted)
    assert token.form == form
    found = faults(token, NOW)
    assert found[0].cause == cause
    assert found[0].text.endswith(".")
    assert found[0].do


def test_a_malformed_token_says_what_is_wrong_with_it() -> None:
    assert "signature is missing" in read_token(GOOD.rpartition(".")[0]).flaw
    assert "padding" in read_token(GOOD.replace(".", "=.", 1)).flaw
    cut = read_token(GOOD[:-350] if len(GOOD) > 700 else ".".join((GOOD.split(".")[0], GOOD.split(".")[1][:50], MARK)))
    assert "cut off" in cut.flaw


@pytest.mark.parametrize(
    ("token", "cause", "certainty"),
    [
        (app_only("User.Read.All", exp=int(NOW.timestamp()) - HOUR), "token-invalid", "certain"),
        (app_only("User.Read.All", exp=str(int(NOW.timestamp()) - HOUR)), "token-invalid", "certain"),
        (app_only("User.Read.All", nbf=int(NOW.timestamp()) + HOUR), "token-invalid", "certain"),
        (app_only("User.Read.All", nbf=int(NOW.timestamp()) + 60), "", ""),  # clocks differ a little
        (app_only("User.Read.All", aud="https://graph.microsoft.com/"), "", ""),
        (app_only("User.Read.All", aud=GRAPH), "", ""),
        (app_only("User.Read.All", aud=[GRAPH]), "", ""),
        (app_only("User.Read.All", aud="https://graph.microsoft.us"), "", ""),
        (app_only("User.Read.All", aud="https://graph.windows.net"), "wrong-resource", "certain"),
        (app_only("User.Read.All", aud="00000002-0000-0000-c000-000000000000"), "wrong-resource", "certain"),
        (app_only(aud="https://management.azure.com/"), "wrong-resource", "certain"),
        (delegated("x", aud="https://contoso-my.sharepoint.com"), "wrong-resource", "certain"),
        (delegated("x", aud="https://outlook.office365.com/"), "wrong-resource", "certain"),
        (delegated("access_as_user", aud="api://contoso-orders"), "wrong-resource", "certain"),
        (delegated("access_as_user", aud=APP), "wrong-resource", "certain"),
        (
            delegated("x", aud="https://outlook.office365.com/", exp=1),
            "wrong-resource",
            "certain",
        ),  # the older cause first
        (app_only("User.Read.All", oid=None), "sign-in-blocked", "likely"),
        (app_only(), "consent-missing", "likely"),
        (delegated(), "consent-missing", "likely"),
        (delegated("User.Read", tid=CONSUMERS), "personal-account", "possible"),
        (
            delegated("User.Read", iss=f"https://login.microsoftonline.com/{CONSUMERS}/v2.0", tid=None),
            "personal-account",
            "possible",
        ),
        (delegated("User.Read", idp="live.com"), "", ""),  # a guest of this tenant
        (delegated("User.Read", cnf={"kid": "x"}), "token-invalid", "possible"),
        (app_only("A.B", iss="https://payroll.azurewebsites.net/"), "token-invalid", "certain"),
        (app_only("A.B", iss="https://contoso.b2clogin.com/x/v2.0/"), "token-invalid", "certain"),
        (
            jwt({"aud": APP, "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0", "nonce": "n", "name": "A"}),
            "token-invalid",
            "certain",
        ),
        (jwt({"aud": APP, "tid": TENANT, "preferred_username": "a@b.c", "ver": "2.0"}), "token-invalid", "certain"),
        (jwt({}), "token-invalid", "certain"),
        (delegated("User.Read", "Mail.Read"), "", ""),
    ],
)
def test_what_is_wrong_with_a_readable_token(token: str, cause: str, certainty: str) -> None:
    assert first(token) == (cause, certainty)


def test_the_sentences_name_what_was_seen() -> None:
    (expired,) = faults(read_token(app_only("A.B", exp=int(NOW.timestamp()) - 2 * HOUR)), NOW)
    assert "2026-11-22 13:00:00 UTC" in expired.text
    assert "2 hours" in expired.text
    (wrong,) = faults(read_token(app_only("A.B", aud="https://vault.azure.net")), NOW)
    assert "Azure Key Vault" in wrong.text
    assert "https://vault.azure.net" in wrong.text


def test_who_calls_and_with_what() -> None:
    user = read_token(
        delegated("User.Read", "Mail.Read", roles=["Some.AppRole"], appidacr="0", xms_cc=["cp1"], acrs=["c1"])
    )
    assert (user.is_delegated, user.is_app_only, user.permissions) == (True, False, ("User.Read", "Mail.Read"))
    assert (user.client_authentication, user.capabilities, user.contexts) == ("0", ("cp1",), ("c1",))
    v2 = read_token(app_only("A.B", appid=None, azp=APP, azpacr="2", ver="2.0", idtyp=None))
    assert (v2.app_id, v2.client_authentication, v2.is_app_only) == (APP, "2", True)


STRANGE: list[Any] = [
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "x" * 5000,
    [],
    [None, 1],
    {},
    {"a": [1]},
    "\u202e\x00\x1b[31m",
    "1e999",
    "nan",
]


@pytest.mark.parametrize("value", STRANGE, ids=range(len(STRANGE)))
@pytest.mark.parametrize(
    "name",
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
        "oid",
        "tid",
        "upn",
        "idtyp",
        "xms_cc",
        "acrs",
        "acct",
        "ver",
    ],
)
def test_claims_of_any_type(name: str, value: Any) -> None:
    token = read_token(jwt(claims(roles=["A.B"]) | {name: value}))
    for reason in faults(token, NOW):
        assert reason.text.isprintable()


@pytest.mark.parametrize(
    ("value", "name", "is_graph"),
    [
        ("https://dod-graph.microsoft.us/.default", "Microsoft Graph", True),
        ("https://contoso.sharepoint.com", "Office 365 SharePoint Online", False),
        ("00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online", False),
        ("https://org1234.crm4.dynamics.com", "Dataverse", False),
        ("api://contoso", "api://contoso", False),
        (
            f"00000003-0000-0ff1-ce00-000000000000/contoso.sharepoint.com@{TENANT}",
            "Office 365 SharePoint Online",
            False,
        ),
        ("https://evil-graph.microsoft.com.example", "https://evil-graph.microsoft.com.example", False),
        ("https://[", "https://[", False),
    ],
)
def test_audiences(value: str, name: str, is_graph: bool) -> None:
    found = audience(value)
    assert found is not None
    assert (found.name, found.is_graph) == (name, is_graph)
