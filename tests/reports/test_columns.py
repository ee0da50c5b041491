"""The table of columns: headers are stable, and every format shows the same."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

import reports
from reports.columns import CHANGES, SHEETS, sheets_of
from tests.reports import sample

ALL = (*SHEETS, CHANGES)

GOLDEN = {
    "Findings": "Severity|Certainty|Check|App name|App ID|Resource|Permission|Type|Call|Flow|HTTP status|Error code|Summary|Fix|Help|State|"
    "Fingerprint|Resource app ID|Commands|Fix page|Evidence|Waiver reason|Review status|Owner|Due|Decision|Comment",
    "Permissions": "App name|App ID|Resource|Resource app ID|Permission|Permission ID|Type|Requested|Granted|Consent|Consented users|Status|"
    "App kind|Admin consent required",
    "Predictions": "App name|App ID|Flow|Call|Verdict|Check|Also|HTTP status|Error code|Reason|Granted by|Needs",
    "Apps": "App name|App ID|Kind|Enabled|Open findings|Worst severity|Sign-in audience|Flows|Flow evidence|Flows certain|Object ID|"
    "Service principal ID|Service principal type|Owner tenant ID|Publisher|Verified publisher|Assignment required|Disabled by Microsoft|"
    "Single sign-on|Web redirect URIs|SPA redirect URIs|Public client redirect URIs|Fallback public client|Implicit access tokens|"
    "Implicit ID tokens|Publishes an API|Owners|Tags|Created|Checks not assessed",
    "Credentials": "App name|App ID|Holder|Kind|Name|Usage|Starts|Ends|Days left|State|Issuer|Subject|Key ID",
    "Consents": "App name|App ID|Resource|Resource app ID|Permission|Type|Consent|User ID|Granted|Record ID",
    "Conditional Access": "Policy|Policy ID|State|Users|Users except|Resources|Resources except|Workload identities|"
    "Workload identities except|Other conditions|Grant controls|Session controls|Created|Modified",
    "Checks": "Check|Title|Cause|Severity|Outcome|Examined|Findings|Reason|Sources|Optional sources|Help|Since|Worst finding",
    "Coverage": "Source|Status|Objects|Requests|Detail|HTTP status|Error code|Permission|Role|Licence|Affects|Tables",
    "Waivers": "Check|App name|App ID|Permission|Reason|Owner|Expires|Expired|Findings covered",
    "Changes": "Change|Thing|App name|App ID|Summary|Before|After|Key",
}
"""Append to these rows; never rename, never reorder: people's spreadsheets and scripts read them."""


def test_sheets_and_headers_are_stable() -> None:
    assert {sheet.title: "|".join(sheet.headers) for sheet in ALL} == GOLDEN
    assert [sheet.title for sheet in ALL] == list(GOLDEN)


def test_changes_are_a_sheet_where_a_baseline_was_given_alone() -> None:
    assert sheets_of(sample.calm()) == SHEETS
    assert sheets_of(sample.drifted()) == ALL
    assert sheets_of(replace(sample.calm(), changes=())) == ALL
    facts = [dict(zip(CHANGES.headers, row, strict=True)) for row in CHANGES.rows(sample.drifted())]
    assert facts[2]["Before"] == "status: not-consented"
    assert facts[2]["After"] == "status: granted\nconsent: admin"
    assert [(one["Change"], one["Thing"]) for one in facts][:2] == [("new", "finding"), ("gone", "finding")]


@pytest.mark.parametrize("sheet", ALL, ids=lambda sheet: sheet.slug)
def test_every_column_says_what_it_means_and_no_header_is_there_twice(sheet: reports.columns.Sheet) -> None:
    assert len({header.lower() for header in sheet.headers}) == len(sheet.headers)
    for column in sheet.columns:
        assert column.meaning.endswith("."), column
        assert 8 <= column.width <= 60, column
    # Names with these would have to be escaped in the workbook's formulas.
    assert not any(set(header) & set("[]#'@") for header in sheet.headers)


@pytest.mark.parametrize("name", ["calm", "hostile", "partial", "nothing", "drifted"])
@pytest.mark.parametrize("sheet", ALL, ids=lambda sheet: sheet.slug)
def test_rows_are_as_many_as_counted_and_as_wide_as_the_headers(sheet: reports.columns.Sheet, name: str) -> None:
    run = getattr(sample, name)()
    rows = list(sheet.rows(run))
    assert len(rows) == sheet.count(run)
    assert all(len(row) == len(sheet.columns) for row in rows)


def test_no_cell_is_a_python_repr() -> None:
    for sheet in ALL:
        for row in sheet.rows(sample.drifted()):
            for value in row:
                assert not (
                    isinstance(value, str)
                    and (value.startswith(("{", "[", "(")) or "<NA>" in value or value in ("nan", "None", "NaT"))
                )


def test_csv_files_carry_the_headers(tmp_path: Path) -> None:
    for path in reports.write(sample.calm(), ["csv"], tmp_path):
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file))
        sheet = next(sheet for sheet in SHEETS if sheet.slug == path.stem)
        assert header == sheet.headers
