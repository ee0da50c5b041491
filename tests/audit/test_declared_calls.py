"""Declared calls in an audit: every denied prediction is exactly one finding of the check that decides it, whatever else happens."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from auditor.audit.check import Context, DeclaredApp, Finding
from auditor.audit.denied import _USUAL
from auditor.audit.registry import registry
from auditor.audit.result import AuditRun
from auditor.audit.run import Scope, audit
from auditor.emulator.build import TenantBuilder
from auditor.predict.call import Call
from auditor.predict.verdict import Prediction
from auditor.reference.resources import GRAPH
from auditor.tenant.state import SourceState
from auditor.tenant.tables import Tenant
from tests.support import context_for, load_tenant

ROOT = Path(__file__).resolve().parents[2]
APP = "11111111-2222-3333-4444-555555555555"
USERS = Call("GET /users", "GET", "/users")
GROUPS = Call("GET /groups", "GET", "/groups")
SLUGS = [check.META.slug for check in registry() if check.META.slug not in ("risky-grant", "permission-excess")]


def prediction(**changes: Any) -> Prediction:
    base = Prediction(
        APP,
        "app-only",
        USERS,
        "denied",
        "Nothing that the app requests opens it.",
        check="permission-missing",
        http_status=403,
        error_code="Authorization_RequestDenied",
        needs=("User.Read.All", "Directory.Read.All"),
        evidence={"template": "/users"},
    )
    return dataclasses.replace(base, **changes)


def judged(tenant: Tenant, *predictions: Prediction, **scope: Any) -> AuditRun:
    return audit(tenant, context_for(tenant, predictions=predictions), Scope(**scope))


def told(run: AuditRun) -> list[Finding]:
    return [finding for finding in run.findings if finding.call is not None]


@pytest.fixture(scope="module")
def empty() -> Tenant:
    return load_tenant(TenantBuilder().data)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_denied_call_is_one_finding_of_the_check_that_decides(empty: Tenant, slug: str) -> None:
    run = judged(empty, prediction(check=slug))
    (finding,) = told(run)
    assert (finding.check, finding.severity, finding.app_id, finding.call) == (slug, "high", APP, "GET /users")
    assert (finding.flow, finding.http_status) == ("app-only", 403)
    assert finding.remediation.text
    result = next(result for result in run.checks if result.meta.slug == slug)
    assert (result.outcome, result.findings) == ("fail", 1)
    assert result.examined >= 1


@pytest.mark.parametrize("verdict", ["allowed", "depends", "unknown"])
def test_what_is_not_denied_is_no_finding(empty: Tenant, verdict: Any) -> None:
    run = judged(empty, prediction(verdict=verdict))
    assert told(run) == []
    assert [row["verdict"] for row in run.predictions] == [verdict]
    result = next(result for result in run.checks if result.meta.slug == "permission-missing")
    assert (result.outcome, result.examined) == ("pass", 1)


def test_without_declared_calls_there_is_nothing_to_look_at(empty: Tenant) -> None:
    result = next(result for result in judged(empty).checks if result.meta.slug == "permission-missing")
    assert result.outcome == "not-applicable"


def test_the_finding_says_what_the_prediction_says(empty: Tenant) -> None:
    (finding,) = told(judged(empty, prediction(certainty="likely", granted_by=("X.Read",), also=("license-missing",))))
    assert finding.certainty == "likely"
    assert (finding.permission, finding.permission_type, finding.resource_app_id) == (
        "User.Read.All",
        "application",
        GRAPH,
    )
    assert finding.error_code == "Authorization_RequestDenied"
    assert finding.evidence == {
        "template": "/users",
        "verdict": "denied",
        "granted_by": ["X.Read"],
        "needs": ["User.Read.All", "Directory.Read.All"],
        "also": ["license-missing"],
    }
    assert finding.summary == f"GET /users of {APP} (app-only) will be refused: Nothing that the app requests opens it."


def test_the_fix_of_the_prediction_wins() -> None:
    tenant = load_tenant(TenantBuilder().data)
    (finding,) = told(judged(tenant, prediction(fix="Do this.")))
    assert finding.remediation.text == "Do this."


def test_the_denied_call_of_a_check_that_was_not_assessed_is_not_lost() -> None:
    source = "identity/conditionalAccess/policies"
    tenant = load_tenant(TenantBuilder().data, {source: SourceState(source, "denied", permission="Policy.Read.All")})
    run = judged(tenant, prediction(check="conditional-access"))
    assert [finding.check for finding in told(run)] == ["conditional-access"]
    result = next(result for result in run.checks if result.meta.slug == "conditional-access")
    assert (result.outcome, result.findings) == ("not-assessed", 1)
    assert "Policy.Read.All" in (result.reason or "")


def test_the_denied_call_of_a_check_that_does_not_run_is_not_lost(empty: Tenant) -> None:
    (only,) = [check for check in registry() if check.META.slug == "license-missing"]
    context = context_for(empty, predictions=[prediction(), prediction(call=GROUPS)])
    run = audit(empty, context, checks=[only])
    assert len(told(run)) == 2
    assert [(result.meta.slug, result.outcome, result.findings) for result in run.checks] == [
        ("license-missing", "pass", 0),
        ("permission-missing", "fail", 2),
    ]
    assert "permission-missing" in run.pages


def test_a_verdict_of_no_known_check_is_not_lost(empty: Tenant) -> None:
    run = judged(empty, prediction(check="no-such-check"), prediction(check=None, call=GROUPS))
    assert sorted(finding.check for finding in told(run)) == ["no-such-check", "permission-missing"]


def test_as_many_findings_as_denied_calls(empty: Tenant) -> None:
    verdicts = ("denied", "allowed", "depends", "unknown")
    made = [
        prediction(call=Call(f"GET /{slug}/{verdict}", "GET", f"/{slug}/{verdict}"), check=slug, verdict=verdict)
        for slug in SLUGS
        for verdict in verdicts
    ]
    run = judged(empty, *made)
    assert len(told(run)) == len(SLUGS) == sum(row["verdict"] == "denied" for row in run.predictions)
    assert len({finding.fingerprint for finding in told(run)}) == len(SLUGS)


def test_the_fingerprint_is_of_app_call_and_flow_alone(empty: Tenant) -> None:
    (before,) = told(judged(empty, prediction()))
    (after,) = told(judged(empty, prediction(needs=("User.ReadBasic.All",), reason="Another.", certainty="likely")))
    assert before.fingerprint == after.fingerprint
    others = [prediction(call=GROUPS), prediction(flow="delegated"), prediction(app_id=APP.replace("1", "2"))]
    assert before.fingerprint not in {told(judged(empty, other))[0].fingerprint for other in others}


def test_a_denied_call_can_be_known(empty: Tenant) -> None:
    (finding,) = told(judged(empty, prediction()))
    (again,) = told(judged(empty, prediction(), baseline=frozenset({finding.fingerprint})))
    assert again.known


def test_ready_commands_request_and_grant_the_least_permission() -> None:
    builder = TenantBuilder()
    app = builder.app("Payroll", certificate="@now+100d")
    tenant = load_tenant(builder.data)
    (finding,) = told(judged(tenant, prediction(app_id=app.app_id)))
    request, powershell, rest = finding.remediation.commands
    user_read_all = builder.permission_id("User.Read.All", "application")
    assert request == f"az ad app permission add --id {app.app_id} --api {GRAPH} --api-permissions {user_read_all}=Role"
    assert powershell.startswith("New-MgServicePrincipalAppRoleAssignment")
    assert user_read_all in powershell
    assert rest.startswith("az rest --method POST")
    assert finding.display_name == "Payroll"


def test_what_is_requested_is_only_granted_and_what_is_granted_is_left_alone() -> None:
    builder = TenantBuilder()
    app = builder.app("Payroll", requests=[("User.Read.All", "application")])
    builder.assign(app, "Group.Read.All")
    tenant = load_tenant(builder.data)
    both = prediction(app_id=app.app_id, check="consent-missing", needs=("User.Read.All + Group.Read.All",))
    (finding,) = told(judged(tenant, both))
    assert len(finding.remediation.commands) == 2
    assert all(builder.permission_id("User.Read.All", "application") in line for line in finding.remediation.commands)


def test_other_causes_get_no_permission_commands(empty: Tenant) -> None:
    (finding,) = told(judged(empty, prediction(check="license-missing")))
    assert finding.remediation.commands == ()


def test_a_broken_predictor_is_an_error_and_not_a_pass(empty: Tenant) -> None:
    broken = prediction(verdict="unknown", check=None, evidence={"predictor_error": "the predictor stopped"})
    run = judged(empty, broken)
    result = next(result for result in run.checks if result.meta.slug == "permission-missing")
    assert result.outcome == "error"
    assert not run.is_complete


def test_a_permission_that_opens_a_declared_call_is_no_excess() -> None:
    builder = TenantBuilder()
    app = builder.app("Daemon")
    builder.assign(app, "Sites.Read.All")
    builder.assign(app, "Mail.Read")
    tenant = load_tenant(builder.data)

    def excess(context: Context) -> list[str | None]:
        found = audit(tenant, context).findings
        return [finding.permission for finding in found if finding.check == "permission-excess"]

    used = prediction(app_id=app.app_id, verdict="allowed", check=None, granted_by=("Sites.Read.All + Mail.Read",))
    assert sorted(str(name) for name in excess(context_for(tenant))) == ["Mail.Read", "Sites.Read.All"]
    assert excess(context_for(tenant, predictions=[used])) == []


def test_every_cause_that_the_predictor_names_is_a_check() -> None:
    named: set[str] = set()
    for path in (ROOT / "auditor/predict").glob("*.py"):
        named |= set(re.findall(r'(?:Obstacle\(\s*|check=)"([a-z-]+)"', path.read_text(encoding="utf-8")))
    assert len(named) > 10
    assert named <= {check.META.slug for check in registry()}


def test_a_usual_repair_is_known_for_every_check_that_can_decide_a_call() -> None:
    assert set(SLUGS) - set(_USUAL) <= {"token-invalid"}


def test_declared_apps_are_judged_in_a_stable_order_and_once() -> None:
    builder = TenantBuilder()
    ids = [builder.app(name, certificate="@now+300d").app_id for name in ("One", "Two")]
    tenant = load_tenant(builder.data)
    calls = ("GET /users", "get /users", "GET /groups")
    apps = {app_id: DeclaredApp(app_id, "app-only", calls) for app_id in ids}
    run = audit(tenant, context_for(tenant, apps=apps))
    assert [(row["app_id"], row["call"]) for row in run.predictions] == [
        (app_id, call) for app_id in sorted(ids) for call in ("GET /groups", "GET /users")
    ]
    assert len(told(run)) == sum(row["verdict"] == "denied" for row in run.predictions) == 4
    only = audit(tenant, context_for(tenant, apps=apps), Scope(app_ids=frozenset(ids[:1])))
    assert {row["app_id"] for row in only.predictions} == {ids[0]}


def test_a_predictor_that_breaks_takes_nothing_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(question: Any, tenant: Any) -> Prediction:
        raise KeyError(question.call.text)

    monkeypatch.setattr("auditor.audit.foreseen.predict", broken)
    tenant = load_tenant(TenantBuilder().data)
    run = audit(tenant, context_for(tenant, apps={APP: DeclaredApp(APP, "app-only", ("GET /users",))}))
    assert [row["verdict"] for row in run.predictions] == ["unknown"]
    assert "KeyError" in run.predictions[0]["reason"]
    assert {result.meta.slug for result in run.checks if result.outcome == "error"} == {"permission-missing"}


def test_the_link_leads_to_a_page_that_the_tenant_has() -> None:
    builder = TenantBuilder()
    registered = builder.app("Registered")
    identity = builder.managed_identity("Identity")
    tenant = load_tenant(builder.data)
    run = judged(tenant, *(prediction(app_id=app.app_id) for app in (registered, identity)))
    by_app = {finding.app_id: finding.remediation.url or "" for finding in told(run)}
    assert f"/appId/{registered.app_id}" in by_app[registered.app_id]
    assert "RegisteredApps" in by_app[registered.app_id]
    assert f"/objectId/{identity.service_principal_id}/" in by_app[identity.app_id]
    expired = judged(tenant, prediction(app_id=registered.app_id, check="credential-expired"))
    assert ["/~/Credentials/" in str(finding.remediation.url) for finding in told(expired)] == [True]
    licence = judged(tenant, prediction(app_id=registered.app_id, check="license-missing"))
    assert [finding.remediation.url for finding in told(licence)] == [None]
