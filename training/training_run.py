"""One training run, from the table to a finished MLflow run, and on to a registered version when asked."""

from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient
from pydantic import BaseModel, ConfigDict, FiniteFloat
from pydantic.alias_generators import to_camel

from training.pipeline import Pipeline
from training.recipe import Recipe
from training.registration import Registration, register_run
from training.settings import report
from training.tables import Table
from training.weights import Weights
from training.weights_flavour import log_model

_REQUIREMENTS = ("mlflow", "scikit-learn", "skops", "pandas", "numpy")


class TrainedModel(BaseModel):
    """What a pipeline needs to know afterwards. `version` is unset when the run was not registered."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    model: str
    version: str | None
    alias: str | None
    run_id: str
    data_md5: str
    metrics: Mapping[str, FiniteFloat]


def train(
    pipeline: Pipeline,
    recipe: Recipe,
    table: Table,
    experiment: str,
    run_tags: Mapping[str, str],
    wanted: Registration | None,
    pointer: Path | None = None,
) -> TrainedModel:
    """Train and log one model; register it when `wanted` says how.

    The DVC pointer that names the table is kept among the run's files.

    The version is created after the run has its metrics, so that nobody meets a version that cannot be judged
    yet.

    Raises:
        DataError: the table cannot be used.
        mlflow.MlflowException: the server did not answer or refused.
    """
    frame = pipeline.frame(table)
    known, held_out = pipeline.split(frame)
    model = pipeline.fit(recipe, known)
    predicted = np.asarray(pipeline.predict(model, held_out))
    scores = pipeline.measure(held_out, predicted, "val")
    mlflow.set_experiment(experiment)
    with mlflow.start_run(tags=dict(run_tags)) as run:
        mlflow.log_params(
            {
                **recipe.model_dump(),
                "samples": len(known.iloc[: recipe.samples]),
                "data_md5": table.md5,
                "data_rows": len(frame),
            }
        )
        data = from_pandas(frame, targets=pipeline.target, name=pipeline.name, digest=table.md5)
        holdout = from_pandas(held_out, targets=pipeline.target, name=f"{pipeline.name}-holdout")
        if pointer is not None:
            mlflow.log_artifact(str(pointer))
        mlflow.log_input(data, context="training")
        mlflow.log_input(holdout, context="validation")
        features = held_out[list(pipeline.features)]
        logged = log_model(
            model,
            _weights(model, features, predicted),
            signature=infer_signature(features, predicted),
            input_example=features.head(3),
            pyfunc_predict_fn=pipeline.task.predict_method,
            # Written out, because MLflow would find them by starting another Python that loads the model.
            pip_requirements=[f"{package}=={installed(package)}" for package in _REQUIREMENTS],
        )
        mlflow.log_metrics(dict(scores), dataset=holdout, model_id=logged.model_id)
    run_id = run.info.run_id
    return TrainedModel(
        model=wanted.model if wanted else experiment,
        version=register_run(MlflowClient(), run_id, wanted) if wanted else None,
        alias=wanted.alias if wanted else None,
        run_id=run_id,
        data_md5=table.md5,
        metrics=scores,
    )


def _weights(model: Any, rows: pd.DataFrame, predicted: Any) -> Weights | None:
    """Return what the model can be served by without scikit-learn; one that has none is served by MLflow."""
    # Here and not above: this is the one thing before training that needs scikit-learn.
    from training.weights_of import UntranslatableError, weights_of  # noqa: PLC0415

    try:
        return weights_of(model, rows, predicted)
    except UntranslatableError as error:
        report("info", f"logged without weights: {error}")
        return None
