"""Collects one app: the same snapshot format and sources as a whole tenant's, in a handful of requests.

How it is read is ``app_run``'s; a whole tenant is ``collect``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.errors import UsageError
from auditor.graph.app_paths import GUID
from auditor.graph.app_run import About, AppRun
from auditor.graph.client import GraphClient
from auditor.graph.collect import claims_of, discard
from auditor.graph.progress import Progress, Silent
from auditor.graph.refusal import plain
from auditor.graph.retry import Clock, RetryPolicy
from auditor.graph.wire import Wire
from auditor.reference.clouds import Cloud
from auditor.reference.resources import GRAPH
from auditor.tenant.snapshot import Snapshot, SnapshotWriter

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


def collect_app(
    credential: TokenCredential,
    *,
    app_id: str,
    tenant: str | None,
    cloud: Cloud,
    graph_url: str | None,
    folder: Path,
    users: Sequence[str] = (),
    manifest: Mapping[str, Any] | None = None,
    resources: Sequence[str] = (),
    progress: Progress | None = None,
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
) -> Snapshot:
    """Reads what one app needs and writes it into a new snapshot whose ``scope`` is that app.

    An app that the tenant does not know is no error: the snapshot then has no registration and no service principal of it.

    Args:
        credential: a synchronous credential that gives tokens for Microsoft Graph; the caller closes it.
        app_id: the app (client) id.
        tenant: the tenant that is meant, id or domain; None: whichever the credential leads to.
        cloud: the cloud it is in.
        graph_url: another address of Graph; plain http for this machine alone.
        folder: a new or empty folder.
        users: user principal names or ids whose account, licences and roles are read too.
        manifest: a Graph ``application`` object that is to be deployed: it takes the place of the registration, property by
            property (what it does not mention stays as deployed), and makes the app ``planned``.
        resources: app ids of further resources that the app's calls are about. Microsoft Graph is always among them.
        progress: told how far it is.
        policy: how patient to be with a server that throttles or fails.
        clock: time, for tests.

    Returns:
        The finished snapshot. Sources that could not be read are states with a reason in it.

    Raises:
        UsageError: ``app_id`` or one of ``resources`` is no app id, or ``graph_url`` is no acceptable address.
        SignInError: the token is not accepted, is for another tenant, or may read nothing that matters.
        GraphError: Graph cannot be reached, or what answers is not Graph.
        OutputError: the folder cannot be written to, or is not empty.
    """
    for one in (app_id, *resources):
        if not GUID.fullmatch(one):
            raise UsageError(f"{plain(one, 80)!r} is not an app id; expected a GUID such as {GRAPH}")
    return asyncio.run(
        _collect(
            credential,
            tenant=tenant or None,
            cloud=cloud,
            graph_url=graph_url or None,
            folder=folder,
            is_new=not folder.exists(),
            about=About(app_id.lower(), tuple(users), manifest, tuple(one.lower() for one in (GRAPH, *resources))),
            progress=progress or Silent(),
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
    about: About,
    progress: Progress,
    policy: RetryPolicy,
    clock: Clock,
) -> Snapshot:
    claims = claims_of(credential, cloud)
    async with Wire(credential, cloud=cloud, graph_url=graph_url) as wire:
        writer = SnapshotWriter(
            folder,
            tenant_id=tenant or claims.tenant_id,
            cloud=cloud.name,
            collected_at=clock.now(),
            scope=(about.app_id,),
            planned=(about.app_id,) if about.manifest is not None else (),
        )
        run = AppRun(
            wire,
            lambda: GraphClient(wire, policy=policy, clock=clock, note=progress.note),
            writer,
            progress,
            claims,
            about,
        )
        try:
            await run.read(tenant)
            return writer.close(
                tenant_id=run.tenant_id or claims.tenant_id,
                tenant_name=run.tenant_name,
                signed_in_as=claims.signed_in_as,
                requests=wire.requests,
            )
        except BaseException:
            discard(writer, about.sources, folder, is_new=is_new)
            raise
