"""What a serving pod tells Prometheus: every request with its outcome, and what was predicted, by version."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc import PyFuncModel
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from training.served_version import ServedVersion
from training.serving.by_mlflow import ModelByMlflow
from training.serving.predictions import application

LABELS = {"model": "churn", "version": "3"}
ROW = b'{"inputs": [[1, 2]]}'
PROBABILITIES = np.array([[0.9, 0.1], [0.25, 0.75], [0.0, 1.0]])

Answered = tuple[int, Mapping[str, str], str]


def serving(predict: Callable[[pd.DataFrame], Any]) -> Starlette:
    """Return the application for version 3 of a model that predicts so."""
    model = SimpleNamespace(metadata=SimpleNamespace(signature=None), predict=predict)
    served = ServedVersion(model="churn", version="3", run=None)
    return application(served, ModelByMlflow(cast("PyFuncModel", model)))


async def call(
    app: Starlette, path: str, body: bytes | None = ROW, headers: Sequence[tuple[bytes, bytes]] = ()
) -> Answered:
    """Ask as a server would; no body is a caller that leaves before it has sent one."""
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST" if path == "/predict" else "GET",
        "path": path,
        "headers": [*headers],
    }
    with suppress(Exception):  # raised once more for the server's log, behind the answer
        await app(scope, receive, send)  # type: ignore[arg-type]  # of the mutable types of ASGI
    content = b"".join(message.get("body", b"") for message in sent)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, content.decode()


async def samples(app: Starlette) -> Mapping[str, float]:
    """Return the samples of the model's own metrics, by name and what labels they have besides model and version."""
    status, _, text = await call(app, "/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("model_") and not sample.name.endswith("_created"):
                assert LABELS.items() <= sample.labels.items()
                rest = [value for name, value in sample.labels.items() if name not in LABELS]
                found[" ".join((sample.name, *rest))] = sample.value
    return found


def outcomes(found: Mapping[str, float]) -> Mapping[str, float]:
    prefix = "model_requests_total "
    return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}


def _fails(_: pd.DataFrame) -> Any:
    raise RuntimeError("no more memory")


def _refuses(_: pd.DataFrame) -> Any:
    raise ValueError("a column is missing")


async def test_every_series_is_there_before_the_first_request() -> None:
    found = await samples(serving(_fails))

    assert outcomes(found) == {"answered": 0, "refused": 0, "failed": 0}
    assert found["model_request_duration_seconds_count"] == 0
    assert found["model_predictions_count"] == 0


@pytest.mark.parametrize(
    ("predict", "body", "status", "outcome"),
    [
        (lambda _: PROBABILITIES, ROW, 200, "answered"),
        (lambda _: PROBABILITIES, b"{", 400, "refused"),
        (lambda _: PROBABILITIES, b" " * (8 * 2**20 + 1), 413, "refused"),
        (_refuses, ROW, 400, "refused"),
        (_fails, ROW, 500, "failed"),
        (lambda _: object(), ROW, 500, "failed"),
        (lambda _: PROBABILITIES, None, 500, "refused"),
    ],
    ids=["answer", "no JSON", "too large", "refused by the model", "failure", "no answer for JSON", "gone"],
)
async def test_a_request_is_counted_and_timed_once_under_its_outcome(
    predict: Callable[[pd.DataFrame], Any], body: bytes | None, status: int, outcome: str
) -> None:
    app = serving(predict)
    before = await samples(app)

    answered, _, _ = await call(app, "/predict", body)

    found = await samples(app)
    assert answered == status
    assert outcomes(found) == {"answered": 0, "refused": 0, "failed": 0, outcome: 1}
    assert found["model_request_duration_seconds_count"] == 1
    assert found.keys() == before.keys()


async def test_other_paths_and_probes_are_no_requests_for_predictions() -> None:
    app = serving(lambda _: PROBABILITIES)

    for path in ("/version", "/healthz", "/nothing", "/metrics"):
        await call(app, path)

    assert set(outcomes(await samples(app)).values()) == {0}


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        (PROBABILITIES, [0.1, 0.75, 1.0]),
        (np.array([0, 1, 1]), [0, 1, 1]),
        ([0.5, 17.0], [0.5, 17.0]),
        (pd.DataFrame({"name": ["a", "b"], "score": [0.2, 0.4]}), [0.2, 0.4]),
        (pd.Series([0.5]), [0.5]),
        (np.array(["stays", "churns"]), []),
        (pd.DataFrame({"name": ["a", "b"]}), []),
        ([], []),
        (np.empty((0, 2)), []),
        (np.array(0.25), [0.25]),
    ],
    ids=str,
)
async def test_what_is_predicted_is_in_the_histogram_as_far_as_it_is_numbers(
    answer: Any, numbers: Sequence[float]
) -> None:
    app = serving(lambda _: answer)

    await call(app, "/predict")

    found = await samples(app)
    assert outcomes(found)["answered"] == 1
    assert found["model_predictions_count"] == len(numbers)
    assert found["model_predictions_sum"] == pytest.approx(sum(numbers))
    for edge in (0.0, 0.1, 0.5, 1.0):
        assert found[f"model_predictions_bucket {edge}"] == sum(number <= edge for number in numbers)


async def test_a_prediction_that_is_no_number_is_a_failure_and_spoils_no_sum() -> None:
    app = serving(lambda _: np.array([0.5, np.nan, np.inf]))

    status, _, _ = await call(app, "/predict")

    found = await samples(app)
    assert (status, outcomes(found)["failed"]) == (500, 1)
    assert (found["model_predictions_count"], found["model_predictions_sum"]) == (1, 0.5)


@pytest.mark.parametrize("rows", [999, 1000, 1001, 250_000])
async def test_of_a_large_batch_at_most_a_thousand_rows_count_evenly_spread(rows: int) -> None:
    app = serving(lambda _: np.linspace(0, 1, rows))

    await call(app, "/predict")

    found = await samples(app)
    count = found["model_predictions_count"]
    assert 500 <= count <= 1000
    assert found["model_predictions_sum"] / count == pytest.approx(0.5, abs=0.002)


async def test_a_reader_gets_the_format_that_it_prefers() -> None:
    app = serving(_fails)

    _, plain, _ = await call(app, "/metrics")
    _, preferred, text = await call(
        app, "/metrics", headers=[(b"accept", b"application/openmetrics-text;version=1.0.0")]
    )

    assert plain["content-type"].startswith("text/plain")
    assert preferred["content-type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


async def test_predictions_are_answered_as_before() -> None:
    status, _, text = await call(serving(lambda _: PROBABILITIES[:1]), "/predict")

    assert (status, json.loads(text)) == (200, {"predictions": [[0.9, 0.1]], "version": "3"})
