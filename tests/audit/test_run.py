"""The runner: it alone decides not-assessed and error, marks known and waived findings, and never changes a finding's identity."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from auditor.audit.check import Check, CheckMeta, Context, Examination, Finding, Remediation
from auditor.audit.registry import page, registry
from auditor.audit.run import Scope, audit, why_unread
from auditor.audit.waivers import Waiver, waive
from auditor.emulator.build import TenantBuilder
from auditor.emulator.contoso import contoso
from auditor.tenant.state import SourceState
from auditor.tenant.tables import Tenant, UndeclaredSource
from tests.support import context_for, load_tenant

CHECKS = registry()
REQUIRED = [(check.META.slug, source) for check in CHECKS for source in check.META.sources]
BY_SLUG = {check.META.slug: check for check in CHECKS}


@pytest.fixture(scope="module")
def demo() -> Tenant:
    return load_tenant(contoso())


def finding(**changes: Any) -> Finding:
    base = Finding("some-check", "high", "certain", "A sentence.", Remediation("Fix it."), app_id="a", permission="P")
    return dataclasses.replace(base, **changes)


def check_of(examine: Any, sources: tuple[str, ...] = ("applications",)) -> Check:
    meta = CheckMeta("some-check", "All is well", "cause", "high", sources)
    return cast(Check, SimpleNamespace(META=meta, examine=examine))


@pytest.mark.parametrize(("slug", "source"), REQUIRED)
def test_an_unread_required_source_is_not_assessed_and_named(slug: str, source: str) -> None:
    state = SourceState(source, "denied", permission="Some.Permission")
    tenant = load_tenant(TenantBuilder().data, {source: state})
    run = audit(tenant, context_for(tenant), checks=[BY_SLUG[slug]])
    (result,) = run.checks
    assert (result.outcome, result.findings, result.examined) == ("not-assessed", 0, 0)
    assert source in (result.reason or "")
    assert "Some.Permission" in (result.reason or "")
    assert not run.is_complete


@pytest.mark.parametrize("slug", sorted(BY_SLUG))
def test_a_check_runs_on_what_it_declares_and_without_its_optional_sources(slug: str) -> None:
    check = BY_SLUG[slug]
    tenant = load_tenant(contoso(), tuple(check.META.optional_sources))
    (result,) = audit(tenant, context_for(tenant), checks=[check]).checks
    assert result.outcome in ("fail", "pass", "not-applicable"), result.reason


def test_no_check_breaks_on_the_demo_tenant(demo: Tenant) -> None:
    run = audit(demo, context_for(demo))
    assert {result.meta.slug: result.reason for result in run.checks if result.outcome == "error"} == {}
    assert run.is_complete


def test_fingerprints_are_unique_and_survive_renaming(demo: Tenant) -> None:
    renamed = contoso()
    for record in (*renamed["applications"], *renamed["servicePrincipals"]):
        record["displayName"] = f"={record['displayName']}"
    other = load_tenant(renamed)
    before = [found.fingerprint for found in audit(demo, context_for(demo)).findings]
    after = [found.fingerprint for found in audit(other, context_for(other)).findings]
    assert len(set(before)) == len(before) > 0
    assert set(before) == set(after)


def test_a_crash_is_an_outcome_and_the_others_go_on(demo: Tenant) -> None:
    def crash(tenant: Tenant, context: Context) -> Examination:
        raise KeyError("oops")

    def fine(tenant: Tenant, context: Context) -> Examination:
        return Examination(1)

    run = audit(demo, context_for(demo), checks=[check_of(crash), check_of(fine)])
    assert [result.outcome for result in run.checks] == ["error", "pass"]
    assert "KeyError" in (run.checks[0].reason or "")
    assert not run.is_complete


def test_a_check_sees_only_what_it_declares(demo: Tenant) -> None:
    with pytest.raises(UndeclaredSource, match="oauth2PermissionGrants"):
        _ = demo.restricted(("applications", "servicePrincipals")).grants
    with pytest.raises(UndeclaredSource):
        demo.restricted(()).is_read("applications")


def test_nothing_examined_is_not_applicable(demo: Tenant) -> None:
    run = audit(demo, context_for(demo), checks=[check_of(lambda tenant, context: Examination(0))])
    assert run.checks[0].outcome == "not-applicable"


def test_baseline_marks_known_findings(demo: Tenant) -> None:
    old, new = finding(app_id="a"), finding(app_id="b")
    check = check_of(lambda tenant, context: Examination(2, [old, new]))
    run = audit(demo, context_for(demo), Scope(baseline=frozenset({old.fingerprint})), checks=[check])
    assert {found.app_id: found.known for found in run.findings} == {"a": True, "b": False}


def test_only_some_apps(demo: Tenant) -> None:
    app_id = str(demo.apps["app_id"].iloc[-1])
    check = check_of(lambda tenant, context: Examination(2, [finding(app_id=app_id), finding(app_id="other")]))
    run = audit(demo, context_for(demo), Scope(app_ids=frozenset({app_id})), checks=[check])
    assert [found.app_id for found in run.findings] == [app_id]
    assert list(run.apps["app_id"]) == [app_id]
    assert set(run.permissions["app_id"]) <= {app_id}


@pytest.mark.parametrize(
    ("waiver", "waived"),
    [
        (Waiver("some-check", "ok"), True),
        (Waiver("some-check", "ok", app_id="a", permission="p"), True),
        (Waiver("some-check", "ok", app_id="b"), False),
        (Waiver("some-check", "ok", permission="Q"), False),
        (Waiver("other-check", "ok"), False),
        (Waiver("some-check", "ok", expires=date(2026, 11, 22)), True),
        (Waiver("some-check", "ok", expires=date(2026, 11, 21)), False),
    ],
)
def test_a_waiver_covers_what_it_names_until_it_expires(waiver: Waiver, waived: bool) -> None:
    (marked,), (state,) = waive([finding()], [waiver], date(2026, 11, 22))
    assert marked.waived is waived
    assert marked.fingerprint == finding().fingerprint
    if state.expired:
        assert "expired on 2026-11-21" in (marked.waiver_reason or "")


def test_waived_findings_do_not_count(demo: Tenant) -> None:
    check = check_of(lambda tenant, context: Examination(1, [finding()]))
    run = audit(demo, context_for(demo), Scope(waivers=[Waiver("some-check", "accepted")]), checks=[check])
    assert run.counts()["high"] == 0
    assert run.findings[0].waiver_reason == "accepted"
    assert run.waivers[0].matched == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SourceState("x", "denied", permission="P.Read", role="R"), "P.Read or the directory role R"),
        (SourceState("x", "unlicensed", licence="Entra ID P1"), "licence that the tenant lacks: Entra ID P1"),
        (SourceState("x", "failed", detail="page 3 was cut"), "page 3 was cut"),
        (None, "was not collected"),
    ],
)
def test_why_a_source_was_not_read(state: SourceState | None, words: str) -> None:
    assert words in why_unread(state, "x")


def test_every_check_has_its_page() -> None:
    assert [check.META.slug for check in CHECKS if not page(check.META.slug).startswith("# ")] == []


def test_same_snapshot_same_answer(tmp_path: Path, demo: Tenant) -> None:
    first, second = (audit(demo, context_for(demo)) for _ in range(2))
    assert first.findings == second.findings
