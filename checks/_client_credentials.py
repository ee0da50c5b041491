"""What each app can prove itself with, summed up a row an app: valid, past and coming credentials.

SAML signing keys of a service principal are told apart: they sign assertions to an application and get it no token.
Shared by ``credential-expired`` and ``risky-grant``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from auditor.tenant.tables import Tenant

FEDERATED = "applications/federatedIdentityCredentials"


def told_apart(tenant: Tenant, now: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Client credentials, and SAML signing certificates, each with its state.

    A service principal's keys are signing keys where its single sign-on is SAML or one of them is of usage ``Sign``:
    Entra keeps a signing certificate as a Sign key, a Verify key and a password.
    https://learn.microsoft.com/graph/application-saml-sso-configure-api

    Returns:
        Two tables of ``columns.CREDENTIALS`` and ``state``: valid, past or coming (its start is still ahead).
    """
    rows = tenant.credentials
    rows = rows[rows["app_id"].notna()]
    apps = tenant.apps
    saml = apps.loc[apps["preferred_single_sign_on"] == "saml", "app_id"]
    own = rows["holder"] == "service-principal"
    signers = rows.loc[own & (rows["usage"] == "Sign"), "app_id"]
    signing = own & (rows["app_id"].isin(saml) | rows["app_id"].isin(signers))
    rows = rows.assign(state=_states(rows, pd.Timestamp(now)))
    return rows[~signing], rows[signing & (rows["kind"] == "certificate")]


def _states(rows: pd.DataFrame, now: pd.Timestamp) -> pd.Series[Any]:
    states = pd.Series("valid", index=rows.index, dtype="str")
    states[(rows["start_at"] > now).fillna(False)] = "coming"
    states[(rows["end_at"] <= now).fillna(False)] = "past"
    return states


def summed_up(credentials: pd.DataFrame) -> pd.DataFrame:
    """One row an app.

    Returns:
        Indexed by ``app_id``: ``valid``, ``past``, ``coming`` (counts), ``ends_at`` (end of the last valid one, NaT where a
        valid one never ends), ``ended_at`` (end of the last past one), ``last_kind`` (kind of the one that ends last),
        ``starts_at`` (start of the first coming one).
    """
    ordered = credentials.sort_values(["app_id", "end_at", "key_id"], kind="stable", na_position="last")
    groups = ordered.groupby("app_id")
    valid, past = ordered[ordered["state"] == "valid"], ordered[ordered["state"] == "past"]
    counts = ordered.groupby(["app_id", "state"]).size().unstack(fill_value=0)
    endless = valid.loc[valid["end_at"].isna(), "app_id"].unique()
    ends_at = valid.groupby("app_id")["end_at"].max()
    summary = pd.DataFrame(
        {
            **{state: counts.get(state, pd.Series(dtype="int64")) for state in ("valid", "past", "coming")},
            "ends_at": ends_at.where(~ends_at.index.isin(endless)),
            "ended_at": past.groupby("app_id")["end_at"].max(),
            "starts_at": ordered[ordered["state"] == "coming"].groupby("app_id")["start_at"].min(),
            "last_kind": groups["kind"].last(),
        }
    )
    return summary.astype(dict.fromkeys(("valid", "past", "coming"), "Int64")).fillna(
        dict.fromkeys(("valid", "past", "coming"), 0)
    )
