"""Every case is a test: the collection beside the repository, and our own.

A predictable failure is refused, or depends, with the right cause deciding; a call that worked is never refused; a failure
that no configuration shows is not blamed on it. What the rules of expressing a case are: ``express``.
"""

from __future__ import annotations

import pytest

from tests.cases.case import SHARED, Case, cases, own_cases
from tests.cases.facts import written
from tests.cases.judge import judge

ALL = [*cases(), *own_cases()]
OPEN = {
    "own-405": "messageRules of a personal account: the published map says that it works",
    "own-518": "what an app role is of decides whether a Cloud Application Administrator may assign it",
}
"""Cases that the predictor gets wrong, and why. The page counts them as wrong."""


def wrong(case: Case) -> str:
    """What the failing test says; no sentence of the collection."""
    judged = judge(case)
    lines = [f"{case.id}: {case.kind}, expected {case.slug}, also accepted {case.secondary}"]
    lines += [
        f"  {one.flow} {one.call.text}: {one.verdict} {one.check} also {one.also}: {one.reason}"
        for one in judged.predictions
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    judged = judge(case)
    if case.id in OPEN and judged.score == "wrong":
        pytest.xfail(OPEN[case.id])
    assert judged.score in ("right", "secondary"), wrong(case)


def test_few_cases_are_open() -> None:
    assert len(OPEN) <= 3
    assert set(OPEN) <= {case.id for case in ALL}


def test_the_collection_is_there() -> None:
    if not SHARED.is_file():
        pytest.skip(f"the collection of real cases is not on this machine ({SHARED})")
    assert len(cases()) >= 50


def test_facts_are_about_cases() -> None:
    if not SHARED.is_file():
        pytest.skip(f"the collection of real cases is not on this machine ({SHARED})")
    assert set(written()) <= {case.id for case in ALL}
