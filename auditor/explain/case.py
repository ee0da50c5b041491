"""What was given to explain, and the reasons that each input gives by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auditor.explain.carried import Fit, fit, flow_of
from auditor.explain.error import Error
from auditor.explain.faults import faults, is_final
from auditor.explain.finding import Reason
from auditor.explain.live import Live
from auditor.explain.token import Token
from auditor.explain.told import flow_of as flow_told
from auditor.explain.told import reasons
from auditor.predict.call import Call
from auditor.predict.verdict import Flow


@dataclass(frozen=True)
class Given:
    """What was given, read; None: not given."""

    now: datetime
    token: Token | None = None
    error: Error | None = None
    call: Call | None = None
    live: Live | None = None
    """What the tenant says, where one was asked for."""


@dataclass(frozen=True)
class Case:
    """The reasons of each input."""

    given: Given
    flow: Flow | None
    faults: Sequence[Reason]
    """Of the token by itself."""
    told: Sequence[Reason]
    """Of the answer by itself."""
    fit: Fit | None
    """Of the token against the call."""

    @property
    def final(self) -> Reason | None:
        """A fault for which Microsoft Graph refuses the token before it looks at permissions."""
        return next((one for one in self.faults if is_final(one)), None)

    @property
    def fault(self) -> Reason | None:
        """A fault that is more than possible."""
        return next((one for one in self.faults if one.certainty != "possible"), None)

    @property
    def misfit(self) -> Reason | None:
        """What stands between token and call, where it is more than possible."""
        return next((one for one in self.fit.reasons if one.certainty != "possible"), None) if self.fit else None


def case_of(given: Given) -> Case:
    """Each input judged by itself."""
    token, error, call = given.token, given.error, given.call
    flow = (flow_of(token) if token is not None else None) or (flow_told(error) if error is not None else None)
    return Case(
        given,
        flow,
        faults(token, given.now) if token is not None else [],
        reasons(error, flow) if error is not None else [],
        fit(token, call) if token is not None and call is not None and token.is_readable else None,
    )
