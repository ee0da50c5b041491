"""``auditor check``: the gate for one app: will its calls be refused, deployed as it is or as its manifest says?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.audit.check import Check
    from auditor.audit.result import AuditRun
    from auditor.cli.one_app import Declared
    from auditor.cli.screen import Screen
    from auditor.cli.steps import Job
    from auditor.tenant.snapshot import Snapshot

AppId = Annotated[
    str | None, typer.Argument(metavar="[APP_ID]", help="App (client) id; may be left out with --manifest.")
]
Manifest = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        metavar="FILE",
        help="Judge this app manifest, which is not deployed yet: Graph JSON, or the portal's older format.",
        rich_help_panel=options.READ,
    ),
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        metavar="",
        help="Judge the manifest by the permission data alone, without a tenant.",
        rich_help_panel=options.READ,
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Write reports into this folder. With --format json, - is standard output.",
        rich_help_panel=options.WRITE,
    ),
]
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"gate": {"fail_on": "high"}}
"""A gate without a limit would be none."""


def command(
    app_id: AppId = None,
    calls: options.Calls = None,
    call_files: options.CallFiles = None,
    flow: options.TokenFlow = None,
    user: options.Users = None,
    account: options.Account = None,
    resource: options.Resource = None,
    manifest: Manifest = None,
    offline: Offline = False,
    config: options.ConfigFile = None,
    tenant: options.TenantName = None,
    graph_url: options.GraphUrl = None,
    snapshot: options.FromSnapshot = None,
    save_snapshot: options.SaveSnapshot = None,
    out: Out = None,
    formats: options.Formats = None,
    baseline: options.Baseline = None,
    review: options.Review = None,
    fail_on: options.FailOn = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_progress: options.NoProgress = False,
) -> None:
    """Say whether the calls of one app will be refused, before it is deployed.

    Reads what that app needs, a handful of requests whatever the size of the tenant. Judges each declared call (--call,
    --calls, and the app's entry under apps of the configuration); without one the configuration of the app alone. Writes
    reports where --out or --format asks for them.

    Exits with 1 if a call will be denied, or there is another finding at or above --fail-on (default high).

    Example: auditor check 11111111-2222-3333-4444-555555555555 --call "GET /users" --tenant contoso.onmicrosoft.com
    """
    from auditor.cli import logs, reviewed, steps, summary, verdicts
    from auditor.cli.one_app import Declared
    from auditor.cli.screen import Screen

    logs.set_up(verbose=verbose)
    screen = Screen(quiet=quiet, verbose=verbose, bars=not no_progress)
    flags = {
        "--tenant": tenant,
        "--graph-url": graph_url,
        "--out": out,
        "--format": formats,
        "--baseline": baseline,
        "--fail-on": fail_on,
    }
    writes = bool(out or formats)
    job = steps.read_job(
        config_file=config,
        flags=flags,
        environ=os.environ,
        snapshot=snapshot,
        save_snapshot=save_snapshot,
        defaults=DEFAULTS,
        writes=writes,
    )
    steps.refuse_unknown_waivers(job.settings)
    reviews = reviewed.read(review, job, writes=writes)
    said = Declared(calls or (), call_files or (), flow, user or (), account, resource)
    plan = _plan(job, app_id, manifest, said, screen, offline=offline)
    run = reviewed.carried(_judge(plan, screen), reviews, screen)
    files = steps.publish(run, plan.job) if writes else []
    verdicts.show(run, plan.app_id, screen, words=job.to_standard_output)
    summary.warn(run, plan.job, screen)
    verdicts.close(run, files, screen, job.settings.gate.fail_on)
    raise typer.Exit(steps.exit_code(run, job.settings.gate.fail_on))


@dataclass(frozen=True)
class _Plan:
    """One app to judge."""

    job: Job
    """Its settings declare this app alone."""
    app_id: str
    manifest: Mapping[str, Any] | None
    offline: bool

    @property
    def has_calls(self) -> bool:
        return any(app.calls for app in self.job.settings.apps)


def _plan(job: Job, given: str | None, file: Path | None, said: Declared, screen: Screen, *, offline: bool) -> _Plan:
    """What is to be judged, refused early where that cannot be.

    Raises:
        UsageError, ConfigError, InputError: options that contradict each other, or a file that is not what was expected.
    """
    from auditor.cli.one_app import app_id_of, calls_of, entry, is_without_tenant
    from auditor.errors import UsageError

    manifest = None
    if file is not None:
        from auditor.predict.manifest import read_manifest

        manifest = read_manifest(file)
    settings = job.settings
    if offline and manifest is None:
        raise UsageError("--offline judges a manifest by the permission data alone, so it needs --manifest.")
    if manifest is not None and job.snapshot is not None:
        raise UsageError("--manifest and --from exclude each other: a snapshot holds the app as it is deployed.")
    app_id = app_id_of(given, manifest)
    if manifest is not None:
        manifest = {**manifest, "appId": app_id}
        offline = offline or is_without_tenant(settings, os.environ)
    calls, remarks = calls_of(said)
    for remark in remarks:
        screen.say(f"note: {remark}")
    declared = replace(settings, apps=(entry(settings, app_id, said, calls),))
    return _Plan(replace(job, settings=declared, app_ids=(app_id,)), app_id, manifest, offline)


def _judge(plan: _Plan, screen: Screen) -> AuditRun:
    """Reads what the app needs and judges it.

    Raises:
        UsageError: the snapshot is of other apps, or nobody knows the app and no call is declared.
    """
    from auditor.audit import on_paper
    from auditor.audit.registry import registry
    from auditor.cli import steps
    from auditor.errors import UsageError
    from auditor.tenant.tables import Tenant

    with _opened(plan, screen) as snapshot:
        if snapshot.scope and plan.app_id not in snapshot.scope:
            raise UsageError(
                f"{plan.job.snapshot}: this snapshot holds what concerns {', '.join(sorted(snapshot.scope))} alone, and not"
                f" the app {plan.app_id}."
            )
        tenant = Tenant.load(snapshot)
        known = all(tenant.is_read(source) for source in ("applications", "servicePrincipals"))
        if known and plan.app_id not in set(tenant.apps["app_id"]):
            absent = f"The tenant {tenant.display_name or tenant.id} has no app {plan.app_id}"
            if not plan.has_calls:
                raise UsageError(f"{absent}, and no call is declared that could be judged.")
            screen.say(f"warning: {absent}.")
        chosen: list[Check] = [check for check in registry() if set(check.META.sources) <= set(snapshot.states)]
        if plan.offline:
            chosen = on_paper.checks()
            _say_offline(plan, screen)
        return steps.audited(tenant, snapshot, plan.job, chosen if snapshot.scope else None)


@contextmanager
def _opened(plan: _Plan, screen: Screen) -> Iterator[Snapshot]:
    """The snapshot of ``--from``, or one of this app alone made now (kept with ``--save-snapshot``, else temporary)."""
    if plan.job.snapshot is not None:
        from auditor.tenant.snapshot import Snapshot

        yield Snapshot.open(plan.job.snapshot)
        return
    if plan.job.save_snapshot is not None:
        yield _collected(plan, plan.job.save_snapshot, screen)
        screen.say(f"snapshot: {plan.job.save_snapshot}")
        return
    with tempfile.TemporaryDirectory(prefix="auditor-", ignore_cleanup_errors=True) as folder:
        yield _collected(plan, Path(folder) / "snapshot", screen)


def _collected(plan: _Plan, folder: Path, screen: Screen) -> Snapshot:
    """The small snapshot: read from the tenant, or made of the manifest alone."""
    from auditor.cli import steps

    settings = plan.job.settings
    if plan.offline and plan.manifest is not None:
        from auditor.audit.on_paper import snapshot_of

        return snapshot_of(plan.manifest, folder, cloud=settings.tenant.cloud, now=datetime.now(UTC))
    (app,) = settings.apps
    return steps.collect_one(settings, app, folder, screen, os.environ, manifest=plan.manifest)


def _say_offline(plan: _Plan, screen: Screen) -> None:
    from auditor.audit.on_paper import unjudged_resources
    from auditor.reference import catalog

    screen.say(
        f"No tenant: the manifest is judged by the permission data of {catalog.load().date} alone; credentials, consent,"
        " licences and Conditional Access are not."
    )
    if plan.manifest is not None and (others := unjudged_resources(plan.manifest)):
        screen.say(f"Not judged without a tenant: the permissions on {', '.join(others)}.")
