"""What the engine may rely on when it rolls workloads, on the fake and on a real API server."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import pytest

from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api.workload import WorkloadKind
from modelalias.core.errors import InvalidRequest, Refused, StaleObject
from modelalias.kinds import KINDS
from modelalias.kinds.containers import FixedModel, Traits
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import Variable, Workload, WorkloadChange, WorkloadRef, Workloads
from modelalias.rest import FIELD_MANAGER, PatchType
from tests.support.admission_bodies import denying, mutating
from tests.support.fake_workloads import FakeWorkloads
from tests.support.raw_api import RawApi, connection_as, raw_api, until

OF_APPS = [kind for kind in WorkloadKind if KINDS[kind].resource.group == "apps"]
"""The others are in test_workloads_of_crds.py."""
CONTAINERS: Mapping[str, Mapping[str, str]] = {
    "api": {"MODEL_URI": "models:/churn/3", "KEPT": "yes"},
    "side": {"DOUBLED": "2"},
    "init": {},
}
ELSEWHERE = "TAKEN_FROM_ELSEWHERE"
TRAITS: Mapping[str, Traits] = {
    "api": Traits(
        elsewhere=(ELSEWHERE,),
        probed=False,
        fixed=(FixedModel(place="MODEL_URI", model="churn", version="3"),),
    ),
    "side": Traits(twice=("DOUBLED",), probed=False),
    "init": Traits(init=True, serves=False, probed=False),
}


def pinned(
    value: str | None, container: str = "api", env: str = "MODEL_URI", mark: str | None = "4"
) -> WorkloadChange:
    """Return the change that writes one variable."""
    return WorkloadChange(
        alias="churn", mark=mark, variables=(Variable(container=container, env=env, value=value),)
    )


PINNED = pinned("models:/churn/4")


class World(Protocol):
    """Workloads with users and controllers on them."""

    namespace: str
    workloads: Workloads

    async def add(self, kind: WorkloadKind = WorkloadKind.DEPLOYMENT) -> WorkloadRef:
        """Create the workload `api` without pods."""

    async def delete(self, ref: WorkloadRef) -> None: ...

    async def write_something_else(self, ref: WorkloadRef) -> None: ...

    async def finish_rollout(self, ref: WorkloadRef) -> None: ...

    async def keep_version_3(self, ref: WorkloadRef) -> None:
        """Let admission put version 3 back into the variable, whoever writes another."""

    async def deny(self, ref: WorkloadRef, message: str) -> None:
        """Let a policy refuse each new template with 403 and this message."""


class FakeWorld:
    namespace = "ml"

    def __init__(self) -> None:
        self.fake = FakeWorkloads()
        self.workloads: Workloads = self.fake

    async def add(self, kind: WorkloadKind = WorkloadKind.DEPLOYMENT) -> WorkloadRef:
        return self.fake.add("api", kind=kind, desired=0, containers=CONTAINERS, traits=TRAITS)

    async def delete(self, ref: WorkloadRef) -> None:
        self.fake.delete(ref)

    async def write_something_else(self, ref: WorkloadRef) -> None:
        self.fake.set(ref)

    async def finish_rollout(self, ref: WorkloadRef) -> None:
        self.fake.complete_rollout(ref)

    async def keep_version_3(self, ref: WorkloadRef) -> None:
        del ref

        def put_back(workload: PodWorkload) -> PodWorkload:
            api = {**workload.containers["api"], **CONTAINERS["api"]}
            return workload.model_copy(update={"containers": {**workload.containers, "api": api}})

        self.fake.admission = put_back

    async def deny(self, ref: WorkloadRef, message: str) -> None:
        self.fake.denied[ref.name] = message


class RealWorld:
    def __init__(self, api: RawApi, workloads: Workloads, namespace: str) -> None:
        self.api = api
        self.policies: list[str] = []
        self.workloads = workloads
        self.namespace = namespace

    async def add(self, kind: WorkloadKind = WorkloadKind.DEPLOYMENT) -> WorkloadRef:
        ref = WorkloadRef(kind=kind, namespace=self.namespace, name="api")
        await self.api.create(self.path(ref).rpartition("/")[0], manifest(ref))
        await self.finish_rollout(ref)
        return ref

    async def delete(self, ref: WorkloadRef) -> None:
        await self.api.delete(self.path(ref))

    async def write_something_else(self, ref: WorkloadRef) -> None:
        await self.api.merge(self.path(ref), {"metadata": {"annotations": {"touched": "yes"}}})

    async def finish_rollout(self, ref: WorkloadRef) -> None:
        async def finished() -> bool:
            workload = with_pods(await self.workloads.read(ref))
            return workload.observed_generation == workload.generation

        await until(finished, f"{ref.kind} {ref.name} was observed by its controller")

    async def keep_version_3(self, ref: WorkloadRef) -> None:
        env = "env: [Object.spec.template.spec.containers.env{name: 'MODEL_URI', value: 'models:/churn/3'}]"
        api = f"Object.spec.template.spec.containers{{name: 'api', {env}}}"
        spec = f"Object.spec.template.spec{{containers: [{api}]}}"
        merged = f"Object{{spec: Object.spec{{template: Object.spec.template{{spec: {spec}}}}}}}"
        await self._install(mutating(self.namespace, merged))
        other = {"name": "api", "env": [{"name": "MODEL_URI", "value": "models:/churn/9"}]}

        async def holds() -> bool:
            answer = await self._try(ref, {"spec": {"containers": [other]}})
            return "models:/churn/9" not in json.dumps(answer["spec"]["template"])

        await until(holds, "the mutating policy is in force")

    async def deny(self, ref: WorkloadRef, message: str) -> None:
        await self._install(denying(self.namespace, message))

        async def holds() -> bool:
            answer = await self._try(ref, {"metadata": {"annotations": {"another": "one"}}})
            return answer.get("code") == HTTPStatus.FORBIDDEN

        await until(holds, "the validating policy is in force")

    async def _try(self, ref: WorkloadRef, template: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a patch of the template would be answered with, and change nothing."""
        return await self.api.do(
            "PATCH",
            f"{self.path(ref)}?dryRun=All",
            {"spec": {"template": template}},
            content_type=PatchType.STRATEGIC,
            ok=False,
        )

    async def _install(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        for body in bodies:
            kind = str(body["kind"]).lower()
            path = f"/apis/{body['apiVersion']}/{kind.removesuffix('policy')}"
            path += "policies" if kind.endswith("policy") else "s"
            await self.api.create(path, body)
            self.policies.append(f"{path}/{body['metadata']['name']}")

    async def clean_up(self) -> None:
        for path in reversed(self.policies):
            await self.api.delete(path)

    def path(self, ref: WorkloadRef) -> str:
        return KINDS[ref.kind].resource.path(ref.namespace, ref.name)


def manifest(ref: WorkloadRef, *, replicas: int = 0) -> Mapping[str, Any]:
    """Return a workload that has no pods: no replicas, or no node that it wants."""
    beside: Mapping[str, Sequence[Any]] = {
        "api": [{"name": ELSEWHERE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "side": [{"name": "DOUBLED", "value": "1"}],
    }
    api, side, init = (
        {
            "name": name,
            "image": "modelalias.invalid/none",
            "env": [*beside.get(name, ()), *({"name": key, "value": env[key]} for key in env)],
        }
        for name, env in CONTAINERS.items()
    )
    pod = {
        "containers": [api, side],
        "initContainers": [init],
        "nodeSelector": {"modelalias.dev/no-such-node": "true"},
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": ref.name}},
        "template": {"metadata": {"labels": {"app": ref.name}}, "spec": pod},
    }
    if ref.kind is not WorkloadKind.DAEMON_SET:
        spec["replicas"] = replicas
    if ref.kind is WorkloadKind.STATEFUL_SET:
        spec["serviceName"] = ref.name
    return {
        "apiVersion": KINDS[ref.kind].resource.api_version,
        "kind": str(ref.kind),
        "metadata": {"name": ref.name},
        "spec": spec,
    }


@pytest.fixture
async def real(kubeconfig: str, namespace: str) -> AsyncIterator[RealWorld]:
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        world = RealWorld(api, KubernetesWorkloads(connection), namespace)
        try:
            yield world
        finally:
            await world.clean_up()


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = FakeWorld() if request.param == "fake" else request.getfixturevalue("real")
    return found


async def read(world: World, ref: WorkloadRef) -> PodWorkload:
    return with_pods(await world.workloads.read(ref))


async def roll(world: World, workload: Workload, change: WorkloadChange) -> PodWorkload:
    return with_pods(await world.workloads.roll(workload, change))


def with_pods(workload: Workload | None) -> PodWorkload:
    assert isinstance(workload, PodWorkload)
    return workload


def template(workload: PodWorkload) -> tuple[Mapping[str, str], Mapping[str, Mapping[str, str]]]:
    """Return what a roll may change; controllers write the rest at any time."""
    return workload.marks, workload.containers


async def test_a_missing_workload_reads_as_none(world: World) -> None:
    ref = WorkloadRef(kind=WorkloadKind.DEPLOYMENT, namespace=world.namespace, name="nobody")

    assert await world.workloads.read(ref) is None


@pytest.mark.parametrize("kind", OF_APPS)
async def test_a_workload_reads_as_it_was_created(world: World, kind: WorkloadKind) -> None:
    ref = await world.add(kind)

    found = await read(world, ref)

    assert (found.ref, found.desired, found.updated, found.available, found.total) == (ref, 0, 0, 0, 0)
    assert (found.containers, found.marks, found.managed, found.paused) == (CONTAINERS, {}, False, False)
    assert (found.generation, found.observed_generation, found.trouble) == (1, 1, "")


@pytest.mark.parametrize("kind", OF_APPS)
async def test_a_roll_writes_mark_variable_and_label(world: World, kind: WorkloadKind) -> None:
    ref = await world.add(kind)
    before = await read(world, ref)

    answered = await roll(world, before, PINNED)

    after = await read(world, ref)
    for rolled in (answered, after):
        assert rolled.marks == {"churn": "4"}
        assert rolled.containers == {
            **CONTAINERS,
            "api": {"MODEL_URI": "models:/churn/4", "KEPT": "yes"},
        }
        assert (rolled.managed, rolled.uid, rolled.generation) == (True, before.uid, before.generation + 1)
    assert after.resource_version >= answered.resource_version > before.resource_version


async def test_the_same_values_again_are_no_write(world: World) -> None:
    ref = await world.add()
    await roll(world, await read(world, ref), PINNED)
    await world.finish_rollout(ref)
    before = await read(world, ref)

    again = await roll(world, before, PINNED)

    assert again is before
    assert (await read(world, ref)).generation == before.generation


async def test_the_same_values_over_an_older_sight_do_not_roll_again(world: World) -> None:
    ref = await world.add()
    before = await read(world, ref)
    rolled = await roll(world, before, PINNED)

    again = await roll(world, before, PINNED)

    assert again.generation == rolled.generation


async def test_two_aliases_keep_their_own_marks(world: World) -> None:
    ref = await world.add()
    first = await roll(world, await read(world, ref), WorkloadChange(alias="churn", mark="4.1"))

    second = await roll(world, first, WorkloadChange(alias="fraud", mark="9.1"))

    assert second.marks == {"churn": "4.1", "fraud": "9.1"}


async def test_a_variable_that_was_not_there_is_added_and_taken_away(world: World) -> None:
    ref = await world.add()
    change = pinned("models:/churn/4", "init")
    rolled = await roll(world, await read(world, ref), change)

    back = await roll(world, rolled, pinned(None, "init", mark=None))

    assert rolled.containers["init"] == {"MODEL_URI": "models:/churn/4"}
    assert template(back) == template(await read(world, ref)) == ({}, CONTAINERS)


@pytest.mark.parametrize("text", ["models:/a$$(B)/4", "models:/a$(B)/4", "$", ""])
async def test_a_variable_is_written_and_read_letter_by_letter(world: World, text: str) -> None:
    ref = await world.add()
    change = pinned(text, "init")

    rolled = await roll(world, await read(world, ref), change)

    assert rolled.containers["init"] == {"MODEL_URI": text}
    assert rolled.has(change)
    assert (await read(world, ref)).has(change)


async def test_several_variables_are_written_together_and_taken_back_together(world: World) -> None:
    ref = await world.add()
    before = await read(world, ref)
    places = {("api", "MODEL_VERSION"): "4", ("side", "MODEL_NAME"): "churn", ("init", "URI"): "models:/c/4"}
    variables = [Variable(container=at, env=env, value=value) for (at, env), value in places.items()]
    change = WorkloadChange(alias="churn", mark="4", variables=tuple(variables))
    none = tuple(item.model_copy(update={"value": None}) for item in variables)

    rolled = await roll(world, before, change)
    back = await roll(world, rolled, WorkloadChange(alias="churn", mark=None, variables=none))

    assert rolled.has(change)
    assert rolled.generation == before.generation + 1, "one patch"
    for (container, env), value in places.items():
        assert rolled.containers[container] == {**CONTAINERS[container], env: value}
    assert template(back) == template(await read(world, ref)) == ({}, CONTAINERS)


async def test_a_variable_that_stands_twice_is_refused_before_and_after(world: World) -> None:
    ref = await world.add()
    known = await read(world, ref)
    unaware = known.model_copy(update={"traits": {}})
    change = pinned("models:/churn/4", "side", "DOUBLED")

    for seen in (known, unaware):
        with pytest.raises(InvalidRequest, match=r"/api has DOUBLED twice in container side: remove all but"):
            await roll(world, seen, change)

    assert (await read(world, ref)).containers["side"] == {"DOUBLED": "2"}, "the last one counts"


async def test_a_variable_that_admission_puts_back_is_told(world: World) -> None:
    ref = await world.add()
    await world.keep_version_3(ref)

    with pytest.raises(
        InvalidRequest,
        match=r"/api took the patch, but not MODEL_URI of container api: a mutating webhook or policy",
    ):
        await roll(world, await read(world, ref), PINNED)

    assert (await read(world, ref)).marks == {"churn": "4"}


async def test_a_policy_that_forbids_it_is_no_missing_permission(world: World) -> None:
    ref = await world.add()
    await world.deny(ref, "templates are frozen until Monday")

    with pytest.raises(InvalidRequest, match=r"/api is not let change: .*templates are frozen until Monday"):
        await roll(world, await read(world, ref), PINNED)

    assert template(await read(world, ref)) == ({}, CONTAINERS)


async def test_what_else_containers_have_is_read(world: World) -> None:
    ref = await world.add()

    assert (await read(world, ref)).traits == TRAITS


async def test_a_wrong_container_is_refused_with_those_there_are(world: World) -> None:
    ref = await world.add()
    before = await read(world, ref)

    with pytest.raises(InvalidRequest, match=r"has no container apo \(there are: api, init, side\)$"):
        await roll(world, before, pinned("models:/churn/4", "apo"))

    assert template(await read(world, ref)) == template(before)


async def test_a_variable_taken_from_elsewhere_is_refused(world: World) -> None:
    ref = await world.add()
    before = await read(world, ref)

    with pytest.raises(
        InvalidRequest, match=rf"Deployment .*/api takes {ELSEWHERE} of container api from elsewhere"
    ):
        await roll(world, before, pinned("models:/churn/4", env=ELSEWHERE))

    assert template(await read(world, ref)) == template(before)


async def test_a_variable_taken_from_elsewhere_is_not_taken_away(world: World) -> None:
    ref = await world.add()

    await roll(world, await read(world, ref), pinned(None, env=ELSEWHERE))

    with pytest.raises(InvalidRequest, match="from elsewhere"):
        await roll(world, await read(world, ref), pinned("models:/churn/4", env=ELSEWHERE))


async def test_rolling_a_deleted_workload_is_a_conflict(world: World) -> None:
    ref = await world.add()
    before = await read(world, ref)
    await world.delete(ref)

    with pytest.raises(StaleObject, match=r"is gone$"):
        await roll(world, before, PINNED)


@pytest.mark.parametrize("kind", OF_APPS)
async def test_rolling_a_workload_made_anew_is_a_conflict_and_leaves_it(
    world: World, kind: WorkloadKind
) -> None:
    ref = await world.add(kind)
    before = await read(world, ref)
    await world.delete(ref)
    await world.add(kind)

    with pytest.raises(StaleObject, match="made anew"):
        await roll(world, before, PINNED)

    assert (await read(world, ref)).containers == CONTAINERS


async def test_other_writers_do_not_stand_in_the_way(world: World) -> None:
    ref = await world.add()
    before = await read(world, ref)
    await world.write_something_else(ref)

    rolled = await roll(world, before, PINNED)

    assert rolled.marks == {"churn": "4"}


async def test_a_rollout_is_observed_when_the_controller_has_seen_it(world: World) -> None:
    ref = await world.add()
    rolled = await roll(world, await read(world, ref), PINNED)

    await world.finish_rollout(ref)

    after = await read(world, ref)
    assert after.observed_generation == after.generation == rolled.generation


async def test_a_roll_touches_nothing_but_its_own_fields(real: RealWorld) -> None:
    ref = await real.add()
    before = await real.api.get(real.path(ref))

    await roll(real, await read(real, ref), PINNED)

    after = await real.api.get(real.path(ref))
    assert after["spec"]["template"]["metadata"]["annotations"] == {"modelalias.dev/churn": "4"}
    assert after["metadata"]["labels"] == {"modelalias.dev/managed": "true"}
    owners = [item for item in after["metadata"]["managedFields"] if item["manager"] == FIELD_MANAGER]
    assert len(owners) == 1
    written = after["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [item for item in written if item["name"] != "MODEL_URI"] == [
        item
        for item in before["spec"]["template"]["spec"]["containers"][0]["env"]
        if item["name"] != "MODEL_URI"
    ]


async def test_a_quota_is_told_without_the_names_of_pods(real: RealWorld) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    quotas = f"/api/v1/namespaces/{real.namespace}/resourcequotas"
    await real.api.create(quotas, quota)

    async def counted() -> bool:
        return bool((await real.api.get(f"{quotas}/none")).get("status", {}).get("hard"))

    await until(counted, "the quota is in force")
    ref = WorkloadRef(kind=WorkloadKind.DEPLOYMENT, namespace=real.namespace, name="api")
    await real.api.create(real.path(ref).rpartition("/")[0], manifest(ref, replicas=1))
    found = ""

    async def told() -> bool:
        nonlocal found
        found = (await read(real, ref)).trouble
        return bool(found)

    await until(told, "the Deployment complains of its quota")

    assert found.startswith("FailedCreate: pods is forbidden: exceeded quota: none")


async def test_a_missing_permission_is_refused_with_its_name(real: RealWorld, kubeconfig: str) -> None:
    ref = await real.add()
    before = await read(real, ref)

    async with connection_as(kubeconfig, "system:serviceaccount:nobody:nobody") as connection:
        with pytest.raises(
            Refused, match=rf"^may not patch deployments\.apps in namespace {real.namespace}: grant it in"
        ):
            await KubernetesWorkloads(connection).roll(before, PINNED)
