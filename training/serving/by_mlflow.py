"""A model that is loaded and asked by MLflow, whatever it consists of."""

from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowException
from mlflow.pyfunc import PyFuncModel
from mlflow.tracking import MlflowClient

from training.loading import load_pyfunc, resolve
from training.model_uri import ModelUri
from training.registration import REGISTRY_ERRORS
from training.served_version import ServedVersion
from training.serving.model import BadInputError, NotLoadedError, Predictions
from training.serving.rows import rows_of


class ModelByMlflow:
    """Answers with tables in the types of the model's signature."""

    def __init__(self, model: PyFuncModel) -> None:
        """Take a loaded model."""
        self._model = model
        signature = model.metadata.signature
        self._schema = signature.inputs if signature else None

    def predict(self, body: bytes) -> Predictions:
        """Answer the body of a request.

        A model that refuses its input says so with one of these types.
        """
        rows = rows_of(body, self._schema)
        try:
            answer = self._model.predict(rows)
        except (MlflowException, ValueError, TypeError) as error:
            raise BadInputError(str(error)) from error
        return Predictions(answer, _content(answer))


def load(uri: ModelUri, folder: str) -> tuple[ServedVersion, ModelByMlflow]:
    """Return the version that an address means now, loaded.

    Its files are in the folder for as long as it is asked: some models read them then, and not when they are loaded.

    Raises:
        NotLoadedError: there is no such version (yet), or it cannot be loaded.
    """
    try:
        served = resolve(MlflowClient(), uri)
        return served, ModelByMlflow(load_pyfunc(served, folder))
    except (*REGISTRY_ERRORS, OSError) as error:
        raise NotLoadedError(str(error)) from error


def _content(answer: Any) -> Any:
    if isinstance(answer, pd.DataFrame):
        return answer.to_dict(orient="records")
    return np.asarray(answer).tolist()
