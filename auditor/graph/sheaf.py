"""Requests for many sources in few batches, and what becomes of each source.

Where collecting a tenant reads source by source, a check of one app asks for a little of everything: a ``Sheaf`` binds the
questions of all sources into batches of 20, and keeps rows, refusals and remarks apart by source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditor.errors import AuditorError, OutputError
from auditor.graph.answer import Answer
from auditor.graph.client import GraphClient
from auditor.graph.desk import id_of, together
from auditor.graph.refusal import Broken, Refusal, Unreachable, refusal_from, state_from
from auditor.graph.sources import SourceSpec
from auditor.graph.wire import BATCH_SIZE
from auditor.tenant.state import SourceState

MOST_PAGES = 4
"""Pages of one small collection; a collection that has more is none of the small ones."""


@dataclass(frozen=True)
class Ask:
    """One question."""

    source: str
    url: str
    most_pages: int = MOST_PAGES
    is_part_enough: bool = False
    """Whether the first pages will do; else a longer collection is refused, because a part never stands for the whole."""
    may_be_absent: bool = False
    """Whether 404 is an answer: there is no such object."""
    is_optional: bool = False
    """Whether a refusal is a remark, and not the end of the source."""


@dataclass
class Gathered:
    """What became of one source so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """What goes into the snapshot as objects."""
    beside: list[dict[str, Any]] = field(default_factory=list)
    """Lines that are not counted as objects."""
    refusal: Refusal | None = None
    given_state: SourceState | None = None
    """A state that was clear without asking."""
    remarks: list[str] = field(default_factory=list)
    requests: int = 0
    """Further pages; the batches belong to no source."""

    @property
    def is_open(self) -> bool:
        """Whether nothing speaks against reading it so far."""
        return self.refusal is None and self.given_state is None

    def state(self, spec: SourceSpec, *, delegated: bool | None) -> SourceState:
        """The state of the source."""
        if self.given_state is not None:
            return self.given_state
        if self.refusal is not None:
            return state_from(spec, self.refusal, requests=self.requests, delegated=delegated)
        return SourceState(
            spec.id,
            "read",
            objects=len(self.rows),
            requests=self.requests,
            detail="; ".join(dict.fromkeys(self.remarks)),
            permission=spec.permission,
            role=spec.role,
            licence=spec.licence,
        )


class Sheaf:
    """Asks, and sorts what comes by source."""

    def __init__(self, client: GraphClient, sources: Iterable[str]) -> None:
        self.client = client
        self.gathered: dict[str, Gathered] = {source: Gathered() for source in sources}

    def of(self, source: str) -> Gathered:
        """What became of a source so far."""
        return self.gathered[source]

    async def ask(self, asks: Sequence[Ask]) -> Mapping[str, list[dict[str, Any]]]:
        """The objects behind each URL; none behind one that was refused or is not there (404).

        Questions of a source that is refused already are not asked.
        """
        wanted = list({ask.url: ask for ask in asks if self.of(ask.source).is_open}.values())
        parts = [wanted[at : at + BATCH_SIZE] for at in range(0, len(wanted), BATCH_SIZE)]
        found: dict[str, list[dict[str, Any]]] = {ask.url: [] for ask in asks}
        for part, answers in zip(parts, await together([self._batch(part) for part in parts]), strict=True):
            for ask, answer in zip(part, answers, strict=True):
                found[ask.url] = await self._objects(ask, answer)
        return found

    async def _batch(self, asks: Sequence[Ask]) -> Sequence[Answer | Refusal]:
        """An answer for each; where the batch as a whole was refused, its refusal for each."""
        try:
            return await self.client.batch([ask.url for ask in asks])
        except Refusal as refusal:
            return [refusal] * len(asks)
        except OutputError:
            raise
        except AuditorError as error:  # a token that could not be renewed on the way
            return [Refusal(None, None, str(error))] * len(asks)

    async def _objects(self, ask: Ask, answer: Answer | Refusal) -> list[dict[str, Any]]:
        gathered = self.of(ask.source)
        before = self.client.requests
        try:
            if isinstance(answer, Refusal):
                raise answer
            if answer.status == 404 and ask.may_be_absent:
                return []
            if answer.status >= 400:
                raise refusal_from(answer.status, answer.body)
            if not (isinstance(answer.body, dict) and isinstance(answer.body.get("value"), list)):
                return [_single(answer)]
            objects, is_whole = await self.client.first_pages(answer, ask.most_pages)
            if not is_whole and not ask.is_part_enough:
                raise Broken(f"there are more than {len(objects)} of them, which one app never needs")
            if not is_whole:
                gathered.remarks.append(f"the first {len(objects)} of a longer list were read")
        except Refusal as refusal:
            if ask.is_optional and not refusal.is_token_refused and not isinstance(refusal, Unreachable):
                gathered.remarks.append(f"a part could not be read ({refusal})")
            else:
                gathered.refusal = gathered.refusal or refusal
            return []
        except AuditorError as error:
            gathered.refusal = gathered.refusal or Refusal(None, None, str(error))
            return []
        finally:
            gathered.requests += self.client.requests - before
        return objects


def _single(answer: Answer) -> dict[str, Any]:
    """The one object in an answer.

    Raises:
        Broken: there is none.
    """
    body = answer.body
    if not isinstance(body, dict) or not {"id", "@odata.context"} & body.keys():
        raise Broken("the answer is not an object of Graph's", answer.status)
    return {name: value for name, value in body.items() if name != "@odata.context"}


def with_id(objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects that have an id which can stand in a path."""
    return [one for one in objects if id_of(one)]
