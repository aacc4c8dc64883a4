"""The steps of an evaluation, carried out: runs and Jobs are made and ended."""

import logging
from collections.abc import Callable, Iterable

from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.core.protocol.effects import EndRun, StartEvaluation, StopEvaluation
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import JobOf, RunsOf
from modelalias.ports import Jobs, Lead, Registry, RunStatus
from modelalias.reconcile.known_requests import OpenRun
from modelalias.reconcile.queue import Key

_log = logging.getLogger(__name__)


class Evaluations:
    """Makes and ends what the rules ask for; remembers the runs of requests that were deleted meanwhile."""

    def __init__(
        self, jobs: Jobs, lead: Lead, registry: Callable[[Key], Registry], poke: Callable[[Key], None]
    ) -> None:
        """Take how to find an alias's registry, which raises `Refused` when there is none.

        How to have it looked at.
        """
        self._jobs, self._lead, self._registry, self._poke = jobs, lead, registry, poke
        self._abandoned: dict[Key, list[OpenRun]] = {}

    async def carry_out(
        self, key: Key, effect: StartEvaluation | StopEvaluation | EndRun, facts: Facts
    ) -> None:
        """Carry out one step; what is refused the rule that asked for it tells."""
        try:
            await self._do(key, effect, facts)
        except (InvalidRequest, Refused) as error:
            facts.fail(effect, error)
            return
        except Unavailable:
            self._poke(key)
            raise
        fields = effect.model_dump(mode="json", include={"run_id", "status"})
        _log.info(
            "evaluation",
            extra={"alias": f"{key.namespace}/{key.name}", "effect": type(effect).__name__, **fields},
        )

    def abandon(self, key: Key, runs: Iterable[OpenRun]) -> None:
        """End these runs at the next pass: the request that wanted them is gone."""
        self._abandoned.setdefault(key, []).extend(runs)

    async def end_abandoned(self, key: Key) -> None:
        """End the runs that nobody wants any more; raise `Unavailable` when that has to be tried again."""
        runs = self._abandoned.pop(key, [])
        while runs:
            try:
                self._lead.check()
                await self._registry(key).end_run(runs[-1].run_id, runs[-1].key, RunStatus.KILLED)
            except Unavailable:
                self._abandoned[key] = runs
                raise
            except (InvalidRequest, Refused) as error:
                _log.warning(
                    "a run of a deleted request was not ended",
                    extra={"run": runs[-1].run_id, "error": str(error)},
                )
            runs.pop()

    async def _do(self, key: Key, effect: StartEvaluation | StopEvaluation | EndRun, facts: Facts) -> None:
        match effect:
            case StartEvaluation(job=job):
                facts.learn(JobOf(ref=job.ref), await self._jobs.start(job))
            case StopEvaluation(ref=ref):
                await self._jobs.stop(ref)
                facts.learn(JobOf(ref=ref), None)
            case EndRun(run_id=run_id, key=evaluation, status=status):
                await self._registry(key).end_run(run_id, evaluation, status)
                facts.forget(RunsOf(run_ids=(run_id,)))
