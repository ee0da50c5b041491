"""Puts a case to the predictor and says whether the answer is right; the same for the published map alone.

Used by the tests and by ``docs/accuracy.py``, so that both count alike. A case is judged once in a run. No case stops it: one
that cannot be expressed is an ``Unexpressed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from auditor.emulator.build import GRAPH
from auditor.predict.verdict import Prediction
from auditor.reference import catalog
from auditor.reference.claims import SchemeName
from tests.cases.case import Case, slug_of
from tests.cases.express import Expressed, express
from tests.support import load_tenant

Score = Literal["right", "secondary", "among", "wrong"]
"""``right``: the deciding check is the cause. ``secondary``: it is one of the causes that the thread names second.
``among``: the cause is among the others that the prediction names. ``wrong``: none of these."""
MapAnswer = Literal["allowed", "denied", "no entry"]

_SEVERITY = {"denied": 0, "depends": 1, "unknown": 2, "allowed": 3}


@dataclass(frozen=True)
class Judged:
    """One case, its answer, and what it is worth."""

    case: Case
    predictions: tuple[Prediction, ...]
    deciding: Prediction
    """The one that stands for the case: the worst verdict; among equals the one with the right cause."""
    score: Score
    map_alone: MapAnswer

    @property
    def expressed(self) -> Expressed:
        """The tenant and the declared app, made anew: it may be changed."""
        return express(self.case)

    @property
    def ok(self) -> bool:
        """Strictly: the right cause decides; what works or cannot be predicted is not refused."""
        return self.score == "right"


@dataclass(frozen=True)
class Unexpressed:
    """A case that no tenant and no call could be made of, and why."""

    case: Case
    reason: str


_JUDGED: dict[str, Judged] = {}
"""Answers of this run, by everything that is known of a case."""


def judge(case: Case) -> Judged:
    """Express a case, predict it, compare. Raises what the case makes ``express`` or ``parse_call`` raise."""
    key = repr(case)
    if key not in _JUDGED:
        expressed = express(case)
        predictions = tuple(predict(expressed))
        deciding = _deciding(case, predictions)
        _JUDGED[key] = Judged(case, predictions, deciding, _score(case, deciding), map_alone(expressed))
    return _JUDGED[key]


def judge_all(cases: Iterable[Case]) -> tuple[list[Judged], list[Unexpressed]]:
    """Every case judged, and those that cannot be."""
    judged, others = [], []
    for case in cases:
        try:
            judged.append(judge(case))
        except Exception as error:  # whatever a foreign line brings about, the others are to be judged
            others.append(Unexpressed(case, f"{type(error).__name__}: {error}"))
    return judged, others


def predict(expressed: Expressed) -> Sequence[Prediction]:
    """The product's predictions on every call and flow of a case."""
    from auditor.predict.walk import predict as answer
    from auditor.predict.walk import questions, settle

    tenant = load_tenant(_needed(expressed.builder.data), users=expressed.users)
    asked = questions(
        expressed.app_id,
        expressed.calls,
        flow=expressed.flow,
        users=expressed.users,
        account=expressed.declared.account,
        resource=expressed.resource,
        tenant=tenant,
    )
    found: list[Prediction] = []
    for _, same in groupby(asked, key=lambda question: question.call):
        found += settle([answer(question, tenant) for question in same], expressed.flow)
    return found


def _needed(data: dict[str, Any]) -> dict[str, Any]:
    """The tenant with only those of Microsoft Graph's 1500 permissions that somebody requests or holds: less to read, the same answer.

    ``test_command`` asks the same of the whole tenant.
    """
    asked = (access for app in data["applications"] for access in app.get("requiredResourceAccess") or ())
    used = {entry["id"] for access in asked for entry in access["resourceAccess"]}
    used |= {row["appRoleId"] for row in data["appRoleAssignments"]}
    names = {name.lower() for grant in data["oauth2PermissionGrants"] for name in grant["scope"].split()}
    principals = []
    for principal in data["servicePrincipals"]:
        if principal["appId"] == GRAPH:
            roles = [role for role in principal["appRoles"] if role["id"] in used]
            scopes = principal["oauth2PermissionScopes"]
            scopes = [scope for scope in scopes if scope["id"] in used or scope["value"].lower() in names]
            principals.append({**principal, "appRoles": roles, "oauth2PermissionScopes": scopes})
        else:
            principals.append(principal)
    return {**data, "servicePrincipals": principals}


def _deciding(case: Case, predictions: Sequence[Prediction]) -> Prediction:
    worst = min(_SEVERITY[one.verdict] for one in predictions)
    candidates = [one for one in predictions if _SEVERITY[one.verdict] == worst]
    return next((one for one in candidates if one.check == case.slug), candidates[0])


def _score(case: Case, deciding: Prediction) -> Score:
    if case.kind == "works":
        return "right" if deciding.verdict in ("allowed", "depends") else "wrong"
    if case.kind == "unpredictable" and deciding.verdict != "denied":
        return "right"
    if deciding.verdict not in ("denied", "depends"):
        return "wrong"
    if deciding.check == case.slug:
        return "right"
    if deciding.check in {slug_of(cause) for cause in case.secondary}:
        return "secondary"
    return "among" if case.slug in deciding.also else "wrong"


def map_alone(expressed: Expressed) -> MapAnswer:
    """An any-of reading of Microsoft's published map: is one permission granted that it lists for the call?

    Of several calls, a refused one speaks; in an unknown flow, each type that was granted.
    """
    case = expressed.case
    flows = (expressed.flow,) if expressed.flow else ("app-only", "delegated")
    answers = [_map(case, call.method, call.path, flow) for call in expressed.calls for flow in flows]
    return next((one for one in ("denied", "no entry") if one in answers), "allowed")  # type: ignore[return-value]


def _map(case: Case, method: str, path: str, flow: str) -> MapAnswer:
    found = catalog.load().authorizing(method, path, raw=True)
    if not found:
        return "no entry"
    scheme: SchemeName = "application"
    held = case.granted.application
    if flow == "delegated":
        scheme, held = ("personal" if case.account == "personal" else "delegated"), case.granted.delegated
    return "allowed" if {row.permission for row in found.get(scheme, ())} & set(held) else "denied"
