"""From a fitted estimator of scikit-learn to its weights, where it is one that they can tell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from training.weights import Divide, Floats, Indicate, Link, Multiply, Part, Standardize, Step, Weights

_TOLERANCE = 1e-9
"""Between two orders of the same additions."""


class UntranslatableError(ValueError):
    """The estimator is none whose weights alone tell what it predicts."""


def weights_of(estimator: Any, rows: pd.DataFrame, predicted: Any) -> Weights:
    """Return the weights of an estimator; they predict for these rows what it predicted for them.

    Raises:
        UntranslatableError: it has a part that is not known here, or its weights predict something else.
    """
    try:
        weights = _translated(estimator, tuple(map(str, rows.columns)))
        own = weights.predict(rows.to_numpy(dtype=float))
    except ValueError as error:
        raise UntranslatableError(str(error)) from error
    if own.shape != np.shape(predicted) or not np.allclose(own, predicted, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise UntranslatableError("the weights do not predict what the estimator predicts")
    return weights


def _translated(estimator: Any, features: tuple[str, ...]) -> Weights:
    link, fitted = _without_transformed_target(estimator)
    *before, last = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    return Weights(
        features=features,
        steps=tuple(_step(step, features) for step in before),
        coefficients=np.atleast_2d(_attribute(last, "coef_")),
        intercepts=np.atleast_1d(_attribute(last, "intercept_")),
        link=link or _link(last),
    )


def _without_transformed_target(estimator: Any) -> tuple[Link | None, Any]:
    if not isinstance(estimator, TransformedTargetRegressor):
        return None, estimator
    if estimator.func is not np.log or estimator.inverse_func is not np.exp:
        raise UntranslatableError("the target is transformed by something else than a logarithm")
    return Link.EXPONENTIAL, estimator.regressor_


def _link(last: Any) -> Link:
    match last:
        case LogisticRegression():
            return Link.LOGISTIC if len(last.coef_) == 1 else Link.SOFTMAX
        case LinearRegression() | Ridge():
            return Link.AMOUNT
        case _:
            raise _unknown(last)


def _step(transformer: Any, features: Sequence[str]) -> Step:
    match transformer:
        case StandardScaler(with_mean=True, with_std=True):
            return Standardize(_attribute(transformer, "mean_"), _attribute(transformer, "scale_"))
        case PolynomialFeatures():
            return Multiply(tuple(_factors(powers) for powers in transformer.powers_))
        case OneHotEncoder(drop=None, handle_unknown="ignore", min_frequency=None, max_categories=None):
            return Indicate(tuple(np.asarray(values, dtype=float) for values in transformer.categories_))
        case ColumnTransformer(remainder="drop", transformer_weights=None):
            kept = [(part, columns) for _, part, columns in transformer.transformers_ if part != "drop"]
            return Divide(tuple(_part(part, columns, features) for part, columns in kept))
        case _:
            raise _unknown(transformer)


def _part(transformer: Any, columns: Sequence[str], features: Sequence[str]) -> Part:
    places = tuple(features.index(name) for name in columns)
    return Part(places, (_step(transformer, columns),))


def _factors(powers: Sequence[int]) -> tuple[int, ...]:
    return tuple(place for place, power in enumerate(powers) for _ in range(power))


def _attribute(fitted: Any, name: str) -> Floats:
    if not hasattr(fitted, name):
        raise _unknown(fitted)
    return np.asarray(getattr(fitted, name), dtype=float)


def _unknown(part: Any) -> UntranslatableError:
    return UntranslatableError(f"{type(part).__name__} is not known here, or not with these settings")
