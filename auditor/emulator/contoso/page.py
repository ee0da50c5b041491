"""Writes the table of docs/demo-tenant.md from the stories: ``python -m auditor.emulator.contoso.page docs/demo-tenant.md``.

The prose around the table is written by hand and left alone; the table stands between two markers.
"""

from __future__ import annotations

import sys
from pathlib import Path

from auditor.emulator.contoso.story import STORIES

START, END = "<!-- stories: start (generated) -->", "<!-- stories: end -->"


def table() -> str:
    """The stories as a Markdown table."""
    rows = ["| app | what is wrong | found by |", "|---|---|---|"]
    for story in STORIES:
        found = ", ".join(f"[`{slug}`](checks/{slug}.md)" for slug in story.finds)
        rows.append(f"| {_cell(story.name)} | {_cell(story.what)} | {found} |")
    return "\n".join(rows)


def renewed(page: str) -> str:
    """The page with its table written anew. ValueError where the markers are missing."""
    head, _, rest = page.partition(START)
    _, marker, tail = rest.partition(END)
    if not marker:
        raise ValueError(f"the page needs {START} and {END}")
    return f"{head}{START}\n{table()}\n{END}{tail}"


def _cell(text: str) -> str:
    """Text for a table cell: as it is, in a code span where it holds markup."""
    flat = text.replace("\n", " ").replace("|", "\\|")
    return f"`{flat}`" if set(flat) & set("<>=") else flat


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
