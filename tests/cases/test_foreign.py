"""Case files of other hands: every word, form and gap that such a file may hold is borne, and no line stops the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.emulator.build import GRAPH
from tests.cases.case import Case, Granted, case_of, read
from tests.cases.express import express, flow_of
from tests.cases.judge import Unexpressed, judge, judge_all
from tests.cases.words import cause_of, number, outcome_of

CREDENTIALS = [
    "secret",
    "certificate",
    "federated",
    "managed-identity",
    "public-client",
    "ropc",
    "device-code",
    "spa",
    "unknown",
    "user-password",
    "obo",
    "workload-identity",
    "none",
    "client-secret",
    "interactive",
    "azure-cli",
    "graph-powershell",
    "graph-explorer",
    "something-new",
]
RESOURCES = [
    "graph",
    "aad-graph",
    "exchange",
    "sharepoint",
    "arm",
    "other",
    "azure-devops",
    "own-api",
    "unknown",
    "key-vault",
    "none",
]


def line(**changes: Any) -> str:
    plain: dict[str, Any] = {
        "id": "x-1",
        "source": "https://example.org/1",
        "calls": [{"method": "GET", "path": "/users", "version": "v1.0"}],
        "flow": "app-only",
        "credential": "secret",
        "account_type": "work",
        "resource_requested": "graph",
        "requested": {"delegated": [], "application": ["User.Read.All"]},
        "granted": {"delegated": [], "application": ["User.Read.All"]},
        "grants_known": "stated",
        "outcome": "success",
        "cause": "none",
        "predictable_from_config": True,
    }
    return json.dumps({**plain, **changes})


def verdict(**changes: Any) -> tuple[str, str | None]:
    deciding = judge(case_of(line(**changes))).deciding
    return deciding.verdict, deciding.check


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("flow", ["app-only", "delegated", "unknown", "client-credentials"])
def test_every_credential_has_a_kind_of_app(credential: str, flow: str) -> None:
    case = case_of(line(credential=credential, flow=flow, granted={"delegated": ["User.Read.All"], "application": []}))
    expressed = express(case)
    assert expressed.calls[0].text == "GET /users"
    assert expressed.builder.principal(expressed.app_id)["appId"] == expressed.app_id


@pytest.mark.parametrize(
    ("credential", "flow"),
    [
        ("managed-identity", "app-only"),
        ("user-password", "delegated"),
        ("obo", "delegated"),
        ("device-code", "delegated"),
        ("azure-cli", "delegated"),
        ("workload-identity", "app-only"),
        ("none", "app-only"),
    ],
)
def test_a_flow_that_nobody_told_follows_from_the_credential_or_the_permissions(credential: str, flow: str) -> None:
    assert flow_of(case_of(line(credential=credential, flow="unknown"))) == flow


def test_a_client_of_microsoft_is_a_credential_too() -> None:
    own, tool = (express(case_of(line(flow="delegated", credential=one))) for one in ("public-client", "azure-cli"))
    assert own.facts.client == ""
    assert tool.facts.client == "azure-cli"
    assert tool.app_id != own.app_id


def test_a_middle_tier_publishes_an_api() -> None:
    expressed = express(case_of(line(flow="delegated", credential="obo")))
    assert expressed.builder.registration(expressed.app_id)["api"]["oauth2PermissionScopes"]


@pytest.mark.parametrize("account", ["work", "personal", "b2c", "guest", "unknown", "", None, "msa", 7])
def test_every_account_type_is_borne(account: Any) -> None:
    expressed = express(case_of(line(account_type=account, flow="delegated")))
    assert expressed.account == ("personal" if account in ("personal", "msa") else "work")
    assert bool(expressed.users) == (account == "guest")


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_resource_is_asked_for_in_words_of_the_product(resource: str) -> None:
    asked = verdict(resource_requested=resource)
    assert asked == (("allowed", None) if resource in ("graph", "unknown", "none") else ("denied", "wrong-resource"))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ({"method": "GET", "path": "/users"}, "GET /users"),
        ({"method": "get", "path": "users", "version": None}, "GET /users"),
        ({"method": "GET", "path": "https://graph.microsoft.com/beta/users"}, "beta:GET /users"),
        ({"method": "GET", "path": "https://graph.microsoft.us/v1.0/users", "version": "beta"}, "GET /users"),
        ({"method": "GET", "path": "/beta/users"}, "beta:GET /users"),
        ({"path": "/users?$filter=jobTitle eq 'a b'&$select=id"}, "GET /users?$select=id&$filter=jobTitle"),
        (
            {"method": "PATCH", "path": "/users/{id}", "body": ["passwordProfile"]},
            "PATCH /users/{id} {passwordProfile}",
        ),
        ({"method": "PATCH", "path": "/users/{id}", "body": {"mobilePhone": "1"}}, "PATCH /users/{id} {mobilePhone}"),
        ({"method": "PATCH", "path": "/users/{id}", "body": "mobilePhone"}, "PATCH /users/{id} {mobilePhone}"),
        ({"method": "PATCH", "path": "/users/{id}", "body": []}, "PATCH /users/{id}"),
        (
            {"method": "POST", "path": "/search/query", "body": {"entityTypes": ["site"]}},
            "POST /search/query {entityTypes=site}",
        ),
        ({"method": "*", "path": "/users"}, "GET /users"),
        ({"method": "*", "path": "/me/sendMail"}, "POST /me/sendMail"),
        ({"method": "FETCH", "path": "/nowhere"}, "GET /nowhere"),
        ("GET /users", "GET /users"),
        ("beta:GET /users", "beta:GET /users"),
        ("/users", "GET /users"),
    ],
)
def test_a_call_may_be_written_in_many_ways(call: Any, text: str) -> None:
    assert [one.text for one in express(case_of(line(calls=[call]))).calls] == [text]


def test_several_calls_and_calls_of_another_api() -> None:
    several = case_of(line(calls=["GET /users", {"method": "GET", "path": "/groups"}]))
    assert [one.text for one in express(several).calls] == ["GET /users", "GET /groups"]
    assert judge(several).deciding.check == "permission-missing"
    other = case_of(line(calls=[{"method": "GET", "path": "https://graph.windows.net/contoso/users"}]))
    assert judge(other).deciding.call.host == "graph.windows.net"


@pytest.mark.parametrize(
    ("granted", "wanted"),
    [
        ({"delegated": ["Mail.Read.Shared"]}, Granted(("Mail.Read.Shared",))),
        ({"delegated": ["User.Read", "User.Read"], "application": None}, Granted(("User.Read",))),
        ({"application": "User.Read.All, Mail.Send"}, Granted((), ("User.Read.All", "Mail.Send"))),
        (["User.Read.All"], Granted((), ("User.Read.All",))),
        ({"delegated": ["https://graph.microsoft.com/Mail.Read", "https://graph.microsoft.com/.default"]}, Granted(("Mail.Read",))),
        ({"delegated": [None, {"value": "Mail.Read"}, 5]}, Granted(("Mail.Read",))),
        (None, Granted()),
        (5, Granted()),
    ],
)  # fmt: skip
def test_permissions_may_be_written_in_many_ways(granted: Any, wanted: Granted) -> None:
    assert case_of(line(granted=granted)).granted == wanted


@pytest.mark.parametrize(
    "names", [["Nothing.Known"], ["User.Read.All", "full_access_as_app"], ["*.Shared"], ["AllSites.FullControl"]]
)
@pytest.mark.parametrize("kind", ["delegated", "application"])
def test_names_that_the_api_does_not_publish_in_that_type(names: list[str], kind: str) -> None:
    flow = "delegated" if kind == "delegated" else "app-only"
    judged, others = judge_all([case_of(line(flow=flow, requested={kind: names}, granted={kind: names}))])
    assert others == []
    assert judged[0].deciding.check in ("permission-missing", "permission-unknown", None)


def test_a_permission_of_another_api_is_granted_on_that_api() -> None:
    held = {"delegated": ["User.Read", "AllSites.FullControl"]}
    expressed = express(case_of(line(flow="delegated", requested=held, granted=held)))
    grants = expressed.builder.data["oauth2PermissionGrants"]
    graph = expressed.builder.principal(GRAPH)["id"]
    assert {row["scope"] for row in grants if row["resourceId"] == graph} >= {"User.Read"}
    assert "AllSites.FullControl" in {row["scope"] for row in grants if row["resourceId"] != graph}


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("permission-missing", "permission-missing"),
        ("tenant-license", "tenant-license"),
        ("Permission Missing", "permission-missing"),
        ("missing_scope", "permission-missing"),
        ("user-licence-missing", "license-missing"),
        ("mfa-required", "conditional-access"),
        ("client-secret-expired", "credential-expired"),
        ("wrong-permission-type", "permission-type-mismatch"),
        ("service-principal-not-found", "sign-in-blocked"),
        ("exchange-application-access-policy", "workload-policy"),
        ("app-only-not-supported", "delegated-only-api"),
        ("user-consent-blocked", "consent-blocked"),
        ("admin-approval-required", "consent-blocked"),
        ("missing-user-role", "user-privilege"),
        ("service-bug", "service-bug"),
        ("throttled-by-service", "not-an-auth-misconfiguration"),
        ("", "none"),
        (None, "none"),
        ("weather", "weather"),
    ],
)
def test_causes_in_other_words(said: Any, cause: str) -> None:
    assert cause_of(said) == cause


def test_a_cause_that_nobody_knows_is_never_found() -> None:
    case = case_of(line(cause="weather", outcome="fail", granted={}, requested={}))
    assert case.kind == "fails"
    assert judge(case).score == "wrong"


@pytest.mark.parametrize(
    ("outcome", "cause", "status", "wanted"),
    [
        ("success", "none", 200, "success"),
        ("Works", "none", 0, "success"),
        ("failed", "none", 0, "fail"),
        (None, "none", 204, "success"),
        (None, "permission-missing", 0, "fail"),
        (None, "none", 0, "success"),
        ("?", "none", 403, "fail"),
    ],
)
def test_outcomes_in_other_words(outcome: Any, cause: str, status: int, wanted: str) -> None:
    assert outcome_of(outcome, cause, status) == wanted


def test_statuses_and_what_can_be_predicted_in_other_words() -> None:
    assert [number(one) for one in (403, "403", "403 Forbidden", None, "", [], "many")] == [403, 403, 403, 0, 0, 0, 0]
    assert not case_of(line(predictable_from_config="no")).predictable
    assert not case_of(line(predictable_from_config=False)).predictable
    assert case_of(line(predictable_from_config=None)).predictable
    assert case_of(line(secondary_causes="consent-missing, user-license")).secondary == (
        "consent-missing",
        "user-license",
    )


def test_prose_may_be_given_in_parts() -> None:
    case = case_of(line(other_config={"secret": "expired", "notes": ["Tenant without Entra ID P1."]}))
    assert express(case).facts.credentials == "expired"
    assert express(case).facts.lacks == ("entra-p1",)


def test_lines_that_cannot_be_read_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(["{", "[]", "null", "", "{}", line(), line(facts={"app": "broken"})]), encoding="utf-8")
    judged, others = judge_all(read(file))
    assert [one.case.id for one in judged] == ["line-5", "x-1"]
    assert [one.case.id for one in others] == ["line-1", "line-2", "line-3", "x-1"]
    assert all(isinstance(one, Unexpressed) and one.reason for one in others)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_KEYS = [*json.loads(line()), "secondary_causes", "other_config", "http_status", "error_code", "confidence"]


@given(st.dictionaries(st.sampled_from(_KEYS), _ANYTHING, max_size=6))
@settings(max_examples=150, deadline=None)
def test_whatever_a_line_holds_it_becomes_a_case(changes: dict[str, Any]) -> None:
    case = case_of(line(**changes))
    assert isinstance(case, Case)
    assert case.kind in ("works", "fails", "unpredictable")
