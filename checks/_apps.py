"""The app a finding is about, with the flows it runs: the configuration's word wins over what was inferred.

Shared by the checks that hold permissions against flows. What the flows are inferred from is ``auditor.tenant.flows``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from auditor.audit.check import Context
from auditor.tenant.cells import flag, text
from auditor.tenant.tables import Tenant

SIGN_IN_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
"""Delegated permissions that only sign a user in; no API call hangs on them.
https://learn.microsoft.com/entra/identity-platform/scopes-oidc"""

_MULTI_TENANT = ("AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount")

FlowSource = Literal["declared", "platform", "inferred", "unseen"]


@dataclass(frozen=True)
class Subject:
    """One app, as much as a finding needs of it."""

    app_id: str
    name: str
    """Display name, else the app id."""
    kind: str
    service_principal_id: str | None
    enabled: bool | None
    """None: unknown, or there is no service principal."""
    assignment_required: bool | None
    flows: tuple[str, ...]
    flow_source: FlowSource
    """``declared`` in the configuration; ``platform`` for a managed identity; ``inferred`` from a registration that can be
    seen; ``unseen`` where another flow may exist that this tenant cannot show."""
    flow_evidence: str
    audience: str | None
    """signInAudience."""
    single_sign_on: str | None
    """preferredSingleSignOnMode of the service principal."""
    owner_tenant_id: str | None
    verified_publisher: bool

    @property
    def flows_are_fixed(self) -> bool:
        """Whether the flows are a fact and no inference."""
        return self.flow_source in ("declared", "platform")

    @property
    def runs_app_only(self) -> bool:
        return "app-only" in self.flows

    @property
    def signs_users_in(self) -> bool:
        return "delegated" in self.flows

    @property
    def serves_other_tenants(self) -> bool:
        """Whether the app is registered here for other tenants too, so that consent may be given there and not here.

        https://learn.microsoft.com/entra/identity-platform/single-and-multi-tenant-apps
        """
        return self.kind == "registration" and self.audience in _MULTI_TENANT

    @property
    def is_for_personal_accounts_only(self) -> bool:
        """Whether no user of any tenant ever signs in to the app."""
        return self.audience == "PersonalMicrosoftAccount"

    @property
    def signs_in_by_saml(self) -> bool:
        """Whether users come by SAML single sign-on, which asks for no OAuth consent."""
        return self.single_sign_on == "saml"

    def evidence(self) -> dict[str, Any]:
        """What the flows hang on, for a finding's evidence."""
        return {"flows": list(self.flows), "flow_evidence": self.flow_evidence, "flow_source": self.flow_source}


def subjects(tenant: Tenant, context: Context, app_ids: Iterable[str] | None = None) -> dict[str, Subject]:
    """Apps by app id.

    Args:
        tenant: its ``apps`` table.
        context: its declared apps, whose ``flow`` wins over inference.
        app_ids: only these; all by default.
    """
    apps = tenant.apps
    if app_ids is not None:
        apps = apps[apps["app_id"].isin(set(app_ids))]
    return {str(row.app_id): _subject(row, context) for row in apps.itertuples(index=False)}


def _subject(row: Any, context: Context) -> Subject:
    declared = context.apps.get(row.app_id)
    flows, evidence = tuple(row.flows), str(row.flow_evidence)
    source: FlowSource = "inferred" if row.flows_certain else "unseen"
    if row.kind == "managed-identity":
        source = "platform"
    elif declared is not None and declared.flow is not None:
        flows, source = (declared.flow,), "declared"
        evidence = f"declared in the configuration as {declared.flow}"
    return Subject(
        app_id=row.app_id,
        name=text(row.display_name) or row.app_id,
        kind=row.kind,
        service_principal_id=text(row.service_principal_id),
        enabled=flag(row.enabled),
        assignment_required=flag(row.assignment_required),
        flows=flows,
        flow_source=source,
        flow_evidence=evidence,
        audience=text(row.sign_in_audience),
        single_sign_on=text(row.preferred_single_sign_on),
        owner_tenant_id=text(row.owner_tenant_id),
        verified_publisher=bool(row.verified_publisher),
    )
