"""The HTTP application: predictions, which version makes them, their metrics, and whether the process is well."""

from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from training.served_version import ServedVersion
from training.serving.metrics import ServingMetrics
from training.serving.model import BadInputError, Model
from training.settings import without_credentials

_MOST_BYTES = 8 * 2**20


def application(served: ServedVersion, model: Model) -> Starlette:
    """Return the application that answers for one loaded version."""
    metrics = ServingMetrics(served)

    async def predict(request: Request) -> JSONResponse:
        with metrics.request():
            try:
                answer = await run_in_threadpool(_predict, model, await _body(request), metrics)
            except BadInputError as error:
                raise HTTPException(400, without_credentials(str(error))) from error
            return JSONResponse({"predictions": answer, "version": served.version})

    async def version(_request: Request) -> JSONResponse:
        return JSONResponse(asdict(served))

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


def _predict(model: Model, body: bytes, metrics: ServingMetrics) -> Any:
    predictions = model.predict(body)
    metrics.predicted(predictions.values)
    return predictions.content
