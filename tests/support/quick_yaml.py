"""YAML of our own files, read by libyaml: what the loader in Python takes a second for takes it a tenth."""

from collections.abc import Iterator
from typing import Any

import yaml


def documents(text: str) -> Iterator[Any]:
    """Yield the documents of a text."""
    yield from yaml.load_all(text, Loader=yaml.CSafeLoader)
