"""What does not fit in an object, in words that name the fields and never what stands in them."""

from typing import Final

from pydantic import ValidationError

_MOST: Final = 3
"""Fields that are named; enough to start with."""


def told(error: ValidationError) -> str:
    """Name the first fields that do not fit, and why."""
    found = [
        f"{'.'.join(str(part) for part in item['loc']) or 'the object'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    ]
    more = f" (and {len(found) - _MOST} more)" if len(found) > _MOST else ""
    return f"{'; '.join(found[:_MOST])}{more}"
