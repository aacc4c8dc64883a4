"""Drift: whether what somebody moved by hand is corrected, and why it is left as it is."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from modelalias.api.alias import Drift, ModelAlias, ModelAliasStatus, Operation, Pins
from modelalias.api.conditions import AliasCondition, Reason, Status, find
from modelalias.core.errors import NotFound
from modelalias.core.judging import windows
from modelalias.core.ledger import cause
from modelalias.core.ledger.accepted import is_same
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.facts import Failed
from modelalias.core.status import ways_out

MOST_RESTORES: Final = 3
"""How often an alias is set back within `RESTORE_WINDOW`: a writer that insists is not fought."""

RESTORE_WINDOW: Final = timedelta(hours=1)


class Left(NamedTuple):
    """Why a drift is not corrected now."""

    reason: Reason
    message: str
    until: datetime | None = None
    """When that may be otherwise by itself."""


def has_drifted(status: ModelAliasStatus) -> bool:
    """Return whether the registry names another version than the one that was accepted last."""
    expected = None if status.current is None else status.current.version
    return status.observed is not None and status.observed.version != expected


def is_acknowledged(context: Context, alias: ModelAlias) -> bool:
    """Return whether a person said that this very drift may be corrected, and somebody proves who it was."""
    said, observed = alias.metadata.acknowledgement, alias.status.observed
    if said is None or observed is None or context.identity.pins_unproved:
        return False
    return said.what == observed.word


def why_left(context: Context, alias: ModelAlias) -> Left | None:
    """Return why a drift is left as it is; None when it is corrected, or when there is none."""
    if not has_drifted(alias.status):
        return None
    if alias.spec.drift is Drift.REPORT:
        return Left(Reason.DRIFTED, "")
    acknowledged = is_acknowledged(context, alias)
    if not acknowledged and (context.by_itself.mass_drift or _is_of_many(alias.status)):
        message = "many aliases of the registry were moved at once, so nothing is corrected"
        has_effect = alias.spec.drift is Drift.ADOPT or not why_lost(context, alias)
        way_out = f": {ways_out.acknowledge(alias)}" if has_effect else ""
        return Left(Reason.MASS_DRIFT, f"{message}{way_out}")
    if alias.spec.suspend:
        return Left(Reason.DRIFTED, "not corrected while it is suspended")
    if alias.spec.drift is Drift.RESTORE:
        return (
            None if acknowledged and alias.status.current is not None else _why_not_restored(context, alias)
        )
    return _why_not_adopted(context, alias, acknowledged=acknowledged)


def why_lost(context: Context, alias: ModelAlias) -> str:
    """Return why the alias cannot be moved back to the version that was accepted last.

    "" where it can be, or where nobody can tell.
    """
    current, registry = alias.status.current, context.registry
    is_readable = registry.known and registry.allowed and registry.problem is None
    if current is None or not is_readable or context.older_claimant is not None:
        return ""
    try:
        version = context.facts.version(alias.spec.model, current.version)
    except NotFound:
        return "was deleted in the registry"
    except Failed:
        return ""
    return "" if is_same(version, current) else "was deleted and made anew in the registry"


def _is_of_many(status: ModelAliasStatus) -> bool:
    """Return whether this drift was one of many: it stays so until it is over, or a person says otherwise."""
    before = find(status.conditions, AliasCondition.IN_SYNC)
    return before is not None and before.status is Status.FALSE and before.reason == Reason.MASS_DRIFT


def _why_not_restored(context: Context, alias: ModelAlias) -> Left | None:
    status = alias.status
    if status.current is None:
        return Left(Reason.DRIFTED, "there is nothing to restore: no version was accepted here")
    if not is_contended(context, alias):
        return None
    until = status.restored[0] + RESTORE_WINDOW
    message = f"somebody moves it again and again: it was set back {MOST_RESTORES} times within an hour"
    return Left(Reason.CONTENDED, f"{message}, and is set back again after {until:%H:%M} UTC", until)


def is_contended(context: Context, alias: ModelAlias) -> bool:
    """Return whether the alias was set back so often lately that it is left alone for a while."""
    restored = alias.status.restored
    return len(restored) >= MOST_RESTORES and restored[0] > context.now - RESTORE_WINDOW


def _why_not_adopted(context: Context, alias: ModelAlias, *, acknowledged: bool) -> Left | None:
    status, spec = alias.status, alias.spec
    named = None if status.observed is None else status.observed.version
    if named is None:
        return Left(Reason.DRIFTED, "there is nothing to adopt: the alias names no version")
    if spec.version is not None:
        return Left(Reason.DRIFTED, f"not adopted: spec.version pins version {spec.version}")
    if spec.policy.pins is Pins.GATED:
        message = f"not adopted: pins is Gated, and nobody has judged version {named}"
        return Left(Reason.DRIFTED, f"{message}; {ways_out.promote(alias, named)}")
    if context.policies.problem is not None:
        return Left(Reason.DRIFTED, f"not adopted: {context.policies.problem.message}")
    closed = windows.why_closed(spec.policy.windows, Operation.ADOPT, context.now)
    if closed is not None:
        return Left(Reason.DRIFTED, f"not adopted {closed.wait}", closed.again)
    if acknowledged:  # a person says so
        return None
    withdrawn = cause.how_withdrawn(status, named)
    if withdrawn:
        message = f"not adopted: here version {named} {withdrawn}"
        return Left(Reason.DRIFTED, f"{message}; if it is meant: {ways_out.acknowledge(alias)}")
    if status.hold is not None:
        message = "not adopted: automatic steps are on hold"
        return Left(Reason.DRIFTED, f"{message}; {ways_out.release(alias)}")
    return None
