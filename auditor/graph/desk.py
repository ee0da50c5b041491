"""Where one source is read: its client, the place its objects go to, and what earlier sources left to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from auditor.graph.client import GraphClient
from auditor.graph.progress import Progress
from auditor.graph.sources import SourceSpec
from auditor.graph.wire import BATCH_SIZE, Answer
from auditor.tenant.snapshot import SnapshotWriter
from auditor.tenant.state import SourceState

BATCHES_IN_FLIGHT = 4
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Principal:
    """What later sources want to know of a service principal."""

    id: str
    kind: str
    """servicePrincipalType."""
    is_resource: bool
    """Whether it has app roles for applications, or demands that people are assigned to it."""


@dataclass
class Index:
    """Ids that one source found and another needs."""

    applications: list[str] = field(default_factory=list)
    principals: list[Principal] = field(default_factory=list)

    def learn(self, source: str, record: Mapping[str, Any]) -> None:
        """Remembers an object of ``applications`` or ``servicePrincipals``."""
        object_id = str(record.get("id") or "")
        if source == "applications" and object_id:
            self.applications.append(object_id)
        elif source == "servicePrincipals" and object_id:
            self.principals.append(
                Principal(object_id, str(record.get("servicePrincipalType") or ""), _is_resource(record))
            )

    def forget(self, source: str) -> None:
        """The list is read anew."""
        if source == "applications":
            self.applications.clear()
        elif source == "servicePrincipals":
            self.principals.clear()


def _is_resource(record: Mapping[str, Any]) -> bool:
    roles = record.get("appRoles")
    return record.get("appRoleAssignmentRequired") is True or any(
        isinstance(role, dict) and "Application" in (role.get("allowedMemberTypes") or ())
        for role in (roles if isinstance(roles, list) else ())
    )


class Desk:
    """One source while it is read. ``keep`` is the only way into the snapshot."""

    def __init__(
        self, spec: SourceSpec, client: GraphClient, writer: SnapshotWriter, progress: Progress, index: Index
    ) -> None:
        self.spec = spec
        self.client = client
        self.index = index
        self.objects = 0
        """Objects kept so far."""
        self.remarks: list[str] = []
        """Sentences on completeness, for the source's state."""
        self._writer = writer
        self._progress = progress

    def begin(self, expected: int | None = None) -> None:
        """Tells that reading starts, and how much is expected."""
        self._progress.started(self.spec.id, expected)

    def keep(self, objects: Sequence[Mapping[str, Any]], *, beside: Iterable[Mapping[str, Any]] = ()) -> None:
        """Stores objects, and lines beside them that are not counted as objects."""
        self._writer.append(self.spec.id, (*objects, *beside))
        self.objects += len(objects)
        if objects:
            self._progress.advanced(self.spec.id, len(objects))

    def restart(self) -> None:
        """Drops what was kept; the source is read from its beginning again."""
        # A source that ends unread drops its objects; appending again opens it anew.
        self._writer.finish(SourceState(self.spec.id, "failed", detail="restarted"))
        self._progress.advanced(self.spec.id, -self.objects)
        self.objects = 0
        self.index.forget(self.spec.id)

    def note(self, text: str) -> None:
        """Tells the person who watches."""
        self._progress.note(f"{self.spec.id}: {text}")

    async def in_batches(
        self, keys: Sequence[str], url_of: Callable[[str], str], *, advanced: bool = False
    ) -> AsyncIterator[tuple[str, Answer]]:
        """The answer for each key, asked in batches of 20, a few batches at a time.

        Raises:
            Refusal: a batch as a whole was refused; items that were are answers.
        """
        stride = BATCH_SIZE * BATCHES_IN_FLIGHT
        for start in range(0, len(keys), stride):
            parts = [keys[at : at + BATCH_SIZE] for at in range(start, min(start + stride, len(keys)), BATCH_SIZE)]
            answered = await together(
                [self.client.batch([url_of(key) for key in part], advanced=advanced) for part in parts]
            )
            for part, answers in zip(parts, answered, strict=True):
                for pair in zip(part, answers, strict=True):
                    yield pair


async def together(work: Sequence[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """Runs coroutines at once and gives their results in order; the first error cancels the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as errors:
        first: BaseException = errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return [task.result() for task in tasks]
