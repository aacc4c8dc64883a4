"""Automatic rollback: what follows when a monitor is breached.

Suspicion before action: nothing moves while it is not certain that this version is worse than the one before.
What follows is a request of the operator's own, named for the version and the time at which it became current,
so that one breach of it files one request, whatever happens in between.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from modelalias.api.alias import (
    BreachedVersion,
    ModelAlias,
    ModelAliasStatus,
    Monitor,
    MonitorState,
    MonitorStatus,
    NamedVersion,
    OnBreach,
    Operation,
)
from modelalias.api.request import (
    AliasRef,
    Phase,
    PromotionRequest,
    PromotionRequestSpec,
    RequestOperation,
    Source,
)
from modelalias.core.errors import NotFound
from modelalias.core.monitoring import bounds, series
from modelalias.core.plan import windows
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.effects import FileRequest
from modelalias.core.requests.by_operator import is_own
from modelalias.core.requests.former import former, is_return
from modelalias.core.status import ways_out
from modelalias.core.status.drift import has_drifted

EXPIRES_AFTER = "1h"
"""How long a rollback that was filed may wait for its turn: later it may be wrong."""

READ_WITHIN = timedelta(seconds=60)
"""How much later than its interval a number may be read; a process that starts reads all within that time."""


class Followed(NamedTuple):
    """The status with what follows from the monitors, and the request to file next, if any."""

    status: ModelAliasStatus
    effect: FileRequest | None = None
    again: bool = False
    """Whether a request could not be filed yet, so that it is tried again."""
    opens: datetime | None = None
    """When a window that is closed now changes, where one keeps a rollback from beginning."""


def follow(context: Context, alias: ModelAlias) -> Followed:
    """Return what follows from the monitors as they stand; raise `Needed` and `Failed` for what is read."""
    status, current = alias.status, alias.status.current
    rules = {item.name: item for item in alias.spec.monitors}
    breaches = [
        Breach(rules[item.name], item)
        for item in status.monitors
        if current is not None and item.version == current.version and item.state is MonitorState.BREACHED
    ]
    if current is None or not breaches:
        return Followed(status.with_monitors(_told(status.monitors, {})))
    known = {item.version for item in status.breached}
    armed = next((item for item in breaches if not item.entry.disarmed), None)
    if armed is not None and not context.by_itself.mass_breach and current.version not in known:
        status = status.with_breached(armed.noted(current, context))
    alias = alias.with_status(status)
    outcomes = {item.entry.name: _outcome(context, alias, current, item) for item in breaches}
    monitors = _told(status.monitors, {name: item.message for name, item in outcomes.items()})
    effect = next((item.effect for item in outcomes.values() if item.effect is not None), None)
    there = next((item.there for item in outcomes.values() if item.there is not None), None)
    status = status.with_breach_filed(current.version, there) if there is not None else status
    closed = windows.closed(alias, Operation.ROLLBACK, context.now)
    opens = None if closed is None else closed.again
    return Followed(
        status.with_monitors(monitors), effect, any(item.again for item in outcomes.values()), opens
    )


def while_away(alias: ModelAlias, why: str) -> ModelAliasStatus:
    """Return the status while nothing follows from a breach, and why not."""
    breached = {item.name: why for item in alias.status.monitors if item.state is MonitorState.BREACHED}
    return alias.status.with_monitors(_told(alias.status.monitors, breached))


def _told(monitors: Iterable[MonitorStatus], follows: Mapping[str, str]) -> Iterator[MonitorStatus]:
    return (item.changed(follows=follows.get(item.name, "")) for item in monitors)


class Breach(NamedTuple):
    """A monitor that was breached, and its readings."""

    monitor: Monitor
    entry: MonitorStatus

    def noted(self, current: NamedVersion, context: Context) -> BreachedVersion:
        """Return what is remembered of the version."""
        return BreachedVersion(
            version=current.version, monitor=self.entry.name, value=self.entry.value or "", at=context.now
        )

    def reason(self, current: NamedVersion) -> str:
        """Return the numbers, as the reason of a request."""
        entry = self.entry
        since = f" since {entry.failing_since:%Y-%m-%d %H:%M:%S} UTC" if entry.failing_since else ""
        said = f"{entry.value}, wanted {entry.rule}, {entry.failures} times in a row{since}"
        return f"monitor {entry.name} was breached with version {current.version}: {said}"


class _Outcome(NamedTuple):
    message: str
    effect: FileRequest | None = None
    again: bool = False
    there: str | None = None
    """The request that was filed for it and is there."""


def _outcome(context: Context, alias: ModelAlias, current: NamedVersion, breach: Breach) -> _Outcome:
    """Return what becomes of one breach, as its message says it."""
    if breach.monitor.on_breach is OnBreach.ALERT:
        return _Outcome("")
    names = _names(alias, current)
    filed = next(
        (item for item in context.requests if item.metadata.name in names and is_own(context, item)), None
    )
    if filed is not None:
        name = filed.metadata.name
        return _Outcome(f"PromotionRequest {name} asks to go back", there=name)
    why = next(_suspicions(context, alias, breach), "")
    if why:
        return _Outcome(f"nothing is rolled back: {why}")
    if _is_old(context, breach):
        return _Outcome(
            "nothing is rolled back yet: it is old, and the number is read again first", again=True
        )
    if _named(context, alias) != current.version:  # a look of a moment ago told otherwise
        return _Outcome(f"nothing is rolled back: {_MOVED}", again=True)
    return _file(context, alias, current, breach, names)


_MOVED: Final = "somebody moved the alias by hand, so it is not certain which version the numbers are of"


def _named(context: Context, alias: ModelAlias) -> str | None:
    """Return which version the alias names in the registry now."""
    try:
        return context.facts.aliases(alias.spec.model).get(alias.spec.alias)
    except NotFound:
        return None


def _file(
    context: Context, alias: ModelAlias, current: NamedVersion, breach: Breach, names: Sequence[str]
) -> _Outcome:
    """File the rollback under the first name that is free, unless one was carried out or somebody stopped it."""
    known = max((names.index(name) for name in _filed_before(alias, current) if name in names), default=-1)
    for place, name in enumerate(names):
        there = context.facts.request(context.namespace, name)
        if there is None and place == known:
            return _Outcome(f"nothing is rolled back: PromotionRequest {name} was filed for it, and is gone")
        if there is None and place > known:
            return _filed(context, _request(context, alias, current, breach, name))
        if there is not None and is_own(context, there) and there.status.phase in _FINAL:
            return _Outcome(f"nothing is rolled back: {_ended(there)}", there=name)
    return _Outcome("nothing is rolled back: all names that the request could have are taken")


_FINAL: Final = frozenset({Phase.ABORTED, Phase.SUCCEEDED, Phase.FAILED, Phase.ROLLED_BACK})
"""Ends after which a breach is not followed again: it was carried out, or a person stopped it."""


def _filed_before(alias: ModelAlias, current: NamedVersion) -> frozenset[str]:
    """Return the requests that are known to have been filed for breaches of the version."""
    of_version = (item for item in alias.status.breached if item.version == current.version)
    return frozenset(item.request for item in of_version if item.request is not None)


def _filed(context: Context, request: FileRequest) -> _Outcome:
    refused = context.facts.failure(request)
    if refused is not None:
        return _Outcome(f"cannot file a rollback: {refused}; {ways_out.let_file()}", again=True)
    return _Outcome(f"a rollback is being filed: PromotionRequest {request.name}", request)


def _is_old(context: Context, breach: Breach) -> bool:
    """Return whether nothing was read lately, as after a time in which no operator ran: it may be good by now."""
    at = breach.entry.at
    return at is None or context.now - at > series.interval(breach.monitor) + READ_WITHIN


def _names(alias: ModelAlias, current: NamedVersion) -> tuple[str, ...]:
    """Return the names that the rollback may have: the first, unless somebody else took it."""
    name = f"{alias.metadata.name}-breach-{current.version}-{int(current.since.timestamp()):x}"
    return (name, *(f"{name}-{number}" for number in range(2, 6)))


def _ended(request: PromotionRequest) -> str:
    return (
        f"PromotionRequest {request.metadata.name} ended {request.status.phase}: {request.status.explanation}"
    )


def _suspicions(context: Context, alias: ModelAlias, breach: Breach) -> Iterator[str]:
    """Yield why a breach moves nothing now; the order is that of what a person has to know first."""
    status, spec, entry = alias.status, alias.spec, breach.entry
    if spec.version is not None:
        yield f"spec.version pins version {spec.version}"
    if entry.disarmed or context.by_itself.mass_breach:
        yield "monitors of many aliases were breached at once, so it is not the models (MassBreach)"
    if spec.suspend:
        yield f"the ModelAlias is suspended; to go on: {ways_out.resume(alias)}"
    if has_drifted(status):
        yield _MOVED
    if is_return(status):
        next_ = ways_out.promote(alias, "N")
        yield f"the alias came back to this version, and an automatic rollback never follows that: {next_}"
    if status.hold is not None:
        yield f"automatic steps are on hold; {ways_out.release(alias)}"
    yield from _doubts_of_target(context, status, breach)
    closed = windows.closed(alias, Operation.ROLLBACK, context.now)
    if closed is not None:
        yield f"it waits {closed.wait}"
    if not context.by_itself.account:
        yield "the operator could not find out its own user name yet"


def _doubts_of_target(context: Context, status: ModelAliasStatus, breach: Breach) -> Iterator[str]:
    """Yield why the version before is nothing to go back to."""
    target, before = former(status), context.by_itself.before.get(breach.entry.name)
    if target is None:
        yield "there is no former version to go back to"
    elif target in {item.version for item in status.breached}:
        yield f"a monitor was breached with version {target} too"
    if breach.entry.name not in context.by_itself.asked_before:
        yield f"version {target} is read first"
    value = None if before is None else bounds.number(before)
    if value is not None and bounds.judge(breach.monitor, value, breach.entry.baseline).beyond:
        yield f"version {target} is no better: {before}"


def _request(
    context: Context, alias: ModelAlias, current: NamedVersion, breach: Breach, name: str
) -> FileRequest:
    spec = PromotionRequestSpec(
        alias_ref=AliasRef(name=alias.metadata.name),
        operation=RequestOperation.ROLLBACK,
        source=Source(version=former(alias.status) or current.version),
        expected_current=current.version,
        reason=breach.reason(current)[:1024],
        requested_by=context.by_itself.account,
        expires_after=EXPIRES_AFTER,
    )
    return FileRequest(namespace=context.namespace, name=name, spec=spec)
