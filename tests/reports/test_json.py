"""``audit.json`` is what the interface says, and the schema that ships says the same."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reports.json import to_json, write_json
from tests.reports import sample

SCHEMA = json.loads((files("auditor.audit") / "audit.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

KEYS = {
    "coverage": "source status objects detail affects",
    "checks": "check outcome examined findings reason",
    "apps": "app_id object_id service_principal_id display_name kind enabled sign_in_audience flows",
    "permissions": "app_id resource_app_id permission_id permission type requested granted consent consented_users status",
    "findings": "fingerprint check severity certainty app_id display_name resource_app_id permission permission_type call flow http_status "
    "error_code summary evidence remediation help_url known waived waiver_reason",
    "predictions": "app_id flow call verdict check also http_status error_code reason granted_by needs",
}
"""The interface, word for word."""


def load(name: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(to_json(getattr(sample, name)()).decode("utf-8"), parse_constant=refuse)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["calm", "hostile", "partial", "nothing"])
def test_every_report_validates(name: str) -> None:
    VALIDATOR.validate(load(name))


@pytest.mark.parametrize("name", list(KEYS))
def test_members_are_those_of_the_interface(name: str) -> None:
    for row in load("calm")[name]:
        assert list(row) == KEYS[name].split()


def test_the_head_is_that_of_the_interface() -> None:
    report = load("calm")
    assert report["schema_version"] == 1
    assert report["tool"] == {"name": "graph-auditor", "version": "0.1.0", "catalog": "2026-11-01"}
    assert report["tenant"] == {"id": sample.guid("tenant"), "display_name": "Contoso", "cloud": "global"}
    assert report["collected_at"] == "2026-11-22T15:00:00Z"
    assert report["summary"] == {
        "apps": 4,
        "permissions": 6,
        "findings": {"critical": 1, "high": 3, "medium": 1, "low": 0, "info": 1},
    }
    assert report["complete"] is True
    assert load("partial")["complete"] is False


def test_missing_is_null_and_lists_are_lists() -> None:
    report = load("calm")
    bot = next(app for app in report["apps"] if app["display_name"] == "Mail Bot")
    assert (bot["enabled"], bot["object_id"], bot["flows"]) == (None, None, [])
    unknown = next(row for row in report["permissions"] if row["permission"] == "Calendars.Read")
    assert (unknown["granted"], unknown["consent"], unknown["status"], unknown["permission_id"]) == (
        None,
        None,
        None,
        None,
    )
    assert report["conditional_access"][0]["conditions"]["users"]["includeUsers"] == ["All"]
    assert report["credentials"][2]["end_at"] is None
    assert report["consents"][1]["granted_at"] == "2025-03-04T05:06:07Z"
    assert report["findings"][0]["remediation"]["commands"][0].startswith("New-Mg")


def test_text_stays_as_the_tenant_has_it_but_for_lone_surrogates() -> None:
    names = {app["display_name"] for app in load("hostile")["apps"]}
    assert {text for text in sample.HOSTILE if not any("\ud800" <= letter <= "\udfff" for letter in text)} <= names
    assert "lone \ufffd surrogate \ufffd" in names


def test_a_policy_nested_without_end_does_not_stop_the_report() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = [deep]
    run = sample.calm()
    run.conditional_access.at[0, "conditions"] = {"a": deep, "b": 1}
    conditions = json.loads(to_json(run))["conditional_access"][0]["conditions"]
    assert conditions["b"] == 1
    assert "nested deeper than 40 levels" in json.dumps(conditions["a"])


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    write_json(sample.calm(), tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == to_json(sample.calm())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("findings", 0, "severity"), "urgent"), (("permissions", 0, "status"), "maybe"), (("coverage", 0, "status"), "unknown"),
        (("collected_at",), "2026-11-22"), (("apps", 0, "flows"), ["device"]), (("summary", "findings", "high"), "3"), (("schema_version",), 2),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_is_not_in_the_interface(path: tuple[Any, ...], value: Any) -> None:
    report = copy.deepcopy(load("calm"))
    target = report
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert not VALIDATOR.is_valid(report)


@pytest.mark.parametrize("name", list(KEYS))
def test_the_schema_misses_every_member_that_is_left_out(name: str) -> None:
    for key in KEYS[name].split():
        report = load("calm")
        del report[name][0][key]
        assert not VALIDATOR.is_valid(report), key


def test_a_gap_must_have_a_reason() -> None:
    report = load("partial")
    gap = next(check for check in report["checks"] if check["outcome"] == "not-assessed")
    gap["reason"] = None
    assert not VALIDATOR.is_valid(report)
