"""Everyday calls, each with the least permission that Microsoft's page of the API documents: the table ``data/everyday.txt``.

With it granted no call is denied, and nearly all are allowed; requested alone it lacks consent; the other type is the wrong
one; without any it is missing.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Literal

import pytest

from auditor.emulator.build import App, TenantBuilder
from auditor.predict.verdict import Flow, Prediction
from auditor.tenant.tables import Tenant
from tests.predict.asking import ask, names_both
from tests.support import load_tenant

Kind = Literal["delegated", "application"]
FLOWS: dict[Kind, Flow] = {"delegated": "delegated", "application": "app-only"}
OTHER: dict[Kind, Kind] = {"delegated": "application", "application": "delegated"}
KINDS: tuple[Kind, ...] = ("delegated", "application")


def table() -> list[tuple[str, dict[Kind, str | None]]]:
    lines = (Path(__file__).parent / "data" / "everyday.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return [
        (call, {"delegated": None if mine == "-" else mine, "application": None if theirs == "-" else theirs})
        for call, mine, theirs in rows
    ]


ROWS = table()
GATED = re.compile(r"(Mail|MailboxSettings|Calendars|Contacts|OnlineMeetings|ChannelMessage\.Read|Chat\.Read)")
"""Application permissions behind a second system that no directory shows."""
OTHERS_MAIL = re.compile(r"\w+ /users/\{id\}/(messages|mailFolders|sendMail|calendar|calendarView|events|contacts)")
ABOUT_ME = re.compile(r"\w+ /me(/|$)")
FOR_ADMINS = re.compile(
    r"(POST|PUT|DELETE|PATCH) /users|POST /(groups$|applications$|servicePrincipals|oauth2PermissionGrants)|GET /oauth2PermissionGrants"
    r"|\w+ /(deviceManagement|deviceAppManagement|auditLogs|reports|security|identityProtection|identity|roleManagement|admin)/"
)
"""Delegated calls that hang on the roles of whoever signs in."""


class World:
    """One tenant with an app for each permission of the table: granted, requested only; and one app with nothing."""

    def __init__(self) -> None:
        builder = TenantBuilder()
        self.apps: dict[tuple[Kind, str, bool], App] = {}
        for _, needed in ROWS:
            for kind in KINDS:
                permission = needed[kind]
                for granted in (True, False):
                    if permission is None or (kind, permission, granted) in self.apps:
                        continue
                    name = f"App {kind} {permission} {granted}"
                    app = builder.app(name, requests=[(one, kind) for one in permission.split("+")])
                    self.apps[kind, permission, granted] = builder.consent(app) if granted else app
        self.bare = builder.app("Bare app")
        self.tenant: Tenant = load_tenant(builder.data)

    def ask(self, call: str, kind: Kind, app: App) -> Prediction:
        return ask(self.tenant, app, call, FLOWS[kind])


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_the_table_is_large() -> None:
    assert len(ROWS) > 190
    assert len({call for call, _ in ROWS}) == len(ROWS)
    assert sum(needed["application"] is not None for _, needed in ROWS) > 120


@pytest.mark.parametrize("kind", KINDS)
def test_granted(world: World, kind: Kind) -> None:
    """None is denied, and what depends depends on a second system or on who signs in."""
    allowed = 0
    for call, needed in ROWS:
        permission = needed[kind]
        if permission is None:
            continue
        answer = world.ask(call, kind, world.apps[kind, permission, True])
        if answer.verdict == "allowed":
            allowed += 1
            assert set(answer.granted_by) & set(permission.split("+")), call
            assert (answer.check, answer.http_status, answer.error_code) == (None, None, None)
            assert answer.needs == ()
            assert permission.split("+")[0] in answer.reason
            continue
        assert answer.verdict == "depends", f"{call} with {permission}: {answer.verdict} {answer.reason}"
        if kind == "application":
            assert answer.check == ("directory-role-missing" if call == "DELETE /users/{id}" else "workload-policy")
            assert GATED.match(permission) or call == "DELETE /users/{id}", f"{call}: {answer.reason}"
        elif permission == "Files.ReadWrite.AppFolder":
            assert answer.check == "workload-policy"
        else:
            # Another mailbox takes the .Shared twin of a permission.
            expected = "permission-missing" if OTHERS_MAIL.match(call) else "user-privilege"
            assert answer.check == expected, f"{call}: {answer.reason}"
            assert OTHERS_MAIL.match(call) or FOR_ADMINS.match(call), f"{call}: {answer.reason}"
    assert allowed > (90 if kind == "application" else 140)


def test_requested_only(world: World) -> None:
    """Without consent: an application permission denies; a delegated one that users may consent to depends on them."""
    for call, needed in ROWS:
        for kind in KINDS:
            permission = needed[kind]
            if permission in (None, "Files.ReadWrite.AppFolder"):
                continue
            app = world.apps[kind, str(permission), False]
            answer = world.ask(call, kind, app)
            case = f"{call} with {permission}: {answer}"
            assert names_both(answer, app, call) or call.startswith("POST /subscriptions"), case
            assert set(answer.needs) & {permission, *str(permission).split("+"), str(permission).replace("+", " + ")}, (
                case
            )
            assert answer.granted_by == (), case
            if kind == "application":
                assert (answer.verdict, answer.check) == ("denied", "consent-missing"), case
                assert answer.http_status in (401, 403), case
            else:
                assert answer.check in ("consent-missing", "consent-blocked"), case
                assert answer.verdict == "denied" or answer.error_code == "AADSTS65001", case
                assert answer.http_status == 400, case
                assert (answer.check != "consent-blocked") or "consent-missing" in answer.also, case


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_type(world: World, kind: Kind) -> None:
    seen: Counter[str | None] = Counter()
    for call, needed in ROWS:
        permission = needed[OTHER[kind]]
        if permission is None:
            continue
        app = world.apps[OTHER[kind], permission, True]
        answer = world.ask(call, kind, app)
        if permission == "Files.ReadWrite.AppFolder":
            continue
        seen[answer.check] += 1
        case = f"{call} {kind}: {answer}"
        assert names_both(answer, app, call) or call.startswith("POST /subscriptions"), case
        assert answer.verdict == "denied", case
        if kind == "application" and ABOUT_ME.match(call):
            assert (answer.check, answer.http_status) == ("delegated-only-api", 400), case
        elif needed[kind] is None and "subscriptions" not in call:
            only = {"delegated-only-api"} if kind == "application" else {"application-only-api"}
            assert answer.check in only | {"permission-type-mismatch", "permission-missing"}, case
        elif "subscriptions" not in call:
            assert answer.check in ("permission-type-mismatch", "permission-missing"), case
            assert answer.http_status == 403 or answer.error_code == "NoPermissionsInAccessToken", case
    assert seen["permission-type-mismatch"] > 100


@pytest.mark.parametrize("kind", KINDS)
def test_no_permission_at_all(world: World, kind: Kind) -> None:
    """Denied, unless the right may come from Exchange, one team, or a group that the app owns."""
    for call, needed in ROWS:
        answer = world.ask(call, kind, world.bare)
        case = f"{call} {kind}: {answer}"
        assert names_both(answer, world.bare, call) or call.startswith("POST /subscriptions"), case
        assert answer.granted_by == (), case
        if answer.verdict != "denied":
            assert kind == "application" and answer.verdict == "depends", case
            assert "workload-policy" in (answer.check, *answer.also) or "owner of the group" in answer.reason, case
        if needed[kind] is not None:
            assert answer.check in {"permission-missing", "workload-policy"}, case
            assert answer.needs, case
        elif answer.check not in ("permission-missing", "workload-policy"):
            assert answer.check == ("delegated-only-api" if kind == "application" else "application-only-api"), case
