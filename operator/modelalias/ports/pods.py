"""What the rules ask of the pods of a workload, in our own words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from modelalias.api.fields import Value
from modelalias.api.workload import Verify
from modelalias.ports.workloads import Workload


class PodRef(Value):
    """Which pod; one of that name with another uid is another pod."""

    namespace: str
    name: str
    uid: str


class Pod(Value):
    """A pod of a workload, as it was seen."""

    ref: PodRef
    node: str = ""
    created: datetime
    """By the API server's clock."""
    started: datetime | None = None
    """When the first of its containers that run was started, by the node's clock; None while none runs."""
    last_started: datetime | None = None
    """When the last of them was; a container that was restarted may have loaded its model then."""
    ready: bool
    ready_since: datetime | None = None
    """Since when its condition Ready is what it is, by the node's clock."""
    ending: bool = False
    """Whether it is being deleted."""
    restarts: int = 0
    """Of all its containers together, init containers included."""
    revision: str = ""
    """The label that tells from which template it was made, such as pod-template-hash."""
    marks: Mapping[str, str] = {}
    """The annotations under `modelalias.dev/` that it took from its template: ModelAlias name to mark."""
    containers: Mapping[str, Mapping[str, str]] = {}
    """Literal environment variables of each container, init containers included."""
    trouble: str = ""
    """Why it is not ready, in words that stay the same while the cause does; "" when it is ready or there is
    nothing to say. No names of pods, no counts of tries."""
    crashed: str = ""
    """The container whose last lines tell why it does not become ready; "" when none crashed."""


class PodAnswer(Value):
    """What a ready pod answered when it was asked which version it serves."""

    pod: PodRef
    version: str | None = None
    """None when it did not say."""
    model: str | None = None
    """The registered model, where it said the version by a model's URI; one of another name is another model."""
    message: str = ""
    """Why there is no version, in words that stay the same while the cause does: no address, no secret."""


class Pods(Protocol):
    """The pods of workloads.

    Every call raises `Unavailable` and `Refused` as `Objects` does.
    """

    async def of(self, workload: Workload) -> Sequence[Pod]:
        """Return the pods of a workload, the newest first; those of other workloads with the same labels are none.

        Pods that have ended (Succeeded, Failed) are left out.
        """
        ...

    async def last_lines(self, pod: PodRef, container: str) -> str:
        """Return the end of what the container wrote before it crashed, at most 20 lines and 2,000 characters.

        "" when there is nothing.
        """
        ...

    async def ask(self, workload: Workload, verify: Verify) -> Sequence[PodAnswer]:
        """Ask each ready pod of the workload at its own address which version it serves; one answer for each.

        No answer is an answer too: a pod that does not say the version in time has a message.
        """
        ...

    async def delete(self, pod: PodRef) -> None:
        """Delete that very pod, so that its controller makes another; one that is gone is fine.

        Raise `Refused` when the permission, which is one of its own, was not given.
        """
        ...
