"""One table of columns: every sheet of the workbook, every CSV file and every view of the page is made from it.

A header exists once. Headers are stable: append, never rename and never reorder (``interface.md``, "Excel and CSV").
Where the facts come from is in ``rows``; how they look is up to each format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import pandas as pd

from auditor.audit.check import CERTAINTIES, SEVERITIES
from auditor.audit.result import AuditRun
from reports import rows
from reports.overview import VERDICTS, unassessed_sentence, uncompared_sentence, unread_among

Kind = Literal["text", "integer", "date", "boolean", "url"]


@dataclass(frozen=True)
class Column:
    """One column. ``field`` names the fact in ``rows``; the rest is how it is shown."""

    header: str
    field: str
    meaning: str
    """One sentence, for the Read me sheet and the page's tooltips."""
    width: int = 20
    """In characters of the workbook."""
    kind: Kind = "text"
    wrap: bool = False
    """Long text that deserves several lines."""
    facet: bool = False
    """Few different values: the page offers them as a filter."""
    toned: bool = False
    """Its words carry a colour and a shape of the palette."""
    order: tuple[str, ...] = ()
    """The order of its words where it is not the alphabet's."""
    choices: tuple[str, ...] = ()
    """What a reviewer may pick."""
    reviewer: bool = False
    """Filled in by people, empty when written; the page leaves it out."""
    hidden: bool = False
    """The page's table leaves it to the detail panel at first."""


@dataclass(frozen=True)
class Sheet:
    """One sheet of facts."""

    title: str
    slug: str
    """Name of the CSV file and of the page's view."""
    meaning: str
    source: Callable[[AuditRun], pd.DataFrame | Iterable[rows.Record]]
    count: Callable[[AuditRun], int]
    columns: tuple[Column, ...]
    frozen: int = 2
    """Columns at the left that stay in sight."""
    sources: tuple[str, ...] = ()
    """Sources its facts come from: where one was not read, an empty sheet is a gap and says so."""
    judged: bool = False
    """It holds what the checks found: where a check gave no answer, the sheet is incomplete."""
    compared: bool = False
    """It holds what a comparison with a baseline found: what could not be compared is a gap."""
    empty: str = ""
    """What to say where there are no rows and nothing is missing."""

    def unread(self, run: AuditRun) -> list[str]:
        """Its sources that this run could not read."""
        return unread_among(run, self.sources)

    def gap(self, run: AuditRun) -> str:
        """What is missing from it in this run, in whole sentences; empty when nothing is."""
        unread = self.unread(run)
        parts = [f"{', '.join(unread)} could not be read."] if unread else []
        if self.judged and (sentence := unassessed_sentence(run)):
            parts.append(sentence)
        if self.compared and (sentence := uncompared_sentence(run)):
            parts.append(sentence)
        return " ".join(parts)

    def rows(self, run: AuditRun) -> Iterator[tuple[rows.Value, ...]]:
        """The facts, one tuple a row, in the order of the columns."""
        fields = [column.field for column in self.columns]
        facts = self.source(run)
        if isinstance(facts, pd.DataFrame):
            return rows.table_rows(facts, fields)
        return rows.record_rows(facts, fields)

    @property
    def headers(self) -> list[str]:
        """The header row."""
        return [column.header for column in self.columns]

    def column(self, header: str) -> Column:
        """The column with this header."""
        return next(column for column in self.columns if column.header == header)


flag = partial(Column, kind="boolean", width=12)
number = partial(Column, kind="integer", width=12)
moment = partial(Column, kind="date", width=18)
guid = partial(Column, width=38)
link = partial(Column, kind="url", width=34, hidden=True)

_APP_NAME = "Display name of the app, as anybody with the right to register apps wrote it."
_APP_ID = "App (client) id: names the app in every tenant."
_RESOURCE = "Display name of the API the permission belongs to."
_RESOURCE_ID = "App id of that API."
_PERMISSION = "Value of the permission, e.g. User.Read.All; empty where only an id is known."
_TYPE = "delegated (on behalf of a signed-in user) or application (the app alone)."
_STATUSES = (
    "resource-missing", "unknown-permission", "disabled-permission", "not-consented", "partly-consented", "unrequested",
    "user-consentable", "preauthorized", "granted",
)  # fmt: skip
_OUTCOMES = ("error", "fail", "not-assessed", "pass", "not-applicable")
_SOURCE_STATUSES = ("failed", "denied", "unlicensed", "skipped", "read")

_REGISTERED = ("applications", "servicePrincipals")
_GRANTED = ("oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo")

_REVIEW = (
    Column("Review status", "review_status", "For the reviewer: how far it is.", 15, choices=("To do", "In progress", "Done"), reviewer=True),
    Column("Owner", "review_owner", "For the reviewer: who takes care of it.", 20, reviewer=True),
    moment("Due", "review_due", "For the reviewer: by when.", width=13, reviewer=True),
    Column("Decision", "review_decision", "For the reviewer: what was decided.", 15, choices=("Fix", "Accept risk", "Not an issue", "Remove app"), reviewer=True),
    Column("Comment", "review_comment", "For the reviewer: anything else.", 40, wrap=True, reviewer=True),
)  # fmt: skip

FINDINGS = Sheet(
    "Findings", "findings", "What will make a call fail, or deserves a person's eye. One finding a row, worst first.",
    rows.findings, lambda run: len(run.findings),
    (
        Column("Severity", "severity", "How much it matters: critical, high, medium, low, info.", 11, facet=True, toned=True, order=SEVERITIES),
        Column("Certainty", "certainty", "How sure the tenant's data are: certain, likely, possible.", 11, facet=True, order=CERTAINTIES),
        Column("Check", "check", "The check that found it; the Checks sheet says what it looks at.", 24, facet=True),
        Column("App name", "display_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID, hidden=True),
        Column("Resource", "resource", _RESOURCE, 24, hidden=True),
        Column("Permission", "permission", "The permission concerned, where there is one.", 26, wrap=True),
        Column("Type", "permission_type", _TYPE, 12, facet=True, hidden=True),
        Column("Call", "call", "The API call concerned, where the finding is about one.", 24, hidden=True),
        Column("Flow", "flow", "How the app signs in: app-only or delegated.", 11, hidden=True),
        number("HTTP status", "http_status", "The status that Graph or the sign-in will answer with.", facet=True),
        Column("Error code", "error_code", "The error code in that answer.", 32, hidden=True),
        Column("Summary", "summary", "One sentence: the object, the value seen, the value wanted.", 56, wrap=True),
        Column("Fix", "fix", "The smallest repair.", 50, wrap=True, hidden=True),
        link("Help", "help_url", "The page the rule comes from."),
        Column("State", "state", "new, known (in the baseline), or waived (accepted risk; does not count as open).", 10, facet=True, toned=True, order=("new", "known", "waived")),
        Column("Fingerprint", "fingerprint", "Names this finding from run to run: built from ids, never from names, dates or counts.", 23, hidden=True),
        guid("Resource app ID", "resource_app_id", _RESOURCE_ID, hidden=True),
        Column("Commands", "commands", "Ready commands for the repair, one a line.", 50, hidden=True),
        link("Fix page", "fix_url", "A page that does the repair, e.g. the admin consent page of the tenant's cloud."),
        Column("Evidence", "evidence", "What was seen, one fact a line.", 50, hidden=True),
        Column("Waiver reason", "waiver_reason", "Why the risk was accepted, or why the waiver no longer counts.", 30, hidden=True),
        *_REVIEW,
    ),
    frozen=4,
    judged=True,
)  # fmt: skip

PERMISSIONS = Sheet(
    "Permissions", "permissions", "Requested against granted: one row for each app, resource, permission and type.",
    rows.permissions, lambda run: len(run.permissions),
    (
        Column("App name", "app_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID, hidden=True),
        Column("Resource", "resource", _RESOURCE, 24, facet=True),
        guid("Resource app ID", "resource_app_id", _RESOURCE_ID, hidden=True),
        Column("Permission", "permission", _PERMISSION, 34),
        guid("Permission ID", "permission_id", "Id of the permission; empty where only a value is known.", hidden=True),
        Column("Type", "type", _TYPE, 12, facet=True),
        flag("Requested", "requested", "TRUE if the registration asks for it; empty where the registration cannot be seen from this tenant.", facet=True),
        flag("Granted", "granted", "TRUE if it was granted, to everybody or to some users; empty where the grants were not read.", facet=True),
        Column("Consent", "consent", "admin (for the whole tenant), users (some users for themselves), none.", 10, facet=True),
        number("Consented users", "consented_users", "Users who consented for themselves."),
        Column("Status", "status", "What the comparison comes to; empty where it hangs on data that were not read.", 23, facet=True, toned=True, order=_STATUSES),
        Column("App kind", "app_kind", "registration, external, managed-identity, first-party or legacy.", 17, facet=True),
        flag("Admin consent required", "admin_only", "TRUE if users cannot consent to it themselves; empty where the permission is not defined.", width=14, hidden=True),
    ),
    frozen=1,
    sources=(*_REGISTERED, *_GRANTED),
)  # fmt: skip

PREDICTIONS = Sheet(
    "Predictions", "predictions", "Declared calls of each app and flow: will Microsoft Graph refuse them, and why.",
    rows.predictions, lambda run: len(run.predictions),
    (
        Column("App name", "app_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID, hidden=True),
        Column("Flow", "flow", "How the app signs in: app-only or delegated.", 11, facet=True),
        Column("Call", "call", "The declared call.", 36),
        Column("Verdict", "verdict", "allowed, denied, depends (on what the tenant alone cannot decide), unknown (no data covers it).", 11, facet=True, toned=True, order=VERDICTS),
        Column("Check", "check", "The check that decides.", 24, facet=True),
        Column("Also", "also", "Other checks that would deny it too; of a call that depends, what else it may hang on.", 28, hidden=True),
        number("HTTP status", "http_status", "The status of the answer, where it is an error.", facet=True),
        Column("Error code", "error_code", "The error code in the answer.", 28),
        Column("Reason", "reason", "Why, in one sentence.", 60, wrap=True),
        Column("Granted by", "granted_by", "Granted permissions that authorize the call.", 30, hidden=True),
        Column("Needs", "needs", "Permissions that would authorize it, least privileged first; A + B where both are needed.", 40),
    ),
    frozen=1,
    empty="No calls are declared. Declare what an app calls in the configuration: an [[apps]] entry with app_id and calls, e.g. "
    'calls = ["GET /users"]. Each is then judged, and one that will be refused is a finding.',
)  # fmt: skip

APPS = Sheet(
    "Apps", "apps", "Every app: registrations of this tenant, external apps, managed identities, Microsoft's own.",
    rows.apps, lambda run: len(run.apps),
    (
        Column("App name", "display_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID, hidden=True),
        Column("Kind", "kind", "registration (registered here), external (elsewhere), managed-identity, first-party (Microsoft's own), legacy.", 17, facet=True),
        flag("Enabled", "enabled", "FALSE if sign-in is blocked; empty without a service principal.", facet=True),
        number("Open findings", "open_findings", "Findings that nobody has waived."),
        Column("Worst severity", "worst_severity", "The worst severity among them.", 12, facet=True, toned=True, order=SEVERITIES),
        Column("Sign-in audience", "sign_in_audience", "Whose accounts may sign in.", 30, facet=True, hidden=True),
        Column("Flows", "flows", "Flows the app can use, inferred from its configuration.", 20, facet=True),
        Column("Flow evidence", "flow_evidence", "What the flows were inferred from.", 46, hidden=True),
        flag("Flows certain", "flows_certain", "FALSE where the registration cannot be seen, so that another flow may exist.", hidden=True),
        guid("Object ID", "object_id", "Object id of the app registration; empty where there is none here.", hidden=True),
        guid("Service principal ID", "service_principal_id", "Object id of the service principal; empty where there is none.", hidden=True),
        Column("Service principal type", "service_principal_type", "Application, ManagedIdentity, Legacy and others.", 20, hidden=True),
        guid("Owner tenant ID", "owner_tenant_id", "The tenant the app is registered in.", hidden=True),
        Column("Publisher", "publisher", "Name of the publisher.", 26),
        flag("Verified publisher", "verified_publisher", "TRUE if Microsoft verified who publishes it.", hidden=True),
        flag("Assignment required", "assignment_required", "TRUE if only users and apps assigned to it get tokens for it.", width=14, hidden=True),
        Column("Disabled by Microsoft", "disabled_by_microsoft", "Microsoft's status where it disabled the app.", 24, hidden=True),
        Column("Single sign-on", "preferred_single_sign_on", "Preferred single sign-on mode: saml, oidc, password and others.", 14, hidden=True),
        Column("Web redirect URIs", "web_redirects", "Redirect URIs of the web platform.", 40, hidden=True),
        Column("SPA redirect URIs", "spa_redirects", "Redirect URIs of single-page applications.", 40, hidden=True),
        Column("Public client redirect URIs", "public_redirects", "Redirect URIs of mobile and desktop apps.", 40, hidden=True),
        flag("Fallback public client", "fallback_public_client", "TRUE if flows without redirect URI are those of a public client.", width=14, hidden=True),
        flag("Implicit access tokens", "implicit_access_token", "TRUE if the implicit flow may issue access tokens.", width=14, hidden=True),
        flag("Implicit ID tokens", "implicit_id_token", "TRUE if the implicit flow may issue ID tokens.", width=14, hidden=True),
        flag("Publishes an API", "exposes_api", "TRUE if it publishes delegated permissions of its own.", hidden=True),
        Column("Owners", "owners", "Object ids of owners of the registration and the service principal.", 40, hidden=True),
        Column("Tags", "tags", "Tags of the registration or service principal.", 26, hidden=True),
        moment("Created", "created_at", "When it was created (UTC)."),
        number("Checks not assessed", "checks_not_assessed", "Checks that gave no answer: anything above 0, and no open findings does not mean that all is well."),
    ),
    frozen=1,
    sources=_REGISTERED,
    judged=True,
)  # fmt: skip

CREDENTIALS = Sheet(
    "Credentials", "credentials", "Secrets, certificates and federated credentials of apps: names and dates, never their values.",
    rows.credentials, lambda run: len(run.credentials),
    (
        Column("App name", "display_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID, hidden=True),
        Column("Holder", "holder", "application (registration) or service-principal.", 18, facet=True),
        Column("Kind", "kind", "secret, certificate or federated.", 13, facet=True),
        Column("Name", "name", "Name or hint given by people.", 30),
        Column("Usage", "usage", "Verify or Sign, for certificates.", 10, hidden=True),
        moment("Starts", "start_at", "Valid from (UTC)."),
        moment("Ends", "end_at", "Valid until (UTC); federated credentials do not expire."),
        number("Days left", "days_left", "Whole days from collecting to the end; negative is past."),
        Column("State", "state", f"valid, ends soon (within {rows.SOON_DAYS} days), expired, not yet valid, does not expire.", 16, facet=True, toned=True, order=("expired", "ends soon", "not yet valid", "valid", "does not expire")),
        Column("Issuer", "issuer", "Federated only: who issues the tokens that are exchanged.", 40, hidden=True),
        Column("Subject", "subject", "Federated only: whom those tokens are for.", 40, hidden=True),
        guid("Key ID", "key_id", "Id of the credential.", hidden=True),
    ),
    frozen=1,
    sources=(*_REGISTERED, "applications/federatedIdentityCredentials"),
)  # fmt: skip

CONSENTS = Sheet(
    "Consents", "consents", "Every grant as Graph holds it: one row for each app, permission and, for a user's own consent, user.",
    rows.consents, lambda run: len(run.consents),
    (
        Column("App name", "display_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID, hidden=True),
        Column("Resource", "resource", _RESOURCE, 24, facet=True),
        guid("Resource app ID", "resource_app_id", _RESOURCE_ID, hidden=True),
        Column("Permission", "permission", _PERMISSION, 34),
        Column("Type", "type", _TYPE, 12, facet=True),
        Column("Consent", "consent", "admin (for the whole tenant) or user (for one user).", 10, facet=True),
        guid("User ID", "principal_id", "The user who is consented for; empty for admin consent."),
        moment("Granted", "granted_at", "When (UTC); Graph tells it for application permissions alone, empty is not known."),
        guid("Record ID", "record_id", "Id of the permission grant or app role assignment.", hidden=True),
    ),
    frozen=1,
    sources=(*_GRANTED, "servicePrincipals"),
)  # fmt: skip

CONDITIONAL_ACCESS = Sheet(
    "Conditional Access", "conditional-access", "Conditional Access policies, with their conditions and controls in words.",
    rows.conditional_access, lambda run: len(run.conditional_access),
    (
        Column("Policy", "display_name", "Display name of the policy.", 36),
        guid("Policy ID", "policy_id", "Id of the policy.", hidden=True),
        Column("State", "state", "enabled, disabled, or enabledForReportingButNotEnforced (report-only).", 20, facet=True),
        Column("Users", "users", "Users, groups and roles it takes in.", 36, wrap=True),
        Column("Users except", "users_except", "Users, groups and roles it leaves out.", 36, wrap=True, hidden=True),
        Column("Resources", "resources", "Resources and user actions it takes in.", 36, wrap=True),
        Column("Resources except", "resources_except", "Resources it leaves out.", 36, wrap=True, hidden=True),
        Column("Workload identities", "workloads", "Service principals it takes in.", 30, wrap=True),
        Column("Workload identities except", "workloads_except", "Service principals it leaves out.", 30, wrap=True, hidden=True),
        Column("Other conditions", "other", "Client apps, platforms, locations, devices, risks, authentication flows, one a line.", 44, wrap=True),
        Column("Grant controls", "grant", "What it demands, or block.", 30, wrap=True),
        Column("Session controls", "session", "What it does to sessions, one a line.", 30, wrap=True, hidden=True),
        moment("Created", "created_at", "When it was created (UTC).", hidden=True),
        moment("Modified", "modified_at", "When it was last changed (UTC)."),
    ),
    frozen=1,
    sources=("identity/conditionalAccess/policies",),
)  # fmt: skip

CHECKS = Sheet(
    "Checks", "checks", "Every check and what came of it, passes and gaps too.",
    rows.checks, lambda run: len(run.checks),
    (
        Column("Check", "check", "Name of the check; its page is in the HTML report and under docs/checks.", 26),
        Column("Title", "title", "The good state that the check looks for.", 50, wrap=True),
        Column("Cause", "cause", "The documented cause of authorization errors it belongs to.", 36, wrap=True, facet=True),
        Column("Severity", "severity", "Severity of an ordinary finding.", 11, facet=True, toned=True, order=SEVERITIES),
        Column("Outcome", "outcome", "fail, pass, not-applicable, not-assessed (a gap), error (a gap).", 15, facet=True, toned=True, order=_OUTCOMES),
        number("Examined", "examined", "Objects it looked at."),
        number("Findings", "findings", "Its findings, known and waived ones included."),
        Column("Reason", "reason", "Why it was not assessed, or what broke.", 50, wrap=True),
        Column("Sources", "sources", "Sources without which it is not assessed.", 44, wrap=True, hidden=True),
        Column("Optional sources", "optional_sources", "Sources that sharpen it.", 36, wrap=True, hidden=True),
        link("Help", "help_url", "The page the rule comes from."),
        Column("Since", "since", "Version of Graph Auditor it came with.", 9, hidden=True),
        Column("Worst finding", "worst_severity", "The worst severity among its open findings.", 12, facet=True, toned=True, order=SEVERITIES, hidden=True),
    ),
    frozen=1,
)  # fmt: skip

COVERAGE = Sheet(
    "Coverage", "coverage", "Every source an audit reads, and what became of it.",
    lambda run: ({**record, "tables": _tables_of(record["source"])} for record in rows.coverage(run)), lambda run: len(run.coverage),
    (
        Column("Source", "source", "The source: its path in Microsoft Graph.", 46),
        Column("Status", "status", "read (whole), denied, unlicensed, skipped (on purpose), failed. Anything but read is a gap.", 12, facet=True, toned=True, order=_SOURCE_STATUSES),
        number("Objects", "objects", "Objects read."),
        number("Requests", "requests", "HTTP requests it took, retries included."),
        Column("Detail", "detail", "Why it was not read, or a remark on completeness.", 60, wrap=True),
        number("HTTP status", "http_status", "Graph's status where it refused."),
        Column("Error code", "error_code", "Graph's error code where it refused.", 28),
        Column("Permission", "permission", "The least application permission that opens it.", 34),
        Column("Role", "role", "The least directory role that opens it to a signed-in user.", 26, hidden=True),
        Column("Licence", "licence", "The licence it needs.", 26, hidden=True),
        Column("Affects", "affects", "Checks that lose by it when it is not read.", 46, wrap=True),
        Column("Tables", "tables", "Sheets and CSV files that lose by it when it is not read.", 30, hidden=True),
    ),
    frozen=1,
)  # fmt: skip

WAIVERS = Sheet(
    "Waivers", "waivers", "Accepted risks of the configuration, and what each of them covers.",
    rows.waivers, lambda run: len(run.waivers),
    (
        Column("Check", "check", "The check whose findings are accepted.", 26, facet=True),
        Column("App name", "app_name", _APP_NAME, 30),
        guid("App ID", "app_id", "The app it is limited to; empty for all.", hidden=True),
        Column("Permission", "permission", "The permission it is limited to; empty for all.", 30),
        Column("Reason", "reason", "Why the risk was accepted.", 50, wrap=True),
        Column("Owner", "owner", "Who accepted it.", 24),
        moment("Expires", "expires", "Until when; past it the findings count again.", width=13),
        flag("Expired", "expired", "TRUE if it no longer counts.", facet=True),
        number("Findings covered", "matched", "Findings it covers, or would cover had it not expired; 0 matches nothing."),
    ),
    frozen=1,
)  # fmt: skip

CHANGES = Sheet(
    "Changes", "changes", "What is new, gone or different since the baseline, worst first.",
    rows.changes, lambda run: len(run.changes or ()),
    (
        Column("Change", "kind", "new, gone or changed.", 11, facet=True, toned=True, order=("new", "changed", "gone")),
        Column("Thing", "thing", "What it is: app, permission, consent, credential, finding, directory role, policy, prediction.", 16, facet=True),
        Column("App name", "display_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID, hidden=True),
        Column("Summary", "summary", "One sentence: the object, and what became of it.", 60, wrap=True),
        Column("Before", "before", "The values that differ, as they were, one a line; empty for what is new.", 40, wrap=True),
        Column("After", "after", "The values that differ, as they are, one a line; empty for what is gone.", 40, wrap=True),
        Column("Key", "key", "The ids that name it.", 50, hidden=True),
    ),
    frozen=2,
    compared=True,
    empty="Nothing has changed since the baseline.",
)  # fmt: skip

SHEETS: tuple[Sheet, ...] = (
    FINDINGS, PERMISSIONS, PREDICTIONS, APPS, CREDENTIALS, CONSENTS, CONDITIONAL_ACCESS, CHECKS, COVERAGE, WAIVERS,
)  # fmt: skip
"""The data sheets in the workbook's order, behind ``Read me`` and ``Summary``."""


PAST_REVIEWS = Sheet(
    "Past reviews", "past-reviews", "Reviews of an earlier workbook whose finding this run does not have; they come back with it.",
    rows.past_reviews, rows.past_review_count,
    (
        Column("Severity", "severity", "How much the finding mattered.", 11, toned=True, order=SEVERITIES),
        Column("Check", "check", "The check that found it.", 24),
        Column("App name", "display_name", _APP_NAME, 30),
        guid("App ID", "app_id", _APP_ID),
        Column("Permission", "permission", "The permission concerned, where there was one.", 26, wrap=True),
        Column("Summary", "summary", "The finding in one sentence, as it was.", 56, wrap=True),
        Column("Why", "why", "Why this run does not have it: not found any more, its check gave no answer, or this run looked at other apps.", 26),
        *_REVIEW,
        Column("Fingerprint", "fingerprint", "Names the finding from run to run.", 23),
    ),
    frozen=3,
)  # fmt: skip
"""Of the workbook alone, and only where there is something on it: ``--review`` reads it again."""


def sheets_of(run: AuditRun) -> tuple[Sheet, ...]:
    """The sheets of one run: with a baseline, what changed since then comes last."""
    return SHEETS if run.changes is None else (*SHEETS, CHANGES)


def _tables_of(source: str) -> tuple[str, ...]:
    """Titles of the sheets whose facts come from a source."""
    return tuple(sheet.title for sheet in SHEETS if source in sheet.sources)
