"""Why an object is not valid: the fields that are wrong, never their values, which may be secret."""

from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

_MOST: Final = 3
"""How many wrong fields are named; enough to start with."""


def message(error: ValidationError) -> str:
    """Return the first fields that are not valid, and why."""
    problems = [
        ": ".join(part for part in (_path(item["loc"]), item["msg"].removeprefix("Value error, ")) if part)
        for item in error.errors(include_input=False, include_url=False)
    ]
    more = f" (and {len(problems) - _MOST} more)" if len(problems) > _MOST else ""
    return f"{'; '.join(problems[:_MOST])}{more}"


def _path(location: Iterable[int | str]) -> str:
    return ".".join(map(str, location))
