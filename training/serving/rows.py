"""From the body of a request to the rows that a model is asked about."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
from mlflow import MlflowException
from mlflow.types import Schema
from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

_FORMATS = ("dataframe_split", "dataframe_records", "inputs")


class BadInputError(ValueError):
    """The request's body is not something this model can answer."""


def rows_of(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """Read a request's body, with the types that the model's signature asks for.

    Three forms are known: `{"dataframe_split": {"columns": [...], "data": [[...]]}}`, `{"dataframe_records":
    [{...}]}` and `{"inputs": ...}` with rows as objects, rows as lists in the signature's order, or one list
    per column.

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
        nameless = (
            all(isinstance(row, list) for row in value) and schema is not None and schema.has_input_names()
        )
        return pd.DataFrame(value, columns=schema.input_names() if nameless and schema else None)
    return pd.DataFrame(dict(value))
