"""One training run, from the table to a finished MLflow run, and on to a registered version when asked."""

from collections.abc import Mapping
from importlib.metadata import version as installed

import mlflow
import mlflow.sklearn
import numpy as np
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from training.pipelines.churn import Recipe, Scores, fit, score
from training.registration import Registration, register_run
from training.tables import FEATURES, TARGET, Table, split

_REQUIREMENTS = ("mlflow", "scikit-learn", "skops", "pandas", "numpy")


class TrainedModel(BaseModel):
    """What a pipeline needs to know afterwards. `version` is unset when the run was not registered."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    model: str
    version: str | None
    alias: str | None
    run_id: str
    data_md5: str
    metrics: Scores


def train(
    recipe: Recipe, table: Table, experiment: str, run_tags: Mapping[str, str], wanted: Registration | None
) -> TrainedModel:
    """Train and log one model; register it when `wanted` says how.

    The version is created after the run has its metrics, so that nobody meets a version that cannot be judged
    yet.

    Raises:
        DataError: the table cannot be used.
        mlflow.MlflowException: the server did not answer or refused.
    """
    known, held_out = split(table.frame())
    model = fit(recipe, known)
    scores = score(model, held_out)
    mlflow.set_experiment(experiment)
    with mlflow.start_run(tags=dict(run_tags)) as run:
        mlflow.log_params(
            {
                **recipe.model_dump(),
                "samples": len(known.iloc[: recipe.samples]),
                "data_md5": table.md5,
                "data_rows": len(known) + len(held_out),
            }
        )
        data = from_pandas(table.frame(), targets=TARGET, name="churn", digest=table.md5)
        holdout = from_pandas(held_out, targets=TARGET, name="churn-holdout")
        mlflow.log_input(data, context="training")
        mlflow.log_input(holdout, context="validation")
        features = held_out[list(FEATURES)]
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(features, np.asarray(model.predict_proba(features))),
            input_example=features.head(3),
            pyfunc_predict_fn="predict_proba",
            # Written out, because MLflow would find them by starting another Python that loads the model.
            pip_requirements=[f"{package}=={installed(package)}" for package in _REQUIREMENTS],
        )
        mlflow.log_metrics(scores.model_dump(), dataset=holdout, model_id=logged.model_id)
    run_id = run.info.run_id
    return TrainedModel(
        model=wanted.model if wanted else experiment,
        version=register_run(MlflowClient(), run_id, wanted) if wanted else None,
        alias=wanted.alias if wanted else None,
        run_id=run_id,
        data_md5=table.md5,
        metrics=scores,
    )
