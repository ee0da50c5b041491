"""CSV: safe to open in a spreadsheet, and the same facts."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from reports.csv import cell, write_csv
from tests.reports import sample


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://evil","x")',
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "＝1+1",
        " =1+1",
        "\n=1",
        "\xa0=1",
        "\u2003+1",
        "\u200b=1",
        "\u3164-1",
        "\x85=1",
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("x; \xa0+1", "x; \xa0'+1"),
        ("x\t@SUM(A1)|-1", "x\t'@SUM(A1)|'-1"),
        ("x\n=1", "x\n'=1"),
        ('x;"=1', "x;\"'=1"),
        ("x;＝1", "x;'＝1"),
        ("a; b | c-d; e=f\ng", "a; b | c-d; e=f\ng"),
    ],
)
def test_what_would_run_where_the_list_separator_is_another_gets_an_apostrophe(text: str, safe: str) -> None:
    assert cell(text) == safe


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_no_file_runs_anything_however_it_is_split(tmp_path: Path, separator: str) -> None:
    write_csv(sample.hostile(), tmp_path / "apps.csv", slug="apps")
    parts = re.split(rf"[{separator}\r\n]", (tmp_path / "apps.csv").read_text(encoding="utf-8-sig"))
    assert not [part for part in parts if part.strip(' "').startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "TRUE"), (False, "FALSE"), (-5, "-5"), ("a=b", "a=b"), ("User.Read", "User.Read"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"), (date(2027, 6, 30), "2027-06-30"),
    ],
)  # fmt: skip
def test_values(value: object, text: str) -> None:
    assert cell(value) == text  # type: ignore[arg-type]


def test_the_file_has_a_byte_order_mark_and_reads_back(tmp_path: Path) -> None:
    write_csv(sample.hostile(), tmp_path / "apps.csv", slug="apps")
    assert (tmp_path / "apps.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "apps.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(sample.HOSTILE)
    assert all(not row[header].lstrip().startswith(("=", "+", "-", "@")) for row in rows for header in row)
    names = [row["App name"] for row in rows]
    assert sample.HOSTILE[13] in names
    assert "x" * 40_000 in names
