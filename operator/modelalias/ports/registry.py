"""What the rules ask of a registry, in our own words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Protocol, Self

from pydantic import Field

from modelalias.api.fields import Value


class VersionState(StrEnum):
    """How far the registration of a model version is."""

    PENDING = "PENDING_REGISTRATION"
    FAILED = "FAILED_REGISTRATION"
    READY = "READY"


class ModelVersion(Value):
    """A version of a registered model as the registry tells it."""

    model: str
    version: str
    run_id: str | None
    """The run that it says made it: any text, because a registry does not look whether there is such a run."""
    state: VersionState
    tags: Mapping[str, str]
    registered_at: datetime | None = None
    """When it was registered, to the second; one made anew under the same number is another version."""
    model_id: str | None = None
    """The logged model that it was made from, also through copies where it was read alone; None for one that
    MLflow 2 registered, or that no run made."""

    def with_tags(self, tags: Mapping[str, str]) -> Self:
        """Return the version with these tags beside its own, or in their place."""
        return self.changed(tags={**self.tags, **tags})

    def without_tag(self, key: str) -> Self:
        """Return the version without a tag."""
        return self.changed(tags={name: value for name, value in self.tags.items() if name != key})


class Dataset(Value):
    """A dataset that a run or a logged model was measured on."""

    name: str
    digest: str
    context: str = ""
    """What a run used it for, such as training or validation; empty where nothing was said, and for a logged
    model."""
    rows: int | None = None
    """How many rows it has; None where that is not known, as of a logged model."""

    @property
    def is_training(self) -> bool:
        """Return whether the run learned from it."""
        return self.context.lower() in {"train", "training"}


MetricValue = Annotated[Decimal, Field(allow_inf_nan=True)]


class RunStatus(StrEnum):
    """How far a run is, in MLflow's words."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Run(Value):
    """A run's metrics, the last value of each by step and then by time; not finite ones are kept as they are."""

    run_id: str
    status: RunStatus = RunStatus.FINISHED
    metrics: Mapping[str, MetricValue]
    datasets: tuple[Dataset, ...] = ()
    """Its dataset inputs."""
    models: frozenset[str] = frozenset()
    """The logged models that it lists as its outputs."""
    evaluation: str = ""
    """The key of the evaluation that it belongs to; empty for one that the operator did not open."""
    deleted: bool = False
    """Whether somebody deleted it, as whoever may write it can; its numbers stand there until then."""

    @property
    def finished(self) -> bool:
        """Say whether its metrics can no longer change."""
        return self.status not in {RunStatus.RUNNING, RunStatus.SCHEDULED}


class RunDetails(Run):
    """A run with what people want to know of it; no rule decides by any of this.

    Whoever logs into a run writes all of it, the user's name too.
    """

    name: str = ""
    user: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    parameters: Mapping[str, str] = Field(default_factory=dict)
    tags: Mapping[str, str] = Field(default_factory=dict)


class DataPointer(Value):
    """What a DVC pointer among a run's files says of the data that it stands for."""

    file: str
    """Path of the pointer among the run's files."""
    data: str = ""
    """Path of the data, as the pointer names it."""
    md5: str = ""
    """The data's MD5, with `.dir` behind it for a folder; empty where the pointer cannot be understood."""
    problem: str = ""
    """Why it cannot be understood."""


class Measurement(Value):
    """A metric of a logged model on one dataset, or on none that was named.

    Its last value by step and then by time.
    """

    key: str
    value: MetricValue
    dataset: Dataset | None


class MeasuredModel(Value):
    """A logged model: which run made it, and what counts of what it was measured at."""

    model_id: str
    run_id: str | None
    """The run that made it; None where no run did."""
    measurements: tuple[Measurement, ...] = ()


class EvaluationRun(Value):
    """A run that an evaluation Job logs into; the same key is the same run."""

    key: str
    """Lower-case hexadecimal, at most 64 long; kept in the tag `modelalias.evaluation`."""
    experiment: str
    """Name of the experiment, which is made when there is none."""
    name: str
    tags: tuple[tuple[str, str], ...]


class LiveMetric(Value):
    """A metric of a version that a job measured in production."""

    run_id: str
    """The run that measured it: one measurement, however often it is read."""
    value: MetricValue


Aliases = Mapping[str, str]
"""Alias to version, of one registered model; a version is a number as `ModelVersionNumber` wants it."""


class RegisteredModel(Value):
    """What the names of a registered model lead to, as a list of models tells it."""

    aliases: Aliases
    stages: Mapping[str, str]
    """Stage to the newest version in it, as `models:/<model>/<stage>` loads it; without the stage None."""


class Registry(Protocol):
    """One MLflow registry.

    Every call raises `Unavailable` when the registry does not answer in time or says that it cannot now, and
    `Refused` when it does not accept the credentials.
    """

    async def snapshot(self) -> Mapping[str, Aliases]:
        """Read all aliases of all models, by pages.

        Raise `Unavailable` if any page fails: a part is worth nothing. Models without aliases are in it with
        an empty mapping.
        """
        ...

    async def registered_models(self) -> Mapping[str, RegisteredModel]:
        """Read all models with their aliases and stages, by pages, as `snapshot` does."""
        ...

    async def aliases(self, model: str) -> Aliases:
        """Read the aliases of one model; raise `ModelNotFound`."""
        ...

    async def version(self, model: str, version: str) -> ModelVersion:
        """Read one version; raise `ModelNotFound` or `VersionNotFound`."""
        ...

    async def version_of_run(
        self, model: str, run_id: str, artifact_path: str | None, *, register: bool = True
    ) -> ModelVersion | None:
        """Return the version that was made from a run's model, registering it when there is none; idempotent.

        Without `register` nothing is written and None says that there is none yet.

        The registered model must exist already. Raise `ModelNotFound`, `RunNotFound` and, when the run has no
        such artifact or several models and no path says which, `InvalidRequest`.
        """
        ...

    async def versions_tagged(self, model: str, key: str, text: str) -> Sequence[ModelVersion]:
        """Return the versions of a model whose tag `key` holds the text, lower-case hexadecimal.

        None where it cannot search. Raise `ValueError` for another text: it becomes part of a filter.
        """
        ...

    async def newer_versions(
        self, model: str, tags: Mapping[str, str], after: str | None
    ) -> Sequence[ModelVersion]:
        """Return the versions with a higher number than `after` that have all the tags, the oldest first.

        A tag of "*" may have any value. At most 100, the newest; raise `ModelNotFound`.
        """
        ...

    async def live_metric(self, experiment: str, metric: str, model: str, version: str) -> LiveMetric | None:
        """Return a metric of the newest run of an experiment whose tags name the version.

        The tags are `modelalias.model` and `modelalias.version`. None when there is no such run that has the
        metric, or no such experiment.
        """
        ...

    async def runs(self, run_ids: Sequence[str]) -> Mapping[str, Run]:
        """Read the runs that exist, in one call for many; deleted ones say so, those that are not there are left out."""
        ...

    async def run_details(self, run_ids: Sequence[str]) -> Mapping[str, RunDetails]:
        """Read the runs that exist, deleted ones too, with what people want to know of them.

        In one call for many; those that do not exist are left out.
        """
        ...

    async def data_pointers(self, run_id: str) -> Sequence[DataPointer]:
        """Read the DVC pointers among a run's files, by their paths: at the top and one folder below.

        At most ten files. Raise `RunNotFound` and, when the files cannot be listed or handed out, `Unreadable`.
        """
        ...

    async def measured(
        self, model_id: str, keys: Sequence[str], evaluations: Sequence[str] = ()
    ) -> MeasuredModel:
        """Read metrics of a logged model, one for each key and dataset.

        Raise `LoggedModelNotFound`, and `InvalidRequest` when there are more than anybody could want.

        What the run that made it has logged counts, and these runs that evaluated it; what others logged is
        passed over, as if it were not there. A metric counts as the run has it that logged it: a value whose
        point that run's history does not hold is left out, and one that is NaN there is NaN. MLflow's table of
        logged models stores NaN as 0.
        """
        ...

    async def has_signature(self, model: str, version: str) -> bool:
        """Say whether the version's MLmodel file names a signature.

        Raise `ModelNotFound`, `VersionNotFound` and, when there is no such file or it makes no sense,
        `Unreadable`.
        """
        ...

    async def artifact_address(self, model: str, version: str) -> str:
        """Return the address at which the version's files lie, as the registry keeps it.

        Any text that whoever registered the version could write, so a reader judges it before use. Raise
        `ModelNotFound` or `VersionNotFound`.
        """
        ...

    async def evaluation_run(self, wanted: EvaluationRun) -> str:
        """Return the id of the run with that key, which is made, running, when there is none; idempotent.

        Of several with that key it is the oldest. Raise `InvalidRequest` when the experiment cannot be used.
        """
        ...

    async def end_run(self, run_id: str, key: str, status: RunStatus) -> None:
        """End the run of the evaluation with that key if it is still running.

        One that ended or is gone stays as it is, and one that does not carry the key.
        """
        ...

    async def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version; raise `ModelNotFound` or `VersionNotFound`."""
        ...

    async def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias; none there is fine; raise `ModelNotFound`."""
        ...

    async def tag_version(self, model: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version; raise `ModelNotFound` or `VersionNotFound`."""
        ...

    async def untag_version(self, model: str, version: str, key: str) -> None:
        """Remove a tag of a version; none there is fine; raise `ModelNotFound` or `VersionNotFound`."""
        ...

    async def close(self) -> None:
        """Give back threads and connections."""
        ...
