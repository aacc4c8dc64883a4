"""One pass over one alias: gather what is known, decide, write what was decided, do the next thing, until nothing is left."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, assert_never

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Cause, Reason
from modelalias.core.decide import decide
from modelalias.core.errors import InvalidRequest, Refused, RequestBroken, Unavailable
from modelalias.core.protocol.decision import Again, Ask, Do, Rest
from modelalias.core.protocol.effects import (
    DeleteAlias,
    DeletePod,
    Effect,
    EndRun,
    FileRequest,
    Roll,
    SetAlias,
    SetWeights,
    StartEvaluation,
    StopEvaluation,
    TagVersion,
    UntagVersion,
)
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import (
    AliasesOf,
    AnyQuestion,
    EvaluationRunOf,
    ObjectQuestion,
    RequestOf,
    RouteQuestion,
    System,
    VersionOfRun,
    WorkloadQuestion,
)
from modelalias.core.status import annotations
from modelalias.ports import Cluster, FailureKind, Registry
from modelalias.reconcile import reading, route_effects
from modelalias.reconcile.broken_requests import BrokenRequests
from modelalias.reconcile.contexts import Contexts, Marks
from modelalias.reconcile.evaluations import Evaluations
from modelalias.reconcile.late_edits import LateEdits
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.outside import Outside
from modelalias.reconcile.planned_reads import PlannedReads, is_read_later
from modelalias.reconcile.pod_looks import PodLooks
from modelalias.reconcile.queue import Key
from modelalias.reconcile.reading_ahead import asked_next
from modelalias.reconcile.refused_tags import RefusedTags
from modelalias.reconcile.registry_watch import RegistryWatch
from modelalias.reconcile.serving_views import ServingViews
from modelalias.reconcile.status_writes import StatusWrites
from modelalias.reconcile.tidying import Tidying
from modelalias.reconcile.unproved_records import UnprovedRecords
from modelalias.reconcile.workload_effects import WorkloadEffects

MOST_STEPS: Final = 400
"""More steps than a move needs; a pass that is longer is going in circles. Questions do not count: none is
asked twice."""

STEPS_EACH: Final = 12
"""Steps that each request may need beside them."""

SOONEST: Final = timedelta(milliseconds=10)
"""Two clocks round differently: what falls due now may not be due by the other for a moment."""

_log = logging.getLogger(__name__)


class AliasReconciler:
    """Carries out decisions through the ports; keeps nothing that matters from one pass to the next."""

    def __init__(
        self,
        memory: Memory,
        cluster: Cluster,
        registries: Mapping[str, RegistryWatch],
        outside: Outside,
        looks: PodLooks,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        """Take the ports, a monotonic clock in seconds and a wall clock."""
        self._memory, self._cluster, self._outside, self._looks = memory, cluster, outside, looks
        self._registries, self._lead = registries, outside.lead
        self._clock, self._wall = clock, wall
        self._serving = ServingViews(memory, outside.workloads, wall)
        self._workload_effects = WorkloadEffects(cluster, outside.workloads, looks, outside.events, wall)
        self._statuses = StatusWrites(memory, cluster.objects, outside, self._serving, wall)
        self._marks = Marks(BrokenRequests(wall), RefusedTags(wall), {}, {})
        self._contexts = Contexts(
            memory, cluster.objects, registries, outside, self._serving, self._marks, wall
        )
        self._planned = PlannedReads(clock)
        self._unproved = UnprovedRecords()
        self.evaluations = Evaluations(cluster.jobs, self._lead, self._registry, self._poke)
        """The steps of evaluations, and the runs that nobody wants any more."""
        self._tidying = Tidying(memory.requests, cluster.objects, self._lead, wall)
        self._late_edits = LateEdits(memory.requests, cluster.objects, self._lead, wall)

    async def reconcile(self, key: Key) -> timedelta | None:
        """Bring an alias and its requests as far as they can go now.

        Return after how long to look again at the latest. Raises `Unavailable`, `StaleObject`, `Refused` and
        `NotLeading`: the key is then tried again.
        """
        await self._statuses.settle_doubts(key)
        await self.evaluations.end_abandoned(key)
        facts = self._planned.take(key, self._memory.alias(key))
        try:
            return await self._decide_and_act(key, facts)
        finally:
            self._planned.end(key)

    async def _decide_and_act(self, key: Key, facts: Facts) -> timedelta | None:
        steps, waiting, wakes = 0, set[str](), list[datetime]()
        read_again: Effect | None = None
        self._marks.broken.keep(key, self._memory.requests.open(key))
        most = MOST_STEPS
        while steps < most:
            context = await self._contexts.of(key, facts, frozenset(waiting))
            most = max(most, MOST_STEPS + STEPS_EACH * len(context.requests))  # also those filed meanwhile
            self._planned.keep(key, context)
            if context.alias is None and not context.requests:
                self._marks.last_write.pop(key, None)
                self._marks.trouble.pop(key, None)
                self._marks.refused_tags.forget(key)
                self._serving.forget(key)
                return await self._rest(key, None, wakes)
            try:
                decision = decide(context)
            except RequestBroken as error:
                self._marks.broken.count(key, error)
                self._outside.telemetry.failed(FailureKind.UNEXPECTED)
                steps += 1
                continue
            self._serving.reserve(key, context, decision)
            try:
                await self._statuses.write(key, context, decision)
            finally:
                self._serving.release(key)
            wakes += [] if decision.wake is None else [decision.wake]
            match decision.next:
                case Ask(question=question, waiting=answered):
                    waiting |= answered
                    await self._answer(key, question, facts)
                    continue
                case Do(effect=effect):
                    if effect != read_again and self._planned.are_old(effect, facts, context.alias):
                        read_again = effect  # decided anew, once: a decision itself may take longer than that
                    else:
                        await self._carry_out(key, effect, facts)
                        waiting.clear()
                        read_again = None
                case Again():
                    if context.alias is not None:
                        self._planned.forget_old(facts, context.alias)
                case Rest():
                    return await self._rest(key, context.alias, wakes)
                case _:
                    assert_never(decision.next)
            steps += 1
        raise Unavailable(f"{key.namespace}/{key.name} did not settle within {most} steps")

    def last_write(self, key: Key) -> float | None:
        """Return when this process last wrote to the registry for an alias; None where it has not."""
        return self._marks.last_write.get(key)

    async def _rest(self, key: Key, alias: ModelAlias | None, wakes: list[datetime]) -> timedelta | None:
        """Tidy up, and return after how long to look again."""
        tidied = await self._tidying.tidy(
            key, alias.spec.request_history_limit if alias is not None else None
        )
        edited = await self._late_edits.observe(key)
        wakes += [at for at in (tidied, edited) if at is not None]
        return max(min(wakes) - self._wall(), SOONEST) if wakes else None

    def _watch(self, key: Key) -> RegistryWatch | None:
        name = self._memory.registry_of(key)
        return None if name is None else self._registries.get(name[0])

    def _registry(self, key: Key) -> Registry:
        watch = self._watch(key)
        if watch is None:
            raise Refused(f"ModelAlias {key.name} is gone, or no registry is configured for it")
        return watch.registry

    def _poke(self, key: Key) -> None:
        """Have the registry looked at: it did not do what it was asked."""
        watch = self._watch(key)
        if watch is not None:
            watch.poke()

    async def _answer(self, key: Key, question: AnyQuestion, facts: Facts) -> None:
        """Read the answer to a question, and with it those to the questions that come next where it is a yes."""
        following = asked_next(question, self._memory.alias(key), facts)
        asked = (self._learn(key, item, facts) for item in (question, *following))
        await asyncio.gather(*asked)

    async def _learn(self, key: Key, question: AnyQuestion, facts: Facts) -> None:
        """Read an answer; a failure is an answer too."""
        try:
            answer = await self._read(key, question, facts)
            self._unproved.look(self._outside.notary(), self._memory.alias(key), answer)
            facts.learn(question, answer, self._clock())
        except InvalidRequest as error:
            facts.learn(question, error)
        except (Unavailable, Refused) as error:
            if question.system is System.REGISTRY:
                self._poke(key)
            facts.learn(question, error)

    async def _read(self, key: Key, question: AnyQuestion, facts: Facts) -> object:
        if isinstance(question, WorkloadQuestion):
            alias = self._memory.alias(key)
            rolling = alias is not None and alias.status.plan is not None
            return await reading.about_workloads(self._looks, question, facts, rolling=rolling)
        if isinstance(question, ObjectQuestion):
            return await reading.from_cluster(self._cluster, question)
        if isinstance(question, RouteQuestion):
            return await reading.about_routes(self._cluster.routes, question)
        if _writes(question):
            self._lead.check()
        return await reading.from_registry(self._registry(key), question)

    async def _carry_out(self, key: Key, effect: Effect, facts: Facts) -> None:
        self._lead.check()
        match effect:
            case Roll() | DeletePod():
                await self._change_workload(key, effect, facts)
            case StartEvaluation() | StopEvaluation() | EndRun():
                await self.evaluations.carry_out(key, effect, facts)
            case FileRequest():
                await self._file(effect, facts)
            case SetWeights():
                await route_effects.set_weights(self._cluster.routes, effect, facts)
            case SetAlias() | DeleteAlias() | TagVersion() | UntagVersion():
                await self._write_registry(key, effect, facts)
            case _:
                assert_never(effect)

    async def _change_workload(self, key: Key, effect: Roll | DeletePod, facts: Facts) -> None:
        try:
            about = annotations.of_plan(self._memory.alias(key))
            await self._workload_effects.carry_out(key, effect, facts, about)
        except Refused as error:
            await self._tell_trouble(key, facts, Reason.FORBIDDEN, error)
            raise
        self._marks.trouble.pop(key, None)

    async def _write_registry(
        self, key: Key, effect: SetAlias | DeleteAlias | TagVersion | UntagVersion, facts: Facts
    ) -> None:
        registry, written = self._registry(key), False
        try:
            match effect:
                case SetAlias(model=model, alias=alias, version=version):
                    await registry.set_alias(model, alias, version)
                case DeleteAlias(model=model, alias=alias):
                    await registry.delete_alias(model, alias)
                case TagVersion(model=model, version=version, tags=tags):
                    await registry.tag_version(model, version, dict(tags))
                    facts.tagged(effect)
                case UntagVersion(model=model, version=version, key=tag):
                    await registry.untag_version(model, version, tag)
                    facts.untagged(effect)
            written = True
        except InvalidRequest as error:
            facts.fail(effect, error)
            self._marks.refused_tags.note(key, effect)
            return
        except (Refused, Unavailable) as error:
            self._poke(key)
            self._marks.refused_tags.note(key, effect)
            await self._not_written(key, effect, facts, error)
            return
        finally:
            self._marks.last_write[key] = self._clock()
            match effect:
                case SetAlias() if written and is_read_later(self._memory.alias(key), effect, facts):
                    facts.pointed(effect)
                case SetAlias() | DeleteAlias():
                    facts.forget(AliasesOf(model=effect.model))
        self._marks.trouble.pop(key, None)
        _log.info("registry written", extra={"alias": f"{key.namespace}/{key.name}", **_fields(effect)})

    async def _file(self, effect: FileRequest, facts: Facts) -> None:
        """File a request in the operator's own name."""
        facts.forget(RequestOf(namespace=effect.namespace, name=effect.name))
        try:
            filed = await self._cluster.objects.create_request(effect.namespace, effect.name, effect.spec)
        except (InvalidRequest, Refused) as error:  # everything else goes on
            facts.fail(effect, error)
            _log.warning("a request cannot be filed: %s", error)
            return
        self._memory.requests.see(filed)
        self._outside.telemetry.filed_by_itself(effect.namespace, str(effect.spec.operation))
        _log.info("request filed", extra={"namespace": effect.namespace, "request": effect.name})

    async def _not_written(
        self, key: Key, effect: Effect, facts: Facts, error: Refused | Unavailable
    ) -> None:
        """Raise what the registry answered to a write, unless things go on without it."""
        optional = isinstance(effect, UntagVersion) or (
            isinstance(effect, TagVersion)
            and effect.optional
            and (isinstance(error, Refused) or not effect.patient)
        )
        if optional:
            facts.fail(effect, error)
            return
        if isinstance(error, Refused):
            await self._tell_trouble(key, facts, Reason.AUTH_FAILED, error)
        raise error

    async def _tell_trouble(self, key: Key, facts: Facts, reason: Reason, error: Refused) -> None:
        """Say in the statuses which permission is missing; the caller tries again later."""
        self._marks.trouble[key] = Cause(reason, str(error))
        context = await self._contexts.of(key, facts)
        try:
            decision = decide(context)
        except RequestBroken as broken:
            self._marks.broken.count(key, broken)
            self._outside.telemetry.failed(FailureKind.UNEXPECTED)
            return
        await self._statuses.write(key, context, decision)


def _writes(question: AnyQuestion) -> bool:
    """Return whether what is asked for is made when it is not there."""
    return isinstance(question, EvaluationRunOf) or (
        isinstance(question, VersionOfRun) and question.register_missing
    )


def _fields(effect: Effect) -> Mapping[str, object]:
    fields = effect.model_dump(mode="json", include={"model", "alias", "version"})
    return {
        "effect": type(effect).__name__,
        "model": fields.get("model"),
        "registryAlias": fields.get("alias"),
        "version": fields.get("version"),
    }
