"""The repair that a denied prediction tells is done in the tenant, and the question put again: the denial must be gone.

Of every denied call whose ``needs`` name permissions, the least set is requested and granted as an administrator would.
What then still stands in the way must have been told before, in ``also``; and where nothing was, the call is open. On the
random tenants the emulator is asked too: what is predicted to be open after the repair is not refused.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from auditor.emulator import shapes
from auditor.emulator.build import TenantBuilder
from auditor.emulator.contoso import contoso, declared_calls
from auditor.emulator.server import Emulator
from auditor.predict.call import parse_call
from auditor.predict.verdict import Prediction, Question
from auditor.predict.walk import predict
from auditor.reference import catalog
from auditor.reference.resources import GRAPH
from tests.predict.random_tenant import ask, make
from tests.support import load_tenant

Kind = Literal["application", "delegated"]
PAIRS = 120
BY_PERMISSION = frozenset(
    {
        "permission-missing",
        "permission-unknown",
        "permission-type-mismatch",
        "consent-missing",
        "consent-partial",
        "consent-blocked",
        "wrong-resource",
    }
)
"""Checks whose denial a permission that is requested and consented to for everybody must end."""


def id_of(name: str, kind: Kind) -> str:
    known = catalog.load().permission(name)
    form = known and (known.application if kind == "application" else known.delegated)
    assert form, f"{name} does not exist as {kind} permission, and nobody can grant it"
    assert form.id
    return str(form.id)


def exists(name: str, kind: Kind) -> bool:
    known = catalog.load().permission(name)
    form = known and (known.application if kind == "application" else known.delegated)
    return bool(form and form.id)


def repair(data: dict[str, Any], prediction: Prediction, least: str) -> None:
    """Requests and grants the permissions of ``least`` (joined with `` + ``) in a tenant file, for everybody."""
    kind: Kind = "application" if prediction.flow == "app-only" else "delegated"
    names = least.split(" + ")
    registration = next((one for one in data["applications"] if one["appId"] == prediction.app_id), None)
    if registration is not None:
        access = {"Role": "application", "Scope": "delegated"}
        word = next(word for word, meant in access.items() if meant == kind)
        entries = [{"id": id_of(name, kind), "type": word} for name in names]
        registration["requiredResourceAccess"].append({"resourceAppId": GRAPH, "resourceAccess": entries})
    principals = data["servicePrincipals"]
    graph = next(one for one in principals if one["appId"] == GRAPH)
    client = next((one for one in principals if one["appId"] == prediction.app_id), None)
    if client is None:
        return
    number = f"{len(data['oauth2PermissionGrants'])}-{len(data['appRoleAssignments'])}"
    if kind == "delegated":
        grants = data["oauth2PermissionGrants"]
        grants.append(shapes.permission_grant(f"repair-{number}", client["id"], graph["id"], " ".join(names), None))
        return
    data["appRoleAssignments"] += [
        shapes.role_assignment(f"repair-{number}-{name}", role_id=id_of(name, kind), principal=client, resource=graph)
        for name in names
    ]


def judged(data: dict[str, Any], asked: Sequence[Question]) -> list[Prediction]:
    tenant = load_tenant(data, users=tuple(dict.fromkeys(user for one in asked for user in one.users)))
    return [predict(question, tenant) for question in asked]


def complaint(before: Prediction, least: str, after: Prediction) -> str | None:
    """What is wrong with a repair, in words; None where it did what was told."""
    told = (
        f"{before.call.text} {before.flow}: {before.check} ({before.reason}), also {before.also}; granted {least}, then"
    )
    if after.verdict == "denied" and after.check in BY_PERMISSION:
        return f"{told} {after.check}: {after.reason}"
    if after.verdict == "denied" and after.check not in before.also:
        return f"{told} {after.check}, which nothing foretold: {after.reason}"
    if not before.also and after.verdict in ("denied", "unknown"):
        return f"{told} {after.verdict}: {after.reason}"
    return None


def grantable(before: Prediction) -> bool:
    """Whether anybody can grant the least set. The map has calls whose only permission Microsoft Graph does not publish."""
    kind: Kind = "application" if before.flow == "app-only" else "delegated"
    return bool(before.needs) and all(exists(name, kind) for name in before.needs[0].split(" + "))


def repairable(before: Prediction) -> bool:
    return before.verdict == "denied" and before.check in BY_PERMISSION and grantable(before)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_least_set_ends_the_denial(seed: int) -> None:
    made = make(seed, PAIRS)
    asked = [
        Question(
            one.app.app_id,
            parse_call(f"{method} {path}"),
            one.flow,
            (one.user,) if one.user else (),
            "personal" if one.personal else "work",
        )
        for one, method, path in made.pairs
    ]
    before = judged(made.builder.data, asked)
    todo = [number for number, prediction in enumerate(before) if repairable(prediction)]
    assert len(todo) >= PAIRS * 0.15, "a test that repairs too little says too little"
    wrong: list[str] = []
    after: Counter[str] = Counter()
    while todo:  # in each round one call of each app, so that no repair is the work of another
        round_ = list({before[number].app_id: number for number in reversed(todo)}.values())
        todo = [number for number in todo if number not in round_]
        data = copy.deepcopy(made.builder.data)
        for number in round_:
            repair(data, before[number], before[number].needs[0])
        answers = judged(data, [asked[number] for number in round_])
        with Emulator(data) as emulator:
            for number, answer in zip(round_, answers, strict=True):
                after[answer.verdict] += 1
                if said := complaint(before[number], before[number].needs[0], answer):
                    wrong.append(said)
                one, method, path = made.pairs[number]
                if one.personal or answer.verdict != "allowed":
                    continue
                if ask(emulator, made.builder.tenant_id, one, method, path) == "refused":
                    wrong.append(
                        f"{answer.call.text} {one.kind} of {one.user}: the emulator refuses it after the repair"
                    )
    assert wrong == []
    assert after["allowed"] >= 0.5 * after.total()


@pytest.mark.parametrize("seed", [14, 15])
def test_so_does_the_last_of_the_sets(seed: int) -> None:
    made = make(seed, PAIRS)
    asked = [
        Question(one.app.app_id, parse_call(f"{method} {path}"), one.flow, (one.user,) if one.user else ())
        for one, method, path in made.pairs
    ]
    before = judged(made.builder.data, asked)
    first: dict[str, int] = {}
    for number, prediction in enumerate(before):
        if repairable(prediction) and len(prediction.needs) > 1:
            first.setdefault(prediction.app_id, number)
    assert len(first) >= 5
    data = copy.deepcopy(made.builder.data)
    for number in first.values():
        repair(data, before[number], before[number].needs[-1])
    answers = judged(data, [asked[number] for number in first.values()])
    said = [
        complaint(before[number], before[number].needs[-1], answer)
        for number, answer in zip(first.values(), answers, strict=True)
    ]
    assert [one for one in said if one] == []


CALLS = (
    "GET /users",
    "GET /users?$select=signInActivity",
    "GET /users/{id}?$select=employeeLeaveDateTime",
    "PATCH /users/{id} {passwordProfile}",
    "PATCH /users/{id} {accountEnabled}",
    "PATCH /users/{id} {mobilePhone}",
    "PATCH /users/{id} {displayName, employeeLeaveDateTime}",
    "DELETE /users/{id}",
    "POST /users/{id}/sendMail",
    "POST /users/{id}/revokeSignInSessions",
    "POST /groups {isAssignableToRole}",
    "POST /groups/{id}/members/$ref",
    "POST /subscriptions {resource=users/{id}/messages}",
    "POST /subscriptions {resource=teams/allMessages}",
    "POST /search/query {entityTypes=site}",
    "POST /search/query {entityTypes=message}",
    "GET /me",
    "GET /me/messages",
    "GET /me/manager",
    "GET /sites/{id}/lists",
    "GET /teams/{id}/channels/{id}/messages",
    "GET /communications/callRecords/{id}",
    "GET /auditLogs/signIns",
    "GET /reports/getOffice365ActiveUserDetail(period='D7')",
    "GET /applications(appId='{id}')",
    "POST /servicePrincipals/{id}/appRoleAssignedTo",
    "POST /oauth2PermissionGrants",
    "GET /identity/conditionalAccess/policies",
    "POST /identity/conditionalAccess/policies",
    "GET /deviceManagement/managedDevices",
    "GET /security/alerts_v2",
    "GET /planner/tasks/{id}",
    "POST /onlineMeetings",
    "GET /users/{id}/calendarView",
    "GET /directoryRoles",
    "beta:GET /users/{id}/authentication/methods",
    "POST /users/{id}/authentication/phoneMethods",
    "POST /invitations",
    "GET /groups/{id}/threads",
    "GET /print/printers",
)
"""Calls of all kinds, among them those whose fields decide what they need."""


@pytest.mark.parametrize("state", ["holds nothing", "requests the other type", "requests it", "for somebody else"])
@pytest.mark.parametrize("flow", ["app-only", "delegated"])
def test_calls_whose_fields_decide(flow: Literal["app-only", "delegated"], state: str) -> None:
    """One app for each call, in a tenant with every licence, with an administrator who signs in."""
    builder = TenantBuilder()
    builder.licence("AAD_PREMIUM_P2")
    builder.user("Ada Admin", roles=["Global Administrator"])
    users = (builder.principal_name("Ada Admin"),) if flow == "delegated" else ()
    kind: Kind = "application" if flow == "app-only" else "delegated"
    other: Kind = "delegated" if flow == "app-only" else "application"
    bare = builder.app("Bare", web=["https://bare.example/in"])
    least = judged(builder.data, [Question(bare.app_id, parse_call(call), flow, users) for call in CALLS])
    asked = []
    for number, (call, prediction) in enumerate(zip(CALLS, least, strict=True)):
        names = prediction.needs[0].split(" + ") if grantable(prediction) else []
        wanted = [(name, kind) for name in names] if state != "requests the other type" else []
        if state == "requests the other type":
            wanted = [(name, other) for name in names if exists(name, other)]
        app = builder.app(
            f"App {number}",
            web=[f"https://app{number}.example/in"],
            requests=[] if state == "holds nothing" else wanted,
        )
        if state == "for somebody else" and kind == "delegated" and names:
            builder.grant(app, " ".join(names), user="Somebody Else")
        asked.append(Question(app.app_id, parse_call(call), flow, users))
    before = judged(builder.data, asked)
    todo = [number for number, prediction in enumerate(before) if repairable(prediction)]
    assert len(todo) >= 20
    for number in todo:
        repair(builder.data, before[number], before[number].needs[0])
    answers = judged(builder.data, [asked[number] for number in todo])
    said = [complaint(before[n], before[n].needs[0], answer) for n, answer in zip(todo, answers, strict=True)]
    assert [one for one in said if one] == []


def test_the_demo_tenant() -> None:
    data = contoso()
    asked = [
        Question(app_id, parse_call(call), declared.flow, declared.users)
        for app_id, declared in declared_calls(data).items()
        for call in declared.calls
    ]
    before = judged(data, asked)
    todo = [number for number, prediction in enumerate(before) if repairable(prediction)]
    assert len(todo) >= 3
    mended = copy.deepcopy(data)
    for number in todo:
        repair(mended, before[number], before[number].needs[0])
    answers = judged(mended, [asked[number] for number in todo])
    said = [complaint(before[n], before[n].needs[0], answer) for n, answer in zip(todo, answers, strict=True)]
    assert [one for one in said if one] == []
