"""What the rules may rely on when they ask for the pods of a workload, on the fake and on a real API server."""

from collections.abc import AsyncIterator

import pytest

from hack.cluster.pause_image import NAME as PAUSE
from modelalias.adapters.pods import KubernetesPods
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api.workload import Verify, WorkloadKind
from modelalias.core.errors import Refused
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import Pod, PodRef, Workload
from tests.support.pod_worlds import IMAGE, NO_IMAGE, READY, RUNNING, FakeWorld, RealWorld, World, standing
from tests.support.raw_api import connection_as, raw_api, until

OF_APPS = (WorkloadKind.DEPLOYMENT, WorkloadKind.STATEFUL_SET, WorkloadKind.DAEMON_SET)

NAMELESS = "system:serviceaccount:nobody:nobody"
DEPLOYMENT = WorkloadKind.DEPLOYMENT
VERIFY = Verify(port=8080)


@pytest.fixture
async def real(kubeconfig: str, namespace: str) -> AsyncIterator[RealWorld]:
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        yield RealWorld(api, KubernetesWorkloads(connection), KubernetesPods(connection), namespace)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = FakeWorld() if request.param == "fake" else request.getfixturevalue("real")
    return found


def gone(pod: PodRef) -> PodRef:
    return pod.model_copy(update={"uid": "another"})


async def test_a_workload_without_pods_has_none(world: World) -> None:
    workload = await world.workload(DEPLOYMENT, 0)

    assert list(await world.pods.of(workload)) == []
    assert list(await world.pods.ask(workload, VERIFY)) == []


@pytest.mark.needs_simulated_pods
@pytest.mark.parametrize("kind", OF_APPS)
async def test_pods_are_read_as_their_template_made_them(world: World, kind: WorkloadKind) -> None:
    workload = await world.workload(kind, 2)

    pods = await world.pods.of(workload)

    assert len(pods) == 2
    assert [pod.ref for pod in pods] == [
        pod.ref for pod in sorted(pods, key=lambda pod: (-pod.created.timestamp(), pod.ref.name))
    ]
    for pod in pods:
        assert (pod.ready, pod.ending, pod.restarts, pod.started, pod.node) == (False, False, 0, None, "")
        assert pod.marks == {"churn": "4.7"}
        assert pod.containers == {"fetch": {}, "api": {"MODEL_URI": "models:/churn/4"}}
        assert pod.revision
        assert (pod.trouble, pod.crashed) == ("its containers have not been started yet", "")


async def test_pods_of_others_with_the_same_labels_are_none(world: World) -> None:
    workload = await world.workload(DEPLOYMENT, 1)
    own = await world.every(workload)

    await world.add_others()

    assert [pod.ref for pod in await world.pods.of(workload)] == own


async def test_a_pod_that_has_ended_is_left_out(world: World) -> None:
    workload = await world.workload(DEPLOYMENT, 2)
    ended, stays = await world.every(workload)

    await world.write(ended, {"phase": "Failed", "reason": "Evicted"})

    refs = [pod.ref for pod in await world.pods.of(workload)]
    assert ended not in refs
    assert stays in refs


async def test_a_pod_says_how_it_stands(world: World) -> None:
    workload = await world.workload(DEPLOYMENT, 3)
    ready, pulling, crashed = await world.every(workload)
    end = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": None, "finishedAt": None}}

    await world.write(ready, READY)
    await world.write(pulling, NO_IMAGE)
    await world.write(crashed, standing(False, end))

    pods: dict[PodRef, Pod] = {pod.ref: pod for pod in await world.pods.of(workload)}
    assert (pods[ready].ready, pods[ready].trouble) == (True, "")
    assert pods[ready].started == pods[ready].ready_since
    assert pods[pulling].trouble == f"image {IMAGE} of container api cannot be pulled"
    assert pods[crashed].trouble == "container api crashed (OOMKilled, exit code 137)"
    assert (pods[pulling].crashed, pods[crashed].crashed) == ("", "api")


async def test_each_ready_pod_has_one_answer_and_no_other_is_asked(world: World) -> None:
    workload = await world.workload(DEPLOYMENT, 3)
    first, second, running = await world.every(workload)
    await world.write(first, READY)
    await world.write(second, READY)
    await world.write(running, standing(False, RUNNING, podIP="127.0.0.1"))

    answers = await world.pods.ask(workload, VERIFY)

    assert [answer.pod for answer in answers] == [first, second]
    for answer in answers:
        assert answer.version is None
        assert answer.message


async def test_a_pod_that_wrote_nothing_has_no_lines(world: World) -> None:
    (pod,) = await world.every(await world.workload(DEPLOYMENT, 1))

    assert await world.pods.last_lines(pod, "api") == ""
    assert await world.pods.last_lines(gone(pod), "api") == ""
    assert await world.pods.last_lines(pod.model_copy(update={"name": "nobody"}), "api") == ""


async def test_deleting_a_pod_that_is_gone_is_fine(world: World) -> None:
    workload = await world.workload(DEPLOYMENT, 1)
    (pod,) = await world.every(workload)

    await world.pods.delete(pod.model_copy(update={"name": "nobody"}))
    await world.pods.delete(gone(pod))

    assert await world.every(workload) == [pod]


async def test_a_pod_that_is_deleted_is_made_anew_by_its_controller(real: RealWorld) -> None:
    workload = await real.workload(WorkloadKind.STATEFUL_SET, 1)
    (pod,) = await real.every(workload)

    await real.pods.delete(pod)

    async def anew() -> bool:
        return [(ref.name, ref.uid == pod.uid) for ref in await real.every(workload)] == [("api-0", False)]

    await until(anew, "the controller made another pod of that name")


async def test_one_that_is_being_deleted_is_ending_and_not_asked(real: RealWorld) -> None:
    workload = await real.workload(DEPLOYMENT, 1)
    (pod,) = await real.every(workload)
    await real.write(pod, READY)
    await real.api.merge(real.path(pod.name), {"metadata": {"finalizers": ["modelalias.test/stays"]}})

    await real.pods.delete(pod)
    found = {item.ref: item for item in await real.pods.of(workload)}[pod]
    asked = [answer.pod for answer in await real.pods.ask(workload, VERIFY)]

    await real.api.merge(real.path(pod.name), {"metadata": {"finalizers": None}})
    assert found.ending
    assert pod not in asked


async def test_where_labels_alone_tell_all_that_match_are_pods_of_the_workload(real: RealWorld) -> None:
    workload = await real.workload(DEPLOYMENT, 1)
    await real.add_others()

    assert len(await real.pods.of(workload)) == 1
    assert len(await real.pods.of(OfLabels(**dict(workload)))) == 3


async def test_a_workload_without_a_selector_has_no_pods(real: RealWorld) -> None:
    workload = await real.workload(DEPLOYMENT, 1)

    assert await real.pods.of(workload.model_copy(update={"selector": ""})) == []


async def let_run(real: RealWorld, *arguments: str) -> Workload:
    """Create a Deployment whose one pod a node takes and runs."""
    workload = await real.workload(DEPLOYMENT, 0)
    container = {"name": "api", "image": PAUSE, "imagePullPolicy": "Never", "args": [*arguments]}
    pod = {"schedulerName": "default-scheduler", "initContainers": None, "containers": [container]}
    path = f"/apis/apps/v1/namespaces/{real.namespace}/deployments/api"
    await real.api.merge(path, {"spec": {"replicas": 1, "template": {"spec": pod}}})
    return workload


@pytest.mark.needs_real_pods
async def test_a_pod_is_asked_at_its_own_address(real: RealWorld) -> None:
    workload = await let_run(real)
    messages: list[str] = []

    async def asked() -> bool:
        messages[:] = [answer.message for answer in await real.pods.ask(workload, VERIFY)]
        return bool(messages)

    await until(asked, "the pod is ready")

    assert messages == ["nothing listens at port 8080"]


@pytest.mark.needs_real_pods
async def test_a_container_that_crashes_again_and_again_tells_its_last_lines(real: RealWorld) -> None:
    workload = await let_run(real, "exit", "3", "boom")
    crashed: list[Pod] = []

    async def crashes() -> bool:
        crashed[:] = [pod for pod in await real.pods.of(workload) if pod.crashed and pod.restarts]
        return bool(crashed)

    await until(crashes, "the pod crashes again and again")

    assert crashed[0].trouble == "container api crashed (exit code 3)"
    assert await real.pods.last_lines(crashed[0].ref, crashed[0].crashed) == "boom"


class OfLabels(PodWorkload):
    """A workload of a kind that does not control its pods."""

    @property
    def owns_pods(self) -> bool:
        return False


async def refused(pods: KubernetesPods, workload: Workload, pod: PodRef) -> list[str]:
    """Return what each call says without a permission."""
    messages = []
    for call in (
        pods.of(workload),
        pods.ask(workload, VERIFY),
        pods.last_lines(pod, "api"),
        pods.delete(pod),
    ):
        with pytest.raises(Refused) as raised:
            await call
        messages.append(str(raised.value))
    return messages


async def test_a_missing_permission_is_refused_with_its_name(real: RealWorld, kubeconfig: str) -> None:
    workload = await real.workload(DEPLOYMENT, 1)
    (pod,) = await real.every(workload)

    async with connection_as(kubeconfig, NAMELESS) as connection:
        *listing, deleting = await refused(KubernetesPods(connection), workload, pod)

    place = f"pods in namespace {real.namespace}: grant it in the operator's ClusterRole"
    assert listing == 3 * [f"may not list {place}"]
    assert deleting == f"may not delete {place}, as the component delete-stuck-pods does"
