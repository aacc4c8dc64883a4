"""A model that is served by its weights."""

from training.serving.model import BadInputError, Predictions
from training.serving.numbers import numbers_of
from training.weights import Weights


class ModelByWeights:
    """Answers with NumPy alone."""

    def __init__(self, weights: Weights) -> None:
        """Take the weights."""
        self._weights = weights

    def predict(self, body: bytes) -> Predictions:
        """Answer the body of a request."""
        rows = numbers_of(body, self._weights.features)
        try:
            predicted = self._weights.predict(rows)
        except ValueError as error:
            raise BadInputError(str(error)) from error
        return Predictions(predicted, predicted.tolist())
