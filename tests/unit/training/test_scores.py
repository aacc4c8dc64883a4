"""Our metrics are scikit-learn's: the same numbers, also where probabilities are equal, or 0 and 1."""

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, log_loss, roc_auc_score

from training import scores

RANDOM = np.random.default_rng(5)
TRUTH = (RANDOM.random(400) < 0.1).astype(int)
RISK = np.clip(0.3 * TRUTH + RANDOM.random(400) * 0.7, 0, 1)
TABLES = {
    "all different": RISK,
    "many equal": np.round(RISK, 1),
    "all equal": np.full(400, 0.5),
    "sure, and sometimes wrong": (RISK > 0.6).astype(float),
}


@pytest.mark.parametrize("probability", TABLES.values(), ids=TABLES.keys())
def test_scores_of_two_classes_are_those_of_scikit_learn(probability: np.ndarray) -> None:
    both = np.column_stack([1 - probability, probability])

    assert scores.auc(TRUTH, probability) == pytest.approx(roc_auc_score(TRUTH, probability), rel=1e-12)
    assert scores.average_precision(TRUTH, probability) == pytest.approx(
        average_precision_score(TRUTH, probability), rel=1e-12
    )
    assert scores.log_loss(TRUTH, both) == pytest.approx(log_loss(TRUTH, both), rel=1e-12)
    assert scores.accuracy(TRUTH, both) == accuracy_score(TRUTH, both.argmax(axis=1))


def test_scores_of_three_classes_are_those_of_scikit_learn() -> None:
    truth = RANDOM.integers(0, 3, 300)
    shares = RANDOM.dirichlet((1, 2, 3), 300)

    assert scores.log_loss(truth, shares) == pytest.approx(
        log_loss(truth, shares, labels=[0, 1, 2]), rel=1e-12
    )
    assert scores.accuracy(truth, shares) == accuracy_score(truth, shares.argmax(axis=1))


def test_a_class_that_does_not_occur_gives_no_number() -> None:
    nothing = np.zeros(4, dtype=int)

    assert math.isnan(scores.auc(nothing, RISK[:4]))
    assert math.isnan(scores.auc(nothing + 1, RISK[:4]))
    assert math.isnan(scores.average_precision(nothing, RISK[:4]))
