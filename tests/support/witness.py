"""A witness of one alias: it sees each write as it is made, and knows by its own reckoning which of them are
allowed.

It shares no rule with the core: what a gate, an approval, a pin or a replay means is written down here a
second time. What is wrong is gathered in `found`, because whoever writes would take an exception for a
failure of its own.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from modelalias.api.alias import (
    AliasMove,
    Bearing,
    Concurrency,
    HistoryEntry,
    ModelAlias,
    Operation,
    Outcome,
    Plan,
)
from modelalias.api.conditions import RequestCondition, find
from modelalias.api.fields import duration
from modelalias.api.request import ApprovalDecision, Phase, PromotionRequest, RequestOperation
from tests.support.fake_objects import FakeObject
from tests.support.harness import Cluster
from tests.support.world import ALIAS, MODEL, NAME, NAMESPACE

ACTIVE: Final = frozenset({Phase.PROMOTING, Phase.ROLLING_OUT, Phase.VERIFYING, Phase.ROLLING_BACK})
ENDS: Final = frozenset(
    {
        Phase.SUCCEEDED,
        Phase.REJECTED,
        Phase.FAILED,
        Phase.ROLLED_BACK,
        Phase.ERRORED,
        Phase.ABORTED,
        Phase.SUPERSEDED,
        Phase.EXPIRED,
    }
)
FREEZE_MINUTES: Final = 5
"""How long nothing begins in every ten minutes, where there is a window."""
PATIENCE: Final = timedelta(seconds=15)
"""How long an undisturbed operator may take to see that a rollback goes first."""
_TAKEN_BACK: Final = frozenset({"Aborted", "StaleChampion"})
"""What a rollback is undone for."""
_FIRST_COME: Final = frozenset(
    {None, Phase.QUEUED, Phase.EVALUATING, Phase.AWAITING_APPROVAL, Phase.PROMOTING}
)
"""Phases of a request that nobody behind it may overtake."""


@dataclass
class Witness:
    """Everything that was seen so far."""

    it: Cluster
    auc: Mapping[str, float | None]
    """What each run logged."""
    found: list[str] = field(default_factory=list)
    """What should not have happened, in order."""
    requests: dict[str, PromotionRequest] = field(default_factory=dict)
    """Each request by its uid as it was last seen, also when it is gone."""
    there: set[str] = field(default_factory=set)
    """Uids of the requests that are not gone."""
    ended: dict[str, tuple[str, Phase]] = field(default_factory=dict)
    """What was asked, as text, the uid of the first request that ended with it, and how."""
    accepted: str | None = None
    """The version that the ModelAlias answered for last."""
    ever: set[str] = field(default_factory=set)
    """Versions that the ModelAlias has ever answered for."""
    runs: dict[str, str | None] = field(default_factory=dict)
    """The run of each version."""
    evidence: dict[str, str] = field(default_factory=dict)
    """What each evidence stood for when it was first told."""
    begun: dict[str, PromotionRequest] = field(default_factory=dict)
    """Each request as it was when it was told that it goes."""
    entered: set[str] = field(default_factory=set)
    """Uids of the requests that have a place in the history."""
    alias: ModelAlias | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    """What the registry's aliases name."""
    moved_by_hand: bool = False
    """Whether somebody else moved an alias since the plan was made, or since the last one ended."""
    by_hand: bool = False
    disturbed: datetime | None = None
    """When something was last put in the operator's way."""

    def __post_init__(self) -> None:
        self._look()
        self.it.objects.listeners.append(self._changed)
        self.it.registry.listeners.append(self._pointed)

    @contextmanager
    def hand(self) -> Iterator[None]:
        """Let somebody else change the registry."""
        before = dict(self.aliases)
        self.by_hand = True
        yield
        self.by_hand = False
        self._look()
        self.moved_by_hand = self.moved_by_hand or before != self.aliases

    def disturb(self, it: Cluster) -> None:
        """Remember that something was put in the operator's way, or was taken from it."""
        self.disturbed = it.wall()

    def waiting(self) -> list[PromotionRequest]:
        """Return the requests that are there and have not ended."""
        return [item for uid, item in self.requests.items() if uid in self.there and not _is_complete(item)]

    def over(self) -> list[PromotionRequest]:
        """Return the requests that have ended, also those that are gone, but for dry runs."""
        return [item for item in self.requests.values() if _is_complete(item) and not item.spec.dry_run]

    def _look(self) -> None:
        self.aliases = dict(self.it.registry.held(MODEL))
        self.runs |= {number: item.run_id for number, item in self.it.registry.versions(MODEL).items()}

    def _wrong(self, told: str) -> None:
        self.found.append(told)

    def _check(self, good: bool, told: str) -> None:
        if not good:
            self._wrong(told)

    # The registry

    def _pointed(self, name: str, version: str | None) -> None:
        before = self.aliases.get(name)
        self._look()
        if self.by_hand:
            return
        told = f"{name} went from {before} to {version}"
        alias = self.alias
        if alias is None or alias.status.plan is None:
            self._wrong(f"{told} without a plan")
            return
        plan = alias.status.plan
        forward = plan.bearing is Bearing.FORWARD
        source = plan.source_alias
        if version is None and forward and source is not None and source.name == name:
            self._check(
                before == source.version, f"{told}: a source alias that holds another version was taken away"
            )
            return
        move = next((item for item in plan.aliases if item.name == name), None)
        if move is None:
            self._wrong(f"{told}, which is not in the plan {describe(plan)}")
            return
        self._check(
            version == (move.to if forward else move.from_), f"{told} against the plan {describe(plan)}"
        )
        is_previous = forward and name != alias.spec.alias  # it is written whoever moved it
        self._check(
            is_previous or before in {move.from_, move.to, move.named},
            f"{told} although somebody else had moved it: {describe(plan)}",
        )

    # The objects

    def _changed(self, change: str, item: FakeObject) -> None:
        if isinstance(item, ModelAlias):
            before, self.alias = self.alias, item
            if before is None or before.spec != item.spec:
                self.disturb(self.it)
            if before is not None and before.status != item.status:
                self._alias_written(before, item)
            return
        uid = item.metadata.uid
        before_it = self.requests.get(uid)
        self.requests[uid] = item
        if change == "DELETED":
            self.there.discard(uid)
            return
        self.there.add(uid)
        if before_it is not None and before_it.status != item.status:
            self._request_written(before_it, item)

    def _request_written(self, before: PromotionRequest, after: PromotionRequest) -> None:
        status, name = after.status, _name(after)
        if _is_complete(before):
            kept = ("phase", "completed_at", "result", "conditions")
            was = before.status.as_of(after.metadata.generation or 0)  # that an edit was seen may be written
            now = status.as_of(after.metadata.generation or 0)
            same = all(getattr(was, item) == getattr(now, item) for item in kept)
            self._check(same, f"{name} had ended {before.status.phase} and was written again: {status.phase}")
            return
        self._check(
            bool(status.explanation) or status.phase is None, f"{name} is {status.phase} and does not say why"
        )
        resolved = status.resolved
        told_before = before.status.resolved.evidence if before.status.resolved else None
        if resolved is not None and resolved.evidence not in {None, told_before}:
            stands_for = self._stands_for(after)
            first = self.evidence.setdefault(str(resolved.evidence), stands_for)
            self._check(first == stands_for, f"{name}: one evidence stands for {first} and for {stands_for}")
        if _is_complete(after):
            self._request_ended(after)
        elif status.phase in ACTIVE:
            others = [
                _name(item) for item in self.waiting() if item.status.phase in ACTIVE and item is not after
            ]
            self._check(not others, f"{name} and {', '.join(others)} are active at once")
            if status.phase is Phase.PROMOTING:
                self.begun[after.metadata.uid] = after
        elif status.phase in ENDS:
            self._wrong(f"{name} is {status.phase} and not Complete")

    def _is_forgotten(self, uid: str) -> bool:
        """Say whether the version that a request was about is gone, and what it remembered with it."""
        request = self.requests[uid]
        resolved, source = request.status.resolved, request.spec.source
        version = resolved.version if resolved else source.version if source else None
        return version is not None and version not in self.it.registry.versions(MODEL)

    def _stands_for(self, request: PromotionRequest) -> str:
        resolved, policy = request.status.resolved, self.alias.spec.policy if self.alias else None
        assert resolved is not None
        assert policy is not None
        rules = [
            policy.approval.model_dump(mode="json"),
            [item.model_dump(mode="json") for item in policy.gates],
        ]
        return json.dumps(
            [resolved.version, resolved.champion, request.spec.skip_gates, rules], sort_keys=True
        )

    def _request_ended(self, request: PromotionRequest) -> None:
        status, name = request.status, _name(request)
        self._check(status.phase in ENDS, f"{name} is Complete and {status.phase}")
        good = find(status.conditions, RequestCondition.SUCCEEDED)
        agrees = good is not None and (good.status == "True") == (status.phase is Phase.SUCCEEDED)
        self._check(agrees, f"{name} is {status.phase} and Succeeded is {good}")
        self._check(status.completed_at is not None, f"{name} does not say when it ended")
        told = json.loads(status.result or "{}")
        self._check(
            told.get("phase") == status.phase, f"{name} is {status.phase} and its result is {status.result}"
        )
        if request.spec.dry_run or status.phase is None:
            return
        first, phase = self.ended.setdefault(asked(request), (request.metadata.uid, status.phase))
        if first != request.metadata.uid and not self._is_forgotten(first):
            repeats = good is not None and good.reason == "AlreadyProcessed" and status.phase is phase
            self._check(
                repeats, f"{name} was applied again after it ended {phase}, and ended {status.phase}: {good}"
            )

    # The beginning of a move

    def _objections(self, request: PromotionRequest, alias: ModelAlias) -> Iterator[str]:
        """Say what speaks against a request that gets a plan."""
        spec, resolved = request.spec, request.status.resolved
        if resolved is None:
            yield "it is not resolved"
            return
        champion = self.aliases.get(ALIAS)
        first = self.ended.get(asked(request), (request.metadata.uid,))[0]
        if first != request.metadata.uid and not self._is_forgotten(first):
            yield "the same request ended before"
        if spec.dry_run or spec.abort:
            yield "it is a dry run" if spec.dry_run else "it was aborted"
        if alias.spec.suspend or alias.spec.version is not None:
            yield "the alias is suspended" if alias.spec.suspend else "the alias is pinned"
        if self.it.wall() >= _created(request) + duration(spec.expires_after):
            yield "it has expired"
        if spec.expected_current is not None and spec.expected_current != champion and not self.moved_by_hand:
            yield f"it expects {spec.expected_current} and the alias holds {champion}"
        yield from self._overtakes(request, alias)
        if resolved.version == self.accepted or (resolved.version == champion and champion in self.ever):
            return
        if spec.operation is RequestOperation.PROMOTE:
            yield from self._not_allowed(request, alias, resolved.version, self.accepted)
        elif resolved.version not in self.ever:
            yield f"{resolved.version} was never accepted"

    def _overtakes(self, request: PromotionRequest, alias: ModelAlias) -> Iterator[str]:
        mine = request.spec.operation is RequestOperation.PROMOTE
        by_age = alias.spec.policy.concurrency is Concurrency.QUEUE
        for other in self.waiting():
            if other.metadata.uid == request.metadata.uid or other.spec.dry_run:
                continue
            theirs, older = other.spec.operation is RequestOperation.PROMOTE, _age(other) < _age(request)
            waits_in_line = other.status.phase in _FIRST_COME or _was_suspended(other)
            before = older and (by_age or not mine)
            if waits_in_line and ((mine and not theirs) or (mine == theirs and before)):
                yield f"{_name(other)} goes first"

    def _not_allowed(
        self, request: PromotionRequest, alias: ModelAlias, version: str, champion: str | None
    ) -> Iterator[str]:
        spec, rules, resolved = request.spec, alias.spec.policy.approval, request.status.resolved
        assert resolved is not None
        if not spec.skip_gates:
            yield from self._gates_against(alias, version, champion)
        if rules.required == "Never" and not spec.skip_gates:
            return
        present = [word for word in spec.approvals if word.evidence == resolved.evidence]
        for_it = {word.user for word in present if word.decision is ApprovalDecision.APPROVE}
        if any(word.decision is ApprovalDecision.REJECT for word in spec.approvals):
            yield "somebody declined"
        if len(for_it - (set() if rules.allow_self else {spec.requested_by})) < rules.minimum:
            yield f"not enough people approved it: {sorted(for_it)}"

    def _gates_against(self, alias: ModelAlias, version: str, champion: str | None) -> Iterator[str]:
        mine = self.auc.get(self.runs.get(version) or "")
        theirs = None if champion is None else self.auc.get(self.runs.get(champion) or "")
        for gate in alias.spec.policy.gates:
            floor = None if gate.threshold is None else float(gate.threshold)
            if gate.champion is not None:
                floor = theirs
            if gate.champion is not None and champion is None:
                continue
            if mine is None or floor is None or mine < floor:
                yield f"gate {gate.name} refuses version {version}: {mine} against {floor}"

    # The alias's status

    def _alias_written(self, before: ModelAlias, after: ModelAlias) -> None:
        plan, old = after.status.plan, before.status.plan
        if plan is not None and old is None:
            self._planned(after, plan)
        elif plan is not None and old is not None:
            self._check(
                (plan.aliases, plan.request) == (old.aliases, old.request),
                f"{describe(old)} became {describe(plan)}",
            )
            back = old.bearing is Bearing.FORWARD and plan.bearing is Bearing.BACKWARD
            by_itself = (
                plan.operation in {Operation.ROLLBACK, Operation.SWAP} and plan.failure not in _TAKEN_BACK
            )
            self._check(not (back and by_itself), f"{describe(plan)} is undone by itself: {plan.failure}")
            turned = old.bearing is Bearing.BACKWARD and plan.bearing is Bearing.FORWARD
            self._check(not turned, f"{describe(plan)} was turned round twice")
        if after.status.history != before.status.history:
            self._history_written(before, after)
        elif old is not None and plan is None and old.operation is not Operation.RESTORE:
            self._wrong(f"{describe(old)} is gone and not in the history")

    def _planned(self, alias: ModelAlias, plan: Plan) -> None:
        self._look()
        move = main(plan)
        self.moved_by_hand = self.aliases.get(ALIAS) != move.named  # between the last read and the plan
        for window in alias.spec.policy.windows:
            is_closed = plan.started_at.minute % 10 < FREEZE_MINUTES
            self._check(
                not is_closed
                or plan.operation.value in {"Restore", *(item.value for item in window.except_)},
                f"{describe(plan)} began at {plan.started_at}, in a freeze",
            )
        if plan.request is None:
            self._planned_without_request(alias, plan)
            return
        request = self.begun.get(plan.request.uid)
        if request is None:
            self._wrong(f"{describe(plan)} for a request that was not told so")
            return
        for reason in self._objections(request, alias):
            self._wrong(f"{_name(request)} goes although {reason}")
        resolved = request.status.resolved
        self._check(
            request.status.phase in ACTIVE,
            f"{describe(plan)} for {_name(request)}, which is {request.status.phase}",
        )
        self._check(
            resolved is not None and resolved.version == move.to,
            f"{describe(plan)} although {resolved} was asked for",
        )
        self._check(plan.request.uid not in self.entered, f"{describe(plan)} although it is in the history")

    def _planned_without_request(self, alias: ModelAlias, plan: Plan) -> None:
        wanted = plan.operation is Operation.PIN and main(plan).to == alias.spec.version
        self._check(wanted, f"{describe(plan)} without a request or a pin")

    def _history_written(self, before: ModelAlias, after: ModelAlias) -> None:
        entry, plan = after.status.history[-1], before.status.plan
        grown = (*self._kept(before, entry), entry)[-after.spec.history_limit :]
        self._check(
            after.status.history == grown, "more than one entry was added to the history, or too few dropped"
        )
        if entry.outcome is Outcome.SUCCEEDED or (
            entry.outcome is Outcome.FAILED and self.aliases.get(ALIAS) == entry.to
        ):
            self._accept(entry.to)
        if entry.is_first_sight:
            return
        if plan is None or after.status.plan is not None:
            self._wrong(f"an entry of the history does not come with the end of a plan: {_entry(entry)}")
            return
        move = main(plan)
        same = (entry.from_, entry.to, entry.uid) == (
            move.from_,
            move.to,
            plan.request.uid if plan.request else None,
        )
        self._check(same, f"{describe(plan)} is in the history as {_entry(entry)}")
        if entry.uid is not None:
            self._check(entry.uid not in self.entered, f"{_entry(entry)} is in the history twice")
            self.entered.add(entry.uid)
            self.ended.setdefault(asked(self.requests[entry.uid]), (entry.uid, _phase(entry)))
        if (entry.operation, entry.outcome) == (Operation.PROMOTE, Outcome.SUCCEEDED):
            for other in self._kept_waiting(after):
                self._wrong(f"{_entry(entry)} came to its end although {_name(other)} goes first")
        if entry.uid is not None and entry.outcome is Outcome.SUCCEEDED:
            for other in self._not_given_way(self.requests[entry.uid]):
                self._wrong(f"{_entry(entry)} came to its end although {_name(other)} has not given way")
        back = {move.from_, move.named}
        wanted = {Outcome.SUCCEEDED: {move.to}, Outcome.ROLLED_BACK: back, Outcome.ABORTED: back}
        if entry.outcome in wanted and not self.moved_by_hand:
            holds = self.aliases.get(ALIAS)
            self._check(holds in wanted[entry.outcome], f"{_entry(entry)} ended and the alias holds {holds}")
        self.moved_by_hand = False

    @staticmethod
    def _kept(before: ModelAlias, _entry: HistoryEntry) -> tuple[HistoryEntry, ...]:
        """Return what stays in the history when an entry is added."""
        return before.status.history

    def _accept(self, version: str | None) -> None:
        self.accepted = version
        self.ever |= set() if version is None else {version}

    def _not_given_way(self, request: PromotionRequest) -> Iterator[PromotionRequest]:
        """Return the promotions that are older than a rollback or a swap and have not ended."""
        if request.spec.operation is RequestOperation.PROMOTE:
            return
        for other in self.waiting():
            promotes = other.spec.operation is RequestOperation.PROMOTE and not other.spec.dry_run
            if promotes and _age(other) < _age(request):
                yield other

    def _kept_waiting(self, alias: ModelAlias) -> Iterator[PromotionRequest]:
        """Return rollbacks to what was accepted that stood in the line for a while, and nothing kept
        them there."""
        for item in self.waiting():
            version = item.spec.source.version if item.spec.source else None
            may = version in self.ever and not (item.spec.dry_run or item.spec.abort or alias.spec.suspend)
            stood = item.spec.operation is RequestOperation.ROLLBACK and item.status.phase is Phase.QUEUED
            since = max(_created(item), self.disturbed) if self.disturbed else _created(item)
            if may and stood and self.it.wall() - since >= PATIENCE:
                yield item


def asked(request: PromotionRequest) -> str:
    """Return what makes two requests the same: namespace, name, and what was set, but for approvals and
    abort."""
    told: dict[str, Any] = request.spec.model_dump(
        mode="json", exclude_unset=True, exclude={"approvals", "abort"}
    )
    return json.dumps([request.metadata.namespace, request.metadata.name, told], sort_keys=True)


def main(plan: Plan) -> AliasMove:
    """Return the move of the alias itself."""
    return next(item for item in plan.aliases if item.name == ALIAS)


def _is_complete(request: PromotionRequest) -> bool:
    done = find(request.status.conditions, RequestCondition.COMPLETE)
    return done is not None and done.status == "True"


def _was_suspended(request: PromotionRequest) -> bool:
    done = find(request.status.conditions, RequestCondition.COMPLETE)
    return request.status.phase is Phase.PENDING and done is not None and done.reason == "Suspended"


def _phase(entry: HistoryEntry) -> Phase:
    """Return how a request ends whose plan ended so."""
    ends = {
        Outcome.SUCCEEDED: Phase.SUCCEEDED,
        Outcome.FAILED: Phase.FAILED,
        Outcome.ROLLED_BACK: Phase.ROLLED_BACK,
        Outcome.ABORTED: Phase.ABORTED,
    }
    return Phase.FAILED if entry.failure == "StaleChampion" else ends[entry.outcome]


def _created(request: PromotionRequest) -> Any:
    assert request.metadata.creation_timestamp is not None
    return request.metadata.creation_timestamp


def _age(request: PromotionRequest) -> tuple[Any, str]:
    return _created(request), request.metadata.name


def _name(request: PromotionRequest) -> str:
    return f"{request.metadata.name} ({request.spec.operation}, {request.metadata.uid})"


def describe(plan: Plan) -> str:
    """Return a plan in short."""
    move = main(plan)
    return f"plan {plan.operation} {move.from_} to {move.to} {plan.bearing} for {plan.request}"


def _entry(entry: HistoryEntry) -> str:
    return f"{entry.operation} {entry.from_} to {entry.to} {entry.outcome} for {entry.request} {entry.uid}"


__all__ = ["ACTIVE", "ENDS", "NAME", "NAMESPACE", "Witness", "asked", "main"]
