"""A model in MLflow that has its weights beside scikit-learn's file, as one more flavour of the same model.

Whoever knows no more than MLflow loads `sklearn` or `python_function` as ever.
"""

import sys
from pathlib import Path
from typing import Any

import mlflow.sklearn
from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME, ModelInfo

from training.weights import FORMAT, Weights
from training.weights_file import FILE, FLAVOUR


def log_model(estimator: Any, weights: Weights | None, **settings: Any) -> ModelInfo:
    """Log an estimator as `mlflow.sklearn.log_model` does, and its weights if it has any, into the run that is open."""
    own = sys.modules[__name__]
    logged: ModelInfo = Model.log(
        None, own, name="model", flavor_name="sklearn", estimator=estimator, weights=weights, **settings
    )
    return logged


def save_model(
    path: str, mlflow_model: Model, estimator: Any, weights: Weights | None, **settings: Any
) -> None:
    """Write all flavours into a folder: MLflow asks this of the module that stands for a flavour."""
    mlflow.sklearn.save_model(estimator, path, mlflow_model=mlflow_model, **settings)
    if weights is None:
        return
    Path(path, FILE).write_text(weights.text(), encoding="utf-8")
    mlflow_model.add_flavor(FLAVOUR, data=FILE, format=FORMAT)
    mlflow_model.save(str(Path(path, MLMODEL_FILE_NAME)))
