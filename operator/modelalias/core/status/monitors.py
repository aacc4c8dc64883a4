"""What the monitors add up to, as a condition and as news."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from modelalias.api.alias import ModelAliasStatus, MonitorState, MonitorStatus
from modelalias.api.conditions import AliasCondition, Reason, Status, find
from modelalias.core.status.new_condition import NewCondition

NO_DATA_AFTER: Final = timedelta(minutes=5)
"""How long a monitor may yield no number before that is an event: a scrape may fail now and then."""

PASSED_FOR: Final = timedelta(minutes=10)
"""How long a monitor was not breached before another breach of it is another event."""

_KIND: Final = AliasCondition.MONITORS_PASSING


def monitors_passing(status: ModelAliasStatus, now: datetime) -> NewCondition:
    """Return the condition that sums the monitors of the current version up, the worst first."""
    current = None if status.current is None else status.current.version
    of_current = [item for item in status.monitors if item.version == current and current is not None]
    if not of_current:
        return NewCondition(_KIND, Status.UNKNOWN, Reason.NOT_COUNTED_YET, "nothing was read yet")
    by_state = {state: [item for item in of_current if item.state is state] for state in MonitorState}
    breached, failing = by_state[MonitorState.BREACHED], by_state[MonitorState.FAILING]
    if breached:
        reason = Reason.MASS_BREACH if any(item.disarmed for item in breached) else Reason.BREACHED
        return NewCondition(_KIND, False, reason, _said(breached))
    if failing:
        return NewCondition(_KIND, False, Reason.FAILING, _said(failing))
    silent = by_state[MonitorState.NO_DATA]
    if silent:
        lasts = any(item.no_data_since and now - item.no_data_since >= NO_DATA_AFTER for item in silent)
        return NewCondition(
            _KIND, Status.UNKNOWN, Reason.NO_DATA if lasts else Reason.NOT_COUNTED_YET, _said(silent)
        )
    early = [*by_state[MonitorState.GRACE], *by_state[MonitorState.WAITING]]
    if early:
        return NewCondition(_KIND, Status.UNKNOWN, Reason.NOT_COUNTED_YET, _said(early))
    return NewCondition(_KIND, True, Reason.PASSING, _within(of_current))


def next_change(status: ModelAliasStatus, now: datetime) -> datetime | None:
    """Return when a monitor without numbers becomes an event."""
    ends = (item.no_data_since + NO_DATA_AFTER for item in status.monitors if item.no_data_since is not None)
    return min((at for at in ends if at > now), default=None)


def is_news(before: ModelAliasStatus, after: ModelAliasStatus) -> bool:
    """Return whether a breach, or the want of numbers, is to be told as an event.

    A breach is told again after its monitor passed for a while, so that a metric around its bound is told once.
    """
    old, new = find(before.conditions, _KIND), find(after.conditions, _KIND)
    if new is None:
        return False
    turned = old is None or old.reason != new.reason
    if new.reason == str(Reason.NO_DATA):
        return turned and (old is None or _became_silent_after(old.last_transition_time, after))
    if new.reason not in {str(Reason.BREACHED), str(Reason.MASS_BREACH)}:
        return False
    was_breach = old is not None and old.reason == str(Reason.BREACHED)
    if turned and was_breach:  # it is not the model after all
        return True
    known = {item.name: item for item in before.monitors}
    return any(_begins(known.get(item.name), item) for item in after.monitors)


def _begins(old: MonitorStatus | None, new: MonitorStatus) -> bool:
    """Return whether a breach has begun that is not a part of one that was told."""
    if new.state is not MonitorState.BREACHED:
        return False
    if old is None or old.version != new.version or old.breached_at is None or new.failing_since is None:
        return True
    return new.failing_since - old.breached_at >= PASSED_FOR


def _became_silent_after(since: datetime, status: ModelAliasStatus) -> bool:
    """Return whether numbers became missing for long after that, and not only hidden by worse news."""
    silent = (item.no_data_since for item in status.monitors if item.state is MonitorState.NO_DATA)
    first = min((at for at in silent if at is not None), default=None)
    return first is None or first + NO_DATA_AFTER > since


def _said(monitors: Iterable[MonitorStatus]) -> str:
    return "; ".join(sorted(f"{item.name}: {text}" for item in monitors for text in _texts(item)))


def _texts(item: MonitorStatus) -> Iterator[str]:
    plain = {
        MonitorState.GRACE: "readings do not count yet after the last move",
        MonitorState.WAITING: "nothing was read yet",
    }
    yield "; ".join(part for part in (item.message or plain.get(item.state, ""), item.follows) if part)


def _within(monitors: Iterable[MonitorStatus]) -> str:
    return "; ".join(f"{item.name}: {item.rule}" for item in monitors)
