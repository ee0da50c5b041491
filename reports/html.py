"""The page: ``audit.html``, one file that needs no network and no other file.

Names in a tenant are written by anybody, so: Jinja escapes everything, data lie in the page as JSON with ``<`` escaped,
the script makes nodes from text alone, and the content security policy admits this page's own style and script by hash
and nothing else. Rows are packed by ``page_data``; the scripts beside the template show them in a small virtual table.
With JavaScript off (or in a browser without DecompressionStream) the page still has everything on the first screen, the
worst findings, checks and coverage.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from auditor.audit.check import SEVERITIES
from auditor.audit.result import AuditRun
from auditor.tenant.state import SourceState
from reports.columns import CHECKS, COVERAGE, FINDINGS, SHEETS, Sheet, sheets_of
from reports.overview import (
    CERTAINTY_MEANINGS,
    OUTCOME_MEANINGS,
    SEVERITY_MEANINGS,
    changed,
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
from reports.page_data import blocks, script_json, show
from reports.palette import SHADES, SURFACES, TONES
from reports.rows import Value
from reports.text import is_web_link, one_line, spoken_utc

LISTED = 500
"""Findings that are in the page as plain HTML, for readers without JavaScript and for paper."""
SCRIPTS = ("data.js", "address.js", "table.js", "panel.js", "app.js", "save.js", "main.js")
"""The page's script, in the order in which its parts build on each other."""

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
    parts = "".join(_source(loader, environment, name) for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{parts}}})();\n'
    stream = environment.get_template("audit.html.j2").stream(
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
        data=(block for sheet in sheets_of(run) for block in blocks(run, sheet)),
        tones=Markup(script_json({word: [tone, SHADES[tone].shape] for word, tone in TONES.items()})),  # noqa: S704
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
        "baseline": f" of {spoken_utc(run.baseline_at)}" if run.baseline_at else "",
        "uncompared": list(dict.fromkeys(gap.reason for gap in run.not_compared)),
        "changes": None if run.changes is None else changed(run),
        "failing": failing_apps(run, 6),
        "failing_count": failing_count(run),
        "sheets": [(sheet.slug, sheet.title, sheet.meaning, sheet.count(run), sheet.gap(run)) for sheet in sheets_of(run)],
        "listed": [_by_header(FINDINGS, row) for row in islice(FINDINGS.rows(run), listed)],
        "more": max(0, len(run.findings) - listed),
        "tables": [(sheet, [column for column in sheet.columns if not column.hidden], _short(run, sheet, listed)) for sheet in (CHECKS, COVERAGE, *sheets_of(run)[len(SHEETS):])],
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


def _short(run: AuditRun, sheet: Sheet, most: int) -> list[dict[str, Value]]:
    """The first rows of a sheet, for plain HTML."""
    return [_by_header(sheet, row) for row in islice(sheet.rows(run), most)]


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
