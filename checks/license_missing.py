"""license-missing: permissions whose service the tenant owns no licence for, or only a suspended one.

Looks at the tenant's subscriptions, not at the licences of single users. Which plan a permission needs is
``auditor.reference.licences``'s. One finding an app and licence, with the permissions in its evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.reference.licences import Licence, licences
from auditor.tenant.cells import listed, name, text
from auditor.tenant.tables import Tenant
from checks._held import usable

HELP = "https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference"

META = CheckMeta(
    slug="license-missing",
    title="The tenant owns the licence behind every permission that apps request or hold",
    cause="403: does the user have access and are they licensed?",
    severity="medium",
    sources=(
        "subscribedSkus",
        "applications",
        "servicePrincipals",
        "oauth2PermissionGrants",
        "servicePrincipals/appRoleAssignedTo",
    ),
    optional_sources=("users",),  # declared users: their licences decide declared calls
    help_url=HELP,
)


@dataclass(frozen=True)
class _Gap:
    """What the tenant lacks of one licence."""

    licence: Licence
    certainty: Certainty
    seen: str
    """What the subscriptions show instead, as the end of a sentence."""
    plans: tuple[dict[str, Any], ...]
    """Plans that would do and are not active, or that may do."""


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each app and licence."""
    rows = tenant.permissions
    wanted = rows["requested"].fillna(False).astype("bool") | rows["granted"].fillna(False).astype("bool")
    rows = rows[wanted & rows["permission"].notna() & rows["resource_app_id"].notna() & rows["app_id"].notna()]
    apps = usable(tenant.apps)
    apps = apps[(apps["kind"] != "first-party") & (apps["sign_in_audience"] != "PersonalMicrosoftAccount")]
    rows = rows[["app_id", "resource_app_id", "permission", "type", "requested", "granted"]].merge(apps, on="app_id")
    gaps = [gap for licence in licences() if (gap := _gap(licence, tenant.service_plans)) is not None]
    findings = [finding for gap in gaps for finding in _of_gap(gap, rows)]
    return Examination(len(rows), findings)


def _gap(licence: Licence, plans: pd.DataFrame) -> _Gap | None:
    """What is missing, None if an active plan is enough."""
    enough: list[Any] = []
    weak: list[Any] = []
    for plan in plans.itertuples(index=False):
        plan_id, plan_name = text(plan.service_plan_id) or "", text(plan.service_plan) or ""
        if licence.is_met_by(plan_id, plan_name):
            if plan.active:
                return None
            enough.append(plan)
        elif plan.active and licence.may_be_met_by(plan_name):
            weak.append(plan)
    if enough:
        states = sorted({f"{_state(plan)} in {text(plan.sku)}" for plan in enough})
        return _Gap(licence, licence.certainty, f"the plan is {' and '.join(states)}", tuple(map(_plan, enough)))
    if weak:
        names = sorted({str(plan.service_plan) for plan in weak})
        return _Gap(licence, "possible", f"only {', '.join(names)} is there", tuple(map(_plan, weak)))
    return _Gap(licence, licence.certainty, "no subscription of this tenant carries it", ())


def _state(plan: Any) -> str:
    """Why a plan is not active: its subscription's state, unless the plan itself is off."""
    sku = text(plan.sku_status) or "unknown"
    return sku.lower() if sku not in ("Enabled", "Warning") else (text(plan.provisioning_status) or "unknown").lower()


def _plan(plan: Any) -> dict[str, Any]:
    return {
        "service_plan": text(plan.service_plan),
        "service_plan_id": text(plan.service_plan_id),
        "subscription": text(plan.sku),
        "subscription_status": text(plan.sku_status),
        "provisioning_status": text(plan.provisioning_status),
    }


def _of_gap(gap: _Gap, rows: pd.DataFrame) -> list[Finding]:
    pairs = rows[["resource_app_id", "permission"]].drop_duplicates()
    needs = [gap.licence.needs(resource, permission) for resource, permission in pairs.itertuples(index=False)]
    mine = rows.merge(pairs[pd.Series(needs, index=pairs.index, dtype="bool")], on=["resource_app_id", "permission"])
    return [_finding(gap, group) for _, group in mine.groupby("app_id", sort=True)]


def _finding(gap: _Gap, rows: pd.DataFrame) -> Finding:
    app: Any = next(rows.itertuples(index=False))
    granted = rows["granted"].fillna(False).astype("bool")
    permissions = sorted(set(rows["permission"]))
    abroad = text(app.sign_in_audience) not in (None, "AzureADMyOrg") and app.kind == "registration"
    certainty: Certainty = "possible" if abroad and not granted.any() else gap.certainty
    severity: Severity = "low" if certainty == "possible" or not granted.any() else "medium"
    how = "holds" if granted.any() else "requests"
    types = sorted(set(rows["type"]))
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{name(app)} {how} {listed(permissions)}, which {'needs' if len(permissions) == 1 else 'need'} {gap.licence.name}: "
        f"{gap.seen}.",
        remediation=Remediation(
            f"Buy or renew a subscription that carries {gap.licence.name}, or remove the permissions from the app.",
            ("Get-MgSubscribedSku | Select-Object SkuPartNumber, CapabilityStatus",),
        ),
        app_id=str(app.app_id),
        display_name=name(app),
        flow=("app-only" if types == ["application"] else "delegated") if len(types) == 1 else None,
        http_status=gap.licence.http_status,
        error_code=gap.licence.error_code,
        evidence={
            "licence": gap.licence.name,
            "permissions": permissions,
            "granted": sorted(set(rows.loc[granted, "permission"])),
            "plans_not_active": list(gap.plans),
            "answer_of_the_service": gap.licence.message,
        },
        help_url=gap.licence.url,
        subject=(gap.licence.id,),
    )
