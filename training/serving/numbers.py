"""From the body of a request to the numbers that a model's weights are asked about."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.serving.body import SPLIT, read_body
from training.serving.model import BadInputError

Column = Sequence[Any]


def numbers_of(body: bytes, features: Sequence[str]) -> NDArray[np.float64]:
    """Read a request's body as rows of numbers with these columns; others are left out.

    Raises:
        BadInputError: the body has another form, lacks a column, or has something other than numbers in one.
    """
    form, value = read_body(body)
    try:
        rows = _rows(form, value, features)
    except (ValueError, TypeError) as error:
        raise BadInputError(f"{form}: {error}") from error
    if not len(rows):
        raise BadInputError(f"{form}: no rows")
    return rows


def _rows(form: str, value: Any, features: Sequence[str]) -> NDArray[np.float64]:
    columns = _columns(form, value, features)
    missing = [name for name in features if name not in columns]
    if missing:
        raise BadInputError(f"without the columns {', '.join(missing)}")
    numbers = [_numbers(name, columns[name]) for name in features]
    if len({len(column) for column in numbers}) > 1:
        raise BadInputError("columns of different lengths")
    return np.stack(numbers, axis=1)


def _columns(form: str, value: Any, features: Sequence[str]) -> Mapping[str, Column]:
    """Return what is given for each column."""
    if form == SPLIT:
        return _named(value["data"], value.get("columns") or ())
    if isinstance(value, dict):
        return value
    if value and all(isinstance(row, dict) for row in value):
        # a row that lacks a column that others have holds nothing there, as in a table
        return {name: [row.get(name) for row in value] for name in {name for row in value for name in row}}
    return _named(value, features)


def _named(rows: Any, names: Sequence[str]) -> Mapping[str, Column]:
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == len(names) for row in rows
    ):
        raise BadInputError(f"each row must be a list of {len(names)} columns")
    if not rows:
        return dict.fromkeys(names, ())
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _numbers(name: str, column: Any) -> NDArray[np.float64]:
    if not isinstance(column, Sequence) or isinstance(column, str):
        raise BadInputError(f"the column {name} is a scalar and no list")
    try:
        numbers = np.array(column, dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInputError(f"the column {name}: {error}") from error
    if numbers.ndim != 1:
        raise BadInputError(f"the column {name} holds lists")
    return numbers
