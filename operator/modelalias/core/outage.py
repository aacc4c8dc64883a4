"""While the registry does not answer nothing moves: what is told, and what is looked at all the same."""

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.conditions import Cause, Reason
from modelalias.core.automatic import filing
from modelalias.core.blocked import why_blocked
from modelalias.core.plan import rule_faults
from modelalias.core.protocol.answers import NotReady
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import AliasWrite, Decision, Draft, RequestWrite
from modelalias.core.requests import too_many
from modelalias.core.serving.look import look
from modelalias.core.status import alias_status, request_status


def wait_for_registry(context: Context, alias: ModelAlias, why: Cause, draft: Draft) -> Decision:
    """While the registry does not answer nothing moves.

    Only the condition tells of it, and new requests learn why they wait.
    """
    rests = alias.status.plan is None
    blocked = why_blocked(context, alias) if rests else None
    fault = (context.policies.problem or rule_faults.fault(alias)) if rests else None
    stalled = blocked or fault or alias_status.standing_failure(alias)
    status = _while_away(context, alias, draft)
    draft.writes.append(AliasWrite(alias_status.complete(context, alias, status, stalled)))
    wait = NotReady(why.reason, f"waits: {why.message}")
    for request in too_many.refuse_all(context, context.requests, draft):
        if request.status.phase is None:
            draft.writes.append(RequestWrite(request, request_status.waiting(request, wait, context.now)))
    return draft.decision()


def in_an_outage(problem: Cause) -> Cause:
    """Return what requests wait for: a refusal says what to mend, silence has many sentences that alternate."""
    is_refused = problem.reason is Reason.AUTH_FAILED
    return problem if is_refused else Cause(problem.reason, "the registry does not answer")


def _while_away(context: Context, alias: ModelAlias, draft: Draft) -> ModelAliasStatus:
    """Look at the workloads all the same; while pods cannot load, the deadline of a plan does not count."""
    if alias.status.plan is None:
        status = filing.while_away(context, alias, draft)
        return status.with_serving(look(context, alias, draft))
    status = alias.status
    if status.plan is None or status.plan.rolling_since is None:
        return status
    return status.with_plan(status.plan.clock_stopped(Reason.UNREACHABLE, context.now))
