"""What the token of a call carries: stage 2 of a request.

Application permissions come from this very service principal's app role assignments (a registration's reach no managed
identity, a group's reach no app), delegated ones from the OAuth2 permission grants for everybody and for this user.
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from auditor.predict.subject import DANGLING, Holding, Subject
from auditor.predict.verdict import Question
from auditor.reference.first_party import FirstPartyClient, first_party_client
from auditor.reference.resources import GRAPH

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Token:
    """Permissions of Microsoft Graph by what became of them, names as Graph writes them."""

    held: frozenset[str] = NOBODY
    """In the token."""
    others: frozenset[str] = NOBODY
    """Delegated, consented to by single users: not this one, or it is not known who signs in."""
    consentable: frozenset[str] = NOBODY
    """Requested, not granted, and the user may consent alone at sign-in."""
    missing: frozenset[str] = NOBODY
    """Requested, and only an admin can grant it; nobody has."""
    blocked: frozenset[str] = NOBODY
    """Requested, users would have to consent, and they may not."""
    undecided: frozenset[str] = NOBODY
    """Requested, and whether it is granted, or users may consent, was not read."""
    dangling: frozenset[str] = NOBODY
    """Requested or granted, and not published by Microsoft Graph in this form."""
    wrong_type: frozenset[str] = NOBODY
    """Of the other type, requested or granted: never in this token."""
    elsewhere: frozenset[tuple[str, str]] = frozenset()
    """(Resource app id, permission): granted or requested on another API."""
    by_group: frozenset[str] = NOBODY
    """Ids of application permissions that a group holds."""
    known: bool = True
    """Whether what the token carries was read whole."""
    requests_known: bool = True
    """Whether the registration can be seen, so that what is not requested is known not to be."""
    opaque: bool = False
    """A Microsoft client whose permissions no tenant shows."""
    client: FirstPartyClient | None = None
    """The Microsoft client it is, where that is known."""

    @property
    def asked(self) -> frozenset[str]:
        """Requested and not granted, whatever the reason."""
        return self.consentable | self.missing | self.blocked | self.undecided


def token(who: Subject, question: Question, user_id: str | None) -> Token:
    """What a token for Microsoft Graph carries in this flow.

    Args:
        who: the app.
        question: flow and account.
        user_id: object id of the user who signs in; None: not known.
    """
    if question.flow == "app-only":
        return _application(who)
    if question.account == "personal":
        return _personal(who)
    return _delegated(who, user_id)


def _here(who: Subject, type_: str) -> Iterable[Holding]:
    return (one for one in who.holdings if one.type == type_ and one.resource_app_id == GRAPH and one.permission)


def _names(rows: Iterable[Holding]) -> frozenset[str]:
    return frozenset(row.permission for row in rows if row.permission)


def _wanted(row: Holding) -> bool:
    return bool(row.requested or row.granted)


def _elsewhere(who: Subject, type_: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (row.resource_app_id, row.permission)
        for row in who.holdings
        if row.type == type_ and row.resource_app_id not in (GRAPH, None) and row.permission and _wanted(row)
        if row.resource_app_id
    )


def _requests_known(who: Subject) -> bool:
    return who.has_registration


def _application(who: Subject) -> Token:
    rows = list(_here(who, "application"))
    living = [row for row in rows if row.status not in DANGLING]
    asked = [row for row in living if row.requested and not row.granted]
    return Token(
        held=_names(row for row in living if row.granted),
        missing=_names(row for row in asked if row.granted is False),
        undecided=_names(row for row in asked if row.granted is None),
        dangling=_names(row for row in rows if row.status in DANGLING and _wanted(row)),
        wrong_type=_names(row for row in _here(who, "delegated") if _wanted(row)),
        elsewhere=_elsewhere(who, "application"),
        by_group=frozenset(permission for resource, permission in who.group_held if resource == GRAPH),
        known=who.planned or who.assignments_read,
        requests_known=_requests_known(who),
    )


def _delegated(who: Subject, user_id: str | None) -> Token:
    rows = list(_here(who, "delegated"))
    living = [row for row in rows if row.status not in DANGLING]
    names = {row.permission for row in rows if row.status in DANGLING}
    scopes = [one for one in who.scopes or () if one.resource_app_id == GRAPH and one.permission not in names]
    mine = frozenset(one.permission for one in scopes if one.principal_id in (None, user_id))
    others = frozenset(one.permission for one in scopes) - mine
    client = first_party_client(who.app_id)
    known_scopes = frozenset(client.scopes) if client is not None else NOBODY
    held = mine | known_scopes | _names(row for row in living if row.status == "preauthorized")
    asked = [row for row in living if row.requested and row.permission not in held]
    return Token(
        held=held,
        others=others - held,
        consentable=_names(row for row in asked if row.status == "user-consentable"),
        missing=_names(row for row in asked if row.status == "not-consented" and row.admin_only is not False),
        blocked=_names(row for row in asked if row.status == "not-consented" and row.admin_only is False),
        undecided=_names(row for row in asked if row.status is None),
        dangling=_names(row for row in rows if row.status in DANGLING and _wanted(row)) - held,
        wrong_type=_names(row for row in _here(who, "application") if _wanted(row)),
        elsewhere=_elsewhere(who, "delegated"),
        known=who.planned or who.scopes is not None,
        requests_known=_requests_known(who),
        opaque=who.kind == "first-party" and (client is None or not client.scopes_known),
        client=client,
    )


def _personal(who: Subject) -> Token:
    """Consents of personal accounts are in no tenant: what the registration requests is what the user can consent to."""
    rows = [row for row in _here(who, "delegated") if row.status not in DANGLING and _wanted(row)]
    return Token(
        consentable=_names(rows),
        wrong_type=_names(row for row in _here(who, "application") if _wanted(row)),
        known=False,
        requests_known=_requests_known(who),
        opaque=who.kind == "first-party",
    )
