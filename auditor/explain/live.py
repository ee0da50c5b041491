"""What a tenant or a snapshot says about a token and a call: the predictor's verdict, and what was granted since.

A token keeps what it was issued with: a permission granted later is not in it, and one taken away still is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from auditor.explain.carried import Fit, flow_of
from auditor.explain.error import Error
from auditor.explain.faults import moment
from auditor.explain.finding import Reason
from auditor.explain.pasted import GUID
from auditor.explain.token import Token
from auditor.explain.told import listed
from auditor.predict import assignment, signin
from auditor.predict.authorization import judge
from auditor.predict.call import Call
from auditor.predict.subject import subject
from auditor.predict.token import token as granted_now
from auditor.predict.verdict import Account, Certainty, Flow, Obstacle, Prediction, Question
from auditor.predict.walk import predict, questions, settle
from auditor.tenant.tables import Tenant

_REFINED = (
    "permission-missing",
    "consent-missing",
    "permission-type-mismatch",
    "user-privilege",
    "workload-policy",
    None,
)
"""Causes that a tenant tells more exactly than a token or an answer."""
_SIGN_IN = ("credential-expired", "sign-in-blocked", "conditional-access")
"""Causes for which no token is issued."""


@dataclass(frozen=True)
class Live:
    """What the tenant says."""

    tenant_id: str
    tenant_name: str
    collected_at: datetime
    app_id: str = ""
    app_name: str = ""
    prediction: Prediction | None = None
    obstacle: Obstacle | None = None
    """What stands against signing in at all, where no call was given."""
    token_permissions: frozenset[str] | None = None
    """Lower case; None without a readable token."""
    granted_since: tuple[str, ...] = ()
    """Permissions that the app holds by now and the token lacks."""
    gone: tuple[str, ...] = ()
    """Permissions of the token that the app does not hold any more."""
    issued_at: datetime | None = None
    is_managed_identity: bool = False
    notes: tuple[str, ...] = field(default=())

    def refine(self, main: Reason, fit: Fit | None) -> tuple[Reason, list[str]]:
        """The main reason with what the tenant knows better, and more sentences."""
        notes = list(self.notes)
        stale = self._stale(main, fit)
        if stale is not None:
            return stale, [*notes, main.text]
        if self.gone:
            notes.append(
                f"The token carries {listed(self.gone)}, which {self._app} does not hold any more: the next token will lack it."
            )
        found = self._from_prediction()
        if found is not None and found.certainty == "possible" and main.cause is None:
            return main, [*notes, f"In the tenant: {found.text}"]  # the token is there, and nothing is wrong with it
        if found is None or main.not_configuration or (main.certainty == "certain" and main.cause not in _REFINED):
            return main, (
                [*notes, f"In the tenant: {found.text}"] if found is not None and found.text != main.text else notes
            )
        if main.cause in _REFINED or main.is_open or found.cause == main.cause:
            return replace(found, also=tuple(dict.fromkeys((*found.also, *((main.cause,) if main.cause else ()))))), [
                *notes,
                main.text,
            ]
        return main, [*notes, f"In the tenant: {found.text}"]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "id": self.tenant_id,
            "display_name": self.tenant_name or None,
            "collected_at": f"{self.collected_at:%Y-%m-%dT%H:%M:%SZ}",
            "app_id": self.app_id or None,
            "app_name": self.app_name or None,
            "granted_since_token": list(self.granted_since),
            "no_longer_granted": list(self.gone),
        }

    @property
    def _app(self) -> str:
        return self.app_name or f"the app {self.app_id}"

    def _stale(self, main: Reason, fit: Fit | None) -> Reason | None:
        """The token lacks what the tenant grants by now."""
        if (
            main.cause not in ("permission-missing", "consent-missing", "permission-type-mismatch")
            or not self.granted_since
        ):
            return None
        wanted = {
            part.strip().lower() for need in (*main.needs, *(fit.needs if fit else ())) for part in need.split("+")
        }
        opens = self.prediction is not None and self.prediction.verdict in ("allowed", "depends")
        by_now = tuple(name for name in self.granted_since if name.lower() in wanted)
        if not opens and (self.prediction is not None or (wanted and not by_now)):
            return None
        names = by_now or (self.prediction.granted_by if self.prediction is not None else ()) or self.granted_since
        when = f" (issued {moment(self.issued_at)})" if self.issued_at is not None else ""
        slow = " Tokens of a managed identity are kept for up to 24 hours, and cannot be renewed sooner."
        return Reason(
            None,
            "likely",
            f"{self._app} holds {listed(tuple(names), 4)} in the tenant by now, and the token{when} lacks it: it was granted after the "
            "token was issued.",
            "Get a new token (restart what keeps it, empty its token cache)."
            + (slow if self.is_managed_identity else ""),
            also=("token-invalid",),
            not_configuration=True,
        )

    def _from_prediction(self) -> Reason | None:
        if self.obstacle is not None:
            certainty: Certainty = self.obstacle.certainty
            text = self.obstacle.reason[:1].upper() + self.obstacle.reason[1:]
            return Reason(self.obstacle.check, certainty, text, self.obstacle.fix, needs=self.obstacle.needs)
        found = self.prediction
        if found is not None and found.check in _SIGN_IN and self.token_permissions is not None:
            return None
        if found is None or found.check is None or found.verdict not in ("denied", "depends"):
            return None
        return Reason(found.check, found.certainty, found.reason, found.fix, also=found.also, needs=found.needs)


def examine(tenant: Tenant, token: Token | None, error: Error | None, call: Call | None, flow: Flow | None) -> Live:
    """What the tenant says about the app of a token, or the app that an answer names.

    Args:
        tenant: not restricted; its users are those of the token, if it was read for it.
        token: None or unreadable: the app is taken from the answer's text.
        flow: of the token, or as the answer tells it.

    Raises:
        InputError: the snapshot is damaged.
    """
    live = Live(tenant.id, tenant.display_name, tenant.collected_at)
    if token is not None and token.tenant_id and token.tenant_id != tenant.id.lower():
        note = f"The token is of the tenant {token.tenant_id}, and not of {tenant.id}, which was looked at; nothing follows from it."
        return replace(live, notes=(note,))
    app_id = app_of(token, error, tenant)
    if not app_id:
        return replace(live, notes=("Neither token nor answer names an app of this tenant.",))
    who = subject(tenant, app_id)
    flow = (flow_of(token) if token is not None else None) or flow
    live = replace(live, app_id=app_id, app_name=who.name, is_managed_identity=who.kind == "managed-identity")
    if tenant.scope and app_id not in tenant.scope:
        return replace(live, notes=(f"The snapshot is limited to other apps than {app_id}; nothing follows from it.",))
    users = (
        tuple(name for name in (token.user, token.object_id) if name)[:1]
        if token is not None and flow == "delegated"
        else ()
    )
    account: Account = "personal" if token is not None and token.is_personal else "work"
    if call is not None:
        asked = questions(app_id, [call], flow=flow, users=users, account=account, tenant=tenant)
        found = settle([predict(one, tenant) for one in asked], flow)
        live = replace(live, prediction=_worst(found))
        if (
            token is not None
            and token.is_readable
            and live.prediction is not None
            and live.prediction.check in _SIGN_IN
        ):
            # There is a token, so the sign-in worked: what comes after it is the cause.
            live = replace(live, obstacle=_after_sign_in(tenant, live.prediction, users, account, token))
    else:
        question = Question(
            app_id, Call("GET /organization", "GET", "/organization"), flow or "app-only", users, account
        )
        live = replace(live, obstacle=_sign_in(tenant, question))
    if token is None or not token.is_readable or flow is None or account == "personal":
        return live
    question = Question(app_id, call or Call("GET /organization", "GET", "/organization"), flow, users)
    return _compared(live, tenant, question, token)


def app_named(token: Token | None, error: Error | None) -> str:
    """The app id that a token carries, or that an answer calls one; else empty."""
    if token is not None and token.app_id:
        return token.app_id
    if error is None:
        return ""
    named = re.search(r"\bapp(?:lication)?(?: with)?(?: identifier| id)?:?\s*'([0-9a-f-]{36})'", error.text)
    return named[1] if named and GUID.fullmatch(named[1]) else ""


def app_of(token: Token | None, error: Error | None, tenant: Tenant) -> str:
    """The app id that a token or an answer names; of an answer also any id in it that is one of the tenant's apps."""
    named = app_named(token, error)
    if named or error is None:
        return named
    known = set(tenant.apps["app_id"])
    found = [one for one in dict.fromkeys(GUID.findall(error.text)) if one in known]
    return found[0] if len(found) == 1 else ""


def _worst(found: Sequence[Prediction]) -> Prediction | None:
    order = ("denied", "depends", "unknown", "allowed")
    return min(found, key=lambda one: order.index(one.verdict), default=None)


def _after_sign_in(
    tenant: Tenant, found: Prediction, users: tuple[str, ...], account: Account, token: Token
) -> Obstacle | None:
    """What stage 3 says of the call, with what the tenant grants."""
    who = subject(tenant, found.app_id)
    question = Question(found.app_id, found.call, found.flow, users, account)
    now = granted_now(who, question, token.object_id or None)
    return next(iter(judge(who, question, now).obstacles), None)


def _sign_in(tenant: Tenant, question: Question) -> Obstacle | None:
    """What keeps the app from getting tokens, whatever it calls."""
    who = subject(tenant, question.app_id)
    found = [*signin.obstacles(who, question, tenant)]
    if who.row is not None:
        found += assignment.obstacles(who.row, question, tenant, None)
    return next((one for one in found if one.certainty != "possible"), None)


def _compared(live: Live, tenant: Tenant, question: Question, token: Token) -> Live:
    """The token's permissions against what the app holds by now."""
    who = subject(tenant, question.app_id)
    user_id = token.object_id or None if question.flow == "delegated" else None
    now = granted_now(who, question, user_id)
    if not now.known or now.opaque:
        return replace(live, issued_at=token.issued_at)
    carried = {name.lower() for name in token.permissions}
    held = {name.lower() for name in now.held | now.others}
    basic = {"openid", "profile", "email", "offline_access"}
    notes = list(live.notes)
    if token.issued_at is not None and token.issued_at > tenant.collected_at:
        notes.append(f"The token is younger than what was read of the tenant ({moment(tenant.collected_at)}).")
    gone = tuple(name for name in token.permissions if name.lower() not in held | basic)
    if who.row is None:  # nothing was taken from an app that is not there
        gone = ()
        if who.lists_read:
            notes.append(f"The tenant that was looked at has no app {question.app_id}.")
    return replace(
        live,
        token_permissions=frozenset(carried),
        granted_since=tuple(sorted(name for name in now.held if name.lower() not in carried | basic)),
        gone=gone,
        issued_at=token.issued_at,
        notes=tuple(notes),
    )
