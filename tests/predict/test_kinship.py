"""Permissions that include others by their names, and what such a likeness does to a verdict."""

from __future__ import annotations

import pytest

from auditor.emulator.build import TenantBuilder
from auditor.predict.kinship import includes, nearly_met
from auditor.reference.claims import Authorization
from tests.predict.asking import ask


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        ("Mail.ReadWrite", "Mail.Read", True),
        ("Mail.Read", "Mail.ReadBasic", True),
        ("Mail.Read", "Mail.ReadWrite", False),
        ("Mail.Read", "Mail.Read", False),
        ("Mail.Send", "Mail.Read", False),
        ("Mail.Read", "Mail.Send", False),
        ("User.Read.All", "User.ReadBasic.All", True),
        ("User.Read.All", "User.Read", True),
        ("User.Read", "User.Read.All", False),
        ("User.ReadWrite", "User.Read.All", False),
        ("Files.ReadWrite.All", "Files.Read", True),
        ("Files.Read.All", "Sites.Read.All", False),
        ("Sites.FullControl.All", "Sites.Manage.All", True),
        ("Directory.Read.All", "User.Read.All", True),
        ("Directory.Read.All", "Domain.Read.All", True),
        ("Directory.Read.All", "Mail.Read.All", False),
        ("Directory.Read.All", "User.ReadWrite.All", False),
        ("Directory.ReadWrite.All", "Group.Read.All", True),
        ("Directory.ReadWrite.All", "Group.ReadWrite.All", False),
        ("Application.ReadWrite.OwnedBy", "Application.Read.All", False),
        ("Sites.Selected", "Sites.Read.All", False),
        ("", "", False),
    ],
)
def test_includes(held: str, wanted: str, expected: bool) -> None:
    assert includes(held, wanted) is expected


def test_pairs_are_never_nearly_met() -> None:
    single = Authorization("User.Read.All", False, ())
    pair = Authorization("User.Read.All", False, ("Group.Read.All",))
    assert nearly_met([single], ["User.ReadWrite.All", "Mail.Send"]) == ("User.ReadWrite.All",)
    assert nearly_met([pair], ["User.ReadWrite.All"]) == ()


@pytest.mark.parametrize(
    ("permission", "verdict"), [("Directory.Read.All", "depends"), ("User.Read.All", "denied"), ("Mail.Send", "denied")]
)
def test_a_wider_permission_leaves_it_open(permission: str, verdict: str) -> None:
    """The map asks for Domain.Read.All; Directory.Read.All includes it by its name."""
    builder = TenantBuilder()
    app = builder.consent(builder.app("Reader", requests=[(permission, "application")]))
    answer = ask(builder.data, app, "GET /domains/{id}/verificationDnsRecords")
    assert (answer.verdict, answer.check) == (verdict, "permission-missing")
    assert ("by its name" in answer.reason) is (verdict == "depends")
    assert answer.needs[0] == "Domain.Read.All"


def test_fields_have_lists_of_their_own() -> None:
    """User.ReadWrite.All sets no password, whatever its name."""
    builder = TenantBuilder()
    app = builder.consent(builder.app("Writer", requests=[("User.ReadWrite.All", "application")]))
    assert ask(builder.data, app, "PATCH /users/{id} {passwordProfile}").verdict == "denied"
