"""workload-policy: granted permissions that a second system decides about."""

from __future__ import annotations

import pytest

from auditor.emulator.build import EXCHANGE, SHAREPOINT, TenantBuilder
from auditor.reference.gates import gates
from tests.support import examine

SLUG = "workload-policy"
WEB = ("https://app.example/signin",)


@pytest.mark.parametrize(
    ("permission", "gate", "severity", "certainty", "status", "code"),
    [
        (("Sites.Selected", "application"), "selected-sites", "info", "possible", 403, "accessDenied"),
        (("Sites.Selected", "delegated"), "selected-sites", "info", "possible", 403, "accessDenied"),
        (("Sites.Selected", "application", SHAREPOINT), "selected-sites", "info", "possible", 403, "accessDenied"),
        (("Lists.SelectedOperations.Selected", "application"), "selected-sites", "info", "possible", 403, "accessDenied"),
        (("Mail.Read", "application"), "exchange-mailboxes", "info", "possible", 403, "ErrorAccessDenied"),
        (("full_access_as_app", "application", EXCHANGE), "exchange-mailboxes", "info", "possible", 403, "ErrorAccessDenied"),
        (("OnlineMeetings.Read.All", "application"), "teams-meetings", "medium", "likely", 403, "Forbidden"),
        (("OnlineMeetingTranscript.Read.All", "application"), "teams-meetings", "medium", "likely", 403, "Forbidden"),
        (("Teamwork.Migrate.All", "application"), "teams-migration", "low", "possible", 401, "Unauthorized"),
        (("ChannelMessage.Read.All", "application"), "teams-messages", "info", "possible", 402, None),
        (("Application.ReadWrite.OwnedBy", "application"), "owned-apps", "info", "possible", 403, "Authorization_RequestDenied"),
        (("eDiscovery.Read.All", "application"), "ediscovery", "low", "possible", None, None),
    ],
)  # fmt: skip
def test_gates(
    permission: tuple[str, str], gate: str, severity: str, certainty: str, status: int | None, code: str | None
) -> None:
    builder = TenantBuilder()
    app = builder.consent(builder.app("App", requests=[permission]))
    (finding,) = examine(SLUG, builder.data).findings
    assert (finding.app_id, finding.subject) == (app.app_id, (gate,))
    assert (finding.severity, finding.certainty) == (severity, certainty)
    assert (finding.http_status, finding.error_code) == (status, code)
    assert finding.permission_type == permission[1]
    assert all("{" not in command.replace("@{", "") for command in finding.remediation.commands)


def test_one_finding_an_app_and_gate() -> None:
    builder = TenantBuilder()
    requests = [("Mail.Read", "application"), ("Calendars.Read", "application"), ("Sites.Selected", "application")]
    builder.consent(builder.app("App", requests=requests))
    by_gate = {finding.subject[0]: finding.evidence["permissions"] for finding in examine(SLUG, builder.data).findings}
    assert by_gate == {"exchange-mailboxes": ["Calendars.Read", "Mail.Read"], "selected-sites": ["Sites.Selected"]}


@pytest.mark.parametrize(
    "requests",
    [
        [("Mail.Read", "delegated")],
        [("OnlineMeetings.Read", "delegated")],
        [("Sites.Selected", "application"), ("Sites.Read.All", "application")],
        [("Sites.Selected", "application"), ("Files.Read.All", "application")],
        [("Sites.Selected", "delegated"), ("Files.ReadWrite.All", "delegated")],
        [("Application.ReadWrite.OwnedBy", "application"), ("Application.ReadWrite.All", "application")],
        [("User.Read.All", "application")],
    ],
)
def test_silent(requests: list[tuple[str, str]]) -> None:
    builder = TenantBuilder()
    builder.consent(builder.app("App", web=WEB, requests=requests))
    assert examine(SLUG, builder.data).findings == []


def test_a_delegated_permission_does_not_carry_the_application_past() -> None:
    builder = TenantBuilder()
    requests = [("Sites.Selected", "application"), ("Sites.Read.All", "delegated")]
    builder.consent(builder.app("App", web=WEB, requests=requests))
    assert len(examine(SLUG, builder.data).findings) == 1


def test_requested_only_and_disabled_apps() -> None:
    builder = TenantBuilder()
    builder.app("Requested", requests=[("Sites.Selected", "application")])
    builder.consent(builder.app("Disabled", requests=[("Sites.Selected", "application")], enabled=False))
    assert examine(SLUG, builder.data).examined == 0


def test_reference_is_sound() -> None:
    assert len({gate.id for gate in gates()}) == len(gates())
    for gate in gates():
        assert gate.url.startswith("https://learn.microsoft.com/")
        for command in gate.commands:
            command.format(app="a", principal="p", graph="g")
