"""What people and pipelines do to a registry, so that one suite can ask both registries about it."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Protocol

from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric

from modelalias.ports import VersionState
from tests.support.mlflow_server import Server


class Seeder(Protocol):
    """Changes to a registry that do not come from the operator."""

    async def create_model(self, model: str) -> None: ...
    async def delete_model(self, model: str) -> None: ...
    async def rename_model(self, model: str, name: str) -> None: ...
    async def create_run(self, metrics: Iterable[tuple[str, float, int]] = (), *, models: Sequence[str] = ("model",)) -> str:
        """Make a run that logged these (name, value, step) in this order, and models at these paths."""
        ...

    async def delete_run(self, run_id: str) -> None: ...
    async def create_version(
        self, model: str, run_id: str | None = None, *, path: str = "model", state: VersionState = VersionState.READY
    ) -> str:
        """Register the run's model at that path as a version; without a run, something that no run made."""
        ...

    async def delete_version(self, model: str, version: str) -> None: ...


class MlflowSeeder:
    """The real registry, changed by MLflow's own client; each seeder works in an experiment of its own."""

    def __init__(self, server: Server, experiment: str) -> None:
        self._server = server
        self._client = MlflowClient(server.uri)
        self.experiment_id: str = self._client.create_experiment(experiment)

    async def create_model(self, model: str) -> None:
        self._client.create_registered_model(model)

    async def delete_model(self, model: str) -> None:
        self._client.delete_registered_model(model)

    async def rename_model(self, model: str, name: str) -> None:
        self._client.rename_registered_model(model, name)

    async def create_run(self, metrics: Iterable[tuple[str, float, int]] = (), *, models: Sequence[str] = ("model",)) -> str:
        run_id: str = self._client.create_run(self.experiment_id).info.run_id
        written = [Metric(name, value, 1_000 + order, step) for order, (name, value, step) in enumerate(metrics)]
        self._client.log_batch(run_id, metrics=written)
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

    async def delete_run(self, run_id: str) -> None:
        self._client.delete_run(run_id)

    async def create_version(
        self, model: str, run_id: str | None = None, *, path: str = "model", state: VersionState = VersionState.READY
    ) -> str:
        if run_id is None:
            made = self._client.create_model_version(model, "s3://bucket/elsewhere")
        else:
            found = self._client.search_logged_models([self.experiment_id], f"source_run_id = '{run_id}'")
            (model_id,) = [logged.model_id for logged in found if logged.name == path]
            made = self._client.create_model_version(model, f"models:/{model_id}", run_id, model_id=model_id)
        version = str(made.version)
        if state is not VersionState.READY:
            self._write_state(model, version, state)
        return version

    async def delete_version(self, model: str, version: str) -> None:
        self._client.delete_model_version(model, version)

    def _write_state(self, model: str, version: str, state: VersionState) -> None:
        """Write what no call can: on this back end a version is ready at once, on others it is not."""
        with closing(sqlite3.connect(self._server.directory / "mlflow.db", timeout=30)) as database, database:
            database.execute(
                "UPDATE model_versions SET status = ? WHERE name = ? AND version = ?", (state, model, int(version))
            )
