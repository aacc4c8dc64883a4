"""The HTTP application: predictions, which version makes them, and whether the process is well."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowException
from mlflow.pyfunc import PyFuncModel
from mlflow.types import Schema
from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from training.loading import ServedVersion
from training.settings import without_credentials

_MOST_BYTES = 8 * 2**20
_FORMATS = ("dataframe_split", "dataframe_records", "inputs")


class BadInputError(ValueError):
    """The request's body is not something this model can answer."""


def application(served: ServedVersion, model: PyFuncModel) -> Starlette:
    """Return the application that answers for one loaded version."""
    signature = model.metadata.signature
    schema: Schema | None = signature.inputs if signature else None

    async def predict(request: Request) -> JSONResponse:
        try:
            rows = rows_of(await _body(request), schema)
            answer = await run_in_threadpool(_predict, model, rows)
        except BadInputError as error:
            raise HTTPException(400, without_credentials(str(error))) from error
        return JSONResponse({"predictions": answer, "version": served.version})

    async def version(_request: Request) -> JSONResponse:
        return JSONResponse(served.model_dump())

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


def rows_of(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """Read a request's body, with the types that the model's signature asks for.

    Three forms are known: `{"dataframe_split": {"columns": [...], "data": [[...]]}}`, `{"dataframe_records": [{...}]}`
    and `{"inputs": ...}` with rows as objects, rows as lists in the signature's order, or one list per column.

    Raises:
        BadInputError: it is none of them, or does not fit the signature.
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict) or len(content) != 1 or next(iter(content)) not in _FORMATS:
        raise BadInputError(f"the body must be an object with exactly one of {', '.join(_FORMATS)}")
    ((form, value),) = content.items()
    try:
        rows = _frame(form, value, schema)
        if rows.empty:
            raise BadInputError("no rows")
        return rows if schema is None else _typed(rows, schema)
    except (MlflowException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInputError(f"{form}: {error}") from error


def _typed(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    typed: pd.DataFrame = cast_df_types_according_to_schema(rows, schema)  # type: ignore[no-untyped-call]
    return typed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _frame(form: str, value: Any, schema: Schema | None) -> pd.DataFrame:
    if form == "dataframe_split":
        if not isinstance(value, Mapping) or not {"data"} <= set(value) <= {"columns", "data", "index"}:
            raise BadInputError("must be an object with columns and data")
        return pd.DataFrame(value["data"], columns=value.get("columns"), index=value.get("index"))
    if form == "dataframe_records" or not isinstance(value, Mapping):
        if not isinstance(value, list):
            raise BadInputError("must be a list of rows")
        nameless = all(isinstance(row, list) for row in value) and schema is not None and schema.has_input_names()
        return pd.DataFrame(value, columns=schema.input_names() if nameless and schema else None)
    return pd.DataFrame(dict(value))


def _predict(model: PyFuncModel, rows: pd.DataFrame) -> Any:
    """Predict and return what JSON can hold.

    A model that refuses its input says so with one of these types; anything else is a fault of the model or of ours.
    """
    try:
        answer = model.predict(rows)
    except (MlflowException, ValueError, TypeError) as error:
        raise BadInputError(str(error)) from error
    if isinstance(answer, pd.DataFrame):
        return answer.to_dict(orient="records")
    return np.asarray(answer).tolist()
