"""What the operator remembers: the newest state only, small, and who belongs to whom."""

from typing import Any

import pytest

from modelalias.api.alias import AliasMove, ModelAlias, Observed, Operation, Plan, WorkloadKind
from modelalias.api.conditions import Reason, RequestCondition, condition
from modelalias.api.metadata import PINNED_BY, RELEASE_HOLD
from modelalias.api.request import PromotionRequest
from modelalias.ports import WorkloadRef
from modelalias.reconcile.known_policies import KnownPolicies
from modelalias.reconcile.known_requests import KnownRequests
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.queue import Key
from modelalias.reconcile.workloads_seen import WorkloadsSeen
from tests.support.fake_objects import FakeObjects
from tests.support.fake_workloads import FakeWorkloads
from tests.support.harness import START
from tests.support.world import alias_spec, request_spec

OLD, NEW = Key("ml", "old"), Key("ml", "new")
HERS = Key("risk", "hers")
PLAN = Plan(operation=Operation.PROMOTE, aliases=(AliasMove(name="champion", to="3"),), started_at=START)
PLACES = {"default": "http://mlflow:80#default", "of-risk": "http://mlflow:80#default"}


class Api(FakeObjects):
    """An API server with short words."""

    def new_alias(self, name: str, **fields: Any) -> ModelAlias:
        return self.add_alias("ml", name, alias_spec(**fields))

    def new_request(self, name: str, of: str = "old") -> PromotionRequest:
        return self.add_request("ml", name, request_spec("1", name=of))


@pytest.fixture
def api() -> Api:
    return Api()


def _memory(
    *refused: str, workloads: WorkloadsSeen | None = None, policies: KnownPolicies | None = None
) -> Memory:
    """Return a memory of two names for one registry that some namespaces may not use."""
    return Memory(
        lambda name: PLACES.get(name, name),
        lambda _registry, namespace, _model: namespace not in refused,
        workloads or _seen(),
        policies or KnownPolicies(),
        KnownRequests(2000),
    )


def _seen() -> WorkloadsSeen:
    """Return what is known of workloads at a time that stands still."""
    return WorkloadsSeen(lambda: 0.0, lambda: START)


def _ended(request: PromotionRequest) -> PromotionRequest:
    done = condition(RequestCondition.COMPLETE, True, Reason.SUCCEEDED, "", now=START)
    metadata = request.metadata.model_copy(
        update={"resource_version": str(int(request.metadata.resource_version) + 1000)}
    )
    seen = {"conditions": (done,), "observed_generation": request.metadata.generation}
    status = request.status.model_copy(update=seen)
    return request.model_copy(update={"metadata": metadata, "status": status})


ASKS = {"eligibility": {"requireTags": {"Validated_By ": "*"}, "requireAlias": "Smoke"}}


def test_what_the_policies_of_a_model_read_is_known_across_namespaces_and_names_of_the_registry(
    api: Api,
) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))
    memory.see_alias(api.add_alias("risk", "hers", alias_spec(registry="of-risk", alias="a", policy=ASKS)))
    assert memory.read_by_policies(OLD).tags == {"validated_by": "risk/hers"}
    assert memory.read_by_policies(OLD).aliases == {"smoke": "risk/hers"}

    memory.see_alias(api.new_alias("new", alias="b", policy=ASKS))
    assert memory.read_by_policies(OLD).tags == {"validated_by": "ml/new"}
    assert memory.read_by_policies(NEW).tags == {"validated_by": "ml/new"}
    assert memory.read_by_policies(NEW).aliases == {"smoke": "risk/hers"}

    memory.drop_alias(NEW)
    memory.drop_alias(HERS)
    assert memory.read_by_policies(OLD).tags == {}


def test_the_policy_of_another_model_and_of_one_that_may_not_manage_the_model_reads_nothing(api: Api) -> None:
    memory = _memory("risk")
    memory.see_alias(api.new_alias("old"))
    memory.see_alias(api.new_alias("new", model="fraud", policy=ASKS))
    memory.see_alias(api.add_alias("risk", "hers", alias_spec(alias="a", policy=ASKS)))

    assert memory.read_by_policies(OLD).tags == {}
    assert memory.read_by_policies(OLD).aliases == {}


def test_an_alias_comes_back_as_it_was_seen(api: Api) -> None:
    memory, alias = _memory(), api.new_alias("old", previousAlias="prev", serving=[{"name": "api"}])

    assert memory.see_alias(alias) == {OLD}
    assert memory.alias(OLD) == alias
    assert memory.registry_of(OLD) == ("default", "churn")


def test_an_alias_is_read_once_however_often_it_is_looked_at(api: Api) -> None:
    memory, alias = _memory(), api.new_alias("old")
    memory.see_alias(alias)
    first = memory.alias(OLD)

    assert memory.alias(OLD) is first
    memory.see_alias(api.annotate_alias("ml", "old", more="yes"))
    assert memory.alias(OLD) not in (None, first)


def test_a_late_event_changes_nothing_and_wakes_nobody(api: Api) -> None:
    memory, first = _memory(), api.new_alias("old")
    second = api.edit_alias("ml", "old", alias_spec(suspend=True))
    memory.see_alias(second)

    assert memory.see_alias(first) == set()
    assert memory.see_alias(second) == set()
    assert memory.alias(OLD) == second


def test_the_older_claim_owns_and_its_end_wakes_the_younger(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))

    assert memory.see_alias(api.new_alias("new")) == {OLD, NEW}
    assert (memory.owner(OLD), memory.owner(NEW)) == (None, OLD)
    assert memory.drop_alias(OLD) == {OLD, NEW}
    assert memory.owner(NEW) is None


def test_a_claim_that_is_given_up_wakes_the_one_that_waited_for_it(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old", previousAlias="prev"))
    memory.see_alias(api.new_alias("new", alias="prev"))
    assert memory.owner(NEW) == OLD

    woken = memory.see_alias(api.edit_alias("ml", "old", alias_spec()))

    assert woken == {OLD, NEW}
    assert memory.owner(NEW) is None


def test_a_change_of_status_wakes_no_rival(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))
    memory.see_alias(api.new_alias("new"))

    assert memory.see_alias(api.annotate_alias("ml", "old", a="b")) == {OLD}


def test_the_same_alias_name_of_another_model_is_no_rival(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))
    memory.see_alias(api.new_alias("new", model="fraud"))

    assert memory.owner(NEW) is None
    assert memory.claimed(NEW) == {}
    assert memory.of_model("default", "churn") == {OLD}
    assert memory.of_registry("default") == {OLD, NEW}


@pytest.mark.parametrize(
    "other",
    [{"alias": "Champion"}, {"model": "Churn"}, {"alias": "other", "previousAlias": "CHAMPION"}],
    ids=["alias", "model", "previousAlias"],
)
def test_names_that_differ_in_case_are_one_claim(api: Api, other: dict[str, Any]) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))
    memory.see_alias(api.new_alias("new", **other))

    assert memory.owner(NEW) == OLD
    assert memory.differs_in_case(NEW, OLD)
    assert memory.drop_alias(OLD) == {OLD, NEW}
    assert memory.owner(NEW) is None


def test_the_same_names_are_a_claim_without_a_word_about_case(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))
    memory.see_alias(api.new_alias("new"))

    assert memory.owner(NEW) == OLD
    assert not memory.differs_in_case(NEW, OLD)


def test_what_others_claim_of_the_same_model_is_known(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))
    memory.see_alias(api.new_alias("new", alias="challenger", previousAlias="was"))

    assert memory.claimed(OLD) == {"challenger": "ml/new", "was": "ml/new"}


def test_two_names_of_one_registry_are_one_place_for_claims_and_two_for_snapshots(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old", previousAlias="prev"))

    woken = memory.see_alias(api.add_alias("risk", "hers", alias_spec(registry="of-risk")))

    assert woken == {OLD, HERS}
    assert memory.owner(HERS) == OLD
    assert memory.claimed(HERS) == {"champion": "ml/old", "prev": "ml/old"}
    assert memory.of_model("of-risk", "churn") == {HERS}
    assert memory.of_registry("default") == {OLD}
    assert memory.drop_alias(OLD) == {OLD, HERS}


def test_the_status_behind_another_alias_is_found_under_another_name_of_the_registry(api: Api) -> None:
    memory = _memory()
    since = Observed(version="3", at=START, epoch=1)
    alias = api.new_alias("old", alias="staging")
    memory.see_alias(alias.model_copy(update={"status": alias.status.model_copy(update={"observed": since})}))
    memory.see_alias(api.add_alias("risk", "hers", alias_spec(registry="of-risk")))

    status = memory.status_of(HERS, "staging")
    assert status is not None
    assert status.observed == since


def test_names_that_nobody_configured_are_different_places(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old", registry="lost"))
    memory.see_alias(api.new_alias("new", registry="gone"))

    assert memory.owner(NEW) is None


def test_what_is_not_allowed_keeps_nothing_from_those_who_may_have_it(api: Api) -> None:
    memory = _memory("ml")
    alias = api.new_alias("old", previousAlias="prev")
    observed = Observed(version="3", at=START, epoch=1)
    memory.see_alias(
        alias.model_copy(update={"status": alias.status.model_copy(update={"observed": observed})})
    )
    memory.see_alias(api.add_alias("risk", "hers", alias_spec()))

    assert memory.owner(HERS) is None
    assert memory.owner(OLD) is None
    assert memory.claimed(HERS) == {}
    assert memory.status_of(HERS, "champion") is None
    assert memory.of_model("default", "churn") == {OLD, HERS}


def test_a_plan_under_way_keeps_its_claim_and_its_end_wakes_those_who_wait(api: Api) -> None:
    memory = _memory("ml")
    alias = api.new_alias("old")
    planned = alias.model_copy(update={"status": alias.status.model_copy(update={"plan": PLAN})})
    memory.see_alias(planned)
    memory.see_alias(api.add_alias("risk", "hers", alias_spec()))
    assert memory.owner(HERS) == OLD

    woken = memory.see_alias(api.annotate_alias("ml", "old", ended="yes"))

    assert woken == {OLD, HERS}
    assert memory.owner(HERS) is None


def test_requests_come_oldest_first(api: Api) -> None:
    memory = _memory()
    requests = [api.new_request(name) for name in ("c", "a", "b")]
    for request in reversed(requests):
        assert memory.requests.see(request) == {OLD}

    assert memory.requests.open(OLD) == tuple(requests)


def test_a_request_that_ended_is_kept_by_name_only_and_cannot_be_reopened(api: Api) -> None:
    memory, request = _memory(), api.new_request("go")
    memory.requests.see(request)

    assert memory.requests.see(_ended(request)) == {OLD}
    assert memory.requests.open(OLD) == ()
    assert not memory.knows(OLD)
    assert memory.requests.see(request) == set()
    assert memory.requests.open(OLD) == ()


def test_a_request_of_the_same_name_is_another_one(api: Api) -> None:
    memory = _memory()
    first = api.new_request("go")
    memory.requests.see(first)
    api.remove_request("ml", "go")
    second = api.new_request("go")
    memory.requests.see(second)

    assert memory.requests.drop("ml", "go", first.metadata.uid) == set()
    assert memory.requests.open(OLD) == (second,)
    assert memory.requests.drop("ml", "go", second.metadata.uid) == {OLD}
    assert memory.requests.open(OLD) == ()


def test_an_alias_made_anew_is_not_forgotten_with_the_old_one(api: Api) -> None:
    memory, first = _memory(), api.new_alias("old")
    memory.see_alias(first)
    api.delete_alias("ml", "old")
    second = api.new_alias("old")
    memory.see_alias(second)

    assert memory.drop_alias(OLD, first.metadata.uid) == set()
    assert memory.alias(OLD) == second


def _older(item: Any) -> Any:
    """Return an object as a backup has it."""
    return item.model_copy(update={"metadata": item.metadata.model_copy(update={"resource_version": "1"})})


def test_what_a_listing_has_older_is_in_doubt_until_it_was_read_afresh(api: Api) -> None:
    memory = _memory()
    api.new_alias("first")
    alias, request = api.new_alias("old", historyLimit=7), api.new_request("go")
    memory.see_alias(alias)
    memory.requests.see(request)

    assert memory.see_alias(_older(alias)) == set(), "an event that is late"
    assert memory.see_alias(_older(alias), listed=True) == {OLD}
    assert memory.requests.see(_older(request), listed=True) == {OLD}
    assert memory.doubts(OLD)
    assert memory.requests.doubted(OLD) == ("go",)
    assert memory.alias(OLD) == alias, "it is not believed either"

    alias_before, request_before = memory.version(OLD), memory.requests.version(OLD.namespace, "go")
    memory.reread_alias(OLD, _older(alias), alias_before)
    memory.requests.reread(OLD, "go", _older(request), request_before)

    assert not memory.doubts(OLD)
    assert memory.requests.doubted(OLD) == ()
    assert (memory.alias(OLD), memory.requests.open(OLD)) == (_older(alias), (_older(request),))


def test_what_the_watch_tells_while_an_object_is_read_afresh_is_not_lost(api: Api) -> None:
    memory, alias = _memory(), api.new_alias("old")
    memory.see_alias(alias)
    before = memory.version(OLD)
    newer = api.edit_alias("ml", "old", alias_spec(historyLimit=9))
    memory.see_alias(newer)

    memory.reread_alias(OLD, alias, before)

    assert memory.alias(OLD) == newer


def test_what_is_gone_when_it_is_read_afresh_is_forgotten(api: Api) -> None:
    memory = _memory()
    memory.see_alias(api.new_alias("old"))
    memory.requests.see(api.new_request("go"))
    alias_before, request_before = memory.version(OLD), memory.requests.version(OLD.namespace, "go")

    memory.reread_alias(OLD, None, alias_before)
    memory.requests.reread(OLD, "go", None, request_before)

    assert not memory.knows(OLD)


def test_only_labelled_workloads_are_kept_and_each_wakes_what_it_serves(api: Api) -> None:
    seen, workloads = _seen(), FakeWorkloads()
    _memory(workloads=seen).see_alias(api.new_alias("old", serving=[{"name": "api"}]))
    ref = workloads.add("api")

    assert seen.see(workloads.workloads[ref]) == {OLD}
    assert seen.get(ref) is None
    labelled = workloads.set(ref, managed=True)
    assert seen.see(labelled) == {OLD}
    assert seen.get(ref) == labelled
    newer = workloads.set(ref, available=0)
    seen.see(newer)
    assert seen.see(labelled) == set()
    assert seen.get(ref) == newer
    assert seen.drop(ref) == {OLD}
    assert seen.get(ref) is None


def test_a_workload_made_anew_replaces_and_is_not_forgotten_with_the_old_one() -> None:
    seen, workloads = _seen(), FakeWorkloads()
    ref = WorkloadRef(kind=WorkloadKind.DEPLOYMENT, namespace="ml", name="api")
    workloads.add("api")
    first = workloads.set(ref, managed=True)
    seen.see(first)
    workloads.add("api")
    second = workloads.set(ref, managed=True)
    seen.see(second)

    seen.drop(ref, first.uid)

    assert seen.get(ref) == second


def _kept(one: object, *other: str) -> dict[str, Any]:
    """Return what an object keeps, without the functions that it was given."""
    return {name: value for name, value in vars(one).items() if name not in other and not callable(value)}


def test_nothing_is_left_of_what_is_gone(api: Api) -> None:
    seen, policies = _seen(), KnownPolicies()
    memory, empty = (_memory(workloads=seen, policies=policies) for _ in range(2))
    alias = api.new_alias("old", previousAlias="prev", serving=[{"name": "api"}], policyRef={"name": "team"})
    request = api.new_request("go")
    memory.see_alias(alias)
    memory.requests.see(request)
    memory.requests.see(_ended(request))

    memory.requests.drop("ml", "go")
    memory.drop_alias(OLD)

    assert not memory.knows(OLD)
    assert _kept(memory, "requests") == _kept(empty, "requests")
    assert _kept(memory.requests) == _kept(empty.requests)
    assert _kept(seen) == _kept(_seen())
    assert vars(policies) == vars(KnownPolicies())


def test_what_others_write_beside_an_object_is_not_kept(api: Api) -> None:
    memory = _memory()
    said = {
        PINNED_BY: "ana",
        RELEASE_HOLD: "x" * 2000,
        "kubectl.kubernetes.io/last-applied-configuration": "y" * 1000,
    }
    alias = api.new_alias("old", version="1")
    metadata = alias.metadata.model_copy(update={"annotations": said, "resource_version": "99"})

    memory.see_alias(alias.model_copy(update={"metadata": metadata}))
    request = api.new_request("mine")
    metadata = request.metadata.model_copy(update={"annotations": said, "resource_version": "99"})
    memory.requests.see(request.model_copy(update={"metadata": metadata}))

    kept = memory.alias(OLD)
    assert kept is not None
    assert (kept.metadata.annotations, kept.metadata.pinned_by) == ({PINNED_BY: "ana"}, "ana")
    assert [item.metadata.annotations for item in memory.requests.open(OLD)] == [{PINNED_BY: "ana"}]
