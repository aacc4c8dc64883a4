"""A fitted model as the numbers that it learned, and what they predict: NumPy is all that it needs.

Steps make features of features, the last ones are weighed and summed up, and a link makes predictions of the sums.
Linear and logistic regressions behind scikit-learn's usual preprocessing are that; `weights_of.py` writes them so.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

FORMAT = 1

Floats = NDArray[np.float64]


class UnreadableWeightsError(ValueError):
    """The text is no model of this format."""


class Step(Protocol):
    """Makes the columns that the next step reads."""

    kind: ClassVar[str]

    def apply(self, rows: Floats) -> Floats:
        """Return one row for each row."""

    def content(self) -> Mapping[str, Any]:
        """Return what `read_step` reads."""


@dataclass(frozen=True, eq=False)
class Standardize:
    """Subtract a mean from each column, and divide it by a scale."""

    kind: ClassVar[str] = "standardize"
    mean: Floats
    scale: Floats

    def apply(self, rows: Floats) -> Floats:
        """Return the columns with the same spread."""
        if not rows.shape[1] == len(self.mean) == len(self.scale):
            raise ValueError(f"{rows.shape[1]} columns, {len(self.mean)} means and {len(self.scale)} scales")
        return (rows - self.mean) / self.scale

    def content(self) -> Mapping[str, Any]:
        """Return what `read_step` reads."""
        return {"kind": self.kind, "mean": self.mean.tolist(), "scale": self.scale.tolist()}


@dataclass(frozen=True)
class Multiply:
    """Multiply columns with each other: `(0, 0)` is the first column's square."""

    kind: ClassVar[str] = "multiply"
    products: tuple[tuple[int, ...], ...]

    def apply(self, rows: Floats) -> Floats:
        """Return a column for each product."""
        return np.stack([rows[:, list(columns)].prod(axis=1) for columns in self.products], axis=1)

    def content(self) -> Mapping[str, Any]:
        """Return what `read_step` reads."""
        return {"kind": self.kind, "products": self.products}


@dataclass(frozen=True, eq=False)
class Indicate:
    """Say with 1 or 0 of each known value of a column whether the row has it; a value that is not known has no 1."""

    kind: ClassVar[str] = "indicate"
    values: tuple[Floats, ...]
    """The known ones, for each column."""

    def apply(self, rows: Floats) -> Floats:
        """Return a column for each known value."""
        known = [rows[:, [place]] == values for place, values in enumerate(self.values)]
        return np.hstack(known).astype(float)

    def content(self) -> Mapping[str, Any]:
        """Return what `read_step` reads."""
        return {"kind": self.kind, "values": [values.tolist() for values in self.values]}


@dataclass(frozen=True)
class Part:
    """Some columns, and the steps that are theirs."""

    columns: tuple[int, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Divide:
    """Send columns different ways, and put what comes of them beside each other."""

    kind: ClassVar[str] = "divide"
    parts: tuple[Part, ...]

    def apply(self, rows: Floats) -> Floats:
        """Return the columns of all parts."""
        return np.hstack([_through(part.steps, rows[:, list(part.columns)]) for part in self.parts])

    def content(self) -> Mapping[str, Any]:
        """Return what `read_step` reads."""
        parts = [
            {"columns": part.columns, "steps": [step.content() for step in part.steps]} for part in self.parts
        ]
        return {"kind": self.kind, "parts": parts}


class Link(StrEnum):
    """What makes predictions of sums."""

    AMOUNT = "amount"
    """The sum is the prediction."""
    EXPONENTIAL = "exponential"
    """The sum is the prediction's logarithm."""
    LOGISTIC = "logistic"
    """The sum is the logarithm of the odds of the second of two classes; predicted are the probabilities of both."""
    SOFTMAX = "softmax"
    """Each class has a sum, and is the likelier the larger it is; predicted are the probabilities of all."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A fitted model: the same numbers as its estimator, without it."""

    features: tuple[str, ...]
    """The columns of the rows, in this order."""
    steps: tuple[Step, ...]
    coefficients: Floats
    """A row for each sum, a column for each column that the last step makes."""
    intercepts: Floats
    """One for each sum."""
    link: Link

    def __post_init__(self) -> None:
        """Refuse a number of sums that the link makes nothing of."""
        sums = len(self.coefficients)
        if self.intercepts.shape != (sums,) or (sums > 1) != (self.link is Link.SOFTMAX):
            raise ValueError(f"{sums} sums, {self.intercepts.shape} intercepts and the link {self.link}")

    def predict(self, rows: Floats) -> Floats:
        """Return a prediction for each row: an amount, or one probability for each class.

        Raises:
            ValueError: the rows do not have these columns, or hold something other than finite numbers.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self.features):  # noqa: PLR2004 - rows and columns
            raise ValueError(f"rows of the shape {rows.shape}, and {len(self.features)} columns are wanted")
        if not np.isfinite(rows).all():
            raise ValueError("a value is missing or not finite")
        sums = _through(self.steps, rows) @ self.coefficients.T + self.intercepts
        return _LINKS[self.link](sums)

    def text(self) -> str:
        """Write it as JSON, each number so that the same one is read."""
        content = {
            "format": FORMAT,
            "features": self.features,
            "steps": [step.content() for step in self.steps],
            "coefficients": self.coefficients.tolist(),
            "intercepts": self.intercepts.tolist(),
            "link": self.link,
        }
        return json.dumps(content)

    @classmethod
    def read(cls, text: bytes | str) -> Self:
        """Read what `text` writes, and predict a row once, so that a wrong number of weights shows at once.

        Raises:
            UnreadableWeightsError: it is something else.
        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise UnreadableWeightsError(f"weights of the format {content['format']!r}")
            weights = cls(
                features=tuple(map(str, content["features"])),
                steps=_steps(content["steps"]),
                coefficients=_floats(content["coefficients"]),
                intercepts=_floats(content["intercepts"]),
                link=Link(content["link"]),
            )
            weights.predict(np.zeros((1, len(weights.features))))
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise UnreadableWeightsError(f"no weights of a model: {error}") from error
        return weights


def read_step(content: Mapping[str, Any]) -> Step:
    """Read one step.

    Raises:
        ValueError, TypeError, LookupError: it is none.
    """
    match content["kind"]:
        case Standardize.kind:
            return Standardize(_floats(content["mean"]), _floats(content["scale"]))
        case Multiply.kind:
            return Multiply(tuple(tuple(map(int, columns)) for columns in content["products"]))
        case Indicate.kind:
            return Indicate(tuple(map(_floats, content["values"])))
        case Divide.kind:
            parts = content["parts"]
            return Divide(
                tuple(Part(tuple(map(int, part["columns"])), _steps(part["steps"])) for part in parts)
            )
        case other:
            raise ValueError(f"a step of the kind {other!r}")


def _steps(contents: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(map(read_step, contents))


def _floats(numbers: Any) -> Floats:
    floats = np.asarray(numbers, dtype=float)
    if not np.isfinite(floats).all():
        raise ValueError("a number is missing or not finite")
    return floats


def _through(steps: Sequence[Step], rows: Floats) -> Floats:
    for step in steps:
        rows = step.apply(rows)
    return rows


def _amount(sums: Floats) -> Floats:
    amounts: Floats = sums[:, 0]
    return amounts


def _exponential(sums: Floats) -> Floats:
    amounts: Floats = np.exp(sums[:, 0])
    return amounts


def _logistic(sums: Floats) -> Floats:
    second = np.exp(-np.logaddexp(0, -sums[:, 0]))
    return np.column_stack([1 - second, second])


def _softmax(sums: Floats) -> Floats:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


_LINKS = {
    Link.AMOUNT: _amount,
    Link.EXPONENTIAL: _exponential,
    Link.LOGISTIC: _logistic,
    Link.SOFTMAX: _softmax,
}
