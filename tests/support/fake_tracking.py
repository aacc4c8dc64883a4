"""Runs, experiments and logged models in memory, as MLflow's tracking server keeps them in SQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Final

from modelalias.core.errors import InvalidRequest, LoggedModelNotFound, RunNotFound
from modelalias.ports import (
    Dataset,
    EvaluationRun,
    LiveMetric,
    MeasuredModel,
    Measurement,
    Run,
    RunDetails,
    RunStatus,
)

FLOAT_LIMIT: Final = Decimal("1.7976931348623157E+308")
"""What MLflow stores in place of infinity."""

STARTED: Final = datetime(2025, 11, 30, 12, tzinfo=UTC)
ENDED: Final = STARTED + timedelta(minutes=1)
"""When each run began and, where it has, ended."""

SEEDED: Final = "seeded"
EVALUATION_TAG: Final = "modelalias.evaluation"
MODEL_TAG: Final = "modelalias.model"
VERSION_TAG: Final = "modelalias.version"


@dataclass(frozen=True)
class Point:
    """A value of a metric in a run's history."""

    key: str
    value: Decimal
    step: int
    time: int


@dataclass
class RunRecord:
    """A run with its whole history."""

    name: str
    experiment: str
    status: RunStatus
    paths: Sequence[str] = ()
    datasets: list[Dataset] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)
    history: list[Point] = field(default_factory=list)
    deleted: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Path to text."""

    def value(self, run_id: str) -> Run:
        """Return the run as the port tells it."""
        last: dict[str, Point] = {}
        for point in sorted(self.history, key=lambda point: (point.step, point.time)):
            last[point.key] = point
        datasets = sorted(set(self.datasets), key=str)
        return Run(
            run_id=run_id,
            status=self.status,
            metrics={key: point.value for key, point in last.items()},
            datasets=tuple(datasets),
            models=frozenset(model_id(run_id, path) for path in self.paths),
            evaluation=self.tags.get(EVALUATION_TAG, ""),
            deleted=self.deleted,
        )

    def details(self, run_id: str) -> RunDetails:
        """Return the run as the port tells it to people."""
        run = self.value(run_id)
        return RunDetails(
            **dict(run),
            name=self.tags.get("mlflow.runName", self.name),
            user=self.tags.get("mlflow.user", "unknown"),
            started_at=STARTED,
            ended_at=ENDED if run.finished else None,
            parameters=self.parameters,
            tags=self.tags,
        )


@dataclass
class LoggedModelRecord:
    """A logged model with its metrics: NaN is stored as 0, and only the run's history knows."""

    run_id: str
    metrics: list[tuple[Point, Dataset | None, str]] = field(default_factory=list)


class FakeTracking:
    """All runs and what hangs on them."""

    def __init__(self) -> None:
        self.runs: dict[str, RunRecord] = {}
        self.experiments: dict[str, bool] = {SEEDED: True}
        """Name to whether it is active."""
        self.models: dict[str, LoggedModelRecord] = {}
        self._times = count(1_000)
        self._numbers = count(1)

    def add_run(
        self,
        metrics: Iterable[tuple[str, float, int]],
        models: Sequence[str],
        datasets: Iterable[Dataset],
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> str:
        """Make a finished run that logged these (name, value, step) in this order, and models at these paths."""
        record = RunRecord("seeded", SEEDED, RunStatus.FINISHED, tuple(models), list(datasets), dict(tags))
        record.parameters = dict(parameters)
        run_id = self._add(record)
        for key, value, step in metrics:
            self.log_metric(run_id, key, value, step)
        for path in models:
            self.models[model_id(run_id, path)] = LoggedModelRecord(run_id)
        return run_id

    def any_run(self, run_id: str) -> RunRecord:
        """Return a run, be it deleted."""
        if run_id not in self.runs:
            raise RunNotFound(f"the registry has no run {run_id}")
        return self.runs[run_id]

    def run(self, run_id: str) -> RunRecord:
        """Return a run that is not deleted."""
        record = self.runs.get(run_id)
        if record is None or record.deleted:
            raise RunNotFound(f"the registry has no run {run_id}")
        return record

    def log_metric(
        self, run_id: str, key: str, value: float, step: int = 0, time: int | None = None
    ) -> Point:
        """Add to a run's history."""
        point = Point(key, _stored(value), step, next(self._times) if time is None else time)
        self.runs[run_id].history.append(point)
        return point

    def log_measurement(
        self,
        model: str,
        key: str,
        value: float,
        dataset: Dataset | None,
        run_id: str | None,
        step: int,
        time: int | None,
    ) -> None:
        """Add to a logged model's metrics, and to the history of the run that measured it."""
        record = self.models[model]
        by = run_id or record.run_id
        point = self.log_metric(by, key, value, step, time)
        kept = Point(key, Decimal("0.0") if point.value.is_nan() else point.value, point.step, point.time)
        record.metrics.append((kept, dataset, by))

    def forget_history(self, run_id: str, key: str) -> None:
        record = self.runs[run_id]
        record.history = [point for point in record.history if point.key != key]

    def delete_experiment(self, name: str) -> None:
        self.experiments[name] = False
        for record in self.runs.values():
            record.deleted = record.deleted or record.experiment == name

    def measured(self, model: str, keys: Sequence[str], evaluations: Sequence[str]) -> MeasuredModel:
        """Return the last value of each key and dataset of these runs that its run's history bears out."""
        if model not in self.models:
            raise LoggedModelNotFound(f"the registry has no logged model {model}")
        last: dict[tuple[str, str, str], tuple[Point, Dataset | None, str]] = {}
        for point, dataset, run_id in sorted(
            self.models[model].metrics, key=lambda item: (item[0].step, item[0].time)
        ):
            if point.key in keys and run_id in {self.models[model].run_id, *evaluations}:
                name = (point.key, dataset.name if dataset else "", dataset.digest if dataset else "")
                last[name] = (point, dataset, run_id)
        found = (self._measurement(*last[name]) for name in sorted(last))
        return MeasuredModel(
            model_id=model,
            run_id=self.models[model].run_id,
            measurements=tuple(item for item in found if item is not None),
        )

    def add_live_metric(self, experiment: str, metric: str, model: str, version: str, value: float) -> str:
        """Add a run that measured a version in production."""
        self.experiments.setdefault(experiment, True)
        tags = {MODEL_TAG: model, VERSION_TAG: version}
        run_id = self._add(RunRecord("measured", experiment, RunStatus.FINISHED, tags=tags))
        self.log_metric(run_id, metric, value)
        return run_id

    def live_metric(self, experiment: str, metric: str, model: str, version: str) -> LiveMetric | None:
        """Return the metric of the newest of five runs whose tags name the version."""
        wanted = (experiment, model, version)
        ours = [
            (run_id, record.value(run_id).metrics)
            for run_id, record in reversed(self.runs.items())
            if not record.deleted
            and (record.experiment, record.tags.get(MODEL_TAG), record.tags.get(VERSION_TAG)) == wanted
        ]
        found = ((run_id, metrics[metric]) for run_id, metrics in ours[:5] if metric in metrics)
        return next((LiveMetric(run_id=run_id, value=value) for run_id, value in found), None)

    def evaluation_run(self, wanted: EvaluationRun) -> str:
        """Return the run with that key, making it when there is none."""
        if not self.experiments.setdefault(wanted.experiment, True):
            raise InvalidRequest(f"experiment {wanted.experiment} is deleted in the registry: restore it")
        for run_id, record in self.runs.items():
            same = record.experiment == wanted.experiment and record.tags.get(EVALUATION_TAG) == wanted.key
            if same and not record.deleted:
                return run_id
        tags = {**dict(wanted.tags), EVALUATION_TAG: wanted.key}
        return self._add(RunRecord(wanted.name, wanted.experiment, RunStatus.RUNNING, tags=tags))

    def end_run(self, run_id: str, key: str, status: RunStatus) -> None:
        record = self.runs.get(run_id)
        if (
            record is not None
            and record.tags.get(EVALUATION_TAG) == key
            and not record.deleted
            and record.status in {RunStatus.RUNNING, RunStatus.SCHEDULED}
        ):
            record.status = status

    def _add(self, record: RunRecord) -> str:
        run_id = f"{next(self._numbers):032x}"
        self.runs[run_id] = record
        return run_id

    def _measurement(self, point: Point, dataset: Dataset | None, run_id: str) -> Measurement | None:
        run = self.runs[run_id]
        moment = (point.key, point.step, point.time)
        held = [past.value for past in run.history if (past.key, past.step, past.time) == moment]
        if run.deleted or not any(value.is_nan() or value == point.value for value in held):
            return None
        value = Decimal("NaN") if any(value.is_nan() for value in held) else point.value
        named = Dataset(name=dataset.name, digest=dataset.digest) if dataset else None
        return Measurement(key=point.key, value=value, dataset=named)


def model_id(run_id: str, path: str) -> str:
    """Return the id of the logged model that a run logged at a path; at the path `model` it says which run."""
    return f"m-{run_id}" + ("" if path == "model" else path.encode().hex())


def _stored(value: float) -> Decimal:
    number = Decimal(repr(value))
    return FLOAT_LIMIT.copy_sign(number) if number.is_infinite() else number
