"""``--review``: reviews of an earlier workbook are carried over, and what cannot be is said."""

from __future__ import annotations

from pathlib import Path

import openpyxl

from tests.cli.conftest import Run


def written(path: Path, comments: dict[int, str]) -> list[str]:
    """Write comments into rows of Findings; returns the fingerprints of these rows."""
    book = openpyxl.load_workbook(path)
    ws = book["Findings"]
    places = {cell.value: cell.column for cell in ws[1]}
    for row, text in comments.items():
        ws.cell(row, places["Comment"]).value = text
    book.save(path)
    return [str(ws.cell(row, places["Fingerprint"]).value) for row in comments]


def comments(path: Path, sheet: str = "Findings") -> dict[str, str]:
    ws = openpyxl.load_workbook(path)[sheet]
    header, *rows = ws.iter_rows(values_only=True)
    table = [dict(zip(header, row, strict=True)) for row in rows]
    return {str(row["Fingerprint"]): str(row["Comment"]) for row in table if row["Comment"]}


def test_reviews_reach_the_next_workbook(auditor: Run, snapshot: Path) -> None:
    assert auditor("audit", "--from", snapshot, "--out", "old", "--format", "xlsx").code == 0
    first, second = written(Path("old/audit.xlsx"), {2: "see ticket 7", 4: "done in May"})
    result = auditor("audit", "--from", snapshot, "--out", "new", "--format", "xlsx", "--review", "old/audit.xlsx")
    assert result.code == 0
    assert "2 reviews of 2 carried over from old/audit.xlsx." in result.err
    assert comments(Path("new/audit.xlsx")) == {first: "see ticket 7", second: "done in May"}


def test_reviews_without_their_finding_are_told_and_kept(auditor: Run, snapshot: Path) -> None:
    auditor("audit", "--from", snapshot, "--out", "old", "--format", "xlsx")
    app_id = openpyxl.load_workbook("old/audit.xlsx")["Findings"]["E2"].value
    (kept,) = written(Path("old/audit.xlsx"), {2: "of one app"})
    other = next(
        cell.value
        for cell in openpyxl.load_workbook("old/audit.xlsx")["Findings"]["E"][1:]
        if cell.value not in (None, app_id)
    )
    arguments = ("--out", "new", "--format", "xlsx", "--review", "old/audit.xlsx")
    result = auditor("audit", "--from", snapshot, "--app", other, *arguments)
    assert result.code == 0
    assert "warning: old/audit.xlsx: this run does not have the findings of 1 review" in result.err
    assert comments(Path("new/audit.xlsx")) == {}
    assert comments(Path("new/audit.xlsx"), "Past reviews") == {kept: "of one app"}
    # check reads the sheet of past reviews too.
    result = auditor("check", app_id, "--from", snapshot, "--fail-on", "never", "--out", "check", "--format", "xlsx", "--review", "new/audit.xlsx")  # fmt: skip
    assert "1 review of 1 carried over from new/audit.xlsx." in result.err
    assert comments(Path("check/audit.xlsx")) == {kept: "of one app"}


def test_a_workbook_that_cannot_be_used_ends_the_run_before_it_begins(auditor: Run, snapshot: Path) -> None:
    Path("notes.xlsx").write_text("no workbook")
    result = auditor("audit", "--from", snapshot, "--out", "out", "--review", "notes.xlsx")
    assert result.code == 2
    assert "notes.xlsx: --review expects an .xlsx workbook" in result.sentence
    for arguments in (("--format", "json"), ("--format", "json", "--out", "-")):
        result = auditor("audit", "--from", snapshot, "--review", "notes.xlsx", *arguments)
        assert result.code == 2
        assert "the format xlsx has to be written" in result.sentence
    assert not Path("out").exists()


def test_a_workbook_of_another_tenant_is_refused(auditor: Run, snapshot: Path) -> None:
    auditor("audit", "--from", snapshot, "--out", "old", "--format", "xlsx")
    book = openpyxl.load_workbook("old/audit.xlsx")
    (cell,) = (row[1] for row in book["Read me"].iter_rows() if row[0].value == "Tenant ID")
    cell.value = "99999999-9999-9999-9999-999999999999"
    book.save("old/audit.xlsx")
    result = auditor("audit", "--from", snapshot, "--out", "new", "--format", "xlsx", "--review", "old/audit.xlsx")
    assert result.code == 2
    assert "is of tenant 99999999-9999-9999-9999-999999999999" in result.sentence
