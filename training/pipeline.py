"""What a pipeline consists of, and what all of them do in the same way."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np
import pandas as pd

from training.recipe import Quality, Recipe
from training.tables import DataError, Table, split_at_random
from training.tasks import Task

ORDINARY = "ordinary"
"""The population that every pipeline can make."""
_SHUFFLE_SEED = 11

Estimator = Any
"""scikit-learn has no types."""
MakesRows = Callable[[np.random.Generator, int, str], pd.DataFrame]
"""From randomness, the number of rows and the population to a frame with the features and the target."""


@dataclass(frozen=True)
class Pipeline:
    """One example's own part of training."""

    name: str
    """Of the registered model and the experiment unless told otherwise; the datasets' names begin with it."""
    features: tuple[str, ...]
    task: Task
    target: str
    table: MakesRows
    model: Callable[[Recipe], Estimator]
    """From a recipe to an estimator that is not fitted yet."""
    recipes: Mapping[Quality, Recipe]
    seed: int
    """Of the table that models are trained from."""
    holdout_seed: int
    """Of the fresh table that versions are compared on."""
    rows: int = 6000
    populations: tuple[str, ...] = (ORDINARY,)
    """Whose outcomes a generated table shows."""
    split: Callable[[pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]] = split_at_random
    """Into the rows to train on and those held out."""

    def generate(self, rows: int | None = None, seed: int | None = None, population: str = ORDINARY) -> Table:
        """Make a table: same rows, seed and population, same bytes.

        Raises:
            DataError: no table can be made of such numbers, or of such a population.
        """
        rows = self.rows if rows is None else rows
        seed = self.seed if seed is None else seed
        if rows < 1 or seed < 0:
            raise DataError(
                f"a table of {rows} rows from seed {seed}: rows must be 1 or more, a seed 0 or more"
            )
        if population not in self.populations:
            raise DataError(f"{self.name} knows the population {' or '.join(self.populations)} only")
        frame = self.table(np.random.default_rng(seed), rows, population)
        return Table.of(
            frame[[*self.features, self.target]], f"generated from seed {seed}, population {population}"
        )

    def frame(self, table: Table) -> pd.DataFrame:
        """Return a table as floats, one column for each feature and the target.

        Raises:
            DataError: it is not a table of this pipeline.
        """
        frame = table.numbers((*self.features, self.target))
        try:
            self.task.check(frame[self.target])
        except ValueError as error:
            raise DataError(f"{table.source}: {self.target} {error}") from error
        return frame

    def fit(self, recipe: Recipe, rows: pd.DataFrame) -> Estimator:
        """Train an estimator on the rows. Same recipe and rows, same model."""
        rows = rows.iloc[: recipe.samples]
        outcomes = rows[self.target].to_numpy(dtype=float)
        learned = self.task.spoil(outcomes, recipe.noise, np.random.default_rng(_SHUFFLE_SEED))
        return self.model(recipe).fit(rows[list(self.features)], learned)

    def predict(self, estimator: Estimator, rows: pd.DataFrame) -> Any:
        """Return what would be served for these rows."""
        return getattr(estimator, self.task.predict_method)(rows[list(self.features)])

    def measure(self, rows: pd.DataFrame, predicted: Any, prefix: str) -> Mapping[str, float]:
        """Measure predictions for these rows; `auc` is called `val_auc` with the prefix `val`.

        Raises:
            ValueError: they are no such predictions, or a metric of them is not finite.
        """
        outcomes = rows[self.target].to_numpy(dtype=float)
        scores = self.task.measure(outcomes, np.asarray(predicted, dtype=float))
        if not all(map(math.isfinite, scores.values())):
            raise ValueError(f"metrics are not finite: {dict(scores)}")
        return {f"{prefix}_{name}": value for name, value in scores.items()}

def train(
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
        if pointer is not None:
            mlflow.log_artifact(str(pointer))
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
