"""The command ``auditor``: which commands there are, and how a run ends.

Command modules import typer alone at the top; what they need is imported when they run, so that ``--help`` is quick.
Every known error is one sentence on standard error and an exit code; anything else is a bug and says so.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from auditor import __version__
from auditor.cli import audit, catalog, check, checks, collect, demo, diff, doctor, emulate, explain, permissions
from auditor.errors import AuditorError

INTERRUPTED = 130
"""What typer ends with where KeyboardInterrupt was raised."""
BUG = 70
"""EX_SOFTWARE of sysexits.h: none of the documented codes, because nothing is known of the tenant."""
_FULL = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)

app = typer.Typer(
    name="auditor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("audit")(audit.command)
app.command("check")(check.command)
app.command("collect")(collect.command)
app.command("permissions")(permissions.command)
app.command("doctor")(doctor.command)
app.command("explain", cls=explain.WithoutTokens)(explain.command)
app.command("diff")(diff.command)
app.command("checks")(checks.command)
app.command("demo")(demo.command)
app.command("emulate")(emulate.command)
app.add_typer(catalog.app, name="catalog")


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"graph-auditor {__version__}\n")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
]


@app.callback()
def _auditor(version: Version = False) -> None:
    """Read a Microsoft Entra tenant and predict which apps Microsoft Graph will refuse, and why.

    Exit codes: 0 done; 1 findings at or above --fail-on; 2 bad usage, configuration or input; 3 could not sign in or read
    the tenant; 4 done, but incomplete; 130 interrupted by Ctrl-C (143 by SIGTERM, as CI systems end a job).
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """One run of the command line, errors told; gives back the exit code.

    Args:
        arguments: without the program's name; None: those of the process.
    """
    from auditor.cli.interrupt import orderly_end
    from auditor.cli.screen import never_fail_on_characters, say

    never_fail_on_characters()
    given = list(sys.argv[1:] if arguments is None else arguments)
    with orderly_end() as interruption:
        try:
            code = _run(given)
        except KeyboardInterrupt:
            code = INTERRUPTED
        if code == INTERRUPTED:
            say("Interrupted.")
            return interruption.exit_code
    return code


def _run(given: list[str]) -> int:
    try:
        app(args=given, prog_name="auditor")
    except AuditorError as error:
        return _tell(error)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL:  # help and pages; other places tell it themselves
            from auditor.cli.screen import let_go_of_output, unwritable

            let_go_of_output()
            return _tell(unwritable(error))
        return _tell_bug(error, verbose="--verbose" in given or "-v" in given)
    return 0


def _tell(error: AuditorError) -> int:
    from auditor.cli.screen import say
    from auditor.redaction import without_tokens

    say(f"error: {without_tokens(str(error))}")
    return error.exit_code


def _tell_bug(error: Exception, *, verbose: bool) -> int:
    """A sentence, and with ``--verbose`` the traceback; never local variables, and no token in either."""
    import traceback

    from auditor.cli.screen import say
    from auditor.redaction import redact

    say(
        f"error: this is a bug in Graph Auditor ({type(error).__name__}: {redact(str(error))[:500]}); please report it."
    )
    if verbose:
        sys.stderr.write(redact("".join(traceback.format_exception(error, chain=True))))
    else:
        say("Run it again with --verbose to see where.")
    return BUG


def main() -> None:
    """The entry point of the command."""
    from auditor.cli.screen import READER_LEFT, let_go_of_output, unwritable

    code = run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has left; there is nobody to tell
        let_go_of_output()
        code = code or READER_LEFT
    except OSError as error:
        let_go_of_output()
        code = _tell(unwritable(error))
    sys.exit(code)
