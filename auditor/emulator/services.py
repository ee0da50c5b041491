"""Microsoft's own resource applications as they stand in a tenant: which permissions each of them publishes.

Microsoft Graph comes whole, from the reference catalog. Of the others, a handful of well-known permissions; those whose
real id is not public knowledge have a made-up one. Texts for people are the permission's value.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import lru_cache

from auditor.emulator.shapes import Raw, app_role, scope
from auditor.reference.catalog import load
from auditor.reference.resources import AAD_GRAPH, ARM, EXCHANGE, GRAPH, OFFICE_MANAGEMENT, SHAREPOINT
from auditor.reference.user_consent import recommended_covers

MICROSOFT_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""The tenant that owns most of Microsoft's first-party apps."""

NAMES = {
    GRAPH: "Microsoft Graph",
    AAD_GRAPH: "Windows Azure Active Directory",
    EXCHANGE: "Office 365 Exchange Online",
    SHAREPOINT: "Office 365 SharePoint Online",
    ARM: "Windows Azure Service Management API",
    OFFICE_MANAGEMENT: "Office 365 Management APIs",
}
"""Display names, as Entra gives them to the service principals."""

_ROLES: dict[str, tuple[tuple[str, str | None], ...]] = {
    AAD_GRAPH: (
        ("Directory.Read.All", "5778995a-e1bf-45b8-affa-663a9f3f4d04"),
        ("Directory.ReadWrite.All", "78c8a3c8-a07e-4b9e-af1b-b5ccab50a175"),
        ("Application.ReadWrite.OwnedBy", "824c81eb-e3f8-4ee6-8f6d-de7f50d565b7"),
    ),
    EXCHANGE: (
        ("full_access_as_app", "dc890d15-9560-4a4c-9b7f-a736ec74ec40"),
        ("Exchange.ManageAsApp", "dc50a0fb-09a3-484d-be87-e023b12c6440"),
        ("Mail.Read", None),
        ("Mail.ReadWrite", None),
        ("Mail.Send", None),
        ("Calendars.Read", None),
        ("Contacts.Read", None),
        ("MailboxSettings.Read", None),
        ("IMAP.AccessAsApp", None),
        ("POP.AccessAsApp", None),
        ("SMTP.SendAsApp", None),
    ),
    SHAREPOINT: (
        ("Sites.FullControl.All", "678536fe-1083-478a-9c59-b99265e6b0d3"),
        ("Sites.Selected", "20d37865-089c-4dee-8c41-6967602d4ac8"),
        ("Sites.Read.All", "d13f72ca-a275-4b96-b789-48ebcc4da984"),
        ("Sites.ReadWrite.All", None),
        ("User.Read.All", None),
        ("TermStore.Read.All", None),
    ),
    ARM: (),
    OFFICE_MANAGEMENT: (
        ("ActivityFeed.Read", "594c1fb6-4f81-4475-ae41-0c394909246c"),
        ("ActivityFeed.ReadDlp", "4807a72c-ad38-4250-94c9-4eabfe26cd55"),
        ("ServiceHealth.Read", "e2cea78f-e743-4d8f-a16a-75b629a038ae"),
    ),
}
"""Application permissions: value and id."""

_SCOPES: dict[str, tuple[tuple[str, str | None, bool], ...]] = {
    AAD_GRAPH: (
        ("User.Read", "311a71cc-e848-46a1-bdf8-97ff7156d8e6", False),
        ("User.ReadBasic.All", "cba73afc-7f69-4d86-8450-4978e04ecd1a", False),
        ("User.Read.All", "c582532d-9d9e-43bd-a97c-2667a28ce295", True),
        ("Group.Read.All", "6234d376-f627-4f0f-90e0-dff25c5211a3", True),
        # One id for scope and role: an id alone never names a permission.
        ("Directory.Read.All", "5778995a-e1bf-45b8-affa-663a9f3f4d04", True),
        ("Directory.ReadWrite.All", "78c8a3c8-a07e-4b9e-af1b-b5ccab50a175", True),
        ("Directory.AccessAsUser.All", "a42657d6-7f20-40e3-b6f0-cee03008a62a", True),
    ),
    EXCHANGE: (
        ("EWS.AccessAsUser.All", "3b5f3d61-589b-4a3c-a359-5dd4b5ee5bd5", False),
        ("EAS.AccessAsUser.All", None, False),
        ("IMAP.AccessAsUser.All", None, False),
        ("POP.AccessAsUser.All", None, False),
        ("SMTP.Send", None, False),
        ("Mail.Read", None, False),
        ("Mail.ReadWrite", None, False),
        ("Mail.Send", None, False),
        ("Calendars.Read", None, False),
        ("Contacts.Read", None, False),
        ("Exchange.Manage", None, True),
    ),
    SHAREPOINT: (
        ("AllSites.Read", "4e0d77b0-96ba-4398-af14-3baa780278f4", False),
        ("AllSites.Write", None, False),
        ("AllSites.FullControl", "56680e0d-d2a3-4ae1-80d8-3c4f2100e3d0", True),
        ("MyFiles.Read", None, False),
        ("MyFiles.Write", None, False),
        ("Sites.Search.All", None, True),
        ("User.Read.All", None, True),
    ),
    ARM: (("user_impersonation", "41094075-9dad-400e-a0bd-54e686782033", False),),
    OFFICE_MANAGEMENT: (("ActivityFeed.Read", None, True), ("ServiceHealth.Read", None, True)),
}
"""Delegated permissions: value, id, whether only an admin may consent."""


@lru_cache(maxsize=1)
def _graph_permissions() -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str, bool], ...]]:
    """Microsoft Graph's app roles (value, id) and scopes (value, id, admin only), by value. Without an id, left out."""
    permissions = tuple(load().permissions())
    roles = tuple((p.name, p.application.id) for p in permissions if p.application and p.application.id)
    scopes = tuple(
        (p.name, p.delegated.id, p.delegated.admin_consent) for p in permissions if p.delegated and p.delegated.id
    )
    return roles, scopes


def made_up_id(resource: str, value: str, kind: str) -> str:
    """The stand-in id of a permission whose real id is not known; the same everywhere."""
    return str(uuid.uuid5(uuid.UUID(resource), f"{kind}/{value}"))


def app_roles(resource: str) -> list[Raw]:
    """The application permissions that one of Microsoft's resources publishes; none for an unknown resource."""
    if resource == GRAPH:
        return [app_role(role_id, value) for value, role_id in _graph_permissions()[0]]
    return [
        app_role(role_id or made_up_id(resource, value, "role"), value) for value, role_id in _ROLES.get(resource, ())
    ]


def scopes(resource: str) -> list[Raw]:
    """The delegated permissions that one of Microsoft's resources publishes; none for an unknown resource."""
    if resource == GRAPH:
        return [scope(scope_id, value, admin_only=admin) for value, scope_id, admin in _graph_permissions()[1]]
    return [
        scope(scope_id or made_up_id(resource, value, "scope"), value, admin_only=admin)
        for value, scope_id, admin in _SCOPES.get(resource, ())
    ]


def kept_from_users(published: Iterable[tuple[str, list[Raw]]]) -> dict[str, list[str]]:
    """Ids of the scopes that Microsoft's recommended user consent policy excludes, by resource app id."""
    kept = {
        resource: [item["id"] for item in offered if not recommended_covers(resource, item["value"])]
        for resource, offered in published
    }
    return {resource: ids for resource, ids in kept.items() if ids}
