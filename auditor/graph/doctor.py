"""Can this sign-in read what an audit needs? One small request a source, and who signed in.

Nothing is stored. Which checks lose by a source that cannot be read is the command line's to add; what opens a source
is ``sources``' row, and how to grant it ``grants``' work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auditor.errors import GraphError
from auditor.graph.claims import Claims
from auditor.graph.client import GraphClient
from auditor.graph.collect import claims_of, hold_against, narrow_token, text_of
from auditor.graph.desk import id_of, together
from auditor.graph.refusal import Broken, Refusal, Unreachable, sign_in_error, state_from
from auditor.graph.retry import Clock, RetryPolicy
from auditor.graph.sources import ESSENTIAL, SOURCES, SourceSpec
from auditor.graph.wire import Wire
from auditor.reference.clouds import Cloud
from auditor.tenant.state import SourceState

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True)
class Diagnosis:
    """What a sign-in is, and what it may read."""

    signed_in: Claims
    """What the token says of itself; ``signed_in.signed_in_as`` for people."""
    tenant_id: str
    """As Graph gives it; else as the token does; empty if neither tells."""
    tenant_name: str
    states: tuple[SourceState, ...]
    """One state a source, in the order of ``sources``. ``objects`` is what the probe saw, not how many there are."""
    requests: int

    @property
    def kind(self) -> str:
        """``app`` or ``user``, or empty where the token does not tell."""
        return {True: "user", False: "app", None: ""}[self.signed_in.delegated]

    @property
    def is_shut_out(self) -> bool:
        """Whether an audit would end with nothing read, because all it rests on is denied."""
        status_of = {state.source: state.status for state in self.states}
        return all(status_of.get(source) == "denied" for source in ESSENTIAL)

    @property
    def missing_permissions(self) -> tuple[str, ...]:
        """The least permissions that would open what is denied."""
        return tuple(
            dict.fromkeys(state.permission for state in self.states if state.status == "denied" and state.permission)
        )


def examine(
    credential: TokenCredential,
    *,
    cloud: Cloud,
    graph_url: str | None = None,
    tenant: str | None = None,
    sources: Sequence[SourceSpec] = SOURCES,
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
    note: Callable[[str], None] | None = None,
) -> Diagnosis:
    """Tries every source with one object.

    Args:
        credential: a synchronous credential that gives tokens for Microsoft Graph; the caller closes it.
        cloud: the cloud of the tenant.
        graph_url: another address of Graph; plain http for this machine alone.
        tenant: the tenant that is meant, id or domain.
        sources: what to try.
        policy: how patient to be.
        clock: time, for tests.
        note: told about long waits, a sentence each.

    Raises:
        SignInError: Graph does not accept the token, or it is for another tenant.
        GraphError: Graph cannot be reached.
        UsageError: ``graph_url`` is no acceptable address.
    """
    return asyncio.run(
        _examine(
            credential,
            cloud,
            graph_url or None,
            tenant or None,
            sources,
            lambda wire: GraphClient(wire, policy=policy or RetryPolicy(), clock=clock or Clock(), note=note),
        )
    )


async def _examine(
    credential: TokenCredential,
    cloud: Cloud,
    graph_url: str | None,
    tenant: str | None,
    sources: Sequence[SourceSpec],
    client_on: Callable[[Wire], GraphClient],
) -> Diagnosis:
    claims = claims_of(credential, cloud)
    async with Wire(credential, cloud=cloud, graph_url=graph_url) as wire:
        probes = [_Probe(spec, client_on(wire), claims) for spec in sources]
        if not probes:
            return Diagnosis(claims, claims.tenant_id, "", (), 0)
        states = [await probes[0].state(), *await together([probe.state() for probe in probes[1:]])]
        body = probes[0].first
        found = body if probes[0].spec.id == "organization" and isinstance(body, dict) else {}
        if tenant:
            hold_against(tenant, found, claims)
        return Diagnosis(
            claims,
            text_of(found, "id").lower() or claims.tenant_id,
            text_of(found, "displayName"),
            tuple(states),
            wire.requests,
        )


class _Probe:
    """One source, tried."""

    def __init__(self, spec: SourceSpec, client: GraphClient, claims: Claims) -> None:
        self.spec = spec
        self.first: Any = None
        """The first object that came."""
        self._client = client
        self._claims = claims

    async def state(self) -> SourceState:
        """What became of the probe.

        Raises:
            SignInError: the token itself was refused.
            GraphError: Graph cannot be reached.
        """
        narrow = narrow_token(self.spec, self._claims)
        if narrow is not None:
            return narrow
        try:
            objects = await self._look()
        except Unreachable as refusal:
            raise GraphError(f"Microsoft Graph cannot be reached: {refusal}.") from None
        except Refusal as refusal:
            if refusal.is_token_refused:
                raise sign_in_error(refusal) from None
            return state_from(self.spec, refusal, requests=self._client.requests, delegated=self._claims.delegated)
        spec = self.spec
        return SourceState(
            spec.id,
            "read",
            objects=objects,
            requests=self._client.requests,
            permission=spec.permission,
            role=spec.role,
            licence=spec.licence,
        )

    async def _look(self) -> int:
        """Asks for one object; how many came."""
        spec = self.spec
        if "{id}" in spec.path:
            parent = await self._parent(spec.id.split("/")[0])
            if parent is None:
                return 0
            url = spec.request_path.replace("{id}", parent) + "?$top=1"
        elif spec.expand:
            return await self._look_expanded()
        else:
            url = spec.url(top=1 if spec.page_sizes else None)
        objects = await self._objects(url)
        self.first = objects[0] if objects else None
        return len(objects)

    async def _look_expanded(self) -> int:
        """As collecting does: what Graph does not expand is asked for below one object."""
        try:
            return len(await self._objects(self.spec.url(top=1)))
        except Refusal as refusal:
            if refusal.status not in (400, 501):
                raise
        collection, relationship = self.spec.id.split("/")
        parent = await self._parent(collection)
        return 0 if parent is None else len(await self._objects(f"/{collection}/{parent}/{relationship}"))

    async def _parent(self, collection: str) -> str | None:
        """The id of one object as it stands in a path; None where the collection is empty.

        Raises:
            Broken: it has none.
        """
        found = await self._objects(f"/{collection}?$top=1&$select=id")
        if not found:
            return None
        if not id_of(found[0]):
            raise Broken(f"the first of {collection} has no id, so nothing below it can be tried")
        return quote(id_of(found[0]), safe="")

    async def _objects(self, url: str) -> list[dict[str, Any]]:
        body = (await self._client.get(url)).body
        if isinstance(body, dict) and isinstance(body.get("value"), list):
            return [one for one in body["value"] if isinstance(one, dict)]
        return [body] if isinstance(body, dict) else []
