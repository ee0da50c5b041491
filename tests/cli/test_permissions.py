"""``auditor permissions``: the answer for a call, for a permission, and what is no question at all."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.cli import permissions
from auditor.cli.app import run
from auditor.predict.call import parse_call
from auditor.reference import overlay, paths

from .conftest import Run

DATA = Path(__file__).parents[3] / "shared" / "data"
PUBLISHED = DATA / "permissions.json"
SCHEMES = {"DelegatedWork": "delegated", "DelegatedPersonal": "personal", "Application": "application"}
TOKENS = tuple(SCHEMES.values())
SLIPS = re.compile(r"[^/({=:]\{|\)range|permissionsscope=|roletemplateid=|\(team-id\)|87654321-", re.IGNORECASE)
"""Typing slips in the file, which nobody would write into a call."""


def names(part: dict[str, Any]) -> list[str]:
    return [row["permission"] for row in part["permissions"]]


def test_the_table_says_what_authorizes_least_first(auditor: Run) -> None:
    result = auditor("permissions", "GET /users/{id}/messages")
    assert result.code == 0
    assert result.err == ""
    lines = [line.split() for line in result.out.splitlines() if line.startswith(" application")]
    assert [line[1] for line in lines] == ["Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"]
    assert lines[0][2:] == ["least", "yes", "693c5e45-0940-467d-9b8a-1022fb9d42ef"]
    assert "Exchange Online" in result.out
    assert "RBAC for Applications" in result.out


def test_the_table_names_roles_and_pairs(auditor: Run) -> None:
    result = auditor("permissions", "POST /servicePrincipals/{id}/appRoleAssignedTo")
    assert "Application.Read.All" in result.out
    assert "Cloud Application Administrator" in result.out
    assert "Intune Administrator" not in result.out


def test_json(auditor: Run) -> None:
    found = auditor("permissions", "PATCH /users/{id} {passwordProfile}", "--format", "json").json()
    assert found["call"] == "PATCH /users/{id} {passwordProfile}"
    assert found["template"] == "/users/{id}"
    assert found["known"] is True
    assert names(found["application"]) == ["User-PasswordProfile.ReadWrite.All"]
    assert found["application"]["asked_by"] == "passwordProfile"
    assert found["application"]["permissions"][0]["id"] == "cc117bb9-00cf-4eb8-b580-ea2a878fe8f7"
    assert found["directory_role"]["members"] == "refused"
    assert found["directory_role"]["roles"]["User Administrator"] == "fe930be7-5e62-47db-91af-98c3a49a38b1"


def test_a_property_of_the_query(auditor: Run) -> None:
    found = auditor("permissions", "GET /users?$select=id,signInActivity", "--format", "json").json()
    assert names(found["delegated"]["in_addition"][0]) == ["AuditLog.Read.All"]
    assert found["licences"][0]["error_code"] == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"


@pytest.mark.parametrize(
    "text",
    [
        "GET https://graph.microsoft.com/v1.0/users/alice@contoso.com/messages?$top=5",
        "get https://graph.microsoft.us/beta/USERS/0f5a2e4b-6f5e-4a3c-9d6b-1c2d3e4f5a6b/messages",
        "beta:GET /users('alice@contoso.com')/messages",
    ],
)
def test_any_way_of_writing_the_call(auditor: Run, text: str) -> None:
    found = auditor("permissions", text, "--format", "json").json()
    assert found["template"] == "/users/{id}/messages"


def test_an_unknown_path_is_an_answer(auditor: Run) -> None:
    result = auditor("permissions", "GET /users/{id}/mesages")
    assert result.code == 0
    assert "not in the permission data" in result.out
    assert "/users/{id}/messages" in result.out
    found = auditor("permissions", "GET /users/{id}/mesages", "--format", "json").json()
    assert found["known"] is False
    assert "/users/{id}/messages" in found["similar"]
    other = auditor("permissions", "DELETE /organization")
    assert (other.code, "GET" in other.out) == (0, True)


def test_calls_that_hang_on_something_else(auditor: Run) -> None:
    assert "No permission is needed" in auditor("permissions", "GET /applicationTemplates").out
    result = auditor("permissions", "POST /subscriptions")
    assert "the field resource" in result.out
    assert "not supported" not in result.out
    found = auditor("permissions", "POST /subscriptions", "--format", "json").json()
    assert (found["known"], found["resource_field"], found["delegated"]["supported"]) == (True, "resource", None)
    named = auditor("permissions", "POST /subscriptions {resource=me/messages}", "--format", "json").json()
    assert names(named["delegated"])[0] == "Mail.ReadBasic"
    assert named["application"]["supported"] is False
    assert named["template"] == "/subscriptions"


def test_resource_specific_consent(auditor: Run) -> None:
    result = auditor("permissions", "GET /teams/{id}/channels/{id}/messages")
    lines = [line for line in result.out.splitlines() if line.startswith(" resource-specific consent")]
    assert any("ChannelMessage.Read.Group" in line for line in lines)


def test_the_reverse(auditor: Run) -> None:
    result = auditor("permissions", "--permission", "mail.read")
    assert result.code == 0
    assert result.out.startswith("Mail.Read\n")
    assert any(line.split()[-2:] == ["GET", "/me/messages"] for line in result.out.splitlines() if line.strip())
    found = auditor("permissions", "--permission", "Mail.Read", "--format", "json").json()
    assert found["permission"] == "Mail.Read"
    assert {"method": "GET", "path": "/me/messages", "least": False} in found["delegated"]["calls"]
    assert found["application"]["admin_consent"] is True
    assert auditor("permissions", "--permission", "User.Invite.All", "--format", "json").json()["personal"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "one of the two"),
        (("GET /users", "--permission", "User.Read"), "one of the two"),
        (("users",), "is not a call"),
        (("FETCH /users",), "is not a call"),
        (("GET https://graph.windows.net/contoso/users",), "not Microsoft Graph"),
        (("--permission", "Mail.Reed"), "Did you mean Mail.Read"),
        (("--permission", "\x1b[31m" + "x" * 300), "no permission"),
    ],
)
def test_bad_questions_are_one_sentence(auditor: Run, arguments: tuple[str, ...], words: str) -> None:
    result = auditor("permissions", *arguments)
    assert result.code == 2
    assert words in result.sentence
    assert "\x1b" not in result.err


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_an_answer_or_one_sentence(text: str) -> None:
    for arguments in (
        ["permissions", "--", text],
        ["permissions", "--", f"GET /{text}"],
        ["permissions", f"--permission={text}"],
    ):
        assert run(arguments) in {0, 2}


class Published:
    """permissions.json, read a second time by code that shares nothing with the compiler."""

    def __init__(self) -> None:
        self.claims: dict[tuple[str, str], dict[str, set[tuple[str, tuple[str, ...]]]]] = defaultdict(
            lambda: defaultdict(set)
        )
        self.spelling: dict[str, str] = {}
        for name, permission in json.loads(PUBLISHED.read_text("utf-8"))["permissions"].items():
            for path_set in permission["pathSets"] if permission["authorizationType"] != "RSC" else ():
                for template, text in path_set["paths"].items():
                    self._add(name, path_set, template, text)

    def _add(self, name: str, path_set: dict[str, Any], template: str, text: str) -> None:
        resource = "/".join(paths.tokens(template) or ("",))
        self.spelling.setdefault(resource, template)
        marks = dict(pair.split("=") for pair in text.split(";") if pair)
        also = [(other,) for other in marks["AlsoRequires"].split(",")] if "AlsoRequires" in marks else [()]
        for method in path_set["methods"]:
            for key in path_set["schemeKeys"]:
                self.claims[method, resource][SCHEMES[key]].update((name, required) for required in also)

    def plain(self) -> list[tuple[str, str]]:
        """Calls that can be written down."""
        spelt = ((method, self.spelling[resource]) for method, resource in sorted(self.claims))
        # A space stands within the brackets of a function.
        return [(method, template.replace(" ", "")) for method, template in spelt if not SLIPS.search(template)]


def widened(method: str, template: str, claims: set[tuple[str, tuple[str, ...]]]) -> set[tuple[str, tuple[str, ...]]]:
    """The claims of the file and the permissions that our rules say read as much as one of them."""
    result = set(claims)
    for rule in overlay.load().wider if method == "GET" else ():
        if rule.covers(method, paths.tokens(template) or ()):
            for narrow, wide in rule.pairs.items():
                listed = {name for name, _ in result}
                if (narrow, ()) in result and wide not in listed:
                    result.add((wide, ()))
    return result


def corrected(method: str, template: str) -> set[str]:
    """The token types for which a correction of ours is about this call."""
    tokens = paths.tokens(template) or ()
    ours = [one for one in overlay.load().corrections if one.covers(method, tokens)]
    return {scheme for one in ours for change in (one.remove, one.add, one.least) for scheme in change}


@pytest.fixture(scope="module")
def published() -> Published:
    if not PUBLISHED.exists():
        pytest.skip("Microsoft's permissions.json is not beside the repository")
    return Published()


def published_ids(scheme: str) -> set[str]:
    """Names of the permissions that Microsoft Graph really publishes in a form."""
    file = DATA / ("GraphAppRoles.csv" if scheme == "application" else "GraphDelegateRoles.csv")
    with file.open(encoding="utf-8-sig", newline="") as rows:
        return {row["Value"] for row in csv.DictReader(rows)}


@pytest.fixture
def ask(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[[str, str], Any]:
    """The command itself, without the parser of the command line, which takes longer than the answer."""

    def call(method: str, template: str) -> Any:
        permissions.command(f"{method} {template}", output="json")
        return json.loads(capsysbinary.readouterr().out)

    return call


def test_a_thousand_calls_agree_with_the_file(ask: Callable[[str, str], Any], published: Published) -> None:
    """A thousand calls drawn at random, every token type of each."""
    wrong, compared = [], 0
    for method, template in random.Random("auditor permissions").sample(published.plain(), 1000):
        claims = published.claims[method, "/".join(paths.tokens(template) or ())]
        found = ask(method, template)
        for scheme in set(TOKENS) - corrected(method, template):
            compared += 1
            shown = {(row["permission"], tuple(row["also_requires"])) for row in found[scheme]["permissions"]}
            expected = widened(method, template, claims.get(scheme, set()))
            if shown != expected:
                wrong.append((method, template, scheme, shown ^ expected))
    assert wrong == []
    assert compared > 2700


def test_the_least_privileged_come_first(ask: Callable[[str, str], Any], published: Published) -> None:
    for method, template in random.Random("least first").sample(published.plain(), 100):
        found = ask(method, template)
        for scheme in TOKENS:
            marks = [row["least"] for row in found[scheme]["permissions"]]
            assert marks == sorted(marks, reverse=True), (method, template)
            real = published_ids(scheme)
            least = [row["permission"] for row in found[scheme]["permissions"] if row["least"]]
            if any(name in real for name in names(found[scheme])):
                assert set(least) <= real, (method, template)


def test_every_call_of_the_file_can_be_asked_for(published: Published) -> None:
    for method, template in published.plain():
        assert parse_call(f"{method} {template}").method == method
