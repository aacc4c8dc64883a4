"""The next step of a plan follows from the world alone, and a plan that was carried out has none left."""

import json
from datetime import timedelta
from typing import Any

import pytest

from modelalias.api.alias import (
    AliasMove,
    Bearing,
    LoadMode,
    ModelAlias,
    ModelAliasStatus,
    Operation,
    Outcome,
    Plan,
    PlannedWorkload,
    Rollout,
    SourceAlias,
    WorkloadKind,
)
from modelalias.api.conditions import Reason
from modelalias.api.metadata import Metadata
from modelalias.core.errors import InvalidRequest, ModelNotFound, Refused, VersionNotFound
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.signed_record import write
from modelalias.core.ledger.statement import Place
from modelalias.core.ledger.version_record import VersionRecord
from modelalias.core.plan import steps, workload_steps
from modelalias.core.protocol.effects import DeleteAlias, Roll, SetAlias, TagVersion
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import AliasesOf, FreshWorkloadOf, PodsOf, VersionOf, WorkloadOf
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import ModelVersion, VersionState, Workload, WorkloadRef
from tests.support.fake_keys import NOTARY
from tests.support.harness import START
from tests.support.world import alias_spec

MOVES = (AliasMove(name="prev", from_=None, to="1"), AliasMove(name="champion", from_="1", to="2"))
REF = WorkloadRef(kind=WorkloadKind.DEPLOYMENT, namespace="ml", name="api")
DO_PREV = SetAlias(model="churn", alias="prev", version="1")
DO_MAIN = SetAlias(model="churn", alias="champion", version="2")
RECORD = VersionRecord(here=NOTARY.cluster)
MOVED = {"prev": "1", "champion": "2"}


def _alias(made: Plan) -> ModelAlias:
    return ModelAlias(
        metadata=Metadata(name="x", namespace="ml"),
        spec=alias_spec(previousAlias="prev"),
        status=ModelAliasStatus(plan=made),
    )


def _plan(mode: LoadMode = LoadMode.ALIAS, **fields: Any) -> Plan:
    pinned: dict[str, Any] = {}
    if mode is LoadMode.PINNED:
        pinned = {
            "container": "main",
            "env": "MODEL_URI",
            "from_uri": "models:/churn/1",
            "to_uri": "models:/churn/2",
        }
    planned = PlannedWorkload(
        kind=WorkloadKind.DEPLOYMENT, name="api", uid="u1", mode=mode, from_="1", to="2", back="1", **pinned
    )
    made: dict[str, Any] = {
        "operation": Operation.PROMOTE,
        "aliases": MOVES,
        "serving": (planned,),
        "started_at": START,
        "rollout": Rollout(stable_seconds=0),
        **fields,
    }
    return Plan(**made)


def _workload(mark: str, **fields: Any) -> PodWorkload:
    settled: dict[str, Any] = {
        "ref": REF,
        "uid": "u1",
        "resource_version": 1,
        "generation": 2,
        "observed_generation": 2,
        "paused": False,
        "managed": True,
        "desired": 1,
        "updated": 1,
        "available": 1,
        "total": 1,
        "marks": {"x": mark},
        "containers": {"main": {"MODEL_URI": f"models:/churn/{mark}"}},
        **fields,
    }
    return PodWorkload(**settled)


def _text(version: str, record: VersionRecord) -> str:
    place = Place(registry="default", model="churn", alias="champion", version=version)
    return write(NOTARY, place, record)


def _world(
    made: Plan,
    aliases: dict[str, str],
    workload: Workload | None,
    *,
    tagged: bool = True,
    archived: bool = True,
) -> Facts:
    tags = (
        {tag_key("champion"): _text("2", RECORD.with_promotion(made, "champion")), **dict(made.tags)}
        if tagged
        else {}
    )
    version = ModelVersion(model="churn", version="2", run_id=None, state=VersionState.READY, tags=tags)
    replaced = _text("1", RECORD.replaced_by(made, "champion", ModelAliasStatus()))
    before = version.model_copy(
        update={"version": "1", "tags": {tag_key("champion"): replaced} if archived else {}}
    )
    return Facts(
        {
            AliasesOf(model="churn"): aliases,
            VersionOf(model="churn", version="2"): version,
            VersionOf(model="churn", version="1"): before,
            WorkloadOf(ref=REF): workload,
            FreshWorkloadOf(ref=REF): workload,
            PodsOf(ref=REF): (),
            PodsOf(ref=REF, fresh=True): (),
        }
    )


def _next(made: Plan, facts: Facts, seconds: int = 0) -> steps.Step:
    return steps.next_step(_alias(made), made, facts, NOTARY, START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("aliases", "effect"),
    [
        ({"champion": "1"}, DO_PREV),
        ({"champion": "1", "prev": "1"}, DO_MAIN),
        ({"champion": "2"}, DO_PREV),
    ],
    ids=["nothing moved", "the previous alias moved", "only the alias moved"],
)
def test_aliases_move_one_by_one(aliases: dict[str, str], effect: SetAlias) -> None:
    made = _plan()

    assert _next(made, _world(made, aliases, _workload("1"))) == steps.Do(effect)


def test_after_the_aliases_the_workload_the_replaced_version_the_source_alias_the_record_and_the_end() -> (
    None
):
    made = _plan(source_alias=SourceAlias(name="challenger", version="2"))
    aliases = {**MOVED, "challenger": "2"}

    roll = _next(made, _world(made, aliases, _workload("1"), tagged=False, archived=False))
    replaced = _next(made, _world(made, aliases, _workload("2"), tagged=False, archived=False))
    source = _next(made, _world(made, aliases, _workload("2"), tagged=False))
    tag = _next(made, _world(made, MOVED, _workload("2"), tagged=False))
    end = _next(made, _world(made, MOVED, _workload("2")))

    assert _tagged(tag)[:2] == ("2", True)
    assert isinstance(roll, steps.Do)
    assert isinstance(roll.effect, Roll)
    assert isinstance(replaced, steps.Do)
    assert isinstance(replaced.effect, TagVersion)
    assert (replaced.effect.version, replaced.effect.optional) == ("1", True)
    assert source == steps.Do(DeleteAlias(model="churn", alias="challenger"))
    assert end == steps.Finish(outcome=Outcome.SUCCEEDED)


def test_a_source_alias_with_another_version_is_left() -> None:
    made = _plan(source_alias=SourceAlias(name="challenger", version="2"))

    end = _next(made, _world(made, {**MOVED, "challenger": "3"}, _workload("2")))

    assert end == steps.Finish(outcome=Outcome.SUCCEEDED)


def test_pinned_workloads_go_before_the_aliases() -> None:
    made = _plan(LoadMode.PINNED)

    first = _next(made, _world(made, {"champion": "1"}, _workload("1")))
    then = _next(made, _world(made, {"champion": "1"}, _workload("2")))

    assert isinstance(first, steps.Do)
    assert isinstance(first.effect, Roll)
    assert then == steps.Do(DO_PREV)


@pytest.mark.parametrize("held", [{"champion": "3", "prev": "1"}, {"prev": "1"}], ids=str)
def test_an_alias_that_somebody_moved_turns_the_plan(held: dict[str, str]) -> None:
    made = _plan()

    step = _next(made, _world(made, held, _workload("1")))

    assert isinstance(step, steps.CannotGoOn)
    assert step.failure == "StaleChampion"


@pytest.mark.parametrize(
    ("since", "seconds", "kind"),
    [(None, 9_999, steps.Wait), (START, 599, steps.Wait), (START, 600, steps.CannotGoOn)],
    ids=str,
)
def test_the_deadline_counts_from_the_start_of_the_rollout(
    since: Any, seconds: int, kind: type[steps.Step]
) -> None:
    made = _plan(rolling_since=since)

    step = _next(made, _world(made, MOVED, _workload("2", available=0)), seconds)

    assert isinstance(step, kind)


def test_a_workload_that_no_watch_tells_of_is_looked_at_soon() -> None:
    made = _plan(rolling_since=START)

    watched = _next(made, _world(made, MOVED, _workload("2", available=0)))
    unlabelled = _next(made, _world(made, MOVED, _workload("2", available=0, managed=False)))
    gone = _next(made, _world(made, MOVED, None))

    assert isinstance(watched, steps.Wait)
    assert watched.until == START + workload_steps.ROLLING_POLL
    for step in (unlabelled, gone):
        assert isinstance(step, steps.Wait)
        assert step.until == START + workload_steps.UNWATCHED_POLL


def test_on_the_way_back_the_alias_goes_first_and_the_former_values_follow() -> None:
    made = _plan(bearing=Bearing.BACKWARD, turned_at=START, failure="DeadlineExceeded")

    main = _next(made, _world(made, MOVED, _workload("2")))
    previous = _next(made, _world(made, {"champion": "1", "prev": "1"}, _workload("2")))
    roll = _next(made, _world(made, {"champion": "1"}, _workload("2"), archived=False))
    end = _next(made, _world(made, {"champion": "1"}, _workload("1"), archived=False))

    assert main == steps.Do(SetAlias(model="churn", alias="champion", version="1"))
    assert previous == steps.Do(DeleteAlias(model="churn", alias="prev"))
    assert isinstance(roll, steps.Do)
    assert isinstance(roll.effect, Roll)
    assert roll.effect.change.mark == "1"
    assert isinstance(end, steps.Finish)
    assert end.outcome is Outcome.ROLLED_BACK


def _tagged(step: steps.Step) -> tuple[str, bool, Any]:
    assert isinstance(step, steps.Do), step
    assert isinstance(step.effect, TagVersion)
    parts = json.loads(dict(step.effect.tags)[tag_key("champion")])
    assert parts.pop("signed")["cluster"] == NOTARY.cluster
    return step.effect.version, step.effect.optional, parts


def test_an_abort_after_the_last_step_takes_back_the_source_alias_and_then_the_replaced_versions_record() -> (
    None
):
    source = SourceAlias(name="challenger", version="2")
    made = _plan(source_alias=source, bearing=Bearing.BACKWARD, turned_at=START, failure="Aborted")

    restored = _next(made, _world(made, {"champion": "1"}, _workload("1")))
    taken_back = _next(made, _world(made, {"champion": "1", "challenger": "2"}, _workload("1")))
    end = _next(made, _world(made, {"champion": "1"}, _workload("1"), archived=False))

    assert restored == steps.Do(SetAlias(model="churn", alias="challenger", version="2"))
    assert _tagged(taken_back) == ("1", True, {})
    assert isinstance(end, steps.Finish)


def test_on_the_way_back_a_replaced_version_stays_archived_where_somebody_else_moved_the_alias() -> None:
    made = _plan(bearing=Bearing.BACKWARD, turned_at=START, failure="StaleChampion")

    assert isinstance(_next(made, _world(made, {"champion": "3"}, _workload("1"))), steps.Finish)


@pytest.mark.parametrize(
    "error", [Refused("403: no tags"), InvalidRequest("too long")], ids=["refused", "invalid"]
)
@pytest.mark.parametrize("operation", [Operation.PROMOTE, Operation.ROLLBACK], ids=str)
def test_a_registry_that_takes_no_record_holds_up_no_move(
    operation: Operation, error: InvalidRequest | Refused
) -> None:
    made = _plan(operation=operation)
    facts = _world(made, MOVED, _workload("2"), tagged=False)
    first = _next(made, facts)
    assert isinstance(first, steps.Do)
    assert _tagged(first)[:2] == ("2", True)

    facts.fail(first.effect, error)

    assert _next(made, facts) == steps.Finish(outcome=Outcome.SUCCEEDED)


def test_a_version_that_vanished_before_its_record_turns_the_plan() -> None:
    made = _plan()
    facts = _world(made, MOVED, _workload("2"), tagged=False)
    first = _next(made, facts)
    assert isinstance(first, steps.Do)

    facts.fail(first.effect, VersionNotFound("no version 2"))

    assert _next(made, facts) == steps.CannotGoOn(failure=Reason.VERSION_GONE, message="no version 2")


def test_the_tags_that_a_request_asks_for_have_to_be_written() -> None:
    made = _plan(tags={"ticket": "ML-1"})
    facts = _world(_plan(), MOVED, _workload("2"))

    step = _next(made, facts)
    assert step == steps.Do(TagVersion(model="churn", version="2", tags=(("ticket", "ML-1"),)))
    facts.fail(step.effect, InvalidRequest("too long"))

    assert _next(made, facts) == steps.CannotGoOn(failure=Reason.INVALID, message="too long")


def test_a_failed_plan_that_stays_is_recorded_on_both_versions_one_by_one() -> None:
    made = _plan(failure="DeadlineExceeded")

    new = steps.failure_record(
        _alias(made), made, _world(made, MOVED, _workload("2"), tagged=False, archived=False), NOTARY
    )
    replaced = steps.failure_record(
        _alias(made), made, _world(made, MOVED, _workload("2"), archived=False), NOTARY
    )
    end = steps.failure_record(_alias(made), made, _world(made, MOVED, _workload("2")), NOTARY)

    assert isinstance(new, TagVersion)
    assert (new.version, new.optional) == ("2", True)
    assert isinstance(replaced, TagVersion)
    assert (replaced.version, replaced.optional) == ("1", True)
    assert end is None


def test_a_failed_plan_that_stays_has_no_last_word_where_it_did_not_move_the_alias() -> None:
    made = _plan(failure="ModelNotFound")
    gone = _world(made, MOVED, _workload("1"))
    gone.learn(AliasesOf(model="churn"), ModelNotFound("no model"))

    assert steps.failure_record(_alias(made), made, gone, NOTARY) is None
    assert (
        steps.failure_record(
            _alias(made), made, _world(made, {"champion": "1"}, _workload("1"), archived=False), NOTARY
        )
        is None
    )


def test_on_the_way_back_an_alias_that_somebody_else_moved_is_theirs() -> None:
    made = _plan(bearing=Bearing.BACKWARD, turned_at=START, failure="StaleChampion")

    step = _next(made, _world(made, {"champion": "3"}, _workload("1")))

    assert isinstance(step, steps.Finish)


def test_a_write_that_was_refused_for_good_turns_the_plan_and_on_the_way_back_keeps_nothing_else() -> None:
    forward, backward = _plan(), _plan(bearing=Bearing.BACKWARD, turned_at=START, failure="DeadlineExceeded")
    back = SetAlias(model="churn", alias="champion", version="1")
    there, gone = (
        _world(forward, {"champion": "1", "prev": "1"}, _workload("1")),
        _world(backward, MOVED, _workload("2")),
    )
    there.fail(DO_MAIN, VersionNotFound("no version 2"))
    gone.fail(back, VersionNotFound("no version 1"))

    assert _next(forward, there) == steps.CannotGoOn(failure=Reason.VERSION_GONE, message="no version 2")
    assert _next(backward, gone) == steps.Do(DeleteAlias(model="churn", alias="prev"))


def test_a_model_that_is_gone_turns_the_plan() -> None:
    made = _plan()
    facts = _world(made, MOVED, _workload("1"))
    facts.learn(AliasesOf(model="churn"), ModelNotFound("no model"))

    assert _next(made, facts) == steps.CannotGoOn(failure=Reason.MODEL_NOT_FOUND, message="no model")


@pytest.mark.parametrize(
    ("failure", "policy", "back"),
    [
        ("DeadlineExceeded", "Rollback", True),
        ("DeadlineExceeded", "Hold", False),
        ("Aborted", "Hold", True),
        ("StaleChampion", "Hold", True),
    ],
)
def test_what_goes_back_is_the_owners_word_but_for_aborts_and_lost_races(
    failure: str, policy: str, back: bool
) -> None:
    made = Plan.model_validate(
        {**_plan().model_dump(), "failure": failure, "rollout": {"on_failure": policy}}
    )

    assert steps.is_undone(made) is back
