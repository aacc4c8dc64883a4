"""Waiting until the operator has taken a pin, or has said why it does not."""

from collections.abc import Callable

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import AliasCondition, Status, find
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.cli.pin_edit import described
from modelalias.cli.waiting import FIRST_PAUSE, LONGEST_PAUSE, SLOWER, Clock, Ending, Reader


async def until_taken(
    cluster: PersonsCluster, alias: ModelAlias, seconds: float, tell: Callable[[str], None], clock: Clock
) -> tuple[ModelAlias, Ending]:
    """Read the alias repeatedly until its pin is taken or refused, is changed, or the time is over.

    `alias` is what the API server answered to the pin. Return the alias as it was read last. A lost
    connection is reported once and tried again; credentials that are refused are renewed once.
    """
    deadline, pause, reported = clock.now() + seconds, FIRST_PAUSE, ""
    reader = Reader(cluster, cluster.alias, alias, f"ModelAlias {alias.metadata.name}", tell)
    latest = alias
    while True:
        progress = _progress(latest, alias.metadata.generation)
        if progress not in {"", reported}:
            tell(progress)
            reported, pause = progress, FIRST_PAUSE
        ending = ending_of(latest, alias)
        if ending is not None:
            return latest, ending
        left = deadline - clock.now()
        if left <= 0:
            tell(f"timed out after {seconds:g} s: the pin of {alias.metadata.name} has not been taken yet")
            return latest, Ending.TIMED_OUT
        await clock.pause(min(pause, left))
        pause = min(pause * SLOWER, LONGEST_PAUSE)
        try:
            latest = await reader.read() or latest
        except ObjectMissing as gone:
            tell(str(gone))
            return latest, Ending.NOT_SUCCEEDED


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
