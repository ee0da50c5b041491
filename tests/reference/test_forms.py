"""The other form of a permission."""

from __future__ import annotations

import pytest

from auditor.reference.forms import counterpart, covered, is_offered


@pytest.mark.parametrize(
    ("permission", "form", "expected"),
    [
        ("User.Read.All", "delegated", ("User.Read.All",)),
        ("Chat.Read", "delegated", ("Chat.Read.All",)),
        ("Files.Read", "delegated", ("Files.Read.All",)),
        ("Mail.Read.Shared", "delegated", ("Mail.Read",)),
        ("Chat.Read.All", "application", ("Chat.Read",)),
        ("Application.ReadWrite.OwnedBy", "application", ("Application.ReadWrite.All",)),
        ("ChannelMessage.Send", "delegated", ()),  # Teamwork.Migrate.All is for imports
        ("Notes.Read.All", "delegated", ()),  # OneNote answers no app-only call any more
        ("Calls.Initiate.All", "application", ()),
        ("No.Such.Permission", "delegated", ()),
    ],
)
def test_counterpart(permission: str, form: str, expected: tuple[str, ...]) -> None:
    assert counterpart(permission, form).permissions == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("permission", "missing"),
    [("ChannelMessage.Send", True), ("Printer.Create", True), ("User.Read", False), ("No.Such.Permission", False)],
)
def test_missing_needs_calls_that_prove_it(permission: str, missing: bool) -> None:
    assert counterpart(permission, "delegated").is_missing is missing


@pytest.mark.parametrize(
    ("permission", "held", "expected"),
    [
        ("Mail.Read", {"Mail.ReadWrite"}, "all"),
        ("GroupMember.Read.All", {"Group.Read.All"}, "all"),
        ("User.Read.All", {"Directory.Read.All"}, "some"),
        ("Mail.Send", {"Mail.ReadWrite"}, "none"),
        ("User.Read.All", set(), "none"),
        ("No.Such.Permission", {"User.Read.All"}, "unknown"),
    ],
)
def test_covered(permission: str, held: set[str], expected: str) -> None:
    assert covered(permission, frozenset(held), "application") == expected


def test_offered_is_live_and_working() -> None:
    assert is_offered("User.Read.All", "application")
    assert not is_offered("User.Read", "application")
    assert not is_offered("Teamwork.Migrate.All", "application")
    assert is_offered("Notes.Read.All", "delegated")
