"""What is predicted, and how it is measured: the same for all pipelines that predict the same kind of thing.

Metrics have plain names here (`auc`); a training run logs them as `val_auc`, an evaluation as `holdout_auc`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training import scores

Floats = NDArray[np.float64]


class Task(Protocol):
    """A kind of prediction."""

    @property
    def predict_method(self) -> str:
        """The method of the fitted estimator whose answer is served and measured."""

    def check(self, outcomes: pd.Series) -> None:
        """Look at the outcomes in a table.

        Raises:
            ValueError: they are not outcomes of this kind.
        """

    def spoil(self, outcomes: Floats, share: float, random: np.random.Generator) -> NDArray[Any]:
        """Return what is learned from, with this share of the outcomes wrong."""

    def measure(self, outcomes: Floats, predicted: Floats) -> Mapping[str, float]:
        """Measure what the method predicted, one answer for each outcome.

        Raises:
            ValueError: it is no prediction of this kind, or not one for each outcome.
        """


@dataclass(frozen=True)
class Classification:
    """Classes 0, 1, ...: probabilities are served, one column for each class."""

    classes: int = 2
    predict_method: str = "predict_proba"

    def check(self, outcomes: pd.Series) -> None:
        """Refuse other classes, and a table in which one does not occur."""
        names = [str(number) for number in range(self.classes)]
        if set(outcomes) != set(map(float, names)):
            words = f"{', '.join(names[:-1])} or {names[-1]}"
            every = "both" if len(names) == 2 else "all"  # noqa: PLR2004 - a matter of grammar
            raise ValueError(f"must be {words}, and {every} must occur")

    def spoil(self, outcomes: Floats, share: float, random: np.random.Generator) -> NDArray[Any]:
        """Put the next class in place of the right one."""
        labels = outcomes.astype(int)
        wrong = random.random(len(labels)) < share
        return np.where(wrong, (labels + 1) % self.classes, labels)

    def measure(self, outcomes: Floats, predicted: Floats) -> Mapping[str, float]:
        """Measure probabilities: log loss and accuracy, of two classes also the areas under two curves."""
        if predicted.shape != (len(outcomes), self.classes):
            raise ValueError(
                f"predictions have the shape {predicted.shape}, not {(len(outcomes), self.classes)}"
            )
        if not ((predicted >= 0) & (predicted <= 1)).all() or not np.allclose(predicted.sum(axis=1), 1):
            raise ValueError("predictions are no probabilities: from 0 to 1, with a sum of 1")
        truth = outcomes.astype(int)
        measured = {
            "log_loss": scores.log_loss(truth, predicted),
            "accuracy": scores.accuracy(truth, predicted),
        }
        return measured if self.classes > 2 else {**self._curves(truth, predicted[:, 1]), **measured}  # noqa: PLR2004 - as above

    def _curves(self, truth: NDArray[np.int_], probability: Floats) -> Mapping[str, float]:
        return {"auc": scores.auc(truth, probability)}


@dataclass(frozen=True)
class RareEvent(Classification):
    """Two classes, of which 1 is rare: it also counts how many are right of the few that a model is sure of."""

    def _curves(self, truth: NDArray[np.int_], probability: Floats) -> Mapping[str, float]:
        return {
            **super()._curves(truth, probability),
            "average_precision": scores.average_precision(truth, probability),
        }


@dataclass(frozen=True)
class Amounts:
    """Amounts of which each counts in proportion: an error of ten in a hundred is as bad as one in ten."""

    predict_method: str = "predict"

    def check(self, outcomes: pd.Series) -> None:
        """Refuse what is not above zero."""
        if not (outcomes > 0).all():
            raise ValueError("must be above 0")

    def spoil(self, outcomes: Floats, share: float, random: np.random.Generator) -> NDArray[Any]:
        """Put what was counted elsewhere in place of the right amount."""
        wrong = random.random(len(outcomes)) < share
        return np.where(wrong, random.permutation(outcomes), outcomes)

    def measure(self, outcomes: Floats, predicted: Floats) -> Mapping[str, float]:
        """Measure the error as a share of the amount: root mean square, and mean."""
        if predicted.shape != outcomes.shape:
            raise ValueError(f"predictions have the shape {predicted.shape}, not {outcomes.shape}")
        shares = (outcomes - predicted) / outcomes
        return {"rmspe": float(np.sqrt(np.mean(shares**2))), "mape": float(np.mean(np.abs(shares)))}
