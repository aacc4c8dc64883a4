"""What people and pipelines do to a registry, so that one suite can ask both registries about it."""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final, Protocol

from mlflow import MlflowClient
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, LoggedModelOutput, LoggedModelStatus, Metric, Param
from sqlalchemy import Executable, column, create_engine, delete, table, update
from sqlalchemy.pool import NullPool

from modelalias.ports import Dataset, VersionState
from tests.support.mlflow_server import Server
from tests.support.seeded import ModelFile, RunSeen

HAS_LOGGED_MODELS: Final = 3
"""The first MLflow that keeps models beside the runs; MLflow 2 keeps them among a run's files."""


class Seeder(Protocol):
    """Changes to a registry that do not come from the operator."""

    async def create_model(self, model: str) -> None: ...
    async def delete_model(self, model: str) -> None: ...
    async def rename_model(self, model: str, name: str) -> None: ...
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
        ...

    async def write_file(self, run_id: str, path: str, text: str) -> None:
        """Log a text as a file of a run."""
        ...

    async def delete_run(self, run_id: str) -> None: ...
    async def read_run(self, run_id: str) -> RunSeen: ...
    async def delete_experiment(self, name: str) -> None: ...
    async def log_metric(self, run_id: str, key: str, value: float, *, step: int = 0) -> None: ...
    async def log_dataset(self, run_id: str, dataset: Dataset) -> None: ...
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
        """Log a metric of a logged model from a run, by default the one that made it.

        The time is in milliseconds, by default later than all before.
        """
        ...

    async def forget_history(self, run_id: str, key: str) -> None:
        """Take a metric's history from a run, as no call of the registry can."""
        ...

    async def delete_logged_model(self, model_id: str) -> None: ...
    async def write_model_file(self, model: str, version: str, file: ModelFile) -> None:
        """Give the logged model of a version its MLmodel file; it has none before."""
        ...

    async def create_version(
        self,
        model: str,
        run_id: str | None = None,
        *,
        path: str = "model",
        state: VersionState = VersionState.READY,
        says: str | None = None,
    ) -> str:
        """Register the run's model at that path as a version; without a run, something that no run made.

        The version may say that another run made it.
        """
        ...

    async def create_version_by_name(self, model: str, run_id: str) -> str:
        """Register files of somewhere else as a version that says a run of that id made it; nobody looks."""
        ...

    async def copy_version(self, model: str, version: str, to: str) -> str:
        """Copy a version into another model that is there, and return its number."""
        ...

    async def set_stage(self, model: str, version: str, stage: str) -> None:
        """Put a version into a stage, as MLflow 2 knew them."""
        ...

    async def delete_version(self, model: str, version: str) -> None: ...


class MlflowSeeder:
    """The real registry, changed by MLflow's own client; each seeder works in an experiment of its own.

    What runs make are logged models, and files of the run on MLflow 2.
    """

    def __init__(self, server: Server, experiment: str) -> None:
        self._server = server
        self._client = MlflowClient(server.uri)
        self.experiment_id: str = self._client.create_experiment(experiment)
        self._time = 1_000_000
        self._models: set[str] = set()

    def leave(self) -> None:
        """Remove the models that were made: who reads all of them reads those of every test before."""
        for model in sorted(self._models):
            self._client.delete_registered_model(model)
        self._models.clear()

    async def create_model(self, model: str) -> None:
        self._client.create_registered_model(model)
        self._models.add(model)

    async def delete_model(self, model: str) -> None:
        self._client.delete_registered_model(model)
        self._models.discard(model)

    async def rename_model(self, model: str, name: str) -> None:
        self._client.rename_registered_model(model, name)
        self._models = self._models - {model} | {name}

    async def create_run(
        self,
        metrics: Iterable[tuple[str, float, int]] = (),
        *,
        models: Sequence[str] = ("model",),
        datasets: Sequence[Dataset] = (),
        parameters: Mapping[str, str] = MappingProxyType({}),
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        run_id: str = self._client.create_run(self.experiment_id, tags=dict(tags)).info.run_id
        self._client.log_batch(run_id, params=[Param(*item) for item in parameters.items()])
        written = [
            Metric(name, value, 1_000 + order, step) for order, (name, value, step) in enumerate(metrics)
        ]
        self._client.log_batch(run_id, metrics=written)
        for dataset in datasets:
            await self.log_dataset(run_id, dataset)
        if self._server.major < HAS_LOGGED_MODELS:
            self._write_models(run_id, models)
        else:
            for path in models:
                self.log_model(run_id, path)
        self._client.set_terminated(run_id)
        return run_id

    def log_model(self, run_id: str, path: str, step: int = 0) -> str:
        """Log a model without files at a path and return its id."""
        logged = self._client.create_logged_model(self.experiment_id, name=path, source_run_id=run_id)
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step)])
        model_id: str = logged.model_id
        return model_id

    async def write_file(self, run_id: str, path: str, text: str) -> None:
        self._client.log_text(run_id, text, path)

    async def delete_run(self, run_id: str) -> None:
        self._client.delete_run(run_id)

    async def read_run(self, run_id: str) -> RunSeen:
        run = self._client.get_run(run_id)
        return RunSeen(
            name=run.info.run_name,
            experiment=self._client.get_experiment(run.info.experiment_id).name,
            status=run.info.status,
            ended=run.info.end_time is not None,
            tags={key: text for key, text in run.data.tags.items() if not key.startswith("mlflow.")},
        )

    async def delete_experiment(self, name: str) -> None:
        found = self._client.get_experiment_by_name(name)
        assert found is not None
        self._client.delete_experiment(found.experiment_id)

    async def log_metric(self, run_id: str, key: str, value: float, *, step: int = 0) -> None:
        self._time += 1
        self._client.log_metric(run_id, key, value, timestamp=self._time, step=step)

    async def log_dataset(self, run_id: str, dataset: Dataset) -> None:
        tags = [InputTag("mlflow.data.context", dataset.context)] if dataset.context else []
        profile = None if dataset.rows is None else json.dumps({"num_rows": dataset.rows, "num_elements": 1})
        given = DatasetInput(
            MlflowDataset(dataset.name, dataset.digest, "local", "{}", profile=profile), tags
        )
        self._client.log_inputs(run_id, [given])

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
        self._time += 1
        by = run_id or self._client.get_logged_model(model_id).source_run_id
        assert by is not None
        self._client.log_metric(
            by,
            key,
            value,
            timestamp=self._time if time is None else time,
            step=step,
            model_id=model_id,
            dataset_name=dataset.name if dataset else None,
            dataset_digest=dataset.digest if dataset else None,
        )

    async def forget_history(self, run_id: str, key: str) -> None:
        metrics = table("metrics", column("run_uuid"), column("key"))
        self._execute(delete(metrics).where(metrics.c.run_uuid == run_id, metrics.c.key == key))

    async def delete_logged_model(self, model_id: str) -> None:
        self._client.delete_logged_model(model_id)

    async def write_model_file(self, model: str, version: str, file: ModelFile) -> None:
        written = self._client.get_model_version(model, version)
        if self._server.major < HAS_LOGGED_MODELS:
            path = str(written.source).rpartition("/artifacts/")[2]
            self._client.log_text(str(written.run_id), file, f"{path}/MLmodel")
        else:
            self._log_file(str(written.source).removeprefix("models:/"), file)

    async def create_version(
        self,
        model: str,
        run_id: str | None = None,
        *,
        path: str = "model",
        state: VersionState = VersionState.READY,
        says: str | None = None,
    ) -> str:
        if run_id is None:
            made = self._client.create_model_version(model, "s3://bucket/elsewhere")
        elif self._server.major < HAS_LOGGED_MODELS:
            root = self._client.get_run(run_id).info.artifact_uri
            made = self._client.create_model_version(model, f"{root}/{path}", says or run_id)
        else:
            found = self._client.search_logged_models([self.experiment_id], f"source_run_id = '{run_id}'")
            (model_id,) = [logged.model_id for logged in found if logged.name == path]
            made = self._client.create_model_version(
                model, f"models:/{model_id}", says or run_id, model_id=model_id
            )
        version = str(made.version)
        if state is not VersionState.READY:
            self._write_state(model, version, state)
        return version

    async def create_version_by_name(self, model: str, run_id: str) -> str:
        return str(self._client.create_model_version(model, "s3://bucket/elsewhere", run_id).version)

    async def copy_version(self, model: str, version: str, to: str) -> str:
        return str(self._client.copy_model_version(f"models:/{model}/{version}", to).version)

    async def set_stage(self, model: str, version: str, stage: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # deprecated, and still what sets one
            self._client.transition_model_version_stage(model, version, stage)

    async def delete_version(self, model: str, version: str) -> None:
        self._client.delete_model_version(model, version)

    def _write_models(self, run_id: str, paths: Sequence[str]) -> None:
        """Log models as MLflow 2 does: their files are the run's, and a tag lists where."""
        for path in paths:
            self._client.log_text(run_id, ModelFile.UNSIGNED, f"{path}/MLmodel")
        history = [{"artifact_path": path, "run_id": run_id} for path in paths]
        self._client.set_tag(run_id, "mlflow.log-model.history", json.dumps(history))

    def _log_file(self, model_id: str, text: str) -> None:
        with TemporaryDirectory() as directory:
            Path(directory, "MLmodel").write_text(text, encoding="utf-8")
            self._client.log_model_artifacts(model_id, directory)

    def _write_state(self, model: str, version: str, state: VersionState) -> None:
        """Write what no call can: on this back end a version is ready at once, on others it is not."""
        versions = table("model_versions", column("name"), column("version"), column("status"))
        this = (versions.c.name == model, versions.c.version == int(version))
        self._execute(update(versions).where(*this).values(status=state.value))

    def _execute(self, statement: Executable) -> None:
        engine = create_engine(self._server.database, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(statement)
