"""One tree of errors: what went wrong, where, what was expected or what to do next, and the exit code.

Every error a user can cause or meet is an ``AuditorError``; the command line prints ``str(error)`` as one
sentence on standard error and leaves with ``error.exit_code``. Anything else is a bug.
Messages never carry tokens or secrets; callers pass only text they would show to a stranger.
"""

from __future__ import annotations


class AuditorError(Exception):
    """Base of everything the command line reports without a traceback."""

    exit_code = 2


class UsageError(AuditorError):
    """Options that contradict each other or ask for something that does not exist (exit code 2)."""


class ConfigError(AuditorError):
    """A configuration file that cannot be used: names the file, the key and what was expected (exit code 2)."""


class InputError(AuditorError):
    """A file given as input (snapshot, tenant file, baseline) that is missing, damaged or too new (exit code 2)."""


class OutputError(AuditorError):
    """A place that cannot be written to; nothing half-written is left behind (exit code 2)."""


class SignInError(AuditorError):
    """Sign-in failed, or the signed-in identity may not read the tenant at all (exit code 3)."""

    exit_code = 3


class GraphError(AuditorError):
    """Graph could not be reached or gave an answer that is not Graph's (exit code 3 if nothing was read)."""

    exit_code = 3
