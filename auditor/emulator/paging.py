"""Pages: how many rows fit on one, and links to the next that say nothing about what they lead to.

https://learn.microsoft.com/graph/paging: follow the link verbatim, never build it. Tokens are random and remembered, so
no client can derive one.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from auditor.emulator.faults import Faults
from auditor.emulator.messages import Request, bad_request
from auditor.emulator.options import Options
from auditor.emulator.query import Rules
from auditor.emulator.settings import Settings
from auditor.emulator.store import Row

REMEMBERED = 50_000
"""Page tokens kept; older ones have expired."""


@dataclass(frozen=True)
class Bookmark:
    """Where a page begins."""

    path: str
    rows: list[Row]
    offset: int
    is_empty: bool = False
    """An empty page comes here before the rows go on."""


@dataclass(frozen=True)
class Page:
    """One page of a collection."""

    rows: list[Row]
    next_link: str | None
    is_first: bool


class Pager:
    """Cuts collections into pages and remembers where each link leads."""

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._settings = settings
        self._faults = faults
        self._bookmarks: OrderedDict[str, Bookmark] = OrderedDict()
        self._lock = threading.Lock()

    def bookmark(self, path: str, options: Options) -> Bookmark | None:
        """Where the request's skip token leads, or None for a first page.

        Raises:
            Refusal: 400, the token is unknown, belongs to another path, or has expired.
        """
        if not options.skiptoken:
            return None
        with self._lock:
            found = self._bookmarks.get(options.skiptoken)
        if found is None or found.path != path or self._faults.page_expired(f"{path} {found.offset}"):
            raise bad_request(
                "The specified page token value has expired and can no longer be included in your request.",
                "Directory_ExpiredPageToken",
            )
        return found

    def place(self, token: str) -> str:
        """Where a token leads, in words that are the same in every run; the token itself where it is unknown."""
        with self._lock:
            found = self._bookmarks.get(token)
        return f"{found.offset}{' (empty)' if found.is_empty else ''}" if found else token

    def size(self, options: Options, rules: Rules) -> int:
        """Rows on a page.

        Raises:
            Refusal: 400, the directory does not serve pages of this size.
        """
        limit = self._settings.max_page_size
        size = self._settings.page_size if options.top is None else options.top
        if options.top is not None and not 1 <= size <= limit:
            if rules.is_directory and not (self._settings.clamp_large_top and size > limit):
                raise bad_request(
                    f"Invalid page size specified: '{size}'. Must be between 1 and {limit} inclusive.",
                    "Request_BadRequest",
                )
            size = min(max(size, 1), limit)
        if options.expand and rules.is_directory:
            size = min(size, self._settings.expand_page_size)
        return size

    def cut(self, request: Request, path: str, rows: list[Row], options: Options, rules: Rules) -> Page:
        """The page of ``rows`` that the request asks for.

        Args:
            request: The next link repeats its address.
            path: Address without the version; a page token is good for this path alone.
            rows: The whole collection, already narrowed; ignored when the request carries a page token.
            options: Its query options.
            rules: Of the collection.
        """
        mark = self.bookmark(path, options) or Bookmark(path, rows, options.skip or 0)
        if not rules.is_paged:
            return Page(mark.rows, None, True)
        is_first = not options.skiptoken
        if mark.is_empty:
            onward = Bookmark(path, mark.rows, mark.offset)
            return Page([], self._link(request, onward), is_first)
        end = mark.offset + self.size(options, rules)
        link = None
        if end < len(mark.rows):
            is_empty = self._faults.page_empty(f"{path} {end}")
            link = self._link(request, Bookmark(path, mark.rows, end, is_empty))
        return Page(mark.rows[mark.offset : end], link, is_first)

    def _link(self, request: Request, bookmark: Bookmark) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._bookmarks[token] = bookmark
            if len(self._bookmarks) > REMEMBERED:
                self._bookmarks.popitem(last=False)
        kept = [part for part in request.query.split("&") if part and not _is_position(part)]
        return f"{request.base_url}{request.path}?{'&'.join([*kept, f'$skiptoken={token}'])}"


def _is_position(part: str) -> bool:
    name = part.partition("=")[0].lower().replace("%24", "$").removeprefix("$")
    return name in ("skiptoken", "skip")
