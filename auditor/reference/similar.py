"""Names that look like one that is not known: templates of the permission data, permissions. For "did you mean"."""

from __future__ import annotations

from difflib import SequenceMatcher, get_close_matches

from auditor.reference import paths
from auditor.reference.catalog import Catalog
from auditor.reference.match import first_segment, template_tokens

SHOWN = 5
"""How many are given."""


def similar_names(catalog: Catalog, name: str) -> tuple[str, ...]:
    """Return the permissions whose names look most like this one."""
    by_lower = {permission.name.lower(): permission.name for permission in catalog.permissions()}
    found = get_close_matches(name.lower()[:200], by_lower, n=SHOWN, cutoff=0.6)
    return tuple(by_lower[lower] for lower in found)


def similar_templates(catalog: Catalog, path: str) -> tuple[str, ...]:
    """Return the templates that look most like a path, the likest first; empty where none does.

    Segment by segment, among the paths whose first segment looks like this one's.
    """
    wanted = paths.keyed(path)
    if wanted is None:
        return ()
    groups: dict[str, list[str]] = {}
    for template in catalog.templates():
        groups.setdefault(first_segment(template), []).append(template)
    firsts = get_close_matches(wanted[0][:100], groups, n=3, cutoff=0.7)
    scored = []
    for first in firsts:
        for template in groups[first]:
            score = _likeness(wanted, template_tokens(template))
            if score > _ENOUGH:
                scored.append((-score, len(template), template))
    return tuple(template for _, _, template in sorted(scored)[:SHOWN])


_ENOUGH = 0.6


def _likeness(wanted: tuple[str, ...], tokens: tuple[str, ...]) -> float:
    """Between 0 and 1: how many segments agree, misspelt ones counted in part, in order from the left."""
    if abs(len(wanted) - len(tokens)) > 1:
        return 0.0
    total = 0.0
    for one, other in zip(wanted, tokens, strict=False):
        if one == other or (other == paths.PLACEHOLDER and paths.is_value(one)):
            total += 1
        else:
            total += SequenceMatcher(None, one[:80], other[:80]).ratio() * 0.8
    return total / max(len(wanted), len(tokens))
