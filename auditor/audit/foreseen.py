"""The predictor asked about every declared call, before the checks: what they are given as ``Context.predictions``.

Which calls an app makes is in the configuration (``[[apps]]``) or on the command line (``auditor check``); what becomes of a
call is ``auditor.predict.walk``'s. Findings about denied calls are ``denied``'s.
"""

from __future__ import annotations

from itertools import groupby

from auditor.audit.check import Context
from auditor.errors import AuditorError
from auditor.predict.call import Call, parse_call
from auditor.predict.verdict import Prediction, Question
from auditor.predict.walk import predict, questions, settle
from auditor.tenant.tables import Tenant


def foresee(tenant: Tenant, context: Context, app_ids: frozenset[str] = frozenset()) -> list[Prediction]:
    """One prediction for each declared call of each app and flow, by app id, call and flow.

    An app that the tenant does not have is judged too: its calls fail for want of a service principal.

    Args:
        tenant: the whole tenant.
        context: its declared apps.
        app_ids: only these apps; empty: all.

    Raises:
        InputError: a declared call is none; it says what was expected.
    """
    made: list[Prediction] = []
    for app_id, app in sorted(context.apps.items()):
        if not app.calls or (app_ids and app_id not in app_ids):
            continue
        asked = questions(
            app_id,
            _once(app.calls),
            flow=app.flow,
            users=app.users,
            account=app.account,
            resource=app.resource,
            tenant=tenant,
        )
        for _, same in groupby(asked, key=lambda question: question.call):
            made += settle([_predicted(question, tenant) for question in same], app.flow)
    return sorted(made, key=lambda one: (one.app_id, one.call.text, one.flow))


def _once(texts: tuple[str, ...]) -> list[Call]:
    """The calls, each once in its normal form: two spellings of one call would be one finding told twice."""
    calls = [parse_call(text) for text in texts]
    return list({call.text: call for call in calls}.values())


def _predicted(question: Question, tenant: Tenant) -> Prediction:
    """The verdict; where the predictor itself breaks, the call is unknown, and ``permission-missing`` ends as error."""
    try:
        return predict(question, tenant)
    except AuditorError:
        raise
    except Exception as error:  # one call must not take the audit with it; the outcome of a check says so
        broken = f"the predictor stopped with {type(error).__name__}: {error}; please report this"
        return Prediction(
            question.app_id,
            question.flow,
            question.call,
            "unknown",
            f"This call could not be judged, because {broken}.",
            evidence={"predictor_error": broken},
        )
