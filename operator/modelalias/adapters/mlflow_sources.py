"""Which model a run made, and the address it is registered by: what `mlflow.register_model` would find.

MLflow 3 keeps a run's models beside the run, as logged models; MLflow 2 kept them among the run's artifacts
and listed them in one of its tags. A path may name either.
"""

import json
import re
from typing import Final

from mlflow.entities import LifecycleStage, LoggedModel, LoggedModelStatus
from mlflow.entities import Run as MlflowRun

from modelalias.adapters.mlflow_calls import Calls
from modelalias.adapters.mlflow_errors import STRANGE, MissingResource
from modelalias.adapters.mlflow_wire import Runs
from modelalias.api.fields import Value
from modelalias.core.errors import InvalidRequest, RunNotFound, Unavailable

RUN_ID: Final = re.compile(r"[A-Za-z0-9][\w-]{0,255}")
"""What MLflow takes as the ID of a run; safe in a search filter, because it has no quotes."""

HISTORY_TAG: Final = "mlflow.log-model.history"
MODEL_FILE: Final = "MLmodel"
MOST_MODELS: Final = 1000
"""Logged models of one run that are looked at."""


class ModelSource(Value):
    """A model that can be registered."""

    uri: str
    model_id: str | None
    aliases: frozenset[str]
    """Other addresses of the same files, by which somebody else may have registered it."""

    def matches(self, uri: str | None) -> bool:
        """Return whether a version with that source is this model."""
        return uri is not None and uri.rstrip("/") in self.aliases | {self.uri}


class SourceFinder:
    """Finds the model of a run."""

    def __init__(self, store: Runs, calls: Calls) -> None:
        self._store = store
        self._calls = calls

    async def find(self, run_id: str, path: str | None) -> ModelSource:
        """Return the run's model; raise `RunNotFound`.

        `InvalidRequest` when there is none or no path says which.
        """
        if not RUN_ID.fullmatch(run_id):
            raise RunNotFound(f"the registry has no run {run_id}")
        run = await self._run(run_id)
        if path is not None and f"{path}/{MODEL_FILE}" in await self._artifacts(run_id, path):
            return _artifact(run, path)
        logged = await self._calls.run(lambda: self._logged_models(run))
        names = sorted({model.name for model in logged})
        wanted = path if path is not None else (names[0] if len(names) == 1 else None)
        if wanted in names:
            return _logged(run, tuple(model for model in logged if model.name == wanted))
        paths = sorted(set(names) | _old_paths(run))
        if path is None and len(paths) == 1:
            return _artifact(run, paths[0])
        if path is not None:
            raise InvalidRequest(f"run {run_id} has no model at {path}{_but(paths)}")
        if not paths:
            raise InvalidRequest(f"run {run_id} has logged no model")
        raise InvalidRequest(
            f"run {run_id} has logged several models: say which by artifactPath{_but(paths)}"
        )

    async def _run(self, run_id: str) -> MlflowRun:
        try:
            run = await self._calls.run(lambda: self._store.get_run(run_id))
        except MissingResource as error:
            raise RunNotFound(f"the registry has no run {run_id}") from error
        if run.info.run_id != run_id:
            raise Unavailable(STRANGE)
        if run.info.lifecycle_stage != LifecycleStage.ACTIVE:
            raise RunNotFound(f"run {run_id} is deleted")
        return run

    async def _artifacts(self, run_id: str, path: str) -> tuple[str, ...]:
        try:
            files = await self._calls.run(lambda: self._store.list_artifacts(run_id, path))
        except MissingResource:
            return ()
        return tuple(file.path for file in files)

    def _logged_models(self, run: MlflowRun) -> tuple[LoggedModel, ...]:
        """Return the logged models that the run made, save those whose files never arrived."""
        models = self._store.logged_models_of(run.info.experiment_id, run.info.run_id, MOST_MODELS)
        return tuple(model for model in models if model.status != LoggedModelStatus.FAILED)


def _logged(run: MlflowRun, models: tuple[LoggedModel, ...]) -> ModelSource:
    """Return the model logged last by step, then by time: a run may log checkpoints under one name."""
    outputs = run.outputs.model_outputs if run.outputs else []
    steps = {output.model_id: output.step for output in outputs}
    last = max(
        models, key=lambda model: (steps.get(model.model_id, 0), model.creation_timestamp, model.model_id)
    )
    return ModelSource(
        uri=f"models:/{last.model_id}",
        model_id=last.model_id,
        aliases=frozenset({last.artifact_location.rstrip("/"), f"runs:/{run.info.run_id}/{last.name}"}),
    )


def _artifact(run: MlflowRun, path: str) -> ModelSource:
    return ModelSource(
        uri=f"{run.info.artifact_uri.rstrip('/')}/{path}",
        model_id=None,
        aliases=frozenset({f"runs:/{run.info.run_id}/{path}"}),
    )


def _old_paths(run: MlflowRun) -> set[str]:
    """Return the artifact paths that MLflow 2 wrote down for the run's models."""
    try:
        history = json.loads(run.data.tags.get(HISTORY_TAG, "[]"))
    except ValueError:
        return set()
    entries = history if isinstance(history, list) else []
    paths = {entry.get("artifact_path") for entry in entries if isinstance(entry, dict)}
    return {path for path in paths if isinstance(path, str) and path}


def _but(paths: list[str]) -> str:
    return f" (it has: {', '.join(paths[:10])})" if paths else ""
