"""Everything that can happen around one alias, in any order, as rules of a state machine.

Each rule changes the world and lets some time pass; `Witness` judges every write that the operator makes
meanwhile.
"""

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from modelalias.api.alias import Bearing
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.errors import Unavailable
from tests.support.any_order_choices import (
    ALL_OVER,
    ANY,
    AUC,
    BACK,
    DAYS,
    EXTRAS,
    FAULTS,
    FIRST,
    LATER_AUC,
    POLICIES,
    SECONDS,
    SETTINGS,
    SHORT,
    SOURCES,
    SPECS,
    VERSIONS,
)
from tests.support.harness import Cluster
from tests.support.one_alias import OneAlias, finish_rollouts
from tests.support.witness import Witness, asked
from tests.support.world import ALIAS, MODEL, NAMESPACE

PLAIN: Final = {"expiresAfter": "15m", "requestedBy": "ana"}


class AnyOrder(OneAlias):
    """One ModelAlias, its requests, its registry, its workloads, and an operator that comes and goes."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.days_have_passed = self.has_lost_a_version = False
        self.witness = Witness(self.it, self.logged)

    async def _begin(self, it: Cluster) -> None:
        await it.model(*AUC)
        self.runs = [
            await it.registry.create_run([] if value is None else [("val_auc", value, 0)])
            for value in LATER_AUC
        ]
        versions = it.registry.versions(MODEL).values()
        self.logged: dict[str, float | None] = {
            item.run_id or "": auc for item, auc in zip(versions, AUC, strict=True)
        }
        self.logged |= dict(zip(self.runs, LATER_AUC, strict=True))
        for name in ("api", "web"):
            it.workloads.add(name)
        it.workloads.rolls_at_once = True

    # The beginning

    @initialize(held=st.sampled_from([None, "1", "2"]), fields=SPECS, policy=POLICIES)
    def the_alias_is_made(self, held: str | None, fields: dict[str, Any], policy: dict[str, Any]) -> None:
        def make(it: Cluster) -> None:
            wanted = {
                key: value
                for key, value in {**FIRST, **fields, "policy": policy, "suspend": False}.items()
                if value is not None
            }
            it.add_alias(**wanted)
            it.start()

        if held is not None:
            self._by_hand(lambda registry: registry.move(MODEL, ALIAS, held), 0)
        self.then(make)

    # Requests

    @rule(source=SOURCES, fields=EXTRAS, seconds=SECONDS)
    def somebody_asks_for_a_promotion(
        self, source: dict[str, Any], fields: dict[str, Any], seconds: float
    ) -> None:
        named = {"runId": self.runs[source["run"]]} if "run" in source else source
        self._ask({"source": named, **fields}, seconds)

    @rule(version=VERSIONS, seconds=SECONDS)
    def somebody_promotes_a_version(self, version: str, seconds: float) -> None:
        self._ask({"source": {"version": version}, **PLAIN}, seconds)

    @rule(version=VERSIONS)
    def a_version_is_promoted(self, version: str) -> None:
        """Let a promotion come to its end, if nobody else keeps it from that."""
        self._ask({"source": {"version": version}, **PLAIN}, SHORT)
        self.then(finish_rollouts)

    @precondition(lambda self: len(self.witness.ever) > 1)
    @rule(back=BACK, fields=EXTRAS, seconds=SECONDS)
    def somebody_wants_back(self, back: dict[str, Any], fields: dict[str, Any], seconds: float) -> None:
        left = {key: value for key, value in fields.items() if key not in {"skipGates", "onSuccess"}}
        self._ask({**back, **left}, seconds)

    @precondition(lambda self: self._former())
    @rule(which=ANY, goes=st.booleans())
    def somebody_goes_back_to_what_was(self, which: int, goes: bool) -> None:
        """Go back where that is allowed, and see the rollout to its end or to its deadline."""
        self.it.workloads.rolls_at_once = goes
        self._ask(self._back(which), SHORT if goes else 70.0)

    def _ask(self, fields: dict[str, Any], seconds: float) -> None:
        self.then(lambda it: self._file(it, fields), seconds)

    def _file(self, it: Cluster, fields: dict[str, Any]) -> PromotionRequest:
        self.known.append(it.ask(f"r{len(self.known)}", **{"reason": "complaints", **fields}))
        return self.known[-1]

    def _former(self) -> list[str]:
        there = self.it.registry.versions(MODEL)
        return sorted(self.witness.ever & set(there) - {self.it.registry.held(MODEL).get(ALIAS, "")})

    def _back(self, which: int) -> dict[str, Any]:
        former = self._former()
        return {"operation": "Rollback", "source": {"version": former[which % len(former)]}, **PLAIN}

    @precondition(lambda self: self.known)
    @rule(which=ANY, seconds=SECONDS)
    def the_same_is_applied_again(self, which: int, seconds: float) -> None:
        self._apply_again(self.known[which % len(self.known)], seconds)

    @precondition(lambda self: self.witness.over())
    @rule(which=ANY, seconds=SECONDS)
    def what_has_ended_is_applied_again(self, which: int, seconds: float) -> None:
        over = self.witness.over()
        self._apply_again(over[-1 - which % len(over)], seconds)

    def _apply_again(self, again: PromotionRequest, seconds: float) -> None:
        def apply(it: Cluster) -> None:
            name = again.metadata.name
            if (NAMESPACE, name) in it.objects.requests:
                it.objects.remove_request(NAMESPACE, name)
            fields = again.spec.model_dump(
                mode="json", by_alias=True, exclude_unset=True, exclude={"approvals", "abort"}
            )
            fields.pop("aliasRef")
            assert asked(it.ask(name, **fields)) == asked(again)

        self.then(apply, seconds)

    # Several at once

    @rule(
        versions=st.tuples(VERSIONS, VERSIONS),
        which=ANY,
        held_up=st.sampled_from(["suspended", "asked"]),
        aborted=st.booleans(),
    )
    def they_stand_in_line(self, versions: tuple[str, str], which: int, held_up: str, aborted: bool) -> None:
        """Let promotions, and a rollback behind them, wait for the owner; then let them go."""
        policy = self.it.alias().spec.policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
        asks = {**policy, "approval": {"required": "Always", "waitFor": "5m"}}
        self.then(
            lambda it: it.edit_alias(
                **({"suspend": True} if held_up == "suspended" else {"policy": asks}), version=None
            )
        )
        for version in versions:
            self._ask({"source": {"version": version}, **PLAIN}, 1.0)
        if aborted:
            self.then(lambda it: it.edit_request(self.pick(0), abort=True))
        if self._former():
            self._ask(self._back(which), 0.0)
        never = {**policy, "approval": {"required": "Never"}}
        self.then(
            lambda it: it.edit_alias(**({"suspend": False} if held_up == "suspended" else {"policy": never})),
            5.0,
        )

    @precondition(lambda self: self._former())
    @rule(version=VERSIONS, which=ANY)
    def somebody_wants_back_while_pods_roll(self, version: str, which: int) -> None:
        self.it.workloads.rolls_at_once = False
        self._ask({"source": {"version": version}, **PLAIN}, SHORT)
        plan = self.it.alias().status.plan
        if plan is not None and plan.bearing is Bearing.FORWARD and self._former():
            self._ask(self._back(which), 20.0)
            self.then(finish_rollouts)

    @rule(version=VERSIONS)
    def the_owner_changes_what_was_approved(self, version: str) -> None:
        """Have words given for what is told, while what they rest on changes."""
        policy = self.it.alias().spec.policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
        rules = {"required": "Always", "minimum": 2}
        self.then(
            lambda it: it.edit_alias(policy={**policy, "approval": {**rules, "waitFor": "5m"}}, version=None)
        )
        self._ask({"source": {"version": version}, **PLAIN}, SHORT)
        asking = [item for item in self._asking() if item.metadata.uid == self.known[-1].metadata.uid]
        if not asking or asking[0].status.phase is not Phase.AWAITING_APPROVAL:
            return
        words = [_word(asking[0], user, "Approve") for user in ("bo", "cy")]

        def change(it: Cluster) -> None:
            it.edit_alias(policy={**policy, "approval": {**rules, "waitFor": "6m"}})
            it.edit_request(asking[0].metadata.name, approvals=words)

        self.then(change)

    # What people do with a request

    @precondition(lambda self: self.it.objects.requests)
    @rule(which=ANY, seconds=SECONDS)
    def a_request_is_aborted(self, which: int, seconds: float) -> None:
        self.then(lambda it: it.edit_request(self.pick(which), abort=True), seconds)

    @precondition(lambda self: self.it.objects.requests)
    @rule(which=ANY, seconds=SECONDS)
    def a_request_is_deleted(self, which: int, seconds: float) -> None:
        self.then(lambda it: it.objects.remove_request(NAMESPACE, self.pick(which)), seconds)

    @precondition(lambda self: self._asking())
    @rule(
        which=ANY,
        user=st.sampled_from(["ana", "bo", "cy"]),
        word=st.sampled_from(["Approve", "Approve", "Reject"]),
    )
    def somebody_has_a_say(self, which: int, user: str, word: str) -> None:
        """Admission takes words for the evidence that stands, before the end."""
        asking = self._asking()
        request = asking[-1 - which % len(asking)]
        given = [item.model_dump(mode="json", exclude_unset=True) for item in request.spec.approvals]
        mine = _word(request, user, word)
        if mine not in given:
            self.then(lambda it: it.edit_request(request.metadata.name, approvals=[*given, mine]))

    def _asking(self) -> list[PromotionRequest]:
        return [
            item for item in self.witness.waiting() if item.status.resolved and item.status.resolved.evidence
        ]

    # The owner

    @rule(fields=SPECS, seconds=SECONDS)
    def the_alias_is_edited(self, fields: dict[str, Any], seconds: float) -> None:
        self.then(lambda it: it.edit_alias(**fields), seconds)

    @rule(version=st.one_of(st.none(), st.none(), st.none(), VERSIONS), seconds=SECONDS)
    def it_is_pinned(self, version: str | None, seconds: float) -> None:
        self.then(lambda it: it.edit_alias(version=version), seconds)

    # Somebody else

    @rule(
        alias=st.sampled_from([ALIAS, "challenger", "challenger", "prev"]),
        version=st.one_of(st.none(), VERSIONS),
    )
    def somebody_moves_an_alias(self, alias: str, version: str | None) -> None:
        if version is None or version in self.it.registry.versions(MODEL):
            self._by_hand(lambda registry: registry.move(MODEL, alias, version))

    @precondition(lambda self: not self.has_lost_a_version)
    @rule(version=VERSIONS)
    def a_version_is_deleted(self, version: str) -> None:
        self.has_lost_a_version = True
        if version in self.it.registry.versions(MODEL):
            self._by_hand(lambda registry: registry.delete_version(MODEL, version))

    @rule(
        after=st.integers(min_value=1, max_value=4),
        version=VERSIONS,
        what=st.sampled_from(["move", "abort", "pin"]),
        which=ANY,
    )
    def somebody_comes_in_between(self, after: int, version: str, what: str, which: int) -> None:
        """Act right after one of the operator's next writes, in the middle of what it does."""
        left = after

        def act() -> None:
            nonlocal left
            left -= 1
            if left:
                self.it.trip.meanwhile = act
                return
            if what == "move" and version in self.it.registry.versions(MODEL):
                with self.witness.hand():
                    self.it.registry.move(MODEL, ALIAS, version)
            elif what == "pin":
                self.it.edit_alias(version=version)
            elif what == "abort" and self.it.objects.requests:
                self.it.edit_request(self.pick(which), abort=True)

        self.it.trip.meanwhile = act

    # Workloads

    @rule(goes=st.booleans())
    def rollouts_finish_by_themselves(self, goes: bool) -> None:
        self.it.workloads.rolls_at_once = goes

    @rule(seconds=SECONDS)
    def rollouts_finish(self, seconds: float) -> None:
        self.then(finish_rollouts, seconds)

    @rule(name=st.sampled_from(["api", "web"]))
    def a_workload_goes_or_comes(self, name: str) -> None:
        def change(it: Cluster) -> None:
            there = [ref for ref in it.workloads.workloads if ref.name == name]
            it.workloads.delete(there[0]) if there else it.workloads.add(name)

        self.then(change)
        self.then(self.witness.disturb, 0)

    # The operator, and what stands in its way

    @rule(at=st.integers(min_value=1, max_value=12), after=st.booleans())
    def it_will_be_killed(self, at: int, after: bool) -> None:
        self.it.trip.arm(at, after=after)

    @precondition(lambda self: self.it.engine is not None)
    @rule()
    def it_stops(self) -> None:
        self.away = 0
        self.then(lambda it: it.stop())

    @precondition(lambda self: self.it.engine is None)
    @rule(seconds=SECONDS)
    def it_starts(self, seconds: float) -> None:
        self.then(lambda it: it.start(), seconds)
        self.then(self.witness.disturb, 0)

    @rule(fault=FAULTS, times=st.integers(min_value=1, max_value=4), after=st.booleans())
    def something_fails(self, fault: tuple[str, Exception, str], times: int, after: bool) -> None:
        where, error, call = fault
        fail = {"registry": self.it.registry.fail_next, "objects": self.it.objects.fail_next}
        late = after and isinstance(error, Unavailable) and call != ""
        fail_next = fail.get(where, self.it.workloads.fail_next)
        self.then(lambda _: fail_next(error, call=call, after=late, times=times), 0)
        self.then(self.witness.disturb, 0)

    @rule(seconds=st.sampled_from([SHORT, 70.0, 350.0, 1_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.then(lambda _: None, seconds)

    @precondition(lambda self: not self.days_have_passed)
    @rule()
    def days_pass(self) -> None:
        self.days_have_passed = True
        self.then(lambda _: None, DAYS)

    # What holds

    def _comes_to_rest(self) -> None:
        """Let the world heal; everything ends, and nothing moves any more."""

        def heal(it: Cluster) -> None:
            for fake in (it.registry, it.objects, it.workloads):
                fake.heal()
            it.trip.arm(0, after=False)
            it.trip.meanwhile = None
            it.workloads.rolls_at_once = True
            for name in {"api", "web"} - {ref.name for ref in it.workloads.workloads}:
                it.workloads.add(name)
            finish_rollouts(it)
            if it.engine is None:
                it.start()
            self.witness.disturb(it)

        self.then(heal, 900.0)
        self._assert_at_rest(ended=False)
        self.then(lambda it: it.edit_alias(suspend=False))
        self.then(finish_rollouts, ALL_OVER)
        self._assert_at_rest(ended=True)
        before = self.it.counts()
        self.stepwise.wait(ALL_OVER)
        assert self.it.counts() == before, self.it.objects.writes[before[0] :]

    def _assert_at_rest(self, *, ended: bool) -> None:
        assert not self.witness.found, "\n".join(self.witness.found)
        waiting = self.witness.waiting()
        assert not ended or not waiting, [(item.metadata.name, item.status) for item in waiting]
        mute = [item for item in waiting if item.status.phase is None or not item.status.explanation]
        assert not mute, mute
        status = self.it.alias().status
        assert status.plan is None or not ended, status.plan
        holds, current = (
            self.it.registry.held(MODEL).get(ALIAS),
            status.current.version if status.current else None,
        )
        assert status.plan is not None or self.it.is_true("InSync") == (holds == current), (holds, status)
        overdue = [
            item
            for item in self.it.objects.requests.values()
            if item.spec.ttl_seconds_after_finished is not None
            and item.status.completed_at is not None
            and ended
        ]
        assert not overdue, overdue
        tagged = {
            number for number, item in self.it.registry.versions(MODEL).items() if "archived" in item.tags
        }
        assert tagged <= self.witness.ever, tagged
        if ended and self.it.alias().spec.policy.retention is not None:
            named = set(self.it.registry.held(MODEL).values())
            assert not tagged & named, (tagged, self.it.registry.held(MODEL), status)


def _word(request: PromotionRequest, user: str, decision: str) -> dict[str, Any]:
    assert request.status.resolved is not None
    return {"user": user, "evidence": request.status.resolved.evidence, "decision": decision}
