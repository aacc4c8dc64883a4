"""The sides of a burst and what stands for each of them in the registry: one model for each promotion."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from tests.bench.replay import Rename

OPERATOR: Final = "operator"
SIDES: Final = (OPERATOR, "same", "fewest")


def run_id(model: str, version: int) -> str:
    """Return the id of the run that a seeded version comes from."""
    return hashlib.sha256(f"{model}/{version}".encode()).hexdigest()[:32]


def models(side: str, requests: int) -> Sequence[str]:
    return [f"{side}-{number:05d}" for number in range(requests)]


def models_of_runs(requests: int) -> Mapping[str, str]:
    """Return the model of each run that the recorded promotions are about."""
    return {run_id(model, version): model for model in models(OPERATOR, requests) for version in (1, 2)}


def renamed(side: str, number: int, requests: int) -> Rename:
    """Rename a promotion from version 1 to 2 of the operator's models to the one of a round."""
    pairs = zip(models(OPERATOR, requests), models(side, requests), strict=True)
    runs = {
        run_id(ours, version): run_id(theirs, version + number)
        for ours, theirs in pairs
        for version in (1, 2)
    }
    versions = {"1": str(1 + number), "2": str(2 + number)}
    return Rename({f"{OPERATOR}-": f"{side}-"}, versions, runs)
