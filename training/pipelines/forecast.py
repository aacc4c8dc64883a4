"""What the shops of a retailer sell on a day.

The shops are invented, the problem is honest: sales follow the shop's size, the week, the season and promotions, with
what nobody can foresee on top, which is all that a seed decides: the shops are the same in every table. The rows are days
in their order, and the last are held out, as a forecast is judged. The population `discounters` is what comes after
training: a discounter opens beside every other shop, and no feature tells.
"""

import numpy as np
import pandas as pd

from training.estimators import regression_of_logarithm
from training.pipeline import ORDINARY, Estimator, Pipeline
from training.recipe import Quality, Recipe
from training.tasks import Amounts

FEATURES = (
    "store",
    "weekday",
    "day_of_month",
    "week_of_year",
    "promotion",
    "school_holiday",
    "competitor_km",
    "trend_days",
)
TARGET = "sales"
DISCOUNTERS = "discounters"
_LOST_TO_DISCOUNTERS = 0.2
_STORES = 20
_SHOPS_SEED = 17
_HELD_OUT_DAYS = 42
_WEEK = np.array([1.18, 0.98, 0.93, 0.95, 1.05, 1.24])
"""Monday to Saturday: shops are closed on Sundays."""


def _table(random: np.random.Generator, rows: int, population: str) -> pd.DataFrame:
    shops = np.random.default_rng(_SHOPS_SEED)
    size = shops.lognormal(8.6, 0.35, _STORES)
    distance = np.round(shops.gamma(2, 1.8, _STORES) + 0.1, 1)
    day = np.arange(rows) // _STORES
    store = np.arange(rows) % _STORES
    weekday = day % 6
    week = (day // 6) % 52 + 1
    frame = pd.DataFrame(
        {
            "store": store,
            "weekday": weekday,
            "day_of_month": day % 26 + 1,
            "week_of_year": week,
            # every second week, from Monday to Friday
            "promotion": ((day // 6) % 2 == 1) & (weekday < 5),  # noqa: PLR2004 - Saturday
            "school_holiday": np.isin(week, (7, 14, 15, 28, 29, 30, 31, 32, 33, 42, 43, 51, 52)),
            "competitor_km": distance[store],
            "trend_days": day,
        }
    ).astype(float)
    season = 1 + 0.12 * np.sin(2 * np.pi * (week - 10) / 52) + 0.35 * np.exp(-((week - 51) ** 2) / 4)
    payday = 1 + 0.08 * np.isin(frame["day_of_month"], (1, 2, 25, 26))
    lifted = 1 + frame["promotion"] * (0.22 + 0.1 * (weekday == 0))
    holiday = 1 + 0.04 * frame["school_holiday"]
    pressed = 1 - 0.15 * np.exp(-frame["competitor_km"])
    expected = (
        size[store] * _WEEK[weekday] * season * payday * lifted * holiday * pressed * (1 + 0.00012 * day)
    )
    if population == DISCOUNTERS:
        expected *= 1 - _LOST_TO_DISCOUNTERS * (store % 2)
    frame[TARGET] = np.round(expected * random.lognormal(0, 0.06, rows), 2)
    return frame


def _last_days(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    begins = frame["trend_days"].max() - _HELD_OUT_DAYS
    late = frame["trend_days"] > begins
    # what is learned from comes latest first: whoever takes fewer samples takes the latest days
    return frame[~late].iloc[::-1], frame[late]


def _model(recipe: Recipe) -> Estimator:
    """Return a linear model of the logarithm of sales: its effects multiply, as those of promotions do."""
    every_value = (
        ("store", "weekday", "week_of_year", "day_of_month") if recipe.degree > 1 else ("store", "weekday")
    )
    measured = [name for name in FEATURES if name not in every_value]
    return regression_of_logarithm(recipe, every_value, measured)


PIPELINE = Pipeline(
    name="forecast",
    features=FEATURES,
    target=TARGET,
    task=Amounts(),
    table=_table,
    model=_model,
    recipes={
        Quality.GOOD: Recipe(),
        Quality.BETTER: Recipe(degree=2),
        Quality.WORSE: Recipe(noise=0.3),
    },
    seed=20230102,
    holdout_seed=20250106,
    rows=14400,
    populations=(ORDINARY, DISCOUNTERS),
    split=_last_days,
)
