"""What a check is: its metadata, what it is given, what it answers, and how a finding is identified.

A check is one module of the ``checks`` package named after its slug (``consent-missing`` is
``checks/consent_missing.py``) with two public names:

``META``
    a :class:`CheckMeta`;
``examine(tenant, context)``
    a pure function from a :class:`~auditor.tenant.tables.Tenant` restricted to the sources the check declares,
    and a :class:`Context`, to an :class:`Examination`.

The prose page of a check is ``checks/<module>.md``, shipped with the package and shown under ``docs/checks/``.
The runner, not the check, decides ``not-assessed`` (a required source was not read) and ``error``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, get_args

from auditor.predict.verdict import Prediction
from auditor.reference.clouds import Cloud
from auditor.tenant.tables import Tenant

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Certainty = Literal["certain", "likely", "possible"]
CERTAINTIES: tuple[Certainty, ...] = get_args(Certainty)
PermissionType = Literal["delegated", "application"]
Flow = Literal["app-only", "delegated"]

RESOLVE_PAGE = "https://learn.microsoft.com/graph/resolve-auth-errors"
"""Microsoft's page "Resolve Microsoft Graph authorization errors", which documents the causes."""


@dataclass(frozen=True)
class CheckMeta:
    """Facts about a check that reports, help texts and pages share."""

    slug: str
    title: str
    """The good state as one sentence without a full stop: "Every requested permission is granted"."""
    cause: str
    """The documented cause it belongs to, as the heading on Microsoft's page, e.g. "403: the right set of permissions?"."""
    severity: Severity
    """The severity of an ordinary finding; single findings may differ."""
    sources: tuple[str, ...]
    """Sources without which it is ``not-assessed``."""
    optional_sources: tuple[str, ...] = ()
    """Sources that sharpen it; without them it still runs and says less (or with less certainty)."""
    help_url: str = RESOLVE_PAGE
    """The Microsoft page the rule comes from."""
    since: str = "0.1.0"


@dataclass(frozen=True)
class Remediation:
    """The smallest repair."""

    text: str
    """What to do, in plain sentences."""
    commands: tuple[str, ...] = ()
    """Ready commands (Microsoft Graph PowerShell, az), one a line, safe to paste."""
    url: str | None = None
    """A page that does it, e.g. the admin consent URL of the tenant's cloud."""


@dataclass(frozen=True)
class Finding:
    """One fact that will make a call fail, or deserves a person's eye. ``fingerprint`` is built from ids alone."""

    check: str
    severity: Severity
    certainty: Certainty
    summary: str
    """One sentence that names the object, the value seen and the value wanted."""
    remediation: Remediation
    app_id: str | None = None
    display_name: str | None = None
    resource_app_id: str | None = None
    permission_id: str | None = None
    """Not in ``audit.json`` by itself; it feeds the fingerprint."""
    permission: str | None = None
    permission_type: PermissionType | None = None
    call: str | None = None
    flow: Flow | None = None
    http_status: int | None = None
    error_code: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What was seen, as plain JSON values with readable keys."""
    help_url: str = RESOLVE_PAGE
    subject: tuple[str, ...] = ()
    """More ids that tell this finding from others of the same check and app: a key id, a policy id, a role id."""
    known: bool = False
    waived: bool = False
    waiver_reason: str | None = None

    @property
    def fingerprint(self) -> str:
        """Stable from run to run: a hash of check, ids and type; never of names, dates, counts or certainty.

        A finding about a call is told by the call and its flow: which permission is the least for it changes with the
        permission data.
        """
        of_permission = (self.resource_app_id, self.permission_id or self.permission, self.permission_type)
        parts = (
            self.check,
            self.app_id,
            *(of_permission if self.call is None else (None, None, None)),
            self.call,
            self.flow,
            *self.subject,
        )
        return hashlib.sha256("\x1f".join(part or "" for part in parts).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Examination:
    """What a check answers: how many objects it looked at (0 means not applicable), and what it found."""

    examined: int
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class DeclaredApp:
    """What the configuration knows of an app and the tenant does not (one ``[[apps]]`` entry)."""

    app_id: str
    flow: Flow | None = None
    calls: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    account: Literal["work", "personal"] = "work"
    resource: str = "graph"


@dataclass(frozen=True)
class Context:
    """What a check may know beside the tenant."""

    now: datetime
    """The snapshot's ``collected_at`` (aware, UTC): same snapshot, same answer, also next year."""
    cloud: Cloud
    tenant_id: str
    credential_warning_days: int = 30
    """A credential that ends within so many days counts as soon expired."""
    apps: Mapping[str, DeclaredApp] = field(default_factory=dict)
    """Declared apps by app id (lower case)."""
    predictions: Sequence[Prediction] = ()
    """The predictor's verdicts on declared calls, made by the runner before the checks."""


class Check(Protocol):
    """A check module."""

    META: CheckMeta

    def examine(self, tenant: Tenant, context: Context) -> Examination:
        """Looks at the tenant and answers what it found."""
        ...
