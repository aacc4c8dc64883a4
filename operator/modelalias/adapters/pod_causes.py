"""Why a pod is not ready, told from its body in words that stay the same while the cause does.

A pod that fails goes round: pulling, back-off and pulling again; running, ended and back-off. Every station of
such a round has to give the same words, without counts of tries, times, names that each pod has anew, and
addresses.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from modelalias.adapters.pod_log import printable

Body = Mapping[str, Any]

_LONGEST: Final = 512
_LONGEST_DETAIL: Final = 300
_LONGEST_LINE: Final = 2000
"""Of what is looked through."""

_PULLING: Final = frozenset({"ErrImagePull", "ImagePullBackOff"})
"""The two stations of one round, so neither is a reason."""
_NOT_PULLED: Final = _PULLING | {
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
_NOT_CREATED: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "PreCreateHookError",
        "RunContainerError",
        "PostStartHookError",
    }
)
_NOT_STARTED: Final = frozenset({"StartError", "ContainerCannotRun"})
"""Reasons of an end before the program began: there is no log, and the runtime says why."""


class Cause(NamedTuple):
    """What is said of a pod that is not ready."""

    trouble: str
    crashed: str = ""
    """The container whose log tells more."""


NONE: Final = Cause("")


class _Container(NamedTuple):
    """A container with its part of the pod's status."""

    name: str
    spec: Body
    status: Body
    init: bool
    """An init container that ends before the others begin: a sidecar is none."""

    def __str__(self) -> str:
        return f"init container {self.name}" if self.init else f"container {self.name}"

    @property
    def state(self) -> tuple[str, Body]:
        """Return `waiting`, `running` or `terminated`, with what is said of it."""
        state = self.status.get("state") or {}
        return next(((name, state[name] or {}) for name in state if state[name] is not None), ("waiting", {}))

    @property
    def last_end(self) -> Body:
        """Return how it ended last, {} when it never did."""
        states = (self.status.get("state") or {}, self.status.get("lastState") or {})
        return next((state["terminated"] for state in states if state.get("terminated")), {})


def cause_of(pod: Body) -> Cause:
    """Return why the pod is not ready; nothing for one that is."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    conditions = {item["type"]: item for item in status.get("conditions") or ()}
    ready = conditions.get("Ready", {})
    if ready.get("status") == "True":
        return NONE
    if metadata.get("deletionTimestamp"):
        return Cause("it is being deleted")
    if status.get("phase") == "Unknown":
        return Cause(_LOST)
    clean, scheduled = _Cleaner(pod), conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return Cause(_unscheduled(scheduled, clean)[:_LONGEST])
    containers = [*_containers(pod)]
    for container in containers:
        if cause := _of_container(container, ready, clean):
            return Cause(cause.trouble[:_LONGEST], cause.crashed)
    return Cause((_unready(containers) or _ungated(pod, conditions) or _LOST)[:_LONGEST])


_LOST: Final = "its node does not answer"


def _of_container(container: _Container, ready: Body, clean: "_Cleaner") -> Cause | None:
    """Return what is wrong with one container, None when it is done, runs, or waits for its turn."""
    state, about = container.state
    reason = str(about.get("reason") or "")
    if state == "waiting" and reason in _NOT_PULLED:
        return Cause(_not_pulled(container, about, clean))
    if state == "waiting" and reason in _NOT_CREATED:
        return Cause(f"{container} cannot be started: {clean(about.get('message')) or reason}")
    if state == "running" and (container.status.get("ready") or not _never_ready_since(ready, about)):
        return None
    end = container.last_end
    if not end or (container.init and state == "terminated" and not end.get("exitCode")):
        return None
    return _ended(container, end, clean)


def _never_ready_since(ready: Body, running: Body) -> bool:
    """Return whether the pod was not ready yet since the container began to run.

    Then its end before this is still why. Both times are of the same form, and of the same node's clock.
    """
    return str(ready.get("lastTransitionTime") or "") <= str(running.get("startedAt") or "")


def _not_pulled(container: _Container, waiting: Body, clean: "_Cleaner") -> str:
    image, reason = str(container.spec.get("image") or ""), str(waiting["reason"])
    # From Kubernetes 1.32 on the back-off repeats why: Back-off pulling image "x": ErrImagePull: why.
    message = re.sub(r'^Back-off pulling image "[^"]*"(: )?', "", str(waiting.get("message") or ""))
    message = clean(message.removeprefix("ErrImagePull: "))
    why = "; ".join(part for part in ("" if reason in _PULLING else reason, message) if part)
    return f"image {printable(image)[:255]} of {container} cannot be pulled" + (f": {why}" if why else "")


def _ended(container: _Container, end: Body, clean: "_Cleaner") -> Cause:
    reason, code, signal = str(end.get("reason") or ""), end.get("exitCode"), end.get("signal")
    if reason in _NOT_STARTED:
        return Cause(f"{container} cannot be started: {clean(end.get('message')) or reason}")
    how = f"signal {signal}" if signal else f"exit code {code}"
    if reason not in {"", "Error", "Completed"}:
        how = f"{reason}, {how}"
    if code or signal:
        return Cause(f"{container} crashed ({how})", container.name)
    return Cause(f"{container} ends by itself ({how}), and is started again and again", container.name)


def _unready(containers: Iterable[_Container]) -> str:
    """Return which container is not there yet, or runs without being ready; "" when all are ready."""
    for container in containers:
        state, _ = container.state
        if state == "waiting":
            return "its containers have not been started yet"
        if container.init and state == "running":
            return f"{container} has not finished yet"
        if container.init or container.status.get("ready"):
            continue
        if container.spec.get("startupProbe") and not container.status.get("started"):
            return f"{container} runs, but its startup probe has not passed yet"
        if container.spec.get("readinessProbe"):
            return f"{container} runs, but its readiness probe does not pass"
        return f"{container} runs, but is not ready"
    return ""


def _ungated(pod: Body, conditions: Mapping[str, Body]) -> str:
    gates = sorted(str(item["conditionType"]) for item in pod["spec"].get("readinessGates") or ())
    closed = [gate for gate in gates if conditions.get(gate, {}).get("status") != "True"]
    return f"its containers are ready, but it waits for readiness gate {', '.join(closed)}" if closed else ""


def _unscheduled(condition: Body, clean: "_Cleaner") -> str:
    if condition.get("reason") == "SchedulingGated":
        return "it waits for its scheduling gates"
    why = clean(_scheduler(str(condition.get("message") or "")))
    return f"no node takes it: {why}" if why else "no node takes it"


def _scheduler(message: str) -> str:
    """Return the scheduler's reasons without how many nodes have them, which changes with every other pod.

    It sorts them by their text, counts included.
    """
    line = _PREEMPTION.sub("", message.partition("\n")[0])
    _, found, reasons = line.rpartition(" nodes are available: ")
    if not found:
        return line
    parts = re.split(r", (?=\d+ )", reasons.strip().rstrip("."))
    return ", ".join(sorted({re.sub(r"^\d+ (node\(s\) )?", "", part) for part in parts}))


def _containers(pod: Body) -> Iterator[_Container]:
    """Yield the containers as the pod names them, init containers first."""
    spec, status = pod["spec"], pod.get("status") or {}
    for key, statuses in (
        ("initContainers", status.get("initContainerStatuses")),
        ("containers", status.get("containerStatuses")),
    ):
        known = {item["name"]: item for item in statuses or ()}
        for item in spec.get(key) or ():
            init = key == "initContainers" and item.get("restartPolicy") != "Always"
            yield _Container(str(item["name"]), item, known.get(item["name"], {}), init)


_PREEMPTION: Final = re.compile(r"[.,]? *(no new claims to deallocate|still not schedulable|preemption: ).*")
_RPC: Final = re.compile(r"\brpc error: code = \w+ desc = ")
_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_IP: Final = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[[0-9a-fA-F:]+(?:%\w+)?\](?::\d+)?)(?!\w|\.\d)"
)
_HASH: Final = re.compile(r"\b(?:[a-z0-9]+:)?[0-9a-f]{32,}\b")
_TIME: Final = re.compile(r"\b(?:\d+(?:\.\d+)?(?:h|ms|m|s|µs))+\b")


class _Cleaner:
    """Takes out of a message of the kubelet what differs from pod to pod and from try to try."""

    def __init__(self, pod: Body) -> None:
        metadata, spec = pod["metadata"], pod["spec"]
        self._own = [str(metadata[key]) for key in ("name", "uid") if metadata.get(key)]
        every = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
        self._images = [str(item["image"]) for item in every if item.get("image")]

    def __call__(self, message: object) -> str:
        """Return its first line, cleaned and bounded."""
        line = printable(str(message or "").partition("\n")[0][:_LONGEST_LINE])
        line = _RPC.sub("", line)
        # An image is the user's, and stands as it is even where a digest is part of it.
        images = "|".join(re.escape(image) for image in sorted(self._images, key=len, reverse=True))
        parts = re.split(f"({images})", line) if images else [line]
        text = "".join(part if index % 2 else self._stripped(part) for index, part in enumerate(parts))
        return text.strip()[:_LONGEST_DETAIL].strip()

    def _stripped(self, text: str) -> str:
        for own in self._own:
            text = text.replace(own, "...")
        for pattern in (_URL, _IP, _HASH, _TIME):
            text = pattern.sub("...", text)
        return text
