"""The rules of the house, held by reading the repository itself: layers, names, sizes, pages."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from auditor.audit.registry import page, registry

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("auditor", "checks", "reports")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

BASE = ("auditor.errors", "auditor.reference")
LAYERS: dict[str, tuple[str, ...]] = {
    # The table of docs/architecture.md; a room may always import itself.
    "auditor.errors": (),
    "auditor.redaction": (),
    "auditor.call_parts": ("auditor.redaction",),
    "auditor.values": ("auditor.errors", "auditor.call_parts"),
    "auditor.config": ("auditor.errors", "auditor.values", "auditor.reference"),
    "auditor.reference": ("auditor.errors",),
    "auditor.tenant": BASE,
    "auditor.graph": (*BASE, "auditor.redaction", "auditor.tenant.state", "auditor.tenant.snapshot"),
    "auditor.predict": (*BASE, "auditor.redaction", "auditor.call_parts", "auditor.values", "auditor.tenant"),
    "auditor.explain": (*BASE, "auditor.redaction", "auditor.values", "auditor.tenant", "auditor.predict"),
    "auditor.audit": (*BASE, "auditor.tenant", "auditor.predict"),
    "checks": ("auditor.audit.check", "auditor.audit.remedy", "auditor.tenant", "auditor.reference", "auditor.predict"),
    "reports": (
        "auditor.audit.change",
        "auditor.audit.check",
        "auditor.audit.result",
        "auditor.errors",
        "auditor.tenant",
    ),
    "auditor.emulator": BASE,
}
FREE = ("auditor.cli", "auditor.__main__")
"""The street door may import everything."""
SLUGS = (
    "credential-expired",
    "sign-in-blocked",
    "personal-account",
    "token-invalid",
    "permission-missing",
    "consent-missing",
    "consent-partial",
    "consent-blocked",
    "permission-unknown",
    "permission-excess",
    "permission-type-mismatch",
    "application-only-api",
    "delegated-only-api",
    "directory-role-missing",
    "user-privilege",
    "license-missing",
    "wrong-resource",
    "conditional-access",
    "workload-policy",
    "risky-grant",
)
"""The documented causes that this version predicts, by the interface's slugs."""
WITHOUT_SOURCES = ("token-invalid",)
"""Told by ``auditor explain`` alone: no tenant shows it."""
HEADINGS = (
    "What it checks",
    "Why it matters",
    "Example",
    "How to fix",
    "When it is fine to accept",
    "Known gaps",
    "References",
)


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path) -> frozenset[tuple[str, bool]]:
    """Names of this repository that a module imports anywhere, and whether at its top level (outside TYPE_CHECKING)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    known = {dotted(module) for module in MODULES}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports here are absolute"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else str(node.module) for name in whole]
        else:
            continue
        found |= {(name, id(node) in top) for name in names if name.split(".")[0] in PACKAGES}
    return frozenset(found)


def below(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def room_of(name: str) -> str | None:
    return next((room for room in (*LAYERS, *FREE) if below(name, room)), None)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_layers(path: Path) -> None:
    name = dotted(path)
    if name == "auditor":
        assert not imports(path)
        return
    room = room_of(name)
    assert room is not None, f"{name} is in no room of docs/architecture.md"
    if room in FREE:
        return
    for imported, _ in imports(path):
        if imported == "auditor":  # the version
            continue
        allowed = (room, *LAYERS[room])
        assert any(below(imported, place) for place in allowed), f"{name} imports {imported}, which {room} may not"


def test_nothing_imports_the_command_line() -> None:
    for path in MODULES:
        if not below(dotted(path), "auditor.cli") and dotted(path) != "auditor.__main__":
            assert not [name for name, _ in imports(path) if below(name, "auditor.cli")], dotted(path)


def test_no_circles() -> None:
    graph = {dotted(path): {name for name, top in imports(path) if top} for path in MODULES}
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name in done or name not in graph:
            return
        for imported in sorted(graph[name]):
            walk(imported, (*way, name))
        done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("slug", SLUGS)
def test_every_slug_has_file_page_and_test(slug: str) -> None:
    module = slug.replace("-", "_")
    assert (ROOT / f"checks/{module}.py").is_file()
    assert (ROOT / f"checks/{module}.md").is_file()
    tests = list((ROOT / "tests").rglob(f"test_{module}.py"))
    assert tests, f"no test_{module}.py"


def test_the_checks_are_these_and_named_after_their_slugs() -> None:
    found = [check.META.slug for check in registry()]
    assert sorted(found) == sorted(set(found))
    assert set(found) == set(SLUGS)
    for check in registry():
        assert check.__name__ == f"checks.{check.META.slug.replace('-', '_')}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("slug", SLUGS)
def test_pages_have_the_fixed_headings(slug: str) -> None:
    text = page(slug)
    assert text.startswith(f"# {slug}\n")
    assert text.count("<!-- generated: facts -->") == text.count("<!-- /generated -->") == 1
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert re.findall(r"^## (.+)$", prose, flags=re.MULTILINE) == list(HEADINGS)
    for section in re.split(r"^## .+$", prose, flags=re.MULTILINE)[1:]:
        assert section.strip(), f"{slug}: an empty section"
    references = text.partition("## References")[2]
    links = re.findall(r"https?://\S+", references)
    assert links
    assert all(link.startswith("https://") for link in links)


@pytest.mark.parametrize("slug", SLUGS)
def test_titles_state_the_good_state(slug: str) -> None:
    meta = next(check.META for check in registry() if check.META.slug == slug)
    assert not meta.title.endswith(".")
    assert not re.match(r"(Ensure|Check|Make sure)\b", meta.title)
    assert meta.help_url.startswith("https://learn.microsoft.com/")
    assert not re.match(r"https://learn\.microsoft\.com/[a-z]{2}-[a-z]{2}/", meta.help_url)
    assert meta.sources or slug in WITHOUT_SOURCES


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git work tree")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_registry_host_in_any_file() -> None:
    # Written apart, so that this file does not hold them itself.
    hosts = [b"py" + b"pi.org", b"python" + b"hosted.org", b"npm" + b"js.org", b"npm" + b"js.com", b"index" + b"-url"]
    for path in committed():
        content = path.read_bytes()
        assert not [host for host in hosts if host in content], path.relative_to(ROOT)


def test_files_are_small() -> None:
    long = {dotted(path): n for path in MODULES if (n := len(path.read_text(encoding="utf-8").splitlines())) > 450}
    assert long == {}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_modules_say_what_they_are_for_and_only_the_command_line_prints(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, "a module begins with what it is for"
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    printing = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not printing or below(dotted(path), "auditor.cli"), f"print in line {printing}"


def test_no_names_that_say_nothing() -> None:
    vague = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common)(_|$)")
    assert [dotted(path) for path in MODULES if vague.search(path.stem)] == []
