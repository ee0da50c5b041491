"""Audit results made by hand for the writers: calm, hostile, empty and partial. No snapshot, no check is involved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pandas as pd

from auditor.audit.change import Change, Gap
from auditor.audit.check import CheckMeta, Finding, Remediation
from auditor.audit.result import AuditRun, CheckResult, Coverage, WaiverState
from auditor.tenant.columns import APPS, CONDITIONAL_ACCESS, CONSENTS, CREDENTIALS, empty, frame
from auditor.tenant.permissions import PERMISSIONS
from auditor.tenant.state import SourceState

GRAPH = "00000003-0000-0000-c000-000000000000"
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)

PAGE = """# Every requested permission is granted

## What it checks

Each permission that an app requests, against the grants. See [Microsoft's page](https://learn.microsoft.com/graph/resolve-auth-errors).

## How to fix

1. Open **Enterprise applications**.
2. Grant admin consent.

```powershell
New-MgOauth2PermissionGrant -ClientId ... -Scope "User.Read.All"
```

| part | meaning |
|---|---|
| a | b |
"""

HOSTILE = (
    '=HYPERLINK("http://evil.example","x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "</script><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>{{7*7}}",
    "nul\x00 bell\x07 esc\x1b[31m del\x7f",
    "lone \ud800 surrogate \udfff",
    "x" * 40_000,
    "😀" * 20_000,
    "\u202egnp.exe\u202c",
    "שלום עולם العربية",
    "👩‍👩‍👧‍👦 Zoë 北京",
    "_x003D_1+1",
    "#N/A",
    "`code` **bold** [link](http://evil.example) | cell @team www.evil.example",
    "line\u2028separator\u2029paragraph",
    "javascript:alert(1)",
    "a\nb\r\nc",
    "' OR 1=1 --",
    "x;=1+1;y\t-2|@SUM(A1)",
)


def encodable(text: str) -> str:
    """Without lone surrogates: a call comes from the configuration, and a fingerprint hashes it."""
    return text.encode("utf-8", "replace").decode()


def guid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, encodable(name)))


def table(
    columns: Mapping[str, str], records: Sequence[Mapping[str, Any]], defaults: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """A table with exactly the documented columns and dtypes; what a record leaves out is missing."""
    fallback = {name: _fallback(description) for name, description in columns.items()} | dict(defaults or {})
    return frame(columns, {name: [record.get(name, fallback[name]) for record in records] for name in columns})


def _fallback(description: str) -> Any:
    kind = description.split(":", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    return {"tuple": (), "bool": False, "int": 0}.get(kind)


def meta(
    slug: str, severity: Any = "high", *, title: str = "", sources: tuple[str, ...] = ("applications",)
) -> CheckMeta:
    return CheckMeta(slug, title or f"{slug} is in order", "403: the right set of permissions?", severity, sources)


def app(name: str, **more: Any) -> dict[str, Any]:
    return {
        "app_id": guid(name), "object_id": guid(name + "/o"), "service_principal_id": guid(name + "/s"), "display_name": name,
        "kind": "registration", "enabled": True, "sign_in_audience": "AzureADMyOrg", "flows": ("app-only",),
        "flow_evidence": "a client secret", "flows_certain": True, "service_principal_type": "Application",
        "web_redirects": ("https://app.example/cb", "https://app.example/cb2"), "created_at": "2025-01-31T08:00:00Z", **more,
    }  # fmt: skip


def permission(app_name: str, value: str, status: str | None, **more: Any) -> dict[str, Any]:
    return {
        "app_id": guid(app_name), "app_name": app_name, "app_kind": "registration", "resource_app_id": GRAPH,
        "resource": "Microsoft Graph", "permission_id": guid(value), "permission": value, "type": "application",
        "requested": True, "granted": status == "granted", "consent": "admin" if status == "granted" else "none",
        "status": status, "admin_only": True, **more,
    }  # fmt: skip


def finding(name: str, check: str = "consent-missing", severity: Any = "high", **more: Any) -> Finding:
    facts: dict[str, Any] = {
        "certainty": "certain", "app_id": guid(name), "display_name": name, "resource_app_id": GRAPH,
        "permission": "User.Read.All", "permission_type": "application", "http_status": 403,
        "error_code": "Authorization_RequestDenied",
        "summary": f"{name} requests User.Read.All and it is not granted; an admin has to consent.",
        "remediation": Remediation(
            "Grant admin consent for the tenant.",
            ("New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId 1 -AppRoleId 2", f"az ad app permission admin-consent --id {guid(name)}"),
            f"https://login.microsoftonline.com/{guid('tenant')}/adminconsent?client_id={guid(name)}",
        ),
        "evidence": {"requested": True, "granted": False, "scopes seen": ["User.Read", "openid"], "none": None},
    }  # fmt: skip
    return Finding(check, severity, **{**facts, **more})


def coverage(*unread: SourceState) -> list[Coverage]:
    read = [
        SourceState(source, "read", objects=count, requests=1)
        for source, count in (("applications", 4), ("servicePrincipals", 6))
    ]
    return [Coverage(state, ("consent-missing", "credential-expired")) for state in read] + [
        Coverage(state, ("conditional-access",)) for state in unread
    ]


POLICY = {
    "policy_id": guid("policy"), "display_name": "Require MFA", "state": "enabled",
    "conditions": {
        "users": {"includeUsers": ["All"], "excludeGroups": ["9c1d", "9c1e"], "includeRoles": []},
        "applications": {"includeApplications": [guid("Payroll Sync")], "applicationFilter": {"mode": "include", "rule": "x -eq 1"}},
        "clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]},
        "clientAppTypes": ["browser", "mobileAppsAndDesktopClients"],
        "locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
        "signInRiskLevels": [], "newCondition": {"deep": {"a": [1, True]}},
    },
    "grant_controls": {"operator": "AND", "builtInControls": ["mfa", "compliantDevice"], "authenticationStrength": {"id": "1", "displayName": "Phishing-resistant MFA"}},
    "session_controls": {"signInFrequency": {"isEnabled": True, "value": 4, "type": "hours"}, "persistentBrowser": {"isEnabled": False}, "disableResilienceDefaults": None},
    "created_at": "2024-05-01T00:00:00Z", "modified_at": "2026-05-01T10:30:00Z",
}  # fmt: skip


def calm() -> AuditRun:
    """A small tenant with some of everything."""
    names = ("Payroll Sync", "HR Portal", "Backup Agent", "Mail Bot")
    findings = [
        finding("Payroll Sync", severity="critical"),
        finding("Payroll Sync", permission="Mail.Read", summary="Payroll Sync requests Mail.Read and it is not granted; an admin has to consent."),
        finding("HR Portal", "credential-expired", http_status=401, error_code="AADSTS7000222", permission=None, permission_type=None, resource_app_id=None,
                summary="HR Portal's last client secret ended on 2026-11-02; sign-in needs one that is valid.", subject=("k1",)),
        finding("Backup Agent", "risky-grant", "high", certainty="likely", http_status=None, error_code=None, permission="Directory.ReadWrite.All",
                summary="Backup Agent holds Directory.ReadWrite.All, with which it can change any user; keep it only if it needs it."),
        finding("Mail Bot", "consent-partial", "medium", certainty="possible", permission_type="delegated", known=True,
                summary="Mail Bot's Mail.Read is granted for 3 users only; everybody else is asked or refused."),
        finding("Mail Bot", "permission-excess", "low", http_status=None, waived=True, waiver_reason="accepted until 2027-06-30 by identity team: needed at month end",
                summary="Mail Bot was granted Calendars.Read and does not request it."),
        finding("HR Portal", "conditional-access", "info", http_status=None, permission=None,
                summary="Report-only policy Require MFA reaches HR Portal."),
    ]  # fmt: skip
    slugs = (
        "consent-missing",
        "credential-expired",
        "risky-grant",
        "consent-partial",
        "permission-excess",
        "conditional-access",
    )
    checks = [CheckResult(meta(slug), "fail", 12, sum(one.check == slug for one in findings)) for slug in slugs]
    checks += [
        CheckResult(meta("wrong-resource", "medium"), "pass", 30, 0),
        CheckResult(meta("license-missing", "medium"), "not-applicable", 0, 0),
    ]
    return AuditRun(
        tool_version="0.1.0", catalog_date="2026-11-01", tenant_id=guid("tenant"), tenant_name="Contoso", cloud="global", collected_at=NOW,
        signed_in_as=f"app {guid('auditor')} (Graph Auditor)", requests=42,
        coverage=coverage(SourceState("identity/conditionalAccess/policies", "read", objects=1, requests=1)), checks=checks, findings=findings,
        apps=table(APPS, [app(name) for name in names[:3]] + [app("Mail Bot", kind="external", enabled=None, object_id=None, sign_in_audience=None, flows=(), created_at=None)]),
        permissions=table(PERMISSIONS, [
            permission("Payroll Sync", "User.Read.All", "not-consented"), permission("Payroll Sync", "Mail.Read", "not-consented"),
            permission("HR Portal", "User.Read", "granted", type="delegated", admin_only=False),
            permission("Backup Agent", "Directory.ReadWrite.All", "granted"),
            permission("Mail Bot", "Mail.Read", "partly-consented", type="delegated", requested=None, granted=True, consent="users", consented_users=3),
            permission("Mail Bot", "Calendars.Read", None, type="delegated", granted=None, consent=None, permission_id=None),
        ]),
        credentials=table({**CREDENTIALS, "display_name": "str"}, [
            {"app_id": guid("HR Portal"), "display_name": "HR Portal", "holder": "application", "key_id": "k1", "kind": "secret", "name": "prod", "start_at": "2024-11-02T00:00:00Z", "end_at": "2026-11-02T00:00:00Z"},
            {"app_id": guid("Payroll Sync"), "display_name": "Payroll Sync", "holder": "application", "key_id": "k2", "kind": "certificate", "name": "CN=payroll", "usage": "Verify", "start_at": "2026-01-01T00:00:00Z", "end_at": "2026-12-10T00:00:00Z"},
            {"app_id": guid("Backup Agent"), "display_name": "Backup Agent", "holder": "application", "key_id": "k3", "kind": "federated", "name": "github", "issuer": "https://token.example", "subject": "repo:x/y"},
        ]),
        consents=table(CONSENTS, [
            {"app_id": guid("HR Portal"), "display_name": "HR Portal", "resource_app_id": GRAPH, "resource": "Microsoft Graph", "permission": "User.Read", "type": "delegated", "consent": "admin", "record_id": "g1"},
            {"app_id": guid("Backup Agent"), "display_name": "Backup Agent", "resource_app_id": GRAPH, "resource": "Microsoft Graph", "permission": "Directory.ReadWrite.All", "type": "application", "consent": "admin", "granted_at": "2025-03-04T05:06:07Z", "record_id": "a1"},
            {"app_id": guid("Mail Bot"), "display_name": "Mail Bot", "resource_app_id": GRAPH, "resource": "Microsoft Graph", "permission": "Mail.Read", "type": "delegated", "consent": "user", "principal_id": guid("alice"), "record_id": "g2"},
        ]),
        conditional_access=table(CONDITIONAL_ACCESS, [POLICY]),
        predictions=[
            {"app_id": guid("Payroll Sync"), "flow": "app-only", "call": "GET /users", "verdict": "denied", "check": "consent-missing", "also": ["credential-expired"], "http_status": 403, "error_code": "Authorization_RequestDenied", "reason": "User.Read.All is not granted.", "granted_by": [], "needs": ["User.Read.All", "Directory.Read.All"]},
            {"app_id": guid("Backup Agent"), "flow": None, "call": "GET /me", "verdict": "unknown", "check": None, "also": [], "http_status": None, "error_code": None, "reason": "No data covers it.", "granted_by": [], "needs": []},
        ],
        waivers=[WaiverState("permission-excess", guid("Mail Bot"), None, "needed at month end", "identity team", "2027-06-30", False, 1), WaiverState("risky-grant", None, "Mail.Send", "legacy", None, None, False, 0)],
        pages=dict.fromkeys((*slugs, "wrong-resource", "license-missing"), PAGE),
    )  # fmt: skip


def partial() -> AuditRun:
    """The calm tenant where Conditional Access was denied and one check broke."""
    run = calm()
    denied = SourceState(
        "identity/conditionalAccess/policies", "denied", requests=1, detail="Graph refused with 403; the token lacks Policy.Read.All.",
        http_status=403, error_code="accessDenied", permission="Policy.Read.All", role="Security Reader", licence="Microsoft Entra ID P1",
    )  # fmt: skip
    gap = "identity/conditionalAccess/policies was denied; it needs the permission Policy.Read.All"
    checks = [
        replace(one, outcome="not-assessed", examined=0, findings=0, reason=gap)
        if one.meta.slug == "conditional-access"
        else one
        for one in run.checks
    ]
    checks = [
        replace(one, outcome="error", reason="the check stopped with KeyError: 'x'")
        if one.meta.slug == "wrong-resource"
        else one
        for one in checks
    ]
    findings = [one for one in run.findings if one.check != "conditional-access"]
    return replace(run, coverage=coverage(denied), checks=checks, findings=findings, conditional_access=empty(CONDITIONAL_ACCESS))  # fmt: skip


def drifted() -> AuditRun:
    """The calm tenant beside a baseline."""
    run = calm()
    return replace(run, changes=[
        Change("new", "finding", run.findings[0].summary, guid("Payroll Sync"), "Payroll Sync", (run.findings[0].fingerprint,), {}, {"severity": "critical"}),
        Change("gone", "finding", "Mail Bot no longer requests Mail.Send without consent.", guid("Mail Bot"), "Mail Bot", ("0123456789abcdef",), {"severity": "high"}),
        Change("changed", "permission", "HR Portal's User.Read on Microsoft Graph was granted.", guid("HR Portal"), "HR Portal", (guid("HR Portal"), GRAPH, "User.Read"), {"status": "not-consented"}, {"status": "granted", "consent": "admin"}),
        Change("new", "policy", "Policy Require MFA is new.", None, None, (guid("policy"),), {}, {"state": "enabled"}),
    ], baseline_at=datetime(2026, 10, 1, 9, 30, tzinfo=UTC), not_compared=[Gap("credential", "old", "applications", "The baseline does not know credentials.")])  # fmt: skip


def nothing() -> AuditRun:
    """A tenant without anything."""
    return AuditRun(
        tool_version="0.1.0", catalog_date="2026-11-01", tenant_id=guid("tenant"), tenant_name="Empty", cloud="global", collected_at=NOW,
        signed_in_as="", requests=0, coverage=[], checks=[], findings=[], apps=empty(APPS), permissions=empty(PERMISSIONS),
        credentials=empty({**CREDENTIALS, "display_name": "str"}), consents=empty(CONSENTS), conditional_access=empty(CONDITIONAL_ACCESS),
    )  # fmt: skip


def hostile() -> AuditRun:
    """A tenant whose every name was written by an enemy."""
    run = calm()
    policies = [{**POLICY, "policy_id": guid(f"p{n}"), "display_name": name, "conditions": {"users": {name: [name], "includeUsers": [name]}, name: name}, "grant_controls": {"builtInControls": [name], name: name}, "session_controls": {name: {name: name}}} for n, name in enumerate(HOSTILE)]  # fmt: skip
    return replace(
        run,
        tenant_name=HOSTILE[6] + HOSTILE[0] + HOSTILE[9],
        signed_in_as=HOSTILE[8],
        findings=[
            finding(name, summary=f"{name} is refused.", permission=name, permission_id="p", display_name=name, subject=(str(number),), error_code=name, call=encodable(name),
                    evidence={name: [name, {name: name}]}, remediation=Remediation(name, (name, name), name if number % 2 else "https://ok.example/" + name), waiver_reason=name)
            for number, name in enumerate(HOSTILE)
        ],
        checks=[CheckResult(meta("consent-missing"), "fail", 30, len(HOSTILE))],
        apps=table(APPS, [app(name, publisher=name, web_redirects=(name,), tags=(name,), flow_evidence=name, sign_in_audience=name) for name in HOSTILE]),
        permissions=table(PERMISSIONS, [permission(name, name, "not-consented", resource=name, resource_app_id=guid(name + "r")) for name in HOSTILE]),
        credentials=table({**CREDENTIALS, "display_name": "str"}, [{"app_id": guid(name), "display_name": name, "holder": "application", "kind": "secret", "name": name, "key_id": name, "start_at": "0001-01-01T00:00:00Z", "end_at": "9999-12-31T23:59:59Z"} for name in HOSTILE]),
        consents=table(CONSENTS, [{"app_id": guid(name), "display_name": name, "resource": name, "permission": name, "type": "delegated", "consent": "user", "principal_id": name} for name in HOSTILE]),
        conditional_access=table(CONDITIONAL_ACCESS, policies),
        coverage=[Coverage(SourceState("applications", "failed", detail=HOSTILE[6], error_code=HOSTILE[0]), ("consent-missing",))],
        changes=[Change("changed", "app", name, guid(name), name, (name,), {name: name}, {name: [name]}) for name in HOSTILE],
        waivers=[WaiverState(HOSTILE[0], HOSTILE[6], HOSTILE[6], HOSTILE[9], HOSTILE[2], HOSTILE[0], False, 0)],
        pages={"consent-missing": PAGE + "\n<script>alert(1)</script>\n[x](javascript:alert(1)) ![i](https://evil.example/i.png)\n"},
    )  # fmt: skip
