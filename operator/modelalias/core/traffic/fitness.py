"""Whether a challenger may get requests: only a version that was accepted, on pods that are known to run it."""

from collections.abc import Iterator
from datetime import datetime

from modelalias.api.alias import ModelAlias, MonitorState, Operation, Outcome
from modelalias.api.conditions import AliasCondition, is_true
from modelalias.core.ledger.cause import how_withdrawn
from modelalias.core.status.drift import has_drifted


def why_unfit(alias: ModelAlias, challenger: ModelAlias | None, name: str) -> str:
    """Return why the challenger `name` gets no requests; "" when it may get some.

    What the registry's alias says counts for nothing here: anybody may move it.
    """
    if challenger is None:
        return f"no ModelAlias of this namespace manages {name}"
    current = challenger.status.current
    if current is None:
        return f"{name} names no version yet"
    return next(_objections(alias, challenger, name, current.version), "")


def _objections(alias: ModelAlias, challenger: ModelAlias, name: str, version: str) -> Iterator[str]:
    its, status, own = f"ModelAlias {challenger.metadata.name}", challenger.status, alias.status
    promoted = own.current is not None and version == own.current.version and own.plan is None
    runs = alias.spec.serving and is_true(own.conditions, AliasCondition.ROLLED_OUT)
    if promoted and runs:
        yield f"{name} is version {version} as well"
    withdrawn = how_withdrawn(own, version)
    if withdrawn:
        yield f"here version {version} {withdrawn}"
    if has_drifted(status):
        named = None if status.observed is None else status.observed.version
        yield f"somebody moved {name} to {named or 'nothing'}, and {its} answers for version {version}"
    if status.plan is not None:
        yield f"{name} is being moved"
    elif not _was_asked_for(challenger, version):
        yield f"nobody asked {its} for version {version}: it was found under {name}"
    breached = breached_monitors(challenger)
    if breached:
        yield f"{its}: monitor {', '.join(breached)} of version {version} was breached"
    if status.hold is not None:
        yield f"{its} is on hold"
    if not challenger.spec.serving:
        yield f"{its} lists no workload, so it is not known what its pods run"
    if not is_true(status.conditions, AliasCondition.ROLLED_OUT):
        yield f"it is not known that all workloads of {its} run version {version}"


def _was_asked_for(challenger: ModelAlias, version: str) -> bool:
    """Return whether a request or a pin made the version current, and no move by hand in the registry."""
    if challenger.spec.version == version:
        return True
    moves = (
        item
        for item in reversed(challenger.status.history)
        if item.outcome is Outcome.SUCCEEDED
        and item.to == version
        and item.operation is not Operation.RESTORE
    )
    last = next(moves, None)
    return last is not None and last.operation is not Operation.ADOPT


def breached_monitors(challenger: ModelAlias) -> tuple[str, ...]:
    """Return which monitors of the version that is current were breached, now or since a person chose it."""
    status = challenger.status
    version = None if status.current is None else status.current.version
    now = {
        item.name
        for item in status.monitors
        if item.version == version and item.state is MonitorState.BREACHED
    }
    return tuple(sorted(now | {item.monitor for item in status.breached if item.version == version}))


def why_not_further(challenger: ModelAlias, since: datetime) -> str:
    """Return why the next step has to wait for the challenger's monitors; "" when all pass, each read since then."""
    its, status = f"ModelAlias {challenger.metadata.name}", challenger.status
    if not challenger.spec.monitors:
        return f"{its} has no monitor"
    version = None if status.current is None else status.current.version
    passing = {
        item.name
        for item in status.monitors
        if item.version == version
        and item.state is MonitorState.PASSING
        and item.at is not None
        and item.at > since
    }
    waits = sorted({item.name for item in challenger.spec.monitors} - passing)
    return f"not every monitor of {its} has passed since this step began: {', '.join(waits)}" if waits else ""
