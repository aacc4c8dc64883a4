"""A comparison of the two sides of a split for people and for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelalias.api.fields import timestamp_text
from modelalias.cli import markdown
from modelalias.cli.output import aligned, lines
from modelalias.cli.proportions import Aims, Comparison, Count, Interval, Verdict
from modelalias.cli.split_metric import Metric
from modelalias.cli.split_sides import Side, Split

_LEAST_P: Final = 0.0001

ROUNDED: Final = "requests and events are rounded: increase() estimates what happened between scrapes"
ROUGH: Final = "there are few events, or few requests without one: interval and p-value are rough"


@dataclass(frozen=True)
class Report:
    """What was asked, what was counted of each side, and what follows."""

    split: Split
    metric: Metric
    aims: Aims
    champion: Count
    challenger: Count
    comparison: Comparison

    @property
    def table(self) -> str:
        """Return a row for each side, and under them what follows."""
        return lines([self._title, *aligned([self._header, *self._rows]), *self.sentences])

    @property
    def markdown(self) -> str:
        """Return the same as GitHub-flavoured Markdown."""
        blocks = [
            markdown.text(self._title),
            markdown.table(self._header, self._rows),
            markdown.bullets(self.sentences),
        ]
        return markdown.document(blocks)

    @property
    def sentences(self) -> Iterator[str]:
        """Return the difference, what it means, and what to know about the numbers."""
        found, names = self.comparison, (self.split.challenger.alias, self.split.champion.alias)
        p = f"p = {found.p_value:.2g}" if found.p_value >= _LEAST_P else f"p < {_LEAST_P}"
        yield f"difference ({' - '.join(names)}): {_points(found.difference)}, {self._interval(found.interval)}, {p}"
        yield self.conclusion
        yield ROUNDED
        if found.is_rough:
            yield ROUGH
        if self.split.is_mixed:
            yield f"requests from before {timestamp_text(self.split.began)} are counted too, when they were split otherwise"

    @property
    def conclusion(self) -> str:
        """Return in one sentence what the numbers say of the challenger."""
        found, version = self.comparison, f"version {self.split.challenger.version}"
        match found.verdict:
            case Verdict.BETTER | Verdict.WORSE:
                low, high = sorted(map(abs, found.interval))
                by = f"{_points(abs(found.difference))} ({self._interval(Interval(low, high))})"
                return f"{version} is {found.verdict.lower()} by {by}"
            case Verdict.NEGLIGIBLE:
                least = _points(self.aims.min_effect or 0)
                return f"{version} differs by less than {least} ({self._interval(found.interval)})"
            case Verdict.UNDECIDED:
                return f"no difference is shown{self._what_would_show_it}"

    @property
    def result(self) -> Mapping[str, object]:
        """Return the same as JSON, with every digit."""
        split, found, aims = self.split, self.comparison, self.aims
        return {
            "modelAlias": split.name,
            "namespace": split.namespace,
            "model": split.model,
            "metric": self.metric._asdict(),
            "split": split.weights,
            "splitSince": timestamp_text(split.began),
            "until": timestamp_text(split.until),
            "windowSeconds": int(split.window.total_seconds()),
            "sides": [
                _side(split.champion, self.champion, found.champion),
                _side(split.challenger, self.challenger, found.challenger),
            ],
            "difference": {
                "value": found.difference,
                "interval": list(found.interval),
                "pValue": found.p_value,
                "isRough": found.is_rough,
            },
            "aims": {
                "alpha": aims.alpha,
                "power": aims.power,
                "minEffect": aims.min_effect,
                "higherIsBetter": aims.higher_is_better,
            },
            "verdict": found.verdict,
            "moreRequests": self._more,
            "message": self.conclusion,
        }

    @property
    def _title(self) -> str:
        split = self.split
        since = timestamp_text(split.until - split.window)
        return f"{self.metric.name} of model {split.model}, split {split.weights}, requests since {since}"

    @property
    def _header(self) -> Sequence[str]:
        return ("SIDE", "SERVICE", "VERSION", "REQUESTS", "EVENTS", "RATE", f"{self._confidence} INTERVAL")

    @property
    def _rows(self) -> Sequence[Sequence[str]]:
        found = self.comparison
        return [
            _row(self.split.champion, self.champion, found.champion),
            _row(self.split.challenger, self.challenger, found.challenger),
        ]

    @property
    def _more(self) -> Mapping[str, int] | None:
        """Return how many more requests the challenger and both together need, where that is the question."""
        more = self.comparison.more
        if more is None or self.comparison.verdict is not Verdict.UNDECIDED:
            return None
        in_all = round(more * (self.champion.trials + self.challenger.trials) / self.challenger.trials)
        return {"challenger": more, "inAll": in_all}

    @property
    def _what_would_show_it(self) -> str:
        found, more = self.comparison, self._more
        if found.effect is None:
            return ": the rates are the same; say with --min-effect which difference would matter"
        least = self.aims.min_effect is not None
        effect = f"a difference {'of' if least else 'as large as this one,'} {_points(found.effect)}"
        if more is None:
            return f": {effect} is not possible"
        if more["challenger"] == 0:
            return f", with as many requests as {effect} needs"
        return (
            f"; about {more['challenger']:,} more requests to the {self.split.challenger.alias} "
            f"({more['inAll']:,} in all, split as so far) would be needed to show {effect}, with a probability of "
            f"{self.aims.power:g}"
        )

    @property
    def _confidence(self) -> str:
        return f"{100 * (1 - self.aims.alpha):.4g} %"

    def _interval(self, interval: Interval) -> str:
        return f"{self._confidence} interval {_number(interval.low)} to {_number(interval.high)}"


def _row(side: Side, count: Count, interval: Interval) -> Sequence[str]:
    rate = f"{_number(count.rate)} %"
    between = f"{_number(interval.low)} % to {_number(interval.high)} %"
    return (*side, f"{count.trials:,}", f"{count.events:,}", rate, between)


def _side(side: Side, count: Count, interval: Interval) -> Mapping[str, object]:
    return {
        **side._asdict(),
        "requests": count.trials,
        "events": count.events,
        "rate": count.rate,
        "interval": list(interval),
    }


def _points(difference: float) -> str:
    return f"{_number(difference)} percentage points"


def _number(share: float) -> str:
    """Return a share in hundredths, with three digits."""
    return f"{100 * share:.3g}"
