"""Permissions that an answer names: those the service wanted, and those it saw in the token. Wordings differ by service."""

from __future__ import annotations

import re
from dataclasses import dataclass

from auditor.explain.pasted import word
from auditor.reference import catalog

_NAME = r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9-]{0,60}(?:\.[A-Za-z][A-Za-z0-9_-]*){1,5}"
_MOST = 40

_HELD = re.compile(
    r"(?:Roles|Scopes) on the request\s*'([^']*)'|"
    r"only has the following permissions? granted:?\s*([^']*?)(?:$|\. |\n)|"
    r"(?:token|request) (?:has|had|contains|carries)[^:']{0,60}(?:scope|role|permission)s?:?\s*'?([^']*?)(?:'|$|\. |\n)",
    re.IGNORECASE,
)
_CONSENTS = re.compile(r"Resource specific consent grants on the request\s*'([^']*)'", re.IGNORECASE)
_WANTED = re.compile(
    r"requires?d? (?:one|any|all) of\s*'([^']*)'|"
    r"required (?:[\w-]+ ){0,3}?permissions?(?:\(s\))?\s*[:(]?\s*'?([^':()]*?)(?: to |'|\)|$|\. |\n| is not)|"
    r"missing (?:required )?(?:permission scope|scope|role|permission)s?:?\s*'?([^']*?)(?:'|$|\. |\n)|"
    r"(?:requires?|needs?|must have|have) (?:one of |all of )?the following (?:permission|scope|role)s?:?\s*'?([^']*?)"
    r"(?:'|$|\. |\n| - )",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Named:
    """Permissions in an answer, each once, in its order."""

    wanted: tuple[str, ...] = ()
    """Any of them, or all: answers rarely say which."""
    held: tuple[str, ...] | None = None
    """What the service saw in the token; None where the answer does not tell."""
    consents: tuple[str, ...] | None = None
    """Grants of resource-specific consent that the service saw; None where the answer does not tell."""

    @property
    def resource_specific(self) -> tuple[str, ...]:
        """Those wanted that are granted for one team, chat or group, and not for the tenant."""
        known = catalog.load()
        return tuple(
            name for name in self.wanted if (one := known.permission(name)) is not None and one.resource_specific
        )


def named_permissions(text: str) -> Named:
    """The permissions that a message names; empty where it names none. Only names are kept, never free text."""
    text = text[:50_000]
    held, consents = _HELD.search(text), _CONSENTS.search(text)
    seen = _names(next((one for one in held.groups() if one), "")) if held else None
    wanted: list[str] = []
    for match in _WANTED.finditer(text):
        wanted += _names(next((one for one in match.groups() if one), ""))
    if not wanted:
        before = text[: held.start()] if held else text
        known = catalog.load()
        wanted = [name for name in _names(before) if known.permission(name) is not None]
    return Named(
        tuple(dict.fromkeys(wanted))[:_MOST],
        None if seen is None else tuple(seen)[:_MOST],
        None if consents is None else tuple(_names(consents[1]))[:_MOST],
    )


def _names(text: str) -> list[str]:
    found = [word(name.rstrip(".")) for name in re.findall(_NAME, text[:20_000])]
    return list(dict.fromkeys(name for name in found if name))
