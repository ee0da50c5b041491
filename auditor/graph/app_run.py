"""One run of reading one app: four rounds of ``$batch``, each asking for what the one before told of.

The app and the tenant's settings; what hangs on the app, and the resources it requests; resources and groups that grants and
assignments named; what is left of those. None grows with the tenant. Lists that may be long (people assigned, users who
consented) are read to a first part, and the state of the source says so. Of other apps only what the app's own rows need
is read. Which addresses these are is ``app_paths``', how batches are sorted by source ``sheaf``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from auditor.errors import AuditorError, GraphError, OutputError
from auditor.graph.app_paths import (
    CREDENTIALS,
    GUID,
    RESOURCE_PRINCIPAL,
    RESOURCE_REGISTRATION,
    app_url,
    below,
    grants_url,
    member_of_url,
    principal_url,
)
from auditor.graph.assignments import assignments_url, counted_line, is_kept
from auditor.graph.claims import Claims
from auditor.graph.client import GraphClient
from auditor.graph.collect import hold_against, narrow_token, require_something, text_of, unread
from auditor.graph.desk import Desk, Index, id_of, listed, principal_of, together
from auditor.graph.progress import Progress
from auditor.graph.refusal import Refusal, Unreachable, sign_in_error, state_from
from auditor.graph.sheaf import Ask, Gathered, Sheaf, with_id
from auditor.graph.sources import BY_ID, MAX_PAGE, SOURCES, USERS, SourceSpec
from auditor.graph.users import read_users, role_assignments_url
from auditor.graph.wire import Wire
from auditor.tenant.snapshot import SnapshotWriter
from auditor.tenant.state import SourceState

PLANNED_ID = "planned"
"""The object id of a registration that is not deployed: a word, so that nobody takes it for an object in the tenant."""
MOST_RESOURCES = 100
MOST_GROUPS = 20
CONSENT_PAGES = 2
_DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
_APPS, _PRINCIPALS = "applications", "servicePrincipals"
_APP_OWNERS, _PRINCIPAL_OWNERS = "applications/owners", "servicePrincipals/owners"
_FEDERATED = "applications/federatedIdentityCredentials"
_GRANTS, _ASSIGNED = "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"
_ROLES, _GRANT_POLICIES = "roleManagement/directory/roleAssignments", "policies/permissionGrantPolicies"
_AUTHORIZATION = "policies/authorizationPolicy"
_PLAIN = (
    "organization",
    "subscribedSkus",
    "roleManagement/directory/roleDefinitions",
    "identity/conditionalAccess/policies",
    _AUTHORIZATION,
    "policies/adminConsentRequestPolicy",
    "policies/defaultAppManagementPolicy",
    "policies/appManagementPolicies",
    "policies/identitySecurityDefaultsEnforcementPolicy",
)
"""Sources that are read as they are, in the first round. Named locations come in the second: Conditional Access answers
one request a second."""
_LOCATIONS = "identity/conditionalAccess/namedLocations"
_NEEDS = {
    _APP_OWNERS: _APPS,
    _FEDERATED: _APPS,
    _PRINCIPAL_OWNERS: _PRINCIPALS,
    _GRANTS: _PRINCIPALS,
    _ASSIGNED: _PRINCIPALS,
    _ROLES: _PRINCIPALS,
}


class About:
    """What is asked for."""

    def __init__(
        self, app_id: str, users: tuple[str, ...], manifest: Mapping[str, Any] | None, resources: tuple[str, ...]
    ) -> None:
        self.app_id = app_id
        self.users = users
        self.manifest = manifest
        self.resources = resources
        self.sources: tuple[SourceSpec, ...] = (*SOURCES, USERS) if users else SOURCES


class AppRun:
    """One run for one app."""

    def __init__(
        self,
        wire: Wire,
        client_of: Callable[[], GraphClient],
        writer: SnapshotWriter,
        progress: Progress,
        claims: Claims,
        about: About,
    ) -> None:
        self.tenant_id = ""
        self.tenant_name = ""
        self._wire = wire
        self._client_of = client_of
        self._writer = writer
        self._progress = progress
        self._claims = claims
        self._about = about
        self._sheaf = Sheaf(client_of(), (spec.id for spec in about.sources))
        self._app: dict[str, Any] | None = None
        self._principal: dict[str, Any] | None = None
        self._resources: dict[str, dict[str, Any]] = {}
        """Service principals of resources by object id."""
        self._asked_registrations: set[str] = set()

    async def read(self, tenant: str | None) -> None:
        """All rounds, then the states.

        Raises:
            SignInError, GraphError, OutputError: see ``collect_app``.
        """
        for spec in self._about.sources:
            self._progress.started(spec.id, None)
            if (state := narrow_token(spec, self._claims)) is not None:
                self._sheaf.of(spec.id).given_state = state
        await self._first_round(tenant)
        await together([self._read_users(), self._further_rounds()])
        self._finish()

    # --- round one: the app and the settings --------------------------------------------------------------------------

    async def _first_round(self, tenant: str | None) -> None:
        app_id = self._about.app_id
        app = Ask(_APPS, app_url(_APPS, app_id, BY_ID[_APPS].select), may_be_absent=True)
        principal = Ask(_PRINCIPALS, app_url(_PRINCIPALS, app_id, BY_ID[_PRINCIPALS].select), may_be_absent=True)
        plain_asks = [Ask(source, BY_ID[source].url()) for source in (*_PLAIN, _GRANT_POLICIES)]
        found = await self._sheaf.ask([*plain_asks, app, principal])
        for ask in plain_asks:
            self._keep(ask.source, found[ask.url])
        self._require_tenant(tenant)
        self._app = next(iter(with_id(found[app.url])), None)
        self._principal = next(iter(with_id(found[principal.url])), None)
        if self._about.manifest is not None:
            self._plan(self._about.manifest)
        for record, source in ((self._app, _APPS), (self._principal, _PRINCIPALS)):
            if record is not None:
                self._keep(source, [record])
        for source, needed in _NEEDS.items():
            self._require(source, needed)

    def _keep(self, source: str, objects: Iterable[dict[str, Any]]) -> None:
        spec = BY_ID[source]
        self._sheaf.of(source).rows.extend(objects if spec.reading == "singleton" else with_id(objects))

    def _require_tenant(self, tenant: str | None) -> None:
        """Which tenant answered; a token that Graph does not accept, or a host that is not there, ends the run here."""
        gathered = self._sheaf.of("organization")
        refusal = gathered.refusal
        if refusal is not None and refusal.is_token_refused:
            raise sign_in_error(refusal)
        if isinstance(refusal, Unreachable):
            raise GraphError(f"Microsoft Graph cannot be reached: {refusal}.")
        found = gathered.rows[0] if gathered.rows else {}
        self.tenant_id = text_of(found, "id").lower()
        self.tenant_name = text_of(found, "displayName")
        if tenant:
            hold_against(tenant, found, self._claims)

    def _plan(self, manifest: Mapping[str, Any]) -> None:
        """Puts the manifest in the registration's place. A manifest makes no credentials: those of the deployed app stay."""
        deployed = self._app or {}
        planned = {**deployed, **manifest, "appId": self._about.app_id}
        for name in CREDENTIALS:
            if not listed(planned.get(name)) and name in deployed:
                planned[name] = deployed[name]
        planned["id"] = id_of(deployed) or PLANNED_ID
        gathered = self._sheaf.of(_APPS)
        if not gathered.is_open:
            problem = gathered.refusal or (gathered.given_state and gathered.given_state.detail)
            gathered.remarks.append(f"the deployed registration could not be read ({problem})")
            gathered.refusal = gathered.given_state = None
        self._app = planned

    def _require(self, source: str, needed: str) -> None:
        """A source below one that was not read cannot be read either."""
        above = self._sheaf.of(needed)
        if above.is_open or not self._sheaf.of(source).is_open:
            return
        state = above.state(BY_ID[needed], delegated=self._claims.delegated)
        status = state.status if state.status in ("denied", "unlicensed") else "skipped"
        self._sheaf.of(source).given_state = unread(BY_ID[source], status, f"needs {needed}, which could not be read")

    # --- round two: what hangs on the app, and what it requests -----------------------------------------------------------

    async def _further_rounds(self) -> None:
        requested = self._requested()
        hanging = self._below_app() + self._below_principal()
        by_app_id = [
            Ask(_PRINCIPALS, app_url(_PRINCIPALS, one, RESOURCE_PRINCIPAL), may_be_absent=True) for one in requested
        ]
        settings = [Ask(_LOCATIONS, BY_ID[_LOCATIONS].url()), *self._condition_sets()]
        found = await self._sheaf.ask([*hanging, *settings, *by_app_id])
        self._keep(_LOCATIONS, found[settings[0].url])
        self._take_condition_sets(found)
        self._take_below_app(found)
        groups = self._take_below_principal(found)
        missing = []
        for one, ask in zip(requested, by_app_id, strict=True):
            self._take_resources(found[ask.url])
            if not found[ask.url] and one != self._about.app_id:
                missing.append(one)
        await self._third_round(groups, missing)

    def _requested(self) -> list[str]:
        """App ids of the resources that the app requests, and those that its calls are about."""
        wanted = [access.get("resourceAppId") for access in listed((self._app or {}).get("requiredResourceAccess"))]
        ids = {one.lower() for one in (*self._about.resources, *wanted) if isinstance(one, str) and GUID.fullmatch(one)}
        ids -= {self._about.app_id} if self._principal is not None else set()
        return self._bounded(sorted(ids))

    def _bounded(self, ids: list[str]) -> list[str]:
        if len(ids) + len(self._resources) <= MOST_RESOURCES:
            return ids
        detail = f"the app requests or holds permissions of more than {MOST_RESOURCES} resources"
        self._sheaf.of(_PRINCIPALS).refusal = Refusal(None, None, detail)
        return []

    def _below_app(self) -> list[Ask]:
        object_id = id_of(self._app or {})
        if not object_id or object_id == PLANNED_ID:
            return []
        return [
            Ask(_APP_OWNERS, below(_APPS, object_id, "owners?$select=id"), may_be_absent=True),
            Ask(_FEDERATED, below(_APPS, object_id, "federatedIdentityCredentials"), may_be_absent=True),
        ]

    def _take_below_app(self, found: Mapping[str, list[dict[str, Any]]]) -> None:
        for ask in self._below_app():
            if ask.source == _APP_OWNERS:
                self._take_owners(_APP_OWNERS, self._app, found[ask.url])
            elif found[ask.url] and self._app is not None:
                line = {"id": id_of(self._app), "federatedIdentityCredentials": found[ask.url]}
                self._sheaf.of(_FEDERATED).rows.append(line)

    def _take_owners(self, source: str, owned: Mapping[str, Any] | None, owners: list[dict[str, Any]]) -> None:
        if ids := [id_of(one) for one in with_id(owners)]:
            self._sheaf.of(source).rows.append({"id": id_of(dict(owned or {})), "owners": ids})

    def _below_principal(self) -> list[Ask]:
        if self._principal is None:
            return []
        object_id = id_of(self._principal)
        asks = [
            Ask(_ASSIGNED, assignments_url(object_id, "appRoleAssignments")),
            Ask(_ASSIGNED, member_of_url(object_id), 1, is_part_enough=True, is_optional=True),
            Ask(_GRANTS, grants_url(object_id, "AllPrincipals")),
            Ask(_GRANTS, grants_url(object_id, "Principal"), CONSENT_PAGES, is_part_enough=True),
            Ask(_ROLES, role_assignments_url(object_id)),
        ]
        known = principal_of(self._principal)
        if known.is_resource:
            url = assignments_url(object_id, "appRoleAssignedTo")
            asks.append(Ask(_ASSIGNED, url, 1, is_part_enough=True))
        if known.kind == "Application":  # managed identities cannot have owners
            asks.append(Ask(_PRINCIPAL_OWNERS, below(_PRINCIPALS, object_id, "owners?$select=id")))
        return asks

    def _take_below_principal(self, found: Mapping[str, list[dict[str, Any]]]) -> list[str]:
        """Keeps what hangs on the service principal; the ids of the groups it is in."""
        groups: list[str] = []
        for ask in self._below_principal():
            rows = found[ask.url]
            if "/transitiveMemberOf" in ask.url:
                groups = [id_of(one) for one in with_id(rows) if one.get("@odata.type") == "#microsoft.graph.group"]
            elif "/appRoleAssignedTo" in ask.url and self._principal is not None:
                self._count_assigned(id_of(self._principal), rows)
            elif ask.source == _PRINCIPAL_OWNERS:
                self._take_owners(_PRINCIPAL_OWNERS, self._principal, rows)
            else:
                self._keep(ask.source, rows)
        return groups

    def _count_assigned(self, object_id: str, rows: list[dict[str, Any]]) -> None:
        """Who may use or call this app is not its own affair: numbers will do.

        A long list may begin with service principals and name people further on; then there is no number, which is unknown.
        """
        if not self._sheaf.of(_ASSIGNED).is_open:
            return
        line = counted_line(object_id, rows)
        if len(rows) >= MAX_PAGE and not (line["counted"]["users"] or line["counted"]["groups"]):
            self._sheaf.of(_ASSIGNED).remarks.append("whether people are assigned to the app is not known")
        else:
            self._sheaf.of(_ASSIGNED).beside.append(line)

    def _condition_sets(self) -> list[Ask]:
        """The condition sets of the permission grant policies that users consent under; of all where that is not known."""
        assigned = None
        for policy in self._sheaf.of(_AUTHORIZATION).rows:
            role = policy.get("defaultUserRolePermissions")
            names = role.get("permissionGrantPoliciesAssigned") if isinstance(role, dict) else None
            assigned = {str(one).rpartition(".")[2].lower() for one in names} if isinstance(names, list) else None
        gathered = self._sheaf.of(_GRANT_POLICIES)
        if assigned is not None:
            gathered.rows[:] = [policy for policy in gathered.rows if id_of(policy).lower() in assigned]
        path = BY_ID[_GRANT_POLICIES].request_path
        return [
            Ask(_GRANT_POLICIES, f"{path}/{quote(id_of(policy), safe='')}/{sets}")
            for policy in gathered.rows
            for sets in ("includes", "excludes")
            if not isinstance(policy.get(sets), list)
        ]

    def _take_condition_sets(self, found: Mapping[str, list[dict[str, Any]]]) -> None:
        path = BY_ID[_GRANT_POLICIES].request_path
        for policy in self._sheaf.of(_GRANT_POLICIES).rows:
            for sets in ("includes", "excludes"):
                if not isinstance(policy.get(sets), list):
                    policy[sets] = found[f"{path}/{quote(id_of(policy), safe='')}/{sets}"]

    # --- rounds three and four: what was named ---------------------------------------------------------------------------

    async def _third_round(self, groups: list[str], missing: list[str]) -> None:
        """Resources that grants and assignments name, what groups hold, registrations of what is registered here."""
        granted = [*self._sheaf.of(_GRANTS).rows, *self._sheaf.of(_ASSIGNED).rows]
        if len(groups) > MOST_GROUPS:
            remark = f"of {len(groups)} groups that the service principal is in, {MOST_GROUPS} were looked at"
            self._sheaf.of(_ASSIGNED).remarks.append(remark)
        below_groups = [
            Ask(_ASSIGNED, assignments_url(one, "appRoleAssignments", "groups"), is_part_enough=True, is_optional=True)
            for one in sorted(groups)[:MOST_GROUPS]
        ]
        named, registrations = self._named(granted), self._registrations(missing)
        found = await self._sheaf.ask([*named, *below_groups, *registrations])
        self._take_round(found, named, registrations)
        held = [row for ask in below_groups for row in with_id(found[ask.url])]
        held = [row for row in held if str(row.get("appRoleId")).lower() != _DEFAULT_ACCESS]
        named, registrations = self._named(held)[:MOST_GROUPS], self._registrations(())
        found = await self._sheaf.ask([*named, *registrations])
        self._take_round(found, named, registrations)
        self._keep_held_by_groups(held)

    def _take_round(
        self, found: Mapping[str, list[dict[str, Any]]], named: Sequence[Ask], registrations: Sequence[Ask]
    ) -> None:
        for ask in named:
            self._take_resources(found[ask.url])
        for ask in registrations:
            self._keep(_APPS, found[ask.url])

    def _take_resources(self, principals: Iterable[dict[str, Any]]) -> None:
        for principal in with_id(principals):
            self._resources.setdefault(id_of(principal).lower(), principal)

    def _named(self, rows: Iterable[Mapping[str, Any]]) -> list[Ask]:
        """Service principals that rows name as their resource, and that are not known yet."""
        ids = {id_of({"id": row.get("resourceId")}).lower() for row in rows}
        known = {"", id_of(self._principal or {}).lower(), *self._resources}
        return [Ask(_PRINCIPALS, principal_url(one), may_be_absent=True) for one in self._bounded(sorted(ids - known))]

    def _registrations(self, missing: Iterable[str]) -> list[Ask]:
        """Registrations in this tenant of resources: they say whom the resource pre-authorizes."""
        tenant_id = self.tenant_id or self._claims.tenant_id.lower()
        here = {
            str(principal.get("appId")).lower()
            for principal in self._resources.values()
            if str(principal.get("appOwnerOrganizationId")).lower() == tenant_id
        }
        wanted = sorted({*here, *missing} - self._asked_registrations - {self._about.app_id})
        self._asked_registrations.update(wanted)
        return [
            Ask(_APPS, app_url(_APPS, one, RESOURCE_REGISTRATION), may_be_absent=True)
            for one in wanted
            if GUID.fullmatch(one)
        ]

    def _keep_held_by_groups(self, rows: Iterable[dict[str, Any]]) -> None:
        own = [self._principal] if self._principal is not None else []
        roles = {
            known.id.lower(): known.application_roles for known in map(principal_of, (*own, *self._resources.values()))
        }
        kept = {
            id_of(row): row
            for row in rows
            if row.get("principalType") == "Group"
            and is_kept(row, roles.get(str(row.get("resourceId")).lower(), frozenset()))
        }
        self._sheaf.of(_ASSIGNED).rows.extend(kept.values())

    # --- users, and the end -------------------------------------------------------------------------------------------

    async def _read_users(self) -> None:
        if not self._about.users:
            return
        index = Index(asked_users=self._about.users)
        desk = Desk(USERS, self._client_of(), self._writer, self._progress, index)
        gathered = self._sheaf.of(USERS.id)
        try:
            await read_users(desk)
            gathered.given_state = SourceState(
                USERS.id,
                "read",
                objects=desk.objects,
                requests=desk.client.requests,
                detail="; ".join(desk.all_remarks()),
                permission=USERS.permission,
                role=USERS.role,
            )
        except Refusal as refusal:
            gathered.given_state = state_from(
                USERS, refusal, requests=desk.client.requests, delegated=self._claims.delegated
            )
        except OutputError:
            raise
        except AuditorError as error:
            gathered.given_state = unread(USERS, "failed", str(error), desk.client.requests)

    def _finish(self) -> None:
        """Writes every source that was read, and the state of each."""
        self._keep(_PRINCIPALS, self._resources.values())
        states: dict[str, SourceState] = {}
        refusals: dict[str, Refusal] = {}
        for spec in self._about.sources:
            gathered: Gathered = self._sheaf.of(spec.id)
            states[spec.id] = state = gathered.state(spec, delegated=self._claims.delegated)
            if gathered.refusal is not None:
                refusals[spec.id] = gathered.refusal
            if state.is_read and spec is not USERS:
                self._writer.append(spec.id, (*gathered.rows, *gathered.beside))
                self._progress.advanced(spec.id, len(gathered.rows))
            self._writer.finish(state)
            self._progress.finished(state)
        require_something(states, refusals, self._wire.root)
