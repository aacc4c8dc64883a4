"""Whether something may begin now, by all windows of a policy, and if not, until when it waits.

Nothing begins while a Deny window is open or, where there are Allow windows, while none of them is. What a
window is except for it does not concern.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final

from modelalias.api.alias import Operation, Window, WindowKind, WindowOperation
from modelalias.api.conditions import Reason
from modelalias.core.judging import schedule

HORIZON: Final = timedelta(days=400)
"""How far ahead an opening is looked for."""
_MOST_LOOKS: Final = 3_000
"""How many windows are looked at for one answer: a sixth of a second at most."""
_NEXT_LOOK: Final = timedelta(days=1)


@dataclass(frozen=True)
class Closed:
    """Why an operation does not begin now."""

    reason: Reason
    """WindowClosed, or Invalid for windows that somebody has to put right."""
    wait: str
    """What it waits for, after the verb: `until ..., when the window ... closes`."""
    until: datetime | None
    """When it may begin, as far as that is known."""
    again: datetime
    """When to look again at the latest."""


def fault(windows: Sequence[Window]) -> str:
    """Return what is wrong with the first window that is not valid; "" when all are."""
    wrong = ((number, schedule.fault(window)) for number, window in enumerate(windows))
    return next((f"spec.policy.windows[{number}].{why}" for number, why in wrong if why), "")


def why_closed(windows: Sequence[Window], operation: Operation, now: datetime) -> Closed | None:
    """Return why nothing of that operation may begin now; None when it may.

    A window with a fault is taken for one that stays closed: whom it concerns nobody knows better.
    """
    concerned = _concerned(windows, operation)
    if not concerned:
        return None
    if any(schedule.fault(window) for window in concerned):
        wait = f"until somebody changes {fault(windows)}"
        return Closed(Reason.INVALID, wait, None, now + _NEXT_LOOK)
    return _closed(concerned, _to_the_second(now))


def next_change(windows: Sequence[Window], operation: Operation, now: datetime) -> datetime | None:
    """Return when that operation may begin again or, if it may now, when it no longer may; None if not in sight."""
    closed = why_closed(windows, operation, now)
    if closed is not None:
        return closed.until
    concerned = _concerned(windows, operation)
    return _closing(concerned, _to_the_second(now)) if concerned else None


def sentences(windows: Sequence[Window], now: datetime) -> Iterator[str]:
    """Return what the windows mean now, for people; nothing where there are none."""
    if not windows:
        return
    states = [(why_closed(windows, Operation(item), now), item.value) for item in WindowOperation]
    states.sort(key=lambda state: state[0].wait if state[0] else "")
    closed = [(wait, [name for _, name in group]) for wait, group in groupby(states, lambda item: item[0])]
    for state, names in closed:
        if state is not None:
            yield f"closed for {_listed(names)}, which {'waits' if len(names) == 1 else 'wait'} {state.wait}"
    if all(state is None for state, _ in closed):
        changes = [next_change(windows, Operation(item), now) for item in WindowOperation]
        at = min((item for item in changes if item is not None), default=None)
        yield "open" if at is None else f"open until {_minute(at)} UTC"


def _concerned(windows: Iterable[Window], operation: Operation) -> tuple[Window, ...]:
    """Return the windows that an operation has to heed; what sets an alias back has to heed none."""
    if operation is Operation.RESTORE:
        return ()
    return tuple(item for item in windows if operation.value not in {name.value for name in item.except_})


def _to_the_second(at: datetime) -> datetime:
    """Drop what is no matter: windows open and close at whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0)


@lru_cache(maxsize=1024)
def _closed(windows: tuple[Window, ...], now: datetime) -> Closed | None:
    """Look for the next time at which none of the windows forbids anything; many aliases have the same ones."""
    denies, allows = _by_kind(windows)
    at, last = now, None
    for _ in range(_MOST_LOOKS // len(windows)):
        obstacle = _obstacle(denies, allows, at)
        if obstacle is None:
            return None if last is None else _opens(last, at)
        last, at = obstacle
        if at - now > HORIZON:
            wait = f"for an opening, and policy.windows leave none within {HORIZON.days} days"
            return Closed(Reason.WINDOW_CLOSED, wait, None, now + _NEXT_LOOK)
    wait = "for an opening; policy.windows follow one another too closely to say when that is"
    return Closed(Reason.WINDOW_CLOSED, wait, None, min(at, now + _NEXT_LOOK))


def _by_kind(windows: tuple[Window, ...]) -> tuple[list[Window], list[Window]]:
    denies = [item for item in windows if item.kind is WindowKind.DENY]
    return denies, [item for item in windows if item.kind is WindowKind.ALLOW]


def _obstacle(
    denies: Iterable[Window], allows: Sequence[Window], at: datetime
) -> tuple[Window, datetime] | None:
    """Return a window that forbids to begin at a time, and when it stops to; None when nothing does."""
    for window in denies:
        if (closes := schedule.open_until(window, at)) is not None:
            return window, closes
    if not allows or any(schedule.open_until(window, at) for window in allows):
        return None
    starts = ((window, schedule.next_start(window, at)) for window in allows)
    never = at + 2 * HORIZON
    return min(((window, start or never) for window, start in starts), key=lambda item: item[1])


def _closing(windows: tuple[Window, ...], now: datetime) -> datetime | None:
    """Return when what is open now closes; None when that is not in sight."""
    denies, allows = _by_kind(windows)
    starts = (schedule.next_start(window, now) for window in denies)
    denied = min((start for start in starts if start is not None), default=now + 2 * HORIZON)
    at = now if allows else denied
    for _ in range(_MOST_LOOKS // len(windows)):
        if at >= denied or at - now > HORIZON:
            break
        ends = (schedule.open_until(window, at) for window in allows)
        end = max((item for item in ends if item is not None), default=None)
        if end is None:
            return at
        at = end
    else:
        return None
    change = min(at, denied)
    return change if change - now <= HORIZON else None


def _opens(window: Window, at: datetime) -> Closed:
    """Return until when it waits, in UTC and in the zone that the owner thinks in."""
    does = "closes" if window.kind is WindowKind.DENY else "opens"
    local, there = at.astimezone(schedule.zone_of(window)), ""
    if window.time_zone != "UTC":
        day = "" if local.date() == at.date() else f"{local:%Y-%m-%d} "
        there = f" ({day}{local:%H:%M} {window.time_zone})"
    name = window.name or f"{window.cron} for {window.duration}"
    wait = f"until {_minute(at)} UTC{there}, when the window {name} {does}"
    return Closed(Reason.WINDOW_CLOSED, wait, at, at)


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at.second else f"{at:%Y-%m-%d %H:%M}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
