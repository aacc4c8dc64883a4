"""An alias whose versions are watched by a monitor in Prometheus, and the words of the tests about it."""

from typing import Any, Final

from tests.support.fake_objects import OPERATOR
from tests.support.harness import Cluster
from tests.support.world import ALIAS, MODEL

ERRORS: Final[dict[str, Any]] = {
    "name": "error-rate",
    "prometheus": {"query": 'errors{model="$model", version="$version"}'},
    "direction": "LowerIsBetter",
    "threshold": 0.05,
    "interval": "10s",
    "grace": "20s",
}
ALERT: Final[dict[str, Any]] = {**ERRORS, "onBreach": "Alert"}
RELATIVE: Final[dict[str, Any]] = {
    **{key: value for key, value in ERRORS.items() if key != "threshold"},
    "champion": {"maxRegression": 0.02},
}
BREACHED: Final = 120
"""Seconds within which three readings are a breach, and what follows is done."""
SNAPSHOT: Final = 60
"""Seconds within which a move by hand is seen, and what follows is done."""
HOUR: Final = 3_600


def query(version: str, model: str = MODEL) -> str:
    return f'errors{{model="{model}", version="{version}"}}'


async def promoted(it: Cluster, *monitors: dict[str, Any], watched: int = 0, **fields: Any) -> None:
    """Let version 2 be promoted over version 1, both without errors, after version 1 was watched so long."""
    it.objects.clock = it.wall
    await it.model(0.7, 0.8, 0.9, aliases={ALIAS: "1"})
    it.workloads.add("api")
    it.workloads.rolls_at_once = True
    for number in ("1", "2", "3"):
        it.prometheus.numbers[query(number)] = 0.01
    it.add_alias(serving=[{"name": "api"}], monitors=[*(monitors or (ERRORS,))], **fields)
    await it.settle(watched)
    it.ask("go", "2")
    await it.settle(BREACHED)
    assert it.end("go") == ("Succeeded", "Succeeded")


def breach(it: Cluster, version: str = "2", value: float = 0.12) -> None:
    it.prometheus.numbers[query(version)] = value


def own(it: Cluster) -> list[str]:
    """Return the requests that the operator filed."""
    return sorted(
        name for (_, name), item in it.objects.requests.items() if item.spec.requested_by == OPERATOR
    )


def said(it: Cluster) -> str:
    return it.condition("MonitorsPassing").message


def accepted(it: Cluster) -> str | None:
    """Return the version that the alias answers for."""
    current = it.alias().status.current
    return None if current is None else current.version
