"""The weights of a model predict what its estimator predicts, and a model that has none is told from one that has."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler

from training.pipelines import NAMES, pipeline
from training.recipe import Quality
from training.weights import UnreadableWeightsError, Weights
from training.weights_file import weights_file
from training.weights_of import UntranslatableError, weights_of

ROWS = pd.DataFrame(np.random.default_rng(3).normal(size=(60, 3)), columns=["a", "b", "c"])
KINDS = ROWS.assign(a=np.arange(60.0) % 4)
AMOUNTS = np.exp(ROWS["b"] + KINDS["a"])
CLASSES = (ROWS["a"] + ROWS["b"] > 0).astype(int)


def encoded(**settings: Any) -> Any:
    return make_pipeline(
        make_column_transformer((OneHotEncoder(**settings), ["a"]), (StandardScaler(), ["b", "c"])), Ridge()
    )


def matrix(rows: pd.DataFrame) -> Any:
    return rows.to_numpy(dtype=float)


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.BETTER])
@pytest.mark.parametrize("name", NAMES)
def test_weights_of_each_pipeline_predict_what_its_estimator_predicts(name: str, quality: Quality) -> None:
    chosen = pipeline(name)
    rows = chosen.frame(chosen.generate(rows=2000))
    features = list(chosen.features)
    estimator = chosen.fit(chosen.recipes[quality], rows)
    fresh = chosen.frame(chosen.generate(rows=2000, seed=chosen.holdout_seed))

    weights = weights_of(estimator, rows[features], chosen.predict(estimator, rows))

    assert weights.features == chosen.features
    predicted = weights.predict(matrix(fresh[features]))
    np.testing.assert_allclose(predicted, chosen.predict(estimator, fresh), rtol=1e-9, atol=1e-12)


def test_weights_are_read_as_they_were_written() -> None:
    model = TransformedTargetRegressor(encoded(handle_unknown="ignore"), func=np.log, inverse_func=np.exp)
    weights = weights_of(model.fit(KINDS, AMOUNTS), KINDS, model.predict(KINDS))

    read = Weights.read(weights.text())

    assert read.text() == weights.text()
    np.testing.assert_array_equal(read.predict(matrix(KINDS)), weights.predict(matrix(KINDS)))


def test_value_that_training_never_saw_is_none_of_the_known_ones() -> None:
    model = encoded(handle_unknown="ignore").fit(KINDS, AMOUNTS)
    weights = weights_of(model, KINDS, model.predict(KINDS))
    unknown = KINDS.assign(a=17.0)

    np.testing.assert_allclose(weights.predict(matrix(unknown)), model.predict(unknown), rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "outcomes"),
    [
        (LogisticRegression(), CLASSES),
        (LogisticRegression(), np.arange(60) % 3),
        (make_pipeline(PolynomialFeatures(3), LinearRegression()), AMOUNTS),
        (Ridge(), AMOUNTS),
    ],
    ids=["two classes", "three classes", "products of three", "amounts"],
)
def test_what_stands_alone_or_behind_products_has_weights_too(model: Any, outcomes: Any) -> None:
    model.fit(ROWS, outcomes)
    expected = model.predict_proba(ROWS) if isinstance(model, LogisticRegression) else model.predict(ROWS)

    weights = weights_of(model, ROWS, expected)

    np.testing.assert_allclose(weights.predict(matrix(ROWS)), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "rows", "outcomes", "says"),
    [
        (RandomForestClassifier(n_estimators=2), ROWS, CLASSES, "RandomForestClassifier is not known"),
        (make_pipeline(MinMaxScaler(), Ridge()), ROWS, AMOUNTS, "MinMaxScaler is not known"),
        (
            make_pipeline(StandardScaler(with_mean=False), Ridge()),
            ROWS,
            AMOUNTS,
            "StandardScaler is not known",
        ),
        (encoded(), KINDS, AMOUNTS, "OneHotEncoder is not known"),
        (encoded(handle_unknown="ignore", drop="first"), KINDS, AMOUNTS, "OneHotEncoder is not known"),
        (TransformedTargetRegressor(Ridge(), func=np.sqrt, inverse_func=np.square), ROWS, AMOUNTS, "target"),
        (LogisticRegression(), ROWS, CLASSES, "do not predict what"),
        (LinearRegression(), ROWS, np.column_stack([AMOUNTS, AMOUNTS]), "2 sums"),
    ],
    ids=["trees", "scaler", "half a scaler", "refuses", "drops", "root", "labels", "two amounts"],
)
def test_other_estimators_have_none(model: Any, rows: pd.DataFrame, outcomes: Any, says: str) -> None:
    model.fit(rows, outcomes)

    with pytest.raises(UntranslatableError, match=says):
        weights_of(model, rows, model.predict(rows))


@pytest.mark.parametrize(
    "rows", [[[1.0, np.nan, 2.0]], [[1.0, np.inf, 2.0]], [[1.0, 2.0]], [1.0, 2.0, 3.0]], ids=str
)
def test_rows_that_are_no_numbers_for_each_column_are_refused(rows: Any) -> None:
    model = Ridge().fit(ROWS, AMOUNTS)
    weights = weights_of(model, ROWS, model.predict(ROWS))

    with pytest.raises(ValueError, match=r"missing or not finite|columns are wanted"):
        weights.predict(np.asarray(rows))


GOOD = {
    "format": 1,
    "features": ["a", "b"],
    "steps": [{"kind": "standardize", "mean": [0, 0], "scale": [1, 2]}],
    "coefficients": [[1, 2]],
    "intercepts": [3],
    "link": "amount",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"features": ["a"]},
        {"link": "cube"},
        {"coefficients": [[1, 2, 3]]},
        {"coefficients": [["x", 2]]},
        {"intercepts": [None]},
        {"intercepts": [3, 4]},
        {"coefficients": [[1, 2], [3, 4]], "intercepts": [3, 4]},
        {"link": "softmax"},
        {"steps": [{"kind": "standardize", "mean": [0], "scale": [1]}]},
        {"steps": [{"kind": "standardize", "mean": [0]}]},
        {"steps": [{"kind": "guess"}]},
        {"steps": [{"kind": "multiply", "products": [[0, 2]]}]},
        {"steps": 3},
    ],
    ids=str,
)
def test_what_is_not_of_the_format_is_not_read(changed: Mapping[str, Any]) -> None:
    Weights.read(json.dumps(GOOD))

    with pytest.raises(UnreadableWeightsError):
        Weights.read(json.dumps({**GOOD, **changed}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", "[" * 100_000, b"\xff"])
def test_other_texts_are_not_read(text: str | bytes) -> None:
    with pytest.raises(UnreadableWeightsError):
        Weights.read(text)


@pytest.mark.parametrize(
    ("mlmodel", "file"),
    [
        ("flavors: {weights: {data: weights.json, format: 1}}", "weights.json"),
        ("flavors: {sklearn: {data: weights.json}}", None),
        ("flavors: {weights: {data: ../../other/weights.json}}", None),
        ("flavors: {weights: {data: ..}}", None),
        ("flavors: {weights: {data: [1]}}", None),
        ("flavors: {weights: {}}", None),
        ("flavors: [weights]", None),
        ("- {", None),
        ("", None),
    ],
)
def test_file_is_what_the_models_description_says(mlmodel: str, file: str | None) -> None:
    assert weights_file(mlmodel) == file
