"""A process that dies right before or right after any of its external writes changes no end, and makes no
write twice."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from modelalias.api.alias import ModelAliasStatus
from modelalias.api.conditions import RequestCondition, is_true
from modelalias.api.request import PromotionRequestStatus
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.signed_record import unseal
from modelalias.core.ledger.statement import Place
from modelalias.core.ledger.version_record import Proof
from modelalias.ports import Dataset, JobRef, JobState
from tests.support.fake_keys import NOTARY
from tests.support.fake_objects import OPERATOR
from tests.support.fake_registry import FakeRegistry
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import ALIAS, MODEL, PINNED

MORE_WRITES_THAN_ANY_STORY: Final = 60
DEADLINE: Final[dict[str, Any]] = {"rollout": {"deadlineSeconds": 60}}


@dataclass(frozen=True)
class Story:
    """How a world begins, what controllers do to its workloads, and how long it takes."""

    id: str
    begin: Callable[[Cluster], Awaitable[None]]
    request: str | None
    phase: str
    heals: bool = True
    """Whether rollouts of version 2 finish; those of version 1 always do."""
    meanwhile: Callable[[Cluster], Awaitable[None]] | None = None
    """What others do again and again until the end."""
    moves: bool = True
    """Whether anything moved, so that it stands in the history."""
    others: Mapping[str, str] = field(default_factory=dict)
    """How the requests beside it end."""
    own: str | None = None
    """How the name of the request begins that the operator files by itself."""


async def _promotion(it: Cluster) -> None:
    await it.model(0.7, 0.8, aliases={"champion": "1", "challenger": "2"})
    it.workloads.add("api", marks={"churn-champion": "1.1"})
    it.workloads.add("web")
    it.add_alias(
        serving=[{"name": "api"}, {"name": "web", "wave": 1}],
        previousAlias="prev",
        policy={"requestTags": ["ticket"]},
        **DEADLINE,
    )
    on_success = {"deleteSourceAlias": True, "tags": {"ticket": "ML-12"}}
    it.ask("go", source={"alias": "challenger"}, onSuccess=on_success)


async def _pinned(it: Cluster) -> None:
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
    it.add_alias(serving=[{"name": "api", "load": PINNED}], previousAlias="prev", **DEADLINE)
    it.ask("go", "2")


async def _run(it: Cluster) -> None:
    await it.model(0.7, aliases={"champion": "1"})
    run = await it.registry.create_run([("val_auc", 0.9, 0)])
    it.workloads.add("api")
    it.add_alias(serving=[{"name": "api"}], **DEADLINE)
    it.ask("go", source={"runId": run})


async def _pin(it: Cluster) -> None:
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    it.workloads.add("api", marks={"churn-champion": "1.1"})
    it.add_alias(serving=[{"name": "api"}], previousAlias="prev", version="2", **DEADLINE)


async def _aborted(it: Cluster) -> None:
    await _promotion(it)
    _when_rolled(it, "2.2", lambda: it.edit_request("go", abort=True))


BACK: Final[dict[str, Any]] = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}


async def _at_two(it: Cluster, **fields: Any) -> None:
    """Let the second of three versions be served, after the first."""
    await it.model(0.7, 0.8, 0.9, aliases={"champion": "2", "prev": "1"})
    it.workloads.add("api", marks={"churn-champion": "2.1"})
    it.workloads.add("web")
    serving = [{"name": "api"}, {"name": "web", "wave": 1}]
    it.add_accepted_alias("1", "2", **{"serving": serving, "previousAlias": "prev", **DEADLINE, **fields})


async def _rollback(it: Cluster) -> None:
    await _at_two(it)
    it.ask("go", **BACK)


async def _pinned_rollback(it: Cluster) -> None:
    await it.model(0.7, 0.8, aliases={"champion": "2", "prev": "1"})
    it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/2"}})
    it.add_accepted_alias(
        "1", "2", serving=[{"name": "api", "load": PINNED}], previousAlias="prev", **DEADLINE
    )
    it.ask("go", **BACK)


async def _swap(it: Cluster) -> None:
    await _at_two(it)
    it.ask("go", operation="Swap", reason="complaints")


async def _aborted_rollback(it: Cluster) -> None:
    await _rollback(it)
    _when_rolled(it, "1.2", lambda: it.edit_request("go", abort=True))


async def _interrupted(it: Cluster) -> None:
    """Promote the third version, and go back to the first as soon as a workload rolls."""
    await _at_two(it)
    it.ask("new", "3")
    back = {**BACK, "source": {"version": "1"}}
    _when_rolled(it, "3.2", lambda: it.ask("go", **back))


async def _superseded(it: Cluster) -> None:
    await _at_two(it, policy={"approval": {"required": "Always"}})
    it.ask("new", "3")
    it.ask("behind", "1")


async def _go_back_while_people_are_asked(it: Cluster) -> None:
    if (
        it.phase("new") == "AwaitingApproval"
        and it.phase("behind") == "Queued"
        and ("ml", "go") not in it.objects.requests
    ):
        it.ask("go", **BACK)


async def _archived(it: Cluster) -> None:
    """Replace a version for which a request ended that only the ModelAlias knows."""
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    it.workloads.add("api", marks={"churn-champion": "1.1"})
    it.add_alias(serving=[{"name": "api"}], previousAlias="prev", **DEADLINE)
    it.ask("again", "1")
    it.ask("go", "2", reason="better")


async def _leaving(it: Cluster) -> None:
    """Promote the third version; the first loses its last alias, and is left behind."""
    await _at_two(it, policy={"retention": {"keep": 1}})
    it.ask("go", "3")


async def _back_to_one_left_behind(it: Cluster) -> None:
    """Go back to a version that has the tag; the two after it get it."""
    await it.model(0.7, 0.8, 0.9, aliases={"champion": "3"})
    it.workloads.add("api", marks={"churn-champion": "3.1"})
    serving = [{"name": "api"}]
    it.add_accepted_alias("1", "2", "3", serving=serving, policy={"retention": {"keep": 1}}, **DEADLINE)
    await it.registry.tag_version(MODEL, "1", {"archived": ALIAS})
    it.registry.calls.clear()
    it.ask("go", **{**BACK, "source": {"version": "1"}})


def _query(version: str) -> str:
    return f'errors{{version="{version}"}}'


async def _breached(it: Cluster) -> None:
    """Let the second version's errors breach a monitor; the first has none."""
    monitor = {
        "name": "errors",
        "prometheus": {"query": _query("$version")},
        "direction": "LowerIsBetter",
        "threshold": 0.05,
        "interval": "10s",
        "grace": "1s",
    }
    it.prometheus.numbers = {_query("1"): 0.01, _query("2"): 0.3}
    await _at_two(it, monitors=[monitor])
    _file_at_a_moment(it)


def _file_at_a_moment(it: Cluster) -> None:
    """Let what the operator files be created by the clock that its names are made of."""
    it.objects.clock = it.wall


async def _moved_by_hand(it: Cluster, drift: str) -> None:
    await _at_two(it, drift=drift)
    await it.settle(20)
    await FakeRegistry.set_alias(it.registry, MODEL, ALIAS, "3")
    it.registry.calls.clear()


async def _restored(it: Cluster) -> None:
    await _moved_by_hand(it, "Restore")


async def _restored_with_pods(it: Cluster) -> None:
    """Let pods start while the alias names another version."""
    await _restored(it)
    ref, now = it.ref("api"), it.wall()
    pods = await it.pods.of(it.workload("api"))
    it.pods.exact[ref] = [pod.changed(created=now, started=now, last_started=now) for pod in pods]
    it.workloads.listeners.append(lambda _kind, _workload: it.pods.exact.clear())


async def _adopted(it: Cluster) -> None:
    await _moved_by_hand(it, "Adopt")


async def _auto_promoted(it: Cluster) -> None:
    await _at_two(it, policy={"autoPromote": {"fromAlias": "challenger"}})
    await FakeRegistry.set_alias(it.registry, MODEL, "challenger", "3")
    it.registry.calls.clear()


def _when_rolled(it: Cluster, mark: str, then: Callable[[], object]) -> None:
    """Let something happen once, as soon as the first workload bears a mark."""

    def look(change: str, item: Any) -> None:
        if change == "MODIFIED" and item.ref.name == "api" and it.mark("api") == mark:
            it.workloads.listeners.remove(look)
            then()

    it.workloads.listeners.append(look)


async def _split(it: Cluster) -> None:
    """Let a challenger that runs have its share of the requests, which all go to the champion so far."""
    await it.model(0.7, 0.8, aliases={"champion": "1", "challenger": "2"})
    for service in ("main", "other"):
        it.routes.ready["ml", service] = 1
    it.routes.add("churn", {"main": 100, "other": 0})
    backends = [{"service": "main", "weight": 90}, {"service": "other", "alias": "challenger", "weight": 10}]
    it.workloads.add("other", marks={"churn-challenger": "2.1"})
    it.add_accepted_alias("2", name="churn-challenger", alias="challenger", serving=[{"name": "other"}])
    it.add_accepted_alias("1", traffic={"httpRoute": "churn", "backends": backends})


EVALUATED: Final = {
    "gates": [
        {
            "name": "holdout",
            "metric": "auc",
            "direction": "HigherIsBetter",
            "champion": {"minImprovement": 0},
            "metricFrom": "Evaluation",
        }
    ],
    "evaluation": {"cronJob": "holdout"},
}


async def _evaluated(it: Cluster, **policy: Any) -> None:
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    it.jobs.add_cron_job("ml", "holdout")
    it.add_alias(policy={**EVALUATED, **policy})
    it.ask("go", "2", requestedBy="ana")


async def _approved(it: Cluster) -> None:
    await _evaluated(it, approval={"required": "Always"})


async def _gated_pin(it: Cluster) -> None:
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    it.jobs.add_cron_job("ml", "holdout")
    it.add_alias(policy={**EVALUATED, "pins": "Gated"}, version="2")


def _measure(candidate: float) -> Callable[[Cluster], Awaitable[None]]:
    async def measure(it: Cluster) -> None:
        """Let each Job that runs log its value, and end; people approve what they are asked for."""
        for new in it.jobs.started:
            job = it.jobs.jobs.get(new.ref)
            if job is None or job.state is not JobState.RUNNING:
                continue
            value = candidate if dict(new.environment)["MODELALIAS_SIDE"] == "Candidate" else 0.7
            await it.registry.log_metric(new.run_id, "auc", value)
            await it.registry.log_dataset(new.run_id, Dataset(name="holdout", digest="1"))
            it.jobs.finish(new.ref)
        request = it.objects.requests.get(("ml", "go"))
        if request is None or request.status.phase != "AwaitingApproval" or request.spec.approvals:
            return
        assert request.status.resolved is not None
        word = {"user": "bo", "evidence": request.status.resolved.evidence, "decision": "Approve"}
        it.edit_request("go", approvals=[word])

    return measure


async def _give_up(it: Cluster) -> None:
    known = [item for item in it.request("go").status.evaluation if item.state == "Running"]
    if len(known) == 2 and not it.request("go").spec.abort:
        it.edit_request("go", abort=True)


STORIES = [
    Story("a promotion", _promotion, "go", "Succeeded"),
    Story("a promotion of pinned workloads", _pinned, "go", "Succeeded"),
    Story("a promotion of a run", _run, "go", "Succeeded"),
    Story("a pin", _pin, None, "Succeeded"),
    Story("a failed rollout", _promotion, "go", "RolledBack", heals=False),
    Story("a failed rollout of pinned workloads", _pinned, "go", "RolledBack", heals=False),
    Story("a failed pin", _pin, None, "RolledBack", heals=False),
    Story("an abort", _aborted, "go", "Aborted"),
    Story("an evaluation that passes", _evaluated, "go", "Succeeded", meanwhile=_measure(0.8)),
    Story("an evaluation that people approve", _approved, "go", "Succeeded", meanwhile=_measure(0.8)),
    Story("an evaluation that refuses", _evaluated, "go", "Rejected", meanwhile=_measure(0.6), moves=False),
    Story("an evaluation that is aborted", _evaluated, "go", "Aborted", meanwhile=_give_up, moves=False),
    Story("a rollback", _rollback, "go", "Succeeded"),
    Story("a rollback of pinned workloads", _pinned_rollback, "go", "Succeeded"),
    Story("a rollback that is aborted", _aborted_rollback, "go", "Aborted"),
    Story("a swap", _swap, "go", "Succeeded"),
    Story(
        "a rollback that interrupts a promotion", _interrupted, "go", "Succeeded", others={"new": "Aborted"}
    ),
    Story(
        "a rollback that takes the place of others",
        _superseded,
        "go",
        "Succeeded",
        meanwhile=_go_back_while_people_are_asked,
        others={"new": "Superseded", "behind": "Superseded"},
    ),
    Story(
        "a promotion that archives what it replaces",
        _archived,
        "go",
        "Succeeded",
        others={"again": "Succeeded"},
    ),
    Story("a promotion that leaves a version behind", _leaving, "go", "Succeeded"),
    Story("a rollback to a version left behind", _back_to_one_left_behind, "go", "Succeeded"),
    Story("an automatic rollback", _breached, None, "Succeeded", own="churn-champion-breach-2-"),
    Story("a Restore", _restored, None, "Succeeded"),
    Story("a Restore that rolls pods that strayed", _restored_with_pods, None, "Succeeded"),
    Story("an Adopt", _adopted, None, "Succeeded"),
    Story("an automatic promotion", _auto_promoted, None, "Succeeded", own="churn-champion-auto-3"),
    Story("a split of the requests", _split, None, "Succeeded", moves=False),
    Story("a pin that is evaluated", _gated_pin, None, "Succeeded", meanwhile=_measure(0.8)),
]


@dataclass(frozen=True)
class End:
    """What is left when all is done, without times."""

    aliases: dict[str, str]
    registry_writes: list[tuple[object, ...]]
    rolls: list[tuple[object, ...]]
    workloads: dict[str, tuple[object, ...]]
    jobs: list[tuple[JobRef, str]]
    weights: list[tuple[str, Mapping[str, int]]]
    runs: dict[str, str]
    alias: dict[str, Any]
    requests: dict[str, dict[str, Any]]
    ended: dict[str, int]
    """How often the end of each request was written."""
    records: dict[str, Any]
    """What is written on each version about its life under the alias."""


async def _carried_out(story: Story, at: int, *, after: bool) -> tuple[End, bool]:
    """Run a story and kill the process at its write number `at`; return the end and whether it came to that."""
    async with Cluster() as it:
        await story.begin(it)
        it.trip.arm(at, after=after)
        killed = False
        for _ in range(80):
            await it.settle(2)
            if it.trip.dead.is_set():
                killed = True
                await it.stop()
                it.trip.arm(0, after=False)
            for ref, workload in list(it.workloads.workloads.items()):
                wanted = workload.marks.get("churn-champion", "1")
                if workload.generation > workload.observed_generation and (
                    story.heals or not wanted.startswith("2")
                ):
                    it.workloads.complete_rollout(ref)
            if story.meanwhile is not None:
                await story.meanwhile(it)
        if story.request is not None:
            for name, phase in {story.request: story.phase, **story.others}.items():
                assert it.phase(name) == phase, it.says(name)
        own = [name for (_, name), item in it.objects.requests.items() if item.spec.requested_by == OPERATOR]
        assert len(own) == (story.own is not None), own
        assert not own or (own[0].startswith(story.own or "") and it.phase(own[0]) == story.phase), own
        if story.moves:
            assert it.alias().status.history[-1].outcome == story.phase
        end = await _end(it)
        if it.alias().spec.monitors:  # their points are written now and then, as long as there are monitors
            it.edit_alias(monitors=[])
            await it.settle(2)
        await it.assert_settled()
        return end, killed


async def _end(it: Cluster) -> End:
    ended = Counter(
        item.name
        for item in it.objects.writes
        if isinstance(item.status, PromotionRequestStatus)
        and is_true(item.status.conditions, RequestCondition.COMPLETE)
    )
    return End(
        aliases=await it.aliases(),
        registry_writes=[_timeless(item) for item in _changing(it)],
        rolls=[(roll.ref.name, roll.change.mark, roll.change.variables) for roll in it.workloads.rolls],
        workloads={ref.name: (item.marks, item.containers) for ref, item in it.workloads.workloads.items()},
        jobs=[(new.ref, new.run_id) for new in it.jobs.started],
        weights=it.routes.writes,
        runs={new.run_id: (await it.registry.read_run(new.run_id)).status for new in it.jobs.started},
        alias=json.loads(_named(it, json.dumps(_without_times(it.alias().status)))),
        requests={name: _without_times(item.status) for (_, name), item in it.objects.requests.items()},
        ended=dict(ended),
        records=await _records(it),
    )


async def _records(it: Cluster) -> dict[str, Any]:
    """Return what is written on each version about its life under the alias, without times."""
    key = tag_key(ALIAS)
    versions = sorted({str(call.arguments[1]) for call in it.registry.writes if call.name == "tag_version"})
    written = {number: (await it.tags(number)).get(key, "{}") for number in versions}
    for number, text in written.items():
        registered_at = it.registry.versions(MODEL)[number].registered_at
        place = Place(
            registry=it.registry_name,
            model=MODEL,
            alias=ALIAS,
            version=number,
            registered_at=registered_at,
        )
        assert text == "{}" or unseal(NOTARY, place, text).proof is Proof.SIGNED
    records = {number: _cleaned(json.loads(_named(it, text))) for number, text in written.items()}
    return {number: {**record, "signed": ...} for number, record in records.items()}


def _named(it: Cluster, text: str) -> str:
    """Put names in the place of uids: those count on with each write that came before the request.

    So it is with the hash of what the operator files after a breach, whose reason tells a time.
    """
    for (_, name), request in it.objects.requests.items():
        if request.spec.requested_by == OPERATOR:
            digest = request.spec_hash.removeprefix("sha256:")
            text = re.sub(rf"{digest[:20]}({digest[20:]})?", f"hash of {name}", text)
        text = re.sub(rf"\b{request.metadata.uid}\b", name, text)
    return text


def _changing(it: Cluster) -> list[tuple[object, ...]]:
    """Return the registry's writes; asking again for a run that is registered changes nothing.

    The runs of an evaluation are compared as they stand at the end: which side is first is chance.
    """
    writes = [item for item in it.registry_writes() if item[0] not in {"evaluation_run", "end_run"}]
    return [
        item for index, item in enumerate(writes) if item[0] != "version_of_run" or item not in writes[:index]
    ]


def _timeless(write: tuple[object, ...]) -> tuple[object, ...]:
    """Leave out the record's text, which carries the plan's times."""
    return tuple(sorted(item) if isinstance(item, dict) else item for item in write)


def _without_times(status: ModelAliasStatus | PromotionRequestStatus) -> dict[str, Any]:
    told = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    cleaned: dict[str, Any] = _cleaned(told)
    return {**cleaned, "conditions": {item.pop("type"): item for item in cleaned["conditions"]}}


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC")


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        times = {"at", "since", "lastTransitionTime", "evaluatedAt", "completedAt", "startedAt"}
        times |= {"countingSince", "points", "restored", "phaseSince"}
        return {key: _cleaned(item) for key, item in value.items() if key not in times}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return _MOMENT.sub("a moment", value) if isinstance(value, str) else value


@in_virtual_time
@pytest.mark.parametrize("after", [False, True], ids=["right before", "right after"])
@pytest.mark.parametrize("story", [pytest.param(story, id=story.id) for story in STORIES])
async def test_a_crash_at_any_write_changes_nothing(story: Story, *, after: bool) -> None:
    wanted, _ = await _carried_out(story, 0, after=False)

    for at in range(1, MORE_WRITES_THAN_ANY_STORY):
        found, killed = await _carried_out(story, at, after=after)
        assert found == wanted, f"killed at write {at}"
        if not killed:
            break
    else:
        pytest.fail("the story never ended")

    assert at > 5
    assert wanted.ended == dict.fromkeys(wanted.requests, 1)
