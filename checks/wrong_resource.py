"""wrong-resource: permissions that sit on another Microsoft API than the one that is called.

Anything on the retired Azure AD Graph; permissions of Exchange Online, SharePoint Online and OneNote that have a namesake
on Microsoft Graph. Declared calls with a token for another resource are the predictor's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import (
    RESOLVE_PAGE,
    Certainty,
    CheckMeta,
    Context,
    DeclaredApp,
    Examination,
    Finding,
    Remediation,
    Severity,
)
from auditor.reference.namesakes import OtherApi, graph_namesake, namesakes, other_apis
from auditor.reference.resources import AAD_GRAPH, ARM, EXCHANGE, GRAPH, SHAREPOINT
from auditor.tenant.permissions import DEFAULT_ACCESS
from auditor.tenant.tables import Tenant
from checks import _commands
from checks._apps import SIGN_IN_SCOPES, Subject, subjects
from checks._rows import PermissionRow, each, is_true

META = CheckMeta(
    slug="wrong-resource",
    title="Apps hold their permissions on the API they call",
    cause="403: the right resource API?",
    severity="high",
    sources=("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"),
    help_url=RESOLVE_PAGE,
)

_WORDS = {"graph": GRAPH, "aad-graph": AAD_GRAPH, "exchange": EXCHANGE, "sharepoint": SHAREPOINT, "arm": ARM}
_SIGN_IN = "User.Read"


@dataclass(frozen=True)
class _OnGraph:
    """What an app has on Microsoft Graph."""

    names: Mapping[tuple[str, str], bool]
    """(Type, permission) to whether it is granted."""

    @property
    def is_used(self) -> bool:
        return bool(self.names)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each permission on the wrong resource."""
    rows = tenant.permissions
    rows = rows[rows["app_id"].notna() & (is_true(rows["requested"]) | is_true(rows["granted"]))]
    rows = rows[(rows["permission_id"] != DEFAULT_ACCESS) & ~rows["permission"].isin(SIGN_IN_SCOPES)]
    elsewhere = _candidates(rows)
    apps = subjects(tenant, context, elsewhere["app_id"])
    on_graph = _on_graph(rows, elsewhere)
    findings = []
    for row in each(elsewhere):
        mine = on_graph.get(row.app_id, _OnGraph({}))
        finding = _examine_row(row, apps[row.app_id], mine, tenant, context)
        if finding is not None:
            findings.append(finding)
    return Examination(len(rows), findings)


def _candidates(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows on a retired API, and rows on other APIs with a namesake; Microsoft's own apps left out."""
    retired = [app_id for app_id, api in other_apis().items() if api.state == "retired"]
    keys = pd.MultiIndex.from_frame(rows[["resource_app_id", "permission", "type"]])
    named = pd.Series(keys.isin(list(namesakes())), index=rows.index)
    wanted = rows["resource_app_id"].isin(retired) | (
        named & rows["app_kind"].isin(("registration", "managed-identity"))
    )
    return rows[wanted & (rows["app_kind"] != "first-party")]


def _on_graph(rows: pd.DataFrame, elsewhere: pd.DataFrame) -> Mapping[str, _OnGraph]:
    """What the apps at hand have on Microsoft Graph; the scope that every registration starts with does not count."""
    here = rows[
        (rows["resource_app_id"] == GRAPH) & rows["app_id"].isin(elsewhere["app_id"]) & rows["permission"].notna()
    ]
    found: dict[str, dict[tuple[str, str], bool]] = {}
    for app_id, kind, name, granted in here[["app_id", "type", "permission", "granted"]].itertuples(index=False):
        found.setdefault(app_id, {})[kind, name] = granted is True or (pd.notna(granted) and bool(granted))
    return {app_id: _OnGraph(names) for app_id, names in found.items()}


def _means_it(row: PermissionRow, declared: DeclaredApp | None) -> bool:
    """Whether the configuration says that the app's tokens are for this very resource."""
    if declared is None:
        return False
    plain = declared.resource.lower()
    return _WORDS.get(plain, plain) == row.resource_app_id


def _examine_row(
    row: PermissionRow, app: Subject, on_graph: _OnGraph, tenant: Tenant, context: Context
) -> Finding | None:
    api = other_apis()[row.resource_app_id or ""]
    namesake = graph_namesake(api.app_id, row.permission or "", row.type)
    granted_there = on_graph.names.get((row.type, namesake or ""), False)
    declared = context.apps.get(row.app_id)
    if api.state == "retired":
        severity = _retired(row, app, on_graph)
        return _finding(row, app, api, severity, "certain", namesake, granted_there, tenant, context)
    if _means_it(row, declared) or (api.state == "parallel" and granted_there):
        return None
    severity, certainty = _living(api, declared, granted_there)
    return _finding(row, app, api, severity, certainty, namesake, granted_there, tenant, context)


def _retired(row: PermissionRow, app: Subject, on_graph: _OnGraph) -> Severity:
    """A left-over sign-in scope, or one beside permissions on Microsoft Graph, hurts less than all an app has."""
    if app.enabled is False:
        return "low"
    if row.type == "delegated" and row.permission == _SIGN_IN:
        return "low" if on_graph.is_used else "medium"
    return "medium" if on_graph.is_used else "high"


def _living(api: OtherApi, declared: DeclaredApp | None, granted_there: bool) -> tuple[Severity, Certainty]:
    if granted_there:
        return "low", "possible"  # calls to Microsoft Graph work; this one is left over, or meant
    if declared is not None and declared.calls:
        return "medium", "likely"  # the declared calls are calls to Microsoft Graph
    return ("medium", "likely") if api.state == "superseded" else ("low", "possible")


def _finding(
    row: PermissionRow,
    app: Subject,
    api: OtherApi,
    severity: Severity,
    certainty: Certainty,
    namesake: str | None,
    granted_there: bool,
    tenant: Tenant,
    context: Context,
) -> Finding:
    verb = "holds" if row.granted else "requests"
    if namesake is None:
        instead = "choose the Microsoft Graph permission by the calls that replace its calls"
    elif granted_there:
        instead = f"Microsoft Graph's {namesake} is granted already"
    else:
        instead = f"Microsoft Graph's permission is {namesake}"
    if api.state == "retired":
        what = f", which is retired since {api.retired_at}: every call to it is refused; {instead}"
    else:
        what = f": it opens nothing on Microsoft Graph; {instead}"
    resource_id = tenant.resources.loc[tenant.resources["resource_app_id"] == GRAPH, "service_principal_id"]
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=f"{app.name} {verb} the {row.type} permission {row.label} on {api.name}{what}.",
        remediation=_remediation(
            row, app, namesake, granted_there, None if resource_id.empty else str(resource_id.iloc[0]), tenant, context
        ),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="app-only" if row.type == "application" else "delegated",
        http_status=api.error_status,
        error_code=api.error_code,
        evidence={
            **row.evidence(),
            "api_state": api.state,
            "graph_permission": namesake,
            "graph_permission_granted": granted_there if namesake else None,
        },
        help_url=api.page,
    )


def _remediation(
    row: PermissionRow,
    app: Subject,
    namesake: str | None,
    granted_there: bool,
    graph_id: str | None,
    tenant: Tenant,
    context: Context,
) -> Remediation:
    registered = app.kind == "registration"
    link = remedy.app_link(context, app.app_id, None if registered else app.service_principal_id)
    lines: list[str] = []
    defined = tenant.defined
    match = defined[
        (defined["resource_app_id"] == GRAPH)
        & (defined["type"] == row.type)
        & (defined["permission"] == (namesake or ""))
    ]
    if namesake and not granted_there and not match.empty:
        offered = str(match["permission_id"].iloc[0])
        if registered:
            lines.append(_commands.request(app.app_id, GRAPH, offered, row.type))
        if app.service_principal_id and graph_id and row.type == "application":
            lines += remedy.grant_application_permission(context, app.service_principal_id, graph_id, offered)
        elif app.service_principal_id and graph_id:
            lines += remedy.grant_delegated_permission(
                context, app.app_id, graph_id, app.service_principal_id, namesake
            )
    if registered and row.requested:
        lines.append(_commands.stop_requesting(app.app_id, row.resource_app_id, row.permission_id))
    if namesake is None:
        text = "Move the calls to Microsoft Graph, request the permissions of the new calls, and remove this one."
    elif granted_there:
        text = f"If the app calls Microsoft Graph only, remove {row.label} on {row.resource}."
    else:
        text = (
            f"If the app calls Microsoft Graph, request {namesake} on Microsoft Graph as {row.type} permission, have it "
            f"consented to, ask for tokens for {context.cloud.graph_resource}, and remove {row.label} on {row.resource}."
        )
    if not registered:
        text = (
            f"The app is not registered in this tenant: its publisher has to move. {text}"
            if app.kind == "external"
            else text
        )
    return Remediation(text, tuple(lines), link)
