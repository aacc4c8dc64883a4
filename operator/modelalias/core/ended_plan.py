"""What is remembered of a plan that ended: what was accepted, what is on hold, which pods may have strayed."""

from datetime import datetime

from modelalias.api.alias import (
    Bearing,
    Hold,
    LoadMode,
    ModelAlias,
    ModelAliasStatus,
    NamedVersion,
    Operation,
    Outcome,
    Plan,
    RolledBackVersion,
)
from modelalias.api.conditions import Reason
from modelalias.core.errors import ModelNotFound
from modelalias.core.ledger import history
from modelalias.core.ledger.accepted import judged_before
from modelalias.core.plan.operations import RULES, HoldChange
from modelalias.core.protocol.context import Context


def accepted(alias: ModelAlias, plan: Plan, version: str, now: datetime) -> NamedVersion:
    """Return the version that a plan came to; one that was accepted before it stays as it was."""
    current = alias.status.current
    if current is not None and current.version == version and current.registered_at == plan.registered_at:
        return current
    return NamedVersion(
        version=version,
        run_id=plan.run_id,
        registered_at=plan.registered_at,
        judged=plan.judged or judged_before(alias.status, version, plan.registered_at),
        since=now,
        request=request_name(plan),
        actor=plan.actor,
    )


def strayed_at(alias: ModelAlias, plan: Plan, version: str | None) -> datetime | None:
    """Return since when the alias may have led pods astray that a plan did not replace for good."""
    known = None if alias.status.observed is None else alias.status.observed.strayed_at
    move = history.moved(plan, alias.spec.alias)
    led_to = move.to if plan.bearing is Bearing.FORWARD else move.from_
    return known or (plan.started_at if move.drifted or version != led_to else None)


def is_rolled(alias: ModelAlias, plan: Plan) -> bool:
    """Return whether a plan gave the workloads their marks: one that sets the alias back may leave them alone."""
    return bool(plan.serving) or not alias.spec.serving or plan.operation is not Operation.RESTORE


def own_epoch(alias: ModelAlias, plan: Plan) -> int:
    """Return the epoch that the marks have now; a plan that was undone before it rolled anything left them."""
    observed = alias.status.observed
    if plan.bearing is Bearing.FORWARD:
        return plan.epoch if is_rolled(alias, plan) or observed is None else observed.rolled
    untouched = all(item.back == item.from_ for item in plan.serving if item.mode is LoadMode.ALIAS)
    return observed.rolled if untouched and observed is not None else plan.epoch + 1


def present_version(context: Context, alias: ModelAlias) -> str | None:
    """Return what the alias names in the registry now."""
    try:
        return context.facts.aliases(alias.spec.model).get(alias.spec.alias)
    except ModelNotFound:
        return None


def after_success(
    alias: ModelAlias, plan: Plan, status: ModelAliasStatus, context: Context
) -> ModelAliasStatus:
    """Remember what was gone back from, so that nothing takes it up again by itself.

    Another move ends the hold.
    """
    move = history.moved(plan, alias.spec.alias)
    change = RULES[plan.operation].after_success
    if (
        change is HoldChange.KEEPS
    ):  # an alias that was set back names what it did: nobody chose that version anew
        return status if move.from_ == move.to else status.taken_up(move.to)
    if change is HoldChange.CLEARS:
        return status.released(move.to)
    left = [item for item in dict.fromkeys((move.from_, move.named)) if item not in {None, move.to}]
    if not left:
        return status
    status = status.on_hold(
        Hold(reason=str(Outcome.ROLLED_BACK), request=request_name(plan), since=context.now)
    )
    by_itself = plan.actor is not None and plan.actor == context.by_itself.account
    why = str(Reason.BREACHED if by_itself else plan.operation)
    for version in left:
        gone = RolledBackVersion(version=version, reason=why, at=context.now)
        status = status.with_rolled_back(gone, returned=move.to)
    return status


def after_failure(
    alias: ModelAlias, plan: Plan, outcome: Outcome, status: ModelAliasStatus, context: Context
) -> ModelAliasStatus:
    """Remember a failed move: what stops automatic steps, and what was rolled back."""
    if outcome is Outcome.ABORTED or plan.failure == Reason.STALE_CHAMPION:
        return status
    move = history.moved(plan, alias.spec.alias)
    status = status.on_hold(Hold(reason=str(outcome), request=request_name(plan), since=context.now))
    if outcome is not Outcome.ROLLED_BACK or move.to is None or move.to == move.from_:
        return status
    reason = plan.failure or str(outcome)
    return status.with_rolled_back(RolledBackVersion(version=move.to, reason=reason, at=context.now))


def request_name(plan: Plan) -> str | None:
    """Return the name of the request that a plan carried out."""
    return plan.request.name if plan.request else None
