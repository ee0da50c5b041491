"""The demo tenant, audited: each unhealthy app has the findings its story promises, healthy ones have nothing that matters."""

from __future__ import annotations

import pytest

from auditor.audit.check import DeclaredApp
from auditor.audit.result import AuditRun
from auditor.audit.run import audit
from auditor.emulator.contoso import STORIES, contoso, declared_calls
from tests.support import context_for, load_tenant

NOTABLE = ("critical", "high", "medium")


@pytest.fixture(scope="module")
def run() -> AuditRun:
    data = contoso()
    tenant = load_tenant(data)
    apps = {app_id: DeclaredApp(app_id, one.flow, one.calls, one.users) for app_id, one in declared_calls(data).items()}
    return audit(tenant, context_for(tenant, apps=apps))


def test_every_check_ran_and_found_something(run: AuditRun) -> None:
    outcomes = {result.meta.slug: result.outcome for result in run.checks}
    assert outcomes.pop("token-invalid") == "not-applicable"
    assert outcomes == {slug: "fail" for story in STORIES for slug in story.finds}


def test_unhealthy_apps_have_the_findings_of_their_stories_and_no_others(run: AuditRun) -> None:
    unhealthy = {story.name for story in STORIES}
    found = {(finding.display_name, finding.check) for finding in run.findings if finding.display_name in unhealthy}
    assert found == {(story.name, slug) for story in STORIES for slug in story.finds}


def test_every_unhealthy_app_has_a_finding_that_matters_unless_it_only_needs_an_eye(run: AuditRun) -> None:
    notable = {finding.display_name for finding in run.findings if finding.severity in NOTABLE}
    eye = {
        story.name
        for story in STORIES
        if set(story.finds) <= {"workload-policy", "user-privilege", "permission-excess"}
    }
    assert {story.name for story in STORIES} - notable <= eye


def test_healthy_apps_have_nothing_above_low(run: AuditRun) -> None:
    unhealthy = {story.name for story in STORIES}
    assert [
        (finding.display_name, finding.check, finding.severity)
        for finding in run.findings
        if finding.display_name not in unhealthy and finding.severity in NOTABLE
    ] == []


def test_declared_calls_have_verdicts_of_every_kind_but_unknown(run: AuditRun) -> None:
    assert {row["verdict"] for row in run.predictions} == {"allowed", "denied", "depends"}
    unhealthy = {story.name for story in STORIES}
    names = zip(run.apps["app_id"], run.apps["display_name"], strict=True)
    healthy = {app_id for app_id, name in names if name not in unhealthy}
    assert {row["verdict"] for row in run.predictions if row["app_id"] in healthy} == {"allowed"}


def test_each_denied_call_is_one_finding(run: AuditRun) -> None:
    denied = sorted((row["app_id"], row["call"], row["check"]) for row in run.predictions if row["verdict"] == "denied")
    found = sorted((one.app_id, one.call, one.check) for one in run.findings if one.call)
    assert denied == found
    assert len(denied) >= 6
