"""From the body of a request to the rows that a model is asked about."""

from typing import Any

import pandas as pd
from mlflow import MlflowException
from mlflow.types import Schema
from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

from training.serving.body import SPLIT, read_body
from training.serving.model import BadInputError


def rows_of(body: bytes, schema: Schema | None) -> pd.DataFrame:
    """Read a request's body, with the types that the model's signature asks for.

    Raises:
        BadInputError: it has none of the forms, or does not fit the signature.
    """
    form, value = read_body(body)
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


def _frame(form: str, value: Any, schema: Schema | None) -> pd.DataFrame:
    if form == SPLIT:
        return pd.DataFrame(value["data"], columns=value.get("columns"), index=value.get("index"))
    if isinstance(value, dict):
        return pd.DataFrame(value)
    nameless = all(isinstance(row, list) for row in value) and schema is not None and schema.has_input_names()
    return pd.DataFrame(value, columns=schema.input_names() if nameless and schema else None)
