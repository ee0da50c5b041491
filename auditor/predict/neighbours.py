"""Calls beside one that the permission data does not list: what opens its nearest known neighbour.

A guess, and treated as one: it tells an app that holds a fitting permission from one that holds none.
"""

from __future__ import annotations

from auditor.predict.call import Call
from auditor.predict.services import service_of
from auditor.reference import catalog
from auditor.reference.claims import Authorization, SchemeName

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def neighbours(call: Call, scheme: SchemeName) -> tuple[Authorization, ...]:
    """What opens the nearest known path above the call, with its method if that is known there, else with any writing one.

    Empty where nothing near it is known.
    """
    known = catalog.load()
    parts = call.path.strip("/").split("/")
    for length in range(len(parts), 0, -1):
        path = "/" + "/".join(parts[:length])
        if length == 1 and len(parts) > 2:
            break  # the root collection says little about what hangs far below it
        if service_of(path) != service_of(call.path):
            break  # a user's profile says nothing about the user's calendar
        ways = _ways(known, call.method, path, scheme)
        if ways:
            return ways
    return ()


def _ways(known: catalog.Catalog, method: str, path: str, scheme: SchemeName) -> tuple[Authorization, ...]:
    same = (known.authorizing(method, path) or {}).get(scheme, ())
    if same:
        return same
    others = [one for one in METHODS if one != method and (method != "GET") == (one != "GET")]
    found: dict[str, Authorization] = {}
    for other in others:
        for way in (known.authorizing(other, path) or {}).get(scheme, ()):
            found.setdefault(way.permission, way)
    return tuple(found.values())
