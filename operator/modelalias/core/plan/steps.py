"""The next single step of a plan, found by comparing the world with the plan.

Nothing remembers how far a plan came. Each step looks at the aliases, the version's record and the workloads,
and does the first thing that is not yet as the plan wants it; so a restart at any point goes on where it
stood, and a step that was done is not done again. Forward: aliases, record, workloads by waves, source alias;
when every workload is pinned, workloads first, so that a bad rollout never moved the alias. Backward: aliases
in reverse, records, source alias, workloads.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from modelalias.api.alias import Bearing, LoadMode, ModelAlias, OnFailure, Outcome, Plan
from modelalias.api.conditions import Reason
from modelalias.core.errors import NotFound
from modelalias.core.ledger import history
from modelalias.core.plan import registry_steps, workload_steps
from modelalias.core.plan.operations import RULES
from modelalias.core.plan.same_version import refuse_another
from modelalias.core.plan.step import CannotGoOn, Finish, Step, Wait
from modelalias.core.protocol.decision import Do
from modelalias.core.protocol.effects import Effect
from modelalias.core.protocol.facts import Facts

__all__ = [
    "CannotGoOn",
    "Do",
    "Finish",
    "Step",
    "Wait",
    "failure_record",
    "is_serve_first",
    "is_undone",
    "next_step",
]


def is_serve_first(plan: Plan) -> bool:
    """Return whether the workloads roll before the alias moves: each of them is pinned."""
    return bool(plan.serving) and all(item.mode is LoadMode.PINNED for item in plan.serving)


def is_undone(plan: Plan) -> bool:
    """Return whether a failure of this plan is to be undone.

    An abort and a lost race always are, a rollback never by itself.
    """
    if plan.failure in {Reason.ABORTED, Reason.STALE_CHAMPION}:
        return True
    return plan.rollout.on_failure is OnFailure.ROLLBACK and RULES[plan.operation].is_undone_on_failure


def next_step(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Step:
    """Return the next step of a plan."""
    return next(_steps(alias, plan, facts, now))


def failure_record(alias: ModelAlias, plan: Plan, facts: Facts) -> Effect | None:
    """Return how the records learn that a plan has failed and stays as it is, one by one.

    None when they know, or cannot.
    """
    try:
        champion = facts.aliases(alias.spec.model).get(alias.spec.alias)
    except NotFound:
        return None
    if champion != history.moved(plan, alias.spec.alias).to:
        return None
    steps = chain(
        registry_steps.record_move(alias, plan, facts), registry_steps.record_replacement(alias, plan, facts)
    )
    return next((step.effect for step in steps if isinstance(step, Do)), None)


def _steps(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Iterator[Step]:
    return (
        _backward(alias, plan, facts, now)
        if plan.bearing is Bearing.BACKWARD
        else _forward(alias, plan, facts, now)
    )


def _forward(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Iterator[Step]:
    move = registry_steps.move_aliases(alias, plan, facts)
    record = registry_steps.record_move(alias, plan, facts)
    roll = workload_steps.roll(alias, plan, facts, now)
    if is_serve_first(plan):
        begins = refuse_another(alias, plan, facts) if plan.rolling_since is None else iter(())
        order = [begins, roll, move, record]
    elif plan.rolling_since is not None:
        order = [roll, move]  # moved and recorded: the registry is left alone while pods roll
    else:
        order = [move, record, roll]
    yield from chain.from_iterable(order)
    yield from registry_steps.on_success(alias, plan, facts)
    yield Finish(outcome=Outcome.SUCCEEDED)


def _backward(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Iterator[Step]:
    """Bring back everything that can be; what cannot is told at the end."""
    failed = []
    registry = [
        registry_steps.restore_aliases(alias, plan, facts),
        registry_steps.record_move(alias, plan, facts),
        registry_steps.withdraw_replacement(alias, plan, facts),
    ]
    roll = workload_steps.roll(alias, plan, facts, now)
    for part in [roll, *registry] if plan.rolling_since is not None else [*registry, roll]:
        for step in part:
            if isinstance(step, CannotGoOn):
                failed.append(step)
            else:
                yield step
    if failed:
        yield CannotGoOn(failure=failed[0].failure, message="; ".join(step.message for step in failed))
    outcome = Outcome.ABORTED if plan.failure == Reason.ABORTED else Outcome.ROLLED_BACK
    yield Finish(outcome=outcome, message=plan.message)
