"""Facts of the sheets: what is derived from the run, and policies in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.tenant.columns import APPS
from reports import columns, policy_text
from reports.overview import coverage_sentence, failing_apps, gaps, unread_among
from tests.reports import sample


def rows(sheet: columns.Sheet, run: object) -> list[dict[str, object]]:
    return [dict(zip(sheet.headers, row, strict=True)) for row in sheet.rows(run)]  # type: ignore[arg-type]


def test_unknown_is_empty_and_false_is_false() -> None:
    by_permission = {(row["App name"], row["Permission"]): row for row in rows(columns.PERMISSIONS, sample.calm())}
    assert by_permission["Mail Bot", "Calendars.Read"]["Granted"] is None
    assert by_permission["Mail Bot", "Calendars.Read"]["Status"] is None
    assert by_permission["Payroll Sync", "Mail.Read"]["Granted"] is False
    assert by_permission["Mail Bot", "Mail.Read"]["Requested"] is None
    assert by_permission["Mail Bot", "Mail.Read"]["Consented users"] == 3


def test_findings_carry_state_resource_name_and_commands() -> None:
    found = rows(columns.FINDINGS, sample.calm())
    assert [row["State"] for row in found] == ["new", "new", "new", "new", "known", "waived", "new"]
    assert found[0]["Resource"] == "Microsoft Graph"
    assert str(found[0]["Commands"]).count("\n") == 1
    assert found[0]["Evidence"] == "requested: yes\ngranted: no\nscopes seen: User.Read; openid"
    assert found[2]["Resource"] is None


def test_apps_count_open_findings_and_name_the_worst() -> None:
    by_name = {row["App name"]: row for row in rows(columns.APPS, sample.calm())}
    assert (by_name["Payroll Sync"]["Open findings"], by_name["Payroll Sync"]["Worst severity"]) == (2, "critical")
    # Mail Bot's other finding is waived.
    assert (by_name["Mail Bot"]["Open findings"], by_name["Mail Bot"]["Worst severity"]) == (1, "medium")
    assert by_name["Mail Bot"]["Created"] is None
    assert by_name["HR Portal"]["Created"] == datetime(2025, 1, 31, 8, tzinfo=UTC)
    assert by_name["HR Portal"]["Web redirect URIs"] == "https://app.example/cb; https://app.example/cb2"


def test_where_checks_gave_no_answer_the_apps_say_so() -> None:
    assert {row["Checks not assessed"] for row in rows(columns.APPS, sample.calm())} == {0}
    assert {row["Checks not assessed"] for row in rows(columns.APPS, sample.partial())} == {2}
    sentence = "2 of 8 checks were not assessed: the absence of findings there means nothing."
    assert (columns.APPS.gap(sample.partial()), columns.FINDINGS.gap(sample.partial())) == (sentence, sentence)
    assert columns.APPS.gap(sample.calm()) == columns.FINDINGS.gap(sample.calm()) == ""


def test_tables_are_in_the_order_people_read_them() -> None:
    named = [(row["Worst severity"], row["App name"]) for row in rows(columns.APPS, sample.calm())]
    assert named == [
        ("critical", "Payroll Sync"),
        ("high", "Backup Agent"),
        ("high", "HR Portal"),
        ("medium", "Mail Bot"),
    ]
    permissions = [(row["App name"], row["Permission"]) for row in rows(columns.PERMISSIONS, sample.calm())]
    assert permissions == sorted(permissions)
    for sheet in (columns.CREDENTIALS, columns.CONSENTS):
        names = [str(row["App name"]) for row in rows(sheet, sample.calm())]
        assert names == sorted(names)
    calm = sample.calm()
    apps = sample.table(APPS, [sample.app(name) for name in ("app 10", "Zeta", "App 9", "alpha")])
    plain = replace(calm, findings=[], apps=apps)
    assert [row["App name"] for row in rows(columns.APPS, plain)] == ["alpha", "App 9", "app 10", "Zeta"]


def test_the_worst_open_finding_of_a_check_is_told() -> None:
    worst = {row["Check"]: row["Worst finding"] for row in rows(columns.CHECKS, sample.calm())}
    assert worst["consent-missing"] == "critical"
    assert worst["conditional-access"] == "info"
    assert worst["permission-excess"] is None  # its only finding is waived


def test_gaps_are_grouped_by_what_would_close_them() -> None:
    run = sample.partial()
    needing = [
        replace(one, outcome="not-assessed", meta=replace(one.meta, sources=("identity/conditionalAccess/policies",)))
        for one in run.checks[:3]
    ]
    assert [(gap.wanted, len(gap.checks)) for gap in gaps(replace(run, checks=needing))] == [
        ("Grant Policy.Read.All", 3)
    ]
    broken = [replace(one, outcome="error", reason="the check broke.") for one in run.checks[:1]]
    assert [gap.wanted for gap in gaps(replace(run, checks=broken))] == ["The check broke"]
    assert gaps(sample.calm()) == []


def test_credentials_say_how_many_days_are_left() -> None:
    found = {row["Key ID"]: (row["Days left"], row["State"]) for row in rows(columns.CREDENTIALS, sample.calm())}
    assert found == {"k1": (-21, "expired"), "k2": (17, "ends soon"), "k3": (None, "does not expire")}


def test_waivers_hold_dates() -> None:
    found = rows(columns.WAIVERS, sample.calm())
    assert found[0]["Expires"] == date(2027, 6, 30)
    assert found[0]["App name"] == "Mail Bot"
    assert found[1]["Expires"] is None


def test_conditional_access_is_told_in_words() -> None:
    (row,) = rows(columns.CONDITIONAL_ACCESS, sample.calm())
    assert row["Users"] == "All"
    assert row["Users except"] == "Groups: 9c1d; 9c1e".replace("Groups", "groups")
    assert (
        row["Resources"]
        == f"Payroll Sync ({sample.guid('Payroll Sync')}); application filter: mode: include; rule: x -eq 1"
    )
    assert row["Workload identities"] == "ServicePrincipalsInMyTenant"
    assert row["Other conditions"] == (
        "client apps: browser; mobileAppsAndDesktopClients\nlocations: locations: All; except locations: AllTrusted\n"
        "new condition: deep: a: 1; yes"
    )
    assert row["Grant controls"] == "mfa and compliantDevice and authentication strength Phishing-resistant MFA"
    assert row["Session controls"] == "sign in frequency: value: 4; type: hours"


@pytest.mark.parametrize(
    "odd", [None, "text", 7, [], ["a"], {"users": "x", "applications": [1], "clientAppTypes": None}, {"": {}}]
)
def test_a_policy_of_any_shape_is_told_without_breaking(odd: object) -> None:
    for text in (
        policy_text.included(odd, "users", {}), policy_text.excluded(odd, "applications", {}), policy_text.other_conditions(odd, {}),
        policy_text.grant_controls(odd), policy_text.session_controls(odd),
    ):  # fmt: skip
        assert isinstance(text, str)


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("builtInControls", "operator", "termsOfUse", "customAuthenticationFactors", "authenticationStrength")
            + ("users", "applications", "clientApplications", "clientAppTypes", "platforms", "signInFrequency"),
            _ANY_JSON,
        ),
    )
)
def test_wrong_types_anywhere_in_a_policy_are_told_without_breaking(odd: dict[str, object]) -> None:
    test_a_policy_of_any_shape_is_told_without_breaking(odd)


@pytest.mark.parametrize(
    ("controls", "told"),
    [
        ({"builtInControls": 5, "termsOfUse": 6}, "5 or terms of use 6"),
        ({"builtInControls": "mfa", "authenticationStrength": "strong"}, "mfa or authentication strength strong"),
        ("block", "block"),
    ],
)
def test_controls_of_a_wrong_type_are_seen(controls: object, told: str) -> None:
    assert policy_text.grant_controls(controls) == told


def test_conditions_of_a_wrong_type_are_seen() -> None:
    assert policy_text.included({"users": "everybody"}, "users", {}) == "everybody"
    assert policy_text.other_conditions(["odd"], {}) == "odd"
    assert policy_text.session_controls("odd") == "odd"


def test_a_policy_nested_without_end_is_told_as_far_as_it_makes_sense() -> None:
    deep: object = "bottom"
    for _ in range(2000):
        deep = [deep]
    told = policy_text.other_conditions({"a": deep, "b": {"includeX": deep, "y": deep}}, {})
    assert told.count("[nested deeper than 40 levels]") == 3
    assert "bottom" not in told


def test_apps_that_will_fail_first_are_those_with_an_http_error() -> None:
    assert [(app.display_name, app.severity, app.findings) for app in failing_apps(sample.calm())] == [
        ("Payroll Sync", "critical", 2), ("HR Portal", "high", 1), ("Mail Bot", "medium", 1),
    ]  # fmt: skip


def test_coverage_names_what_is_missing_and_why() -> None:
    assert coverage_sentence(sample.calm()) == "All 8 checks assessed. 3 of 3 sources read."
    assert coverage_sentence(sample.partial()) == (
        "6 of 8 checks assessed; 2 not, because identity/conditionalAccess/policies was denied; it needs the permission Policy.Read.All "
        "(conditional-access); the check stopped with KeyError: 'x' (wrong-resource). 2 of 3 sources read."
    )
    assert unread_among(sample.partial(), columns.CONDITIONAL_ACCESS.sources) == ["identity/conditionalAccess/policies"]
    assert unread_among(sample.calm(), columns.CONDITIONAL_ACCESS.sources) == []
