"""Bounds: whether a reading is as good as its monitor asks, alone or beside the version before.

The mirror of a gate with maxRegression, with its decimal arithmetic: with c the reading and b what was kept of
the version before, HigherIsBetter asks for `c >= threshold` and `c >= b - maxRegression`; Relative scales the
distance by |b|; LowerIsBetter is the mirror image. Equality passes. A reading is beyond the bound if it misses
either half that is given.
"""

from decimal import Context, Decimal, InvalidOperation, localcontext
from typing import Final, NamedTuple

from modelalias.api.gates import Direction, Mode
from modelalias.api.monitor_status import Baseline
from modelalias.api.monitors import Monitor, Regression
from modelalias.core.judging import gates, numbers

_EXACT: Final = Context(prec=numbers.MOST_DIGITS)


class Judged(NamedTuple):
    """Whether a reading is beyond the bound, and the bound in words."""

    beyond: bool | None
    """None where the bound says nothing of any reading; `why` has the reason."""
    rule: str
    why: str = ""


class _Half(NamedTuple):
    """One half of a bound: the bar where there is one, and the words for it."""

    bar: Decimal | None
    words: str
    means_nothing: bool = False


def number(value: float | Decimal | str | None) -> Decimal | None:
    """Return a number as the shortest decimal that names it, so that 0.1 is a tenth; None where it is none.

    What is not finite, or stands in for infinity, is no number.
    """
    if value is None:
        return None
    try:
        exact = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    return exact if gates.is_usable(exact) else None


def text(value: Decimal) -> str:
    """Write a finite number as it stands in a status."""
    return gates.text(value) or ""


def judge(monitor: Monitor, value: Decimal, baseline: Baseline | None) -> Judged:
    """Judge a finite reading; where nothing was kept of the version before, that half passes."""
    halves = _halves(monitor, baseline)
    rule = " and ".join(half.words for half in halves)
    bars = [half.bar for half in halves if half.bar is not None]
    if not bars and any(half.means_nothing for half in halves):
        return Judged(None, rule, "a relative distance to 0 means nothing: set a threshold, or mode Absolute")
    return Judged(any(_misses(monitor, value, bar) for bar in bars), rule)


def rule(monitor: Monitor, baseline: Baseline | None) -> str:
    """Return the bound in words, with the number that it comes to."""
    return " and ".join(half.words for half in _halves(monitor, baseline))


def _halves(monitor: Monitor, baseline: Baseline | None) -> tuple[_Half, ...]:
    halves: list[_Half] = []
    if monitor.threshold is not None:
        halves.append(_Half(monitor.threshold, f"{_sign(monitor)} {text(monitor.threshold)}"))
    if monitor.champion is not None:
        halves.append(_beside(monitor, monitor.champion, baseline))
    return tuple(halves)


def _beside(monitor: Monitor, versus: Regression, baseline: Baseline | None) -> _Half:
    """Return the half that compares with the version before."""
    sign, is_relative = _sign(monitor), versus.mode is Mode.RELATIVE
    unit = " of it" if is_relative else ""
    distance = f"{_operator(monitor)} {text(versus.max_regression)}{unit}"
    kept = None if baseline is None else number(baseline.value)
    if baseline is None or kept is None:
        return _Half(None, f"{sign} the version before {distance} (nothing is known of it)")
    if is_relative and kept == 0:
        return _Half(None, f"{sign} version {baseline.version} {distance} (which is 0)", means_nothing=True)
    with localcontext(_EXACT):
        by = versus.max_regression * (abs(kept) if is_relative else Decimal(1))
        bar = kept - by if monitor.direction is Direction.HIGHER else kept + by
    return _Half(bar, f"{sign} {text(bar)} (version {baseline.version}: {text(kept)} {distance})")


def _misses(monitor: Monitor, value: Decimal, bar: Decimal) -> bool:
    return value < bar if monitor.direction is Direction.HIGHER else value > bar


def _sign(monitor: Monitor) -> str:
    return ">=" if monitor.direction is Direction.HIGHER else "<="


def _operator(monitor: Monitor) -> str:
    return "-" if monitor.direction is Direction.HIGHER else "+"
