"""What a valid token may do: Microsoft's permission map, the caller's directory roles, the tenant's licences (401/403).

Permissions come from ``auditor.reference.catalog``; what the map is known to miss is corrected here, each with its
reason. How each service words a refusal is ``wording``'s work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.emulator import wording
from auditor.emulator.messages import Refusal, bad_request
from auditor.emulator.settings import Settings
from auditor.emulator.store import Store
from auditor.emulator.tokens import MEMBER, Caller
from auditor.reference.catalog import Catalog
from auditor.reference.claims import Authorization

OWNED_BY = "Application.ReadWrite.OwnedBy"

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
DIRECTORY_READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
DIRECTORY_WRITERS = "9360feb5-f418-4baa-8175-e2a00bac4301"
SECURITY_READER = "5d6b6bb7-de71-4623-b4af-96380a352509"
SECURITY_ADMINISTRATOR = "194ae4cb-b126-40b2-bd5b-6091b380977d"
CONDITIONAL_ACCESS_ADMINISTRATOR = "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9"
GLOBAL_SECURE_ACCESS_ADMINISTRATOR = "ac434307-12b9-4fa1-a708-88bf58caabc1"
APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
APPLICATION_DEVELOPER = "cf1c38e5-3621-4004-a7cb-879624dced7c"
CLOUD_APPLICATION_ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"
PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
REPORTS_READER = "4a5d8f65-41da-4de4-8968-e035b65339cf"

_APP_ADMINISTRATORS = {APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR}
_SECURITY = {
    SECURITY_READER,
    SECURITY_ADMINISTRATOR,
    CONDITIONAL_ACCESS_ADMINISTRATOR,
    GLOBAL_SECURE_ACCESS_ADMINISTRATOR,
}
# What a signed-in user must hold besides the permission (the role lists on the pages of the list operations; Global
# Administrator always passes). Paths that are not here are open to every member.
_ROLES_TO_READ: tuple[tuple[str, set[str]], ...] = (
    ("identity/conditionalaccess", _SECURITY | {GLOBAL_READER}),
    ("policies/adminconsentrequestpolicy", _APP_ADMINISTRATORS | {GLOBAL_READER}),
    ("policies/defaultappmanagementpolicy", _APP_ADMINISTRATORS | {GLOBAL_READER}),
    ("policies/appmanagementpolicies", _APP_ADMINISTRATORS | {GLOBAL_READER}),
    ("policies/identitysecuritydefaultsenforcementpolicy", _SECURITY | {GLOBAL_READER}),
    ("rolemanagement/directory", {DIRECTORY_READERS, GLOBAL_READER, PRIVILEGED_ROLE_ADMINISTRATOR}),
    ("auditlogs", {REPORTS_READER, SECURITY_READER, SECURITY_ADMINISTRATOR, GLOBAL_READER}),
)
_ROLES_FOR_GRANTS = _APP_ADMINISTRATORS | {
    GLOBAL_READER,
    DIRECTORY_READERS,
    DIRECTORY_WRITERS,
    APPLICATION_DEVELOPER,
    USER_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
}
# Paths that answer only to a paid plan, and how they refuse.
_PREMIUM: tuple[tuple[str, str, Refusal], ...] = (
    (
        r"identity/conditionalaccess(/|$)",
        "P1",
        Refusal(403, "AccessDenied", "Your tenant is not licensed for this feature."),
    ),
    (
        r"auditlogs/signins(/|$)",
        "P1",
        Refusal(
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        ),
    ),
    (
        r"rolemanagement/directory/role(eligibility|assignment)schedule",
        "P2",
        Refusal(
            400,
            "AadPremiumLicenseRequired",
            "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.",
        ),
    ),
)
# Services that answer only where somebody pays for them: names of their plans, how they refuse a tenant without any, and a
# user without one. Observed bodies.
_PLANS_OF = {"exchange": ("EXCHANGE_",), "sharepoint": ("SHAREPOINT", "ONEDRIVE"), "intune": ("INTUNE_",)}
_NO_MAILBOX = Refusal(
    404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
)
_WITHOUT_SERVICE = {
    "exchange": _NO_MAILBOX,
    "sharepoint": Refusal(400, "BadRequest", "Tenant does not have a SPO license."),
    "intune": Refusal(400, "BadRequest", "Request not applicable to target tenant."),
}
_WITHOUT_LICENCE = {
    "exchange": _NO_MAILBOX,
    "sharepoint": Refusal(404, "ResourceNotFound", "User's mysite not found."),
}
_OF_A_USER = re.compile(r"(me|users/(?P<user>[^/]+))/")
# Suffixes and casts that the map does not list with every path.
_TAIL = re.compile(r"(/\$(ref|count|value)|/(microsoft\.)?graph\.\w+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Decision:
    """An allowed call, and how far the permission reaches."""

    held: frozenset[str]
    """The caller's permissions that open the path, by the map."""
    is_limited_to_owned: bool = False
    """Only applications and service principals that the caller owns are visible."""


class Gatekeeper:
    """Decides who may call what in one tenant."""

    def __init__(self, store: Store, catalog: Catalog, settings: Settings) -> None:
        self._store = store
        self._catalog = catalog
        self._settings = settings
        self._premium = store.premium()
        self._plan_names = store.service_plans()

    def identify(self, caller: Caller, own_app_id: str) -> None:
        """Refuse callers that the tenant does not know or has disabled.

        Args:
            caller: Whose token was good.
            own_app_id: The emulator's own client, which needs no service principal in the tenant.

        Raises:
            Refusal: ``Authorization_IdentityNotFound`` or ``Authorization_IdentityDisabled``.
        """
        if caller.scheme == "personal":
            return
        is_foreign = caller.claims.get("tid") != self._store.tenant_id
        principal = self._store.find("servicePrincipals", caller.app_id, "appId")
        if is_foreign or not caller.object_id or (principal is None and caller.app_id != own_app_id):
            raise Refusal(
                self._settings.identity_not_found_status,
                "Authorization_IdentityNotFound",
                "The identity of the calling application could not be established.",
            )
        if principal is not None and is_disabled(principal):
            raise Refusal(
                self._settings.identity_disabled_status,
                "Authorization_IdentityDisabled",
                "The identity of the calling application is disabled.",
            )

    def decide(self, caller: Caller, method: str, path: str) -> Decision | None:
        """Whether ``caller`` may send ``method`` to ``path``.

        Args:
            caller: Whose token was good.
            method: Upper case.
            path: Without version: ``/applications/{id}/owners`` with real ids.

        Returns:
            The decision, or None where the map does not know the path, or not with this method.

        Raises:
            Refusal: 400 or 403 as the service behind the path words it.
        """
        lowered = path.strip("/").lower()
        if caller.scheme == "application" and re.match(r"me(/|$)", lowered):
            raise bad_request("/me request is only valid with delegated authentication flow.")
        known = self._authorizations(method, path)
        if not known:
            return None
        candidates = [*known.get(caller.scheme, ()), *self._corrections(lowered, method)]
        held = frozenset(entry.permission for entry in candidates if _satisfied(entry, caller.permissions))
        if not held:
            wanted = [entry.permission for entry in candidates]
            raise wording.missing_permission(lowered, caller, wanted)
        self._check_user(caller, method, lowered)
        self._check_licence(lowered)
        self._check_service(caller, lowered)
        return Decision(held, is_limited_to_owned=held == {OWNED_BY} and caller.scheme == "application")

    def knows(self, path: str) -> bool:
        """Whether the map knows ``path`` with any method."""
        return self._authorizations("GET", path) is not None

    def _authorizations(self, method: str, path: str) -> Mapping[str, tuple[Authorization, ...]] | None:
        """The map's row for a path; a part of an object that the map leaves out is as open as the object."""
        while path.strip("/"):
            found = self._catalog.authorizing(method, path)
            if found is not None:
                return {str(scheme): entries for scheme, entries in found.items()}
            path, cuts = _TAIL.subn("", path)
            if not cuts:
                break
        return None

    def _corrections(self, path: str, method: str) -> list[Authorization]:
        """Permissions that work although the map does not list them."""
        if method == "GET" and path.startswith("oauth2permissiongrants") and self._settings.grant_reader_is_enough:
            return [Authorization("DelegatedPermissionGrant.Read.All", False, ())]
        if path.startswith("policies/permissiongrantpolicies") and self._settings.policy_reader_reads_grant_policies:
            return [Authorization("Policy.Read.All", False, ())]
        return []

    def _check_user(self, caller: Caller, method: str, path: str) -> None:
        """The signed-in user's own right to it: app-only callers and personal accounts have none to check."""
        if caller.scheme != "delegated" or GLOBAL_ADMINISTRATOR in caller.directory_roles:
            return
        own = re.match(r"(me|organization)(/|$)", path)
        if caller.claims.get("acct") == 1 and not own and not caller.directory_roles:
            raise wording.insufficient_privileges(path, caller)  # a guest reads next to nothing
        if method != "GET":
            acting = caller.directory_roles - {MEMBER, GLOBAL_READER, DIRECTORY_READERS}
            if wording.service_of(path) == wording.DIRECTORY and not own and not acting:
                raise wording.insufficient_privileges(path, caller)
            return
        wanted = next((roles for prefix, roles in _ROLES_TO_READ if path.startswith(prefix)), set())
        if path.startswith("oauth2permissiongrants") or "/approleassign" in path:
            wanted = _ROLES_FOR_GRANTS
        if wanted and not own and not wanted & caller.directory_roles:
            raise wording.insufficient_privileges(path, caller)

    def _check_licence(self, path: str) -> None:
        for pattern, plan, refusal in _PREMIUM:
            is_exempt = "/namedlocations" in path and not self._settings.named_locations_need_premium
            if re.match(pattern, path) and plan not in self._premium and not is_exempt:
                raise Refusal(refusal.status, refusal.code, refusal.message)

    def _check_service(self, caller: Caller, path: str) -> None:
        """Whether the tenant owns the service behind a path, and the user whose things it is about has a licence for it."""
        service = wording.service_of(path)
        wanted = _PLANS_OF.get(service)
        if wanted is None or "/photo" in path:  # photos of people without a mailbox are in the directory
            return
        if not any(plan.startswith(wanted) for plan in self._plan_names.values()):
            refusal = _WITHOUT_SERVICE[service]
            raise Refusal(refusal.status, refusal.code, refusal.message)
        match = _OF_A_USER.match(path)
        refused = _WITHOUT_LICENCE.get(service)
        if match is None or refused is None or caller.scheme == "personal":
            return
        name = caller.object_id if match["user"] is None else match["user"]
        user = self._store.find("users", name) or self._store.find("users", name, "userPrincipalName")
        if user is None or "assignedPlans" not in user:
            return
        held = [
            self._plan_names.get(str(plan.get("servicePlanId")).lower(), "")
            for plan in user["assignedPlans"]
            if plan.get("capabilityStatus") in ("Enabled", "Warning")
        ]
        if not any(plan.startswith(wanted) for plan in held):
            raise Refusal(refused.status, refused.code, refused.message)


def is_disabled(record: Mapping[str, Any]) -> bool:
    """Whether one of the switches that turn an application or a service principal off is thrown."""
    by_microsoft = record.get("disabledByMicrosoftStatus") not in (None, "NotDisabled")
    return record.get("accountEnabled") is False or record.get("isDisabled") is True or by_microsoft


def _satisfied(entry: Authorization, permissions: frozenset[str]) -> bool:
    """AlsoRequires names permissions of which one is needed in addition (kibali's reading of the map)."""
    return entry.permission in permissions and (
        not entry.also_requires or not permissions.isdisjoint(entry.also_requires)
    )
