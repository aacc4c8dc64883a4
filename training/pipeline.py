"""What a pipeline consists of, and what all of them do in the same way."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
