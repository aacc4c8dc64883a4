"""Monitors: live metrics that are watched after a promotion."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.fields import Duration, ItemName, MetricName, Number, Value, cel
from modelalias.api.gates import Direction


class OnBreach(StrEnum):
    """What a breached monitor leads to."""

    ROLLBACK = "Rollback"
    """the operator files a request with operation Rollback."""
    ALERT = "Alert"
    """an event and a condition, nothing moves."""


class PrometheusQuery(Value):
    """A query against the operator's Prometheus."""

    query: Annotated[str, Field(min_length=1, max_length=4096)]
    """A PromQL expression with one number as its answer; the address is the operator's."""


class ExperimentMetric(Value):
    """A metric that a live experiment of the registry logs."""

    name: Annotated[str, Field(min_length=1, max_length=250)]
    """Name of the MLflow experiment."""
    metric: MetricName
    """Key of the metric."""


class Monitor(Value):
    """A live metric watched after a promotion, from Prometheus or from an experiment."""

    name: ItemName
    """Name of the monitor, used in status and messages; each name once."""
    prometheus: PrometheusQuery | None = None
    """Read the number from Prometheus. Excludes experiment."""
    experiment: ExperimentMetric | None = None
    """Read the number from an MLflow experiment. Excludes prometheus."""
    direction: Direction
    """Which way the metric improves."""
    threshold: Number
    """The bar that the metric has to keep."""
    interval: Duration = "60s"
    """How often the number is read."""
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 3
    """Readings in a row beyond the bar that make a breach."""
    on_breach: OnBreach = OnBreach.ROLLBACK
    """What a breach leads to; while the alias is pinned it only alerts."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.prometheus) != has(self.experiment)", "exactly one of prometheus and experiment")
        )
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.prometheus is None) == (self.experiment is None):
            raise ValueError("exactly one of prometheus and experiment")
        return self
