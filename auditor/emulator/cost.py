"""What a request costs in resource units. https://learn.microsoft.com/graph/throttling-limits (identity and access)."""

from __future__ import annotations

from auditor.emulator.options import Options

_BASE = {"applications": 2, "oauth2PermissionGrants": 2, "appRoleAssignments": 2, "subscribedSkus": 3, "users": 2}


def resource_units(name: str, options: Options) -> int:
    """Units of a read: the base cost of the last member of the address, less for ``$select``, more for ``$expand``."""
    units = _BASE.get(name, 1) - bool(options.select) + bool(options.expand)
    if options.top is not None and options.top < 20:
        units -= 1
    return max(units, 1)
