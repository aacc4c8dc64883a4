"""What a roll of a Rollout and of an InferenceService does to them on a real API server, without their controllers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import pytest

from hack.cluster import recipes
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api.workload import WorkloadKind
from modelalias.core.errors import StaleObject
from modelalias.kinds import KINDS
from modelalias.ports import Variable, Workload, WorkloadChange, WorkloadRef
from tests.support.argo_rollouts import installed
from tests.support.raw_api import RawApi, connection_as, raw_api

OLD, NEW = "s3://models/churn/3", "s3://models/churn/4"
PLACES: Final = {
    WorkloadKind.ROLLOUT: Variable(container="api", env="MODEL_URI", value=NEW),
    WorkloadKind.INFERENCE_SERVICE: Variable(value=NEW),
}
each_kind = pytest.mark.parametrize("kind", PLACES, ids=str)


def change(kind: WorkloadKind, mark: str | None = "4", value: str | None = NEW) -> WorkloadChange:
    variable = PLACES[kind].changed(value=value)
    return WorkloadChange(alias="churn", mark=mark, variables=(variable,))


def spec(kind: WorkloadKind) -> Mapping[str, Any]:
    if kind is WorkloadKind.INFERENCE_SERVICE:
        model = {"modelFormat": {"name": "mlflow"}, "storageUri": OLD}
        return {"predictor": {"minReplicas": 1, "model": model}}
    env = [{"name": "KEPT", "value": "yes"}, {"name": "MODEL_URI", "value": OLD}]
    container = {"name": "api", "image": "modelalias.invalid/none", "env": env}
    return {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "api"}},
        "strategy": {"canary": {}},
        "template": {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [container]}},
    }


class World:
    """An API server with a workload whose controller is not there."""

    def __init__(self, api: RawApi, workloads: KubernetesWorkloads, namespace: str) -> None:
        self.api, self.workloads, self.namespace = api, workloads, namespace

    async def add(self, kind: WorkloadKind) -> Workload:
        ref = WorkloadRef(kind=kind, namespace=self.namespace, name="api")
        version = KINDS[kind].resource.api_version
        body = {"apiVersion": version, "kind": str(kind), "metadata": {"name": "api"}, "spec": spec(kind)}
        await self.api.create(self.path(ref).rpartition("/")[0], body)
        return await self.read(ref)

    async def read(self, ref: WorkloadRef) -> Workload:
        workload = await self.workloads.read(ref)
        assert workload is not None
        return workload

    async def body(self, workload: Workload) -> Mapping[str, Any]:
        return await self.api.get(self.path(workload.ref))

    def path(self, ref: WorkloadRef) -> str:
        return KINDS[ref.kind].resource.path(ref.namespace, ref.name)


@pytest.fixture
async def world(kubeconfig: str, namespace: str) -> AsyncIterator[World]:
    for recipe in (recipes.ROLLOUTS, recipes.KSERVE):
        installed(kubeconfig, recipe)
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        yield World(api, KubernetesWorkloads(connection), namespace)


@each_kind
async def test_a_roll_writes_mark_value_and_label_and_takes_them_back(
    world: World, kind: WorkloadKind
) -> None:
    before = await world.add(kind)
    start = (await world.body(before))["spec"]

    rolled = await world.workloads.roll(before, change(kind))

    assert rolled.has(change(kind))
    assert rolled.managed
    assert (await world.read(before.ref)).has(change(kind))
    back = await world.workloads.roll(await world.read(before.ref), change(kind, None, OLD))
    assert not back.marks
    assert _without_empty(await world.body(before)) == _without_empty({"spec": start})


def _without_empty(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the spec without maps in which an annotation was, and of which nothing is left."""

    def kept(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: kept(item) for key, item in value.items() if item != {}}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [kept(item) for item in value]
        return value

    return {"spec": kept(body["spec"])}


@each_kind
async def test_the_same_values_again_are_no_write(world: World, kind: WorkloadKind) -> None:
    rolled = await world.workloads.roll(await world.add(kind), change(kind))

    assert await world.workloads.roll(rolled, change(kind)) is rolled


async def test_what_others_write_elsewhere_in_a_rollout_meanwhile_is_kept(world: World) -> None:
    before = await world.add(WorkloadKind.ROLLOUT)
    await world.api.merge(world.path(before.ref), {"spec": {"replicas": 0, "minReadySeconds": 7}})

    await world.workloads.roll(before, change(WorkloadKind.ROLLOUT))

    after = (await world.body(before))["spec"]
    assert after["minReadySeconds"] == 7
    assert after["template"]["spec"]["containers"][0]["env"][0] == {"name": "KEPT", "value": "yes"}


async def test_a_rollout_whose_variables_others_wrote_meanwhile_is_read_again(world: World) -> None:
    before = await world.add(WorkloadKind.ROLLOUT)
    (container,) = spec(WorkloadKind.ROLLOUT)["template"]["spec"]["containers"]
    more = {**container, "env": [{"name": "NEW", "value": "1"}, *container["env"]]}
    written = {"spec": {"template": {"spec": {"containers": [more]}}}}
    await world.api.merge(world.path(before.ref), written)

    with pytest.raises(StaleObject, match="changed since it was read"):
        await world.workloads.roll(before, change(WorkloadKind.ROLLOUT))
    again = await world.workloads.roll(await world.read(before.ref), change(WorkloadKind.ROLLOUT))

    assert again.has(change(WorkloadKind.ROLLOUT))
    names = [
        item["name"]
        for item in (await world.body(before))["spec"]["template"]["spec"]["containers"][0]["env"]
    ]
    assert names == ["NEW", "KEPT", "MODEL_URI"]


async def test_an_inference_service_that_anybody_wrote_meanwhile_is_read_again(world: World) -> None:
    before = await world.add(WorkloadKind.INFERENCE_SERVICE)
    await world.api.merge(world.path(before.ref), {"spec": {"predictor": {"minReplicas": 2}}})

    with pytest.raises(StaleObject):
        await world.workloads.roll(before, change(WorkloadKind.INFERENCE_SERVICE))


@each_kind
async def test_one_that_was_made_anew_is_left_alone(world: World, kind: WorkloadKind) -> None:
    before = await world.add(kind)
    await world.api.delete(world.path(before.ref))
    after = await world.add(kind)

    with pytest.raises(StaleObject):
        await world.workloads.roll(before, change(kind))

    assert not (await world.read(after.ref)).marks


@pytest.mark.parametrize("kind", [*PLACES, WorkloadKind.DEPLOYMENT], ids=str)
async def test_why_one_is_missing_is_said(world: World, kind: WorkloadKind) -> None:
    ref = WorkloadRef(kind=kind, namespace=world.namespace, name="nobody")

    assert await world.workloads.read(ref) is None
    words = f"there is no {kind} nobody in namespace {world.namespace}"
    assert await world.workloads.why_missing(ref) == words


async def test_a_kind_that_the_cluster_does_not_have_is_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS[WorkloadKind.ROLLOUT]
    absent = kind.resource.changed(plural="rollups")  # the CRDs stay for the tests beside this one
    monkeypatch.setitem(cast("dict[WorkloadKind, Any]", KINDS), kind.name, replace(kind, resource=absent))
    ref = WorkloadRef(kind=WorkloadKind.ROLLOUT, namespace=world.namespace, name="api")

    assert await world.workloads.read(ref) is None
    assert (
        await world.workloads.why_missing(ref)
        == "the cluster has no kind Rollout of argoproj.io: install Argo Rollouts"
    )
