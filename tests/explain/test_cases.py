"""Answers collected from public threads: the text alone gives the cause that was found there, or one that goes with it.

The cases are not part of the repository; where they are not at hand, nothing is tested.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.explain.case import Given
from auditor.explain.error import read_error
from auditor.explain.explanation import explain
from tests.explain.tokens import NOW

FILE = Path("/work/shared/cases.jsonl")
SLUGS = {
    "app-disabled-or-unassigned": "sign-in-blocked",
    "tenant-license": "license-missing",
    "user-license": "license-missing",
    "app-role-missing": "directory-role-missing",
    "token-personal-account": "personal-account",
    "token-expired": "token-invalid",
}
ELSEWHERE = "not-an-auth-misconfiguration"
SILENT = {"case-046"}
"""The text says nothing but that privileges are insufficient, and the cause was an old token."""


def cases() -> list[dict[str, Any]]:
    if not FILE.is_file():
        return []
    found = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [case for case in found if case["outcome"] == "fail" and (case["error_code"] or case["error_message"])]


def answer(case: dict[str, Any]) -> str:
    code, message, status = case["error_code"], case["error_message"], case["http_status"]
    if code.startswith("AADSTS"):
        return json.dumps({"error": "invalid_grant", "error_description": f"{code}: {message}"})
    if not status:
        return str(message)
    return f"HTTP/1.1 {status} x\r\n\r\n" + json.dumps({"error": {"code": code, "message": message}})


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_the_text_alone_gives_the_cause_or_one_that_goes_with_it(case: dict[str, Any]) -> None:
    if case["id"] in SILENT:
        pytest.skip("the text cannot tell")
    found = explain(Given(NOW, error=read_error(answer(case))))
    if case["cause"] == ELSEWHERE:
        assert found.not_configuration
        return
    wanted = {SLUGS.get(one, one) for one in (case["cause"], *case["secondary_causes"])} - {ELSEWHERE}
    assert wanted & {found.cause, *found.also}
    if found.cause not in wanted:
        assert found.certainty != "certain" or SLUGS.get(case["cause"], case["cause"]) in found.also
