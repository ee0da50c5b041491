"""One palette for the workbook and the page: every severity, status and outcome has a word, a shape and a colour.

Colour never stands alone: the word is always there, the shape beside it. Foregrounds on their tints reach a contrast of
4.5 to 1 or better, light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["critical", "high", "medium", "low", "info", "good", "muted"]


@dataclass(frozen=True)
class Shade:
    """How one tone looks. Colours are six hexadecimal digits without the number sign, as the workbook wants them."""

    shape: str
    """A geometric character that tells the tone apart without colour."""
    ink: str
    tint: str
    """Background behind ``ink`` on white paper."""
    dark_ink: str
    dark_tint: str


SHADES: dict[Tone, Shade] = {
    "critical": Shade("◆", "8F1130", "FBE3E8", "FF9DB0", "4A1420"),
    "high": Shade("▲", "9A3D00", "FDE9D9", "FFB27A", "46240C"),
    "medium": Shade("■", "735400", "FBF0C9", "F0CB5B", "3B300D"),
    "low": Shade("●", "1B4F8F", "E1ECFA", "94C2FF", "15304F"),
    "info": Shade("○", "4A5462", "EAEDF1", "B4BECB", "2A323C"),
    "good": Shade("✓", "1C6339", "DEF2E5", "86D7A4", "15382A"),
    "muted": Shade("–", "5A6472", "F1F3F5", "9AA5B3", "252C35"),
}

ACCENT = "1F4E79"
"""Headings and table headers, on paper and screen."""
DARK_ACCENT = "8FBFEF"

SURFACES: dict[str, tuple[str, str]] = {
    "page": ("F4F6F8", "12171D"),
    "card": ("FFFFFF", "1A2129"),
    "sunken": ("EDF1F5", "222B35"),
    "line": ("D5DCE4", "323D49"),
    "ink": ("1A222C", "E6EBF1"),
    "quiet": ("55616F", "A3B0BE"),
    "accent": (ACCENT, DARK_ACCENT),
    "accent-tint": ("E3EDF7", "1C3450"),
    "focus": ("B3540B", "FFB27A"),
}
"""Paper, ink and lines of the page: light, dark."""

TONES: dict[str, Tone] = {
    # severities
    "critical": "critical",
    "high": "high",
    "medium": "medium",
    "low": "low",
    "info": "info",
    # outcomes of checks
    "fail": "high",
    "pass": "good",
    "not-applicable": "muted",
    "not-assessed": "medium",
    "error": "critical",
    # states of sources
    "read": "good",
    "denied": "high",
    "unlicensed": "medium",
    "skipped": "muted",
    "failed": "critical",
    # statuses of permissions
    "granted": "good",
    "preauthorized": "good",
    "user-consentable": "low",
    "partly-consented": "medium",
    "not-consented": "high",
    "unrequested": "medium",
    "unknown-permission": "high",
    "disabled-permission": "high",
    "resource-missing": "high",
    # verdicts of predictions
    "allowed": "good",
    "depends": "medium",
    "unknown": "muted",
    # states of findings
    "new": "low",
    "known": "muted",
    "waived": "muted",
    # changes since the baseline
    "changed": "medium",
    "gone": "muted",
    # credentials
    "expired": "high",
    "ends soon": "medium",
    "valid": "good",
    "not yet valid": "medium",
}
"""Which tone a word has wherever it stands in a column that is coloured by rule."""
