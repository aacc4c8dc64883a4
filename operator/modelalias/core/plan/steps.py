"""The next single step of a plan, found by comparing the world with the plan.

Nothing remembers how far a plan came. Each step looks at the aliases, the version's record and the workloads,
and does the first thing that is not yet as the plan wants it; so a restart at any point goes on where it
stood, and a step that was done is not done again. Forward: aliases, workloads by waves, tags, the record on the
replaced version, source alias, and last the record on the version, which says how it ended; when every workload
is pinned, workloads first, so that a bad rollout never moved the alias. Backward: aliases in reverse, workloads,
records, source alias.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from modelalias.api.alias import Bearing, LoadMode, ModelAlias, OnFailure, Outcome, Plan
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase
from modelalias.core.errors import NotFound
from modelalias.core.ledger import history
from modelalias.core.plan import registry_steps, workload_steps
from modelalias.core.plan.operations import RULES
from modelalias.core.plan.same_version import refuse_another
from modelalias.core.plan.step import CannotGoOn, Finish, Step, Wait
from modelalias.core.protocol.decision import Do
from modelalias.core.protocol.effects import Effect
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Notary

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


def next_step(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary, now: datetime) -> Step:
    """Return the next step of a plan."""
    return next(_steps(alias, plan, facts, notary, now))


def failure_record(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary) -> Effect | None:
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
        registry_steps.record_move(alias, plan, facts, notary),
        registry_steps.record_replacement(alias, plan, facts, notary),
    )
    return next((step.effect for step in steps if isinstance(step, Do)), None)


def _steps(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary, now: datetime) -> Iterator[Step]:
    return (
        _backward(alias, plan, facts, notary, now)
        if plan.bearing is Bearing.BACKWARD
        else _forward(alias, plan, facts, notary, now)
    )


def _forward(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary, now: datetime) -> Iterator[Step]:
    move = registry_steps.move_aliases(alias, plan, facts)
    roll = workload_steps.roll(alias, plan, facts, now)
    if is_serve_first(plan) and plan.rolling_since is None:
        yield from refuse_another(alias, plan, facts)
    # while pods roll the registry is left alone
    workloads_first = is_serve_first(plan) or plan.rolling_since is not None
    yield from chain(roll, move) if workloads_first else chain(move, roll)
    yield from registry_steps.on_success(alias, plan, facts, notary)
    yield Finish(outcome=Outcome.SUCCEEDED)


def _backward(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary, now: datetime) -> Iterator[Step]:
    """Bring back everything that can be; what cannot is told at the end, and in the record."""
    failed = []
    restore = registry_steps.restore_aliases(alias, plan, facts)
    roll = workload_steps.roll(alias, plan, facts, now)
    for step in chain(roll, restore) if plan.rolling_since is not None else chain(restore, roll):
        if isinstance(step, CannotGoOn):
            failed.append(step)
        else:
            yield step
    phase = Phase.FAILED if failed else None
    yield from registry_steps.record_move(alias, plan, facts, notary, phase)
    for step in registry_steps.withdraw_replacement(alias, plan, facts, notary):
        if isinstance(step, CannotGoOn):
            failed.append(step)
        else:
            yield step
    if failed:
        yield CannotGoOn(failure=failed[0].failure, message="; ".join(step.message for step in failed))
    outcome = Outcome.ABORTED if plan.failure == Reason.ABORTED else Outcome.ROLLED_BACK
    yield Finish(outcome=outcome, message=plan.message)
