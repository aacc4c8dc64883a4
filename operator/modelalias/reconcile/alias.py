"""One pass over one alias: gather what is known, decide, write what was decided, do the next thing, until nothing is left."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, assert_never

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.conditions import Cause, Reason
from modelalias.api.fields import API_VERSION
from modelalias.api.request import PromotionRequest
from modelalias.core.decide import decide
from modelalias.core.errors import InvalidRequest, Refused, RequestBroken, StaleObject, Unavailable
from modelalias.core.monitoring.writing import merged
from modelalias.core.notifications import notice
from modelalias.core.protocol.context import (
    ByItself,
    Context,
    Identity,
    PolicyReads,
    PolicyView,
    RegistryView,
)
from modelalias.core.protocol.decision import Again, AliasWrite, Ask, Decision, Do, RequestWrite, Rest
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
from modelalias.core.status import annotations, events
from modelalias.core.status.events import News
from modelalias.ports import Cluster, FailureKind, Involved, Lead, Notary, Registry, Telemetry
from modelalias.reconcile import reading, route_effects, tallies
from modelalias.reconcile.broken_requests import BrokenRequests
from modelalias.reconcile.evaluations import Evaluations
from modelalias.reconcile.events_posted import EventsPosted
from modelalias.reconcile.late_edits import LateEdits
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.notifier import Notifier
from modelalias.reconcile.planned_reads import PlannedReads, is_read_later
from modelalias.reconcile.pod_looks import PodLooks
from modelalias.reconcile.queue import Key
from modelalias.reconcile.reading_ahead import asked_next
from modelalias.reconcile.refused_tags import RefusedTags
from modelalias.reconcile.registry_watch import RegistryWatch
from modelalias.reconcile.serving_views import ServingViews
from modelalias.reconcile.tidying import Tidying
from modelalias.reconcile.unproved_records import UnprovedRecords
from modelalias.reconcile.workload_effects import WorkloadEffects
from modelalias.reconcile.workloads_seen import WorkloadsSeen

MOST_STEPS: Final = 400
"""More steps than a move needs; a pass that is longer is going in circles. Questions do not count: none is
asked twice."""

STEPS_EACH: Final = 12
"""Steps that each request may need beside them."""

SOONEST: Final = timedelta(milliseconds=10)
"""Two clocks round differently: what falls due now may not be due by the other for a moment."""

_log = logging.getLogger(__name__)


class Outside(NamedTuple):
    """What a decision has to know beside the resources, asked anew each time."""

    identity: Callable[[], Identity]
    """Whether somebody proves who writes approvals."""
    allows: Callable[[str, str, str], bool]
    """Whether a registry allows a namespace a model."""
    notary: Callable[[], Notary]
    lead: Lead
    workloads: WorkloadsSeen
    by_itself: Callable[[Key, ModelAlias | None], ByItself]
    """What it has to know to do something by itself."""
    telemetry: Telemetry
    notifier: Notifier
    events: EventsPosted


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
        self._last_write: dict[Key, float] = {}
        self._serving = ServingViews(memory, outside.workloads, wall)
        self._workload_effects = WorkloadEffects(cluster, outside.workloads, looks, outside.events, wall)
        self._trouble: dict[Key, Cause] = {}
        self._broken = BrokenRequests(wall)
        self._planned = PlannedReads(clock)
        self._unproved = UnprovedRecords()
        self._refused_tags = RefusedTags(wall)
        self.evaluations = Evaluations(cluster.jobs, self._lead, self._registry, self._poke)
        """The steps of evaluations, and the runs that nobody wants any more."""
        self._tidying = Tidying(memory, cluster.objects, self._lead, wall)
        self._late_edits = LateEdits(memory, cluster.objects, self._lead, wall)

    async def reconcile(self, key: Key) -> timedelta | None:
        """Bring an alias and its requests as far as they can go now.

        Return after how long to look again at the latest. Raises `Unavailable`, `StaleObject`, `Refused` and
        `NotLeading`: the key is then tried again.
        """
        await self._settle_doubts(key)
        await self.evaluations.end_abandoned(key)
        facts = self._planned.take(key, self._memory.alias(key))
        try:
            return await self._decide_and_act(key, facts)
        finally:
            self._planned.end(key)

    async def _decide_and_act(self, key: Key, facts: Facts) -> timedelta | None:
        steps, waiting, wakes = 0, set[str](), list[datetime]()
        read_again: Effect | None = None
        self._broken.keep(key, self._memory.requests(key))
        most = MOST_STEPS
        while steps < most:
            context = await self._context(key, facts, frozenset(waiting))
            most = max(most, MOST_STEPS + STEPS_EACH * len(context.requests))  # also those filed meanwhile
            self._planned.keep(key, context)
            if context.alias is None and not context.requests:
                self._last_write.pop(key, None)
                self._trouble.pop(key, None)
                self._refused_tags.forget(key)
                self._serving.forget(key)
                return await self._rest(key, None, wakes)
            try:
                decision = decide(context)
            except RequestBroken as error:
                self._broken.count(key, error)
                self._outside.telemetry.failed(FailureKind.UNEXPECTED)
                steps += 1
                continue
            self._serving.reserve(key, context, decision)
            try:
                await self._write(key, context, decision)
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
        return self._last_write.get(key)

    async def _rest(self, key: Key, alias: ModelAlias | None, wakes: list[datetime]) -> timedelta | None:
        """Tidy up, and return after how long to look again."""
        tidied = await self._tidying.tidy(
            key, alias.spec.request_history_limit if alias is not None else None
        )
        edited = await self._late_edits.observe(key)
        wakes += [at for at in (tidied, edited) if at is not None]
        return max(min(wakes) - self._wall(), SOONEST) if wakes else None

    async def _context(
        self,
        key: Key,
        facts: Facts,
        waiting: frozenset[str] = frozenset(),
    ) -> Context:
        effective = self._memory.effective(key)
        requests = self._memory.requests(key)
        if effective is None and requests:
            stored = await self._cluster.objects.alias(key.namespace, key.name)
            if stored is not None:
                self._memory.see_alias(stored)
                effective = self._memory.effective(key)
        alias = None if effective is None else effective.alias
        owner = None if alias is None else self._memory.owner(key)
        return Context(
            namespace=key.namespace,
            name=key.name,
            alias=alias,
            requests=requests,
            registry=self._registry_view(key, alias),
            older_claimant=None if owner is None else f"{owner.namespace}/{owner.name}",
            claim_differs_in_case=owner is not None and self._memory.differs_in_case(key, owner),
            claimed={} if alias is None else self._memory.claimed(key),
            managed={} if alias is None else self._managed(key, alias),
            challenger=None if alias is None else self._challenger(key, alias),
            older_splitter=None if alias is None else self._memory.older_splitter(key),
            identity=self._outside.identity(),
            trouble=self._trouble.get(key),
            broken=self._broken.of(key),
            waiting=waiting,
            notary=self._outside.notary(),
            facts=facts,
            now=self._wall(),
            serving=self._serving.view(key),
            by_itself=self._outside.by_itself(key, alias),
            policies=PolicyView() if effective is None else effective.view,
            room=self._memory.room(key),
            tags_put_off=self._refused_tags.of(key),
            read_by_policies=PolicyReads() if alias is None else self._memory.read_by_policies(key),
        )

    def _managed(self, key: Key, alias: ModelAlias) -> Mapping[str, ModelAliasStatus]:
        """Return the statuses behind the aliases that the rules of eligibility ask for."""
        rules = alias.spec.policy.eligibility
        asked = () if rules is None else (rules.require_alias, rules.soak.alias if rules.soak else None)
        found = {name: self._memory.status_of(key, name) for name in asked if name is not None}
        return {name: status for name, status in found.items() if status is not None}

    def _challenger(self, key: Key, alias: ModelAlias) -> ModelAlias | None:
        """Return who manages the challenger, in the namespace whose pods get the requests, with its last readings."""
        name = None if alias.spec.traffic is None else alias.spec.traffic.challenger.alias
        manager = None if name is None else self._memory.manager_of(key, name)
        if manager is None or manager.metadata.namespace != key.namespace:
            return None
        manager = self._memory.with_policies(manager).alias
        its = Key(manager.metadata.namespace, manager.metadata.name)
        known = self._outside.by_itself(its, manager).monitors
        read = merged(manager.spec.monitors, known, manager.status.monitors)
        return manager.with_status(manager.status.with_monitors(read))

    def _registry_view(self, key: Key, alias: ModelAlias | None) -> RegistryView:
        watch = None if alias is None else self._registries.get(alias.spec.registry)
        if alias is None or watch is None:
            return RegistryView(known=False, allowed=False, problem=None, snapshot=None)
        model = alias.spec.model
        return RegistryView(
            known=True,
            allowed=self._outside.allows(alias.spec.registry, key.namespace, model),
            problem=watch.problem,
            snapshot=watch.model_snapshot(
                model,
                self._last_write.get(key),
                now=self._wall(),
                created=alias.metadata.creation_timestamp,
            ),
        )

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
        self._trouble.pop(key, None)

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
            self._refused_tags.note(key, effect)
            return
        except (Refused, Unavailable) as error:
            self._poke(key)
            self._refused_tags.note(key, effect)
            await self._not_written(key, effect, facts, error)
            return
        finally:
            self._last_write[key] = self._clock()
            match effect:
                case SetAlias() if written and is_read_later(self._memory.alias(key), effect, facts):
                    facts.pointed(effect)
                case SetAlias() | DeleteAlias():
                    facts.forget(AliasesOf(model=effect.model))
        self._trouble.pop(key, None)
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
        self._memory.see_request(filed)
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
        self._trouble[key] = Cause(reason, str(error))
        context = await self._context(key, facts)
        try:
            decision = decide(context)
        except RequestBroken as broken:
            self._broken.count(key, broken)
            self._outside.telemetry.failed(FailureKind.UNEXPECTED)
            return
        await self._write(key, context, decision)

    async def _write(self, key: Key, context: Context, decision: Decision) -> None:
        """Write the statuses that differ, in the order of the decision.

        A lost race drops what this process believed.
        """
        for write in decision.writes:
            try:
                match write:
                    case AliasWrite(status=status) if context.alias is not None and _differ(
                        status, context.alias.status
                    ):
                        self._lead.check()
                        written = await self._cluster.objects.write_alias_status(context.alias, status)
                        self._memory.see_alias(written)
                        self._serving.written(key, context.alias.status, written.status)
                        tallies.of_alias(self._outside.telemetry, context.alias, written.status)
                        news = events.of_alias(context.alias, written.status)
                        self._outside.notifier.tell(partial(notice.of_alias, written, news, self._wall()))
                        self._tell(written, news)
                    case RequestWrite(request=request, status=status) if _differ(status, request.status):
                        self._lead.check()
                        after = await self._cluster.objects.write_request_status(request, status)
                        self._memory.see_request(after)
                        tallies.of_request(self._outside.telemetry, request, after.status)
                        about = annotations.of_request(context.alias, request, after.status)
                        news = events.of_request(request.status, after.status, about)
                        tell = partial(notice.of_request, context.alias, after, news, self._wall())
                        self._outside.notifier.tell(tell)
                        self._tell(after, news)
            except StaleObject:
                await self._refresh(key, write)
                raise

    async def _refresh(self, key: Key, write: AliasWrite | RequestWrite) -> None:
        if isinstance(write, AliasWrite):
            await self._reread_alias(key)
        else:
            await self._reread_request(key, write.request.metadata.name)

    async def _settle_doubts(self, key: Key) -> None:
        """Read afresh what a listing has otherwise than this process knew it, as after a restore from a backup."""
        alias, requests = self._memory.doubted(key)
        if alias:
            await self._reread_alias(key)
        for name in requests:
            await self._reread_request(key, name)

    async def _reread_alias(self, key: Key) -> None:
        before, _ = self._memory.versions(key, "")
        self._memory.reread_alias(key, await self._cluster.objects.alias(key.namespace, key.name), before)

    async def _reread_request(self, key: Key, name: str) -> None:
        _, before = self._memory.versions(key, name)
        request = await self._cluster.objects.request(key.namespace, name)
        self._memory.reread_request(key, name, request, before)

    def _tell(self, about: ModelAlias | PromotionRequest, news: tuple[News, ...]) -> None:
        meta = about.metadata
        involved = Involved(
            api_version=API_VERSION, kind=about.kind, namespace=meta.namespace, name=meta.name, uid=meta.uid
        )
        for item in news:
            fields = {
                "kind": about.kind,
                "namespace": meta.namespace,
                "object": meta.name,
                "text": item.message,
            }
            _log.info(item.reason, extra=fields)
            self._outside.events.post(
                involved,
                item.type,
                item.reason,
                item.message,
                now=self._wall(),
                annotations=item.annotations,
            )


def _writes(question: AnyQuestion) -> bool:
    """Return whether what is asked for is made when it is not there."""
    return isinstance(question, EvaluationRunOf) or (
        isinstance(question, VersionOfRun) and question.register_missing
    )


def _differ(after: object, before: object) -> bool:
    """Return whether they differ on the wire, which what differs need not do: times are told to the second."""
    return after != before and _wire(after) != _wire(before)


def _wire(status: object) -> object:
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)  # type: ignore[attr-defined]


def _fields(effect: Effect) -> Mapping[str, object]:
    fields = effect.model_dump(mode="json", include={"model", "alias", "version"})
    return {
        "effect": type(effect).__name__,
        "model": fields.get("model"),
        "registryAlias": fields.get("alias"),
        "version": fields.get("version"),
    }
