"""Reading Graph for one source: requests with patience, pages to the end, ``$batch`` with a status for each item.

Retries follow https://learn.microsoft.com/graph/throttling, paging https://learn.microsoft.com/graph/paging, batches
https://learn.microsoft.com/graph/json-batching. What is read is said elsewhere; what leaves the machine is ``wire``'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.graph.answer import Answer
from auditor.graph.refusal import Broken, Refusal, TooSlow, Unreachable, plain, refusal_from
from auditor.graph.retry import RETRIED, THROTTLED, Clock, RetryPolicy, retry_after
from auditor.graph.wire import BATCH_SIZE, EVENTUAL, Wire

MAX_PAGES = 200_000
"""More pages than any tenant has; a server that never ends is stopped here."""
MAX_EMPTY_PAGES = 1_000
"""Pages without an object in a row. Graph sends some where a filter leaves nothing of a page; nobody sends a thousand."""
ATTEMPTS_BEFORE_SMALLER_PAGE = 3
LONG_WAIT_SECONDS = 5.0
"""Waits from here on are told to the person who watches."""


@dataclass(frozen=True)
class Page:
    """One page of a collection."""

    objects: list[dict[str, Any]]
    next_link: str | None = None
    count: int | None = None
    """``@odata.count``, where it was asked for; the first page carries it."""


def page_from(answer: Answer) -> Page:
    """The page in an answer.

    Raises:
        Broken: the body is no page.
    """
    body = answer.body
    objects = body.get("value") if isinstance(body, dict) else None
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise Broken("the answer is not a page of objects", answer.status)
    link, count = body.get("@odata.nextLink"), body.get("@odata.count")
    if link is not None and not isinstance(link, str):
        raise Broken("the link to the next page is not a text", answer.status)
    return Page(objects, link or None, count if isinstance(count, int) else None)


class GraphClient:
    """Reads for one source, and counts what it costs. Sources share the wire."""

    def __init__(
        self,
        wire: Wire,
        *,
        policy: RetryPolicy | None = None,
        clock: Clock | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        """Prepares; nothing is sent.

        Args:
            wire: where requests leave.
            policy: how patient to be.
            clock: time, for tests.
            note: told about long waits, a sentence each.
        """
        self.requests = 0
        """HTTP requests sent through this client, retries included."""
        self.mended = 0
        """Answers with values that had to be replaced."""
        self._waited_seconds = 0.0
        self._waiting_until = 0.0
        self._wire = wire
        self._policy = policy or RetryPolicy()
        self._clock = clock or Clock()
        self._note = note or (lambda text: None)

    async def get(self, url: str, *, advanced: bool = False, has_smaller_page: bool = False) -> Answer:
        """The good answer to a GET.

        Args:
            url: path from the version root, or a nextLink.
            advanced: send ``ConsistencyLevel: eventual``.
            has_smaller_page: the caller can ask for less, so 503 and 504 are not insisted on.

        Raises:
            Refusal: Graph answered with an error, or with nothing usable, to the end of our patience.
        """
        answer = await self._patiently(
            lambda: self._wire.get(url, advanced=advanced), has_smaller_page=has_smaller_page
        )
        if answer.status >= 400:
            raise refusal_from(answer.status, answer.body)
        return answer

    async def count(self, collection: str) -> int | None:
        """How many objects a directory collection has, as Graph counts them; None where it does not say.

        The number is eventually consistent (https://learn.microsoft.com/graph/aad-advanced-queries), and not available
        in every kind of tenant.
        """
        try:
            body = (await self.get(f"/{collection}/$count", advanced=True)).body
        except Refusal as refusal:
            if refusal.is_token_refused:
                raise
            return None
        return body if isinstance(body, int) and not isinstance(body, bool) and body >= 0 else None

    async def pages(self, url: str, *, advanced: bool = False, has_smaller_page: bool = False) -> AsyncIterator[Page]:
        """Every page of a collection, empty ones included, to the end.

        Raises:
            Refusal: see ``get``.
            Broken: a link leads to another host or scheme (it is not followed), in a circle, or to nothing for too long.
        """
        seen = {url}
        empty = 0
        while True:
            page = page_from(await self.get(url, advanced=advanced, has_smaller_page=has_smaller_page))
            yield page
            empty = 0 if page.objects else empty + 1
            if page.next_link is None:
                return
            url = page.next_link
            if not self._wire.admits(url):
                raise Broken(f"a link to the next page leads away from {self._wire.root}; it was not followed")
            if url in seen:
                raise Broken("the links to the next pages lead in a circle")
            if empty >= MAX_EMPTY_PAGES:
                raise Broken(f"{MAX_EMPTY_PAGES} pages in a row were empty, and the list has not ended")
            if len(seen) >= MAX_PAGES:
                raise Broken(f"the list has not ended after {MAX_PAGES} pages")
            seen.add(url)

    async def rest(self, answer: Answer) -> list[dict[str, Any]]:
        """All objects of a collection whose first page came as an item of a batch.

        Raises:
            Refusal: see ``pages``.
        """
        first = page_from(answer)
        objects = list(first.objects)
        if first.next_link is not None:
            if not self._wire.admits(first.next_link):
                raise Broken(f"a link to the next page leads away from {self._wire.root}; it was not followed")
            async for page in self.pages(first.next_link):
                objects.extend(page.objects)
        return objects

    async def first_pages(self, answer: Answer, most: int) -> tuple[list[dict[str, Any]], bool]:
        """The objects on at most so many pages of a collection whose first page came as an item of a batch.

        Returns:
            The objects, and whether these are all.

        Raises:
            Refusal: see ``pages``.
        """
        first = page_from(answer)
        objects, taken, link = list(first.objects), 1, first.next_link
        if link is not None and not self._wire.admits(link):
            raise Broken(f"a link to the next page leads away from {self._wire.root}; it was not followed")
        if link is None or taken >= most:
            return objects, link is None
        async for page in self.pages(link):
            objects.extend(page.objects)
            taken, link = taken + 1, page.next_link
            if taken >= most:
                break
        return objects, link is None

    async def batch(self, urls: Sequence[str], *, advanced: bool = False) -> list[Answer]:
        """Up to 20 GETs in one request; items that were throttled or failed are sent again, and only those.

        Args:
            urls: paths from the version root, with a leading slash.
            advanced: send ``ConsistencyLevel: eventual`` with each.

        Returns:
            An answer for each URL, in the same order; its status may be an error that is not worth another try.

        Raises:
            Refusal: the batch as a whole was refused.
        """
        if len(urls) > BATCH_SIZE:
            raise ValueError(f"a batch carries at most {BATCH_SIZE} requests, not {len(urls)}")
        headers = {"headers": EVENTUAL} if advanced else {}
        answers: dict[int, Answer] = {}
        waiting, attempt = list(range(len(urls))), 0
        while waiting:
            attempt += 1
            items = [{"id": str(index), "method": "GET", "url": urls[index], **headers} for index in waiting]
            outer = await self._patiently(lambda items=items: self._wire.post_batch(items))  # type: ignore[misc]
            if outer.status >= 400:
                raise refusal_from(outer.status, outer.body)
            answers.update(_items_of(outer, waiting))
            waiting = [index for index in waiting if self._is_worth_another_try(answers.get(index), attempt)]
            if waiting:
                await self._wait_for([answers.get(index) for index in waiting], attempt)
        return [answers[index] for index in range(len(urls))]

    def _is_worth_another_try(self, answer: Answer | None, attempt: int) -> bool:
        if answer is None:  # Graph left the item out
            if attempt >= self._policy.attempts(None):
                raise Broken("Graph left answers out of a batch")
            return True
        return answer.status in RETRIED and attempt < self._policy.attempts(answer.status)

    async def _wait_for(self, answers: Sequence[Answer | None], attempt: int) -> None:
        """Waits as long as the most patient of the items asks, or backs off where none says."""
        asked = [retry_after(answer.headers, self._clock.now()) for answer in answers if answer is not None]
        longest = max((seconds for seconds in asked if seconds is not None), default=None)
        await self._pause(longest, attempt, next((answer.status for answer in answers if answer), None))

    async def _patiently(self, send: Callable[[], Awaitable[Answer]], *, has_smaller_page: bool = False) -> Answer:
        """Sends, again and again where that helps; the last answer, which may still be an error."""
        attempt = 0
        while True:
            attempt += 1
            self.requests += 1
            try:
                answer = await send()
            except Broken as broken:
                is_slow = isinstance(broken, TooSlow)
                is_unreachable = isinstance(broken, Unreachable) and not self._wire.has_answered
                limit = self._policy.attempts(None, unreachable=is_unreachable, slow=is_slow)
                if isinstance(broken, TooSlow):
                    self._note(broken.message)
                    self._count_wait(broken.seconds)
                if broken.is_final or broken.status == 401 or attempt >= limit:
                    raise
                await self._pause(None, attempt, None)
                continue
            self.mended += answer.is_mended
            limit = self._policy.attempts(answer.status)
            if has_smaller_page and answer.status in (503, 504):
                limit = min(limit, ATTEMPTS_BEFORE_SMALLER_PAGE)
            if answer.status not in RETRIED or attempt >= limit:
                return answer
            await self._pause(retry_after(answer.headers, self._clock.now()), attempt, answer.status)

    async def _pause(self, asked: float | None, attempt: int, status: int | None) -> None:
        jitter = self._clock.jitter()
        if asked is None or (asked == 0 and attempt > 1):
            seconds = self._policy.backoff(attempt, jitter)
        else:
            seconds = asked + min(1.0, asked / 10) * jitter  # never early, and not all at once
        if asked is not None and asked > self._policy.longest_wait_seconds:
            limit = self._policy.longest_wait_seconds
            raise Refusal(
                status, None, f"Graph asked to wait {asked:.0f} seconds, and this program waits {limit:.0f} at most"
            )
        # Batches wait side by side; the time in which several do counts once.
        now = self._clock.monotonic()
        until = max(self._waiting_until, now + seconds)
        self._count_wait(until - max(self._waiting_until, now))
        self._waiting_until = until
        if seconds >= LONG_WAIT_SECONDS:
            why = "Graph is throttling" if status in THROTTLED else "Graph does not answer properly"
            self._note(f"{why}; waiting {seconds:.0f} seconds")
        await self._clock.sleep(seconds)

    def _count_wait(self, seconds: float) -> None:
        """Counts a wait against the budget of the source.

        Raises:
            Refusal: the budget is used up.
        """
        self._waited_seconds += seconds
        budget = self._policy.wait_budget_seconds
        if self._waited_seconds > budget:
            raise Refusal(None, None, f"Graph kept this source waiting for more than {budget:.0f} seconds in all")


def _items_of(outer: Answer, expected: Sequence[int]) -> dict[int, Answer]:
    """The answers of a batch by number; items in an unreadable form count as left out."""
    responses = outer.body.get("responses") if isinstance(outer.body, dict) else None
    if not isinstance(responses, list):
        raise Broken("the answer to a batch is not one", outer.status)
    by_id = {str(index): index for index in expected}
    found: dict[int, Answer] = {}
    for response in responses:
        if not isinstance(response, dict):
            continue
        index, status, headers = by_id.get(str(response.get("id"))), response.get("status"), response.get("headers")
        if index is None or not isinstance(status, int):
            continue
        texts = {plain(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
        found[index] = Answer(status, response.get("body"), texts)
    return found
