"""What was read of a model outlives the pass that read it, while that is as good as reading it again.

The version that a plan moves to is kept until the plan has ended: while its pods roll nothing else is asked about it, so
that the record costs one write and no read (docs/decisions/0053). The aliases and the version that is replaced are kept
for a moment: one read serves the verdict, the check before the write, and the next step (docs/decisions/0088).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from modelalias.api.alias import Bearing, ModelAlias, Plan
from modelalias.core.ledger import history
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.effects import DeleteAlias, Effect, SetAlias, TagVersion
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import AliasesOf, Question, VersionOf
from modelalias.reconcile.queue import Key

ALIASES_SECONDS: Final = 0.2
"""An alias is written by what was answered of its model's aliases at most so long ago, and a pass begins with it."""

VERSION_SECONDS: Final = 5.0
"""A version is recorded on by what it was at most so long ago, but for the one that a plan moves to."""


class PlannedReads:
    """What was read, for each alias with a plan."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Know nothing yet; take the clock by which answers are dated, in seconds."""
        self._clock = clock
        self._known: dict[Key, tuple[Plan, Facts, tuple[Question[Any], ...]]] = {}

    def take(self, key: Key, alias: ModelAlias | None) -> Facts:
        """Return what the next pass over an alias begins with; it is kept again while there is a plan."""
        plan, known, questions = self._known.pop(key, (None, Facts(), ()))
        if alias is None or not _is_same(plan, alias.status.plan):
            return Facts()
        facts = known.only(questions)
        self.forget_old(facts, alias)
        return facts

    def keep(self, key: Key, context: Context) -> None:
        """Keep what a pass knows of the model of its plan, and will know at its end; without a plan, nothing."""
        self._known.pop(key, None)
        if context.alias is not None and context.alias.status.plan is not None:
            plan = context.alias.status.plan
            self._known[key] = plan, context.facts, _of_plan(context.alias, plan)

    def end(self, key: Key) -> None:
        """Let go, at the end of a pass, of what it knew beside that."""
        if key in self._known:
            plan, facts, questions = self._known[key]
            self._known[key] = plan, facts.only(questions), questions

    def forget_old(self, facts: Facts, alias: ModelAlias) -> None:
        """Forget what is too old to begin with, or to go on with."""
        model, plan = alias.spec.model, alias.status.plan
        self._forget(facts, AliasesOf(model=model), ALIASES_SECONDS)
        replaced = None if plan is None else history.moved(plan, alias.spec.alias).from_
        if replaced is not None:
            self._forget(facts, VersionOf(model=model, version=replaced), VERSION_SECONDS)

    def are_old(self, effect: Effect, facts: Facts, alias: ModelAlias | None) -> bool:
        """Return whether what an effect was decided by was read too long ago, and forget it."""
        match effect:
            case SetAlias(model=model) | DeleteAlias(model=model):
                return self._forget(facts, AliasesOf(model=model), ALIASES_SECONDS)
            case TagVersion(model=model, version=number):
                plan = None if alias is None else alias.status.plan
                if alias is None or plan is None or history.moved(plan, alias.spec.alias).to == number:
                    return False
                return self._forget(facts, VersionOf(model=model, version=number), VERSION_SECONDS)
            case _:
                return False

    def _forget(self, facts: Facts, question: Question[Any], seconds: float) -> bool:
        return facts.forget_before(question, self._clock() - seconds)


def _is_same(before: Plan | None, now: Plan | None) -> bool:
    """Return whether it is one plan, whichever way it goes: another leader may have ended it and begun another."""
    return (
        before is not None
        and now is not None
        and (before.started_at, before.request, before.aliases) == (now.started_at, now.request, now.aliases)
    )


def is_read_later(alias: ModelAlias | None, written: SetAlias, facts: Facts) -> bool:
    """Return whether an alias that was set is read back when the plan's own alias, which is still to move, is."""
    plan = None if alias is None else alias.status.plan
    if (
        alias is None
        or plan is None
        or plan.bearing is not Bearing.FORWARD
        or written.alias == alias.spec.alias
    ):
        return False
    known, move = facts.known(AliasesOf(model=written.model)), history.moved(plan, alias.spec.alias)
    return isinstance(known, Mapping) and known.get(alias.spec.alias) != move.to


def _of_plan(alias: ModelAlias, plan: Plan) -> tuple[Question[Any], ...]:
    model, move = alias.spec.model, history.moved(plan, alias.spec.alias)
    # tags that a request sets overwrite nothing that came meanwhile: they cost a read of their own
    numbers = (move.from_,) if plan.tags else (move.from_, move.to)
    versions = (VersionOf(model=model, version=number) for number in numbers if number is not None)
    return (AliasesOf(model=model), *versions)
