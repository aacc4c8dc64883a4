"""Which loans are not paid back: one of the models that an enterprise keeps in its registry.

The borrowers are invented, the problem is honest: default is drawn from a probability that depends on income, debt,
history and how they act together.
"""

import numpy as np
import pandas as pd

from training.estimators import logistic_regression
from training.pipeline import Pipeline
from training.recipe import Quality, Recipe
from training.tasks import Classification

FEATURES = (
    "income_thousands",
    "loan_thousands",
    "debt_to_income",
    "credit_history_years",
    "late_payments",
    "years_employed",
    "open_credits",
    "owns_home",
)
TARGET = "defaulted"


def _table(random: np.random.Generator, rows: int, _population: str) -> pd.DataFrame:
    income = random.lognormal(3.8, 0.45, rows)
    frame = pd.DataFrame(
        {
            "income_thousands": np.round(income, 1),
            "loan_thousands": np.round(income * random.uniform(0.1, 1.4, rows), 1),
            "debt_to_income": np.round(random.beta(2, 5, rows), 2),
            "credit_history_years": random.integers(0, 35, rows),
            "late_payments": random.poisson(0.7, rows),
            "years_employed": random.integers(0, 30, rows),
            "open_credits": random.poisson(2.2, rows),
            "owns_home": (random.random(rows) < 0.45).astype(int),  # noqa: PLR2004 - nearly half of them
        }
    )
    odds = np.exp(_risk(frame))
    frame[TARGET] = (random.random(rows) < odds / (1 + odds)).astype(int)
    return frame


def _risk(frame: pd.DataFrame) -> pd.Series:
    burden = frame["loan_thousands"] / frame["income_thousands"] - 0.75
    debt = (frame["debt_to_income"] - 0.28) / 0.16
    young = (frame["credit_history_years"] < 4).astype(float)  # noqa: PLR2004 - years
    alone = -2.1 + 1.4 * burden + 0.6 * debt + 0.5 * frame["late_payments"] - 0.5 * frame["owns_home"]
    together = 0.9 * burden * debt + 0.5 * young * debt + 0.25 * debt * frame["late_payments"]
    return alone + together - 0.03 * frame["years_employed"] + 0.08 * frame["open_credits"]


PIPELINE = Pipeline(
    name="registry-credit-risk",
    features=FEATURES,
    target=TARGET,
    task=Classification(),
    table=_table,
    model=logistic_regression,
    recipes={
        Quality.GOOD: Recipe(samples=2000),
        Quality.BETTER: Recipe(degree=2),
        Quality.WORSE: Recipe(samples=200, noise=0.3),
    },
    seed=20240320,
    holdout_seed=20250420,
)
