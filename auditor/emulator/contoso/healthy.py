"""The demo tenant's healthy apps: everything they request is granted, their credentials last, their flows fit.

One line an app. Names are those of a company; four are hostile text, because tenants hold such names.
"""

from __future__ import annotations

from auditor.emulator.build import EXCHANGE, App, Request, TenantBuilder
from auditor.emulator.services import NAMES
from auditor.reference.resources import AZURE_CLI, OFFICE_MANAGEMENT

SIGN_IN: tuple[Request, ...] = (("openid", "delegated"), ("profile", "delegated"), ("User.Read", "delegated"))
"""What an app asks for that only wants to know who signs in."""

SIGN_IN_ONLY = (
    "Intranet",
    "Canteen menu",
    "Learning portal",
    "\u202eecnanif tropeR",
    "Suggestion box 💡\nwith a second line",
)
"""Web apps that request nothing but sign-in."""

BROWSER_APPS: dict[str, tuple[Request, ...]] = {
    "Holiday planner": (*SIGN_IN, ("Calendars.Read", "delegated")),
    "Telephone directory": (*SIGN_IN, ("User.ReadBasic.All", "delegated")),
    "Office map": (*SIGN_IN, ("Place.Read.All", "delegated")),
}
"""Single-page apps with an admin's consent."""

DAEMONS: dict[str, tuple[Request, ...]] = {
    "Badge printing": (("User.Read.All", "application"),),
    "Distribution list export": (("GroupMember.Read.All", "application"),),
}
"""Services that sign in with a certificate."""

EXTERNAL = {
    "Adatum Surveys": "openid profile User.Read",
    "Fabrikam Signatures": "openid profile email User.Read",
    "Litware Project Planner": "openid profile offline_access User.Read User.ReadBasic.All",
    "Northwind CRM": "openid profile offline_access User.Read",
    "Tailspin Travel": "openid profile User.Read",
}
"""Apps of verified publishers, registered elsewhere, with the scopes an admin granted."""

MANAGED_IDENTITIES = {
    "func-orders-prod": ("User.Read.All",),
    "logic-onboarding": ("User.Read.All", "GroupMember.Read.All"),
    "aks-contoso-agentpool": (),
    "id-website": ("Application.Read.All",),
}
"""Managed identities and the application permissions they were granted."""


def add_healthy_apps(tenant: TenantBuilder) -> None:
    """Adds every healthy app to the tenant."""
    tenant.first_party(OFFICE_MANAGEMENT, NAMES[OFFICE_MANAGEMENT])
    tenant.first_party(AZURE_CLI, "Microsoft Azure CLI")
    for number, name in enumerate(SIGN_IN_ONLY, start=1):
        tenant.consent(tenant.app(name, web=[f"https://app{number}.contoso.com/signin"], requests=SIGN_IN))
    for name, requests in BROWSER_APPS.items():
        tenant.consent(tenant.app(name, spa=[f"https://{_host(name)}.contoso.com"], requests=requests))
    for name, requests in DAEMONS.items():
        tenant.consent(tenant.app(name, certificate="@now+420d", requests=requests, owners=["Ada Byron"]))
    for name, scopes in EXTERNAL.items():
        tenant.grant(tenant.external(name, verified=f"{name.split()[0]} Ltd"), scopes)
    for name, permissions in MANAGED_IDENTITIES.items():
        identity = tenant.managed_identity(name, user_assigned=name.startswith("id-"))
        for permission in permissions:
            tenant.assign(identity, permission)
    tenant.legacy("SharePoint 2013 workflow add-in")
    _add_the_odd_ones(tenant)
    _add_orders(tenant)


def _host(name: str) -> str:
    return name.lower().replace(" ", "-")


def _add_the_odd_ones(tenant: TenantBuilder) -> None:
    """Healthy apps whose configuration is out of the ordinary."""
    tenant.consent(
        tenant.app("GitHub deployment", federated=["repo:contoso/website:environment:production"],
                   requests=[("Group.Read.All", "application")])
    )  # fmt: skip
    tenant.consent(tenant.app("Company news mobile", public=["msauth.com.contoso.news://auth"], requests=SIGN_IN))
    visitors = tenant.app(
        "Visitor registration", web=["https://visitors.contoso.com/signin"], requests=SIGN_IN, assignment_required=True
    )
    tenant.consent(visitors)
    tenant.assign_people(visitors, users=["Ada Byron", "Grace Murray"], groups=["Reception"])
    # Scopes as old grants hold them: a leading space, one twice.
    mail = tenant.app(
        "Scan to mail", web=["https://scan.contoso.com/signin"], requests=[("SMTP.Send", "delegated", EXCHANGE)]
    )
    tenant.grant(mail, " SMTP.Send  SMTP.Send", resource=EXCHANGE)
    # What an app that was deleted years ago leaves behind.
    gone = tenant.guid("deleted long ago")
    tenant.grant(gone, "User.Read Mail.Read")
    tenant.assign(gone, "User.Read.All")


def _add_orders(tenant: TenantBuilder) -> App:
    """The company's own API and its clients: one with consent, one pre-authorized."""
    orders = tenant.app(
        "Orders API",
        publishes=[
            ("Orders.Read", "delegated"),
            ("Orders.Write", "delegated-admin"),
            ("Orders.Read.All", "application"),
        ],
        requests=SIGN_IN,
    )
    tenant.consent(orders)
    tenant.consent(
        tenant.app("Orders back office", web=["https://orders.contoso.com/signin"],
                   requests=[*SIGN_IN, ("Orders.Read", "delegated", orders), ("Orders.Write", "delegated", orders)])
    )  # fmt: skip
    tenant.consent(
        tenant.app(
            "Orders nightly report", certificate="@now+200d", requests=[("Orders.Read.All", "application", orders)]
        )
    )
    mobile = tenant.app(
        "Orders mobile",
        public=["msauth.com.contoso.orders://auth"],
        requests=[*SIGN_IN, ("Orders.Read", "delegated", orders)],
    )
    tenant.grant(mobile, "openid profile User.Read")
    tenant.registration(orders)["api"]["preAuthorizedApplications"] = [
        {"appId": mobile.app_id, "delegatedPermissionIds": [tenant.permission_id("Orders.Read", "delegated", orders)]}
    ]
    return orders
