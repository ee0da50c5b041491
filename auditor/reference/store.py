"""Building, fetching and replacing the permission catalog; saying which one is in use.

A newer catalog is checked before it replaces the old, replaces it at once or not at all, and lives in the user's cache
folder (``place.py``); the shipped one is never touched. Compiling is ``build.py``'s.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auditor.errors import AuditorError, InputError, OutputError, UsageError
from auditor.reference import build as compiler
from auditor.reference import catalog, place
from auditor.reference.catalog import Catalog

PUBLISHED = "https://raw.githubusercontent.com/microsoftgraph/microsoft-graph-devx-content/master/permissions/new/permissions.json"
"""Where Microsoft publishes the map."""

MAX_BYTES = 64 * 1024 * 1024
_TIMEOUT_SECONDS = 60


class FetchError(AuditorError):
    """The newer catalog could not be fetched (exit code 2)."""


@dataclass(frozen=True)
class CatalogInfo:
    """Which catalog is in use."""

    date: str
    """ISO date of Microsoft's data."""
    sha256: str
    size: int
    """Bytes."""
    origin: str
    """The file."""
    kind: Literal["shipped", "cached", "named"]
    """``named``: by AUDITOR_CATALOG."""
    permissions: int
    paths: int
    calls: int
    """Pairs of method and path."""
    sources: dict[str, str]
    """Published file -> sha256."""
    ignored: str | None
    """Why this user's cached catalog is not in use, where there is one; else None."""


def info() -> CatalogInfo:
    """Describe the catalog in use. Raises InputError if there is none that can be used."""
    used = catalog.load()
    named, cached = place.named(), place.cached()
    kind: Literal["shipped", "cached", "named"] = "shipped"
    if named is not None:
        kind = "named"
    elif used.origin == str(cached):
        kind = "cached"
    calls = [template for _, template, _ in used.entries()]
    return CatalogInfo(
        date=used.date,
        sha256=used.sha256,
        size=used.size,
        origin=used.origin,
        kind=kind,
        permissions=sum(1 for _ in used.permissions()),
        paths=len(set(calls)),
        calls=len(calls),
        sources=dict(used.sources),
        ignored=_why_ignored(cached, used) if kind == "shipped" else None,
    )


def _why_ignored(cached: Path | None, used: Catalog) -> str | None:
    if cached is None or not cached.is_file():
        return None
    try:
        found = catalog.read(cached)
    except InputError as error:
        return str(error)
    return f"{cached} is of {found.date}, which is not newer than {used.date}."


def build(files: Iterable[Path], out: Path, date: str) -> Catalog:
    """Compile published files into ``out``; Microsoft's list of apps, if given, into first_party.tsv beside it.

    ``date`` is the ISO date of the data. Raises InputError for files that cannot be used, OutputError if ``out`` cannot be
    written; an older ``out`` stays as it was then.
    """
    sources = compiler.read_sources({str(path): _read(path) for path in files})
    raw = compiler.compile_catalog(sources, date)
    compiled = Catalog.from_bytes(raw, str(out), thorough=True)
    if sources.apps:
        _replace(out.with_name("first_party.tsv"), compiler.compile_first_party(sources.apps))
    _replace(out, raw)
    return compiled


def update(source: str = PUBLISHED, *, date: str | None = None, allow_older: bool = False) -> Catalog:
    """Take a newer catalog from an https URL or a file: Microsoft's permissions.json, or a compiled catalog.

    permissions.json has no ids: those of the catalog in use stay, and a permission new to it gets none. ``date`` is the
    date of the data; without it the server's or the file's. Raises FetchError, InputError (damaged, too small to be whole,
    older than the one in use), UsageError (neither https nor a file), OutputError.
    """
    target = place.cached()
    if target is None:
        raise UsageError(f"A catalog cannot be updated while {place.VARIABLE} is set or no home folder is known.")
    raw, data_date = _fetch(source) if "://" in source else _read_dated(Path(source))
    used = catalog.load()
    if b'"format"' not in raw[:200]:
        raw = _compile_with_ids(source, raw, date or data_date, used)
    newer = Catalog.from_bytes(raw, source, thorough=True)
    _check_size(newer, used, source)
    if newer.date < used.date and not allow_older:
        raise InputError(f"The data of {source} is of {newer.date}, older than the catalog in use ({used.date}).")
    _replace(target, raw)
    catalog.load.cache_clear()
    return catalog.read(target)


def _compile_with_ids(origin: str, raw: bytes, date: str, used: Catalog) -> bytes:
    """Compile permissions.json alone, with the ids and enforcing resources the catalog in use knows."""
    sources = compiler.read_sources({origin: raw})
    sources.live = {"d": {}, "a": {}}
    for entry in used.permissions():
        for letter, scheme, form in (("d", "DelegatedWork", entry.delegated), ("a", "Application", entry.application)):
            if form is not None and form.id is not None:
                sources.live[letter][entry.name] = form.id
            if form is not None and form.enforced_by is not None:
                row = {"scheme": scheme, "resourceAppId": form.enforced_by}
                sources.deployments.setdefault(entry.name, []).append(row)
    return compiler.compile_catalog(sources, date)


def _check_size(newer: Catalog, used: Catalog, source: str) -> None:
    """Refuse a map with less than half of what is known: cut off, or something else altogether."""
    paths, known = sum(1 for _ in newer.entries()), sum(1 for _ in used.entries())
    if paths * 2 < known:
        raise InputError(f"{source} lists {paths} calls where the catalog in use lists {known}; it is not complete.")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 1024**2} MiB; that is no permission data.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


def _read_dated(path: Path) -> tuple[bytes, str]:
    raw = _read(path)
    return raw, datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).date().isoformat()


def _fetch(url: str) -> tuple[bytes, str]:
    """Read an https URL; return the content and the date the server gives it, or today's."""
    # Needed here alone; together they take longer to import than the catalog to load.
    import email.utils
    import http.client
    import urllib.error
    import urllib.request

    if not url.lower().startswith("https://"):
        raise UsageError(f"A catalog is fetched over https alone, or read from a file; {url!r} is neither.")
    request = urllib.request.Request(url, headers={"User-Agent": "graph-auditor", "Accept": "application/json"})  # noqa: S310 - https, checked
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            if not response.url.lower().startswith("https://"):
                raise FetchError(f"{url} leads to an address without https; nothing was taken from it.")
            raw = response.read(MAX_BYTES + 1)
            modified = response.headers.get("Last-Modified", "")
    except urllib.error.HTTPError as error:
        raise FetchError(f"{url} answered with HTTP status {error.code}.") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise FetchError(f"{url} could not be read: {reason}.") from None
    if len(raw) > MAX_BYTES:
        raise FetchError(f"{url} sends more than {MAX_BYTES // 1024**2} MiB; that is no permission data.")
    try:
        day = email.utils.parsedate_to_datetime(modified).date()
    except ValueError:
        day = datetime.datetime.now(datetime.UTC).date()
    return raw, day.isoformat()


def _replace(path: Path, content: bytes) -> None:
    """Write a file under another name beside it, then rename: readers see the old one or the new one, whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from None
