"""How well probabilities tell what happened, as scikit-learn's metrics of these names count it.

Written out, because importing scikit-learn costs more than everything else that measuring a version does. The tests
compare each with scikit-learn's.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int_]


def accuracy(truth: Labels, probabilities: Floats) -> float:
    """Return the share of rows whose most likely class is the right one."""
    return float(np.mean(truth == probabilities.argmax(axis=1)))


def log_loss(truth: Labels, probabilities: Floats) -> float:
    """Return the mean of the negative logarithm of the right class's probability; never infinite."""
    least = np.finfo(float).eps
    right = probabilities[np.arange(len(truth)), truth]
    return float(-np.mean(np.log(np.clip(right, least, 1 - least))))


def auc(truth: Labels, probability: Floats) -> float:
    """Return the area under the ROC curve; not a number if one of the two classes does not occur."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    hits, alarms = _at_thresholds(truth, probability)
    return float(np.trapezoid(np.append(0, hits), np.append(0, alarms)) / positives / negatives)


def average_precision(truth: Labels, probability: Floats) -> float:
    """Return the mean of the precision, weighed by what each threshold adds to recall; not a number without a 1."""
    positives = int(truth.sum())
    if not positives:
        return float("nan")
    hits, alarms = _at_thresholds(truth, probability)
    return float(np.sum(np.diff(hits, prepend=0) * hits / (hits + alarms)) / positives)


def _at_thresholds(truth: Labels, probability: Floats) -> tuple[Floats, Floats]:
    """Return for each threshold, the highest first, how many rows of class 1 and of class 0 are not below it."""
    order = np.argsort(-probability, kind="stable")
    last_of_equals = np.append(np.flatnonzero(np.diff(probability[order])), len(truth) - 1)
    hits = np.cumsum(truth[order], dtype=float)[last_of_equals]
    return hits, last_of_equals + 1 - hits
