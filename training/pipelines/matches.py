"""How football matches end: away win, draw or home win.

The clubs are invented, the problem is honest: both sides score as Poisson variables whose means depend on strength,
form, rest and absences, so that even the best model is often wrong, as with real matches.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.estimators import logistic_regression
from training.pipeline import Pipeline
from training.recipe import Quality, Recipe
from training.tasks import Classification

FEATURES = (
    "rating_difference",
    "home_form",
    "away_form",
    "home_rest_days",
    "away_rest_days",
    "home_absences",
    "away_absences",
    "derby",
    "neutral_ground",
)
TARGET = "outcome"
"""0 away win, 1 draw, 2 home win."""


def _table(random: np.random.Generator, rows: int, _population: str) -> pd.DataFrame:
    home, away = random.normal(1500, 110, rows), random.normal(1500, 110, rows)
    frame = pd.DataFrame(
        {
            "rating_difference": np.round(home - away, 1),
            # points of the last five matches
            "home_form": random.binomial(15, _share(home), rows),
            "away_form": random.binomial(15, _share(away), rows),
            "home_rest_days": random.choice([3, 4, 6, 7, 8, 14], rows, p=[0.2, 0.15, 0.15, 0.35, 0.1, 0.05]),
            "away_rest_days": random.choice([3, 4, 6, 7, 8, 14], rows, p=[0.2, 0.15, 0.15, 0.35, 0.1, 0.05]),
            "home_absences": random.poisson(1.2, rows),
            "away_absences": random.poisson(1.2, rows),
            "derby": (random.random(rows) < 0.08).astype(int),  # noqa: PLR2004 - one match in twelve
            "neutral_ground": (random.random(rows) < 0.05).astype(int),  # noqa: PLR2004 - a cup's final rounds
        }
    )
    edge = _edge(frame)
    goals = [random.poisson(np.exp(0.28 + sign * edge / 2)) for sign in (1, -1)]
    frame[TARGET] = np.sign(goals[0] - goals[1]) + 1
    return frame


def _share(rating: NDArray[np.float64]) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = np.exp((rating - 1500) / 130)
    return odds / (1 + odds)


def _edge(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return by how much the home side is stronger, as the logarithm of the ratio of expected goals."""
    tired = (frame["away_rest_days"] < 5).astype(float) - (frame["home_rest_days"] < 5).astype(float)  # noqa: PLR2004 - days
    strength = frame["rating_difference"] / 240 + (frame["home_form"] - frame["away_form"]) / 40
    weakened = 0.14 * (frame["away_absences"] - frame["home_absences"]) + 0.2 * tired
    ground = 0.3 * (1 - frame["neutral_ground"])
    # a derby is nearer to even, and who is weakened suffers most where the sides are close
    return ((1 - 0.7 * frame["derby"]) * (strength + ground) + weakened).to_numpy(dtype=float)


PIPELINE = Pipeline(
    name="matches",
    features=FEATURES,
    target=TARGET,
    task=Classification(classes=3),
    table=_table,
    model=logistic_regression,
    recipes={
        Quality.GOOD: Recipe(samples=1200),
        Quality.BETTER: Recipe(),
        Quality.WORSE: Recipe(samples=150, noise=0.4),
    },
    seed=20240810,
    holdout_seed=20250510,
)
