"""The end of a plan: history and the plan's removal are one write; the request's end follows from the history."""

from modelalias.api.alias import Bearing, ModelAlias, ModelAliasStatus, Observed, Operation, Outcome, Plan
from modelalias.api.conditions import Cause, Reason
from modelalias.core.automatic import retention
from modelalias.core.ended_plan import (
    accepted,
    after_failure,
    after_success,
    is_rolled,
    own_epoch,
    present_version,
    strayed_at,
)
from modelalias.core.ledger import history
from modelalias.core.plan import workload_steps
from modelalias.core.plan.ended_since import EndedSince
from modelalias.core.plan.operations import RULES
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Again, AliasWrite, Decision, Draft
from modelalias.core.protocol.questions import VersionOf
from modelalias.core.requests import on_success
from modelalias.core.serving.look import look
from modelalias.core.status import alias_status, ways_out
from modelalias.ports import ModelVersion


def end_plan(context: Context, alias: ModelAlias, plan: Plan, outcome: Outcome, draft: Draft) -> Decision:
    """Write history and the plan's removal at once; the request's end follows from the history."""
    now, spec = context.now, alias.spec
    move = history.moved(plan, spec.alias)
    if outcome is Outcome.SUCCEEDED and alias.status.plan is not None:
        plan = plan.with_message(on_success.left_out(context, alias, alias.status.plan))
    version = move.to if outcome is Outcome.SUCCEEDED else present_version(context, alias)
    unmoved = alias.status.observed if move.named == move.to else None
    observed = Observed(
        version=version,
        at=unmoved.at if unmoved else now,
        epoch=plan.epoch if plan.bearing is Bearing.FORWARD else plan.epoch + 1,
        own_epoch=own_epoch(alias, plan),
        strayed_at=None
        if outcome is Outcome.SUCCEEDED and is_rolled(alias, plan)
        else strayed_at(alias, plan, version),
    )
    entry = history.entry(plan, spec, outcome, now)
    former, limit = alias.status.history, spec.history_limit
    status = alias.status.plan_ended(
        history.appended(former, entry, limit),
        observed,
        workload_steps.serving(alias, plan, context.facts, now),
    ).remembering(history.forgotten(former, limit))
    if plan.operation is Operation.RESTORE:
        status = status.set_back(now)
    if move.to is not None and version == move.to and outcome in {Outcome.SUCCEEDED, Outcome.FAILED}:
        status = status.with_current(accepted(alias, plan, move.to, now), move.from_)
    if outcome is Outcome.SUCCEEDED:
        status = retention.noticed(context, alias, status, _known_version(context, alias, move.to))
        _write_end(context, alias, after_success(alias, plan, status, context), draft)
    else:
        status = after_failure(alias, plan, outcome, status, context)
        stalls = outcome is Outcome.FAILED or RULES[plan.operation].stalls_when_undone
        undone = outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}
        fault = _standing_fault(context, alias, plan) if stalls and undone else None
        _write_end(context, alias, status, draft, fault)
    return draft.decision(Again())


def _standing_fault(context: Context, alias: ModelAlias, plan: Plan) -> Cause:
    """Return what is told until another move ends well: it was true then, so that it has its time."""
    way_on = "repair the workloads, then pin a version or file a request"
    if plan.request is not None:
        again, another = (
            ways_out.retry(alias.metadata.namespace, plan.request.name),
            ways_out.promote(alias, "N"),
        )
        way_on = f"once that is repaired: {again}, or {another}"
    to = history.moved(plan, alias.spec.alias).to or "none"
    what = f"the {plan.operation} to version {to} failed"
    return Cause(
        Reason.ROLLOUT_FAILED, f"at {context.now:%Y-%m-%d %H:%M} UTC {what}: {plan.message}; {way_on}"
    )


def _known_version(context: Context, alias: ModelAlias, number: str | None) -> ModelVersion | None:
    """Return a version as it was read in this pass; None where it was not."""
    known = None if number is None else context.facts.known(VersionOf(model=alias.spec.model, version=number))
    return known if isinstance(known, ModelVersion) else None


def end_as_recorded(
    context: Context, alias: ModelAlias, plan: Plan, ended: EndedSince, draft: Draft
) -> Decision:
    """Write history and the plan's removal at once; what the alias names since is another move's."""
    now, limit, former = context.now, alias.spec.history_limit, alias.status.history
    entry = history.entry(plan.with_message(ended.message), alias.spec, ended.outcome, now)
    observed = Observed(
        version=present_version(context, alias),
        at=now,
        epoch=plan.epoch + 1,
        own_epoch=own_epoch(alias, plan),
        strayed_at=strayed_at(alias, plan, None),
    )
    serving = workload_steps.serving(alias, plan, context.facts, now)
    status = alias.status.plan_ended(history.appended(former, entry, limit), observed, serving)
    _write_end(context, alias, status.remembering(history.forgotten(former, limit)), draft)
    return draft.decision(Again())


def _write_end(
    context: Context, alias: ModelAlias, status: ModelAliasStatus, draft: Draft, fault: Cause | None = None
) -> None:
    """Write a status without its plan: from here on the workloads are told as they stand."""
    seen = look(context, alias.with_status(status), draft, at_once=True)
    draft.writes.append(AliasWrite(alias_status.complete(context, alias, status.with_serving(seen), fault)))
