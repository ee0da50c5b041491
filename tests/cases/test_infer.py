"""Facts are read out of prose: general phrases, with their opposites; and a fact that nobody defined is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases.case import Case, Granted, own_cases
from tests.cases.express import express, flow_of, text_of
from tests.cases.facts import Facts, facts_from
from tests.cases.grants import least_set
from tests.cases.infer import infer_facts, phrases

SAID: list[tuple[str, dict[str, Any]]] = [
    ("The enterprise application was disabled by an admin.", {"app": "disabled"}),
    ("accountEnabled is false on the service principal.", {"app": "disabled"}),
    ("The app was not disabled.", {}),
    ("Body sets accountEnabled=false.", {"body": ("accountEnabled",)}),
    ("appRoleAssignmentRequired=true and the user is in no assigned group.", {"app": "unassigned"}),
    ("The service principal does not exist in the customer's tenant.", {"app": "unknown"}),
    ("The permission was removed from the app.", {}),
    ("The client secret had expired the day before.", {"credentials": "expired"}),
    ("The token had expired.", {}),
    ("The secret had not expired.", {}),
    ("The secret expired and a new one was added.", {"credentials": "renewed"}),
    ("Tenant has disabled user consent.", {"user_consent": "off"}),
    ("The permission requires admin consent.", {}),
    ("Company requires admin approval for apps.", {"user_consent": "off"}),
    ("Tenant without Entra ID P1.", {"lacks": ("entra-p1",)}),
    ("Only Entra ID P1 is there, no P2.", {"lacks": ("entra-p2",)}),
    ("Azure AD Free tenant.", {"lacks": ("entra-p1", "entra-p2")}),
    ("No Intune licence in the tenant.", {"lacks": ("intune",)}),
    ("No Intune role was given.", {}),
    ("Mailbox user without an Exchange Online licence.", {"user_lacks": ("exchange",)}),
    ("No Exchange application access policy exists.", {}),
    ("No SharePoint site permission was granted.", {}),
    ("The user's OneDrive was never provisioned.", {"user_lacks": ("sharepoint",)}),
    ("Conditional Access blocks device code flow.", {"policy": "block", "policy_when": "device-code"}),
    (
        "A Conditional Access policy requires MFA outside the corporate network.",
        {"policy": "mfa", "policy_when": "location"},
    ),
    ("Tenant enforces multi-factor authentication.", {"policy": "mfa"}),
    ("No Conditional Access policies in the tenant.", {}),
    ("Policy requires a compliant device.", {"policy": "device"}),
    ("Security defaults are enabled.", {"security_defaults": True}),
    ("Security defaults are off.", {}),
    ("The signed-in user is a guest.", {"guest": True}),
    ("Lists guest users.", {}),
    ("The user holds only the Reports Reader role.", {"user_roles": ("Reports Reader",)}),
    ("Signed in as Global Administrator.", {"user_roles": ("Global Administrator",)}),
    ("Needs the Privileged Role Administrator role.", {}),
    ("The user is not a Global Administrator.", {}),
    ("Service principal has the User Administrator role.", {"app_roles": ("User Administrator",)}),
    ("The signed-in user has no directory role.", {"user_roles": ("none",)}),
    ("Permissions were assigned to a security group that holds the managed identities.", {"through_group": True}),
    ("Only the developer had consented.", {"consented": "another-user"}),
    ("The back end calls Graph on behalf of the user.", {"middle_tier": True}),
    ("Consent on behalf of the organization was given.", {}),
    ("Exchange RBAC for Applications gives the right.", {"elsewhere": ("exchange-rbac",)}),
    ("Site permission was granted to the app on one site.", {"elsewhere": ("site-grant",)}),
    ("The service principal is an owner of the group.", {"owns": ("group",)}),
    ("Body has isAssignableToRole.", {"body": ("isAssignableToRole",)}),
    ("Search with entityTypes of message.", {"body": ("entityTypes=message",)}),
    ("The permission was granted on Windows Azure Active Directory.", {"on_resource": "aad-graph"}),
    ("Secret in use; nothing else is known.", {}),
    ("The company admin disabled the enterprise application.", {"app": "disabled"}),
    ("A vendor disabled its sample app.", {"app": "disabled"}),
    ("Somebody disabled access for the app.", {}),
    ("The admin disabled Application Proxy.", {}),
    ("Users of another tenant sign in, where no service principal exists.", {"app": "unknown"}),
    ("The multi-tenant app of the tool was deleted by its publisher.", {"app": "unknown"}),
    ("The service principal exists.", {}),
    ("An administrator set a policy that prevents users from granting permissions.", {"user_consent": "off"}),
    ("The organisation does not let users consent to apps.", {"user_consent": "off"}),
    ("The organisation lets users consent to apps.", {}),
    ("The tenant in which the app signs in has no SharePoint Online licence.", {"lacks": ("sharepoint",)}),
    ("The tenant in which the app signs in has a SharePoint Online licence.", {}),
    ("Azure AD Basic.", {"lacks": ("entra-p1", "entra-p2")}),
    ("Office 365 licences only.", {"lacks": ("entra-p1", "entra-p2")}),
    ("Signed in with Connect-MgGraph.", {"client": "graph-powershell"}),
    ("Connect-Graph without scopes.", {"client": "graph-powershell"}),
    ("Connect-MgGraph -ClientId of an app registration.", {}),
    ("Graph PowerShell with an own app registration.", {}),
    ("Graph Explorer.", {"client": "graph-explorer"}),
    ("Guest user in the tenant, Graph Explorer.", {"client": "graph-explorer", "guest": True}),
    ("It works in Graph Explorer and fails in the app.", {}),
    ("Azure CLI on a virtual machine.", {"client": "azure-cli"}),
    ("The tool is not the Azure CLI.", {}),
    ("The system-assigned identity has the directory role Directory Writers.", {"app_roles": ("Directory Writers",)}),
    ("The service principal has no directory role.", {}),
    ("No directory role on the service principal.", {}),
    ("Resets a PIN; the service principal has no directory role.", {}),
    ("The tenant wants a managed device.", {"policy": "device"}),
    ("A policy blocks sign-ins from unmanaged devices.", {"policy": "device"}),
    ("Needs the permission for managed devices.", {}),
    (
        "Conditional Access supports some device platforms only.",
        {"policy": "block", "policy_when": "other-platforms"},
    ),
    ("Conditional Access blocks the platform Linux.", {"policy": "block", "policy_when": "platform"}),
    ("Works on all platforms.", {}),
    ("The user in the path is an invited guest.", {"guest": True}),
    ("A Global Administrator signs in.", {"user_roles": ("Global Administrator",)}),
    ("Own objects only; an administrator signs in.", {"user_roles": ("Global Administrator",)}),
    ("The user is no administrator.", {}),
    ("The user is admin of the site.", {}),
    ("The deleted user was a Global Administrator.", {"target": "admin"}),
    ("Signed-in user has no Intune or directory role.", {"user_roles": ("none",)}),
    ("A user shall become owner of an application.", {}),
    ("The service principal is an owner of the app registration.", {"owns": ("application",)}),
    ("Signed in with device code.", {"sign_in": "device-code"}),
    ("The user did not sign in with device code.", {}),
    ("Runs nightly; username and password flow.", {"sign_in": "ropc"}),
    ("Username and a picture are read.", {}),
    ("Users may not create groups.", {"members_create_nothing": True}),
    ("Users may create groups.", {}),
    ("", {}),
]


@pytest.mark.parametrize(("prose", "facts"), SAID)
def test_what_people_say(prose: str, facts: dict[str, Any]) -> None:
    assert infer_facts(prose) == Facts(**facts)


def test_phrases_are_in_the_vocabulary() -> None:
    for one in phrases():
        assert facts_from({one.fact: one.value}, "phrases.toml")


@pytest.mark.parametrize(
    "raw", [{"cause": "consent-missing"}, {"app": "broken"}, {"guest": "yes"}, {"lacks": ["everything"]}]
)
def test_words_outside_the_vocabulary_are_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="own-1: "):
        facts_from(raw, "own-1")


def case(**changes: Any) -> Case:
    plain: dict[str, Any] = {
        "id": "x",
        "source": "",
        "calls": ({"method": "GET", "path": "/users"},),
        "flow": "unknown",
        "credential": "secret",
        "account": "work",
        "resource": "graph",
        "requested": Granted(),
        "granted": Granted(),
        "grants_known": "stated",
        "prose": "",
    }
    return Case(**{**plain, **changes})


@pytest.mark.parametrize(
    ("changes", "flow"),
    [
        ({"flow": "delegated"}, "delegated"),
        ({"granted": Granted(application=("User.Read.All",))}, "app-only"),
        ({"granted": Granted(delegated=("User.Read",))}, "delegated"),
        ({"granted": Granted(("User.Read",), ("User.Read.All",))}, None),
        ({"credential": "managed-identity"}, "app-only"),
        ({"credential": "spa"}, "delegated"),
        ({}, None),
    ],
)
def test_the_flow_follows_from_what_is_known(changes: dict[str, Any], flow: str | None) -> None:
    assert flow_of(case(**changes)) == flow


def test_the_least_set_has_what_is_also_required_and_what_fields_add() -> None:
    assert least_set({"method": "POST", "path": "/servicePrincipals/{id}/appRoleAssignedTo"}, "application") == [
        "AppRoleAssignment.ReadWrite.All",
        "Application.Read.All",
    ]
    found = least_set({"method": "GET", "path": "/users?$select=id,signInActivity"}, "application")
    assert found[-1] == "AuditLog.Read.All"
    assert least_set({"method": "GET", "path": "/nothing/that/exists"}, "application") == []


def test_odd_columns_are_borne() -> None:
    odd = case(calls=(), credential="something new", account="guest", resource="something else", flow="delegated")
    expressed = express(odd)
    assert expressed.texts == ("GET /me",)
    assert expressed.users == ("signed.in_partner.example#EXT#@contoso.onmicrosoft.com",)
    assert expressed.resource == f"api://{expressed.app_id}"
    bare = express(case(calls=({"method": "get", "path": "users"},), flow="app-only", resource="arm"))
    assert (bare.texts, bare.users, bare.resource) == (("GET /users",), (), "arm")


def test_a_call_is_written_as_people_declare_it() -> None:
    call = {"method": "PATCH", "path": "/users/{id}", "version": "beta", "body": ["passwordProfile", "mobilePhone"]}
    assert text_of(call) == "beta:PATCH /users/{id} {passwordProfile, mobilePhone}"


def test_permissions_that_nobody_publishes_are_requested_by_an_unknown_id() -> None:
    expressed = express(case(flow="app-only", requested=Granted(application=("Nothing.Known", "full_access_as_app"))))
    (graph, exchange) = expressed.builder.registration(expressed.app_id)["requiredResourceAccess"]
    assert graph["resourceAppId"].startswith("00000003-0000-0000-c000")
    assert exchange["resourceAppId"].startswith("00000002-0000-0ff1")


def test_own_cases_name_their_source_and_cover_every_cause() -> None:
    own = own_cases()
    assert len(own) >= 60
    assert all(one.source.startswith("https://") for one in own)
    assert len({one.id for one in own}) == len(own)
    assert {one.slug for one in own if one.kind == "fails"} >= {
        "permission-missing",
        "permission-type-mismatch",
        "permission-unknown",
        "consent-missing",
        "consent-partial",
        "consent-blocked",
        "delegated-only-api",
        "application-only-api",
        "directory-role-missing",
        "user-privilege",
        "license-missing",
        "wrong-resource",
        "conditional-access",
        "workload-policy",
        "personal-account",
        "sign-in-blocked",
        "credential-expired",
    }
