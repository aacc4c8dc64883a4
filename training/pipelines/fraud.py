"""Which card payments are fraud.

The payments are invented, the problem is honest: about one in fifty is fraud, and fraud shows in how amount, hour, distance
and speed come together, not in any of them alone.
"""

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.estimators import logistic_regression
from training.pipeline import Pipeline
from training.recipe import Quality, Recipe
from training.tasks import RareEvent

FEATURES = (
    "amount",
    "hour",
    "km_from_home",
    "payments_last_hour",
    "account_age_days",
    "card_present",
    "foreign",
    "amount_to_average",
)
TARGET = "fraud"


def _table(random: np.random.Generator, rows: int, _population: str) -> pd.DataFrame:
    average = random.lognormal(3.4, 0.5, rows)
    ratio = random.lognormal(0, 0.7, rows)
    frame = pd.DataFrame(
        {
            "amount": np.round(average * ratio, 2),
            "hour": np.round(random.normal(14.5, 4.5, rows) % 24).astype(int) % 24,
            "km_from_home": np.round(random.lognormal(1.4, 1.3, rows), 1),
            "payments_last_hour": random.poisson(0.4, rows),
            "account_age_days": random.integers(1, 3650, rows),
            "card_present": (random.random(rows) < 0.7).astype(int),  # noqa: PLR2004 - most pay in a shop
            "foreign": (random.random(rows) < 0.06).astype(int),  # noqa: PLR2004 - few pay abroad
            "amount_to_average": np.round(ratio, 2),
        }
    )
    odds = np.exp(_suspicion(frame))
    frame[TARGET] = (random.random(rows) < odds / (1 + odds)).astype(int)
    return frame


def _suspicion(frame: pd.DataFrame) -> NDArray[np.float64]:
    night = (frame["hour"] < 6).astype(float)  # noqa: PLR2004 - o'clock
    far = np.log1p(frame["km_from_home"]) - 1.6
    high = np.log(frame["amount_to_average"].clip(lower=0.01))
    online = 1 - frame["card_present"]
    alone = (
        -6.0
        + 0.7 * high
        + 0.5 * far
        + 0.9 * online
        + 0.8 * frame["foreign"]
        + 0.6 * frame["payments_last_hour"]
    )
    together = 0.9 * online * high + 0.6 * far * frame["payments_last_hour"] + 1.2 * night * online
    new = 0.5 * (frame["account_age_days"] < 60)  # noqa: PLR2004 - days
    suspicion: NDArray[np.float64] = (alone + together + new).to_numpy(dtype=float)
    return suspicion


PIPELINE = Pipeline(
    name="fraud",
    features=FEATURES,
    target=TARGET,
    task=RareEvent(),
    table=_table,
    model=partial(logistic_regression, most_iterations=3000),
    recipes={
        Quality.GOOD: Recipe(samples=6000),
        Quality.BETTER: Recipe(degree=2),
        Quality.WORSE: Recipe(samples=1000, noise=0.05),
    },
    seed=20240214,
    holdout_seed=20250314,
    rows=20000,
)
