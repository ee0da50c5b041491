"""The tenant in memory: typed tables made from a snapshot, each built when first asked for.

What the columns mean is in ``columns``; how each table is made is in ``apps``, ``grants``, ``directory`` and
``permissions``. ``restricted`` gives a check the tables that its declared sources carry, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from auditor.tenant.apps import apps_table, credentials_table
from auditor.tenant.columns import DIRECTORY_ROLES, USERS, empty
from auditor.tenant.consents import consents_table
from auditor.tenant.directory import (
    ConsentSettings,
    conditional_access_table,
    consent_settings,
    directory_roles_table,
    service_plans_table,
)
from auditor.tenant.fields import key, parts, texts
from auditor.tenant.grants import (
    assigned_to_table,
    assignments_table,
    defined_table,
    grants_table,
    group_assignments_table,
    preauthorized_table,
    requested_table,
    resources_table,
)
from auditor.tenant.permissions import Compared, compare
from auditor.tenant.snapshot import Snapshot
from auditor.tenant.state import SourceState
from auditor.tenant.users import users_table

_APPLICATIONS, _PRINCIPALS = "applications", "servicePrincipals"
_GRANTS, _ASSIGNED = "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"
_FEDERATED = "applications/federatedIdentityCredentials"
_OWNERS = ("applications/owners", "servicePrincipals/owners")
_ROLES = ("roleManagement/directory/roleAssignments", "roleManagement/directory/roleDefinitions")
_SKUS, _POLICIES = "subscribedSkus", "identity/conditionalAccess/policies"
_AUTHORIZATION, _REQUESTS = "policies/authorizationPolicy", "policies/adminConsentRequestPolicy"
_DEFAULTS = "policies/identitySecurityDefaultsEnforcementPolicy"
_USERS = "users"

TABLE_SOURCES: Mapping[str, frozenset[str]] = {
    "apps": frozenset({_APPLICATIONS, _PRINCIPALS}),
    "credentials": frozenset({_APPLICATIONS, _PRINCIPALS}),
    "resources": frozenset({_PRINCIPALS}),
    "defined": frozenset({_PRINCIPALS}),
    "requested": frozenset({_APPLICATIONS}),
    "preauthorized": frozenset({_APPLICATIONS}),
    "grants": frozenset({_GRANTS, _PRINCIPALS}),
    "assignments": frozenset({_ASSIGNED, _PRINCIPALS}),
    "group_assignments": frozenset({_ASSIGNED, _PRINCIPALS}),
    "assigned_to": frozenset({_ASSIGNED}),
    "directory_roles": frozenset({*_ROLES, _PRINCIPALS}),
    "service_plans": frozenset({_SKUS}),
    "conditional_access": frozenset({_POLICIES}),
    "users": frozenset({_USERS}),
    "permissions": frozenset({_APPLICATIONS, _PRINCIPALS, _GRANTS, _ASSIGNED}),
    "consents": frozenset({_GRANTS, _ASSIGNED, _PRINCIPALS}),
}
"""The sources without which a table says nothing; a check must declare them (required or optional) to see it."""


class UndeclaredSource(LookupError):
    """A check asked for a table whose sources it did not declare: a mistake in the check."""


class Tenant:
    """One tenant at one time. Tables have the columns of ``auditor.tenant.columns``; do not change them in place.

    A table whose source was not read has no rows: ask ``is_read`` before drawing conclusions from that.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._built: dict[str, Any] = {}
        self._allowed: frozenset[str] | None = None

    @classmethod
    def load(cls, snapshot: Snapshot) -> Tenant:
        """The tenant of a snapshot. Nothing is read from disk before a table is asked for.

        A damaged source file raises ``InputError`` at the first table that needs it.
        """
        return cls(snapshot)

    def restricted(self, sources: Iterable[str]) -> Tenant:
        """The same tenant (and the same built tables), showing only what these sources carry."""
        view = self._whole()
        view._allowed = frozenset(sources)
        return view

    @property
    def id(self) -> str:
        """Tenant id."""
        return self._snapshot.tenant_id

    @property
    def display_name(self) -> str:
        """The organization's display name."""
        return self._snapshot.tenant_name

    @property
    def cloud(self) -> str:
        """Name of the cloud."""
        return self._snapshot.cloud

    @property
    def collected_at(self) -> datetime:
        """When it was read: the clock of every judgement."""
        return self._snapshot.collected_at

    @property
    def signed_in_as(self) -> str:
        """Who read it, in words; empty if not known."""
        return self._snapshot.signed_in_as

    @property
    def requests(self) -> int:
        """HTTP requests that reading it took."""
        return self._snapshot.requests

    @property
    def scope(self) -> frozenset[str]:
        """App ids that reading was limited to; empty: the whole tenant. Of other apps only what these need was read."""
        return self._snapshot.scope

    @property
    def planned(self) -> frozenset[str]:
        """App ids whose registration is a manifest that is not deployed as such."""
        return self._snapshot.planned

    @property
    def states(self) -> Mapping[str, SourceState]:
        """What became of each source."""
        return self._snapshot.states

    def is_read(self, source: str) -> bool:
        """Whether a source was read whole.

        Raises:
            UndeclaredSource: a restricted tenant is asked about a source that was not declared.
        """
        if self._allowed is not None and source not in self._allowed:
            raise UndeclaredSource(f"source {source!r} is not declared")
        return self._has(source)

    def _has(self, source: str) -> bool:
        state = self._snapshot.states.get(source)
        return state is not None and state.is_read

    @property
    def apps(self) -> pd.DataFrame:
        """Every app: registrations, service principals, or both (``columns.APPS``)."""

        def build() -> pd.DataFrame:
            owners: dict[str, tuple[str, ...]] = {}
            for source in _OWNERS:
                for record in self._snapshot.objects(source):
                    ids = tuple(owner.lower() for owner in texts(record, "owners"))
                    owners[key(record, "id") or ""] = ids
            federated = {
                key(record, "id") or "": sum(1 for _ in parts(record, "federatedIdentityCredentials"))
                for record in self._snapshot.objects(_FEDERATED)
            }
            return apps_table(
                self._raw(_APPLICATIONS),
                self._raw(_PRINCIPALS),
                owners,
                federated if self._has(_FEDERATED) else None,
                self.id,
            )

        return self._table("apps", build)

    @property
    def credentials(self) -> pd.DataFrame:
        """Secrets, certificates and federated credentials (``columns.CREDENTIALS``)."""
        return self._table(
            "credentials",
            lambda: credentials_table(
                self._raw(_APPLICATIONS), self._raw(_PRINCIPALS), self._snapshot.objects(_FEDERATED)
            ),
        )

    @property
    def resources(self) -> pd.DataFrame:
        """Service principals that publish permissions or were granted upon (``columns.RESOURCES``)."""

        def build() -> pd.DataFrame:
            # A resource is one by being granted upon, too; those two sources only add rows here, so they need not be declared.
            upon = {key(grant, "resourceId") for grant in self._snapshot.objects(_GRANTS)}
            upon |= {key(row, "resourceId") for row in self._snapshot.objects(_ASSIGNED) if "counted" not in row}
            kinds = self._kinds()
            return resources_table(self._raw(_PRINCIPALS), kinds, frozenset(upon - {None}))  # type: ignore[arg-type]

        return self._table("resources", build)

    @property
    def defined(self) -> pd.DataFrame:
        """Permissions that resources define (``columns.DEFINED``)."""
        return self._table("defined", lambda: defined_table(self._raw(_PRINCIPALS)))

    @property
    def requested(self) -> pd.DataFrame:
        """What app registrations request (``columns.REQUESTED``)."""
        return self._table("requested", lambda: requested_table(self._raw(_APPLICATIONS)))

    @property
    def preauthorized(self) -> pd.DataFrame:
        """Clients that APIs of this tenant pre-authorize (``columns.PREAUTHORIZED``)."""
        return self._table("preauthorized", lambda: preauthorized_table(self._raw(_APPLICATIONS)))

    @property
    def grants(self) -> pd.DataFrame:
        """OAuth2 permission grants, one row a scope (``columns.GRANTS``)."""
        return self._table("grants", lambda: grants_table(self._snapshot.objects(_GRANTS), self._app_ids()))

    @property
    def assignments(self) -> pd.DataFrame:
        """App role assignments to service principals (``columns.ASSIGNMENTS``)."""
        return self._table("assignments", lambda: assignments_table(self._snapshot.objects(_ASSIGNED), self._app_ids()))

    @property
    def group_assignments(self) -> pd.DataFrame:
        """Application permissions assigned to groups (``columns.GROUP_ASSIGNMENTS``)."""
        return self._table(
            "group_assignments",
            lambda: group_assignments_table(self._snapshot.objects(_ASSIGNED), self._raw(_PRINCIPALS), self._app_ids()),
        )

    @property
    def assigned_to(self) -> pd.DataFrame:
        """Who is assigned to service principals, counted (``columns.ASSIGNED_TO``)."""
        return self._table("assigned_to", lambda: assigned_to_table(self._snapshot.objects(_ASSIGNED)))

    @property
    def directory_roles(self) -> pd.DataFrame:
        """Directory roles held by service principals (``columns.DIRECTORY_ROLES``)."""
        if not all(self._has(source) for source in _ROLES):
            return self._table("directory_roles", lambda: empty(DIRECTORY_ROLES))
        return self._table(
            "directory_roles",
            lambda: directory_roles_table(
                self._snapshot.objects(_ROLES[0]), self._snapshot.objects(_ROLES[1]), self._app_ids()
            ),
        )

    @property
    def service_plans(self) -> pd.DataFrame:
        """Service plans the tenant owns (``columns.SERVICE_PLANS``)."""
        return self._table("service_plans", lambda: service_plans_table(self._snapshot.objects(_SKUS)))

    @property
    def conditional_access(self) -> pd.DataFrame:
        """Conditional Access policies (``columns.CONDITIONAL_ACCESS``)."""
        return self._table("conditional_access", lambda: conditional_access_table(self._snapshot.objects(_POLICIES)))

    @property
    def users(self) -> pd.DataFrame:
        """The users that were asked for (``columns.USERS``); without rows where none were, or they were not read."""
        if not self._has(_USERS):
            return self._table("users", lambda: empty(USERS))
        return self._table(
            "users",
            lambda: users_table(
                self._snapshot.objects(_USERS), self._snapshot.objects(_ROLES[1]), self._snapshot.objects(_SKUS)
            ),
        )

    @property
    def consent(self) -> ConsentSettings:
        """How users and admins may consent; what was not read is None."""
        if "consent" not in self._built:
            self._built["consent"] = consent_settings(
                *(self._single(one) for one in (_AUTHORIZATION, _REQUESTS, _DEFAULTS))
            )
        settings: ConsentSettings = self._built["consent"]
        return settings

    @property
    def grant_policies(self) -> tuple[Mapping[str, Any], ...]:
        """The tenant's permission grant policies as Graph gave them; none where they were not read.

        Raises:
            UndeclaredSource: a restricted tenant whose check does not declare them.
        """
        source = "policies/permissionGrantPolicies"
        return tuple(self._snapshot.objects(source)) if self.is_read(source) else ()

    @property
    def permissions(self) -> pd.DataFrame:
        """Requested against granted (``permissions.PERMISSIONS``)."""

        def build() -> pd.DataFrame:
            whole = self._whole()
            return compare(
                Compared(
                    apps=whole.apps,
                    defined=whole.defined,
                    requested=whole.requested,
                    preauthorized=whole.preauthorized,
                    grants=whole.grants,
                    assignments=whole.assignments,
                    consent=whole.consent,
                    grant_policies=tuple(self._snapshot.objects("policies/permissionGrantPolicies")),
                    tenant_id=self.id,
                    grant_policies_read=self._has("policies/permissionGrantPolicies"),
                    requested_read=self._has(_APPLICATIONS),
                    defined_read=self._has(_PRINCIPALS),
                    grants_read=self._has(_GRANTS) and self._has(_PRINCIPALS),
                    assignments_read=self._has(_ASSIGNED) and self._has(_PRINCIPALS),
                )
            )

        return self._table("permissions", build)

    @property
    def consents(self) -> pd.DataFrame:
        """Grants and assignments as Graph holds them, for reports (``columns.CONSENTS``)."""
        whole = self._whole()
        return self._table(
            "consents",
            lambda: consents_table(whole.grants, whole.assignments, whole.apps, whole.resources, whole.defined),
        )

    def _whole(self) -> Tenant:
        """The same tenant without restriction: what a table is made from is not what a check may see."""
        view = Tenant(self._snapshot)
        view._built = self._built
        return view

    def _table(self, name: str, build: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if self._allowed is not None and not TABLE_SOURCES[name] <= self._allowed:
            missing = ", ".join(sorted(TABLE_SOURCES[name] - self._allowed))
            raise UndeclaredSource(f"table {name!r} needs sources that are not declared: {missing}")
        if name not in self._built:
            self._built[name] = build()
        table: pd.DataFrame = self._built[name]
        return table

    def _raw(self, source: str) -> list[dict[str, Any]]:
        """Raw objects that several tables need, read once."""
        name = f"raw:{source}"
        if name not in self._built:
            self._built[name] = list(self._snapshot.objects(source))
        records: list[dict[str, Any]] = self._built[name]
        return records

    def _app_ids(self) -> Mapping[str, str]:
        """Service principal object id to app id."""
        if "app ids" not in self._built:
            pairs = ((key(principal, "id"), key(principal, "appId")) for principal in self._raw(_PRINCIPALS))
            self._built["app ids"] = {object_id: app_id for object_id, app_id in pairs if object_id and app_id}
        ids: dict[str, str] = self._built["app ids"]
        return ids

    def _kinds(self) -> Mapping[str, str]:
        apps = self._whole().apps
        return dict(zip(apps["app_id"], apps["kind"], strict=True))

    def _single(self, source: str) -> dict[str, Any] | None:
        """The one object of a singleton source; None where it was not read."""
        return next(iter(self._snapshot.objects(source)), None) if self._has(source) else None
