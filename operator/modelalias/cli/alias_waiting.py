"""Waiting for something to become true of a ModelAlias."""

from collections.abc import Callable
from dataclasses import dataclass

from modelalias.api.alias import ModelAlias
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.cli.waiting import FIRST_PAUSE, LONGEST_PAUSE, SLOWER, Clock, Ending, Reader


def _nothing(_: ModelAlias) -> str:
    return ""


@dataclass(frozen=True)
class Awaited:
    """What is waited for, by the ModelAlias as it was read last."""

    ending: Callable[[ModelAlias], Ending | None]
    """How it ended; None while it has not."""
    late: str
    """What has not happened when the time is over."""
    progress: Callable[[ModelAlias], str] = _nothing
    """What is reported once it changes."""


async def until(
    cluster: PersonsCluster,
    alias: ModelAlias,
    awaited: Awaited,
    seconds: float,
    tell: Callable[[str], None],
    clock: Clock,
) -> tuple[ModelAlias, Ending]:
    """Read the alias repeatedly until that has ended or the time is over.

    Return the alias as it was read last. A lost connection is reported once and tried again; credentials that
    are refused are renewed once.
    """
    deadline, pause, reported = clock.now() + seconds, FIRST_PAUSE, ""
    reader = Reader(cluster, cluster.alias, alias, f"ModelAlias {alias.metadata.name}", tell)
    latest = alias
    while True:
        progress = awaited.progress(latest)
        if progress not in {"", reported}:
            tell(progress)
            reported, pause = progress, FIRST_PAUSE
        ending = awaited.ending(latest)
        if ending is not None:
            return latest, ending
        left = deadline - clock.now()
        if left <= 0:
            tell(f"timed out after {seconds:g} s: {awaited.late}")
            return latest, Ending.TIMED_OUT
        await clock.pause(min(pause, left))
        pause = min(pause * SLOWER, LONGEST_PAUSE)
        try:
            latest = await reader.read() or latest
        except ObjectMissing as gone:
            tell(str(gone))
            return latest, Ending.NOT_SUCCEEDED
