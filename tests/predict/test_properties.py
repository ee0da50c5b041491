"""What must hold for every call, tenant and question: no crash, more grants never hurt, a reason is one clean sentence."""

from __future__ import annotations

import unicodedata
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.emulator.build import TenantBuilder
from auditor.errors import InputError
from auditor.predict.call import Call, parse_call
from auditor.predict.verdict import Prediction, Question
from auditor.predict.walk import predict, questions
from auditor.reference import catalog
from auditor.tenant.tables import Tenant
from tests.support import COLLECTIONS, load_tenant

HOSTILE = "Evil\nApp\x1b[31m\u202e <b>|`\r\n"
SOURCES = sorted(
    {*COLLECTIONS, "servicePrincipals/appRoleAssignedTo", "applications/federatedIdentityCredentials", "users"}
)
UNREAD: tuple[tuple[str, ...], ...] = (
    (),
    tuple(SOURCES),
    ("servicePrincipals/appRoleAssignedTo",),
    ("oauth2PermissionGrants",),
    ("applications", "applications/federatedIdentityCredentials"),
    ("servicePrincipals",),
    ("subscribedSkus", "roleManagement/directory/roleAssignments", "users"),
    ("identity/conditionalAccess/policies", "policies/authorizationPolicy"),
)
RESOURCES = (
    "graph",
    "aad-graph",
    "exchange",
    "sharepoint",
    "arm",
    "https://graph.microsoft.com",
    "00000003-0000-0000-c000-000000000000",
)
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "PROPFIND")
WORDS = (
    "users",
    "{id}",
    "me",
    "groups",
    "messages",
    "$ref",
    "$count",
    "root:",
    "sites",
    "drive",
    "inbox",
    "applications",
    "x" * 80,
)
APPS = ("Daemon", "Web", "Native", "Spa", "Identity", "External", "Group held", HOSTILE)


@cache
def built(unread: tuple[str, ...]) -> tuple[Tenant, tuple[str, ...]]:
    """A tenant with apps of every kind, and their app ids with one that nobody knows."""
    builder = TenantBuilder("Prop")
    asked = [("User.Read", "delegated"), ("User.Read.All", "application"), ("Mail.Read", "delegated")]
    apps = [
        builder.consent(builder.app("Daemon", requests=asked)),
        builder.app("Web", web=["https://web.example/in"], requests=asked),
        builder.app("Native", public=["http://localhost"], requests=asked),
        builder.app("Spa", spa=["https://spa.example"], requests=asked, assignment_required=True),
        builder.managed_identity("Identity"),
        builder.external("External"),
        builder.app("Off", enabled=False, requests=asked),
        builder.app(HOSTILE, web=["https://evil.example/in"], requests=asked, service_principal=False),
    ]
    builder.grant(apps[1], "User.Read  Mail.Read", user="Ada")
    builder.grant(apps[5], " User.Read Nothing.Known")
    builder.assign(apps[4], "Group.Read.All")
    builder.user("Gus", guest=True)
    builder.policy("Everybody", grant=("mfa",))
    users = tuple(row["userPrincipalName"] for row in builder.data["users"])
    tenant = load_tenant(builder.data, unread, users=(*users, "nobody@nowhere.example"))
    return tenant, (*(app.app_id for app in apps), "7f000000-0000-4000-8000-000000000001")


def calls() -> st.SearchStrategy[Call]:
    """Calls as people write them: from the catalog, from Graph's words, and nonsense that parses."""
    known = st.sampled_from(sorted({f"{method} {template}" for method, template, _ in catalog.load().entries()}))
    words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map("/".join)
    fields = st.sampled_from(
        ["", " {passwordProfile}", " {resource=me/messages}", " {entityTypes=site, isAssignableToRole}"]
    )
    query = st.sampled_from(["", "?$select=signInActivity", "?$filter=a eq 'b'&$expand=manager($select=id)"])
    made = st.tuples(st.sampled_from(["", "beta:"]), st.sampled_from(METHODS), words, query, fields).map(
        lambda parts: f"{parts[0]}{parts[1]} /{parts[2]}{parts[3]}{parts[4]}"
    )
    noise = st.tuples(st.sampled_from(METHODS), st.text(max_size=40)).map(lambda parts: f"{parts[0]} /{parts[1]}")
    return st.one_of(known, made, noise).map(parsed).filter(bool)  # type: ignore[arg-type]


def parsed(text: str) -> Call | None:
    try:
        return parse_call(text)
    except InputError:
        return None


def is_clean(text: str) -> bool:
    """One line, one sentence, nothing that a terminal obeys or that turns text around."""
    plain = not any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in text)
    return plain and text.endswith(".") and bool(text.strip(" .")) and len(text) < 1500


def holds(prediction: Prediction) -> None:
    """What every prediction keeps to."""
    assert is_clean(prediction.reason), prediction.reason
    assert prediction.verdict in ("allowed", "denied", "depends", "unknown")
    if prediction.verdict in ("denied", "depends"):
        assert prediction.check is not None
        assert prediction.check not in prediction.also
    else:
        assert prediction.check is None
        assert prediction.verdict == "unknown" or not prediction.needs
    row = prediction.to_row()
    assert row["call"] == prediction.call.text
    assert len(set(prediction.also)) == len(prediction.also)


@settings(max_examples=400, deadline=None)
@given(
    unread=st.sampled_from(UNREAD),
    number=st.integers(0, 8),
    call=calls(),
    flow=st.sampled_from(["app-only", "delegated"]),
    users=st.lists(
        st.sampled_from(["ada@prop.onmicrosoft.com", "nobody@nowhere.example", "x\ny"]), max_size=2, unique=True
    ),
    account=st.sampled_from(["work", "personal"]),
    resource=st.sampled_from([*RESOURCES, "api:\x1b[31m\u202e", "api://Evil.`|<b>"]),
)
def test_any_question_is_answered(
    unread: tuple[str, ...], number: int, call: Call, flow: str, users: list[str], account: str, resource: str
) -> None:
    tenant, app_ids = built(unread)
    question = Question(app_ids[number], call, flow, tuple(users), account, resource)  # type: ignore[arg-type]
    holds(predict(question, tenant))
    for asked in questions(app_ids[number], [call], flow=None, users=users, tenant=tenant):
        holds(predict(asked, tenant))


@pytest.mark.parametrize("unread", UNREAD[1:])
def test_what_was_not_read_is_never_held_against_an_app(unread: tuple[str, ...]) -> None:
    """Unread grants neither deny a call nor, being unread, allow one."""
    tenant, app_ids = built(unread)
    if "servicePrincipals/appRoleAssignedTo" not in unread:
        return
    answer = predict(Question(app_ids[0], parse_call("GET /users"), "app-only"), tenant)
    assert answer.verdict in ("depends", "unknown")


NAMES = sorted(
    one.name
    for one in catalog.load().permissions()
    if one.application and one.application.id and one.delegated and one.delegated.id
)


def verdict_with(call: Call, flow: str, names: tuple[str, ...]) -> str:
    """The verdict on one app that holds these permissions."""
    builder = TenantBuilder("Grow")
    type_ = "application" if flow == "app-only" else "delegated"
    web = [] if flow == "app-only" else ["https://grow.example/in"]
    app = builder.consent(builder.app("Grow", web=web, requests=[(name, type_) for name in names]))
    return predict(Question(app.app_id, call, flow), load_tenant(builder.data)).verdict  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    drawn=st.sampled_from(sorted({(method, template) for method, template, _ in catalog.load().entries()})),
    flow=st.sampled_from(["app-only", "delegated"]),
    more=st.lists(st.sampled_from(NAMES), max_size=4),
    data=st.data(),
)
def test_more_grants_never_hurt(drawn: tuple[str, str], flow: str, more: list[str], data: st.DataObject) -> None:
    call = parsed(" ".join(drawn))
    assume(call is not None)
    assert call is not None
    listed = (catalog.load().authorizing(*drawn) or {}).get("application" if flow == "app-only" else "delegated", ())
    open_ = [row.permission for row in listed if row.permission in NAMES]
    some = data.draw(st.lists(st.sampled_from(open_), max_size=2)) if open_ else []
    order = ("denied", "unknown", "depends", "allowed")
    few, many = (
        verdict_with(call, flow, tuple(dict.fromkeys(some))),
        verdict_with(call, flow, tuple(dict.fromkeys([*some, *more]))),
    )
    if few == "allowed":
        assert many == "allowed"
    elif few == "depends":
        assert many != "denied"
    assert order.index(many) >= order.index(few) or {few, many} <= {"unknown", "depends", "allowed"}
