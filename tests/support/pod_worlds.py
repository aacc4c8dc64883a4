"""Workloads whose pods stand as a test says, in memory and on a real API server, for the suite that runs on both.

On the real one controllers make the pods and nobody runs them: no scheduler takes them, so that the test alone
writes their status.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from modelalias.adapters.pod_bodies import has_ended, newest_first, parse_pod
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api.workload import WorkloadKind
from modelalias.kinds import KINDS
from modelalias.ports import PodRef, Pods, Workload, WorkloadRef
from tests.support.fake_pods import FakePods
from tests.support.fake_workloads import FakeWorkloads
from tests.support.raw_api import RawApi, until

IMAGE: Final = "registry.invalid/churn:4"
SINCE: Final = "2026-11-28T06:00:00Z"
ANNOTATIONS: Final = {"modelalias.dev/churn": "4.7", "team": "risk"}
VARIABLES: Final = [{"name": "MODEL_URI", "value": "models:/churn/4"}]

Body = Mapping[str, Any]


def condition(kind: str, value: bool) -> Body:
    return {"type": kind, "status": str(value), "lastTransitionTime": SINCE}


def standing(ready: bool, state: Body, **more: Any) -> Body:
    """Return the status of a pod whose container `api` stands so."""
    about = {
        "name": "api",
        "image": IMAGE,
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "state": state,
        "lastState": {},
    }
    return {
        "phase": "Running",
        "conditions": [condition("PodScheduled", True), condition("Ready", ready)],
        "containerStatuses": [about],
        **more,
    }


RUNNING: Final = {"running": {"startedAt": SINCE}}
READY: Final = standing(True, RUNNING, podIP="127.0.0.1", podIPs=[{"ip": "127.0.0.1"}])
"""At an address that is not asked."""
NO_IMAGE: Final = standing(
    False,
    {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{IMAGE}"'}},
    phase="Pending",
)


def template(labels: Mapping[str, str]) -> Body:
    pod = {
        "schedulerName": "nobody",
        "terminationGracePeriodSeconds": 0,
        "initContainers": [{"name": "fetch", "image": IMAGE}],
        "containers": [{"name": "api", "image": IMAGE, "env": VARIABLES}],
    }
    return {"metadata": {"labels": dict(labels), "annotations": ANNOTATIONS}, "spec": pod}


class World(Protocol):
    """Workloads and their pods."""

    namespace: str
    pods: Pods

    async def workload(self, kind: WorkloadKind, replicas: int) -> Workload:
        """Create the workload `api` with pods that wait; a DaemonSet has one for each node."""

    async def add_others(self) -> None:
        """Create pods with the same labels, one that nobody controls and one of another workload."""

    async def every(self, workload: Workload) -> Sequence[PodRef]:
        """Name all that the workload has, the newest first."""

    async def write(self, pod: PodRef, status: Body) -> None:
        """Write a pod's status as its kubelet would."""


class FakeWorld:
    namespace = "ml"

    def __init__(self) -> None:
        self._workloads = FakeWorkloads()
        self.fake = FakePods(self._workloads, lambda: datetime(2026, 11, 28, tzinfo=UTC))
        self.pods: Pods = self.fake
        self._bodies: dict[PodRef, dict[str, Any]] = {}

    async def workload(self, kind: WorkloadKind, replicas: int) -> Workload:
        ref = self._workloads.add("api", kind=kind, desired=replicas)
        made = datetime(2026, 11, 28, 5, tzinfo=UTC)
        for number in range(replicas):
            pod = PodRef(namespace=self.namespace, name=f"api-{number}", uid=f"u-{number}")
            about = template({"app": "api", "pod-template-hash": "7d4f"})
            created = (made + timedelta(seconds=number)).isoformat()
            metadata = {**about["metadata"], **pod.model_dump(), "creationTimestamp": created}
            self._bodies[pod] = {**about, "metadata": metadata}
        self._refresh(ref)
        self.fake.answers[ref] = None
        return self._workloads.workloads[ref]

    async def add_others(self) -> None:
        """Do nothing: pods in memory are named by their workload."""

    async def every(self, workload: Workload) -> Sequence[PodRef]:
        return [pod.ref for pod in self.fake.exact[workload.ref]]

    async def write(self, pod: PodRef, status: Body) -> None:
        self._bodies[pod]["status"] = status
        for ref in self._workloads.workloads:
            self._refresh(ref)

    def _refresh(self, ref: WorkloadRef) -> None:
        bodies = sorted((body for body in self._bodies.values() if not has_ended(body)), key=newest_first)
        self.fake.exact[ref] = [parse_pod(body) for body in bodies]


class RealWorld:
    def __init__(self, api: RawApi, workloads: KubernetesWorkloads, pods: Pods, namespace: str) -> None:
        self.api = api
        self.pods = pods
        self.namespace = namespace
        self._workloads = workloads

    async def workload(self, kind: WorkloadKind, replicas: int) -> Workload:
        return await self._made(kind, "api", {"app": "api"}, replicas)

    async def add_others(self) -> None:
        await self.api.create(self.path(), {"metadata": {"name": "bare"}, **self._bare()})
        await self._made(WorkloadKind.DEPLOYMENT, "other", {"app": "api", "track": "other"}, 1)

    async def every(self, workload: Workload) -> Sequence[PodRef]:
        return [pod.ref for pod in await self.pods.of(workload)]

    async def write(self, pod: PodRef, status: Body) -> None:
        await self.api.merge(f"{self.path(pod.name)}/status", {"status": status})

    def path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods" + (f"/{name}" if name else "")

    def _bare(self) -> Body:
        body = template({"app": "api"})
        return {**body, "metadata": {**body["metadata"], "name": "bare"}}

    async def _made(
        self, kind: WorkloadKind, name: str, labels: Mapping[str, str], replicas: int
    ) -> Workload:
        ref = WorkloadRef(kind=kind, namespace=self.namespace, name=name)
        resource = KINDS[kind].resource
        spec: dict[str, Any] = {"selector": {"matchLabels": dict(labels)}, "template": template(labels)}
        if kind is not WorkloadKind.DAEMON_SET:
            spec["replicas"] = replicas
        if kind is WorkloadKind.STATEFUL_SET:
            spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
        body = {
            "apiVersion": resource.api_version,
            "kind": str(kind),
            "metadata": {"name": name},
            "spec": spec,
        }
        await self.api.create(resource.path(self.namespace), body)
        selector = ",".join(f"{key}%3D{value}" for key, value in labels.items())

        async def there() -> bool:
            items = (await self.api.get(f"{self.path()}?labelSelector={selector}"))["items"]
            return sum(str(item["metadata"]["name"]).startswith(f"{name}-") for item in items) >= replicas

        await until(there, f"{kind} {name} has its pods")
        workload = await self._workloads.read(ref)
        assert workload is not None
        return workload
