"""Models, runs and versions in a real MLflow server, as training and evaluation leave them."""

import shutil
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema

EXPERIMENT: Final = "seeded"
FLOAT = DataType.double
SIGNATURE: Final = ModelSignature(inputs=Schema([ColSpec(FLOAT, "tenure")]), outputs=Schema([ColSpec(FLOAT)]))


class Data(NamedTuple):
    """A dataset that something was measured on."""

    name: str
    digest: str

    def __str__(self) -> str:
        """Write it as findings do."""
        return f"{self.name}@{self.digest}"


class Seeding:
    """One registered model and what is put into it."""

    def __init__(self, uri: str, model: str) -> None:
        self.client = MlflowClient(uri)
        self.model = model
        self.client.create_registered_model(model)

    def remove(self) -> None:
        """Remove the model, unless somebody has."""
        try:
            self.client.delete_registered_model(self.model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    def run(self, **metrics: float) -> str:
        """Log a finished run and return its id."""
        run = self.begin(**metrics)
        self.client.set_terminated(run)
        return run

    def begin(self, **metrics: float) -> str:
        """Log a run that has not ended and return its id."""
        run = str(self.client.create_run(self._experiment()).info.run_id)
        self.measured(run, None, **metrics)
        return run

    def measured(self, run: str, data: Data | None, /, **metrics: float) -> None:
        """Log into a run what an evaluation found, and on which data."""
        if data is not None:
            self._name_data(run, data)
        for name, value in metrics.items():
            self.client.log_metric(run, name, value)

    def points(self, name: str, values: Iterable[tuple[float, int, int]]) -> str:
        """Log a finished run with one metric, as (value, step, time in ms) in the order of logging; return
        its id."""
        run = self.begin()
        for value, step, time in values:
            self.client.log_batch(run, metrics=[Metric(name, value, time, step)])
        self.client.set_terminated(run)
        return run

    def version(self, *, tags: Mapping[str, str] | None = None, **metrics: float) -> str:
        """Register a version of a run with these metrics and return its number."""
        return self.version_of(self.run(**metrics), tags=tags)

    def version_of(self, run: str | None, *, tags: Mapping[str, str] | None = None) -> str:
        """Register a version of a run, or one that no run made, and return its number."""
        source = "s3://bucket/elsewhere" if run is None else f"runs:/{run}/model"
        made = self.client.create_model_version(
            self.model, source=source, run_id=run, tags=dict(tags or {}), await_creation_for=0
        )
        return str(made.version)

    def logged_version(
        self,
        *,
        signed: bool = True,
        data: Data | None = None,
        tags: Mapping[str, str] | None = None,
        **metrics: float,
    ) -> str:
        """Log a model with its MLmodel file, measure it on the data, register it and return the version's
        number."""
        run = self.begin()
        if data is not None:
            self._name_data(run, data)
        model = self.client.create_logged_model(self._experiment(), name="model", source_run_id=run).model_id
        with TemporaryDirectory() as directory:
            Model(signature=SIGNATURE if signed else None).save(str(Path(directory, "MLmodel")))
            self.client.log_model_artifacts(model, directory)
        self.client.finalize_logged_model(model, LoggedModelStatus.READY)
        self.client.log_outputs(run, [LoggedModelOutput(model, 0)])
        for name, value in metrics.items():
            on, digest = data or (None, None)
            self.client.log_metric(run, name, value, model_id=model, dataset_name=on, dataset_digest=digest)
        self.client.set_terminated(run)
        made = self.client.create_model_version(
            self.model, f"models:/{model}", run, model_id=model, tags=dict(tags or {}), await_creation_for=0
        )
        return str(made.version)

    def lose_files(self, version: str, directory: Path) -> None:
        """Delete the files of a version's logged model from the server's own disk, where no call of MLflow
        can."""
        model = str(self.client.get_model_version(self.model, version).source).removeprefix("models:/")
        (found,) = directory.rglob(model)
        shutil.rmtree(found)

    def aliases(self) -> Mapping[str, str]:
        """Return alias to version."""
        return {
            name: str(version)
            for name, version in self.client.get_registered_model(self.model).aliases.items()
        }

    def tags(self, version: str) -> Mapping[str, str]:
        return dict(self.client.get_model_version(self.model, version).tags)

    def _name_data(self, run: str, data: Data) -> None:
        tags = [InputTag("mlflow.data.context", "validation")]
        self.client.log_inputs(run, [DatasetInput(Dataset(data.name, data.digest, "local", "{}"), tags)])

    def _experiment(self) -> str:
        return _experiment(self.client.tracking_uri)


@cache
def _experiment(uri: str) -> str:
    """Return the id of the experiment; of two tests that find none at once, one makes it."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        try:
            return str(client.create_experiment(EXPERIMENT))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(EXPERIMENT)
    assert found is not None
    return str(found.experiment_id)
