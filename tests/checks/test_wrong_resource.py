"""wrong-resource: permissions on another API than the one that is called."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.audit.check import DeclaredApp, Finding
from auditor.audit.run import audit
from auditor.emulator.build import AAD_GRAPH, ARM, EXCHANGE, GRAPH, SHAREPOINT, TenantBuilder
from tests.support import context_for, examine, load_tenant

SLUG = "wrong-resource"
WEB = ("https://app.example/signin",)


@pytest.mark.parametrize(
    ("requests", "severity"),
    [
        ([("Directory.Read.All", "application", AAD_GRAPH)], "high"),
        ([("Directory.Read.All", "delegated", AAD_GRAPH)], "high"),
        ([("Directory.Read.All", "application", AAD_GRAPH), ("User.Read.All", "application")], "medium"),
        ([("User.Read", "delegated", AAD_GRAPH)], "medium"),
        ([("User.Read", "delegated", AAD_GRAPH), ("User.Read", "delegated")], "low"),
    ],
)
def test_anything_on_retired_azure_ad_graph(requests: list[Any], severity: str) -> None:
    builder = TenantBuilder()
    app = builder.app("Old", web=WEB, requests=requests)
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == (severity, "certain")
    assert (finding.http_status, finding.error_code) == (403, "Authentication_Unauthorized")
    assert (finding.app_id, finding.resource_app_id) == (app.app_id, AAD_GRAPH)
    assert (finding.permission, finding.permission_type) == requests[0][:2]
    assert "2025-08-31" in finding.summary
    assert finding.evidence["graph_permission"] == requests[0][0]


@pytest.mark.parametrize("kind", ["application", "delegated"])
def test_grants_of_an_external_app_on_azure_ad_graph(kind: str) -> None:
    builder = TenantBuilder()
    tool = builder.external("Tool")
    if kind == "application":
        builder.assign(tool, "Directory.Read.All", resource=AAD_GRAPH)
    else:
        builder.grant(tool, "openid Directory.Read.All", resource=AAD_GRAPH)
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.permission_type) == ("high", kind)
    assert "publisher" in finding.remediation.text


def test_unknown_permission_on_azure_ad_graph() -> None:
    builder = TenantBuilder()
    builder.app("Old", requests=[("deadbeef-0000-4000-8000-000000000001", "application", AAD_GRAPH)])
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.permission) == ("high", None)


@pytest.mark.parametrize(
    ("permission", "kind", "resource", "instead", "severity", "certainty"),
    [
        ("Mail.Read", "application", EXCHANGE, "Mail.Read", "medium", "likely"),
        ("Mail.Read", "delegated", EXCHANGE, "Mail.Read", "medium", "likely"),
        ("AllSites.Read", "delegated", SHAREPOINT, "Sites.Read.All", "low", "possible"),
        ("MyFiles.Write", "delegated", SHAREPOINT, "Files.ReadWrite", "low", "possible"),
        ("Sites.FullControl.All", "application", SHAREPOINT, "Sites.FullControl.All", "low", "possible"),
    ],
)
def test_namesakes(permission: str, kind: str, resource: str, instead: str, severity: str, certainty: str) -> None:
    builder = TenantBuilder()
    app = builder.app("App", web=WEB, requests=[(permission, kind, resource)])
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.severity, finding.certainty) == (severity, certainty)
    assert finding.http_status == 403
    assert (finding.app_id, finding.permission, finding.permission_type) == (app.app_id, permission, kind)
    assert finding.evidence["graph_permission"] == instead
    assert finding.evidence["graph_permission_granted"] is False
    graph_id = builder.permission_id(instead, kind)
    assert any(graph_id in command or instead in command for command in finding.remediation.commands)


def test_namesake_granted_already() -> None:
    builder = TenantBuilder()
    app = builder.app("App", requests=[("Mail.Read", "application", EXCHANGE), ("Mail.Read", "application")])
    builder.assign(app, "Mail.Read")
    sites = builder.app("Sites", requests=[("Sites.Read.All", "application", SHAREPOINT)])
    builder.assign(sites, "Sites.Read.All")  # holds both: meant
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.app_id, finding.severity, finding.certainty) == (app.app_id, "low", "possible")
    assert finding.evidence["graph_permission_granted"] is True


def test_declared_resource_says_what_is_meant() -> None:
    builder = TenantBuilder()
    app = builder.app(
        "App", requests=[("Sites.Read.All", "application", SHAREPOINT), ("Mail.Read", "application", EXCHANGE)]
    )
    declared = {app.app_id: DeclaredApp(app.app_id, resource="sharepoint")}
    (finding,) = examine(SLUG, builder.data, apps=declared).findings
    assert finding.permission == "Mail.Read"
    declared = {app.app_id: DeclaredApp(app.app_id, calls=("GET /sites",))}
    by_name = {one.permission: one for one in examine(SLUG, builder.data, apps=declared).findings}
    assert (by_name["Sites.Read.All"].severity, by_name["Sites.Read.All"].certainty) == ("medium", "likely")


def declared_for(resource: str) -> list[Finding]:
    builder = TenantBuilder()
    app = builder.consent(builder.app("App", certificate="@now+300d", requests=[("User.Read.All", "application")]))
    tenant = load_tenant(builder.data)
    declared = {app.app_id: DeclaredApp(app.app_id, "app-only", calls=("GET /users",), resource=resource)}
    return [finding for finding in audit(tenant, context_for(tenant, apps=declared)).findings if finding.call]


@pytest.mark.parametrize("resource", ["exchange", "aad-graph", "https://outlook.office.com"])
def test_declared_token_for_another_resource(resource: str) -> None:
    (finding,) = declared_for(resource)
    assert (finding.check, finding.severity, finding.certainty) == (SLUG, "high", "certain")
    assert finding.http_status in (401, 403)


@pytest.mark.parametrize("resource", ["graph", "https://graph.microsoft.com", "https://graph.microsoft.com/", GRAPH])
def test_declared_token_for_graph_is_right(resource: str) -> None:
    assert declared_for(resource) == []


def test_silent_on_what_belongs_there() -> None:
    builder = TenantBuilder()
    protocols = ["EWS.AccessAsUser.All", "IMAP.AccessAsUser.All", "POP.AccessAsUser.All", "SMTP.Send"]
    builder.app(
        "Mail client", public=["http://localhost"], requests=[(name, "delegated", EXCHANGE) for name in protocols]
    )
    names = ["full_access_as_app", "Exchange.ManageAsApp", "IMAP.AccessAsApp"]
    builder.app("Exchange job", requests=[(name, "application", EXCHANGE) for name in names])
    builder.app("Azure", web=WEB, requests=[("user_impersonation", "delegated", ARM)])
    builder.app("Graph", requests=[("User.Read.All", "application")])
    office = builder.first_party("4345a7b9-9a63-4910-a426-35363201d503", "Office UWP")
    builder.grant(office, "User.Read", resource=AAD_GRAPH)
    builder.grant(office, "Mail.Read", resource=EXCHANGE)
    app = builder.app("Web", web=WEB)
    builder.grant(app, "openid profile", resource=AAD_GRAPH)
    assert examine(SLUG, builder.data).findings == []
