"""People with plans and roles, in the tenant file's terms."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.emulator.build import TenantBuilder

PLANS = {
    "entra-p1": ("AAD_PREMIUM", "AAD_PREMIUM_P2"),
    "entra-p2": ("AAD_PREMIUM_P2", "Entra_Identity_Governance"),
    "exchange": ("EXCHANGE_S_STANDARD", "EXCHANGE_S_ENTERPRISE"),
    "sharepoint": ("SHAREPOINTENTERPRISE",),
    "teams": ("TEAMS1",),
    "intune": ("INTUNE_A",),
}
"""Service plans by the words of the facts."""


def take_plans(builder: TenantBuilder, lacks: Iterable[str]) -> None:
    """The tenant does not own these plans."""
    names = [name for plan in lacks for name in PLANS[plan]]
    if names:
        builder.remove_licences(*names)


def add_user(
    builder: TenantBuilder, name: str, *, lacks: Iterable[str] = (), roles: Iterable[str] = (), guest: bool = False
) -> str:
    """A user with every plan of the tenant's subscriptions but these; a guest has none. Returns the user principal name."""
    without = {plan_name for plan in lacks for plan_name in PLANS[plan]}
    plans = {
        plan["servicePlanName"]
        for sku in builder.data["subscribedSkus"]
        for plan in sku["servicePlans"]
        if plan["servicePlanName"] not in without and not guest
    }
    builder.user(name, guest=guest, roles=roles, plans=sorted(plans))
    return builder.principal_name(name, guest=guest)
