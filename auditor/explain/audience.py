"""Which API a token is for: its ``aud`` claim as a name, and whether that is Microsoft Graph, and of which cloud."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from auditor.explain.pasted import GUID
from auditor.reference import resources
from auditor.reference.clouds import CLOUDS

_HOSTS = {
    # Resource URIs as they stand in tokens; the first part of a pair may be any host below it.
    "graph.windows.net": resources.AAD_GRAPH,
    "graph.microsoftazure.us": resources.AAD_GRAPH,
    "graph.chinacloudapi.cn": resources.AAD_GRAPH,
    "management.azure.com": resources.ARM,
    "management.core.windows.net": resources.ARM,
    "management.usgovcloudapi.net": resources.ARM,
    "management.core.usgovcloudapi.net": resources.ARM,
    "management.chinacloudapi.cn": resources.ARM,
    "outlook.office.com": resources.EXCHANGE,
    "outlook.office365.com": resources.EXCHANGE,
    "outlook.office365.us": resources.EXCHANGE,
    "ps.outlook.com": resources.EXCHANGE,
    "sharepoint.com": resources.SHAREPOINT,
    "sharepoint.us": resources.SHAREPOINT,
    "sharepoint.cn": resources.SHAREPOINT,
    "vault.azure.net": resources.KEY_VAULT,
    "storage.azure.com": resources.AZURE_STORAGE,
    "database.windows.net": resources.AZURE_SQL,
    "api.loganalytics.io": resources.LOG_ANALYTICS,
    "analysis.windows.net": resources.POWER_BI,
    "service.powerapps.com": resources.POWER_APPS,
    "service.flow.microsoft.com": resources.POWER_AUTOMATE,
    "api.securitycenter.microsoft.com": resources.DEFENDER_ENDPOINT,
    "api.security.microsoft.com": resources.THREAT_PROTECTION,
    "manage.office.com": resources.OFFICE_MANAGEMENT,
    "onenote.com": resources.ONENOTE,
    "api.manage.microsoft.com": resources.INTUNE_API,
    "aadrm.com": resources.RIGHTS_MANAGEMENT,
    "dynamics.com": resources.DATAVERSE,
    "api.spaces.skype.com": resources.TEAMS,
}
_GRAPH_HOSTS = {cloud.graph_host: cloud.name for cloud in CLOUDS.values()}


@dataclass(frozen=True)
class Audience:
    """What a token may be sent to."""

    name: str
    """For a sentence: ``Microsoft Graph``, ``Exchange Online``, ``api://contoso-orders``."""
    is_graph: bool
    cloud: str = ""
    """Name of the cloud, where the audience tells it."""
    app_id: str = ""
    is_public: bool = True
    """Whether it is one of Microsoft's APIs; else an organization's own."""


def audience(value: str) -> Audience | None:
    """What an ``aud`` claim stands for, in any of its forms; None for an empty one."""
    plain = value.strip().lower().removesuffix("/.default").rstrip("/")
    if not plain:
        return None
    if GUID.fullmatch(plain[:36]) and plain[36:37] in ("/", "@"):
        plain = plain[:36]  # <app id>/<host>@<tenant>, as SharePoint's own tokens have it
    if plain == resources.GRAPH:
        return Audience("Microsoft Graph", is_graph=True, app_id=plain)
    if GUID.fullmatch(plain):
        name = resources.resource_name(plain)
        return Audience(name or f"the app {plain}", is_graph=False, app_id=plain, is_public=name is not None)
    host = _host(plain)
    if host in _GRAPH_HOSTS:
        return Audience("Microsoft Graph", is_graph=True, cloud=_GRAPH_HOSTS[host], app_id=resources.GRAPH)
    app_id = _known(host)
    if app_id:
        name = resources.resource_name(app_id) or value
        return Audience(name, is_graph=False, app_id=app_id)
    return Audience(value, is_graph=False, is_public=False)


def _host(value: str) -> str:
    try:
        return (urlsplit(value if "//" in value else f"//{value}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _known(host: str) -> str:
    """App id of the API at a host or at a host above it (``contoso.sharepoint.com``); empty if it is none we know."""
    while "." in host:
        if host in _HOSTS:
            return _HOSTS[host]
        host = host.partition(".")[2]
    return ""
