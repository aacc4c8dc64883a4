"""Metrics whose samples are kept as ready-made lines of Prometheus' text format.

With an object of the library for each sample, 10,000 ModelAliases would take half a second of each scrape, in which the
event loop stands still; joining lines that are there already takes a hundredth of that.
"""

from collections.abc import Hashable, Iterable, Sequence
from enum import StrEnum

from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]
Sample = tuple[Labels, float]
"""The values of the labels, in the order of their names, and the number."""


class MetricType(StrEnum):
    """The types that such a metric can have."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Family:
    """One metric; whatever has samples in it is an owner, and all samples of an owner change together."""

    def __init__(self, name: str, kind: MetricType, help_text: str, *labels: str) -> None:
        self.name, self.kind, self.labels = name, kind, labels
        self._head = f"# HELP {name} {_escaped_help(help_text)}\n# TYPE {name} {kind}\n"
        self._lines: dict[Hashable, str] = {}

    def put(self, owner: Hashable, samples: Iterable[Sample]) -> None:
        """Replace the samples of an owner."""
        text = "".join(self._line(*sample) for sample in samples)
        if text:
            self._lines[owner] = text
        else:
            self._lines.pop(owner, None)

    def drop(self, owner: Hashable) -> None:
        """Take an owner's samples away."""
        self._lines.pop(owner, None)

    def text(self) -> str:
        """Return the whole metric."""
        return self._head + "".join(self._lines.values())

    def _line(self, values: Labels, number: float) -> str:
        pairs = ",".join(
            f'{name}="{escaped(value)}"' for name, value in zip(self.labels, values, strict=True)
        )
        shown = floatToGoString(number)  # type: ignore[no-untyped-call]  # its library's
        return f"{self.name}{{{pairs}}} {shown}\n"


class Counters(Family):
    """A counter with many label sets, each its own owner."""

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        super().__init__(name, MetricType.COUNTER, help_text, *labels)
        self._counts: dict[Labels, int] = {}

    def begin(self, sets: Iterable[Labels]) -> None:
        """Show these label sets at 0: what appears with 1 has not increased for Prometheus."""
        for values in sets:
            if values not in self._counts:
                self._set(values, 0)

    def count(self, values: Labels) -> None:
        """Count one more."""
        self._set(values, self._counts.get(values, 0) + 1)

    def _set(self, values: Labels, number: int) -> None:
        self._counts[values] = number
        self.put(values, [(values, number)])


def texts(families: Sequence[Family]) -> str:
    """Return all of these metrics."""
    return "".join(family.text() for family in families)


def escaped(value: str) -> str:
    """Return a label's value as the text format has it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
