"""What a test puts into a registry, and what it sees of it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ModelFile(StrEnum):
    """What may stand in a model's MLmodel file."""

    SIGNED = """flavors: {}\nsignature:\n  inputs: '[{"type": "double", "name": "x"}]'\n  outputs: null\n"""
    UNSIGNED = "flavors: {}\n"
    NO_SIGNATURE = "flavors: {}\nsignature: null\n"
    NO_YAML = "flavors: {\n"
    NO_MAPPING = "- flavors\n"


@dataclass(frozen=True)
class RunSeen:
    """A run as people see it; the tags are those that MLflow did not set itself."""

    name: str
    experiment: str
    status: str
    ended: bool
    tags: Mapping[str, str]
