"""Conditional Access policies for workload identities: what they do to an app that calls as itself.

They hit single-tenant service principals registered in this tenant alone, never managed identities, and can only block.
https://learn.microsoft.com/entra/identity/conditional-access/workload-identity
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from auditor.predict.policy import EVERYTHING, Pair, Policy, Reach, reach
from auditor.predict.policy_hits import Hit
from auditor.tenant.cells import text

IN_MY_TENANT = "serviceprincipalsinmytenant"
HELP = "https://learn.microsoft.com/entra/identity/conditional-access/workload-identity"


def workload_hits(row: Any, pairs: frozenset[Pair], policies: Iterable[Policy], now: datetime) -> Iterator[Hit]:
    """What each of these policies does to the app's own tokens.

    Args:
        row: its row of ``apps`` (``columns.APPS``).
        pairs: the application permissions it asks for or holds.
        policies: all that are not off.
        now: when (UTC).
    """
    principal = targetable(row)
    if principal is None:
        return
    for policy in policies:
        if policy.on_risk or not aimed_at(policy, principal):
            continue
        reached = reach(policy, pairs, now)
        services = reached.services or (
            ("all resources",) if EVERYTHING in policy.resources and not policy.excluded else ()
        )
        if services:
            yield _hit(policy, services, principal in policy.principals, reached)


def targetable(row: Any) -> str | None:
    """The object id of the app's service principal, if such policies can hit it; else None."""
    own = row.kind == "registration" and row.service_principal_type == "Application" and text(row.object_id) is not None
    return text(row.service_principal_id) if own and row.sign_in_audience == "AzureADMyOrg" else None


def aimed_at(policy: Policy, principal: str) -> bool:
    """Whether the policy blocks and its scope has this service principal."""
    if not policy.blocks or principal in policy.spared_principals:
        return False
    return principal in policy.principals or IN_MY_TENANT in policy.principals


def _hit(policy: Policy, services: tuple[str, ...], named: bool, reached: Reach) -> Hit:
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
