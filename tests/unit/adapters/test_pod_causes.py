"""Why a pod is not ready, from bodies as kubelets and schedulers write them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from modelalias.adapters.pod_causes import cause_of

NAME: Final = "churn-api-7d4f5c9b6d-x2x7q"
UID: Final = "0b8f3b9e-7c1d-4a57-9a43-5f0e1c2d3b4a"
IMAGE: Final = "registry.invalid/ml/churn:4"
START: Final = "2026-11-28T06:00:00Z"
CRASHED: Final = "2026-11-28T06:00:05Z"
AGAIN: Final = "2026-11-28T06:00:20Z"
LATER: Final = "2026-11-28T06:10:00Z"

Body = dict[str, Any]


def waiting(reason: str, message: str = "") -> Body:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(since: str = START) -> Body:
    return {"running": {"startedAt": since}}


def terminated(code: int, reason: str = "Error", message: str = "") -> Body:
    about = {"exitCode": code, "reason": reason, "startedAt": START, "finishedAt": CRASHED}
    return {"terminated": {**about, **({"message": message} if message else {})}}


def status(name: str, state: Body, last: Body | None = None, **more: Any) -> Body:
    return {
        "name": name,
        "state": state,
        "lastState": last or {},
        "ready": False,
        "restartCount": 1 if last else 0,
        "image": IMAGE,
        "imageID": "",
        "started": "running" in state,
        **more,
    }


def condition(kind: str, value: str, **more: str) -> Body:
    return {"type": kind, "status": value, "lastTransitionTime": START, **more}


def unready(*statuses: Body, since: str = START, init: Sequence[Body] = (), **changes: Any) -> Body:
    """Return a pod on a node whose containers stand so."""
    body: Body = {
        "metadata": {"name": NAME, "namespace": "ml", "uid": UID, "creationTimestamp": START},
        "spec": {
            "nodeName": "node-1",
            "initContainers": [
                {"name": "fetch", "image": "registry.invalid/fetch:1"},
                {"name": "proxy", "image": "registry.invalid/proxy:1", "restartPolicy": "Always"},
            ],
            "containers": [
                {"name": "side", "image": "registry.invalid/side:1"},
                {"name": "api", "image": IMAGE, "readinessProbe": {"httpGet": {"port": 8080}}},
            ],
        },
        "status": {
            "phase": "Pending",
            "conditions": [
                condition("PodScheduled", "True"),
                condition("Initialized", "True"),
                condition(
                    "Ready", "False", lastTransitionTime=since, reason="ContainersNotReady", message="[api]"
                ),
                condition("ContainersReady", "False", reason="ContainersNotReady"),
            ],
            "containerStatuses": [status("side", running(), ready=True), *statuses],
            "initContainerStatuses": [
                status("fetch", terminated(0, "Completed")),
                status("proxy", running(), ready=True),
                *init,
            ],
        },
    }
    for path, value in changes.items():
        part, _, key = path.partition("__")
        body[part] = {**body[part], key: value}
    return body


def unscheduled(message: str, reason: str = "Unschedulable") -> Body:
    told = condition("PodScheduled", "False", reason=reason, message=message)
    return unready(status__conditions=[told], status__containerStatuses=[], status__initContainerStatuses=[])


def initializing(init: Body) -> Body:
    """Return a pod that is held up by its first init container."""
    return unready(
        status("api", waiting("PodInitializing")),
        status__initContainerStatuses=[init, status("proxy", waiting("PodInitializing"))],
    )


PULL = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": {IMAGE}: not found'
LOOKUP = (
    'failed to do request: Head "https://registry.invalid/v2/ml/churn/manifests/4": '
    "dial tcp: lookup registry.invalid on 10.96.0.10:53: no such host"
)
NO_PULL = f"image {IMAGE} of container api cannot be pulled"

IMAGES = [
    ("not-found", waiting("ErrImagePull", f"rpc error: code = NotFound desc = {PULL}"), f"{NO_PULL}: {PULL}"),
    (
        "not-found-in-back-off",
        waiting(
            "ImagePullBackOff",
            f'Back-off pulling image "{IMAGE}": ErrImagePull: rpc error: code = NotFound desc = {PULL}',
        ),
        f"{NO_PULL}: {PULL}",
    ),
    (
        "back-off-before-1.32",
        waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'),
        NO_PULL,
    ),
    (
        "registry-away",
        waiting("ErrImagePull", LOOKUP),
        f'{NO_PULL}: failed to do request: Head "...": dial tcp: lookup registry.invalid on ...: no such host',
    ),
    (
        "connection-lost",
        waiting("ErrImagePull", "read tcp 10.0.0.5:43212->192.0.2.9:443: i/o timeout\nsecond line"),
        f"{NO_PULL}: read tcp ...->...: i/o timeout",
    ),
    (
        "connection-lost-on-IPv6",
        waiting("ErrImagePull", "dial tcp [2001:db8::1]:443: connect: connection refused"),
        f"{NO_PULL}: dial tcp ...: connect: connection refused",
    ),
    (
        "bad-name",
        waiting(
            "InvalidImageName",
            'Failed to apply default image tag "Ml/x:4": couldn\'t parse image name "Ml/x:4": '
            "invalid reference format: repository name must be lowercase",
        ),
        (
            f'{NO_PULL}: InvalidImageName; Failed to apply default image tag "Ml/x:4": couldn\'t parse image name '
            '"Ml/x:4": invalid reference format: repository name must be lowercase'
        ),
    ),
    (
        "never-pulled",
        waiting("ErrImageNeverPull", f'Container image "{IMAGE}" is not present with pull policy of Never'),
        f'{NO_PULL}: ErrImageNeverPull; Container image "{IMAGE}" is not present with pull policy of Never',
    ),
    ("nothing-said", waiting("ErrImagePull"), NO_PULL),
]


@pytest.mark.parametrize(("state", "trouble"), [pytest.param(*rest, id=name) for name, *rest in IMAGES])
def test_an_image_that_cannot_be_pulled_is_named_with_why(state: Body, trouble: str) -> None:
    assert cause_of(unready(status("api", state))) == (trouble, "")


BACK_OFF = waiting("CrashLoopBackOff", f"back-off 5m0s restarting failed container=api pod={NAME}_ml({UID})")
KILLED = terminated(137, "OOMKilled")
NO_PROGRAM = (
    'failed to create containerd task: failed to create shim task: OCI runtime create failed: exec: "srve": '
    "executable file not found in $PATH: unknown"
)


@pytest.mark.parametrize(
    ("end", "trouble", "crashed"),
    [
        (terminated(1), "container api crashed (exit code 1)", "api"),
        (KILLED, "container api crashed (OOMKilled, exit code 137)", "api"),
        (terminated(143), "container api crashed (exit code 143)", "api"),
        (
            terminated(0, "Completed"),
            "container api ends by itself (exit code 0), and is started again and again",
            "api",
        ),
        (terminated(128, "StartError", NO_PROGRAM), f"container api cannot be started: {NO_PROGRAM}", ""),
    ],
    ids=["error", "out of memory", "terminated", "ends well", "no such program"],
)
def test_a_crash_is_told_in_the_same_words_at_every_station_of_its_round(
    end: Body, trouble: str, crashed: str
) -> None:
    stations = [
        status("api", end),
        status("api", BACK_OFF, end),
        status("api", running(AGAIN), end),
        status("api", waiting("ContainerCreating"), end),
    ]

    assert {cause_of(unready(station, since=CRASHED)) for station in stations} == {(trouble, crashed)}


def test_an_older_crash_does_not_explain_a_pod_that_was_ready_since() -> None:
    body = unready(status("api", running(AGAIN), KILLED, started=True), since=LATER)

    assert cause_of(body).trouble == "container api runs, but its readiness probe does not pass"


def test_a_container_that_crashed_and_is_ready_again_does_not_explain_another() -> None:
    body = unready(
        status("side", running(AGAIN), KILLED, ready=True),
        status("api", running(START), started=True),
        status__phase="Running",
        since=CRASHED,
    )

    assert cause_of(body).trouble == "container api runs, but its readiness probe does not pass"


@pytest.mark.parametrize(
    ("init", "trouble", "crashed"),
    [
        (
            status("fetch", waiting("CrashLoopBackOff"), terminated(3)),
            "init container fetch crashed (exit code 3)",
            "fetch",
        ),
        (status("fetch", terminated(3)), "init container fetch crashed (exit code 3)", "fetch"),
        (
            status("fetch", waiting("ImagePullBackOff", 'Back-off pulling image "x"')),
            "image registry.invalid/fetch:1 of init container fetch cannot be pulled",
            "",
        ),
        (status("fetch", running()), "init container fetch has not finished yet", ""),
        (status("fetch", waiting("PodInitializing")), "its containers have not been started yet", ""),
    ],
    ids=["crash loop", "crashed", "image", "runs", "waits"],
)
def test_init_containers_come_first(init: Body, trouble: str, crashed: str) -> None:
    assert cause_of(initializing(init)) == (trouble, crashed)


def test_a_sidecar_among_the_init_containers_is_a_container() -> None:
    done = status("fetch", terminated(0, "Completed"))
    sidecar = status("proxy", waiting("CrashLoopBackOff"), terminated(2))

    body = unready(status("api", running(AGAIN)), status__initContainerStatuses=[done, sidecar])

    assert cause_of(body) == ("container proxy crashed (exit code 2)", "proxy")


@pytest.mark.parametrize(
    ("reason", "message", "why"),
    [
        ("CreateContainerConfigError", 'secret "mlflow-token" not found', 'secret "mlflow-token" not found'),
        (
            "CreateContainerConfigError",
            "couldn't find key uri in ConfigMap ml/churn",
            "couldn't find key uri in ConfigMap ml/churn",
        ),
        (
            "CreateContainerError",
            (
                f'failed to reserve container name "api_{NAME}_ml_{UID}_0": name "api_{NAME}_ml_{UID}_0" is reserved '
                f'for "{64 * "a"}"'
            ),
            'failed to reserve container name "api_..._ml_..._0": name "api_..._ml_..._0" is reserved for "..."',
        ),
        ("RunContainerError", NO_PROGRAM, NO_PROGRAM),
        ("CreateContainerConfigError", "", "CreateContainerConfigError"),
    ],
    ids=["secret", "key of a config map", "names and hashes", "no program", "nothing said"],
)
def test_a_container_that_cannot_be_started_says_why(reason: str, message: str, why: str) -> None:
    body = unready(status("api", waiting(reason, message)))

    assert cause_of(body) == (f"container api cannot be started: {why}", "")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (
            (
                "0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient memory. "
                "preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption "
                "victims found for incoming pod."
            ),
            ": Insufficient memory, had untolerated taint {dedicated: gpu}",
        ),
        (
            (
                "0/12 nodes are available: 11 Insufficient memory, 1 node(s) had untolerated taint {dedicated: gpu}. "
                "no new claims to deallocate, preemption: 0/12 nodes are available: 12 No preemption victims found "
                "for incoming pod."
            ),
            ": Insufficient memory, had untolerated taint {dedicated: gpu}",
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            ": pod has unbound immediate PersistentVolumeClaims. not found",
        ),
        (
            'persistentvolumeclaim "models" not found',
            ': persistentvolumeclaim "models" not found',
        ),
        ("no nodes available to schedule pods", ": no nodes available to schedule pods"),
        ("", ""),
    ],
    ids=["two reasons", "the same on more nodes", "unbound claim", "no claim", "no nodes", "nothing said"],
)
def test_what_the_scheduler_says_is_told_without_how_often(message: str, why: str) -> None:
    assert cause_of(unscheduled(message)) == (f"no node takes it{why}", "")


def test_scheduling_gates_are_told_apart() -> None:
    body = unscheduled("Scheduling is blocked due to non-empty scheduling gates", "SchedulingGated")

    assert cause_of(body).trouble == "it waits for its scheduling gates"


PROBE = {"httpGet": {"path": "/healthz", "port": 8080}}
PROBED = "container api runs, but its readiness probe does not pass"
NOT_YET = "its containers have not been started yet"


def with_api(**changes: Any) -> Sequence[Mapping[str, Any]]:
    return [{"name": "api", "image": IMAGE, **changes}]


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (unready(status("api", running())), PROBED),
        (
            unready(
                status("api", running(), started=False),
                spec__containers=with_api(startupProbe=PROBE, readinessProbe=PROBE),
            ),
            "container api runs, but its startup probe has not passed yet",
        ),
        (
            unready(status("api", running()), spec__containers=with_api()),
            "container api runs, but is not ready",
        ),
        (unready(status("api", waiting("ContainerCreating"))), NOT_YET),
        (unready(status__containerStatuses=[]), NOT_YET),
        (unready(status={}), NOT_YET),
        (
            unready(
                status("api", running(), ready=True),
                spec__readinessGates=[{"conditionType": "lb.example/b"}, {"conditionType": "lb.example/a"}],
            ),
            "its containers are ready, but it waits for readiness gate lb.example/a, lb.example/b",
        ),
        (unready(status("api", running(), ready=True)), "its node does not answer"),
        (unready(status("api", running(), ready=True), status__phase="Unknown"), "its node does not answer"),
        (unready(status("api", running()), metadata__deletionTimestamp=LATER), "it is being deleted"),
    ],
    ids=[
        "readiness probe",
        "startup probe",
        "no probe",
        "being created",
        "no status of containers",
        "no status at all",
        "readiness gates",
        "node away",
        "node away for long",
        "ending",
    ],
)
def test_what_runs_or_waits_says_what_is_missing(body: Body, trouble: str) -> None:
    assert cause_of(body) == (trouble, "")


def test_a_ready_pod_has_no_trouble_whatever_happened_before() -> None:
    body = unready(status("api", running(AGAIN), KILLED, ready=True))
    body["status"]["conditions"] = [condition("Ready", "True")]

    assert cause_of(body) == ("", "")


def test_an_image_with_a_digest_stays_as_it_is_and_other_hashes_go() -> None:
    image = f"registry.invalid/churn@sha256:{64 * 'b'}"
    state = waiting("ErrImagePull", f"{image}: unexpected digest sha256:{64 * 'c'}")
    body = unready(status("api", state), spec__containers=with_api(image=image))

    assert cause_of(body).trouble == (
        f"image {image} of container api cannot be pulled: {image}: unexpected digest ..."
    )


def test_what_is_said_is_printable_and_short() -> None:
    body = unready(status("api", waiting("CreateContainerError", "\x1b[31mno\x00\u202e\t" + 5000 * "x")))

    trouble = cause_of(body).trouble

    assert trouble.startswith("container api cannot be started: no xxx")
    assert len(trouble) < 400
