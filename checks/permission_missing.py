"""permission-missing: declared calls that no permission covers which the app requests or was granted.

Which call that is, the predictor says (``auditor.predict``), and the runner makes a finding of each call it denies for that reason.
A permission that is requested and waits for consent is ``consent-missing``'s, one of the wrong type
``permission-type-mismatch``'s.
"""

from __future__ import annotations

from auditor.audit.check import CheckMeta, Context, Examination
from auditor.tenant.tables import Tenant

META = CheckMeta(
    slug="permission-missing",
    title="Every declared call is covered by a permission that the app requests or holds",
    cause="403: the right set of permissions?",
    severity="high",
    sources=("applications", "servicePrincipals", "oauth2PermissionGrants", "servicePrincipals/appRoleAssignedTo"),
    help_url="https://learn.microsoft.com/graph/permissions-reference",
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """Counts the declared calls that were judged; those it denies are the runner's to tell, and counted there.

    Raises:
        RuntimeError: the predictor broke at a call, so that nobody knows whether it is covered.
    """
    for one in context.predictions:
        if "predictor_error" in one.evidence:
            raise RuntimeError(
                f"{one.call.text} of {one.app_id} could not be judged: {one.evidence['predictor_error']}"
            )
    return Examination(sum(one.verdict != "denied" or one.check != META.slug for one in context.predictions))
