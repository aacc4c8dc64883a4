"""What was measured of one version, and which numbers of two versions may be compared.

A reading is a metric's value with the datasets that it belongs to. A run gives one reading of a metric; a
logged model one for each dataset. Where a gate wants both sides measured on the same data, the digests that
MLflow recorded decide.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from modelalias.api.fields import Value
from modelalias.api.gates import DatasetRule
from modelalias.ports import Dataset, Measurement, Run


class Reading(Value):
    """A value and the datasets that it was measured on; None where there is none, with the reason in `note`."""

    value: Annotated[Decimal, Field(allow_inf_nan=True)] | None = None
    datasets: tuple[Dataset, ...] = ()
    """Empty: not known."""
    note: str = ""
    unclear: bool = False
    """Whether it cannot be judged at all, so that not even its absence counts as a failure."""

    @property
    def is_known(self) -> bool:
        """Return whether the data is known: there is some, and all of it has a digest."""
        return bool(self.datasets) and all(item.digest for item in self.datasets)

    def is_on_the_data_of(self, other: "Reading") -> bool:
        """Return whether both were measured on the same data, as far as anybody has written it down.

        A digest covers the first rows alone, so that names must be equal too, and the numbers of rows where both
        are known. A schema says how the data was read, and is not compared.
        """
        if not self.is_known or not other.is_known:
            return False
        mine, others = _rows(self.datasets), _rows(other.datasets)
        return mine.keys() == others.keys() and all(
            not mine[key] or not others[key] or mine[key] == others[key] for key in mine
        )


Readings = tuple[Reading, ...]
"""At least one; several where a metric was measured on several datasets."""


class Pair(Value):
    """The two numbers that a gate looks at; `problem` says why they cannot be compared."""

    candidate: Reading
    champion: Reading | None
    problem: str = ""


def of_run(run: Run, metric: str) -> Readings:
    """Read a metric of a run; the data is what the run names as inputs, apart from what it learned from.

    A run that names only what it trained on was measured on that.
    """
    measured = tuple(item for item in run.datasets if not item.is_training) or run.datasets
    return (Reading(value=run.metrics.get(metric), datasets=measured),)


def of_logged_model(measurements: Iterable[Measurement], metric: str) -> Readings:
    """Read a metric of a logged model, once for each dataset."""
    readings = tuple(
        Reading(value=item.value, datasets=() if item.dataset is None else (item.dataset,))
        for item in measurements
        if item.key == metric
    )
    return readings or (Reading(),)


def missing(note: str, *, unclear: bool = False) -> Readings:
    """Say that there is nothing to read, and why."""
    return (Reading(note=note, unclear=unclear),)


def pair(candidate: Readings, champion: Readings | None, rule: DatasetRule) -> Pair:
    """Choose the readings to compare; `champion` is None where there is none or it does not matter.

    The order of the readings does not matter. A side of which none can be chosen is told by the first in the
    order of the datasets' names, and is unclear.
    """
    if rule is DatasetRule.SAME and champion is not None:
        return _on_same_data(candidate, champion)
    problem = _several(candidate, "candidate") or ("" if champion is None else _several(champion, "champion"))
    return Pair(
        candidate=_representative(candidate, problem),
        champion=None if champion is None else _representative(champion, problem),
        problem=problem,
    )


def _on_same_data(candidate: Readings, champion: Readings) -> Pair:
    shared = [(one, other) for one in candidate for other in champion if one.is_on_the_data_of(other)]
    if len(shared) == 1:
        return Pair(candidate=shared[0][0], champion=shared[0][1])
    problem = _note(candidate) or _note(champion) or _not_the_same(candidate, champion, shared)
    return Pair(
        candidate=_representative(candidate, problem),
        champion=_representative(champion, problem),
        problem=problem,
    )


def _not_the_same(candidate: Readings, champion: Readings, shared: Iterable[tuple[Reading, Reading]]) -> str:
    several = {named(item.datasets) for both in shared for item in both}
    if several:
        return f"both were measured on several datasets ({', '.join(sorted(several))})"
    unknown = [
        name
        for name, side in (("candidate", candidate), ("champion", champion))
        if not any(it.is_known for it in side)
    ]
    if unknown:
        return f"the dataset of the {' and of the '.join(unknown)} is not known"
    mine, others = (sorted({described(item.datasets) for item in side}) for side in (candidate, champion))
    return f"not measured on the same data: the candidate on {', '.join(mine)}, the champion on {', '.join(others)}"


def _representative(readings: Readings, problem: str) -> Reading:
    first = min(readings, key=lambda item: (named(item.datasets), str(item.value)))
    return first if len(readings) == 1 else first.changed(note=problem, unclear=True)


def _note(readings: Readings) -> str:
    return min((item.note for item in readings if item.note), default="")


def _several(readings: Readings, side: str) -> str:
    return f"the {side} was measured on several datasets ({_all(readings)})" if len(readings) > 1 else ""


def _all(readings: Readings) -> str:
    return ", ".join(sorted({named(item.datasets) or "an unknown one" for item in readings}))


def _rows(datasets: Iterable[Dataset]) -> Mapping[tuple[str, str], frozenset[int]]:
    """Return what is known of the number of rows, for each name and digest."""
    known: dict[tuple[str, str], frozenset[int]] = {}
    for item in datasets:
        rows = frozenset() if item.rows is None else frozenset({item.rows})
        known[item.name, item.digest] = known.get((item.name, item.digest), frozenset()) | rows
    return known


def described(datasets: Sequence[Dataset]) -> str:
    """Name datasets with their numbers of rows, where those are known."""
    parts = (named((item,)) + ("" if item.rows is None else f" ({item.rows} rows)") for item in datasets)
    return ", ".join(sorted(set(parts))) or "an unknown one"


def named(datasets: Sequence[Dataset]) -> str:
    """Name datasets as `holdout@9f3c`, or as `holdout` where the digest is not known."""
    return ", ".join(
        sorted({f"{item.name}@{item.digest}" if item.digest else item.name for item in datasets})
    )


Readable = Mapping[str, Readings]
"""Gate name to readings of one side."""
