"""What the commands print and write, where, and over which steps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reports
from auditor import __version__
from auditor.emulator.build import TenantBuilder
from auditor.emulator.generate import large
from auditor.emulator.server import Emulator

from .conftest import Run

HOSTILE = "\x1b[31m[bold]evil[/bold]\u202e=cmd()\x07"


def child(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auditor", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environ},
        check=False,
    )


def test_audit_over_http_with_a_token_and_no_configuration(auditor: Run, contoso_server: Emulator) -> None:
    result = auditor("audit", "--graph-url", contoso_server.url, token=contoso_server.auditor_token())
    assert result.code == 0
    folder = next(Path().glob("audit-Contoso-*"))
    assert re.fullmatch(r"audit-Contoso-\d{8}T\d{6}Z", folder.name)
    assert sorted(path.name for path in folder.iterdir()) == ["audit.html", "audit.json", "audit.xlsx"]
    for path in folder.iterdir():
        assert f"report: {folder / path.name}" in result.err
    assert "Contoso" in result.out
    assert "read servicePrincipals: " in result.err
    report = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    assert {row["outcome"] for row in report["checks"]} <= {"fail", "pass", "not-applicable"}


def test_json_on_standard_output_and_nothing_else_there(auditor: Run, snapshot: Path) -> None:
    result = auditor("audit", "--from", snapshot, "--format", "json", "--out", "-")
    assert result.json()["schema_version"] == 1
    assert "checks assessed" in result.err
    assert not list(Path().iterdir())


def test_the_same_snapshot_gives_the_same_bytes(auditor: Run, snapshot: Path) -> None:
    first = auditor("audit", "--from", snapshot, "--format", "json", "--out", "-")
    assert auditor("audit", "--from", snapshot, "--format", "json", "--out", "-").out == first.out


def test_a_saved_snapshot_holds_the_same_audit(auditor: Run, contoso_server: Emulator) -> None:
    live = auditor(
        *(
            "audit",
            "--quiet",
            "--graph-url",
            contoso_server.url,
            "--save-snapshot",
            "kept",
            "--format",
            "json",
            "--out",
            "-",
        ),
        token=contoso_server.auditor_token(),
    )
    later = auditor("audit", "--quiet", "--from", "kept", "--format", "json", "--out", "-")
    assert live.code == later.code == 0
    assert live.json() == later.json()


def test_quiet_leaves_the_result_alone(auditor: Run, snapshot: Path) -> None:
    result = auditor("audit", "--from", snapshot, "--quiet", "--out", "reports", "--format", "csv")
    assert result.err == ""
    assert "Contoso" in result.out
    assert {f"csv/{path.name}" for path in Path("reports/csv").iterdir()} == set(reports.FORMATS["csv"]) - {
        "csv/changes.csv"
    }


def test_app_limits_the_report(auditor: Run, snapshot: Path) -> None:
    whole = auditor("audit", "--from", snapshot, "--format", "json", "--out", "-").json()
    app_id = next(finding["app_id"] for finding in whole["findings"] if finding["app_id"])
    part = auditor("audit", "--from", snapshot, "--app", app_id.upper(), "--format", "json", "--out", "-").json()
    assert [app["app_id"] for app in part["apps"]] == [app_id]
    assert part["findings"] == [finding for finding in whole["findings"] if finding["app_id"] == app_id]
    assert part["permissions"] == [row for row in whole["permissions"] if row["app_id"] == app_id]


def test_configured_folder_formats_and_days(auditor: Run, snapshot: Path) -> None:
    Path("config.toml").write_text(
        '[report]\nout = "configured"\nformats = ["md"]\n[checks]\ncredential_expiry_days = 0\n'
    )
    assert auditor("audit", "--from", snapshot).code == 0
    assert [path.name for path in Path("configured").iterdir()] == ["audit.md"]


def test_from_a_snapshot_nothing_that_speaks_http_is_imported(snapshot: Path) -> None:
    script = (
        "import sys; from auditor.cli.app import run; "
        f"code = run(['audit', '--from', {str(snapshot)!r}, '--format', 'json', '--out', '-', '--quiet']); "
        "loaded = [name for name in ('azure', 'msgraph', 'kiota_abstractions', 'httpx', 'auditor.graph.client') if name in sys.modules]; "
        "sys.exit(code or (f'imported {loaded}' if loaded else 0))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from auditor.cli.app import run; run(['audit', '--help']); "
        "loaded = [name for name in ('pandas', 'numpy', 'azure', 'msgraph', 'openpyxl', 'jinja2', 'orjson') if name in sys.modules]; "
        "sys.exit(f'imported {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"--fail-on" in done.stdout


def test_version(auditor: Run) -> None:
    result = auditor("--version")
    assert (result.code, result.out) == (0, f"graph-auditor {__version__}\n")


def test_python_m_auditor_is_the_command() -> None:
    done = child("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"graph-auditor {__version__}")


def test_demo_twice(auditor: Run) -> None:
    for number in (1, 2):
        result = auditor("demo")
        assert result.code == 0
        folders = list(Path().glob("audit-Contoso-*"))
        assert len(folders) == number
        assert "audit.xlsx" in result.err
        assert "critical" in result.out


def test_demo_reads_no_configuration(auditor: Run) -> None:
    Path("config.toml").write_text("broken [")
    assert auditor("demo", "--out", "reports", "--format", "json", token="ignored").code == 0
    assert Path("reports/audit.json").is_file()


def test_doctor_as_json(auditor: Run, contoso_server: Emulator) -> None:
    token = contoso_server.auditor_token(without=("Policy.Read.All", "RoleManagement.Read.Directory"))
    result = auditor("doctor", "--graph-url", contoso_server.url, "--format", "json", token=token)
    assert result.code == 4
    told = result.json()
    rows = {row["source"]: row for row in told["sources"]}
    assert rows["applications"]["status"] == "read"
    policies = rows["identity/conditionalAccess/policies"]
    assert (policies["status"], policies["permission"]) == ("denied", "Policy.Read.All")
    assert "conditional-access" in policies["affects"]
    assert "Policy.Read.All" in told["missing_permissions"]
    assert told["admin_consent_url"].startswith("https://login.microsoftonline.com/")
    granted = [line for line in told["commands"]["Microsoft Graph PowerShell"] if "AppRoleId" in line]
    assert [line.rpartition("# ")[2] for line in granted] == told["missing_permissions"]
    roles = next(line for line in told["commands"]["az"] if "permission add" in line)
    assert roles.count("=Role") == len(granted) < len(told["permissions"])
    assert told["tenant"]["display_name"] == "Contoso"


def test_doctor_prints_every_command_where_nothing_is_held_and_none_where_nothing_is_missing(
    auditor: Run, contoso_server: Emulator
) -> None:
    arguments = ("doctor", "--graph-url", contoso_server.url)
    nothing = auditor(*arguments, token=contoso_server.token(roles=[]))
    assert nothing.code == 3  # as audit would
    assert "may not read the tenant at all" in nothing.err
    told = auditor(*arguments, "--format", "json", token=contoso_server.token(roles=[])).json()
    assert set(told["missing_permissions"]) == set(told["permissions"])
    for name in told["permissions"]:
        assert f"# {name}\n" in nothing.err
    whole = auditor(*arguments, "--format", "json", token=contoso_server.auditor_token())
    assert (whole.code, whole.json()["commands"]) == (0, {})


def test_doctor_for_a_person_names_roles(auditor: Run, contoso_server: Emulator) -> None:
    token = contoso_server.token(scopes=("User.Read",))
    result = auditor("doctor", "--graph-url", contoso_server.url, token=token)
    assert result.code == 4
    assert "Security Reader" in result.out


def test_checks_lists_and_explains(auditor: Run) -> None:
    listed = auditor("checks")
    assert "consent-missing" in listed.out
    as_json = auditor("checks", "--format", "json").json()
    assert {"check", "title", "severity", "sources", "help_url"} <= set(as_json[0])
    page = auditor("checks", "consent-missing")
    assert page.out.startswith("# consent-missing\n")
    assert "## How to fix" in page.out
    assert "<!--" not in page.out
    assert auditor("checks", "consent-missing", "--format", "json").json()["page"].startswith("# consent-missing")


def test_catalog_info(auditor: Run) -> None:
    facts = auditor("catalog", "info", "--format", "json").json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts["date"])
    assert facts["date"] in auditor("catalog", "info").out


def test_emulate_prints_its_url_and_a_token_that_an_audit_can_use(auditor: Run) -> None:
    tenant = TenantBuilder("Fabrikam")
    tenant.app("Orders", requests=(("User.Read.All", "application"),))
    Path("tenant.json").write_text(json.dumps(tenant.data), encoding="utf-8")
    command = [sys.executable, "-m", "auditor", "emulate", "--tenant-file", "tenant.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url, token = process.stdout.readline().strip(), process.stdout.readline().strip()
            result = auditor("audit", "--graph-url", url, "--format", "json", "--out", "-", token=token)
        finally:
            process.terminate()
    assert result.code == 0
    assert result.json()["tenant"]["display_name"] == "Fabrikam"
    assert [finding["check"] for finding in result.json()["findings"]] == ["consent-missing"]


@pytest.fixture
def hostile(auditor: Run) -> Run:
    tenant = TenantBuilder(HOSTILE)
    tenant.app(HOSTILE, requests=(("User.Read.All", "application"),))
    with Emulator(tenant.data) as emulator:
        code = auditor("collect", "--graph-url", emulator.url, "--out", "hostile", token=emulator.auditor_token())
    for text in (code.out, code.err):
        assert "\x1b" not in text
    return auditor


def test_names_from_a_tenant_neither_paint_nor_reorder_the_terminal(hostile: Run) -> None:
    result = hostile("audit", "--from", "hostile", "--format", "json")
    assert result.code == 0
    for text in (result.out, result.err):
        assert not set(text) & {"\x1b", "\x07", "\u202e"}
    assert "[bold]evil[/bold]" in result.out  # shown as it is, not read as markup
    folder = next(Path().glob("audit-*"))
    assert re.fullmatch(r"audit-[A-Za-z0-9-]+", folder.name)


def test_no_colour_without_a_terminal_and_with_no_color(snapshot: Path) -> None:
    for environ in ({}, {"NO_COLOR": "1"}):
        done = child("audit", "--from", str(snapshot), "--format", "json", **environ)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals")
@pytest.mark.parametrize("no_color", [False, True])
def test_on_a_terminal_colours_unless_no_color(snapshot: Path, no_color: bool) -> None:
    import pty

    environ = {**os.environ, "TERM": "xterm-256color", **({"NO_COLOR": "1"} if no_color else {})}
    near, far = pty.openpty()
    command = [sys.executable, "-m", "auditor", "audit", "--from", str(snapshot), "--format", "json"]
    process = subprocess.Popen(command, stdout=far, stderr=subprocess.DEVNULL, env=environ)
    os.close(far)
    shown = b""
    while True:
        try:
            piece = os.read(near, 65536)
        except OSError:  # Linux's way to say that the other end has left
            break
        if not piece:
            break
        shown += piece
    os.close(near)
    assert process.wait() == 0
    assert b"critical" in shown
    assert (re.search(rb"\x1b\[[0-9;]*3[0-9]", shown) is None) == no_color


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a pipe otherwise")
@pytest.mark.parametrize("output", [("--out", "-"), ("--out", "reports")])
def test_a_reader_that_leaves_early_is_no_traceback_and_no_finding(snapshot: Path, output: tuple[str, str]) -> None:
    """Nobody ever reads: the first write meets a closed pipe, be it JSON or a table."""
    near, far = os.pipe()
    os.close(near)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "auditor", "audit", "--from", snapshot, "--format", "json", *output, "--quiet"],
            stdout=far,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(far)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to write to")
@pytest.mark.parametrize(
    "arguments", [("audit", "--out", "-"), ("audit", "--out", "reports"), ("checks", "credential-expired"), ("--help",)]
)
def test_a_full_disk_is_one_sentence(snapshot: Path, arguments: tuple[str, ...]) -> None:
    more = ("--from", str(snapshot), "--format", "json", "--quiet") if arguments[0] == "audit" else ()
    command = [sys.executable, "-m", "auditor", *arguments, *more]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr == "error: standard output cannot be written to (No space left on device).\n"


def test_a_stream_that_lacks_characters_shows_replacements(snapshot: Path) -> None:
    done = child("audit", "--from", str(snapshot), "--format", "json", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr


def test_requests_grow_with_pages_and_resources_and_never_write(auditor: Run) -> None:
    count = 20_000
    with Emulator(large(count)) as emulator:
        url, token = emulator.url, emulator.auditor_token()
        result = auditor("collect", "--graph-url", url, "--out", "large", "--quiet", token=token)
        assert result.code == 0, result.err
        sent = len(emulator.requests)
        assert emulator.writes == 0
        assert {record.method for record in emulator.requests} <= {"GET", "POST"}
        assert {record.path for record in emulator.requests if record.method == "POST"} <= {"/v1.0/$batch"}
        assert emulator.defects == []
    assert sent <= 0.02 * count, f"{sent} requests for {count} service principals"
