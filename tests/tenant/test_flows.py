"""Flows inferred from configuration, through the tenant's apps table."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.emulator.build import TenantBuilder
from tests.support import load_tenant

CALLBACK = ("https://app.example/callback",)


@pytest.mark.parametrize(
    ("arguments", "flows"),
    [
        ({}, ("app-only",)),
        ({"web": CALLBACK}, ("app-only", "delegated")),
        ({"web": CALLBACK, "secret": None}, ("delegated",)),
        ({"spa": CALLBACK}, ("delegated",)),
        ({"public": ("http://localhost",)}, ("delegated",)),
        ({"fallback": True, "secret": None}, ("delegated",)),
        ({"secret": None}, ()),
        ({"secret": "@now-10d"}, ("app-only",)),
        ({"publishes": (("Things.Read", "delegated"),)}, ("app-only", "delegated")),
        ({"secret": None, "publishes": (("Things.Read", "delegated"),)}, ()),
    ],
)
def test_flows_of_a_registration(arguments: dict[str, Any], flows: tuple[str, ...]) -> None:
    builder = TenantBuilder()
    app = builder.app("Thing", **arguments)
    apps = load_tenant(builder.data).apps.set_index("app_id")
    assert apps.loc[app.app_id, "flows"] == flows
    assert apps.loc[app.app_id, "flow_evidence"]


def test_a_managed_identity_is_app_only_for_certain() -> None:
    builder = TenantBuilder()
    app = builder.managed_identity("vm-backup")
    row = load_tenant(builder.data).apps.set_index("app_id").loc[app.app_id]
    assert (row["kind"], row["flows"], bool(row["flows_certain"])) == ("managed-identity", ("app-only",), True)


def test_an_external_app_may_do_more_than_is_seen() -> None:
    builder = TenantBuilder()
    app = builder.external("Vendor", replies=CALLBACK)
    row = load_tenant(builder.data).apps.set_index("app_id").loc[app.app_id]
    assert (row["kind"], row["flows"], bool(row["flows_certain"])) == ("external", ("delegated",), False)


def test_unread_federated_credentials_make_the_flows_uncertain() -> None:
    builder = TenantBuilder()
    app = builder.app("Web", web=CALLBACK, secret=None)
    tenant = load_tenant(builder.data, ("applications/federatedIdentityCredentials",))
    assert not tenant.apps.set_index("app_id").loc[app.app_id, "flows_certain"]


def test_saml_signing_certificates_are_no_client_credentials() -> None:
    builder = TenantBuilder()
    app = builder.app(
        "Saml",
        web=CALLBACK,
        secret=None,
        principal={
            "preferredSingleSignOnMode": "saml",
            "keyCredentials": [{"keyId": "k", "usage": "Sign", "endDateTime": "@now+90d"}],
        },
    )
    assert load_tenant(builder.data).apps.set_index("app_id").loc[app.app_id, "flows"] == ("delegated",)


def test_an_api_with_app_roles_alone_is_no_middle_tier() -> None:
    builder = TenantBuilder()
    app = builder.app("Orders API", publishes=(("Orders.Run", "application"),))
    assert load_tenant(builder.data).apps.set_index("app_id").loc[app.app_id, "flows"] == ("app-only",)


def test_the_password_of_a_signing_certificate_is_no_client_credential() -> None:
    builder = TenantBuilder()
    signing = {
        "keyCredentials": [{"keyId": "k", "usage": "Sign", "endDateTime": "@now+90d"}],
        "passwordCredentials": [{"keyId": "p", "endDateTime": "@now+90d"}],
    }
    app = builder.app("Saml", web=CALLBACK, secret=None, principal=signing)
    assert load_tenant(builder.data).apps.set_index("app_id").loc[app.app_id, "flows"] == ("delegated",)


def test_a_legacy_service_principal_of_this_tenant_is_legacy() -> None:
    builder = TenantBuilder()
    app = builder.legacy("Old line of business")
    assert load_tenant(builder.data).apps.set_index("app_id").loc[app.app_id, "kind"] == "legacy"


@pytest.mark.parametrize(
    ("registration", "principal", "switch"),
    [
        ({}, {}, None),
        ({}, {"accountEnabled": False}, "accountEnabled"),
        ({}, {"isDisabled": True}, "service principal isDisabled"),
        ({"isDisabled": True}, {}, "application isDisabled"),
        ({"disabledByMicrosoftStatus": "DisabledDueToViolationOfServicesAgreement"}, {}, "Microsoft"),
        ({}, {"disabledByMicrosoftStatus": "NotDisabled"}, None),
    ],
)
def test_which_switch_disables_an_app(
    registration: dict[str, Any], principal: dict[str, Any], switch: str | None
) -> None:
    builder = TenantBuilder()
    app = builder.app("Thing", registration=registration, principal=principal)
    row = load_tenant(builder.data).apps.set_index("app_id").loc[app.app_id]
    assert bool(row["enabled"]) is (switch is None)
    assert row["disabled_by"] == switch if switch else row.isna()["disabled_by"]
