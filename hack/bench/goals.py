"""The goals, each beside the figure that a benchmark found, also where it is missed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

Report = Mapping[str, Any]

MISSING: Final = "not measured"
_WHOLE: Final = 100.0
"""From here on, no digits after the point."""


class Figure(NamedTuple):
    """The median, and what lies around it; all three are the same where there is only one."""

    low: float
    median: float
    high: float

    def text(self, unit: str) -> str:
        """Write it for a table."""
        middle = f"{_number(self.median)}{unit}"
        return middle if self.low == self.high else f"{middle} ({_number(self.low)} to {_number(self.high)})"


class Sense(StrEnum):
    """On which side of its bound a figure has to be."""

    AT_MOST = "≤"
    AT_LEAST = "≥"
    ABOVE = ">"

    def holds(self, figure: float, bound: float) -> bool:
        """Return whether a figure reaches the goal."""
        match self:
            case Sense.AT_MOST:
                return figure <= bound
            case Sense.AT_LEAST:
                return figure >= bound
            case Sense.ABOVE:
                return figure > bound


@dataclass(frozen=True)
class Goal:
    """One line of the table."""

    measure: str
    benchmark: str
    sense: Sense
    bound: float
    figure: Callable[[Report], Figure]
    limits: str
    """What bounds the figure."""
    unit: str = ""

    def row(self, reports: Mapping[str, Report]) -> Sequence[str]:
        """Return measure, goal, figure, whether it is reached, size, and what bounds it."""
        goal = f"{self.sense} {_number(float(self.bound))}{self.unit}" if self.bound else "0"
        report = reports.get(self.benchmark, {"left_out": MISSING})
        if "left_out" in report:
            return (self.measure, goal, report["left_out"], "", "", self.limits)
        figure = self.figure(report)
        reached = "yes" if self.sense.holds(figure.median, self.bound) else "**no**"
        return (self.measure, goal, figure.text(self.unit), reached, size(report), self.limits)


def size(report: Report) -> str:
    """Return how large a benchmark was."""
    for key, word in (("requests", "requests"), ("aliases", "aliases")):
        if key in report:
            return f"{report[key]:,} {word}"
    return ""


def _number(value: float) -> str:
    """Write three digits, and all that stand before the point."""
    if math.isinf(value):
        return "∞"
    return f"{value:,.0f}" if value.is_integer() or value >= _WHOLE else f"{value:.3g}"


def _at(report: Report, path: str) -> Any:
    found: Any = report
    for key in path.split("."):
        found = found[key]
    return found


def of_spread(path: str, prefix: str = "") -> Callable[[Report], Figure]:
    """Return what reads min, median and max at a place of the report."""

    def figure(report: Report) -> Figure:
        found = _at(report, path)
        return Figure(*(float(found[f"{prefix}{key}"]) for key in ("min", "median", "max")))

    return figure


def of_number(path: str) -> Callable[[Report], Figure]:
    """Return what reads one number."""

    def figure(report: Report) -> Figure:
        found = float(_at(report, path))
        return Figure(found, found, found)

    return figure


def of_largest(path: str) -> Callable[[Report], Figure]:
    """Return what reads the maximum of a spread."""
    return of_number(f"{path}.max")


def of_quotient(path: str, other: str) -> Callable[[Report], Figure]:
    """Return what divides the medians of two spreads."""

    def figure(report: Report) -> Figure:
        one, two = float(_at(report, path)["median"]), float(_at(report, other)["median"])
        found = one / two if two else float("inf")
        return Figure(found, found, found)

    return figure


_PAGES: Final = "MLflow: a page of 1,000 models is a call"
_CALLS: Final = "MLflow's time for each call"
_CALLS_AND_ALL_ELSE: Final = "MLflow's time for each call, and two processors for all else"
_LOOP: Final = "the longest piece of work between two awaits, and what the machine adds"


def _burst(workers: int) -> Sequence[Goal]:
    side = "one MLflow worker" if workers == 1 else f"{workers} MLflow workers"
    at = f"workers.{workers}"
    return (
        Goal(
            f"requests at once: share of a script with the same registry calls, {side}",
            "burst",
            Sense.AT_LEAST,
            0.85,
            of_spread(f"{at}.share_of_same", "pair_"),
            _CALLS_AND_ALL_ELSE,
        ),
        Goal(
            f"requests at once: share of a script with five calls each, {side}",
            "burst",
            Sense.AT_LEAST,
            0.77,
            of_spread(f"{at}.share_of_fewest", "pair_"),
            _CALLS_AND_ALL_ELSE,
        ),
        Goal(
            f"requests at once: errors, {side}",
            "burst",
            Sense.AT_MOST,
            0,
            of_number(f"{at}.errors.operator"),
            "",
        ),
        Goal(
            f"longest wait for /healthz in a burst, {side}",
            "burst",
            Sense.AT_MOST,
            150,
            of_largest(f"{at}.longest_probe_ms"),
            _LOOP,
            " ms",
        ),
    )


GOALS: Final[Sequence[Goal]] = (
    Goal("registry calls of a drift pass", "drift", Sense.AT_MOST, 10, of_number("calls.operator"), _PAGES),
    Goal(
        "time of a drift pass / bare paging",
        "drift",
        Sense.AT_MOST,
        1.3,
        of_spread("ratio_to_bare", "pair_"),
        _PAGES,
    ),
    Goal(
        "time of the naive pass / ours",
        "drift",
        Sense.AT_LEAST,
        20,
        of_spread("ratio_of_naive", "pair_"),
        _PAGES,
    ),
    Goal(
        "memory, settled",
        "costs",
        Sense.AT_MOST,
        180,
        of_spread("operator.rss_mib"),
        "imports, and one packed JSON for each object",
        " MiB",
    ),
    Goal(
        "memory of the naive operator / ours",
        "costs",
        Sense.AT_LEAST,
        2,
        of_quotient("naive.rss_mib", "operator.rss_mib"),
        "the imports of both",
    ),
    Goal(
        "Kubernetes writes at rest",
        "costs",
        Sense.AT_MOST,
        0,
        of_largest("operator.kubernetes_writes"),
        "",
    ),
    Goal(
        "processor time of the naive operator / ours, at rest",
        "costs",
        Sense.AT_LEAST,
        30,
        of_quotient("naive.cpu_seconds", "operator.cpu_seconds"),
        "the naive one: how fast MLflow answers it",
    ),
    Goal(
        "cold start with nothing to change / bare lists and imports",
        "coldstart",
        Sense.AT_MOST,
        3,
        of_spread("ratio", "pair_"),
        "parsing and one look at each alias",
    ),
    Goal(
        "longest wait for /healthz in a cold start",
        "coldstart",
        Sense.AT_MOST,
        150,
        of_largest("longest_probe_ms"),
        _LOOP,
        " ms",
    ),
    Goal(
        "one promotion, request to patched workload / bare",
        "latency",
        Sense.AT_MOST,
        1.2,
        of_number("ratio.of_medians"),
        _CALLS,
    ),
    *_burst(1),
    *_burst(2),
    Goal(
        "registry calls of a promotion in a burst",
        "burst",
        Sense.AT_MOST,
        5,
        of_number("each.registry_calls"),
        "what the rules read before and after each write",
    ),
    Goal(
        "Kubernetes writes of a promotion in a burst, without Events",
        "burst",
        Sense.AT_MOST,
        5,
        of_number("each.kubernetes_writes"),
        "verdict, plan, end and history",
    ),
    Goal(
        "the operator's processor time for a promotion in a burst",
        "burst",
        Sense.AT_MOST,
        20,
        of_spread("workers.1.cpu_ms_each"),
        "13 decisions, statuses as models, the API client, MLflow's client, Kopf",
        " ms",
    ),
    Goal(
        "one request beside another namespace's burst / alone",
        "neighbour",
        Sense.AT_MOST,
        2,
        of_spread("ratio", "pair_"),
        "MLflow and two processors, which both share",
    ),
    Goal(
        "from the operator's start to the first sight of all aliases",
        "argo",
        Sense.AT_MOST,
        5,
        of_spread("operator.first_sight_seconds"),
        "Python's imports; a status and an Event for each alias",
        " s",
    ),
    Goal(
        "the same as Rollouts of Argo Rollouts / ours, its defaults",
        "argo",
        Sense.ABOVE,
        1,
        of_spread("defaults_to_operator", "pair_"),
        "ours: MLflow; Argo's: its client's limit of calls",
    ),
    Goal(
        "the same, Argo Rollouts tuned / ours",
        "argo",
        Sense.ABOVE,
        1,
        of_spread("tuned_to_operator", "pair_"),
        "ours: MLflow; Argo's: the processor",
    ),
    Goal(
        "longest stall while /metrics is scraped",
        "scrape",
        Sense.AT_MOST,
        150,
        of_number("ready_made_lines.longest_stall_ms"),
        "joining and packing the lines",
        " ms",
    ),
    *(
        Goal(
            f"{what} in a soak, later / earlier",
            "soak",
            Sense.AT_MOST,
            1.05,
            of_number(f"growth.{key}"),
            "nothing may grow",
        )
        for key, what in (("mib", "memory"), ("descriptors", "open descriptors"), ("threads", "threads"))
    ),
)


def table(reports: Mapping[str, Report]) -> str:
    """Return the goals as a table of Markdown."""
    head = ("measure", "goal", "figure: median (min to max)", "reached", "size", "what bounds it")
    rows = [head, tuple("---" for _ in head), *(goal.row(reports) for goal in GOALS)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def call_costs(calls: Report) -> str:
    """Return what each registry call of a promotion costs, as a table of Markdown."""
    rows = [("registry call", "ms of the server"), ("---", "---")]
    rows += [
        (kind, Figure(each["min"], each["median"], each["max"]).text(""))
        for kind, each in calls["each"].items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def registry_time(burst: Report) -> str:
    """Return what a call to MLflow takes in a burst, and how near to that the operator is."""
    each = burst["each"]["registry_calls"]
    lines = []
    for workers, one in burst["workers"].items():
        call = one["same"]["median"] / (burst["requests"] * each) * 1000
        share = one["share_of_same"]["pair_median"]
        lines.append(
            f"- MLflow, {workers} worker(s): a call takes {call:.1f} ms of a burst when a script sends nothing else, six "
            f"at once; the {each:g} calls of a promotion {call * each:.0f} ms. The operator takes "
            f"{call * each / share:.0f} ms for a promotion, with all that it does beside them: {share:.0%} of the script's "
            "speed."
        )
    return "\n".join(lines)
