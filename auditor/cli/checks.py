"""``auditor checks``: lists the checks, or explains one with the page that ships with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.audit.check import CheckMeta

Slug = Annotated[str | None, typer.Argument(metavar="[SLUG]", help="A check to explain; without it all are listed.")]

MARKS = ("<!-- generated: facts -->", "<!-- /generated -->")
"""Where a page keeps place for the facts."""


def command(slug: Slug = None, output: options.AsJson = "table") -> None:
    """List the checks, or explain one.

    Example: auditor checks consent-missing
    """
    from auditor.audit.registry import page, registry
    from auditor.cli.screen import Screen, write_json
    from auditor.errors import UsageError

    metas = {check.META.slug: check.META for check in registry()}
    if slug is not None and slug not in metas:
        raise UsageError(f'There is no check "{slug}"; auditor checks lists them.')
    if slug is not None and output == "json":
        write_json(_as_json(metas[slug]) | {"page": page(slug)})
    elif slug is not None:
        _show_page(whole_page(metas[slug], page(slug), markers=False))
    elif output == "json":
        write_json([_as_json(meta) for meta in metas.values()])
    else:
        rows = [(meta.slug, meta.severity, meta.title, meta.cause) for meta in metas.values()]
        Screen().table("", ("Check", "Severity", "What is good", "Documented cause"), rows)


def _as_json(meta: CheckMeta) -> dict[str, Any]:
    return {
        "check": meta.slug,
        "title": meta.title,
        "cause": meta.cause,
        "severity": meta.severity,
        "sources": list(meta.sources),
        "optional_sources": list(meta.optional_sources),
        "help_url": meta.help_url,
        "since": meta.since,
    }


def whole_page(meta: CheckMeta, markdown: str, *, markers: bool) -> str:
    """The page of a check with the facts from its code in the place the page keeps for them, below its title.

    Args:
        meta: the facts.
        markdown: the page as it ships.
        markers: whether to leave the marks around the facts, for a page that is a file.
    """
    before, _, rest = (markdown or f"# {meta.slug}\n\n{MARKS[0]}\n{MARKS[1]}\n").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    table = _facts(meta)
    return f"{before}{MARKS[0]}\n\n{table}\n\n{MARKS[1]}{after}" if markers else f"{before}{table}{after}"


def _facts(meta: CheckMeta) -> str:
    """What the code says of a check, as a list."""
    from auditor.graph.sources import BY_ID

    permission_of = {spec.id: spec.permission for spec in BY_ID.values()}

    def listed(sources: tuple[str, ...]) -> str:
        return (
            ", ".join(f"`{source}` ({permission_of.get(source, 'no permission')})" for source in sources) or "nothing"
        )

    lines = [
        f"{meta.title}.",
        "",
        f"- Documented cause: {meta.cause}",
        f"- Severity of an ordinary finding: {meta.severity}",
        f"- Not assessed without: {listed(meta.sources)}",
        f"- Sharper with: {listed(meta.optional_sources)}",
        f"- Microsoft's page: <{meta.help_url}>",
        f"- Since: {meta.since}",
    ]
    return "\n".join(lines)


def _show_page(markdown: str) -> None:
    """The page: drawn on a terminal, as it is written elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.write(markdown)
        return
    from rich.markdown import Markdown

    from auditor.cli.screen import console

    console(sys.stdout).print(Markdown(markdown))
