"""token-invalid: no tenant shows a token, so an audit never reports it, and is complete without it."""

from __future__ import annotations

from auditor.audit.registry import registry
from auditor.audit.run import audit
from auditor.emulator.contoso import contoso
from tests.support import context_for, load_tenant


def test_an_audit_calls_it_not_applicable() -> None:
    tenant = load_tenant(contoso())
    (check,) = (one for one in registry() if one.META.slug == "token-invalid")
    run = audit(tenant, context_for(tenant), checks=[check])
    (result,) = run.checks
    assert (result.outcome, result.examined, result.findings) == ("not-applicable", 0, 0)
    assert run.is_complete
