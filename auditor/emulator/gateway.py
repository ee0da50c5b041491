"""One request from token to answer, in Graph's order: token, address, permission, licence, data.

Knows nothing of sockets: ``server`` brings requests in and carries answers out.
"""

from __future__ import annotations

import threading
from typing import Any

import orjson

from auditor.emulator import batch, navigation, options, query, routes
from auditor.emulator.authorize import Decision, Gatekeeper
from auditor.emulator.cost import resource_units
from auditor.emulator.faults import Faults
from auditor.emulator.messages import Answer, Refusal, Request, RequestRecord, not_found, unknown_segment
from auditor.emulator.options import Options
from auditor.emulator.paging import Pager
from auditor.emulator.projection import Projector
from auditor.emulator.routes import Address
from auditor.emulator.schema import Type
from auditor.emulator.schema import load as load_schema
from auditor.emulator.settings import Settings
from auditor.emulator.store import Row, Store
from auditor.emulator.tokens import Caller, TokenKey
from auditor.emulator.wording import insufficient_privileges
from auditor.reference import catalog

# What a caller sees whose permission opens an object only in part; the rest is null.
# https://learn.microsoft.com/graph/api/organization-get and https://learn.microsoft.com/graph/permissions-reference
_BASIC_ORGANIZATION = frozenset({"id", "displayName", "verifiedDomains"})
_BASIC_USER = frozenset({"id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "photo"})
_ONLY_BASIC = {
    "organization": (frozenset({"User.Read", "User.Read.All", "User.ReadBasic.All"}), _BASIC_ORGANIZATION),
    "users": (frozenset({"User.ReadBasic.All"}), _BASIC_USER),
}


class Gateway:
    """Answers requests to one tenant."""

    def __init__(self, store: Store, key: TokenKey, settings: Settings, faults: Faults, own_app_id: str) -> None:
        self.writes = 0
        """Requests that would have changed the tenant."""
        self.audiences: set[str] = set()
        """Accepted in tokens besides Graph's own."""
        self._store = store
        self._key = key
        self._settings = settings
        self._faults = faults
        self._own_app_id = own_app_id
        self._schema = load_schema()
        self._pager = Pager(settings, faults)
        self._projector = Projector(store, self._schema, settings)
        self._gatekeeper = Gatekeeper(store, catalog.load(), settings)
        self._lock = threading.Lock()

    def serve(self, request: Request) -> tuple[Answer, RequestRecord]:
        """Answer a request, and the record of it."""
        record = RequestRecord(request.method, request.path, request.query, 0)
        try:
            answer = self._answer(request, record)
        except Refusal as refusal:
            answer = refusal.answer(request)
        record.status = answer.status
        record.items = answer.items
        return answer, record

    def _answer(self, request: Request, record: RequestRecord) -> Answer:
        version, segments = routes.split_version(request.path)
        plain = "/".join(segments)
        is_batch = plain.lower() == "$batch"
        if request.method not in ("GET", "HEAD", "OPTIONS") and not (is_batch and request.method == "POST"):
            with self._lock:
                self.writes += 1
        caller = self._key.read(request.headers.read("authorization"), self.audiences)
        record.app_id = caller.app_id
        struck = self._faults.strike(request, plain, self._identity(request))
        if struck is not None and not struck.mishap:
            return struck
        if struck is not None and struck.mishap == "dropped":
            return struck
        if is_batch:
            if request.method != "POST":
                raise _not_allowed()
            answer = batch.answer(request, version, self.serve)
        else:
            answer = self._read(request, caller, record)
        answer.mishap = struck.mishap if struck else ""
        return answer

    def _identity(self, request: Request) -> str:
        """What makes two requests the same: a page token is random, the page it leads to is not."""
        parts = []
        for name, value in options.pairs(request.query):
            shown = value
            if name.lower().removeprefix("$") == "skiptoken":
                shown = self._pager.place(value)
            parts.append(f"{name}={shown}")
        body = request.body.decode(errors="replace") if request.method == "POST" else ""
        return f"{request.method} {request.path}?{'&'.join(parts)} {body}"

    def _read(self, request: Request, caller: Caller, record: RequestRecord) -> Answer:
        address = routes.parse(request.path, self._schema)
        self._faults.refuse(address.path)
        self._gatekeeper.identify(caller, self._own_app_id)
        wanted = options.parse(request.query, request.headers.read("consistencylevel"))
        kind = self._kind(address)
        if not address.unknown:
            query.validate(wanted, kind, self._schema, beta=address.version == "beta")
        decision = self._decide(caller, request.method, address)
        if request.method != "GET":
            raise _read_only(request.method)
        name = address.steps[-1].member.name if address.steps else ""
        record.resource_units = resource_units(name, wanted)
        if address.unknown:
            return _no_data(address)
        for expand in wanted.expand:
            self._check_expand(kind, expand.name, caller, address)
        target = navigation.locate(self._store, address, caller)
        if target.is_property:
            return self._property(address, target)
        rows = self._visible_rows(target, wanted, decision, caller)
        if not target.is_collection:
            return self._entity(request, address, target, rows, wanted, decision)
        if address.tail == "count":
            return self._count(target, rows, wanted, kind)
        return self._collection(request, address, target, rows, wanted, decision)

    def _kind(self, address: Address) -> Type | None:
        """Type of the rows behind an address, where the schema describes it."""
        if not address.steps or address.unknown:
            return None
        name = address.cast if address.cast in self._schema.types else address.steps[-1].member.type
        return self._schema.types.get(name)

    def _decide(self, caller: Caller, method: str, address: Address) -> Decision:
        """The permission decision; a part of an object that the map leaves out is as open as the object.

        Raises:
            Refusal: the path does not exist, or the caller may not.
        """
        path = address.template
        decision = self._gatekeeper.decide(caller, method, path)
        if decision is not None:
            return decision
        if method != "GET":
            raise _not_allowed()
        if address.unknown:
            raise _not_allowed() if self._gatekeeper.knows(address.path) else unknown_segment(address.unknown)
        above = path
        while above.strip("/"):
            above = above.rpartition("/")[0]
            decision = self._gatekeeper.decide(caller, method, above) if above else None
            if decision is not None:
                return decision
        raise insufficient_privileges(path.strip("/").lower(), caller)

    def _check_expand(self, kind: Type | None, name: str, caller: Caller, address: Address) -> None:
        """Refuse an ``$expand`` that a fault forbids, or that reads what the caller may not read by itself."""
        if kind is not None and f"{kind.name}.{name}" in self._faults.refuse_expand:
            self._faults.count("refuse_expand")
            raise Refusal(400, "Request_UnsupportedQuery", f"Expanding '{name}' is not supported by this resource.")
        path = address.template
        one = f"{path}/{{id}}" if address.steps[-1].is_collection else path
        self._faults.refuse(f"{one}/{name}")
        self._gatekeeper.decide(caller, "GET", f"{one}/{name}")

    def _visible_rows(
        self, target: navigation.Target, wanted: Options, decision: Decision, caller: Caller
    ) -> list[Row]:
        rows = target.rows
        omits = self._settings.omit_managed_identities and target.is_collection and target.name == "appRoleAssignedTo"
        if omits and wanted.top != self._settings.max_page_size:
            rows = [row for row in rows if not self._is_managed_identity(str(row.get("principalId")))]
        if decision.is_limited_to_owned and target.name in ("applications", "servicePrincipals"):
            owned = self._store.owned_by(caller.object_id)
            rows = [row for row in rows if row["id"] in owned]
            if not target.is_collection and not rows:
                raise insufficient_privileges("", caller)
        return rows

    def _is_managed_identity(self, principal_id: str) -> bool:
        principal = self._store.find("servicePrincipals", principal_id)
        return principal is not None and principal.get("servicePrincipalType") == "ManagedIdentity"

    def _property(self, address: Address, target: navigation.Target) -> Answer:
        if target.value is None:
            return Answer(204)
        if address.tail == "value":
            return Answer(200, str(target.value).encode(), content_type="text/plain")
        return Answer.of({"value": target.value})

    def _entity(
        self,
        request: Request,
        address: Address,
        target: navigation.Target,
        rows: list[Row],
        wanted: Options,
        decision: Decision,
    ) -> Answer:
        kind = self._schema.types.get(target.type)
        context = f"{request.base_url}/{address.version}/$metadata#{_context(target, wanted)}/$entity"
        written = self._projector.project(rows, kind, wanted, _limit(target.name, decision))[0]
        return self._json(200, {"@odata.context": context, **written}, target, wanted)

    def _count(self, target: navigation.Target, rows: list[Row], wanted: Options, kind: Type | None) -> Answer:
        if query.rules_of(target.type).is_directory and not wanted.is_eventual:
            raise Refusal(400, "Request_BadRequest", "$count is not currently supported.")
        # The address counts, which is all that an advanced query asks for.
        wanted.count = True
        found = query.narrow(rows, wanted, kind)
        return Answer(200, str(len(found)).encode(), content_type="text/plain")

    def _collection(
        self,
        request: Request,
        address: Address,
        target: navigation.Target,
        rows: list[Row],
        wanted: Options,
        decision: Decision,
    ) -> Answer:
        kind = self._schema.types.get(target.type)
        rules = query.rules_of(target.type)
        query.check_advanced(wanted, rules)
        if not wanted.skiptoken:
            rows = query.narrow(rows, wanted, kind)
        page = self._pager.cut(request, address.path, rows, wanted, rules)
        context = f"{request.base_url}/{address.version}/$metadata#{_context(target, wanted)}"
        content: dict[str, Any] = {"@odata.context": context}
        if wanted.count and page.is_first and (wanted.is_eventual or not rules.is_directory):
            content["@odata.count"] = len(rows)
        if page.next_link:
            content["@odata.nextLink"] = page.next_link
        content["value"] = self._projector.project(page.rows, kind, wanted, _limit(target.name, decision))
        return self._json(200, content, target, wanted)

    def _json(self, status: int, content: Any, target: navigation.Target, wanted: Options) -> Answer:
        headers = {"x-ms-resource-unit": str(resource_units(target.name, wanted))}
        return Answer(status, orjson.dumps(content), headers)


def _context(target: navigation.Target, wanted: Options) -> str:
    return f"{target.name}({','.join(wanted.select)})" if wanted.select else target.name


def _limit(name: str, decision: Decision) -> frozenset[str]:
    """The properties a caller sees when its permissions are too small for the rest; empty: all."""
    small, visible = _ONLY_BASIC.get(name, (frozenset(), frozenset()))
    return visible if small and decision.held <= small else frozenset()


def _no_data(address: Address) -> Answer:
    """A path that Microsoft's map knows and this emulator holds nothing for: allowed, and nothing there.

    Raises:
        Refusal: 404 for a single object, 501 for functions, whose answer cannot be made up.
    """
    last = address.path.rstrip("/").rpartition("/")[2]
    if "(" in last or last.lower() in ("delta", "$value", "$ref"):
        raise Refusal(501, "NotImplemented", "The emulator holds no data for this function.")
    if not last.isalpha():
        raise not_found(last)
    return Answer.of({"value": []}, 200)


def _not_allowed() -> Refusal:
    return Refusal(405, "BadRequest", "Specified HTTP method is not allowed for the request target.")


def _read_only(method: str) -> Refusal:
    if method in ("POST", "PATCH", "PUT", "DELETE"):
        return Refusal(501, "NotImplemented", "Allowed, but the emulator never changes a tenant.")
    return _not_allowed()
