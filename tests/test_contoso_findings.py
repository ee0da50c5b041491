"""The demo tenant, audited: each unhealthy app has the findings its story promises, healthy ones have nothing that matters."""

from __future__ import annotations

import pytest

from auditor.audit.result import AuditRun
from auditor.audit.run import audit
from auditor.emulator.contoso import STORIES, contoso
from tests.support import context_for, load_tenant

NOTABLE = ("critical", "high", "medium")


@pytest.fixture(scope="module")
def run() -> AuditRun:
    tenant = load_tenant(contoso())
    return audit(tenant, context_for(tenant))


def test_every_check_ran_and_found_something(run: AuditRun) -> None:
    assert {result.meta.slug: result.outcome for result in run.checks} == {
        slug: "fail" for story in STORIES for slug in story.finds
    }


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
