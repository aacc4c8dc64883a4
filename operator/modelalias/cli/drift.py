"""What drift a ModelAlias has, what becomes of it once a person acknowledges it, and waiting for that."""

from dataclasses import dataclass
from typing import Final

from modelalias.api.alias import Drift, ModelAlias
from modelalias.api.conditions import AliasCondition, Reason, Status, find
from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, NO_VERSION
from modelalias.cli import alias_waiting, output, said
from modelalias.cli.alias_waiting import Awaited
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.said import Said
from modelalias.cli.waiting import Clock, Ending

FOLLOWS: Final = {
    Drift.RESTORE: "it will be restored",
    Drift.ADOPT: "it will be adopted",
    Drift.REPORT: "it is reported only (spec.drift: Report)",
}


@dataclass(frozen=True)
class Drifted:
    """A registry that names another version than the current one."""

    current: str
    version: str
    """`none` when the registry names no version."""
    word: str
    """What acknowledges it."""

    def __str__(self) -> str:
        """Name both versions."""
        named = "no version" if self.version == NO_VERSION else f"version {self.version}"
        return f"{named} in place of version {self.current}"


def of(alias: ModelAlias) -> Drifted | None:
    """Return the drift that the status tells of; None when there is none."""
    observed, current = alias.status.observed, alias.status.current
    if observed is None or current is None or observed.version == current.version:
        return None
    return Drifted(current.version, observed.version or NO_VERSION, observed.word)


def is_mass(alias: ModelAlias) -> bool:
    """Return whether it is left alone because many aliases have one at once."""
    condition = find(alias.status.conditions, AliasCondition.IN_SYNC)
    return condition is not None and condition.reason == Reason.MASS_DRIFT


def has_effect(alias: ModelAlias) -> bool:
    """Return whether anything follows from acknowledging a drift of it."""
    return is_mass(alias) or alias.spec.drift is not Drift.REPORT


def wanted(alias: ModelAlias, user: str) -> Said | None:
    """Return what acknowledges the drift; None if there is none, or if somebody has said so."""
    drift = of(alias)
    if drift is None:
        return None
    return said.unless(alias.metadata.acknowledgement, Said(ACKNOWLEDGE_DRIFT, drift.word, user))


async def until_corrected(
    cluster: PersonsCluster, alias: ModelAlias, drift: Drifted, seconds: float, clock: Clock
) -> tuple[str, Ending]:
    """Wait until a drift that was acknowledged is corrected; return in one sentence where it stands."""
    late = f"the drift of {alias.metadata.name} has not been corrected"
    awaited = Awaited(lambda latest: ending_of(latest, drift), late)
    latest, ending = await alias_waiting.until(cluster, alias, awaited, seconds, output.tell, clock)
    return f"{alias.metadata.name}: {conclusion(latest, drift)}", ending


def ending_of(latest: ModelAlias, drift: Drifted) -> Ending | None:
    """Return how waiting for a correction ended; None while it has not."""
    condition = find(latest.status.conditions, AliasCondition.IN_SYNC)
    if condition is not None and condition.status is Status.TRUE:
        return Ending.SUCCEEDED
    if latest.spec.drift is Drift.REPORT and not is_mass(latest):
        return Ending.SUCCEEDED
    now = of(latest)
    return Ending.NOT_SUCCEEDED if now is not None and now.version != drift.version else None


def conclusion(latest: ModelAlias, drift: Drifted) -> str:
    """Return in one sentence what became of it."""
    name, now = f"{latest.spec.model}@{latest.spec.alias}", of(latest)
    if now is not None and now.version != drift.version:
        return f"somebody moved it meanwhile: {name} is {now}, which has to be acknowledged anew"
    if ending_of(latest, drift) is not Ending.SUCCEEDED:
        condition = find(latest.status.conditions, AliasCondition.IN_SYNC)
        return condition.message if condition is not None and condition.message else f"{name} is {drift}"
    if now is not None:
        return f"acknowledged, and reported only: {name} is {now}"
    current = latest.status.current
    version = "" if current is None else current.version
    return f"{'adopted' if version == drift.version else 'restored'}: {name} is version {version}"
