"""How each kind of source is read: lists to their last page, singletons, and what hangs below the objects of a list.

The number of requests grows with pages and resources, never one for each service principal. Each function reads one
source from its desk to its end, or raises ``Refusal``. ``assignments`` reads app role assignments, the hardest of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from auditor.graph.assignments import read_assigned_to
from auditor.graph.desk import Desk, id_of, listed
from auditor.graph.refusal import Broken, Refusal, TooSlow, refusal_from
from auditor.graph.sources import Reading
from auditor.graph.users import read_users

EXPAND_LIMIT = 20
"""``$expand`` gives no more than this, and no link to the rest (https://learn.microsoft.com/graph/query-parameters)."""
RESTARTS = 3
EXPIRED_PAGE_CODES = frozenset({"Directory_ExpiredPageToken", "ExpiredPageToken"})
SMALL_GAP = 20
"""Objects that may come or go, or not be counted yet, while a list is read; and two percent of larger lists."""


async def read_list(desk: Desk) -> None:
    """A collection, page by page; read again in smaller pages where Graph cannot deliver the large ones."""
    expected = await desk.client.count(desk.spec.id) if desk.spec.countable else None
    desk.begin(expected)
    sizes: Sequence[int | None] = desk.spec.page_sizes or (None,)
    for position, size in enumerate(sizes):
        has_smaller_page = position + 1 < len(sizes)
        try:
            await _read_anew(desk, desk.spec.url(top=size), has_smaller_page=has_smaller_page)
            break
        except Refusal as refusal:
            is_too_much = isinstance(refusal, TooSlow) or refusal.status in (503, 504)
            if not has_smaller_page or not is_too_much:
                raise
            desk.note(f"Graph cannot deliver pages of {size}; trying smaller ones")
            desk.restart()
    _compare_count(desk, expected)


async def _read_anew(desk: Desk, url: str, *, has_smaller_page: bool) -> None:
    """All pages; from the beginning again where a page's link expired on the way."""
    for restart in range(RESTARTS + 1):
        seen: set[str] | None = set() if desk.spec.countable else None
        try:
            async for page in desk.client.pages(url, advanced=desk.spec.advanced, has_smaller_page=has_smaller_page):
                desk.keep(_learned(desk, page.objects, seen))
        except Refusal as refusal:
            if refusal.code not in EXPIRED_PAGE_CODES or restart == RESTARTS:
                raise
            desk.note("a link to a next page expired; reading the list again")
            desk.restart()
        else:
            return


def _learned(desk: Desk, objects: list[dict[str, Any]], seen: set[str] | None) -> list[dict[str, Any]]:
    """The objects that are new (a list that changes while it is read can bring one twice); what others need is noted."""
    objects = desk.with_id(objects)
    if seen is None:
        return objects
    fresh = []
    for record in objects:
        object_id = id_of(record)
        if object_id not in seen:
            seen.add(object_id)
            fresh.append(record)
            desk.index.learn(desk.spec.id, record)
    return fresh


def _compare_count(desk: Desk, expected: int | None) -> None:
    """Holds what was read against Graph's own count.

    Raises:
        Broken: so much is missing that change during the reading cannot explain it.
    """
    found = desk.objects + desk.left_out
    if expected is None or expected == found:
        return
    if expected - found > max(SMALL_GAP, expected // 50):
        raise Broken(f"Graph counts {expected} objects and listed only {found} of them")
    desk.remarks.append(
        f"Graph counted {expected} objects and listed {found}; objects that come or go meanwhile explain such a difference"
    )


async def read_singleton(desk: Desk) -> None:
    """One object."""
    desk.begin(1)
    body = (await desk.client.get(desk.spec.url())).body
    if isinstance(body, dict) and isinstance(body.get("value"), list) and body["value"]:
        body = body["value"][0]  # authorizationPolicy was a list once, and still is in some clouds
    if not isinstance(body, dict) or not {"id", "@odata.context"} & body.keys():
        raise Broken("the answer is not an object of Graph's")
    desk.keep([{name: value for name, value in body.items() if name != "@odata.context"}])


async def read_owners(desk: Desk) -> None:
    """Ids of the owners of every object that has any: expanded, and in full where the expansion reached its limit."""
    desk.begin(None)
    collection = desk.spec.id.split("/")[0]
    crowded: list[str] = []

    def take(objects: list[dict[str, Any]]) -> None:
        rows = []
        for record in desk.with_id(objects):
            if len(listed(record.get("owners"))) >= EXPAND_LIMIT or "owners@odata.nextLink" in record:
                crowded.append(id_of(record))
            elif owners := _ids(desk, record.get("owners")):
                rows.append({"id": id_of(record), "owners": owners})
        desk.keep(rows)

    if not await _read_expanded(desk, take, crowded.clear):
        # Refused altogether: object by object, for those that can have owners.
        named = desk.index.applications if collection == "applications" else _owned_principals(desk)
        crowded.extend(named)
    await _read_below(
        desk, crowded, f"/{collection}/{{id}}/owners?$select=id", lambda found: {"owners": _ids(desk, found)}
    )


async def read_federated_credentials(desk: Desk) -> None:
    """Federated credentials of the app registrations that have any (an app has 20 at most)."""
    desk.begin(None)

    def take(objects: list[dict[str, Any]]) -> None:
        rows = [
            {"id": id_of(record), "federatedIdentityCredentials": listed(record.get("federatedIdentityCredentials"))}
            for record in desk.with_id(objects)
        ]
        desk.keep([row for row in rows if row["federatedIdentityCredentials"]])

    if not await _read_expanded(desk, take, lambda: None):
        desk.note("Graph does not expand federated credentials; asking app by app")
        path = "/applications/{id}/federatedIdentityCredentials"
        await _read_below(desk, desk.index.applications, path, lambda found: {"federatedIdentityCredentials": found})


async def _read_expanded(desk: Desk, take: Callable[[list[dict[str, Any]]], None], forget: Callable[[], None]) -> bool:
    """Reads a list with ``$expand``; False where Graph refuses the expansion in every form that is known to work."""
    forms = dict.fromkeys((desk.spec.url(), desk.spec.url(nested_select=False)))
    for url in forms:
        for restart in range(RESTARTS + 1):
            try:
                async for page in desk.client.pages(url):
                    take(page.objects)
            except Refusal as refusal:
                is_expired = refusal.code in EXPIRED_PAGE_CODES and restart < RESTARTS
                if not is_expired and refusal.status not in (400, 501):
                    raise
                desk.restart()
                forget()
                if not is_expired:
                    break
            else:
                return True
    return False


async def _read_below(
    desk: Desk, ids: Sequence[str], path: str, row: Callable[[list[dict[str, Any]]], Mapping[str, Any]]
) -> None:
    """A collection below each of some objects, in batches; objects deleted meanwhile are left out."""
    async for object_id, answer in desk.in_batches(ids, lambda key: path.replace("{id}", quote(key, safe=""))):
        if answer.status == 404:
            continue
        if answer.status >= 400:
            raise refusal_from(answer.status, answer.body)
        found = await desk.client.rest(answer)
        if found:
            desk.keep([{"id": object_id, **row(found)}])


def _owned_principals(desk: Desk) -> list[str]:
    return [principal.id for principal in desk.index.principals if principal.kind == "Application"]


def _ids(desk: Desk, objects: Any) -> list[str]:
    return [id_of(one) for one in desk.with_id(listed(objects))]


async def read_grant_policies(desk: Desk) -> None:
    """Permission grant policies, each with its condition sets."""
    desk.begin(None)
    policies = [policy async for page in desk.client.pages(desk.spec.url()) for policy in desk.with_id(page.objects)]
    by_url: dict[str, tuple[dict[str, Any], str]] = {}
    for policy in policies:
        for sets in ("includes", "excludes"):
            if not isinstance(policy.get(sets), list):
                by_url[f"{desk.spec.request_path}/{quote(id_of(policy), safe='')}/{sets}"] = (policy, sets)
    async for url, answer in desk.in_batches(list(by_url), lambda key: key):
        if answer.status >= 400:
            raise refusal_from(answer.status, answer.body)
        policy, sets = by_url[url]
        policy[sets] = await desk.client.rest(answer)
    desk.keep(policies)


READINGS: Mapping[Reading, Callable[[Desk], Awaitable[None]]] = {
    "list": read_list,
    "singleton": read_singleton,
    "owners": read_owners,
    "federated-credentials": read_federated_credentials,
    "assigned-to": read_assigned_to,
    "grant-policies": read_grant_policies,
    "users": read_users,
}
