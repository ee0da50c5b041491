"""App role assignments to service principals, read from the resource side and cross-checked from the client side.

``appRoleAssignedTo`` of each resource is complete and costs a request for each 999 assignments; ``$expand`` on the list
of service principals ends silently at 20. Reports say that the resource side has left managed identities out
(microsoft-graph-docs issue 12243) and that a page of exactly 999 came without a link to the next (issue 12043), so
neither is trusted blindly: a sample of clients is asked for its own assignments, and what is missing is mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from auditor.graph.answer import Answer
from auditor.graph.client import page_from
from auditor.graph.desk import Desk
from auditor.graph.refusal import Broken, Refusal, refusal_from
from auditor.graph.sources import MAX_PAGE
from auditor.graph.wire import BATCH_SIZE

SELECT = "$select=id,appRoleId,createdDateTime,principalId,principalType,resourceId"
_COUNTED = {"User": "users", "Group": "groups"}


def is_kept(row: Mapping[str, Any], application_roles: frozenset[str]) -> bool:
    """Whether an assignment is stored as it is: those of service principals, and of groups those of application roles."""
    kind = _COUNTED.get(str(row.get("principalType")))
    return kind is None or (kind == "groups" and str(row.get("appRoleId")).lower() in application_roles)


def counted_line(resource_id: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The line that says how many are assigned to a resource."""
    counted = {"users": 0, "groups": 0, "servicePrincipals": 0}
    for row in rows:
        counted[_COUNTED.get(str(row.get("principalType")), "servicePrincipals")] += 1
    return {"resourceId": resource_id, "counted": counted}


class _Ledger:
    """The assignments that are known so far."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.resources: set[str] = set()
        """Resources whose assignments were read."""
        self.holders: set[str] = set()
        """Service principals that hold at least one assignment."""
        self._known: set[int] = set()
        self._application_roles = {one.id: one.application_roles for one in desk.index.principals}

    @staticmethod
    def _mark(row: Mapping[str, Any]) -> int:
        """An assignment's identity: a principal has a role on a resource once."""
        return hash(tuple(str(row.get(name)).lower() for name in ("principalId", "resourceId", "appRoleId")))

    def knows(self, row: Mapping[str, Any]) -> bool:
        return self._mark(row) in self._known

    def enter(self, rows: Iterable[dict[str, Any]], *, beside: Iterable[Mapping[str, Any]] = ()) -> int:
        """Keeps the assignments that are new; how many those were."""
        fresh = []
        for row in rows:
            mark = self._mark(row)
            if mark not in self._known:
                self._known.add(mark)
                self.holders.add(str(row.get("principalId")).lower())
                fresh.append(row)
        self.desk.keep(fresh, beside=beside)
        return len(fresh)

    def enter_resource(self, resource_id: str, rows: Sequence[dict[str, Any]]) -> int:
        """Keeps what is assigned on one resource: service principals as rows, people as numbers.

        A group with an application permission is a row too: an admin who made it so took groups for a way to grant.
        """
        is_first_time = resource_id not in self.resources
        self.resources.add(resource_id)
        roles = self._application_roles.get(resource_id, frozenset())
        kept = [row for row in rows if is_kept(row, roles)]
        return self.enter(kept, beside=[counted_line(resource_id, rows)] if is_first_time else ())


async def read_assigned_to(desk: Desk) -> None:
    """Everything assigned on every resource, then the cross-check."""
    resources = [principal.id for principal in desk.index.principals if principal.is_resource]
    desk.begin(None)
    ledger = _Ledger(desk)
    await _read_resources(ledger, resources)
    try:
        await _cross_check(ledger)
    except Refusal as refusal:
        if refusal.is_token_refused:
            raise
        desk.remarks.append(f"completeness could not be cross-checked ({refusal})")


def assignments_url(object_id: str, side: str, collection: str = "servicePrincipals") -> str:
    """The first page of what a service principal or group was assigned, or of who is assigned to it, as large as possible."""
    return f"/{collection}/{quote(object_id, safe='')}/{side}?$top={MAX_PAGE}&{SELECT}"


async def _read_resources(ledger: _Ledger, resources: Sequence[str]) -> int:
    """Reads resources in batches; how many assignments were new. Resources deleted meanwhile have none."""
    new = 0
    async for resource_id, answer in ledger.desk.in_batches(
        resources, lambda key: assignments_url(key, "appRoleAssignedTo")
    ):
        if answer.status == 404:
            continue
        if answer.status >= 400:
            raise refusal_from(answer.status, answer.body)
        new += ledger.enter_resource(resource_id, await _all_rows(ledger.desk, resource_id, answer))
    return new


async def _all_rows(desk: Desk, resource_id: str, answer: Answer) -> list[dict[str, Any]]:
    """All pages of one resource. A full first page without a link is read again as an advanced query, which counts.

    Raises:
        Broken: Graph counts more than it lists.
    """
    rows = await desk.client.rest(answer)
    first = page_from(answer)
    if first.next_link is not None or len(first.objects) != MAX_PAGE:
        return rows
    again: list[dict[str, Any]] = []
    count: int | None = None
    async for page in desk.client.pages(
        f"{assignments_url(resource_id, 'appRoleAssignedTo')}&$count=true", advanced=True
    ):
        again.extend(page.objects)
        count = page.count if count is None else count
    rows = again if len(again) > len(rows) else rows
    if count is not None and count > len(rows):
        raise Broken(
            f"service principal {resource_id} has {count} assignments, and Graph lists only {len(rows)} of them"
        )
    return rows


async def _cross_check(ledger: _Ledger) -> None:
    """Asks a sample of clients what they were granted; mends what the resource side left out, and says so."""
    desk = ledger.desk
    sample = _sample([principal.id for principal in desk.index.principals], ledger.holders)
    missing = [row for row in await _granted_to(desk, sample) if not ledger.knows(row)]
    if not missing:
        return
    new = await _read_resources(ledger, sorted({str(row.get("resourceId")) for row in missing}))
    beyond = [row for row in missing if not ledger.knows(row)]
    if beyond:
        # The resource side is proven incomplete, so the clients are asked, all of them: dearer, and right.
        desk.note("Graph leaves assignments out on the resource side; asking every service principal")
        new += ledger.enter(beyond)
        everyone = [principal.id for principal in desk.index.principals]
        for start in range(0, len(everyone), BATCH_SIZE * 50):
            new += ledger.enter(await _granted_to(desk, everyone[start : start + BATCH_SIZE * 50]))
    how = "asking every service principal" if beyond else "reading their resources once more"
    desk.remarks.append(f"Graph had left out {new} app role assignments at first; a cross-check found them by {how}")


async def _granted_to(desk: Desk, principals: Sequence[str]) -> list[dict[str, Any]]:
    """The assignments that principals hold; principals deleted meanwhile hold none."""
    rows: list[dict[str, Any]] = []
    async for _, answer in desk.in_batches(principals, lambda key: assignments_url(key, "appRoleAssignments")):
        if answer.status == 404:
            continue
        if answer.status >= 400:
            raise refusal_from(answer.status, answer.body)
        rows.extend(await desk.client.rest(answer))
    return rows


def _sample(principals: Sequence[str], holders: set[str]) -> list[str]:
    """At most 20 service principals, evenly spread, half of them known to hold assignments; the same for the same tenant."""
    ordered = sorted(principals)
    with_some = _spread([one for one in ordered if one.lower() in holders], BATCH_SIZE // 2)
    with_none = _spread([one for one in ordered if one.lower() not in holders], BATCH_SIZE - len(with_some))
    return with_some + with_none


def _spread(ordered: Sequence[str], most: int) -> list[str]:
    if len(ordered) <= most:
        return list(ordered)
    return [ordered[index * len(ordered) // most] for index in range(most)]
