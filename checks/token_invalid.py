"""token-invalid: the token of a request is missing, malformed, expired, not valid yet, or was called back.

No tenant shows the tokens that an app sends, so there is nothing to examine here: ``auditor explain`` tells this cause. The
module gives it its page and its place among the documented causes.
"""

from __future__ import annotations

from auditor.audit.check import RESOLVE_PAGE, CheckMeta, Context, Examination
from auditor.tenant.tables import Tenant

META = CheckMeta(
    slug="token-invalid",
    title="Requests carry a valid token (told by auditor explain alone)",
    cause="401: is the token valid?",
    severity="info",
    sources=(),
    help_url=RESOLVE_PAGE,
)


def examine(tenant: Tenant, context: Context) -> Examination:
    """Nothing: a tenant holds no tokens. The outcome is ``not-applicable``."""
    del tenant, context
    return Examination(0)
