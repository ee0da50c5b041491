"""The page: ``audit.html``, one file that needs no network and no other file.

Names in a tenant are written by anybody, so: Jinja escapes everything, data lie in the page as JSON with ``<`` escaped,
the script makes nodes from text alone, and the content security policy admits this page's own style and script by hash
and nothing else. Rows are dictionary-encoded columns; ``templates/audit.js`` shows them in a small virtual table.
With JavaScript off the page still has everything on the first screen, the worst findings, checks and coverage.
"""

from __future__ import annotations

import base64
import hashlib
import re
from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from auditor.audit.check import SEVERITIES
from auditor.audit.result import AuditRun
from auditor.tenant.state import SourceState
from reports.columns import CHECKS, COVERAGE, FINDINGS, SHEETS, Column, Sheet
from reports.overview import (
    CERTAINTY_MEANINGS,
    OUTCOME_MEANINGS,
    SEVERITY_MEANINGS,
    checks_assessed,
    declared_calls,
    failing_apps,
    failing_count,
    not_assessed,
    reason_of,
    sources_read,
    state,
    worst_finding,
)
from reports.overview import gaps as gap_groups
from reports.palette import SHADES, SURFACES, TONES
from reports.rows import Value
from reports.text import cut, is_web_link, one_line, spoken_utc, visible

LISTED = 500
"""Findings that are in the page as plain HTML, for readers without JavaScript and for paper."""
TEXT_LIMIT = 20_000
"""Characters of one cell."""

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
}
"""Columns that the page shows first; the others follow in the workbook's order."""

_HIDDEN = {"findings": ("Permission",), "permissions": ("Consented users", "App kind")}
"""Columns that the page's table leaves out at first, beside those that every format holds back."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def write_html(run: AuditRun, path: Path, *, listed: int = LISTED) -> None:
    """Write the page to ``path``.

    Args:
        run: the result to tell.
        path: the file.
        listed: findings written as plain HTML; all of them are in the data.

    Raises:
        OSError: the file cannot be written.
    """
    loader = PackageLoader("reports")
    environment = Environment(
        autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "show": show,
        "line": one_line,
        "link": _link,
        "tone": lambda word: TONES.get(word, "muted"),
    }
    environment.filters["shape"] = lambda word: SHADES[TONES.get(word, "muted")].shape
    # The policy's hashes are over line feeds: a browser reads CR LF as LF.
    style = _variables() + _source(loader, environment, "audit.css")
    script = _source(loader, environment, "audit.js")
    stream = environment.get_template("audit.html.j2").stream(
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
        data=((sheet.slug, _data(run, sheet)) for sheet in SHEETS),
        tones=Markup(_json({word: [tone, SHADES[tone].shape] for word, tone in TONES.items()})),  # noqa: S704
        **_context(run, listed),
    )
    stream.enable_buffering(50)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for piece in stream:
            # Lone surrogates are already visible; nothing else fails to encode.
            file.write(piece)


def _context(run: AuditRun, listed: int) -> dict[str, Any]:
    """What the template shows."""
    waived = sum(finding.waived for finding in run.findings)
    gaps = [(result.meta.slug, result.outcome, reason_of(result)) for result in not_assessed(run)]
    known = sum(state(finding) == "known" for finding in run.findings)
    return {
        "run": run,
        "collected": spoken_utc(run.collected_at),
        "checks_assessed": checks_assessed(run),
        "sources_read": sources_read(run),
        "calls": declared_calls(run),
        "gaps": gaps,
        "groups": gap_groups(run),
        "worst": worst_finding(run),
        "tone_of": _tone_of,
        "complete": not gaps and all(entry.state.is_read for entry in run.coverage),
        "unread": _unexplained(run, gaps),
        "severities": [(word, run.counts()[word], SEVERITY_MEANINGS[word]) for word in SEVERITIES],
        "waived": waived,
        "known": known,
        "failing": failing_apps(run, 6),
        "failing_count": failing_count(run),
        "sheets": [(sheet.slug, sheet.title, sheet.meaning, sheet.count(run), sheet.gap(run)) for sheet in SHEETS],
        "listed": [_by_header(FINDINGS, row) for row in islice(FINDINGS.rows(run), listed)],
        "more": max(0, len(run.findings) - listed),
        "tables": [(sheet, [column for column in sheet.columns if not column.hidden], _short(run, sheet)) for sheet in (CHECKS, COVERAGE)],
        "pages": [(result.meta.slug, _page(run.pages[result.meta.slug])) for result in run.checks if result.meta.slug in run.pages],
        "meanings": (("Severity", SEVERITY_MEANINGS), ("Certainty", CERTAINTY_MEANINGS), ("Outcome of a check", OUTCOME_MEANINGS)),
    }  # fmt: skip


def _unexplained(run: AuditRun, gaps: Sequence[tuple[str, str, str]]) -> list[SourceState]:
    """Sources not read that no gap's reason names."""
    named = " ".join(reason for _, _, reason in gaps)
    return [entry.state for entry in run.coverage if not entry.state.is_read and entry.state.source not in named]


def _tone_of(row: dict[str, Value], header: str) -> str | None:
    """The tone of a word where it is not its own: a failed check is as serious as its worst open finding."""
    if header == "Outcome" and row.get("Outcome") == "fail":
        return str(row.get("Worst finding") or "muted")
    return None


def _by_header(sheet: Sheet, row: tuple[Value, ...]) -> dict[str, Value]:
    return dict(zip(sheet.headers, row, strict=True))


def _short(run: AuditRun, sheet: Sheet) -> list[dict[str, Value]]:
    """The rows of a small sheet, for plain HTML."""
    return [_by_header(sheet, row) for row in sheet.rows(run)]


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


def _link(value: Value) -> str:
    """The value if it may be a link, else nothing."""
    return value if isinstance(value, str) and is_web_link(value) else ""


def _page(text: str) -> Markup:
    """A check's page as HTML, its headings three levels down and its links in a new window; HTML in it stays text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(_COMMENT.sub("", text))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "noopener noreferrer")
                child.attrSet("target", "_blank")
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - markdown-it escapes with html off


def _source(loader: PackageLoader, environment: Environment, name: str) -> str:
    return loader.get_source(environment, name)[0].replace("\r\n", "\n")


def _policy(style: str, script: str) -> str:
    """The content security policy: nothing from anywhere, but this style and this script."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _variables() -> str:
    """The palette as CSS variables, light and dark."""
    light = {name: pair[0] for name, pair in SURFACES.items()}
    dark = {name: pair[1] for name, pair in SURFACES.items()}
    for tone, shade in SHADES.items():
        light |= {f"{tone}-ink": shade.ink, f"{tone}-tint": shade.tint}
        dark |= {f"{tone}-ink": shade.dark_ink, f"{tone}-tint": shade.dark_tint}

    def block(colours: dict[str, str], scheme: str) -> str:
        return f"{{color-scheme:{scheme};" + "".join(f"--{name}:#{colour};" for name, colour in colours.items()) + "}\n"

    tones = "".join(
        f'[data-tone="{tone}"]{{color:var(--{tone}-ink);background:var(--{tone}-tint)}}\n' for tone in SHADES
    )
    system = "@media (prefers-color-scheme: dark){:root:not([data-theme=light])" + block(dark, "dark") + "}\n"
    paper = "@media print{:root,:root:not([data-theme=light]),:root[data-theme=dark]" + block(light, "light") + "}\n"
    return ":root" + block(light, "light") + system + ":root[data-theme=dark]" + block(dark, "dark") + paper + tones


def _json(value: object) -> str:
    """JSON that may stand inside a script element: no ``<``, no line separators that JavaScript would read as such."""
    text = orjson.dumps(value).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _data(run: AuditRun, sheet: Sheet) -> Iterator[Markup]:
    """One sheet as dictionary-encoded columns, in pieces.

    ``columns`` says what each is, ``values`` holds each column's different values, ``rows`` each row's place in them.
    A column whose values are nearly all different has them in ``values`` row by row, and null in ``rows``.
    """
    order = [index for index, column in enumerate(sheet.columns) if not column.reviewer]
    lead = [sheet.headers.index(header) for header in _LEADING.get(sheet.slug, ())]
    order = lead + [index for index in order if index not in lead]
    columns = [sheet.columns[index] for index in order]
    places: list[dict[Any, int]] = [{} for _ in columns]
    indexes = [array("I") for _ in columns]
    count = 0
    for row in sheet.rows(run):
        count += 1
        for seen, index, position in zip(places, indexes, order, strict=True):
            value = row[position]
            # True and 1 are one key to a dict; a column holds either, never both.
            index.append(seen.setdefault(value, len(seen)))
    hidden = set(_HIDDEN.get(sheet.slug, ()))
    if sheet is FINDINGS and all(state(finding) == "new" for finding in run.findings):
        hidden.add("State")
    head = {
        "slug": sheet.slug,
        "title": sheet.title,
        "meaning": sheet.meaning,
        "count": count,
        "unread": sheet.unread(run),
        "gap": sheet.gap(run),
        "empty": sheet.empty,
    }
    yield Markup(_json(head | {"columns": [_described(column, hidden) for column in columns]})[:-1] + ',"values":[')  # noqa: S704
    spread = [not column.facet and len(seen) > count // 2 for column, seen in zip(columns, places, strict=True)]
    for number, (seen, index) in enumerate(zip(places, indexes, strict=True)):
        shown = [_encoded(value) for value in seen]
        values = [shown[place] for place in index] if spread[number] else shown
        yield Markup(("," if number else "") + _json(values))  # noqa: S704
    yield Markup('],"rows":[')
    for number, index in enumerate(indexes):
        yield Markup(("," if number else "") + ("null" if spread[number] else _json(index.tolist())))  # noqa: S704
    yield Markup("]}")


def _encoded(value: Value) -> str | int | float | None:
    """A value as the page's data hold it: numbers stay numbers, so that they sort as such."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return show(value)


def _described(column: Column, hidden: set[str]) -> dict[str, Any]:
    return {
        "header": column.header,
        "meaning": column.meaning,
        "kind": column.kind,
        "width": min(column.width, 40),
        "wrap": column.wrap,
        "facet": column.facet,
        "toned": column.toned,
        "order": column.order,
        "hidden": column.hidden or column.header in hidden,
    }
