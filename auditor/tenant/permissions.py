"""The comparison: requested against granted, one row for each (app, resource, permission, type).

Columns and statuses are those of ``permissions`` in the interface. Pure: tables in, one table out.
"""

from __future__ import annotations

PERMISSIONS = {
    "app_id": "str",
    "app_name": "str",
    "app_kind": "str: as APPS.kind",
    "resource_app_id": "str: missing where the granting service principal was deleted and its app id is unknown",
    "resource": "str: display name of the resource; well-known name where it has no service principal here",
    "permission_id": "str: missing where only a value is known",
    "permission": "str: value, missing where only an id is known",
    "type": "str: delegated | application",
    "requested": "boolean: unknown where the registration lives in another tenant, does not exist, or was not read",
    "granted": "boolean: unknown where the grants or assignments were not read",
    "consent": "str: admin | users | none; missing where unknown",
    "consented_users": "int: distinct users of single-user grants",
    "status": "str: granted | partly-consented | not-consented | unrequested | unknown-permission | disabled-permission | "
    "resource-missing | preauthorized | user-consentable; missing where it hangs on grants that were not read",
    "admin_only": "boolean: an admin must consent (application permissions, and scopes of type Admin); unknown if undefined",
}

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""appRoleId of an assignment without a role ("Default Access"): no permission at all."""
