"""Where the permission catalog is: shipped with the package, cached for this user, or named in AUDITOR_CATALOG.

Only places; reading is ``catalog.py``'s, fetching and replacing ``store.py``'s.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "AUDITOR_CATALOG"
"""Environment variable: a file to use in place of any other, or ``shipped`` to ignore the cached one."""

SHIPPED = Path(__file__).with_name("catalog.json")
"""The compiled file in the package."""

_OFF = frozenset({"shipped", "off", "0", "no", "false"})


def named() -> Path | None:
    """Return the file that AUDITOR_CATALOG names, or None."""
    value = os.environ.get(VARIABLE, "").strip()
    return Path(value).expanduser() if value and value.lower() not in _OFF else None


def cached() -> Path | None:
    """Return where this user's newer catalog is or would be; None if AUDITOR_CATALOG decides, or no home is known."""
    if os.environ.get(VARIABLE, "").strip():
        return None
    folder = _cache_folder()
    return None if folder is None else folder / "graph-auditor" / "catalog.json"


def _cache_folder() -> Path | None:
    try:
        home = Path.home()
    except RuntimeError:  # no home: a container with a bare user id
        home = None
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else home and home / "AppData" / "Local"
    if sys.platform == "darwin":
        return home and home / "Library" / "Caches"
    folder = os.environ.get("XDG_CACHE_HOME", "")
    # The specification has relative paths ignored.
    return Path(folder) if Path(folder).is_absolute() else home and home / ".cache"
