"""Gates: rules on the metrics of a candidate, on their own or against the champion's."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.fields import ItemName, MetricName, Number, Tolerance, Value, cel, each_once, list_map


class Direction(StrEnum):
    """Which way a metric improves."""

    HIGHER = "HigherIsBetter"
    LOWER = "LowerIsBetter"


class Mode(StrEnum):
    """Whether a distance to the champion is absolute or a share of the champion's value."""

    ABSOLUTE = "Absolute"
    RELATIVE = "Relative"


class MetricSource(StrEnum):
    """Where a gate's numbers come from."""

    RUN = "Run"
    """the run that made the version."""
    LOGGED_MODEL = "LoggedModel"
    """the logged model that the version was made from, where the run that logged it agrees."""
    EVALUATION = "Evaluation"
    """the runs of the evaluation Jobs of policy.evaluation; both sides must have logged the same dataset."""


class DatasetRule(StrEnum):
    """Which data the two sides must have been measured on."""

    ANY = "Any"
    """not compared."""
    SAME = "SameAsChampion"
    """the digests must be equal; Inconclusive when they differ or one is unknown."""


class OnNoChampion(StrEnum):
    """The result of a champion gate while the alias holds no version."""

    PASS = "Pass"  # noqa: S105 - a result, not a password
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class OnMissing(StrEnum):
    """The result of a gate whose metric is missing or not finite."""

    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class Enforcement(StrEnum):
    """Whether a gate that does not pass stops the promotion."""

    BLOCK = "Block"
    """the request is Rejected."""
    ADVISE = "Advise"
    """the finding is recorded and nothing is stopped."""


class Versus(Value):
    """The distance to the champion that a candidate must keep; a candidate that keeps it exactly passes."""

    min_improvement: Tolerance | None = None
    """Least improvement over the champion, not negative. Excludes maxRegression."""
    max_regression: Tolerance | None = None
    """Most that the candidate may be worse than the champion, not negative. Excludes minImprovement."""
    mode: Mode = Mode.ABSOLUTE
    """Whether the distance is in the metric's unit or a share of the champion's value (0.01 is one percent)."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "has(self.minImprovement) != has(self.maxRegression)",
                "exactly one of minImprovement and maxRegression",
            )
        )
    )

    @model_validator(mode="after")
    def _one_distance(self) -> Self:
        if (self.min_improvement is None) == (self.max_regression is None):
            raise ValueError("exactly one of minImprovement and maxRegression")
        return self


class Gate(Value):
    """A rule on one metric: a bar of its own (threshold) or a distance to the champion."""

    name: ItemName
    """Name of the gate, used in status and messages; each name once."""
    metric: MetricName
    """Key of the metric in MLflow."""
    direction: Direction
    """Which way the metric improves. Required: a wrong guess would promote the worse model."""
    threshold: Number | None = None
    """The bar: at least this (HigherIsBetter), at most this (LowerIsBetter). A finite number. Excludes
    champion."""
    champion: Versus | None = None
    """Compare with the version that the alias holds now. Excludes threshold."""
    metric_from: MetricSource = MetricSource.RUN
    """Where the numbers come from."""
    dataset: DatasetRule = DatasetRule.ANY
    """Which data both sides must have been measured on."""
    on_no_champion: OnNoChampion = OnNoChampion.PASS
    """Result of a champion gate while the alias holds no version."""
    on_missing: OnMissing = OnMissing.FAIL
    """Result when a metric is missing, NaN or infinite; such a metric never passes."""
    enforcement: Enforcement = Enforcement.BLOCK
    """What a gate that does not pass leads to."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.threshold) != has(self.champion)", "exactly one of threshold and champion")
        )
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.threshold is None) == (self.champion is None):
            raise ValueError("exactly one of threshold and champion")
        return self


Gates = Annotated[
    tuple[Gate, ...],
    Field(max_length=32, json_schema_extra=list_map("name")),
    each_once("name"),
]
