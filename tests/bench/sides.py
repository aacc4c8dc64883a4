"""The sides of a burst and what stands for each of them in the registry."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.replay import Rename

OPERATOR: Final = "operator"
SIDES: Final = (OPERATOR, "same", "fewest")


def run_id(model: str, version: int) -> str:
    """Return the id of the run that a seeded version comes from."""
    return hashlib.sha256(f"{model}/{version}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Shape:
    """How many aliases get how many requests each; every alias is of a model of its own, which begins at version 1."""

    aliases: int
    each: int = 1

    @property
    def requests(self) -> int:
        return self.aliases * self.each

    def models(self, side: str) -> Sequence[str]:
        return [f"{side}-{number:05d}" for number in range(self.aliases)]

    def versions(self, number: int) -> Sequence[int]:
        """Return the versions that are promoted in a round, counted from 0."""
        first = 2 + number * self.each
        return range(first, first + self.each)

    def models_of_runs(self) -> Mapping[str, str]:
        """Return the model of each run that the promotions of the first round are about."""
        versions = (1, *self.versions(0))
        return {run_id(model, version): model for model in self.models(OPERATOR) for version in versions}


def renamed(side: str, number: int, shape: Shape) -> Rename:
    """Rename the operator's promotions of the first round to another side's of a round."""
    further = number * shape.each
    versions = (1, *shape.versions(0))
    pairs = zip(shape.models(OPERATOR), shape.models(side), strict=True)
    runs = {
        run_id(ours, version): run_id(theirs, version + further)
        for ours, theirs in pairs
        for version in versions
    }
    steps = {str(version): str(version + further) for version in versions}
    return Rename({f"{OPERATOR}-": f"{side}-"}, steps, runs)
