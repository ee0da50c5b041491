"""What every finding of the checks on the comparison keeps: identity by ids, plain evidence, safe commands, usable links."""

from __future__ import annotations

import copy
import importlib
import json
import re
from typing import Any

import pytest

from auditor.audit.check import CERTAINTIES, SEVERITIES, Finding
from auditor.audit.registry import page
from auditor.emulator.build import AAD_GRAPH, EXCHANGE, SHAREPOINT, TenantBuilder
from tests.support import NOW, examine, load_tenant

SLUGS = (
    "consent-missing",
    "consent-partial",
    "consent-blocked",
    "permission-unknown",
    "permission-excess",
    "permission-type-mismatch",
    "application-only-api",
    "delegated-only-api",
    "wrong-resource",
    "personal-account",
)
HOSTILE = "\u202e'; Remove-Item * #`$(calc)\u2019\n</script><img onerror=x>=cmd|' /C calc'!A0"
WEB = ("https://app.example/signin",)


def worst(name: str = "App") -> dict[str, Any]:
    """A tenant in which all ten checks fire; apps are named after ``name``."""
    builder = TenantBuilder()
    daemon = builder.app("Daemon", requests=[("User.Read.All", "application"), ("Chat.Read", "delegated")])
    builder.assign(daemon, "Sites.Read.All")
    web = builder.app(
        "Web",
        web=WEB,
        audience="AzureADandPersonalMicrosoftAccount",
        requests=[("User.Read.All", "delegated"), ("Mail.Read", "delegated"), ("User.Read", "delegated")],
    )
    builder.grant(web, "User.Read.All", user="alice")
    builder.grant(web, "Group.Read.All")
    builder.app("Client", spa=WEB, requests=[("Calls.Initiate.All", "application"), ("Mail.Read", "application")])
    identity = builder.managed_identity("func")
    builder.grant(identity, "UserAuthenticationMethod.ReadWrite.All User.Read.All Gone.Read.All")
    old = [("Directory.Read.All", "application", AAD_GRAPH), ("Mail.Read", "application", EXCHANGE)]
    builder.app("Old", requests=[*old, ("Sites.Read.All", "application", SHAREPOINT)])
    builder.app("Odd", requests=[("deadbeef-0000-4000-8000-000000000001", "application")])
    builder.app("No principal", requests=[("User.Read.All", "application")], service_principal=False)
    data = copy.deepcopy(builder.data)
    if name != "App":
        for record in (*data["applications"], *data["servicePrincipals"]):
            record["displayName"] = name
    return data


def findings_of(data: dict[str, Any]) -> list[Finding]:
    tenant = load_tenant(data)
    return [finding for slug in SLUGS for finding in examine(slug, tenant).findings]


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return findings_of(worst())


def test_every_check_fires(findings: list[Finding]) -> None:
    assert {finding.check for finding in findings} == set(SLUGS)


def test_silent_on_a_good_tenant() -> None:
    tenant = load_tenant(TenantBuilder().data)
    for slug in SLUGS:
        assert examine(slug, tenant).findings == [], slug


def test_fingerprints_are_unique(findings: list[Finding]) -> None:
    fingerprints = [finding.fingerprint for finding in findings]
    assert len(fingerprints) == len(set(fingerprints))


@pytest.mark.parametrize("name", ["Renamed", "", HOSTILE])
def test_fingerprints_do_not_hang_on_names(findings: list[Finding], name: str) -> None:
    renamed = findings_of(worst(name))
    assert {finding.fingerprint for finding in renamed} == {finding.fingerprint for finding in findings}


def test_order_of_input_does_not_matter(findings: list[Finding]) -> None:
    data = worst()
    for collection in ("applications", "servicePrincipals", "oauth2PermissionGrants", "appRoleAssignments"):
        data[collection].reverse()
    assert [finding.fingerprint for finding in findings_of(data)] == [finding.fingerprint for finding in findings]


def test_the_clock_does_not_matter(findings: list[Finding]) -> None:
    tenant = load_tenant(worst(), now=NOW.replace(year=NOW.year + 1))
    again = {finding.fingerprint for slug in SLUGS for finding in examine(slug, tenant).findings}
    assert again == {finding.fingerprint for finding in findings}


def test_fields_are_complete_and_plain(findings: list[Finding]) -> None:
    for finding in findings:
        assert finding.severity in SEVERITIES
        assert finding.certainty in CERTAINTIES
        assert finding.app_id
        assert finding.display_name
        assert finding.summary.endswith(".")
        assert finding.display_name in finding.summary
        assert finding.remediation.text.endswith(".")
        assert json.loads(json.dumps(dict(finding.evidence))) == dict(finding.evidence), finding.evidence
        assert finding.help_url.startswith("https://learn.microsoft.com/")
        assert not re.search(r"/[a-z]{2}-[a-z]{2}/", finding.help_url)
        if finding.remediation.url:
            assert finding.remediation.url.startswith(
                ("https://login.microsoftonline.com/", "https://entra.microsoft.com/")
            )


def test_commands_carry_nothing_of_hostile_names() -> None:
    data = worst(HOSTILE)
    data["oauth2PermissionGrants"].append(
        {**data["oauth2PermissionGrants"][0], "id": "x'; calc #", "scope": "a';calc;'b Mail.Send"}
    )
    for finding in findings_of(data):
        for command in (*finding.remediation.commands, finding.remediation.url or ""):
            assert "\n" not in command
            assert "Remove-Item" not in command
            # Inside a PowerShell string every quote is doubled, so the words cannot get out of it.
            outside = re.sub(r"'(?:[^']|'')*'", "", command)
            assert "calc" not in outside, command


HEADINGS = (
    "What it checks",
    "Why it matters",
    "Example",
    "How to fix",
    "When it is fine to accept",
    "Known gaps",
    "References",
)


@pytest.mark.parametrize("slug", SLUGS)
def test_page(slug: str) -> None:
    text = page(slug)
    assert text.startswith(f"# {slug}\n\n<!-- generated: facts -->\n<!-- /generated -->\n")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == HEADINGS
    assert all(section.strip() for section in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])
    links = re.findall(r"^- (\S+)$", text.split("## References")[1], re.MULTILINE)
    assert links
    assert all(re.fullmatch(r"https://learn\.microsoft\.com/(?![a-z]{2}-[a-z]{2}/)\S+", link) for link in links)


def test_sources_unread_are_optional_only_where_the_check_copes() -> None:
    """Every optional source may be missing without an exception."""
    for slug in SLUGS:
        check = importlib.import_module(f"checks.{slug.replace('-', '_')}")
        tenant = load_tenant(worst(), unread=tuple(check.META.optional_sources))
        examine(slug, tenant)
