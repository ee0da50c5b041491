"""A Conditional Access policy in plain types: whom it targets, which resources it reaches, what it demands.

Parsed leniently: Graph adds members to policies, and a member of an unknown shape counts as absent. What a policy does to a
sign-in is ``policy_hits``'s, whether it concerns one user ``whom``'s.
https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auditor.reference.resources import AAD_GRAPH, GRAPH, resource_name
from auditor.reference.workloads import evaluated, services_behind_graph
from auditor.tenant.fields import Raw, part, texts

EVERYTHING, OFFICE = "all", "office365"
LOW_PRIVILEGE = frozenset({"email", "offline_access", "openid", "profile", "User.Read", "People.Read"})
LOW_PRIVILEGE_ENDS_AT = datetime(2026, 3, 1, tzinfo=UTC)
"""From then on, phased in, a policy on all resources with an exclusion is enforced for these permissions too.
https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps"""

Pair = tuple[str, str]
"""Resource app id and permission value."""


@dataclass(frozen=True)
class Whom:
    """The people a policy names. Ids are lower case."""

    users: frozenset[str]
    """Object ids, ``all``, ``none``, ``guestsorexternalusers``."""
    groups: frozenset[str]
    roles: frozenset[str]
    """Role template ids."""
    guest_types: frozenset[str]
    """guestOrExternalUserTypes, lower case: ``b2bcollaborationguest``, ``internalguest``, ..."""
    some_tenants: bool
    """Of those guests only the ones from tenants that are listed."""


@dataclass(frozen=True)
class Policy:
    """One policy. Ids are lower case."""

    id: str
    name: str
    enforced: bool
    """False: report-only."""
    resources: frozenset[str]
    """includeApplications, lower case: app ids, ``all``, ``office365``, ``microsoftadminportals``."""
    excluded: frozenset[str]
    everyone: bool
    """All users are included."""
    nobody: bool
    """No user at all is included, as in policies for workload identities."""
    exceptions: bool
    """Some users, groups, roles or guests are excluded."""
    included: Whom
    spared: Whom
    client_types: frozenset[str]
    device_code_only: bool
    """Applies to the device code flow alone."""
    other_transfer_only: bool
    """Applies to authentication transfer alone."""
    narrowed_by: tuple[str, ...]
    """Conditions in words that leave sign-ins out: locations, platforms, devices."""
    on_risk: bool
    """Applies only when a risk was found."""
    controls: frozenset[str]
    any_control_is_enough: bool
    principals: frozenset[str]
    """includeServicePrincipals: object ids, or ``serviceprincipalsinmytenant``."""
    spared_principals: frozenset[str]
    filtered: bool
    """A filter over service principals that cannot be evaluated here."""

    def covers(self, client_types: frozenset[str]) -> bool:
        """Whether sign-ins of any of these client types are in its scope."""
        return "all" in self.client_types or bool(self.client_types & client_types)

    @property
    def blocks(self) -> bool:
        """Whether it lets nobody in, whatever they prove."""
        return "block" in self.controls

    @property
    def concerns_users(self) -> bool:
        """Whether ordinary sign-ins of some users are in its scope: no risk found, and no session taken to another device."""
        return not (self.principals or self.nobody or self.on_risk or self.other_transfer_only)

    def fails(self, given: frozenset[str]) -> frozenset[str]:
        """The controls that a client which can give only these does not meet; empty if it gets through."""
        lacking = self.controls - given
        return frozenset() if self.any_control_is_enough and lacking != self.controls else lacking


def parse(row: Any) -> Policy | None:
    """A policy from a row of ``conditional_access``; None if it is off or demands nothing of a sign-in."""
    if row.state not in ("enabled", "enabledForReportingButNotEnforced"):
        return None
    conditions = row.conditions if isinstance(row.conditions, dict) else {}
    grant = row.grant_controls if isinstance(row.grant_controls, dict) else {}
    controls = _controls(grant)
    if not controls:
        return None
    applications, users = part(conditions, "applications"), part(conditions, "users")
    clients = part(conditions, "clientApplications")
    transfer = frozenset(_lower(_flags(part(conditions, "authenticationFlows").get("transferMethods"))))
    included = frozenset(_lower(texts(users, "includeUsers")))
    chosen = texts(users, "includeGroups") or texts(users, "includeRoles") or users.get("includeGuestsOrExternalUsers")
    excludes = any(texts(users, f"exclude{kind}") for kind in ("Users", "Groups", "Roles"))
    return Policy(
        id=str(row.policy_id),
        name=row.display_name if isinstance(row.display_name, str) else str(row.policy_id),
        enforced=row.state == "enabled",
        resources=frozenset(_lower(texts(applications, "includeApplications"))),
        excluded=frozenset(_lower(texts(applications, "excludeApplications"))),
        everyone="all" in included,
        nobody=not (included - {"none"}) and not chosen,
        exceptions=excludes or bool(users.get("excludeGuestsOrExternalUsers")),
        included=_whom(users, "include"),
        spared=_whom(users, "exclude"),
        client_types=frozenset(_lower(texts(conditions, "clientAppTypes"))) or frozenset({"all"}),
        device_code_only="devicecodeflow" in transfer,
        other_transfer_only=bool(transfer - {"none", "devicecodeflow"}) and "devicecodeflow" not in transfer,
        narrowed_by=_narrowing(conditions, applications),
        on_risk=any(texts(conditions, f"{kind}RiskLevels") for kind in ("signIn", "user", "servicePrincipal"))
        or bool(_flags(conditions.get("insiderRiskLevels"))),
        controls=controls,
        any_control_is_enough=str(grant.get("operator") or "OR").upper() != "AND",
        principals=frozenset(_lower(texts(clients, "includeServicePrincipals"))) - {"none"},
        spared_principals=frozenset(_lower(texts(clients, "excludeServicePrincipals"))),
        filtered=bool(part(clients, "servicePrincipalFilter")),
    )


def _whom(users: Raw, side: str) -> Whom:
    guests = part(users, f"{side}GuestsOrExternalUsers")
    tenants = part(guests, "externalTenants")
    return Whom(
        users=frozenset(_lower(texts(users, f"{side}Users"))),
        groups=frozenset(_lower(texts(users, f"{side}Groups"))),
        roles=frozenset(_lower(texts(users, f"{side}Roles"))),
        guest_types=frozenset(_lower(_flags(guests.get("guestOrExternalUserTypes")))) - {"none"},
        some_tenants=tenants.get("membershipKind") == "enumerated" or bool(texts(tenants, "members")),
    )


def _controls(grant: Any) -> frozenset[str]:
    controls = {control.lower() for control in texts(grant, "builtInControls")}
    if part(grant, "authenticationStrength"):
        controls.add("authenticationstrength")
    if texts(grant, "termsOfUse"):
        controls.add("termsofuse")
    if texts(grant, "customAuthenticationFactors"):
        controls.add("customfactor")
    return frozenset(controls)


def _narrowing(conditions: Any, applications: Any) -> tuple[str, ...]:
    words = []
    locations = part(conditions, "locations")
    if locations and (texts(locations, "excludeLocations") or "All" not in texts(locations, "includeLocations")):
        words.append("locations")
    platforms = part(conditions, "platforms")
    if platforms and (texts(platforms, "excludePlatforms") or "all" not in texts(platforms, "includePlatforms")):
        words.append("platforms")
    if part(part(conditions, "devices"), "deviceFilter"):
        words.append("a device filter")
    if part(applications, "applicationFilter"):
        words.append("an application filter")
    return tuple(words)


def _flags(value: Any) -> tuple[str, ...]:
    """The words of a flags enumeration, which Graph writes as one comma-separated string."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _lower(words: Iterable[str]) -> Iterable[str]:
    return (word.lower() for word in words)


@dataclass(frozen=True)
class Reach:
    """Which of an app's permissions a policy reaches."""

    services: tuple[str, ...]
    """Names of the resources reached, sorted; empty if none."""
    note: str | None = None
    """Why it is only possible, where it is."""
    guessed: bool = False
    """Reached only if a service that is not known is among the policy's targets."""


def reach(policy: Policy, permissions: frozenset[Pair], now: datetime) -> Reach:
    """The resources behind these permissions that the policy targets and does not exclude.

    Microsoft Graph is an umbrella: a policy is matched against the service behind each permission.
    """
    answers = {pair: _targets(policy, pair) for pair in permissions}
    sure = {pair for pair, answer in answers.items() if answer}
    low = EVERYTHING in policy.resources and bool(policy.excluded) and all(map(_low_privilege, sure))
    if sure and not (low and now < LOW_PRIVILEGE_ENDS_AT):
        note = "the app asks only for low-privilege permissions there, which such a policy covers since March 2026, phased in"
        return Reach(_services(sure), note if low else None)
    unsure = {pair for pair, answer in answers.items() if answer is None}
    if not unsure:
        return Reach(())
    names = ", ".join(sorted(permission for _, permission in unsure))
    return Reach(_services(unsure), f"it is not known whether the service behind {names} is among its targets", True)


def _low_privilege(pair: Pair) -> bool:
    return pair[0] in (GRAPH, AAD_GRAPH) and pair[1] in LOW_PRIVILEGE


def _targets(policy: Policy, pair: Pair) -> bool | None:
    """Whether the policy targets the service behind a permission; None where that hangs on what is not known of it."""
    resource, permission = pair
    service = evaluated(resource, permission)
    ids = {resource, *(service.resources if service else ())}
    unknown = service is None and resource == GRAPH
    office = service.office365 if service else (None if unknown else False)
    if ids & policy.excluded or (office and OFFICE in policy.excluded):
        return False
    if ids & policy.resources or (office and OFFICE in policy.resources):
        return True
    if EVERYTHING in policy.resources:
        return None if _may_name(policy.excluded, unknown, office) else True
    return None if _may_name(policy.resources, unknown, office) else False


def _may_name(targets: frozenset[str], unknown: bool, office: bool | None) -> bool:
    """Whether one of these targets may be the service, of which the id or the place in Office 365 is not known."""
    return (office is None and OFFICE in targets) or (unknown and not targets.isdisjoint(services_behind_graph()))


def _services(pairs: Iterable[Pair]) -> tuple[str, ...]:
    return tuple(sorted({_service(pair) for pair in pairs}))


def _service(pair: Pair) -> str:
    service = evaluated(*pair)
    if service is None and pair[0] == GRAPH:
        return f"the unknown service behind {pair[1]}"
    return service.name if service else resource_name(pair[0]) or pair[0]
