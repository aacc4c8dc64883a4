"""Monitors: production metrics that are watched after a promotion."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.fields import Duration, ItemName, MetricName, Number, Value, cel
from modelalias.api.gates import Direction


class OnBreach(StrEnum):
    """What happens if a monitor is breached."""

    ROLLBACK = "Rollback"
    """the operator files a request with operation Rollback."""
    ALERT = "Alert"
    """an event is posted and a condition is set; nothing is moved."""


class PrometheusQuery(Value):
    """A query against the operator's Prometheus."""

    query: Annotated[str, Field(min_length=1, max_length=4096)]
    """A PromQL expression that yields one number; the address is set in the operator's configuration."""


class ExperimentMetric(Value):
    """A metric that is logged to an MLflow experiment in production."""

    name: Annotated[str, Field(min_length=1, max_length=250)]
    """Name of the MLflow experiment."""
    metric: MetricName
    """Key of the metric."""


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
    threshold: Number
    """The value must stay at least this (HigherIsBetter) or at most this (LowerIsBetter)."""
    interval: Duration = "60s"
    """How often the number is read."""
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 3
    """How many readings in a row beyond the threshold are a breach."""
    on_breach: OnBreach = OnBreach.ROLLBACK
    """What happens after a breach; while the alias is pinned, only an alert."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.prometheus) != has(self.experiment)", "set exactly one of prometheus and experiment")
        )
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.prometheus is None) == (self.experiment is None):
            raise ValueError("set exactly one of prometheus and experiment")
        return self
