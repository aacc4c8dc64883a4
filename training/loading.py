"""From a model's address to the one version it means now, loaded."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.pyfunc import PyFuncModel
from mlflow.tracking import MlflowClient

from training.fetching import LeftToMlflowError, NoSuchVersionError, fetch
from training.model_uri import ModelUri
from training.served_version import ServedVersion
from training.weights import Weights

Predict = Callable[[pd.DataFrame], Any]
"""From rows to what is predicted for each."""


def as_served(found: ModelVersion) -> ServedVersion:
    """Take over what the registry says of a version."""
    return ServedVersion(model=found.name, version=str(found.version), run=found.run_id or None)


def resolve(client: MlflowClient, uri: ModelUri) -> ServedVersion:
    """Ask the registry which version an address means now.

    Raises:
        mlflow.MlflowException: there is no such model, version or alias (yet), or the registry did not answer.
    """
    if uri.alias is not None:
        return as_served(client.get_model_version_by_alias(uri.model, uri.alias))
    return as_served(client.get_model_version(uri.model, str(uri.version)))


def load(served: ServedVersion, folder: str) -> Predict:
    """Load exactly that version as it is served: by its weights if it has any, else by MLflow.

    Raises:
        mlflow.MlflowException: it is not there any more, or the server did not answer or refused.
    """
    try:
        _, weights = fetch(_pinned(served), os.environ)
    except (LeftToMlflowError, NoSuchVersionError):
        return load_pyfunc(served, folder).predict
    return partial(_by_weights, weights)


def _by_weights(weights: Weights, rows: pd.DataFrame) -> Any:
    missing = [name for name in weights.features if name not in rows.columns]
    if missing:
        raise ValueError(f"without the columns {', '.join(missing)}")
    return weights.predict(rows[list(weights.features)].to_numpy(dtype=float))


def load_pyfunc(served: ServedVersion, folder: str) -> PyFuncModel:
    """Load exactly that version by MLflow; its files are in the folder for as long as it is asked."""
    model: PyFuncModel = mlflow.pyfunc.load_model(str(_pinned(served)), dst_path=folder)
    return model


def _pinned(served: ServedVersion) -> ModelUri:
    """Return its address by number: the alias may have moved since it was resolved."""
    return ModelUri(model=served.model, version=served.version)
