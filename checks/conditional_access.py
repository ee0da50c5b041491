"""conditional-access: policies that reach an app's resources and demand what its flow cannot give.

A policy looks at the service behind a permission, never at Microsoft Graph and hardly ever at the client app. People in
front of a browser meet MFA and device rules; a username and password, or an app without a user, cannot. How a policy is read
is ``_policy``'s, how an app signs users in is ``_clients``'s. Who signs in is not in the tenant: about users a finding is at
best likely.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from auditor.audit.check import CheckMeta, Context, Examination, Finding
from auditor.tenant.tables import Tenant
from checks._cells import name, text
from checks._clients import NATIVE_WAY, Client, client
from checks._held import usable
from checks._policy import EVERYTHING, Pair, Policy, Reach, parse, reach
from checks._policy_hits import HELP, Hit, block_hit, control_hit, device_code_hit, finding, security_defaults

DEFAULTS = "policies/identitySecurityDefaultsEnforcementPolicy"
IN_MY_TENANT = "serviceprincipalsinmytenant"

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
        if defaults and delegated and (hit := security_defaults(client(row, context))):
            findings.append(finding(row, hit, META.slug))
    return Examination(len(apps), findings)


def _may_be_resources(apps: pd.DataFrame, policies: list[Policy]) -> pd.Series[bool]:
    """Apps that may be the resource of their own sign-in, whatever they request: see ``_own_sign_in``."""
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
    how = client(row, context)
    if not how.ways:
        return
    for policy in policies:
        if policy.principals or policy.nobody or policy.on_risk or policy.other_transfer_only:
            continue
        reached, by = reach(policy, pairs, context.now), how
        own = _own_sign_in(row, policy)
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
            yield finding(row, hit, META.slug)


def _own_sign_in(row: Any, policy: Policy) -> Reach | None:
    """A confidential client that asks for an ID token is itself the resource, even if it requests no permission.

    Web apps do so as a rule. Whether an app registered elsewhere is one cannot be seen.
    https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps
    """
    named = row.app_id in policy.resources
    if row.app_id in policy.excluded or not (named or EVERYTHING in policy.resources):
        return None
    if row.web_redirects:
        return Reach((name(row),))
    if named and text(row.object_id) is None:
        return Reach(
            (name(row),), "whether it is a confidential client, the only kind a policy can name, cannot be seen"
        )
    return None


def _of_workload(row: Any, pairs: frozenset[Pair], policies: list[Policy], context: Context) -> Iterator[Finding]:
    """Findings from policies about workload identities.

    They hit single-tenant service principals registered in this tenant alone, never managed identities, and can only block.
    https://learn.microsoft.com/entra/identity/conditional-access/workload-identity
    """
    own = row.kind == "registration" and row.service_principal_type == "Application" and text(row.object_id) is not None
    declared = context.apps.get(str(row.app_id))
    flows = (declared.flow,) if declared is not None and declared.flow else row.flows
    principal = text(row.service_principal_id)
    if not own or row.sign_in_audience != "AzureADMyOrg" or "app-only" not in flows or principal is None:
        return
    for policy in policies:
        named = principal in policy.principals
        if not policy.blocks or policy.on_risk or principal in policy.spared_principals:
            continue
        if not named and IN_MY_TENANT not in policy.principals:
            continue
        reached = reach(policy, pairs, context.now)
        services = reached.services or (
            ("all resources",) if EVERYTHING in policy.resources and not policy.excluded else ()
        )
        if services:
            yield finding(row, _workload_hit(policy, services, named, reached), META.slug)


def _workload_hit(policy: Policy, services: tuple[str, ...], named: bool, reached: Reach) -> Hit:
    conditional = bool(policy.narrowed_by) or policy.filtered or reached.guessed
    where = f" outside the {' and '.join(policy.narrowed_by)} it allows" if policy.narrowed_by else ""
    return Hit(
        policy_id=policy.id,
        policy_name=policy.name,
        enforced=policy.enforced,
        severity="high" if not conditional else "medium" if named and not reached.guessed else "low",
        certainty="possible" if conditional else "likely",
        error_code="AADSTS53003",
        flow="app-only",
        problem=f"blocks its service principal{where}",
        services=services,
        fix="Exclude the service principal from the policy, or run the app from an allowed location.",
        evidence={
            "controls": sorted(policy.controls),
            "named_in_the_policy": named,
            "narrowed_by": list(policy.narrowed_by),
            "filter_not_evaluated": policy.filtered,
            **({"note": reached.note} if reached.note else {}),
        },
    )
