"""The HTTP application: predictions, which version makes them, their metrics, and whether the process is well."""

from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowException
from mlflow.pyfunc import PyFuncModel
from mlflow.types import Schema
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from training.loading import ServedVersion
from training.serving.metrics import ServingMetrics
from training.serving.rows import BadInputError, rows_of
from training.settings import without_credentials

_MOST_BYTES = 8 * 2**20


def application(served: ServedVersion, model: PyFuncModel) -> Starlette:
    """Return the application that answers for one loaded version."""
    signature = model.metadata.signature
    schema: Schema | None = signature.inputs if signature else None
    metrics = ServingMetrics(served)

    async def predict(request: Request) -> JSONResponse:
        with metrics.request():
            try:
                rows = rows_of(await _body(request), schema)
                answer = await run_in_threadpool(_predict, model, rows, metrics)
            except BadInputError as error:
                raise HTTPException(400, without_credentials(str(error))) from error
            return JSONResponse({"predictions": answer, "version": served.version})

    async def version(_request: Request) -> JSONResponse:
        return JSONResponse(served.model_dump())

    async def numbers(request: Request) -> Response:
        content, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    async def healthz(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def error(_request: Request, problem: Exception) -> JSONResponse:
        if isinstance(problem, HTTPException):
            return JSONResponse({"error": problem.detail}, problem.status_code, headers=problem.headers)
        return JSONResponse({"error": "the model failed; the log has the reason"}, 500)

    return Starlette(
        routes=[
            Route("/predict", predict, methods=["POST"]),
            Route("/version", version),
            Route("/metrics", numbers),
            Route("/healthz", healthz),
        ],
        exception_handlers={HTTPException: error, Exception: error},
    )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise HTTPException(413, f"the body is larger than {_MOST_BYTES} bytes")
    return bytes(body)


def _predict(model: PyFuncModel, rows: pd.DataFrame, metrics: ServingMetrics) -> Any:
    """Predict and return what JSON can hold.

    A model that refuses its input says so with one of these types; anything else is a fault of the model or
    of ours.
    """
    try:
        answer = model.predict(rows)
    except (MlflowException, ValueError, TypeError) as error:
        raise BadInputError(str(error)) from error
    metrics.predicted(answer)
    if isinstance(answer, pd.DataFrame):
        return answer.to_dict(orient="records")
    return np.asarray(answer).tolist()
