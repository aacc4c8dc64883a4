"""Somebody who may write anything in MLflow, and nothing in Kubernetes, as rules of a state machine.

Between the steps of the operator the adversary moves aliases, forges tags, registers and deletes versions, hides models
and makes others of their names, logs metrics and deletes runs. `Judge` reckons by itself what the operator may put
where.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelalias.api.alias import HistoryEntry, ModelAlias, Operation, Outcome, Plan
from modelalias.core.ledger.record_text import tag_key
from modelalias.ports import ModelVersion, Workload
from tests.support.fake_objects import FakeObject
from tests.support.fake_registry import FakeRegistry
from tests.support.fake_tracking import SEEDED, model_id
from tests.support.harness import Cluster
from tests.support.stepwise import Stepwise
from tests.support.world import ALIAS, MODEL, NAME, NAMESPACE, PINNED, gated

PREVIOUS: Final = "prev"
OTHER: Final = "challenger"
HIDDEN: Final = "hidden"
METRIC: Final = "val_auc"
VALUES: Final = (0.1, 0.5, 0.7, 0.9, 0.99)
WHICH: Final = st.integers(min_value=0, max_value=9)
RARELY: Final = st.sampled_from([False, False, False, False, True])
"""What ends most stories: nothing that comes after it tells much."""
SHORT: Final = 3.0
A_WHILE: Final = 70.0
"""Longer than a snapshot is old."""

Identity = tuple[str, datetime | None]
"""Number and time of registration: what tells one version from another."""


def identity(version: ModelVersion) -> Identity:
    """Return what tells a version from another of its number."""
    return version.version, version.registered_at


@dataclass
class Judge:
    """What was accepted, by its own reckoning, and everything that should not have happened."""

    it: Cluster
    found: list[str] = field(default_factory=list)
    accepted: Identity | None = None
    run: str = ""
    """Its run."""
    values: dict[Identity, float] = field(default_factory=dict)
    """The number on which each version was accepted, where it was judged."""
    judged: float | None = None
    """The number of the version of the plan under way."""
    ever: set[Identity] = field(default_factory=set)
    allowed: set[Identity] = field(default_factory=set)
    """What the plan under way may put under the alias and into pods."""
    planned: ModelVersion | None = None
    alias: ModelAlias | None = None

    def __post_init__(self) -> None:
        self.it.objects.listeners.append(self._changed)
        self.it.registry.listeners.append(self._pointed)
        self.it.workloads.listeners.append(self._rolled)

    def _now(self, number: str) -> ModelVersion | None:
        try:
            return self.it.registry.versions(MODEL).get(number)
        except KeyError:
            return None

    def _auc(self, run_id: str) -> float | None:
        return self.it.registry.last_metric(run_id, METRIC)

    def _bar(self) -> float | None:
        """Return what a candidate has to reach: what was judged or, where nobody judged it, what its run says."""
        known = self.values.get(self.accepted) if self.accepted else None
        return self._auc(self.run) if known is None else known

    def _changed(self, _change: str, item: FakeObject) -> None:
        if not isinstance(item, ModelAlias):
            return
        before, self.alias = self.alias, item
        old = () if before is None else before.status.history
        if item.status.history != old and item.status.history:
            self._ended(item.status.history[-1])
        if item.status.plan is not None and (before is None or before.status.plan is None):
            self._planned(item.status.plan)

    def _planned(self, plan: Plan) -> None:
        number = next(move.to for move in plan.aliases if move.name == ALIAS) or ""
        version = self._now(number)
        if version is None:
            return  # it went while it was judged; the move itself is looked at below
        wanted, mine = identity(version), self._auc(version.run_id or "")
        self.allowed = {wanted} | ({self.accepted} if self.accepted else set())
        self.judged, self.planned = None, version
        if wanted in self.ever or plan.operation is Operation.PIN:
            return
        if plan.operation is not Operation.PROMOTE:
            self.found.append(f"{plan.operation} to {wanted}, which was never accepted: {self.ever}")
            return
        self.judged, bar = mine, self._bar()
        if mine is None or (self.accepted is not None and (bar is None or mine < bar)):
            self.found.append(f"{wanted} has {mine} and goes over {self.accepted} with {bar}")

    def _ended(self, entry: HistoryEntry) -> None:
        if entry.operation is Operation.ADOPT:
            self.planned = self._now(entry.to or "")
        stays = self.is_there() and self.it.registry.held(MODEL).get(ALIAS) == entry.to
        version = self.planned
        if version is None or (entry.outcome is not Outcome.SUCCEEDED and not stays):
            return
        self.accepted, self.run = identity(version), version.run_id or ""
        self.ever.add(self.accepted)
        if self.judged is not None:
            self.values[self.accepted] = self.judged

    def is_there(self) -> bool:
        try:
            self.it.registry.held(MODEL)
        except KeyError:
            return False
        return True

    def _pointed(self, name: str, number: str | None) -> None:
        if name != ALIAS or number is None:
            return
        version = self._now(number)
        if version is None or identity(version) not in self.allowed:
            self.found.append(f"{ALIAS} was put on {number}, which is not one of {self.allowed}")

    def _rolled(self, _change: str, workload: Workload) -> None:
        places = self.alias.spec.serving[0].load.places if self.alias and self.alias.spec.serving else ()
        uri = next((workload.value_at(place) for place in places), None)
        number = (uri or "").rpartition("/")[2]
        if number and number not in {item[0] for item in (*self.allowed, *self.ever)} | {"0"}:
            self.found.append(f"pods were told {uri}, which is not one of {self.allowed}")


class Adversary(RuleBasedStateMachine):
    """One ModelAlias with a champion gate, people who ask for moves, and somebody who may write in MLflow."""

    def __init__(self) -> None:
        super().__init__()
        self.stepwise = Stepwise()
        self.it = self.stepwise.it
        self.runs: list[str] = []
        self.asked = 0
        self.failed = False

    def _do(self, act: Callable[[Cluster], object], seconds: float = SHORT) -> None:
        self.stepwise.do(act, seconds)

    # The beginning

    @initialize(
        held=st.sampled_from([None, "1"]), pods=st.booleans(), pins=st.sampled_from(["Trusted", "Gated"])
    )
    def the_alias_is_made(self, held: str | None, pods: bool, pins: str) -> None:
        async def make(it: Cluster) -> None:
            await it.model(0.7, 0.8, 0.9, aliases={ALIAS: held} if held else {})
            self.runs = [item.run_id or "" for item in it.registry.versions(MODEL).values()]
            self.judge = Judge(it)
            it.workloads.rolls_at_once = True
            if pods:
                it.workloads.add("api", containers={"main": {"MODEL_URI": f"models:/{MODEL}/0"}})
            measured = {
                "name": "told",
                "metricFrom": "LoggedModel",
                "threshold": 0.5,
                "enforcement": "Advise",
            }
            policy = {**gated({"champion": {"minImprovement": 0}}, measured)["policy"], "pins": pins}
            serving = [{"name": "api", "load": PINNED}] if pods else []
            it.add_alias(policy=policy, serving=serving, previousAlias=PREVIOUS)
            it.start()

        self._do(make)

    # People

    def _ask(self, **fields: Any) -> None:
        self.asked += 1
        self._do(lambda it: it.ask(f"r{self.asked}", reason=f"number {self.asked}", **fields))

    @rule(which=WHICH)
    def somebody_promotes(self, which: int) -> None:
        self._ask(source={"version": self._pick(which) or "1"})

    @rule()
    def a_good_version_is_made_and_promoted(self) -> None:
        """Let the story go on: what is not bettered by anything soon rests for good."""
        if not self.judge.is_there():
            return

        async def register(it: Cluster) -> None:
            self.runs.append(await it.registry.create_run([(METRIC, 0.99 + self.asked / 1_000, 0)]))
            await it.registry.create_version(MODEL, self.runs[-1])

        self._do(register)
        self._ask(source={"version": self._numbers()[-1]})

    @rule()
    def somebody_promotes_an_alias(self) -> None:
        self._ask(source={"alias": OTHER})

    @rule(which=WHICH)
    def somebody_goes_back_to_a_version(self, which: int) -> None:
        self._ask(operation="Rollback", source={"version": self._pick(which) or "1"})

    @rule()
    def somebody_goes_back(self) -> None:
        self._ask(operation="Rollback", source={"previous": True})

    @rule()
    def somebody_swaps(self) -> None:
        self._ask(operation="Swap")

    @rule(which=WHICH)
    def the_owner_pins_and_unpins(self, which: int) -> None:
        self._do(lambda it: it.edit_alias(version=self._pick(which) or "1"))
        self._do(lambda it: it.edit_alias(version=None))

    @rule()
    def time_passes(self) -> None:
        self._do(lambda _: None, A_WHILE)

    # Somebody who may write in MLflow

    def _numbers(self) -> list[str]:
        return [*self.it.registry.versions(MODEL)] if self.judge.is_there() else []

    def _pick(self, which: int) -> str | None:
        numbers = self._numbers()
        return numbers[which % len(numbers)] if numbers else None

    @rule(
        name=st.sampled_from([ALIAS, ALIAS, PREVIOUS, OTHER]),
        which=WHICH,
        gone=st.booleans(),
        waits=st.booleans(),
    )
    def an_alias_is_moved(self, name: str, which: int, gone: bool, waits: bool) -> None:
        number = None if gone else self._pick(which)
        if self.judge.is_there():
            self._do(lambda it: it.registry.move(MODEL, name, number), A_WHILE if waits else SHORT)

    @rule(
        which=WHICH,
        text=st.sampled_from(
            [
                '{"archived":{}}',
                '{"again":true}',
                '{"at":"2026-01-01T00:00:00Z","operation":"Promote","request":"r1"}',
                "{",
            ]
        ),
    )
    def a_record_is_forged(self, which: int, text: str) -> None:
        number = self._pick(which)
        if number is not None:
            self._do(lambda it: _tag(it, number, text))

    @rule(one=WHICH, other=WHICH, key=st.sampled_from([ALIAS, PREVIOUS]))
    def a_record_is_copied(self, one: int, other: int, key: str) -> None:
        source, target = self._pick(one), self._pick(other)
        if source is None or target is None:
            return
        text = self.it.registry.versions(MODEL)[source].tags.get(tag_key(ALIAS))
        if text is not None:
            self._do(lambda it: _tag(it, target, text, key))

    @rule(which=WHICH, change=st.sampled_from(["done", "archived", "version", "signature"]))
    def a_record_is_changed(self, which: int, change: str) -> None:
        number = self._pick(which)
        text = None if number is None else self.it.registry.versions(MODEL)[number].tags.get(tag_key(ALIAS))
        if number is None or text is None:
            return
        try:
            record = json.loads(text)
        except ValueError:
            return
        changed = {**record, change: {}}
        self._do(lambda it: _tag(it, number, json.dumps(changed)))

    @rule(value=st.sampled_from(VALUES), which=WHICH, own=st.booleans())
    def a_version_is_registered(self, value: float, which: int, own: bool) -> None:
        async def register(it: Cluster) -> None:
            run_id = (
                self.runs[which % len(self.runs)]
                if own
                else await it.registry.create_run([(METRIC, value, 0)])
            )
            self.runs.append(run_id)
            if self.judge.is_there():
                await it.registry.create_version(MODEL, run_id)

        self._do(register)

    @rule(which=WHICH, really=RARELY)
    def a_version_is_deleted(self, which: int, really: bool) -> None:
        number = self._pick(which)
        if number is not None and really:
            self._do(lambda it: it.registry.delete_version(MODEL, number))

    @rule(value=st.sampled_from(VALUES), which=WHICH)
    def a_metric_is_logged(self, value: float, which: int) -> None:
        run_id = self.runs[which % len(self.runs)]
        step = len(self.runs) + self.asked + 1_000
        self._do(lambda it: _log(it, run_id, value, step))

    @rule(value=st.sampled_from(VALUES))
    def the_bar_is_lowered(self, value: float) -> None:
        """Log another number onto the run of what was accepted, and ask for a version that is as good as that."""
        run_id, step = self.judge.run, len(self.runs) + self.asked + 1_000
        if not run_id or not self.judge.is_there():
            return
        self._do(lambda it: _log(it, run_id, value, step))

        async def register(it: Cluster) -> None:
            self.runs.append(await it.registry.create_run([(METRIC, value, 0)]))
            await it.registry.create_version(MODEL, self.runs[-1])

        self._do(register)
        self._ask(source={"version": self._numbers()[-1]})

    @rule(which=WHICH, really=RARELY)
    def a_run_is_deleted(self, which: int, really: bool) -> None:
        run_id = self.runs[which % len(self.runs)]
        if really:
            self._do(lambda it: it.registry.delete_run(run_id))

    @rule(value=st.sampled_from(VALUES), which=WHICH, own=st.booleans())
    def a_measurement_is_logged(self, value: float, which: int, own: bool) -> None:
        """Log onto the logged model of some run, from that run or from a stranger's."""
        by, step = self.runs[which % len(self.runs)], len(self.runs) + self.asked + 1_000
        of = by if own else self.runs[0]
        self._do(lambda it: _measure(it, of, by, value, step))

    @rule(which=WHICH)
    def a_logged_model_is_deleted(self, which: int) -> None:
        self._do(lambda it: _forget(it, self.runs[which % len(self.runs)]))

    @rule(really=RARELY)
    def an_experiment_is_deleted(self, really: bool) -> None:
        if really:
            self._do(lambda it: it.registry.delete_experiment(SEEDED))

    @rule(value=st.sampled_from(VALUES), count=st.integers(min_value=0, max_value=5), held=st.booleans())
    def the_model_is_made_anew(self, value: float, count: int, held: bool) -> None:
        async def replace(it: Cluster) -> None:
            if self.judge.is_there():
                await it.registry.rename_model(MODEL, f"{HIDDEN}{len(self.runs)}")
            await it.registry.create_model(MODEL)
            for _ in range(count):
                self.runs.append(await it.registry.create_run([(METRIC, value, 0)]))
                await it.registry.create_version(MODEL, self.runs[-1])
            if held and count:
                it.registry.move(MODEL, ALIAS, str(count))

        self._do(replace, A_WHILE)

    @precondition(lambda self: self.judge.is_there())
    @rule(really=RARELY)
    def the_model_is_deleted(self, really: bool) -> None:
        if really:
            self._do(lambda it: it.registry.delete_model(MODEL), A_WHILE)

    # What holds

    @invariant()
    def only_what_was_judged_is_served(self) -> None:
        if self.judge.found:
            self.failed = True
            raise AssertionError("\n".join(self.judge.found))

    def teardown(self) -> None:
        if not self.failed:
            self.stepwise.wait(A_WHILE)
        self.stepwise.close()
        assert self.failed or not self.judge.found, "\n".join(self.judge.found)


async def _tag(it: Cluster, version: str, text: str, alias: str = ALIAS) -> None:
    await FakeRegistry.tag_version(it.registry, MODEL, version, {tag_key(alias): text})


async def _log(it: Cluster, run_id: str, value: float, step: int) -> None:
    try:
        await it.registry.log_metric(run_id, METRIC, value, step=step)
    except KeyError:
        return  # deleted before


async def _measure(it: Cluster, of: str, by: str, value: float, step: int) -> None:
    try:
        await it.registry.log_measurement(model_id(of, "model"), METRIC, value, run_id=by, step=step)
    except KeyError:
        return  # deleted before


async def _forget(it: Cluster, run_id: str) -> None:
    try:
        await it.registry.delete_logged_model(model_id(run_id, "model"))
    except KeyError:
        return  # deleted before


__all__ = ["NAME", "NAMESPACE", "Adversary"]
