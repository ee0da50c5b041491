"""The workbook: text is text, tables keep Excel's rules, and it opens elsewhere without complaint."""

from __future__ import annotations

import csv
import gc
import json
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from auditor.audit.result import AuditRun
from auditor.cli.app import run as auditor
from reports.columns import FINDINGS, SHEETS
from reports.xlsx import write_xlsx
from reports.xlsx_style import CELL_LIMIT, shown
from tests.reports import sample
from tests.reports.workbook_rules import faults

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
needs_office = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")
NAMES = ["Read me", "Summary", *(sheet.title for sheet in SHEETS)]


def written(run: AuditRun, folder: Path, **limits: int) -> Path:
    path = folder / "audit.xlsx"
    write_xlsx(run, path, **limits)
    return path


def opened(run: AuditRun, folder: Path, **limits: int) -> Any:
    return openpyxl.load_workbook(written(run, folder, **limits))


def read_back(text: str) -> str:
    """What Excel shows of a tenant's text: it undoes the escape for what looks like one of its own."""
    return shown(text).replace("_x005F_", "_")


def records(ws: Any) -> list[dict[str, Any]]:
    header, *rows = ws.iter_rows()
    return [{name.value: cell for name, cell in zip(header, row, strict=True)} for row in rows]


def test_sheets_are_in_the_order_of_the_interface(tmp_path: Path) -> None:
    assert NAMES == [
        "Read me", "Summary", "Findings", "Permissions", "Predictions", "Apps", "Credentials", "Consents", "Conditional Access", "Checks",
        "Coverage", "Waivers",
    ]  # fmt: skip
    assert opened(sample.calm(), tmp_path).sheetnames == NAMES


def test_values_have_their_types(tmp_path: Path) -> None:
    book = opened(sample.calm(), tmp_path)
    app = next(row for row in records(book["Apps"]) if row["App name"].value == "HR Portal")
    assert app["Enabled"].value is True
    assert app["Created"].value == datetime(2025, 1, 31, 8, 0)  # noqa: DTZ001 - Excel knows no zones; the format says Z
    assert app["Created"].number_format.endswith('"Z"')
    bot = next(row for row in records(book["Apps"]) if row["App name"].value == "Mail Bot")
    assert bot["Enabled"].value is None
    finding = records(book["Findings"])[0]
    assert finding["HTTP status"].value == 403
    assert finding["Help"].hyperlink.target == "https://learn.microsoft.com/graph/resolve-auth-errors"
    assert finding["Review status"].value is None
    waiver = records(book["Waivers"])[0]
    assert waiver["Expires"].value == datetime(2027, 6, 30)  # noqa: DTZ001
    assert waiver["Expires"].number_format.endswith("dd")


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    book = opened(sample.hostile(), tmp_path)
    for ws in book:
        if ws.title == "Summary":
            continue
        for row in ws.iter_rows():
            for cell in row:
                assert cell.data_type not in ("f", "e"), (ws.title, cell.coordinate, cell.value)
    rows = {row["App ID"].value: row["App name"] for row in records(book["Apps"])}
    names = [rows[sample.guid(text)] for text in sample.HOSTILE]
    assert [cell.value for cell in names] == [read_back(text) for text in sample.HOSTILE]
    assert names[0].value == sample.HOSTILE[0]
    assert names[0].quotePrefix
    assert names[3].quotePrefix
    assert not names[13].quotePrefix
    assert names[10].value.endswith("[cut: 40,000 characters in all]")
    assert all(len(cell.value.encode("utf-16-le")) // 2 <= CELL_LIMIT for cell in names)
    assert names[8].value == "nul␀ bell␇ esc␛[31m del␡"
    assert names[9].value == "lone \\ud800 surrogate \\udfff"


def test_no_text_becomes_a_formula_when_it_is_edited(tmp_path: Path) -> None:
    run = replace(sample.hostile(), tenant_name="=1+1")
    book = opened(run, tmp_path)
    risky = [
        cell
        for ws in book
        for row in ws.iter_rows()
        for cell in row
        if cell.data_type == "s" and cell.value.lstrip().startswith(("=", "+", "-", "@"))
    ]
    assert {"Read me", "Summary", "Apps"} <= {cell.parent.title for cell in risky}
    assert [(cell.parent.title, cell.coordinate) for cell in risky if not cell.quotePrefix] == []


def test_a_book_that_breaks_leaves_no_file_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    complaints: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = sample.calm()
    run.conditional_access.at[0, "conditions"] = {1: "no JSON has such a key"}
    with pytest.raises(AttributeError):
        write_xlsx(run, tmp_path / "audit.xlsx")
    gc.collect()
    assert complaints == []
    assert list(tmp_path.iterdir()) == []


def test_summary_holds_no_text_of_the_tenant_as_a_formula(tmp_path: Path) -> None:
    book = opened(sample.hostile(), tmp_path)
    formulas = [cell.value for row in book["Summary"].iter_rows() for cell in row if cell.data_type == "f"]
    assert formulas
    assert all(re.match(r"=(COUNTIFS\(tbl|SUM\()", formula) for formula in formulas)
    assert not any("evil" in formula for formula in formulas)


def test_changes_since_the_baseline_come_last(tmp_path: Path) -> None:
    book = opened(sample.drifted(), tmp_path)
    assert book.sheetnames == [*NAMES, "Changes"]
    assert [row["Change"].value for row in records(book["Changes"])] == ["new", "gone", "changed", "new"]
    told = [row[0].value for row in book["Summary"].iter_rows(max_row=8)]
    assert "4 changes since the baseline: 2 new, 1 gone, 1 changed. The sheet Changes has them." in told


@pytest.mark.parametrize("name", ["calm", "hostile", "partial", "nothing", "drifted"])
def test_the_package_keeps_the_rules_that_excel_enforces(name: str, tmp_path: Path) -> None:
    assert faults(written(getattr(sample, name)(), tmp_path)) == []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    assert auditor(["demo", "--quiet", "--format", "xlsx", "--format", "json", "--out", str(folder)]) == 0
    return folder


def test_the_workbook_of_the_demo_keeps_them_too(demo: Path) -> None:
    assert faults(demo / "audit.xlsx") == []
    findings = json.loads((demo / "audit.json").read_bytes())["findings"]
    rows = records(openpyxl.load_workbook(demo / "audit.xlsx")["Findings"])
    assert [row["Fingerprint"].value for row in rows] == [one["fingerprint"] for one in findings]


SPOILERS = {
    "header": ("xl/worksheets/sheet3.xml", "<t>Severity</t>", "<t>severity</t>", "differs from columns"),
    "control character": ("xl/worksheets/sheet3.xml", "<t>Severity</t>", "<t>Sev\x01</t>", "not well-formed"),
    "table name": ("xl/tables/table2.xml", "tblPermissions", "tblFindings", "table name tblFindings"),
    "table area": ("xl/tables/table1.xml", 'ref="A1:', 'ref="B1:', "rows and"),
    "second filter": ("xl/worksheets/sheet3.xml", "</sheetData>", '</sheetData><autoFilter ref="A1:B2"/>', "a filter besides"),
    "order": ("xl/worksheets/sheet3.xml", "<sheetData>", "<tableParts/><sheetData>", "elements in the order"),
    "sheet name": ("xl/workbook.xml", 'name="Checks"', 'name="apps"', "sheet names differ by case"),
    "long list": ("xl/worksheets/sheet3.xml", "To do,", "To do," + "x" * 255 + ",", "data validation"),
    "formula": ("xl/worksheets/sheet2.xml", "tblFindings[State]", "tblFindings[Stat]", "speaks of tblFindings[Stat]"),
    "type": ("[Content_Types].xml", "/xl/tables/table1.xml", "/xl/tables/table99.xml", "is not there"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILERS)
def test_a_broken_rule_is_found(name: str, tmp_path: Path) -> None:
    part, old, new, told = SPOILERS[name]
    path = written(sample.calm(), tmp_path)
    spoilt = tmp_path / "spoilt.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(spoilt, "w") as target:
        for entry in source.infolist():
            content = source.read(entry).decode()
            if entry.filename == part:
                assert old in content
                content = content.replace(old, new)
            target.writestr(entry.filename, content)
    try:
        found = faults(spoilt)
    except ET.ParseError as error:
        found = [str(error)]
    assert any(told in fault for fault in found), found


def test_a_sheet_that_is_full_continues_on_the_next(tmp_path: Path) -> None:
    path = written(sample.hostile(), tmp_path, max_rows=10)
    assert faults(path) == []
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[book.sheetnames.index("Permissions") :][:4] == [
        "Permissions",
        "Permissions 2",
        "Permissions 3",
        "Predictions",
    ]
    rows = [
        row["App name"].value
        for title in ("Permissions", "Permissions 2", "Permissions 3")
        for row in records(book[title])
    ]
    assert sorted(rows) == sorted(read_back(text) for text in sample.HOSTILE)
    formulas = [str(cell.value) for row in book["Summary"].iter_rows() for cell in row if cell.data_type == "f"]
    assert any("tblPermissions_3[" in formula for formula in formulas)
    assert any("tblFindings_2[" in formula for formula in formulas)


def test_links_stop_at_the_cap_and_stay_readable(tmp_path: Path) -> None:
    rows = records(opened(sample.calm(), tmp_path, max_links=3)["Findings"])
    linked = [cell for row in rows for cell in row.values() if cell.hyperlink]
    assert len(linked) == 3
    assert rows[-1]["Help"].value.startswith("https://")


def test_only_https_becomes_a_link(tmp_path: Path) -> None:
    book = opened(sample.hostile(), tmp_path)
    targets = [cell.hyperlink.target for ws in book for row in ws.iter_rows() for cell in row if cell.hyperlink]
    assert targets
    assert all(target.startswith("https://") for target in targets)


def test_reviewer_columns_have_their_drop_downs(tmp_path: Path) -> None:
    ws = opened(sample.calm(), tmp_path)["Findings"]
    kinds = {str(rule.sqref): rule.formula1 for rule in ws.data_validations.dataValidation}
    letters = {cell.value: cell.column_letter for cell in ws[1]}
    last = len(sample.calm().findings) + 1
    for column in FINDINGS.columns:
        if column.choices:
            letter = letters[column.header]
            assert kinds[f"{letter}2:{letter}{last}"] == '"' + ",".join(column.choices) + '"'
    due = letters["Due"]
    assert f"{due}2:{due}{last}" in kinds
    coloured = {str(rules.sqref) for rules in ws.conditional_formatting}
    assert f"A2:A{last}" in coloured


def test_sheets_are_frozen_and_print_on_one_page_across(tmp_path: Path) -> None:
    book = opened(sample.calm(), tmp_path)
    for sheet in SHEETS:
        ws = book[sheet.title]
        assert ws.freeze_panes.endswith("2")
        assert ws.freeze_panes != "A2"
        assert ws.page_setup.orientation == "landscape"
        assert (ws.page_setup.fitToWidth, ws.page_setup.fitToHeight) == (1, 0)
        assert ws.print_title_rows in ("1:1", "$1:$1")
        assert ws.column_dimensions["A"].width == sheet.columns[0].width


def test_empty_is_told_apart_from_not_read(tmp_path: Path) -> None:
    assert opened(sample.nothing(), tmp_path)["Conditional Access"]["A2"].value == "none"
    assert (
        opened(sample.partial(), tmp_path)["Conditional Access"]["A2"].value
        == "not read: identity/conditionalAccess/policies"
    )


def test_read_me_says_what_is_missing_and_what_every_column_means(tmp_path: Path) -> None:
    ws = opened(sample.partial(), tmp_path)["Read me"]
    text = "\n".join(str(cell.value) for row in ws.iter_rows() for cell in row if cell.value)
    assert "6 of 8 checks assessed; 2 not, because" in text
    assert "2026-11-22 15:00 UTC" in text
    assert "Policy.Read.All" in text
    for sheet in SHEETS:
        assert all(column.meaning in text for column in sheet.columns)


def calculated(book: Any, folder: Path) -> dict[str, list[list[str]]]:
    """The sheets of a workbook that carries no results, as LibreOffice calculates and shows them."""
    path = folder / "book.xlsx"
    book.save(path)
    # -1: every sheet to a file of its own.
    options = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    done = subprocess.run(
        [str(OFFICE), profile, "--headless", "--convert-to", options, "--outdir", str(folder), str(path)],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    assert "Error" not in done.stderr + done.stdout
    sheets = {}
    for title in book.sheetnames:
        with (folder / f"book-{title}.csv").open(encoding="utf-8", newline="") as file:
            sheets[title] = list(csv.reader(file))
    return sheets


def results(book: Any) -> dict[str, Any]:
    """The numbers of Summary by cell."""
    return {cell.coordinate: cell.value for row in book["Summary"].iter_rows() for cell in row if cell.data_type == "n"}


def numbers(sheet: list[list[str]], cells: Any) -> dict[str, int]:
    shown = {}
    for cell in cells:
        row, column = openpyxl.utils.cell.coordinate_to_tuple(cell)
        shown[cell] = int(sheet[row - 1][column - 1])
    return shown


@needs_office
@pytest.mark.parametrize("name", ["calm", "hostile", "nothing"])
def test_it_opens_elsewhere_and_the_formulas_come_to_the_results_they_carry(name: str, tmp_path: Path) -> None:
    run = getattr(sample, name)()
    path = written(run, tmp_path)
    carried = {
        cell: value
        for cell, value in results(openpyxl.load_workbook(path, data_only=True)).items()
        if value is not None
    }
    # openpyxl keeps formulas and no results, so that whatever LibreOffice shows it has calculated.
    sheets = calculated(openpyxl.load_workbook(path), tmp_path)
    summary = sheets["Summary"]
    assert numbers(summary, carried) == carried
    counts = {row[0]: row[1] for row in summary[3:] if row[0] in run.counts()}
    assert {word: int(counts[word]) for word in run.counts()} == dict(run.counts())
    header = summary.index(next(row for row in summary if row[:4] == ["Status", "Application", "Delegated", "All"]))
    everything = next(row for row in summary[header:] if row[0] == "All")
    assert int(everything[3]) == len(run.permissions)
    assert not any("#REF" in cell or "#NAME" in cell or "Err:" in cell for row in summary for cell in row)
    assert sheets["Permissions"][0] == next(sheet for sheet in SHEETS if sheet.title == "Permissions").headers


@needs_office
def test_summary_follows_what_people_edit(tmp_path: Path) -> None:
    book = opened(sample.calm(), tmp_path)
    (state,) = (row["State"] for row in records(book["Findings"]) if row["Severity"].value == "critical")
    state.value = "waived"
    status = next(row["Status"] for row in records(book["Permissions"]) if row["Status"].value == "granted")
    status.value = "not-consented"
    end = next(row["Ends"] for row in records(book["Credentials"]) if row["Kind"].value == "certificate")
    end.value = datetime(2027, 3, 5)  # noqa: DTZ001
    summary = calculated(book, tmp_path)["Summary"]
    severities = next(row for row in summary if row[0] == "critical")
    assert severities[1:5] == ["0", "0", "0", "1"]
    assert next(row for row in summary if row[0] == "not-consented")[3] == "3"
    months = {row[0]: row[1:5] for row in summary if re.fullmatch("20[0-9]{2}-[0-9]{2}", row[0])}
    assert len(months) == 12
    assert next(iter(months)) == "2026-11"
    assert months["2026-12"] == ["0", "0", "0", "0"]
    assert months["2027-03"] == ["0", "1", "0", "1"]


def test_summary_tells_the_facts_without_calculating(tmp_path: Path) -> None:
    run = sample.calm()
    summary = openpyxl.load_workbook(written(run, tmp_path), data_only=True)["Summary"]
    rows = [[cell.value for cell in row] for row in summary.iter_rows()]
    told = {row[0]: row[1] for row in rows if row[0] in run.counts()}
    assert told == dict(run.counts())
    assert next(row for row in rows if row[0] == "403: the right set of permissions?")[1:7] == [1, 3, 1, 0, 1, 6]
    assert next(row for row in rows if row[0] == "not known")[1:4] == [0, 1, 1]
    ends = {row[0]: row[1:5] for row in rows if row[0] in ("2026-11", "2026-12", "does not end", "earlier")}
    assert ends["2026-11"] == [1, 0, 0, 1]
    assert ends["2026-12"] == [0, 1, 0, 1]
    assert ends["does not end"] == [0, 0, 1, 1]
    assert ends["earlier"] == [0, 0, 0, 0]


def test_charts_show_the_tables_of_summary(tmp_path: Path) -> None:
    ns = {"c": "http://schemas.openxmlformats.org/drawingml/2006/chart"}
    path = written(sample.calm(), tmp_path)
    cells = openpyxl.load_workbook(path, data_only=True)["Summary"]
    titles = set()
    with zipfile.ZipFile(path) as archive:
        charts = [name for name in archive.namelist() if name.startswith("xl/charts/chart")]
        for name in charts:
            chart = ET.fromstring(archive.read(name))
            titles.add("".join(chart.find("c:chart/c:title", ns).itertext()))  # type: ignore[union-attr]
            for series in chart.iter(f"{{{ns['c']}}}ser"):
                for place in ("c:tx/c:strRef", "c:cat/c:strRef", "c:val/c:numRef"):
                    found = series.find(place, ns)
                    assert found is not None
                    sheet, _, area = found.findtext("c:f", "", ns).replace("$", "").partition("!")
                    assert sheet == "'Summary'"
                    area = area if ":" in area else f"{area}:{area}"
                    there = [str(cell.value) for row in cells[area] for cell in row]
                    assert [value.text for value in found.iter(f"{{{ns['c']}}}v")] == there
    assert titles == {
        "Open findings by cause and severity", "Permissions by status and type", "Credentials by expiry month",
    }  # fmt: skip
