"""Findings and predictions of two audits compared: what a side could not see is neither new nor gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from auditor.audit.change import Change, Gap
from auditor.audit.change_text import Names, changes_of
from auditor.audit.matched import matched, of_scope
from auditor.audit.side import Side

_CALL = ["app_id", "flow", "call"]


def finding_changes(
    old: Side, new: Side, scope: frozenset[str], names: Names
) -> tuple[Sequence[Change], Sequence[Gap]]:
    """Findings by fingerprint.

    A finding that one side alone has is new or gone where the other side's check saw as much. A finding about a declared call
    hangs on its prediction and not on the check, so it counts whenever both sides foresaw calls.

    Args:
        old: the older audit.
        new: the newer audit.
        scope: the apps that are compared; empty: all.
        names: display names.
    """
    gaps: list[Gap] = []
    findings = {"old": of_scope(old.table("finding"), scope), "new": of_scope(new.table("finding"), scope)}
    blind = {word: _blind(*sides) for word, sides in (("old", (old, new)), ("new", (new, old)))}
    for slug in sorted({*old.unassessed, *new.unassessed}):
        gaps += _gap(slug, blind["old"].get(slug), blind["new"].get(slug), old, new)
    pair = matched("finding", findings["old"], findings["new"])
    without_calls = {
        "new": bool(len(new.table("prediction"))) and not len(old.table("prediction")),
        "gone": bool(len(old.table("prediction"))) and not len(new.table("prediction")),
    }
    other = {"new": "old", "gone": "new"}
    rows = [
        (kind, row)
        for kind, row in pair.differing()
        if kind == "changed"
        or (not without_calls[kind] if row.value("call") else row.value("check") not in blind[other[kind]])
    ]
    return list(changes_of("finding", rows, names)), gaps


def _blind(side: Side, other: Side) -> dict[str, str]:
    """Checks that say less on this side than on the other one, and why."""
    blind = {slug: why for slug in {*side.unassessed, *other.unassessed} if (why := side.why_unassessed(slug))}
    for source in sorted({*side.unread, *other.unread}):
        why = side.why_unread(source)
        if why and not other.why_unread(source):
            for slug in side.affects.get(source, frozenset()) | other.affects.get(source, frozenset()):
                blind.setdefault(slug, why)
    return blind


def _gap(slug: str, why_old: str | None, why_new: str | None, old: Side, new: Side) -> Iterator[Gap]:
    if why_old and why_new:
        reason = f"Findings of {slug} were not compared: on the old side {why_old}; on the new side {why_new}."
        yield Gap("finding", "both", slug, reason)
    elif why_old:
        yield Gap("finding", "old", slug, f"Findings of {slug} are not called new: on the old side {why_old}.")
    elif why_new:
        yield Gap("finding", "new", slug, f"Findings of {slug} are not called gone: on the new side {why_new}.")


def prediction_changes(
    old: Side, new: Side, scope: frozenset[str], names: Names
) -> tuple[Sequence[Change], Sequence[Gap]]:
    """Verdicts on declared calls, by app, flow and call. Where one side declared none, nothing is compared.

    Args:
        old: the older audit.
        new: the newer audit.
        scope: the apps that are compared; empty: all.
        names: display names.
    """
    before, after = (of_scope(side.table("prediction"), scope) for side in (old, new))
    if len(before) and len(after):
        return list(changes_of("prediction", matched("prediction", before, after).differing(), names)), []
    if not len(before) and not len(after):
        return [], []
    side: Literal["old", "new"] = "new" if len(before) else "old"
    judged = len(before) or len(after)
    reason = (
        f"Verdicts were not compared: {judged:,} declared calls were judged, and on the {side} side none was declared."
    )
    return [], [Gap("prediction", side, "", reason)]
