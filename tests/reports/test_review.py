"""Reviews read out of an earlier workbook: what people wrote comes back, and a hostile file is one sentence."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from auditor.audit.result import AuditRun, Review
from auditor.errors import InputError
from reports.columns import PAST_REVIEWS
from reports.review import read_reviews
from reports.xlsx import write_xlsx
from tests.reports import sample
from tests.reports.workbook_rules import faults


def written(run: AuditRun, folder: Path, name: str = "old.xlsx") -> Path:
    path = folder / name
    write_xlsx(run, path)
    return path


def reviewed(path: Path, *rows: dict[str, Any], sheet: str = "Findings") -> Path:
    """The workbook after a person has filled in the first rows and saved it."""
    book = openpyxl.load_workbook(path)
    ws = book[sheet]
    places = {cell.value: cell.column for cell in ws[1]}
    for number, row in enumerate(rows, 2):
        for header, value in row.items():
            ws.cell(number, places[header]).value = value
    book.save(path)
    return path


ROW = {
    "Review status": "In progress", "Owner": "identity team", "Due": datetime(2026, 12, 24), "Decision": "Fix",  # noqa: DTZ001
    "Comment": "asked the vendor\nanswer by Friday",
}  # fmt: skip


def test_reviews_come_back_by_fingerprint(tmp_path: Path) -> None:
    run = sample.calm()
    path = reviewed(written(run, tmp_path), ROW, {}, {"Comment": "see ticket 7"})
    reviews = read_reviews(path)
    assert reviews.tenant_id == run.tenant_id
    assert not reviews.remarks
    first = run.findings[0]
    assert reviews.by_fingerprint == {
        first.fingerprint: Review(
            first.fingerprint, "In progress", "identity team", date(2026, 12, 24), "Fix", "asked the vendor\nanswer by Friday",
            first.severity, first.check, first.display_name, first.app_id, first.permission, first.summary,
        ),
        run.findings[2].fingerprint: Review(
            run.findings[2].fingerprint, comment="see ticket 7", severity="high", check="credential-expired", display_name="HR Portal",
            app_id=sample.guid("HR Portal"), summary=run.findings[2].summary,
        ),
    }  # fmt: skip


def test_a_workbook_of_a_run_with_reviews_holds_them(tmp_path: Path) -> None:
    old = read_reviews(reviewed(written(sample.calm(), tmp_path), ROW))
    path = written(replace(sample.calm(), reviews=old.by_fingerprint), tmp_path, "new.xlsx")
    assert faults(path) == []
    book = openpyxl.load_workbook(path)
    assert "Past reviews" not in book.sheetnames
    cells = {name.value: cell for name, cell in zip(book["Findings"][1], book["Findings"][2], strict=True)}
    assert {name: cells[name].value for name in ROW} == ROW
    assert cells["Due"].number_format.endswith("dd")
    assert read_reviews(path).by_fingerprint == old.by_fingerprint


def test_a_review_outlives_its_finding_and_returns_with_it(tmp_path: Path) -> None:
    run = sample.calm()
    old = read_reviews(reviewed(written(run, tmp_path), ROW)).by_fingerprint
    without = replace(run, findings=run.findings[1:], reviews=old)
    path = written(without, tmp_path, "gone.xlsx")
    assert faults(path) == []
    ws = openpyxl.load_workbook(path)["Past reviews"]
    header, row = ([cell.value for cell in cells] for cells in ws.iter_rows())
    assert header == PAST_REVIEWS.headers
    facts = dict(zip(header, row, strict=True))
    assert facts["Summary"] == run.findings[0].summary
    assert facts["Why"] == "not found any more"
    assert {name: facts[name] for name in ROW} == ROW
    assert read_reviews(path).by_fingerprint == old
    back = written(replace(run, reviews=read_reviews(path).by_fingerprint), tmp_path, "back.xlsx")
    assert "Past reviews" not in openpyxl.load_workbook(back).sheetnames
    assert read_reviews(back).by_fingerprint == old


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scope": frozenset({sample.guid("HR Portal")})}, "this run looked at other apps"),
        ({"checks": [replace(one, outcome="error") for one in sample.calm().checks]}, "its check gave no answer"),
    ],
)
def test_a_finding_that_was_not_looked_for_is_not_called_gone(change: dict[str, Any], why: str, tmp_path: Path) -> None:
    run = sample.calm()
    old = read_reviews(reviewed(written(run, tmp_path), ROW)).by_fingerprint
    (row,) = PAST_REVIEWS.rows(replace(run, findings=run.findings[1:], reviews=old, **change))
    assert dict(zip(PAST_REVIEWS.headers, row, strict=True))["Why"] == why


def test_people_may_sort_move_and_add_columns(tmp_path: Path) -> None:
    path = written(sample.calm(), tmp_path)
    book = openpyxl.load_workbook(path)
    old = [[cell.value for cell in row] for row in book["Findings"].iter_rows()]
    at = old[0].index("Owner")
    for row in old[1:]:
        row[at] = "me"
    moved = [["mine", *reversed(row)] for row in (old[0], *reversed(old[1:]))]
    del book["Findings"]
    ws = book.create_sheet("Findings", 0)
    for row in moved:
        ws.append(row)
    book.save(path)
    found = read_reviews(path).by_fingerprint
    assert set(found) == {finding.fingerprint for finding in sample.calm().findings}
    assert {review.owner for review in found.values()} == {"me"}


def test_hostile_text_stays_text_and_grows_no_escapes(tmp_path: Path) -> None:
    texts = [text for text in sample.HOSTILE if "\x00" not in text and "\ud800" not in text and len(text) < 100]
    run = sample.hostile()
    reviews = {
        one.fingerprint: Review(one.fingerprint, comment=text, owner=text)
        for one, text in zip(run.findings, texts, strict=False)
    }
    first = read_reviews(written(replace(run, reviews=reviews), tmp_path)).by_fingerprint
    path = written(replace(run, reviews=first), tmp_path, "again.xlsx")
    assert read_reviews(path).by_fingerprint == first
    assert faults(path) == []
    ws = openpyxl.load_workbook(path)["Findings"]
    assert not [cell for row in ws.iter_rows() for cell in row if cell.data_type in "fe"]
    comments = {review.comment for review in first.values()}
    assert {"_x003D_1+1", '=HYPERLINK("http://evil.example","x")'} <= comments


def test_a_formula_counts_by_its_last_result_and_is_not_calculated(tmp_path: Path) -> None:
    path = reviewed(written(sample.calm(), tmp_path), {"Owner": '=WEBSERVICE("http://evil.example")', "Comment": "x"})
    (review,) = read_reviews(path).by_fingerprint.values()
    assert (review.owner, review.comment) == (None, "x")


def test_rows_that_cannot_be_taken_are_counted(tmp_path: Path) -> None:
    key = sample.calm().findings[0].fingerprint
    path = reviewed(
        written(sample.calm(), tmp_path),
        {"Owner": "first"}, {"Owner": "second", "Fingerprint": key}, {"Owner": "nobody", "Fingerprint": "=1"},
        {"Owner": "first", "Fingerprint": key},
    )  # fmt: skip
    reviews = read_reviews(path)
    assert [review.owner for review in reviews.by_fingerprint.values()] == ["first"]
    assert [remark.rpartition(": ")[2] for remark in reviews.remarks] == ["1.", "1."]


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_reviews(path)
    told = str(caught.value)
    assert told.startswith(f"{path}: ")
    assert "\n" not in told
    return told


def test_what_is_no_workbook_is_one_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.xlsx")
    assert "cannot be read" in refused(tmp_path)
    (tmp_path / "text.xlsx").write_text("Findings")
    assert "without a password" in refused(tmp_path / "text.xlsx")
    with zipfile.ZipFile(tmp_path / "zip.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    assert "damaged" in refused(tmp_path / "zip.xlsx")
    book = openpyxl.Workbook()
    book.save(tmp_path / "other.xlsx")
    assert "none" in refused(tmp_path / "other.xlsx")
    book.create_sheet("Findings").append(["Fingerprint", "Owner"])
    book.save(tmp_path / "headers.xlsx")
    assert "has no column Review status" in refused(tmp_path / "headers.xlsx")


def spoilt(path: Path, part: str, content: str) -> Path:
    """The workbook with one part replaced."""
    target = path.with_name("spoilt.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, content if entry.filename == part else old.read(entry))
    return target


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
DAMAGE = {
    "cut off": "<worksheet",
    "laughs": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)) + "]>" + SHEET.format('<row r="1"><c r="A1" t="inlineStr"><is><t>&j;</t></is></c></row>'),
    "outside": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SHEET.format('<row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row>'),
    "cells": SHEET.format('<row r="1"><c r="??" t="inlineStr"><is><t>x</t></is></c></row>'),
    "strings": SHEET.format('<row r="1"><c r="A1" t="s"><v>99999999</v></c></row>'),
    "empty": SHEET.format(""),
    "far rows": SHEET.format('<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>'),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_workbook_is_one_sentence(name: str, tmp_path: Path) -> None:
    path = spoilt(written(sample.calm(), tmp_path), "xl/worksheets/sheet3.xml", DAMAGE[name])
    assert "damaged" in refused(path) or "has no column" in refused(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = written(sample.calm(), tmp_path)
    bomb = spoilt(path, "xl/worksheets/sheet3.xml", SHEET.format(" " * (16 << 20)))
    assert "unpacks to more than any audit does" in refused(bomb)
    many = tmp_path / "many.xlsx"
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(5_001):
            archive.writestr(str(number), "")
    assert "unpacks to more" in refused(many)
