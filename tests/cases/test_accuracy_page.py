"""docs/accuracy.md is current, and what it says is good enough."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.cases.case import SHARED, cases
from tests.cases.judge import Judged

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "accuracy.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("accuracy", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


def need_collection() -> None:
    if not SHARED.is_file():
        pytest.skip(f"the collection of real cases is not on this machine ({SHARED})")


@pytest.fixture(scope="module")
def measured() -> list[Any]:
    """The sets, judged; ours alone where the collection is not there."""
    found: list[Any] = script().measured()
    return found


def test_the_page_is_current(measured: list[Any]) -> None:
    need_collection()
    assert script().page(measured) == script().PAGE.read_text(encoding="utf-8"), "run python docs/accuracy.py"


def test_the_page_holds_no_sentence_of_the_collection() -> None:
    need_collection()
    page = script().PAGE.read_text(encoding="utf-8")
    for case in cases():
        assert not case.prose or case.prose not in page


def test_another_file_can_be_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = tmp_path / "cases.jsonl"
    other.write_text(own_lines()[0] + "\n", encoding="utf-8")
    assert script().main(["--out", "-", str(other)]) == 0
    assert "| Predictable failures: the cause decides (strict) | 1 of 1 (100%) |" in capsys.readouterr().out


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert script().main(["nowhere.jsonl"]) == 2
    assert capsys.readouterr().err == "no cases: nowhere.jsonl is not there\n"


def own_lines() -> list[str]:
    return (Path(__file__).parent / "more.jsonl").read_text(encoding="utf-8").splitlines()


def test_goals(measured: list[Any]) -> None:
    for one in measured:
        assert share(one.judged, "fails") >= 0.95
        assert share(one.judged, "works") == 1
        assert share(one.judged, "unpredictable") == 1
        assert not one.unexpressed


def test_a_case_that_cannot_be_expressed_is_told_of(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = tmp_path / "cases.jsonl"
    other.write_text(f"{{|\n{own_lines()[0]}\n", encoding="utf-8")
    assert script().main(["--out", "-", str(other)]) == 0
    page = capsys.readouterr().out
    assert "| Predictable failures: the cause decides (strict) | 1 of 1 (100%) |" in page
    assert "| Given cases | line-1 | ValueError: Expecting property name" in page


def test_the_page_tells_how_blind_cases_did_the_first_time(measured: list[Any]) -> None:
    page = script().page(measured)
    assert "| first, 138 threads | 65 of 82 (79%) | 60 of 82 (73%) | 4 of 41 | " in page
    assert "Cases that could not be expressed" not in page


def share(judged: Sequence[Judged], kind: str) -> float:
    some = [one for one in judged if one.case.kind == kind]
    return sum(one.ok for one in some) / len(some)
