"""The rows of the page: dictionary-encoded columns, each compressed by itself, as the page's script unpacks them.

A column's bytes are gzip, written in base64: its values as a JSON list, a line feed, then for each row the place of its
value in that list, in little-endian numbers of ``bytes`` bytes. Where nearly every row has a value of its own, the list
holds one value a row and ``bytes`` is 0. A million permission rows take about a twentieth of their JSON.
What the columns are is in a small JSON head; ``templates/data.js`` reads both.
"""

from __future__ import annotations

import base64
import gzip
from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from auditor.audit.result import AuditRun
from reports.columns import CHANGES, FINDINGS, Column, Sheet
from reports.overview import state
from reports.rows import Value, plain_list
from reports.text import cut, visible

TEXT_LIMIT = 20_000
"""Characters of one cell."""

Codes = npt.NDArray[np.integer[Any]]

_LEADING: dict[str, tuple[str, ...]] = {
    "findings": ("Severity", "Summary", "App name", "Permission", "Check", "Certainty", "HTTP status", "State"),
    "permissions": (
        "App name",
        "Permission",
        "Type",
        "Status",
        "Requested",
        "Granted",
        "Consent",
        "Consented users",
        "Resource",
    ),
    "predictions": ("App name", "Call", "Verdict", "Reason"),
    "changes": ("Change", "Thing", "Summary", "Before", "After"),
}
"""Columns that the page shows first; the others follow in the workbook's order."""

_HIDDEN = {
    "findings": ("Permission",),
    "permissions": ("Consented users", "App kind"),
    "changes": ("App name",),
}
"""Columns that the page's table leaves out at first, beside those that every format holds back."""


def show(value: Value) -> str:
    """One value as text for the page: yes and no, times without seconds (UTC), tenant text made visible."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        # strftime leaves years below 1000 unpadded on some systems.
        return f"{value.year:04d}-{value:%m-%d %H:%M}Z"
    return cut(visible(str(value)), TEXT_LIMIT)


def script_json(value: object) -> str:
    """JSON that may stand inside a script element: no ``<``, no line separators that JavaScript would read as such."""
    text = orjson.dumps(value).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def blocks(run: AuditRun, sheet: Sheet) -> Iterator[tuple[str, str, str]]:
    """One sheet as the page holds it: ``(id, MIME type, text)`` of each script element, one column at a time, the head last."""
    places = _order(sheet)
    columns = [sheet.columns[place] for place in places]
    widths = []
    count = 0
    for number, (values, codes) in enumerate(_encoded_columns(run, sheet, places)):
        count = len(codes)
        width, packed = _packed(values, codes, keep=columns[number].facet)
        widths.append(width)
        yield f"data-{sheet.slug}-{number}", "application/gzip", packed
    hidden = set(_HIDDEN.get(sheet.slug, ()))
    if sheet is FINDINGS and all(state(finding) == "new" for finding in run.findings):
        hidden.add("State")
    if sheet is CHANGES and all(change.kind != "changed" for change in run.changes or ()):
        hidden = hidden - {"App name"} | {"Before", "After"}
    head = {
        "slug": sheet.slug,
        "title": sheet.title,
        "meaning": sheet.meaning,
        "count": count,
        "unread": sheet.unread(run),
        "gap": sheet.gap(run),
        "empty": sheet.empty,
        "columns": [_described(column, hidden, width) for column, width in zip(columns, widths, strict=True)],
    }
    yield f"data-{sheet.slug}", "application/json", script_json(head)


def _order(sheet: Sheet) -> list[int]:
    """Places of the sheet's columns in the page's order; reviewers' columns are left out."""
    order = [index for index, column in enumerate(sheet.columns) if not column.reviewer]
    lead = [sheet.headers.index(header) for header in _LEADING.get(sheet.slug, ())]
    return lead + [index for index in order if index not in lead]


def _encoded_columns(run: AuditRun, sheet: Sheet, places: Sequence[int]) -> Iterator[tuple[list[Any], Codes]]:
    """Each column as its different values and, for each row, the place of its value among them."""
    facts = sheet.source(run)
    if isinstance(facts, pd.DataFrame):
        for place in places:
            codes, uniques = pd.factorize(facts[sheet.columns[place].field], use_na_sentinel=False)
            yield _merged(plain_list(pd.Series(uniques)), codes)
        return
    seen: list[dict[Value, int]] = [{} for _ in places]
    rows = [array("I") for _ in places]
    for row in sheet.rows(run):
        for values, codes_so_far, place in zip(seen, rows, places, strict=True):
            # True and 1 are one key to a dict; a column holds either, never both.
            codes_so_far.append(values.setdefault(row[place], len(values)))
    while seen:  # a column is let go when it is written
        yield _merged(list(seen.pop(0)), np.frombuffer(rows.pop(0), dtype=np.uintc))


def _merged(values: list[Value], codes: Codes) -> tuple[list[Any], Codes]:
    """The values as the page holds them; what looks the same there is the same."""
    shown: dict[Any, int] = {}
    places = [shown.setdefault(_encoded(value), len(shown)) for value in values]
    if len(shown) < len(values):
        codes = np.asarray(places, dtype=np.int64)[codes]
    return list(shown), codes


def _packed(values: list[Any], codes: Codes, *, keep: bool) -> tuple[int, str]:
    """The width of a row's number, and the column in base64; ``keep`` it a dictionary in any case."""
    count = len(codes)
    if not keep and len(values) > count // 2:
        width, body = 0, orjson.dumps([values[code] for code in codes.tolist()])
    else:
        width = 1 if len(values) <= 1 << 8 else 2 if len(values) <= 1 << 16 else 4
        body = orjson.dumps(values) + b"\n" + codes.astype(f"<u{width}").tobytes()
    return width, base64.b64encode(gzip.compress(body, 6, mtime=0)).decode()


def _encoded(value: Value) -> str | int | float | None:
    """A value as the page's data hold it: numbers stay numbers, so that they sort as such."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return show(value)


def _described(column: Column, hidden: set[str], width: int) -> dict[str, Any]:
    return {
        "header": column.header,
        "meaning": column.meaning,
        "kind": column.kind,
        "width": min(column.width, 40),
        "bytes": width,
        "wrap": column.wrap,
        "facet": column.facet,
        "toned": column.toned,
        "order": column.order,
        "hidden": column.hidden or column.header in hidden,
    }
