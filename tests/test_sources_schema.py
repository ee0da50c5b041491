"""Everything the auditor asks Graph for exists in Microsoft's v1.0 schema: paths, $select, $expand, $filter, $orderby."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.emulator import filters, options, query, routes, schema
from auditor.emulator.build import SHAREPOINT, TenantBuilder
from auditor.emulator.messages import Refusal
from auditor.emulator.schema import Type
from auditor.emulator.server import Emulator
from auditor.graph.app_paths import (
    RESOURCE_PRINCIPAL,
    RESOURCE_REGISTRATION,
    app_url,
    grants_url,
    member_of_url,
    principal_url,
)
from auditor.graph.assignments import assignments_url
from auditor.graph.collect_app import collect_app
from auditor.graph.signin import GivenToken
from auditor.graph.sources import BY_ID, SOURCES, USERS, SourceSpec
from auditor.graph.users import DIRECTORY_ROLES, role_assignments_url, user_path
from auditor.reference.clouds import CLOUDS

SCHEMA = schema.load()


def type_behind(path: str) -> Type:
    """The schema's type of the rows at a path below the version root."""
    address = routes.parse(f"/v1.0{path}", SCHEMA)
    assert not address.unknown, f"{path}: the schema has no '{address.unknown}'"
    return SCHEMA.types[address.cast or address.steps[-1].member.type]


@pytest.mark.parametrize("spec", (*SOURCES, USERS), ids=lambda spec: spec.id)
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


@pytest.mark.parametrize("spec", (*SOURCES, USERS), ids=lambda spec: spec.id)
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


ONE = "99999999-2222-3333-4444-555555555555"
USER = user_path("gus_partner.example#EXT#@contoso.com")


@pytest.mark.parametrize(
    "url",
    [
        app_url("applications", ONE, BY_ID["applications"].select),
        app_url("applications", ONE, RESOURCE_REGISTRATION),
        app_url("servicePrincipals", ONE, BY_ID["servicePrincipals"].select),
        app_url("servicePrincipals", ONE, RESOURCE_PRINCIPAL),
        principal_url(ONE),
        member_of_url(ONE),
        grants_url(ONE, "AllPrincipals"),
        grants_url(ONE, "Principal"),
        role_assignments_url(ONE),
        assignments_url(ONE, "appRoleAssignments"),
        assignments_url(ONE, "appRoleAssignedTo"),
        assignments_url(ONE, "appRoleAssignments", "groups"),
        f"{USER}?$select={','.join(USERS.select)}",
        f"{USER}/{DIRECTORY_ROLES}",
        f"{USER}/appRoleAssignments?$top=999&$select=id,resourceId,appRoleId",
    ],
)
def test_what_one_app_and_users_are_asked_for_exists(url: str) -> None:
    """Every path beside the sources' own: the segments, the properties and the filters, spelled as the schema does."""
    path, _, text = url.partition("?")
    kind = type_behind(path)
    wanted = options.parse(text, "")
    query.validate(wanted, kind, SCHEMA, beta=False)
    query.check_advanced(wanted, query.rules_of(kind.name))
    if kind.name != "directoryObject":
        assert set(wanted.select) <= set(kind.properties)
    if wanted.filter:
        found = filters.parse(wanted.filter, kind)
        rules = query.rules_of(kind.name)
        filters.check_support(found, advanced=False, filterable=rules.filterable, resource=kind.name)
        assert found.properties <= set(kind.properties)


def test_these_are_all_paths_that_reading_one_app_asks_for(tmp_path: Path) -> None:
    """What is really sent, template by template, is what the test above holds against the schema."""
    tenant = TenantBuilder()
    api = tenant.app("API", publishes=[("Orders.Read", "delegated"), ("Orders.Read.All", "application")])
    app = tenant.app("App", requests=[("Orders.Read", "delegated", api)], assignment_required=True)
    tenant.group("Apps", members=[app])
    tenant.assign_group("Apps", "Orders.Read.All", resource=api)
    tenant.assign(app, "Sites.Selected", resource=SHAREPOINT)
    tenant.user_consent("ours")
    tenant.data["permissionGrantPolicies"].append({"id": "ours", "displayName": "Ours"})
    tenant.user("Alice")
    with Emulator(tenant.data) as emulator:
        collect_app(
            GivenToken(emulator.auditor_token(), 4_000_000_000),
            app_id=app.app_id,
            tenant=None,
            cloud=CLOUDS["global"],
            graph_url=emulator.url,
            folder=tmp_path / "snapshot",
            users=["alice@contoso.onmicrosoft.com"],
        )
        asked = {routes.parse(item.path, SCHEMA).path for record in emulator.requests for item in record.items}
    shapes = {re.sub(r"'[^']*'|(?<=/)[0-9a-f-]{36}(?=/|$)|(?<=users/)[^/]+", "x", path) for path in asked}
    shapes = {re.sub(r"(?<=permissionGrantPolicies/)[^/]+", "x", path) for path in shapes}
    whole = {spec.request_path for spec in SOURCES if "{id}" not in spec.request_path}
    assert shapes - whole == {
        "/applications(appId=x)",
        "/servicePrincipals(appId=x)",
        "/applications/x/owners",
        "/applications/x/federatedIdentityCredentials",
        "/servicePrincipals/x",
        "/servicePrincipals/x/owners",
        "/servicePrincipals/x/appRoleAssignments",
        "/servicePrincipals/x/appRoleAssignedTo",
        "/servicePrincipals/x/transitiveMemberOf",
        "/groups/x/appRoleAssignments",
        "/policies/permissionGrantPolicies/x/includes",
        "/policies/permissionGrantPolicies/x/excludes",
        "/users/x",
        "/users/x/transitiveMemberOf/microsoft.graph.directoryRole",
        "/users/x/appRoleAssignments",
    }


def test_this_test_can_fail() -> None:
    with pytest.raises(Refusal):
        query.validate(options.parse("$select=isPrivileged", ""), type_behind("/servicePrincipals"), SCHEMA, beta=False)
    with pytest.raises(AssertionError):
        type_behind("/servicePrincipals/{id}/nope")
