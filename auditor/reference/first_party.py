"""Well-known clients whose Microsoft Graph scopes the tenant does not decide alone: Azure CLI, Graph Explorer, and others.

Facts are in ``first_party.toml``, each with its source. Names of Microsoft's apps in general are ``resources.py``'s.
https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from auditor.reference.names import strings, table


@dataclass(frozen=True)
class FirstPartyClient:
    """One client."""

    app_id: str
    name: str
    scopes: frozenset[str]
    """Delegated permissions of Microsoft Graph it is pre-authorized for, as far as publicly known; every tenant's tokens
    carry them, without a grant."""
    scopes_known: bool
    """Whether ``scopes`` is all: a permission that is neither there nor granted in the tenant is not in the token."""
    consentable: bool
    """Whether an administrator of the tenant can consent to more."""
    retired: bool
    """Removed by its owner: no token at all."""
    why: str
    """One sentence."""
    instead: str
    """What to use in its place, one sentence; empty where nothing speaks against it."""
    source: str
    """A page of Microsoft's, or ``seen``: read from tokens shown in public threads."""


def first_party_client(app_id: str) -> FirstPartyClient | None:
    """Return what is known of a client by its app id, in any casing; None for any other app."""
    return _clients().get(app_id.lower())


@lru_cache(maxsize=1)
def _clients() -> Mapping[str, FirstPartyClient]:
    return {
        entry["app_id"]: FirstPartyClient(
            app_id=entry["app_id"],
            name=entry["name"],
            scopes=frozenset(strings(entry, "scopes")),
            scopes_known=entry["scopes_known"] == "complete",
            consentable=entry["consentable"],
            retired=entry.get("retired", False),
            why=entry["why"],
            instead=entry.get("instead", ""),
            source=entry["source"],
        )
        for entry in table("first_party")["client"]
    }
