"""Writes what the documentation says twice: the pages that are made from the code.

    python docs/generate.py            writes them
    python docs/generate.py --check    says which are not current, and leaves with 1 if any is not

Made here: docs/cli.md (from the command line), docs/checks/ (facts from the checks, prose from the pages they ship),
the tables of docs/configuration.md and all of config.example.toml (from auditor/config.py).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import typer.main

from auditor import config
from auditor.audit.registry import page, registry
from auditor.cli.app import app
from auditor.cli.checks import whole_page

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by docs/generate.py; change the code it is made from. -->"
# Python puts this file's folder first on its path, and docs/checks would hide the package checks.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT / "docs"]

KEYS = ("<!-- keys: start (generated) -->", "<!-- keys: end -->")


def pages() -> dict[str, str]:
    """Every generated file by its path from the repository's root."""
    made = {"docs/cli.md": command_line(), "config.example.toml": example(), "docs/configuration.md": configuration()}
    made["docs/checks/README.md"] = index()
    for check in registry():
        slug = check.META.slug
        made[f"docs/checks/{slug}.md"] = whole_page(check.META, page(slug), markers=True)
    return made


def command_line() -> str:
    """docs/cli.md."""
    root: Any = typer.main.get_command(app)
    lines = ["# The command line", "", NOTE, "", _plain(root.help), ""]
    for name, command in _commands(root, "auditor"):
        lines += [f"## {name}", "", *_paragraphs(command.help), "", *_options(command)]
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _paragraphs(text: str) -> Iterator[str]:
    """A help text as Markdown: its example in a code block."""
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield ""
        flat = _plain(paragraph)
        if flat.startswith("Example: "):
            yield from ("```", flat.removeprefix("Example: "), "```")
        else:
            yield flat


def _plain(text: str) -> str:
    return " ".join(text.split())


def _options(command: Any) -> Iterator[str]:
    if not command.params:
        return
    yield from ("| option | what it does |", "|---|---|")
    for parameter in command.params:
        names = ", ".join(f"`{name}`" for name in parameter.opts if name.startswith("-"))
        value = parameter.metavar or ("" if parameter.metavar == "" or not names else "VALUE")
        what = f"{names} {value}".strip() if names else parameter.metavar or parameter.name
        default = f" Default: `{parameter.default}`." if parameter.default not in (None, False, ()) else ""
        yield f"| {what} | {_cell(parameter.help or '')}{default} |"
    yield ""


def index() -> str:
    """docs/checks/README.md."""
    lines = [
        "# The checks",
        "",
        NOTE,
        "",
        "| check | what is good | severity | documented cause |",
        "|---|---|---|---|",
    ]
    for check in registry():
        meta = check.META
        lines.append(
            f"| [`{meta.slug}`]({meta.slug}.md) | {_cell(meta.title)} | {meta.severity} | {_cell(meta.cause)} |"
        )
    lines += [
        "",
        "A check is `fail` (it found something), `pass`, `not-applicable` (there was nothing to look at), `not-assessed` (a source",
        "it needs could not be read; the report says which permission or licence is missing) or `error` (the check itself broke).",
    ]
    return "\n".join(lines) + "\n"


def configuration() -> str:
    """docs/configuration.md: prose by hand, tables of keys from the declarations."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(KEYS[0])
    _, mark, after = rest.partition(KEYS[1])
    if not mark:
        raise SystemExit(f"docs/configuration.md has lost its marks {KEYS[0]} and {KEYS[1]}")
    lines = [KEYS[0], ""]
    for name, kind in config.TABLES.items():
        lines += [
            f"### [{name}]",
            "",
            _about(kind),
            "",
            "| key | default | environment | flag | what |",
            "|---|---|---|---|---|",
        ]
        for declared in fields(kind):
            key = config.key_of(declared)
            variables = " ".join(f"`{variable}`" for variable in config.variables_of(name, declared))
            flag = f"`{key.flag}`" if key.flag else ""
            lines.append(
                f"| `{declared.name}` | `{_toml(declared.default)}` | {variables} | {flag} | {_cell(key.about)} |"
            )
        lines.append("")
    for name, kind in config.ARRAYS.items():
        lines += [f"### [[{name}]]", "", _about(kind), "", "| key | default | what |", "|---|---|---|"]
        for declared in fields(kind):
            default = "required" if declared.default is MISSING else "none" if declared.default is None else ""
            default = default or f"`{_toml(declared.default)}`"
            lines.append(f"| `{declared.name}` | {default} | {_cell(config.key_of(declared).about)} |")
        lines.append("")
    return before + "\n".join(lines) + KEYS[1] + after


def example() -> str:
    """config.example.toml: every key with its default, entries of arrays as comments."""
    lines = [
        "# Graph Auditor's configuration: every key with its default. Copy it to config.toml and keep what you change.",
        "# Relative paths start from this file's folder. Secrets do not belong here: see docs/configuration.md.",
    ]
    for name, kind in config.TABLES.items():
        lines += ["", f"# {_about(kind)}", f"[{name}]"]
        lines += _example_keys(kind, lambda declared: _toml(declared.default))
    for name, kind in config.ARRAYS.items():
        lines += ["", f"# {_about(kind)}", f"# [[{name}]]"]
        lines += [
            f"# {line}"
            for line in _example_keys(kind, lambda declared: config.key_of(declared).example or _toml(declared.default))
        ]
    return "\n".join(lines) + "\n"


def _example_keys(kind: type[Any], value: Any) -> list[str]:
    written = [(f"{declared.name} = {value(declared)}", config.key_of(declared).about) for declared in fields(kind)]
    width = min(max(len(text) for text, _ in written), 44)
    return [f"{text:{width}}  # {about}" for text, about in written]


def _about(kind: type[Any]) -> str:
    """A table's docstring without its name."""
    text = _plain((kind.__doc__ or "").partition(": ")[2]).replace("``", "`")
    return text[:1].upper() + text[1:]


def _toml(value: Any) -> str:
    """A default in TOML; an absent path is the empty string."""
    return '""' if value is None else json.dumps(list(value) if isinstance(value, tuple) else value)


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Writes or checks."""
    made = pages()
    stale = [name for name, text in made.items() if not _is(ROOT / name, text)]
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is not current; run make docs", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(made[name], encoding="utf-8", newline="\n")
        print(f"wrote {name}")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
