"""What the operator does by itself, among people who do the same things by hand, as rules of a state machine.

Monitors turn bad and good, versions become candidates, hands move the alias, people promote, go back, release holds and
acknowledge drifts, and the operator, the registry and Prometheus come and go; `ByItselfWitness` judges every write.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from modelalias.api.fields import timestamp_text
from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, RELEASE_HOLD
from modelalias.api.promotion_policy import ClusterPromotionPolicySpec
from modelalias.api.request import PromotionRequest
from modelalias.core.errors import Unavailable
from tests.support.any_order_choices import ALL_OVER, ANY, SHORT
from tests.support.by_itself_choices import (
    AUC,
    BAD,
    BREACHED,
    EDITS,
    FAULTS,
    FIRST,
    GOOD,
    HOUR,
    NUMBERS,
    PLATFORM,
    POLICIES,
    SECONDS,
    SETTINGS,
    TAG,
    VERSIONS,
    query,
)
from tests.support.by_itself_witness import ByItselfWitness, HeardPrometheus
from tests.support.fake_registry import FakeRegistry
from tests.support.harness import Cluster
from tests.support.one_alias import OneAlias, finish_rollouts
from tests.support.world import ALIAS, MODEL, NAME, NAMESPACE


class ByItself(OneAlias):
    """One ModelAlias with monitors, drift and automatic promotion."""

    witness: ByItselfWitness

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.witness = ByItselfWitness(self.it, self.logged)

    async def _begin(self, it: Cluster) -> None:
        it.prometheus = HeardPrometheus(it)
        await it.model(*AUC)
        versions = it.registry.versions(MODEL)
        self.logged: dict[str, float | None] = {
            item.run_id or "": auc for item, auc in zip(versions.values(), AUC, strict=True)
        }
        for number in versions:
            it.prometheus.numbers[query(number)] = GOOD
        it.workloads.add("api")
        it.workloads.rolls_at_once = True

    # The beginning

    @initialize(fields=EDITS, policy=POLICIES, drift=st.sampled_from(["Restore", "Adopt", "Adopt"]))
    def version_2_is_promoted_over_version_1(
        self, fields: dict[str, Any], policy: dict[str, Any], drift: str
    ) -> None:
        wanted = {**FIRST, **fields, "policy": policy, "drift": drift, "suspend": False}
        self._move(ALIAS, "1", 0)
        self.then(lambda it: it.add_alias(**{key: item for key, item in wanted.items() if item is not None}))
        self.then(lambda it: it.start(), 35.0)
        self._ask({"source": {"version": "2"}, "skipGates": True}, SHORT)
        self._approve()

    # People

    @rule(version=VERSIONS, seconds=SECONDS)
    def somebody_promotes_a_version(self, version: str, seconds: float) -> None:
        self._ask({"source": {"version": version}, "expiresAfter": "15m"}, SHORT)
        self._approve()
        self.then(finish_rollouts, seconds)

    @precondition(lambda self: self._former())
    @rule(which=ANY, seconds=SECONDS)
    def somebody_goes_back(self, which: int, seconds: float) -> None:
        former = self._former()
        source = {"version": former[which % len(former)]}
        self._ask({"operation": "Rollback", "source": source, "expiresAfter": "15m"}, seconds)

    @precondition(lambda self: self.it.objects.requests)
    @rule(which=ANY, seconds=SECONDS)
    def a_request_is_aborted(self, which: int, seconds: float) -> None:
        self.then(lambda it: it.edit_request(self.pick(which), abort=True), seconds)

    @precondition(lambda self: self.it.objects.requests)
    @rule(which=ANY, seconds=SECONDS)
    def a_request_is_deleted(self, which: int, seconds: float) -> None:
        self.then(lambda it: it.objects.remove_request(NAMESPACE, self.pick(which)), seconds)

    @rule()
    def what_waits_is_approved(self) -> None:
        self._approve()

    @precondition(lambda self: self.it.alias().status.hold)
    @rule(seconds=SECONDS)
    def somebody_releases_the_hold(self, seconds: float) -> None:
        self.then(self._release, seconds)

    @precondition(lambda self: self.it.alias().status.observed)
    @rule(seconds=SECONDS)
    def somebody_acknowledges_the_drift(self, seconds: float) -> None:
        self.then(self._acknowledge, seconds)

    @rule(fields=EDITS, seconds=SECONDS)
    def the_alias_is_edited(self, fields: dict[str, Any], seconds: float) -> None:
        self.then(lambda it: it.edit_alias(**fields), seconds)

    @rule(version=st.one_of(st.none(), st.none(), VERSIONS), seconds=SECONDS)
    def it_is_pinned(self, version: str | None, seconds: float) -> None:
        self.then(lambda it: it.edit_alias(version=version), seconds)

    @rule(rules=PLATFORM, seconds=SECONDS)
    def the_platform_changes_its_rules(self, rules: dict[str, Any] | None, seconds: float) -> None:
        self.then(lambda it: self._rule(it, rules), seconds)

    def _rule(self, it: Cluster, rules: dict[str, Any] | None) -> None:
        if rules is not None:
            it.objects.put_policy(
                "platform", ClusterPromotionPolicySpec.model_validate({"appliesTo": {}, **rules})
            )
        elif it.objects.policies:
            it.objects.delete_policy("platform")
        self.witness.platform_ruled(rules)

    # Hands in the registry

    @rule(version=VERSIONS, seconds=SECONDS)
    def a_version_becomes_the_challenger(self, version: str, seconds: float) -> None:
        self._move("challenger", version, seconds)

    @rule(version=VERSIONS, seconds=SECONDS)
    def a_version_gets_the_tag(self, version: str, seconds: float) -> None:
        self._by_hand(lambda registry: registry.tag(MODEL, version, TAG), seconds)

    @rule(version=st.one_of(VERSIONS, VERSIONS, st.none()), seconds=SECONDS)
    def somebody_moves_the_alias(self, version: str | None, seconds: float) -> None:
        self._move(ALIAS, version, seconds)

    # Monitors

    @rule(version=VERSIONS, number=NUMBERS, seconds=SECONDS)
    def a_number_turns(self, version: str, number: float | None, seconds: float) -> None:
        self._turn(version, number, seconds)

    @rule(number=NUMBERS, seconds=st.sampled_from([35.0, BREACHED]))
    def the_number_of_the_current_version_turns(self, number: float | None, seconds: float) -> None:
        if self.witness.accepted is not None:
            self._turn(self.witness.accepted, number, seconds)

    @rule(seconds=SECONDS)
    def all_numbers_are_good(self, seconds: float) -> None:
        def turn(it: Cluster) -> None:
            it.prometheus.numbers.update(dict.fromkeys(it.prometheus.numbers, GOOD))

        self.then(turn, seconds)

    @rule(goes=st.booleans(), seconds=SECONDS)
    def prometheus_goes_or_comes(self, goes: bool, seconds: float) -> None:
        def turn(it: Cluster) -> None:
            it.prometheus.heal()
            if goes:
                it.prometheus.go_away()

        self.then(turn, seconds)

    # Stories that chance alone would seldom tell

    @rule(version=VERSIONS, released=st.booleans())
    def a_version_is_promoted_and_turns_bad(self, version: str, released: bool) -> None:
        self._ask({"source": {"version": version}, "expiresAfter": "15m"}, SHORT)
        self._approve()
        self.then(finish_rollouts, 35.0)
        self._turn(version, BAD, BREACHED)
        if released and self.it.alias().status.hold is not None:
            self.then(self._release, 70.0)

    @rule(version=VERSIONS)
    def a_candidate_is_promoted_by_itself_and_turns_bad(self, version: str) -> None:
        self._move("challenger", version, 70.0)
        self.then(finish_rollouts, 35.0)
        self._turn(version, BAD, BREACHED)

    # The operator, and what stands in its way

    @rule(goes=st.booleans())
    def rollouts_finish_by_themselves(self, goes: bool) -> None:
        self.it.workloads.rolls_at_once = goes
        self.then(finish_rollouts)

    @rule(at=st.integers(min_value=1, max_value=12), after=st.booleans())
    def it_will_be_killed(self, at: int, after: bool) -> None:
        self.it.trip.arm(at, after=after)

    @precondition(lambda self: self.it.engine is not None)
    @rule(seconds=SECONDS)
    def it_stops(self, seconds: float) -> None:
        self.away = 0
        self.then(lambda it: it.stop(), seconds)

    @precondition(lambda self: self.it.engine is None)
    @rule(seconds=SECONDS)
    def it_starts(self, seconds: float) -> None:
        self.then(self._start, seconds)

    @rule(goes=st.booleans(), seconds=SECONDS)
    def the_registry_goes_or_comes(self, goes: bool, seconds: float) -> None:
        def turn(it: Cluster) -> None:
            it.registry.heal()
            self.witness.registry_away = it.wall() if goes else None
            if goes:
                it.registry.go_away()
            self.witness.disturb(it)

        self.then(turn, seconds)

    @rule(fault=FAULTS, times=st.integers(min_value=1, max_value=4), after=st.booleans())
    def something_fails(self, fault: tuple[str, Exception, str], times: int, after: bool) -> None:
        where, error, call = fault
        fail = {"registry": self.it.registry.fail_next, "objects": self.it.objects.fail_next}
        fail_next = fail.get(where, self.it.workloads.fail_next)
        late = after and isinstance(error, Unavailable)
        self.then(lambda _: fail_next(error, call=call, after=late, times=times), 0)
        self.then(self.witness.disturb, 0)

    @rule(seconds=st.sampled_from([SHORT, 35.0, BREACHED, 350.0, HOUR]))
    def time_passes(self, seconds: float) -> None:
        self.then(lambda _: None, seconds)

    # How it is done

    def _ask(self, fields: dict[str, Any], seconds: float) -> None:
        def file(it: Cluster) -> None:
            plain = {"reason": "complaints", "requestedBy": "ana"}
            self.known.append(it.ask(f"r{len(self.known)}", **plain, **fields))

        self.then(file, seconds)

    def _approve(self) -> None:
        """Let two people approve what waits for them."""

        def approve(it: Cluster) -> None:
            for request in self._asking():
                it.edit_request(request.metadata.name, approvals=_words(request))

        if self._asking():
            self.then(approve)

    def _asking(self) -> list[PromotionRequest]:
        return [
            item
            for item in self.witness.waiting()
            if item.status.resolved
            and item.status.resolved.evidence
            and item.status.phase == "AwaitingApproval"
        ]

    def _former(self) -> list[str]:
        return sorted(self.witness.ever - {self.it.registry.held(MODEL).get(ALIAS, "")})

    def _move(self, alias: str, version: str | None, seconds: float) -> None:
        def move(registry: FakeRegistry) -> None:
            registry.move(MODEL, alias, version)

        self._by_hand(move, seconds)

    def _turn(self, version: str, number: float | None, seconds: float) -> None:
        def turn(it: Cluster) -> None:
            it.prometheus.numbers[query(version)] = number

        self.then(turn, seconds)

    @staticmethod
    def _release(it: Cluster) -> None:
        hold = it.alias().status.hold
        if hold is not None:
            it.objects.annotate_alias(NAMESPACE, NAME, **{RELEASE_HOLD: f"{timestamp_text(hold.since)} ana"})

    def _acknowledge(self, it: Cluster) -> None:
        observed = it.alias().status.observed
        if observed is not None and observed.version == it.registry.held(MODEL).get(ALIAS):
            it.objects.annotate_alias(NAMESPACE, NAME, **{ACKNOWLEDGE_DRIFT: f"{observed.word} ana"})

    def _start(self, it: Cluster) -> None:
        it.start()
        self.witness.disturb(it)

    # The end

    def _comes_to_rest(self) -> None:
        """Let the world heal and people release what is on hold; everything ends, and nothing moves any more."""

        def heal(it: Cluster) -> None:
            for fake in (it.registry, it.objects, it.workloads, it.prometheus):
                fake.heal()
            it.prometheus.numbers.update(dict.fromkeys(it.prometheus.numbers, GOOD))
            self.witness.registry_away = None
            it.trip.arm(0, after=False)
            it.workloads.rolls_at_once = True
            finish_rollouts(it)
            if it.engine is None:
                it.start()
            self.witness.disturb(it)

        self.then(heal, 900.0)
        self.then(lambda it: it.edit_alias(suspend=False, version=None), 200.0)
        self.then(finish_rollouts, ALL_OVER)
        self.then(self._release, 100.0)
        assert not self.witness.found, "\n".join(self.witness.found)
        assert self.it.alias().status.hold is None or self.it.alias().status.plan is not None, (
            "a hold has no end"
        )
        self.then(lambda _: None, HOUR)
        self._assert_at_rest()
        before = self._moves()
        self.stepwise.wait(ALL_OVER)
        assert self._moves() == before, self.it.registry.writes[-5:]
        assert not self.witness.found, "\n".join(self.witness.found)

    def _moves(self) -> tuple[int, ...]:
        it = self.it
        return len(it.registry.writes), len(it.workloads.rolls), len(it.objects.requests)

    def _assert_at_rest(self) -> None:
        assert not self.witness.found, "\n".join(self.witness.found)
        waiting = self.witness.waiting()
        assert not waiting, [(item.metadata.name, item.status) for item in waiting]
        alias, holds = self.it.alias(), self.it.registry.held(MODEL).get(ALIAS)
        assert alias.status.plan is None, alias.status.plan
        current = alias.status.current.version if alias.status.current else None
        assert self.it.is_true("InSync") == (holds == current), (holds, alias.status)
        left = alias.spec.drift != "Restore" or self.it.is_true("Stalled")
        assert holds == current or left, f"{holds} was not set back to {current}"


def _words(request: PromotionRequest) -> list[dict[str, Any]]:
    assert request.status.resolved is not None
    evidence = request.status.resolved.evidence
    return [{"user": user, "evidence": evidence, "decision": "Approve"} for user in ("bo", "cy")]
