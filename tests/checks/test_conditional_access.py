"""conditional-access: what reaches an app and what its flow cannot give; healthy interactive apps give nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from auditor.audit.check import DeclaredApp
from auditor.emulator.build import AAD_GRAPH, ARM, EXCHANGE, GRAPH, SHAREPOINT, App, TenantBuilder
from auditor.emulator.shapes import grant_controls
from tests.support import examine, load_tenant

SLUG = "conditional-access"
WEB = ("https://app.example/signin",)
NATIVE = ("http://localhost",)
MAIL = [("Mail.Read", "delegated")]
DAEMON = [("User.Read.All", "application")]


def unattended(builder: TenantBuilder, requests: Any = MAIL) -> App:
    """An app whose users can only use a device code or a username and password."""
    return builder.consent(builder.app("App", fallback=True, requests=requests))


def interactive(builder: TenantBuilder) -> None:
    builder.consent(builder.app("Web", web=WEB, requests=MAIL))
    builder.consent(builder.app("Spa", spa=WEB, requests=MAIL))
    builder.consent(builder.app("Native", public=NATIVE, requests=MAIL))
    builder.consent(builder.app("Api", requests=MAIL, publishes=[("access_as_user", "delegated")]))
    builder.grant(builder.external("Vendor"), "Mail.Read")


@pytest.mark.parametrize(
    ("controls", "code"),
    [
        (["mfa"], "AADSTS50076"),
        (["compliantDevice"], "AADSTS53000"),
        (["domainJoinedDevice"], "AADSTS53001"),
        (["mfa", "compliantDevice"], "AADSTS50076"),
    ],
)
def test_interactive_apps_meet_what_people_can_be_asked(controls: list[str], code: str) -> None:
    builder = TenantBuilder()
    interactive(builder)
    builder.policy("Policy", grant=controls)
    assert examine(SLUG, builder.data).findings == []
    app = unattended(builder)
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.app_id, finding.http_status, finding.error_code) == (app.app_id, 400, code)
    assert finding.flow == "delegated"


@pytest.mark.parametrize(
    ("controls", "users", "certainty", "severity"),
    [
        (["compliantDevice"], {}, "likely", "medium"),
        (["compliantDevice"], {"excludeUsers": ["3fa1d6b2-5c2e-4c55-9d6f-c0ffee00aaaa"]}, "possible", "low"),
        (["compliantDevice"], {"includeUsers": [], "includeRoles": ["62e90394-69f5-4237-9190-012177145e10"]}, "possible", "low"),
        (["mfa"], {}, "possible", "low"),  # a device code can meet it, a password cannot
    ],
)  # fmt: skip
def test_how_sure_it_is(controls: list[str], users: dict[str, Any], certainty: str, severity: str) -> None:
    builder = TenantBuilder()
    unattended(builder)
    builder.policy("Policy", grant=controls, users=users)
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.certainty, finding.severity) == (certainty, severity)


def test_operator() -> None:
    builder = TenantBuilder()
    unattended(builder)
    policy = builder.policy("Policy", grant=["mfa", "compliantDevice"])
    (either,) = examine(SLUG, builder.data).findings
    assert set(either.evidence["controls_not_met"]) == {"username and password"}
    policy["grantControls"] = grant_controls("mfa", "compliantDevice", operator="AND")
    (both,) = examine(SLUG, builder.data).findings
    assert set(both.evidence["controls_not_met"]) == {"device code", "username and password"}


def test_declared_flow() -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Service account", requests=MAIL))
    builder.policy("Policy")
    assert examine(SLUG, builder.data).findings == []
    declared = {app.app_id: DeclaredApp(app.app_id, flow="delegated")}
    (finding,) = examine(SLUG, builder.data, apps=declared).findings
    assert (finding.certainty, finding.severity, finding.error_code) == ("likely", "medium", "AADSTS50076")


@pytest.mark.parametrize(
    ("applications", "reached"),
    [
        ({"includeApplications": ["All"]}, ["Exchange Online"]),
        ({"includeApplications": ["Office365"]}, ["Exchange Online"]),
        ({"includeApplications": [EXCHANGE]}, ["Exchange Online"]),
        ({"includeApplications": [GRAPH]}, ["Exchange Online"]),
        ({"includeApplications": [SHAREPOINT]}, None),
        ({"includeApplications": [AAD_GRAPH]}, None),
        ({"includeApplications": [ARM]}, None),
        ({"includeApplications": ["MicrosoftAdminPortals"]}, None),
        ({"includeApplications": ["None"]}, None),
        ({"includeApplications": [], "includeUserActions": ["urn:user:registersecurityinfo"]}, None),
        ({"includeApplications": ["All"], "excludeApplications": [EXCHANGE]}, None),
        ({"includeApplications": ["All"], "excludeApplications": ["Office365"]}, None),
        ({"includeApplications": ["All"], "excludeApplications": [SHAREPOINT]}, ["Exchange Online"]),
        ({"includeApplications": ["Office365"], "excludeApplications": [EXCHANGE]}, None),
    ],
)
def test_reach(applications: dict[str, Any], reached: list[str] | None) -> None:
    builder = TenantBuilder()
    unattended(builder)
    builder.policy("Policy", grant=["compliantDevice"], applications=applications)
    findings = examine(SLUG, builder.data).findings
    assert [finding.evidence["resources_reached"] for finding in findings] == ([reached] if reached else [])


@pytest.mark.parametrize(
    "conditions",
    [
        {"clientAppTypes": ["exchangeActiveSync", "other"]},
        {"clientAppTypes": ["browser"]},
        {"signInRiskLevels": ["high"]},
        {"userRiskLevels": ["high"]},
        {"users": {"includeUsers": ["None"]}},
        {"authenticationFlows": {"transferMethods": "authenticationTransfer"}},
    ],
)
def test_policies_that_leave_the_flow_in_peace(conditions: dict[str, Any]) -> None:
    builder = TenantBuilder()
    unattended(builder)
    builder.policy("Policy", grant=["block"], **conditions)
    assert examine(SLUG, builder.data).findings == []


def test_states() -> None:
    builder = TenantBuilder()
    unattended(builder)
    policy = builder.policy("Policy", grant=["compliantDevice"])
    prints = set()
    for state, severities in (
        ("enabled", ["medium"]),
        ("enabledForReportingButNotEnforced", ["info"]),
        ("disabled", []),
    ):
        policy["state"] = state
        findings = examine(SLUG, builder.data).findings
        assert [finding.severity for finding in findings] == severities
        assert [finding.http_status for finding in findings] == (
            [400] if state == "enabled" else [None] * len(severities)
        )
        prints |= {finding.fingerprint for finding in findings}
    assert len(prints) == 1


def test_nothing_to_apply() -> None:
    builder = TenantBuilder()
    unattended(builder)
    assert examine(SLUG, builder.data).examined == 0
    builder.policy("Session only", grant=None, session={"signInFrequency": {"value": 1, "type": "hours"}})
    assert examine(SLUG, builder.data).examined == 0


@pytest.mark.parametrize(
    ("conditions", "severity", "certainty"),
    [
        ({}, "high", "likely"),
        ({"users": {"excludeUsers": ["3fa1d6b2-5c2e-4c55-9d6f-c0ffee00aaaa"]}}, "medium", "possible"),
        ({"locations": {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}}, None, None),
        ({"platforms": {"includePlatforms": ["android"]}}, None, None),
        ({"users": {"includeUsers": [], "includeGroups": ["3fa1d6b2-5c2e-4c55-9d6f-c0ffee00bbbb"]}}, None, None),
    ],
)
def test_block_concerns_browsers_only_without_further_conditions(
    conditions: dict[str, Any], severity: str | None, certainty: str | None
) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("Web", web=WEB, requests=MAIL))
    builder.policy("Policy", grant=["block"], **conditions)
    findings = examine(SLUG, builder.data).findings
    expected = [(severity, certainty, "AADSTS53003")] if severity else []
    assert [(finding.severity, finding.certainty, finding.error_code) for finding in findings] == expected


def test_a_policy_that_names_a_confidential_client_blocks_its_id_token() -> None:
    builder = TenantBuilder()
    web = builder.consent(builder.app("Web", web=WEB, requests=MAIL))
    native = builder.consent(builder.app("Native", public=NATIVE, requests=MAIL))
    builder.policy("Policy", grant=["block"], applications={"includeApplications": [web.app_id, native.app_id]})
    (finding,) = examine(SLUG, builder.data).findings
    assert finding.app_id == web.app_id


@pytest.mark.parametrize(
    ("app", "severities"),
    [
        ({"fallback": True}, ["medium"]),
        ({"fallback": True, "public": NATIVE}, ["info"]),
        ({"public": NATIVE}, []),
        ({"web": WEB}, []),
    ],
)
def test_device_code_flow(app: dict[str, Any], severities: list[str]) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=MAIL, **app))
    builder.policy(
        "Policy", grant=["block"], authenticationFlows={"transferMethods": "deviceCodeFlow,authenticationTransfer"}
    )
    findings = examine(SLUG, builder.data).findings
    assert [finding.severity for finding in findings] == severities
    assert all(finding.error_code == "AADSTS53003" for finding in findings)


@pytest.mark.parametrize(
    ("app", "controls", "fires"),
    [
        ({"public": NATIVE}, ["approvedApplication", "compliantApplication"], True),
        ({"public": NATIVE}, ["mfa", "compliantApplication"], False),
        ({"web": WEB}, ["approvedApplication"], False),
        ({"spa": WEB}, ["approvedApplication"], False),
    ],
)
def test_app_protection(app: dict[str, Any], controls: list[str], fires: bool) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=MAIL, **app))
    builder.policy("Policy", grant=controls, platforms={"includePlatforms": ["android", "iOS"]})
    findings = examine(SLUG, builder.data).findings
    assert [(one.severity, one.certainty, one.error_code) for one in findings] == (
        [("low", "possible", "AADSTS53002")] if fires else []
    )


@pytest.mark.parametrize(
    ("when", "excluded", "fires"),
    [
        (datetime(2026, 2, 1, tzinfo=UTC), [SHAREPOINT], False),
        (datetime(2026, 6, 1, tzinfo=UTC), [SHAREPOINT], True),
        (datetime(2026, 2, 1, tzinfo=UTC), [], True),
    ],
)
def test_low_privilege_permissions(when: datetime, excluded: list[str], fires: bool) -> None:
    builder = TenantBuilder()
    unattended(builder, [("User.Read", "delegated"), ("openid", "delegated")])
    applications = {"excludeApplications": excluded}
    builder.policy("Policy", grant=["compliantDevice"], applications=applications)
    findings = examine(SLUG, load_tenant(builder.data, now=when)).findings
    assert bool(findings) is fires
    if fires and excluded:
        assert "March 2026" in findings[0].evidence["note"]


@pytest.mark.parametrize(
    ("named", "locations", "severity", "certainty"),
    [
        (True, None, "high", "likely"),
        (False, None, "high", "likely"),
        (True, {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}, "medium", "possible"),
        (False, {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}, "low", "possible"),
    ],
)
def test_workload_identities(named: bool, locations: dict[str, Any] | None, severity: str, certainty: str) -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("Daemon", requests=DAEMON))
    builder.workload_policy("Policy", *([app] if named else []), locations=locations)
    (finding,) = [one for one in examine(SLUG, builder.data).findings if one.app_id == app.app_id]
    assert (finding.severity, finding.certainty) == (severity, certainty)
    assert (finding.http_status, finding.error_code, finding.flow) == (400, "AADSTS53003", "app-only")


def test_workload_policies_hit_only_own_single_tenant_service_principals() -> None:
    builder = TenantBuilder()
    multi = builder.consent(builder.app("Multi", audience="AzureADMultipleOrgs", requests=DAEMON))
    identity, vendor = builder.managed_identity("func"), builder.external("Vendor")
    builder.assign(identity, "User.Read.All")
    builder.assign(vendor, "User.Read.All")
    web = builder.consent(builder.app("Spa", spa=WEB, requests=[*MAIL, *DAEMON]))
    other = builder.consent(builder.app("Other", requests=DAEMON))
    builder.workload_policy("Policy", multi, identity, vendor, web)
    assert examine(SLUG, builder.data).findings == []
    spared = {"excludeServicePrincipals": [other.service_principal_id, builder.auditor.service_principal_id]}
    clients = {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"], **spared}
    builder.workload_policy("All but two", clientApplications=clients)
    builder.workload_policy("On risk", other, servicePrincipalRiskLevels=["high"])
    assert examine(SLUG, builder.data).findings == []


def test_policies_about_users_never_concern_app_only_tokens() -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("Daemon", requests=DAEMON))
    builder.assign(builder.managed_identity("func"), "Mail.Read")
    builder.policy("Policy", grant=["block"])
    assert examine(SLUG, builder.data).findings == []


def test_security_defaults() -> None:
    builder = TenantBuilder()
    interactive(builder)
    app = unattended(builder)
    builder.data["identitySecurityDefaultsEnforcementPolicy"]["isEnabled"] = True
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.app_id, finding.severity, finding.certainty) == (app.app_id, "info", "possible")
    unread = load_tenant(builder.data, unread=("policies/identitySecurityDefaultsEnforcementPolicy",))
    assert not examine(SLUG, unread).findings


@pytest.mark.parametrize(
    "conditions", [None, "text", {"users": None, "applications": []}, {"locations": "x", "users": 3}]
)
def test_odd_shapes_are_survived(conditions: Any) -> None:
    builder = TenantBuilder()
    unattended(builder)
    builder.policy("Policy")["conditions"] = conditions
    assert examine(SLUG, builder.data).findings == []


PLANNER = "09abbdfd-ed23-44ee-a2d9-a627aa1c90f3"


@pytest.mark.parametrize(
    ("types", "app", "expected"),
    [
        (["mobileAppsAndDesktopClients"], {"web": WEB}, None),
        (["mobileAppsAndDesktopClients"], {"spa": WEB}, None),
        (["browser"], {"web": WEB}, ("high", "likely", "every sign-in")),
        (["browser"], {"spa": WEB}, ("high", "likely", "every sign-in")),
        (["browser"], {"public": NATIVE}, None),
        (["mobileAppsAndDesktopClients"], {"public": NATIVE}, ("high", "likely", "every sign-in")),
        (["browser"], {"fallback": True}, None),
        (["mobileAppsAndDesktopClients"], {"fallback": True}, ("high", "likely", "every sign-in")),
        (["browser"], {"web": WEB, "public": NATIVE}, ("medium", "possible", "sign-in by web browser")),
        (["mobileAppsAndDesktopClients"], {"web": WEB, "fallback": True}, ("info", "possible", "sign-in by device code")),
        (["browser", "mobileAppsAndDesktopClients"], {"web": WEB}, ("high", "likely", "every sign-in")),
    ],
)  # fmt: skip
def test_client_types(types: list[str], app: dict[str, Any], expected: tuple[str, str, str] | None) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=MAIL, **app))
    builder.policy("Policy", grant=["block"], clientAppTypes=types)
    findings = examine(SLUG, builder.data).findings
    assert [(one.severity, one.certainty) for one in findings] == ([expected[:2]] if expected else [])
    assert all(expected and expected[2] in one.summary for one in findings)


@pytest.mark.parametrize("types", [["browser"], ["mobileAppsAndDesktopClients"]])
def test_client_types_of_a_registration_that_cannot_be_seen(types: list[str]) -> None:
    builder = TenantBuilder()
    builder.grant(builder.external("Vendor"), "Mail.Read")
    builder.policy("Policy", grant=["block"], clientAppTypes=types)
    (finding,) = examine(SLUG, builder.data).findings
    assert finding.certainty == "possible"
    assert "cannot be seen" in finding.evidence["note"]


@pytest.mark.parametrize(("app", "fires"), [({"public": NATIVE}, True), ({"web": WEB}, True), ({}, False)])
def test_a_username_and_password_beside_redirect_uris(app: dict[str, Any], fires: bool) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", requests=MAIL, fallback=bool(app), **app))
    builder.consent(builder.app("No fallback", requests=MAIL, public=NATIVE))
    builder.policy("Policy")
    findings = examine(SLUG, builder.data).findings
    assert [(one.severity, one.certainty, one.display_name) for one in findings] == (
        [("info", "possible", "App")] if fires else []
    )
    assert all(set(one.evidence["controls_not_met"]) == {"username and password"} for one in findings)


@pytest.mark.parametrize(
    ("applications", "certainty"),
    [
        ({"includeApplications": ["All"]}, "likely"),
        ({"includeApplications": ["All"], "excludeApplications": [EXCHANGE]}, "possible"),
        ({"includeApplications": ["All"], "excludeApplications": [ARM]}, "likely"),  # serves nothing of Graph
        ({"includeApplications": ["Office365"]}, "possible"),
        ({"includeApplications": [SHAREPOINT]}, "possible"),
        ({"includeApplications": [ARM]}, None),
        ({"includeApplications": ["5a1d0000-0000-4000-8000-000000000001"]}, None),  # an app of the tenant
    ],
)
def test_the_service_behind_a_permission_is_not_known(applications: dict[str, Any], certainty: str | None) -> None:
    builder = TenantBuilder()
    unattended(builder, [("AuditLog.Read.All", "delegated")])
    builder.policy("Policy", grant=["compliantDevice"], applications=applications)
    findings = examine(SLUG, builder.data).findings
    assert [finding.certainty for finding in findings] == ([certainty] if certainty else [])
    assert all(
        finding.evidence["resources_reached"] == ["the unknown service behind AuditLog.Read.All"]
        for finding in findings
    )
    for finding in findings:
        assert ("it is not known whether" in finding.evidence.get("note", "")) is (certainty == "possible")
        assert "Microsoft Graph" not in finding.summary


@pytest.mark.parametrize(
    ("permission", "target", "service"),
    [
        ("Tasks.Read", "Office365", "Microsoft Planner and To Do"),
        ("Tasks.Read", PLANNER, "Microsoft Planner and To Do"),
        ("NetworkAccess.Read.All", "9d4afbbc-06a4-49e0-8005-4e5afd1d4fec", "ZTNA Network Access Control Plane"),
        ("NetworkAccess.Read.All", EXCHANGE, None),
    ],
)
def test_services_of_the_provisioning_data(permission: str, target: str, service: str | None) -> None:
    builder = TenantBuilder()
    unattended(builder, [(permission, "delegated")])
    builder.policy("Policy", grant=["compliantDevice"], applications={"includeApplications": [target]})
    findings = examine(SLUG, builder.data).findings
    assert [finding.evidence["resources_reached"] for finding in findings] == ([[service]] if service else [])


def test_low_privilege_permissions_beside_excluded_ones() -> None:
    """What is excluded is no reason to enforce the policy on User.Read: the exemption is about what is reached."""
    builder = TenantBuilder()
    unattended(builder, [("User.Read", "delegated"), ("Mail.Read", "delegated")])
    applications = {"includeApplications": ["All"], "excludeApplications": [EXCHANGE]}
    builder.policy("Policy", grant=["compliantDevice"], applications=applications)
    assert examine(SLUG, load_tenant(builder.data, now=datetime(2026, 2, 1, tzinfo=UTC))).findings == []
    (finding,) = examine(SLUG, load_tenant(builder.data, now=datetime(2026, 6, 1, tzinfo=UTC))).findings
    assert finding.certainty == "possible"
    assert "March 2026" in finding.evidence["note"]


@pytest.mark.parametrize(
    ("applications", "reached"),
    [
        ({"includeApplications": ["{web}"]}, ["Vendor", "Web"]),
        ({"includeApplications": ["All"]}, ["Web"]),
        ({"includeApplications": ["All"], "excludeApplications": ["{web}"]}, []),
        ({"includeApplications": [EXCHANGE]}, []),
    ],
)
def test_web_apps_are_resources_without_any_permission(applications: dict[str, Any], reached: list[str]) -> None:
    builder = TenantBuilder()
    web = builder.app("Web", web=WEB)
    builder.app("Spa", spa=WEB)
    builder.app("Native", public=NATIVE)
    vendor = builder.external("Vendor")
    ids = {"{web}": [web.app_id, vendor.app_id]}
    targets = {key: [one for name in names for one in ids.get(name, [name])] for key, names in applications.items()}
    builder.policy("Policy", grant=["block"], applications=targets)
    findings = sorted(examine(SLUG, builder.data).findings, key=lambda one: str(one.display_name))
    assert [finding.display_name for finding in findings] == reached
    for finding in findings:
        assert finding.certainty == ("likely" if finding.display_name == "Web" else "possible")
