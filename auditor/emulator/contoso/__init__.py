"""Contoso, the demo tenant that ships with the product: about 60 apps, most of them healthy, every check fires.

``healthy`` and ``troubled`` hold the apps, ``calls`` what some are known to call, ``story`` what an unhealthy one is, ``page`` the table of
docs/demo-tenant.md. A test compares the table with an audit of the tenant.
"""

from __future__ import annotations

from typing import Any

from auditor.emulator.build import TenantBuilder
from auditor.emulator.contoso import troubled
from auditor.emulator.contoso.calls import DeclaredCalls, declared_calls
from auditor.emulator.contoso.healthy import add_healthy_apps
from auditor.emulator.contoso.story import STORIES

__all__ = ["STORIES", "DeclaredCalls", "contoso", "declared_calls", "troubled"]


def contoso() -> dict[str, Any]:
    """The demo tenant as a tenant file, with relative dates; the same in every run."""
    tenant = TenantBuilder("Contoso", user_consent="microsoft-user-default-recommended")
    _set_licences(tenant)
    _set_conditional_access(tenant)
    add_healthy_apps(tenant)
    for story in STORIES:
        story.build(tenant, story.name)
    return tenant.data


def _set_licences(tenant: TenantBuilder) -> None:
    """Office 365 E3 and Entra ID P1; Intune suspended; no P2."""
    tenant.remove_licences()
    tenant.licence("ENTERPRISEPACK")
    tenant.licence("AAD_PREMIUM")
    tenant.licence("INTUNE_A", status="Suspended")


def _set_conditional_access(tenant: TenantBuilder) -> None:
    """Three policies in force for people, one only reporting, one switched off. ``troubled`` adds the one for a workload."""
    emergency = [tenant.user("Emergency access 1"), tenant.user("Emergency access 2")]
    everyone = {"excludeUsers": emergency}
    tenant.policy("Everyone: multifactor authentication", users=everyone)
    tenant.policy(
        "Everyone: no device code flow",
        grant=["block"],
        users=everyone,
        authenticationFlows={"transferMethods": "deviceCodeFlow"},
    )
    tenant.policy(
        "Everyone: no legacy authentication",
        grant=["block"],
        users=everyone,
        clientAppTypes=["exchangeActiveSync", "other"],
    )
    tenant.policy(
        "Office 365: compliant device (pilot)",
        "enabledForReportingButNotEnforced",
        grant=["compliantDevice"],
        users=everyone,
        applications={"includeApplications": ["Office365"]},
    )
    tenant.policy(
        "Old: terms of use for guests", "disabled", grant=["mfa"], users={"includeUsers": ["GuestsOrExternalUsers"]}
    )
