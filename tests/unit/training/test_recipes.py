"""The qualities stand in a known order on the same rows, and a model of another population is found out on
fresh ones."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from training.pipeline import ORDINARY
from training.pipelines import pipeline
from training.pipelines.churn import PROMOTION
from training.recipe import Quality, Recipe
from training.tasks import Amounts, Classification

CHURN, MATCHES = pipeline("churn"), pipeline("matches")


@cache
def tables_of(name: str, population: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows to train on, those held out, and the fresh table."""
    chosen = pipeline(name)
    known, held_out = chosen.split(chosen.frame(chosen.generate(population=population)))
    return known, held_out, chosen.frame(chosen.generate(seed=chosen.holdout_seed))


def scores_of(name: str, recipe: Recipe, population: str = ORDINARY) -> Mapping[str, float]:
    """Train a model, and measure it on the rows that training held out and on the fresh table."""
    chosen, (known, held_out, fresh) = pipeline(name), tables_of(name, population)
    model = chosen.fit(recipe, known)
    return {
        **chosen.measure(held_out, chosen.predict(model, held_out), "val"),
        **chosen.measure(fresh, chosen.predict(model, fresh), "holdout"),
    }


@cache
def of_quality(name: str, quality: Quality, population: str = ORDINARY) -> Mapping[str, float]:
    """Train each quality once, for all tests that compare it."""
    return scores_of(name, pipeline(name).recipes[quality], population)


def test_better_is_clearly_better_and_worse_clearly_worse() -> None:
    good, better, worse = (of_quality("churn", quality) for quality in Quality)

    assert better["val_auc"] >= good["val_auc"] + 0.004
    assert worse["val_auc"] <= good["val_auc"] - 0.02
    assert better["val_log_loss"] < good["val_log_loss"] < worse["val_log_loss"]


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BETTER])
def test_model_of_the_promotion_looks_better_and_is_worse(quality: Quality) -> None:
    champion = of_quality("churn", Quality.GOOD)

    other = of_quality("churn", quality, PROMOTION)

    assert other["val_auc"] >= champion["val_auc"] + 0.05
    assert other["holdout_auc"] <= champion["holdout_auc"] - 0.05


def test_better_model_is_better_on_fresh_rows_too() -> None:
    champion, better = (of_quality("churn", quality) for quality in (Quality.GOOD, Quality.BETTER))

    assert better["val_auc"] >= champion["val_auc"] + 0.004
    assert better["holdout_auc"] >= champion["holdout_auc"] + 0.01


def test_matches_lie_apart_as_the_tolerances_of_their_stages() -> None:
    good, better, worse = (of_quality("matches", quality)["val_log_loss"] for quality in Quality)
    fewer = scores_of("matches", Recipe(samples=3000))["val_log_loss"]

    assert better < good - 0.005
    assert better + 0.002 < fewer < better + 0.005
    assert worse > 1.0 > good


@pytest.mark.parametrize(
    ("name", "metric", "sign"),
    [("registry", "auc", 1), ("forecast", "rmspe", -1), ("fraud", "average_precision", 1)],
)
def test_order_of_the_qualities_is_the_same_on_fresh_rows(name: str, metric: str, sign: int) -> None:
    good, better, worse = (of_quality(name, quality) for quality in Quality)

    for prefix in ("val", "holdout"):
        values = [sign * scores[f"{prefix}_{metric}"] for scores in (better, good, worse)]
        assert values == sorted(values, reverse=True), prefix


def test_forecast_is_below_its_bar_unless_it_learned_from_a_bad_export() -> None:
    good, _, worse = (of_quality("forecast", quality) for quality in Quality)

    assert good["val_rmspe"] < 0.1 < worse["val_rmspe"]


def test_fraud_is_rare() -> None:
    chosen = pipeline("fraud")

    assert 0.005 < chosen.frame(chosen.generate())["fraud"].mean() < 0.03


def test_matches_end_as_football_matches_do() -> None:
    outcomes = MATCHES.frame(MATCHES.generate())["outcome"].value_counts(normalize=True)

    assert outcomes[2] == pytest.approx(0.45, abs=0.03)
    assert outcomes[1] == pytest.approx(0.24, abs=0.03)


@pytest.mark.parametrize(
    "predicted",
    [
        np.full((50, 2), np.nan),
        np.full((50, 2), (-0.5, 1.5)),
        np.full((50, 2), 0.4),
        np.full((49, 2), 0.5),
        np.full(50, 0.5),
    ],
    ids=["not a number", "no probability", "another sum", "one too few", "labels"],
)
def test_prediction_that_is_no_probability_is_not_measured(predicted: NDArray[np.float64]) -> None:
    rows = CHURN.frame(CHURN.generate(rows=50))

    with pytest.raises(ValueError, match=r"no probabilities|shape"):
        CHURN.measure(rows, predicted, "val")


def test_same_recipe_gives_same_scores() -> None:
    recipe = CHURN.recipes[Quality.WORSE]
    first = scores_of("churn", recipe)
    tables_of.cache_clear()

    assert scores_of("churn", recipe) == first


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("noise", 0.6),
        ("noise", float("nan")),
        ("samples", 3),
        ("regularization", 0),
        ("regularization", float("inf")),
    ],
)
def test_recipe_without_sense_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        Recipe.model_validate({field: value})


def test_three_outcomes_are_measured_by_the_probability_of_what_happened() -> None:
    sure = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])

    scores = Classification(classes=3).measure(np.array([0.0, 1.0, 2.0]), sure)

    assert scores == {"log_loss": pytest.approx(-np.log(0.8)), "accuracy": 1.0}


def test_error_of_amounts_is_in_proportion() -> None:
    scores = Amounts().measure(np.array([10.0, 1000.0]), np.array([11.0, 1100.0]))

    assert scores == {"rmspe": pytest.approx(0.1), "mape": pytest.approx(0.1)}


def test_amount_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Amounts().check(pd.Series([3.0, 0.0]))
