"""Tenant files: what is refused, and relative dates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor.emulator import Emulator, Tls, tenantfile
from auditor.emulator.build import TenantBuilder
from auditor.errors import InputError, UsageError

TENANT = {"id": "11111111-2222-3333-4444-555555555555", "displayName": "T"}
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[]", "the top level must be an object"),
        ("{}", "'tenant' must be an object with 'id' (a GUID) and 'displayName' (a text)"),
        ('{"tenant": {"id": "x", "displayName": "T"}}', "'tenant' must be an object"),
        ('{"tenant": %s, "apps": []}', "unknown key 'apps'"),
        ('{"tenant": %s, "users": {}}', "'users' must be a list"),
        ('{"tenant": %s, "users": [1]}', "'users' entry 0 must be an object"),
        ('{"tenant": %s, "users": [{}]}', "'users' entry 0 needs an 'id'"),
        ('{"tenant": %s, "applications": [{"id": "1"}]}', "'applications' entry 0 needs 'appId'"),
        (
            '{"tenant": %s, "applications": [{"id": "1", "appId": "2", "owners": [7]}]}',
            "'applications' entry 0: 'owners'",
        ),
        ('{"tenant": %s, "appRoleAssignments": [{"id": "1"}]}', "'appRoleAssignments' entry 0 needs 'principalId'"),
        ('{"tenant": %s, "authorizationPolicy": []}', "'authorizationPolicy' must be an object"),
        ('{"tenant": %s, "secrets": {"a": "b"}}', "'secrets' must map app ids to lists of texts"),
        ('{"tenant": ', "is not JSON"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "tenant.json"
    file.write_text(content.replace("%s", json.dumps(TENANT)))
    with pytest.raises(InputError) as caught:
        tenantfile.load(file)
    message = str(caught.value)
    assert expected in message
    assert str(file) in message
    assert "\n" not in message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read tenant file .*nowhere"):
        tenantfile.load(tmp_path / "nowhere.json")


def test_built_tenants_load(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    file.write_text(json.dumps(TenantBuilder().data))
    loaded = tenantfile.load(file)
    assert "@now" not in json.dumps(loaded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@now", "2026-11-22T15:00:00Z"),
        ("@now-30d", "2026-10-23T15:00:00Z"),
        ("@now+400d", "2027-12-27T15:00:00Z"),
        ("@now-2h", "2026-11-22T13:00:00Z"),
        ("@now+1w", "2026-11-29T15:00:00Z"),
        ("@now-90s", "2026-11-22T14:58:30Z"),
        ("@now-999999w", "@now-999999w"),
        ("@nowhere", "@nowhere"),
        ("@now-30x", "@now-30x"),
        ("see @now-30d", "see @now-30d"),
        ('"@now-30d"', '"@now-30d"'),
        ('\\"@now-30d\\"', '\\"@now-30d\\"'),
    ],
)
def test_relative_dates(text: str, expected: str) -> None:
    rows: list[dict[str, Any]] = [{"id": "1", "passwordCredentials": [{"endDateTime": text}]}]
    prepared = tenantfile.prepare({"tenant": TENANT, "users": rows}, now=NOW)
    assert prepared["users"][0]["passwordCredentials"][0]["endDateTime"] == expected
    assert rows[0]["passwordCredentials"][0]["endDateTime"] == text


def test_rows_without_ids_get_lasting_ones() -> None:
    grant = {"clientId": "1", "consentType": "AllPrincipals", "resourceId": "2", "scope": "User.Read"}
    found = []
    for _ in range(2):
        with Emulator({"tenant": TENANT, "oauth2PermissionGrants": [grant]}) as emulator:
            from tests.emulator.caller import Caller

            found += Caller(emulator).get("/oauth2PermissionGrants").ids
    assert found[0] == found[1]


def test_smallest_tenant_has_what_every_tenant_has() -> None:
    from tests.emulator.caller import Caller

    with Emulator({"tenant": TENANT}) as emulator:
        caller = Caller(emulator)
        assert caller.get("/organization").ids == [TENANT["id"]]
        assert caller.get("/policies/authorizationPolicy").status == 200
        assert caller.get("/policies/adminConsentRequestPolicy").json["isEnabled"] is False
        assert emulator.defects == []


def test_taken_port_and_bad_certificate_are_errors_of_use(tmp_path: Path) -> None:
    with Emulator({"tenant": TENANT}) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"cannot listen on port {port}"):
            Emulator({"tenant": TENANT}, port=port).start()
    with pytest.raises(UsageError, match="not running"):
        _ = emulator.url
    with pytest.raises(InputError, match="cannot use the TLS files"):
        Emulator({"tenant": TENANT}, tls=Tls(tmp_path / "c.pem", tmp_path / "k.pem"))
    with pytest.raises(InputError, match="has no user 'Nobody'"):
        emulator.token(user="Nobody")
