"""What a serving process tells Prometheus: requests by outcome, how long they took, and what was predicted.

Every series has the same two labels, `model` and `version`, so that two versions side by side can be compared
and the number of series does not grow with what callers send.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from training.served_version import ServedVersion

_LABELS = ("model", "version")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SCORES = tuple(tenth / 10 for tenth in range(11))
"""For probabilities and for the classes 0 and 1."""
_MOST_ROWS = 1000
"""Of one request: a batch of a million rows would take a second, and outweigh all other callers."""


class Outcome(StrEnum):
    """What became of a request for predictions."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The caller's fault: a body that the model does not take, or one that did not come whole."""
    FAILED = "failed"
    """The model's fault, or ours."""


class ServingMetrics:
    """The metrics of one process, which serves one version for as long as it lives."""

    def __init__(self, served: ServedVersion) -> None:
        """Begin with every series at zero: a rate misses the first failure of a series that begins with it."""
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        of_version = (served.model, served.version)
        requests = Counter(
            "model_requests", "Requests for predictions.", (*_LABELS, "outcome"), registry=registry
        )
        self._requests = {outcome: requests.labels(*of_version, outcome) for outcome in Outcome}
        self._seconds = Histogram(
            "model_request_duration_seconds",
            "Time from a request to its answer.",
            _LABELS,
            buckets=_SECONDS,
            registry=registry,
        ).labels(*of_version)
        self._predictions = Histogram(
            "model_predictions",
            "Predicted numbers: of several for one row the last, which is the probability of the last class.",
            _LABELS,
            buckets=_SCORES,
            registry=registry,
        ).labels(*of_version)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count and time what is answered in the block."""
        began = time.perf_counter()
        outcome = Outcome.FAILED
        try:
            yield
            outcome = Outcome.ANSWERED
        except (HTTPException, ClientDisconnect):
            outcome = Outcome.REFUSED
            raise
        finally:
            self._requests[outcome].inc()
            self._seconds.observe(time.perf_counter() - began)

    def predicted(self, answer: Any) -> None:
        """Take in what a model answered, if that is numbers; of many rows some, evenly spread."""
        numbers = _numbers(answer)
        for number in numbers[:: -(-len(numbers) // _MOST_ROWS) or 1]:
            self._predictions.observe(number)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the format that the reader prefers, and its content type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


def _numbers(answer: Any) -> NDArray[np.float64]:
    """Return one finite number for each row that has one."""
    values = np.asarray(answer)
    if values.size == 0:
        return np.empty(0)
    try:
        numbers = np.asarray(values[..., -1] if values.ndim > 1 else values, dtype=float).ravel()
    except (ValueError, TypeError):  # names of classes
        return np.empty(0)
    finite: NDArray[np.float64] = numbers[np.isfinite(numbers)]
    return finite
