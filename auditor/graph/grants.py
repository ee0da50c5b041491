"""The permissions an auditor needs, and how an admin grants them: consent URL, commands, and the page that tells.

All of them only read. Ids come from the permission catalog. ``docs/permissions.md`` is what ``permissions_page`` gives;
a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from auditor.graph.sources import BY_ID, SOURCES, USERS, SourceSpec, least_permissions
from auditor.reference import catalog
from auditor.reference.clouds import Cloud
from auditor.reference.resources import GRAPH

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"[0-9a-z.-]{1,255}", re.IGNORECASE)


@dataclass(frozen=True)
class NeededPermission:
    """One application permission on Microsoft Graph."""

    name: str
    id: str
    """App role id; empty where the catalog does not know it."""
    delegated_id: str
    """Id of the delegated permission of the same name, for people who sign in."""
    sources: tuple[str, ...]
    """Sources that it opens and no lesser permission of the set does."""


def needed_permissions(sources: Iterable[SourceSpec] = SOURCES) -> tuple[NeededPermission, ...]:
    """The least set that opens every source, with the sources each is for."""
    listed = tuple(sources)
    known = catalog.load()

    def describe(name: str) -> NeededPermission:
        permission = known.permission(name)
        application = permission.application if permission else None
        delegated = permission.delegated if permission else None
        opened = tuple(spec.id for spec in listed if spec.permission == name)
        return NeededPermission(
            name, (application and application.id) or "", (delegated and delegated.id) or "", opened
        )

    return tuple(describe(name) for name in least_permissions(listed))


def admin_consent_url(cloud: Cloud, tenant: str, app_id: str) -> str:
    """The page where an admin consents to everything the auditor's app registration requests.

    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    place = quote(tenant, safe="") if _DOMAIN.fullmatch(tenant) else "organizations"
    return f"{cloud.authority}/{place}/adminconsent?client_id={_id(app_id)}"


def consent_commands(
    cloud: Cloud, app_id: str, permissions: Iterable[str] | None = None
) -> Mapping[str, tuple[str, ...]]:
    """Commands that request the permissions for the auditor's app and grant them; run by an admin, never by us.

    Args:
        cloud: the cloud of the tenant.
        app_id: the auditor's app id.
        permissions: names; None: the whole least set.

    Returns:
        ``Microsoft Graph PowerShell`` and ``az``, each with its lines.
    """
    wanted = None if permissions is None else set(permissions)
    chosen = [one for one in needed_permissions() if one.id and (wanted is None or one.name in wanted)]
    app = _id(app_id)
    grant = (
        "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id -PrincipalId $app.Id "
        "-ResourceId $graph.Id -AppRoleId {id}  # {name}"
    )
    powershell = (
        f"Connect-MgGraph -Environment {cloud.powershell_environment} "
        "-Scopes Application.Read.All,AppRoleAssignment.ReadWrite.All",
        f"$graph = Get-MgServicePrincipal -Filter \"appId eq '{GRAPH}'\"",
        f"$app = Get-MgServicePrincipal -Filter \"appId eq '{app}'\"",
        *(grant.format(id=one.id, name=one.name) for one in chosen),
    )
    roles = " ".join(f"{one.id}=Role" for one in chosen)
    az = (
        f"az cloud set --name {cloud.azure_cli_name}",
        f"az ad app permission add --id {app} --api {GRAPH} --api-permissions {roles}",
        f"az ad app permission admin-consent --id {app}",
    )
    return {"Microsoft Graph PowerShell": powershell, "az": az}


def _id(app_id: str) -> str:
    return app_id.lower() if _GUID.fullmatch(app_id) else "<app id of the auditor>"


def permissions_page(cloud: Cloud) -> str:
    """The text of ``docs/permissions.md``."""
    lines = [
        "# What the auditor may read",
        "",
        "<!-- Made by auditor/graph/grants.py (permissions_page); a test compares the two. Change it there. -->",
        "",
        "The auditor only reads: it sends GET requests, and `$batch` requests whose every part is a GET. These application",
        "permissions on Microsoft Graph together open everything an audit reads; none of them writes. With fewer, the audit",
        "still runs: what could not be read is listed under Coverage, and checks that need it are `not-assessed`.",
        "",
        "| Permission | App role id | What for |",
        "|---|---|---|",
    ]
    for one in needed_permissions((*SOURCES, USERS)):
        purposes = "<br>".join(f"`{source}`: {BY_ID[source].purpose}" for source in one.sources)
        lines.append(f"| `{one.name}` | `{one.id}` | {purposes} |")
    lines += [
        "",
        "`Directory.Read.All` is the broadest of them, and in Microsoft's own list the only one that opens OAuth2 permission",
        "grants. The narrower set that reads the same has `DelegatedPermissionGrant.Read.All` and `Organization.Read.All` in",
        "its place. `RoleManagement.Read.Directory` and `LicenseAssignment.Read.All` are needed in that narrower set alone:",
        "`Directory.Read.All` opens their sources too. `users` is read where `[[apps]] users` or `--user` names somebody, and of",
        "nobody else; in the narrower set it needs `User.Read.All`, and what users are assigned to stays unknown.",
        "",
        "## A person who signs in",
        "",
        "With `device-code`, `interactive` or `azure-cli` the delegated permissions of the same names are needed, and the",
        "person needs a directory role. `Global Reader` opens every source; the least role of each is:",
        "",
        "| Source | Least directory role | Licence |",
        "|---|---|---|",
    ]
    lines += [f"| `{spec.id}` | {spec.role} | {spec.licence or ''} |" for spec in (*SOURCES, USERS)]
    commands = consent_commands(cloud, "")
    lines += [
        "",
        "Where the settings name no app, people sign in to Microsoft Graph Command Line Tools, Microsoft's public client for",
        "Graph. An app registration of your own with these permissions is narrower.",
        "",
        "## Granting them",
        "",
        "Register an app for the auditor, request the permissions above, and let an admin consent. `auditor doctor` prints",
        "the same URL and commands for your tenant and app, and says what is still missing.",
        "",
        "Admin consent page:",
        "",
        "```",
        admin_consent_url(cloud, "<tenant>", "").replace("/organizations/", "/<tenant>/"),
        "```",
    ]
    for name, block in commands.items():
        lines += ["", f"{name}:", "", "```", *block, "```"]
    lines += [
        "",
        "Sources: <https://learn.microsoft.com/graph/permissions-reference>,",
        "<https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>.",
    ]
    return "\n".join(lines) + "\n"
