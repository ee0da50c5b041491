"""``auditor doctor``: can this sign-in read what an audit needs?"""

from __future__ import annotations

from auditor.cli import options


def command(output: options.AsJson = "table") -> None:
    """Say what this sign-in can read, what is missing, and which checks lose by it."""
    raise NotImplementedError
