"""delegated-only-api: an app without users asks for APIs that Microsoft Graph offers to signed-in users only.

Password reset above all. Told here: delegated permissions of app-only apps whose calls no application permission opens.
Delegated permissions whose calls have an application permission are ``permission-type-mismatch``'s.
"""

from __future__ import annotations

from auditor.audit import remedy
from auditor.audit.check import CheckMeta, Context, Examination, Finding, Remediation
from auditor.reference import catalog
from auditor.reference.forms import counterpart
from auditor.tenant.tables import Tenant
from checks import _types
from checks._rows import refusal_code

HELP = "https://learn.microsoft.com/graph/api/authenticationmethod-resetpassword"

META = CheckMeta(
    slug="delegated-only-api",
    title="Apps without users do not depend on APIs for signed-in users",
    cause="403: resetting a password",
    severity="high",
    sources=_types.SOURCES,
    optional_sources=_types.OPTIONAL_SOURCES,
    help_url=HELP,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """One finding for each delegated permission of an app-only app whose calls no application permission opens."""
    examined, found = _types.wrong_types(tenant, context)
    return Examination(examined, [_finding(one, tenant, context) for one in found if one.slug == META.slug])


def delegated_only_calls(permission: str) -> list[str]:
    """Calls that only signed-in users can make with this permission, password reset first."""
    calls = [f"{method} {path}" for method, path in counterpart(permission, "delegated").only_here]
    reset = _types.PASSWORD_RESET.get(permission)
    if not calls:
        calls = [f"{method} {path}" for method, path in catalog.load().delegated_only_calls(permission)]
    return [reset, *calls] if reset else calls


def _finding(found: _types.WrongType, tenant: Tenant, context: Context) -> Finding:
    row, app = found.row, found.app
    name = row.permission or ""
    calls = delegated_only_calls(name)
    resets = name in _types.PASSWORD_RESET
    if name == _types.AS_USER:
        what = "the permission only lends the rights of a signed-in user"
    elif resets:
        what = "no application permission resets a password through the authentication methods API"
    else:
        what = "no application permission opens its calls"
    return Finding(
        check=META.slug,
        severity=found.severity,
        certainty=found.certainty,
        summary=f"{app.name} asks for the delegated permission {name} on {row.resource}, but it has no signed-in user "
        f"({app.flow_evidence}), and {what}.",
        remediation=_remediation(found, resets, tenant, context),
        app_id=app.app_id,
        display_name=app.name,
        **row.subject,
        flow="app-only",
        http_status=403,
        error_code=refusal_code(row.resource_app_id, name),
        evidence={
            **_types.evidence(found),
            "delegated_only_calls": calls[:10],
            "delegated_only_calls_count": len(calls),
        },
        help_url=HELP if resets else "https://learn.microsoft.com/graph/permissions-reference",
    )


def _remediation(found: _types.WrongType, resets: bool, tenant: Tenant, context: Context) -> Remediation:
    row, app = found.row, found.app
    registered = app.kind == "registration"
    link = remedy.app_link(context, app.app_id, None if registered else app.service_principal_id)
    if row.permission == _types.AS_USER:
        text = (
            "Make the calls from an app that signs a user in, or request the application permission of each call. To set "
            f"passwords without a user, PATCH /users/{{id}} with passwordProfile has the application permission "
            f"{_types.PASSWORD_PROFILE}; resetPassword has none. Remove {row.label} from this app."
        )
        return Remediation(text, _types.repair(found, None, context, ""), link)
    if not resets:
        text = (
            "Make these calls from an app that signs a user in, with that user's rights, or replace them by calls that have "
            f"an application permission; remove {row.label} from this app."
        )
        return Remediation(text, _types.repair(found, None, context, ""), link)
    instead = _types.PASSWORD_PROFILE
    offered = _types.id_of(tenant, row.resource_app_id, "application", instead)
    text = (
        f"To set passwords without a user, call PATCH /users/{{id}} with passwordProfile and hold the application permission "
        f"{instead}; the service principal needs a directory role above the users it resets (User Administrator for users "
        "without a role). Other authentication methods have application permissions of their own. resetPassword itself "
        "needs a signed-in Authentication Administrator."
    )
    return Remediation(text, _types.repair(found, offered, context, instead), link)
