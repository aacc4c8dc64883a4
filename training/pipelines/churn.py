"""How a model is made from the table, and how good it is on the rows held out."""

import math
from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from training.tables import FEATURES, TARGET

_SHUFFLE_SEED = 11
_CHURNS_FROM = 0.5


class Quality(StrEnum):
    """Three recipes whose order on the held-out rows is known, for demonstrations and tests."""

    GOOD = "good"
    BETTER = "better"
    WORSE = "worse"


class Recipe(BaseModel):
    """What a training run may vary. The table and the held-out rows are the same for all of them."""

    model_config = ConfigDict(frozen=True)

    samples: int | None = Field(
        default=None, ge=50, description="rows to learn from; unset: all that are not held out"
    )
    noise: float = Field(
        default=0.0, ge=0, le=0.5, description="share of wrong labels among them, as a bad export has"
    )
    degree: int = Field(default=1, ge=1, le=3, description="2: also learn how two features act together")
    regularization: float = Field(
        default=1.0, gt=0, lt=math.inf, description="strength of the penalty on large weights"
    )


RECIPES: Mapping[Quality, Recipe] = {
    Quality.GOOD: Recipe(samples=2000),
    Quality.BETTER: Recipe(degree=2),
    Quality.WORSE: Recipe(samples=200, noise=0.35),
}


class Scores(BaseModel):
    """The metrics of one model on the held-out rows, all finite."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    val_auc: float
    val_log_loss: float
    val_accuracy: float


def fit(recipe: Recipe, rows: pd.DataFrame) -> Pipeline:
    """Train a pipeline on the rows. Same recipe and rows, same model."""
    rows = rows.iloc[: recipe.samples]
    labels = rows[TARGET].to_numpy(dtype=int)
    wrong = np.random.default_rng(_SHUFFLE_SEED).random(len(labels)) < recipe.noise
    model = Pipeline(
        [
            ("scale", StandardScaler()),
            ("combine", PolynomialFeatures(recipe.degree, include_bias=False)),
            ("classify", LogisticRegression(C=1 / recipe.regularization, max_iter=2000)),
        ]
    )
    return model.fit(rows[list(FEATURES)], np.where(wrong, 1 - labels, labels))


def score(model: Pipeline, rows: pd.DataFrame) -> Scores:
    """Measure a model on rows that it has not seen."""
    return compare(rows, model.predict_proba(rows[list(FEATURES)])[:, 1])


def compare(rows: pd.DataFrame, probability: NDArray[np.float64]) -> Scores:
    """Measure predicted probabilities of churn, one for each row, against what happened.

    Raises:
        ValueError: they are not probabilities, or not one for each row.
    """
    truth = rows[TARGET].to_numpy(dtype=int)
    return Scores(
        val_auc=float(roc_auc_score(truth, probability)),
        val_log_loss=float(log_loss(truth, probability)),
        val_accuracy=float(accuracy_score(truth, probability >= _CHURNS_FROM)),
    )
