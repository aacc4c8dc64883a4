"""The three qualities stand in a known order on the same held-out rows, each time."""

import pytest
from pydantic import ValidationError

from training.data import generate, split
from training.recipe import RECIPES, Quality, Recipe, Scores, fit, score


def scores_of(quality: Quality) -> Scores:
    known, held_out = split(generate().frame())
    return score(fit(RECIPES[quality], known), held_out)


def test_better_is_clearly_better_and_worse_clearly_worse() -> None:
    good, better, worse = (scores_of(quality) for quality in (Quality.GOOD, Quality.BETTER, Quality.WORSE))

    assert better.val_auc >= good.val_auc + 0.004
    assert worse.val_auc <= good.val_auc - 0.02
    assert better.val_log_loss < good.val_log_loss < worse.val_log_loss


def test_same_recipe_gives_same_scores() -> None:
    assert scores_of(Quality.WORSE) == scores_of(Quality.WORSE)


@pytest.mark.parametrize(
    ("field", "value"),
    [("noise", 0.6), ("noise", float("nan")), ("samples", 3), ("regularization", 0), ("regularization", float("inf"))],
)
def test_recipe_without_sense_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        Recipe.model_validate({field: value})


def test_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValidationError, match="val_auc"):
        Scores(val_auc=float("nan"), val_log_loss=0.1, val_accuracy=0.5)
