"""``auditor audit``: audits a whole tenant and writes the reports."""

from __future__ import annotations

import os

import typer

from auditor.cli import options


def command(
    config: options.ConfigFile = None,
    tenant: options.TenantName = None,
    graph_url: options.GraphUrl = None,
    snapshot: options.FromSnapshot = None,
    save_snapshot: options.SaveSnapshot = None,
    out: options.Out = None,
    formats: options.Formats = None,
    app: options.Apps = None,
    baseline: options.Baseline = None,
    review: options.Review = None,
    fail_on: options.FailOn = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_progress: options.NoProgress = False,
) -> None:
    """Audit a whole tenant and write the reports.

    Reads the tenant (or a snapshot with --from), runs every check, and writes audit.xlsx, audit.html and audit.json.

    Example: auditor audit --tenant contoso.onmicrosoft.com --fail-on high
    """
    from auditor.cli import logs, reviewed, steps, summary
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
    job = steps.read_job(
        config_file=config,
        flags=flags,
        environ=os.environ,
        snapshot=snapshot,
        save_snapshot=save_snapshot,
        apps=app or (),
    )
    steps.refuse_unknown_waivers(job.settings)
    reviews = reviewed.read(review, job)
    with steps.opened(job, screen, os.environ) as source:
        run = steps.judge(source, job)
    run = reviewed.carried(run, reviews, screen)
    files = steps.publish(run, job)
    summary.show(run, screen, words=job.to_standard_output)
    summary.warn(run, job, screen)
    summary.close(run, files, screen, job.settings.gate.fail_on)
    raise typer.Exit(steps.exit_code(run, job.settings.gate.fail_on))
