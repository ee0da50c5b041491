"""``auditor checks``: lists the checks, or explains one with the page that ships with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.audit.check import CheckMeta

Slug = Annotated[str | None, typer.Argument(metavar="[SLUG]", help="A check to explain; without it all are listed.")]


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
        _show_page(metas[slug], page(slug))
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


def _show_page(meta: CheckMeta, markdown: str) -> None:
    """The page: drawn on a terminal, as it is written elsewhere."""
    if not sys.stdout.isatty():
        sys.stdout.write(markdown or f"# {meta.slug}\n\n{meta.title}.\n")
        return
    from rich.markdown import Markdown

    from auditor.cli.screen import console

    console(sys.stdout).print(Markdown(markdown or f"# {meta.slug}\n\n{meta.title}."))
