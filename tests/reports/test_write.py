"""Writing: the files of each format, no overwriting, nothing half-written, one sentence for what goes wrong."""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import reports
from auditor.audit.result import Coverage
from auditor.errors import OutputError, UsageError
from auditor.tenant.state import SourceState
from reports.columns import CHANGES, SHEETS
from tests.reports import sample


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ["calm", "hostile", "partial", "nothing"])
def test_every_format_writes_its_files_and_nothing_else(name: str, tmp_path: Path) -> None:
    written = reports.write(getattr(sample, name)(), list(reports.FORMATS), tmp_path / "out" / "deeper")
    absent = {"hostile": {"permissions", "apps", "credentials"}, "partial": {"conditional-access", "changes"}}
    left_out = {f"csv/{slug}.csv" for slug in absent.get(name, {"changes"})}
    names = [file for files in reports.FORMATS.values() for file in files if file not in left_out]
    assert written == [tmp_path / "out" / "deeper" / file for file in names]
    assert everything_in(tmp_path / "out" / "deeper") == {*names, "csv"}
    assert all(path.stat().st_size for path in written)


def test_a_table_that_was_not_read_has_no_csv_file_and_an_older_one_is_not_left_to_pass_for_it(tmp_path: Path) -> None:
    reports.write(sample.partial(), ["csv"], tmp_path / "new")
    assert not (tmp_path / "new" / "csv" / "conditional-access.csv").exists()
    with (tmp_path / "new" / "csv" / "coverage.csv").open(encoding="utf-8-sig", newline="") as file:
        lost = [row["Tables"] for row in csv.DictReader(file) if row["Status"] != "read"]
    assert lost == ["Conditional Access"]
    # Known in part is not known: the rows of the source that was not read are missing.
    denied = Coverage(SourceState("oauth2PermissionGrants", "denied"), ())
    reports.write(replace(sample.calm(), coverage=[denied]), ["csv"], tmp_path / "part")
    assert {path.stem for path in (tmp_path / "part" / "csv").iterdir()} == {sheet.slug for sheet in SHEETS} - {
        "permissions",
        "consents",
    }
    # Nothing there is another thing: the file has its header and no row.
    reports.write(sample.nothing(), ["csv"], tmp_path / "empty")
    assert len((tmp_path / "empty" / "csv" / "conditional-access.csv").read_text().splitlines()) == 1
    (tmp_path / "old" / "csv").mkdir(parents=True)
    (tmp_path / "old" / "csv" / "conditional-access.csv").write_text("old")
    with pytest.raises(OutputError, match="already there"):
        reports.write(sample.partial(), ["csv"], tmp_path / "old")


def test_csv_has_a_file_for_each_data_sheet() -> None:
    assert reports.FORMATS["csv"] == tuple(f"csv/{sheet.slug}.csv" for sheet in (*SHEETS, CHANGES))


def test_changes_have_a_csv_file_where_a_baseline_was_given_alone(tmp_path: Path) -> None:
    reports.write(sample.calm(), ["csv"], tmp_path / "without")
    assert not (tmp_path / "without" / "csv" / "changes.csv").exists()
    reports.write(sample.drifted(), ["csv"], tmp_path / "with")
    with (tmp_path / "with" / "csv" / "changes.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["Change"] for row in csv.DictReader(file)] == ["new", "gone", "changed", "new"]


@pytest.mark.parametrize("name", ["sarif2", "xml", "pdf", ""])
def test_a_format_that_does_not_exist_is_a_usage_error_that_names_those_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="xlsx, html, json, csv, md, sarif, junit"):
        reports.write(sample.calm(), ["json", name], tmp_path)
    assert not everything_in(tmp_path)


def test_a_format_named_twice_is_written_once(tmp_path: Path) -> None:
    assert reports.write(sample.nothing(), ["md", "md"], tmp_path) == [tmp_path / "audit.md"]


def test_an_older_report_is_not_overwritten_and_the_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "audit.html").write_text("old")
    with pytest.raises(OutputError, match=r"audit\.html is already there"):
        reports.write(sample.calm(), ["json", "html"], tmp_path)
    assert everything_in(tmp_path) == {"audit.html"}
    assert (tmp_path / "audit.html").read_text() == "old"


def test_a_link_that_leads_nowhere_is_not_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "audit.md").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match="already there"):
        reports.write(sample.calm(), ["md"], tmp_path)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("x"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing_behind(error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(run: Any, path: Path) -> None:
        path.write_text("half")
        raise error

    monkeypatch.setattr("reports.html.write_html", break_down)
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        reports.write(sample.calm(), ["json", "csv", "html"], tmp_path / "out")
    assert not everything_in(tmp_path)


def test_a_report_that_appears_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(run: Any, path: Path) -> None:
        path.write_text("mine")
        (tmp_path / "audit.md").write_text("theirs")

    monkeypatch.setattr("reports.markdown.write_markdown", slow)
    with pytest.raises(OutputError, match="already there"):
        reports.write(sample.calm(), ["json", "md"], tmp_path)
    assert everything_in(tmp_path) == {"audit.md"}
    assert (tmp_path / "audit.md").read_text() == "theirs"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        reports.write(sample.calm(), ["json"], tmp_path / "file" / "out")
    assert str(caught.value).startswith("cannot write the reports to ")
    assert "\n" not in str(caught.value)
    with pytest.raises(OutputError, match="not a folder"):
        reports.write(sample.calm(), ["json"], tmp_path / "file")


def test_naming_formats_needs_no_heavy_import() -> None:
    code = "import sys, reports; print(sorted({'pandas', 'openpyxl', 'jinja2', 'orjson', 'markdown_it'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
