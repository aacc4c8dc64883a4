"""Monitors: production metrics that are watched after a promotion."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.fields import Duration, ItemName, MetricName, Number, Tolerance, Value, cel
from modelalias.api.gates import Direction, Mode


class OnBreach(StrEnum):
    """What happens if a monitor is breached."""

    ROLLBACK = "Rollback"
    """the operator files a request with operation Rollback."""
    ALERT = "Alert"
    """an event is posted and a condition is set; nothing is moved."""


class PrometheusQuery(Value):
    """A query against a Prometheus of the operator's configuration."""

    server: ItemName = "default"
    """Name of the Prometheus in the operator's configuration, where its address stands."""
    query: Annotated[str, Field(min_length=1, max_length=4096)]
    """A PromQL expression that yields one number. In its string literals $version, $model and $namespace stand
    for the version that is watched, the model, and the namespace of the ModelAlias."""


class ExperimentMetric(Value):
    """A metric that jobs log to an MLflow experiment, such as one that measures drift.

    The newest run counts whose tags `modelalias.model` and `modelalias.version` name the model and the version.
    """

    name: Annotated[str, Field(min_length=1, max_length=250)]
    """Name of the MLflow experiment."""
    metric: MetricName
    """Key of the metric."""


class Regression(Value):
    """How much worse than the version before the metric may be."""

    max_regression: Tolerance
    """The value may be worse by at most this much than the one that was kept of the version before."""
    mode: Mode = Mode.ABSOLUTE
    """Whether the distance is in the unit of the metric or relative to the kept value (0.01 is one percent)."""


class Monitor(Value):
    """A production metric that is watched after a promotion, from Prometheus or from an MLflow experiment."""

    name: ItemName
    """Name of the monitor in statuses and messages; unique in the list."""
    prometheus: PrometheusQuery | None = None
    """Read the number from Prometheus. Excludes experiment."""
    experiment: ExperimentMetric | None = None
    """Read the number from an MLflow experiment. Excludes prometheus."""
    direction: Direction
    """Which way the metric improves."""
    threshold: Number | None = None
    """The value must stay at least this (HigherIsBetter) or at most this (LowerIsBetter)."""
    champion: Regression | None = None
    """Compare with the value that was kept of the version before, when it was replaced. Passes where none was kept."""
    interval: Duration = "60s"
    """How often the number is read; at least 5s."""
    grace: Duration = "5m"
    """How long after a move readings are shown and count for nothing; 1s for next to none."""
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 3
    """How many readings in a row beyond the threshold are a breach."""
    on_breach: OnBreach = OnBreach.ROLLBACK
    """What happens after a breach; while the alias is pinned, only an alert."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.prometheus) != has(self.experiment)", "set exactly one of prometheus and experiment"),
            ("has(self.threshold) || has(self.champion)", "set threshold, champion, or both"),
        )
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.prometheus is None) == (self.experiment is None):
            raise ValueError("set exactly one of prometheus and experiment")
        return self

    @model_validator(mode="after")
    def _some_rule(self) -> Self:
        if self.threshold is None and self.champion is None:
            raise ValueError("set threshold, champion, or both")
        return self
