"""How long the workbook takes, as a multiple of a bare openpyxl write-only run over the same cells (wanted: under 0.35).

    python benchmarks/xlsx.py [PERMISSIONS [FINDINGS]]

Makes a tenant of that many permission rows and findings (default 200,000 and 20,000), writes both, each in a process of its
own, and prints times, the ratio, the peak of memory over the loaded run, and the size of the files. Leaves with 1 if the
ratio is over the limit. A bare run writes values alone: no looks, no links, no tables.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd

from auditor.audit.check import CheckMeta, Finding, Remediation
from auditor.audit.result import AuditRun, CheckResult
from auditor.tenant.columns import APPS, CONDITIONAL_ACCESS, CONSENTS, CREDENTIALS, empty
from auditor.tenant.permissions import PERMISSIONS

LIMIT = 0.35
GRAPH = str(UUID(int=3))


def run_of(permissions: int, findings: int) -> AuditRun:
    """A run with that many facts: an app has 20 permissions, names and ids are like a tenant's."""
    apps = max(1, permissions // 20)
    number = pd.RangeIndex(permissions)
    app = number // 20
    value = number % 500
    facts = {
        "app_id": [str(UUID(int=one << 64)) for one in app],
        "app_name": [f"Application {one} of the works" for one in app],
        "app_kind": "registration",
        "resource_app_id": GRAPH,
        "resource": "Microsoft Graph",
        "permission_id": [str(UUID(int=one + (1 << 100))) for one in value],
        "permission": [f"Resource{one}.ReadWrite.All" for one in value],
        "type": ["application" if one % 3 else "delegated" for one in number],
        "requested": True,
        "granted": [bool(one % 2) for one in number],
        "consent": ["admin" if one % 2 else "none" for one in number],
        "consented_users": 0,
        "status": ["granted" if one % 2 else "not-consented" for one in number],
        "admin_only": True,
    }
    table = pd.DataFrame({name: facts.get(name) for name in PERMISSIONS}, index=number)
    meta = CheckMeta(
        "consent-missing", "Consent is given", "403: the right set of permissions?", "high", ("applications",)
    )
    found = [_finding(one % apps, one) for one in range(findings)]
    return AuditRun(
        tool_version="0", catalog_date="2026-11-01", tenant_id=str(UUID(int=1)), tenant_name="Large", cloud="global",
        collected_at=datetime(2026, 11, 22, tzinfo=UTC), signed_in_as="", requests=0, coverage=[],
        checks=[CheckResult(meta, "fail", permissions, findings)], findings=found, apps=empty(APPS), permissions=table,
        credentials=empty({**CREDENTIALS, "display_name": "str"}), consents=empty(CONSENTS), conditional_access=empty(CONDITIONAL_ACCESS),
    )  # fmt: skip


def _finding(app: int, number: int) -> Finding:
    name, value = f"Application {app} of the works", f"Resource{number % 500}.ReadWrite.All"
    return Finding(
        "consent-missing", "high", certainty="certain", app_id=str(UUID(int=app << 64)), display_name=name, resource_app_id=GRAPH,
        permission=value, permission_type="application", http_status=403, error_code="Authorization_RequestDenied",
        summary=f"{name} requests {value} on Microsoft Graph and nobody has granted it: calls that need it are refused.",
        remediation=Remediation("Grant admin consent.", (f"az ad app permission admin-consent --id {number}",), f"https://login.microsoftonline.com/x/adminconsent?client_id={app}"),
        evidence={"requested": True, "granted": False}, subject=(str(number),), help_url="https://learn.microsoft.com/graph/permissions-reference",
    )  # fmt: skip


def bare(run: AuditRun, path: Path) -> None:
    """The same cells by openpyxl alone; text that begins like a formula does not occur."""
    from openpyxl import Workbook

    from reports.columns import sheets_of

    book = Workbook(write_only=True)
    for sheet in sheets_of(run):
        ws: Any = book.create_sheet(sheet.title)
        ws.append(sheet.headers)
        for row in sheet.rows(run):
            ws.append(row)
    book.save(path)


def ours(run: AuditRun, path: Path) -> None:
    """The workbook."""
    from reports.xlsx import write_xlsx

    write_xlsx(run, path)


def measured(name: str, run: AuditRun, folder: Path) -> float:
    """Seconds that one of the two takes, in a process of its own; prints what else there is to say."""
    write = {"bare openpyxl": bare, "workbook": ours}[name]
    path = folder / f"{name.split(maxsplit=1)[0]}.xlsx"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.perf_counter()
        write(run, path)
        taken = time.perf_counter() - begin
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(writing, f"{taken} {more}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        taken, more = map(float, pipe.read().split())
    os.waitpid(child, 0)
    print(f"{name}: {taken:.1f} s, {more:.0f} MB more memory, file {path.stat().st_size / 1e6:.1f} MB")
    return taken


def main(permissions: int, findings: int) -> int:
    """Writes both, and compares."""
    run = run_of(permissions, findings)
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{permissions:,} permission rows and {findings:,} findings; {loaded:.0f} MB loaded")
    with tempfile.TemporaryDirectory() as folder:
        times = {name: measured(name, run, Path(folder)) for name in ("workbook", "bare openpyxl")}
    ratio = times["workbook"] / times["bare openpyxl"]
    print(f"ratio {ratio:.2f} (limit {LIMIT})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:3]]
    raise SystemExit(main(*(numbers + [200_000, 20_000][len(numbers) :])))
