"""From a model's address to the one version it means now, loaded."""

from typing import Self

import mlflow.pyfunc
from mlflow.entities.model_registry import ModelVersion
from mlflow.pyfunc import PyFuncModel
from mlflow.tracking import MlflowClient
from pydantic import BaseModel, ConfigDict

from training.model_uri import ModelUri


class ServedVersion(BaseModel):
    """Which version a process serves; fixed when it starts."""

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    run: str | None

    @classmethod
    def of(cls, found: ModelVersion) -> Self:
        """Take over what the registry says of a version."""
        return cls(model=found.name, version=str(found.version), run=found.run_id or None)


def resolve(client: MlflowClient, uri: ModelUri) -> ServedVersion:
    """Ask the registry which version an address means now.

    Raises:
        mlflow.MlflowException: there is no such model, version or alias (yet), or the registry did not answer.
    """
    if uri.alias is not None:
        return ServedVersion.of(client.get_model_version_by_alias(uri.model, uri.alias))
    return ServedVersion.of(client.get_model_version(uri.model, str(uri.version)))


def load(served: ServedVersion, folder: str) -> PyFuncModel:
    """Load exactly that version, by number: the alias may have moved since it was resolved."""
    pinned = ModelUri(model=served.model, version=served.version)
    model: PyFuncModel = mlflow.pyfunc.load_model(str(pinned), dst_path=folder)
    return model
