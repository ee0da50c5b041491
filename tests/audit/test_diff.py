"""Drift: each kind of change is found by ids, worst first; what a side could not read is a gap and never new or gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.audit.baseline import read_side
from auditor.audit.change import Change
from auditor.audit.check import DeclaredApp
from auditor.audit.diff import Difference, diff
from auditor.audit.result import AuditRun
from auditor.audit.run import Scope, audit
from auditor.audit.side import COLUMNS, Side
from auditor.audit.waivers import Waiver
from auditor.emulator.build import TenantBuilder
from auditor.emulator.contoso import contoso
from auditor.errors import InputError
from auditor.tenant.state import SourceState
from reports.json import to_json
from tests.support import NOW, context_for, load_tenant

GRAPH = "00000003-0000-0000-c000-000000000000"


def tenant(change: Callable[[TenantBuilder], Any] | None = None) -> TenantBuilder:
    """A tenant with one app of each sort of grant, and what ``change`` makes of it."""
    build = TenantBuilder()
    app = build.app(
        "Payroll",
        requests=[("User.Read.All", "application"), ("Mail.Read", "delegated")],
        federated=["repo:contoso/payroll"],
        secret="@now+300d",
    )
    build.assign(app, "User.Read.All")
    build.grant(app, "Mail.Read", user="alice")
    build.directory_role(app, "User Administrator")
    build.policy("Block robots", "enabled", grant=("block",))
    if change is not None:
        change(build)
    return build


def run_of(data: dict[str, Any], unread: Any = (), now: datetime = NOW, **scope: Any) -> AuditRun:
    loaded = load_tenant(data, unread, now)
    declared = scope.pop("apps", {})
    return audit(loaded, context_for(loaded, apps=declared), Scope(**scope))


@cache
def before() -> Side:
    return Side.of_run(run_of(tenant().data))


@cache
def report() -> bytes:
    """The same tenant's ``audit.json``."""
    return to_json(run_of(tenant().data))


def after(change: Callable[[TenantBuilder], Any], **options: Any) -> Side:
    return Side.of_run(run_of(tenant(change).data, **options))


def payroll(build: TenantBuilder) -> dict[str, Any]:
    found: dict[str, Any] = next(app for app in build.data["applications"] if app["displayName"] == "Payroll")
    return found


def principal(build: TenantBuilder) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in build.data["servicePrincipals"] if one["displayName"] == "Payroll")
    return found


def of(difference: Difference, thing: str) -> list[Change]:
    assert difference.gaps == ()
    return [change for change in difference.changes if change.thing == thing]


def as_file(run: AuditRun) -> Side:
    return Side.of_report(orjson.loads(to_json(run)))


def test_the_same_tenant_has_not_changed() -> None:
    assert diff(before(), before()) == Difference((), ())


def test_an_audit_and_its_file_are_the_same() -> None:
    run = run_of(contoso())
    for sides in ((Side.of_run(run), as_file(run)), (as_file(run), Side.of_run(run))):
        assert diff(*sides) == Difference((), ())
    for thing in COLUMNS:
        pd.testing.assert_frame_equal(Side.of_run(run).table(thing), as_file(run).table(thing))


def test_names_and_order_are_no_change() -> None:
    def rename(build: TenantBuilder) -> None:
        for name in ("applications", "servicePrincipals", "oauth2PermissionGrants", "appRoleAssignments"):
            build.data[name].reverse()
        payroll(build)["passwordCredentials"][0]["displayName"] = "other"
        app, service = payroll(build), principal(build)
        app["displayName"] = service["displayName"] = "Wages"
        build.data["conditionalAccessPolicies"][0]["displayName"] = "Other"
        build.data["conditionalAccessPolicies"][0]["modifiedDateTime"] = "2026-11-01T00:00:00Z"

    assert diff(before(), after(rename)) == Difference((), ())


def test_a_new_app_and_one_that_is_gone() -> None:
    other = after(lambda build: build.app("Canteen"))
    (new,) = of(diff(before(), other), "app")
    assert (new.kind, new.display_name, new.summary) == (
        "new",
        "Canteen",
        "Canteen (registration) was not in the tenant before.",
    )
    assert new.key == (new.app_id,)
    assert (dict(new.before), new.after["enabled"]) == ({}, True)
    (gone,) = of(diff(other, before()), "app")
    assert (gone.kind, gone.summary) == ("gone", "Canteen (registration) is no longer in the tenant.")
    assert (gone.before, gone.after) == (new.after, {})


def test_a_disabled_app_another_audience_and_another_service_principal() -> None:
    def change(build: TenantBuilder) -> None:
        principal(build)["accountEnabled"] = False
        payroll(build)["signInAudience"] = principal(build)["signInAudience"] = "AzureADMultipleOrgs"

    (changed,) = of(diff(before(), after(change)), "app")
    assert dict(changed.before) == {"enabled": True, "sign_in_audience": "AzureADMyOrg"}
    assert dict(changed.after) == {"enabled": False, "sign_in_audience": "AzureADMultipleOrgs"}
    assert "enabled for sign-in was yes and is no" in changed.summary
    assert "sign-in audience was AzureADMyOrg and is AzureADMultipleOrgs" in changed.summary


def test_an_application_permission_that_was_granted() -> None:
    difference = diff(before(), after(lambda build: build.assign(payroll(build)["appId"], "Mail.Send")))
    (permission,) = of(difference, "permission")
    assert (permission.kind, permission.after["status"], permission.after["granted"]) == ("new", "unrequested", True)
    assert permission.summary == (
        "Payroll: the application permission Mail.Send on Microsoft Graph is new: not requested and granted by an admin."
    )
    (consent,) = of(difference, "consent")
    assert consent.summary == "Payroll was granted the application permission Mail.Send on Microsoft Graph."
    assert consent.key[1:] == ("application", "")


def test_consent_of_single_users_became_that_of_all() -> None:
    def change(build: TenantBuilder) -> None:
        build.data["oauth2PermissionGrants"] = [
            row for row in build.data["oauth2PermissionGrants"] if row["consentType"] != "Principal"
        ]
        build.grant(payroll(build)["appId"], "Mail.Read")

    difference = diff(before(), after(change))
    (permission,) = of(difference, "permission")
    assert (permission.before["consent"], permission.after["consent"]) == ("users", "admin")
    assert (permission.before["status"], permission.after["status"]) == ("partly-consented", "granted")
    new, gone = of(difference, "consent")
    assert (new.kind, gone.kind) == ("new", "gone")
    assert new.summary == (
        "Payroll was granted the delegated permission Mail.Read on Microsoft Graph for all users, where single users had"
        " consented before."
    )
    assert gone.before["consent"] == "user"
    assert difference.changes.index(new) < difference.changes.index(gone)


def test_another_scope_in_the_same_grant_and_one_more_user() -> None:
    def change(build: TenantBuilder) -> None:
        build.data["oauth2PermissionGrants"][-1]["scope"] = "Mail.Read  Files.Read.All"
        build.grant(payroll(build)["appId"], "mail.read", user="bob")

    difference = diff(before(), after(change))
    assert [(one.kind, one.after["permission"]) for one in of(difference, "consent")] == [
        ("new", "Files.Read.All"),
        ("new", "mail.read"),
    ]
    counted = next(one for one in of(difference, "permission") if one.kind == "changed")
    assert (dict(counted.before), dict(counted.after)) == ({"consented_users": 1}, {"consented_users": 2})


def test_a_grant_that_names_somebody_else() -> None:
    def change(build: TenantBuilder) -> None:
        build.data["oauth2PermissionGrants"][-1].update(consentType="AllPrincipals", principalId=None)

    (changed,) = of(diff(before(), after(change)), "consent")
    assert changed.kind == "changed"
    assert (changed.before["consent"], changed.after) == ("user", {"consent": "admin", "principal_id": None})


def test_credentials_added_removed_and_renewed() -> None:
    def change(build: TenantBuilder) -> None:
        app = payroll(build)
        app["passwordCredentials"][0]["endDateTime"] = "2027-12-31T00:00:00Z"
        app["federatedIdentityCredentials"][0]["subject"] = "repo:evil/fork"
        app["keyCredentials"].append(
            {
                "keyId": "11111111-1111-1111-1111-111111111111",
                "usage": "Verify",
                "type": "AsymmetricX509Cert",
                "displayName": "CN=x",
                "startDateTime": "2026-01-01T00:00:00Z",
                "endDateTime": "2027-01-01T00:00:00.9Z",
            }
        )

    other = after(change)
    new, trusted, renewed = of(diff(before(), other), "credential")
    assert new.summary == "Payroll: the certificate CN=x is new; its end is 2027-01-01T00:00:00Z."
    assert trusted.after == {"subject": "repo:evil/fork"}
    assert renewed.after == {"end_at": "2027-12-31T00:00:00Z"}
    gone = next(one for one in of(diff(other, before()), "credential") if one.kind == "gone")
    assert gone.key == new.key


def test_a_directory_role() -> None:
    def change(build: TenantBuilder) -> None:
        build.directory_role(payroll(build)["appId"], "Global Administrator")

    (role,) = of(diff(before(), after(change)), "directory role")
    assert role.summary == "Payroll holds the directory role Global Administrator."
    assert len(role.key) == 3


def test_policies_are_compared_by_their_conditions() -> None:
    def change(build: TenantBuilder) -> None:
        policy = build.data["conditionalAccessPolicies"][0]
        policy["state"] = "disabled"
        policy["conditions"]["users"]["excludeUsers"] = ["b", "a"]
        policy["conditions"]["invented"] = None
        build.policy("Another", "enabled", grant=("mfa",))

    new, changed = sorted(of(diff(before(), after(change)), "policy"), key=lambda one: one.kind, reverse=True)
    assert new.after["state"] == "enabled"
    assert dict(changed.before) == {"state": "enabled", "conditions.users.excludeUsers": None}
    assert dict(changed.after) == {"state": "disabled", "conditions.users.excludeUsers": ["a", "b"]}
    assert changed.display_name == "Block robots"
    assert changed.app_id is None

    def reorder(build: TenantBuilder) -> None:
        change(build)
        build.data["conditionalAccessPolicies"][0]["conditions"]["users"]["excludeUsers"].reverse()

    assert diff(after(change), after(reorder)) == Difference((), ())


def test_findings_by_fingerprint_new_first_and_gone_last() -> None:
    def change(build: TenantBuilder) -> None:
        principal(build)["accountEnabled"] = False

    other = after(change)
    difference = diff(before(), other)
    first = difference.changes[0]
    assert (first.kind, first.thing, first.after["check"]) == ("new", "finding", "sign-in-blocked")
    assert first.summary.startswith("New finding, high: ")
    back = diff(other, before())
    assert (back.changes[-1].thing, back.changes[-1].kind) == ("finding", "gone")


def test_a_finding_that_a_waiver_no_longer_covers_has_changed() -> None:
    data = tenant(lambda build: principal(build).update(accountEnabled=False)).data
    covered, open_again = (
        Side.of_run(run_of(data, waivers=[Waiver("sign-in-blocked", "agreed", expires=NOW.date() + days)]))
        for days in (timedelta(1), timedelta(-1))
    )
    (finding,) = diff(covered, open_again).changes
    assert (finding.kind, dict(finding.before), dict(finding.after)) == ("changed", {"waived": True}, {"waived": False})


# --- what is not known ---------------------------------------------------------------------------------------------

GAPS = [
    ("identity/conditionalAccess/policies", {"policy"}),
    ("oauth2PermissionGrants", {"permission", "consent"}),
    ("servicePrincipals/appRoleAssignedTo", {"permission", "consent"}),
    ("applications/federatedIdentityCredentials", {"credential"}),
    ("roleManagement/directory/roleAssignments", {"directory role"}),
    ("applications", {"app", "permission", "credential"}),
    ("servicePrincipals", {"app", "permission", "consent", "credential", "directory role"}),
]


@pytest.mark.parametrize(("source", "things"), GAPS, ids=[source for source, _ in GAPS])
@pytest.mark.parametrize("through_file", [False, True])
def test_what_one_side_did_not_read_is_neither_new_nor_gone(source: str, things: set[str], through_file: bool) -> None:
    state = SourceState(source, "denied", detail="Graph refused", permission="Some.Permission")
    run = run_of(tenant().data, {source: state})
    blind = as_file(run) if through_file else Side.of_run(run)
    for side, difference in (("new", diff(before(), blind)), ("old", diff(blind, before()))):
        known = [change for change in difference.changes if change.thing != "finding"]
        assert known == []
        missing = [gap for gap in difference.gaps if gap.thing != "finding" and gap.about == source]
        assert {gap.thing for gap in missing} == things
        assert {gap.side for gap in missing} == {side}
        assert all("Graph refused" in gap.reason for gap in missing)
        lost = {change.kind for change in difference.changes}
        assert ("gone" if side == "new" else "new") not in lost


def test_a_source_that_neither_side_read_is_named_once_for_both() -> None:
    run = run_of(tenant().data, ("identity/conditionalAccess/policies",))
    difference = diff(Side.of_run(run), as_file(run))
    assert difference.changes == ()
    (gap,) = [gap for gap in difference.gaps if gap.thing == "policy"]
    assert (gap.side, gap.about) == ("both", "identity/conditionalAccess/policies")
    assert "conditional-access" in {gap.about for gap in difference.gaps if gap.thing == "finding"}


def test_delegated_grants_are_compared_where_assignments_are_not_known() -> None:
    blind = Side.of_run(run_of(tenant().data, ("servicePrincipals/appRoleAssignedTo",)))
    other = after(lambda build: build.grant(payroll(build)["appId"], "Files.Read.All"))
    difference = diff(blind, other)
    assert [change.after["type"] for change in difference.changes if change.thing == "consent"] == ["delegated"]


def test_a_check_that_was_not_assessed_loses_no_finding() -> None:
    data = tenant(lambda build: principal(build).update(accountEnabled=False)).data
    seen = Side.of_run(run_of(data))
    run = run_of(data, ("identity/conditionalAccess/policies",))
    difference = diff(seen, Side.of_run(run))
    assert not [change for change in difference.changes if change.kind == "gone"]
    (gap,) = [gap for gap in difference.gaps if gap.about == "conditional-access"]
    assert (gap.thing, gap.side) == ("finding", "new")
    assert "are not called gone" in gap.reason


def test_a_status_that_one_side_cannot_know_is_a_gap() -> None:
    def change(build: TenantBuilder) -> None:
        build.app("Reader", requests=[("Calendars.Read", "delegated")])

    known = after(change)
    unknown = after(change, unread=("policies/authorizationPolicy",))
    difference = diff(known, unknown)
    assert [one for one in difference.changes if one.thing == "permission"] == []
    assert any(gap.thing == "permission" and "status" in gap.reason and gap.side == "new" for gap in difference.gaps)


def test_an_older_file_without_directory_roles_says_so() -> None:
    data = orjson.loads(report())
    for member in ("directory_roles", "scope", "baseline", "changes", "not_compared"):
        del data[member]
    (gap,) = diff(Side.of_report(data), before()).gaps
    assert (gap.thing, gap.side) == ("directory role", "old")


def test_declared_calls() -> None:
    build = tenant()
    app_id = payroll(build)["appId"]

    def side(*calls: str, data: dict[str, Any] | None = None) -> Side:
        declared = {app_id: DeclaredApp(app_id, "app-only", calls)} if calls else {}
        return Side.of_run(run_of(data or build.data, apps=declared))

    def revoke(one: TenantBuilder) -> None:
        one.data["appRoleAssignments"].clear()
        one.data["roleAssignments"].clear()  # a directory role could open the call as well

    revoked = tenant(revoke)
    difference = diff(side("GET /users"), side("GET /users", data=revoked.data))
    verdict = next(one for one in difference.changes if one.thing == "prediction")
    assert (verdict.kind, verdict.before["verdict"], verdict.after["verdict"]) == ("changed", "allowed", "denied")
    assert verdict.key == (app_id, "app-only", "GET /users")
    more = diff(side("GET /users"), side("GET /users", "GET /groups"))
    (call,) = [one for one in more.changes if one.thing == "prediction"]
    assert call.kind == "new"
    assert "was not declared before" in call.summary
    nothing = diff(side("GET /groups"), side())
    assert [gap.thing for gap in nothing.gaps] == ["prediction"]
    assert not [one for one in nothing.changes if one.kind == "gone"]


def test_limited_sides_compare_the_apps_they_share() -> None:
    build = tenant(lambda one: one.app("Canteen"))
    canteen, wages = (
        next(app["appId"] for app in build.data["applications"] if app["displayName"] == name)
        for name in ("Canteen", "Payroll")
    )
    whole = run_of(build.data)
    limited = run_of(build.data, app_ids=frozenset({wages}))
    assert as_file(limited).scope == {wages}
    for sides in ((Side.of_run(whole), as_file(limited)), (as_file(limited), Side.of_run(whole))):
        assert diff(*sides) == Difference((), ())
    other = Side.of_run(run_of(build.data, app_ids=frozenset({canteen})))
    with pytest.raises(InputError, match=rf"no app in common.*{wages}.*{canteen}"):
        diff(as_file(limited), other)


def test_two_tenants_are_refused_and_both_named() -> None:
    other = Side.of_run(run_of(TenantBuilder("Fabrikam", "11111111-aaaa-bbbb-cccc-222222222222").data))
    with pytest.raises(InputError, match=r"3fa1d6b2.*Contoso.*11111111-aaaa.*Fabrikam"):
        diff(before(), other)


@pytest.mark.parametrize(
    "name",
    ["</script><img onerror=x>", "=cmd|'/c calc'!A1", "\u202egnihtemos", "\x1b[31m\nred", "x" * 10_000, "| a | b |"],
)
def test_hostile_names_stay_text_and_sentences_stay_short(name: str) -> None:
    def change(build: TenantBuilder) -> None:
        app = build.app("Canteen", requests=[("Mail.Read", "delegated")])
        build.grant(app, name.split(maxsplit=1)[0])
        for record in (*build.data["applications"], *build.data["servicePrincipals"]):
            if record["displayName"] == "Canteen":
                record["displayName"] = name
        build.policy(name, "enabled", grant=("block",))

    difference = diff(before(), after(change))
    assert {change.thing for change in difference.changes} >= {"app", "permission", "consent", "policy", "credential"}
    assert all(len(change.summary) < 1000 for change in difference.changes)
    assert name in {change.display_name for change in difference.changes}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: [], "not what was expected"),
        (lambda data: {**data, "schema_version": 2}, "schema version 2, expected 1"),
        (lambda data: {**data, "apps": {}}, "not what was expected"),
        (lambda data: {**data, "apps": [1]}, "not what was expected"),
        (lambda data: {**data, "apps": [{**data["apps"][0], "app_id": ["x"]}]}, "not what was expected"),
        (lambda data: {**data, "permissions": [{}]}, "not what was expected"),
        (lambda data: {**data, "collected_at": "yesterday"}, "not what was expected"),
        (lambda data: {**data, "scope": "all"}, "not what was expected"),
        (lambda data: {**data, "coverage": None}, "not what was expected"),
        (lambda data: {"schema_version": 1, "sources": []}, "give the snapshot's folder"),
    ],
)
def test_files_that_are_no_audit(tmp_path: Any, spoil: Any, words: str) -> None:
    file = tmp_path / "audit.json"
    file.write_bytes(orjson.dumps(spoil(orjson.loads(report()))))
    with pytest.raises(InputError, match=words) as refused:
        read_side(file, lambda snapshot: pytest.fail("no snapshot"))
    assert str(refused.value).startswith(str(file))


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe", b"[" * 100_000, b'{"schema_version": 1, "x": "\\ud800"}', b"\x00\x01"]
)
def test_files_that_are_no_json(tmp_path: Any, raw: bytes) -> None:
    file = tmp_path / "audit.json"
    file.write_bytes(raw)
    with pytest.raises(InputError, match="not what was expected"):
        read_side(file, lambda snapshot: pytest.fail("no snapshot"))


def test_a_file_that_powershell_redirected_is_read(tmp_path: Any) -> None:
    file = tmp_path / "audit.json"
    file.write_text(report().decode(), encoding="utf-16")
    assert diff(before(), read_side(file, lambda snapshot: pytest.fail("no snapshot"))) == Difference((), ())


# --- laws ----------------------------------------------------------------------------------------------------------

_ID = st.sampled_from(["a", "b", "c", ""])
_WORD = st.one_of(st.none(), st.sampled_from(["x", "y", "", "\x00", "é", "NaN", "x old"]))
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": _WORD,
    "boolean": st.one_of(st.none(), st.booleans()),
    "Int64": st.one_of(st.none(), st.integers(0, 2)),
    "json": st.one_of(st.none(), st.dictionaries(st.sampled_from("pq"), st.one_of(st.none(), st.lists(st.sampled_from("mn")), st.dictionaries(st.sampled_from("r"), st.booleans())))),
}  # fmt: skip
_TIME = st.one_of(
    st.none(), st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2027-01-01T00:00:00Z"])
)
_NEVER_MISSING = {"type": ["delegated", "application"], "holder": ["application", "service-principal"], "kind": ["secret", "certificate", "federated"]}  # fmt: skip


def _rows(thing: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    columns = COLUMNS[thing]  # type: ignore[index]
    fields = {
        name: st.sampled_from(_NEVER_MISSING[name]) if name in _NEVER_MISSING else _VALUES.get(dtype, _TIME)
        for name, dtype in columns.items()
    }
    return st.lists(st.fixed_dictionaries(fields), max_size=5)


_MEMBERS = {
    "app": "apps", "permission": "permissions", "consent": "consents", "credential": "credentials", "finding": "findings",
    "directory role": "directory_roles", "policy": "conditional_access", "prediction": "predictions",
}  # fmt: skip
_SOURCES = sorted({source for source, _ in GAPS} | {"roleManagement/directory/roleDefinitions"})


@st.composite
def sides(draw: st.DrawFn) -> Side:
    status = st.sampled_from(["read", "read", "read", "read", "denied", "failed"])
    outcome = st.sampled_from(["fail", "pass", "not-assessed"])
    data: dict[str, Any] = {
        "tenant": {"id": "t", "display_name": "T"},
        "collected_at": "2026-11-22T15:00:00Z",
        "tool": {"version": "1"},
        "coverage": [
            {"source": source, "status": draw(status), "detail": None, "affects": ["x"]} for source in _SOURCES
        ],
        "checks": [{"check": check, "outcome": draw(outcome), "reason": "because"} for check in ("x", "y")],
    }
    data |= {member: draw(_rows(thing)) for thing, member in _MEMBERS.items()}
    return Side.of_report(data)


@settings(max_examples=15, deadline=None)
@given(sides())
def test_nothing_differs_from_itself(side: Side) -> None:
    assert diff(side, side).changes == ()


@settings(max_examples=25, deadline=None)
@given(sides(), sides())
def test_the_way_back_is_the_mirror(old: Side, new: Side) -> None:
    there, back = diff(old, new), diff(new, old)
    mirror = {"new": "gone", "gone": "new", "changed": "changed"}

    def told(change: Change) -> tuple[str, ...]:
        return change.kind, change.thing, repr(change.key), repr(change.before), repr(change.after)

    def turned(change: Change) -> tuple[str, ...]:
        return mirror[change.kind], change.thing, repr(change.key), repr(change.after), repr(change.before)

    assert Counter(map(told, there.changes)) == Counter(map(turned, back.changes))
    turn = {"old": "new", "new": "old", "both": "both"}
    assert Counter((gap.thing, gap.side, gap.about) for gap in there.gaps) == Counter(
        (gap.thing, turn[gap.side], gap.about) for gap in back.gaps
    )
    assert there == diff(old, new)
    for change in there.changes:
        assert orjson.dumps(change.to_row())
        assert (change.kind == "new") == (not change.before) or change.kind == "changed"


def test_clocks_are_of_each_side() -> None:
    assert before().collected_at == NOW
    assert before().collected_at.tzinfo == UTC
