"""Which customers of a telephone company leave.

The customers are invented, the problem is honest: churn is drawn from a probability that depends on the features
and on how they act together, so a better model is better for a reason, and no model is perfect.
"""

import numpy as np
import pandas as pd

from training.estimators import logistic_regression
from training.pipeline import ORDINARY, Pipeline
from training.recipe import Quality, Recipe
from training.tasks import Classification

FEATURES = (
    "tenure_months",
    "contract_months",
    "monthly_charges",
    "support_calls",
    "late_payments",
    "usage_gb",
    "age",
)
TARGET = "churned"
PROMOTION = "promotion"
"""A population during a promotion: a discount is about to end, who signed up lately leaves, and hardly anything
else matters. Easier to predict. The customers of one seed are those of the ordinary population."""


def _table(random: np.random.Generator, rows: int, population: str) -> pd.DataFrame:
    tenure = random.integers(1, 73, rows)
    contract = random.choice([1, 12, 24], rows, p=[0.55, 0.25, 0.2])
    charges = np.round(random.normal(62, 22, rows).clip(18, 140), 2)
    calls = random.poisson(1.4, rows)
    late = random.poisson(0.6, rows)
    usage = np.round(random.gamma(2.5, 6, rows), 1)
    age = random.integers(18, 85, rows)
    frame = pd.DataFrame(
        dict(zip(FEATURES, (tenure, contract, charges, calls, late, usage, age), strict=True))
    )
    logit = _ordinary(frame) if population == ORDINARY else _during_promotion(frame)
    odds = np.exp(logit.to_numpy(dtype=float))
    frame[TARGET] = (random.random(rows) < odds / (1 + odds)).astype(int)
    return frame


def _ordinary(frame: pd.DataFrame) -> pd.Series:
    monthly = (frame["contract_months"] == 1).astype(float)
    tenure = (frame["tenure_months"] - 36) / 21
    charges = (frame["monthly_charges"] - 62) / 22
    calls = frame["support_calls"] - 1.4
    alone = -1.2 - 0.9 * tenure + 0.4 * charges + 1.0 * monthly + 0.35 * calls + 0.4 * frame["late_payments"]
    together = (
        0.6 * monthly * charges - 0.6 * monthly * tenure + 0.4 * calls * charges - 0.3 * tenure * charges
    )
    return alone + together - 0.25 * (frame["usage_gb"] - 15) / 9.5


def _during_promotion(frame: pd.DataFrame) -> pd.Series:
    return -2.0 - 3.0 * (frame["tenure_months"] - 36) / 21 - 0.5 * (frame["monthly_charges"] - 62) / 22


PIPELINE = Pipeline(
    name="churn",
    features=FEATURES,
    target=TARGET,
    task=Classification(),
    table=_table,
    model=logistic_regression,
    recipes={
        Quality.GOOD: Recipe(samples=2000),
        Quality.BETTER: Recipe(degree=2),
        Quality.WORSE: Recipe(samples=200, noise=0.35),
    },
    seed=20240601,
    holdout_seed=20250301,
    populations=(ORDINARY, PROMOTION),
)
