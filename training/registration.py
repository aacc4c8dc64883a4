"""Turning a finished run's model into a version that others can find: register, tag, name as challenger."""

import mlflow
import requests
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from pydantic import BaseModel, ConfigDict

REGISTRY_ERRORS = (mlflow.MlflowException, requests.RequestException)
_WAIT_SECONDS = 60


class NoSuchModelError(LookupError):
    """The run has no model that could be registered, or more than one."""


class Registration(BaseModel):
    """What a version is to be called and which words it carries."""

    model_config = ConfigDict(frozen=True)

    model: str
    alias: str | None
    validated_by: str


def register_run(client: MlflowClient, run_id: str, wanted: Registration) -> str:
    """Register the model of a run and return its version; the same run twice gives the same version.

    Tags are written before the alias: whoever follows the alias finds a version that says where it comes
    from.

    Raises:
        NoSuchModelError: the run logged no model, or several.
        mlflow.MlflowException: the registry did not answer or refused.
    """
    run = client.get_run(run_id)
    version = _version_of(client, run, wanted.model)
    tags = {"training_data": run.data.params.get("data_md5"), "validated_by": wanted.validated_by}
    for key, value in tags.items():
        if value is not None and version.tags.get(key) != value:
            client.set_model_version_tag(wanted.model, version.version, key, value)
    if wanted.alias is not None:
        client.set_registered_model_alias(wanted.model, wanted.alias, version.version)
    return str(version.version)


def _version_of(client: MlflowClient, run: Run, name: str) -> ModelVersion:
    for version in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
        if version.name == name:
            return version
    outputs = run.outputs.model_outputs if run.outputs else []
    if len(outputs) != 1:
        raise NoSuchModelError(
            f"run {run.info.run_id} logged {len(outputs)} models, and exactly one can be registered "
            "from its run id"
        )
    return mlflow.register_model(f"models:/{outputs[0].model_id}", name, await_registration_for=_WAIT_SECONDS)
