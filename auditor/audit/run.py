"""One audit: declared calls foreseen, every check gated on its sources and run, all gathered into an ``AuditRun``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from auditor import __version__
from auditor.audit.check import SEVERITIES, Check, CheckMeta, Context, Finding
from auditor.audit.denied import denied
from auditor.audit.foreseen import foresee
from auditor.audit.registry import page, registry
from auditor.audit.result import AuditRun, CheckResult, Coverage
from auditor.audit.waivers import Waiver, waive
from auditor.reference import catalog
from auditor.tenant.state import SourceState
from auditor.tenant.tables import TABLE_SOURCES, Tenant


@dataclass(frozen=True)
class Scope:
    """What of the audit is reported, and against what."""

    app_ids: frozenset[str] = frozenset()
    """Lower-case app ids to report on; empty: all."""
    baseline: frozenset[str] = frozenset()
    """Fingerprints of an earlier audit: findings among them are marked known."""
    waivers: Sequence[Waiver] = ()


def audit(
    tenant: Tenant, context: Context, scope: Scope | None = None, checks: Sequence[Check] | None = None
) -> AuditRun:
    """Judges a tenant. Pure: the same snapshot and context give the same result.

    Args:
        tenant: the loaded snapshot.
        context: clock, cloud and what the configuration knows.
        scope: what to report.
        checks: the checks to run; by default all of them.

    Raises:
        InputError: a declared call is none.
    """
    scope = scope or Scope()
    chosen = registry() if checks is None else checks
    predictions = context.predictions or foresee(tenant, context, scope.app_ids)
    context = replace(context, predictions=predictions)
    foretold = denied(predictions, tenant, context)
    calls = Counter(finding.check for finding in foretold)
    results: list[CheckResult] = []
    found: list[Finding] = list(foretold)
    for check in chosen:
        result, findings = _examine(check, tenant, context, scope.app_ids)
        results.append(_with_calls(result, calls.pop(check.META.slug, 0)))
        found += findings
    # A check that was not to run may still decide a call: the call is told all the same.
    also = [check for check in registry() if check.META.slug in calls]
    results += [_with_calls(CheckResult(check.META, "pass", 0, 0), calls[check.META.slug]) for check in also]
    chosen = (*chosen, *also)
    known = [replace(finding, known=finding.fingerprint in scope.baseline) for finding in found]
    marked, waiver_states = waive(known, scope.waivers, context.now.date())
    return AuditRun(
        tool_version=__version__,
        catalog_date=catalog.load().date,
        tenant_id=tenant.id,
        tenant_name=tenant.display_name,
        cloud=tenant.cloud,
        collected_at=tenant.collected_at,
        signed_in_as=tenant.signed_in_as,
        requests=tenant.requests,
        coverage=_coverage(tenant, [check.META for check in chosen]),
        checks=results,
        findings=sorted(marked, key=_worst_first),
        apps=_of(tenant.apps, scope.app_ids),
        permissions=_of(tenant.permissions, scope.app_ids),
        credentials=_of(_named(tenant.credentials, tenant.apps), scope.app_ids),
        consents=_of(tenant.consents, scope.app_ids),
        conditional_access=tenant.conditional_access,
        predictions=[prediction.to_row() for prediction in predictions],
        waivers=waiver_states,
        scope=scope.app_ids or tenant.scope,
        directory_roles=_roles(tenant, scope.app_ids),
        pages={check.META.slug: page(check.META.slug) for check in chosen},
    )


def _examine(
    check: Check, tenant: Tenant, context: Context, app_ids: Collection[str]
) -> tuple[CheckResult, Sequence[Finding]]:
    meta = check.META
    unread = [source for source in meta.sources if not tenant.is_read(source)]
    if unread:
        reason = "; ".join(why_unread(tenant.states.get(source), source) for source in unread)
        return CheckResult(meta, "not-assessed", 0, 0, reason), ()
    try:
        examination = check.examine(tenant.restricted((*meta.sources, *meta.optional_sources)), context)
    except Exception as error:  # a broken check must not take the others with it; the outcome says so
        reason = f"the check stopped with {type(error).__name__}: {error}; please report this"
        return CheckResult(meta, "error", 0, 0, reason), ()
    findings = [finding for finding in examination.findings if not app_ids or finding.app_id in app_ids]
    if findings:
        return CheckResult(meta, "fail", examination.examined, len(findings)), findings
    return CheckResult(meta, "pass" if examination.examined else "not-applicable", examination.examined, 0), ()


def _with_calls(result: CheckResult, denied: int) -> CheckResult:
    """The outcome with the denied calls that the check decides counted in.

    A check that could not be assessed stays so: what it says of the tenant is unknown, and the calls that the predictor
    is sure of are findings all the same.
    """
    if not denied:
        return result
    counted = replace(result, examined=result.examined + denied, findings=result.findings + denied)
    return counted if result.outcome in ("not-assessed", "error") else replace(counted, outcome="fail")


def why_unread(state: SourceState | None, source: str) -> str:
    """One clause: what became of a source that was not read, and what opens it."""
    if state is None:
        return f"{source} was not collected"
    if state.status == "denied":
        needs = [f"the permission {state.permission}"] if state.permission else []
        needs += [f"the directory role {state.role} for a signed-in user"] if state.role else []
        return f"{source} was denied" + (f"; it needs {' or '.join(needs)}" if needs else "")
    if state.status == "unlicensed":
        return f"{source} needs a licence that the tenant lacks" + (f": {state.licence}" if state.licence else "")
    return f"{source} was not read ({state.detail or state.status})"


def _coverage(tenant: Tenant, metas: Sequence[CheckMeta]) -> list[Coverage]:
    coverage = []
    for source, state in tenant.states.items():
        affected = tuple(meta.slug for meta in metas if source in meta.sources or source in meta.optional_sources)
        coverage.append(Coverage(state, affected))
    return coverage


def _worst_first(finding: Finding) -> tuple[int, str, str, str]:
    return SEVERITIES.index(finding.severity), finding.check, finding.display_name or "", finding.fingerprint


def _of(table: pd.DataFrame, app_ids: frozenset[str]) -> pd.DataFrame:
    return table[table["app_id"].isin(app_ids)].reset_index(drop=True) if app_ids else table


def _roles(tenant: Tenant, app_ids: frozenset[str]) -> pd.DataFrame | None:
    """Directory roles of the apps reported on; None where one of their sources was not read."""
    is_known = all(tenant.is_read(source) for source in TABLE_SOURCES["directory_roles"])
    return _of(tenant.directory_roles, app_ids) if is_known else None


def _named(credentials: pd.DataFrame, apps: pd.DataFrame) -> pd.DataFrame:
    names = credentials["app_id"].map(apps.set_index("app_id")["display_name"]).astype("str")
    return credentials.assign(display_name=names)
