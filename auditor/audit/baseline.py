"""The baseline: fingerprints of an earlier ``audit.json``. Findings among them are known and do not count for the gate."""

from __future__ import annotations

import json
from pathlib import Path

from auditor.errors import InputError


def fingerprints(file: Path | None, tenant_id: str) -> frozenset[str]:
    """The fingerprints of an earlier audit's findings; none without a file.

    Args:
        file: the earlier ``audit.json``.
        tenant_id: the tenant audited now. Fingerprints of another tenant match nothing, and whoever gave them expects
            that they do.

    Raises:
        InputError: the file cannot be read, is no ``audit.json`` that this version understands, or is of another tenant.
    """
    if file is None:
        return frozenset()
    try:
        data = json.loads(file.read_bytes())
        if data["schema_version"] != 1:
            raise InputError(f"{file}: this audit.json has schema version {data['schema_version']!r}, expected 1.")
        found = str(data["tenant"]["id"])
        if found.lower() != tenant_id.lower():
            raise InputError(f"{file}: the baseline is of tenant {found}, and tenant {tenant_id} is audited.")
        return frozenset(str(finding["fingerprint"]) for finding in data["findings"])
    except OSError as error:
        raise InputError(f"{file}: the baseline cannot be read ({error.strerror or error}).") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{file}: the baseline is not an audit.json that Graph Auditor wrote.") from None
