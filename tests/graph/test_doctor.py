"""The doctor: who signed in, and which sources it may read, at the price of one small request a source."""

from __future__ import annotations

import pytest

from auditor.emulator.build import TenantBuilder
from auditor.emulator.contoso import contoso
from auditor.emulator.faults import Faults
from auditor.emulator.generate import large
from auditor.emulator.server import Emulator
from auditor.errors import GraphError, SignInError
from auditor.graph.doctor import Diagnosis, examine
from auditor.graph.signin import GivenToken
from auditor.graph.sources import SOURCES, least_permissions
from auditor.reference.clouds import CLOUDS
from tests.graph.scripted import FakeClock


def diagnose(emulator: Emulator, token: str | None = None, tenant: str | None = None) -> Diagnosis:
    return examine(
        GivenToken(token or emulator.auditor_token(), 4e9),
        cloud=CLOUDS["global"],
        graph_url=emulator.url,
        tenant=tenant,
        clock=FakeClock().clock,
    )


def test_a_sign_in_with_everything() -> None:
    data = contoso()
    with Emulator(data) as emulator:
        found = diagnose(emulator)
        assert emulator.writes == 0
    assert [state.source for state in found.states] == [spec.id for spec in SOURCES]
    assert {state.status for state in found.states} == {"read"}
    assert (found.tenant_id, found.tenant_name) == (data["tenant"]["id"], data["tenant"]["displayName"])
    assert found.kind == "app"
    assert set(found.signed_in.roles) == set(least_permissions())
    assert found.missing_permissions == ()


def test_it_costs_the_same_in_a_big_tenant() -> None:
    with Emulator(large(2000)) as emulator:
        assert diagnose(emulator).requests <= len(SOURCES) + 3
        assert emulator.settings.max_page_size == 999
        assert not [one for one in emulator.requests if "$top=999" in one.query]


@pytest.mark.parametrize("permission", least_permissions())
def test_each_permission_of_the_set_is_needed_or_covered(permission: str) -> None:
    """Without one of the set, exactly the sources that no other of them opens are denied."""
    rest = set(least_permissions()) - {permission}
    with Emulator(contoso()) as emulator:
        found = diagnose(emulator, emulator.auditor_token(without={permission}))
    denied = {state.source for state in found.states if state.status == "denied"}
    assert denied == {
        spec.id for spec in SOURCES if spec.permission == permission and not rest & set(spec.other_permissions)
    }
    assert found.missing_permissions == ((permission,) if denied else ())


def test_the_narrower_set_of_the_page_opens_everything() -> None:
    roles = {*least_permissions(), "DelegatedPermissionGrant.Read.All", "Organization.Read.All"} - {
        "Directory.Read.All"
    }
    with Emulator(contoso()) as emulator:
        assert {state.status for state in diagnose(emulator, emulator.token(roles=roles)).states} == {"read"}


def test_a_sign_in_that_may_read_nothing_still_gets_its_answer() -> None:
    with Emulator(contoso()) as emulator:
        found = diagnose(emulator, emulator.token(roles=("Mail.Read",)))
    assert {state.status for state in found.states} == {"denied"}
    assert found.missing_permissions == least_permissions()
    assert found.tenant_id == contoso()["tenant"]["id"]  # from the token


def test_a_user() -> None:
    tenant = TenantBuilder()
    tenant.user("Alice")
    with Emulator(tenant.data) as emulator:
        found = diagnose(emulator, emulator.token(scopes=("Application.Read.All",)))
    assert found.kind == "user"
    assert "delegated permission" in next(state.detail for state in found.states if state.status == "denied")


def test_what_collecting_works_around_the_doctor_does_not_call_broken() -> None:
    faults = Faults(refuse_expand=("application.federatedIdentityCredentials", "servicePrincipal.owners"))
    with Emulator(contoso(), faults=faults) as emulator:
        assert {state.status for state in diagnose(emulator).states} == {"read"}


def test_bad_tokens_and_hosts() -> None:
    with Emulator(contoso()) as emulator:
        with pytest.raises(SignInError, match="expired"):
            diagnose(emulator, emulator.token(expires_in=-1))
        with pytest.raises(SignInError, match=r"fabrikam\.com was asked for"):
            diagnose(emulator, tenant="fabrikam.com")
    gone = Emulator(contoso()).start()
    url, token = gone.url, gone.auditor_token()
    gone.stop()
    with pytest.raises(GraphError, match="cannot be reached"):
        examine(GivenToken(token, 4e9), cloud=CLOUDS["global"], graph_url=url, clock=FakeClock().clock)
