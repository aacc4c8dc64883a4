"""What is an example's own: its table, its model and its metrics, one module each.

A new one is a module with a `PIPELINE`, and its name in `NAMES`. Imports nothing heavy by itself, so that wrong
usage answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.pipeline import Pipeline

NAMES = ("churn", "matches", "registry", "forecast", "fraud")


def pipeline(name: str) -> "Pipeline":
    """Return the pipeline of that name; its module is imported now."""
    found: Pipeline = import_module(f"training.pipelines.{name}").PIPELINE
    return found
