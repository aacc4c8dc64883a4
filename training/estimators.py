"""The estimators of the pipelines, not fitted yet.

scikit-learn is imported when one is made and not before: it takes a second of processor time, and who generates a
table, or predicts by a model's weights, needs none.
"""

from collections.abc import Sequence

import numpy as np

from training.pipeline import Estimator
from training.recipe import Recipe


def logistic_regression(recipe: Recipe, *, most_iterations: int = 2000) -> Estimator:
    """Return a classifier whose features act together as the degree says."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - see above
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler  # noqa: PLC0415

    return make_pipeline(
        StandardScaler(),
        PolynomialFeatures(recipe.degree, include_bias=False),
        LogisticRegression(C=1 / recipe.regularization, max_iter=most_iterations),
    )


def regression_of_logarithm(recipe: Recipe, every_value: Sequence[str], measured: Sequence[str]) -> Estimator:
    """Return a linear model of the target's logarithm, in which every value of some columns has an effect of its own."""
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer  # noqa: PLC0415 - see above
    from sklearn.linear_model import Ridge  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), list(every_value)), (StandardScaler(), list(measured))
    )
    regression = make_pipeline(columns, Ridge(alpha=recipe.regularization))
    return TransformedTargetRegressor(regression, func=np.log, inverse_func=np.exp)
