"""Checking the content of a compiled catalog before anything relies on it. What it means is ``catalog.py``'s."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

_KINDS = {"date": str, "sources": dict, "permissions": dict, "rules": dict, "paths": dict}
_NAME = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CLAIMS = re.compile(r"[A-Za-z][\w.-]*\*?(\+[A-Za-z][\w.-]*)*( [A-Za-z][\w.-]*\*?(\+[A-Za-z][\w.-]*)*)*", re.ASCII)
_METHODS = re.compile(r"[A-Z]+ [0-9a-f]+( [A-Z]+ [0-9a-f]+)*")


def damage(content: Mapping[str, Any], *, thorough: bool) -> str | None:
    """Return what is wrong with the content (a clause for a sentence), or None. Without ``thorough``, its shape alone."""
    for key, kind in _KINDS.items():
        if not isinstance(content.get(key), kind):
            return f"{key!r} is missing or of the wrong type"
    if not thorough:
        return None
    try:
        datetime.date.fromisoformat(content["date"])
    except ValueError:
        return f"its date is {content['date'][:20]!r}"
    return (
        _permissions(content["permissions"]) or _rules(content["rules"]) or _paths(content["paths"], content["rules"])
    )


def _permissions(permissions: Mapping[str, Any]) -> str | None:
    for name, entry in permissions.items():
        if not _NAME.fullmatch(name) or not isinstance(entry, dict) or set(entry) - set("dapr"):
            return f"the permission {name[:60]!r} is malformed"
        for letter in {"d", "a"} & set(entry):
            if not _scheme(entry[letter]):
                return f"the permission {name[:60]!r} has malformed facts"
    return None if permissions else "it holds no permissions"


def _scheme(facts: Any) -> bool:
    if not isinstance(facts, list) or len(facts) not in {3, 4}:
        return False
    permission_id, consent, level, *enforced_by = facts
    guids = [value for value in (permission_id, *enforced_by) if value is not None]
    return (
        all(isinstance(value, str) and _GUID.fullmatch(value) for value in guids)
        and isinstance(consent, bool)
        and (level is None or type(level) is int)
    )


def _rules(rules: Mapping[str, Any]) -> str | None:
    for key, rule in rules.items():
        if not isinstance(rule, dict) or set(rule) - set("dpar"):
            return f"the rule {key[:20]!r} is malformed"
        if not all(isinstance(claims, str) and _CLAIMS.fullmatch(claims) for claims in rule.values()):
            return f"the rule {key[:20]!r} names malformed permissions"
    return None


def _paths(paths: Mapping[str, Any], rules: Mapping[str, Any]) -> str | None:
    for template, entry in paths.items():
        if not template.startswith("/") or not isinstance(entry, str) or not _METHODS.fullmatch(entry):
            return f"the path {template[:80]!r} is malformed"
        if not all(rule in rules for rule in entry.split()[1::2]):
            return f"the path {template[:80]!r} refers to a rule that is not there"
    return None if paths else "it holds no paths"
