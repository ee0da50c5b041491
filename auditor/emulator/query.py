"""Runs query options on the rows of a collection or an object, with the rules that each kind of collection has.

Rules of directory objects: https://learn.microsoft.com/graph/aad-advanced-queries and
https://learn.microsoft.com/graph/query-parameters. Pages are cut by ``paging``, objects are written by ``projection``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from auditor.emulator import filters
from auditor.emulator.messages import bad_request, unsupported_query
from auditor.emulator.options import Options
from auditor.emulator.schema import Schema, Type
from auditor.emulator.store import Row

_SEARCH = re.compile(r'"(?P<property>\w+):(?P<text>[^"]*)"')


@dataclass(frozen=True)
class Rules:
    """What one kind of collection accepts."""

    is_directory: bool = False
    """Advanced queries, refused page sizes and no ``$skip``: the directory's ways."""
    is_paged: bool = True
    filterable: frozenset[str] | None = None
    """Properties that may be filtered, with ``eq`` and ``in`` alone; None: any property, any operator."""
    sortable: bool = True


_ANY = Rules()
_RULES: dict[str, Rules] = {
    "application": Rules(is_directory=True),
    "servicePrincipal": Rules(is_directory=True),
    "user": Rules(is_directory=True),
    "group": Rules(is_directory=True),
    "directoryObject": Rules(is_directory=True),
    # An app role assignment derives from directoryObject and takes advanced queries; few of its properties are indexed.
    "appRoleAssignment": Rules(
        is_directory=True,
        filterable=frozenset({"resourceId", "principalId", "appRoleId", "principalType"}),
        sortable=False,
    ),
    "organization": Rules(is_paged=False, filterable=frozenset(), sortable=False),
    "oAuth2PermissionGrant": Rules(
        is_directory=True,
        filterable=frozenset({"clientId", "consentType", "principalId", "resourceId"}),
        sortable=False,
    ),
    "subscribedSku": Rules(is_paged=False, filterable=frozenset(), sortable=False),
    "unifiedRoleAssignment": Rules(
        filterable=frozenset({"principalId", "roleDefinitionId", "directoryScopeId", "appScopeId"}), sortable=False
    ),
    "permissionGrantPolicy": Rules(is_paged=False),
    "permissionGrantConditionSet": Rules(is_paged=False),
    "federatedIdentityCredential": Rules(is_paged=False),
}


def rules_of(type_name: str) -> Rules:
    """The rules for collections of a type."""
    return _RULES.get(type_name, _ANY)


def validate(options: Options, kind: Type | None, schema: Schema, *, beta: bool) -> None:
    """Refuse names that the schema does not have, before permissions are looked at.

    Args:
        options: The query options.
        kind: Type of the rows; None or the bare directory object cannot be checked.
        schema: For the types of expanded relationships.
        beta: The beta schema is not known, so beta accepts any property.

    Raises:
        Refusal: 400.
    """
    if len(options.expand) > 1:
        raise bad_request("Only one relationship can be expanded in a request.", "Request_UnsupportedQuery")
    if kind is None or kind.name == "directoryObject":
        return
    for name in [] if beta else options.select:
        kind.require_property(name.partition("/")[0])
    for name, _ in options.orderby:
        kind.require_property(name.partition("/")[0])
    for expand in options.expand:
        navigation = kind.member(expand.name, part="navigations")
        if navigation is None and kind.member(expand.name):
            raise bad_request(
                f"Property '{expand.name}' on type 'microsoft.graph.{kind.name}' is not a navigation property or complex "
                "property. Only navigation properties can be expanded."
            )
        if navigation is None:
            kind.require_property(expand.name)
            return
        inner = schema.types.get(navigation.type)
        if inner is not None and inner.name != "directoryObject":
            for name in expand.select:
                inner.require_property(name)


def check_advanced(options: Options, rules: Rules) -> None:
    """Refuse combinations that need, or exclude, an advanced query.

    Raises:
        Refusal: 400 ``Request_UnsupportedQuery``.
    """
    if not rules.is_directory:
        return
    if options.search and not options.is_eventual:
        raise unsupported_query(
            "Request with $search query parameter only works through MSGraph with a special request header: "
            "'ConsistencyLevel: eventual'"
        )
    if options.expand and options.is_advanced:
        raise unsupported_query("$expand is not supported together with advanced query parameters.")
    if options.orderby and options.filter and not options.is_advanced:
        raise unsupported_query("Sorting not supported for current query.")
    if options.skip is not None:
        raise unsupported_query("'$skip' is not supported by the service.")


def narrow(rows: list[Row], options: Options, kind: Type | None) -> list[Row]:
    """The rows that ``$filter`` and ``$search`` leave, in the order of ``$orderby``.

    Raises:
        Refusal: 400.
    """
    type_name = kind.name if kind else ""
    rules = rules_of(type_name)
    if options.filter:
        found = filters.parse(options.filter, kind)
        resource = type_name[:1].upper() + type_name[1:]
        advanced = options.is_advanced or not rules.is_directory
        filters.check_support(found, advanced=advanced, filterable=rules.filterable, resource=resource)
        rows = [row for row in rows if found.matches(row)]
    if options.search:
        rows = _searched(rows, options.search)
    for name, is_descending in reversed(options.orderby):
        if not rules.sortable:
            raise unsupported_query("Sorting not supported for current query.")
        rows = sorted(rows, key=_by(name), reverse=is_descending)
    return rows


def _searched(rows: list[Row], search: str) -> list[Row]:
    clauses = [(match["property"], match["text"].casefold()) for match in _SEARCH.finditer(search)]
    if not clauses:
        raise bad_request('Syntax error: a $search clause must be of the form "property:value".', "Request_BadRequest")
    every = " or " not in search.lower()
    decide = all if every else any
    return [row for row in rows if decide(text in str(row.get(name) or "").casefold() for name, text in clauses)]


def _by(name: str) -> Callable[[Row], tuple[bool, str]]:
    """Sorts by a property: nulls first, texts without regard to case."""
    return lambda row: (row.get(name) is not None, str(row.get(name)).casefold())
