"""Where one source is read: its client, the place its objects go to, and what earlier sources left to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from auditor.graph.answer import Answer
from auditor.graph.client import GraphClient
from auditor.graph.progress import Progress
from auditor.graph.sources import SourceSpec
from auditor.graph.wire import BATCH_SIZE
from auditor.tenant.snapshot import SnapshotWriter
from auditor.tenant.state import SourceState

BATCHES_IN_FLIGHT = 4
LONGEST_ID = 512
"""Characters; Graph's ids are GUIDs or short names, and a longer one would not fit into an address."""
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Principal:
    """What later sources want to know of a service principal."""

    id: str
    kind: str
    """servicePrincipalType."""
    is_resource: bool
    """Whether it has app roles for applications, or demands that people are assigned to it."""
    application_roles: frozenset[str] = frozenset()
    """Ids of its app roles for applications, lower case."""


@dataclass
class Index:
    """Ids that one source found and another needs."""

    applications: list[str] = field(default_factory=list)
    principals: list[Principal] = field(default_factory=list)
    asked_users: Sequence[str] = ()
    """User principal names or ids that the source ``users`` is about, as they were declared."""

    def learn(self, source: str, record: Mapping[str, Any]) -> None:
        """Remembers an object of ``applications`` or ``servicePrincipals``."""
        object_id = id_of(record)
        if source == "applications" and object_id:
            self.applications.append(object_id)
        elif source == "servicePrincipals" and object_id:
            self.principals.append(principal_of(record))

    def forget(self, source: str) -> None:
        """The list is read anew."""
        if source == "applications":
            self.applications.clear()
        elif source == "servicePrincipals":
            self.principals.clear()


def principal_of(record: Mapping[str, Any]) -> Principal:
    """What is remembered of a raw service principal."""
    roles = frozenset(
        str(role.get("id")).lower()
        for role in listed(record.get("appRoles"))
        if isinstance(role.get("allowedMemberTypes"), list) and "Application" in role["allowedMemberTypes"]
    )
    is_resource = bool(roles) or record.get("appRoleAssignmentRequired") is True
    return Principal(id_of(record), str(record.get("servicePrincipalType") or ""), is_resource, roles)


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; what is no list has none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def id_of(record: Mapping[str, Any]) -> str:
    """An object's id; empty where it has none that can stand in a path."""
    value = record.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        return ""
    # Quoting keeps a slash inside its segment; a server that decodes it first would still walk up.
    return "" if {".", ".."} & set(value.replace("\\", "/").split("/")) else value


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
        self.left_out = 0
        """Objects without an id, which nothing could be said about."""
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

    def with_id(self, objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The objects that have an id; the others are counted as left out."""
        kept, left_out = [], 0
        for record in objects:
            if id_of(record):
                kept.append(record)
            else:
                left_out += 1
        self.left_out += left_out
        return kept

    def all_remarks(self) -> list[str]:
        """Sentences on completeness, with what was left out and mended on the way."""
        remarks = list(self.remarks)
        if self.left_out:
            remarks.append(f"{self.left_out} object{'s' * (self.left_out != 1)} without id left out")
        if self.client.mended:
            remarks.append("Graph sent text or numbers that no file can hold; they were replaced")
        return remarks

    def restart(self) -> None:
        """Drops what was kept; the source is read from its beginning again."""
        # A source that ends unread drops its objects; appending again opens it anew.
        self._writer.finish(SourceState(self.spec.id, "failed", detail="restarted"))
        self._progress.advanced(self.spec.id, -self.objects)
        self.objects = self.left_out = 0
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
