"""What is asked of the API server about pods, against one that answers as the test says."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from modelalias.adapters.kubernetes_client import Connection
from modelalias.adapters.pods import PAGES, KubernetesPods
from modelalias.api.workload import WorkloadKind
from modelalias.core.errors import Refused, Unavailable
from modelalias.kinds import KINDS
from modelalias.ports import PodRef, Workload

Answers = Callable[[web.Request], web.Response]
POD = PodRef(namespace="ml", name="api-0", uid="u-api-0")


class Stub:
    """An API server."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Answers = lambda _: web.Response(status=500)

    async def handle(self, request: web.Request) -> web.Response:
        query = "&".join(
            f"{key}={value}" for key, value in request.query.items() if key not in {"limit", "timeout"}
        )
        self.asked.append(f"{request.path.rpartition('/ml/')[2]}?{query}")
        return self.answer(request)


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
async def pods(stub: Stub) -> AsyncIterator[KubernetesPods]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", stub.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    connection = Connection(ApiClient(configuration))
    yield KubernetesPods(connection)
    await connection.close()
    await runner.cleanup()


def workload(kind: WorkloadKind = WorkloadKind.DEPLOYMENT) -> Workload:
    parsed: Workload = KINDS[kind].parse(
        {
            "metadata": {"namespace": "ml", "name": "api", "uid": "u-api", "resourceVersion": "1"},
            "spec": {
                "selector": {"matchLabels": {"app": "api"}},
                "template": {"spec": {"containers": [{"name": "api"}]}},
            },
        }
    )
    return parsed


def item(name: str, kind: str = "", uid: str = "", made: str = "2026-11-28T06:00:00Z") -> Mapping[str, Any]:
    owner = {"ownerReferences": [{"kind": kind, "uid": uid, "controller": True}]} if kind else {}
    metadata = {"namespace": "ml", "name": name, "uid": f"u-{name}", "creationTimestamp": made, **owner}
    return {"metadata": metadata, "spec": {"containers": [{"name": "api"}]}}


def listing(*items: Mapping[str, Any], page: str = "") -> web.Response:
    return web.json_response({"items": items, "metadata": {"continue": page}})


async def test_all_pages_are_read(stub: Stub, pods: KubernetesPods) -> None:
    def answer(request: web.Request) -> web.Response:
        page = request.query.get("continue", "")
        return listing(
            item(f"api-{page or 0}", "StatefulSet", "u-api"), page={"": "1", "1": "2"}.get(page, "")
        )

    stub.answer = answer

    found = await pods.of(workload(WorkloadKind.STATEFUL_SET))

    assert [pod.ref.name for pod in found] == ["api-0", "api-1", "api-2"]
    assert stub.asked == [
        "pods?labelSelector=app=api",
        "pods?labelSelector=app=api&continue=1",
        "pods?labelSelector=app=api&continue=2",
    ]


async def test_a_list_without_end_is_given_up(stub: Stub, pods: KubernetesPods) -> None:
    stub.answer = lambda _: listing(item("api-0", "StatefulSet", "u-api"), page="more")

    found = await pods.of(workload(WorkloadKind.STATEFUL_SET))

    assert len(found) == len(stub.asked) == PAGES


async def test_replica_sets_are_asked_for_only_where_one_controls_a_pod(
    stub: Stub, pods: KubernetesPods
) -> None:
    stub.answer = lambda _: listing(
        item("api-0", "DaemonSet", "u-api"), item("bare"), item("x", "Job", "u-j")
    )

    found = await pods.of(workload(WorkloadKind.DAEMON_SET))

    assert [pod.ref.name for pod in found] == ["api-0"]
    assert stub.asked == ["pods?labelSelector=app=api"]


async def test_pods_of_replica_sets_of_others_are_none(stub: Stub, pods: KubernetesPods) -> None:
    def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/replicasets"):
            return listing(
                item("new", "Deployment", "u-api"), item("other", "Deployment", "u-other"), item("bare")
            )
        return listing(
            item("mine", "ReplicaSet", "u-new"),
            item("theirs", "ReplicaSet", "u-other"),
            item("of-bare", "ReplicaSet", "u-bare"),
        )

    stub.answer = answer

    assert [pod.ref.name for pod in await pods.of(workload())] == ["mine"]


async def test_an_owner_that_is_no_controller_decides_nothing(stub: Stub, pods: KubernetesPods) -> None:
    body = item("api-0")
    owned = {**body["metadata"], "ownerReferences": [{"kind": "StatefulSet", "uid": "u-api"}]}
    stub.answer = lambda _: listing({**body, "metadata": owned})

    assert await pods.of(workload(WorkloadKind.STATEFUL_SET)) == []


def logs(previous: web.Response | None, current: web.Response | None) -> Answers:
    """Answer with the logs of two instances of a container; None: there is no such instance."""

    def answer(request: web.Request) -> web.Response:
        if not request.path.endswith("/log"):
            return listing(item("api-0"))
        status = {
            "kind": "Status",
            "reason": "BadRequest",
            "message": "previous terminated container not found",
        }
        found = previous if request.query.get("previous") else current
        return found or web.json_response(status, status=400)

    return answer


def said(text: str) -> web.Response:
    return web.Response(text=text)


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (logs(said("boom\n"), said("starting\n")), "boom"),
        (logs(None, said("boom\n")), "boom"),
        (logs(None, None), ""),
        (logs(said(""), said("starting\n")), ""),
        (logs(said("unable to retrieve container logs for containerd://4f"), said("boom\n")), "boom"),
        (
            logs(said("\x1b[31mno route to http://me:geheim@store\x1b[0m\n"), None),
            "no route to http://***@store",
        ),
    ],
    ids=["it crashed", "for the first time", "it never ran", "wrote nothing", "log is gone", "cleaned"],
)
async def test_the_instance_that_crashed_is_read(
    stub: Stub, pods: KubernetesPods, answer: Answers, lines: str
) -> None:
    stub.answer = answer

    assert await pods.last_lines(POD, "api") == lines
    assert stub.asked[:2] == [
        "pods?fieldSelector=metadata.name=api-0",
        "pods/api-0/log?previous=true&container=api&tailLines=20&limitBytes=262144",
    ]


async def test_the_log_of_another_pod_of_that_name_is_not_read(stub: Stub, pods: KubernetesPods) -> None:
    stub.answer = logs(said("theirs\n"), None)

    assert await pods.last_lines(POD.model_copy(update={"uid": "before"}), "api") == ""
    assert len(stub.asked) == 1


def status(code: int, reason: str, message: str = "") -> web.Response:
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
    return web.json_response(body, status=code)


async def test_an_api_server_that_is_away_is_told(stub: Stub, pods: KubernetesPods) -> None:
    stub.answer = lambda _: status(503, "ServiceUnavailable")

    for call in (pods.of(workload()), pods.last_lines(POD, "api"), pods.delete(POD)):
        with pytest.raises(Unavailable):
            await call


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ('pods is forbidden: User "x" cannot delete resource "pods"', "component delete-stuck-pods"),
        ('admission webhook "guard" denied the request: no', "guard"),
    ],
    ids=["permission", "webhook"],
)
async def test_a_deletion_that_is_refused_says_by_what(
    stub: Stub, pods: KubernetesPods, message: str, told: str
) -> None:
    stub.answer = lambda _: status(403, "Forbidden", message)

    with pytest.raises(Refused, match=told) as raised:
        await pods.delete(POD)

    assert ("component" in str(raised.value)) == (told != "guard")


@pytest.mark.parametrize(("code", "reason"), [(404, "NotFound"), (409, "Conflict")])
async def test_a_pod_that_is_gone_needs_no_deletion(
    stub: Stub, pods: KubernetesPods, code: int, reason: str
) -> None:
    stub.answer = lambda _: status(code, reason)

    await pods.delete(POD)
