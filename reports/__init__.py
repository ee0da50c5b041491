"""Tell: one file a format, one table of columns (``columns``). A writer sees an AuditRun and nothing else.

``write`` puts reports on disk: every file is written under a temporary name and renamed when all are whole, an older
report is never overwritten, and a failure leaves nothing half-written behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import OutputError, UsageError

if TYPE_CHECKING:
    from auditor.audit.result import AuditRun

FORMATS: Mapping[str, tuple[str, ...]] = {
    "xlsx": ("audit.xlsx",),
    "html": ("audit.html",),
    "json": ("audit.json",),
    "csv": (
        "csv/findings.csv",
        "csv/permissions.csv",
        "csv/predictions.csv",
        "csv/apps.csv",
        "csv/credentials.csv",
        "csv/consents.csv",
        "csv/conditional-access.csv",
        "csv/checks.csv",
        "csv/coverage.csv",
        "csv/waivers.csv",
        "csv/changes.csv",
    ),
    "md": ("audit.md",),
    "sarif": ("audit.sarif",),
    "junit": ("audit.junit.xml",),
}
"""Every format by the name that ``--format`` takes, and the files it makes in the folder.

A CSV file is left out where a source of its table was not read: "not read" must not look like "none". ``csv/coverage.csv`` is always there and names the source and the tables that lose by it. ``csv/changes.csv`` is there with a baseline alone.
"""


def write(run: AuditRun, formats: Sequence[str], folder: Path) -> list[Path]:
    """Write the reports of a run into a folder, which is made if it is not there.

    Args:
        run: the result to tell.
        formats: names of ``FORMATS``; naming one twice is naming it once.
        folder: where to.

    Returns:
        The files written, in the order of ``formats``; CSV files of tables that were not read are not among them.

    Raises:
        UsageError: a format that does not exist.
        OutputError: a report is already there, or the folder cannot be written to. Nothing new is left behind.
    """
    possible = [name for wanted in dict.fromkeys(formats) for name in _files(wanted)]
    # An older table that this run leaves out would pass for this run's.
    _refuse_to_overwrite([folder / name for name in possible])
    names = [name for name in possible if _has_facts(run, name)]
    finals = [folder / name for name in names]
    made = _make_folders(folder, finals)
    drafts = {final: final.with_name(f".{final.name}.{os.getpid()}.part") for final in finals}
    done: list[Path] = []
    try:
        for name, final in zip(names, finals, strict=True):
            _writer(name)(run, drafts[final])
        _refuse_to_overwrite(finals)
        for final in finals:
            drafts[final].rename(final)
            done.append(final)
    except BaseException as error:
        _clear([*drafts.values(), *done], made)
        if isinstance(error, OSError):
            raise OutputError(f"cannot write the reports to {folder}: {error.strerror or error}") from error
        raise
    return finals


def _has_facts(run: AuditRun, name: str) -> bool:
    """Whether a file says something: all do but the CSV file of a table that was not read."""
    if not name.startswith("csv/"):
        return True
    found: bool = import_module("reports.csv").has_facts(run, slug=_slug(name))
    return found


def _slug(name: str) -> str:
    return name.removeprefix("csv/").removesuffix(".csv")


def _files(name: str) -> tuple[str, ...]:
    if name not in FORMATS:
        raise UsageError(f"there is no report format {name!r}; the formats are {', '.join(FORMATS)}")
    return FORMATS[name]


def _refuse_to_overwrite(finals: Sequence[Path]) -> None:
    for final in finals:
        if final.exists() or final.is_symlink():
            raise OutputError(f"{final} is already there and is not overwritten; choose another folder with --out")


def _make_folders(folder: Path, finals: Sequence[Path]) -> list[Path]:
    """Make the folders that are missing; returns those made, innermost first."""
    wanted = list(dict.fromkeys([folder, *(final.parent for final in finals)]))
    made: list[Path] = []
    try:
        for place in wanted:
            missing = [parent for parent in [place, *place.parents] if not parent.exists()]
            for path in reversed(missing):
                path.mkdir()
                made.insert(0, path)
            if not place.is_dir():
                raise NotADirectoryError(20, "it is not a folder")
    except OSError as error:
        _clear([], made)
        raise OutputError(f"cannot write the reports to {folder}: {error.strerror or error}") from error
    return made


def _clear(files: Sequence[Path], folders: Sequence[Path]) -> None:
    """Take away what a failed run wrote; a folder that holds something else stays."""
    for file in files:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


_WRITERS: Mapping[str, tuple[str, str]] = {
    "audit.xlsx": ("reports.xlsx", "write_xlsx"),
    "audit.html": ("reports.html", "write_html"),
    "audit.json": ("reports.json", "write_json"),
    "audit.md": ("reports.markdown", "write_markdown"),
    "audit.sarif": ("reports.sarif", "write_sarif"),
    "audit.junit.xml": ("reports.junit", "write_junit"),
}


def _writer(name: str) -> Callable[[AuditRun, Path], None]:
    """The function that writes one file. Its module, and what it imports in turn, is loaded here and not before."""
    if name.startswith("csv/"):
        return partial(import_module("reports.csv").write_csv, slug=_slug(name))
    module, function = _WRITERS[name]
    writer: Callable[[AuditRun, Path], None] = getattr(import_module(module), function)
    return writer
