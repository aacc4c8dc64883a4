"""How the workloads of an alias stand."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelalias.api.fields import Message, ModelVersionNumber, ObjectName, Reported, Timestamp, keep_first
from modelalias.api.workload import WorkloadKind


class ServingState(StrEnum):
    """How a workload stands."""

    UNKNOWN = "Unknown"
    """which version its pods run is not known."""
    PENDING = "Pending"
    """a plan will roll it."""
    ROLLING = "Rolling"
    """its pods are being replaced."""
    SETTLING = "Settling"
    """all pods are available; they have to stay so for spec.rollout.stableSeconds."""
    UP_TO_DATE = "UpToDate"
    """its pods run the version and are available."""
    DEGRADED = "Degraded"
    """its pods run the version, and fewer are available than wanted."""
    DIVERGED = "Diverged"
    """it is asked to run another version, or pods of it run another one."""
    NO_REPLICAS = "NoReplicas"
    """it has 0 replicas: nothing has loaded the version."""
    FAILED = "Failed"
    """its last rollout failed."""
    MISSING = "Missing"
    """there is no such workload."""


class PodCount(Reported):
    """How many pods of a workload run one version."""

    version: ModelVersionNumber | None = None
    """The version; absent for pods of which it is not known."""
    pods: Annotated[int, Field(ge=0)]
    """Pods that there are."""
    ready: Annotated[int, Field(ge=0)]
    """Pods that are ready."""


class ServingStatus(Reported):
    """What a workload should serve, what it is asked to serve, and what its pods run."""

    kind: WorkloadKind
    """Kind of the workload."""
    name: ObjectName
    """Name of the workload."""
    uid: Annotated[str, Field(max_length=64)] | None = None
    """UID of the workload."""
    desired: ModelVersionNumber | None = None
    """The version that it should serve."""
    asked: ModelVersionNumber | None = None
    """The version that its pod template asks for; absent when it asks for none, or for something else."""
    served: ModelVersionNumber | None = None
    """The version that all its ready pods run; absent when they differ, when there are none, and when it is not
    known."""
    pods: Annotated[tuple[PodCount, ...], Field(max_length=8), keep_first(8)] = ()
    """How many pods run which version."""
    state: ServingState
    """How the workload stands."""
    since: Timestamp | None = None
    """Since when it is in this state, as far as the operator has seen it."""
    short: Annotated[int, Field(ge=1)] | None = None
    """How many replicas fewer than wanted were accepted, because they were not available before the rollout
    either."""
    restarts: Annotated[int, Field(ge=0)] | None = None
    """While it settles: how often containers of its pods had been restarted when it began to."""
    verified: bool | None = None
    """With verify: whether every ready pod said the version when it was asked last; absent when none was asked."""
    warnings: Annotated[tuple[Message, ...], Field(max_length=8), keep_first(8)] = ()
    """What can be rolled and is likely not meant so, with what to change."""
    message: Message = ""
    """Why it stands so, and the warnings."""
