"""conditional-access: policies that reach an app's resources and demand what its flow cannot give.

A policy looks at the service behind a permission, never at Microsoft Graph and hardly ever at the client app. People in
front of a browser meet MFA and device rules; a username and password, or an app without a user, cannot. How a policy is read
and what it does to the ways an app signs users in is ``auditor.predict``'s (``policy``, ``ways``, ``policy_hits``,
``workload_hits``); here it becomes findings. Who signs in is not in the tenant: about users a finding is at best likely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from auditor.audit.check import CheckMeta, Context, Examination, Finding, Flow, Remediation
from auditor.predict.policy import EVERYTHING, Pair, Policy, parse, reach
from auditor.predict.policy_hits import (
    HELP,
    Hit,
    block_hit,
    control_hit,
    device_code_hit,
    own_sign_in,
    security_defaults,
)
from auditor.predict.ways import NATIVE_WAY, Client, client
from auditor.predict.workload_hits import HELP as WORKLOAD_HELP
from auditor.predict.workload_hits import workload_hits
from auditor.tenant.cells import listed, name
from auditor.tenant.tables import Tenant
from checks._held import usable

DEFAULTS = "policies/identitySecurityDefaultsEnforcementPolicy"

META = CheckMeta(
    slug="conditional-access",
    title="No Conditional Access policy demands of an app what its flow cannot give",
    cause="400/403: does the user comply with Conditional Access policies?",
    severity="medium",
    sources=(
        "identity/conditionalAccess/policies",
        "applications",
        "servicePrincipals",
        "oauth2PermissionGrants",
        "servicePrincipals/appRoleAssignedTo",
    ),
    optional_sources=("applications/federatedIdentityCredentials", DEFAULTS),
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each app and policy that gets in its way, and one for each app that security defaults stop."""
    policies = [policy for row in tenant.conditional_access.itertuples(index=False) if (policy := parse(row))]
    defaults = tenant.is_read(DEFAULTS) and tenant.consent.security_defaults is True
    if not policies and not defaults:
        return Examination(0)
    wanted = _wanted(tenant)
    apps = usable(tenant.apps)
    apps = apps[apps["kind"] != "first-party"]
    asking = apps["app_id"].isin({app_id for app_id, _ in wanted})
    apps = apps[asking | _may_be_resources(apps, policies)]
    findings: list[Finding] = []
    for row in apps.itertuples(index=False):
        delegated = wanted.get((str(row.app_id), "delegated"), frozenset())
        application = wanted.get((str(row.app_id), "application"), frozenset())
        findings += _of_users(row, delegated, policies, context)
        findings += _of_workload(row, application, policies, context) if application else ()
        if defaults and delegated and (hit := security_defaults(client(row, _flow(row, context)))):
            findings.append(_finding(row, hit))
    return Examination(len(apps), findings)


def _may_be_resources(apps: pd.DataFrame, policies: list[Policy]) -> pd.Series[bool]:
    """Apps that may be the resource of their own sign-in, whatever they request: see ``own_sign_in``."""
    targets = frozenset[str]().union(*(policy.resources for policy in policies))
    pages = apps["web_redirects"].map(len) > 0
    named = apps["app_id"].isin(targets) & (pages | apps["object_id"].isna())
    return named | pages if EVERYTHING in targets else named


def _wanted(tenant: Tenant) -> Mapping[tuple[str, str], frozenset[Pair]]:
    """Permissions requested or granted, by app and type."""
    rows = tenant.permissions
    asked = rows["requested"].fillna(False).astype("bool") | rows["granted"].fillna(False).astype("bool")
    rows = rows[asked & rows["permission"].notna() & rows["resource_app_id"].notna() & rows["app_id"].notna()]
    found: dict[tuple[str, str], set[Pair]] = {}
    columns = rows[["app_id", "type", "resource_app_id", "permission"]]
    for app_id, kind, resource, permission in columns.itertuples(index=False):
        found.setdefault((app_id, kind), set()).add((resource, permission))
    return {key: frozenset(pairs) for key, pairs in found.items()}


def _of_users(row: Any, pairs: frozenset[Pair], policies: list[Policy], context: Context) -> Iterator[Finding]:
    """Findings from policies about users."""
    how = client(row, _flow(row, context))
    if not how.ways:
        return
    for policy in policies:
        if not policy.concerns_users:
            continue
        reached, by = reach(policy, pairs, context.now), how
        own = own_sign_in(row, policy)
        if own is not None and (not reached.services or reached.guessed):
            reached, by = own, Client(tuple(way for way in how.ways if way != NATIVE_WAY), (), how.evidence)
        if not reached.services:
            continue
        if policy.device_code_only:
            hit = device_code_hit(policy, by, reached)
        elif policy.blocks:
            hit = block_hit(policy, by, reached)
        else:
            hit = control_hit(policy, by, reached)
        if hit is not None:
            yield _finding(row, hit)


def _of_workload(row: Any, pairs: frozenset[Pair], policies: list[Policy], context: Context) -> Iterator[Finding]:
    """Findings from policies about workload identities."""
    flow = _flow(row, context)
    if "app-only" in ((flow,) if flow else row.flows):
        yield from (_finding(row, hit) for hit in workload_hits(row, pairs, policies, context.now))


def _flow(row: Any, context: Context) -> Flow | None:
    declared = context.apps.get(str(row.app_id))
    return declared.flow if declared is not None else None


def _finding(row: Any, hit: Hit) -> Finding:
    """The finding of one app and one policy. A report-only policy refuses nothing yet, so it is information."""
    state = "" if hit.enforced else " (report-only: it would, once enforced)"
    for_services = "" if hit.services == ("all resources",) else f" for {listed(hit.services)}"
    return Finding(
        check=META.slug,
        severity=hit.severity if hit.enforced else "info",
        certainty=hit.certainty if hit.enforced else "possible",
        summary=f"The policy {hit.policy_name} reaches {name(row)}: it {hit.problem}{for_services}{state}.",
        remediation=Remediation(
            f"{hit.fix} See what really happened under Sign-in logs, Conditional Access, or try the What If tool.",
        ),
        app_id=str(row.app_id),
        display_name=name(row),
        flow=hit.flow,
        http_status=400 if hit.enforced else None,
        error_code=hit.error_code if hit.enforced else None,
        evidence={
            "policy": hit.policy_name,
            "policy_id": hit.policy_id,
            "enforced": hit.enforced,
            "resources_reached": list(hit.services),
            "error_code_if_enforced": hit.error_code,
            **hit.evidence,
        },
        help_url=WORKLOAD_HELP if hit.flow == "app-only" else hit.help_url,
        subject=(hit.policy_id,),
    )
