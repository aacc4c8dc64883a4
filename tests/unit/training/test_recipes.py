"""The qualities stand in a known order on the same rows, and a model of another population is found out on
fresh ones."""

import numpy as np
import pytest
from pydantic import ValidationError

from training.pipelines.churn import RECIPES, Quality, Recipe, Scores, compare, fit, score
from training.tables import HOLDOUT_SEED, Population, generate, split


def scores_of(quality: Quality) -> Scores:
    known, held_out = split(generate().frame())
    return score(fit(RECIPES[quality], known), held_out)


def own_and_fresh(quality: Quality, population: Population) -> tuple[float, float]:
    """Return the AUC on the rows that training held out, and on a fresh table of ordinary customers."""
    known, held_out = split(generate(population=population).frame())
    model = fit(RECIPES[quality], known)
    return score(model, held_out).val_auc, score(model, generate(seed=HOLDOUT_SEED).frame()).val_auc


def test_better_is_clearly_better_and_worse_clearly_worse() -> None:
    good, better, worse = (scores_of(quality) for quality in (Quality.GOOD, Quality.BETTER, Quality.WORSE))

    assert better.val_auc >= good.val_auc + 0.004
    assert worse.val_auc <= good.val_auc - 0.02
    assert better.val_log_loss < good.val_log_loss < worse.val_log_loss


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BETTER])
def test_model_of_the_promotion_looks_better_and_is_worse(quality: Quality) -> None:
    champion_own, champion_fresh = own_and_fresh(Quality.GOOD, Population.ORDINARY)
    own, fresh = own_and_fresh(quality, Population.PROMOTION)

    assert own >= champion_own + 0.05
    assert fresh <= champion_fresh - 0.05


def test_better_model_is_better_on_fresh_rows_too() -> None:
    champion_own, champion_fresh = own_and_fresh(Quality.GOOD, Population.ORDINARY)
    own, fresh = own_and_fresh(Quality.BETTER, Population.ORDINARY)

    assert own >= champion_own + 0.004
    assert fresh >= champion_fresh + 0.01


def test_prediction_that_is_no_probability_is_not_measured() -> None:
    rows = generate(rows=50).frame()

    for wrong in (np.full(50, np.nan), np.full(50, 1.5), np.full(49, 0.5)):
        with pytest.raises(ValueError, match=r"NaN|inconsistent|probabilities|y_prob"):
            compare(rows, wrong)


def test_same_recipe_gives_same_scores() -> None:
    assert scores_of(Quality.WORSE) == scores_of(Quality.WORSE)


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


def test_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValidationError, match="val_auc"):
        Scores(val_auc=float("nan"), val_log_loss=0.1, val_accuracy=0.5)
