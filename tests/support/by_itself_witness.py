"""A witness of what the operator does by itself, beside what `Witness` judges of every request and move.

It reckons on its own what a person decided last, which versions are left alone, what the monitors were answered and
who moved the alias, and holds each request of the operator's own, each plan and each hold against that.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final, NamedTuple

from modelalias.api.alias import Drift, HistoryEntry, ModelAlias, Operation, Outcome, Plan
from modelalias.api.fields import timestamp_text
from modelalias.api.request import Phase, PromotionRequest, RequestOperation
from tests.support.by_itself_choices import (
    AUC,
    BAD,
    FAILURE_LIMIT,
    GRACE,
    INTERVAL,
    PLATFORM_FLOOR,
    TAG,
    query,
)
from tests.support.fake_objects import OPERATOR, FakeObject
from tests.support.fake_prometheus import FakePrometheus
from tests.support.harness import Cluster
from tests.support.witness import Witness, describe, main
from tests.support.world import ALIAS, MODEL

SEEN: Final = timedelta(seconds=75)
"""Within it an undisturbed operator knows what the registry holds, and whether it answers."""
FRESH: Final = timedelta(seconds=3 * INTERVAL)
"""How old a reading may be on which something is rolled back."""
AT_ONCE: Final = timedelta(seconds=2)
"""What was answered so lately may not have been known when something was decided; a process that has just begun does
not know what the version before did until it has asked."""
RULES_HEARD: Final = timedelta(seconds=5)
"""How soon the operator has heard of other rules."""
NO_TURN: Final = frozenset({Phase.EXPIRED, Phase.SUPERSEDED})
"""Ends of a request whose turn never came, so that another one may follow."""
MOST_RESTORES: Final = 3
RESTORE_WINDOW: Final = timedelta(hours=1, seconds=-2)
"""Times in a status are whole seconds."""
BACK: Final = frozenset({Operation.ROLLBACK, Operation.SWAP})


class Heard(NamedTuple):
    """What a Prometheus answered; None: no number."""

    at: datetime
    query: str
    value: float | None

    @property
    def is_bad(self) -> bool:
        """Whether the number is beyond the bound."""
        return self.value is not None and self.value >= BAD


class HeardPrometheus(FakePrometheus):
    """A Prometheus that remembers what it answered, and when."""

    def __init__(self, it: Cluster) -> None:
        super().__init__()
        self._it = it
        self.heard: list[Heard] = []

    async def query(self, query: str) -> float | None:
        value: float | None = None
        try:
            value = await super().query(query)
        finally:
            number = value if value is not None and isfinite(value) else None
            self.heard.append(Heard(self._it.wall(), query, number))
        return value


@dataclass
class ByItselfWitness(Witness):
    """What was seen so far, and what a person decided last."""

    stopped: bool = False
    """Whether automatic steps are on hold."""
    withdrawn: set[str] = field(default_factory=set)
    """Versions that were rolled back or breached, and that no person chose since."""
    arrived_by: Operation | None = None
    """The operation that led to the accepted version."""
    since: datetime | None = None
    """Since when the version is accepted."""
    restores: list[datetime] = field(default_factory=list)
    """When the alias was begun to be set back."""
    candidates: dict[str, datetime] = field(default_factory=dict)
    """When each version was last seen to be a candidate."""
    filed: dict[str, str] = field(default_factory=dict)
    """What the operator filed a request for, as text, and its uid."""
    hand_moved: datetime | None = None
    """When somebody moved the alias away from the accepted version."""
    registry_away: datetime | None = None
    ruled: datetime | None = None
    """When the platform changed its rules last."""
    has_floor: bool = False
    pins_are_gated: bool = False
    counted: dict[str, int] = field(default_factory=dict)
    """How often what happened."""

    # People and the registry

    def platform_ruled(self, rules: Mapping[str, Any] | None) -> None:
        """Take in which rules the platform has now."""
        self.ruled, self.has_floor = self.it.wall(), rules is not None
        self.pins_are_gated = rules is not None and rules["policy"].get("pins") == "Gated"

    def _knows_the_rules(self) -> bool:
        """Return whether the operator had the time to hear of the platform's rules."""
        return self.ruled is not None and self.it.wall() - self.ruled > RULES_HEARD

    def _judge_by_the_platform(self, plan: Plan, request: PromotionRequest | None) -> None:
        """Judge a move by the rules of the platform, which no ModelAlias weakens."""
        to = main(plan).to
        if not self._knows_the_rules() or not self.has_floor or to is None:
            return
        skips = request is not None and request.spec.skip_gates
        if plan.operation is Operation.PROMOTE and not skips and to != self.accepted:
            self._check(AUC[int(to) - 1] >= PLATFORM_FLOOR, f"{describe(plan)} below the platform's gate")
        if plan.operation is Operation.ADOPT:
            self._check(not self.pins_are_gated, f"{describe(plan)} although the platform has pins Gated")

    @property
    def acknowledged(self) -> str | None:
        """The version that a person said may be taken over; the word stands until another one is said."""
        said = self.alias.metadata.acknowledgement if self.alias else None
        return None if said is None else said.what.partition("@")[0]

    def _look(self) -> None:
        super()._look()
        if self.alias is None:  # nothing is a candidate yet, and no time passes
            return
        now = self.it.wall()
        if "challenger" in self.aliases:
            self.candidates[self.aliases["challenger"]] = now
        for number, item in self.it.registry.versions(MODEL).items():
            if item.tags.items() >= TAG.items():
                self.candidates[number] = now

    @contextmanager
    def hand(self) -> Iterator[None]:
        """Let somebody else change the registry."""
        self._look()
        with super().hand():
            yield
        holds = self.aliases.get(ALIAS)
        if holds == self.accepted:
            self.hand_moved = None
        else:
            self.hand_moved = self.it.wall()

    def _changed(self, change: str, item: FakeObject) -> None:
        super()._changed(change, item)
        if isinstance(item, PromotionRequest):
            if change == "ADDED" and _is_own(item):
                self._request_filed(item)
            if change == "DELETED" and self._ended_how(item) is None:
                self.filed = {what: uid for what, uid in self.filed.items() if uid != item.metadata.uid}

    @staticmethod
    def _ended_how(request: PromotionRequest) -> str | None:
        return None if request.status.completed_at is None else str(request.status.phase)

    def _count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1

    # What the operator asks for

    def _request_filed(self, request: PromotionRequest) -> None:
        self._look()
        alias, told = self.alias, f"the operator filed {request.metadata.name}"
        if alias is None:
            self._wrong(f"{told} without a ModelAlias")
            return
        self._check(bool(request.spec.reason), f"{told} without a reason")
        for why in self._uncertain(alias):
            self._wrong(f"{told} although {why}")
        version = request.spec.source.version if request.spec.source else None
        if version is None:
            self._wrong(f"{told} for no version")
        elif request.spec.operation is RequestOperation.ROLLBACK:
            self._count("rollback filed")
            self._rollback_filed(request, alias, version, told)
        elif request.spec.operation is RequestOperation.PROMOTE:
            self._count("promotion filed")
            self._promotion_filed(request, alias, version, told)
        else:
            self._wrong(f"{told}, a {request.spec.operation}")

    def _uncertain(self, alias: ModelAlias) -> list[str]:
        """Return why nothing may be filed now."""
        status, now, why = alias.status, self.it.wall(), []
        if alias.spec.version is not None:
            why.append("the alias is pinned")
        if alias.spec.suspend:
            why.append("it is suspended")
        if self.stopped or status.hold is not None:
            why.append("automatic steps are on hold")
        if status.plan is not None:
            why.append("a plan is under way")
        if status.observed is not None and status.observed.version != self.accepted:
            why.append(f"it has drifted to {status.observed.version}")
        calm = self.disturbed is None or now - self.disturbed > SEEN
        if calm and self.hand_moved is not None and now - self.hand_moved > SEEN:
            why.append(f"somebody moved it at {self.hand_moved}")
        if self.registry_away is not None and now - self.registry_away > SEEN:
            why.append("the registry is away")
        return why

    def _rollback_filed(self, request: PromotionRequest, alias: ModelAlias, to: str, told: str) -> None:
        accepted = self.accepted or ""
        self._once(f"breach of {accepted} since {self.since}", request, told)
        self._check(request.spec.expected_current == accepted, f"{told} for another version than {accepted}")
        self._check(to in self.ever and to != accepted, f"{told} to {to}, which was never accepted")
        self._check(to not in self.withdrawn, f"{told} to {to}, which is one of {sorted(self.withdrawn)}")
        self._check(self.arrived_by not in BACK, f"{told} after a {self.arrived_by}")
        wanted = [item for item in alias.spec.monitors if item.on_breach == "Rollback"]
        self._check(bool(wanted), f"{told} although no monitor is to roll back")
        for why in self._doubts(accepted, to):
            self._wrong(f"{told} although {why}")
        self.withdrawn.add(accepted)

    def _doubts(self, version: str, to: str) -> list[str]:
        """Return what the numbers say against a rollback."""
        begin = (self.since or self.it.wall()) + timedelta(seconds=GRACE)
        heard = [item for item in self._heard() if item.query == query(version) and item.at >= begin]
        if not heard or not heard[-1].is_bad:
            return [f"the last number of version {version} is {heard[-1:]}"]
        if self.it.wall() - heard[-1].at > FRESH:
            return [f"the last number of version {version} is of {heard[-1].at}"]
        numbers = [item for item in heard if item.value is not None]
        last = numbers[-FAILURE_LIMIT:]
        bad = [item for item in (last if self._is_calm_since(last[0].at) else numbers) if item.is_bad]
        why = [] if len(bad) >= FAILURE_LIMIT else [f"its last numbers are {last}"]
        beside = [item for item in self._heard() if item.query == query(to) and item.at >= last[0].at]
        settled = [
            item for item in beside if self._is_calm_since(item.at) and self.it.wall() - item.at > AT_ONCE
        ]
        if settled and settled[-1].is_bad and beside[-1].is_bad:
            why.append(f"version {to} is no better: {beside[-1]}")
        return why

    def _is_calm_since(self, at: datetime) -> bool:
        return self.disturbed is None or self.disturbed < at

    def _heard(self) -> list[Heard]:
        prometheus = self.it.prometheus
        return prometheus.heard if isinstance(prometheus, HeardPrometheus) else []

    def _promotion_filed(self, request: PromotionRequest, alias: ModelAlias, version: str, told: str) -> None:
        policy = alias.spec.policy.model_dump(mode="json")
        rules = {
            key: policy[key] for key in ("eligibility", "gates", "evaluation", "approval", "auto_promote")
        }
        self._once(f"{version} beside {self.accepted} by {json.dumps(rules)}", request, told)
        self._check(alias.spec.policy.auto_promote is not None, f"{told} although nothing is to be promoted")
        seen = self.candidates.get(version)
        self._check(
            seen is not None and self.it.wall() - seen <= SEEN, f"{told}, and {version} is no candidate"
        )
        self._check(version not in self.withdrawn, f"{told} for one of {sorted(self.withdrawn)}")
        self._check(version not in self.ever, f"{told} for {version}, which was accepted before")

    def _once(self, what: str, request: PromotionRequest, told: str) -> None:
        first = self.filed.get(what)
        ends = {item.metadata.uid: item.status.phase for item in self.it.objects.requests.values()}
        if first is None or ends.get(first) in NO_TURN:
            first = self.filed[what] = request.metadata.uid
        self._check(first == request.metadata.uid, f"{told} again, for {what}")

    # Plans

    def _planned(self, alias: ModelAlias, plan: Plan) -> None:
        super()._planned(alias, plan)
        request = self.begun.get(plan.request.uid) if plan.request else None
        self._judge_by_the_platform(plan, request)
        if request is None or not _is_own(request):
            return
        self._count(f"{plan.operation} by itself")
        self._judge_reason(plan)
        if not any(word.decision == "Approve" for word in request.spec.approvals):
            self._judge_change(alias, plan, acknowledged=False)
            observed = alias.status.observed
            drifted = observed is not None and observed.version != self.accepted
            self._check(not drifted, f"{describe(plan)} over what somebody moved the alias to: {observed}")

    def _planned_without_request(self, alias: ModelAlias, plan: Plan) -> None:
        if plan.operation is Operation.RESTORE:
            self._restore_planned(alias, plan)
        elif plan.operation is Operation.ADOPT:
            self._adoption_planned(alias, plan)
        else:
            super()._planned_without_request(alias, plan)

    def _judge_reason(self, plan: Plan) -> None:
        self._check(bool(plan.reason) or plan.request is not None, f"{describe(plan)} has no reason")
        self._check(plan.actor == OPERATOR, f"{describe(plan)} is done by {plan.actor}")

    def _judge_change(self, alias: ModelAlias, plan: Plan, *, acknowledged: bool) -> None:
        """Judge an automatic move that changes the accepted version."""
        to = main(plan).to
        self._check(not alias.spec.suspend, f"{describe(plan)} while it is suspended")
        self._check(alias.spec.version is None, f"{describe(plan)} while it is pinned")
        if not acknowledged:
            self._check(not self.stopped, f"{describe(plan)} while automatic steps are on hold")
            self._check(to not in self.withdrawn, f"{describe(plan)} to one of {sorted(self.withdrawn)}")
        if plan.operation in BACK:
            self._check(self.arrived_by not in BACK, f"{describe(plan)} after a {self.arrived_by}")

    def _restore_planned(self, alias: ModelAlias, plan: Plan) -> None:
        self._count("Restore by itself")
        self._judge_reason(plan)
        move, now = main(plan), self.it.wall()
        self._check(
            alias.spec.drift is Drift.RESTORE, f"{describe(plan)} although drift is {alias.spec.drift}"
        )
        self._check(not alias.spec.suspend, f"{describe(plan)} while it is suspended")
        self._check(move.to == self.accepted, f"{describe(plan)} although {self.accepted} is accepted")
        lately = [at for at in self.restores if now - at < RESTORE_WINDOW]
        self._check(len(lately) < MOST_RESTORES, f"{describe(plan)} after those of {lately}")

    def _adoption_planned(self, alias: ModelAlias, plan: Plan) -> None:
        self._count("Adopt by itself")
        self._judge_reason(plan)
        move = main(plan)
        acknowledged = move.to is not None and move.to == self.acknowledged
        self._check(alias.spec.drift is Drift.ADOPT, f"{describe(plan)} although drift is {alias.spec.drift}")
        self._check(self.hand_moved is not None, f"{describe(plan)} although nobody moved the alias")
        self._judge_change(alias, plan, acknowledged=acknowledged)

    # The history and the hold

    @staticmethod
    def _kept(before: ModelAlias, entry: HistoryEntry) -> tuple[HistoryEntry, ...]:
        """Of restores that follow one another the newest stands for all."""
        kept = before.status.history
        last = kept[-1:]
        restores = all(item.operation is Operation.RESTORE for item in (*last, entry))
        repeats = [(item.outcome, item.to) == (entry.outcome, entry.to) for item in last]
        return kept[:-1] if restores and repeats == [True] else kept

    def _alias_written(self, before: ModelAlias, after: ModelAlias) -> None:
        old, hold = before.status.hold, after.status.hold
        said = after.metadata.release
        if old is not None and hold is None and said is not None and said.what == timestamp_text(old.since):
            self._count("hold released")
            self.stopped = False
        super()._alias_written(before, after)
        self._check((hold is not None) == self.stopped, f"the hold went from {old} to {hold} by itself")
        current = after.status.current.version if after.status.current else None
        self._check(current == self.accepted, f"{current} is current and {self.accepted} was accepted")
        breached = {item.version for item in after.status.breached}
        known = {item.version for item in after.status.rolled_back} | breached
        self._check(
            self.withdrawn <= known, f"of {sorted(self.withdrawn)} only {sorted(known)} are remembered"
        )
        for version in breached - {item.version for item in before.status.breached}:
            self._count("breach")
            self._check(version == self.accepted, f"{version} is told to be breached, and is not current")
            self.withdrawn.add(version)

    def _history_written(self, before: ModelAlias, after: ModelAlias) -> None:
        entry = after.status.history[-1]
        acknowledged, accepted = self.acknowledged, self.accepted
        super()._history_written(before, after)
        if entry.is_first_sight:
            self.since, self.arrived_by, self.hand_moved = self.it.wall(), entry.operation, None
            return
        own = entry.actor == OPERATOR
        self._check(bool(entry.reason) or not own, f"{entry} has no reason")
        self._check(
            own or entry.operation not in {Operation.ADOPT, Operation.RESTORE},
            f"{entry} is not the operator's",
        )
        if self.accepted != accepted:
            self.since, self.arrived_by = self.it.wall(), entry.operation
        self.hand_moved = None if self.aliases.get(ALIAS) == self.accepted else self.it.wall()
        self._decided(entry, by_person=not own, acknowledged=acknowledged)

    def _decided(self, entry: HistoryEntry, *, by_person: bool, acknowledged: str | None) -> None:
        """Take in what a move means for what follows by itself."""
        to = entry.to or ""
        if entry.operation is Operation.RESTORE:
            self.restores.append(self.it.wall())
        if entry.outcome is Outcome.SUCCEEDED:
            if entry.operation in BACK:
                left = {item for item in (entry.from_, entry.found if entry.drifted else None) if item} - {to}
                self.stopped = self.stopped or bool(left)
                self.withdrawn |= left
            elif by_person:
                self.stopped = False
            if by_person or (entry.operation is Operation.ADOPT and acknowledged == to):
                self.withdrawn.discard(to)
        elif entry.failure != "StaleChampion" and entry.outcome is not Outcome.ABORTED:
            self.stopped = True
            if entry.outcome is Outcome.ROLLED_BACK and to != entry.from_:
                self.withdrawn.add(to)


def _is_own(request: PromotionRequest) -> bool:
    return request.spec.requested_by == OPERATOR
