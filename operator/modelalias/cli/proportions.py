"""Two proportions: the interval of each and of their difference, whether they differ, and how much more would show it.

The mathematics is statsmodels'; which of its methods, and why: docs/decisions/0072.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from modelalias.core.errors import InvalidRequest

MISSING: Final = "comparing needs statsmodels, which is not installed: pip install 'modelalias[statistics]'"

_FEW: Final = 5
"""Expected events, or trials without one, below which a normal distribution fits badly."""


class Verdict(StrEnum):
    """What the numbers say of the challenger."""

    BETTER = "Better"
    WORSE = "Worse"
    NEGLIGIBLE = "Negligible"
    """The whole interval of the difference is smaller than the smallest difference that matters."""
    UNDECIDED = "Undecided"


class Count(NamedTuple):
    """How many trials there were, at least one, and in how many of them the event happened."""

    trials: int
    events: int

    @property
    def rate(self) -> float:
        """The proportion."""
        return self.events / self.trials


class Interval(NamedTuple):
    """From where to where a value lies, with the confidence that was asked for."""

    low: float
    high: float


@dataclass(frozen=True)
class Aims:
    """What somebody wants to know, and how sure they want to be."""

    alpha: float = 0.05
    """How often a difference may be seen where there is none."""
    power: float = 0.8
    """How often a difference shall be seen that is there."""
    min_effect: float | None = None
    """The smallest difference of the rates that matters."""
    higher_is_better: bool = False


@dataclass(frozen=True)
class Comparison:
    """Two proportions beside each other; the difference is the challenger's less the champion's."""

    champion: Interval
    challenger: Interval
    difference: float
    interval: Interval
    p_value: float
    verdict: Verdict
    effect: float | None
    """The difference that `more` is about: the smallest that matters, else the one that was seen, if any."""
    more: int | None
    """How many more trials the challenger needs, in the proportion of now, to show it; None without one."""
    is_rough: bool
    """There are so few events, or so few trials without one, that interval and p-value are rough."""


def compare(champion: Count, challenger: Count, aims: Aims) -> Comparison:
    """Compare two independent proportions; raise `InvalidRequest` where statsmodels is missing."""
    difference = challenger.rate - champion.rate
    interval, p_value = _newcombe(champion, challenger, aims.alpha), _pooled_test(champion, challenger)
    effect = aims.min_effect or abs(difference) or None
    return Comparison(
        champion=_wilson(champion, aims.alpha),
        challenger=_wilson(challenger, aims.alpha),
        difference=difference,
        interval=interval,
        p_value=p_value,
        verdict=_verdict(difference, interval, p_value, aims),
        effect=effect,
        more=None if effect is None else _more(champion, challenger, effect, aims),
        is_rough=_is_rough(champion, challenger),
    )


def require() -> None:
    """Raise `InvalidRequest` that names the extra where statsmodels is missing."""
    _statsmodels()


def _verdict(difference: float, interval: Interval, p_value: float, aims: Aims) -> Verdict:
    """Return what is shown; test and interval have to agree, for near the limit they can differ."""
    if aims.min_effect is not None and -aims.min_effect < interval.low <= interval.high < aims.min_effect:
        return Verdict.NEGLIGIBLE
    if p_value >= aims.alpha or interval.low <= 0 <= interval.high:
        return Verdict.UNDECIDED
    return Verdict.BETTER if (difference > 0) == aims.higher_is_better else Verdict.WORSE


def _wilson(count: Count, alpha: float) -> Interval:
    low, high = _statsmodels().proportion_confint(count.events, count.trials, alpha, method="wilson")
    return _interval(low, high)


def _newcombe(champion: Count, challenger: Count, alpha: float) -> Interval:
    low, high = _statsmodels().confint_proportions_2indep(
        *(challenger.events, challenger.trials, champion.events, champion.trials),
        compare="diff",
        method="newcomb",
        alpha=alpha,
    )
    return _interval(low, high)


def _interval(low: float, high: float) -> Interval:
    """Return an interval in which 0 and 1 are just that, and not off by what a float leaves."""
    return Interval(*(round(float(value), 12) + 0.0 for value in (low, high)))


def _pooled_test(champion: Count, challenger: Count) -> float:
    """Return the p-value of the two-sided test with the pooled rate, the chi-squared test of the 2x2 table."""
    if champion.events + challenger.events in {0, champion.trials + challenger.trials}:
        return 1.0  # nothing varies: the statistic is 0 / 0
    _, p_value = _statsmodels().proportions_ztest(
        [challenger.events, champion.events], [challenger.trials, champion.trials]
    )
    return float(p_value)


def _more(champion: Count, challenger: Count, effect: float, aims: Aims) -> int | None:
    """Return how many trials the challenger lacks for the test to have its power at this difference.

    The champion's rate is taken as it was seen. The difference can go either way unless it is the one that was
    seen, and the way that needs more counts. None where no rate is so far from the champion's.
    """
    ways = (effect, -effect) if aims.min_effect else (challenger.rate - champion.rate,)
    needed = [
        _statsmodels().samplesize_proportions_2indep_onetail(
            way, champion.rate, aims.power, ratio=champion.trials / challenger.trials, alpha=aims.alpha
        )
        for way in ways
        if 0 <= champion.rate + way <= 1
    ]
    return max(0, math.ceil(max(needed)) - challenger.trials) if needed else None


def _is_rough(champion: Count, challenger: Count) -> bool:
    pooled = Count(champion.trials + challenger.trials, champion.events + challenger.events).rate
    return min(champion.trials, challenger.trials) * min(pooled, 1 - pooled) < _FEW


def _statsmodels() -> Any:
    # imported late: an extra, and loading it takes longer than everything else
    try:
        from statsmodels.stats import proportion  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InvalidRequest(MISSING) from error
    return proportion
