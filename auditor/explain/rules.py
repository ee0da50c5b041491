"""The reviewed table of refusals, ``errors.toml``: which rule fits an answer. What the answer was is ``error``'s to read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from auditor.predict.verdict import Certainty, Flow


@dataclass(frozen=True)
class Rule:
    """One kind of refusal; the head of ``errors.toml`` says what each field means."""

    id: str
    codes: frozenset[str]
    """Lower case."""
    text: re.Pattern[str] | None
    status: frozenset[int]
    flow: Flow | None
    strict: bool
    cause: str | None
    certainty: Certainty
    means: str
    do: str
    also: tuple[str, ...]
    is_open: bool
    not_configuration: bool
    source: str

    def fits(self, codes: frozenset[str], text: str, status: int | None, flow: Flow | None) -> bool:
        """Whether an answer is of this kind.

        Args:
            codes: its error codes in lower case.
            text: its message in lower case, on one line.
            status: HTTP status; None if not known.
            flow: whether a user was signed in; None if not known.
        """
        if self.status and (status not in self.status if status is not None else self.strict):
            return False
        if self.flow is not None and flow != self.flow:
            return False
        if self.codes and not codes & self.codes:
            return False
        return self.text is None or self.text.search(text) is not None


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the file."""
    return tuple(_rule(entry) for entry in _table()["rule"])


def fitting(codes: frozenset[str], text: str, status: int | None, flow: Flow | None) -> Rule | None:
    """The first rule that fits an answer; None if none does."""
    return next((rule for rule in rules() if rule.fits(codes, text, status, flow)), None)


def sign_in_cause(code: int) -> str | None:
    """The cause of an AADSTS number that the reference gives no check."""
    found: str | None = _table()["aadsts"]["causes"].get(str(code))
    return found


def passes(code: int) -> bool:
    """Whether an AADSTS number tells of nothing that the tenant's configuration decides."""
    return code in _table()["aadsts"]["passing"]


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("errors.toml").read_text(encoding="utf-8"))


def _rule(entry: Mapping[str, Any]) -> Rule:
    text = entry.get("text")
    return Rule(
        id=entry["id"],
        codes=frozenset(code.lower() for code in entry.get("codes", ())),
        text=re.compile("|".join(f"(?:{one})" for one in text)) if text else None,
        status=frozenset(entry.get("status", ())),
        flow=entry.get("flow"),
        strict=entry.get("strict", False),
        cause=entry.get("cause"),
        certainty=entry["certainty"],
        means=entry["means"],
        do=entry["do"],
        also=tuple(entry.get("also", ())),
        is_open=entry.get("open", False),
        not_configuration=entry.get("not_configuration", False),
        source=entry["source"],
    )
