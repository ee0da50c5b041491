"""The examples of pipelines: each file is read as its consumer reads it, and what it runs is run against the emulator.

Pieces that only another machine has (installing, signing in, uploading) are left out. Scripts are run by bash, with a
command ``auditor`` that is this one and signs in with a token of the emulator.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor import config
from auditor.emulator.build import TenantBuilder
from auditor.emulator.server import Emulator

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
needs_bash = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="needs bash")


@dataclass(frozen=True)
class Place:
    """A small tenant that is served."""

    emulator: Emulator
    healthy: str
    """An app that may read users, and nothing else."""
    troubled: str
    """An app whose only credential has expired."""
    tenant: str


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    builder = TenantBuilder()
    healthy = builder.app("Payroll", certificate="@now+300d", requests=[("User.Read.All", "application")])
    builder.consent(healthy)
    troubled = builder.app("Archive", certificate="@now-3d", requests=[("User.Read.All", "application")])
    builder.consent(troubled)
    with Emulator(builder.data) as emulator:
        yield Place(emulator, healthy.app_id, troubled.app_id, builder.data["tenant"]["id"])
    assert emulator.defects == []


@dataclass(frozen=True)
class Runner:
    """Runs what an example runs, in a folder of its own."""

    folder: Path
    place: Place

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The example's variables; where and how to sign in is the test's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUDITOR_", "AZURE_"))}
        return {
            **kept,
            **(more or {}),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(ROOT),
            "AUDITOR_AUTH_METHOD": "token",
            "AUDITOR_ACCESS_TOKEN": self.place.emulator.auditor_token(),
            "AUDITOR_TENANT_GRAPH_URL": self.place.emulator.url,
        }

    def bash(self, script: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A script as a pipeline runs it: it ends at the first command that fails."""
        return self._done(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], more)

    def auditor(self, arguments: list[str], more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return self._done([sys.executable, "-m", "auditor", *arguments], more)

    def _done(self, command: list[str], more: Mapping[str, str] | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(more),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    def reports(self) -> set[str]:
        return {path.name for path in (self.folder / "reports").iterdir()}


@pytest.fixture
def runner(tmp_path: Path, place: Place) -> Runner:
    command = tmp_path / "bin" / "auditor"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m auditor "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return Runner(tmp_path, place)


def document(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def files() -> list[Path]:
    """The examples that run something; what a command reads (a file of calls) is no such example."""
    kinds = ("", ".yml", ".service", ".timer", ".xml")
    return sorted(path for path in EXAMPLES.rglob("*") if path.is_file() and path.suffix in kinds)


# GitHub Actions


def github() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The job, and its steps by name."""
    job = document("github-actions.yml")["jobs"]["check"]
    return job, {step["name"]: step for step in job["steps"] if "name" in step}


@needs_bash
@pytest.mark.parametrize(("app", "code"), [("healthy", 0), ("troubled", 1)])
def test_github_checks_an_app_and_shows_the_summary(runner: Runner, app: str, code: int) -> None:
    job, steps = github()
    assert config.load(environ={"AUDITOR_AUTH_METHOD": job["env"]["AUDITOR_AUTH_METHOD"]}).auth.method == "azure-cli"
    (runner.folder / "graph-calls.txt").write_text("GET /users\n", encoding="utf-8")
    more = {
        "APP_ID": getattr(runner.place, app),
        "AZURE_TENANT_ID": runner.place.tenant,
        "GITHUB_STEP_SUMMARY": str(runner.folder / "summary.md"),
    }
    done = runner.bash(steps["Check"]["run"], more)
    assert done.returncode == code, done.stderr
    assert runner.reports() == {"audit.json", "audit.sarif", "audit.md"}
    assert runner.bash(steps["Show in the job's summary"]["run"], more).returncode == 0
    assert text_of(runner.folder / "summary.md").startswith("# Graph permission audit of ")
    (run,) = json.loads((runner.folder / steps["Show as code scanning alerts"]["with"]["sarif_file"]).read_bytes())[
        "runs"
    ]
    assert bool(run["results"]) == bool(code)


def test_github_shows_reports_of_a_failed_check_and_asks_for_no_more_than_it_needs() -> None:
    workflow = document("github-actions.yml")
    assert workflow["permissions"] == {"contents": "read", "id-token": "write", "security-events": "write"}
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML 1.1 reads on as true
    _, steps = github()
    after = list(steps.values())[list(steps).index("Check") + 1 :]
    assert len(after) == 3
    assert all("!cancelled()" in step["if"] for step in after), "without it a failed check would hide its reports"


# Azure Pipelines


def azure_step(name: str) -> dict[str, Any]:
    (found,) = (step for step in document("azure-pipelines.yml")["steps"] if step.get("displayName") == name)
    return dict(found)


@needs_bash
def test_azure_audits_against_the_accepted_audit(runner: Runner) -> None:
    first = runner.auditor(["audit", "--out", "pipeline/accepted", "--format", "json", "--quiet"])
    assert first.returncode == 0, first.stderr
    script = azure_step("Audit")["inputs"]["inlineScript"]
    done = runner.bash(script, document("azure-pipelines.yml")["variables"])
    assert done.returncode == 0, done.stderr
    results = azure_step("Show under Tests")["inputs"]["testResultsFiles"]
    root = ET.parse(runner.folder / results).getroot()
    assert root.get("failures") == "0", "everything is known"
    assert int(root.get("tests", "0")) > 20
    shown = runner.bash(azure_step("Show in the run's summary")["script"])
    assert shown.returncode == 0
    assert Path(shown.stdout.strip().partition("]")[2]).is_file()

    baseline = runner.folder / "pipeline" / "accepted" / "audit.json"
    known = json.loads(baseline.read_bytes())
    known["findings"] = []
    baseline.write_text(json.dumps(known), encoding="utf-8")
    shutil.rmtree(runner.folder / "reports")
    assert runner.bash(script).returncode == 1
    assert ET.parse(runner.folder / results).getroot().get("failures") != "0"


def test_azure_shows_reports_of_a_failed_audit() -> None:
    steps = document("azure-pipelines.yml")["steps"]
    audit = next(number for number, step in enumerate(steps) if step.get("displayName") == "Audit")
    assert len(steps[audit + 1 :]) == 3
    assert all(step["condition"] == "succeededOrFailed()" for step in steps[audit + 1 :])


# GitLab CI


@needs_bash
def test_gitlab_audits_and_leaves_a_test_report(runner: Runner) -> None:
    job = document("gitlab-ci.yml")["graph-permissions"]
    assert config.load(environ=job["variables"]).auth.method == "workload-identity"
    token = runner.folder / "id-token"
    more = {**job["variables"], "AZURE_ID_TOKEN": "x.y.z", "AZURE_FEDERATED_TOKEN_FILE": str(token)}
    done = runner.bash("\n".join([*job["before_script"], *job["script"]]), more)
    assert done.returncode == 1, done.stderr
    assert text_of(token) == "x.y.z"
    junit = job["artifacts"]["reports"]["junit"]
    assert ET.parse(runner.folder / junit).getroot().get("failures") != "0"
    assert job["artifacts"]["when"] == "always"
    assert {Path(junit).name, "audit.xlsx", "audit.html", "audit.json"} == runner.reports()


# A container image, and the job that runs it


def instructions() -> list[tuple[str, str]]:
    lines = text_of(EXAMPLES / "Containerfile").replace("\\\n", " ").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#"))
    return [(word, rest) for word, rest in pairs]


def test_the_image_holds_what_an_installation_needs_and_runs_without_root() -> None:
    made = instructions()
    copied = {name for word, rest in made if word == "COPY" for name in rest.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    needed = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "NOTICE", "auditor", "checks", "reports"}
    assert copied == needed
    assert dict(made)["USER"] == "10001"
    assert json.loads(dict(made)["ENTRYPOINT"]) == ["auditor"]
    order = [word for word, _ in made]
    assert order.index("RUN") < order.index("USER") < order.index("ENTRYPOINT")
    assert not re.search(r"(?i)secret|password|token", "".join(rest for _, rest in made))


def test_the_container_apps_job_audits_as_its_managed_identity(runner: Runner) -> None:
    job = document("container-apps-job.yml")
    (container,) = job["properties"]["template"]["containers"]
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    assert variables["AUDITOR_AUTH_METHOD"] == "managed-identity"
    assert job["identity"]["type"] == "UserAssigned"
    assert [registry["identity"] for registry in job["properties"]["configuration"]["registries"]] == list(
        job["identity"]["userAssignedIdentities"]
    )
    (volume,) = job["properties"]["template"]["volumes"]
    (mount,) = container["volumeMounts"]
    assert mount == {"volumeName": volume["name"], "mountPath": dict(instructions())["WORKDIR"]}
    variables |= {"AUDITOR_TENANT_ID": runner.place.tenant, "AUDITOR_AUTH_CLIENT_ID": runner.place.healthy}
    done = runner.auditor(container["args"], variables)
    assert done.returncode == 1, done.stderr
    (made,) = runner.folder.glob("audit-*")
    assert {path.name for path in made.iterdir()} == {"audit.xlsx", "audit.html", "audit.json"}


# A machine's own scheduler


CONFIGURATION = '[tenant]\nid = "{tenant}"\n[report]\nformats = ["md"]\n'


def scheduled(runner: Runner, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a scheduler's command line with a configuration file in place of the one that it names."""
    at = arguments.index("--config") + 1
    file = runner.folder / "config.toml"
    file.write_text(CONFIGURATION.format(tenant=runner.place.tenant), encoding="utf-8")
    return runner.auditor([*arguments[:at], str(file), *arguments[at + 1 :]])


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """A systemd unit; a key may occur several times."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in text_of(EXAMPLES / "systemd" / name).splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def test_the_systemd_service_audits_into_its_state_folder(runner: Runner) -> None:
    service = unit("graph-auditor.service")["Service"]
    program, *arguments = shlex.split(service["ExecStart"][0])
    assert program.endswith("/bin/auditor")
    assert scheduled(runner, arguments).returncode == 0
    assert list(runner.folder.glob("audit-*/audit.md"))
    environ = dict(entry.split("=", 1) for entry in service["Environment"])
    settings = config.load(environ=environ)
    assert settings.auth.method == "certificate"
    assert settings.auth.certificate_file is not None
    assert settings.auth.certificate_file.name == service["LoadCredential"][0].split(":")[0]
    assert service["StateDirectoryMode"] == ["0700"]


def test_the_systemd_timer_runs_the_service_of_its_name() -> None:
    timer = unit("graph-auditor.timer")
    assert timer["Timer"]["OnCalendar"] == ["Mon 04:15"]
    assert timer["Install"]["WantedBy"] == ["timers.target"]
    assert (EXAMPLES / "systemd" / "graph-auditor.service").is_file()
    configparser.ConfigParser(strict=True, interpolation=None).read_string(
        text_of(EXAMPLES / "systemd" / "graph-auditor.timer")
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for file in (EXAMPLES / "systemd").iterdir():
        text = text_of(file).replace("/opt/graph-auditor/.venv/bin/auditor", sys.executable)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [
        line for line in done.stderr.splitlines() if "graph-auditor" in line
    ]  # other units of this machine are not ours
    assert said == []


def test_the_windows_task_audits_into_its_working_folder(runner: Runner) -> None:
    task = ET.parse(EXAMPLES / "windows-task-scheduler.xml").getroot()
    assert task.tag == f"{TASK}Task"
    told = {one.tag.removeprefix(TASK): one.text or "" for one in task.iter()}
    assert told["Command"].endswith("\\auditor.exe")
    assert told["WorkingDirectory"] == r"C:\Auditor\reports"
    assert told["UserId"] == "S-1-5-19"
    done = scheduled(runner, told["Arguments"].split())
    assert done.returncode == 0, done.stderr
    assert list(runner.folder.glob("audit-*/audit.md"))


# All of them


def test_every_example_is_explained() -> None:
    page = text_of(ROOT / "docs" / "pipelines.md")
    for file in files():
        assert f"](../{file.relative_to(ROOT).as_posix()})" in page, file.name


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_variables_are_ones_that_the_configuration_reads(file: Path) -> None:
    known = {"AUDITOR_ACCESS_TOKEN", "AUDITOR_IMAGE", "AUDITOR_REPOSITORY"}  # the last two are the pipeline's own
    for table, kind in config.TABLES.items():
        known |= {name for declared in config.fields(kind) for name in config.variables_of(table, declared)}
    assert set(re.findall(r"\bAUDITOR_[A-Z_]+", text_of(file))) <= known


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_this_product_is_installed_from_its_source(file: Path) -> None:
    """By name it would be whoever owns that name in a registry, and would run with the tenant's token."""
    for line in re.findall(r"pip install([^\n&\\]*)", text_of(file)):
        assert line.split()[-1].startswith("."), line
