"""The straight line of an audit, one function a step: settings, collect, judge, publish, exit code.

``audit``, ``demo`` and ``check`` walk it from end to end, ``collect`` its first half. Each step calls the room that does the work;
heavy imports happen inside, so that ``--from`` never imports what speaks HTTP.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor import config, values
from auditor.cli.progress import progress
from auditor.cli.screen import Screen, say, write_json
from auditor.errors import AuditorError, ConfigError, InputError, OutputError, SignInError, UsageError
from auditor.reference.clouds import CLOUDS

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from auditor.audit.check import Check, Context, Finding
    from auditor.audit.result import AuditRun
    from auditor.tenant.snapshot import Snapshot
    from auditor.tenant.tables import Tenant

STANDARD_OUTPUT = "-"
NOBODY = (
    "Nobody is signed in: run 'az login', or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or choose an"
    " [auth] method (docs/configuration.md)."
)
"""Advice first; which ways were tried, and why each failed, comes behind it."""
SEVERITIES = ("critical", "high", "medium", "low", "info")
"""Worst first, the same as ``auditor.audit.check.SEVERITIES``, which is heavy to import."""


@dataclass(frozen=True)
class Job:
    """What one run of ``audit`` or ``check`` was asked for, flags and configuration together."""

    settings: config.Settings
    snapshot: Path | None = None
    """Audit this snapshot, without network."""
    save_snapshot: Path | None = None
    app_ids: tuple[str, ...] = ()
    to_standard_output: bool = False


def read_job(
    *,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    config_file: Path | None = None,
    snapshot: Path | None = None,
    save_snapshot: Path | None = None,
    apps: Sequence[str] = (),
    without_file: bool = False,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
    writes: bool = True,
) -> Job:
    """Settings and options as one job, refused early where they cannot be fulfilled.

    Args:
        flags: values by option, as ``auditor.config.load`` takes them; ``--out`` may be ``-``.
        without_file: no configuration file is read, not even ``config.toml``.
        defaults: defaults of this command, as ``auditor.config.load`` takes them.
        writes: whether reports will be written, so that their folder matters.

    Raises:
        ConfigError, UsageError, OutputError: whatever is wrong before anything is read.
    """
    to_standard_output = flags.get("--out") == STANDARD_OUTPUT
    if to_standard_output:
        flags = {**flags, "--out": None}
    settings = config.load(config_file, environ=environ, flags=flags, without_file=without_file, defaults=defaults)
    if to_standard_output and settings.report.formats != ("json",):
        raise UsageError("--out - writes JSON to standard output, so it needs --format json and no other format.")
    if snapshot is not None and save_snapshot is not None:
        raise UsageError("--from and --save-snapshot exclude each other: the snapshot of --from is there already.")
    if snapshot is not None and flags.get("--graph-url"):
        raise UsageError("--from and --graph-url exclude each other: an audit of a snapshot uses no network.")
    if snapshot is not None:
        _refuse_impossible(snapshot, "--from", InputError)
    if save_snapshot is not None:
        _refuse_unusable(save_snapshot)
    if settings.baseline.file is not None:
        _refuse_absent(settings.baseline.file)
    if writes and settings.report.out is not None and not to_standard_output:
        _check_out(settings.report.out, settings.report.formats)
    app_ids = tuple(dict.fromkeys(values.guid(app, values.Place("--app")) for app in apps))
    return Job(settings, snapshot, save_snapshot, app_ids, to_standard_output)


def _refuse_impossible(path: Path, place: str, error: type[AuditorError]) -> None:
    """A path that the system cannot even look up, such as one that is too long.

    Raises:
        error: naming the place it was given in.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as reason:
        why = (reason.strerror if isinstance(reason, OSError) else None) or reason
        raise error(f"{place}: {values.shown(str(path))} cannot be used ({why}).") from None


def _refuse_absent(baseline: Path) -> None:
    """Finds out before an hour of reading that there is nothing to compare with."""
    _refuse_impossible(baseline, "the baseline (--baseline)", InputError)
    if not baseline.exists():
        raise InputError(f"{baseline}: the baseline is not there; expected an audit.json or the folder of a snapshot.")


def _refuse_unusable(folder: Path) -> None:
    """Says what to do about a snapshot folder that a killed run has left; ``SnapshotWriter`` refuses every other."""
    _refuse_impossible(folder, "the folder of the snapshot", OutputError)
    try:
        names = {entry.name for entry in folder.iterdir()}
        inside = [entry.name for entry in (folder / "sources").iterdir()]
    except OSError:
        return
    if names <= {"sources", "manifest.json.part"} and all(name.endswith(".jsonl.zst") for name in inside):
        raise OutputError(
            f"{folder}: it holds an unfinished snapshot, left by a run that was ended by force; nothing can be read from"
            " it. Delete the folder, or choose another."
        )


def _check_out(folder: Path, formats: Sequence[str]) -> None:
    """Finds out before an hour of reading that the reports cannot be written; ``reports.write`` refuses again."""
    from reports import FORMATS

    _refuse_impossible(folder, "the folder of the reports (--out)", OutputError)
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(
            f"{folder}: the reports cannot be written there, because {nearest} is not a folder we may write to."
        )
    for name in (name for wanted in formats for name in FORMATS[wanted]):
        if (folder / name).exists():
            raise OutputError(
                f"{folder / name} is already there and is not overwritten; choose another folder with --out."
            )


@contextmanager
def opened(job: Job, screen: Screen, environ: Mapping[str, str]) -> Iterator[Snapshot]:
    """The snapshot to audit: the one of ``--from``, or one collected now (kept with ``--save-snapshot``, else temporary)."""
    if job.snapshot is not None:
        from auditor.tenant.snapshot import Snapshot

        yield Snapshot.open(job.snapshot)
        return
    if job.save_snapshot is not None:
        yield collect(job.settings, job.save_snapshot, screen, environ)
        screen.say(f"snapshot: {job.save_snapshot}")
        return
    with tempfile.TemporaryDirectory(prefix="auditor-", ignore_cleanup_errors=True) as folder:
        yield collect(job.settings, Path(folder) / "snapshot", screen, environ)


def collect(settings: config.Settings, folder: Path, screen: Screen, environ: Mapping[str, str]) -> Snapshot:
    """Signs in and reads the tenant into a snapshot folder.

    Raises:
        SignInError, GraphError: nobody signed in, or nothing could be read.
        OutputError: the folder cannot be written to, or is not empty.
    """
    from auditor.graph.collect import collect_tenant

    _refuse_unusable(folder)
    with signed_in(settings, environ) as credential, progress(screen) as watcher:
        return collect_tenant(
            credential,
            tenant=settings.tenant.id or None,
            cloud=CLOUDS[settings.tenant.cloud],
            graph_url=settings.tenant.graph_url or None,
            folder=folder,
            users=tuple(dict.fromkeys(user for app in settings.apps for user in app.users)),
            progress=watcher,
        )


def collect_one(
    settings: config.Settings,
    app: config.AppSettings,
    folder: Path,
    screen: Screen,
    environ: Mapping[str, str],
    *,
    manifest: Mapping[str, Any] | None,
) -> Snapshot:
    """Signs in and reads what one app needs into a snapshot folder.

    Args:
        settings: tenant and sign-in.
        app: the app, who signs in to it, and what its tokens are for.
        folder: where to.
        screen: for progress.
        environ: for sign-in.
        manifest: what its registration will be; None: what is deployed.

    Raises:
        SignInError, GraphError: nobody signed in, or nothing could be read.
        OutputError: the folder cannot be written to, or is not empty.
    """
    from auditor.graph.collect_app import collect_app

    _refuse_unusable(folder)
    with signed_in(settings, environ) as credential, progress(screen, small=True) as watcher:
        return collect_app(
            credential,
            app_id=app.app_id,
            tenant=settings.tenant.id or None,
            cloud=CLOUDS[settings.tenant.cloud],
            graph_url=settings.tenant.graph_url or None,
            folder=folder,
            users=app.users,
            manifest=manifest,
            resources=_resources(app.resource),
            progress=watcher,
        )


def _resources(word: str) -> tuple[str, ...]:
    """The app id of a resource that is named by a word or by its app id; none for an App ID URI."""
    from auditor.reference import resources

    ids = {
        "aad-graph": resources.AAD_GRAPH,
        "exchange": resources.EXCHANGE,
        "sharepoint": resources.SHAREPOINT,
        "arm": resources.ARM,
    }
    found = ids.get(word, word)
    return (found,) if values.is_guid(found) else ()


@contextmanager
def signed_in(settings: config.Settings, environ: Mapping[str, str]) -> Iterator[TokenCredential]:
    """A credential that has given a token for Graph, closed in the end.

    Raises:
        SignInError, ConfigError: nobody signed in, and why.
    """
    from auditor.graph.signin import sign_in

    try:
        credential = sign_in(
            settings.auth,
            tenant=settings.tenant.id or None,
            cloud=CLOUDS[settings.tenant.cloud],
            authority=settings.tenant.authority or None,
            environ=environ,
            tell=say,
        )
    except SignInError as error:
        if "none of the ways that DefaultAzureCredential tries" not in str(error):
            raise
        raise SignInError(f"{NOBODY} {error}") from None
    try:
        yield credential
    finally:
        if (close := getattr(credential, "close", None)) is not None:
            close()


def judge(snapshot: Snapshot, job: Job) -> AuditRun:
    """Loads the whole tenant and audits it.

    Raises:
        InputError: the snapshot or the baseline cannot be used.
        UsageError: the snapshot is of another tenant or of one app alone, or an ``--app`` is not in the tenant.
    """
    from auditor.tenant.tables import Tenant

    if snapshot.scope:
        raise UsageError(
            f"{job.snapshot}: this snapshot holds what concerns {', '.join(sorted(snapshot.scope))} alone, as auditor check"
            " reads it; use auditor check with it, or audit a snapshot of auditor collect."
        )
    tenant = Tenant.load(snapshot)
    run = audited(tenant, snapshot, job)
    absent = [app_id for app_id in job.app_ids if app_id not in set(run.apps["app_id"])]
    if absent:
        raise UsageError(f"--app {', '.join(absent)}: the tenant {tenant.display_name or tenant.id} has no such app.")
    return run


def audited(tenant: Tenant, snapshot: Snapshot, job: Job, checks: Sequence[Check] | None = None) -> AuditRun:
    """Audits a loaded tenant by the settings of the job.

    Args:
        tenant: the loaded snapshot.
        snapshot: where it comes from.
        job: clock and scope, baseline and waivers.
        checks: the checks to run; None: all.

    Raises:
        InputError: the snapshot or the baseline cannot be used.
        UsageError: the snapshot is of another tenant than the one asked for.
    """
    from auditor.audit.run import Scope, audit
    from auditor.audit.waivers import Waiver
    from auditor.cli import drift

    settings = job.settings
    if job.snapshot is not None:
        _refuse_other_tenant(settings.tenant.id, snapshot)
    baseline = drift.baseline(settings, snapshot.tenant_id)
    scope = Scope(
        app_ids=frozenset(job.app_ids),
        baseline=frozenset() if baseline is None else baseline.fingerprints,
        waivers=[Waiver(**asdict(waiver)) for waiver in settings.waivers],
    )
    run = audit(tenant, context_of(settings, snapshot), scope, checks)
    return run if baseline is None else drift.since(run, baseline)


def context_of(settings: config.Settings, snapshot: Snapshot) -> Context:
    """What the checks may know beside the tenant: the clock of the snapshot, and what the configuration declares.

    Raises:
        UsageError: the snapshot is of another cloud than the one that is configured.
    """
    from auditor.audit.check import Context, DeclaredApp

    return Context(
        now=snapshot.collected_at,
        cloud=config.cloud_of(settings.tenant, snapshot.cloud),
        tenant_id=snapshot.tenant_id,
        credential_warning_days=settings.checks.credential_expiry_days,
        apps={app.app_id: DeclaredApp(**asdict(app)) for app in settings.apps},
    )


def _refuse_other_tenant(wanted: str, snapshot: Snapshot) -> None:
    """With ``--from`` the tenant that was asked for must be the snapshot's; sign-in sees to it otherwise.

    Raises:
        UsageError: it is another one, or a domain that the snapshot cannot tell of because organization was not read.
    """
    if not wanted or wanted.lower() == snapshot.tenant_id.lower():
        return
    name = f" ({snapshot.tenant_name})" if snapshot.tenant_name else ""
    held = f"--from holds the tenant {snapshot.tenant_id}{name}"
    source = "(--tenant, [tenant] id or AZURE_TENANT_ID)"
    if values.is_guid(wanted):
        raise UsageError(f"{held}, and the tenant asked for {source} is {wanted}.")
    organization = snapshot.states.get("organization")
    if organization is None or not organization.is_read:
        raise UsageError(f"{held} and not its domain names; ask by that id instead of {wanted} {source}.")
    domains = {
        str(domain.get("name")).lower()
        for entry in snapshot.objects("organization")
        for domain in entry.get("verifiedDomains") or ()
        if isinstance(domain, dict)
    }
    if wanted.lower() not in domains:
        raise UsageError(f"{held}, and {wanted} {source} is none of its domains.")


def refuse_unknown_waivers(settings: config.Settings) -> None:
    """A waiver for a check that does not exist covers nothing, and its author believes otherwise.

    Raises:
        ConfigError: naming the file and the entry.
    """
    if not settings.waivers:
        return
    from auditor.audit.registry import registry

    slugs = [check.META.slug for check in registry()]
    for number, waiver in enumerate(settings.waivers, 1):
        if waiver.check not in slugs:
            raise ConfigError(
                f'{settings.file}: waivers[{number}].check: there is no check "{waiver.check}", expected one of {", ".join(slugs)}.'
            )


def publish(run: AuditRun, job: Job) -> list[Path]:
    """Writes the reports, or with ``--out -`` prints ``audit.json``; gives back the files written.

    Raises:
        OutputError: the folder cannot be written to, or holds a report already.
    """
    if job.to_standard_output:
        from reports.json import to_json

        write_json(to_json(run))
        return []
    from reports import write

    folder = job.settings.report.out or fresh_folder("audit", run.tenant_name or run.tenant_id)
    return write(run, job.settings.report.formats, folder)


def fresh_folder(kind: str, tenant: str) -> Path:
    """``<kind>-<tenant>-<UTC time>``, safe as a file name everywhere, and not there yet."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", tenant).strip("-")[:40].strip("-") or "tenant"
    stem = f"{kind}-{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder, number = Path(stem), 2
    while folder.exists():
        folder, number = Path(f"{stem}-{number}"), number + 1
    return folder


def counting(run: AuditRun, fail_on: str) -> list[Finding]:
    """The findings that count for ``--fail-on``: of that severity or worse, neither known nor waived; worst first."""
    if fail_on == "never":
        return []
    limit = SEVERITIES.index(fail_on)
    return [
        finding
        for finding in run.findings
        if not (finding.known or finding.waived) and SEVERITIES.index(finding.severity) <= limit
    ]


def exit_code(run: AuditRun, fail_on: str) -> int:
    """1 if a finding counts, else 4 if data was missing that findings depend on, else 0."""
    if counting(run, fail_on):
        return 1
    return 0 if run.is_complete else 4
