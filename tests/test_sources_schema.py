"""Everything the auditor asks Graph for exists in Microsoft's v1.0 schema: paths, $select, $expand, $filter, $orderby."""

from __future__ import annotations

import pytest

from auditor.emulator import filters, options, query, routes, schema
from auditor.emulator.messages import Refusal
from auditor.emulator.schema import Type
from auditor.graph.sources import SOURCES, SourceSpec

SCHEMA = schema.load()


def type_behind(path: str) -> Type:
    """The schema's type of the rows at a path below the version root."""
    address = routes.parse(f"/v1.0{path}", SCHEMA)
    assert not address.unknown, f"{path}: the schema has no '{address.unknown}'"
    return SCHEMA.types[address.steps[-1].member.type]


@pytest.mark.parametrize("spec", SOURCES, ids=lambda spec: spec.id)
def test_source_asks_for_what_the_schema_has(spec: SourceSpec) -> None:
    kind = type_behind(spec.request_path)
    for nested in (True, False):
        url = spec.url(top=spec.page_sizes[0] if spec.page_sizes else None, nested_select=nested)
        _, _, text = url.partition("?")
        wanted = options.parse(text, "eventual" if spec.advanced else "")
        query.validate(wanted, kind, SCHEMA, beta=False)
        query.check_advanced(wanted, query.rules_of(kind.name))
        if wanted.filter:
            found = filters.parse(wanted.filter, kind)
            assert not found.advanced or spec.advanced


@pytest.mark.parametrize("spec", SOURCES, ids=lambda spec: spec.id)
def test_names_are_spelled_as_the_schema_spells_them(spec: SourceSpec) -> None:
    """Graph forgives case in a request; what comes back is read by exact name."""
    kind = type_behind(spec.request_path)
    assert set(spec.select) <= set(kind.properties)
    if spec.expand:
        assert spec.expand.partition("(")[0] in kind.navigations
    address = routes.parse(f"/v1.0{spec.request_path}", SCHEMA)
    names = [segment for segment in spec.request_path.split("/") if segment and not segment.startswith("{")]
    assert [step.member.name for step in address.steps] == names


@pytest.mark.parametrize(
    "path",
    ["/policies/permissionGrantPolicies/{id}/includes", "/policies/permissionGrantPolicies/{id}/excludes"]
    + [
        "/applications/{id}/owners",
        "/servicePrincipals/{id}/owners",
        "/applications/{id}/federatedIdentityCredentials",
    ],
)
def test_paths_below_single_objects_exist(path: str) -> None:
    assert type_behind(path)


def test_this_test_can_fail() -> None:
    with pytest.raises(Refusal):
        query.validate(options.parse("$select=isPrivileged", ""), type_behind("/servicePrincipals"), SCHEMA, beta=False)
    with pytest.raises(AssertionError):
        type_behind("/servicePrincipals/{id}/nope")
