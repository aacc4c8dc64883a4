"""Questions: what the rules may ask of the registry and of the cluster."""

from modelalias.api.fields import Value
from modelalias.ports import JobRef, WorkloadRef


class AliasesOf(Value):
    """Ask which versions the aliases of a model name."""

    model: str


class VersionOf(Value):
    """Ask what the registry says of a version."""

    model: str
    version: str


class VersionOfRun(Value):
    """Ask which version was made from a run; with `register_missing` it is made when there is none."""

    model: str
    run_id: str
    artifact_path: str | None
    register_missing: bool


class VersionsTagged(Value):
    """Ask which versions have a tag that holds a text."""

    model: str
    key: str
    text: str


class RunsOf(Value):
    """Ask what runs logged."""

    run_ids: tuple[str, ...]


class MeasurementsOf(Value):
    """Ask what a logged model was measured with."""

    model_id: str
    keys: tuple[str, ...]


class SignatureOf(Value):
    """Ask whether a version's model has a signature."""

    model: str
    version: str


class JobOf(Value):
    """Ask how an evaluation Job stands."""

    ref: JobRef


class LinesOf(Value):
    """Ask what a Job wrote last."""

    ref: JobRef


class WorkloadOf(Value):
    """Ask how a workload stands."""

    ref: WorkloadRef


class RequestOf(Value):
    """Ask whether a request is still there."""

    namespace: str
    name: str


RegistryQuestion = (
    AliasesOf | VersionOf | VersionOfRun | VersionsTagged | RunsOf | MeasurementsOf | SignatureOf
)
ClusterQuestion = WorkloadOf | RequestOf | JobOf | LinesOf
Question = RegistryQuestion | ClusterQuestion
