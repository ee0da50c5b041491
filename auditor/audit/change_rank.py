"""The order of changes: what widens access or breaks calls first, what got better last."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.audit.change import THINGS, Change

Rank = tuple[int, int, int, str, tuple[str, ...], str]

_FINDING: Mapping[str | None, int] = {"critical": 0, "high": 1, "medium": 3, "low": 5, "info": 6}
_WIDER, _NARROWER, _OTHER, _BETTER = 2, 4, 5, 7
_KINDS = ("new", "changed", "gone")


def rank(change: Change) -> Rank:
    """The key to sort changes by, worst first; ties go by thing, kind and ids, so that the order is always the same."""
    return (
        _tier(change),
        THINGS.index(change.thing),
        _KINDS.index(change.kind),
        change.app_id or "",
        change.key,
        change.summary,
    )


def _tier(change: Change) -> int:
    return _TIERS[change.thing](change)


def _finding(change: Change) -> int:
    if change.kind == "gone":
        return _BETTER
    if change.kind == "new":
        return _OTHER if change.after.get("waived") else _FINDING.get(change.after.get("severity"), _OTHER)
    before, after = change.before.get("severity"), change.after.get("severity")
    if after is not None and _FINDING.get(after, _OTHER) < _FINDING.get(before, _OTHER):
        return _FINDING.get(after, _OTHER)
    return _WIDER if change.after.get("waived") is False else _OTHER


def _permission(change: Change) -> int:
    was, is_now = change.before.get("granted"), change.after.get("granted")
    if is_now is True or change.after.get("consent") == "admin":
        return _WIDER
    return _NARROWER if was is True else _OTHER


def _consent(change: Change) -> int:
    if change.kind == "gone":
        return _NARROWER
    return _WIDER if change.after.get("consent") == "admin" else _OTHER


def _credential(change: Change) -> int:
    if change.kind == "gone":
        return _NARROWER
    return _WIDER if change.kind == "new" or "subject" in change.after or "issuer" in change.after else _OTHER


def _role(change: Change) -> int:
    return _WIDER if change.kind == "new" else _NARROWER


def _policy(change: Change) -> int:
    return _WIDER  # a policy that goes opens sign-ins, one that comes refuses them


def _prediction(change: Change) -> int:
    if change.kind == "gone":
        return _OTHER
    return _FINDING["high"] if change.after.get("verdict") == "denied" else _OTHER


def _app(change: Change) -> int:
    if change.kind == "gone" or change.after.get("enabled") is False:
        return _NARROWER
    return _OTHER


_TIERS = {
    "app": _app,
    "permission": _permission,
    "consent": _consent,
    "credential": _credential,
    "finding": _finding,
    "directory role": _role,
    "policy": _policy,
    "prediction": _prediction,
}
