"""Permissions of a case: what is filled in where nobody said, and what goes to a registration. Rules 3 and 5 of ``express``."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from auditor.emulator.build import AAD_GRAPH, ARM, EXCHANGE, GRAPH, SHAREPOINT, Request, TenantBuilder
from auditor.predict.verdict import Flow
from auditor.reference import catalog, overlay
from auditor.reference.claims import SchemeName
from tests.cases.case import Case, Granted, slug_of
from tests.cases.facts import Facts
from tests.cases.words import BLAMELESS

PERMISSION_CAUSES = frozenset(
    {
        "permission-missing",
        "consent-missing",
        "consent-partial",
        "consent-blocked",
        "permission-unknown",
        "permission-type-mismatch",
    }
)
"""Causes of the gate that rule 5 is about."""


def completed(case: Case, facts: Facts, flow: Flow | None) -> tuple[Granted, Granted]:
    """Rule 5: granted and requested, filled with the least set where nobody said and the failure came later."""
    unsaid = case.grants_known == "unknown" or not (case.granted or case.requested)
    if not unsaid or slug_of(case.cause) in PERMISSION_CAUSES:
        return case.granted, case.requested
    if case.cause in BLAMELESS and case.outcome == "success" and (facts.elsewhere or facts.owns):
        return case.granted, case.requested
    delegated, application = list(case.granted.delegated), list(case.granted.application)
    for call in case.calls:
        if flow != "app-only":
            delegated += least_set(call, "personal" if case.account == "personal" else "delegated")
        if flow != "delegated":
            application += least_set(call, "application")
    granted = Granted(tuple(dict.fromkeys(delegated)), tuple(dict.fromkeys(application)))
    requested = Granted(
        tuple(dict.fromkeys((*case.requested.delegated, *granted.delegated))),
        tuple(dict.fromkeys((*case.requested.application, *granted.application))),
    )
    return granted, requested


def least_set(call: Mapping[str, Any], scheme: SchemeName) -> list[str]:
    """The least permissions of the reference for a call: one entry with what it also requires, and what fields add."""
    parts = urlsplit(call["path"])
    method, path = call["method"], parts.path
    words = {re.split(r"[\s/(]", one)[0] for _, value in parse_qsl(parts.query) for one in re.split("[,;]", value)}
    template = catalog.load().template(method, path)
    if template is None:
        return []
    body = set(call.get("body") or ())
    rule = overlay.load().resource_rule(method, template)
    if rule is not None:
        named = next((one.partition("=")[2] for one in body if one.startswith(f"{rule.field}=")), "me/messages")
        return least_set({"method": rule.method, "path": f"/{named.lstrip('/')}"}, scheme)
    entries = list((catalog.load().authorizing(method, path) or {}).get(scheme, ()))
    added: list[str] = []
    for one in overlay.load().field_rules(method, template):
        if not set(one.names) & (body if one.where == "body" else words):
            continue
        listed = list(one.authorizations.get(scheme, ()))
        if one.mode == "instead":
            entries = listed
        elif listed:
            added += [listed[0].permission, *listed[0].also_requires[:1]]
    first = [entries[0].permission, *entries[0].also_requires[:1]] if entries else []
    return [*first, *added]


def requests_of(builder: TenantBuilder, wanted: Granted, resource: str = GRAPH) -> list[Request]:
    """Rule 3: what goes to ``requiredResourceAccess``."""
    return [
        request(builder, name, kind, resource)
        for kind, names in (("delegated", wanted.delegated), ("application", wanted.application))
        for name in names
    ]


def request(builder: TenantBuilder, name: str, kind: str, resource: str) -> Request:
    """One permission: on the API asked for, else on the one of Microsoft's that publishes it, else an unknown id."""
    for one in dict.fromkeys((resource, GRAPH, EXCHANGE, SHAREPOINT, AAD_GRAPH, ARM)):
        try:
            return (builder.permission_id(name, kind, one), kind, one)
        except LookupError:
            continue
    return (str(uuid.uuid5(uuid.UUID(resource), f"{kind}/{name}")), kind, resource)
