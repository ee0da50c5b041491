"""Writes docs/accuracy.md: how often the predictor is right about real failures, and how often the permission map alone is.

    python docs/accuracy.py                     the collection beside the repository, and the cases of tests/cases
    python docs/accuracy.py FILE…               these files in place of both
    python docs/accuracy.py --out - FILE…       to standard output

How a case becomes a tenant is told in tests/cases/express.py, what counts as right in tests/cases/judge.py. Nothing of what
people wrote is shown: ids, calls and causes alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Python puts this file's folder first on its path, and docs/checks would hide the package checks.
sys.path[:] = [str(ROOT), *(entry for entry in sys.path if Path(entry).resolve() != ROOT / "docs")]

from tests.cases.case import SHARED, Case, cases, own_cases, read  # noqa: E402 - after the path is set
from tests.cases.judge import Judged, Unexpressed, judge_all  # noqa: E402

PAGE = ROOT / "docs/accuracy.md"
ABOUT_PERMISSIONS = (
    "permission-missing",
    "permission-unknown",
    "permission-type-mismatch",
    "consent-missing",
    "consent-partial",
    "consent-blocked",
    "delegated-only-api",
    "application-only-api",
)
"""Causes that an any-of reading of the permission map could find."""
HEAD = """\
# Accuracy

<!-- Made by docs/accuracy.py; change what it is made from. -->

Real failures and successes, put to the predictor. Each case is written as a tenant and a declared call, by rules that know
no single case (`tests/cases/express.py`), from its structured columns and a few facts in a closed vocabulary
(`tests/cases/facts.py`). The predictor sees the tenant and the call, never the answer.

Three sets: **real cases** were collected from public threads, each with the cause that was found there; they are not part of
this repository. **Own cases** (`tests/cases/more.jsonl`) were written to cover every cause and the traps beside it, and
each names the page or thread it follows. **Blind cases** (the same file, from own-301 on) are real threads again, collected
and labelled by somebody who had not seen the predictor, and put away before it was asked. The predictor was corrected by
all three sets afterwards, so the tables below say how well it knows what it has seen. How it did on the blind cases before
it was corrected is the fairer judge, and stands in the table that follows.

How a case is counted:

- A failure that configuration can predict is **right** (strictly) if the verdict is `denied` or `depends` and the deciding
  check is the cause of the thread. Leniently it is also right if the deciding check is another cause that the thread names,
  or if the cause is among the other checks that the prediction names.
- A call that worked is right unless the verdict is `denied`.
- A failure that no configuration shows (a stale token, a bug, a wrong value in a variable) is right unless the verdict is
  `denied`; `denied` with the very cause of the thread counts as right too.
- Of several calls or flows of a case the worst verdict speaks for it.
- Where a thread does not say what was granted (*completed* below), and the call failed for another reason or worked, the least
  permissions of the reference are granted: without them the app would not have come so far. This takes from the cause of
  the case that it is not about permissions, so these cases are counted apart as well.
"""


BLIND = "Blind cases"
BEFORE = (
    ("first, 138 threads", range(301, 500), "65 of 82 (79%)", "60 of 82 (73%)", "4 of 41"),
    ("second, 66 threads", range(501, 600), "41 of 50 (82%)", "34 of 50 (68%)", "0 of 10"),
)
"""The blind rounds: numbers of their cases, and what the predictor scored when it met them (a5983ed, 2f321bc)."""


@dataclass(frozen=True)
class Measured:
    """One set of cases, judged."""

    title: str
    judged: Sequence[Judged]
    unexpressed: Sequence[Unexpressed] = ()
    """Cases that no tenant could be made of: in no other number."""


def page(sets: Sequence[Measured]) -> str:
    """The whole page."""
    collections = [(one.title, one.judged) for one in sets]
    parts = [HEAD, *_blind(sets), _totals(collections), *_unexpressed(sets), _by_grants(collections)]
    parts += [_against_the_map(collections)]
    for title, judged in collections:
        parts += [f"## {title}: by cause\n\n{_by_cause(judged)}", f"## {title}: each case\n\n{_each(judged)}"]
    return "\n".join(parts)


def _blind(sets: Sequence[Measured]) -> list[str]:
    """What the predictor scored on cases that it had not seen, and what it scores on them now."""
    blind = [one for of in sets if of.title == BLIND for one in of.judged]
    if not blind:
        return []
    head = [
        "round",
        "first time, facts written by hand",
        "facts read from prose",
        "false alarms",
        "now",
        "now, false alarms",
    ]
    rows = []
    for title, numbers, first, by_prose, alarms in BEFORE:
        some = [one for one in blind if _number(one.case) in numbers]
        fails, works = _of(some, "fails"), _of(some, "works")
        alarmed = f"{_verdict(works, 'denied')} of {len(works)}"
        rows.append((title, first, by_prose, alarms, _share(_strict(fails), len(fails)), alarmed))
    text = (
        "## Blind cases: the first time and now\n\n"
        "Predictable failures, strictly, and working calls that were refused. The first round met commit a5983ed, the second,\n"
        "after the predictor had been corrected by the first, commit 2f321bc. What a case said beside its columns was once\n"
        "written as facts by hand, once read by the keyword reader alone (`tests/cases/infer.py`). Some cases whose label\n"
        "turned out to be doubtful are in the numbers of the first time and no longer among those of now. Who collected the\n"
        "second round had read what was said of the first.\n\n"
    )
    return [text + _table(head, rows)]


def _number(case: Case) -> int:
    tail = case.id.rpartition("-")[2]
    return int(tail) if case.id.startswith("own-") and tail.isdigit() else 0


def _unexpressed(sets: Sequence[Measured]) -> list[str]:
    """Cases that could not be put to the predictor: where there are none, nothing is said."""
    rows = [(of.title, one.case.id, one.reason.partition("\n")[0]) for of in sets for one in of.unexpressed]
    if not rows:
        return []
    return [
        f"## Cases that could not be expressed\n\n{_table(['set', 'case', 'why'], [tuple(map(_plain, row)) for row in rows])}"
    ]


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.0%})" if whole else "none"


def _of(judged: Iterable[Judged], kind: str) -> list[Judged]:
    return [one for one in judged if one.case.kind == kind]


def _count(judged: Iterable[Judged], holds: Callable[[Judged], bool]) -> int:
    return sum(1 for one in judged if holds(one))


def _strict(judged: Sequence[Judged]) -> int:
    return _count(judged, lambda one: one.score == "right")


def _lenient(judged: Sequence[Judged]) -> int:
    return _count(judged, lambda one: one.score != "wrong")


def _verdict(judged: Sequence[Judged], *verdicts: str) -> int:
    return _count(judged, lambda one: one.deciding.verdict in verdicts)


def _totals(collections: Sequence[tuple[str, Sequence[Judged]]]) -> str:
    head = ["", *(title for title, _ in collections)]
    lines: list[tuple[str, str, Callable[[Sequence[Judged]], int]]] = [
        ("Predictable failures: the cause decides (strict)", "fails", _strict),
        ("… or another cause of the thread decides, or the cause is named beside (lenient)", "fails", _lenient),
        ("… verdict `denied`", "fails", lambda some: _verdict(some, "denied")),
        ("… verdict `depends`", "fails", lambda some: _verdict(some, "depends")),
        ("… verdict `allowed` or `unknown`", "fails", lambda some: _verdict(some, "allowed", "unknown")),
        ("Calls that worked: not refused", "works", _strict),
        ("… verdict `allowed`", "works", lambda some: _verdict(some, "allowed")),
        ("… verdict `depends`", "works", lambda some: _verdict(some, "depends")),
        ("… verdict `unknown`", "works", lambda some: _verdict(some, "unknown")),
        ("… verdict `denied`: false alarms", "works", lambda some: _verdict(some, "denied")),
        ("Failures that no configuration shows: not blamed on it", "unpredictable", _strict),
        ("… verdict `denied`, with the thread's own cause", "unpredictable", _own_cause),
    ]
    rows = [
        (name, *(_share(count(_of(judged, kind)), len(_of(judged, kind))) for _, judged in collections))
        for name, kind, count in lines
    ]
    return f"## Totals\n\n{_table(head, rows)}"


def _own_cause(judged: Sequence[Judged]) -> int:
    return _count(judged, lambda one: one.deciding.verdict == "denied" and one.deciding.check == one.case.slug)


def _by_grants(collections: Sequence[tuple[str, Sequence[Judged]]]) -> str:
    rows = []
    for title, judged in collections:
        for known, name in (("stated", "stated"), ("assumed", "assumed by the collector"), ("unknown", "completed")):
            some = [one for one in _of(judged, "fails") if one.case.grants_known == known]
            if some:
                rows.append((title, name, _share(_strict(some), len(some)), _share(_lenient(some), len(some))))
    table = _table(["set", "what was granted", "strict", "lenient"], rows)
    return f"## Predictable failures, by what is known of the grants\n\n{table}"


def _against_the_map(collections: Sequence[tuple[str, Sequence[Judged]]]) -> str:
    text = (
        "## Against the permission map alone\n\n"
        "An any-of reading of Microsoft's published map, without our corrections: a call is allowed if one permission is\n"
        "granted that the map lists for it in that type, denied if none is, and without an entry if the map has no such call.\n"
        "Only cases whose grants are known. The map cannot tell a cause: `denied` counts as found here.\n\n"
    )
    rows = []
    for title, judged in collections:
        known = [one for one in judged if one.case.grants_known != "unknown"]
        about = [one for one in _of(known, "fails") if one.case.slug in ABOUT_PERMISSIONS]
        for name, some, wanted in (
            ("failures about permissions", about, ("denied", "depends")),
            ("all predictable failures", _of(known, "fails"), ("denied", "depends")),
            ("calls that worked", _of(known, "works"), ("allowed", "depends")),
        ):
            found = _count(some, lambda one, wanted=wanted: one.map_alone in wanted)  # type: ignore[misc]
            none = _count(some, lambda one: one.map_alone == "no entry")
            ours = _strict(some)
            rows.append((title, name, len(some), _share(found, len(some)), none, _share(ours, len(some))))
    head = ["set", "cases", "number", "map alone right", "map has no entry", "predictor right (strict, with the cause)"]
    return text + _table(head, rows)


def _by_cause(judged: Sequence[Judged]) -> str:
    slugs = sorted({one.case.slug or "" for one in _of(judged, "fails")})
    rows = []
    for slug in slugs:
        some = [one for one in _of(judged, "fails") if one.case.slug == slug]
        rows.append((f"`{slug}`", _share(_strict(some), len(some)), _share(_lenient(some), len(some))))
    return _table(["cause of predictable failures", "strict", "lenient"], rows)


def _each(judged: Sequence[Judged]) -> str:
    head = ["case", "call", "flow", "kind", "expected", "verdict", "deciding check", "map alone", "ok"]
    return _table(head, [_row(one) for one in judged])


def _row(one: Judged) -> tuple[str, ...]:
    marks = {"right": "yes", "secondary": "second cause", "among": "among", "wrong": "**no**"}
    expected = {"works": "works", "fails": f"`{one.case.slug}`", "unpredictable": "not blamed"}[one.case.kind]
    return (
        one.case.id,
        f"`{one.deciding.call.text}`".replace("|", "\\|"),
        one.deciding.flow,
        one.case.kind,
        expected,
        f"`{one.deciding.verdict}`",
        f"`{one.deciding.check}`" if one.deciding.check else "",
        one.map_alone,
        marks[one.score],
    )


def measured(files: Sequence[Path] = ()) -> list[Measured]:
    """The sets that the page is about: the files given, else the collection where it is there, and our own cases."""
    if files:
        sets = [("Given cases", [case for file in files if file.is_file() for case in read(file)])]
    else:
        own = own_cases()
        blind = [case for case in own if any(_number(case) in numbers for _, numbers, *_ in BEFORE)]
        sets = [("Real cases", cases()), ("Own cases", [case for case in own if case not in blind]), (BLIND, blind)]
    return [Measured(title, *judge_all(some)) for title, some in sets if some]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description="Writes docs/accuracy.md.")
    parser.add_argument("files", nargs="*", type=Path, help="cases, one JSON object a line; default: the collection")
    parser.add_argument("--out", default=str(PAGE), help="where to; - is standard output")
    given = parser.parse_args(arguments)
    missing = [str(file) for file in given.files or [SHARED] if not file.is_file()]
    if missing:
        sys.stderr.write(f"no cases: {', '.join(missing)} is not there\n")
        return 2
    text = page(measured(given.files))
    if given.out == "-":
        sys.stdout.write(text)
    else:
        Path(given.out).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
