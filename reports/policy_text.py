"""A Conditional Access policy's conditions and controls as sentences for cells.

Follows https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy. Keys that are not known here are shown
too, as ``key: value``: a condition that nobody sees is worse than an ugly one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.text import words

_USER_KEYS = ("Users", "Groups", "Roles", "GuestsOrExternalUsers")
_SHOWN_APART = frozenset({"users", "applications", "clientApplications"})
_LABELS = {
    "clientAppTypes": "client apps",
    "platforms": "platforms",
    "locations": "locations",
    "devices": "devices",
    "deviceStates": "device states",
    "signInRiskLevels": "sign-in risk",
    "userRiskLevels": "user risk",
    "servicePrincipalRiskLevels": "service principal risk",
    "insiderRiskLevels": "insider risk",
    "authenticationFlows": "authentication flows",
    "agentIdRiskLevels": "agent risk",
}


def _empty(value: object) -> bool:
    return value in (None, [], {}, "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(value: object, names: Mapping[str, str]) -> str:
    """A list of ids as text, with the display name before an id that is known."""
    if not isinstance(value, (list, tuple)):
        return words(value)
    shown = []
    for item in value:
        name = names.get(str(item).lower()) if isinstance(item, str) else None
        shown.append(f"{name} ({item})" if name else words(item))
    return "; ".join(filter(None, shown))


def _sides(part: Mapping[str, Any], names: Mapping[str, str], side: str) -> str:
    """Everything ``include…`` or ``exclude…`` of one condition; a plain word where there is one kind alone."""
    texts = []
    for key, value in part.items():
        if not key.startswith(side) or _empty(value):
            continue
        kind = key.removeprefix(side)
        label = "" if kind in ("Users", "Applications", "ServicePrincipals") else f"{_spaced(kind)}: "
        texts.append(label + _named(value, names))
    return "; ".join(texts)


def _spaced(camel: str) -> str:
    text = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in camel)
    return text.strip()


def _rest(part: Mapping[str, Any]) -> str:
    """Keys of a condition that are neither included nor excluded things, e.g. filters."""
    rest = {
        _spaced(key): value
        for key, value in part.items()
        if not key.startswith(("include", "exclude", "@")) and not _empty(value)
    }
    return words(rest)


def included(conditions: object, part: str, names: Mapping[str, str]) -> str:
    """Who or what a policy's ``users``, ``applications`` or ``clientApplications`` condition takes in."""
    condition = _mapping(conditions).get(part)
    if not isinstance(condition, Mapping):
        return words(condition)
    return "; ".join(filter(None, (_sides(condition, names, "include"), _rest(condition))))


def excluded(conditions: object, part: str, names: Mapping[str, str]) -> str:
    """Who or what it leaves out."""
    return _sides(_mapping(_mapping(conditions).get(part)), names, "exclude")


def other_conditions(conditions: object, names: Mapping[str, str]) -> str:
    """Every other condition, one a line: client apps, platforms, locations, devices, risks, authentication flows."""
    if not isinstance(conditions, Mapping):
        return words(conditions)
    lines = []
    for key, value in conditions.items():
        if key in _SHOWN_APART or key.startswith("@") or _empty(value):
            continue
        text = _condition(value, names)
        if text:
            lines.append(f"{_LABELS.get(key, _spaced(key))}: {text}")
    return "\n".join(lines)


def _condition(value: object, names: Mapping[str, str]) -> str:
    if not isinstance(value, Mapping):
        return words(value)
    without = _sides(value, names, "exclude")
    return "; ".join(filter(None, (_sides(value, names, "include"), without and f"except {without}", _rest(value))))


def grant_controls(controls: object) -> str:
    """What the policy demands, e.g. ``mfa or compliantDevice``; ``block`` for a policy that refuses."""
    if not isinstance(controls, Mapping):
        return words(controls)
    grant: Mapping[str, Any] = controls
    built_in = grant.get("builtInControls")
    demanded = [words(item) for item in (built_in if isinstance(built_in, (list, tuple)) else [built_in]) if item]
    strength = grant.get("authenticationStrength")
    if strength:
        named = _mapping(strength)
        demanded.append(f"authentication strength {words(named.get('displayName') or named.get('id') or strength)}")
    if grant.get("termsOfUse"):
        demanded.append(f"terms of use {words(grant['termsOfUse'])}")
    if grant.get("customAuthenticationFactors"):
        demanded.append(f"custom factors {words(grant['customAuthenticationFactors'])}")
    joint = " and " if str(grant.get("operator", "OR")).upper() == "AND" else " or "
    return joint.join(filter(None, demanded))


def session_controls(controls: object) -> str:
    """What the policy does to the session, one a line."""
    if not isinstance(controls, Mapping):
        return words(controls)
    lines = []
    for key, value in controls.items():
        if _empty(value) or value is False or key.startswith("@") or _mapping(value).get("isEnabled") is False:
            continue
        settings = value if not isinstance(value, Mapping) else _settings(value)
        lines.append(f"{_spaced(key)}: {words(settings) or 'on'}")
    return "\n".join(lines)


def _settings(control: Mapping[str, Any]) -> dict[str, Any]:
    return {_spaced(name): item for name, item in control.items() if name != "isEnabled" and not name.startswith("@")}
