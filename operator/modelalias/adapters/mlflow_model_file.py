"""Whether a model's MLmodel file names a signature."""

from typing import Final

from modelalias.adapters import yaml_of_others
from modelalias.adapters.yaml_of_others import NonsenseError

EMPTY: Final = frozenset({"", "[]"})
"""The columns, written as JSON, of a signature that has none."""


def names_signature(text: str) -> bool:
    """Return whether the file names a signature; raise `NonsenseError`."""
    signature = yaml_of_others.mapping(text).get("signature")
    if signature is None:
        return False
    if isinstance(signature, dict) and any(_is_there(signature.get(side)) for side in ("inputs", "outputs")):
        return True
    raise NonsenseError("names a signature without inputs and outputs")


def _is_there(columns: object) -> bool:
    return bool(columns) and not (isinstance(columns, str) and columns.strip() in EMPTY)
