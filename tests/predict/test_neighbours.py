"""Calls beside one that the permission data does not list."""

from __future__ import annotations

import pytest

from auditor.emulator.build import TenantBuilder
from auditor.predict.call import parse_call
from auditor.predict.neighbours import neighbours
from tests.predict.asking import WEB, ask


@pytest.mark.parametrize(
    ("call", "permission", "is_there"),
    [
        ("GET /users/{id}/somethingNew/{id}", "User.Read.All", True),
        ("GET /me/calendarSomething", "User.Read", True),
        ("GET /me/messages/{id}/somethingNew", "Mail.Read", True),
        ("GET /me/messages/{id}/somethingNew", "User.Read", False),
        ("POST /groups/{id}/somethingNew", "Group.ReadWrite.All", True),
        ("GET /somethingNew", "User.Read", False),
        ("GET /users/{id}/somethingNew/more", "Mail.Read", False),
    ],
)
def test_neighbours(call: str, permission: str, is_there: bool) -> None:
    found = {way.permission for way in neighbours(parse_call(call), "delegated")}
    assert (permission in found) is is_there


def test_a_neighbour_of_another_service_says_nothing() -> None:
    """A user's profile is not the user's mail."""
    assert neighbours(parse_call("GET /me/mailFolders"), "delegated") != ()
    assert neighbours(parse_call("GET /users/{id}/outlook/somethingNew"), "application") == ()


@pytest.mark.parametrize(("permission", "needs_it"), [("User.Read.All", False), ("Mail.Send", True)])
def test_what_a_neighbour_makes_of_a_verdict(permission: str, needs_it: bool) -> None:
    """It never denies, and tells an app that holds what opens the call beside it from one that does not."""
    builder = TenantBuilder()
    app = builder.consent(builder.app("Trier", web=WEB, requests=[(permission, "application")]))
    answer = ask(builder.data, app, "GET /users/{id}/somethingNew")
    assert (answer.verdict, answer.check) == ("depends", "permission-missing")
    assert "does not list GET /users/{id}/somethingNew" in answer.reason
    assert "Trier" in answer.reason
    assert bool(answer.needs) is needs_it
    assert (answer.granted_by == ()) is needs_it
