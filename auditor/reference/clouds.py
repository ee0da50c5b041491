"""The Microsoft clouds: hosts of sign-in, Graph and the portals.

Source: https://learn.microsoft.com/graph/deployments and
https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """One cloud. Tokens of one are worthless in another."""

    name: str
    """The word used in the configuration: ``global``, ``us-gov``, ``us-dod``, ``china``."""
    login_host: str
    graph_host: str
    portal_host: str
    """Host of the Entra admin centre (links in reports)."""
    azure_cli_name: str
    """Name for ``az cloud set``."""
    powershell_environment: str
    """Value for ``Connect-MgGraph -Environment``."""

    @property
    def graph_resource(self) -> str:
        """What a token for Graph is asked for, without ``/.default``."""
        return f"https://{self.graph_host}"

    @property
    def authority(self) -> str:
        """Where tokens are asked for."""
        return f"https://{self.login_host}"


CLOUDS: dict[str, Cloud] = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            "global", "login.microsoftonline.com", "graph.microsoft.com", "entra.microsoft.com", "AzureCloud", "Global"
        ),
        Cloud(
            "us-gov",
            "login.microsoftonline.us",
            "graph.microsoft.us",
            "entra.microsoft.us",
            "AzureUSGovernment",
            "USGov",
        ),
        Cloud(
            "us-dod",
            "login.microsoftonline.us",
            "dod-graph.microsoft.us",
            "entra.microsoft.us",
            "AzureUSGovernment",
            "USGovDoD",
        ),
        # Two Microsoft pages disagree on China's login host; this is azure-identity's. [tenant] authority overrides it.
        Cloud(
            "china",
            "login.chinacloudapi.cn",
            "microsoftgraph.chinacloudapi.cn",
            "entra.microsoftonline.cn",
            "AzureChinaCloud",
            "China",
        ),
    )
}
