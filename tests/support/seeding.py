"""Models, runs and versions in a real MLflow server, as training leaves them."""

from collections.abc import Mapping
from typing import Final

from mlflow import MlflowClient

EXPERIMENT: Final = "seeded"


class Seeding:
    """One registered model and what is put into it."""

    def __init__(self, uri: str, model: str) -> None:
        self.client = MlflowClient(uri)
        self.model = model
        self.client.create_registered_model(model)

    def run(self, **metrics: float) -> str:
        """Log a finished run and return its id."""
        found = self.client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else self.client.create_experiment(EXPERIMENT)
        run = self.client.create_run(experiment)
        for name, value in metrics.items():
            self.client.log_metric(run.info.run_id, name, value)
        self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def version(self, **metrics: float) -> str:
        """Register a version of a run with these metrics and return its number."""
        run = self.run(**metrics)
        source = f"runs:/{run}/model"
        made = self.client.create_model_version(self.model, source=source, run_id=run, await_creation_for=0)
        return str(made.version)

    def aliases(self) -> Mapping[str, str]:
        """Return alias to version."""
        return {name: str(version) for name, version in self.client.get_registered_model(self.model).aliases.items()}

    def tags(self, version: str) -> Mapping[str, str]:
        return dict(self.client.get_model_version(self.model, version).tags)
