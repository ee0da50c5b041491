"""The formats hold the same numbers: counts read back from the files of one run are equal.

Each reader reads its file as a stranger's script would. A format that is added gets a reader here.
"""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

import reports
from auditor.audit.check import SEVERITIES
from reports.junit import CALLS
from tests.reports import sample
from tests.reports.page_file import unpacked

Counts = Counter[tuple[str, str, str]]
"""How many findings there are of each check, severity and state (new, known, waived)."""

FIRST_LINE = re.compile(r"^(\w+), (?:\w+), (new|known|waived): ", re.MULTILINE)


def from_json(folder: Path) -> Counts:
    report = json.loads((folder / "audit.json").read_bytes())
    return Counter(
        (one["check"], one["severity"], "waived" if one["waived"] else "known" if one["known"] else "new")
        for one in report["findings"]
    )


def from_csv(folder: Path) -> Counts:
    csv.field_size_limit(1 << 24)  # the evidence of a hostile tenant is longer than Python's reader takes by itself
    with (folder / "csv" / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        return Counter((row["Check"], row["Severity"], row["State"]) for row in csv.DictReader(file))


def from_sarif(folder: Path) -> Counts:
    (run,) = json.loads((folder / "audit.sarif").read_bytes())["runs"]
    counts: Counts = Counter()
    for result in run["results"]:
        known = "known" if result.get("baselineState") == "unchanged" else "new"
        counts[result["ruleId"], result["properties"]["severity"], "waived" if result["suppressions"] else known] += 1
    return counts


def from_junit(folder: Path) -> Counts:
    counts: Counts = Counter()
    for suite in ET.parse(folder / "audit.junit.xml").getroot():
        if suite.get("name") == CALLS:  # denied calls are findings of their checks too
            continue
        for one in suite.iter("testcase"):
            for told in one:
                counts.update(
                    (suite.get("name") or "", severity, state)
                    for severity, state in FIRST_LINE.findall(told.text or "")
                )
    return counts


def from_html(folder: Path) -> Counts:
    page = unpacked((folder / "audit.html").read_text(encoding="utf-8"))
    return Counter((row["Check"], row["Severity"], row["State"]) for row in page["findings"]["rows"])


def from_xlsx(folder: Path) -> Counts:
    header, *rows = openpyxl.load_workbook(folder / "audit.xlsx")["Findings"].iter_rows(values_only=True)
    places = [header.index(name) for name in ("Check", "Severity", "State", "Fingerprint")]
    facts = [[str(row[at]) for at in places] for row in rows if row[places[-1]]]  # "none" stands where there are none
    return Counter((check, severity, state) for check, severity, state, _ in facts)


READERS = {"xlsx": from_xlsx, "html": from_html, "csv": from_csv, "sarif": from_sarif, "junit": from_junit}


@pytest.fixture(scope="module", params=["calm", "hostile", "partial", "nothing"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("parity") / request.param
    reports.write(getattr(sample, request.param)(), [*READERS, "json", "md"], made)
    return made


@pytest.mark.parametrize("name", READERS)
def test_findings_by_check_severity_and_state(name: str, folder: Path) -> None:
    assert READERS[name](folder) == from_json(folder)


def test_the_workbook_counts_what_the_others_hold(folder: Path) -> None:
    report = json.loads((folder / "audit.json").read_bytes())
    book = openpyxl.load_workbook(folder / "audit.xlsx", data_only=True)
    rows = [row for row in book["Summary"].iter_rows(values_only=True) if row[0]]
    severities = {row[0]: row[1] for row in rows[1:] if row[0] in SEVERITIES}
    assert severities == report["summary"]["findings"]
    at = next(number for number, row in enumerate(rows) if row[:4] == ("Status", "Application", "Delegated", "All"))
    statuses = {row[0]: row[3] for row in rows[at + 1 : at + 12]}
    held = Counter(one["status"] or "not known" for one in report["permissions"])
    assert {name: count for name, count in statuses.items() if count} == ({**held, "All": held.total()} if held else {})


def test_the_markdown_summary_counts_what_is_open(folder: Path) -> None:
    told = (folder / "audit.md").read_text(encoding="utf-8")
    row = next(line for line in told.split("---:|\n", 1)[1].splitlines() if line.startswith("|"))
    numbers = [int(cell.replace(",", "")) for cell in row.strip("| ").split("|")]
    counts = from_json(folder)
    open_ones = [
        sum(count for (_, word, state), count in counts.items() if word == severity and state != "waived")
        for severity in SEVERITIES
    ]
    assert numbers == [*open_ones, sum(open_ones)]


def test_gaps_are_as_many(folder: Path) -> None:
    report = json.loads((folder / "audit.json").read_bytes())
    unread = sum(source["status"] != "read" for source in report["coverage"])
    unassessed = sum(check["outcome"] in ("not-assessed", "error") for check in report["checks"])
    (run,) = json.loads((folder / "audit.sarif").read_bytes())["runs"]
    notes = Counter(
        note["descriptor"]["id"] == "source-not-read" for note in run["invocations"][0]["toolExecutionNotifications"]
    )
    assert (notes[True], notes[False]) == (unread, unassessed)
    suites = {suite.get("name"): suite for suite in ET.parse(folder / "audit.junit.xml").getroot()}
    skipped = suites["coverage"].get("skipped") if "coverage" in suites else "0"
    assert skipped == str(unread)


def test_verdicts_on_declared_calls(folder: Path) -> None:
    report = json.loads((folder / "audit.json").read_bytes())
    told = Counter(row["verdict"] for row in report["predictions"])
    suites = [one for one in ET.parse(folder / "audit.junit.xml").getroot() if one.get("name") == CALLS]
    texts = [child.text or "" for suite in suites for one in suite.iter("testcase") for child in one]
    assert Counter(text.splitlines()[0].removeprefix("verdict: ") for text in texts) == told
