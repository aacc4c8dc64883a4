"""Effects: what a decision may have done, one at a time."""

from modelalias.api.fields import Value
from modelalias.api.request import PromotionRequestSpec
from modelalias.ports import JobRef, NewJob, PodRef, RouteRef, RunStatus, WorkloadChange, WorkloadRef


class SetAlias(Value):
    """Point an alias at a version."""

    model: str
    alias: str
    version: str


class DeleteAlias(Value):
    """Take an alias away."""

    model: str
    alias: str


class TagVersion(Value):
    """Set tags of a version."""

    model: str
    version: str
    tags: tuple[tuple[str, str], ...]
    optional: bool = False
    """Whether things go on when the registry does not let the operator write them."""
    patient: bool = True
    """Whether things wait for a registry that does not answer."""


class UntagVersion(Value):
    """Remove a tag of a version; things go on where that does not work."""

    model: str
    version: str
    key: str


class Roll(Value):
    """Write the new version into a workload's pod template."""

    ref: WorkloadRef
    change: WorkloadChange
    message: str
    """What the event on the workload says."""


class StartEvaluation(Value):
    """Make the Job of one side, if it is not there; the run that it logs into stands in the status already."""

    job: NewJob


class StopEvaluation(Value):
    """Delete a Job whose result is no longer wanted."""

    ref: JobRef


class EndRun(Value):
    """End the run of a Job that has ended and left it running, or that is about to be deleted."""

    run_id: str
    key: str
    """Of the evaluation; a run that does not carry it is left alone."""
    status: RunStatus


class DeletePod(Value):
    """Delete a pod of a failed rollout for which its controller would wait forever."""

    pod: PodRef
    workload: WorkloadRef


class FileRequest(Value):
    """File a request in the operator's own name, so that what it does by itself is queued, recorded and seen."""

    namespace: str
    name: str
    spec: PromotionRequestSpec

    def __hash__(self) -> int:
        """Hash what names the request: a spec holds mappings."""
        return hash((self.namespace, self.name))


class SetWeights(Value):
    """Split the requests of an HTTPRoute."""

    ref: RouteRef
    weights: tuple[tuple[str, int], ...]
    """Service and weight."""


Effect = (
    SetAlias
    | DeleteAlias
    | TagVersion
    | UntagVersion
    | Roll
    | DeletePod
    | StartEvaluation
    | StopEvaluation
    | EndRun
    | FileRequest
    | SetWeights
)
