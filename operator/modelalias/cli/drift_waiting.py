"""Waiting until a drift that was acknowledged is corrected, or somebody has moved the alias meanwhile."""

from modelalias.api.alias import Drift, ModelAlias
from modelalias.api.conditions import AliasCondition, Status, find
from modelalias.cli import alias_waiting, drift, output
from modelalias.cli.alias_waiting import Awaited
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.drift import Drifted
from modelalias.cli.waiting import Clock, Ending


async def until_corrected(
    cluster: PersonsCluster, alias: ModelAlias, drifted: Drifted, seconds: float, clock: Clock
) -> tuple[str, Ending]:
    """Wait until a drift that was acknowledged is corrected; return in one sentence where it stands."""
    late = f"the drift of {alias.metadata.name} has not been corrected"
    awaited = Awaited(lambda latest: ending_of(latest, drifted), late)
    latest, ending = await alias_waiting.until(cluster, alias, awaited, seconds, output.tell, clock)
    return f"{alias.metadata.name}: {conclusion(latest, drifted)}", ending


def ending_of(latest: ModelAlias, drifted: Drifted) -> Ending | None:
    """Return how waiting for a correction ended; None while it has not."""
    condition = find(latest.status.conditions, AliasCondition.IN_SYNC)
    if condition is not None and condition.status is Status.TRUE:
        return Ending.SUCCEEDED
    if latest.spec.drift is Drift.REPORT and not drift.is_mass(latest):
        return Ending.SUCCEEDED
    now = drift.of(latest)
    return Ending.NOT_SUCCEEDED if now is not None and now.version != drifted.version else None


def conclusion(latest: ModelAlias, drifted: Drifted) -> str:
    """Return in one sentence what became of it."""
    name, now = f"{latest.spec.model}@{latest.spec.alias}", drift.of(latest)
    if now is not None and now.version != drifted.version:
        return f"somebody moved it meanwhile: {name} is {now}, which has to be acknowledged anew"
    if ending_of(latest, drifted) is not Ending.SUCCEEDED:
        condition = find(latest.status.conditions, AliasCondition.IN_SYNC)
        return condition.message if condition is not None and condition.message else f"{name} is {drifted}"
    if now is not None:
        return f"acknowledged, and reported only: {name} is {now}"
    current = latest.status.current
    version = "" if current is None else current.version
    return f"{'adopted' if version == drifted.version else 'restored'}: {name} is version {version}"
