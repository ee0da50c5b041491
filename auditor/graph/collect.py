"""Reads a tenant into a snapshot: every source with its state, a source that fails never taking another with it.

Order: ``organization`` first (which tenant is this, does Graph accept the token at all), then everything else at once,
each after the sources it needs. What a source is, is ``sources``' row; how it is read, ``readings``' work.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.errors import AuditorError, GraphError, OutputError, SignInError
from auditor.graph.claims import Claims, read_claims
from auditor.graph.client import GraphClient
from auditor.graph.desk import Desk, Index
from auditor.graph.progress import Progress, Silent
from auditor.graph.readings import READINGS
from auditor.graph.refusal import Refusal, Unreachable, plain, sign_in_error, state_from
from auditor.graph.retry import Clock, RetryPolicy
from auditor.graph.signin import token_refused
from auditor.graph.sources import ESSENTIAL, SOURCES, USERS, SourceSpec
from auditor.graph.wire import Wire
from auditor.redaction import hide
from auditor.reference.clouds import Cloud
from auditor.tenant.snapshot import Snapshot, SnapshotWriter
from auditor.tenant.state import SourceState

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_OWN_APPS_ALONE = "Application.ReadWrite.OwnedBy"
_BROAD = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")


def collect_tenant(
    credential: TokenCredential,
    *,
    tenant: str | None,
    cloud: Cloud,
    graph_url: str | None,
    folder: Path,
    progress: Progress | None = None,
    sources: Sequence[SourceSpec] = SOURCES,
    users: Sequence[str] = (),
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
) -> Snapshot:
    """Reads everything an audit needs and writes it into a new snapshot.

    Args:
        credential: a synchronous credential that gives tokens for Microsoft Graph; the caller closes it.
        tenant: the tenant that is meant, id or domain; None: whichever the credential leads to.
        cloud: the cloud it is in.
        graph_url: another address of Graph; plain http for this machine alone.
        folder: a new or empty folder.
        progress: told how far it is.
        sources: what to read.
        users: user principal names or ids whose account, licences and roles are read too.
        policy: how patient to be with a server that throttles or fails.
        clock: time, for tests.

    Returns:
        The finished snapshot. Sources that could not be read are states with a reason in it.

    Raises:
        SignInError: the token is not accepted, is for another tenant, or may read nothing that matters.
        GraphError: Graph cannot be reached, or what answers is not Graph.
        OutputError: the folder cannot be written to, or is not empty.
        UsageError: ``graph_url`` is no acceptable address.
    """
    return asyncio.run(
        _collect(
            credential,
            tenant=tenant or None,
            cloud=cloud,
            graph_url=graph_url or None,
            folder=folder,
            is_new=not folder.exists(),
            progress=progress or Silent(),
            sources=(*sources, USERS) if users and USERS not in sources else sources,
            users=users,
            policy=policy or RetryPolicy(),
            clock=clock or Clock(),
        )
    )


async def _collect(
    credential: TokenCredential,
    *,
    tenant: str | None,
    cloud: Cloud,
    graph_url: str | None,
    folder: Path,
    is_new: bool,
    progress: Progress,
    sources: Sequence[SourceSpec],
    users: Sequence[str],
    policy: RetryPolicy,
    clock: Clock,
) -> Snapshot:
    claims = claims_of(credential, cloud)
    async with Wire(credential, cloud=cloud, graph_url=graph_url) as wire:
        started_at: datetime = clock.now()
        writer = SnapshotWriter(folder, tenant_id=tenant or claims.tenant_id, cloud=cloud.name, collected_at=started_at)
        collection = _Collection(wire, writer, progress, claims, policy, clock)
        collection.index.asked_users = users
        try:
            await collection.read(sources, tenant)
            return writer.close(
                tenant_id=collection.tenant_id or claims.tenant_id,
                tenant_name=collection.tenant_name,
                signed_in_as=claims.signed_in_as,
                requests=wire.requests,
            )
        except BaseException:
            discard(writer, sources, folder, is_new=is_new)
            raise


def discard(writer: SnapshotWriter, sources: Sequence[SourceSpec], folder: Path, *, is_new: bool) -> None:
    """Removes what an ended run has written, so that the same folder can be used again. It was new or empty before."""
    with suppress(AuditorError, OSError):
        for spec in sources:
            writer.finish(unread(spec, "failed", "the collection was ended"))
    shutil.rmtree(folder if is_new else folder / "sources", ignore_errors=True)


def claims_of(credential: TokenCredential, cloud: Cloud) -> Claims:
    """What the credential's token says of itself.

    Raises:
        SignInError: no token could be had.
    """
    try:
        token = credential.get_token(f"{cloud.graph_resource}/.default", enable_cae=True)
    except AuditorError:
        raise
    except Exception as error:
        raise token_refused(error) from None
    hide(token.token)
    return read_claims(token.token)


def hold_against(tenant: str, organization: Mapping[str, Any], claims: Claims) -> None:
    """Compares the tenant that was asked for with the one that answered, or else with the one in the token.

    Raises:
        SignInError: it is another one.
    """
    domains = organization.get("verifiedDomains")
    names = (
        {str(one.get("name")).lower() for one in domains if isinstance(one, dict)}
        if isinstance(domains, list)
        else set()
    )
    found = text_of(organization, "id").lower() or claims.tenant_id
    can_tell = bool(found) and (bool(names) or bool(_GUID.fullmatch(tenant)))
    if can_tell and tenant.lower() not in {found, *names}:
        name = text_of(organization, "displayName")[:80]
        leads_to = f"{found} ({name})" if name else found
        raise SignInError(f"Tenant {plain(tenant, 80)} was asked for, and this sign-in leads to tenant {leads_to}.")


def text_of(record: Mapping[str, Any], name: str) -> str:
    """A property for one line of ours; empty where it is missing or no text."""
    value = record.get(name)
    return plain(value, 256) if isinstance(value, str) else ""


def narrow_token(spec: SourceSpec, claims: Claims) -> SourceState | None:
    """The state of a source that would answer, and show the app's own objects alone; None for every other case.

    https://learn.microsoft.com/graph/permissions-reference#applicationreadwriteownedby
    """
    if spec.permission != _BROAD[0] or claims.delegated is not False:
        return None
    if _OWN_APPS_ALONE not in claims.roles or not set(claims.roles).isdisjoint(_BROAD):
        return None
    detail = (
        f"{_OWN_APPS_ALONE} shows an app its own apps alone; the application permission {spec.permission} is needed"
    )
    return unread(spec, "denied", detail)


class _Collection:
    """One run over all sources."""

    def __init__(
        self, wire: Wire, writer: SnapshotWriter, progress: Progress, claims: Claims, policy: RetryPolicy, clock: Clock
    ) -> None:
        self.tenant_id = ""
        self.tenant_name = ""
        self._wire = wire
        self._writer = writer
        self._progress = progress
        self._claims = claims
        self._policy = policy
        self._clock = clock
        self.index = Index()
        self._states: dict[str, SourceState] = {}
        self._refusals: dict[str, Refusal] = {}

    async def read(self, sources: Sequence[SourceSpec], tenant: str | None) -> None:
        """Reads every source.

        Raises:
            SignInError, GraphError, OutputError: see ``collect_tenant``.
        """
        rest = list(sources)
        for spec in rest:  # fixes their order in the manifest, whichever ends first
            self._writer.finish(unread(spec, "skipped", "the collection ended before this source was read"))
        if rest and rest[0].id == "organization":
            first = rest.pop(0)
            await self._read_organization(first, tenant)
        elif tenant:
            hold_against(tenant, {}, self._claims)
        over = {spec.id: asyncio.Event() for spec in rest}
        lanes = {spec.lane: asyncio.Lock() for spec in rest if spec.lane}
        try:
            async with asyncio.TaskGroup() as group:
                for spec in rest:
                    group.create_task(self._read_in_turn(spec, over, lanes))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        require_something(self._states, self._refusals, self._wire.root)

    async def _read_in_turn(
        self, spec: SourceSpec, over: Mapping[str, asyncio.Event], lanes: Mapping[str, asyncio.Lock]
    ) -> None:
        for needed in spec.needs:
            if needed in over:
                await over[needed].wait()
        try:
            if spec.lane:
                async with lanes[spec.lane]:
                    await self._read_source(spec)
            else:
                await self._read_source(spec)
        finally:
            over[spec.id].set()

    async def _read_source(self, spec: SourceSpec, desk: Desk | None = None) -> None:
        """Reads one source into its state. Only a disk that refuses ends the whole collection."""
        client = GraphClient(
            self._wire,
            policy=self._policy,
            clock=self._clock,
            note=lambda text: self._progress.note(f"{spec.id}: {text}"),
        )
        desk = desk or Desk(spec, client, self._writer, self._progress, self.index)
        state = self._state_before(spec)
        if state is None:
            try:
                await READINGS[spec.reading](desk)
                state = SourceState(
                    spec.id,
                    "read",
                    objects=desk.objects,
                    requests=desk.client.requests,
                    detail="; ".join(desk.all_remarks()),
                    permission=spec.permission,
                    role=spec.role,
                    licence=spec.licence,
                )
            except Refusal as refusal:
                self._refusals[spec.id] = refusal
                state = state_from(spec, refusal, requests=desk.client.requests, delegated=self._claims.delegated)
            except OutputError:
                raise
            except AuditorError as error:  # a token that could not be renewed on the way
                state = unread(spec, "failed", str(error), desk.client.requests)
            except Exception as error:
                detail = f"the program failed on it ({type(error).__name__}); this is a mistake worth reporting"
                state = unread(spec, "failed", detail, desk.client.requests)
        self._states[spec.id] = state
        self._writer.finish(state)
        self._progress.finished(state)

    def _state_before(self, spec: SourceSpec) -> SourceState | None:
        """The state of a source that need not be tried, and why."""
        for needed in spec.needs:
            state = self._states.get(needed)
            if state is not None and not state.is_read:
                status = state.status if state.status in ("denied", "unlicensed") else "skipped"
                return unread(spec, status, f"needs {needed}, which could not be read")
        return narrow_token(spec, self._claims)

    async def _read_organization(self, spec: SourceSpec, tenant: str | None) -> None:
        """The tenant itself; a token that Graph does not accept, or a host that is not there, ends the run here."""
        found: list[Mapping[str, Any]] = []
        client = GraphClient(
            self._wire,
            policy=self._policy,
            clock=self._clock,
            note=lambda text: self._progress.note(f"{spec.id}: {text}"),
        )
        await self._read_source(spec, _Watching(spec, client, self._writer, self._progress, self.index, found))
        refusal = self._refusals.get(spec.id)
        if refusal is not None and refusal.is_token_refused:
            raise sign_in_error(refusal)
        if isinstance(refusal, Unreachable):
            raise GraphError(f"Microsoft Graph cannot be reached: {refusal}.")
        state = self._states[spec.id]
        if refusal is None and state.status == "failed" and not self._wire.has_answered:
            raise SignInError(state.detail)
        if found:
            self.tenant_id = text_of(found[0], "id").lower()
            self.tenant_name = text_of(found[0], "displayName")
        if tenant:
            hold_against(tenant, found[0] if found else {}, self._claims)


class _Watching(Desk):
    """A desk that also shows its objects to the collection."""

    def __init__(
        self,
        spec: SourceSpec,
        client: GraphClient,
        writer: SnapshotWriter,
        progress: Progress,
        index: Index,
        found: list[Mapping[str, Any]],
    ) -> None:
        super().__init__(spec, client, writer, progress, index)
        self._found = found

    def keep(self, objects: Sequence[Mapping[str, Any]], *, beside: Any = ()) -> None:
        self._found.extend(objects)
        super().keep(objects, beside=beside)


def require_something(states: Mapping[str, SourceState], refusals: Mapping[str, Refusal], root: str) -> None:
    """A run that read nothing is an error, not an empty snapshot.

    Raises:
        SignInError: everything that matters is denied.
        GraphError: nothing at all could be read.
    """
    essential = [states[name] for name in ESSENTIAL if name in states]
    if essential and all(state.status == "denied" for state in essential):
        token = next((refusal for refusal in refusals.values() if refusal.is_token_refused), None)
        if token is not None:
            raise sign_in_error(token)
        permissions = ", ".join(dict.fromkeys(state.permission or "" for state in essential))
        raise SignInError(
            f"This sign-in may not read the tenant at all: organization, applications and service principals are refused "
            f"({essential[0].detail}); grant {permissions}, or see 'auditor doctor'."
        )
    if states and not any(state.is_read for state in states.values()):
        first = next(iter(states.values()))
        raise GraphError(f"Nothing could be read from {root}; {first.source}: {first.detail.rstrip('.')}.")


def unread(spec: SourceSpec, status: Any, detail: str, requests: int = 0) -> SourceState:
    """The state of a source that was not read, for a reason that did not come from Graph."""
    return SourceState(
        spec.id,
        status,
        requests=requests,
        detail=detail,
        permission=spec.permission,
        role=spec.role,
        licence=spec.licence,
    )


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
