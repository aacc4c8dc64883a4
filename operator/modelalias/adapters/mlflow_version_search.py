"""Searching the versions of a model by their tags.

Names, keys and values are written by people and may hold quotes. What cannot stand in a filter without leaving
its quotes is not put there: the answer is then longer, and what is left is compared here.
"""

import re
from collections.abc import Mapping
from typing import Final

from modelalias.core.errors import InvalidRequest
from modelalias.ports import ModelVersion

MOST_VERSIONS: Final = 100
"""The newest that are looked at."""

ANY: Final = "*"

_PLAIN: Final = re.compile(r"[-A-Za-z0-9_.:/ @+=]+")
"""Texts that mean themselves in quotes, in LIKE too, but for _, which stands for any character there."""


def is_plain_name(model: str) -> bool:
    """Return whether a model's name means itself in quotes."""
    return bool(_PLAIN.fullmatch(model))


def filter_of(model: str, tags: Mapping[str, str]) -> str:
    """Return the filter; raise `InvalidRequest` where the model's name cannot stand in one."""
    if "\\" in model or ("'" in model and '"' in model):
        raise InvalidRequest(
            f"the versions of model {model} cannot be searched: its name holds \\, or both kinds of quotes"
        )
    quote = '"' if "'" in model else "'"
    conditions = [f"name = {quote}{model}{quote}"]
    conditions += [_condition(key, value) for key, value in sorted(tags.items()) if _is_plain(key, value)]
    return " AND ".join(conditions)


def has_tags(version: ModelVersion, tags: Mapping[str, str]) -> bool:
    """Return whether a version has all the tags."""
    return all(key in version.tags and value in {ANY, version.tags[key]} for key, value in tags.items())


def _condition(key: str, value: str) -> str:
    return f"tags.`{key}` LIKE '%'" if value == ANY else f"tags.`{key}` = '{value}'"


def _is_plain(key: str, value: str) -> bool:
    return bool(_PLAIN.fullmatch(key)) and (value == ANY or bool(_PLAIN.fullmatch(value)))
