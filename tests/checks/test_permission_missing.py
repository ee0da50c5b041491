"""permission-missing: counts the declared calls; each one it denies is told by the runner."""

from __future__ import annotations

import pytest

from auditor.emulator.build import TenantBuilder
from auditor.predict.call import Call
from auditor.predict.verdict import Prediction, Verdict
from tests.support import examine

APP = "11111111-2222-3333-4444-555555555555"


def prediction(verdict: Verdict, check: str | None = None, **evidence: str) -> Prediction:
    return Prediction(
        APP, "app-only", Call("GET /users", "GET", "/users"), verdict, "Why.", check=check, evidence=evidence
    )


def test_every_call_that_another_check_decides_or_none_is_looked_at() -> None:
    made = [prediction("allowed"), prediction("denied", "consent-missing"), prediction("denied", "permission-missing")]
    examination = examine("permission-missing", TenantBuilder().data, predictions=made)
    assert (examination.examined, examination.findings) == (2, ())


def test_nothing_declared_is_nothing_examined() -> None:
    assert examine("permission-missing", TenantBuilder().data).examined == 0


def test_a_call_that_broke_the_predictor_breaks_the_check() -> None:
    with pytest.raises(RuntimeError, match=r"GET /users .* stopped"):
        examine(
            "permission-missing", TenantBuilder().data, predictions=[prediction("unknown", predictor_error="stopped")]
        )
