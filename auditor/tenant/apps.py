"""The tables ``apps`` and ``credentials``: app registrations and service principals joined by app id, classified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from auditor.reference.resources import MICROSOFT_TENANTS, first_party_name
from auditor.tenant.columns import APPS, CREDENTIALS, frame
from auditor.tenant.fields import Raw, flag, key, part, parts, text, texts
from auditor.tenant.flows import FlowFacts, infer_flows


def classify(registration: Raw | None, principal: Raw | None, tenant_id: str) -> str:
    """The ``kind`` of an app: registration, external, managed-identity, first-party or legacy."""
    if principal is not None and text(principal, "servicePrincipalType") == "ManagedIdentity":
        return "managed-identity"
    if registration is not None or principal is None:
        return "registration"
    owner = key(principal, "appOwnerOrganizationId")
    if owner in MICROSOFT_TENANTS:
        return "first-party"
    if text(principal, "servicePrincipalType") == "Legacy":
        return "legacy"
    if owner == tenant_id.lower():
        return "registration"  # registered here and deleted, or the registrations could not be read
    if owner is None and first_party_name(key(principal, "appId") or "") is not None:
        return "first-party"
    return "external"


def _signs_saml(principal: Raw) -> bool:
    """Whether the service principal's own keys and passwords sign SAML tokens and are no client credentials.

    Entra keeps a signing certificate as a Sign key, a Verify key and a password.
    https://learn.microsoft.com/graph/application-saml-sso-configure-api
    """
    return text(principal, "preferredSingleSignOnMode") == "saml" or any(
        text(item, "usage") == "Sign" for item in parts(principal, "keyCredentials")
    )


def _client_credentials(registration: Raw | None, principal: Raw | None, federated: int) -> int:
    holders = [registration] if registration is not None else []
    if principal is not None and not _signs_saml(principal):
        holders.append(principal)
    fields = ("passwordCredentials", "keyCredentials")
    return federated + sum(1 for holder in holders for field in fields for _ in parts(holder, field))


def _disabled_by(registration: Raw, principal: Raw, by_microsoft: str | None) -> str | None:
    """Which of the switches is off; they are different properties of different objects, undone in different ways."""
    if by_microsoft is not None:
        return "Microsoft"
    if flag(registration, "isDisabled"):
        return "application isDisabled"
    if flag(principal, "isDisabled"):
        return "service principal isDisabled"
    return "accountEnabled" if flag(principal, "accountEnabled") is False else None


def _publishes_scopes(*holders: Raw) -> bool:
    return any(any(True for _ in parts(holder, "oauth2PermissionScopes")) for holder in holders)


def _row(
    app_id: str,
    registration: Raw | None,
    principal: Raw | None,
    tenant_id: str,
    owners: Mapping[str, tuple[str, ...]],
    federated: int | None,
) -> dict[str, Any]:
    known, service = registration or {}, principal or {}
    web, spa, public = part(known, "web"), part(known, "spa"), part(known, "publicClient")
    implicit = part(web, "implicitGrantSettings")
    kind = classify(registration, principal, tenant_id)
    api = part(known, "api")
    exposes = _publishes_scopes(api, service)
    flows = infer_flows(
        FlowFacts(
            kind=kind,
            has_registration=registration is not None,
            credentials=_client_credentials(registration, principal, federated or 0),
            federated_read=federated is not None,
            web_redirects=len(texts(web, "redirectUris")),
            spa_redirects=len(texts(spa, "redirectUris")),
            public_redirects=len(texts(public, "redirectUris")),
            fallback_public_client=flag(known, "isFallbackPublicClient") or False,
            implicit=bool(flag(implicit, "enableAccessTokenIssuance") or flag(implicit, "enableIdTokenIssuance")),
            exposes_api=exposes,
            replies=len(texts(service, "replyUrls")),
        )
    )
    ids = [key(holder, "id") for holder in (known, service)]
    verified = part(service, "verifiedPublisher") or part(known, "verifiedPublisher")
    statuses = (text(holder, "disabledByMicrosoftStatus") for holder in (service, known))
    by_microsoft = next((status for status in statuses if status not in (None, "NotDisabled")), None)
    disabled_by = _disabled_by(known, service, by_microsoft)
    return {
        "app_id": app_id,
        "object_id": ids[0],
        "service_principal_id": ids[1],
        "display_name": text(known, "displayName") or text(service, "displayName") or "",
        "kind": kind,
        "enabled": False if disabled_by else flag(service, "accountEnabled"),
        "sign_in_audience": text(known, "signInAudience") or text(service, "signInAudience"),
        "flows": flows.flows,
        "flow_evidence": flows.evidence,
        "flows_certain": flows.certain,
        "service_principal_type": text(service, "servicePrincipalType"),
        "owner_tenant_id": key(service, "appOwnerOrganizationId")
        or (tenant_id.lower() if registration is not None else None),
        "publisher": text(verified, "displayName") or text(service, "publisherName") or text(known, "publisherDomain"),
        "verified_publisher": text(verified, "displayName") is not None,
        "assignment_required": flag(service, "appRoleAssignmentRequired"),
        "disabled_by": disabled_by,
        "disabled_by_microsoft": by_microsoft,
        "preferred_single_sign_on": text(service, "preferredSingleSignOnMode"),
        "web_redirects": texts(web, "redirectUris"),
        "spa_redirects": texts(spa, "redirectUris"),
        "public_redirects": texts(public, "redirectUris"),
        "fallback_public_client": flag(known, "isFallbackPublicClient"),
        "implicit_access_token": flag(implicit, "enableAccessTokenIssuance"),
        "implicit_id_token": flag(implicit, "enableIdTokenIssuance"),
        "exposes_api": exposes,
        "owners": tuple(sorted({owner for one in ids if one for owner in owners.get(one, ())})),
        "tags": texts(service, "tags") or texts(known, "tags"),
        "created_at": text(known, "createdDateTime") or text(service, "createdDateTime"),
    }


def apps_table(
    registrations: Iterable[Raw],
    principals: Iterable[Raw],
    owners: Mapping[str, tuple[str, ...]],
    federated: Mapping[str, int] | None,
    tenant_id: str,
) -> pd.DataFrame:
    """One row for each app id seen as a registration, a service principal, or both, by app id.

    Args:
        registrations: raw applications.
        principals: raw service principals.
        owners: object id to owners' object ids.
        federated: count of federated credentials by registration object id; None where they were not read.
        tenant_id: this tenant.

    Returns:
        ``columns.APPS``.
    """
    pairs: dict[str, list[Raw | None]] = {}
    for place, records in ((0, registrations), (1, principals)):
        for record in records:
            app_id = key(record, "appId")
            if app_id:
                pairs.setdefault(app_id, [None, None])[place] = record
    rows = []
    for app_id in sorted(pairs):
        registration, principal = pairs[app_id]
        count = None if federated is None else federated.get(key(registration or {}, "id") or "", 0)
        rows.append(_row(app_id, registration, principal, tenant_id, owners, count))
    return frame(APPS, {name: [row[name] for row in rows] for name in APPS})


def credentials_table(
    registrations: Iterable[Raw], principals: Iterable[Raw], federated: Iterable[Raw]
) -> pd.DataFrame:
    """One row for each secret, certificate and federated credential; no key material.

    Args:
        registrations: raw applications.
        principals: raw service principals (their own credentials; SAML signing certificates have a ``usage``).
        federated: ``{"id": registration object id, "federatedIdentityCredentials": [...]}``.

    Returns:
        ``columns.CREDENTIALS``.
    """
    rows: list[tuple[Any, ...]] = []
    app_ids: dict[str, str] = {}
    for holder, records in (("application", registrations), ("service-principal", principals)):
        for record in records:
            app_id = key(record, "appId")
            if not app_id:
                continue
            if holder == "application":
                app_ids[key(record, "id") or ""] = app_id
            for field, kind in (("passwordCredentials", "secret"), ("keyCredentials", "certificate")):
                for item in parts(record, field):
                    name = text(item, "displayName") or text(item, "hint")
                    rows.append(
                        (app_id, holder, key(item, "keyId"), kind, name, text(item, "usage"))
                        + (text(item, "startDateTime"), text(item, "endDateTime"), None, None)
                    )
    for record in federated:
        app_id = app_ids.get(key(record, "id") or "")
        for item in parts(record, "federatedIdentityCredentials"):
            rows.append(
                (app_id, "application", key(item, "id"), "federated", text(item, "name"), None, None, None)
                + (text(item, "issuer"), text(item, "subject"))
            )
    rows.sort(key=lambda row: tuple(value or "" for value in row))
    return frame(
        CREDENTIALS, dict(zip(CREDENTIALS, zip(*rows, strict=True) if rows else [()] * len(CREDENTIALS), strict=True))
    )
