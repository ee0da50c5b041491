"""Can a token be had at all? Stage 1 of a request: the app in the tenant, its credentials, the resource it asks for.

Who may sign in is ``assignment``'s, Conditional Access ``conditional_access``'s, consent a matter of ``causes``.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from auditor.predict.subject import Subject
from auditor.predict.verdict import Certainty, Obstacle, Question
from auditor.reference.clouds import CLOUDS
from auditor.reference.first_party import first_party_client
from auditor.reference.resources import AAD_GRAPH, ARM, EXCHANGE, GRAPH, SHAREPOINT, resource_name
from auditor.tenant.tables import Tenant

FEDERATED = "applications/federatedIdentityCredentials"
_WORDS = {"graph": GRAPH, "aad-graph": AAD_GRAPH, "exchange": EXCHANGE, "sharepoint": SHAREPOINT, "arm": ARM}
_PERSONAL_AUDIENCES = ("AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount")
_SEEN_OFF: dict[str, tuple[Certainty, str]] = {
    "accountEnabled": ("certain", "its service principal is disabled (accountEnabled is false)"),
    "service principal isDisabled": ("likely", "its service principal is disabled (isDisabled is true)"),
    "application isDisabled": ("likely", "its app registration is disabled (isDisabled is true)"),
    "Microsoft": ("likely", "Microsoft has disabled it"),
}


def resource_of(question: Question, cloud: str) -> str:
    """What the token is asked for: ``GRAPH`` for Microsoft Graph by any of its names, else an app id or the text itself."""
    plain = question.resource.strip().lower().removesuffix("/.default").rstrip("/")
    host = CLOUDS[cloud].graph_host if cloud in CLOUDS else "graph.microsoft.com"
    if plain in ("", "graph", GRAPH, host, f"https://{host}"):
        return GRAPH
    return _WORDS.get(plain, plain)


def wrong_resource(who: Subject, question: Question, cloud: str) -> Obstacle | None:
    """A token for another API than the one the call goes to."""
    asked, call = resource_of(question, cloud), question.call
    name = resource_name(asked) or asked
    if call.host is not None:
        if call.host.lower() == "graph.windows.net":
            reason = f"{call.text} goes to Azure AD Graph, which is retired and answers no call; Microsoft Graph takes its place."
            return Obstacle("wrong-resource", "certain", reason, 403, "Authorization_RequestDenied")
        if asked == GRAPH:
            reason = f"{call.text} goes to {call.host}, and the token of {who.name} is asked for Microsoft Graph."
            return Obstacle("wrong-resource", "likely", reason, 401, "InvalidAuthenticationToken")
        return None
    if asked == GRAPH:
        return None
    fix = "Ask for a token for Microsoft Graph, and grant the permissions there."
    if asked == AAD_GRAPH:
        reason = (
            f"{who.name} asks for tokens for {name}, a retired API; permissions of Microsoft Graph do not count there."
        )
        return Obstacle("wrong-resource", "certain", reason, 403, "Authorization_RequestDenied", fix=fix)
    reason = f"{who.name} asks for tokens for {name}, and {call.text} is Microsoft Graph's, which refuses a token for another API."
    return Obstacle("wrong-resource", "certain", reason, 401, "InvalidAuthenticationToken", fix=fix)


def obstacles(who: Subject, question: Question, tenant: Tenant) -> Iterator[Obstacle]:
    """What keeps the app from any token, in the order in which Entra ID looks at it."""
    if question.account == "personal" and question.flow == "delegated":
        yield from _audience(who)
    if who.planned:
        return
    if who.kind == "managed-identity" and question.flow == "delegated":
        reason = f"{who.name} is a managed identity, whose tokens are always app-only; {question.call.text} is declared with a user."
        yield Obstacle(
            "permission-type-mismatch", "certain", reason, fix="Declare the call app-only, or use an app registration."
        )
        return
    found = _absent(who, question, tenant)
    if found is not None:
        yield found
        return
    if who.row is None:
        return
    # Personal accounts sign in through a tenant of Microsoft's, where this service principal's switches do not count.
    if question.account == "work" and pd.notna(who.row.enabled) and not who.row.enabled:
        by = who.row.disabled_by if isinstance(who.row.disabled_by, str) else "accountEnabled"
        certainty, seen = _SEEN_OFF.get(by, _SEEN_OFF["accountEnabled"])
        reason = f"{who.name} gets no token: {seen}."
        yield Obstacle(
            "sign-in-blocked", certainty, reason, 400, "AADSTS7000112", fix="Enable it, if it is meant to work."
        )
    yield from _resource(who)
    yield from _credentials(who, question, tenant)


def _audience(who: Subject) -> Iterator[Obstacle]:
    audience = who.row.sign_in_audience if who.row is not None else None
    if who.has_registration and isinstance(audience, str) and audience not in _PERSONAL_AUDIENCES:
        reason = f"{who.name} is not open to personal accounts: its signInAudience is {audience}."
        yield Obstacle(
            "personal-account", "certain", reason, 400, "AADSTS500200", fix="Sign in with a work or school account."
        )


def _absent(who: Subject, question: Question, tenant: Tenant) -> Obstacle | None:
    """No service principal, or no registration behind it."""
    if not who.lists_read or question.account == "personal":
        return None
    if who.row is None:
        return _unknown_app(who, question, tenant)
    if not who.has_principal and who.kind != "first-party":
        reason = (
            f"{who.name} has an app registration and no service principal in this tenant, so its tokens are refused."
        )
        certainty: Certainty = "certain" if question.flow == "app-only" else "possible"
        fix = "Create its service principal (admin consent does so)."
        return Obstacle("sign-in-blocked", certainty, reason, 401, "Authorization_IdentityNotFound", fix=fix)
    if not who.has_registration and who.kind in ("registration", "external") and who.row.owner_tenant_id == tenant.id:
        reason = (
            f"The app registration behind the service principal of {who.name} was deleted; no token is issued to it."
        )
        return Obstacle("sign-in-blocked", "likely", reason, 400, "AADSTS700016")
    return None


def _unknown_app(who: Subject, question: Question, tenant: Tenant) -> Obstacle | None:
    client = first_party_client(who.app_id)
    if client is not None and not client.retired:
        return None  # Microsoft's own clients sign users in without a service principal in the tenant
    where = tenant.display_name or tenant.id
    reason = f"{where} has neither an app registration nor a service principal with the app id {who.app_id}."
    fix = "Check the app id and the tenant; an app registered elsewhere needs its service principal here, which consent creates."
    if client is not None:
        reason = f"{client.name} ({who.app_id}) was removed by Microsoft, and {where} has no service principal of it."
        fix = "Use an app registration of your own."
    elif question.flow == "delegated" and who.users_may_consent is not False:
        return Obstacle("sign-in-blocked", "possible", reason, 400, "AADSTS700016", fix=fix)
    return Obstacle("sign-in-blocked", "certain", reason, 400, "AADSTS700016", fix=fix)


def _resource(who: Subject) -> Iterator[Obstacle]:
    if who.graph_enabled is False:
        reason = (
            f"The service principal of Microsoft Graph is disabled in this tenant, so {who.name} gets no token for it."
        )
        yield Obstacle("sign-in-blocked", "certain", reason, 400, "AADSTS500014")


@dataclass(frozen=True)
class _Credentials:
    valid: int
    past: int
    coming: int
    last_kind: str
    ended_at: datetime | None


def _credentials(who: Subject, question: Question, tenant: Tenant) -> Iterator[Obstacle]:
    """A flow that proves the app's identity, and nothing valid to prove it with."""
    if who.kind in ("managed-identity", "first-party", "legacy") or not who.has_registration or who.row is None:
        return
    row = who.row
    needs = question.flow == "app-only" or _is_confidential(row)
    if not needs:
        return
    held = _summed(who, tenant.collected_at)
    if held.valid:
        return
    app_only = question.flow == "app-only"
    if held.past or held.coming:
        code = "AADSTS7000222" if held.last_kind == "secret" else "AADSTS700027"
        seen = (
            f"its last {held.last_kind} ended on {held.ended_at:%Y-%m-%d}"
            if held.ended_at
            else "its credential is not valid yet"
        )
        reason = f"{who.name} has no valid client credential: {seen}."
        certainty: Certainty = "certain" if app_only and tenant.is_read(FEDERATED) else "likely"
        fix = "Add a new credential and give it to the app."
        yield Obstacle("credential-expired", certainty, reason, 401, code, fix=fix)
    elif app_only:
        certainty = "likely" if tenant.is_read(FEDERATED) else "possible"
        reason = f"{who.name} has no client credential at all, and an app-only token needs one."
        fix = "Add a certificate, a federated credential or a secret; or make the call with a signed-in user."
        yield Obstacle("credential-expired", certainty, reason, 401, "AADSTS7000218", fix=fix)
    else:
        reason = (
            f"{who.name} signs users in to a web app alone and has no client credential to redeem their sign-in with."
        )
        fix = "Add a certificate, a federated credential or a secret."
        yield Obstacle("credential-expired", "possible", reason, 401, "AADSTS7000218", fix=fix)


def _is_confidential(row: Any) -> bool:
    """Whether users sign in to a web app alone, whose code must prove the app's identity to get their tokens."""
    others = len(row.spa_redirects) + len(row.public_redirects)
    public = bool(row.fallback_public_client) if pd.notna(row.fallback_public_client) else False
    implicit = bool(row.implicit_access_token) if pd.notna(row.implicit_access_token) else False
    return len(row.web_redirects) > 0 and not others and not public and not implicit


def _summed(who: Subject, now_at: datetime) -> _Credentials:
    rows = who.credentials
    rows = rows[~((rows["holder"] == "service-principal") & (rows["usage"] == "Sign"))]
    now = pd.Timestamp(now_at)
    past = (rows["end_at"] <= now).fillna(False)
    coming = (rows["start_at"] > now).fillna(False) & ~past
    last = rows.sort_values("end_at", kind="stable", na_position="last")
    ended = rows.loc[past, "end_at"].max() if past.any() else None
    return _Credentials(
        valid=int((~past & ~coming).sum()),
        past=int(past.sum()),
        coming=int(coming.sum()),
        last_kind=str(last["kind"].iloc[-1]) if len(last) else "secret",
        ended_at=ended.to_pydatetime() if ended is not None else None,
    )
