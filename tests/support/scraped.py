"""A page of metrics, read as Prometheus reads it."""

from collections.abc import Mapping
from typing import Any, cast

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from modelalias.adapters.prometheus_telemetry import PrometheusTelemetry

_PARTS = ("_bucket", "_count", "_sum")


class Page:
    """What one scrape showed."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = cast("Any", text_string_to_metric_families)(text)
        self._families: list[Metric] = list(families)

    @classmethod
    def of(cls, telemetry: PrometheusTelemetry, *, leads: bool = True) -> "Page":
        return cls(telemetry.collected(leads=leads)().decode())

    def value(self, name: str, **labels: str) -> float | None:
        """Return the sample that has exactly these labels, or None."""
        return self.series(name).get(tuple(sorted(labels.items())))

    def series(self, name: str) -> Mapping[tuple[tuple[str, str], ...], float]:
        """Return all samples of that name by their labels."""
        samples = [sample for family in self._families for sample in family.samples if sample.name == name]
        found = {tuple(sorted(sample.labels.items())): sample.value for sample in samples}
        assert len(found) == len(samples), f"{name} has the same labels twice"
        return found

    def ours(self) -> Mapping[str, tuple[str, frozenset[str]]]:
        """Return type and labels of each metric of ours that has a sample."""
        return {name: found for name, found in self.metrics().items() if name.startswith("modelalias_")}

    def metrics(self) -> Mapping[str, tuple[str, frozenset[str]]]:
        """Return type and labels of each metric that has a sample; a counter's name is that of its samples."""
        metrics: dict[str, tuple[str, frozenset[str]]] = {}
        for family in self._families:
            total = family.name + ("_total" if family.type == "counter" else "")
            for sample in family.samples:
                labels = frozenset(sample.labels) - {"le"}
                assert metrics.setdefault(total, (family.type, labels)) == (family.type, labels), total
        return metrics

    def label_values(self) -> set[str]:
        """Return every value of every label of ours."""
        ours = [family for family in self._families if family.name.startswith("modelalias_")]
        return {value for family in ours for sample in family.samples for value in sample.labels.values()}
