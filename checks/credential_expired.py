"""credential-expired: apps that can no longer prove who they are, or soon cannot.

No valid secret, certificate or federated credential left; the last valid one about to end; a confidential flow set up with
no credential at all; a SAML signing certificate that ended. Whether the running app really uses the valid one cannot be
seen. Managed identities are left out: the platform renews their credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from auditor.audit import remedy
from auditor.audit.check import Certainty, CheckMeta, Context, Examination, Finding, Remediation, Severity
from auditor.tenant.cells import day, flag, identifier, name, text
from auditor.tenant.tables import Tenant
from checks._client_credentials import FEDERATED, summed_up, told_apart

HELP = "https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials"
SAML_HELP = "https://learn.microsoft.com/entra/identity/enterprise-apps/tutorial-manage-certificates-for-federated-single-sign-on"

META = CheckMeta(
    slug="credential-expired",
    title="Every app that signs in with a credential has one that is valid and stays valid",
    cause="401: is the token valid?",
    severity="high",
    sources=("applications", "servicePrincipals"),
    optional_sources=(FEDERATED,),
    help_url=HELP,
)

_CODES = {"secret": "AADSTS7000222", "certificate": "AADSTS700027"}
_PROXY = "WindowsAzureActiveDirectoryOnPremApp"
"""Tag of application proxy apps: the connector signs users in, no secret is needed."""


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding an app for its client credentials, and one for its SAML signing certificates."""
    apps = tenant.apps
    apps = apps[~apps["kind"].isin(["managed-identity", "first-party"])]
    client, signing = told_apart(tenant, context.now)
    rows = apps.merge(summed_up(client), left_on="app_id", right_index=True, how="left")
    counts = ["valid", "past", "coming"]
    rows[counts] = rows[counts].fillna(0).astype("int64")
    soon = pd.Timestamp(context.now) + pd.Timedelta(days=context.credential_warning_days)
    holds = rows[counts].sum(axis=1) > 0
    without = (rows["valid"] == 0) & holds
    # A coming credential that starts before the last valid one ends has renewed it already.
    renewed = (rows["starts_at"] <= rows["ends_at"]).fillna(False)
    ending = (rows["valid"] > 0) & (rows["ends_at"] <= soon).fillna(False) & ~renewed
    bare = rows[~holds & (rows["kind"] == "registration") & rows["object_id"].notna()]
    candidates = _needs_credential(bare, tenant)
    saml = apps.merge(summed_up(signing), left_on="app_id", right_index=True)
    federated_read = tenant.is_read(FEDERATED)
    findings = [
        *(_expired(row, context, federated_read) for row in rows[without].itertuples(index=False)),
        *(_expiring(row, context, federated_read) for row in rows[ending].itertuples(index=False)),
        *(_bare(row, context, federated_read) for row in candidates.itertuples(index=False)),
        *_signing(saml, soon, context),
    ]
    examined = set(rows.loc[holds, "app_id"]) | set(candidates["app_id"]) | set(saml["app_id"])
    return Examination(len(examined), findings)


def _needs_credential(bare: pd.DataFrame, tenant: Tenant) -> pd.DataFrame:
    """Registrations without any credential that are set up for a flow which asks for one.

    Those that only receive ID tokens (implicit, SAML) or are public clients as well need none.
    """
    web = bare["web_redirects"].map(len) > 0
    public = (bare["spa_redirects"].map(len) > 0) | (bare["public_redirects"].map(len) > 0)
    public |= bare["fallback_public_client"].fillna(False).astype("bool")
    tokens = bare["implicit_id_token"].fillna(False) | bare["implicit_access_token"].fillna(False)
    other = bare["preferred_single_sign_on"].isin(["saml", "password", "notSupported"])
    other |= bare["tags"].map(lambda tags: _PROXY in tags).astype("bool")
    personal = bare["sign_in_audience"] == "PersonalMicrosoftAccount"
    requested = tenant.requested
    daemons = bare["app_id"].isin(requested.loc[requested["type"] == "application", "app_id"])
    needs = (web & ~tokens.astype("bool")) | (daemons & ~web)
    return bare[needs & ~public & ~other & ~personal]


def _expired(row: Any, context: Context, federated_read: bool) -> Finding:
    kind = str(row.last_kind)
    code = _CODES[kind]
    severity, certainty, note = _weight(row, federated_read)
    if row.past:
        seen = f"its last client {kind} ended on {day(row.ended_at)}"
    else:
        seen = f"its first client {kind} becomes valid on {day(row.starts_at)}"
    evidence = {**_evidence(row), "ended_on": day(row.ended_at), "starts_on": day(row.starts_at), "credential": kind}
    if note:
        evidence["note"] = note
    return _finding(
        row,
        severity=severity,
        certainty=certainty,
        summary=f"{name(row)} has no valid client credential: {seen}, so every token request that needs one is refused.",
        remediation=_renewal(row, context, f"Add a new {kind}, give it to the app, and remove the old one."),
        http_status=401,
        error_code=code,
        evidence=evidence,
    )


def _weight(row: Any, federated_read: bool) -> tuple[Severity, Certainty, str | None]:
    """How bad and how sure it is that the lack of a valid credential hurts."""
    if flag(row.enabled) is False:
        return "low", "certain", "the app is disabled, so nobody misses the credential now; see sign-in-blocked"
    if row.kind == "external":
        return "low", "possible", "the registration lives in another tenant and may hold a valid credential there"
    if not federated_read and row.kind == "registration":
        return "high", "likely", "federated credentials were not read; the app may hold one, and those do not expire"
    public = row.spa_redirects or row.public_redirects or flag(row.fallback_public_client)
    if public and not row.web_redirects:
        return "low", "possible", "the app can sign users in as a public client, which needs no credential"
    if row.web_redirects and (flag(row.implicit_id_token) or text(row.preferred_single_sign_on) == "saml"):
        return (
            "medium",
            "likely",
            "sign-in with ID tokens alone goes on working; redeeming a code and app-only tokens do not",
        )
    return "high", "certain", None


def _expiring(row: Any, context: Context, federated_read: bool) -> Finding:
    days = (row.ends_at - pd.Timestamp(context.now)).days
    when = f"on {day(row.ends_at)}, in {days} days" if days != 1 else f"on {day(row.ends_at)}, in 1 day"
    severity, certainty, note = _weight(row, federated_read)
    evidence = {**_evidence(row), "ends_on": day(row.ends_at), "days_left": days, "credential": str(row.last_kind)}
    evidence["error_code_then"] = _CODES.get(str(row.last_kind))
    if note:
        evidence["note"] = note
    return _finding(
        row,
        severity="medium" if severity in ("high", "medium") else "low",
        certainty=certainty,
        summary=f"The last valid client credential of {name(row)} ends {when}; without a new one every token request fails then.",
        remediation=_renewal(row, context, "Add a new credential before that day and give it to the app."),
        http_status=None,
        error_code=None,
        evidence=evidence,
    )


def _bare(row: Any, context: Context, federated_read: bool) -> Finding:
    web = len(row.web_redirects) > 0
    flow = "has web redirect URIs" if web else "requests application permissions and has no redirect URI"
    why = "redeeming a code" if web else "asking for an app-only token"
    sure = federated_read and row.flows_certain
    evidence = {
        **_evidence(row),
        "web_redirect_uris": len(row.web_redirects),
        "federated_credentials_read": federated_read,
    }
    return _finding(
        row,
        severity="low" if flag(row.enabled) is False else "medium",
        certainty="likely" if sure else "possible",
        summary=f"{name(row)} {flow} and has neither a secret nor a certificate nor a federated credential; {why} needs one.",
        remediation=_renewal(
            row,
            context,
            "Add a credential if the app is in use, a federated one or a certificate rather than a secret.",
        ),
        http_status=401,
        error_code="AADSTS7000218",
        evidence=evidence,
    )


def _signing(rows: pd.DataFrame, soon: pd.Timestamp, context: Context) -> Iterator[Finding]:
    """SAML signing certificates that ended or are about to, with no other in place."""
    ended = (rows["valid"] == 0) & (rows["past"] > 0)
    ending = (rows["valid"] > 0) & (rows["ends_at"] <= soon).fillna(False) & (rows["coming"] == 0)
    for row in rows[ended | ending].itertuples(index=False):
        past = row.valid == 0
        last: Any = row.ended_at if past else row.ends_at
        yield _finding(
            row,
            severity="low" if past else "info",
            certainty="likely" if past else "certain",
            summary=f"The SAML signing certificate of {name(row)} {'ended' if past else 'ends'} on {day(last)} and no later "
            "one is in place; sign-in to it with SAML fails where the application checks the certificate.",
            remediation=Remediation(
                "Create a new signing certificate, give it to the application, then make it the active one.",
                url=remedy.app_link(context, str(row.app_id), text(row.service_principal_id)),
            ),
            http_status=None,
            error_code=None,
            evidence={"ends_on": day(last), "single_sign_on": text(row.preferred_single_sign_on)},
            subject=("saml-signing",),
            help_url=SAML_HELP,
        )


def _evidence(row: Any) -> dict[str, Any]:
    return {
        "valid_credentials": int(row.valid),
        "expired_credentials": int(row.past),
        "not_yet_valid_credentials": int(row.coming),
        "kind": str(row.kind),
        "flows": list(row.flows),
    }


def _renewal(row: Any, context: Context, words: str) -> Remediation:
    if row.kind != "registration" or text(row.object_id) is None:
        owner = identifier(row.service_principal_id, "service principal id")
        show = f"Get-MgServicePrincipal -ServicePrincipalId {owner} -Property PasswordCredentials,KeyCredentials"
        return Remediation(f"{words} The credential is on the service principal itself.", (show,))
    app = identifier(row.app_id, "app id")
    commands: tuple[str, ...] = (f"az ad app credential reset --id {app} --append --create-cert --years 1",)
    if str(row.last_kind) == "secret":
        owner = identifier(row.object_id, "object id of the app registration")
        password = (
            f"Add-MgApplicationPassword -ApplicationId {owner} -PasswordCredential @{{ DisplayName = 'renewed' }}"
        )
        commands = (password, f"az ad app credential reset --id {app} --append --years 1")
    return Remediation(words, commands, remedy.app_link(context, str(row.app_id)).replace("CallAnAPI", "Credentials"))


def _finding(
    row: Any,
    *,
    severity: Severity,
    certainty: Certainty,
    summary: str,
    remediation: Remediation,
    http_status: int | None,
    error_code: str | None,
    evidence: dict[str, Any],
    subject: tuple[str, ...] = ("client-credentials",),
    help_url: str = HELP,
) -> Finding:
    """A finding of this check. Expired and about to expire share a subject: one finding that grows worse."""
    return Finding(
        check=META.slug,
        severity=severity,
        certainty=certainty,
        summary=summary,
        remediation=remediation,
        app_id=str(row.app_id),
        display_name=name(row),
        http_status=http_status,
        error_code=error_code,
        evidence=evidence,
        help_url=help_url,
        subject=subject,
    )
