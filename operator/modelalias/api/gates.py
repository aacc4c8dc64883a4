"""Gates: rules on a candidate's metrics, with a threshold or compared with the champion's."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.fields import ItemName, MetricName, Number, Tolerance, Value, cel, each_once, list_map


class Direction(StrEnum):
    """Which way a metric improves."""

    HIGHER = "HigherIsBetter"
    LOWER = "LowerIsBetter"


class Mode(StrEnum):
    """Whether the distance to the champion is absolute or relative to the champion's value."""

    ABSOLUTE = "Absolute"
    RELATIVE = "Relative"


class MetricSource(StrEnum):
    """Where a gate's numbers come from."""

    RUN = "Run"
    """the run that produced the version."""
    LOGGED_MODEL = "LoggedModel"
    """the logged model that the version was registered from, as far as the run that made it, or the
    evaluation's run, has the same value."""
    EVALUATION = "Evaluation"
    """the runs of the Jobs of policy.evaluation; both must have logged the same dataset."""


class DatasetRule(StrEnum):
    """Whether candidate and champion must have been measured on the same data."""

    ANY = "Any"
    """the datasets are not compared."""
    SAME = "SameAsChampion"
    """names and digests of the datasets must be equal, and their numbers of rows where both are known;
    Inconclusive if they differ or a digest is unknown."""


class OnNoChampion(StrEnum):
    """The result of a gate with champion while no version was ever accepted."""

    PASS = "Pass"  # noqa: S105 - a result, not a password
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class OnMissing(StrEnum):
    """The result of a gate whose metric is missing or not finite for the candidate."""

    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class Enforcement(StrEnum):
    """Whether a gate that does not pass stops the promotion."""

    BLOCK = "Block"
    """the request is Rejected."""
    ADVISE = "Advise"
    """the result is recorded and stops nothing."""


class Versus(Value):
    """How the candidate must compare with the champion; exactly the required distance passes."""

    min_improvement: Tolerance | None = None
    """The candidate must be better than the champion by at least this much; not negative. Excludes
    maxRegression."""
    max_regression: Tolerance | None = None
    """The candidate may be worse than the champion by at most this much; not negative. Excludes
    minImprovement."""
    mode: Mode = Mode.ABSOLUTE
    """Whether the distance is in the unit of the metric or relative to the champion's value (0.01 is one
    percent)."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "has(self.minImprovement) != has(self.maxRegression)",
                "set exactly one of minImprovement and maxRegression",
            )
        )
    )

    @model_validator(mode="after")
    def _one_distance(self) -> Self:
        if (self.min_improvement is None) == (self.max_regression is None):
            raise ValueError("set exactly one of minImprovement and maxRegression")
        return self


class Gate(Value):
    """A rule on one metric: a threshold, or a comparison with the champion."""

    name: ItemName
    """Name of the gate in statuses and messages; unique in the list."""
    metric: MetricName
    """Key of the metric in MLflow."""
    direction: Direction
    """Which way the metric improves. Required, because a wrong guess would promote the worse model."""
    threshold: Number | None = None
    """The value must be at least this (HigherIsBetter) or at most this (LowerIsBetter). Excludes champion."""
    champion: Versus | None = None
    """Compare with the version that the ModelAlias accepted last, whatever the registry names. Excludes
    threshold."""
    metric_from: MetricSource = MetricSource.RUN
    """Where the values come from."""
    dataset: DatasetRule = DatasetRule.ANY
    """Whether candidate and champion must have been measured on the same data."""
    on_no_champion: OnNoChampion = OnNoChampion.PASS
    """Result of a gate with champion while the ModelAlias has not accepted any version."""
    on_missing: OnMissing = OnMissing.FAIL
    """Result if the candidate's value is missing, NaN or infinite; such a value never passes. If the champion's
    is, the gate is Inconclusive."""
    enforcement: Enforcement = Enforcement.BLOCK
    """What happens if the gate does not pass."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.threshold) != has(self.champion)", "set exactly one of threshold and champion")
        )
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.threshold is None) == (self.champion is None):
            raise ValueError("set exactly one of threshold and champion")
        return self


Gates = Annotated[
    tuple[Gate, ...],
    Field(max_length=32, json_schema_extra=list_map("name")),
    each_once("name"),
]
