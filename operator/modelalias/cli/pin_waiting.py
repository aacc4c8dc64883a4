"""Waiting until the operator has taken a pin, or has said why it does not."""

from collections.abc import Callable

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import AliasCondition, Status, find
from modelalias.cli import alias_waiting
from modelalias.cli.alias_waiting import Awaited
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.pin_edit import described
from modelalias.cli.waiting import Clock, Ending


async def until_taken(
    cluster: PersonsCluster, alias: ModelAlias, seconds: float, tell: Callable[[str], None], clock: Clock
) -> tuple[ModelAlias, Ending]:
    """Read the alias repeatedly until its pin is taken or refused, is changed, or the time is over.

    `alias` is what the API server answered to the pin. Return the alias as it was read last.
    """
    awaited = Awaited(
        ending=lambda latest: ending_of(latest, alias),
        late=f"the pin of {alias.metadata.name} has not been taken yet",
        progress=lambda latest: _progress(latest, alias.metadata.generation),
    )
    return await alias_waiting.until(cluster, alias, awaited, seconds, tell, clock)


def ending_of(latest: ModelAlias, pinned: ModelAlias) -> Ending | None:
    """Return how the pin ended; None while the operator has not decided."""
    if latest.spec.version != pinned.spec.version:
        return Ending.NOT_SUCCEEDED
    status = latest.status
    if (status.observed_generation or 0) < pinned.metadata.generation or status.plan is not None:
        return None
    stalled = find(status.conditions, AliasCondition.STALLED)
    if stalled is not None and stalled.status is Status.TRUE:
        return Ending.NOT_SUCCEEDED
    taken = status.current is not None and status.current.version == latest.spec.version
    return Ending.SUCCEEDED if taken else None


def conclusion(latest: ModelAlias, pinned: ModelAlias) -> str:
    """Return in one sentence where the pin stands."""
    name = f"{latest.spec.model}@{latest.spec.alias}"
    if latest.spec.version != pinned.spec.version:
        return f"somebody changed the pin meanwhile: {latest.metadata.name} is {described(latest)}"
    if ending_of(latest, pinned) is Ending.SUCCEEDED:
        return f"{name} is version {latest.spec.version}"
    return _message(latest) or f"{name} has not been moved yet"


def _progress(latest: ModelAlias, generation: int) -> str:
    if (latest.status.observed_generation or 0) < generation:
        return ""
    return ": ".join(item for item in (latest.status.phase, _message(latest)) if item)


def _message(alias: ModelAlias) -> str:
    ready = find(alias.status.conditions, AliasCondition.READY)
    return ready.message if ready is not None else ""
