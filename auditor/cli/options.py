"""The options that commands share, each written once: name, help text, and what it accepts.

What a value means and which values are valid is said in ``auditor.config``, which reads flags like any other source.
No square brackets in help texts: the help is rich markup.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

READ = "What to read"
ASK = "What the app does"
WRITE = "What to write"
GATE = "What counts"
SHOW = "What to show"

TableOrJson = Literal["table", "json"]

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file; without it ./config.toml if it is there.",
        rich_help_panel=READ,
    ),
]
TenantName = Annotated[
    str | None,
    typer.Option(
        "--tenant", metavar="TENANT", help="Tenant id, or one of the tenant's domain names.", rich_help_panel=READ
    ),
]
GraphUrl = Annotated[
    str | None,
    typer.Option(
        "--graph-url",
        metavar="URL",
        help="Read this Graph instead of the cloud's; plain http for loopback addresses alone.",
        rich_help_panel=READ,
    ),
]
FromSnapshot = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="SNAPSHOT", help="Audit this snapshot folder; no network at all.", rich_help_panel=READ
    ),
]
SaveSnapshot = Annotated[
    Path | None,
    typer.Option(
        "--save-snapshot", metavar="DIR", help="Keep what was read in this new folder.", rich_help_panel=WRITE
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for the reports; without it a new audit-<tenant>-<UTC time>. With --format json, - is standard output.",
        rich_help_panel=WRITE,
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="A format to write: xlsx, html, json, csv, md, sarif or junit; may be given several times.",
        rich_help_panel=WRITE,
    ),
]
Apps = Annotated[
    list[str] | None,
    typer.Option(
        "--app",
        metavar="APP_ID",
        help="Report on this app alone; may be given several times. The whole tenant is read all the same.",
        rich_help_panel=GATE,
    ),
]
Calls = Annotated[
    list[str] | None,
    typer.Option(
        "--call",
        metavar="CALL",
        help='A call that the app makes, such as "GET /users"; may be given several times.',
        rich_help_panel=ASK,
    ),
]
CallFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--calls",
        metavar="FILE",
        help="A file of calls: one a line, or a .http file, or a .har file; may be given several times.",
        rich_help_panel=ASK,
    ),
]
TokenFlow = Annotated[
    str | None,
    typer.Option(
        "--flow",
        metavar="FLOW",
        help="How the app gets its tokens: app-only or delegated; without it what the app can do.",
        rich_help_panel=ASK,
    ),
]
Users = Annotated[
    list[str] | None,
    typer.Option(
        "--user",
        metavar="UPN",
        help="Who signs in (delegated): a user principal name or id, whose roles and licences are looked at; may be given"
        " several times.",
        rich_help_panel=ASK,
    ),
]
Account = Annotated[
    str | None,
    typer.Option(
        "--account", metavar="KIND", help="Kind of account that signs in: work or personal.", rich_help_panel=ASK
    ),
]
Resource = Annotated[
    str | None,
    typer.Option(
        "--resource",
        metavar="RESOURCE",
        help="What the app's tokens are asked for: graph, aad-graph, exchange, sharepoint, arm, or an App ID URI.",
        rich_help_panel=ASK,
    ),
]
Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="An earlier audit.json, or the folder of a snapshot: findings already in it are marked known and do not count"
        " for --fail-on, and the reports say what changed since.",
        rich_help_panel=GATE,
    ),
]
Review = Annotated[
    Path | None,
    typer.Option(
        "--review",
        metavar="FILE",
        help="An earlier audit.xlsx: what people wrote in its review columns is carried over to the new one.",
        rich_help_panel=WRITE,
    ),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        help="Exit with 1 if there is a finding of this severity or worse: critical, high, medium, low, or never.",
        rich_help_panel=GATE,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        metavar="",
        help="No progress and no messages on standard error, warnings and report paths included; errors, and the result"
        " on standard output, stay.",
        rich_help_panel=SHOW,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", metavar="", help="More messages, and the traceback if there is a bug.", rich_help_panel=SHOW
    ),
]
NoProgress = Annotated[
    bool,
    typer.Option(
        "--no-progress", metavar="", help="No progress bars: a plain line for each source.", rich_help_panel=SHOW
    ),
]
AsJson = Annotated[
    TableOrJson, typer.Option("--format", help="A table for people, or JSON for programs.", rich_help_panel=SHOW)
]
