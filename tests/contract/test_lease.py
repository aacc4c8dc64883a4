"""Who leads, and when nobody does: the loop and its store, on the fake and on a real API server, in time of
the test's own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelalias.adapters.leadership import (
    CALL_SECONDS,
    DURATION_SECONDS,
    LOOK_AROUND_SECONDS,
    RENEW_SECONDS,
    VALID_SECONDS,
    Record,
)
from modelalias.adapters.lease import (
    WATCHES,
    KubernetesLease,
    Lease,
    LeaseStore,
    NoLease,
    own_identity,
    parse_neighbour,
    steady,
)
from modelalias.adapters.neighbours import Neighbour
from modelalias.core.errors import NotLeading, Refused, StaleObject, Unavailable
from tests.support.fake_lease import FakeLeaseStore
from tests.support.raw_api import RawApi, connection_as, raw_api
from tests.support.virtual_time import VirtualTime

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


class World(Protocol):
    """A Lease with people on it."""

    store: LeaseStore

    async def touch(self) -> None: ...

    async def delete(self) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeLeaseStore()
        self.store: LeaseStore = self.fake

    async def touch(self) -> None:
        self.fake.touch()

    async def delete(self) -> None:
        self.fake.delete()


class RealWorld:
    def __init__(self, api: RawApi, store: LeaseStore, namespace: str) -> None:
        self.api = api
        self.store = store
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/modelalias"
        self._touched = 0

    async def touch(self) -> None:
        self._touched += 1
        await self.api.merge(self._path, {"metadata": {"annotations": {"touched": str(self._touched)}}})

    async def delete(self) -> None:
        await self.api.delete(self._path)


@pytest.fixture
async def real(kubeconfig: str, namespace: str) -> AsyncIterator[RealWorld]:
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        yield RealWorld(
            api,
            KubernetesLease(connection, namespace=namespace, name="modelalias", watches=(namespace,)),
            namespace,
        )


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = FakeWorld() if request.param == "fake" else request.getfixturevalue("real")
    return found


class Broken:
    """A way to the store that can be cut, so that calls hang for a while and fail, or slow, so that answers
    come late."""

    def __init__(self, store: LeaseStore, time: VirtualTime) -> None:
        self.store = store
        self.time = time
        self.cut = False
        self.hangs = 0.0
        self.slow = 0.0
        self.list_hangs = False
        self.renewals: list[float] = []
        self.looks: list[float] = []

    async def read(self) -> Record | None:
        await self._pass()
        return await self.store.read()

    async def create(self, holder: str, at: datetime) -> Record:
        await self._pass()
        return await self.store.create(holder, at)

    async def replace(self, seen: Record, holder: str, at: datetime) -> Record:
        await self._pass()
        self.renewals.append(self.time.now)
        written = await self.store.replace(seen, holder, at)
        if self.slow:
            await self.time.sleep(self.slow)
        return written

    async def neighbours(self, *, seconds: float = CALL_SECONDS) -> Sequence[Neighbour]:
        await self._pass()
        self.looks.append(self.time.now)
        if self.list_hangs:
            await self.time.sleep(seconds)
            raise Unavailable(f"the API server did not answer within {seconds:g} s")
        return await self.store.neighbours(seconds=seconds)

    async def why_unproved(self, *, seconds: float = CALL_SECONDS) -> str:
        await self._pass()
        return await self.store.why_unproved(seconds=seconds)

    async def _pass(self) -> None:
        if self.cut:
            if self.hangs:
                await self.time.sleep(self.hangs)
            raise Unavailable("the API server did not answer within 5 s")


class Operators:
    """Operators that run on one clock; `start` one, then `advance`."""

    def __init__(self, store: LeaseStore) -> None:
        self.time = VirtualTime()
        self.store = store
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.leases: dict[str, Lease] = {}
        self.ways: dict[str, Broken] = {}

    async def start(self, name: str, store: LeaseStore | None = None, **installation: Any) -> Lease:
        way = Broken(store or self.store, self.time)
        lease = Lease(
            way,
            identity=name,
            clock=self.time.clock,
            sleep=self.time.sleep,
            wall=self._wall,
            **{"namespaces": ("its own",), **installation},
        )
        self.leases[name], self.ways[name] = lease, way
        self.tasks[name] = asyncio.create_task(lease.run())
        await self.time.asleep(len(self.tasks))
        return lease

    async def stop(self, name: str) -> None:
        """End one as SIGTERM does."""
        self.ways[name].hangs = self.ways[name].slow = 0.0  # time does not move while it ends
        task = self.tasks.pop(name)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def kill(self, name: str) -> None:
        """End one as kill -9 does: nothing of it reaches the store any more."""
        self.ways[name].cut = True
        await self.stop(name)
        del self.leases[name]

    async def advance(self, seconds: float) -> None:
        await self.time.advance(seconds)
        assert len(self.leading()) < 2, f"two lead at {self.time.now}: {self.leading()}"

    async def pass_by(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass in steps, and look after each that never two lead."""
        for _ in range(round(seconds / step)):
            await self.advance(step)

    def leading(self) -> set[str]:
        return {name for name, lease in self.leases.items() if lease.leads}

    async def end(self) -> None:
        for name in list(self.tasks):
            await self.stop(name)

    def _wall(self) -> datetime:
        return NOW + timedelta(seconds=self.time.now)


@pytest.fixture
async def operators(world: World) -> AsyncIterator[Operators]:
    found = Operators(world.store)
    yield found
    await found.end()


# The store


async def test_there_is_no_lease_at_first(world: World) -> None:
    assert await world.store.read() is None


async def test_a_created_lease_is_held(world: World) -> None:
    created = await world.store.create("a", NOW)

    assert await world.store.read() == created
    assert (created.holder, created.seconds, created.transitions) == ("a", DURATION_SECONDS, 0)


async def test_creating_a_second_time_is_a_conflict(world: World) -> None:
    await world.store.create("a", NOW)

    with pytest.raises(StaleObject):
        await world.store.create("b", NOW)


async def test_a_renewal_keeps_the_holder_and_shows_a_sign_of_life(world: World) -> None:
    created = await world.store.create("a", NOW)

    renewed = await world.store.replace(created, "a", NOW + timedelta(seconds=2))

    assert (renewed.holder, renewed.transitions) == ("a", 0)
    assert renewed.renewed != created.renewed
    assert await world.store.read() == renewed


async def test_taking_over_counts_a_transition(world: World) -> None:
    created = await world.store.create("a", NOW)

    taken = await world.store.replace(created, "b", NOW)

    assert (taken.holder, taken.transitions) == ("b", 1)


async def test_a_released_lease_has_no_holder(world: World) -> None:
    created = await world.store.create("a", NOW)

    released = await world.store.replace(created, "", NOW)

    assert await world.store.read() == released
    assert (released.holder, released.transitions) == ("", 0)


async def test_writing_over_a_changed_lease_is_a_conflict(world: World) -> None:
    created = await world.store.create("a", NOW)
    await world.touch()

    with pytest.raises(StaleObject):
        await world.store.replace(created, "b", NOW)


async def test_writing_to_a_deleted_lease_is_a_conflict(world: World) -> None:
    created = await world.store.create("a", NOW)
    await world.delete()

    with pytest.raises(StaleObject):
        await world.store.replace(created, "a", NOW)


# The loop


async def test_the_first_leads_and_the_second_waits(operators: Operators) -> None:
    first = await operators.start("first")
    second = await operators.start("second")

    await operators.pass_by(60)

    first.check()
    with pytest.raises(NotLeading, match="first has the Lease"):
        second.check()


async def test_a_clean_exit_lets_the_other_take_over_at_once(operators: Operators) -> None:
    first = await operators.start("first")
    await operators.start("second")

    await operators.stop("first")
    with pytest.raises(NotLeading, match="has released the Lease"):
        first.check()
    await operators.advance(RENEW_SECONDS)

    assert operators.leading() == {"second"}


async def test_a_stranger_touching_the_lease_does_not_keep_it_from_being_given_up(
    operators: Operators, world: World
) -> None:
    await operators.start("first")
    await operators.start("second")
    await world.touch()

    await operators.stop("first")
    await operators.advance(RENEW_SECONDS)

    assert operators.leading() == {"second"}


async def test_a_killed_leader_is_replaced_within_20_seconds(operators: Operators) -> None:
    await operators.start("first")
    await operators.start("second")
    await operators.pass_by(7)

    await operators.kill("first")
    await operators.pass_by(12)
    early = operators.leading()
    await operators.pass_by(6)

    assert early == set()
    assert operators.leading() == {"second"}


async def test_a_leader_that_is_cut_off_stops_before_another_starts(operators: Operators) -> None:
    first = await operators.start("first")
    await operators.start("second")
    await operators.pass_by(7)

    operators.ways["first"].cut = True
    await operators.pass_by(VALID_SECONDS)
    with pytest.raises(NotLeading, match="could not be renewed in time: the API server did not answer"):
        first.check()
    await operators.pass_by(10)

    assert operators.leading() == {"second"}


async def test_a_call_that_hangs_does_not_prolong_the_lead(operators: Operators) -> None:
    first = await operators.start("first")
    way = operators.ways["first"]
    way.cut, way.hangs = True, 1000.0

    await operators.advance(VALID_SECONDS)

    with pytest.raises(NotLeading):
        first.check()


async def test_the_lead_counts_from_before_a_renewal_was_sent(operators: Operators) -> None:
    first = await operators.start("first")
    way = operators.ways["first"]
    way.slow = 4.0
    await operators.advance(RENEW_SECONDS + 4.0)
    way.cut, way.hangs = True, 1000.0

    await operators.advance(VALID_SECONDS - 4.0 - 0.5)
    first.check()
    await operators.advance(0.5)

    with pytest.raises(NotLeading):
        first.check()


async def test_a_lease_that_was_taken_by_force_is_left_at_once(operators: Operators, world: World) -> None:
    first = await operators.start("first")
    seen = await world.store.read()
    assert seen is not None
    await world.store.replace(seen, "thief", NOW)

    await operators.pass_by(RENEW_SECONDS + 0.5)

    with pytest.raises(NotLeading, match="thief has the Lease"):
        first.check()


async def test_one_lost_call_does_not_cost_the_lead(operators: Operators) -> None:
    first = await operators.start("first")
    way = operators.ways["first"]
    way.cut, way.hangs = True, 5.0
    await operators.advance(RENEW_SECONDS)
    way.cut = False

    for _ in range(60):
        await operators.advance(0.5)
        first.check()


async def test_it_leads_again_after_an_outage(operators: Operators) -> None:
    first = await operators.start("first")
    operators.ways["first"].cut = True
    await operators.pass_by(120)
    assert operators.leading() == set()

    operators.ways["first"].cut = False
    await operators.advance(RENEW_SECONDS)

    first.check()


async def test_a_stranger_touching_the_lease_changes_nothing(operators: Operators, world: World) -> None:
    first = await operators.start("first")
    await operators.start("second")

    for _ in range(10):
        await world.touch()
        await operators.pass_by(RENEW_SECONDS)
        first.check()


async def test_a_stranger_touching_the_lease_keeps_no_dead_leader_alive(
    operators: Operators, world: World
) -> None:
    await operators.start("first")
    await operators.start("second")
    await operators.kill("first")

    for _ in range(9):
        await world.touch()
        await operators.pass_by(RENEW_SECONDS)

    assert operators.leading() == {"second"}


async def test_a_deleted_lease_is_made_again_by_its_holder(operators: Operators, world: World) -> None:
    first = await operators.start("first")
    await operators.start("second")
    await operators.pass_by(3)

    await world.delete()
    await operators.pass_by(40)

    first.check()


async def test_a_lease_deleted_under_a_holder_that_is_cut_off_is_not_free_at_once(
    operators: Operators, world: World
) -> None:
    await operators.start("first")
    await operators.start("second")
    await operators.pass_by(3)
    operators.ways["first"].cut = True

    await world.delete()
    await operators.pass_by(20)

    assert operators.leading() == {"second"}


async def test_waiting_for_the_lead_ends_when_it_comes(operators: Operators) -> None:
    await operators.start("first")
    second = await operators.start("second")
    waiting = asyncio.create_task(second.acquired())
    await operators.pass_by(30)
    assert not waiting.done()

    await operators.stop("first")
    await operators.advance(RENEW_SECONDS)

    await asyncio.wait_for(waiting, 5)


async def test_a_renewal_whose_answer_was_lost_is_noticed_as_ours() -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    store.fail_next(Unavailable("lost"), call="create", after=True)

    first = await operators.start("first")
    with pytest.raises(NotLeading):
        first.check()
    await operators.advance(RENEW_SECONDS)
    first.check()
    store.fail_next(Unavailable("lost"), call="replace", after=True)
    await operators.pass_by(60)

    first.check()
    await operators.end()


async def test_a_missing_permission_does_not_end_the_loop() -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    store.fail_next(
        Refused("may not create leases.coordination.k8s.io in namespace x"), call="create", times=3
    )

    first = await operators.start("first")
    with pytest.raises(NotLeading, match=r"may not create leases"):
        first.check()
    await operators.pass_by(4 * RENEW_SECONDS)

    first.check()
    await operators.end()


async def test_an_idle_leader_writes_once_each_renewal_and_reads_nothing() -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    await operators.start("first")
    store.calls.clear()

    await operators.pass_by(20)

    assert store.calls == ["replace"] * 10
    await operators.end()


# Other installations


class Installations:
    """Two, each with a Lease of its own, that see each other's."""

    def __init__(self, **watches: tuple[str, ...]) -> None:
        self.stores = {name: FakeLeaseStore() for name in watches}
        self.watches = watches
        self.operators = Operators(FakeLeaseStore())
        for name, store in self.stores.items():
            store.others = partial(self.others_of, name)

    def others_of(self, name: str) -> list[Neighbour]:
        return [
            Neighbour(place=other, namespaces=self.watches[other], record=store.record)
            for other, store in self.stores.items()
            if other != name and store.record is not None
        ]

    async def start(self, name: str) -> Lease:
        return await self.operators.start(name, self.stores[name], place=name, namespaces=self.watches[name])


@pytest.mark.parametrize("watches", [((), ()), ((), ("ml",)), (("ml", "risk"), ("ml",))])
async def test_the_installation_that_comes_later_waits_and_begins_when_the_other_is_gone(
    watches: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    there = Installations(older=watches[0], younger=watches[1])
    await there.start("older")
    younger = await there.start("younger")

    await there.operators.pass_by(60)
    with pytest.raises(NotLeading, match="older acts on the same ModelAliases"):
        younger.check()
    assert there.operators.leading() == {"older"}
    await there.operators.kill("older")
    await there.operators.pass_by(DURATION_SECONDS + RENEW_SECONDS)

    younger.check()
    await there.operators.end()


async def test_installations_that_watch_different_namespaces_act_both() -> None:
    there = Installations(one=("ml",), other=("risk",))
    leases = [await there.start("one"), await there.start("other")]
    for _ in range(40):
        await there.operators.time.advance(1)

    for lease in leases:
        lease.check()
    await there.operators.end()


async def test_of_two_that_began_unseen_the_younger_gives_way() -> None:
    """Neither saw the other's Lease when it began; a name on a Lease that nobody renews makes nobody give way."""
    there = Installations(older=(), younger=())
    older = await there.start("older")
    there.stores["younger"].others = tuple
    await there.operators.time.advance(1)
    younger = await there.start("younger")
    younger.check()
    abandoned = Neighbour(place="abandoned", record=Record(holder="x", resource_version="1", created="2000"))
    there.stores["older"].others = lambda: [abandoned, *there.others_of("older")]
    there.stores["younger"].others = lambda: there.others_of("younger")

    for _ in range(70):
        await there.operators.time.advance(1)

    older.check()
    with pytest.raises(NotLeading, match="older acts"):
        younger.check()
    assert there.stores["younger"].record is not None
    assert there.stores["younger"].record.holder == ""
    await there.operators.end()


async def test_who_may_not_look_for_others_acts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    store.fail_next(Refused("may not list leases"), call="neighbours", times=100)

    first = await operators.start("first")
    await operators.pass_by(100)

    first.check()
    assert caplog.text.count("whether another installation watches the same namespaces is not known") == 1
    await operators.end()


async def test_a_list_of_installations_that_hangs_delays_no_renewal_and_is_not_asked_for_each_time() -> None:
    operators = Operators(FakeLeaseStore())
    first = await operators.start("first")
    way = operators.ways["first"]
    way.list_hangs = True
    way.looks.clear()

    for _ in range(240):
        await operators.advance(0.5)
        first.check()

    gaps = {round(later - earlier, 3) for earlier, later in pairwise(way.renewals)}
    assert gaps == {RENEW_SECONDS}
    assert 120 / (LOOK_AROUND_SECONDS + 2 * RENEW_SECONDS) - 1 <= len(way.looks) <= 120 / LOOK_AROUND_SECONDS
    await operators.end()


# Leases of installations that nobody proves


class Doubtful:
    """Whoever holds a Lease that says that it is an installation of the same namespaces, and renews it."""

    def __init__(self, operators: Operators, store: FakeLeaseStore) -> None:
        self.operators, self.store = operators, store
        self.renews = True
        store.others = self.say

    def say(self) -> list[Neighbour]:
        renewed = str(self.operators.time.now) if self.renews else "once"
        record = Record(holder="x", renewed=renewed, resource_version="1", created="2000")
        return [Neighbour(place="ml/x", record=record)]


MISSING = "ValidatingAdmissionPolicy leases.modelalias.dev is not installed"


async def test_nobody_gives_way_to_an_installation_that_nobody_proves_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    Doubtful(operators, store)
    store.unproved = MISSING

    first = await operators.start("first")
    for _ in range(140):
        await operators.advance(0.5)
        first.check()

    told = [text for text in caplog.messages if "the Lease ml/x says" in text]
    (line,) = told
    assert line == (
        "the Lease ml/x says that another installation acts on the same ModelAliases (it watches all namespaces), "
        f"which anybody may have written, so this one does not give way to it: {MISSING}"
    )
    await operators.end()


async def test_who_may_not_read_the_policy_does_not_believe_it() -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    Doubtful(operators, store)
    store.fail_next(Refused("may not get validatingadmissionpolicies"), call="why_unproved", times=100)

    first = await operators.start("first")

    first.check()
    await operators.end()


async def test_who_does_not_know_whether_it_is_proved_does_not_begin() -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    Doubtful(operators, store)
    store.fail_next(Unavailable("no answer"), call="why_unproved", times=100)

    first = await operators.start("first")
    await operators.pass_by(60)

    with pytest.raises(NotLeading):
        first.check()
    await operators.end()


async def test_whose_installation_was_proved_once_stays_believed_when_the_policy_goes() -> None:
    """As when one of two is uninstalled, and the policies with it, while it still acts."""
    store = FakeLeaseStore()
    operators = Operators(store)
    other = Doubtful(operators, store)
    first = await operators.start("first")
    await operators.pass_by(30)

    store.unproved = MISSING
    await operators.pass_by(60)
    with pytest.raises(NotLeading, match="the installation with the Lease ml/x acts"):
        first.check()
    other.renews = False
    await operators.pass_by(DURATION_SECONDS + 2 * RENEW_SECONDS)

    first.check()
    await operators.end()


async def test_a_lease_that_was_seen_with_the_policy_and_not_renewed_under_it_is_not_proved() -> None:
    """Somebody wrote it before the policy was there, and renews it when the policy is gone."""
    store = FakeLeaseStore()
    operators = Operators(store)
    other = Doubtful(operators, store)
    other.renews = False
    first = await operators.start("first")
    await operators.pass_by(5)

    other.renews, store.unproved = True, MISSING
    await operators.pass_by(RENEW_SECONDS)

    first.check()
    await operators.end()


async def test_who_sees_no_other_installation_does_not_ask_who_proves_it() -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    elsewhere = Neighbour(
        place="b/x", namespaces=("b",), record=Record(holder="x", renewed="1", resource_version="1")
    )
    store.others = lambda: [elsewhere]

    await operators.start("first")
    await operators.pass_by(100)

    assert "neighbours" in store.calls
    assert "why_unproved" not in store.calls
    await operators.end()


async def test_an_installation_is_found_by_what_its_lease_says(kubeconfig: str, namespace: str) -> None:
    async with connection_as(kubeconfig) as connection:
        stores = {
            name: KubernetesLease(connection, namespace=namespace, name=name, watches=watches)
            for name, watches in (("all", ()), ("two", ("b", "a")))
        }
        for name, store in stores.items():
            await store.replace(await store.create("somebody", NOW), name, NOW)

        found = {
            name: [item for item in await store.neighbours() if item.place.startswith(f"{namespace}/")]
            for name, store in stores.items()
        }

    assert [(item.place, item.namespaces) for item in found["all"]] == [(f"{namespace}/two", ("a", "b"))]
    assert [(item.place, item.namespaces) for item in found["two"]] == [(f"{namespace}/all", ())]
    assert found["two"][0].record.holder == "all"
    assert found["two"][0].record.created


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0.1, 12.0)),
        st.tuples(
            st.sampled_from(["cut", "hang", "slow", "heal", "restart", "kill"]),
            st.sampled_from(["a", "b", "c"]),
        ),
        st.tuples(st.sampled_from(["delete", "touch"]), st.just("")),
    ),
    max_size=30,
)


@given(STEPS)
@settings(deadline=None, max_examples=150)
def test_never_two_lead(steps: list[tuple[str, float | str]]) -> None:
    asyncio.run(_live_through(steps))


async def _live_through(steps: list[tuple[str, float | str]]) -> None:
    store = FakeLeaseStore()
    operators = Operators(store)
    for name in ("a", "b", "c"):
        await operators.start(name)
    for what, detail in steps:
        name = str(detail)
        if isinstance(detail, float):
            await operators.pass_by(detail, step=0.25)
        elif what in {"cut", "hang", "slow", "heal"} and name in operators.ways:
            operators.ways[name].cut = what in {"cut", "hang"}
            operators.ways[name].slow = 4.5 if what == "slow" else 0.0
            operators.ways[name].hangs = 5.0 if what == "hang" else 0.0
        elif what == "kill" and name in operators.tasks:
            await operators.kill(name)
        elif (
            what == "restart" and store.record is not None
        ):  # one that never saw the deleted Lease cannot know of its holder
            if name in operators.tasks:
                await operators.stop(name)
            await operators.start(name)
        elif what == "delete":
            store.delete()
        elif what == "touch":
            store.touch()
    await operators.end()


async def test_without_a_lease_it_always_leads() -> None:
    alone = NoLease()
    running = asyncio.create_task(alone.run())

    await alone.acquired()
    alone.check()

    running.cancel()


def test_no_two_processes_have_one_identity() -> None:
    assert own_identity("pod-1") != own_identity("pod-1")
    assert own_identity("pod-1").startswith("pod-1_")


def test_the_clock_goes_forward() -> None:
    assert 0 <= steady() <= steady()


def test_how_long_the_lease_of_another_installation_counts_is_not_its_own_to_say() -> None:
    body = {
        "metadata": {"namespace": "ml", "name": "x", "resourceVersion": "1", "annotations": {WATCHES: "*"}},
        "spec": {"holderIdentity": "x", "leaseDurationSeconds": 2**31 - 1},
    }

    found = parse_neighbour(body)

    assert found is not None
    assert found.record.seconds == DURATION_SECONDS
