"""A call that an app makes, as people write it: ``beta:PATCH /users/{id} {passwordProfile}``.

Parses and shows calls. Files of calls are ``call_files``'s; which permission a call needs is ``authorization``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Version = Literal["v1.0", "beta"]


@dataclass(frozen=True)
class Call:
    """One call of an app to an API."""

    text: str
    """The call in its normal form, shown in every report and part of fingerprints: ``GET /users``,
    ``beta:GET /me``, ``PATCH /users/{id} {passwordProfile}``. No tokens, no query values beyond property names."""
    method: str
    """Upper case."""
    path: str
    """With a leading slash, without origin, version and query, in the letters it was written in: ``/users/{id}/messages``."""
    version: Version = "v1.0"
    body: frozenset[str] = frozenset()
    """Body fields that may decide: ``passwordProfile``; with a value where it decides: ``entityTypes=site``,
    ``resource=me/messages``."""
    query: frozenset[str] = frozenset()
    """Properties named in ``$select``, ``$filter``, ``$orderby`` and ``$expand``: ``signInActivity``."""
    host: str | None = None
    """Host of an absolute URL that is not Microsoft Graph's in any cloud (``graph.windows.net``); None for Graph."""
