"""What serving wants of a model, however it was loaded."""

from dataclasses import dataclass
from typing import Any, Protocol


class BadInputError(ValueError):
    """The request's body is not something this model can answer."""


class NotLoadedError(Exception):
    """The version is not there (yet), or cannot be loaded; the message says why."""


@dataclass(frozen=True)
class Predictions:
    """What a model answers to one request."""

    values: Any
    """An array, or what can be made one: counted in the metrics as far as it is numbers."""
    content: Any
    """What JSON can hold: the answer."""


class Model(Protocol):
    """One loaded version."""

    def predict(self, body: bytes) -> Predictions:
        """Answer the body of a request.

        Raises:
            BadInputError: it is none, or the model refuses it; anything else is a fault of the model or of ours.
        """
