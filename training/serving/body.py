"""The body of a request for predictions: JSON in one of three forms.

`{"dataframe_split": {"columns": [...], "data": [[...]]}}`, `{"dataframe_records": [{...}]}` and `{"inputs": ...}` with
rows as objects, rows as lists in the signature's order, or one list per column.
"""

import json
from typing import Any, Final

from training.serving.model import BadInputError

SPLIT: Final = "dataframe_split"
RECORDS: Final = "dataframe_records"
INPUTS: Final = "inputs"
_FORMS: Final = (SPLIT, RECORDS, INPUTS)


def read_body(body: bytes) -> tuple[str, Any]:
    """Return the form of a body, and what it holds.

    Raises:
        BadInputError: it has none of the forms.
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict) or len(content) != 1 or next(iter(content)) not in _FORMS:
        raise BadInputError(f"the body must be an object with exactly one of {', '.join(_FORMS)}")
    ((form, value),) = content.items()
    must_be = _wanted(form, value)
    if must_be is not None:
        raise BadInputError(f"{form}: must be {must_be}")
    return form, value


def _wanted(form: str, value: Any) -> str | None:
    """Return what the form wants instead of the value; None: the value is right."""
    if form == SPLIT:
        right = isinstance(value, dict) and {"data"} <= set(value) <= {"columns", "data", "index"}
        return None if right else "an object with columns and data"
    if isinstance(value, list) or (form == INPUTS and isinstance(value, dict)):
        return None
    return "a list of rows"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
