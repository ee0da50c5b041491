"""``auditor explain``: why was this one call refused? From a token, an error answer, the call, or any of them; offline.

A token is read from a file or from standard input, never from the command line, where others can see it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.cli.screen import Screen
    from auditor.cli.steps import Job
    from auditor.explain.error import Error
    from auditor.explain.live import Live
    from auditor.explain.token import Token
    from auditor.predict.call import Call

ASK = "What to explain"
TokenFile = Annotated[
    str | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="File with the access token, a token answer or an Authorization header; - is standard input.",
        rich_help_panel=ASK,
    ),
]
ErrorFile = Annotated[
    str | None,
    typer.Option(
        "--error",
        metavar="FILE",
        help="File with the answer: its body, its headers, or what a client printed; - is standard input.",
        rich_help_panel=ASK,
    ),
]
CallText = Annotated[
    str | None,
    typer.Option(
        "--call", metavar="CALL", help='The call that was refused, such as "GET /users".', rich_help_panel=ASK
    ),
]
STANDARD_INPUT = "-"
_TOKEN_LIKE = re.compile(
    r"eyJ[\w-]{5,}|(?:^|[\s:=])Bearer[\s=:+%]|Authorization\s*[:=]|\bEw[A-Za-z0-9][\w+/=!*$-]{40,}|\b[01]\.A[\w-]{20,}",
    re.IGNORECASE,
)
"""What cannot be anything else on a command line; case is not minded, for a shell may have changed it."""
_LONG_WORD = re.compile(r"(?=[^\s]*\d)(?=[^\s]*[a-z])(?=[^\s]*[A-Z])[\w+=!*$~.-]{64,}")


class WithoutTokens(TyperCommand):
    """A command that refuses a token on its command line before anything could repeat it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Look at the arguments, then parse them.

        Raises:
            UsageError: one of them looks like a token; it is not repeated.
        """
        refuse_tokens(args)
        return super().parse_args(ctx, args)


def refuse_tokens(arguments: Sequence[str]) -> None:
    """Refuses arguments that look like a token: others can read a command line, and shells store it.

    Raises:
        UsageError: without the argument.
    """
    from auditor.errors import UsageError
    from auditor.redaction import hide

    for number, argument in enumerate(arguments, 1):
        path = "/" in argument and not _TOKEN_LIKE.search(argument)
        if _TOKEN_LIKE.search(argument) or (not path and _LONG_WORD.search(argument)):
            for word in argument.split():
                hide(word)
            raise UsageError(
                f"Argument {number} looks like a token (not shown here), and a command line is no place for one: others can read it,"
                " and shells store it. Put it into a file and use --token-file FILE, or --token-file - and standard input."
            )


def command(
    token_file: TokenFile = None,
    error: ErrorFile = None,
    call: CallText = None,
    config: options.ConfigFile = None,
    tenant: options.TenantName = None,
    graph_url: options.GraphUrl = None,
    snapshot: options.FromSnapshot = None,
    output: options.AsJson = "table",
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Say which documented cause a refusal has, and why, from a token, an error answer, the call, or any of them.

    Offline, unless a tenant is asked for: with --tenant, --graph-url or --config what concerns the app of the token is read
    too, with --from it is taken from a snapshot. The token is decoded and not verified; it is neither stored nor shown.

    Example: auditor explain --token-file token.txt --error answer.json --call "GET /users"
    """
    from datetime import UTC, datetime

    from auditor.cli import logs
    from auditor.cli.explained import show
    from auditor.cli.screen import Screen, write_json
    from auditor.errors import UsageError
    from auditor.explain.case import Given
    from auditor.explain.explanation import explain

    logs.set_up(verbose=verbose)
    screen = Screen(quiet=quiet, verbose=verbose)
    if token_file is None and error is None and call is None:
        raise UsageError(
            "Nothing to explain: give a token (--token-file), the answer (--error), the call (--call), or several."
        )
    if token_file == STANDARD_INPUT and error == STANDARD_INPUT:
        raise UsageError(
            "--token-file - and --error - exclude each other: standard input can hold one of them; put one into a file."
        )
    job = _job(config, tenant, graph_url, snapshot)
    wanted = _call(call)
    token = _token(token_file)
    answer = _error(error)
    if wanted is None and answer is not None and answer.call:
        wanted = _call(answer.call)
    live = _live(job, token, answer, wanted, screen) if job is not None else None
    found = explain(Given(datetime.now(UTC), token, answer, wanted, live))
    if output == "json":
        write_json(_redacted(found.to_json()))
    else:
        show(found)


def _job(config: Path | None, tenant: str | None, graph_url: str | None, snapshot: Path | None) -> Job | None:
    """What to read of a tenant; None where none is asked for. ``./config.toml`` alone asks for none."""
    from auditor.cli import steps

    if config is None and tenant is None and graph_url is None and snapshot is None:
        return None
    flags = {"--tenant": tenant, "--graph-url": graph_url}
    return steps.read_job(config_file=config, flags=flags, environ=os.environ, snapshot=snapshot, writes=False)


def _call(text: str | None) -> Call | None:
    from auditor.errors import InputError
    from auditor.predict.call import parse_call

    if text is None:
        return None
    try:
        return parse_call(text)
    except InputError as error:
        raise InputError(f"--call: {error}") from None


def _read(place: str, flag: str) -> str:
    """The text of a file, or of standard input.

    Raises:
        InputError: it cannot be read, or is too large for what it should be.
    """
    from auditor.errors import InputError
    from auditor.explain.pasted import MOST_BYTES, to_text

    name = "standard input" if place == STANDARD_INPUT else place
    try:
        if place == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin is not None else b""
        else:
            with Path(place).open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        from auditor import values

        why = (error.strerror if isinstance(error, OSError) else None) or "not a path"
        raise InputError(f"{flag}: {values.shown(name)} cannot be read ({why}).") from None
    if len(raw) > MOST_BYTES:
        raise InputError(
            f"{flag}: {name} has more than {MOST_BYTES:,} bytes, and is no {'token' if 'token' in flag else 'error answer'}."
        )
    return to_text(raw)


def _token(place: str | None) -> Token | None:
    from auditor.explain.token import read_token

    return None if place is None else read_token(_read(place, "--token-file"))


def _error(place: str | None) -> Error | None:
    from auditor.explain.error import read_error

    return None if place is None else read_error(_read(place, "--error"))


def _live(job: Job, token: Token | None, error: Error | None, call: Call | None, screen: Screen) -> Live:
    """What the tenant says: the snapshot of ``--from``, or what concerns the token's app, read now.

    Raises:
        SignInError, GraphError: nobody signed in, or nothing could be read.
        UsageError: there is no app to look at.
    """
    import tempfile

    from auditor import config as configuration
    from auditor.cli import steps
    from auditor.errors import UsageError
    from auditor.explain.carried import flow_of
    from auditor.explain.live import app_named, examine
    from auditor.explain.told import flow_of as flow_told
    from auditor.tenant.snapshot import Snapshot
    from auditor.tenant.tables import Tenant

    flow = (flow_of(token) if token is not None else None) or (flow_told(error) if error is not None else None)
    if job.snapshot is not None:
        snapshot = Snapshot.open(job.snapshot)
        steps._refuse_other_tenant(job.settings.tenant.id, snapshot)
        return examine(Tenant.load(snapshot), token, error, call, flow)
    app_id = app_named(token, error)
    if not app_id:
        raise UsageError(
            "Neither the token nor the answer names an app (its client id), so there is nothing to look up in the tenant; give a"
            " token that can be decoded, or a snapshot with --from."
        )
    users = (
        tuple(name for name in (token.user, token.object_id) if name)[:1]
        if token is not None and flow == "delegated"
        else ()
    )
    app = configuration.AppSettings(app_id=app_id, users=users)
    with tempfile.TemporaryDirectory(prefix="auditor-", ignore_cleanup_errors=True) as folder:
        snapshot = steps.collect_one(job.settings, app, Path(folder) / "snapshot", screen, os.environ, manifest=None)
        return examine(Tenant.load(snapshot), token, error, call, flow)


def _redacted(value: Any) -> Any:
    """A JSON value whose texts hold no token, whatever came in."""
    from auditor.redaction import without_tokens

    if isinstance(value, str):
        return without_tokens(value)
    if isinstance(value, list):
        return [_redacted(one) for one in value]
    return {name: _redacted(one) for name, one in value.items()} if isinstance(value, dict) else value
