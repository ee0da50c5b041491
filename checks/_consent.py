"""What bears on every finding about missing consent: where consent is given, and whether sign-in asks for it at all.

Shared by ``consent-missing`` and ``consent-blocked``. What a row alone says is each check's own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from auditor.audit.check import CERTAINTIES, SEVERITIES, Certainty, PermissionType, Severity
from auditor.tenant.tables import Tenant
from checks._apps import SIGN_IN_SCOPES, Subject
from checks._rows import is_true


@dataclass(frozen=True)
class Limit:
    """The most that a finding may claim, and why."""

    severity: Severity
    certainty: Certainty
    note: str

    def severity_of(self, severity: Severity) -> Severity:
        """The severity, lowered to the limit if it is above."""
        return max(severity, self.severity, key=SEVERITIES.index)

    def certainty_of(self, certainty: Certainty) -> Certainty:
        """The certainty, lowered to the limit if it is above."""
        return max(certainty, self.certainty, key=CERTAINTIES.index)


def limit(app: Subject, type: PermissionType, apps_in_use: Collection[str]) -> Limit | None:
    """The limit of what a missing consent says about this app; None where there is none.

    Args:
        app: the client.
        type: of the permission without consent.
        apps_in_use: app ids of ``in_use``.
    """
    if type == "delegated" and app.signs_in_by_saml:
        return Limit("low", "possible", "users come by SAML single sign-on, which asks for no OAuth consent")
    if not app.serves_other_tenants:
        return None
    if app.app_id in apps_in_use:
        return Limit("medium", "likely", "the app serves other tenants too, and consent may be meant to be given there")
    note = "the app serves other tenants too and nothing is granted to it here: consent may be given there alone"
    return Limit("low", "possible", note)


def in_use(tenant: Tenant) -> frozenset[str]:
    """App ids of apps that were granted anything in this tenant, sign-in scopes included."""
    rows = tenant.permissions
    return frozenset(rows.loc[is_true(rows["granted"]) & rows["app_id"].notna(), "app_id"])


def with_one_sign_in_scope(told: pd.DataFrame, told_elsewhere: Collection[str] = ()) -> pd.DataFrame:
    """The rows without sign-in scopes, but for one of an app that has no other row: one signal for an app, not four.

    Args:
        told: rows that would become findings.
        told_elsewhere: app ids of which another check tells such a row.
    """
    signs_in = told["permission"].isin(SIGN_IN_SCOPES)
    plain, scopes = told[~signs_in], told[signs_in]
    alone = scopes[~scopes["app_id"].isin({*plain["app_id"], *told_elsewhere})]
    by_name = alone.sort_values("permission", key=lambda names: names != "openid", kind="stable")
    return told.loc[sorted([*plain.index, *by_name.drop_duplicates("app_id").index])]
