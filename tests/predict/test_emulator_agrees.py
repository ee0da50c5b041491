"""Predictions agree with what the emulator does, on random tenants: a token the real way, the call over HTTP, the answer.

The emulator decides with code of its own; it and the predictor have the compiled reference in common and nothing else.
What the emulator cannot tell (an address it does not know) is left out; ``depends`` and ``unknown`` contradict nothing and
are counted.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import auditor.emulator
import auditor.predict
from auditor.emulator.server import Emulator
from auditor.predict.call import parse_call
from auditor.predict.verdict import Prediction, Question
from auditor.predict.walk import predict
from auditor.tenant.tables import Tenant
from tests.predict.random_tenant import RandomApp, ask, make
from tests.support import load_tenant

PAIRS = 200
UNDECIDED = 0.2
"""Share of answers that may hang on something else; more, and the test could not fail."""
_LICENCES = re.compile(r"/(identity/conditionalaccess|auditlogs/signins|rolemanagement/directory)", re.IGNORECASE)
"""Where the emulator knows of licences; the predictor knows of more."""


def judged(tenant: Tenant, one: RandomApp, method: str, path: str) -> Prediction:
    users = (one.user,) if one.user else ()
    account = "personal" if one.personal else "work"
    return predict(Question(one.app.app_id, parse_call(f"{method} {path}"), one.flow, users, account), tenant)  # type: ignore[arg-type]


def contradicts(answer: str, verdict: str) -> bool:
    return (answer, verdict) in {("refused", "allowed"), ("accepted", "denied")}


@pytest.mark.parametrize("seed", [11, 12])
def test_predictions_agree_with_the_emulator(seed: int) -> None:
    made = make(seed, PAIRS)
    tenant = load_tenant(made.builder.data, users=made.users)
    seen: Counter[tuple[str, str]] = Counter()
    wrong = []
    with Emulator(made.builder.data) as emulator:
        for one, method, path in made.pairs:
            prediction = judged(tenant, one, method, path)
            if prediction.check == "license-missing" and not _LICENCES.match(path):
                continue
            answer = ask(emulator, made.builder.tenant_id, one, method, path)
            seen[answer, prediction.verdict] += 1
            if contradicts(answer, prediction.verdict):
                who = f"{one.kind} {one.flow} of {one.user}{' (personal)' if one.personal else ''}"
                held = ", ".join(one.requested)
                wrong.append(
                    f"{who} with {held}: {method} {path} {answer}, predicted {prediction.verdict}: {prediction.reason}"
                )
        assert emulator.defects == []
    assert wrong == []
    compared = Counter({key: number for key, number in seen.items() if key[0] != "other"})
    assert compared.total() >= PAIRS * 0.9
    assert sum(
        compared[answer, verdict] for answer in ("refused", "accepted") for verdict in ("depends", "unknown")
    ) <= (UNDECIDED * compared.total())
    # Both answers come up often enough to be missed.
    assert compared["refused", "denied"] >= PAIRS * 0.2
    assert compared["accepted", "allowed"] >= PAIRS * 0.2


def imported(package: Path) -> set[str]:
    """Names of modules of this product that a package imports."""
    names: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("auditor")}


def test_they_share_the_compiled_reference_alone() -> None:
    emulator = imported(Path(str(auditor.emulator.__file__)).parent)
    predictor = imported(Path(str(auditor.predict.__file__)).parent)
    assert not [name for name in emulator if name.startswith(("auditor.predict", "auditor.tenant", "auditor.audit"))]
    assert not [name for name in predictor if name.startswith("auditor.emulator")]
    shared = {name for name in emulator & predictor if not name.startswith("auditor.reference")}
    assert shared <= {"auditor.errors", "auditor.errors.InputError", "auditor.errors.AuditorError"}
    # Of the reference, what the emulator takes is data: the map and constants, none of the predictor's rules.
    rules = ("overlay", "gates", "licences", "roles", "user_calls", "first_party")
    assert not [name for name in emulator if name.startswith(tuple(f"auditor.reference.{rule}" for rule in rules))]
