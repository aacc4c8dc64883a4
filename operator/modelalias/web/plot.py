"""Where the parts of a drawing stand, for SVG that needs no script. Pure; every coordinate is a finite number."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from modelalias.core.judging import numbers
from modelalias.core.monitoring import bounds
from modelalias.web.phases import Tone

WIDTH: Final = 400
HEIGHT: Final = 170
LEFT: Final = 62
RIGHT: Final = WIDTH - 14
TOP: Final = 14
BOTTOM: Final = HEIGHT - 26
_MOST_LETTERS: Final = 9
_PAD: Final = 0.12


class Mark(NamedTuple):
    """A point, with what it says to whoever points at it."""

    x: float
    y: float
    tone: Tone
    text: str
    is_now: bool = False


class Tick(NamedTuple):
    """A word at an axis."""

    at: float
    text: str


class Rule(NamedTuple):
    """A line across the drawing."""

    y: float
    name: str
    """Which line it is, for the style sheet: champion, asked or limit."""


class Drawing(NamedTuple):
    """All that a template needs to draw it."""

    path: str = ""
    marks: Sequence[Mark] = ()
    columns: Sequence[Tick] = ()
    rows: Sequence[Tick] = ()
    rules: Sequence[Rule] = ()
    width: int = WIDTH
    height: int = HEIGHT


class Scale(NamedTuple):
    """Maps values to places; what has no extent stands in the middle."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where a value stands, to a tenth."""
        # halves, because the ends of what a float holds are further apart than a float holds
        extent = self.high / 2 - self.low / 2
        part = (value / 2 - self.low / 2) / extent if extent else 0.5
        return round(self.start + (self.end - self.start) * min(max(part, -1.0), 2.0), 1)


def number(text: str | None) -> float | None:
    """Return a number of a status as one to draw; None where it is none."""
    value = bounds.number(text)
    return None if value is None else float(value)


def vertical(values: Sequence[float], top: float = TOP, bottom: float = BOTTOM) -> Scale:
    """Return a scale that holds all values with some air above and below; the largest stands highest."""
    air = (bottom - top) * _PAD
    return Scale(min(values), max(values), bottom - air, top + air)


def spread(count: int, start: float = LEFT + 12, end: float = RIGHT - 12) -> Sequence[float]:
    """Return where so many things stand side by side."""
    if count == 1:
        return [round((start + end) / 2, 1)]
    return [round(start + (end - start) * place / (count - 1), 1) for place in range(count)]


def thinned(ticks: Sequence[Tick], most: int) -> Sequence[Tick]:
    """Return at most so many ticks, the last one among them, at even distances."""
    if len(ticks) <= most:
        return ticks
    step = -(-len(ticks) // most)
    return [tick for place, tick in enumerate(ticks) if (len(ticks) - 1 - place) % step == 0]


def axis(values: Sequence[float], scale: Scale) -> Sequence[Tick]:
    """Return the smallest and the largest value as ticks, in as few digits as tell them apart."""
    low, high = min(values), max(values)
    if low == high:
        return [Tick(scale(low), label(low))]
    return [Tick(scale(low), label(low, high)), Tick(scale(high), label(high, low))]


def label(value: float, *others: float) -> str:
    """Return a number that fits beside an axis."""
    text = numbers.short(_plain(value), *map(_plain, others))
    return text if len(text) <= _MOST_LETTERS else f"{value:.3g}"


def version_label(version: str) -> str:
    """Return a version that fits beside an axis: of a long one its last digits."""
    return version if len(version) <= _MOST_LETTERS else f"…{version[-6:]}"


def line(points: Sequence[tuple[float, float]]) -> str:
    """Return a line through the points, as an SVG path."""
    return " ".join(f"{'L' if place else 'M'}{x:g} {y:g}" for place, (x, y) in enumerate(points))


def _plain(value: float) -> str:
    return str(Decimal(repr(value)))
