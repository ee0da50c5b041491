"""Sign-in errors of Entra ID: what an AADSTS number means and which configuration causes it.

The texts are ours, in ``aadsts.toml``. Reading a number out of an error body, and looking for the cause in a tenant, is
done elsewhere. Clients must never branch on these numbers; a person reading a report may.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class SignInRefusal:
    """One AADSTS number."""

    code: int
    meaning: str
    """What it says; a sentence without its full stop."""
    cause: str
    """The configuration that leads to it, or that none does; continues the sentence."""
    check: str | None
    """Slug of the check that looks for this configuration; None where no check can."""
    documented: bool
    """Whether Microsoft's page has the number; else it is known from public reports."""


def explain(code: int) -> str | None:
    """Return one sentence: what an AADSTS number means, and what configuration causes it. None for an unknown number."""
    known = refusal(code)
    return None if known is None else f"{known.meaning}: {known.cause}."


def refusal(code: int) -> SignInRefusal | None:
    """Return what is known of an AADSTS number, or None."""
    return _refusals().get(code)


@lru_cache(maxsize=1)
def _refusals() -> dict[int, SignInRefusal]:
    text = Path(__file__).with_name("aadsts.toml").read_text(encoding="utf-8")
    return {
        int(code): SignInRefusal(
            int(code), entry["meaning"], entry["cause"], entry.get("check"), entry.get("source") != "seen"
        )
        for code, entry in tomllib.loads(text).items()
    }
