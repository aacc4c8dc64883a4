"""A registry in memory that keeps state and refuses what MLflow refuses; the contract suite holds it to the
real one."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from types import MappingProxyType
from typing import Final

from modelalias.adapters import dvc_pointer
from modelalias.core.errors import InvalidRequest, ModelNotFound, Refused, Unreadable, VersionNotFound
from modelalias.ports import (
    Aliases,
    DataPointer,
    Dataset,
    EvaluationRun,
    LiveMetric,
    MeasuredModel,
    ModelVersion,
    RegisteredModel,
    Run,
    RunDetails,
    RunStatus,
    VersionState,
)
from tests.support.fake_tracking import FakeTracking, RunRecord, model_id
from tests.support.fault_queue import ANY, FaultQueue
from tests.support.seeded import ModelFile, RunSeen

WRITES: Final = frozenset(
    {
        "version_of_run",
        "set_alias",
        "delete_alias",
        "tag_version",
        "untag_version",
        "evaluation_run",
        "end_run",
    }
)

SIGNED: Final = {ModelFile.SIGNED: True, ModelFile.UNSIGNED: False, ModelFile.NO_SIGNATURE: False}


FIRST_REGISTERED: Final = datetime(2025, 12, 1, tzinfo=UTC)
"""Each version is registered a second after the one before."""


@dataclass(frozen=True)
class Call:
    """One call of the port, with its arguments as the caller gave them."""

    name: str
    arguments: tuple[object, ...]


@dataclass(frozen=True)
class _Version:
    run_id: str | None
    path: str | None
    state: VersionState = VersionState.READY
    registered_at: datetime = FIRST_REGISTERED
    tags: dict[str, str] = field(default_factory=dict)
    model_id: str | None = None


@dataclass(frozen=True)
class _Model:
    versions: dict[int, _Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    stages: dict[int, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    """A number is not given twice, also when its version is gone."""


class FakeRegistry:
    """The port in memory with a record of its calls, a seeder for it, and a hook for faults."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.closed = False
        self.listeners: list[Callable[[str, str | None], None]] = []
        """Called with the name of an alias that the port has just pointed somewhere, and the version; None:
        taken away."""
        self._models: dict[str, _Model] = {}
        self._registered = count()
        self._tracking = FakeTracking()
        self._files: dict[str, ModelFile] = {}
        self.addresses: dict[tuple[str, str], str] = {}
        """Where the files of a version lie, by model and version, where it is not in a bucket of the fake."""
        self.unreadable: set[str] = set()
        """Models that the credentials may not read: calls about them are refused, and a snapshot leaves them out."""
        self.lists_aliases = True
        """False: a snapshot has every model and no alias, as on some other back ends."""
        self.listed_bare: set[str] = set()
        """Models that a snapshot tells without the aliases they have."""
        self._faults = FaultQueue()

    # The port

    async def snapshot(self) -> Mapping[str, Aliases]:
        with self._call("snapshot"):
            readable = self._models.keys() - self.unreadable
            return {
                name: _aliases_of(self._models[name])
                if self.lists_aliases and name not in self.listed_bare
                else {}
                for name in self._models
                if name in readable
            }

    async def registered_models(self) -> Mapping[str, RegisteredModel]:
        with self._call("registered_models"):
            return {
                name: RegisteredModel(aliases=_aliases_of(model), stages=_stages_of(model))
                for name, model in self._models.items()
            }

    async def aliases(self, model: str) -> Aliases:
        with self._call("aliases", model):
            return _aliases_of(self._model(model))

    async def version(self, model: str, version: str) -> ModelVersion:
        with self._call("version", model, version):
            return self._value(model, self._number(model, version))

    async def version_of_run(
        self, model: str, run_id: str, artifact_path: str | None, *, register: bool = True
    ) -> ModelVersion | None:
        with self._call("version_of_run", model, run_id, artifact_path, register):
            path = _path(run_id, self._tracking.run(run_id), artifact_path)
            versions = self._model(model).versions
            made = [
                number
                for number, version in versions.items()
                if (version.run_id, version.path) == (run_id, path)
            ]
            if not made and not register:
                return None
            new = _Version(run_id, path, model_id=model_id(run_id, path))
            return self._value(model, min(made) if made else self._add(model, new))

    async def versions_tagged(self, model: str, key: str, text: str) -> Sequence[ModelVersion]:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,250}", key) or not re.fullmatch(r"[0-9a-f]{8,64}", text):
            raise ValueError(
                "a tag is searched by a key of letters, digits, _ . - and a text of hexadecimal digits"
            )
        with self._call("versions_tagged", model, key, text):
            versions = self._models[model].versions if model in self._models else {}
            found = (number for number, version in versions.items() if text in version.tags.get(key, ""))
            return tuple(self._value(model, number) for number in found)

    async def newer_versions(
        self, model: str, tags: Mapping[str, str], after: str | None
    ) -> Sequence[ModelVersion]:
        with self._call("newer_versions", model, dict(tags), after):
            values = (self._value(model, number) for number in self._model(model).versions)
            return tuple(
                item
                for item in sorted(values, key=lambda item: int(item.version))
                if int(item.version) > int(after or 0) and _has(item.tags, tags)
            )[-100:]

    async def live_metric(self, experiment: str, metric: str, model: str, version: str) -> LiveMetric | None:
        with self._call("live_metric", experiment, metric, model, version):
            return self._tracking.live_metric(experiment, metric, model, version)

    async def runs(self, run_ids: Sequence[str]) -> Mapping[str, Run]:
        with self._call("runs", tuple(run_ids)):
            found = ((run_id, self._tracking.runs.get(run_id)) for run_id in run_ids)
            return {run_id: run.value(run_id) for run_id, run in found if run is not None}

    async def run_details(self, run_ids: Sequence[str]) -> Mapping[str, RunDetails]:
        with self._call("run_details", tuple(run_ids)):
            found = ((run_id, self._tracking.runs.get(run_id)) for run_id in run_ids)
            return {run_id: run.details(run_id) for run_id, run in found if run is not None}

    async def data_pointers(self, run_id: str) -> Sequence[DataPointer]:
        with self._call("data_pointers", run_id):
            files = self._tracking.any_run(run_id).files
            near = sorted(path for path in files if path.endswith(dvc_pointer.SUFFIX) and path.count("/") < 2)
            return tuple(item for path in near[:10] for item in dvc_pointer.parse(path, files[path]))

    async def measured(
        self, model_id: str, keys: Sequence[str], evaluations: Sequence[str] = ()
    ) -> MeasuredModel:
        with self._call("measured", model_id, tuple(keys), tuple(evaluations)):
            return self._tracking.measured(model_id, keys, evaluations)

    async def has_signature(self, model: str, version: str) -> bool:
        with self._call("has_signature", model, version):
            found = self._value(model, self._number(model, version))
            file = self._files.get(found.model_id or "")
            if file not in SIGNED:
                raise Unreadable(f"the MLmodel file of version {version} of model {model} cannot be read")
            return SIGNED[file]

    async def artifact_address(self, model: str, version: str) -> str:
        with self._call("artifact_address", model, version):
            self._number(model, version)
            return self.addresses.get((model, version), f"s3://models/{model}/{version}")

    async def evaluation_run(self, wanted: EvaluationRun) -> str:
        if not re.fullmatch(r"[0-9a-f]{1,64}", wanted.key):
            raise ValueError("the key of an evaluation run is lower-case hexadecimal, at most 64 long")
        with self._call("evaluation_run", wanted):
            return self._tracking.evaluation_run(wanted)

    async def end_run(self, run_id: str, key: str, status: RunStatus) -> None:
        if status in {RunStatus.RUNNING, RunStatus.SCHEDULED}:
            raise ValueError(f"a run does not end as {status}")
        with self._call("end_run", run_id, key, status):
            self._tracking.end_run(run_id, key, status)

    async def set_alias(self, model: str, alias: str, version: str) -> None:
        with self._call("set_alias", model, alias, version):
            number = self._number(model, version)
            _check_alias(alias)
            self._model(model).aliases[alias] = number
            self._told(alias, version)

    async def delete_alias(self, model: str, alias: str) -> None:
        with self._call("delete_alias", model, alias):
            if self._model(model).aliases.pop(alias, None) is not None:
                self._told(alias, None)

    async def tag_version(self, model: str, version: str, tags: Mapping[str, str]) -> None:
        with self._call("tag_version", model, version, dict(tags)):
            number = self._number(model, version)
            self._model(model).versions[number].tags.update(tags)

    async def untag_version(self, model: str, version: str, key: str) -> None:
        with self._call("untag_version", model, version, key):
            number = self._number(model, version)
            self._model(model).versions[number].tags.pop(key, None)

    async def close(self) -> None:
        self.closed = True

    # Faults and observations

    def fail_next(
        self, error: BaseException, *, call: str = ANY, after: bool = False, times: int = 1
    ) -> None:
        """Let calls of that name (a method's name, or all) fail; `after`: the write was made and its answer
        lost."""
        self._faults.add(error, call=call, after=after, times=times)

    def go_away(self) -> None:
        """Let no call be answered until it heals."""
        self._faults.go_away("the other side does not answer")

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    def called(self, *names: str) -> tuple[Call, ...]:
        """Return the calls of these names, in order."""
        return tuple(call for call in self.calls if call.name in names)

    @property
    def writes(self) -> tuple[Call, ...]:
        """Return the calls that may change the registry, in order."""
        return tuple(call for call in self.calls if call.name in WRITES and call.arguments[-1] is not False)

    def held(self, model: str) -> Aliases:
        """Return what the aliases of a model name, without a call of the port."""
        return _aliases_of(self._models[model])

    def versions(self, model: str) -> Mapping[str, ModelVersion]:
        """Return the versions of a model by their numbers, without a call of the port."""
        return {str(number): self._value(model, number) for number in self._models[model].versions}

    # The seeder

    async def create_model(self, model: str) -> None:
        self._models[model] = _Model()

    async def delete_model(self, model: str) -> None:
        del self._models[model]

    def move(self, model: str, alias: str, version: str | None) -> None:
        """Move an alias, or take it away, as somebody else would: no call of the port."""
        if version is None:
            self._model(model).aliases.pop(alias, None)
        else:
            self._model(model).aliases[alias] = self._number(model, version)

    def tag(self, model: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version, as somebody else would: no call of the port."""
        self._model(model).versions[self._number(model, version)].tags.update(tags)

    async def rename_model(self, model: str, name: str) -> None:
        self._models[name] = self._models.pop(model)

    async def create_run(
        self,
        metrics: Iterable[tuple[str, float, int]] = (),
        *,
        models: Sequence[str] = ("model",),
        datasets: Sequence[Dataset] = (),
        parameters: Mapping[str, str] = MappingProxyType({}),
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Make a run that read these datasets, logged these (name, value, step) in this order and models at
        these paths; the tags `mlflow.runName` and `mlflow.user` say what it is called and whose it is."""
        return self._tracking.add_run(metrics, models, datasets, parameters, tags)

    async def write_file(self, run_id: str, path: str, text: str) -> None:
        self._tracking.runs[run_id].files[path] = text

    async def delete_run(self, run_id: str) -> None:
        self._tracking.runs[run_id].deleted = True

    def last_metric(self, run_id: str, key: str) -> float | None:
        """Return a run's last value of a metric, None without one or without the run; no call of the port."""
        record = self._tracking.runs.get(run_id)
        if record is None or record.deleted:
            return None
        value = record.value(run_id).metrics.get(key)
        return None if value is None else float(value)

    async def read_run(self, run_id: str) -> RunSeen:
        run = self._tracking.runs[run_id]
        return RunSeen(run.name, run.experiment, run.status, run.value(run_id).finished, dict(run.tags))

    def set_run_status(self, run_id: str, status: RunStatus) -> None:
        """Let a run be as far as that, as whoever logs into it does."""
        self._tracking.runs[run_id].status = status

    def tag_run(self, run_id: str, key: str, value: str) -> None:
        """Set a tag of a run, as anybody may who writes in MLflow."""
        run = self._tracking.runs[run_id]
        run.tags = {**run.tags, key: value}

    def log_live_metric(self, experiment: str, metric: str, model: str, version: str, value: float) -> str:
        """Measure a version as a job does, in a run of its own, and return the run's id."""
        return self._tracking.add_live_metric(experiment, metric, model, version, value)

    async def delete_experiment(self, name: str) -> None:
        self._tracking.delete_experiment(name)

    async def log_metric(self, run_id: str, key: str, value: float, *, step: int = 0) -> None:
        self._tracking.log_metric(run_id, key, value, step)

    async def log_dataset(self, run_id: str, dataset: Dataset) -> None:
        self._tracking.runs[run_id].datasets.append(dataset)

    async def log_measurement(
        self,
        model_id: str,
        key: str,
        value: float,
        dataset: Dataset | None = None,
        *,
        run_id: str | None = None,
        step: int = 0,
        time: int | None = None,
    ) -> None:
        self._tracking.log_measurement(model_id, key, value, dataset, run_id, step, time)

    async def forget_history(self, run_id: str, key: str) -> None:
        self._tracking.forget_history(run_id, key)

    async def delete_logged_model(self, model_id: str) -> None:
        del self._tracking.models[model_id]

    async def write_model_file(self, model: str, version: str, file: ModelFile) -> None:
        found = self._value(model, self._number(model, version)).model_id
        assert found is not None, "a version without a logged model has no file"
        self._files[found] = file

    async def create_version(
        self,
        model: str,
        run_id: str | None = None,
        *,
        path: str = "model",
        state: VersionState = VersionState.READY,
        says: str | None = None,
    ) -> str:
        """Register a version; without a run it has none. Only the fake can make one that is not ready."""
        made = model_id(run_id, path) if run_id else None
        return str(self._add(model, _Version(says or run_id, path if run_id else None, state, model_id=made)))

    async def create_version_by_name(self, model: str, run_id: str) -> str:
        return str(self._add(model, _Version(run_id, None)))

    async def copy_version(self, model: str, version: str, to: str) -> str:
        original = self._model(model).versions[self._number(model, version)]
        copy = _Version(original.run_id, None, tags=dict(original.tags), model_id=original.model_id)
        return str(self._add(to, copy))

    async def set_stage(self, model: str, version: str, stage: str) -> None:
        self._model(model).stages[self._number(model, version)] = stage

    async def delete_version(self, model: str, version: str) -> None:
        held = self._models[model]
        del held.versions[int(version)]
        held.stages.pop(int(version), None)
        for alias in [alias for alias, number in held.aliases.items() if number == int(version)]:
            del held.aliases[alias]

    # Inside

    @contextmanager
    def _call(self, name: str, *arguments: object) -> Iterator[None]:
        """Note the call and let the planned faults strike before and after its work."""
        self.calls.append(Call(name, arguments))
        self._faults.before(name)
        if arguments and arguments[0] in self.unreadable:
            raise Refused("the credentials do not permit this in the registry (403)")
        yield
        self._faults.after(name)

    def _told(self, alias: str, version: str | None) -> None:
        for listener in self.listeners:
            listener(alias, version)

    def _model(self, model: str) -> _Model:
        try:
            return self._models[model]
        except KeyError as error:
            raise ModelNotFound(f"the registry has no model {model}") from error

    def _number(self, model: str, version: str) -> int:
        versions = self._model(model).versions
        number = int(version) if version.isdecimal() else 0
        if str(number) != version or number not in versions:
            raise VersionNotFound(f"model {model} has no version {version}")
        return number

    def _add(self, model: str, version: _Version) -> int:
        held = self._model(model)
        number = next(held.numbers)
        held.versions[number] = replace(
            version, registered_at=FIRST_REGISTERED + timedelta(seconds=next(self._registered))
        )
        return number

    def _value(self, model: str, number: int) -> ModelVersion:
        version = self._models[model].versions[number]
        return ModelVersion(
            model=model,
            version=str(number),
            run_id=version.run_id,
            state=version.state,
            tags=dict(version.tags),
            registered_at=version.registered_at,
            model_id=version.model_id,
        )


def _aliases_of(model: _Model) -> Aliases:
    return {alias: str(number) for alias, number in model.aliases.items()}


def _stages_of(model: _Model) -> Mapping[str, str]:
    """Return the newest version in each stage."""
    return {stage: str(number) for number, stage in sorted(model.stages.items()) if stage != "None"}


def _path(run_id: str, run: RunRecord, wanted: str | None) -> str:
    if wanted is not None and wanted not in run.paths:
        raise InvalidRequest(f"run {run_id} has no model at {wanted}")
    if wanted is None and len(run.paths) != 1:
        raise InvalidRequest(f"run {run_id} has logged {'several models' if run.paths else 'no model'}")
    return wanted or run.paths[0]


def _check_alias(alias: str) -> None:
    if alias.lower() == "latest" or (alias[:1] in {"v", "V"} and alias[1:].isdecimal()):
        raise InvalidRequest("the registry says that the request is invalid")


def _has(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(key in tags and value in {"*", tags[key]} for key, value in wanted.items())
