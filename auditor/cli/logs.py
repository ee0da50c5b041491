"""Log messages of libraries: silent by default, on standard error with ``--verbose``, never with a token or secret.

azure-identity and the HTTP libraries log through the standard module. Without a handler Python would print their
warnings between our own lines; a failed sign-in is told in one sentence instead.
"""

from __future__ import annotations

import logging
import sys

from auditor.redaction import redact


class _Redacting(logging.Formatter):
    """Redacts the finished line, so that arguments and tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def set_up(*, verbose: bool) -> None:
    """Routes all log messages: nowhere, or redacted to standard error."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, _Redacting) or isinstance(handler, logging.NullHandler):
            root.removeHandler(handler)
    if not verbose:
        root.addHandler(logging.NullHandler())
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(name)s: %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
