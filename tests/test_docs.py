"""The documentation says what the code does: generated pages are current, links lead somewhere, options are explained."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from auditor.audit.registry import registry
from auditor.cli.app import app
from auditor.errors import AuditorError, GraphError, SignInError, UsageError

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "checks").glob("*.md")])


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "text"), generator().pages().items())
def test_generated_pages_are_current(name: str, text: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == text, "run make docs"


def test_no_page_of_a_check_that_is_gone() -> None:
    slugs = {check.META.slug for check in registry()}
    assert {path.stem for path in (ROOT / "docs/checks").glob("*.md")} == slugs | {"README"}


def commands(group: Any = None, prefix: str = "auditor") -> Iterator[tuple[str, Any]]:
    group = group or typer.main.get_command(app)
    yield prefix, group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_and_option_has_help(name: str, command: Any) -> None:
    assert command.help, name
    for parameter in command.params:
        assert parameter.help, f"{name} {parameter.name}"
        assert parameter.help.endswith("."), f"{name} {parameter.name}: {parameter.help}"
        assert "[" not in parameter.help, f"{name} {parameter.name}: square brackets are markup in help texts"
    if not hasattr(command, "commands"):
        assert "Example: auditor" in command.help, name


def test_the_same_option_has_the_same_help_everywhere() -> None:
    own = {"--out", "--format", "--date", "--call"}  # what they take differs from command to command
    texts: dict[str, set[str]] = {}
    for _, command in commands():
        for parameter in command.params:
            if parameter.opts[0] not in own:
                texts.setdefault(parameter.opts[0], set()).add(parameter.help)
    assert {option for option, found in texts.items() if len(found) > 1} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("https:", "mailto:")) and "<" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    assert not re.findall(r"http://(?!127\.0\.0\.1|localhost|evil)", text), "https alone"
    assert not re.findall(r"learn\.microsoft\.com/[a-z]{2}-[a-z]{2}/", text), (
        "a link without locale follows the reader's"
    )


def test_the_readme_explains_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    known = {0, 1, 4, 130} | {error.exit_code for error in (AuditorError, UsageError, SignInError, GraphError)}
    assert {int(row) for row in rows} == known


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, _ in commands():
        assert " ".join(name.split()[:2]) in text, name


def test_dependencies_are_justified_each() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower()
    for requirement in needed:
        name = re.split(r"[<>=~!\[ ]", requirement)[0]
        assert f"| {name} |" in page, f"{name} has no line in docs/dependencies.md"
        assert f"\n{name.lower()}==" in pins, f"{name} has no line in constraints.txt"
