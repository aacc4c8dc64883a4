"""Questions: what the rules may ask of the registry and of the cluster, each with the type of its answer."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.api.request import PromotionRequest
from modelalias.api.workload import Verify
from modelalias.core.errors import InvalidRequest, ModelNotFound, VersionNotFound
from modelalias.ports import (
    Aliases,
    EvaluationRun,
    Job,
    JobRef,
    MeasuredModel,
    ModelVersion,
    Pod,
    PodAnswer,
    PodRef,
    Route,
    RouteRef,
    Run,
    Workload,
    WorkloadRef,
)

T = TypeVar("T")


class System(StrEnum):
    """Who answers a question."""

    REGISTRY = "registry"
    CLUSTER = "cluster"

    @property
    def refusal(self) -> Reason:
        """Return the reason of a condition when this system refuses to answer."""
        return Reason.AUTH_FAILED if self is System.REGISTRY else Reason.FORBIDDEN


class Question(Value, Generic[T]):
    """Something that a rule has to know; the answer is a T, or a failure that is raised to the rule."""

    system: ClassVar[System]
    refusals: ClassVar[tuple[type[InvalidRequest], ...]] = ()
    """The answers "no" that a rule knows what to do with; any other one is no answer."""


class AskRegistry(Question[T], Generic[T]):
    """A question that the registry answers."""

    system: ClassVar[System] = System.REGISTRY


class AskCluster(Question[T], Generic[T]):
    """A question that the API server answers."""

    system: ClassVar[System] = System.CLUSTER


class AliasesOf(AskRegistry[Aliases]):
    """Ask which versions the aliases of a model name."""

    refusals = (ModelNotFound,)

    model: str


class VersionOf(AskRegistry[ModelVersion]):
    """Ask what the registry says of a version."""

    refusals = (ModelNotFound, VersionNotFound)

    model: str
    version: str


class VersionOfRun(AskRegistry[ModelVersion | None]):
    """Ask which version was made from a run; with `register_missing` it is made when there is none."""

    refusals = (InvalidRequest,)

    model: str
    run_id: str
    artifact_path: str | None
    register_missing: bool


class VersionsTagged(AskRegistry[Sequence[ModelVersion]]):
    """Ask which versions have a tag that contains a text."""

    model: str
    key: str
    text: str


class NewerVersionsOf(AskRegistry[Sequence[ModelVersion]]):
    """Ask which versions after one have all these tags, the oldest first; "*" stands for any value."""

    refusals = (ModelNotFound,)

    model: str
    tags: tuple[tuple[str, str], ...]
    after: str | None


class RunsOf(AskRegistry[Mapping[str, Run]]):
    """Ask what runs logged."""

    run_ids: tuple[str, ...]


class MeasuredModelOf(AskRegistry[MeasuredModel]):
    """Ask which run made a logged model, and what that run and these evaluations measured of it."""

    refusals = (InvalidRequest,)

    model_id: str
    keys: tuple[str, ...]
    evaluations: tuple[str, ...] = ()


class EvaluationRunOf(AskRegistry[str]):
    """Ask for the run that one side of an evaluation logs into; it is made when there is none."""

    refusals = (InvalidRequest,)

    run: EvaluationRun


class SignatureOf(AskRegistry[bool]):
    """Ask whether a version's model has a signature."""

    refusals = (InvalidRequest,)

    model: str
    version: str


class ArtifactAddressOf(AskRegistry[str]):
    """Ask where the files of a version lie."""

    refusals = (ModelNotFound, VersionNotFound)

    model: str
    version: str


class TemplateOf(AskCluster[None]):
    """Ask whether there is a suspended CronJob of that name, from which Jobs can be made."""

    refusals = (InvalidRequest,)

    namespace: str
    cron_job: str


class JobOf(AskCluster[Job | None]):
    """Ask how an evaluation Job stands."""

    ref: JobRef


class LastLinesOf(AskCluster[str]):
    """Ask what a Job wrote last."""

    ref: JobRef


class WorkloadOf(AskCluster[Workload | None]):
    """Ask how a workload stands."""

    ref: WorkloadRef


class FreshWorkloadOf(AskCluster[Workload | None]):
    """Ask how a workload stands now, whatever the watch said of it."""

    ref: WorkloadRef


class WhyMissing(AskCluster[str]):
    """Ask why there is no such workload: the cluster may not know its kind."""

    ref: WorkloadRef


class PodsOf(AskCluster[Sequence[Pod]]):
    """Ask how the pods of a workload stand; the workload itself is asked for before.

    With `fresh` an answer of a moment ago will not do.
    """

    ref: WorkloadRef
    fresh: bool = False


class PodAnswersOf(AskCluster[Sequence[PodAnswer]]):
    """Ask each ready pod of a workload which version it serves; the workload itself is asked for before."""

    ref: WorkloadRef
    verify: Verify
    fresh: bool = False


class LastLinesOfPod(AskCluster[str]):
    """Ask what a container of a pod wrote last."""

    pod: PodRef
    container: str
    restarts: int
    """How often the pod had been restarted: after one more there are other lines."""


class RequestOf(AskCluster[PromotionRequest | None]):
    """Ask whether a request is still there."""

    namespace: str
    name: str


class RouteOf(AskCluster[Route | None]):
    """Ask how an HTTPRoute splits its requests."""

    ref: RouteRef


class ReadyPodsOf(AskCluster[int]):
    """Ask how many ready pods a Service has."""

    namespace: str
    service: str


VersionQuestion = (
    AliasesOf | VersionOf | VersionOfRun | VersionsTagged | NewerVersionsOf | SignatureOf | ArtifactAddressOf
)
RegistryQuestion = VersionQuestion | RunsOf | MeasuredModelOf | EvaluationRunOf
WorkloadQuestion = WorkloadOf | FreshWorkloadOf | PodsOf | PodAnswersOf | LastLinesOfPod
ObjectQuestion = WhyMissing | RequestOf | TemplateOf | JobOf | LastLinesOf
RouteQuestion = RouteOf | ReadyPodsOf
ClusterQuestion = WorkloadQuestion | ObjectQuestion | RouteQuestion
AnyQuestion = RegistryQuestion | ClusterQuestion
"""Every question there is: who reads the answers has to know all of them."""
