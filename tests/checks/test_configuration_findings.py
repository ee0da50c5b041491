"""What every finding of the checks on the configuration keeps: identity by ids, plain evidence, safe commands, usable links."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from auditor.audit.check import CERTAINTIES, SEVERITIES, Finding
from auditor.emulator.build import EXCHANGE, TenantBuilder
from auditor.emulator.contoso import contoso
from tests.support import examine, load_tenant

SLUGS = (
    "credential-expired",
    "sign-in-blocked",
    "license-missing",
    "conditional-access",
    "directory-role-missing",
    "user-privilege",
    "workload-policy",
    "risky-grant",
)
HOSTILE = "\u202e'; Remove-Item * #`$(calc)\u2019\n</script><img onerror=x>=cmd|' /C calc'!A0"
WEB = ("https://app.example/signin",)


def worst(name: str = "") -> dict[str, Any]:
    """A tenant in which all eight checks fire, several times where an app or a policy could be mixed up with another."""
    builder = TenantBuilder()
    builder.remove_licences()
    for number in (1, 2):
        requests = [
            ("Mail.Read", "application"),
            ("Sites.Selected", "application"),
            ("RoleManagement.ReadWrite.Directory", "application"),
            ("User-PasswordProfile.ReadWrite.All", "application"),
            ("Exchange.ManageAsApp", "application", EXCHANGE),
        ]
        builder.consent(builder.app(f"Daemon {number}", secret="@now-1d", requests=requests))
        scopes = [("AuditLog.Read.All", "delegated"), ("Directory.ReadWrite.All", "delegated")]
        builder.consent(
            builder.app(f"Web {number}", web=WEB, secret="@now+3d", requests=scopes, assignment_required=True)
        )
        builder.consent(builder.app(f"Desk {number}", web=WEB, requests=scopes))
        builder.consent(builder.app(f"Console {number}", fallback=True, requests=[("Mail.Read", "delegated")]))
        builder.app(f"Off {number}", enabled=False, requests=[("User.Read.All", "application")])
        builder.app(f"Bare {number}", web=WEB, secret=None, service_principal=False, requests=scopes)
        builder.policy(f"Devices {number}", grant=["compliantDevice"])
        builder.policy(f"Report {number}", "enabledForReportingButNotEnforced", grant=["block"])
    builder.workload_policy("Workloads")
    builder.principal(EXCHANGE)["accountEnabled"] = False
    data = copy.deepcopy(builder.data)
    if name:
        for record in (*data["applications"], *data["servicePrincipals"], *data["conditionalAccessPolicies"]):
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
        assert not examine(slug, tenant).findings, slug


def test_fingerprints_are_unique(findings: list[Finding]) -> None:
    for found in (findings, findings_of(contoso())):
        fingerprints = [finding.fingerprint for finding in found]
        assert len(fingerprints) == len(set(fingerprints))


@pytest.mark.parametrize("name", ["Renamed", HOSTILE])
def test_fingerprints_do_not_hang_on_names(findings: list[Finding], name: str) -> None:
    renamed = findings_of(worst(name))
    assert {finding.fingerprint for finding in renamed} == {finding.fingerprint for finding in findings}


def test_order_of_input_does_not_matter(findings: list[Finding]) -> None:
    data = worst()
    for collection in ("applications", "servicePrincipals", "oauth2PermissionGrants", "appRoleAssignments"):
        data[collection].reverse()
    again = {(finding.fingerprint, finding.severity, finding.summary) for finding in findings_of(data)}
    assert again == {(finding.fingerprint, finding.severity, finding.summary) for finding in findings}


def test_fields_are_complete_and_plain(findings: list[Finding]) -> None:
    for finding in findings:
        assert finding.severity in SEVERITIES
        assert finding.certainty in CERTAINTIES
        assert finding.app_id
        assert finding.display_name
        assert finding.display_name in finding.summary
        assert finding.summary.endswith(".")
        assert ".." not in finding.summary
        assert finding.remediation.text.endswith(".")
        assert json.loads(json.dumps(dict(finding.evidence))) == dict(finding.evidence), finding.evidence
        assert finding.help_url.startswith("https://learn.microsoft.com/")
        assert not re.search(r"/[a-z]{2}-[a-z]{2}/", finding.help_url)
        if finding.remediation.url:
            assert finding.remediation.url.startswith(
                ("https://login.microsoftonline.com/", "https://entra.microsoft.com/")
            )


def test_commands_carry_nothing_of_hostile_values() -> None:
    data = worst(HOSTILE)
    for grant in data["oauth2PermissionGrants"]:
        grant["id"] = f"x'; calc # {grant['id']}"
        grant["scope"] += " a';calc;'b"
    for assignment in data["appRoleAssignments"]:
        assignment["id"] = f"x'; calc # {assignment['id']}"
    for finding in findings_of(data):
        for command in (*finding.remediation.commands, finding.remediation.url or ""):
            assert "\n" not in command
            # Inside a PowerShell string every quote is doubled, so the words cannot get out of it.
            assert "calc" not in re.sub(r"'(?:[^']|'')*'", "", command), command


def test_unlicensed_premium_sources_do_not_matter_where_they_are_not_declared() -> None:
    tenant = load_tenant(worst(), unread=("subscribedSkus", "identity/conditionalAccess/policies"))
    for slug in set(SLUGS) - {"license-missing", "conditional-access"}:
        assert examine(slug, tenant).findings, slug
