"""How the emulated Graph behaves where Microsoft's pages are silent or reports disagree: both answers can be chosen.

Holds values alone; the files that act on them say where each one comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tls:
    """Certificate chain and private key (PEM) to serve https with."""

    cert_file: Path | str
    key_file: Path | str


@dataclass(frozen=True)
class Settings:
    """The choices; every default is what was observed, or the stricter answer where nothing was."""

    page_size: int = 100
    """Objects on a page when the request names no ``$top``."""
    max_page_size: int = 999
    clamp_large_top: bool = False
    """Directory objects asked with ``$top`` above the maximum: clamp it (True) or refuse the request (False)."""
    omit_managed_identities: bool = True
    """``appRoleAssignedTo`` without ``$top=999`` leaves managed identities out (microsoft-graph-docs issue 12243)."""
    expand_limit: int = 20
    """Expanded items an object carries at most; there is no link to the rest."""
    expand_page_size: int = 100
    """Parents on a page of a request with ``$expand``, whatever ``$top`` says."""
    nest_select_in_expand: bool = True
    """``$expand=owners($select=id)`` is understood."""
    identity_not_found_status: int = 401
    """HTTP status of ``Authorization_IdentityNotFound`` (401 seen, 403 claimed)."""
    identity_disabled_status: int = 403
    """HTTP status of ``Authorization_IdentityDisabled`` (400 and 403 are both reported)."""
    grant_reader_is_enough: bool = True
    """``DelegatedPermissionGrant.Read.All``, absent from Microsoft's map, reads OAuth2 permission grants."""
    policy_reader_reads_grant_policies: bool = False
    """``Policy.Read.All`` reads permission grant policies too (unconfirmed; the map says it does not)."""
    named_locations_need_premium: bool = True
    """Named locations are refused without Microsoft Entra ID P1, as Conditional Access policies are."""
    idle_seconds: float = 120.0
    """A connection without a request for so long is closed."""
    max_body_bytes: int = 4 * 1024 * 1024
    """A longer request body is refused with 413."""
