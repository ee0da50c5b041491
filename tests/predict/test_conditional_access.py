"""Conditional Access in the way of one call: denied only where no way to sign in is left, nothing for healthy apps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.emulator.baseline import ROLES
from auditor.emulator.build import ARM, EXCHANGE, GRAPH, SHAREPOINT, App, TenantBuilder
from auditor.predict.call import Call
from auditor.predict.conditional_access import obstacles, unread
from auditor.predict.verdict import Account, Flow, Obstacle, Question
from auditor.tenant.tables import Tenant
from tests.support import load_tenant

WEB = ("https://app.example/signin",)
NATIVE = ("http://localhost",)
MAIL = (GRAPH, "Mail.Read")
ALICE = "alice@contoso.example"
BREAK_GLASS = "3fa1d6b2-5c2e-4c55-9d6f-c0ffee00aaaa"
TEAM = "3fa1d6b2-5c2e-4c55-9d6f-c0ffee00bbbb"
OFFICE_ONLY = {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}


def row(table: Any) -> Any:
    return next(table.itertuples(index=False), None)


def of(
    data: dict[str, Any] | Tenant,
    app: App,
    flow: str = "delegated",
    *,
    pairs: Sequence[tuple[str, str]] = (MAIL,),
    user: str | None = None,
    account: Account = "work",
) -> list[Obstacle]:
    """The obstacles of a call of this app that needs these permissions."""
    tenant = data if isinstance(data, Tenant) else load_tenant(data, users=[user] if user else [])
    question = Question(app.app_id, Call("GET /me", "GET", "/me"), cast(Flow, flow), account=account)
    person = row(tenant.users) if user else None
    return obstacles(row(tenant.apps[tenant.apps["app_id"] == app.app_id]), question, frozenset(pairs), tenant, person)


def seen(found: list[Obstacle]) -> list[tuple[str, str | None]]:
    assert all(one.check == "conditional-access" and one.http_status == 400 for one in found)
    return [(one.certainty, one.error_code) for one in found]


def with_alice(builder: TenantBuilder, **raw: Any) -> str:
    return builder.user("Alice", **{"userPrincipalName": ALICE, **raw})


def unattended(builder: TenantBuilder) -> App:
    """Users can only use a device code or a username and password."""
    return builder.app("Tool", fallback=True, requests=[("Mail.Read", "delegated")])


def service_account(builder: TenantBuilder) -> App:
    """Declared to sign users in, without any redirect URI: a username and password."""
    return builder.app("Service account", requests=[("Mail.Read", "delegated")])


HEALTHY: dict[str, dict[str, Any]] = {
    "web": {"web": WEB},
    "spa": {"spa": WEB},
    "native": {"public": NATIVE},
    "native that also allows public client flows": {"public": NATIVE, "fallback": True},
    "middle tier": {"publishes": [("access_as_user", "delegated")]},
}


@pytest.mark.parametrize("app", HEALTHY)
@pytest.mark.parametrize(
    ("grant", "conditions"),
    [
        (["mfa"], {}),
        (["mfa", "compliantDevice"], {}),
        (["compliantDevice"], {"locations": OFFICE_ONLY}),
        (["compliantDevice"], {"users": {"includeUsers": [], "includeGroups": [TEAM]}}),
        (["passwordChange"], {"userRiskLevels": ["high"]}),
        (["block"], {"signInRiskLevels": ["high"]}),
        (["block"], {"clientAppTypes": ["exchangeActiveSync", "other"]}),
        (["block"], {"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}),
        (["block"], {"authenticationFlows": {"transferMethods": "authenticationTransfer"}}),
        (["block"], {"platforms": {"includePlatforms": ["all"], "excludePlatforms": ["windows", "macOS"]}}),
        (["block"], {"users": {"includeUsers": [], "includeGroups": [TEAM]}}),
        (["block"], {"users": {"includeUsers": ["GuestsOrExternalUsers"]}}),
        (["block"], {"applications": {"includeApplications": [ARM]}}),
        (["block"], {"applications": {"includeApplications": ["MicrosoftAdminPortals"]}}),
        (["block"], {"applications": {"includeApplications": ["All"], "excludeApplications": ["Office365", "{app}"]}}),
        (["approvedApplication", "compliantApplication"], {"platforms": {"includePlatforms": ["android", "iOS"]}}),
    ],
)
@pytest.mark.parametrize("user", [None, ALICE])
def test_healthy_interactive_apps_have_nothing(app: str, grant: Any, conditions: Any, user: str | None) -> None:
    builder = TenantBuilder()
    with_alice(builder)
    built = builder.app("App", requests=[("Mail.Read", "delegated")], **HEALTHY[app])
    named: dict[str, Any] = {
        key: {name: [built.app_id if one == "{app}" else one for one in value] for name, value in condition.items()}
        if key == "applications"
        else condition
        for key, condition in conditions.items()
    }
    builder.policy("Policy", grant=grant, **named)
    assert of(builder.data, built, user=user) == []


@pytest.mark.parametrize("app", HEALTHY)
@pytest.mark.parametrize(
    ("grant", "conditions"),
    [
        (["compliantDevice"], {"users": {"excludeUsers": [BREAK_GLASS]}}),
        ({"operator": "AND", "builtInControls": ["mfa", "compliantDevice"]}, {}),
        (["domainJoinedDevice"], {}),
    ],
)
def test_the_state_of_the_device_leaves_a_healthy_app_open(app: str, grant: Any, conditions: Any) -> None:
    builder = TenantBuilder()
    built = builder.app("App", requests=[("Mail.Read", "delegated")], **HEALTHY[app])
    builder.policy("Policy", grant=grant, **conditions)
    (found,) = of(builder.data, built)
    assert (found.certainty, found.check) == ("possible", "conditional-access")
    assert "device" in found.reason


@pytest.mark.parametrize(("app", "expected"), [("middle tier", 1), ("web", 0), ("native", 0)])
def test_a_block_by_place_meets_a_server_in_the_middle(app: str, expected: int) -> None:
    builder = TenantBuilder()
    built = builder.app("App", requests=[("Mail.Read", "delegated")], **HEALTHY[app])
    builder.policy("Policy", grant=["block"], locations=OFFICE_ONLY)
    found = of(builder.data, built)
    assert [one.error_code for one in found] == ["AADSTS53003"] * expected


@pytest.mark.parametrize(
    ("grant", "conditions", "expected"),
    [
        (["mfa"], {}, ("likely", "AADSTS50076")),
        (["compliantDevice"], {}, ("likely", "AADSTS53000")),
        (["domainJoinedDevice"], {}, ("likely", "AADSTS53001")),
        (["block"], {}, ("likely", "AADSTS53003")),
        (["mfa"], {"locations": OFFICE_ONLY}, ("possible", "AADSTS50076")),
        (["block"], {"locations": OFFICE_ONLY}, ("possible", "AADSTS53003")),
        (["block"], {"platforms": {"includePlatforms": ["linux"]}}, ("possible", "AADSTS53003")),
        (["mfa"], {"users": {"excludeUsers": [BREAK_GLASS]}}, ("possible", "AADSTS50076")),
        (["mfa"], {"users": {"includeUsers": [], "includeGroups": [TEAM]}}, ("possible", "AADSTS50076")),
        (["mfa"], {"users": {"includeUsers": [], "includeRoles": [ROLES["User Administrator"]]}}, ("possible", "AADSTS50076")),
        (["mfa"], {"applications": {"includeApplications": [EXCHANGE]}}, ("likely", "AADSTS50076")),
        (["mfa"], {"applications": {"includeApplications": ["Office365"]}}, ("likely", "AADSTS50076")),
        (["mfa"], {"applications": {"includeApplications": [SHAREPOINT]}}, None),
        (["mfa"], {"users": {"includeUsers": ["None"]}}, None),
        (["mfa"], {"signInRiskLevels": ["medium"]}, None),
    ],
)  # fmt: skip
def test_a_username_and_password(grant: Any, conditions: Any, expected: tuple[str, str] | None) -> None:
    builder = TenantBuilder()
    app = service_account(builder)
    policy = builder.policy("Policy", grant=grant, **conditions)
    assert seen(of(builder.data, app)) == ([expected] if expected else [])
    policy["state"] = "enabledForReportingButNotEnforced"
    assert of(builder.data, app) == []


def test_a_device_code_can_give_mfa_and_a_password_cannot() -> None:
    builder = TenantBuilder()
    app = unattended(builder)
    builder.policy("MFA")
    (found,) = of(builder.data, app)
    assert found.certainty == "possible"
    assert "whether the app signs in by device code instead" in found.reason


def test_two_policies_leave_no_way() -> None:
    """Neither denies alone: one stops the device code, the other the password."""
    builder = TenantBuilder()
    app = unattended(builder)
    flow: dict[str, Any] = {"authenticationFlows": {"transferMethods": "deviceCodeFlow"}}
    policy = builder.policy("No device code", grant=["block"], **flow)
    assert seen(of(builder.data, app)) == [("possible", "AADSTS53003")]
    builder.policy("MFA")
    assert sorted(seen(of(builder.data, app))) == [("likely", "AADSTS50076"), ("likely", "AADSTS53003")]
    policy["conditions"]["users"]["excludeUsers"] = [BREAK_GLASS]
    assert {certainty for certainty, _ in seen(of(builder.data, app))} == {"possible"}


@pytest.mark.parametrize(
    ("types", "app", "certainty"),
    [
        (["all"], {"web": WEB}, "likely"),
        (["browser"], {"web": WEB}, "likely"),
        (["browser"], {"web": WEB, "public": NATIVE}, "possible"),
        (["browser"], {"public": NATIVE}, None),
        (["mobileAppsAndDesktopClients"], {"public": NATIVE}, "likely"),
    ],
)
def test_a_policy_that_blocks_everybody(types: list[str], app: dict[str, Any], certainty: str | None) -> None:
    builder = TenantBuilder()
    built = builder.app("App", **app)
    builder.policy("Closed", grant=["block"], clientAppTypes=types)
    assert seen(of(builder.data, built)) == ([(certainty, "AADSTS53003")] if certainty else [])


@pytest.mark.parametrize(
    ("users", "alice", "role", "certainty"),
    [
        ({}, {}, None, "certain"),
        ({"includeUsers": ["{alice}"]}, {}, None, "certain"),
        ({"includeUsers": [BREAK_GLASS]}, {}, None, None),
        ({"excludeUsers": ["{alice}"]}, {}, None, None),
        ({"excludeUsers": [BREAK_GLASS]}, {}, None, "certain"),
        ({"excludeGroups": [TEAM]}, {}, None, "possible"),
        ({"excludeRoles": [ROLES["User Administrator"]]}, {}, "User Administrator", None),
        ({"excludeRoles": [ROLES["User Administrator"]]}, {}, None, "certain"),
        ({"includeUsers": [], "includeRoles": [ROLES["User Administrator"]]}, {}, "User Administrator", "certain"),
        ({"includeUsers": [], "includeRoles": [ROLES["User Administrator"]]}, {}, None, None),
        ({"includeUsers": [], "includeGroups": [TEAM]}, {}, None, None),
        ({"includeUsers": ["GuestsOrExternalUsers"]}, {}, None, None),
        ({"includeUsers": ["GuestsOrExternalUsers"]}, {"userType": "Guest"}, None, "certain"),
        ({"includeUsers": [], "includeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "internalGuest,b2bCollaborationGuest",
          "externalTenants": {"membershipKind": "all"}}}, {"userType": "Guest"}, None, "certain"),
        ({"excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "serviceProvider",
          "externalTenants": {"membershipKind": "enumerated", "members": [BREAK_GLASS]}}}, {}, None, "certain"),
        ({"excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "b2bCollaborationGuest"}}, {"userType": "Guest"}, None, "possible"),
    ],
)  # fmt: skip
def test_a_known_user(users: dict[str, Any], alice: dict[str, Any], role: str | None, certainty: str | None) -> None:
    builder = TenantBuilder()
    alice_id = with_alice(builder, **alice)
    if role:
        builder.directory_role(alice_id, role)
    named = {
        key: [alice_id if one == "{alice}" else one for one in value] if isinstance(value, list) else value
        for key, value in users.items()
    }
    app = builder.app("Web", web=WEB)
    builder.policy("Closed", grant=["block"], users=named)
    assert seen(of(builder.data, app, user=ALICE)) == ([(certainty, "AADSTS53003")] if certainty else [])


def test_a_role_on_an_administrative_unit_is_none_to_a_policy() -> None:
    builder = TenantBuilder()
    builder.directory_role(with_alice(builder), "User Administrator", scope=f"/administrativeUnits/{TEAM}")
    app = service_account(builder)
    builder.policy("Admins", users={"includeUsers": [], "includeRoles": [ROLES["User Administrator"]]})
    assert of(builder.data, app, user=ALICE) == []


def test_a_known_user_makes_an_unattended_app_sure() -> None:
    builder = TenantBuilder()
    with_alice(builder)
    app = service_account(builder)
    builder.policy("MFA", users={"excludeUsers": [BREAK_GLASS]})
    assert seen(of(builder.data, app, user=ALICE)) == [("likely", "AADSTS50076")]
    (found,) = of(builder.data, app, user=ALICE)
    assert found.reason == (
        f"The policy MFA demands multifactor authentication of {ALICE} for Exchange Online, which sign-in by username and "
        "password cannot give."
    )


def test_somebody_who_is_not_in_the_tenant_counts_as_unknown() -> None:
    builder = TenantBuilder()
    app = service_account(builder)
    builder.policy("MFA", users={"excludeUsers": [BREAK_GLASS]})
    assert seen(of(builder.data, app, user="nobody@contoso.example")) == [("possible", "AADSTS50076")]


@pytest.mark.parametrize("app", [{"web": WEB}, {"fallback": True}])
def test_the_service_behind_a_permission_is_not_known(app: dict[str, Any]) -> None:
    builder = TenantBuilder()
    built = builder.app("App", **app)
    builder.policy("Office", grant=["block"], applications={"includeApplications": ["Office365"]})
    found = of(builder.data, built, pairs=[(GRAPH, "AuditLog.Read.All")])
    assert [one.certainty for one in found] == (["possible"] if "fallback" in app else [])
    assert all("it is not known whether the service behind AuditLog.Read.All" in one.reason for one in found)


def test_a_web_app_that_a_policy_names_is_the_resource_of_its_own_sign_in() -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB)
    native = builder.app("Native", public=NATIVE)
    both = builder.app("Both", web=WEB, public=NATIVE)
    named = [web.app_id, native.app_id, both.app_id]
    builder.policy("Closed", grant=["block"], applications={"includeApplications": named})
    assert seen(of(builder.data, web)) == [("likely", "AADSTS53003")]
    assert of(builder.data, native) == []
    assert seen(of(builder.data, both)) == [
        ("possible", "AADSTS53003")
    ]  # the native client asks for no ID token of its own


def test_security_defaults() -> None:
    builder = TenantBuilder()
    apps = [builder.app(name, **app) for name, app in HEALTHY.items()]
    app = service_account(builder)
    builder.data["identitySecurityDefaultsEnforcementPolicy"]["isEnabled"] = True
    tenant = load_tenant(builder.data)
    assert seen(of(tenant, app)) == [("possible", "AADSTS50076")]
    assert [of(tenant, one) for one in apps] == [[]] * len(apps)


def test_personal_accounts_and_app_only_calls_are_none_of_a_user_policys() -> None:
    builder = TenantBuilder()
    app = unattended(builder)
    builder.policy("Closed", grant=["block"])
    assert of(builder.data, app, account="personal") == []
    assert of(builder.data, app, "app-only") == []
    assert seen(of(builder.data, app)) == [("likely", "AADSTS53003")]


@pytest.mark.parametrize(
    ("named", "conditions", "certainty"),
    [
        (True, {}, "likely"),
        (False, {}, "likely"),
        (True, {"locations": OFFICE_ONLY}, "possible"),
        (False, {"locations": OFFICE_ONLY}, "possible"),
        (True, {"servicePrincipalRiskLevels": ["high"]}, "possible"),
        (False, {"servicePrincipalRiskLevels": ["high"]}, None),
        (True, {"applications": {"includeApplications": [SHAREPOINT]}}, None),
    ],
)
def test_workload_policies(named: bool, conditions: Any, certainty: str | None) -> None:
    builder = TenantBuilder()
    app = builder.app("Daemon")
    other = builder.app("Other")
    builder.workload_policy("Policy", *([app] if named else []), **conditions)
    tenant = load_tenant(builder.data)
    assert seen(of(tenant, app, "app-only")) == ([(certainty, "AADSTS53003")] if certainty else [])
    assert bool(of(tenant, other, "app-only")) is (certainty is not None and not named)
    assert of(tenant, app) == []


def test_workload_policies_hit_only_own_single_tenant_service_principals() -> None:
    builder = TenantBuilder()
    multi = builder.app("Multi", audience="AzureADMultipleOrgs")
    apps = [multi, builder.managed_identity("func"), builder.external("Vendor")]
    builder.workload_policy("Policy", *apps)
    tenant = load_tenant(builder.data)
    assert [of(tenant, app, "app-only") for app in apps] == [[], [], []]


def test_what_was_not_read() -> None:
    builder = TenantBuilder()
    app = unattended(builder)
    builder.policy("Closed", grant=["block"])
    tenant = load_tenant(builder.data, unread=("identity/conditionalAccess/policies",))
    assert of(tenant, app) == []
    assert unread(tenant)
    assert not unread(load_tenant(builder.data))


# --- random policies over a random app ----------------------------------------------------------------------------

IDS = st.sampled_from(
    [BREAK_GLASS, TEAM, "{alice}", "All", "None", "GuestsOrExternalUsers", ROLES["User Administrator"]]
)
JUNK: st.SearchStrategy[Any] = st.sampled_from([None, 3, "text", [], {}, ["x", 1, None], {"a": []}])
LISTS = st.lists(IDS, max_size=2) | JUNK
USERS = st.fixed_dictionaries(
    {},
    optional={
        **{f"{side}{kind}": LISTS for side in ("include", "exclude") for kind in ("Users", "Groups", "Roles")},
        **{
            f"{side}GuestsOrExternalUsers": JUNK
            | st.fixed_dictionaries(
                {"guestOrExternalUserTypes": st.sampled_from(["internalGuest", "b2bCollaborationGuest,internalGuest", "x"])},
                optional={"externalTenants": JUNK},
            )
            for side in ("include", "exclude")
        },
    },
)  # fmt: skip
TARGETS = st.lists(st.sampled_from(["All", "None", "Office365", EXCHANGE, SHAREPOINT, ARM, "{app}"]), max_size=2)
APPLICATIONS = st.fixed_dictionaries(
    {}, optional={"includeApplications": TARGETS | JUNK, "excludeApplications": TARGETS | JUNK}
)
CLIENTS = st.fixed_dictionaries(
    {},
    optional={
        "includeServicePrincipals": st.lists(st.sampled_from(["{principal}", "ServicePrincipalsInMyTenant"])) | JUNK,
        "servicePrincipalFilter": JUNK,
    },
)
CONDITIONS = JUNK | st.fixed_dictionaries(
    {},
    optional={
        "users": USERS | JUNK,
        "applications": APPLICATIONS | JUNK,
        "clientApplications": CLIENTS | JUNK,
        "clientAppTypes": st.lists(st.sampled_from(["all", "browser", "mobileAppsAndDesktopClients", "other"])) | JUNK,
        "locations": st.just(OFFICE_ONLY) | JUNK,
        "platforms": st.just({"includePlatforms": ["android"]}) | JUNK,
        "authenticationFlows": st.just({"transferMethods": "deviceCodeFlow"}) | JUNK,
        "servicePrincipalRiskLevels": st.just(["high"]) | JUNK,
    },
)
CONTROLS = JUNK | st.fixed_dictionaries(
    {"operator": st.sampled_from(["AND", "OR", None])},
    optional={
        "builtInControls": st.lists(st.sampled_from(["block", "mfa", "compliantDevice", "approvedApplication", "new"])) | JUNK,
        "authenticationStrength": JUNK,
    },
)  # fmt: skip
STATES = st.sampled_from(["enabled", "disabled", "enabledForReportingButNotEnforced", "new", None])
POLICIES = st.lists(st.tuples(STATES, CONDITIONS, CONTROLS), max_size=4)
SHAPES = [*HEALTHY.values(), {"fallback": True}, {}, {"assignment_required": True, "web": WEB, "fallback": True}]
PAIRS = st.frozensets(
    st.sampled_from([MAIL, (GRAPH, "User.Read"), (GRAPH, "AuditLog.Read.All"), (GRAPH, "Nonsense"), (ARM, "x")])
)


def put(value: Any, ids: dict[str, str]) -> Any:
    """A raw value with the ids of this tenant in the places held for them."""
    if isinstance(value, dict):
        return {key: put(one, ids) for key, one in value.items()}
    if isinstance(value, list):
        return [put(one, ids) for one in value]
    return ids.get(value, value) if isinstance(value, str) else value


@settings(max_examples=60, deadline=None)
@given(
    POLICIES,
    st.sampled_from(SHAPES),
    PAIRS,
    st.sampled_from(["delegated", "app-only"]),
    st.sampled_from([None, ALICE, "nobody@contoso.example"]),
)
def test_no_policy_makes_it_raise_and_without_enabled_ones_nothing_is_found(
    policies: list[tuple[Any, Any, Any]], shape: dict[str, Any], pairs: frozenset[Any], flow: str, user: str | None
) -> None:
    builder = TenantBuilder()
    app = builder.app("App", **shape)
    ids = {"{alice}": with_alice(builder), "{app}": app.app_id, "{principal}": str(app.service_principal_id)}
    for number, (state, conditions, controls) in enumerate(policies):
        policy = builder.policy(f"Policy {number}", state)
        policy["conditions"], policy["grantControls"] = put(conditions, ids), put(controls, ids)
    found = of(builder.data, app, flow, pairs=list(pairs), user=user)
    enabled = {f"Policy {number}" for number, (state, _, _) in enumerate(policies) if state == "enabled"}
    assert {one.evidence["policy"] for one in found} <= enabled
    assert all(one.reason.endswith(".") and one.fix for one in found)
