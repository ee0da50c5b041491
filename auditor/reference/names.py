"""Matching permission names against the globs of the reference tables (``Mail.*``, ``Channel*``).

A glob is a permission name in which ``*`` stands for any text; case counts, as it does in Entra.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any


def pattern(globs: Iterable[str]) -> re.Pattern[str]:
    """One expression that fully matches every name that any of the globs matches; no globs match nothing."""
    alternatives = [".*".join(re.escape(piece) for piece in glob.split("*")) for glob in globs]
    return re.compile("|".join(alternatives) if alternatives else r"(?!)")


def table(name: str) -> Mapping[str, Any]:
    """The TOML table shipped beside this module, e.g. ``licences`` for ``licences.toml``."""
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def strings(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list of strings of a TOML table, empty where the key is left out."""
    value: Sequence[str] = entry.get(key, ())
    return tuple(value)
