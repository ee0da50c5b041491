"""The closed vocabulary of what a tenant looked like beside permissions: the words of ``facts.toml`` and ``more.jsonl``.

Every word is a fact about a tenant, an app, a user or a call, never a cause. ``infer`` reads the same words out of prose.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tests.cases.case import HERE, Case

Plan = Literal["entra-p1", "entra-p2", "exchange", "sharepoint", "teams", "intune"]


@dataclass(frozen=True)
class Facts:
    """What the columns of a case do not say. Every default means: as in a well-kept tenant, or not known."""

    # --- the tenant ---
    user_consent: Literal["", "off", "recommended", "legacy", "low"] = ""
    """What users may consent to alone."""
    lacks: tuple[Plan, ...] = ()
    """Plans the tenant does not own."""
    policy: Literal["", "block", "mfa", "device"] = ""
    """A Conditional Access policy that is on, for all users and resources unless narrowed, with this control."""
    policy_when: Literal["", "location", "device-code", "platform", "other-platforms", "workload"] = ""
    """Its condition: outside trusted locations, device code sign-in, a platform, any platform but the known ones; or
    workload identities, not users."""
    policy_on: str = ""
    """Its one target: an app id, ``Office365``."""
    security_defaults: bool = False
    members_create_nothing: bool = False
    """Members may create neither groups nor apps; by default they may."""
    # --- the app ---
    app: Literal["", "disabled", "unknown", "orphan", "external", "unassigned"] = ""
    """Its service principal is disabled; the tenant has none; the registration was deleted; it is registered in another
    tenant; it requires assignment and nobody is assigned."""
    client: Literal["", "azure-cli", "azure-powershell", "graph-powershell", "graph-explorer", "intune-powershell"] = ""
    """One of Microsoft's own clients in place of an app of one's own."""
    sign_in: Literal["", "device-code", "ropc"] = ""
    """How a public client signs its user in, where the column says no more than that it is one."""
    credentials: Literal["", "expired", "renewed", "none"] = ""
    """Expired all; one expired and a new one; none at all."""
    audience: Literal["", "AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount"] = ""
    consented: Literal["", "user", "another-user"] = ""
    """Delegated permissions are granted for the user who signs in alone, or for somebody else alone."""
    through_group: bool = False
    """The application permissions asked for are held by a group that the app is in, not by the app."""
    on_registration: bool = False
    """They are held by another app of the same owner (a registration beside the managed identity)."""
    on_resource: Literal["", "aad-graph", "exchange", "sharepoint"] = ""
    """The permissions are those of this API and not of Microsoft Graph."""
    app_roles: tuple[str, ...] = ()
    """Directory roles of the service principal."""
    owns: tuple[Literal["group", "application"], ...] = ()
    """The service principal owns what it works on."""
    middle_tier: bool = False
    """It publishes an API of its own and calls on behalf of that API's users."""
    resource_missing: bool = False
    """The tenant has no service principal of the API."""
    # --- the user ---
    user_roles: tuple[str, ...] = ()
    """Directory roles of the user who signs in; ``none``: none."""
    guest: bool = False
    user_lacks: tuple[Plan, ...] = ()
    """Plans that the user has not, though the tenant owns them."""
    user_assigned: bool = False
    """The user is assigned to the app."""
    # --- the call ---
    body: tuple[str, ...] = ()
    """Fields that were sent: ``isAssignableToRole``, ``entityTypes=site``."""
    target: Literal["", "self", "other", "admin"] = ""
    """Whom ``{id}`` of ``/users/{id}`` stands for."""
    resource: str = ""
    """What the token is for, where the column is too coarse."""
    # --- rights that no directory shows ---
    elsewhere: tuple[
        Literal["site-grant", "exchange-rbac", "exchange-policy", "teams-policy", "rsc", "shared-mailbox"], ...
    ] = ()
    """Given outside the directory. Nothing in the tenant shows it, so nothing is built of it."""

    @property
    def about_user(self) -> bool:
        """Whether anything is known of the user."""
        return bool(self.user_roles or self.guest or self.user_lacks or self.user_assigned or self.consented)


def facts_from(raw: Mapping[str, Any], where: str) -> Facts:
    """Facts out of plain values. ValueError names the first word that is not in the vocabulary."""
    hints = get_type_hints(Facts)
    known = {one.name for one in fields(Facts)}
    made: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in known:
            raise ValueError(f"{where}: no such fact: {name}")
        made[name] = tuple(value) if isinstance(value, list) else value
        for one in made[name] if isinstance(made[name], tuple) else (made[name],):
            allowed = _words(hints[name])
            if allowed and one not in allowed:
                raise ValueError(f"{where}: {name} cannot be {one!r}, only {', '.join(map(str, allowed))}")
            if isinstance(one, bool) != (hints[name] is bool):
                raise ValueError(f"{where}: {name} cannot be {one!r}")
    return Facts(**made)


def _words(hint: Any) -> tuple[Any, ...]:
    """The literals a type allows, none where it is open."""
    if get_origin(hint) is tuple:
        hint = get_args(hint)[0]
    return get_args(hint) if get_origin(hint) is Literal else ()


@lru_cache(maxsize=1)
def written() -> dict[str, Facts]:
    """Facts written by hand, by case id."""
    data = tomllib.loads((HERE / "facts.toml").read_text(encoding="utf-8"))
    return {case_id: facts_from(raw, case_id) for case_id, raw in data.items()}


def facts_of(case: Case) -> Facts:
    """A case's facts: its own, else those written for it, else what its prose says."""
    from tests.cases.infer import infer_facts  # here, because it needs the vocabulary

    if case.facts:
        return facts_from(case.facts, case.id)
    by_hand = written().get(case.id)
    return by_hand if by_hand is not None else infer_facts(case.prose)
