"""What drift a ModelAlias has, and what becomes of it once a person acknowledges it."""

from dataclasses import dataclass
from typing import Final

from modelalias.api.alias import Drift, ModelAlias
from modelalias.api.conditions import AliasCondition, Reason, find
from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, NO_VERSION
from modelalias.cli import said
from modelalias.cli.said import Said

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
